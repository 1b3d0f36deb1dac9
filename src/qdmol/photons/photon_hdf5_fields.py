"""Names and descriptions of the fields of Photon-HDF5 0.5 that are written here.

The format asks for these descriptions word for word (A. Ingargiola et al., Biophys. J. 110, 26 (2016),
doi:10.1016/j.bpj.2015.11.013, and the reference documentation of version 0.5 at photon-hdf5.readthedocs.io).
"""

__all__ = ["DESCRIPTIONS", "FORMAT_URL", "VERSION"]

VERSION = "0.5"
FORMAT_URL = "http://photon-hdf5.org/"

_DATA = "/photon_data"
_SPECS = "/photon_data/measurement_specs"

DESCRIPTIONS = {
    "/": "A file format for photon-counting detector based single-molecule spectroscopy experiments.",
    "/acquisition_duration": "Measurement duration in seconds.",
    "/description": "A user-defined comment describing the data file.",
    "/format_name": "Name of the file format.",
    "/format_version": "Version for the Photon-HDF5 format.",
    _DATA: "Group containing arrays of photon-data.",
    f"{_DATA}/timestamps": "Array of photon timestamps. Units specified in timestamps_units "
    "(defined in timestamps_specs/).",
    f"{_DATA}/detectors": "Array of pixel IDs for each timestamp.",
    f"{_DATA}/nanotimes": "TCSPC photon arrival time (nanotimes). Units and other specifications are in "
    "nanotimes_specs group.",
    f"{_DATA}/timestamps_specs": "Specifications for timestamps.",
    f"{_DATA}/timestamps_specs/timestamps_unit": "Value of 1-unit timestamp-increment in seconds.",
    f"{_DATA}/nanotimes_specs": "Group for nanotime-specific data.",
    f"{_DATA}/nanotimes_specs/tcspc_unit": "Value of 1-unit nanotime-increment in seconds (TCSPC bin size).",
    f"{_DATA}/nanotimes_specs/tcspc_num_bins": "Number of TCSPC bins.",
    f"{_DATA}/nanotimes_specs/tcspc_range": "TCSPC full-scale range in seconds.",
    _SPECS: "Metadata necessary for interpretation of the particular type of measurement.",
    f"{_SPECS}/measurement_type": "Name of the measurement the data represents.",
    f"{_SPECS}/laser_repetition_rate": "Repetition rate of the pulsed excitation laser (in Hertz).",
    f"{_SPECS}/detectors_specs": "Mapping between the pixel IDs and the detection channels.",
    f"{_SPECS}/detectors_specs/spectral_ch1": "Pixel IDs for the first spectral channel (i.e. donor in a 2-color "
    "smFRET measurement).",
    "/setup": "Information about the experimental setup.",
    "/setup/num_pixels": "Total number of detector pixels.",
    "/setup/num_spots": 'Number of excitation (or detection) "spots" in the sample.',
    "/setup/num_spectral_ch": "Number of distinct spectral bands which are acquired.",
    "/setup/num_polarization_ch": "Number of distinct polarization states which are acquired.",
    "/setup/num_split_ch": "Number of distinct detection channels detecting the same spectral band and polarization. "
    "This value is > 1 when using a non-polarizing beam splitter.",
    "/setup/modulated_excitation": "True (i.e. 1) if there is any form of excitation modulation of excitation "
    "wavelength (as in us-ALEX or PAX) or polarization. This field is also True for pulse-interleaved excitation (PIE) "
    "or ns-ALEX measurements.",
    "/setup/excitation_alternated": "New in version 0.5. Indicates whether each excitation source is alternated (True, "
    "or 1) or not alternated (False, or 0).",
    "/setup/excitation_cw": "For each excitation source, this field indicates whether excitation is continuous wave "
    "(CW), True (i.e. 1), or pulsed, False (i.e. 0).",
    "/setup/laser_repetition_rates": "Repetition rates in Hz for each laser. CW lasers have a value of 0.",
    "/setup/lifetime": "True (i.e. 1) if the measurement includes a nanotimes array of photon arrival times with "
    "respect to a laser pulse (as in TCSPC measurements).",
    "/setup/detectors": "Metadata relative to each detector's pixel. Each field is an array with size equal to the "
    "number of the detectors.",
    "/setup/detectors/id": "Detector IDs as they appear on /photon_data/detectors.",
    "/setup/detectors/counts": "Total number of counts detected by each detector.",
    "/identity": "Information about the Photon-HDF5 data file.",
    "/identity/filename": "Original file name of the current Photon-HDF5 file (i.e. file name at creation time).",
    "/identity/creation_time": "Creation time of the current Photon-HDF5 file.",
    "/identity/software": "Name of the software used to create the current Photon-HDF5 file.",
    "/identity/software_version": "Version of the software used to create current the Photon-HDF5 file.",
    "/identity/format_name": "Name of the file format.",
    "/identity/format_version": "Version for the Photon-HDF5 format.",
    "/identity/format_url": "Official URL for the Photon-HDF5 format.",
    "/provenance": "Information about the original data file.",
    "/provenance/filename": "File name of the original data file before conversion to Photon-HDF5.",
    "/provenance/filename_full": "File name (with full path) of the original data file before conversion to "
    "Photon-HDF5.",
    "/provenance/creation_time": "Creation time of the original data file.",
    "/provenance/software": "Software used to save the original data file.",
}
