"""Least squares on an interpolated model: refinement of the interpolation, profiles, and undetermined directions.

The model is computed at few points, its predictions are interpolated by polynomials, and the fit uses the polynomials.
Their error, from leave-one-out cross-validation, is carried over to the fields; where it is more than a tenth of the
statistical error, more points are computed in a smaller box about the best values. Boxes are halvings of the searched
range, so that similar fits use the same points.

Intervals are those of the profile likelihood (D. J. Venzon and S. H. Moolgavkar, Appl. Stat. 37, 87 (1988),
doi:10.2307/2347496): a field's value belongs to the interval if χ², minimised over everything else, exceeds its minimum
by less than the square of the quantile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Floats
from qdmol.design.data import Data, Prediction
from qdmol.design.fields import Field
from qdmol.design.polynomials import PolynomialFit, fit_polynomial, point_count, spread_points
from qdmol.design.roots import coordinates, values_at
from qdmol.design.spec_fit_result import Profile
from qdmol.errors import DataError
from qdmol.statistics import normal_quantile, t_quantile

# Interpolation is accurate where its error is below this part of the statistical error of each field.
ACCURATE: Final = 0.1
ROUNDS, MAX_LEVEL = 5, 7
# Points of the interpolation at which the search for the minimum may start.
STARTS: Final = 80
# Reach of a box in standard deviations, and in errors of the interpolation.
REACH, REACH_ERRORS = 4.5, 3.0
# A direction is undetermined where its 95 % interval is longer than this part of the searched range.
UNDETERMINED: Final = 0.6
PROFILE_POINTS: Final = 5
# Probability of a larger χ² below which the errors of numbers are enlarged.
SCATTERED: Final = 0.01
LEVEL: Final = 0.95
# Largest change of a coordinate for one standard deviation of the data, where they say nothing.
LARGEST: Final = 1e6


@dataclass(frozen=True, eq=False)
class Fitter:
    """An interpolated model with the data that it is fitted to.

    `low` and `high` (k,) are the box of the interpolation in coordinates.
    """

    data: Data
    surface: PolynomialFit
    points: Floats
    vectors: Floats
    low: Floats
    high: Floats

    @property
    def count(self) -> int:
        """Number of fields."""
        return len(self.low)

    def residuals(self, parameters: Floats) -> Floats:
        """Whitened residuals (n,) at coordinates and nuisance parameters (k + w,)."""
        vector = self.surface(parameters[None, : self.count])[0]
        return self.data.residuals(vector, parameters[self.count :])

    def minimise(self, start: Floats, *, fixed: int | None = None) -> tuple[Floats, float]:
        """Parameters and χ² of the minimum near a start, with one coordinate fixed."""
        from scipy.optimize import least_squares

        free = np.ones(len(start), dtype=bool)
        if fixed is not None:
            free[fixed] = False
        if not free.any():
            return start, float(np.sum(self.residuals(start) ** 2))

        def misfit(part: Floats) -> Floats:
            full = start.copy()
            full[free] = part
            return self.residuals(full)

        low, high = self._bounds()
        inside = np.clip(start, low + 1e-9 * (high - low), high - 1e-9 * (high - low))
        fit = least_squares(
            misfit, inside[free], bounds=(low[free], high[free]), x_scale=((high - low) / 2)[free], xtol=1e-10
        )
        best = inside.copy()
        best[free] = fit.x
        if fixed is not None:
            best[fixed] = start[fixed]
        return best, float(2 * fit.cost)

    def _bounds(self) -> tuple[Floats, Floats]:
        return np.r_[self.low, self.data.bounds[0]], np.r_[self.high, self.data.bounds[1]]

    def best(self) -> tuple[Floats, float]:
        """Parameters and χ² of the lowest minimum, from several starts."""
        spread = (self.low + self.high) / 2 + spread_points(STARTS, self.count) * (self.high - self.low) / 2
        points = np.vstack([self.points, spread])
        vectors = self.surface(points)
        chi2 = [float(np.sum(self.data.residuals(vector, self.data.start) ** 2)) for vector in vectors]
        fits = [self.minimise(np.r_[points[place], self.data.start]) for place in np.argsort(chi2)[:3]]
        return min(fits, key=lambda fit: fit[1])

    def jacobian(self, parameters: Floats) -> Floats:
        """Derivatives (n, k + w) of the residuals."""
        low, high = self._bounds()
        columns = []
        for place, width in enumerate(high - low):
            step = 1e-4 * width
            up, down = parameters.copy(), parameters.copy()
            up[place] = min(parameters[place] + step, high[place])
            down[place] = max(parameters[place] - step, low[place])
            columns.append((self.residuals(up) - self.residuals(down)) / (up[place] - down[place]))
        return np.stack(columns, axis=1)


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """Uncertainty of the fields at the best parameters, in coordinates.

    Attributes
    ----------
    scale
        Factor on the errors of the data.
    quantile
        Of the 95 % interval.
    deviation
        Standard deviations (k,); infinite where the data say nothing.
    correlation
        Of the fields (k, k).
    directions
        Unit vectors (d, k) that the data do not determine.
    alone
        Half intervals (k,) of each field with the others held.
    pull
        Changes (k, n) of the fields for changes of the residuals, with the nuisance parameters refitted.
    """

    scale: float
    quantile: float
    deviation: Floats
    correlation: Floats
    directions: Floats
    alone: Floats
    pull: Floats


def uncertainty(fitter: Fitter, parameters: Floats, chi2: float, *, freedom: int) -> Uncertainty:
    """Uncertainty of the fields from the curvature of χ², with what the data do not determine."""
    k = fitter.count
    jacobian = fitter.jacobian(parameters)
    own, others = jacobian[:, :k], jacobian[:, k:]
    if others.shape[1]:
        basis, _ = np.linalg.qr(others)
        own = own - basis @ (basis.T @ own)
    scale, quantile = scale_of(fitter, parameters, chi2, freedom=freedom)
    left, singular, right = np.linalg.svd(own, full_matrices=True)
    full = np.zeros(k)
    full[: len(singular)] = singular
    inverse = np.minimum(1 / np.maximum(full, 1 / LARGEST), LARGEST)
    reach = quantile * scale * inverse
    known = min(len(singular), k)
    pull = (right.T[:, :known] * inverse[:known]) @ left[:, :known].T
    covariance = (right.T * (scale * inverse) ** 2) @ right
    deviation = np.sqrt(np.diag(covariance))
    alone = quantile * scale / np.maximum(np.linalg.norm(own, axis=0), 1 / LARGEST)
    return Uncertainty(
        scale,
        quantile,
        deviation,
        covariance / np.outer(deviation, deviation),
        right[reach > UNDETERMINED],
        alone,
        np.asarray(pull),
    )


def involved(uncertainty: Uncertainty, weights: Floats) -> NDArray[np.bool_]:
    """Which fields (k,) an undetermined direction moves by more than their own intervals within the searched range."""
    change = np.abs(weights) / np.max(np.abs(weights))
    return np.asarray((change > uncertainty.alone) | (change == 1))


def scale_of(fitter: Fitter, parameters: Floats, chi2: float, *, freedom: int) -> tuple[float, float]:
    """Factor on the errors of the data, and the quantile of the 95 % interval.

    Errors that are known are kept unless the data scatter more. Those of curves follow from the residuals, enlarged by
    the square root of the integrated autocorrelation where neighbouring residuals are alike.
    """
    if fitter.data.known_errors:
        ratio = chi2 / freedom if freedom > 0 else 1.0
        scale = float(np.sqrt(ratio)) if badness(chi2, freedom) < SCATTERED else 1.0
        return scale, float(normal_quantile(0.5 + LEVEL / 2))
    residual = fitter.residuals(parameters)
    alike = correlation_time(residual)
    effective = max(freedom / alike, 2.0)
    return float(np.sqrt(chi2 / freedom * alike)), float(t_quantile(0.5 + LEVEL / 2, effective))


def badness(chi2: float, freedom: int) -> float:
    """Probability of a larger χ² if the errors are right; 1 without degrees of freedom."""
    from qdmol.statistics import chi2_tail

    return float(chi2_tail(chi2, freedom)) if freedom > 0 else 1.0


def correlation_time(residual: Floats) -> float:
    """Integrated autocorrelation 1 + 2 Σ ρ_j up to the first lag without correlation; 1 for white noise.

    >>> import numpy as np
    >>> correlation_time(np.random.default_rng(1).normal(size=500))
    1.0
    """
    centred = residual - residual.mean()
    power = float(centred @ centred)
    if power == 0:
        return 1.0
    limit, total = 2.5 / np.sqrt(len(residual)), 1.0
    for lag in range(1, len(residual) // 2):
        rho = float(centred[:-lag] @ centred[lag:]) / power
        if rho < limit:
            break
        total += 2 * rho
    return total


def interpolation_error(fitter: Fitter, parameters: Floats, pull: Floats) -> Floats:
    """Root mean square error (k,) of the fields from the interpolation, from the left-out points near the best one."""
    k = fitter.count
    far = np.max(np.abs(fitter.points - parameters[:k]) / (fitter.high - fitter.low), axis=1)
    nearest = np.argsort(far)[: 2 * k + 3]
    changes = [
        pull
        @ (
            fitter.data.residuals(fitter.vectors[place], parameters[k:])
            - fitter.data.residuals(fitter.surface.left_out[place], parameters[k:])
        )
        for place in nearest
    ]
    return np.asarray(np.sqrt(np.mean(np.square(changes), axis=0)))


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fit on an interpolated model: parameters (k + w,), uncertainty, and the interpolation's error (k,)."""

    fitter: Fitter
    parameters: Floats
    chi2: float
    freedom: int
    uncertainty: Uncertainty
    interpolation: Floats

    @property
    def accurate(self) -> bool:
        """Whether the interpolation is accurate."""
        return bool(np.all(self.interpolation <= ACCURATE * self.uncertainty.deviation))


