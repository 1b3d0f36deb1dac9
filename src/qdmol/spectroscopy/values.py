"""Values of measured curves: a curve, a number with its interval, a fit, a comparison.

Wavelengths in nm (as in air or vacuum: what the instrument writes), energies in eV, shifts and widths in meV.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Floats
from qdmol.errors import InputError
from qdmol.estimates import Estimate
from qdmol.statistics import normal_quantile, t_quantile
from qdmol.units import HC_EV_NM

Quantity = Literal["absorption", "emission", "excitation", "transmission", "unknown"]
Kind = Literal["maximum", "shoulder", "edge"]

LEVEL = 0.95  # of every interval
FEWEST_POINTS = 10


@dataclass(frozen=True, slots=True)
class CurveFlag:
    """What is wrong with some points: a short `code`, how many points, and a sentence."""

    code: str
    points: int
    text: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Curve:
    """One measured curve, in rising wavelength.

    Parameters
    ----------
    wavelength_nm
        Rising (n,), nm.
    values
        What was measured (n,): absorbance, or intensity in any unit.
    quantity
        What was measured.
    per
        An intensity is per nm of wavelength, as spectrometers measure, or per eV. Absorbance is neither.
    usable
        Points to be fitted (n,); all that are finite if not given.
    name, source
        Of the column and of the file.
    notes
        What was guessed, and from what.
    flags
        Points that are missing, saturated or negative.

    Raises
    ------
    qdmol.errors.InputError
        Fewer than ten points, wavelengths that do not rise or are no wavelengths of light, values of another length.
    """

    wavelength_nm: Floats
    values: Floats
    quantity: Quantity = "unknown"
    per: Literal["nm", "eV"] = "nm"
    usable: NDArray[np.bool_] | None = None
    name: str = ""
    source: str = ""
    notes: tuple[str, ...] = ()
    flags: tuple[CurveFlag, ...] = ()

    def __post_init__(self) -> None:
        wavelength = np.asarray(self.wavelength_nm, dtype=np.float64)
        values = np.asarray(self.values, dtype=np.float64)
        if wavelength.ndim != 1 or len(wavelength) < FEWEST_POINTS:
            raise InputError(
                field="wavelength_nm", value=wavelength.shape, allowed=f"one row of at least {FEWEST_POINTS} points"
            )
        if values.shape != wavelength.shape:
            raise InputError(field="values", value=values.shape, allowed=f"of shape {wavelength.shape}")
        if not np.all(np.isfinite(wavelength)) or wavelength.min() <= 0 or np.any(np.diff(wavelength) <= 0):
            raise InputError(field="wavelength_nm", value="not rising", allowed="finite, positive and rising")
        finite = np.isfinite(values)
        usable = finite if self.usable is None else np.asarray(self.usable, dtype=bool) & finite
        for key, array in (("wavelength_nm", wavelength), ("values", values), ("usable", usable)):
            frozen = array.copy()
            frozen.flags.writeable = False
            object.__setattr__(self, key, frozen)

    def __repr__(self) -> str:
        low, high = self.wavelength_nm[0], self.wavelength_nm[-1]
        named = f" {self.name}" if self.name else ""
        return f"<Curve{named}: {self.quantity}, {len(self.wavelength_nm)} points, {low:g} to {high:g} nm>"

    @property
    def energy_eV(self) -> Floats:  # noqa: N802  # the unit's own letters
        """Photon energy of each point (n,), eV, falling."""
        energy: Floats = HC_EV_NM / self.wavelength_nm
        return energy

    @property
    def good(self) -> tuple[Floats, Floats]:
        """Wavelength (nm) and value of the points to be fitted."""
        mask = np.asarray(self.usable, dtype=bool)
        return self.wavelength_nm[mask], self.values[mask]


@dataclass(frozen=True, slots=True, repr=False)
class Measurement:
    """A number with its standard error and degrees of freedom; the interval is Student's at level 0.95.

    The error and its freedom are kept because differences of measurements need them; `estimate` has the interval alone.
    """

    value: float
    error: float
    freedom: float = math.inf

    @property
    def half_width(self) -> float:
        """Half the length of the interval."""
        quantile = normal_quantile((1 + LEVEL) / 2)
        if math.isfinite(self.freedom):
            quantile = t_quantile((1 + LEVEL) / 2, self.freedom)
        return float(quantile * self.error)

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.value - self.half_width

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.value + self.half_width

    def __repr__(self) -> str:
        return repr(self.estimate())

    def estimate(self, unit: str = "") -> Estimate:
        """Value and interval, with the unit."""
        return Estimate(self.value, self.low, self.high, unit)

    def holds(self, value: float) -> bool:
        """Whether a value lies in the interval."""
        return self.low <= value <= self.high

    def scaled(self, factor: float) -> Measurement:
        """The same in another unit, `factor` times as large a number."""
        return Measurement(self.value * factor, self.error * abs(factor), self.freedom)

    def minus(self, other: Measurement) -> Measurement:
        """Difference of two independent numbers; freedom after Welch, Biometrika 34, 28 (1947), doi:10.2307/2332510."""
        first, second = self.error**2, other.error**2
        parts = first**2 / self.freedom + second**2 / other.freedom
        freedom = (first + second) ** 2 / parts if parts > 0 else math.inf
        return Measurement(self.value - other.value, math.sqrt(first + second), freedom)

    def as_wavelength(self) -> Measurement:
        """An energy in eV as a wavelength in nm, its error to first order."""
        wavelength = HC_EV_NM / self.value
        return Measurement(wavelength, self.error * wavelength / self.value, self.freedom)


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise found in the residuals, in the unit of the curve.

    ``white`` is the standard deviation of what is independent from point to point where the curve is low, ``rising``
    what is added in quadrature at the curve's top, ``correlated`` that of what stays alike over ``length_nm``.
    """

    white: float
    rising: float
    correlated: float
    length_nm: float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PeakFit:
    """A fitted curve.

    Parameters
    ----------
    curve
        What was fitted.
    kind
        ``maximum``: the peak is a maximum of the curve; ``shoulder``: a peak on a rising background without a maximum
        of its own; ``edge``: no peak is resolved from the background, and the steepest slope is taken instead.
    peak_eV, width_meV, height
        Maximum, full width at half maximum and height of the peak alone, background taken off, on the energy axis
        (emission: per eV); None for an edge.
    edge_eV
        Steepest slope on the red side of an absorption curve; None for emission.
    maximum_nm
        Highest point of the fitted curve as measured, background included; None without a maximum.
    ratio_300nm
        Absorbance at the band edge over that at 300 nm; None where the curve does not go there.
    model
        In words: the shapes averaged, and their weights.
    weights
        Of each model, by name.
    noise
        Found in the residuals.
    wavelength_nm, fitted, background
        The window that was fitted (m,), nm, and the model there in the unit of the curve.
    warnings
        What must be known before these numbers are used.
    """

    curve: Curve
    kind: Kind
    peak_eV: Measurement | None  # noqa: N815  # the unit's own letters
    width_meV: Measurement | None  # noqa: N815
    height: Measurement | None
    edge_eV: Measurement | None  # noqa: N815
    maximum_nm: Measurement | None
    ratio_300nm: Measurement | None
    model: str
    weights: dict[str, float]
    noise: Noise
    wavelength_nm: Floats
    fitted: Floats
    background: Floats
    warnings: tuple[str, ...] = field(default=())

    def __repr__(self) -> str:
        position = self.position_eV.estimate("eV")
        return f"<PeakFit of {self.curve.name or self.curve.quantity}: {self.kind} at {position!r}>"

    @property
    def position_eV(self) -> Measurement:  # noqa: N802
        """The peak, or where there is none the steepest slope, eV."""
        position = self.peak_eV or self.edge_eV
        if position is None:
            raise ValueError("a fit has a peak or an edge")
        return position

    @property
    def position_nm(self) -> Measurement:
        """The same as a wavelength, nm."""
        return self.position_eV.as_wavelength()

    @property
    def width_nm(self) -> Measurement | None:
        """Full width at half maximum as wavelengths, to first order at the peak, nm."""
        if self.width_meV is None:
            return None
        return self.width_meV.scaled(1e-3 * HC_EV_NM / self.position_eV.value**2)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from a first sample to a second.

    ``redshift_meV``: position of the first minus that of the second, positive to the red. ``shift_nm``: wavelength of
    the second minus that of the first, positive to the red. ``broadening_meV``: width of the second minus that of the
    first. ``basis``: ``peak`` or ``edge``, of both. The ratios are those of the two fits.
    """

    redshift_meV: Measurement  # noqa: N815
    shift_nm: Measurement
    broadening_meV: Measurement | None  # noqa: N815
    basis: Literal["peak", "edge"]
    ratio_300nm: tuple[Measurement | None, Measurement | None]
    warnings: tuple[str, ...] = ()
