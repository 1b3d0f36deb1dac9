"""What a solution says in sentences: shared by the page, the notebook and the command line.

In comes the JSON object of ``qdmol solve --json``, out come plain sentences or a small piece of HTML. Two levels a
distance Δ apart hold a thermal electron with the ratio exp(-Δ/kT) (Boltzmann); everything else is quoted.
"""

import html
import math
from collections.abc import Mapping
from typing import Any

from qdmol.results.numbers import format_error, format_measured, format_number, wavelength_nm, wavelength_shift_nm
from qdmol.units import BOLTZMANN_EV_K

Summary = Mapping[str, Any]


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


def _thermal_verdict(splitting: float, temperature: float) -> str:
    thermal = thermal_energy_mev(temperature)
    scale = f"kT = {thermal:.1f} meV at {temperature:g} K"
    share = f"in thermal equilibrium {100 * lower_level_share(splitting, temperature):.0f} % of the electrons \
of these two levels are in the lower one"
    if thermal == 0:
        return f"At {temperature:g} K there is no thermal energy to reach the upper level."
    ratio = splitting / thermal
    if ratio < 0.01:
        return f"That is nothing beside {scale}: the dots are electronically uncoupled at this temperature."
    size = f"{ratio:.2f} times {scale}"
    if ratio < 1:
        return f"That is {size}, so heat mixes the two levels: {share}."
    return f"That is {size}, so the coupling stands out from the thermal spread: {share}."


def _splitting(summary: Summary, temperature: float) -> list[str]:
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
    return [sentence, _thermal_verdict(splitting, temperature)]


def _spacing(summary: Summary) -> list[str]:
    coulomb = summary.get("coulomb")
    if coulomb is None:
        return ["The Coulomb attraction between electron and hole is not included."]
    if coulomb.get("spacing_meV") is None:
        return []
    spacing = _value(coulomb, "spacing")
    hole_dot = coulomb.get("hole_dot")
    where = "" if hole_dot is None else f" (the hole is in dot {hole_dot + 1}, counted as listed)"
    if coulomb.get("scheme") == "ci":
        return [f"By configuration interaction the electron needs {spacing} to leave the hole's dot{where}."]
    return [f"In the field of the hole{where} the two lowest electron levels are {spacing} apart."]


def _exciton(summary: Summary) -> list[str]:
    coulomb = summary.get("coulomb")
    if coulomb is None or coulomb.get("exciton_eV") is None:
        return []
    exciton = _electronvolts(coulomb["exciton_eV"], coulomb.get("exciton_error_meV"))
    sentence = f"The exciton lies {exciton} above the bulk gap"
    if coulomb.get("binding_meV") is None:
        return [sentence + "."]
    return [f"{sentence} and is bound by {_value(coulomb, 'binding')}."]


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
        side = "to the red" if shift >= 0 else "to the blue (the shift is negative)"
        sentences.append(
            f"Against the monomer the gap shifts by {_value(summary, 'redshift')} {side}{_in_nm(gap, monomer)}."
        )
    elif summary.get("coulomb") is not None:
        sentences.append("No red shift is given for this molecule; the warnings say why.")
    if summary.get("redshift_single_particle_meV") is not None:
        single = _value(summary, "redshift_single_particle")
        sentences.append(f"Without Coulomb attraction the shift to the red would be {single}.")
    return sentences


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
    return [f"Not converged: at least one energy missed its tolerance, and its error says by how much.{bound}{meaning}"]


def summary_sentences(summary: Summary, *, temperature: float) -> tuple[str, ...]:
    """Say a solution in plain sentences, without its warnings.

    Parameters
    ----------
    summary
        The JSON object of ``qdmol solve --json``.
    temperature
        Of the spec, in K; the splitting is compared with kT.

    Returns
    -------
    tuple of str
        Splitting, spacing, exciton, gap, red shift, ranges, convergence, in this order, as far as there are any.
    """
    later = (_spacing, _exciton, _gap, _redshift, _ranges, _convergence)
    return (*_splitting(summary, temperature), *(sentence for topic in later for sentence in topic(summary)))


def summary_html(summary: Summary, *, temperature: float) -> str:
    """A small self-contained piece of HTML for notebooks: name, sentences and warnings.

    Parameters
    ----------
    summary
        The JSON object of ``qdmol solve --json``.
    temperature
        Of the spec, in K.
    """
    sentences = "".join(f"<li>{html.escape(text)}</li>" for text in summary_sentences(summary, temperature=temperature))
    warnings = "".join(f"<li>Warning: {html.escape(text)}</li>" for text in summary.get("warnings", ()))
    return f"<div><p><strong>{html.escape(str(summary.get('name')))}</strong></p><ul>{sentences}{warnings}</ul></div>"
