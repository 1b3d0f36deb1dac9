"""A stream as a Photon-HDF5 file, chunk by chunk.

Names and descriptions of the fields of Photon-HDF5 0.5 that are written here.

The format asks for these descriptions word for word (A. Ingargiola et al., Biophys. J. 110, 26 (2016),
doi:10.1016/j.bpj.2015.11.013, and the reference documentation of version 0.5 at photon-hdf5.readthedocs.io).
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from qdmol.errors import DataError
from qdmol.files import atomic_path
from qdmol.photons.stream import PhotonStream, Records
from qdmol.results import provenance

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


# The format leaves /user to programs; ours holds what it has no field for.
OWN = "/user/qdmol"
CHUNK = 1 << 16
# HDF5 calls back for every piece it writes; pieces are gathered up to this size.
BUFFER = 1 << 20
AS_TEXT = {"CLASS": "ARRAY", "FLAVOR": "python", "VERSION": "2.4"}


class _Target(io.RawIOBase):
    """The file that HDF5 writes into: a failed write is kept and hidden from the library.

    HDF5 ends the process when it cannot write what it still holds at the end, as on a full disk. Here it is told that
    every write went well; :meth:`check` raises what went wrong.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = io.BufferedRandom(io.FileIO(path, "r+"), BUFFER)
        self._failure: OSError | None = None

    def check(self) -> None:
        """Raise the first failure, if there was one."""
        if self._failure is None:
            self._keep(self._file.flush)
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        if not self.closed:
            self._keep(self._file.close)
        super().close()

    def _keep(self, action: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return action(*arguments)
        except OSError as error:
            self._failure = self._failure or error
            return None

    def write(self, data: Any) -> int:
        if self._failure is None:
            self._keep(self._file.write, data)
        return len(data)

    def readinto(self, buffer: Any) -> int:
        if self._failure is None:
            self._keep(self._file.readinto, buffer)
        return len(buffer)

    def seek(self, offset: int, whence: int = 0) -> int:
        place = self._keep(self._file.seek, offset, whence)
        return offset if place is None else int(place)

    def tell(self) -> int:
        return self._file.tell()

    def truncate(self, size: int | None = None) -> int:
        if self._failure is None:
            self._keep(self._file.truncate, size)
        return size or 0

    def flush(self) -> None:
        if not self._file.closed and self._failure is None:
            self._keep(self._file.flush)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


@dataclass(slots=True)
class _Tally:
    """What is known only when all photons have gone by."""

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, dtype=np.int64))
    first: int | None = None
    last: int = 0
    longest_delay: int = 0

    def add(self, records: Records) -> None:
        if not len(records):
            return
        self.counts += np.bincount(records.channels, minlength=256)
        self.first = int(records.times[0]) if self.first is None else self.first
        self.last = int(records.times[-1])
        if records.delays is not None:
            self.longest_delay = max(self.longest_delay, int(records.delays.max()))


def _array(file: h5py.File, name: str, dtype: str) -> Any:
    packing = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
    return file.create_dataset(name, shape=(0,), maxshape=(None,), dtype=dtype, chunks=(CHUNK,), **packing)


def _append(dataset: Any, values: NDArray[Any]) -> None:
    if len(values):
        start = dataset.shape[0]
        dataset.resize((start + len(values),))
        dataset[start:] = values


def _write_photons(file: h5py.File, stream: PhotonStream, target: _Target) -> _Tally:
    tally = _Tally()
    arrays = {"times": _array(file, "/photon_data/timestamps", "i8")}
    arrays["channels"] = _array(file, "/photon_data/detectors", "u1")
    if stream.mode == "T3":
        arrays["delays"] = _array(file, "/photon_data/nanotimes", "u4")
    for name, dtype in (("sync_times", "i8"), ("marker_times", "i8"), ("markers", "u1")):
        arrays[name] = _array(file, f"{OWN}/{name}", dtype)
    for records in stream.chunks():
        tally.add(records)
        for name, dataset in arrays.items():
            values = getattr(records, name)
            if values is not None:
                _append(dataset, values)
        target.check()
    return tally


