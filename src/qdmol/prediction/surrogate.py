"""Interpolation of spectra between solved shapes by polynomials in the varied lengths.

A molecule's spectrum is described dot by dot, by features that vary smoothly with its lengths: the energy of each dot's
band edge, its free energy, and its curves relative to its band edge. The molecule's own curve would vary quickly:
unlike dots have two peaks that cross. Absorption of the dots adds up; emission is weighted with the share exp(-F_d/kT)
of the excitons in each dot, F_d their free energy.

Features are fitted by least squares, with lengths in units of their standard deviations. The degree is the one with the
smallest error in cross-validation, in which the shapes of one fold at a time are excluded (M. Stone, J. R. Stat. Soc. B
36, 111 (1974), doi:10.1111/j.2517-6161.1974.tb00994.x).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement
from typing import Final

import numpy as np

from qdmol.arrays import Floats, Indices
from qdmol.optics import cross_section, emission
from qdmol.prediction.molecules import Prepared
from qdmol.prediction.values import Conditions
from qdmol.units import BOLTZMANN_EV_K

# Folds of the cross-validation.
FOLDS: Final = 6
# Smallest number of rows for each term.
ROWS_PER_TERM: Final = 1.5
# Shapes beyond those that the quadratic terms need.
SPARE_SHAPES: Final = 4
# The band edge of a dot is the mean of its lines, weighted by strength and exp(-E/EDGE_WIDTH_EV).
EDGE_WIDTH_EV: Final = 0.03
# Range (eV) of a dot's curves relative to its band edge.
ABSORPTION_BELOW: Final = 0.35
EMISSION_BELOW, EMISSION_ABOVE = 0.45, 0.35
# Below this temperature (K) the shares of the dots are those at it, so that no dot is completely empty.
MIN_TEMPERATURE: Final = 1.0

# A degree: that of all lengths together, and that of a dot's own lengths alone.
Degree = tuple[int, int]
DEGREES: tuple[Degree, ...] = ((0, 0), (1, 1), (1, 2), (2, 2), (2, 3))


@dataclass(frozen=True, eq=False)
class Polynomial:
    """Polynomial with coefficients (terms, outputs); each term is a product of lengths, given by their numbers."""

    terms: tuple[tuple[int, ...], ...]
    coefficients: Floats

    def __call__(self, lengths: Floats) -> Floats:
        """Outputs (s, outputs) at scaled lengths (s, P)."""
        return np.asarray(_products(lengths, self.terms) @ self.coefficients)


def fewest_shapes(lengths: int, *, rows_a_shape: int) -> int:
    """Number of shapes that determine all quadratic terms of `lengths` lengths."""
    if lengths == 0:
        return 1
    terms = (lengths + 1) * (lengths + 2) // 2
    return int(np.ceil(ROWS_PER_TERM * terms / rows_a_shape)) + SPARE_SHAPES


def best_polynomial(
    lengths: Floats, outputs: Floats, shape: Indices, *, own: int, loss: Callable[[Floats], float]
) -> tuple[Polynomial, Floats]:
    """Polynomial of the best degree, and the predictions (rows, outputs) of fits without the predicted row.

    Parameters
    ----------
    lengths
        Scaled lengths (rows, P); a dot's own lengths come first.
    outputs
        Features (rows, outputs).
    shape
        Number (rows,) of the shape of each row: rows of one shape are excluded together.
    own
        Number of a dot's own lengths.
    loss
        Error of predictions (rows, outputs), which is minimised.
    """
    tried: list[tuple[float, int, list[tuple[int, ...]], Floats]] = []
    for degree in DEGREES:
        terms = _terms(lengths.shape[1], own, degree)
        if len(terms) * ROWS_PER_TERM <= len(lengths) * (FOLDS - 1) / FOLDS or not tried:
            guess = held_out(lengths, outputs, shape, terms)
            tried.append((loss(guess), len(terms), terms, guess))
    _, _, terms, guess = min(tried, key=lambda candidate: candidate[:2])
    return _fit(lengths, outputs, terms), guess


def held_out(lengths: Floats, outputs: Floats, shape: Indices, terms: Sequence[tuple[int, ...]]) -> Floats:
    """Predictions (rows, outputs) of every row by a fit without its fold."""
    predictions = np.zeros_like(outputs)
    numbers = np.unique(shape)
    folds = min(FOLDS, len(numbers))
    for fold in range(folds):
        out = np.isin(shape, numbers[fold::folds])
        if out.all():
            return outputs.copy()
        predictions[out] = _fit(lengths[~out], outputs[~out], terms)(lengths[out])
    return predictions


def _fit(lengths: Floats, outputs: Floats, terms: Sequence[tuple[int, ...]]) -> Polynomial:
    return Polynomial(tuple(terms), np.linalg.pinv(_products(lengths, terms)) @ outputs)


def _products(lengths: Floats, terms: Sequence[tuple[int, ...]]) -> Floats:
    return np.stack([np.prod(lengths[:, list(term)], axis=1) for term in terms], axis=1)


def _terms(lengths: int, own: int, degree: Degree) -> list[tuple[int, ...]]:
    """Products of lengths up to a degree, and of a dot's own lengths up to another."""
    common, alone = degree
    products = (
        term for order in range(max(degree) + 1) for term in combinations_with_replacement(range(lengths), order)
    )
    return [term for term in products if len(term) <= common or (len(term) <= alone and all(k < own for k in term))]


