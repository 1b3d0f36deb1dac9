"""The JSON object of ``qdmol spectrum``: every number with its error, in the units its key names.

An error is what the number would change by if nothing were extrapolated in the basis, and of an ensemble also what the
polynomial got wrong and the standard error of a finite number of members.

Lines and ranges of a spectrum as they stand in the JSON object.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from qdmol.arrays import Floats
from qdmol.optics import direction_mean, growths, hottest
from qdmol.prediction.ensembles import EnsembleSpectrum
from qdmol.prediction.fields import FieldSweep
from qdmol.prediction.measures import EDGE_REACH, edge_peak
from qdmol.prediction.molecules import Prepared, prepare_light, without_local_field
from qdmol.prediction.reading import jackknife, misfit_of, read_numbers
from qdmol.prediction.samples import Sample
from qdmol.prediction.values import Conditions, SampleSpectrum
from qdmol.structure import Spec
from qdmol.units import BOLTZMANN_EV_K, HC_EV_NM

# Lines weaker than this part of the strongest are not listed, nor those further (eV) above the first.
WEAKEST = 0.01
FARTHEST = 0.45


def line_objects(prepared: Prepared, conditions: Conditions, *, share: float) -> list[dict[str, Any]]:
    """The excitons that absorb near the band edge: energy, oscillator strength, where, and how many heat puts there.

    Strengths are times the `share` of the particles that are of this kind.
    """
    levels, gap = prepared.limit.levels, prepared.light.band_gap
    energy = gap + levels.energy
    if conditions.exchange is not None:
        energy = energy + conditions.exchange * np.nan_to_num(levels.contact)
    strength = 2 * direction_mean(levels.moment) / energy[:, None]
    total = strength.sum(axis=1)
    chosen = np.flatnonzero((total > WEAKEST * total.max()) & (levels.energy <= levels.energy[0] + FARTHEST))
    heat = BOLTZMANN_EV_K * max(conditions.temperature, 1e-3)
    population = levels.degeneracy * np.exp(-(levels.energy - levels.energy[0]) / heat)
    population = population / population.sum()
    doubt = 1 - 1 / prepared.limit.growth
    return [
        {
            "energy_eV": float(energy[k]),
            "error_meV": 1000 * float(prepared.limit.error[k]),
            "wavelength_nm": HC_EV_NM / float(energy[k]),
            "oscillator_strength": share * float(total[k]),
            "oscillator_strength_error": share * float(total[k]) * doubt,
            "dot_shares": [float(value) for value in strength[k] / total[k]],
            "thermal_share": float(population[k]),
        }
        for k in chosen
    ]


def range_objects(prepared: Prepared) -> list[dict[str, Any]]:
    """The parts of the spectrum, and how wrong each may be."""
    box = prepared.light.pairs.box
    return [
        {
            "name": one.name,
            "from_eV": one.low,
            "to_eV": one.high,
            "strength_error": one.strength_error,
            "energy_error_meV": None if one.energy_error is None else 1000 * one.energy_error,
            "box_states_from_eV": None
            if box is None or prepared.light.band_gap + box > one.high or one.name == "excitons"
            else prepared.light.band_gap + box,
        }
        for one in prepared.lines.ranges
    ]


CM2 = 1e-14  # cm² in a nm²
CM3 = 1e-21  # cm³ in a nm³
LEAST_OF_BULK = 0.7  # of the bulk's absorption at 300 nm; with less a warning says so
ELEMENTS = 1e-3  # relative error of strengths that the elements leave: of their square, far below in every test
# Three bases tell growths apart too little: against one basis more by up to 1.3 times.
GROWTH_SAFETY = 2.0
ENERGIES = ("absorption_peak", "emission_peak", "absorption_width", "emission_width")


@dataclass(frozen=True, eq=False)
class SampleResult:
    """A sample: its particles without ensemble, the mean over them in the limit and in the last basis, the ensemble."""

    sample: Sample
    prepared: Sequence[tuple[float, Prepared]]
    mean: SampleSpectrum
    rough: SampleSpectrum
    ensemble: EnsembleSpectrum | None
    impossible: int

    @property
    def spectrum(self) -> SampleSpectrum:
        """What is shown: of the ensemble where there is one."""
        return self.mean if self.ensemble is None else self.ensemble.mean

    @property
    def curve_error(self) -> Floats:
        """Error (n,) of the absorption in nm²: of the basis near the edge, above it that of each range's strength."""
        basis = np.abs(self.mean.absorption - self.rough.absorption)
        relative = np.minimum(basis / np.maximum(self.mean.absorption, 1e-30), 1.0)
        _, main = self.prepared[-1]
        for one in main.lines.ranges[1:]:
            within = (self.mean.grid >= one.low) & (self.mean.grid < one.high)
            relative[within] = np.maximum(relative[within], min(one.strength_error, 1.0))
        if self.ensemble is None:
            return np.asarray(relative * self.mean.absorption)
        parts = np.array([part.absorption for part in self.ensemble.parts])
        spread = np.sqrt((len(parts) - 1) * np.var(parts, axis=0)) if len(parts) else 0.0
        misfit = self.ensemble.misfit.relative if self.ensemble.misfit is not None else 0.0
        return np.asarray((relative + misfit) * self.ensemble.mean.absorption + spread)

    @cached_property
    def numbers(self) -> Mapping[str, float]:
        """Every number read off the spectrum."""
        return read_numbers(self.spectrum)

    @cached_property
    def _readings(self) -> tuple[Mapping[str, float], Mapping[str, float]]:
        return read_numbers(self.mean), read_numbers(self.rough)

    @cached_property
    def _parts(self) -> list[dict[str, float]]:
        return [] if self.ensemble is None else [read_numbers(part) for part in self.ensemble.parts]

    @property
    def numerical(self) -> float:
        """Error (eV) of energies that is not of the basis."""
        return max(one.light.numerical for _, one in self.prepared)

    def elements(self, name: str) -> float:
        """Relative error of a number that the elements leave: a lifetime also depends on the populations of levels."""
        if name != "lifetime":
            return ELEMENTS
        return ELEMENTS + max(one.emitters.population_error for _, one in self.prepared)

    def reading(self, name: str, *, last: bool) -> float:
        """A number of the mean particles in the limit, or in the last basis."""
        return self._readings[last][name]

    def basis_change(self, name: str) -> float:
        """What the limit of the basis does to a number."""
        limit, last = self._readings
        return limit[name] - last[name]

    def misfit(self, name: str) -> float:
        """What the polynomial of an ensemble may do to a number."""
        return 0.0 if self.ensemble is None else misfit_of(self.ensemble.misfit, name, self.numbers[name])

    def without(self, name: str) -> list[float]:
        """A number of the mean without each part of the molecules."""
        return [part[name] for part in self._parts]

    def sampling(self, name: str) -> float:
        """What the polynomial and a finite number of molecules may do to a number, two standard errors of these."""
        return self.misfit(name) + 2 * jackknife(self.without(name))

    def error(self, name: str) -> float:
        """Error of a number in its own unit."""
        if name in ENERGIES:
            rest = self.numerical
        elif name == "emission_wavelength":
            rest = self.numbers[name] ** 2 * self.numerical / HC_EV_NM
        else:
            rest = self.elements(name) * abs(self.numbers[name])
        return abs(self.basis_change(name)) + rest + self.sampling(name)


