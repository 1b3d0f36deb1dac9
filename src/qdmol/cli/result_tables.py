"""Tables of results: levels and excitons, comparisons of two specs, analyses of photons, spectra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from qdmol.analysis import files_rows
from qdmol.results import NO_VALUE, format_error

if TYPE_CHECKING:
    from qdmol.analysis import Analysed
    from qdmol.photons import Severity
    from qdmol.prediction import Overlay, Rows, Spectra
    from qdmol.study import Comparison, NumberPair


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
    from qdmol.study import summary_sentences

    said = summary_sentences(summary, temperature=temperature, linewidth=linewidth, dots=dots)
    shown += [Text(sentence) for sentence in said]
    shown += [Text(f"Warning: {warning}", style="yellow") for warning in summary["warnings"]]
    return shown


def _complex(name: str, found: Mapping[str, Any]) -> list[RenderableType]:
    from qdmol.study import complex_binding_text, state_name

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


_STYLES: tuple[tuple[Severity, str, str], ...] = (("fatal", "refused", "bold red"), ("warning", "warning", "yellow"))


def analysis_text(analysis: Analysed, *, quiet: bool) -> RenderableType:
    """Return one file as sentences, and what must be known beside them; when quiet without notes."""
    lines: list[RenderableType] = [Text(f"{analysis.name}  {analysis.kind}".rstrip(), style="bold")]
    lines += [Padding(Text(sentence), (0, 0, 0, 2), expand=False) for sentence in analysis.sentences]
    for severity, word, style in _STYLES:
        messages = (Text.assemble((f"{word}: ", style), message) for message in analysis.messages(severity))
        lines += [Padding(message, (0, 0, 0, 2), expand=False) for message in messages]
    notes = () if quiet else analysis.notes
    return Group(*lines, *(Padding(Text(f"note: {note}"), (0, 0, 0, 2), expand=False) for note in notes))


def files_text(analyses: Sequence[Analysed]) -> RenderableType:
    """Return many files as one table, a row each; a file that could not be read is a row that says so."""
    header, rows = files_rows(analyses, intervals=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index, heading in enumerate(header):
        number = 0 < index < len(header) - 1
        table.add_column(heading, justify="right" if number else "left", overflow="fold", no_wrap=number)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def spectrum_text(spectra: Spectra, overlays: Sequence[Overlay], *, quiet: bool) -> list[RenderableType]:
    """Predicted spectra and measured curves as tables; unless `quiet` with sentences and warnings."""
    from qdmol.prediction import change_rows, measured_rows, sample_rows, spectrum_sentences

    shown: list[RenderableType] = [Text(spectra.spec.name, style="bold"), Text("")]
    shown += _table(sample_rows(spectra))
    if spectra.changes:
        shown += _table(change_rows(spectra))
    if overlays:
        shown += _table(measured_rows(overlays), left=2)
    if quiet:
        return shown
    shown += [Text(sentence) for sentence in spectrum_sentences(spectra, overlays)[len(spectra.samples) :]]
    return shown + [Text(f"Warning: {warning}", style="yellow") for warning in spectra.warnings]


def _table(found: Rows, *, left: int = 1) -> list[RenderableType]:
    header, rows = found
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index, heading in enumerate(header):
        table.add_column(heading, justify="left" if index < left else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return [table, Text("")]
