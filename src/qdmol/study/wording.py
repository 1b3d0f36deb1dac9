"""What a solution says in sentences: shared by the page, the notebook and the command line.

In comes the JSON object of ``qdmol solve --json``, out come plain sentences or a small piece of HTML. Two levels a
distance S apart hold a thermal electron with the ratio exp(-S/kT) (Boltzmann); everything else is quoted.

Two states are called hybridised where 2t, twice the tunnel coupling, exceeds the detuning of the dots' own levels, kT
and the linewidth. Where it exceeds the detuning alone each state still has at least 15 % of its probability in the
other dot; below a tenth of the detuning that is under 0.3 %. The splitting itself is compared with none of them: for
unlike dots it is mostly detuning.
"""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qdmol.results import (
    format_change,
    format_error,
    format_measured,
    format_number,
    is_significant,
    wavelength_nm,
    wavelength_shift_nm,
)
from qdmol.units import BOLTZMANN_EV_K

Summary = Mapping[str, Any]

# 2t over the detuning below which each state keeps to its own dot.
_DETUNED = 0.1
# A coupling below this part of kT is none.
_NEGLIGIBLE = 0.01


def thermal_energy_mev(temperature: float) -> float:
    """Thermal energy kT in meV at a temperature in K.

    Examples
    --------
    >>> round(thermal_energy_mev(300.0), 2)
    25.85
    """
    return 1000 * BOLTZMANN_EV_K * temperature


def lower_level_share(splitting_mev: float, temperature: float) -> float:
    """Share of the lower of two levels in thermal equilibrium, 1 / (1 + exp(-Δ/kT)).

    Parameters
    ----------
    splitting_mev
        Distance Δ of the levels in meV, not negative.
    temperature
        In K; at 0 the share is 1 unless the levels coincide.

    Examples
    --------
    >>> lower_level_share(0.0, 300.0)
    0.5
    """
    if temperature <= 0:
        return 1.0 if splitting_mev > 0 else 0.5
    return 1 / (1 + math.exp(-splitting_mev / thermal_energy_mev(temperature)))


def _value(part: Summary, key: str, unit: str = "meV") -> str:
    return format_measured(part[f"{key}_{unit}"], part.get(f"{key}_error_{unit}"), unit)


def _electronvolts(value: float, error_mev: float | None) -> str:
    return format_measured(value, None if error_mev is None else error_mev / 1000, "eV")


def dot_name(dots: Sequence[str], dot: int) -> str:
    """What a sentence calls a dot: its number as listed, and its core where `dots` names it.

    Examples
    --------
    >>> dot_name(["dot 0 (CdSe 1.40 nm)"], 0), dot_name([], 1)
    ('dot 0 (CdSe 1.40 nm)', 'dot 1')
    """
    return dots[dot] if dot < len(dots) else f"dot {dot}"


@dataclass(frozen=True, slots=True)
class Setting:
    """What the sentences need beside the summary: temperature (K), linewidth (meV) if known, names of the dots."""

    temperature: float
    linewidth: float | None = None
    dots: Sequence[str] = ()


def _splitting(summary: Summary, setting: Setting) -> list[str]:
    splitting = summary.get("splitting_meV")
    if splitting is None:
        energies = summary["electron"]["energy_eV"]
        if not energies:
            return ["No electron level was asked for."]
        lowest = _electronvolts(energies[0], summary["electron"]["error_meV"][0])
        return [f"The lowest electron level lies at {lowest}; no splitting is defined here."]
    sentence = (
        f"The two lowest electron levels are split by {_value(summary, 'splitting')} (without Coulomb attraction)."
    )
    if summary.get("tunnel_coupling_meV") is None:
        return [sentence, *_without_coupling(summary), *_populations(splitting, setting.temperature)]
    return [
        sentence,
        _parts(summary, setting.dots),
        _hybridisation(summary, setting),
        *_against_heat(summary, setting.temperature),
        *_against_linewidth(summary, setting),
    ]


def _without_coupling(summary: Summary) -> list[str]:
    """Two dots whose levels do not lie one in each: their splitting is no coupling."""
    shares = (summary.get("dot_share") or {}).get("electron") or [()]
    if len(shares[0]) != 2:
        return []
    return [
        "These two levels do not lie one in each dot, so that their splitting says nothing about a tunnel coupling."
    ]


def _twice_coupling(summary: Summary) -> tuple[float, float | None]:
    """2t and its error, meV."""
    error = summary.get("tunnel_coupling_error_meV")
    return 2 * summary["tunnel_coupling_meV"], None if error is None else 2 * error