def summarise_spectra(
    spec: Spec,
    results: Sequence[SampleResult],
    conditions: Conditions,
    *,
    calibrated: bool,
    sweep: FieldSweep | None,
    exact: bool,
    elapsed: float,
) -> dict[str, Any]:
    """Every number of a run; null where there is none."""
    warnings = _warnings(spec, results, sweep)
    accurate = all(_edge_error(result) <= spec.calculation.ci_tolerance / 1000 for result in results)
    summary = {
        "qdmol": 1,
        "name": spec.name,
        "converged": accurate and (sweep is None or not sweep.failed),
        "temperature_K": conditions.temperature,
        "homogeneous_width_meV": 1000 * conditions.broadening.fwhm,
        "stokes_shift_meV": 1000 * conditions.broadening.stokes,
        "calibration_shift_meV": 1000 * conditions.shift if calibrated else None,
        "samples": [_sample(result, conditions) for result in results],
        "changes": [_change(one, two, conditions) for one, two in combinations(results, 2)],
        "ensemble": _ensemble(spec, results, exact=exact),
        "field": None if sweep is None else sweep.as_dict(),
        "warnings": warnings,
        "elapsed_s": elapsed,
    }
    return {key: _finite(value) for key, value in summary.items()}


def _finite(value: Any) -> Any:
    """Plain numbers, null for what is not finite."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value


def _sample(result: SampleResult, conditions: Conditions) -> dict[str, Any]:
    found, error = result.numbers, result.error
    kind = edge_peak(result.spectrum.grid, result.spectrum.absorption).kind
    _, main = result.prepared[-1]
    bulk = _bulk(result)
    return {
        "sample": result.sample.name,
        "dots": main.light.dots,
        "absorption_peak_eV": found["absorption_peak"],
        "absorption_peak_error_meV": 1000 * error("absorption_peak"),
        "absorption_peak_nm": HC_EV_NM / found["absorption_peak"],
        "absorption_kind": kind,
        "absorption_width_meV": 1000 * found["absorption_width"],
        "absorption_width_error_meV": 1000 * error("absorption_width"),
        "emission_peak_eV": found["emission_peak"],
        "emission_peak_error_meV": 1000 * error("emission_peak"),
        "emission_peak_nm": found["emission_wavelength"],
        "emission_width_meV": 1000 * found["emission_width"],
        "emission_width_error_meV": 1000 * error("emission_width"),
        "band_edge_cross_section_cm2": CM2 * found["height"],
        "band_edge_cross_section_error_cm2": CM2 * error("height"),
        "cross_section_300nm_cm2": CM2 * found["blue"],
        "cross_section_300nm_error_cm2": CM2 * _blue_error(result),
        "bulk_cross_section_300nm_cm2": bulk,
        "ratio_to_bulk_300nm": None if bulk is None else CM2 * found["blue"] / bulk,
        "ratio_to_bulk_300nm_error": None if bulk is None else CM2 * _blue_error(result) / bulk,
        "ratio_edge_to_300nm": found["ratio"],
        "ratio_edge_to_300nm_error": error("ratio") + found["ratio"] * _blue_error(result) / found["blue"],
        "radiative_lifetime_ns": found["lifetime"],
        "radiative_lifetime_error_ns": error("lifetime"),
        "polarisation": _polarisation(main),
        "ranges": range_objects(main),
        "lines": _lines(result, conditions),
    }


def _lines(result: SampleResult, conditions: Conditions) -> list[dict[str, Any]]:
    """The lines of every kind of particle, each with its share of the particles in its strength."""
    single = result.sample.single or (None,) * len(result.prepared)
    found = []
    for number, (share, one) in zip(single, result.prepared, strict=True):
        found += [{"dot": number, **line} for line in line_objects(one, conditions, share=share)]
    return sorted(found, key=lambda line: line["energy_eV"])


def _blue_error(result: SampleResult) -> float:
    """Error (nm²) of the cross-section at 300 nm: what the density of states disagrees by with the pairs below it."""
    strength = max(one.lines.ranges[-1].strength_error for _, one in result.prepared)
    return result.numbers["blue"] * min(strength, 1.0) + result.sampling("blue")


def _blue_ratio_error(one: SampleResult, two: SampleResult) -> float:
    """Error of the ratio of cross-sections at 300 nm: what the density of states has too much is alike in both."""
    first, second = (max(part.lines.ranges[-1].excess for _, part in result.prepared) for result in (one, two))
    ratio = two.numbers["blue"] / one.numbers["blue"]
    apart = [b / a for a, b in _paired(one, two, "blue")]
    misfit = sum(result.misfit("blue") / result.numbers["blue"] for result in (one, two))
    return ratio * (abs(second - first) + misfit + ELEMENTS) + 2 * jackknife(apart)


def _bulk(result: SampleResult) -> float | None:
    """Σ V α |E|² n_r/n (cm²) with the bulk's own absorption at 300 nm, mean over the particles; None where unknown.

    A small particle absorbs as its bulk would in the field inside (Hens and Moreels, J. Mater. Chem. 22, 10406 (2012),
    doi:10.1039/c2jm30760j).
    """
    total = 0.0
    for share, one in result.prepared:
        for region in one.light.regions:
            if region.absorption is None or region.index is None:
                return None
            intensity = (2 * region.intensity[0] + region.intensity[1]) / 3
            volume = float(region.volume.sum()) * CM3
            total += share * volume * region.absorption * intensity * region.index / one.light.index
    return total


def _polarisation(prepared: Prepared) -> float:
    """(Along - across) / (along + across) of the band edge's strength."""
    levels = prepared.limit.levels
    low = levels.energy <= levels.energy[0] + EDGE_REACH
    across, along = levels.moment[low].sum(axis=(0, 1))
    return float((along - across) / (along + across))


