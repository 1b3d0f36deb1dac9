"""Numbers of predicted spectra with their errors, sample by sample and from one sample to another.

The error of a number is its change if nothing were extrapolated in the basis of orbitals, plus the numerical error of
the finite elements; in an ensemble also the interpolation error and twice the standard error of a finite number of
molecules. Errors that two samples have in common cancel in their differences and ratios.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from qdmol.arrays import Floats
from qdmol.estimates import Estimate
from qdmol.optics import direction_mean, growths
from qdmol.prediction.ensembles import EnsembleSpectrum, Misfit
from qdmol.prediction.measures import EDGE_REACH, Reading, edge_peak, read_curves
from qdmol.prediction.molecules import Prepared, prepare_light, without_local_field
from qdmol.prediction.samples import Sample
from qdmol.prediction.values import (
    Conditions,
    Curves,
    EnsembleResult,
    EnsembleSample,
    Line,
    Quantity,
    SampleChange,
    SampleSpectrum,
    SpectralRange,
    estimate,
)
from qdmol.structure import Spec
from qdmol.units import BOLTZMANN_EV_K, HC_EV_NM

# Lines weaker than this part of the strongest are not listed, nor those further (eV) above the first.
MIN_RELATIVE_STRENGTH: Final = 0.01
MAX_HEIGHT_EV: Final = 0.45
CM2: Final = 1e-14  # cm² in a nm²
CM3: Final = 1e-21  # cm³ in a nm³
# Relative error of oscillator strengths from the finite elements, which is of the order of its square or below.
ELEMENT_ERROR: Final = 1e-3
# Factor on the difference of two growths: from three bases they scatter by up to 1.3 times that from four.
GROWTH_SAFETY: Final = 2.0
ENERGY_READINGS: Final[frozenset[Reading]] = frozenset(
    {"absorption_peak", "emission_peak", "absorption_width", "emission_width"}
)
QUANTITIES: Final[tuple[Quantity, ...]] = ("absorption", "emission")
_PEAKS: Final[Mapping[Quantity, Reading]] = {"absorption": "absorption_peak", "emission": "emission_peak"}
_WIDTHS: Final[Mapping[Quantity, Reading]] = {"absorption": "absorption_width", "emission": "emission_width"}


@dataclass(frozen=True, eq=False)
class SampleResult:
    """Curves of a sample, with all contributions to their errors.

    Attributes
    ----------
    sample
        The sample.
    prepared
        Share and lines of each kind of particle, without the ensemble.
    mean, unextrapolated
        Mean curves over these particles in the limit of a complete basis, and in the last basis.
    ensemble
        Curves of the ensemble, None without one.
    impossible
        Particles discarded because their shape is impossible.
    """

    sample: Sample
    prepared: Sequence[tuple[float, Prepared]]
    mean: Curves
    unextrapolated: Curves
    ensemble: EnsembleSpectrum | None
    impossible: int

    @property
    def curves(self) -> Curves:
        """Curves of the ensemble if there is one, else of the mean particles."""
        return self.mean if self.ensemble is None else self.ensemble.mean

    @property
    def curve_error(self) -> Floats:
        """Error (n,) of the absorption in nm²: of the basis near the edge, of each range's strength above it."""
        basis = np.abs(self.mean.absorption - self.unextrapolated.absorption)
        relative = np.minimum(basis / np.maximum(self.mean.absorption, 1e-30), 1.0)
        _, main = self.prepared[-1]
        for part in main.lines.ranges[1:]:
            within = (self.mean.grid >= part.low) & (self.mean.grid < part.high)
            relative[within] = np.maximum(relative[within], min(part.strength_error, 1.0))
        if self.ensemble is None:
            return np.asarray(relative * self.mean.absorption)
        parts = np.array([part.absorption for part in self.ensemble.parts])
        spread = np.sqrt((len(parts) - 1) * np.var(parts, axis=0)) if len(parts) else 0.0
        misfit = self.ensemble.misfit.relative if self.ensemble.misfit is not None else 0.0
        return np.asarray((relative + misfit) * self.ensemble.mean.absorption + spread)

    @cached_property
    def readings(self) -> Mapping[Reading, float]:
        """Readings of the curves."""
        return read_curves(self.curves)

    @cached_property
    def _basis_readings(self) -> tuple[Mapping[Reading, float], Mapping[Reading, float]]:
        return read_curves(self.mean), read_curves(self.unextrapolated)

    @cached_property
    def _parts(self) -> list[Mapping[Reading, float]]:
        return [] if self.ensemble is None else [read_curves(part) for part in self.ensemble.parts]

    @property
    def numerical(self) -> float:
        """Error (eV) of energies that is not due to the basis."""
        return max(particle.light.numerical for _, particle in self.prepared)

    def element_error(self, name: Reading) -> float:
        """Relative error of a reading from the finite elements; a lifetime also depends on thermal populations."""
        if name != "lifetime":
            return ELEMENT_ERROR
        return ELEMENT_ERROR + max(particle.emitters.population_error for _, particle in self.prepared)

    def basis_reading(self, name: Reading, *, last: bool) -> float:
        """A reading of the mean particles in the limit of a complete basis, or in the last basis."""
        return self._basis_readings[last][name]

    def basis_change(self, name: Reading) -> float:
        """Change of a reading by the extrapolation in the basis."""
        limit, last = self._basis_readings
        return limit[name] - last[name]

    def misfit(self, name: Reading) -> float:
        """Error of a reading from the interpolation of an ensemble."""
        return 0.0 if self.ensemble is None else misfit_error(self.ensemble.misfit, name, self.readings[name])

    def without_parts(self, name: Reading) -> list[float]:
        """A reading of the means that each leave out one part of the molecules."""
        return [part[name] for part in self._parts]

    def sampling(self, name: Reading) -> float:
        """Error of a reading from the interpolation and from a finite number of molecules (two standard errors)."""
        return self.misfit(name) + 2 * jackknife(self.without_parts(name))

    def error(self, name: Reading) -> float:
        """Error of a reading in its own unit."""
        if name in ENERGY_READINGS:
            elements = self.numerical
        elif name == "emission_wavelength":
            elements = self.readings[name] ** 2 * self.numerical / HC_EV_NM
        else:
            elements = self.element_error(name) * abs(self.readings[name])
        return abs(self.basis_change(name)) + elements + self.sampling(name)

    @property
    def edge_error(self) -> float:
        """Largest error (eV) of the levels that make up the band edge's peak."""
        worst = 0.0
        for _, particle in self.prepared:
            levels = particle.limit.levels
            strength = direction_mean(levels.moment, particle.light.directions).sum(axis=1)
            strong = (levels.energy <= levels.energy[0] + EDGE_REACH) & (strength > 0.1 * strength.max())
            worst = max(worst, float(particle.limit.error[strong].max(initial=0.0)))
        return worst

    @property
    def blue_error(self) -> float:
        """Error (nm²) of the cross-section at 300 nm: the mismatch of the density of states with the pairs below it."""
        strength = max(particle.lines.ranges[-1].strength_error for _, particle in self.prepared)
        return self.readings["cross_section_300nm"] * min(strength, 1.0) + self.sampling("cross_section_300nm")

    @property
    def bulk_cross_section(self) -> float | None:
        """Σ V α |E|² n_r/n (cm²) with the bulk's own absorption at 300 nm, mean over the particles; None where unknown.

        A small particle absorbs as its bulk would in the field inside (Hens and Moreels, J. Mater. Chem. 22, 10406
        (2012), doi:10.1039/c2jm30760j).
        """
        total = 0.0
        for share, particle in self.prepared:
            for region in particle.light.regions:
                if region.absorption is None or region.index is None:
                    return None
                intensity = float(direction_mean(region.intensity, particle.light.directions))
                volume = float(region.volume.sum()) * CM3
                total += share * volume * region.absorption * intensity * region.index / particle.light.index
        return total


