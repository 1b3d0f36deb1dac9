"""The page's tables: rows of text read from the solution, its spec and its material set."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from qdmol.materials import MaterialSet
from qdmol.plot import SolutionLike, errors_of, values
from qdmol.results import NO_VALUE, format_error, format_measured, format_number, provenance, wavelength_nm
from qdmol.structure import Spec, resolve
from qdmol.study import binding_text, complex_binding_text, state_name

_DOI = re.compile(r"(?:doi:\s*|https://doi\.org/)?(10\.\d{4,9}/[^\s,;]*[^\s,;.)])")
_LEVEL_DECIMALS = 6  # a hole pair may be split by a few microelectronvolts
_UNITS = ("nm", "eV", "meV", "K", "s")
_COMPLEX_NOTE = (
    "By configuration interaction, extrapolated in the basis. Localised: all carriers together in one dot; bonding, "
    "antibonding: the electrons share one orbital that spreads over the dots; segregated: they keep to different dots, "
    "or to another dot than the hole. States: all directions of the spins and both signs of m."
)
_NOT_SETTINGS = {"spec", "warnings", "converged", "elapsed_s", "summary", "qdmol"}


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table of the page; cells are text or ready markup; `numeric` columns are set to the right."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str | Markup, ...], ...]
    note: str = ""
    numeric: frozenset[int] = frozenset()


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


def _share_cells(shares: Sequence[Sequence[float]] | None, index: int) -> list[str]:
    """Probability of a level in each dot, in per cent."""
    if not shares:
        return []
    return [f"{100 * share:.1f}" for share in shares[index]] if index < len(shares) else [NO_VALUE] * len(shares[0])


def _level_rows(
    carrier: str,
    part: Mapping[str, Any],
    energies: Sequence[float],
    shares: Sequence[Sequence[float]] | None,
) -> Iterable[tuple[str, ...]]:
    for index, energy in enumerate(energies):
        error = errors_of(part, index)
        m, parity = part.get("m") or [], part.get("parity") or []
        yield (
            carrier,
            str(index + 1),
            format_number(energy, _LEVEL_DECIMALS),
            "" if error is None else format_error(error),
            str(m[index]).replace("-", "−") if index < len(m) else "",
            (parity[index] or NO_VALUE).replace("-", "−") if index < len(parity) else NO_VALUE,
            *_share_cells(shares, index),
        )


def levels_table(solution: SolutionLike) -> PageTable:
    """Every level with its error, m, parity and probability in each dot, with attraction as well."""
    summary, names = solution.summary, resolve(solution.spec).dot_names
    shares = summary.get("dot_share") or {}
    electron = summary["electron"]
    rows = list(_level_rows("electron", electron, electron["energy_eV"], shares.get("electron")))
    coulomb = summary.get("coulomb") or {}
    if coulomb.get("electron_energy_eV"):
        part = {
            "error_meV": coulomb.get("electron_error_meV") or [],
            "m": _integers(solution, "electron_coulomb_m"),
            "parity": coulomb.get("parity"),
        }
        inside = values(solution.data, "electron_coulomb_dot_share").tolist() if shares else None
        rows += _level_rows("electron, in the hole's field", part, coulomb["electron_energy_eV"], inside)
    rows += _level_rows("hole", summary["hole"], summary["hole"]["energy_eV"], shares.get("hole"))
    note = (
        "Energies count from the band edges of the reference material, positive away from the gap. Errors are "
        "numerical: the distance to the exact value of this model is smaller. Parity is that of z → −z."
    )
    header: tuple[str, ...] = ("carrier", "level", "energy (eV)", "error (meV)", "m", "parity")
    if shares:
        header += tuple(f"in dot {dot} (%)" for dot in range(len(names)))
        note += f" Dots, as listed: {', '.join(names)}; a level's probability in a dot is that nearest to its centre."
    return PageTable("Levels", header, tuple(rows), note, frozenset(range(1, len(header))))


def _integers(solution: SolutionLike, name: str) -> list[int]:
    return [int(number) for number in values(solution.data, name)]


def _measured_row(name: str, part: Mapping[str, Any], key: str, unit: str = "meV") -> tuple[str, str]:
    value, error = part.get(f"{key}_{unit}"), part.get(f"{key}_error_meV")
    scaled = error / 1000 if error is not None and unit == "eV" else error
    return name, format_measured(value, scaled, unit)


def energies_table(solution: SolutionLike) -> PageTable:
    """Splitting, pair energies, gaps and shifts with their errors."""
    summary = solution.summary
    rows = [_measured_row("splitting of the two lowest electron levels", summary, "splitting")]
    if len(solution.spec.molecule.dots) == 2 and "tunnel_coupling_meV" in summary:
        rows.append(_measured_row("tunnel coupling t", summary, "tunnel_coupling"))
        detuning = _measured_row("detuning, dot 1 less dot 0", summary, "detuning")
        rows.append((detuning[0], "0 (equal dots)") if summary["detuning_meV"] == 0 else detuning)
    names = resolve(solution.spec).dot_names
    rows += _coulomb_rows(summary, names)
    rows.append(_measured_row("gap", summary, "gap", "eV"))
    rows += _gap_rows(summary, names)
    rows.append(_measured_row("red shift against the monomer", summary, "redshift"))
    rows.append(_measured_row("red shift without attraction", summary, "redshift_single_particle"))
    for key, name in (("splitting", "splitting"), ("redshift", "red shift")):
        if bounds := summary.get(f"{key}_range_meV"):
            low, high = ("not available" if bound is None else format_number(bound, 3) for bound in bounds)
            rows.append((f"{name} over the set's alternatives", f"{low} to {high} meV"))
    return PageTable("Pair, gap and shift", ("quantity", "value"), tuple(rows))


def complex_tables(solution: SolutionLike) -> list[PageTable]:
    """The lowest states of every complex that was asked for."""
    headings = ("energy above the gaps", "above X", "m", "parity", "spins e, h", "states", "what it is")
    found = []
    for name, one in solution.summary.get("complexes", {}).items():
        rows = tuple(_complex_row(state) for state in one["states"])
        found.append(PageTable(f"{name}, {complex_binding_text(one)}", headings, rows, _COMPLEX_NOTE))
    return found


def _complex_row(state: Mapping[str, Any]) -> tuple[str, ...]:
    spins = ", ".join(NO_VALUE if state[key] is None else f"{state[key]:g}" for key in ("electron_spin", "hole_spin"))
    return (
        format_measured(state["energy_eV"], state["error_meV"] / 1000, "eV"),
        f"{format_number(state['above_exciton_meV'], 2)} meV",
        str(state["m"]).replace("-", "−"),
        (state["parity"] or NO_VALUE).replace("-", "−"),
        spins,
        str(state["degeneracy"]),
        state_name(state) or "one dot",
    )


def _coulomb_rows(summary: Mapping[str, Any], dots: Sequence[str]) -> list[tuple[str, str]]:
    coulomb = summary.get("coulomb")
    if coulomb is None:
        return [("Coulomb attraction", "not included")]
    interacting = coulomb.get("scheme") == "ci"
    rows = [("Coulomb attraction", "configuration interaction" if interacting else str(coulomb.get("scheme")))]
    if coulomb.get("hole_dot") is not None:
        rows.append(("hole sits in", dots[coulomb["hole_dot"]]))
    spacing = (
        "energy the electron needs to leave the hole's dot"
        if interacting
        else "spacing of the two lowest electron levels in the hole's field"
    )
    rows.append(_measured_row(spacing, coulomb, "spacing"))
    rows.append(_measured_row("exciton above the bulk gap", coulomb, "exciton", "eV"))
    if interacting:
        rows.append(_measured_row("exciton of the self-consistent pair", coulomb["mean_field"], "exciton", "eV"))
    rows.append(_measured_row("binding", coulomb, "binding"))
    others = coulomb.get("other_states") or ()
    other = "another state of the exciton" if interacting else "another self-consistent state"
    return rows + [(other, _state_text(state, dots)) for state in others]


def _state_text(state: Mapping[str, Any], dots: Sequence[str]) -> str:
    where = f"hole in {dots[state['hole_dot']]}, " if state.get("hole_dot") is not None else ""
    exciton = _measured_row("exciton", state, "exciton", "eV")[1]
    binding = binding_text(state)
    return f"{where}exciton {exciton}{', ' if binding else ''}{binding}"


def _gap_rows(summary: Mapping[str, Any], dots: Sequence[str]) -> list[tuple[str, str]]:
    rows = []
    gap = summary.get("gap_eV")
    if gap is not None and gap > 0:
        rows.append(("wavelength of the gap", f"{wavelength_nm(gap):.3f} nm"))
    gaps = summary.get("monomer_gaps_eV") or [summary.get("monomer_gap_eV")]
    for name, value in zip(dots, gaps, strict=False):
        text = "not available" if value is None else f"{format_number(value, 6)} eV"
        rows.append((f"gap of {name} alone", text))
    return rows


def range_table(solution: SolutionLike) -> PageTable | None:
    """Every alternative with what it gives and who says so; None without ``--range``."""
    data = solution.data
    if "alternative" not in data.variables:
        return None
    labels = [str(label) for label in data["alternative"].values]
    shown = [
        (name, key) for name, key in (("splitting", "range_splitting"), ("red shift", "range_redshift")) if key in data
    ]
    sources = [str(text) for text in data["range_source"].values] if "range_source" in data else [""] * len(labels)
    rows = []
    for index, (label, source) in enumerate(zip(labels, sources, strict=True)):
        numbers = [float(data[key].values[index]) for _, key in shown]
        cells = [format_number(number, 3) if np.isfinite(number) else "no value" for number in numbers]
        rows.append((label, *cells, linked(source)))
    header = ("alternative", *(f"{name} (meV)" for name, _ in shown), "source")
    return PageTable("Alternatives of the literature", header, tuple(rows), "", frozenset(range(1, 1 + len(shown))))


def materials_table(material_set: MaterialSet, spec: Spec) -> PageTable:
    """The set's values for the materials of the spec: unit, temperature, source, and what the spec overrides."""
    replaced = _overrides(spec)
    rows = []
    for material in _materials_used(material_set, spec):
        for key, entry in material_set.materials[material].items():
            value = "hard wall" if np.isinf(entry.value) else f"{entry.value:g}"
            if (material, key) in replaced:
                value += f" (the spec sets {replaced[material, key]})"
            unit = "" if entry.unit == "1" else entry.unit
            temperature = "" if entry.temperature is None else f"{entry.temperature:g}\N{NO-BREAK SPACE}K"
            source = "; ".join(filter(None, (str(entry.source), entry.source.note, entry.note)))
            rows.append((material, key, value, unit, temperature, linked(source)))
    header = ("material", "key", "value", "unit", "at", "source")
    note = " ".join([f"{material_set.title}.", *material_set.notes])
    return PageTable(f"Material set {material_set.name}", header, tuple(rows), note)


