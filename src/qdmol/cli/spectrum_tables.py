"""What `qdmol spectrum SPEC` shows people: samples, changes, measured curves, sentences and warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from qdmol.study.spectra.overlay import Overlay
from qdmol.study.spectra.wording import Rows, change_rows, measured_rows, sample_rows, spectrum_sentences

__all__ = ["spectrum_text"]


def spectrum_text(
    summary: Mapping[str, Any], overlays: Sequence[Overlay], *, warnings: Sequence[str], quiet: bool
) -> list[RenderableType]:
    """Return the JSON object of spectra, and measured curves, as tables; unless `quiet` sentences and warnings too."""
    shown: list[RenderableType] = [Text(str(summary["name"]), style="bold"), Text("")]
    shown += _table(sample_rows(summary))
    if summary["changes"]:
        shown += _table(change_rows(summary))
    if overlays:
        shown += _table(measured_rows(overlays), left=2)
    if quiet:
        return shown
    shown += [Text(sentence) for sentence in spectrum_sentences(summary, overlays)[len(summary["samples"]) :]]
    return shown + [Text(f"Warning: {warning}", style="yellow") for warning in warnings]


def _table(found: Rows, *, left: int = 1) -> list[RenderableType]:
    header, rows = found
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index, heading in enumerate(header):
        table.add_column(heading, justify="left" if index < left else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return [table, Text("")]