def jackknife(values: Sequence[float]) -> float:
    """Standard error of a mean, from its values without each part of the molecules.

    B. Efron, The Jackknife, the Bootstrap and Other Resampling Plans, SIAM (1982), doi:10.1137/1.9781611970319.
    """
    return float(np.sqrt((len(values) - 1) * np.var(values))) if len(values) else 0.0


def misfit_error(misfit: Misfit | None, name: Reading, value: float) -> float:
    """Error of a reading from the interpolation of an ensemble."""
    if misfit is None:
        return 0.0
    energies: Mapping[Reading, float] = {
        "absorption_peak": misfit.edge,
        "absorption_width": misfit.edge_width,
        "emission_peak": misfit.emission,
        "emission_width": misfit.emission_width,
    }
    if name == "emission_wavelength":
        return value**2 * misfit.emission / HC_EV_NM
    # Misplaced absorption is neither lost nor gained: heights and areas are off by at most as much.
    return energies[name] if name in energies else abs(value) * misfit.relative


def sample_spectrum(result: SampleResult, conditions: Conditions) -> SampleSpectrum:
    """Spectrum of a sample, each number with its error."""
    readings, curves = result.readings, result.curves
    _, main = result.prepared[-1]
    blue, blue_error, bulk = readings["cross_section_300nm"], result.blue_error, result.bulk_cross_section
    ratio = readings["ratio_edge_to_300nm"]

    def number(name: Reading, unit: str, factor: float = 1.0) -> Estimate | None:
        return estimate(factor * readings[name], factor * result.error(name), unit)

    wavelength = readings["emission_wavelength"]
    return SampleSpectrum(
        name=result.sample.name,
        dots=main.light.dots,
        grid=curves.grid,
        absorption=curves.absorption,
        absorption_error=result.curve_error,
        emission=curves.emission,
        absorption_kind=edge_peak(curves.grid, curves.absorption).kind,
        absorption_peak=number("absorption_peak", "eV"),
        absorption_width=number("absorption_width", "meV", 1000),
        emission_peak=number("emission_peak", "eV"),
        emission_width=number("emission_width", "meV", 1000),
        emission_wavelength=wavelength if np.isfinite(wavelength) else None,
        band_edge_cross_section=number("band_edge_height", "cm2", CM2),
        cross_section_300nm=estimate(CM2 * blue, CM2 * blue_error, "cm2"),
        bulk_cross_section_300nm=bulk,
        ratio_to_bulk_300nm=None if bulk is None else estimate(CM2 * blue / bulk, CM2 * blue_error / bulk),
        ratio_edge_to_300nm=estimate(ratio, result.error("ratio_edge_to_300nm") + ratio * blue_error / blue),
        lifetime=number("lifetime", "ns"),
        polarisation=_polarisation(main),
        ranges=_ranges(main),
        lines=_sample_lines(result, conditions),
        members=None if result.ensemble is None else result.ensemble.absorption,
    )


