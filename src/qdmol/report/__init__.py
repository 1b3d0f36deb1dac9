"""Every plot and the page: what a person sees of a solution.

In comes a solution (labelled arrays with units and the summary), out come one self-contained HTML page, the NetCDF
file beside it, and figures fit for a paper. Nothing physical is computed here. Lengths in nm, energies in eV or,
where the axis says so, meV; figures in mm.

Files of ``figures=DIR``, each figure as PDF and PNG (300 dpi) and its numbers as CSV with names and units in the
first line. A figure has the same number on the page and on disk, whichever of the others there are:

- ``figure1_axis``: edges and densities along the axis; one CSV a panel (``figure1a_axis_electron.csv`` ...).
- ``figure2_maps``: wavefunction maps; one CSV of the profiles on the axis (whole maps are in the NetCDF file).
- ``figure3_levels``: level diagram; one CSV of all levels.
- ``figure4_range``: bars over the literature's alternatives; one CSV.
- ``figure5_map``: tunnel splitting 2t over core diameter and barrier, where there is a map; one CSV.

>>> write_report.__name__
'write_report'
"""

import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from qdmol.files import refuse_overwriting
from qdmol.report.coupling_figure import MapLike, draw_coupling
from qdmol.report.drawing import write_drawings
from qdmol.report.overview import write_overview
from qdmol.report.page import draw_all, render_page
from qdmol.report.paired import paired_paths, write_pair
from qdmol.report.solution import SolutionLike
from qdmol.report.style import paper_style
from qdmol.results import write_netcdf
from qdmol.structure import spec_files

__all__ = ["write_overview", "write_report"]


def write_report(
    solution: SolutionLike,
    path: str | Path,
    *,
    figures: str | Path | None = None,
    coupling: MapLike | None = None,
    linewidth: float | None = None,
) -> Path:
    """Write a solution as one HTML page and a NetCDF file of the same stem beside it.

    Everything is drawn before the first file is touched, and each file is replaced as a whole.

    Parameters
    ----------
    solution
        From ``qdmol.solve``.
    path
        The page; ``.html`` is added to a name that ends in neither ``.html`` nor ``.htm``.
    figures
        A folder for every figure as PDF and PNG and every curve as CSV; created if missing.
    coupling
        A map of the tunnel coupling over core diameter and barrier, to be drawn as well.
    linewidth
        Of a line in meV, with which the tunnel coupling is compared in the map and in words; in words that of the
        material set where not given.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    qdmol.errors.InputError
        The path is that of the NetCDF file, or a file to be written is the spec or its material set.
    qdmol.errors.OutputError
        A file cannot be written.
    """
    page, data = paired_paths(path)
    refuse_overwriting((page, data), spec_files(solution.spec), figures=figures, field="path")
    with paper_style():
        drawings = draw_all(solution)
        if coupling is not None:
            drawings = (*drawings, draw_coupling(solution, coupling, linewidth=linewidth))
        text = render_page(solution, drawings, netcdf=data.name, linewidth=linewidth)
        drawn = () if figures is None else (partial(write_drawings, drawings, Path(figures)),)
        write_pair(page, data, text, partial(write_netcdf, solution.data), *drawn)
    return page


class _CallableRoom(ModuleType):
    """Python sets `qdmol.report` to this room as soon as it is imported; called, it is the verb all the same."""

    def __call__(self, solution: SolutionLike, path: str | Path, **options: Any) -> Path:
        """See `write_report`."""
        return write_report(solution, path, **options)


sys.modules[__name__].__class__ = _CallableRoom
