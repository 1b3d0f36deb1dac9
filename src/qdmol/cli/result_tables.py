"""Tables of results: levels and excitons, comparisons of two specs, analyses of photons, spectra."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from qdmol.analysis import files_rows
from qdmol.cli.wide_tables import WideTable
from qdmol.results import NO_VALUE, format_error

if TYPE_CHECKING:
    from qdmol.analysis import Analysed
    from qdmol.photons import Severity
    from qdmol.prediction import Overlay, Rows, Spectra
    from qdmol.study import Comparison, ComplexStates, EnergyLevel, NumberPair, Solution


def solution_tables(solution: Solution, *, linewidth: float | None = None) -> list[RenderableType]:
    """Return a solution as tables and sentences; `linewidth` in meV where it is not that of the material set."""
    from qdmol.study import quantity_rows, solution_sentences

    shown: list[RenderableType] = [Text(solution.name, style="bold"), Text("")]
    shown += _quantities(quantity_rows(solution))
    for carrier, levels in (("electron", solution.levels.electron), ("hole", solution.levels.hole)):
        if levels:
            shown += _levels(f"{carrier} levels", levels)
    if solution.pair is not None and solution.pair.electron_levels:
        shown += _levels("electron levels in the hole's field", solution.pair.electron_levels, energies_only=True)
    for name, states in solution.complexes.items():
        shown += _complex(name, states)
    shown += [Text(sentence) for sentence in solution_sentences(solution, linewidth=linewidth)]
    shown += [Text(f"Warning: {warning}", style="yellow") for warning in solution.warnings]
    return shown


def _quantities(rows: Iterable[tuple[str, str]]) -> list[RenderableType]:
    """Return the quantities that have a value as a table."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        if value != NO_VALUE:
            table.add_row(name, Text(value))
    return [table, Text("")]


def _complex(name: str, states: ComplexStates) -> list[RenderableType]:
    """Return the lowest states of a complex as a table."""
    from qdmol.study import complex_binding_text, state_name

    table = Table(box=None, pad_edge=False)
    headings = (
        "#",
        "energy (eV)",
        "above X (meV)",
        "error (meV)",
        "m",
        "parity",
        "spin e",
        "spin h",
        "states",
        "character",
    )
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "character" else "right")
    for i, level in enumerate(states.states, start=1):
        spins = [NO_VALUE if spin is None else f"{spin:g}" for spin in (level.electron_spin, level.hole_spin)]
        energy = level.energy
        numbers = (f"{energy.value:.5f}", f"{level.above_exciton:.2f}", f"{energy.to('meV').error:.1g}")
        marks = (str(level.m), level.parity or NO_VALUE, *spins, str(level.degeneracy), state_name(level) or NO_VALUE)
        table.add_row(str(i), *numbers, *marks)
    return [Text(f"{name}: {complex_binding_text(states)}", style="italic"), table, Text("")]


def _levels(title: str, levels: Sequence[EnergyLevel], *, energies_only: bool = False) -> list[RenderableType]:
    """Return a table of levels (eV) with errors (meV); unless `energies_only` m, parity and probability in each dot."""
    table = Table(box=None, pad_edge=False)
    marks = () if energies_only else ("m", "parity", *(f"in dot {dot} (%)" for dot in range(len(levels[0].dot_share))))
    for heading in ("#", "energy (eV)", "error (meV)", *marks):
        table.add_column(heading, justify="right")
    for i, level in enumerate(levels, start=1):
        shown = [str(i), f"{level.energy.value:.6f}", f"{level.energy.to('meV').error:.1g}"]
        if not energies_only:
            shares = (f"{100 * share:.1f}" for share in level.dot_share)
            shown += [str(level.m), level.parity or NO_VALUE, *shares]
        table.add_row(*shown)
    return [Text(title, style="italic"), table, Text("")]


VERDICTS = {True: "differs", False: "same within errors", None: NO_VALUE}