def _sample_lines(result: SampleResult, conditions: Conditions) -> tuple[Line, ...]:
    """Lines of every kind of particle by energy, their strengths times its share of the particles."""
    dots = result.sample.single or (None,) * len(result.prepared)
    lines = [
        line
        for dot, (share, particle) in zip(dots, result.prepared, strict=True)
        for line in _lines(particle, conditions, share=share, dot=dot)
    ]
    return tuple(sorted(lines, key=lambda line: line.energy.value))


def _lines(prepared: Prepared, conditions: Conditions, *, share: float, dot: int | None) -> list[Line]:
    """Excitons of one molecule that absorb near the band edge."""
    levels, gap = prepared.limit.levels, prepared.light.band_gap
    energy = gap + levels.energy
    if conditions.exchange is not None:
        energy = energy + conditions.exchange * np.nan_to_num(levels.contact)
    strength = 2 * direction_mean(levels.moment, prepared.light.directions) / energy[:, None]
    total = strength.sum(axis=1)
    near = levels.energy <= levels.energy[0] + MAX_HEIGHT_EV
    thermal_energy = BOLTZMANN_EV_K * max(conditions.temperature, 1e-3)
    population = levels.degeneracy * np.exp(-(levels.energy - levels.energy[0]) / thermal_energy)
    population = population / population.sum()
    relative_error = 1 - 1 / prepared.limit.growth
    return [
        Line(
            energy=Estimate.from_error(float(energy[k]), float(prepared.limit.error[k]), "eV"),
            strength=Estimate.from_error(share * float(total[k]), share * float(total[k]) * relative_error),
            dot_shares=tuple(float(value) for value in strength[k] / total[k]),
            thermal_share=float(population[k]),
            dot=dot,
        )
        for k in np.flatnonzero((total > MIN_RELATIVE_STRENGTH * total.max()) & near)
    ]


