"""Sentences about a solution, for the page, the notebook and the command line.

Two levels a distance S apart hold a thermal electron with the ratio exp(-S/kT) (Boltzmann); everything else is quoted
from the values.

Two states are called hybridised where 2t, twice the tunnel coupling, exceeds the detuning of the dots' own levels, kT
and the linewidth. Where it exceeds the detuning alone each state still has at least 15 % of its probability in the
other dot; below a tenth of the detuning that is under 0.3 %. The splitting itself is compared with none of them: for
unlike dots it is mostly detuning.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qdmol.estimates import NO_VALUE, Estimate, format_error, format_measured, format_number
from qdmol.results import format_change, wavelength_nm, wavelength_shift_nm
from qdmol.study.values import ComplexLevel, ComplexStates, Pair, SolutionValues
from qdmol.units import BOLTZMANN_EV_K

# Ratio of 2t to the detuning below which each state is localised in its own dot.
_DETUNED = 0.1
# Fraction of kT below which a coupling is negligible.
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


def dot_name(dots: Sequence[str], dot: int) -> str:
    """Name of a dot in sentences: its index from 0, and its core if `dots` contains it.

    Examples
    --------
    >>> dot_name(["dot 0 (CdSe 1.40 nm)"], 0), dot_name([], 1)
    ('dot 0 (CdSe 1.40 nm)', 'dot 1')
    """
    return dots[dot] if dot < len(dots) else f"dot {dot}"


@dataclass(frozen=True, slots=True)
class _TwoLevels:
    """Splitting of two dots, its parts and what they are compared with: differences in meV, temperature in K."""

    splitting: Estimate
    coupling: Estimate
    detuning: Estimate
    temperature: float
    linewidth: float | None

    @property
    def thermal(self) -> float:
        """Thermal energy kT, meV."""
        return thermal_energy_mev(self.temperature)

    @property
    def twice_coupling(self) -> Estimate:
        """2t, meV."""
        return self.coupling.scaled(2, "meV")


def _splitting(values: SolutionValues) -> list[str]:
    splitting = values.splitting
    if splitting is None:
        if not values.levels.electron:
            return ["No electron levels were requested."]
        lowest = values.levels.electron[0].energy
        return [
            f"The lowest electron level lies at {lowest}; a splitting is defined for molecules with two bound "
            f"levels only."
        ]
    sentence = f"The two lowest electron levels are split by {splitting} (without Coulomb attraction)."
    if values.tunnel_coupling is None or values.detuning is None:
        return [sentence, *_without_coupling(values), *_populations(splitting.value, values.temperature)]
    two = _TwoLevels(splitting, values.tunnel_coupling, values.detuning, values.temperature, values.linewidth)
    return [
        sentence,
        _parts(two, values.dots),
        _hybridisation(two, values),
        *_against_heat(two),
        *_against_linewidth(two),
    ]


def _without_coupling(values: SolutionValues) -> list[str]:
    """Sentence for two dots whose two levels do not belong to one dot each."""
    if len(values.levels.electron[0].dot_share) != 2:
        return []
    return ["The two levels do not belong to one dot each, so no tunnel coupling can be derived from their splitting."]


def _parts(two: _TwoLevels, dots: Sequence[str]) -> str:
    """Sentence on the contributions of tunnel coupling and detuning to the splitting."""
    detuning = two.detuning
    if detuning.value == 0:
        return (
            f"The dots are identical (no detuning), so the splitting is tunnel coupling alone: 2t = "
            f"{two.twice_coupling}."
        )
    size = format_measured(abs(detuning.value), detuning.error, "meV")
    lower = f"{dot_name(dots, 0 if detuning.value > 0 else 1)} has the lower uncoupled level"
    side = lower if detuning.is_significant else "the detuning is not significant"
    return f"It combines tunnel coupling, 2t = {two.twice_coupling}, and detuning, {size}, in quadrature: {side}."


def _hybridisation(two: _TwoLevels, values: SolutionValues) -> str:
    """Comparison of 2t with the detuning, kT and the linewidth."""
    coupling, detuning = two.twice_coupling.value, abs(two.detuning.value)
    if coupling < _NEGLIGIBLE * two.thermal:
        scale = _thermal_scale(two.temperature)
        return f"2t is negligible compared with {scale}: the dots are electronically uncoupled at this temperature."
    if coupling < detuning:
        return _detuned(two, values)
    scales = {"kT": two.thermal, "the linewidth": two.linewidth or 0.0}
    above = ["the detuning", *(name for name, scale in scales.items() if 0 < scale < coupling)]
    below = [name for name, scale in scales.items() if scale >= coupling]
    if not below:
        return f"The two states are hybridised: 2t exceeds {_listed(above)}."
    spread = "alike" if detuning == 0 else f"({_other_share(two, values)} in the other dot)"
    return (
        f"The two states spread over both dots {spread}: 2t exceeds {_listed(above)}. "
        f"It does not exceed {_listed(below, 'or')}, however, so broadening masks the hybridisation."
    )


def _detuned(two: _TwoLevels, values: SolutionValues) -> str:
    coupling, detuning = two.twice_coupling.value, abs(two.detuning.value)
    size = f"2t is {_ratio(coupling / detuning)} times the detuning"
    if coupling < _DETUNED * detuning:
        return (
            f"The two states are not hybridised: {size}, so the splitting is the difference between the levels of "
            f"the isolated dots, and each state is localised in its own dot."
        )
    share = _other_share(two, values)
    return f"The two states are detuned rather than hybridised: {size}, and {share} is in the other dot."


def _other_share(two: _TwoLevels, values: SolutionValues) -> str:
    """Probability of each of the two states in the other dot, as in the table of levels.

    Without these probabilities, those of the two-level model: sin²(φ/2) with tan φ = 2t/Δ, the same for both.
    """
    coupling, detuning = two.twice_coupling.value, two.detuning.value
    shares = [level.dot_share for level in values.levels.electron[:2]]
    if all(shares):
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


def _against_heat(two: _TwoLevels) -> list[str]:
    """Ratio of 2t to kT, and the thermal populations of the two levels."""
    thermal, coupling, detuning = two.thermal, two.twice_coupling.value, abs(two.detuning.value)
    if thermal == 0:
        return _populations(two.splitting.value, two.temperature)
    if coupling < _NEGLIGIBLE * thermal:
        return []
    size = f"2t is {coupling / thermal:.2f} times {_thermal_scale(two.temperature)}"
    share = _lower_share(two.splitting.value, two.temperature)
    if coupling < detuning:
        return [f"{size}; {share}."]
    if coupling < thermal:
        return [f"{size}, so both levels are thermally populated: {share}."]
    return [f"{size}, so the coupling exceeds the thermal energy: {share}."]


def _lower_share(splitting: float, temperature: float) -> str:
    share = f"{100 * lower_level_share(splitting, temperature):.0f}\N{NO-BREAK SPACE}%"
    return f"in thermal equilibrium {share} of the electrons of these two levels are in the lower one"


def _populations(splitting: float, temperature: float) -> list[str]:
    """Thermal populations of two levels whose coupling is unknown."""
    if temperature <= 0:
        return [f"At {temperature:g} K the upper level is not thermally populated."]
    scale = f"{splitting / thermal_energy_mev(temperature):.2f} times {_thermal_scale(temperature)}"
    return [f"The splitting is {scale}: {_lower_share(splitting, temperature)}."]


def _against_linewidth(two: _TwoLevels) -> list[str]:
    coupling, detuning = two.twice_coupling.value, abs(two.detuning.value)
    linewidth = two.linewidth
    if linewidth is None or linewidth <= 0 or coupling < _NEGLIGIBLE * two.thermal:
        return []
    size = f"2t is {coupling / linewidth:.2f} times the linewidth of {linewidth:.1f} meV"
    if coupling < detuning:
        return [f"{size}."]
    return [f"{size}, so the two lines {'are resolved' if coupling > linewidth else 'overlap'}."]


def _spacing(pair: Pair | None, dots: Sequence[str]) -> list[str]:
    if pair is None:
        return ["The Coulomb attraction between electron and hole is not included."]
    if pair.spacing is None:
        return []
    name = None if pair.hole_dot is None else dot_name(dots, pair.hole_dot)
    if pair.scheme == "ci":
        where = "" if name is None else f", with the hole in {name},"
        return [f"In configuration interaction{where} moving the electron out of the hole's dot costs {pair.spacing}."]
    if name is None:
        return [f"In the field of the hole the two lowest electron levels are {pair.spacing} apart."]
    return [f"With the hole in {name}, the two lowest electron levels in its field are {pair.spacing} apart."]


def _exciton(values: SolutionValues) -> list[str]:
    if values.pair is None:
        return []
    sentence = f"The exciton lies {values.pair.exciton} above the bulk gap"
    binding = binding_text(values.pair.binding)
    return [f"{sentence} and is {binding}." if binding else f"{sentence}."]


def binding_text(binding: Estimate | None) -> str:
    """Energy of an exciton relative to the molecule's lowest electron and hole levels; empty if unknown.

    An exciton in the higher of two unlike dots may lie above those levels, which are in the other dot, although its own
    electron and hole are bound.

    Examples
    --------
    >>> binding_text(Estimate.from_error(-8.2, 0.1, "meV")).replace(chr(160), " ")
    '8.20 ± 0.10 meV above the lowest electron and hole levels of the molecule'
    """
    if binding is None:
        return ""
    size = format_measured(abs(binding.value), binding.error, binding.unit)
    if not binding.is_significant:
        return f"not significantly bound: {binding}"
    if binding.value > 0:
        return f"bound by {size}"
    return f"{size} above the lowest electron and hole levels of the molecule"


def complex_binding_text(states: ComplexStates) -> str:
    """Binding of a complex relative to its separated parts.

    Examples
    --------
    >>> trion = ComplexStates(2, 1, (), Estimate.from_error(-49.2, 0.6, "meV"), converged=True)
    >>> complex_binding_text(trion).replace(chr(160), " ")
    'unbound by 49.2 ± 0.6 meV'
    """
    binding = states.binding
    if binding is None:
        return f"binding {NO_VALUE}"
    if not binding.is_significant:
        return f"not significantly bound: {binding}"
    size = format_measured(abs(binding.value), binding.error, binding.unit)
    return f"{'bound' if binding.value > 0 else 'unbound'} by {size}"


def state_name(level: ComplexLevel) -> str:
    """Name of a state of a complex: its label, and dark or bright if exchange is included; empty for a single dot."""
    spin = {None: None, 0: "bright", 1: "dark"}[level.total_spin]
    return ", ".join(word for word in (level.label, spin) if word)


def _gap(values: SolutionValues) -> list[str]:
    gap = values.gap
    if gap is None:
        return []
    if gap.value <= 0:
        return [f"The gap is {gap}."]
    return [f"The gap is {gap}, a wavelength of {wavelength_nm(gap.value):.2f} nm."]


def _is_one_dot(values: SolutionValues) -> bool:
    """Whether the molecule is a single dot, whose shift is zero by definition."""
    shift = values.redshift_single_particle
    alone = len(values.monomer_gaps) == 1 or (shift is not None and shift.value == 0)
    return alone and values.splitting is None


def _redshift(values: SolutionValues) -> list[str]:
    if _is_one_dot(values):
        return []
    shift, sentences = values.redshift, []
    if shift is not None:
        text = _shifted(shift)
        sentences.append(
            f"Relative to the monomer the gap shifts by {text}{_in_nm(values.gap, values.monomer_gap)}."
            if shift.is_significant
            else f"Relative to the monomer there is {text}."
        )
    elif values.pair is not None:
        sentences.append("No red shift is reported for this molecule; see the warnings.")
    single = values.redshift_single_particle
    if single is not None:
        verb = "the shift would be" if single.is_significant else "there would be"
        sentences.append(f"Without Coulomb attraction {verb} {_shifted(single)}.")
    return sentences


def _shifted(shift: Estimate) -> str:
    words = ("to the red", "to the blue", "no significant shift")
    return format_change(shift.value, shift.error, "meV", rising=words[0], falling=words[1], none=words[2])


def _in_nm(gap: Estimate | None, monomer: Estimate | None) -> str:
    if gap is None or monomer is None or min(gap.value, monomer.value) <= 0:
        return ""
    shift = format_number(wavelength_shift_nm(gap.value, monomer.value), 3)
    return f", {shift} nm at {wavelength_nm(gap.value):.1f} nm"


def _ranges(values: SolutionValues) -> list[str]:
    if values.ranges is None:
        return []
    sentences = []
    for name, bounds in (("splitting", values.ranges.splitting), ("red shift", values.ranges.redshift)):
        if bounds is not None:
            low, high = (format_number(bound, 2) for bound in bounds)
            sentences.append(
                f"For the alternative values in the material set, the {name} ranges from {low} to {high} meV."
            )
    return sentences


def _convergence(values: SolutionValues) -> list[str]:
    levels = [*values.levels.electron, *values.levels.hole]
    levels += (values.pair.electron_levels if values.pair is not None else None) or ()
    error = max((1000 * level.energy.error for level in levels), default=None)
    bound = "" if error is None else f" The largest numerical error of a level is {format_error(error)} meV."
    meaning = " Errors are numerical only: they do not include the approximations of the model." if bound else ""
    if values.converged:
        return [f"Every energy is converged to its tolerance.{bound}{meaning}"]
    return [f"Not converged or incomplete; see the warnings.{bound}{meaning}"]


def solution_sentences(values: SolutionValues, *, linewidth: float | None = None) -> tuple[str, ...]:
    """Describe a solution in sentences, without its warnings.

    Parameters
    ----------
    values
        The solution, or its values alone.
    linewidth
        Full width at half maximum of a line in meV, with which the tunnel coupling is compared; that of the values
        where not given.

    Returns
    -------
    tuple of str
        Splitting and hybridisation, spacing, exciton, gap, red shift, ranges, convergence, in this order, as far as
        there are any.
    """
    if linewidth is not None:
        values = replace(values, linewidth=linewidth)
    later = (_exciton, _gap, _redshift, _ranges, _convergence)
    return (
        *_splitting(values),
        *_spacing(values.pair, values.dots),
        *(sentence for topic in later for sentence in topic(values)),
    )
