"""The spectrum of an ensemble: few shapes solved, a polynomial for all others, and how far off that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Floats
from qdmol.errors import SolverError
from qdmol.optics import MoleculeLight
from qdmol.prediction.groups import Group
from qdmol.prediction.measures import EDGE_REACH, band_edge_area, edge_peak, emission_peak
from qdmol.prediction.molecules import mean_curves, particle_sums, prepare_light, total_sums
from qdmol.prediction.surrogate import DotGrid, assemble, best_polynomial, dot_features
from qdmol.prediction.tasks import Answer
from qdmol.prediction.values import Conditions, Curves

# Groups of molecules of which each in turn is left out, for the error of a finite number of them.
JACKKNIFE = 10
# More than this part of the shapes must be possible.
FEWEST_POSSIBLE = 0.5


@dataclass(frozen=True, eq=False)
class GroupLight:
    """A group with its solved shapes; `lengths` (shapes, P) in nm, `possible` (members,) which particles can be.

    `reference` is the light of the mean, better solved than the shapes. With `exact` the shapes are the particles.
    """

    group: Group
    lengths: Floats
    answers: Sequence[Answer]
    reference: MoleculeLight
    possible: NDArray[np.bool_]
    exact: bool


@dataclass(frozen=True, slots=True)
class Misfit:
    """What the polynomial got wrong of shapes it had not seen.

    `relative`: root mean square over the shapes of the band edge's absorption that is misplaced, over all of it; the
    others are errors (eV) of the mean over the shapes: peak and width of absorption, peak and width of emission.
    """

    relative: float
    edge: float
    edge_width: float
    emission: float
    emission_width: float


@dataclass(frozen=True, eq=False)
class EnsembleSpectrum:
    """The mean over particles, what the polynomial got wrong, and the mean without each tenth of the molecules.

    `absorption` (particles, n) in nm² is that of each particle.
    """

    mean: Curves
    absorption: Floats
    misfit: Misfit | None
    parts: tuple[Curves, ...]
    shapes: int
    failed: int


def ensemble_spectrum(groups: Sequence[GroupLight], grid: Floats, conditions: Conditions) -> EnsembleSpectrum:
    """The mean spectrum of all particles of all groups.

    Raises
    ------
    SolverError
        Too few of a group's shapes could be solved.
    """
    absorption, emitted, numbers, misfits, shapes, failed = [], [], [], [], 0, 0
    for one in groups:
        curves = _GroupCurves(one, grid, conditions)
        for row in curves.members():
            absorbed, given = assemble(row, curves.relative, grid, conditions)
            absorption.append(absorbed)
            emitted.append(given)
        numbers.append(one.group.number[one.possible])
        misfits.append(curves.misfit())
        shapes += len(curves.rows)
        failed += len(one.answers) - len(curves.rows)
    every = np.array(absorption)
    mean, parts = _means(grid, every, np.array(emitted), np.concatenate(numbers))
    return EnsembleSpectrum(mean, every, _worst(misfits), parts, shapes, failed)


def _means(
    grid: Floats, absorption: Floats, emitted: Floats, numbers: NDArray[np.intp]
) -> tuple[Curves, tuple[Curves, ...]]:
    """The mean over all particles, and those without the particles of each tenth of the molecules."""
    part = numbers % JACKKNIFE
    sums = [particle_sums(grid, absorption[part == k], emitted[part == k]) for k in range(JACKKNIFE)]
    total = total_sums(sums)
    if any(one.weight == 0 for one in sums):
        return total.mean(grid), ()
    return total.mean(grid), tuple(total_sums(sums[:k] + sums[k + 1 :]).mean(grid) for k in range(JACKKNIFE))


def _worst(misfits: Sequence[Misfit | None]) -> Misfit | None:
    """The largest of each error."""
    known = [one for one in misfits if one is not None]
    if not known:
        return None
    names = [field.name for field in fields(Misfit)]
    return Misfit(*(max(getattr(one, name) for one in known) for name in names))


class _GroupCurves:
    """Features of a group's solved shapes, and the polynomials through them."""

    def __init__(self, light: GroupLight, grid: Floats, conditions: Conditions) -> None:
        self.light, self.grid, self.conditions = light, grid, conditions
        self.relative = DotGrid.like(grid)
        solved = [k for k, answer in enumerate(light.answers) if answer.light is not None]
        if len(solved) < max(1, FEWEST_POSSIBLE * len(light.answers)):
            reason = next(answer.reason for answer in light.answers if answer.light is None)
            message = f"Only {len(solved)} of {len(light.answers)} shapes of the ensemble can be solved: {reason}"
            raise SolverError(message)
        self.lengths = light.group.scaled(light.lengths[solved])
        prepared = [prepare_light(light.answers[k].light, conditions) for k in solved]  # type: ignore[arg-type]
        # (shapes, D, outputs)
        self.rows = np.array([dot_features(one, self.relative, conditions) for one in prepared])
        self.offset = self._offset()
        self._guess = np.empty_like(self.rows)

    def _offset(self) -> Floats:
        """Band edge and free energy (D, 2) of the mean in its better bases less those in the shapes' (eV)."""
        reference = self.light.reference
        bases = len(next(answer.light for answer in self.light.answers if answer.light is not None).edge)
        coarse = MoleculeLight(**{**vars(reference), "edge": reference.edge[:bases]})
        fine, rough = (
            dot_features(prepare_light(one, self.conditions), self.relative, self.conditions)[:, :2]
            for one in (reference, coarse)
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
        """Fit the dots of one kind, and give their features of other lengths."""
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

    def _loss(self, outputs: Floats):  # type: ignore[no-untyped-def]  # noqa: ANN202
        size = len(self.relative.absorbed)
        scale = self.conditions.broadening.deviation

        def loss(guess: Floats) -> float:
            wrong = guess - outputs
            energy = np.mean((wrong[:, :2] / scale) ** 2)
            curves = [
                np.sum(wrong[:, part] ** 2) / np.sum(outputs[:, part] ** 2)
                for part in (slice(2, 2 + size), slice(2 + size, None))
            ]
            return float(energy + sum(curves))

        return loss

    def misfit(self) -> Misfit | None:
        """How far what was not seen was predicted wrong; None where every particle was solved. Ask after `members`."""
        if self.light.exact or not self.light.group.parameters:
            return None
        grid = self.grid
        true, guess = (
            [assemble(row, self.relative, grid, self.conditions) for row in rows] for rows in (self.rows, self._guess)
        )
        relative = []
        for (absorbed, _), (other, _) in zip(true, guess, strict=True):
            low = grid <= edge_peak(grid, absorbed).energy + EDGE_REACH
            wrong = float(np.trapezoid(np.abs(other - absorbed)[low], grid[low]))
            relative.append(wrong / band_edge_area(grid, absorbed, edge_peak(grid, absorbed)))
        means = [mean_curves(grid, [a for a, _ in one], [e for _, e in one]) for one in (true, guess)]
        edges = [edge_peak(grid, mean.absorption) for mean in means]
        peaks = [emission_peak(grid, mean.emission) for mean in means]
        return Misfit(
            float(np.sqrt(np.mean(np.square(relative)))),
            abs(edges[0].energy - edges[1].energy),
            abs(edges[0].width - edges[1].width),
            abs(peaks[0].energy - peaks[1].energy),
            abs(peaks[0].width - peaks[1].width),
        )