def _ranges(prepared: Prepared) -> tuple[SpectralRange, ...]:
    """Ranges of the spectrum with their errors."""
    box = prepared.light.pairs.box
    start = None if box is None else prepared.light.band_gap + box
    return tuple(
        SpectralRange(
            part.name,
            part.low,
            part.high,
            part.strength_error,
            part.energy_error,
            None if start is None or start > part.high or part.name == "excitons" else start,
        )
        for part in prepared.lines.ranges
    )


def _polarisation(prepared: Prepared) -> float | None:
    """(along - across) / (along + across) of the band edge's strength; None without these directions."""
    levels = prepared.limit.levels
    low = levels.energy <= levels.energy[0] + EDGE_REACH
    moments = dict(zip(prepared.light.directions, levels.moment[low].sum(axis=(0, 1)), strict=True))
    if set(moments) != {"across", "along"}:
        return None
    across, along = moments["across"], moments["along"]
    return float((along - across) / (along + across))


def sample_change(before: SampleResult, after: SampleResult, conditions: Conditions) -> SampleChange:
    """Change from one sample to another; a shift to the red is positive."""
    ratio = after.readings["cross_section_300nm"] / before.readings["cross_section_300nm"]
    limit, last = (_bare_ratios(before, after, conditions, extrapolated=known) for known in (True, False))

    def bare(place: int, name: Reading) -> Estimate | None:
        relative = _element_error(before, after, name) + _growth_difference(before, after)
        return estimate(limit[place], abs(limit[place] - last[place]) + relative * limit[place])

    return SampleChange(
        before=before.sample.name,
        after=after.sample.name,
        redshift={quantity: _difference(before, after, _PEAKS[quantity], sign=-1.0) for quantity in QUANTITIES},
        broadening={quantity: _difference(before, after, _WIDTHS[quantity], sign=1.0) for quantity in QUANTITIES},
        lifetime_ratio=_ratio(before, after, "lifetime"),
        band_edge_ratio=_ratio(before, after, "band_edge_area"),
        cross_section_300nm_ratio=estimate(ratio, _blue_ratio_error(before, after)),
        lifetime_ratio_no_local_field=bare(0, "lifetime"),
        band_edge_ratio_no_local_field=bare(1, "band_edge_area"),
    )


def _difference(before: SampleResult, after: SampleResult, name: Reading, *, sign: float) -> Estimate | None:
    """Difference (meV) of a reading in eV; the basis changes both numbers much alike."""
    common = abs(after.basis_change(name) - before.basis_change(name))
    differences = [b - a for a, b in _without_same_parts(before, after, name)]
    own = before.numerical + after.numerical + before.misfit(name) + after.misfit(name) + 2 * jackknife(differences)
    return estimate(1000 * sign * (after.readings[name] - before.readings[name]), 1000 * (common + own), "meV")


