"""What `qdmol compare` shows people: fields that differ, then numbers with their combined error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from qdmol.results import NO_VALUE, format_error

if TYPE_CHECKING:
    from qdmol.study.comparing import Comparison, NumberPair

__all__ = ["comparison_tables"]

VERDICTS = {True: "differs", False: "same within errors", None: NO_VALUE}


def comparison_tables(found: Comparison, *, quiet: bool) -> list[RenderableType]:
    """Return a comparison as tables: A, B, their difference and both errors together."""
    shown: list[RenderableType] = [
        Text(f"A  {found.one.name}", style="bold"),
        Text(f"B  {found.two.name}", style="bold"),
        Text(""),
        _differences(found),
        Text(""),
        _numbers(found),
    ]
    if not quiet:
        shown += [Text(f"Warning: {warning}", style="yellow") for warning in found.warnings]
    return shown


def _differences(found: Comparison) -> RenderableType:
    if not found.differences:
        return Text("The specs say the same.")
    table = Table(title="What differs", title_justify="left", title_style="", box=None, pad_edge=False)
    for heading in ("field", "A", "B", ""):
        table.add_column(heading)
    for one in found.differences:
        table.add_row(Text(one.field), _said(one.one), _said(one.two), "as resolved" if one.resolved else "")
    return table


def _said(value: Any) -> Text:
    if value is None:
        return Text("absent")
    return Text(f"{value:.9g}" if isinstance(value, float) else str(value))


def _numbers(found: Comparison) -> RenderableType:
    table = Table(title="Numbers", title_justify="left", title_style="", box=None, pad_edge=False)
    for heading, justify in (("", "left"), ("A", "right"), ("B", "right"), ("unit", "left")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for heading in ("B - A (meV)", "both errors (meV)"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for pair in found.numbers:
        table.add_row(*_row(pair))
    return table


def _row(pair: NumberPair) -> list[str]:
    decimals = 6 if pair.unit == "eV" else 3
    values = [NO_VALUE if value is None else f"{value:.{decimals}f}" for value in (pair.one, pair.two)]
    difference = NO_VALUE if pair.difference is None else f"{pair.difference:.3f}"
    error = NO_VALUE if pair.error is None else format_error(pair.error)
    return [pair.name, *values, pair.unit, difference, error, VERDICTS[pair.differs]]