def comparison_tables(comparison: Comparison, *, quiet: bool) -> list[RenderableType]:
    """Return a comparison as tables: A, B, their difference and both errors together."""
    shown: list[RenderableType] = [
        Text(f"A  {comparison.one.name}", style="bold"),
        Text(f"B  {comparison.two.name}", style="bold"),
        Text(""),
        _differences(comparison),
        Text(""),
        _numbers(comparison),
    ]
    if not quiet:
        shown += [Text(f"Warning: {warning}", style="yellow") for warning in comparison.warnings]
    return shown


def _differences(comparison: Comparison) -> RenderableType:
    if not comparison.differences:
        return Text("The specs are identical.")
    table = Table(title="Differences", title_justify="left", title_style="", box=None, pad_edge=False)
    for heading in ("field", "A", "B", ""):
        table.add_column(heading)
    for difference in comparison.differences:
        table.add_row(
            Text(difference.field),
            _said(difference.one),
            _said(difference.two),
            "as resolved" if difference.resolved else "",
        )
    return table


def _said(value: Any) -> Text:
    if value is None:
        return Text("absent")
    return Text(f"{value:.9g}" if isinstance(value, float) else str(value))


def _numbers(comparison: Comparison) -> RenderableType:
    header = ("", "A", "B", "unit", "B - A (meV)", "combined error (meV)", "")
    return Group(Text("Numbers"), WideTable(header, [_row(pair) for pair in comparison.numbers], words=(3, 6)))


def _row(pair: NumberPair) -> list[str]:
    decimals = 6 if pair.unit == "eV" else 3
    values = [NO_VALUE if number is None else f"{number.value:.{decimals}f}" for number in (pair.one, pair.two)]
    difference = NO_VALUE if pair.difference is None else f"{pair.difference:.3f}"
    error = NO_VALUE if pair.error is None else format_error(pair.error)
    return [pair.name, *values, pair.unit, difference, error, VERDICTS[pair.differs]]


_STYLES: tuple[tuple[Severity, str, str], ...] = (("fatal", "refused", "bold red"), ("warning", "warning", "yellow"))


def analysis_text(analysis: Analysed, *, quiet: bool) -> RenderableType:
    """Return one file as a table of its main numbers, sentences and warnings; unless quiet with notes."""
    lines: list[RenderableType] = [Text(f"{analysis.name}  {analysis.kind}".rstrip(), style="bold")]
    lines += [Padding(numbers, (0, 0, 0, 2), expand=False) for numbers in _main_numbers(analysis)]
    lines += [Padding(Text(sentence), (0, 0, 0, 2), expand=False) for sentence in analysis.sentences]
    for severity, word, style in _STYLES:
        messages = (Text.assemble((f"{word}: ", style), message) for message in analysis.messages(severity))
        lines += [Padding(message, (0, 0, 0, 2), expand=False) for message in messages]
    notes = () if quiet else analysis.notes
    return Group(*lines, *(Padding(Text(f"note: {note}"), (0, 0, 0, 2), expand=False) for note in notes))


def _main_numbers(analysis: Analysed) -> list[RenderableType]:
    """Return photons, length, rate, lifetime and g2 of one file as a table, as far as there are results."""
    header, (row,) = files_rows([analysis])
    numbers = [(name, cell) for name, cell in zip(header[1:-1], row[1:-1], strict=True) if cell != NO_VALUE]
    return _quantities(numbers)[:1] if numbers else []


def files_text(analyses: Sequence[Analysed]) -> RenderableType:
    """Return many files as one table, a row each; a file that could not be read is a row that says so."""
    return rows_table(files_rows(analyses, intervals=False))


def rows_table(content: tuple[Sequence[str], Sequence[Sequence[str]]], *, words: int = 1) -> RenderableType:
    """Return header and rows of files as a table; the name and the last columns (`words`) are text, others numbers."""
    header, rows = content
    return WideTable(header, rows, words=range(len(header) - words, len(header)))


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


def _table(table_rows: Rows, *, left: int = 1) -> list[RenderableType]:
    header, rows = table_rows
    return [WideTable(header, rows, keys=left), Text("")]
