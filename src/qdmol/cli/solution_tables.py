"""What `qdmol solve` shows people: every level with its error, then the sentences of the report, then warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from qdmol.results import NO_VALUE, complex_binding_text, state_name, summary_sentences

__all__ = ["solution_tables"]


def solution_tables(
    summary: Mapping[str, Any], *, temperature: float, linewidth: float | None = None, dots: Sequence[str] = ()
) -> list[RenderableType]:
    """Return the JSON object of a solution as tables and sentences; temperature in K, linewidth in meV."""
    shown: list[RenderableType] = [Text(str(summary["name"]), style="bold"), Text("")]
    for carrier in ("electron", "hole"):
        levels = summary[carrier]
        if levels["energy_eV"]:
            marks = list(zip(levels["m"], levels["parity"], strict=True))
            shares = (summary.get("dot_share") or {}).get(carrier)
            shown += _levels(f"{carrier} levels", levels["energy_eV"], levels["error_meV"], marks, shares)
    coulomb = summary.get("coulomb")
    if coulomb is not None and coulomb.get("electron_energy_eV"):
        energies, errors = coulomb["electron_energy_eV"], coulomb["electron_error_meV"]
        shown += _levels("electron levels in the hole's field", energies, errors, None, None)
    for name, found in summary.get("complexes", {}).items():
        shown += _complex(name, found)
    said = summary_sentences(summary, temperature=temperature, linewidth=linewidth, dots=dots)
    shown += [Text(sentence) for sentence in said]
    shown += [Text(f"Warning: {warning}", style="yellow") for warning in summary["warnings"]]
    return shown


def _complex(name: str, found: Mapping[str, Any]) -> list[RenderableType]:
    """Return the lowest states of a complex as a table."""
    table = Table(box=None, pad_edge=False)
    headings = ("#", "energy (eV)", "above X (meV)", "error (meV)", "m", "parity", "spin e", "spin h", "states", "is")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "is" else "right")
    for i, state in enumerate(found["states"], start=1):
        spins = [NO_VALUE if state[key] is None else f"{state[key]:g}" for key in ("electron_spin", "hole_spin")]
        numbers = (f"{state['energy_eV']:.5f}", f"{state['above_exciton_meV']:.2f}", f"{state['error_meV']:.1g}")
        parity = state["parity"] or NO_VALUE
        marks = (str(state["m"]), parity, *spins, str(state["degeneracy"]), state_name(state) or NO_VALUE)
        table.add_row(str(i), *numbers, *marks)
    return [Text(f"{name}: {complex_binding_text(found)}", style="italic"), table, Text("")]


def _levels(
    title: str,
    energies: Sequence[float],
    errors: Sequence[float | None],
    marks: Sequence[tuple[int, str | None]] | None,
    shares: Sequence[Sequence[float]] | None,
) -> list[RenderableType]:
    """Return a table of levels (eV) with errors (meV), and m, parity and probability in each dot where given."""
    table = Table(box=None, pad_edge=False)
    dots = [f"in dot {dot} (%)" for dot in range(len(shares[0]))] if shares else []
    for heading in ("#", "energy (eV)", "error (meV)", *(("m", "parity") if marks else ()), *dots):
        table.add_column(heading, justify="right")
    for i, (energy, error) in enumerate(zip(energies, errors, strict=True)):
        shown = [str(i + 1), f"{energy:.6f}", NO_VALUE if error is None else f"{error:.1g}"]
        if marks:
            m, parity = marks[i]
            shown += [str(m), parity or NO_VALUE]
        if shares:
            shown += [f"{100 * share:.1f}" for share in shares[i]]
        table.add_row(*shown)
    return [Text(title, style="italic"), table, Text("")]
