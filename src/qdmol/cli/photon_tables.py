"""What `qdmol photons` shows in the terminal: sentences, flags by severity, one table for many files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from qdmol.analysis.wording import analysis_sentences, files_rows, flag_sentences, note_sentences

__all__ = ["analysis_text", "files_text"]

Summary = Mapping[str, Any]
_STYLES = {"fatal": ("refused", "bold red"), "warning": ("warning", "yellow")}


def analysis_text(summary: Summary, *, title: str, quiet: bool) -> RenderableType:
    """Return one file as sentences, and what must be known beside them; when quiet without notes."""
    kind = ", ".join(str(summary[key]) for key in ("format", "record_type") if summary.get(key))
    lines: list[RenderableType] = [Text(f"{title}  {kind}".rstrip(), style="bold")]
    lines += [Padding(Text(sentence), (0, 0, 0, 2), expand=False) for sentence in analysis_sentences(summary)]
    for severity, (word, style) in _STYLES.items():
        said = (Text.assemble((f"{word}: ", style), sentence) for sentence in flag_sentences(summary, severity))
        lines += [Padding(sentence, (0, 0, 0, 2), expand=False) for sentence in said]
    notes = () if quiet else note_sentences(summary)
    return Group(*lines, *(Padding(Text(f"note: {note}"), (0, 0, 0, 2), expand=False) for note in notes))


def files_text(names: Sequence[str], summaries: Sequence[Summary]) -> RenderableType:
    """Return many files as one table, a row each; a file that could not be read is a row that says so."""
    header, rows = files_rows(names, summaries, intervals=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index, heading in enumerate(header):
        number = 0 < index < len(header) - 1
        table.add_column(heading, justify="right" if number else "left", overflow="fold", no_wrap=number)
    for row in rows:
        table.add_row(*map(Text, row))
    return table
