"""Values of predicted spectra: calibration, conditions, and the spectra of samples with their numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from qdmol.arrays import Floats
from qdmol.estimates import Estimate
from qdmol.optics import Broadening
from qdmol.units import HC_EV_NM

Quantity = Literal["absorption", "emission"]

_BLENDED = 0.06  # eV, standard deviation over which the error of one method goes over into that of the next


@dataclass(frozen=True, slots=True)
class Calibration:
    """Photon energy (eV) at which the monomer's peak lies: of absorption, or of emission per nm."""

    quantity: Quantity
    energy_eV: float  # noqa: N815  # the unit's own letters


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditions under which transitions become spectra.

    Attributes
    ----------
    temperature
        In K.
    broadening
        Line shape.
    exchange
        Exchange constant in eV nm³; None neglects exchange.
    growth
        Factors by which oscillator strengths grow from each basis to the limit of a complete one.
    extrapolated
        Whether levels and strengths are extrapolated to that limit, or are those of the last basis.
    shift
        Added to every band gap, in eV.
    """

    temperature: float
    broadening: Broadening
    exchange: float | None
    growth: tuple[float, ...]
    extrapolated: bool = True
    shift: float = 0.0


@dataclass(frozen=True, eq=False)
class Curves:
    """Curves per particle at photon energies `grid` (n,) in eV.

    `absorption` is a cross-section (nm²), `emission` has unit area (1/eV); `lifetime` (ns) is the mean radiative
    lifetime, weighted by the absorption of each particle at 300 nm.
    """

    grid: Floats
    absorption: Floats
    emission: Floats
    lifetime: float


@dataclass(frozen=True, slots=True)
class Line:
    """Exciton that absorbs near the band edge.

    Attributes
    ----------
    energy
        Photon energy in eV.
    strength
        Oscillator strength, times the share of the sample's particles that have this line.
    dot_shares
        Part of the strength at each dot.
    thermal_share
        Part of the excitons in this level in thermal equilibrium.
    dot
        In a sample of single dots the dot, numbered as in the spec; else None.
    """

    energy: Estimate
    strength: Estimate
    dot_shares: tuple[float, ...]
    thermal_share: float
    dot: int | None = None

    @property
    def wavelength(self) -> float:
        """Wavelength in nm."""
        return HC_EV_NM / self.energy.value


@dataclass(frozen=True, slots=True)
class SpectralRange:
    """Range of photon energies from `low` to `high` (eV) whose absorption is computed in one way.

    Attributes
    ----------
    name
        ``excitons`` by configuration interaction, ``pairs`` without attraction, or the density of states of ``bulk``.
    strength_error
        Relative error of the absorption.
    energy_error
        Error of transition energies in eV, None where it is not known.
    box_states
        Energy (eV) above which one carrier lies above the barrier of the medium, so that levels depend on the box of
        the calculation; None where there are no such states.
    """

    name: str
    low: float
    high: float
    strength_error: float
    energy_error: float | None
    box_states: float | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class SampleSpectrum:
    """Predicted spectrum of one sample, per particle. A number that does not exist is None.

    Attributes
    ----------
    name
        ``monomer``, ``unfused`` or ``fused``.
    dots
        Number of dots of a particle.
    grid
        Photon energies (n,) in eV.
    absorption, absorption_error
        Cross-section (n,) and its error in nm².
    emission
        Emission (n,) of unit area, in 1/eV.
    absorption_kind
        Whether the band edge is a ``maximum`` of absorption, or the steepest slope (``edge``).
    absorption_peak, emission_peak
        Photon energies of the band edge and of the emission maximum per eV, in eV.
    absorption_width, emission_width
        Full widths at half maximum in meV.
    emission_wavelength
        Emission maximum per nm, in nm.
    band_edge_cross_section, cross_section_300nm
        In cm².
    bulk_cross_section_300nm
        Cross-section (cm²) of the same volume of bulk material in the local field.
    ratio_to_bulk_300nm, ratio_edge_to_300nm
        Cross-section at 300 nm over that of bulk; at the band edge over 300 nm.
    lifetime
        Mean radiative lifetime in ns.
    polarisation
        (along - across) / (along + across) of the band edge's strength, with respect to the axis.
    ranges, lines
        How each range of photon energies is computed; the transitions near the band edge by energy.
    members
        In an ensemble the cross-section (particles, n) of every particle in nm²; else None.
    """

    name: str
    dots: int
    grid: Floats = field(repr=False)
    absorption: Floats = field(repr=False)
    absorption_error: Floats = field(repr=False)
    emission: Floats = field(repr=False)
    absorption_kind: Literal["maximum", "edge"]
    absorption_peak: Estimate | None
    absorption_width: Estimate | None
    emission_peak: Estimate | None
    emission_width: Estimate | None
    emission_wavelength: float | None
    band_edge_cross_section: Estimate | None
    cross_section_300nm: Estimate | None
    bulk_cross_section_300nm: float | None
    ratio_to_bulk_300nm: Estimate | None
    ratio_edge_to_300nm: Estimate | None
    lifetime: Estimate | None
    polarisation: float | None
    ranges: tuple[SpectralRange, ...] = field(repr=False)
    lines: tuple[Line, ...] = field(repr=False)
    members: Floats | None = field(default=None, repr=False)

    @property
    def absorption_wavelength(self) -> float | None:
        """Wavelength of the band edge in nm."""
        return None if self.absorption_peak is None else HC_EV_NM / self.absorption_peak.value

    def normalised_error(self, energy: float) -> Floats:
        """Error (n,) of the absorption divided by its value at `energy` (eV), on the grid; NaN outside the grid.

        In the range that holds `energy` both errors are changes by one extrapolation, so that only the difference of
        the relative errors remains; elsewhere they add, as in the ratio of the band edge to 300 nm. The method changes
        within the width of a line, over which the relative error is smoothed.
        """
        unit = float(np.interp(energy, self.grid, self.absorption, left=np.nan, right=np.nan))
        if not unit > 0 or len(self.grid) < 3:
            return np.full(len(self.grid), np.nan)
        floor = 1e-6 * float(self.absorption.max())
        known = (self.absorption > floor) & (self.absorption_error > 0)
        if not known.any():
            return np.zeros(len(self.grid))
        relative = np.interp(self.grid, self.grid[known], (self.absorption_error[known] / self.absorption[known]))
        at = float(np.interp(energy, self.grid, relative))
        # the first range begins at the band edge: the red side of its first line belongs to it
        bounds = [part.low for part in self.ranges[1:] if math.isfinite(part.low)]
        same = np.searchsorted(bounds, self.grid) == np.searchsorted(bounds, energy)
        combined = np.where(same, np.abs(relative - at), relative + at)
        step = float(self.grid[1] - self.grid[0])
        reach = np.arange(-3 * _BLENDED, 3 * _BLENDED + step, step)
        kernel = np.exp(-0.5 * (reach / _BLENDED) ** 2)
        padded = np.pad(combined, len(kernel) // 2, mode="edge")
        smooth = np.convolve(padded, kernel / kernel.sum(), mode="same")[len(kernel) // 2 :][: len(self.grid)]
        normalised: Floats = smooth * self.absorption / unit
        return normalised

    @property
    def is_mixture(self) -> bool:
        """Whether the particles are unlike single dots: widths of the curves are then those of several lines."""
        return len({line.dot for line in self.lines} - {None}) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleChange:
    """Change from the sample `before` to the sample `after`. A number that does not exist is None.

    Attributes
    ----------
    redshift, broadening
        Shift to the red and increase of the full width, in meV, of ``absorption`` and ``emission``.
    lifetime_ratio
        Radiative lifetime, the later sample's over the earlier one's.
    band_edge_ratio
        Area of the absorption at the band edge.
    cross_section_300nm_ratio
        Absorption at 300 nm.
    lifetime_ratio_no_local_field, band_edge_ratio_no_local_field
        The same ratios if the field of light were the same everywhere.
    """

    before: str
    after: str
    redshift: Mapping[Quantity, Estimate | None]
    broadening: Mapping[Quantity, Estimate | None]
    lifetime_ratio: Estimate | None
    band_edge_ratio: Estimate | None
    cross_section_300nm_ratio: Estimate | None
    lifetime_ratio_no_local_field: Estimate | None
    band_edge_ratio_no_local_field: Estimate | None


@dataclass(frozen=True, slots=True)
class EnsembleSample:
    """Computation of the particles of one sample of an ensemble.

    Attributes
    ----------
    name
        The sample.
    impossible
        Particles discarded because their shape is impossible.
    solved_shapes, failed_shapes
        Molecules that were solved for the interpolation, and those without a solution.
    error_relative
        Root mean square of the misplaced absorption near the band edge, relative to all of it; None where every
        particle was solved.
    absorption_peak_error, emission_peak_error
        Interpolation errors of the mean spectrum's peaks in eV.
    """

    name: str
    impossible: int
    solved_shapes: int
    failed_shapes: int
    error_relative: float | None = None
    absorption_peak_error: float | None = None
    emission_peak_error: float | None = None


@dataclass(frozen=True, slots=True)
class EnsembleResult:
    """An ensemble: `members` particles, `single_dots` of them single; `exact` if every particle was solved."""

    members: int
    single_dots: int
    exact: bool
    samples: tuple[EnsembleSample, ...]

    @property
    def impossible(self) -> int:
        """Largest number of particles discarded from a sample."""
        return max(sample.impossible for sample in self.samples)

    @property
    def solved_shapes(self) -> int:
        """Molecules solved for all samples."""
        return sum(sample.solved_shapes for sample in self.samples)

    @property
    def error_relative(self) -> float | None:
        """Largest relative error of the interpolation."""
        return max((s.error_relative for s in self.samples if s.error_relative is not None), default=None)

    @property
    def peak_error(self) -> float | None:
        """Largest interpolation error of an absorption peak in eV."""
        errors = [s.absorption_peak_error for s in self.samples if s.absorption_peak_error is not None]
        return max(errors, default=None)

    @property
    def method(self) -> str:
        """Method by which the particles were computed."""
        return "every particle solved" if self.exact else "polynomial through solved shapes"


def estimate(value: float, error: float, unit: str = "") -> Estimate | None:
    """Estimate with a symmetric error; None for a value that is not finite, an infinite error for one that is not.

    >>> estimate(2.0, 0.5, "eV"), estimate(float("nan"), 0.1)
    (2.0 ± 0.5 eV, None)
    """
    if not math.isfinite(value):
        return None
    return Estimate.from_error(float(value), float(error) if math.isfinite(error) else math.inf, unit)
