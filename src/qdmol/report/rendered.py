"""Figures as bytes: a page of a hundred files cannot keep a thousand drawn figures in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from qdmol.report.drawing import Drawing, Table

__all__ = ["RenderedDrawing", "rendered"]


@dataclass(frozen=True, slots=True)
class RenderedDrawing:
    """A figure in its final forms; the attributes are those of `Drawing`.

    ``files`` is the figure as PDF and as PNG, or None if no files were asked for.
    """

    name: str
    number: int | None
    caption: str
    alternative: str
    width: float
    address: str
    files: tuple[bytes, bytes] | None
    tables: tuple[Table, ...] = field(default=())

    def data_address(self) -> str:
        """The SVG as an address that an image element takes."""
        return self.address

    def pdf(self) -> bytes:
        """The figure as PDF."""
        return self._file(0)

    def png(self) -> bytes:
        """The figure as PNG."""
        return self._file(1)

    def _file(self, which: int) -> bytes:
        if self.files is None:
            raise ValueError("the figure was rendered without files")
        return self.files[which]


def rendered(drawing: Drawing, *, files: bool) -> RenderedDrawing:
    """Render a figure and clear it.

    Parameters
    ----------
    drawing
        Drawn under ``paper_style``, which must still hold.
    files
        Whether PDF and PNG are wanted too.
    """
    found = RenderedDrawing(
        name=drawing.name,
        number=drawing.number,
        caption=drawing.caption,
        alternative=drawing.alternative,
        width=drawing.width,
        address=drawing.data_address(),
        files=(drawing.pdf(), drawing.png()) if files else None,
        tables=drawing.tables if files else (),
    )
    drawing.figure.clear()
    return found
