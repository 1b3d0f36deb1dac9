"""Matrices of a rate model and the linear algebra that its answers share.

The probabilities p(t) (s,) of the states obey dp/dt = L p with the *generator* L (s, s): L[i, j] is the rate from state
j to state i, and columns add up to 0. A photon is a jump: J[i, j] is the rate of the transitions from j to i that emit
one, so Σ_i (J p)_i photons per ns are emitted, and J p is the distribution of states behind the photon, times the rate.
The densities of pairs and triples follow from products of J and exp(L t), as for any Markovian arrival process
(M. F. Neuts, *J. Appl. Probab.* 16, 764, 1979, doi:10.2307/3213143). A probability of detection multiplies J, and
therefore cancels in g2 and g3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from qdmol.arrays import Bools, Floats
from qdmol.errors import InputError, SolverError

# Product of the norms of the eigenvectors and their inverse beyond which matrix exponentials replace eigenvectors: the
# error of the latter is about this number times 1e-16.
_CONDITION = 1e7
# Largest product of the fastest rate and time for which eigenvectors serve: the slowest rates are only known to 1e-16
# times the fastest, which times of many lifetimes amplify.
_LIFETIMES = 1e11
_EVEN = 1e-9  # relative deviation of steps that count as even


@dataclass(frozen=True, slots=True, eq=False)
class Generators:
    """Matrices of a rate model.

    Attributes
    ----------
    states, channels
        Names, in the order of the matrices.
    dark : (s, s)
        Generator without light (1/ns).
    absorption : (s, s)
        Generator of absorption, for a rate of one absorbed photon per unit of time and cross-section.
    emission : (c, s, s)
        Rates of the transitions that emit a photon into each channel (1/ns).
    recurrent : (s,)
        States that the source keeps coming back to.
    """

    states: tuple[str, ...]
    channels: tuple[str, ...]
    dark: Floats
    absorption: Floats
    emission: Floats
    recurrent: Bools

    def emission_of(self, channel: str | None) -> Floats:
        """Jumps (s, s) that emit into `channel`, or into any channel if it is None."""
        if channel is None:
            total: Floats = self.emission.sum(axis=0)
            return total
        if channel not in self.channels:
            raise InputError(field="channel", value=channel, allowed=f"one of {', '.join(self.channels)}")
        matrix: Floats = self.emission[self.channels.index(channel)]
        return matrix


def reachable(*rates: Floats) -> Bools:
    """Whether state i can be reached from state j: element [i, j] of an (s, s) matrix.

    `rates` (s, s) are matrices whose element [i, j] is positive if j leads directly to i.
    """
    reached = np.eye(len(rates[0]), dtype=bool)
    for matrix in rates:
        reached |= matrix > 0
    steps = 1
    while steps < len(reached):
        reached = (reached.astype(np.float32) @ reached.astype(np.float32)) > 0
        steps *= 2
    return reached


def stationary(rates: Floats, recurrent: Bools) -> Floats:
    """Stationary distribution (s,) of a generator, or of the probabilities of a step, `rates` (s, s).

    States are eliminated one by one, that with the fastest way out first. Nothing is subtracted, so that rates of
    many orders of magnitude do not lose digits (W. K. Grassmann, M. I. Taksar and D. P. Heyman, *Oper. Res.* 33, 1107,
    1985, doi:10.1287/opre.33.5.1107).

    Raises
    ------
    SolverError
        If the slowest rates vanish in rounding.
    """
    kept = np.flatnonzero(recurrent)
    flow = np.maximum(rates[np.ix_(kept, kept)], 0.0)
    np.fill_diagonal(flow, 0.0)
    size = len(kept)
    left = np.ones(size, dtype=bool)
    order: list[int] = []
    leaving = np.zeros(size)
    for _ in range(size - 1):
        out = np.where(left, left @ flow, -1.0)
        state = int(np.argmax(out))
        if not out[state] > 0:
            raise SolverError("The steady state is not determined: some rates are too slow beside the others.")
        left[state] = False
        leaving[state] = out[state]
        order.append(state)
        into = np.where(left, flow[:, state], 0.0) / out[state]
        flow += np.outer(into, np.where(left, flow[state], 0.0))
        np.fill_diagonal(flow, 0.0)
    weights = left.astype(np.float64)
    for state in reversed(order):
        weights[state] = flow[state] @ weights / leaving[state]
    distribution = np.zeros(len(rates))
    distribution[kept] = weights / weights.sum()
    return distribution


def exponential(matrix: Floats, duration: float, states: int) -> Floats:
    """exp(matrix · duration) of a generator, or of one that `counted` or `chained` give for a number of `states`.

    Squaring multiplies numbers that are not negative, and the columns of each generator on the diagonal add up to 1
    again after every step, so that a duration of 10⁹ lifetimes costs no digits.
    """
    fastest = float(np.abs(np.diag(matrix)).max()) * duration
    squarings = max(0, math.ceil(math.log2(fastest))) if fastest > 1.0 else 0
    result: Floats = np.maximum(linalg.expm(matrix * (duration / 2.0**squarings)), 0.0)
    blocks = [slice(k, k + states) for k in range(0, len(matrix) - states + 1, states)]
    for _ in range(squarings):
        result = result @ result
        for block in blocks:
            result[block, block] /= result[block, block].sum(axis=0)
    return result


def counted(generator: Floats, row: Floats) -> Floats:
    """Generator (s + 1, s + 1) that also adds up what `row` (s,) gives per unit of time, in its last row."""
    size = len(generator)
    matrix = np.zeros((size + 1, size + 1))
    matrix[:size, :size] = generator
    matrix[size, :size] = row
    return matrix


def chained(generator: Floats, jumps: list[Floats]) -> Floats:
    """Generator of chains of photons: block k holds the states behind k photons in the order of `jumps` (s, s).

    The last photon is only counted, in the last row; size k s + 1 for k jumps. With the exponential of such triangular
    blocks come the integrals over the times of the photons (C. F. Van Loan, *IEEE Trans. Autom. Control* 23, 395, 1978,
    doi:10.1109/TAC.1978.1101743).
    """
    size, photons = len(generator), len(jumps)
    matrix = np.zeros((photons * size + 1, photons * size + 1))
    for k, jump in enumerate(jumps):
        block = slice(k * size, (k + 1) * size)
        matrix[block, block] = generator
        if k < photons - 1:
            matrix[(k + 1) * size : (k + 2) * size, block] = jump
        else:
            matrix[-1, block] = jump.sum(axis=0)
    return matrix


def even_step(points: Floats) -> float | None:
    """Step between `points` (n,), n > 1, or None if it varies."""
    steps = np.diff(points)
    step = float(points[-1] - points[0]) / len(steps)
    return step if np.all(np.abs(steps - step) <= _EVEN * step) else None


def repeated(step: Floats, start: Floats, count: int) -> Floats:
    """Vectors (s, count): `start` (s,), `step` @ start, step² @ start and so on."""
    vectors = start[:, np.newaxis]
    while vectors.shape[1] < count:
        vectors = np.hstack([vectors, step @ vectors])
        step = squared(step)
    return vectors[:, :count]


def squared(step: Floats) -> Floats:
    """Probabilities (s, s) of two steps, whose columns add up to 1."""
    twice = step @ step
    normalized: Floats = twice / twice.sum(axis=0)
    return normalized


def evolved(generator: Floats, start: Floats, times: Floats) -> Floats:
    """exp(generator t) @ start (s, n) at `times` (n,), which need not be in order."""
    size = len(generator)
    step = even_step(times) if len(times) > 1 and times[-1] > times[0] else None
    if step is not None:
        first = exponential(generator, float(times[0]), size) @ start
        return repeated(exponential(generator, step, size), first, len(times))
    modes = _modes(generator, float(times.max())) if len(times) > 2 else None
    if modes is not None:
        values, right, left = modes
        result: Floats = (right @ (np.exp(np.outer(values, times)) * (left @ start)[:, np.newaxis])).real
        return result
    return np.transpose([exponential(generator, float(time), size) @ start for time in times])


def evolved_sums(generator: Floats, row: Floats, start: Floats, edges: Floats) -> Floats:
    """Integrals (n,) of row @ exp(generator t) @ start between `edges` (n + 1,)."""
    widths, size = np.diff(edges), len(generator)
    step = even_step(edges)
    if step is not None:
        propagator = exponential(counted(generator, row), step, size)
        first = exponential(generator, float(edges[0]), size) @ start
        sums = propagator[size, :size] @ repeated(propagator[:size, :size], first, len(widths))
    elif (modes := _modes(generator, float(edges[-1]))) is not None:
        values, right, left = modes
        grown = np.exp(np.outer(values, edges[:-1])) * _mean_growth(np.outer(values, widths)) * widths
        sums = ((row @ right * (left @ start)) @ grown).real
    else:
        matrix = counted(generator, row)
        rows = [exponential(matrix, float(width), size)[-1, :-1] for width in widths]
        sums = np.einsum("ns,sn->n", np.array(rows), evolved(generator, start, edges[:-1]))
    positive: Floats = np.maximum(sums, 0.0)
    return positive


def _mean_growth(exponents: Floats) -> Floats:
    """(exp(z) - 1) / z."""
    small = np.abs(exponents) < 1e-8
    safe = np.where(small, 1.0, exponents)
    growth: Floats = np.where(small, 1.0 + 0.5 * exponents, np.expm1(safe) / safe)
    return growth


def _modes(generator: Floats, longest: float) -> tuple[Floats, Floats, Floats] | None:
    """Eigenvalues (s,), eigenvectors (s, s) and their inverse; None if they are not precise enough up to `longest`."""
    if float(np.abs(np.diag(generator)).max()) * longest > _LIFETIMES:
        return None
    values, right = np.linalg.eig(generator)
    try:
        left = np.linalg.inv(right)
    except np.linalg.LinAlgError:
        return None
    with np.errstate(over="ignore"):
        condition = np.linalg.norm(right) * np.linalg.norm(left)
    if not condition < _CONDITION:
        return None
    # no probability grows: positive real parts are rounding, which long times would amplify
    return np.minimum(values.real, 0.0) + 1j * values.imag, right, left