def _parts(summary: Summary, dots: Sequence[str]) -> str:
    """What the splitting is made of."""
    coupling = format_measured(*_twice_coupling(summary), "meV")
    detuning, error = summary["detuning_meV"], summary.get("detuning_error_meV")
    if detuning == 0:
        return f"The dots are alike (no detuning), so that all of it is tunnel coupling: 2t = {coupling}."
    size = format_measured(abs(detuning), error, "meV")
    lower = f"{dot_name(dots, 0 if detuning > 0 else 1)} has the lower uncoupled level"
    side = lower if is_significant(detuning, error) else "the detuning is not significant"
    return f"It combines tunnel coupling, 2t = {coupling}, and detuning, {size}, in quadrature: {side}."


def _hybridisation(summary: Summary, setting: Setting) -> str:
    """The verdict: 2t against the detuning, kT and the linewidth."""
    coupling, detuning = _twice_coupling(summary)[0], abs(summary["detuning_meV"])
    thermal = thermal_energy_mev(setting.temperature)
    if coupling < _NEGLIGIBLE * thermal:
        scale = _thermal_scale(setting.temperature)
        return f"2t is negligible beside {scale}: the dots are electronically uncoupled at this temperature."
    if coupling < detuning:
        return _detuned(summary)
    scales = {"kT": thermal, "the linewidth": setting.linewidth or 0.0}
    above = ["the detuning", *(name for name, scale in scales.items() if 0 < scale < coupling)]
    below = [name for name, scale in scales.items() if scale >= coupling]
    if not below:
        return f"The two states are hybridised: 2t exceeds {_listed(above)}."
    spread = "alike" if detuning == 0 else f"({_other_share(summary)} in the other dot)"
    return (
        f"The two states spread over both dots {spread}: 2t exceeds {_listed(above)}. "
        f"It does not exceed {_listed(below, 'or')}, however, so their hybridisation is blurred."
    )


def _detuned(summary: Summary) -> str:
    coupling, detuning = _twice_coupling(summary)[0], abs(summary["detuning_meV"])
    size = f"2t is {_ratio(coupling / detuning)} times the detuning"
    if coupling < _DETUNED * detuning:
        return (
            f"The two states are not hybridised: {size}, so that the splitting is the difference of the dots' own "
            "levels and each state keeps to its own dot."
        )
    return (
        f"The two states are detuned rather than hybridised: {size}, and {_other_share(summary)} is in the other dot."
    )


def _other_share(summary: Summary) -> str:
    """Part of each of the two states that is in the other dot, as the table of levels has it.

    Without `dot_share` that of the two-level model: sin²(φ/2) with tan φ = 2t/Δ, alike for both.
    """
    coupling, detuning = _twice_coupling(summary)[0], summary["detuning_meV"]
    shares = (summary.get("dot_share") or {}).get("electron")
    if shares:
        lower = 0 if detuning > 0 else 1  # the dot with the lower uncoupled level
        parts = [shares[0][1 - lower], shares[1][lower]]
    else:
        parts = [(1 - abs(detuning) / math.hypot(coupling, detuning)) / 2] * 2
    first, second = (f"{100 * part:.0f}\N{NO-BREAK SPACE}%" for part in parts)
    return f"{first} of each" if first == second else f"{first} of the lower and {second} of the upper"


def _listed(names: Sequence[str], last: str = "and") -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def _thermal_scale(temperature: float) -> str:
    return f"kT = {thermal_energy_mev(temperature):.1f} meV at {temperature:g} K"


def _ratio(value: float) -> str:
    """A ratio to three digits."""
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _against_heat(summary: Summary, temperature: float) -> list[str]:
    """How many times kT 2t is, and what heat does to the two levels."""
    thermal = thermal_energy_mev(temperature)
    coupling, detuning = _twice_coupling(summary)[0], abs(summary["detuning_meV"])
    if thermal == 0:
        return _populations(summary["splitting_meV"], temperature)
    if coupling < _NEGLIGIBLE * thermal:
        return []
    size = f"2t is {coupling / thermal:.2f} times {_thermal_scale(temperature)}"
    share = _lower_share(summary["splitting_meV"], temperature)
    if coupling < detuning:
        return [f"{size}; {share}."]
    if coupling < thermal:
        return [f"{size}, so heat mixes the two levels: {share}."]
    return [f"{size}, so the coupling stands out from the thermal spread: {share}."]


def _lower_share(splitting: float, temperature: float) -> str:
    share = f"{100 * lower_level_share(splitting, temperature):.0f}\N{NO-BREAK SPACE}%"
    return f"in thermal equilibrium {share} of the electrons of these two levels are in the lower one"