def fit(data: Data, fields: Sequence[Field], tell: Callable[[str], None]) -> Fitted:
    """Fit the fields, computing the model where the interpolation is not accurate enough.

    Raises
    ------
    DataError
        The model can be computed at too few points.
    """
    k = len(fields)
    known: dict[tuple[float, ...], Prediction] = {}
    low, high = -np.ones(k), np.ones(k)
    result: Fitted | None = None
    for number in range(1, ROUNDS + 1):
        tell(f"solving points, round {number}")
        grid = (low + high) / 2 + spread_points(point_count(k), k) * (high - low) / 2
        for prediction in data.predict([values_at(fields, u) for u in grid]):
            known[prediction.point] = prediction
        result = _fitted(data, fields, known, low, high)
        if result.accurate:
            break
        box = _box(result)
        if np.allclose(box, (low, high)):
            break
        low, high = box
    assert result is not None
    return result


def _fitted(
    data: Data, fields: Sequence[Field], known: dict[tuple[float, ...], Prediction], low: Floats, high: Floats
) -> Fitted:
    k = len(fields)
    good = [prediction for prediction in known.values() if prediction.vector is not None]
    u = np.array([coordinates(fields, prediction.point) for prediction in good]).reshape(-1, k)
    inside = np.all((u >= low - 1e-6) & (u <= high + 1e-6), axis=1)
    if inside.sum() < k + 2:
        reasons = [prediction.reason for prediction in known.values() if prediction.reason]
        why = f", for example because {reasons[0]}" if reasons else ""
        raise DataError(f"The spec can be solved at only {inside.sum()} points of the searched range{why}")
    vectors = np.array([prediction.vector for prediction in good])[inside]
    fitter = Fitter(data, fit_polynomial(u[inside], vectors), u[inside], vectors, low, high)
    # Beyond the solved points the polynomials are not to be trusted.
    fitter = replace(fitter, low=np.maximum(low, u[inside].min(axis=0)), high=np.minimum(high, u[inside].max(axis=0)))
    parameters, chi2 = fitter.best()
    freedom = data.count - k - data.nuisances - data.linear
    spread = uncertainty(fitter, parameters, chi2, freedom=max(freedom, 1 if not data.known_errors else 0))
    error = interpolation_error(fitter, parameters, spread.pull)
    return Fitted(fitter, parameters, chi2, freedom, spread, error)


