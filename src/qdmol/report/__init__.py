"""Reports: self-contained HTML pages with their data in a NetCDF file beside them and figures fit for a paper.

Each kind of result has one module, which puts sentences, figures and tables into sections; `write_page` writes them.
Lengths in nm, energies in eV or, where the axis says so, meV; figures in mm.

Files of ``figures=DIR`` for a solution, each figure as PDF and PNG (300 dpi) and its numbers as CSV with names and
units in the first line. A figure has the same number on the page and on disk, whichever figures a solution has:

- ``figure1_axis``: edges and densities along the axis; one CSV a panel (``figure1a_axis_electron.csv`` ...).
- ``figure2_maps``: wavefunction maps; one CSV of the profiles on the axis (whole maps are in the NetCDF file).
- ``figure3_levels``: level diagram; one CSV of all levels.
- ``figure4_range``: splitting and red shift with alternative material values; one CSV.
- ``figure5_map``: tunnel splitting 2t over core diameter and barrier, where there is a map; one CSV.

>>> from qdmol.report import write_report
>>> write_report.__name__
'write_report'
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import lazy_loader

from qdmol.errors import InputError

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


class _CallableRoom(ModuleType):
    """The verb `qdmol.report`, which has the name of this room: Python binds the room to it at the first import."""

    def __call__(self, result: Any, path: str | Path, **options: Any) -> Path:
        """Write the report of a result as one HTML page, with its data in a NetCDF file beside it.

        Parameters
        ----------
        result
            From `qdmol.solve`, `qdmol.predict_spectra`, `qdmol.analyze_photons`, `qdmol.compare_curves` or
            `qdmol.fit_curves` (whose page has no file beside it).
        path
            The page, ending in ``.html``.
        options
            Of the function for this kind of result: `write_report`, `write_spectrum_report`, `write_photon_report`,
            `write_curve_report`, `write_overlay_report`. ``figures=DIR`` writes every figure as PDF and PNG and every
            curve as CSV.

        Returns
        -------
        pathlib.Path
            The page.

        Raises
        ------
        qdmol.errors.InputError
            There is no report of such a result, or the path is that of an input.
        qdmol.errors.OutputError
            A file cannot be written.
        """
        # Classes are named, not imported, so that a report of photons loads no model.
        listed = isinstance(result, tuple | list) and bool(result)
        kind = type(result[0] if listed else result).__name__
        if kind not in _WRITERS:
            allowed = "a solution, predicted spectra, an analysis of photons, fitted or compared curves"
            raise InputError(field="result", value=f"a {kind}", allowed=f"{allowed}; `.figures()` of others draws them")
        write: Callable[..., Path] = getattr(self, _WRITERS[kind])
        if kind == "Spectra":
            return write(result, options.pop("overlays", ()), path, **options)
        return write(result, path, **options)


# Class of a result, or of the values in a list of results -> the function that writes its report.
_WRITERS: Final[Mapping[str, str]] = {
    "Solution": "write_report",
    "Spectra": "write_spectrum_report",
    "PhotonAnalysis": "write_photon_report",
    "PhotonAnalyses": "write_photon_report",
    "FailedAnalysis": "write_photon_report",
    "Surveyed": "write_curve_report",
    "CurveFits": "write_curve_report",
    "CurveComparison": "write_overlay_report",
}


sys.modules[__name__].__class__ = _CallableRoom