def _populations(splitting: float, temperature: float) -> list[str]:
    """What heat does to two levels of which nothing but their splitting is known."""
    if temperature <= 0:
        return [f"At {temperature:g} K there is no thermal energy to reach the upper level."]
    scale = f"{splitting / thermal_energy_mev(temperature):.2f} times {_thermal_scale(temperature)}"
    return [f"The splitting is {scale}: {_lower_share(splitting, temperature)}."]


def _against_linewidth(summary: Summary, setting: Setting) -> list[str]:
    coupling, detuning = _twice_coupling(summary)[0], abs(summary["detuning_meV"])
    linewidth = setting.linewidth
    if linewidth is None or linewidth <= 0 or coupling < _NEGLIGIBLE * thermal_energy_mev(setting.temperature):
        return []
    size = f"2t is {coupling / linewidth:.2f} times the linewidth of {linewidth:.1f} meV"
    if coupling < detuning:
        return [f"{size}."]
    return [f"{size}, so that the two lines {'are resolved' if coupling > linewidth else 'overlap'}."]


def _spacing(summary: Summary, dots: Sequence[str]) -> list[str]:
    coulomb = summary.get("coulomb")
    if coulomb is None:
        return ["The Coulomb attraction between electron and hole is not included."]
    if coulomb.get("spacing_meV") is None:
        return []
    spacing, hole_dot = _value(coulomb, "spacing"), coulomb.get("hole_dot")
    name = None if hole_dot is None else dot_name(dots, hole_dot)
    if coulomb.get("scheme") == "ci":
        where = "" if name is None else f", with the hole in {name},"
        return [f"By configuration interaction{where} the electron needs {spacing} to leave the hole's dot."]
    if name is None:
        return [f"In the field of the hole the two lowest electron levels are {spacing} apart."]
    return [f"With the hole in {name}, the two lowest electron levels in its field are {spacing} apart."]


def _exciton(summary: Summary) -> list[str]:
    coulomb = summary.get("coulomb")
    if coulomb is None or coulomb.get("exciton_eV") is None:
        return []
    exciton = _electronvolts(coulomb["exciton_eV"], coulomb.get("exciton_error_meV"))
    sentence = f"The exciton lies {exciton} above the bulk gap"
    binding = binding_text(coulomb)
    return [f"{sentence} and is {binding}." if binding else f"{sentence}."]


def binding_text(state: Summary) -> str:
    """Where an exciton lies against the molecule's lowest electron and hole levels; empty where that is not known.

    An exciton in the higher of two unlike dots may lie above those levels, which are in the other dot, although its own
    electron and hole are bound.

    Examples
    --------
    >>> binding_text({"binding_meV": -8.2, "binding_error_meV": 0.1}).replace(chr(160), " ")
    '8.20 ± 0.10 meV above the lowest electron and hole levels of the molecule'
    """
    binding, error = state.get("binding_meV"), state.get("binding_error_meV")
    if binding is None:
        return ""
    size = format_measured(abs(binding), error, "meV")
    if not is_significant(binding, error):
        return f"not significantly bound: {format_measured(binding, error, 'meV')}"
    return f"bound by {size}" if binding > 0 else f"{size} above the lowest electron and hole levels of the molecule"


def complex_binding_text(found: Summary) -> str:
    """Whether a complex of the JSON object is bound against its parts far apart, and by how much.

    Examples
    --------
    >>> complex_binding_text({"binding_meV": -49.2, "binding_error_meV": 0.6}).replace(chr(160), " ")
    'unbound by 49.2 ± 0.6 meV'
    """
    binding, error = found["binding_meV"], found["binding_error_meV"]
    if binding is None:
        return "binding not available"
    if not is_significant(binding, error):
        return f"not significantly bound: {format_measured(binding, error, 'meV')}"
    return f"{'bound' if binding > 0 else 'unbound'} by {format_measured(abs(binding), error, 'meV')}"


def state_name(state: Summary) -> str:
    """What a state of a complex is: its label, and dark or bright where exchange tells.

    Examples
    --------
    >>> state_name({"label": "localised"}), state_name({"label": None, "total_spin": 0})
    ('localised', 'bright')
    """
    spin = {None: None, 0: "bright", 1: "dark"}[state.get("total_spin")]
    return ", ".join(word for word in (state["label"], spin) if word)


def _gap(summary: Summary) -> list[str]:
    gap = summary.get("gap_eV")
    if gap is None:
        return []
    value = _electronvolts(gap, summary.get("gap_error_meV"))
    if gap <= 0:
        return [f"The gap is {value}."]
    return [f"The gap is {value}, a wavelength of {wavelength_nm(gap):.2f} nm."]


def _is_one_dot(summary: Summary) -> bool:
    """A dot against itself: the shift is zero by definition and says nothing."""
    alone = len(summary.get("monomer_gaps_eV") or ()) == 1 or summary.get("redshift_single_particle_meV") == 0
    return alone and summary.get("splitting_meV") is None