def _change(one: SampleResult, two: SampleResult, conditions: Conditions) -> dict[str, Any]:
    """From one sample to another; a shift to the red is positive."""
    found: dict[str, Any] = {"from": one.sample.name, "to": two.sample.name}
    for quantity in ("absorption", "emission"):
        for word, name, sign in (("redshift", "peak", -1.0), ("broadening", "width", 1.0)):
            key = f"{quantity}_{name}"
            found[f"{word}_{quantity}_meV"] = 1000 * sign * (two.numbers[key] - one.numbers[key])
            common = abs(two.basis_change(key) - one.basis_change(key))
            apart = [b - a for a, b in _paired(one, two, key)]
            rest = one.numerical + two.numerical + one.misfit(key) + two.misfit(key) + 2 * jackknife(apart)
            found[f"{word}_{quantity}_error_meV"] = 1000 * (common + rest)
    for word, name in (("lifetime", "lifetime"), ("band_edge", "area")):
        ratio = two.numbers[name] / one.numbers[name]
        found[f"{word}_ratio"] = ratio
        elements = max(one.elements(name), two.elements(name))
        found[f"{word}_ratio_error"] = _ratio_error(one, two, name) + elements * ratio
    found["cross_section_300nm_ratio"] = two.numbers["blue"] / one.numbers["blue"]
    found["cross_section_300nm_ratio_error"] = _blue_ratio_error(one, two)
    limit, last = (_bare_ratios(one, two, conditions, extrapolated=known) for known in (True, False))
    for name, ratio, rough, number in zip(("lifetime", "band_edge"), limit, last, ("lifetime", "area"), strict=True):
        elements = max(one.elements(number), two.elements(number))
        found[f"{name}_ratio_no_local_field"] = ratio
        found[f"{name}_ratio_no_local_field_error"] = abs(ratio - rough) + (elements + _growth_apart(one, two)) * ratio
    return found