def _overrides(spec: Spec) -> dict[tuple[str, str], str]:
    given = spec.model_dump(mode="json", exclude_none=True).get("overrides") or {}
    return {(material, key): f"{value}" for material, keys in given.items() for key, value in keys.items()}


def _materials_used(material_set: MaterialSet, spec: Spec) -> list[str]:
    """The spec's materials, the reference and the medium, in the order of the set."""
    used = {material_set.reference, "medium"}
    for dot in spec.molecule.dots:
        used |= {dot.core.material, *(shell.material for shell in dot.shells)}
    return [name for name in material_set.materials if name in used]


def settings_table(solution: SolutionLike) -> PageTable:
    """Versions, solver settings and times."""
    attributes = dict(solution.data.attrs)
    rows = [("time", f"{solution.summary['elapsed_s']:.2f} s"), ("converged", "yes" if solution.converged else "no")]
    rows.append(("tolerance", f"{solution.spec.calculation.tolerance:g} meV on every energy"))
    if solution.spec.calculation.coulomb == "ci":
        rows.append(("ci tolerance", f"{solution.spec.calculation.ci_tolerance:g} meV on extrapolated energies"))
    versions = provenance()
    stated = {str(key): _plain(value) for key, value in attributes.items() if key not in _NOT_SETTINGS}
    named = dict(_with_unit(key.removesuffix("_version"), value) for key, value in stated.items())
    rows += list({**versions, **named}.items())
    return PageTable("Versions, settings, times", ("what", "value"), tuple(rows))


def _with_unit(key: str, text: str) -> tuple[str, str]:
    """Move a unit from the end of a key to the value: wall_distance_nm, 0.52 -> wall distance, 0.52 nm."""
    name, _, unit = key.rpartition("_")
    return (name.replace("_", " "), f"{text} {unit}") if name and unit in _UNITS else (key.replace("_", " "), text)


def _plain(value: object) -> str:
    if isinstance(value, str | int | np.integer):
        return str(value)
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    if isinstance(value, np.ndarray):
        return ", ".join(_plain(item) for item in value.tolist())
    return json.dumps(value, ensure_ascii=False, default=str)
