"""A polynomial through solved shapes: what the dots of any other shape do, and how far off that is.

Rows of features are fitted by least squares in the varied lengths, in units of their standard deviations. The degree is
the one that predicts best what it has not seen: each shape in turn is left out with its neighbours of one fold
(cross-validation: M. Stone, J. R. Stat. Soc. B 36, 111 (1974), doi:10.1111/j.2517-6161.1974.tb00994.x).

What of a molecule's spectra varies smoothly with its lengths: for each dot its place in energy, and its own curve.

A curve that moves with its dot's band edge changes its shape slowly, where the molecule's curve as a whole would change
quickly: two dots of unlike size have two peaks, which cross. The molecule's curves are put together again from the
dots': absorption adds, and emission with the share exp(-F_d/kT) of the excitons in each dot, F_d their free energy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement

import numpy as np

from qdmol.arrays import Floats, Indices
from qdmol.optics import cross_section, emission
from qdmol.prediction.molecules import Prepared
from qdmol.prediction.values import Conditions
from qdmol.units import BOLTZMANN_EV_K

FOLDS = 6
# At least this many rows for each term.
ROWS_A_TERM = 1.5
# Shapes beyond what the quadratic terms need.
SPARE = 4

# A degree: that of all lengths together, and that of a dot's own lengths alone.
Degree = tuple[int, int]
DEGREES: tuple[Degree, ...] = ((0, 0), (1, 1), (1, 2), (2, 2), (2, 3))


@dataclass(frozen=True, eq=False)
class Polynomial:
    """Coefficients (terms, outputs) of products of lengths, each a tuple of the lengths' numbers."""

    terms: tuple[tuple[int, ...], ...]
    coefficients: Floats

    def __call__(self, lengths: Floats) -> Floats:
        """Outputs (s, outputs) at scaled lengths (s, P)."""
        return np.asarray(_products(lengths, self.terms) @ self.coefficients)


def fewest_shapes(lengths: int, *, rows_a_shape: int) -> int:
    """How many shapes tell the quadratic terms of so many lengths."""
    if lengths == 0:
        return 1
    terms = (lengths + 1) * (lengths + 2) // 2
    return int(np.ceil(ROWS_A_TERM * terms / rows_a_shape)) + SPARE


def best_polynomial(
    lengths: Floats, outputs: Floats, shape: Indices, *, own: int, loss: Callable[[Floats], float]
) -> tuple[Polynomial, Floats]:
    """The polynomial of the degree that predicts best, and its predictions (rows, outputs) of what it has not seen.

    Parameters
    ----------
    lengths
        Scaled (rows, P); a dot's own lengths come first.
    outputs
        (rows, outputs).
    shape
        (rows,) number of the shape a row belongs to: its rows are left out together.
    own
        How many lengths are a dot's own.
    loss
        Of predictions (rows, outputs): the smaller the better.
    """
    tried: list[tuple[float, int, list[tuple[int, ...]], Floats]] = []
    for degree in DEGREES:
        terms = _terms(lengths.shape[1], own, degree)
        if len(terms) * ROWS_A_TERM <= len(lengths) * (FOLDS - 1) / FOLDS or not tried:
            guess = held_out(lengths, outputs, shape, terms)
            tried.append((loss(guess), len(terms), terms, guess))
    _, _, terms, guess = min(tried, key=lambda one: one[:2])
    return _fit(lengths, outputs, terms), guess


def held_out(lengths: Floats, outputs: Floats, shape: Indices, terms: Sequence[tuple[int, ...]]) -> Floats:
    """Predictions (rows, outputs) of every row by a fit without its fold."""
    found = np.zeros_like(outputs)
    numbers = np.unique(shape)
    folds = min(FOLDS, len(numbers))
    for fold in range(folds):
        out = np.isin(shape, numbers[fold::folds])
        if out.all():
            return outputs.copy()
        found[out] = _fit(lengths[~out], outputs[~out], terms)(lengths[out])
    return found


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


# Lines of a dot are weighed by exp(-E/SOFT) for the place of its band edge: eV.
SOFT = 0.03
BELOW = 0.35
EMITTED_BELOW, EMITTED_ABOVE = 0.45, 0.35
# Below this temperature (K) shares are those at it: no dot of a pair is ever quite empty.
COLDEST = 1.0


@dataclass(frozen=True, eq=False)
class DotGrid:
    """Energies (eV) relative to a dot's band edge, of absorption (n,) and of emission (k,)."""

    absorbed: Floats
    emitted: Floats

    @classmethod
    def like(cls, grid: Floats) -> DotGrid:
        """With the step of an even grid, from below every line of a dot to the grid's end and beyond."""
        step = float(grid[1] - grid[0])
        above = float(grid[-1] - grid[0])
        return cls(np.arange(-BELOW, above, step), np.arange(-EMITTED_BELOW, EMITTED_ABOVE, step))


def dot_features(prepared: Prepared, grid: DotGrid, conditions: Conditions) -> Floats:
    """One row (D, 2 + n + k) a dot: band edge (eV), free energy (eV), absorption (nm²), emission (1/(eV ns)) there.

    Emission is that of an exciton in thermal equilibrium within the dot.
    """
    light, lines, emitting = prepared.light, prepared.lines, prepared.emitters
    thermal = BOLTZMANN_EV_K * max(conditions.temperature, COLDEST)
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
    """Where a dot's lowest lines lie, each as heavy as it is strong and low (eV)."""
    levels = prepared.limit.levels
    strength = np.maximum(levels.bare[:, dot], 0.0)
    weight = strength * np.exp(-(levels.energy - levels.energy[0]) / SOFT)
    return prepared.light.band_gap + float(weight @ levels.energy / weight.sum())


def assemble(features: Floats, relative: DotGrid, grid: Floats, conditions: Conditions) -> tuple[Floats, Floats]:
    """Absorption (n,) in nm² and emission (n,) in 1/(eV ns) of a molecule from its dots' rows (D, ...)."""
    thermal = BOLTZMANN_EV_K * max(conditions.temperature, COLDEST)
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
    """Add a share of a curve (m,) that begins at an energy to `total` (n,), on a grid of the same step.

    Between the points it is cubic, beyond its ends 0.
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