def _redshift(summary: Summary) -> list[str]:
    if _is_one_dot(summary):
        return []
    shift, gap, monomer = (summary.get(key) for key in ("redshift_meV", "gap_eV", "monomer_gap_eV"))
    sentences = []
    if shift is not None:
        error = summary.get("redshift_error_meV")
        there = is_significant(shift, error)
        text = _shifted(shift, error)
        sentences.append(
            f"Against the monomer the gap shifts by {text}{_in_nm(gap, monomer)}."
            if there
            else f"Against the monomer there is {text}."
        )
    elif summary.get("coulomb") is not None:
        sentences.append("No red shift is given for this molecule; the warnings say why.")
    single = summary.get("redshift_single_particle_meV")
    if single is not None:
        error = summary.get("redshift_single_particle_error_meV")
        verb = "the shift would be" if is_significant(single, error) else "there would be"
        sentences.append(f"Without Coulomb attraction {verb} {_shifted(single, error)}.")
    return sentences


def _shifted(shift: float, error: float | None) -> str:
    words = ("to the red", "to the blue", "no significant shift")
    return format_change(shift, error, "meV", rising=words[0], falling=words[1], none=words[2])


def _in_nm(gap: float | None, monomer: float | None) -> str:
    if not gap or not monomer or min(gap, monomer) <= 0:
        return ""
    return f", {format_number(wavelength_shift_nm(gap, monomer), 3)} nm at {wavelength_nm(gap):.1f} nm"


def _ranges(summary: Summary) -> list[str]:
    sentences = []
    for key, name in (("splitting", "splitting"), ("redshift", "red shift")):
        bounds = summary.get(f"{key}_range_meV")
        if bounds and None not in bounds:
            low, high = (format_number(bound, 2) for bound in bounds)
            sentences.append(
                f"Over the alternatives that the material set lists, the {name} runs from {low} to {high} meV."
            )
    return sentences


def _largest_error(summary: Summary) -> float | None:
    parts = [summary["electron"]["error_meV"], summary["hole"]["error_meV"]]
    parts.append((summary.get("coulomb") or {}).get("electron_error_meV") or [])
    errors = [error for part in parts for error in part if error is not None]
    return max(errors, default=None)


def _convergence(summary: Summary) -> list[str]:
    error = _largest_error(summary)
    bound = "" if error is None else f" The largest numerical error of a level is {format_error(error)} meV."
    meaning = " Errors are numerical: distances to the exact values of this model, not of nature." if bound else ""
    if summary["converged"]:
        return [f"Every energy met its tolerance.{bound}{meaning}"]
    return [f"Not converged or incomplete: the warnings say why.{bound}{meaning}"]


def summary_sentences(
    summary: Summary, *, temperature: float, linewidth: float | None = None, dots: Sequence[str] = ()
) -> tuple[str, ...]:
    """Say a solution in plain sentences, without its warnings.

    Parameters
    ----------
    summary
        The JSON object of ``qdmol solve --json``.
    temperature
        Of the spec, in K; the tunnel coupling is compared with kT.
    linewidth
        Full width at half maximum of a line in meV, where it is known; the tunnel coupling is compared with it.
    dots
        What each dot is called, as in `AxialMolecule.dot_names`; only by its number where not given.

    Returns
    -------
    tuple of str
        Splitting and hybridisation, spacing, exciton, gap, red shift, ranges, convergence, in this order, as far as
        there are any.
    """
    first = _splitting(summary, Setting(temperature, linewidth, dots))
    later = (_exciton, _gap, _redshift, _ranges, _convergence)
    return (*first, *_spacing(summary, dots), *(sentence for topic in later for sentence in topic(summary)))


def summary_html(
    summary: Summary, *, temperature: float, linewidth: float | None = None, dots: Sequence[str] = ()
) -> str:
    """A small self-contained piece of HTML for notebooks: name, sentences and warnings.

    Parameters
    ----------
    summary
        The JSON object of ``qdmol solve --json``.
    temperature
        Of the spec, in K.
    linewidth
        Of a line in meV, where it is known.
    dots
        What each dot is called.
    """
    said = summary_sentences(summary, temperature=temperature, linewidth=linewidth, dots=dots)
    sentences = "".join(f"<li>{html.escape(text)}</li>" for text in said)
    warnings = "".join(f"<li>Warning: {html.escape(text)}</li>" for text in summary.get("warnings", ()))
    return f"<div><p><strong>{html.escape(str(summary.get('name')))}</strong></p><ul>{sentences}{warnings}</ul></div>"
