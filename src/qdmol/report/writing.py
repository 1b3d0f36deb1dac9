"""A page and the data file beside it: written as one, or neither."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from qdmol.errors import InputError
from qdmol.files import atomic_path, refuse_overwriting
from qdmol.plot import MapLike, draw_coupling, paper_style, write_drawings
from qdmol.report.page import draw_all, render_page
from qdmol.results import write_netcdf
from qdmol.structure import spec_files
from qdmol.study import Solution

PAGE_SUFFIXES = (".html", ".htm")


def paired_paths(path: str | Path) -> tuple[Path, Path]:
    """Return the page and the NetCDF file of the same stem; InputError where the page would be that file.

    A page whose name ends in neither ``.html`` nor ``.htm`` gets the ending ``.html``.

    >>> [str(path) for path in paired_paths("dimer-1.4")]
    ['dimer-1.4.html', 'dimer-1.4.nc']
    """
    page = Path(path)
    if page.suffix.lower() == ".nc":
        raise InputError(
            field="path", value=str(path), allowed="a file name that ends in .html; its data are written as .nc"
        )
    if page.suffix.lower() not in PAGE_SUFFIXES:
        page = page.with_name(f"{page.name}.html")
    return page, page.with_suffix(".nc")


def write_pair(
    page: Path, data: Path, text: str, write_data: Callable[[Path], object], *more: Callable[[], object]
) -> None:
    """Write both files in full, and whatever `more` writes, before either is renamed, the data first.

    Raises OutputError where a file cannot be written.
    """
    with ExitStack() as files:
        page_file = files.enter_context(atomic_path(page))
        data_file = files.enter_context(atomic_path(data))
        page_file.write_text(text, encoding="utf-8", errors="replace", newline="\n")
        write_data(data_file)
        for write in more:
            write()


def write_report(
    solution: Solution,
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