def _box(fitted: Fitted) -> tuple[Floats, Floats]:
    """The smallest halving of the searched range that holds the best values with a margin."""
    k = fitted.fitter.count
    centre = fitted.parameters[:k]
    need = REACH * fitted.uncertainty.deviation + REACH_ERRORS * fitted.interpolation
    low, high = -np.ones(k), np.ones(k)
    for place in range(k):
        for level in range(MAX_LEVEL, 0, -1):
            half = 0.5**level
            middle = float(np.clip(round(centre[place] / half) * half, -1 + half, 1 - half))
            lowest, highest = middle - half, middle + half
            if lowest <= max(centre[place] - need[place], -1) and highest >= min(centre[place] + need[place], 1):
                low[place], high[place] = lowest, highest
                break
    return low, high


def profile(fitted: Fitted, place: int, field: Field) -> tuple[Profile, float, float]:
    """Profile of a field, and the ends of its 95 % interval in coordinates; infinite where it is open."""
    fitter, spread = fitted.fitter, fitted.uncertainty
    centre = float(fitted.parameters[place])
    deviation = float(np.hypot(spread.deviation[place], fitted.interpolation[place]))
    # The interpolation's error widens the interval as if it were noise.
    widening = (deviation / spread.deviation[place]) ** 2 if np.isfinite(spread.deviation[place]) else 1.0
    unit = spread.scale**2 * widening
    level = spread.quantile**2
    sides = []
    for side in (-1, 1):
        limit = fitter.high[place] if side > 0 else fitter.low[place]
        step = min(1.25 * spread.quantile * deviation, 2.0) / PROFILE_POINTS
        at, increase = [centre], [0.0]
        parameters = fitted.parameters.copy()
        for number in range(1, 3 * PROFILE_POINTS):
            u = centre + side * number * step
            ended = side * (limit - u) <= 0
            parameters = parameters.copy()
            parameters[place] = limit if ended else u
            parameters, chi2 = fitter.minimise(parameters, fixed=place)
            at.append(float(parameters[place]))
            increase.append(max(chi2 - fitted.chi2, 0.0) / unit)
            if ended or increase[-1] > 1.5 * level:
                break
        sides.append((np.array(at), np.array(increase)))
    ends = [_crossing(at, increase, level) for at, increase in sides]
    values = np.r_[sides[0][0][::-1], sides[1][0][1:]]
    increases = np.r_[sides[0][1][::-1], sides[1][1][1:]]
    shown = Profile(np.array([field.value(u) for u in values]), increases)
    return shown, -np.inf if ends[0] is None else ends[0], np.inf if ends[1] is None else ends[1]


def _crossing(at: Floats, increase: Floats, level: float) -> float | None:
    """Coordinate at which the increase of χ² first reaches a level; None where it does not."""
    beyond = np.flatnonzero(increase >= level)
    if not len(beyond):
        return None
    last = int(beyond[0])
    # Square roots are nearly straight.
    root = np.sqrt(increase[[last - 1, last]])
    share = (np.sqrt(level) - root[0]) / max(float(root[1] - root[0]), 1e-300)
    return float(at[last - 1] + share * (at[last] - at[last - 1]))
