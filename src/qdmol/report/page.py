"""Pages: sections of sentences, figures and tables, written as one self-contained HTML file with its data beside it.

Everything put into a page is escaped, and a name that is missing in the template is an error. Page, data and figures
are written together or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from qdmol.errors import InputError
from qdmol.files import atomic_path, refuse_overwriting
from qdmol.plot import Drawing, Table, write_drawings

PAGE_SUFFIXES = (".html", ".htm")
_DOI = re.compile(r"(?:doi:\s*|https://doi\.org/)?(10\.\d{4,9}/[^\s,;]*[^\s,;.)])")


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table of the page; cells are text or ready markup; `numeric` columns are set to the right."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str | Markup, ...], ...]
    note: str = ""
    numeric: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class PageFigure:
    """A figure in its final forms, without the drawing: a page of a hundred files cannot keep a thousand in memory.

    ``files`` is the figure as PDF and as PNG, or None if no files were requested; the other attributes are those of
    `Drawing`.
    """

    name: str
    number: int | None
    caption: str
    alternative: str
    width: float
    address: str
    files: tuple[bytes, bytes] | None
    tables: tuple[Table, ...] = field(default=())

    @classmethod
    def of(cls, drawing: Drawing, *, files: bool) -> PageFigure:
        """Render a drawing, as PDF and PNG as well if `files`, and clear it."""
        figure = cls(
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
        return figure

    def data_address(self) -> str:
        """The SVG as an address that an image element takes."""
        return self.address

    def pdf(self) -> bytes:
        """The figure as PDF."""
        return self._file(0)

    def png(self) -> bytes:
        """The figure as PNG."""
        return self._file(1)

    def _file(self, place: int) -> bytes:
        if self.files is None:
            raise ValueError("the figure was rendered without files")
        return self.files[place]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Part of a page; what is empty is left out, and the rest stands in the order of the attributes.

    Parameters
    ----------
    title
        Heading; tables in a section with a heading are one level below it.
    label
        What readers of the page's structure see of a section without heading.
    name
        Prefix of the anchors of its figures, and its own anchor.
    subtitle
        Line below the heading.
    refusal, reasons
        Why there are no results.
    numbers
        Tables above the sentences, so that the first screen shows the main results.
    sentences, warnings, notes
        Texts, one an entry.
    figures
        Drawings, or figures rendered already.
    tables
        Tables below the figures.
    text
        Preformatted text.
    footnote
        Small print at the end.
    """

    title: str = ""
    label: str = ""
    name: str = ""
    subtitle: str = ""
    refusal: str = ""
    reasons: Sequence[str] = ()
    numbers: Sequence[PageTable] = ()
    sentences: Sequence[str] = ()
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()
    figures: Sequence[Drawing | PageFigure] = ()
    tables: Sequence[PageTable] = ()
    text: str = ""
    footnote: str = ""


def linked(text: str) -> Markup:
    """Text with every DOI in it as a link to doi.org, the rest escaped.

    Examples
    --------
    >>> str(linked("a < b, doi:10.1000/xyz"))
    'a &lt; b, <a href="https://doi.org/10.1000/xyz">doi:10.1000/xyz</a>'
    """
    parts, end = [], 0
    for match in _DOI.finditer(text):
        parts.append(escape(text[end : match.start()]))
        name = escape(match[1])
        parts.append(Markup(f'<a href="https://doi.org/{name}">doi:{name}</a>'))
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


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


def planned_pair(
    path: str | Path, inputs: Iterable[str | Path], *, figures: str | Path | None = None, field: str = "path"
) -> tuple[Path, Path]:
    """Paths of the page and its data, as `paired_paths`; InputError where a file to be written is one of the inputs."""
    page, data = paired_paths(path)
    refuse_overwriting((page, data), inputs, figures=figures, field=field)
    return page, data


def render_page(sections: Sequence[Section], *, title: str, subtitle: str) -> str:
    """HTML of a page that needs no other file and no network."""
    environment = Environment(
        loader=PackageLoader("qdmol.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html.j2").render(title=title, subtitle=subtitle, sections=sections)


def write_page(
    sections: Sequence[Section],
    page: Path | None,
    *,
    title: str,
    subtitle: str,
    write_data: Callable[[Path], object] | None = None,
    figures: str | Path | None = None,
    drawings: Sequence[Drawing | PageFigure] | None = None,
) -> Path | None:
    """Write sections as one HTML page, the data beside it and its figures as files: all of them or none.

    Every file is written in full under a temporary name before any is renamed, the data first.

    Parameters
    ----------
    sections
        From top to bottom.
    page
        The page; None for figures alone.
    title, subtitle
        Heading of the page and the line below it.
    write_data
        Writes the NetCDF file, which has the stem of the page; None for a page without data.
    figures
        A folder for every figure as PDF and PNG and every curve as CSV; created if missing.
    drawings
        What is written there, the figures of all sections if not given.

    Returns
    -------
    pathlib.Path or None
        The page.

    Raises
    ------
    qdmol.errors.OutputError
        A file cannot be written.
    """
    listed = [figure for section in sections for figure in section.figures] if drawings is None else list(drawings)
    text = "" if page is None else render_page(sections, title=title, subtitle=subtitle)
    with ExitStack() as files:
        if page is not None:
            page_file = files.enter_context(atomic_path(page))
            data_file = files.enter_context(atomic_path(page.with_suffix(".nc"))) if write_data is not None else None
            page_file.write_text(text, encoding="utf-8", errors="replace", newline="\n")
            if write_data is not None and data_file is not None:
                write_data(data_file)
        if figures is not None:
            write_drawings(listed, Path(figures))
    return page