def _write_fields(file: h5py.File, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        # the format wants texts of fixed length, not of UTF-8
        plain = np.bytes_(value.encode("ascii", "replace") or b" ") if isinstance(value, str) else value
        file[name] = plain
        if isinstance(value, str):
            # without these PyTables, the format's own library, gives an array instead of a text
            file[name].attrs.update({key: np.bytes_(mark) for key, mark in AS_TEXT.items()})


def _laser_rate_hz(stream: PhotonStream) -> float | None:
    period = stream.sync_period_ps
    return None if period is None else 1e12 / period


def _photon_specs(stream: PhotonStream, tally: _Tally) -> dict[str, Any]:
    data, specs = "/photon_data", "/photon_data/measurement_specs"
    fields: dict[str, Any] = {
        f"{data}/timestamps_specs/timestamps_unit": stream.time_unit_ps * 1e-12,
        f"{specs}/measurement_type": "generic",
        f"{specs}/detectors_specs/spectral_ch1": np.flatnonzero(tally.counts).astype(np.uint8),
    }
    rate = _laser_rate_hz(stream)
    if rate is not None:
        fields[f"{specs}/laser_repetition_rate"] = rate
    if stream.mode == "T3":
        bins = max(tally.longest_delay + 1, round(stream.time_unit_ps / stream.tick_ps))
        fields |= {
            f"{data}/nanotimes_specs/tcspc_unit": stream.tick_ps * 1e-12,
            f"{data}/nanotimes_specs/tcspc_num_bins": bins,
            f"{data}/nanotimes_specs/tcspc_range": bins * stream.tick_ps * 1e-12,
        }
    return fields


def _setup(stream: PhotonStream, tally: _Tally) -> dict[str, Any]:
    present = np.flatnonzero(tally.counts)
    rate = _laser_rate_hz(stream)
    fields: dict[str, Any] = {
        "/setup/num_pixels": max(len(present), 1),
        "/setup/num_spots": 1,
        "/setup/num_spectral_ch": 1,
        "/setup/num_polarization_ch": 1,
        "/setup/num_split_ch": 1,
        "/setup/modulated_excitation": 0,
        "/setup/excitation_alternated": np.array([0], dtype=np.uint8),
        "/setup/excitation_cw": np.array([rate is None], dtype=np.uint8),
        "/setup/lifetime": int(stream.mode == "T3"),
        "/setup/detectors/id": present.astype(np.uint8),
        "/setup/detectors/counts": tally.counts[present],
    }
    if rate is not None:
        fields["/setup/laser_repetition_rates"] = np.array([rate])
    return fields


def _identity(path: Path) -> dict[str, Any]:
    return {
        "/format_name": "Photon-HDF5",
        "/format_version": VERSION,
        "/identity/format_name": "Photon-HDF5",
        "/identity/format_version": VERSION,
        "/identity/format_url": FORMAT_URL,
        "/identity/filename": path.name,
        "/identity/software": "qdmol",
        "/identity/software_version": provenance()["qdmol"],
        "/identity/creation_time": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S"),
    }


def _provenance(stream: PhotonStream) -> dict[str, Any]:
    origin = stream.provenance
    fields: dict[str, Any] = {}
    if origin.path is not None:
        fields["/provenance/filename"] = Path(origin.path).name
        fields["/provenance/filename_full"] = origin.path
    if origin.created:
        fields["/provenance/creation_time"] = origin.created
    if origin.instrument:
        fields["/provenance/software"] = origin.instrument
    return fields


def _own(stream: PhotonStream) -> dict[str, Any]:
    """What the format has no field for: exact numbers, and what the reader of the original found."""
    origin = stream.provenance
    state = {
        "mode": stream.mode,
        "tick_ps": stream.tick_ps,
        "sync_period_ps": stream.sync_period_ps,
        "stated_photons": stream.stated_photons,
        "stated_duration_s": stream.stated_duration_s,
        "truncated": stream.truncated,
        "unordered": stream.unordered,
        "notes": list(stream.notes),
        "origin": {
            "format": origin.format,
            "record_type": origin.record_type,
            "path": origin.path,
            "instrument": origin.instrument,
            "created": origin.created,
            "comment": origin.comment,
            "header": dict(origin.header),
        },
    }
    return {f"{OWN}/stream": json.dumps(state, default=str)}


def _describe(file: h5py.File) -> None:
    """Give each field the description the format asks for."""
    for name, text in DESCRIPTIONS.items():
        with suppress(KeyError):
            file[name].attrs["TITLE"] = np.bytes_(text)


def write_photon_hdf5(stream: PhotonStream, path: str | os.PathLike[str]) -> Path:
    """Write a stream as Photon-HDF5 0.5 and return the path.

    Times become `timestamps`, channels `detectors`, delays `nanotimes`. Sync pulses, markers and exact ticks, for which
    the format has no field, are under `/user/qdmol`, where `read_photon_hdf5` finds them. The file is whole or absent.

    Parameters
    ----------
    stream
        Photons; they are gone through once.
    path
        The file; an older one is replaced.

    Raises
    ------
    DataError
        The stream contradicts itself: in another format that would no longer be seen.
    OutputError
        The file cannot be written.
    """
    if stream.contradictions:
        raise DataError(f"The stream is not written, since it contradicts itself: {stream.contradictions[0]}")
    target = Path(path)
    with atomic_path(target) as temporary, contextlib.closing(_Target(temporary)) as written:
        with h5py.File(written, "w") as file:
            _write_file(file, stream, target, written)
        written.check()
    return target


def _write_file(file: h5py.File, stream: PhotonStream, target: Path, written: _Target) -> None:
    tally = _write_photons(file, stream, written)
    span = (tally.last - (tally.first or 0)) * stream.time_unit_ps * 1e-12
    fields = {
        "/acquisition_duration": stream.stated_duration_s if stream.stated_duration_s is not None else span,
        "/description": stream.provenance.comment or f"Photons of {stream.provenance.format}",
    }
    fields |= _photon_specs(stream, tally) | _setup(stream, tally) | _identity(target)
    _write_fields(file, fields | _provenance(stream) | _own(stream))
    file.attrs["format_name"] = np.bytes_("Photon-HDF5")
    file.attrs["format_version"] = np.bytes_(VERSION)
    _describe(file)
