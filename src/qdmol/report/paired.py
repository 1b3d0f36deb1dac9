"""A page and the data file beside it: written as one, or neither."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from qdmol.errors import InputError
from qdmol.files import atomic_path

__all__ = ["paired_paths", "write_pair"]

PAGE_SUFFIXES = (".html", ".htm")


def paired_paths(path: str | Path) -> tuple[Path, Path]:
    """Return the page and the NetCDF file of the same stem; InputError where the page would be that file.

    A page whose name ends in neither ``.html`` nor ``.htm`` gets the ending ``.html``.

    >>> [str(path) for path in paired_paths("dimer-1.4")]
    ['dimer-1.4.html', 'dimer-1.4.nc']
    """
    page = Path(path)
    if page.suffix.lower() == ".nc":
        raise InputError(field="path", value=str(path), allowed="the page, ending in .html: its data take .nc")
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
