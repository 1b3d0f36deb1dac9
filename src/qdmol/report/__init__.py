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
from pathlib import Path
from types import ModuleType
from typing import Any

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


class _CallableRoom(ModuleType):
    """The verb `qdmol.report`, which has the name of this room: Python binds the room to it at the first import."""

    def __call__(self, solution: Any, path: str | Path, **options: Any) -> Path:
        """Write the report of a solution; see `write_report`."""
        from qdmol.report.solution_page import write_report

        return write_report(solution, path, **options)


sys.modules[__name__].__class__ = _CallableRoom
