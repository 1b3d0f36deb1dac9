"""Numbers of a solution as rows of a table: quantity and value with its error, for the terminal, page and notebook."""

import html
from collections.abc import Sequence

from qdmol.estimates import NO_VALUE, Estimate, format_number
from qdmol.results import wavelength_nm
from qdmol.study.values import ExcitonState, Pair, SolutionValues
from qdmol.study.wording import binding_text, solution_sentences

QuantityRow = tuple[str, str]


def quantity_rows(values: SolutionValues) -> tuple[QuantityRow, ...]:
    """Gap, red shift, splitting, pair energies, complexes and ranges of a solution, each with its error and unit.

    Parameters
    ----------
    values
        The solution, or its values alone.

    Returns
    -------
    tuple of (str, str)
        Name and value of each quantity that the calculation defines; a value without result is "n/a".
    """
    return (
        *_gap_rows(values),
        *_splitting_rows(values),
        *_pair_rows(values.pair, values.dots),
        *_complex_rows(values),
        *_monomer_rows(values),
        *_range_rows(values),
    )


def _text(estimate: Estimate | None) -> str:
    return NO_VALUE if estimate is None else str(estimate)


def _gap_rows(values: SolutionValues) -> list[QuantityRow]:
    rows = [("gap", _text(values.gap))]
    if values.gap is not None and values.gap.value > 0:
        rows.append(("wavelength of the gap", f"{wavelength_nm(values.gap.value):.3f} nm"))
    rows.append(("red shift against the monomer", _text(values.redshift)))
    return [*rows, ("red shift without attraction", _text(values.redshift_single_particle))]


def _splitting_rows(values: SolutionValues) -> list[QuantityRow]:
    rows = [("splitting of the electron levels", _text(values.splitting))]
    if len(values.dots) == 2:
        equal = values.detuning is not None and values.detuning.value == 0
        rows.append(("tunnel coupling t", _text(values.tunnel_coupling)))
        rows.append(("detuning, dot 1 minus dot 0", "0 (equal dots)" if equal else _text(values.detuning)))
    return rows


def _pair_rows(pair: Pair | None, dots: Sequence[str]) -> list[QuantityRow]:
    if pair is None:
        return [("Coulomb attraction", "not included")]
    mean_field = pair.mean_field
    scheme: str = pair.scheme if mean_field is None else "configuration interaction"
    rows = [("Coulomb attraction", scheme)]
    if pair.hole_dot is not None:
        rows.append(("hole sits in", dots[pair.hole_dot]))
    spacing = (
        "spacing of the electron levels in the hole's field"
        if mean_field is None
        else "energy to move the electron to another dot"
    )
    rows += [(spacing, _text(pair.spacing)), ("exciton above the bulk gap", str(pair.exciton))]
    if mean_field is not None:
        rows.append(("exciton of the self-consistent pair", str(mean_field.exciton)))
    rows.append(("binding", _text(pair.binding)))
    other = "another self-consistent state" if mean_field is None else "another state of the exciton"
    return rows + [(other, _state_text(state, dots)) for state in pair.other_states]


def _state_text(state: ExcitonState, dots: Sequence[str]) -> str:
    where = "" if state.hole_dot is None else f"hole in {dots[state.hole_dot]}, "
    binding = binding_text(state.binding)
    return f"{where}exciton {state.exciton}{', ' if binding else ''}{binding}"


def _complex_rows(values: SolutionValues) -> list[QuantityRow]:
    bound = ((name, states.binding) for name, states in values.complexes.items())
    return [(f"binding of {name}", str(binding)) for name, binding in bound if binding is not None]


def _monomer_rows(values: SolutionValues) -> list[QuantityRow]:
    gaps = values.monomer_gaps or (None,) * len(values.dots)
    return [
        (f"gap of {name} alone", NO_VALUE if gap is None else f"{format_number(gap.value, 6)} eV")
        for name, gap in zip(values.dots, gaps, strict=True)
    ]


def _range_rows(values: SolutionValues) -> list[QuantityRow]:
    if values.ranges is None:
        return []
    rows = []
    for name, bounds in (("splitting", values.ranges.splitting), ("red shift", values.ranges.redshift)):
        if bounds is not None:
            low, high = (format_number(bound, 3) for bound in bounds)
            rows.append((f"{name} over the alternative material values", f"{low} to {high} meV"))
    return rows


def solution_html(values: SolutionValues) -> str:
    """Self-contained HTML for notebooks: name, table of numbers, sentences and warnings."""
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(text)}</td></tr>" for name, text in quantity_rows(values)
    )
    sentences = "".join(f"<li>{html.escape(text)}</li>" for text in solution_sentences(values))
    warnings = "".join(f"<li>Warning: {html.escape(text)}</li>" for text in values.warnings)
    table = f"<table><tbody>{rows}</tbody></table>"
    return f"<div><p><strong>{html.escape(values.name)}</strong></p>{table}<ul>{sentences}{warnings}</ul></div>"
