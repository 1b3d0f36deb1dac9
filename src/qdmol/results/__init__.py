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
    NO_VALUE,
    decimals_for,
    format_change,
    format_error,
    format_measured,
    format_number,
    is_significant,
    wavelength_nm,
    wavelength_shift_nm,
)
from qdmol.results.overwriting import refuse_overwriting
from qdmol.results.summary import (
    binding_text,
    complex_binding_text,
    lower_level_share,
    state_name,
    summary_html,
    summary_sentences,
    thermal_energy_mev,
)
from qdmol.results.texts import printable
from qdmol.results.versions import provenance

__all__ = [
    "NO_VALUE",
    "atomic_path",
    "binding_text",
    "complex_binding_text",
    "decimals_for",
    "format_change",
    "format_error",
    "format_measured",
    "format_number",
    "is_significant",
    "lower_level_share",
    "make_folder",
    "open_input",
    "printable",
    "provenance",
    "read_input",
    "refuse_overwriting",
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