@dataclass(frozen=True, eq=False)
class DotGrid:
    """Energies (eV) relative to a dot's band edge, of absorption (n,) and of emission (k,)."""

    absorbed: Floats
    emitted: Floats

    @classmethod
    def like(cls, grid: Floats) -> DotGrid:
        """Relative energies with the step of an even grid, from below every line of a dot to beyond the end of the
        grid.
        """
        step = float(grid[1] - grid[0])
        above = float(grid[-1] - grid[0])
        return cls(np.arange(-ABSORPTION_BELOW, above, step), np.arange(-EMISSION_BELOW, EMISSION_ABOVE, step))


def dot_features(prepared: Prepared, grid: DotGrid, conditions: Conditions) -> Floats:
    """Features (D, 2 + n + k) of each dot: band edge and free energy (eV), absorption (nm²), emission (1/(eV ns)).

    Emission is that of an exciton in thermal equilibrium within the dot.
    """
    light, lines, emitting = prepared.light, prepared.lines, prepared.emitters
    thermal = BOLTZMANN_EV_K * max(conditions.temperature, MIN_TEMPERATURE)
    rows = []
    for dot in range(light.dots):
        edge = _edge(prepared, dot)
        place = max(float(emitting.place[dot]), 1e-300)
        free = emitting.free_energy - thermal * np.log(place)
        own = replace(lines, moment=lines.moment[:, dot : dot + 1])
        absorbed = cross_section(own, edge + grid.absorbed, conditions.broadening, index=light.index)[:, 0]
        emitted = emission(emitting, edge + grid.emitted, conditions.broadening)[:, dot] / place
        rows.append(np.concatenate([[edge, free], absorbed, emitted]))
    return np.array(rows)


def _edge(prepared: Prepared, dot: int) -> float:
    """Band edge (eV) of a dot: mean of its lines, weighted by their strength and towards the lowest."""
    levels = prepared.limit.levels
    strength = np.maximum(levels.bare[:, dot], 0.0)
    weight = strength * np.exp(-(levels.energy - levels.energy[0]) / EDGE_WIDTH_EV)
    return prepared.light.band_gap + float(weight @ levels.energy / weight.sum())


def assemble(features: Floats, relative: DotGrid, grid: Floats, conditions: Conditions) -> tuple[Floats, Floats]:
    """Absorption (n,) in nm² and emission (n,) in 1/(eV ns) of a molecule from the features of its dots (D, ...)."""
    thermal = BOLTZMANN_EV_K * max(conditions.temperature, MIN_TEMPERATURE)
    free = features[:, 1]
    share = np.exp(-(free - free.min()) / thermal)
    share /= share.sum()
    size = len(relative.absorbed)
    absorption, emitted = np.zeros(len(grid)), np.zeros(len(grid))
    for row, part in zip(features, share, strict=True):
        _add_moved(absorption, row[2 : 2 + size], row[0] + relative.absorbed[0], grid, 1.0)
        _add_moved(emitted, row[2 + size :], row[0] + relative.emitted[0], grid, part)
    return absorption, emitted


def _add_moved(total: Floats, curve: Floats, start: float, grid: Floats, share: float) -> None:
    """Add a share of a curve (m,) that starts at an energy to `total` (n,), on a grid of the same step.

    The curve is interpolated by cubic polynomials and is zero beyond its ends.
    """
    place = (grid[0] - start) / (grid[1] - grid[0])
    first = math.floor(place)
    f = float(place) - first
    kernel = np.array(
        [-f * (1 - f * f) / 6, f * (1 + f) * (2 - f) / 2, (1 - f * f) * (2 - f) / 2, -f * (1 - f) * (2 - f) / 6]
    )
    low, high = max(0, 1 - first), min(len(grid), len(curve) - 2 - first)
    if high > low:
        total[low:high] += np.convolve(curve[first + low - 1 : first + high + 2], share * kernel, mode="valid")
