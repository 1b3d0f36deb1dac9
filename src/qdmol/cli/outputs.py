"""Output files of a command, checked before any work is done."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from qdmol.errors import InputError, shorten
from qdmol.files import refuse_overwriting, write_text_atomic

if TYPE_CHECKING:
    from qdmol.structure import Spec


REPORT_SUFFIXES = (".html", ".htm")


@dataclass(frozen=True, slots=True)
class Outputs:
    """Output paths: the report, the NetCDF file beside it, and if requested the folder of figures and the map."""

    report: Path
    figures: Path | None
    map: Path | None = None

    @property
    def netcdf(self) -> Path:
        """The NetCDF file beside the report."""
        return self.report.with_suffix(".nc")

    def as_dict(self, report: Path) -> dict[str, str | None]:
        """Return the paths for ``--json``."""
        figures = None if self.figures is None else str(self.figures.absolute())
        named = {"report": str(report.absolute()), "netcdf": str(self.netcdf.absolute()), "figures": figures}
        return named if self.map is None else {**named, "map": str(self.map.absolute())}


def planned_outputs(
    spec: str, output: Path | None, figures: Path | None, *, inputs: Iterable[str | Path] = (), store: bool = False
) -> Outputs:
    """Return the output paths of a report; InputError for a path that cannot be written or is an input.

    With `store`, finished points are stored as well, beside the NetCDF file or in the shared store.
    """
    report = output if output is not None else Path(f"{Path(spec.removeprefix('@')).stem}.html")
    if not report.suffix and report.name:
        report = report.with_suffix(".html")
    if report.suffix.lower() not in REPORT_SUFFIXES:
        raise InputError(field="output", value=str(report), allowed="a file name that ends in .html")
    outputs = Outputs(report=report, figures=figures)
    for path in (outputs.report, outputs.netcdf):
        refuse_unwritable(path, "output")
    if figures is not None:
        refuse_unwritable_folder(figures)
    refuse_inputs((outputs.report, outputs.netcdf), inputs, figures=figures, store=outputs.netcdf if store else None)
    return outputs


def refuse_inputs(
    outputs: Iterable[Path],
    inputs: Iterable[str | Path],
    *,
    figures: Path | None = None,
    store: Path | None = None,
) -> None:
    """Raise InputError if an output is also an input; `store` is the data file whose finished points are stored."""
    folder = None
    if store is not None:
        from qdmol.jobs import store_folder

        folder = store_folder(store)
    refuse_overwriting(outputs, inputs, figures=figures, store=folder)


def with_map(outputs: Outputs, spec: Spec) -> Outputs:
    """Return the output paths with that of the map beside the report; InputError for a single dot."""
    if len(spec.molecule.dots) < 2:
        raise InputError(field="map", value=True, allowed="absent: a single dot has no barrier to vary")
    from qdmol.structure import spec_files

    path = outputs.report.with_suffix(".map.nc")
    refuse_unwritable(path, "output")
    refuse_inputs((path,), spec_files(spec), store=path)
    return replace(outputs, map=path)


def refuse_unwritable(path: Path, field: str) -> None:
    """Raise InputError naming `field` if no file can be written at a path."""
    with _named(field, path):
        if path.is_dir():
            raise InputError(field=field, value=str(path), allowed="a file, not a folder")
        if path.exists() and not path.is_file():
            raise InputError(field=field, value=str(path), allowed="a regular file, not a device or a pipe")
        target = Path(os.path.realpath(path))  # a link is followed, as it is when the file is written
        _try_writing(target.parent, field, path, prefix=f".{target.name}.")


def refuse_unwritable_folder(folder: Path, field: str = "figures", *, parents: bool = False) -> None:
    """Raise InputError naming `field` if a folder can neither be written to nor created.

    With `parents`, the folders above it may be created as well.
    """
    with _named(field, folder):
        if folder.exists() and not folder.is_dir():
            raise InputError(field=field, value=str(folder), allowed="a folder that exists or can be created")
        there = folder.absolute()
        while not there.is_dir():  # folders are made with their parents
            if os.path.lexists(there):  # a file, or a broken link
                raise InputError(field=field, value=str(folder), allowed="a folder that exists or can be created")
            there = there.parent
            if not parents:
                break
        _try_writing(there, field, folder)


@contextlib.contextmanager
def _named(field: str, path: Path) -> Iterator[None]:
    """Turn errors of the system about a path (name too long, loop of links) into an InputError that names it."""
    try:
        yield
    except FileNotFoundError:
        if not _working_folder_exists():
            raise
        allowed = "in a folder that exists"
        raise InputError(field=field, value=str(path), allowed=allowed) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        message = f"`{field}` {shorten(str(path))} cannot be written: {reason}."
        raise InputError(field=field, value=str(path), allowed="a path that can be written", message=message) from None
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(field=field, value=str(path), allowed="a valid file name") from None


def _working_folder_exists() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def _try_writing(folder: Path, field: str, shown: Path, prefix: str = "") -> None:
    """Create a temporary file: permissions are no proof on read-only and network file systems."""
    if not folder.is_dir():
        raise InputError(field=field, value=str(shown), allowed=f"in a folder that exists ({folder} does not)")
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=prefix, suffix=".tmp"):
            return
    except OSError as error:
        reason = error.strerror or type(error).__name__
        allowed = f"in a folder that can be written to ({folder}: {reason})"
        if error.errno == errno.ENAMETOOLONG:
            allowed = "a shorter file name"
        raise InputError(field=field, value=str(shown), allowed=allowed) from None


def write_new(path: Path, text: str, *, force: bool) -> None:
    """Write a text file atomically; an existing one only with ``force``.

    Raises InputError if it exists or its folder cannot be written to, OutputError if writing fails.
    """
    if path.is_dir() or (os.path.lexists(path) and not force):
        raise InputError(field="output", value=str(path), allowed="a file that does not exist yet (or give --force)")
    refuse_unwritable(path, "output")
    write_text_atomic(path, text)