def _ratio(before: SampleResult, after: SampleResult, name: Reading) -> Estimate | None:
    """Ratio of a reading; the basis changes both numbers much alike."""
    limits, lasts = ([result.basis_reading(name, last=last) for result in (before, after)] for last in (False, True))
    basis = abs(limits[1] / limits[0] - lasts[1] / lasts[0])
    ratio = after.readings[name] / before.readings[name]
    ratios = [b / a for a, b in _without_same_parts(before, after, name)]
    misfit = ratio * sum(result.misfit(name) / result.readings[name] for result in (before, after))
    error = basis + ratio * _growth_difference(before, after) + misfit + 2 * jackknife(ratios)
    return estimate(ratio, error + _element_error(before, after, name) * ratio)


def _blue_ratio_error(before: SampleResult, after: SampleResult) -> float:
    """Error of the ratio of cross-sections at 300 nm, in which most of the error of the density of states cancels."""
    name: Reading = "cross_section_300nm"
    first, second = (
        max(particle.lines.ranges[-1].excess for _, particle in result.prepared) for result in (before, after)
    )
    ratio = after.readings[name] / before.readings[name]
    ratios = [b / a for a, b in _without_same_parts(before, after, name)]
    misfit = sum(result.misfit(name) / result.readings[name] for result in (before, after))
    return ratio * (abs(second - first) + misfit + ELEMENT_ERROR) + 2 * jackknife(ratios)


def _element_error(before: SampleResult, after: SampleResult, name: Reading) -> float:
    return max(before.element_error(name), after.element_error(name))


def _growth_difference(before: SampleResult, after: SampleResult) -> float:
    """Relative difference of the growths of two samples' strengths, for which one common growth is used.

    Each sample's own growth follows from the bases that both have.
    """
    bases = min(len(particle.light.edge) for result in (before, after) for _, particle in result.prepared)
    first, second = (
        sum(share * growths(particle.light.edge[:bases])[-1] for share, particle in result.prepared)
        / sum(share for share, _ in result.prepared)
        for result in (before, after)
    )
    return GROWTH_SAFETY * abs(second / first - 1)


def _without_same_parts(before: SampleResult, after: SampleResult, name: Reading) -> list[tuple[float, float]]:
    """A reading of both samples without each part of the molecules, which are the same ones in both."""
    return list(zip(before.without_parts(name), after.without_parts(name), strict=True))


def _bare_ratios(
    before: SampleResult, after: SampleResult, conditions: Conditions, *, extrapolated: bool
) -> tuple[float, float]:
    """Ratios of lifetimes and of band edges without local field, in the limit of a complete basis or the last basis."""
    first, second = (_bare(result, conditions, extrapolated=extrapolated) for result in (before, after))
    return second[1] / first[1], second[0] / first[0]


def _bare(result: SampleResult, conditions: Conditions, *, extrapolated: bool) -> tuple[float, float]:
    """Strength of the band edge and lifetime of the mean particles without local field."""
    prepared = result.prepared
    if not extrapolated:
        # The gaps of prepared molecules are shifted already.
        last = replace(conditions, extrapolated=False, shift=0.0)
        prepared = [(share, prepare_light(particle.light, last)) for share, particle in prepared]
    parts = [(share, *without_local_field(particle, conditions)) for share, particle in prepared]
    return sum(share * strength for share, strength, _ in parts), sum(share * time for share, _, time in parts)


def ensemble_result(spec: Spec, results: Sequence[SampleResult], *, exact: bool) -> EnsembleResult | None:
    """Computation of the ensemble of a spec; None without an ensemble."""
    if spec.ensemble is None:
        return None
    samples = []
    for result in results:
        assert result.ensemble is not None
        ensemble, misfit = result.ensemble, result.ensemble.misfit
        errors = () if misfit is None else (misfit.relative, misfit.edge, misfit.emission)
        sample = EnsembleSample(result.sample.name, result.impossible, ensemble.shapes, ensemble.failed, *errors)
        samples.append(sample)
    single_dots = round(spec.ensemble.monomers * spec.ensemble.members)
    return EnsembleResult(spec.ensemble.members, single_dots, exact, tuple(samples))
