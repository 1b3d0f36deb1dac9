"""Files a command will write, checked before any work is done."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from qdmol.errors import InputError

if TYPE_CHECKING:
    from qdmol.structure import Spec

__all__ = ["Outputs", "planned_outputs", "refuse_unwritable", "with_map", "write_new"]

REPORT_SUFFIXES = (".html", ".htm")


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where a report goes: the page, the NetCDF file beside it, the folder of figures and the map if asked for."""

    report: Path
    figures: Path | None
    map: Path | None = None

    @property
    def netcdf(self) -> Path:
        """The data file beside the page."""
        return self.report.with_suffix(".nc")

    def as_dict(self, report: Path) -> dict[str, str | None]:
        """Return what was written, for ``--json``."""
        figures = None if self.figures is None else str(self.figures.absolute())
        named = {"report": str(report.absolute()), "netcdf": str(self.netcdf.absolute()), "figures": figures}
        return named if self.map is None else {**named, "map": str(self.map.absolute())}


def planned_outputs(spec: str, output: Path | None, figures: Path | None) -> Outputs:
    """Return where the report of a spec goes; InputError for what cannot be written."""
    report = output if output is not None else Path(f"{Path(spec.removeprefix('@')).stem}.html")
    if not report.suffix and report.name:
        report = report.with_suffix(".html")
    if report.suffix.lower() not in REPORT_SUFFIXES:
        raise InputError(field="output", value=str(report), allowed="a file name that ends in .html")
    outputs = Outputs(report=report, figures=figures)
    for path in (outputs.report, outputs.netcdf):
        refuse_unwritable(path, "output")
    if figures is not None:
        if figures.exists() and not figures.is_dir():
            raise InputError(field="figures", value=str(figures), allowed="a folder, there or to be made")
        _refuse_unwritable_folder(figures if figures.is_dir() else figures.absolute().parent, "figures", figures)
    return outputs


def with_map(outputs: Outputs, spec: Spec) -> Outputs:
    """Return the outputs with the file of the map, beside the report; InputError for a dot alone."""
    if len(spec.molecule.dots) < 2:
        raise InputError(field="map", value=True, allowed="absent: a dot alone has no barrier to vary")
    path = outputs.report.with_suffix(".map.nc")
    refuse_unwritable(path, "output")
    return replace(outputs, map=path)


def refuse_unwritable(path: Path, field: str) -> None:
    """InputError naming `field` where no file can be written at a path."""
    if path.is_dir():
        raise InputError(field=field, value=str(path), allowed="a file, not a folder")
    _refuse_unwritable_folder(path.absolute().parent, field, path)


def _refuse_unwritable_folder(folder: Path, field: str, shown: Path) -> None:
    """Try a file in the folder: permissions alone do not tell on read-only and network file systems."""
    if not folder.is_dir():
        raise InputError(field=field, value=str(shown), allowed=f"in a folder that exists ({folder} does not)")
    try:
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as error:
        reason = error.strerror or type(error).__name__
        allowed = f"in a folder that can be written to ({folder}: {reason})"
        raise InputError(field=field, value=str(shown), allowed=allowed) from None


def write_new(path: Path, text: str, *, force: bool) -> None:
    """Write a text file whole or not at all; an existing one only with ``force``.

    Raises InputError where it exists or its folder cannot be written to, OutputError where writing fails.
    """
    if path.is_dir() or (os.path.lexists(path) and not force):
        raise InputError(field="output", value=str(path), allowed="a file that does not exist yet (or give --force)")
    refuse_unwritable(path, "output")
    from qdmol.results import write_text_atomic  # loads the array libraries: `check` does without

    write_text_atomic(path, text)
