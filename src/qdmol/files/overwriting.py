"""Protection of inputs: no output file may be one of the input files, under any name or link."""

import os
import re
from collections.abc import Iterable
from itertools import product
from pathlib import Path

from qdmol.errors import InputError, shorten

AnyPath = str | os.PathLike[str]

# Names of the figures, written as PDF, PNG and CSV.
_FIGURE = re.compile(r"figure.*\.(pdf|png|csv)", re.IGNORECASE | re.DOTALL)
# Name of a stored point: its hash.
_PART = re.compile(r"[0-9a-f]{32}\.json")


def refuse_overwriting(
    outputs: Iterable[AnyPath],
    inputs: Iterable[AnyPath],
    *,
    field: str = "output",
    figures: AnyPath | None = None,
    store: AnyPath | None = None,
) -> None:
    """Raise InputError if an output file is also an input.

    Paths are compared through symbolic links, hard links, and the case rules of the file system.

    Parameters
    ----------
    outputs
        Files to be written, the one named by the user first.
    inputs
        Files and folders that are read.
    field
        Name of the argument that has the first output; named in the error.
    figures
        Folder for figures.
    store
        Folder for finished points.

    Raises
    ------
    qdmol.errors.InputError
        An output, a figure or a stored point would replace an input, or the store is a folder of inputs.

    Examples
    --------
    >>> refuse_overwriting(["levels.html", "levels.nc"], ["levels.yaml"])
    >>> refuse_overwriting(["levels.html"], ["./levels.html"])
    Traceback (most recent call last):
    ...
    qdmol.errors.InputError: `output` is 'levels.html', which is an input file; choose another file name.
    """
    written = [Path(path) for path in outputs]
    read = [Path(path) for path in inputs]
    for path, source in product(written, read):
        if _same(path, source):
            _refuse(field, written[0], path)
    for path, source in product(_existing_figures(figures), read):
        if _same(path, source):
            _refuse("figures", Path(figures or ""), path)
    if store is not None and any(_belongs(source, Path(store)) for source in read):
        _refuse(field, written[0] if written else Path(store), Path(store))


def _refuse(field: str, given: Path, replaced: Path) -> None:
    what = "which" if given == replaced else f"but {shorten(str(replaced))}, which is written along with it,"
    message = f"`{field}` is {shorten(str(given))}, {what} is an input file; choose another file name."
    allowed = "a file that is not an input"
    raise InputError(field=field, value=str(given), allowed=allowed, message=message)


def _same(first: Path, second: Path) -> bool:
    try:
        try:
            return first.samefile(second) or _place(first) == _place(second)
        except OSError:  # one of them does not exist
            return _place(first) == _place(second)
    except ValueError:  # a name with a null character is no file
        return False


def _place(path: Path) -> str:
    return os.path.normcase(os.path.realpath(path))


def _existing_figures(folder: AnyPath | None) -> list[Path]:
    if folder is None:
        return []
    try:
        return [path for path in Path(folder).iterdir() if _FIGURE.fullmatch(path.name)]
    except OSError:  # it does not exist yet
        return []


def _belongs(source: Path, store: Path) -> bool:
    """Whether an input folder is the store, or an input file could be replaced by a stored point."""
    return _same(source, store) or (bool(_PART.fullmatch(source.name)) and _same(source.parent, store))
