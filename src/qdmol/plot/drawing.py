"""One figure with its words and numbers, and its forms: SVG for the page, PDF, PNG and CSV for a paper."""

import base64
import csv
import io
import logging
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from matplotlib.figure import Figure

from qdmol.files import make_folder, write_bytes_atomic, write_text_atomic
from qdmol.plot.style import MM_PER_INCH, RASTER_DPI, paper_style


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers of one panel: names with units, and one sequence of equal length for each."""

    name: str
    header: tuple[str, ...]
    columns: tuple[Sequence[object] | np.ndarray, ...]

    def text(self) -> str:
        """The table as comma-separated values; numbers in full precision, NaN as an empty field."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(self.header)
        for row in zip(*self.columns, strict=True):
            writer.writerow([_field(value) for value in row])
        return buffer.getvalue()


def _field(value: object) -> object:
    if isinstance(value, float | np.floating):
        return "" if math.isnan(value) else repr(float(value))
    return value


@dataclass(frozen=True, slots=True)
class Drawing:
    """A finished figure.

    Parameters
    ----------
    name
        Stem of its files.
    caption
        What is seen, in sentences.
    alternative
        The same for who cannot see it, with the numbers.
    figure
        Drawn in the paper style.
    tables
        The numbers of its panels.
    """

    name: str
    caption: str
    alternative: str
    figure: Figure
    tables: tuple[Table, ...] = field(default=())

    @property
    def number(self) -> int | None:
        """The figure's number, on the page and on disk alike; None for one whose name has none."""
        found = re.match(r"figure(\d+)", self.name)
        return int(found[1]) if found else None

    @property
    def width(self) -> float:
        """Printed width in mm."""
        return float(self.figure.get_size_inches()[0]) * MM_PER_INCH

    def svg(self) -> bytes:
        """The figure as SVG, maps inside rasterised; the same figure gives the same bytes."""
        return self._saved("svg", metadata={"Date": None, "Creator": None})

    def data_address(self) -> str:
        """The SVG as an address that an image element takes."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg()).decode("ascii")

    def pdf(self) -> bytes:
        """The figure as PDF without a date inside."""
        return self._saved("pdf", metadata={"CreationDate": None})

    def png(self) -> bytes:
        """The figure as PNG."""
        return self._saved("png", metadata={"Software": None})

    def _saved(self, kind: str, *, metadata: dict[str, None]) -> bytes:
        buffer = io.BytesIO()
        with paper_style(), _quiet_fonts():
            self.figure.savefig(buffer, format=kind, dpi=RASTER_DPI, metadata=metadata)
        return buffer.getvalue()


@contextmanager
def _quiet_fonts() -> Iterator[None]:
    """Keep the font library from remarking on the dates inside the font it embeds."""
    log = logging.getLogger("fontTools")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


class Writable(Protocol):
    """A figure that can be written: a `Drawing`, or one that is rendered."""

    @property
    def name(self) -> str:
        """Stem of its files."""
        ...

    @property
    def tables(self) -> tuple[Table, ...]:
        """The numbers of its panels."""
        ...

    def pdf(self) -> bytes:
        """The figure as PDF."""
        ...

    def png(self) -> bytes:
        """The figure as PNG."""
        ...


def write_drawings(drawings: Sequence[Writable], folder: Path) -> tuple[Path, ...]:
    """Write each figure as PDF and PNG and each panel's numbers as CSV, every file atomically.

    Parameters
    ----------
    drawings
        Each with a name of its own.
    folder
        Created if missing.

    Returns
    -------
    tuple of pathlib.Path
        The files written.

    Raises
    ------
    qdmol.errors.OutputError
        A file cannot be written.
    """
    make_folder(folder)
    written = []
    for drawing in drawings:
        written.append(write_bytes_atomic(folder / f"{drawing.name}.pdf", drawing.pdf()))
        written.append(write_bytes_atomic(folder / f"{drawing.name}.png", drawing.png()))
        written += [write_text_atomic(folder / f"{table.name}.csv", table.text()) for table in drawing.tables]
    return tuple(written)
