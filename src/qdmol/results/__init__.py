"""Results on disk and in words: atomic files, NetCDF with units, versions, sentences.

In come labelled arrays or the JSON object of a solution; out come files that are either whole or absent, and text.
No physics here beyond quoting it; everything is in nm, eV (meV where the name says so), K.

>>> from qdmol.results import format_measured
>>> format_measured(0.17767, 0.00001, "eV").replace(chr(160), " ")
'0.177670 ± 0.000010 eV'
"""

from qdmol.results.files import atomic_path, make_folder, write_bytes_atomic, write_text_atomic
from qdmol.results.inputs import open_input, read_input
from qdmol.results.netcdf import write_netcdf
from qdmol.results.numbers import (
    decimals_for,
    format_error,
    format_measured,
    format_number,
    wavelength_nm,
    wavelength_shift_nm,
)
from qdmol.results.summary import (
    lower_level_share,
    state_name,
    summary_html,
    summary_sentences,
    thermal_energy_mev,
)
from qdmol.results.texts import printable
from qdmol.results.versions import provenance

__all__ = [
    "atomic_path",
    "decimals_for",
    "format_error",
    "format_measured",
    "format_number",
    "lower_level_share",
    "make_folder",
    "open_input",
    "printable",
    "provenance",
    "read_input",
    "state_name",
    "summary_html",
    "summary_sentences",
    "thermal_energy_mev",
    "wavelength_nm",
    "wavelength_shift_nm",
    "write_bytes_atomic",
    "write_netcdf",
    "write_text_atomic",
]
