"""Results on disk and in words: NetCDF with units, versions, sentences.

In come labelled arrays or the JSON object of a solution; out come files and text.
No physics here beyond quoting it; everything is in nm, eV (meV where the name says so), K.

>>> from qdmol.results import format_measured
>>> format_measured(0.17767, 0.00001, "eV").replace(chr(160), " ")
'0.177670 ± 0.000010 eV'
"""

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
from qdmol.results.summary import (
    binding_text,
    complex_binding_text,
    lower_level_share,
    state_name,
    summary_html,
    summary_sentences,
    thermal_energy_mev,
)
from qdmol.results.versions import provenance

__all__ = [
    "NO_VALUE",
    "binding_text",
    "complex_binding_text",
    "decimals_for",
    "format_change",
    "format_error",
    "format_measured",
    "format_number",
    "is_significant",
    "lower_level_share",
    "provenance",
    "state_name",
    "summary_html",
    "summary_sentences",
    "thermal_energy_mev",
    "wavelength_nm",
    "wavelength_shift_nm",
    "write_netcdf",
]
