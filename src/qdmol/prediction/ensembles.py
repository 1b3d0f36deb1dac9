"""Spectrum of an ensemble: some shapes are solved, a polynomial interpolates the others, and its error is estimated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Floats
from qdmol.errors import SolverError
from qdmol.optics import MoleculeLight
from qdmol.prediction.measures import EDGE_REACH, band_edge_area, edge_peak, emission_peak
from qdmol.prediction.molecules import mean_curves, particle_sums, prepare_light, total_sums
from qdmol.prediction.samples import Group
from qdmol.prediction.surrogate import DotGrid, assemble, best_polynomial, dot_features
from qdmol.prediction.tasks import Answer
from qdmol.prediction.values import Conditions, Curves

# Number of parts of the molecules, each omitted once in the jackknife estimate of the error of a finite number of
# molecules.
JACKKNIFE_PARTS: Final = 10
# At least this part of the shapes must have a solution.
MIN_SOLVED: Final = 0.5


@dataclass(frozen=True, eq=False)
class GroupLight:
    """A group of particles with its solved shapes.

    `lengths` (shapes, P) are those of the shapes in nm, `possible` (members,) marks the particles that can exist,
    `reference` are the optical properties of the mean in more bases than those of the shapes. With `exact` the shapes
    are the particles themselves.
    """

    group: Group
    lengths: Floats
    answers: Sequence[Answer]
    reference: MoleculeLight
    possible: NDArray[np.bool_]
    exact: bool


@dataclass(frozen=True, slots=True)
class Misfit:
    """Errors of the interpolation for shapes that are excluded from the fit.

    `relative` is the root mean square over the shapes of the misplaced absorption at the band edge relative to all of
    it; the others are errors (eV) of the mean over the shapes: peak and width of absorption, peak and width of
    emission.
    """

    relative: float
    edge: float
    edge_width: float
    emission: float
    emission_width: float


@dataclass(frozen=True, eq=False)
class EnsembleSpectrum:
    """Mean over the particles, errors of the interpolation, and the means without each tenth of the molecules.

    `absorption` (particles, n) is that of each particle in nm²; `shapes` and `failed` are the numbers of shapes with
    and without a solution.
    """

    mean: Curves
    absorption: Floats
    misfit: Misfit | None
    parts: tuple[Curves, ...]
    shapes: int
    failed: int


def ensemble_spectrum(groups: Sequence[GroupLight], grid: Floats, conditions: Conditions) -> EnsembleSpectrum:
    """Mean spectrum of all particles of all groups.

    Raises
    ------
    SolverError
        Too few of a group's shapes could be solved.
    """
    rows, numbers, misfits, shapes, failed = [], [], [], 0, 0
    for group in groups:
        curves = _GroupCurves(group, grid, conditions)
        rows += [assemble(row, curves.relative, grid, conditions) for row in curves.members()]
        numbers.append(group.group.number[group.possible])
        misfits.append(curves.misfit())
        shapes += len(curves.rows)
        failed += len(group.answers) - len(curves.rows)
    absorption, emission = (np.array(curves) for curves in zip(*rows, strict=True))
    mean, parts = _means(grid, absorption, emission, np.concatenate(numbers))
    return EnsembleSpectrum(mean, absorption, _worst(misfits), parts, shapes, failed)


def _means(
    grid: Floats, absorption: Floats, emitted: Floats, numbers: NDArray[np.intp]
) -> tuple[Curves, tuple[Curves, ...]]:
    """Mean over all particles, and the means without the particles of each tenth of the molecules."""
    part = numbers % JACKKNIFE_PARTS
    sums = [particle_sums(grid, absorption[part == k], emitted[part == k]) for k in range(JACKKNIFE_PARTS)]
    total = total_sums(sums)
    if any(part.weight == 0 for part in sums):
        return total.mean(grid), ()
    return total.mean(grid), tuple(total_sums(sums[:k] + sums[k + 1 :]).mean(grid) for k in range(JACKKNIFE_PARTS))


def _worst(misfits: Sequence[Misfit | None]) -> Misfit | None:
    """The largest of each error over the groups."""
    known = [misfit for misfit in misfits if misfit is not None]
    if not known:
        return None
    return Misfit(*(max(getattr(misfit, field.name) for misfit in known) for field in fields(Misfit)))


class _GroupCurves:
    """Features of a group's solved shapes, and the polynomials that interpolate them."""

    def __init__(self, light: GroupLight, grid: Floats, conditions: Conditions) -> None:
        self.light, self.grid, self.conditions = light, grid, conditions
        self.relative = DotGrid.like(grid)
        solved = [k for k, answer in enumerate(light.answers) if answer.light is not None]
        if len(solved) < max(1, MIN_SOLVED * len(light.answers)):
            reason = next(answer.reason for answer in light.answers if answer.light is None)
            message = f"Only {len(solved)} of {len(light.answers)} shapes of the ensemble can be solved: {reason}"
            raise SolverError(message)
        self.lengths = light.group.scaled(light.lengths[solved])
        prepared = [prepare_light(light.answers[k].light, conditions) for k in solved]  # type: ignore[arg-type]
        # (shapes, D, outputs)
        self.rows = np.array([dot_features(shape, self.relative, conditions) for shape in prepared])
        self.offset = self._offset()
        self._guess = np.empty_like(self.rows)

    def _offset(self) -> Floats:
        """Band edge and free energy (D, 2) of the mean in all bases less those in the shapes' bases, in eV."""
        reference = self.light.reference
        bases = len(next(answer.light for answer in self.light.answers if answer.light is not None).edge)
        coarse = replace(reference, edge=reference.edge[:bases])
        fine, rough = (
            dot_features(prepare_light(light, self.conditions), self.relative, self.conditions)[:, :2]
            for light in (reference, coarse)
        )
        return np.asarray(fine - rough)

    def members(self) -> Floats:
        """Features (members, D, outputs) of every possible particle."""
        group = self.light.group
        if self.light.exact or not group.parameters:
            rows = self.rows if self.light.exact else np.repeat(self.rows[:1], int(self.light.possible.sum()), axis=0)
        else:
            lengths = group.scaled(group.values[self.light.possible])
            rows = np.empty((len(lengths), *self.rows.shape[1:]))
            for kind in sorted({group.kind(dot) for dot in range(group.dots)}):
                self._fill(kind, lengths, rows)
        # A polynomial may dip below zero where a curve has ended.
        curves = np.maximum(rows[:, :, 2:], 0.0)
        return np.concatenate([rows[:, :, :2] + self.offset, curves], axis=2)

    def _fill(self, kind: int, lengths: Floats, rows: Floats) -> None:
        """Fit the dots of one kind, and interpolate their features to other lengths."""
        group = self.light.group
        dots = [dot for dot in range(group.dots) if group.kind(dot) == kind]
        orders = {dot: group.order(dot) for dot in dots}
        known = np.concatenate([self.lengths[:, orders[dot][0]] for dot in dots])
        outputs = np.concatenate([self.rows[:, dot] for dot in dots])
        shape = np.tile(np.arange(len(self.rows)), len(dots))
        fit, guess = best_polynomial(known, outputs, shape, own=orders[dots[0]][1], loss=self._loss(outputs))
        for dot, part in zip(dots, np.split(guess, len(dots)), strict=True):
            self._guess[:, dot] = part
            rows[:, dot] = fit(lengths[:, orders[dot][0]])

    def _loss(self, outputs: Floats) -> Callable[[Floats], float]:
        """Error of predictions (rows, outputs): energies in line widths, and curves relative to their size."""
        size = len(self.relative.absorbed)
        scale = self.conditions.broadening.deviation

        def loss(guess: Floats) -> float:
            error = guess - outputs
            energy = np.mean((error[:, :2] / scale) ** 2)
            curves = [
                np.sum(error[:, part] ** 2) / np.sum(outputs[:, part] ** 2)
                for part in (slice(2, 2 + size), slice(2 + size, None))
            ]
            return float(energy + sum(curves))

        return loss

    def misfit(self) -> Misfit | None:
        """Errors for shapes excluded from the fit; None if every particle was solved. To be called after `members`."""
        if self.light.exact or not self.light.group.parameters:
            return None
        grid = self.grid
        true, guess = (
            [assemble(row, self.relative, grid, self.conditions) for row in rows] for rows in (self.rows, self._guess)
        )
        relative = []
        for (absorbed, _), (guessed, _) in zip(true, guess, strict=True):
            low = grid <= edge_peak(grid, absorbed).energy + EDGE_REACH
            misplaced = float(np.trapezoid(np.abs(guessed - absorbed)[low], grid[low]))
            relative.append(misplaced / band_edge_area(grid, absorbed, edge_peak(grid, absorbed)))
        means = [mean_curves(grid, [a for a, _ in curves], [e for _, e in curves]) for curves in (true, guess)]
        edges = [edge_peak(grid, mean.absorption) for mean in means]
        peaks = [emission_peak(grid, mean.emission) for mean in means]
        return Misfit(
            float(np.sqrt(np.mean(np.square(relative)))),
            abs(edges[0].energy - edges[1].energy),
            abs(edges[0].width - edges[1].width),
            abs(peaks[0].energy - peaks[1].energy),
            abs(peaks[0].width - peaks[1].width),
        )
