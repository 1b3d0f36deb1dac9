"""The lowest levels of an operator, each with an error, and the proof that none was missed.

A coarse space, of the shape functions up to about half the degree, gives start vectors and upper bounds of the levels;
they are then solved with all shape functions up to degree p. The error follows from what the functions of the highest
degree have added: a level's vector without them has a higher energy, by 1.1 to 1.3 times (measured) the fall d of the
level between two solves of degree p - 1 and p. Levels are upper bounds that fall with the degree; d times the ratio q
at which the parts of highest degree decay from one degree to the next estimates what is still to come, q d / (1 - q);
the error is SAFETY times that.

For every sector of the symmetry the inertia of A - σM at a σ above the highest level reported counts the levels below
σ; it must equal the number found. The first family of sectors without a level ends the search
(:meth:`qdmol.fem.Symmetry.families`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg

from qdmol.arrays import Floats
from qdmol.errors import SolverError
from qdmol.fem import Sector, Symmetry
from qdmol.linalg import DENSE_ROWS, Factor, Tail, lanczos, left_out, lowest_ritz
from qdmol.states.hamiltonian import Operator
from qdmol.states.space import Pencil

# Stated error over estimated error. Of 1,250 levels of random spheres the estimate was exceeded by up to three times.
SAFETY = 3.5
# A level without the shape functions of highest degree lies above itself by at least this many times the fall between
# two solves: of 200 levels of random spheres and dimers it was 1.09 to 2.8 times, in the median 1.18.
TRUNCATION_EXCESS = 1.1
# Energies (eV) that differ by less count as one for the order of a list.
DEGENERATE_EV = 1e-6
# Part of an energy that curved elements of finite degree change.
CURVATURE_SHARE = 1e-8
# Rounding of an energy, in eV.
ROUNDING_EV = 1e-11
# Energies have converged when a step changes them by less than this (eV); a step gains two digits or more.
CONVERGENCE_EV = 1e-10
# Energies in the coarse space are upper bounds whether converged or not.
COARSE_CONVERGENCE_EV = 1e-4
# Levels above this part of the way from the floor to the ceiling are close to the continuum: the search for them uses
# factors on both sides.
NEAR_CONTINUUM = 0.5
# The same is done in a sector of the coarse space with at most this many times the wanted levels below the ceiling.
SPARE_FACTOR = 2
# Sectors are searched this far (eV, times 1 + height of the top) above the highest level reported.
SEARCH_MARGIN_EV = 1e-4
# More levels than this in one sector are computed by restarted Lanczos with its shift below them all: the block Krylov
# space would grow too large, and from a shift above them the lowest are far away.
MAX_KRYLOV_LEVELS = 8
# Steps from below after which levels count as crowded, and bisections that then look for a shift above them.
STEPS_FROM_BELOW = 14
BISECTIONS = 12
# Starts tried before a sector whose inertia disagrees with its levels is given up.
MAX_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Level:
    """One level: energy and error (eV), the sector it is in, and its unknowns.

    `fall` estimates by how much the shape functions of the highest degree lower it, `tail` is the rest of the error
    estimate. `vector` (n,) lies in the
    operator's numbering, normalised to ∫ ψ² = 1 in the elements' measure, over the mesh.
    """

    energy: float
    error: float
    sector: Sector
    fall: float
    tail: Tail
    vector: Floats


@dataclass(frozen=True, slots=True)
class Levels:
    """Levels in the order of :func:`in_order`; `complete` if as many as requested lie below the ceiling."""

    levels: tuple[Level, ...]
    complete: bool

    def __len__(self) -> int:
        return len(self.levels)

    def __getitem__(self, index: int) -> Level:
        return self.levels[index]

    def __iter__(self) -> Iterator[Level]:
        return iter(self.levels)

    def with_error(self, extra: Callable[[Level], float]) -> Levels:
        """The same levels, with the value of `extra` (eV) for each level added to its error."""
        return replace(self, levels=tuple(replace(level, error=level.error + extra(level)) for level in self.levels))


def find_levels(
    operator: Operator,
    count: int,
    *,
    ceiling: float,
    further_error: float = 0.0,
    start: Mapping[Sector, Floats] | None = None,
) -> Levels:
    """The `count` lowest levels below `ceiling` (eV); more where partners of equal energy would be cut.

    Parameters
    ----------
    operator
        Whose levels.
    count
        How many, counting every partner of equal energy; 0 gives an empty list.
    ceiling
        Levels at and above are not discrete and not reported.
    further_error
        Error (eV) that is not of the shape functions, added to each level's.
    start
        Vectors (operator's size, k) of some sectors that resemble the levels; where there are enough of them they
        replace a solve in the coarse space.

    Raises
    ------
    SolverError
        The inertia count does not agree with the levels found, or more levels are requested than the symmetry has
        families for.
    """
    if count == 0:
        return Levels((), complete=True)
    search = _Search(operator, count, ceiling, further_error, start or {})
    for first, *others in operator.symmetry.families():
        if not search.search(first):
            # Nor has any other sector of the family a level there.
            for sector in others:
                search.skip(sector)
            break
        for sector in others:
            search.search(sector)
    return search.result()


class _Search:
    """Levels found so far, and the energy up to which the next sectors must be searched."""

    def __init__(
        self,
        operator: Operator,
        count: int,
        ceiling: float,
        further_error: float,
        start: Mapping[Sector, Floats],
    ) -> None:
        self.operator = operator
        self.symmetry = operator.symmetry
        self.count = count
        self.ceiling = ceiling
        self.further_error = further_error
        self.levels: list[Level] = []
        # Upper bounds of the levels of a sector, and vectors in the operator's numbering.
        self._bounds = {sector: self._given(sector, vectors) for sector, vectors in start.items()}
        if math.isinf(self._bound()):
            for sector in self.symmetry.ground_sectors:
                self._bounds[sector] = self._first(sector)

    def _given(self, sector: Sector, start: Floats) -> tuple[Floats, Floats]:
        """Upper bounds of levels of a sector in the span of given vectors, and their vectors."""
        pencil = self.operator.pencil(sector, coarse=False)
        values, vectors = _ritz(pencil, start[pencil.unknowns])
        below = values < self.ceiling
        return values[below], self._whole(pencil, vectors[:, below])

    def _first(self, sector: Sector) -> tuple[Floats, Floats]:
        """Upper bounds of the lowest levels of a ground sector, and their vectors; none above the ceiling."""
        count = self.count // len(self.symmetry.ground_sectors) + 1
        coarse = self.operator.pencil(sector, coarse=True)
        known = _from_below(self.operator, sector, count, ceiling=self.ceiling)
        if known is None:
            near = None
            if math.isfinite(self.ceiling):
                factor = coarse.factor(self.ceiling)
                if factor.negative <= SPARE_FACTOR * count:
                    count, near = min(count, factor.negative), factor
            known = _lowest(self.operator, sector, count, ceiling=self.ceiling, near=near)
        return known[0], self._whole(coarse, known[1])

    def _whole(self, pencil: Pencil, vectors: Floats) -> Floats:
        """Vectors of a pencil in the operator's numbering."""
        whole = np.zeros((self.operator.size, vectors.shape[1]))
        whole[pencil.unknowns] = vectors
        return whole

    def top(self) -> float:
        """An energy that the `count`-th level cannot exceed, and not above the ceiling."""
        return min(self._bound(), self.ceiling)

    def _bound(self) -> float:
        """An energy that the `count`-th level cannot exceed; inf where too few are known."""
        energies = [level.energy for level in self.levels for _ in self.symmetry.partners(level.sector)]
        for sector, (values, _) in self._bounds.items():
            energies += [float(value) for value in values for _ in self.symmetry.partners(sector)]
        energies.sort()
        return energies[self.count - 1] if len(energies) >= self.count else math.inf

    def skip(self, sector: Sector) -> None:
        """Leave out a sector that has no level below the top."""
        self._known(sector)

    def _known(self, sector: Sector) -> Floats:
        """Take out what is known of a sector before it is searched: vectors (size, k) close to its levels."""
        for partner in self.symmetry.partners(sector):
            if partner in self._bounds:
                return self._bounds.pop(partner)[1]
        return np.empty((self.operator.size, 0))

    def search(self, sector: Sector) -> int:
        """Search one sector below the top; returns how many levels were found there."""
        fine = self.operator.pencil(sector, coarse=False)
        top = self.top()
        shift = top if top == self.ceiling else top + SEARCH_MARGIN_EV * (1 + top - self.operator.floor)
        factor = fine.factor(shift)
        wanted = factor.negative
        vectors = self._known(sector)
        if wanted == 0:
            return 0
        if vectors.shape[1] < wanted:
            near = self._near(sector, shift)
            known = None if near is not None else _from_below(self.operator, sector, wanted, ceiling=self.ceiling)
            _, vectors = known or _lowest(self.operator, sector, wanted, ceiling=self.ceiling, near=near)
            vectors = self._whole(self.operator.pencil(sector, coarse=True), vectors)
        start = vectors[fine.unknowns, :wanted]
        if start.shape[1] < wanted:  # more levels than functions in the coarse space
            start = np.hstack([start, _any_vectors(len(start), wanted - start.shape[1])])
        if wanted > MAX_KRYLOV_LEVELS or shift == self.ceiling:
            bottom = self.operator.factor_at_floor(sector, coarse=False)
            energies, refined = _from_both_sides(
                fine, bottom, factor, start, wanted, floor=self.operator.floor, tolerance=CONVERGENCE_EV
            )
        else:
            energies, refined = self._refined(fine, factor, start, shift)
        falls = truncation_falls(fine, energies, refined)
        for k, energy in enumerate(energies):
            self.levels.append(self._level(sector, fine, float(energy), float(falls[k]), refined[:, k]))
        return wanted

    def _near(self, sector: Sector, shift: float) -> Factor | None:
        """Factors of a sector of the coarse space at a shift that the ceiling is not far above; else None."""
        floor = self.operator.floor
        if shift - floor < NEAR_CONTINUUM * (self.ceiling - floor):
            return None
        return self.operator.pencil(sector, coarse=True).factor(shift)

    def _refined(self, pencil: Pencil, factor: Factor, start: Floats, shift: float) -> tuple[Floats, Floats]:
        """The levels of a sector below the shift: as many as its inertia says, or none is reported."""
        wanted = start.shape[1]
        energies = np.empty(0)
        for _ in range(MAX_ATTEMPTS):
            try:
                energies, vectors = lowest_ritz(
                    pencil.A, pencil.M, factor, start, tolerance=CONVERGENCE_EV, count=wanted
                )
            except SolverError:  # masses that differ by orders of magnitude: restarts do not need a growing space
                floor = self.operator.floor
                energies, vectors = lanczos(pencil.M, pencil.factor(floor), floor, wanted, start.sum(axis=1))
            if np.all(energies <= shift):
                return energies, vectors
            # A start without any component of a level converges to the ones above it; more vectors add that component.
            start = np.hstack([vectors, _any_vectors(len(pencil.unknowns), start.shape[1])])
        message = (
            f"The inertia count finds {wanted} levels below {shift:.6f} eV in one sector, but the iteration "
            f"converged to {np.count_nonzero(energies <= shift)}."
        )
        raise SolverError(message)

    def _level(self, sector: Sector, fine: Pencil, energy: float, fall: float, vector: Floats) -> Level:
        tail = tail_of(fine, self.operator.floor, vector)
        full = np.zeros(self.operator.size)
        full[fine.unknowns] = vector
        shape = CURVATURE_SHARE * (energy - self.operator.floor)
        error = SAFETY * tail.remaining(fall) + ROUNDING_EV + shape + self.further_error
        return Level(energy, error, sector, fall, tail, full)

    def result(self) -> Levels:
        """The requested levels in order, degenerate partners listed separately and never cut apart at the end."""
        below = [level for level in self.levels if level.energy < self.ceiling]
        chosen = in_order([pair for level in below for pair in self._pairs(level)], self.symmetry)
        listed: list[Level] = []
        for level in chosen:
            if len(listed) >= self.count:
                break
            # Both of a pair: levels within DEGENERATE_EV may come between them in the list.
            listed += [replace(level, sector=s) for s in {level.sector, self.symmetry.conjugate(level.sector)}]
        bound = sum(self.symmetry.multiplicity(level.sector) for level in below)
        return Levels(tuple(in_order(listed, self.symmetry)), complete=bound >= self.count)

    def _pairs(self, level: Level) -> Iterator[Level]:
        """The level in one sector of each pair of complex conjugates among its partners."""
        known: set[Sector] = set()
        for sector in self.symmetry.partners(level.sector):
            if sector not in known:
                known |= {sector, self.symmetry.conjugate(sector)}
                yield replace(level, sector=sector)


def in_order(levels: Sequence[Level], symmetry: Symmetry) -> list[Level]:
    """Levels by energy; those within DEGENERATE_EV in the order of the symmetry's `sort_key`."""
    clusters: list[list[Level]] = []
    for level in sorted(levels, key=lambda level: level.energy):
        if clusters and level.energy - clusters[-1][-1].energy < DEGENERATE_EV:
            clusters[-1].append(level)
        else:
            clusters.append([level])
    return [
        level for cluster in clusters for level in sorted(cluster, key=lambda level: symmetry.sort_key(level.sector))
    ]


def tail_of(pencil: Pencil, floor: float, vector: Floats) -> Tail:
    """Decay of the energy of a level with the degree of the shape functions."""
    shells = np.bincount(pencil.space.degrees, weights=pencil.diagonal(floor) * vector**2)
    return left_out(np.asarray(shells, dtype=np.float64))


def truncation_falls(pencil: Pencil, energies: Floats, vectors: Floats) -> Floats:
    """Estimated falls (k,) of levels with vectors (n, k) from degree p - 1 to p, in eV.

    Without the functions of degree p the vectors span a space whose Ritz values are upper bounds of the levels of
    degree p - 1.
    """
    values, _ = truncated_ritz(pencil, vectors)
    return np.asarray(np.maximum(values - energies, 0.0) / TRUNCATION_EXCESS)


def truncated_ritz(pencil: Pencil, vectors: Floats) -> tuple[Floats, Floats]:
    """Ritz values (k,) and vectors (n, k) in the span of vectors (n, k) without their functions of highest degree."""
    below = pencil.space.degrees < pencil.space.degrees.max()
    return _ritz(pencil, np.where(below[:, None], vectors, 0.0))


def _ritz(pencil: Pencil, vectors: Floats) -> tuple[Floats, Floats]:
    """Ritz values (k,) and vectors (n, k) of a pencil in the span of vectors (n, k)."""
    basis, _ = np.linalg.qr(vectors)
    values, mixing = scipy.linalg.eigh(basis.T @ (pencil.A @ basis), basis.T @ (pencil.M @ basis))
    return values, basis @ mixing


def difference_error(low: Level, high: Level) -> float:
    """Error (eV) of the difference of two levels of one mesh: their errors mostly cancel."""
    decay = max(low.tail.decay, high.tail.decay)
    change = abs(high.fall - low.fall) * decay / (1 - decay)
    spread = abs(high.tail.remaining(high.fall) - low.tail.remaining(low.fall))
    return SAFETY * (change + spread) + ROUNDING_EV + CURVATURE_SHARE * abs(high.energy - low.energy)


def _from_below(operator: Operator, sector: Sector, count: int, *, ceiling: float) -> tuple[Floats, Floats] | None:
    """The `count` lowest levels of a sector in the coarse space and their vectors, with a shift below them all.

    None where there are many, where they do not converge fast, or where they are not all below the ceiling.
    """
    pencil = operator.pencil(sector, coarse=True)
    if not 0 < count <= min(MAX_KRYLOV_LEVELS, len(pencil.unknowns)):
        return None
    factor = operator.factor_at_floor(sector, coarse=True)
    # One vector more speeds up the convergence of the last level.
    start = _any_vectors(len(pencil.unknowns), count + 1)
    try:
        known = lowest_ritz(
            pencil.A, pencil.M, factor, start, tolerance=COARSE_CONVERGENCE_EV, count=count, steps=STEPS_FROM_BELOW
        )
    except SolverError:
        return None
    return known if known[0][-1] <= ceiling else None


def _lowest(
    operator: Operator, sector: Sector, count: int, *, ceiling: float, near: Factor | None
) -> tuple[Floats, Floats]:
    """The `count` lowest levels of a sector in the coarse space, or all, and their vectors, with shifts on both sides.

    `near`: factors at a shift just above the highest of them, where that is known to be close to the ceiling.
    """
    pencil = operator.pencil(sector, coarse=True)
    count = min(count, len(pencil.unknowns))
    if count == 0:
        return np.empty(0), np.empty((len(pencil.unknowns), 0))
    factor = operator.factor_at_floor(sector, coarse=True)
    start = _any_vectors(len(pencil.unknowns), count + 1)
    if near is None and count <= MAX_KRYLOV_LEVELS:
        near = _just_above(pencil, count, operator.floor, ceiling)
    return _from_both_sides(pencil, factor, near, start, count, floor=operator.floor, tolerance=COARSE_CONVERGENCE_EV)


def _from_both_sides(
    pencil: Pencil, below: Factor, above: Factor | None, start: Floats, count: int, *, floor: float, tolerance: float
) -> tuple[Floats, Floats]:
    """The `count` lowest levels of a sector, with factors at the floor and just above the levels."""
    if count <= MAX_KRYLOV_LEVELS or len(pencil.unknowns) < DENSE_ROWS:
        try:
            return lowest_ritz(pencil.A, pencil.M, below, start, tolerance=tolerance, count=count, second=above)
        except SolverError:
            pass  # Lanczos with restarts separates many levels close to each other
    return lanczos(pencil.M, below, floor, count, start.sum(axis=1))


def _just_above(pencil: Pencil, count: int, floor: float, ceiling: float) -> Factor | None:
    """Factors at a shift above the `count` lowest levels of a sector and not many more, by bisection of the inertia."""
    low, high, above = floor, ceiling, None
    for _ in range(BISECTIONS if math.isfinite(ceiling) else 0):
        middle = (low + high) / 2
        factor = pencil.factor(middle)
        if factor.negative < count:
            low = middle
            continue
        high, above = middle, factor
        if factor.negative <= count + 1:
            break
    return above


def _any_vectors(size: int, count: int) -> Floats:
    """Vectors (size, count) without any symmetry, the same every time."""
    return np.asarray(np.cos(np.outer(np.arange(1, size + 1), np.sqrt(np.arange(2, count + 2)))))