def _growth_apart(one: SampleResult, two: SampleResult) -> float:
    """By what part strengths of two samples grow differently towards the limit, for which one growth stands for all.

    Each sample's own growth follows from the bases that both have.
    """
    bases = min(len(part.light.edge) for result in (one, two) for _, part in result.prepared)
    first, second = (
        sum(share * growths(part.light.edge[:bases])[-1] for share, part in result.prepared)
        / sum(share for share, _ in result.prepared)
        for result in (one, two)
    )
    return GROWTH_SAFETY * abs(second / first - 1)


def _ratio_error(one: SampleResult, two: SampleResult, name: str) -> float:
    """Error of a ratio: the limit of the basis changes both numbers much alike."""
    limits, lasts = ([result.reading(name, last=last) for result in (one, two)] for last in (False, True))
    basis = abs(limits[1] / limits[0] - lasts[1] / lasts[0])
    ratio = two.numbers[name] / one.numbers[name]
    apart = [b / a for a, b in _paired(one, two, name)]
    misfit = ratio * sum(result.misfit(name) / result.numbers[name] for result in (one, two))
    return basis + ratio * _growth_apart(one, two) + misfit + 2 * jackknife(apart)


def _paired(one: SampleResult, two: SampleResult, name: str) -> list[tuple[float, float]]:
    """A number of both means without each part of the molecules, which are the same ones in both."""
    return list(zip(one.without(name), two.without(name), strict=True))


def _bare_ratios(
    one: SampleResult, two: SampleResult, conditions: Conditions, *, extrapolated: bool
) -> tuple[float, float]:
    """Ratios of lifetimes and of band edges with the same field of light everywhere, in the limit or the last basis."""
    first, second = (_bare(result, conditions, extrapolated=extrapolated) for result in (one, two))
    return second[1] / first[1], second[0] / first[0]


def _bare(result: SampleResult, conditions: Conditions, *, extrapolated: bool) -> tuple[float, float]:
    """Band edge's strength and lifetime of the mean particles with the same field of light everywhere."""
    prepared = result.prepared
    if not extrapolated:
        # The gaps of prepared molecules are shifted already.
        rough = replace(conditions, extrapolated=False, shift=0.0)
        prepared = [(share, prepare_light(one.light, rough)) for share, one in prepared]
    parts = [(share, *without_local_field(one, conditions)) for share, one in prepared]
    return sum(share * strength for share, strength, _ in parts), sum(share * time for share, _, time in parts)


