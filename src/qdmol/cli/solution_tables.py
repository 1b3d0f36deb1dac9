"""What `qdmol solve` shows people: every level with its error, then the sentences of the report, then warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from qdmol.results import summary_sentences

__all__ = ["solution_tables"]


def solution_tables(summary: Mapping[str, Any], *, temperature: float) -> list[RenderableType]:
    """Return the JSON object of a solution (temperature in K) as tables and sentences."""
    shown: list[RenderableType] = [Text(str(summary["name"]), style="bold"), Text("")]
    for carrier in ("electron", "hole"):
        levels = summary[carrier]
        if levels["energy_eV"]:
            marks = list(zip(levels["m"], levels["parity"], strict=True))
            shown += _levels(f"{carrier} levels", levels["energy_eV"], levels["error_meV"], marks)
    coulomb = summary.get("coulomb")
    if coulomb is not None and coulomb.get("electron_energy_eV"):
        energies, errors = coulomb["electron_energy_eV"], coulomb["electron_error_meV"]
        shown += _levels("electron levels in the hole's field", energies, errors, None)
    shown += [Text(sentence) for sentence in summary_sentences(summary, temperature=temperature)]
    shown += [Text(f"Warning: {warning}", style="yellow") for warning in summary["warnings"]]
    return shown


def _levels(
    title: str,
    energies: Sequence[float],
    errors: Sequence[float | None],
    marks: Sequence[tuple[int, str | None]] | None,
) -> list[RenderableType]:
    """Return a table of levels (eV) with errors (meV), and m and parity where they are marks of the level."""
    table = Table(box=None, pad_edge=False)
    for heading in ("#", "energy (eV)", "error (meV)", *(("m", "parity") if marks else ())):
        table.add_column(heading, justify="right")
    for i, (energy, error) in enumerate(zip(energies, errors, strict=True)):
        shown = [str(i + 1), f"{energy:.6f}", "-" if error is None else f"{error:.1g}"]
        if marks:
            m, parity = marks[i]
            shown += [str(m), parity or "-"]
        table.add_row(*shown)
    return [Text(title, style="italic"), table, Text("")]
