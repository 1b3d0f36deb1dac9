"""Every plot and the page: what a person sees of a solution.

In comes a solution (labelled arrays with units and the summary), out come one self-contained HTML page, the NetCDF
file beside it, and figures fit for a paper. Nothing physical is computed here. Lengths in nm, energies in eV or,
where the axis says so, meV; figures in mm.

Files of ``figures=DIR``, each figure as PDF and PNG (300 dpi) and its numbers as CSV with names and units in the
first line:

- ``figure1_axis``: edges and densities along the axis; one CSV a panel (``figure1a_axis_electron.csv`` ...).
- ``figure2_maps``: wavefunction maps; one CSV of the profiles on the axis (whole maps are in the NetCDF file).
- ``figure3_levels``: level diagram; one CSV of all levels.
- ``figure4_range``: bars over the literature's alternatives; one CSV.
- ``figure5_map``: splitting over core diameter and barrier, where there is a map; one CSV.

>>> write_report.__name__
'write_report'
"""

import sys
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

from qdmol.errors import InputError
from qdmol.report.coupling_figure import MapLike, draw_coupling
from qdmol.report.drawing import write_drawings
from qdmol.report.overview import write_overview
from qdmol.report.page import draw_all, render_page
from qdmol.report.solution import SolutionLike
from qdmol.report.style import paper_style
from qdmol.results import atomic_path, write_netcdf

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
        The page, by custom ending in ``.html``.
    figures
        A folder for every figure as PDF and PNG and every curve as CSV; created if missing.
    coupling
        A map of the splitting over core diameter and barrier, to be drawn as well.
    linewidth
        Of a line in meV; its contour is drawn in the map.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    qdmol.errors.InputError
        The path is that of the NetCDF file.
    qdmol.errors.OutputError
        A file cannot be written.
    """
    page = Path(path)
    if page.suffix.lower() == ".nc":
        raise InputError(field="path", value=str(path), allowed="the page, ending in .html: its data take .nc")
    data = page.with_suffix(".nc")
    with paper_style():
        drawings = draw_all(solution)
        if coupling is not None:
            drawings = (*drawings, draw_coupling(solution, coupling, linewidth=linewidth))
        text = render_page(solution, drawings, netcdf=data.name)
        with ExitStack() as files:
            # Both are written in full before either is renamed, the data first.
            page_file = files.enter_context(atomic_path(page))
            data_file = files.enter_context(atomic_path(data))
            page_file.write_text(text, encoding="utf-8", newline="\n")
            write_netcdf(solution.data, data_file)
            if figures is not None:
                write_drawings(drawings, Path(figures))
    return page


class _CallableRoom(ModuleType):
    """Python sets `qdmol.report` to this room as soon as it is imported; called, it is the verb all the same."""

    def __call__(self, solution: SolutionLike, path: str | Path, **options: Any) -> Path:
        """See `write_report`."""
        return write_report(solution, path, **options)


sys.modules[__name__].__class__ = _CallableRoom