def _edge_error(result: SampleResult) -> float:
    """Largest error (eV) of the levels that make the band edge's peak."""
    worst = 0.0
    for _, one in result.prepared:
        levels = one.limit.levels
        strength = direction_mean(levels.moment).sum(axis=1)
        strong = (levels.energy <= levels.energy[0] + EDGE_REACH) & (strength > 0.1 * strength.max())
        worst = max(worst, float(one.limit.error[strong].max(initial=0.0)))
    return worst


def _ensemble(spec: Spec, results: Sequence[SampleResult], *, exact: bool) -> dict[str, Any] | None:
    if spec.ensemble is None:
        return None
    found: list[dict[str, Any]] = []
    for result in results:
        ensemble = result.ensemble
        assert ensemble is not None
        misfit = ensemble.misfit
        found.append(
            {
                "sample": result.sample.name,
                "impossible": result.impossible,
                "solved_shapes": ensemble.shapes,
                "failed_shapes": ensemble.failed,
                "error_relative": None if misfit is None else misfit.relative,
                "absorption_peak_error_meV": None if misfit is None else 1000 * misfit.edge,
                "emission_peak_error_meV": None if misfit is None else 1000 * misfit.emission,
            }
        )
    return {
        "members": spec.ensemble.members,
        "single_dots": round(spec.ensemble.monomers * spec.ensemble.members),
        "impossible": max(result.impossible for result in results),
        "solved_shapes": sum(one["solved_shapes"] for one in found),
        "method": "every particle solved" if exact else "polynomial through solved shapes",
        "error_relative": max(
            (one["error_relative"] for one in found if one["error_relative"] is not None), default=None
        ),
        "peak_error_meV": max(
            (one["absorption_peak_error_meV"] for one in found if one["absorption_peak_error_meV"] is not None),
            default=None,
        ),
        "samples": found,
    }


def _remark(result: SampleResult) -> str | None:
    """What a sample of several kinds of particles is."""
    if len(result.prepared) == 1:
        return None
    shares = ", ".join(f"{100 * share:.0f} %" for share, _ in result.prepared)
    return f"The {result.sample.name} sample is a mixture of the molecule's unlike dots: {shares}."


def _bulk_warning(results: Sequence[SampleResult]) -> list[str]:
    """How far absorption at 300 nm is from that of the bulk: of all samples the farthest."""
    ratios = [CM2 * result.numbers["blue"] / bulk for result in results if (bulk := _bulk(result))]
    if not ratios or min(ratios) > LEAST_OF_BULK:
        return []
    return [
        f"At 300 nm absorption is {min(ratios):.2f} of the bulk's as the material set cites it, and in `bulk` too low "
        "by about as much: the model has one hole band. No error contains this; it is the same in all samples."
    ]


def _warnings(spec: Spec, results: Sequence[SampleResult], sweep: FieldSweep | None) -> list[str]:
    found = [note for result in results for _, one in result.prepared for note in one.light.notes]
    for result in results:
        error, allowed = 1000 * _edge_error(result), spec.calculation.ci_tolerance
        if error > allowed:
            found.append(
                f"The band edge of the {result.sample.name} sample is known to {error:.2g} meV, not to the tolerance "
                f"of {allowed:g} meV."
            )
        for _, one in result.prepared:
            if one.light.pairs.box is not None:
                found.append(
                    f"Above {one.light.band_gap + one.light.pairs.box:.2f} eV pairs of the {result.sample.name} sample "
                    "have a level above the medium's barrier: states of a box whose wall stands "
                    f"{one.light.pairs.wall:.2f} nm outside the surface."
                )
        if result.impossible:
            found.append(
                f"{result.impossible} particles of the {result.sample.name} sample cannot be (cores that overlap, "
                "necks wider than dots) and are left out."
            )
        if spec.environment.temperature > min(hottest(one.light) for _, one in result.prepared):
            found.append(
                f"At {spec.environment.temperature:g} K excitons higher than those computed are populated in the "
                f"{result.sample.name} sample: its emission and lifetime leave them out."
            )
        for number in result.sample.left_out:
            core = spec.molecule.dots[number].core
            found.append(
                f"Dot {number} ({core.material}) alone binds no level of one carrier: it is left out of the "
                f"{result.sample.name} sample."
            )
    found += [text for result in results if (text := _remark(result))]
    if sweep is not None and sweep.failed:
        found.append(f"{len(sweep.failed)} of {len(sweep.fields)} fields could not be solved.")
    return list(dict.fromkeys(found + _bulk_warning(results)))
