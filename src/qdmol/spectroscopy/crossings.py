"""Isosbestic points: wavelengths at which all curves of a series have the same value within their noise.

A mixture of two absorbers of constant total amount has the same absorbance in every proportion wherever both absorb
equally (IUPAC Gold Book, doi:10.1351/goldbook.I03310). Each curve is written near such a place as a value and a slope,
from a local polynomial, and the common crossing is found by weighted least squares; its chi square decides whether all
curves pass through it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from qdmol.arrays import Floats
from qdmol.errors import DataError, InputError
from qdmol.spectroscopy.point_noise import PointNoise, local_weights
from qdmol.spectroscopy.values import Curve, Measurement
from qdmol.statistics import chi2_quantile, chi2_tail

FEWEST_CURVES: Final = 3  # two curves that cross tell nothing
_REACH: Final = 6.0  # nm to either side of the local polynomials
_ORDER: Final = 3  # of the local polynomials
_BESIDE: Final = 1.5  # reaches to either side at which the curves must differ
_REJECT: Final = 0.01  # probability of the chi square below which the curves do not cross in one place
_SURE: Final = 0.001  # of the differences on either side, were the curves equal there
_ROUNDS: Final = 20
_SETTLED: Final = 1e-3  # nm
_FAINTEST: Final = 0.02  # of the highest value of all curves; below it is no crossing but the transparent range


@dataclass(frozen=True, slots=True)
class IsosbesticPoint:
    """A wavelength at which all curves of a series cross.

    Parameters
    ----------
    wavelength_nm
        Where they cross, with its interval.
    value
        Their common value there.
    chi_square, freedom
        Of the curves against one common crossing.
    probability
        Of a chi square as large as this if they cross there.
    """

    wavelength_nm: Measurement
    value: Measurement
    chi_square: float
    freedom: int
    probability: float


def isosbestic_points(
    curves: Sequence[Curve], noises: Sequence[PointNoise], *, levels: Sequence[Measurement] | None = None
) -> tuple[IsosbesticPoint, ...]:
    """Find the wavelengths at which all curves cross within their noise.

    Parameters
    ----------
    curves
        At least three, of one quantity and one total amount.
    noises
        Noise of each.
    levels
        Zero of each curve, which is subtracted; 0 if not given.

    Returns
    -------
    tuple of IsosbesticPoint
        By rising error of the wavelength.

    Raises
    ------
    qdmol.errors.InputError
        Fewer than three curves.
    qdmol.errors.DataError
        The curves have no range in common, or do not cross in one place.
    """
    if len(curves) < FEWEST_CURVES:
        allowed = f"at least {FEWEST_CURVES} curves of one quantity: two curves cross somewhere whatever they are"
        raise InputError(field="normalise", value=f"isosbestic with {len(curves)}", allowed=allowed)
    zeros = [Measurement(0.0, 0.0)] * len(curves) if levels is None else list(levels)
    scene = _Scene(curves, noises, zeros)
    low, high = scene.range
    if high - low < 4 * _REACH:
        raise DataError("The curves have no common range of wavelengths in which an isosbestic point could lie.")
    grid = np.arange(low + _REACH, high - _REACH, 1.0)
    spread = np.array([scene.spread(place) for place in grid])
    starts = [k for k in range(1, len(grid) - 1) if spread[k - 1] >= spread[k] <= spread[k + 1]]
    points: list[IsosbesticPoint] = []
    nearest: IsosbesticPoint | None = None
    for k in starts:
        point = scene.crossing(float(grid[k]))
        if point is None:
            continue
        if point.probability < _REJECT:
            better = nearest is None or point.chi_square / point.freedom < nearest.chi_square / nearest.freedom
            nearest = point if better else nearest
        elif all(abs(point.wavelength_nm.value - other.wavelength_nm.value) > 1.0 for other in points):
            points.append(point)
    if not points:
        raise DataError(_refusal(len(curves), nearest))
    return tuple(sorted(points, key=lambda point: point.wavelength_nm.error))


def _refusal(count: int, nearest: IsosbesticPoint | None) -> str:
    text = f"The {count} curves have no isosbestic point: nowhere do they all have the same value within their noise"
    if nearest is None:
        return f"{text}, nor do they change order anywhere."
    return (
        f"{text}; they come closest near {nearest.wavelength_nm.value:.1f} nm, with a chi square of "
        f"{nearest.chi_square:.3g} for {nearest.freedom} degrees of freedom."
    )


class _Scene:
    """Local polynomials of all curves."""

    def __init__(self, curves: Sequence[Curve], noises: Sequence[PointNoise], levels: Sequence[Measurement]) -> None:
        self.noises, self.levels = noises, levels
        grids = {noise.wavelength.tobytes(): noise.wavelength for noise in noises}
        self.grids, self.grid_of = list(grids.values()), [list(grids).index(n.wavelength.tobytes()) for n in noises]
        self.values = [curve.good[1] for curve in curves]
        starts = [noise.wavelength[0] for noise in noises if len(noise.wavelength)]
        stops = [noise.wavelength[-1] for noise in noises if len(noise.wavelength)]
        complete = len(starts) == len(curves)
        self.range = (float(max(starts)), float(min(stops))) if complete else (0.0, 0.0)
        heights = [
            float(values.max()) - level.value for values, level in zip(self.values, levels, strict=True) if len(values)
        ]
        self.height = max(heights, default=0.0)

    def local(self, place: float) -> tuple[Floats, Floats, Floats]:
        """Value and slope of each curve (n,) at a place, and their covariances (n, 2, 2)."""
        numbers, covariances = [], []
        weights = [local_weights(grid, place, _REACH, order=_ORDER) for grid in self.grids]
        for values, noise, level, number in zip(self.values, self.noises, self.levels, self.grid_of, strict=True):
            value, slope = weights[number]
            both = noise.product(value, slope)
            variance = noise.product(value, value) + level.error**2
            numbers.append((float(value @ values) - level.value, float(slope @ values)))
            covariances.append([[variance, both], [both, noise.product(slope, slope)]])
        heights, slopes = np.array(numbers).T
        return heights, slopes, np.array(covariances)

    def spread(self, place: float) -> float:
        """Chi square of the values against a common one."""
        heights, _, covariances = self.local(place)
        weights = 1 / np.maximum(covariances[:, 0, 0], 1e-300)
        mean = float(weights @ heights / weights.sum())
        return float(weights @ (heights - mean) ** 2)

    def crossing(self, start: float) -> IsosbesticPoint | None:
        """The common crossing near a place; None where there is none, or the curves do not change order there."""
        place, count = start, len(self.values)
        for _ in range(_ROUNDS):
            heights, slopes, covariances = self.local(place)
            weights = 1 / np.maximum(covariances[:, 0, 0], 1e-300)
            total = float(weights.sum())
            mean_height, mean_slope = float(weights @ heights) / total, float(weights @ slopes) / total
            curvature = float(weights @ (slopes - mean_slope) ** 2)
            if curvature <= 0:
                return None
            move = -float(weights @ ((slopes - mean_slope) * (heights - mean_height))) / curvature
            place += float(np.clip(move, -_REACH / 2, _REACH / 2))
            inside = self.range[0] + _BESIDE * _REACH < place < self.range[1] - _BESIDE * _REACH
            if not inside or abs(place - start) > 2 * _REACH:
                return None
            if abs(move) < _SETTLED:
                break
        else:
            return None
        value = mean_height + mean_slope * move
        chi_square = float(weights @ (heights + slopes * move - value) ** 2)
        faint = value < max(_FAINTEST * self.height, 3 / math.sqrt(total))
        if faint or not self._changes_order(place):
            return None
        freedom = min(noise.freedom for noise in self.noises)
        # noise of the slopes adds to their scatter, and the true scatter decides how sharp the crossing is
        scatter = curvature - (count - 1) / count * float(weights @ covariances[:, 1, 1])
        if scatter <= 0:
            return None
        error = math.sqrt(curvature) / scatter
        level_error = math.hypot(math.sqrt(1 / total), mean_slope * error)
        return IsosbesticPoint(
            Measurement(place, error, freedom),
            Measurement(value, level_error, freedom),
            chi_square,
            count - 2,
            float(chi2_tail(chi_square, count - 2)),
        )

    def _changes_order(self, place: float) -> bool:
        """Whether the curves differ on both sides of a place, with opposite signs."""
        sides = []
        for beside in (-_BESIDE * _REACH, _BESIDE * _REACH):
            heights, _, covariances = self.local(place + beside)
            weights = 1 / np.maximum(covariances[:, 0, 0], 1e-300)
            away = heights - float(weights @ heights / weights.sum())
            if float(weights @ away**2) < chi2_quantile(1 - _SURE, len(heights) - 1):
                return False
            sides.append(away)
        return float(sides[0] @ sides[1]) < 0
