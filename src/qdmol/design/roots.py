"""Values of the fields at which the targets are met: bracketed roots of one field, quasi-Newton roots of several.

One field is scanned at few points; every change of sign is followed by Brent's method (R. P. Brent, Algorithms for
Minimization without Derivatives, Prentice-Hall 1973, chapter 4), and extrema between scan points are looked for where
they may touch the wanted value. Several fields are solved on polynomials through a coarse set of points, from many
starting points; each root is then refined with the model itself by Broyden's method (C. G. Broyden, Math. Comput. 19,
577 (1965), doi:10.1090/S0025-5718-1965-0198670-6).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field as dataclass_field
from itertools import pairwise
from typing import Any, Final

import numpy as np

from qdmol.arrays import Floats
from qdmol.design.fields import Field
from qdmol.design.model import Evaluation, Model
from qdmol.design.polynomials import fit_polynomial, point_count, spread_points

# Points of a scan of levels, and of spectra, which take ten times as long.
LEVEL_POINTS, SPECTRUM_POINTS = 9, 7
# A target is met where the distance is below this part of the numerical error, and of the wanted value where its
# error is large; below the last part of the error a distance has no meaning.
MET, MET_RELATIVE, MET_LEAST = 0.25, 1e-3, 0.01
# Iterations of Brent's and of Broyden's method.
ITERATIONS, REFINEMENTS = 40, 14
# Distance in the coordinate below which points are too close for a derivative.
APART: Final = 0.02
# Points looked for beyond an end of the scan where the model has no solution.
EDGE_STEPS: Final = 4


class _HoleError(Exception):
    """The model has no solution at a point that a root finder needs."""


@dataclass(eq=False)
class Roots:
    """Points at which all targets are met, and remarks on places where a root finder failed."""

    roots: list[Evaluation] = dataclass_field(default_factory=list)
    notes: list[str] = dataclass_field(default_factory=list)


def distances(model: Model, evaluation: Evaluation) -> Floats:
    """Predicted less wanted values (t,); 0 where a target is met."""
    wanted = np.array([target.value for target in model.targets])
    distance = np.array(evaluation.values) - wanted
    errors = np.array(evaluation.errors)
    near = np.minimum(MET * errors, np.maximum(MET_RELATIVE * np.abs(wanted), MET_LEAST * errors))
    distance[np.abs(distance) <= near] = 0.0
    return np.asarray(distance)


def coordinates(fields: Sequence[Field], point: Sequence[float]) -> Floats:
    """Coordinates (k,) of a point."""
    return np.array([float(field.coordinate(value)) for field, value in zip(fields, point, strict=True)])


def values_at(fields: Sequence[Field], coordinate: Floats) -> tuple[float, ...]:
    """Point at coordinates (k,), which are clipped to the range."""
    return tuple(field.value(float(u)) for field, u in zip(fields, np.clip(coordinate, -1, 1), strict=True))


def solved_points(model: Model) -> list[Evaluation]:
    """All points that have been computed, holes included, by the first field."""
    return [model.known[point] for point in sorted(model.known)]


def single_roots(model: Model) -> Roots:
    """All roots of one field in its range, in order."""
    count = SPECTRUM_POINTS if any(target.of_spectrum for target in model.targets) else LEVEL_POINTS
    field = model.fields[0]
    model.evaluate([(field.value(u),) for u in np.linspace(-1, 1, count)])
    _touch(model)
    roots = _bracketed(model)
    if not roots.roots:
        _extend(model)
        _touch(model, all_extrema=True)
        roots = _bracketed(model)
    return roots


def _neighbours(model: Model) -> Iterator[tuple[Evaluation, Evaluation]]:
    """Neighbouring points without a hole between them."""
    points = solved_points(model)
    for left, right in pairwise(points):
        if not left.is_hole and not right.is_hole:
            yield left, right


def _touch(model: Model, *, all_extrema: bool = False) -> None:
    """Compute extrema between scan points that may reach the wanted value, or all that point towards it."""
    for _ in range(3):
        new = list(_vertices(model, all_extrema=all_extrema))
        if not new:
            return
        before = len(model.known)
        model.evaluate([values_at(model.fields, np.array([u])) for u in new])
        if len(model.known) == before:
            return


def _vertices(model: Model, *, all_extrema: bool) -> Iterator[float]:
    """Coordinates of parabolic extrema that lie nearer to the wanted value than the points around them."""
    points, field = solved_points(model), model.fields[0]
    for three in zip(points, points[1:], points[2:], strict=False):
        if any(evaluation.is_hole for evaluation in three):
            continue
        f = np.array([distances(model, evaluation)[0] for evaluation in three])
        if not (np.all(f > 0) or np.all(f < 0)) or abs(f[1]) > min(abs(f[0]), abs(f[2])):
            continue
        u = np.array([float(field.coordinate(evaluation.point[0])) for evaluation in three])
        bend, slope, _ = np.polyfit(u - u[1], f, 2)
        if bend == 0:
            continue
        vertex = -slope / (2 * bend)
        height = f[1] + slope * vertex / 2
        close = height * f[1] <= 0 or abs(height) < 0.7 * abs(f[1])
        if (close or all_extrema) and abs(vertex) > APART / 4:
            yield float(u[1] + vertex)


def _extend(model: Model) -> None:
    """Approach the holes beside the ends of solved stretches, where the reachable range may continue."""
    points = solved_points(model)
    for left, right in pairwise(points):
        if left.is_hole == right.is_hole:
            continue
        good, bad = (right, left) if left.is_hole else (left, right)
        for _ in range(EDGE_STEPS):
            middle = model([(good.point[0] + bad.point[0]) / 2])
            good, bad = (good, middle) if middle.is_hole else (middle, bad)


def _bracketed(model: Model) -> Roots:
    found = Roots()
    pairs = list(_neighbours(model))
    ends = [pair[0] for pair in pairs] + [pair[1] for pair in pairs[-1:]]
    found.roots += [evaluation for evaluation in ends if distances(model, evaluation)[0] == 0]
    for left, right in pairs:
        if distances(model, left)[0] * distances(model, right)[0] < 0:
            _follow(model, left, right, found)
    found.roots = _distinct(model, found.roots)
    return found


def _follow(model: Model, left: Evaluation, right: Evaluation, roots: Roots) -> None:
    """Add the root between two points of opposite sign."""
    from scipy.optimize import brentq

    field = model.fields[0]
    ends = [float(field.coordinate(evaluation.point[0])) for evaluation in (left, right)]

    def distance(u: float) -> float:
        evaluation = model([field.value(u)])
        if evaluation.is_hole:
            raise _HoleError(evaluation.reason)
        return float(distances(model, evaluation)[0])

    try:
        u = brentq(distance, *ends, xtol=1e-8, maxiter=ITERATIONS, disp=False)
    except _HoleError as error:
        roots.notes.append(f"Between {left.point[0]:.4g} and {right.point[0]:.4g} {field.unit} a root is lost: {error}")
        return
    root = model([field.value(float(u))])
    if abs(root.values[0] - model.targets[0].value) <= root.errors[0]:
        roots.roots.append(root)
    else:
        name, target = field.name, model.targets[0]
        roots.notes.append(
            f"At {name} {root.point[0]:.5g} {field.unit} the predicted {target.label} jumps across the wanted value."
        )


def _distinct(model: Model, roots: Sequence[Evaluation]) -> list[Evaluation]:
    """Roots in order without those that differ by less than a thousandth of the range."""
    kept: list[Evaluation] = []
    for root in sorted(roots, key=lambda evaluation: evaluation.point):
        u = coordinates(model.fields, root.point)
        if all(np.max(np.abs(u - coordinates(model.fields, other.point))) > 2e-3 for other in kept):
            kept.append(root)
    return kept


def several_roots(model: Model) -> Roots:
    """Roots of as many fields as targets."""
    from scipy.optimize import least_squares

    fields = model.fields
    k = len(fields)
    starts = np.vstack([spread_points(point_count(k), k), np.zeros((1, k))])
    model.evaluate([values_at(fields, u) for u in starts])
    good = [evaluation for evaluation in solved_points(model) if not evaluation.is_hole]
    roots = Roots()
    if len(good) <= k + 1:
        return roots
    u = np.array([coordinates(fields, evaluation.point) for evaluation in good])
    values = np.array([evaluation.values for evaluation in good])
    surface = fit_polynomial(u, values)
    wanted = np.array([target.value for target in model.targets])
    span = np.maximum(np.ptp(values, axis=0), 1e-12)

    def misfit(at: Floats) -> Floats:
        return np.asarray((surface(at[None, :])[0] - wanted) / span)

    low, high = u.min(axis=0), u.max(axis=0)
    guesses: list[Floats] = []
    order = np.argsort(np.max(np.abs((values - wanted) / span), axis=1))
    for start in u[order][:12]:
        fit = least_squares(misfit, np.clip(start, low + 1e-9, high - 1e-9), bounds=(low, high))
        close = np.max(np.abs(fit.fun)) < max(0.05, 5 * float(np.max(surface.error / span)))
        if close and all(np.max(np.abs(fit.x - other)) > 0.02 for other in guesses):
            guesses.append(fit.x)
    for guess in guesses[:4]:
        root = refined(model, values_at(fields, guess), jacobian_of(surface, guess))
        if root is not None:
            roots.roots.append(root)
    roots.roots = _distinct(model, roots.roots)
    return roots


def jacobian_of(surface: Any, at: Floats) -> Floats:
    """Derivatives (outputs, k) of a polynomial with respect to the coordinates."""
    step = 1e-4
    columns = [
        (surface((at + step * axis)[None, :])[0] - surface((at - step * axis)[None, :])[0]) / (2 * step)
        for axis in np.eye(len(at))
    ]
    return np.stack(columns, axis=1)


def local_jacobian(model: Model, root: Evaluation) -> Floats:
    """Derivatives (t, k) of the predicted values with respect to the coordinates at a root.

    Those of one field follow from the cubic through the nearest points that lie apart; those of several from the
    polynomial through all points.
    """
    good = [evaluation for evaluation in solved_points(model) if not evaluation.is_hole]
    u = np.array([coordinates(model.fields, evaluation.point) for evaluation in good])
    values = np.array([evaluation.values for evaluation in good])
    at = coordinates(model.fields, root.point)
    if len(model.fields) > 1:
        return jacobian_of(fit_polynomial(u, values), at)
    chosen, nearest = [0.0], [np.array(root.values)]
    for place in np.argsort(np.abs(u[:, 0] - at[0])):
        offset = float(u[place, 0] - at[0])
        if all(abs(offset - other) > APART for other in chosen) and len(chosen) < 4:
            chosen.append(offset)
            nearest.append(values[place])
    degree = len(chosen) - 1
    return np.asarray(np.polyfit(chosen, np.array(nearest), degree)[-2])[:, None] if degree else np.zeros((1, 1))


def refined(model: Model, start: Sequence[float], jacobian: Floats) -> Evaluation | None:
    """Root near a point by Broyden's method, from derivatives (t, k) there; None where it does not converge."""
    fields = model.fields
    u = coordinates(fields, start)
    current = model(start)
    if current.is_hole:
        return None
    best, slope = current, jacobian.copy()
    for _ in range(REFINEMENTS):
        distance = distances(model, current)
        if not np.any(distance):
            return current
        step: Floats = np.asarray(-np.linalg.lstsq(slope, distance, rcond=None)[0], dtype=np.float64)
        step *= min(1.0, 0.5 / max(float(np.max(np.abs(step))), 1e-300))
        following, moved = _step(model, u, step)
        if following is None or not np.any(moved):
            break
        change = np.array(following.values) - np.array(current.values)
        slope += np.outer(change - slope @ moved, moved) / (moved @ moved)
        u, current = u + moved, following
        if _misses(model, current) < _misses(model, best):
            best = current
    return best if _misses(model, best) <= 1 else None


def _step(model: Model, u: Floats, step: Floats) -> tuple[Evaluation | None, Floats]:
    """Point after a step within the range, which is halved at holes, and the step that was made."""
    for _ in range(4):
        point = values_at(model.fields, u + step)
        following = model(point)
        if not following.is_hole:
            return following, coordinates(model.fields, point) - u
        step = step / 2
    return None, step


def _misses(model: Model, evaluation: Evaluation) -> float:
    """Largest distance from a target in numerical errors."""
    wanted = np.array([target.value for target in model.targets])
    return float(np.max(np.abs(np.array(evaluation.values) - wanted) / np.maximum(evaluation.errors, 1e-300)))
