"""Kernels: the largest likelihood of counts, by Fisher's scoring within bounds, and along a profile.

The logarithm of Poisson's likelihood is sum n ln(nu) - nu. Each step solves (F + damping) d = gradient with Fisher's
matrix F = J^T J / nu. A profile is followed by a pseudo-observation of the requested quantity: the maximum of
likelihood minus (weight / 2) (quantity - target)^2 lies on the profile, at the quantity it attains. Poisson's
likelihood for decays: Maus et al., Anal. Chem. 73, 2078 (2001), doi:10.1021/ac000877g. Pile-up: Coates, J. Phys. E 1,
878 (1968), doi:10.1088/0022-3735/1/8/437; given the photons before it, each bin of a start-stop histogram sees the
share `live` of the periods, and nu = live P (1 - exp(-mu / P)).

Kernels: the cumulated delay of photons of one law, folded with the response and with all earlier pulses.

With h the response, H its integral and Z(u) = int_0^u h(s) exp(-(u - s) / tau) ds, one pulse has given H(u) - Z(u) of
its photons by the time u. All pulses of the period T, their responses over within a period, give by the geometric sum

    C(u) = H(u) - Z(u) + Z(T) (1 - exp(-u / tau)) / (1 - exp(-T / tau)),   0 <= u <= T.

Counts of a bin are differences of C: exact for bins of any width. Of a Gaussian response Z is the integral of
Grushka, Anal. Chem. 44, 1733 (1972), doi:10.1021/ac60319a011; a histogram is taken as constant within its bins.
A stretched exponential exp(-(t / tau)^beta) is a sum of exponentials with weights of the one-sided stable law,
Kanter, Ann. Probab. 3, 697 (1975), doi:10.1214/aop/1176996309; see Berberan-Santos, Bodunov and Valeur,
Chem. Phys. 315, 171 (2005), doi:10.1016/j.chemphys.2005.04.006.

A `Problem` holds what a fit works on: histogram, response and law, as numbers only.
The parameters of K components are one row: ln tau (K), photons of each component (K), background per bin, shift,
ln of the response's standard deviation, stretching exponent.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Bools, Floats
from qdmol.photons import compiled

PULSE, GAUSSIAN, MEASURED = 0, 1, 2


class Problem(NamedTuple):
    """One decay as the kernels see it; n bins, m bins of the response. Times in ns.

    `live` (n,) is the share of periods not yet closed by an earlier photon, `periods` the number of periods: 0 where
    there is no pile-up to model. The background may be measured elsewhere: `dark_counts` in the time of `dark_bins`
    bins; 0 bins where it was not. `response_height` (m,) is a density, one over ns. Fractions and averages are over the
    `reported` longest components, 0 for all: what is shorter than the instrument resolves has no lifetime.
    """

    edges: Floats
    widths: Floats
    counts: Floats
    used: NDArray[np.bool_]
    live: Floats
    periods: float
    period: float
    kind: int
    response_height: Floats
    response_bin: float
    response_first: float
    components: int
    stretched: bool
    dark_counts: float
    dark_bins: float
    reported: int = 0


class Slots(NamedTuple):
    """Where the parameters of `components` components stand in their row."""

    components: int

    @property
    def size(self) -> int:
        """Length of the row."""
        return 2 * self.components + 4

    @property
    def background(self) -> int:
        """Counts per bin."""
        return 2 * self.components

    @property
    def shift(self) -> int:
        """Delay of the response in ns."""
        return 2 * self.components + 1

    @property
    def width(self) -> int:
        """Logarithm of the response's standard deviation in ns."""
        return 2 * self.components + 2

    @property
    def stretch(self) -> int:
        """Exponent of Kohlrausch."""
        return 2 * self.components + 3


GAUSSIAN_REACH = 7.0  # standard deviations before the middle where a Gaussian begins: 1e-12 is left out
_GRID = 0.1  # step of the lifetimes under a stretched exponential, in ln(tau)
_GRID_HALF = 300
_ROOT_2 = math.sqrt(2.0)
_ROOT_2PI = math.sqrt(2.0 * math.pi)
_ANGLES, _ANGLE_WEIGHTS = np.polynomial.legendre.leggauss(48)


@compiled
def _scaled_erfc(z: float) -> float:
    """Return exp(z^2) erfc(z) for z >= 0."""
    if z < 5.0:
        return math.exp(z * z) * math.erfc(z)
    # continued fraction, Abramowitz and Stegun 7.1.14
    f = z
    for k in range(24, 0, -1):
        f = z + 0.5 * k / f
    return 1.0 / (math.sqrt(math.pi) * f)


@compiled
def _fold_gaussian(x: float, width: float, rate: float) -> tuple[float, float, float, float, float]:
    """H, Z, dZ/drate, dH/dwidth, dZ/dwidth of a Gaussian, x after its middle."""
    y = x / width
    bell = math.exp(-0.5 * y * y) / _ROOT_2PI
    z = (width * rate - y) / _ROOT_2
    if z > 0.0:
        folded = 0.5 * math.exp(-0.5 * y * y) * _scaled_erfc(z)
    else:
        folded = 0.5 * math.exp(0.5 * (width * rate) ** 2 - x * rate) * math.erfc(z)
    by_rate = (width * width * rate - x) * folded - width * bell
    by_width = width * rate * rate * folded - bell * (y / width + rate)
    return 0.5 * math.erfc(-y / _ROOT_2), folded, by_rate, -bell * y / width, by_width


@compiled
def _step(z: float, by_rate: float, height: float, d: float, rate: float) -> tuple[float, float]:
    """Z and dZ/drate after a further time d at constant response."""
    fall = math.exp(-rate * d)
    rise = -math.expm1(-rate * d) / rate
    return z * fall + height * rise, by_rate * fall - d * z * fall + height * (d * fall - rise) / rate


@compiled
def _states(problem: Problem, rate: float) -> Floats:
    """H, Z, dZ/drate at the left edge of each bin of a measured response, and at its end."""
    m = len(problem.response_height)
    states = np.zeros((m + 1, 3))
    for j in range(m):
        height = problem.response_height[j]
        states[j + 1, 0] = states[j, 0] + height * problem.response_bin
        z, by_rate = _step(states[j, 1], states[j, 2], height, problem.response_bin, rate)
        states[j + 1, 1] = z
        states[j + 1, 2] = by_rate
    return states


@compiled
def _fold(
    problem: Problem, u: float, width: float, rate: float, states: Floats
) -> tuple[float, float, float, float, float]:
    """H, Z, dZ/drate, dH/dwidth, dZ/dwidth a time u after the response began."""
    if problem.kind == PULSE:
        z = math.exp(-rate * u)
        return 1.0, z, -u * z, 0.0, 0.0
    if problem.kind == GAUSSIAN:
        return _fold_gaussian(u - GAUSSIAN_REACH * width, width, rate)
    m = len(problem.response_height)
    j = min(int(u / problem.response_bin), m)
    height = problem.response_height[j] if j < m else 0.0
    d = u - j * problem.response_bin
    z, by_rate = _step(states[j, 1], states[j, 2], height, d, rate)
    return states[j, 0] + height * d, z, by_rate, 0.0, 0.0


@compiled
def _begin(problem: Problem, shift: float, width: float) -> float:
    """The delay at which the response begins."""
    if problem.kind == PULSE:
        return shift
    if problem.kind == GAUSSIAN:
        return shift - GAUSSIAN_REACH * width
    return problem.response_first + shift


@compiled
def cumulate(problem: Problem, shift: float, width: float, tau: float, weight: float, out: Floats) -> None:
    """Add `weight` times C at the edges to `out` (4, n + 1), and its derivatives by ln tau, shift and ln width."""
    rate = 1.0 / tau
    begin = _begin(problem, shift, width)
    states = _states(problem, rate) if len(problem.response_height) > 0 else np.zeros((1, 3))
    period = problem.period
    periodic = period < math.inf
    left = (0.0, 0.0, 0.0, 0.0, 0.0)
    again, fall = 0.0, 0.0
    if periodic:
        left = _fold(problem, period, width, rate, states)
        fall = math.exp(-rate * period)
        again = -1.0 / math.expm1(-rate * period)
    for i in range(out.shape[1]):
        u = problem.edges[i] - begin
        turns = 0.0
        if periodic:
            turns = math.floor(u / period)
            u -= turns * period
        elif u < 0.0:
            continue
        h, z, by_rate, h_by_width, z_by_width = _fold(problem, u, width, rate, states)
        e = math.exp(-rate * u)
        share = -math.expm1(-rate * u) * again
        share_by_rate = u * e * again - share * again * period * fall if periodic else 0.0
        out[0, i] += weight * (turns + h - z + left[1] * share)
        out[1, i] += weight * rate * (by_rate - left[2] * share - left[1] * share_by_rate)
        out[2, i] -= weight * rate * (z + left[1] * e * again)
        out[3, i] += weight * width * (h_by_width - z_by_width + left[4] * share)


@compiled
def stretched_nodes(beta: float) -> Floats:
    """Weights (601,) of photons at lifetimes tau exp(0.1 (j - 300)), whose sum of decays is exp(-(t/tau)^beta).

    Kanter's form of the stable law: rates (A(phi) / E)^((1 - beta) / beta) with phi uniform and E exponential; each
    gives photons in proportion to its lifetime. Spread on the grid by cubic interpolation.
    """
    weights = np.zeros(2 * _GRID_HALF + 1)
    power = (1.0 - beta) / beta
    for a in range(len(_ANGLES)):
        phi = 0.5 * math.pi * (_ANGLES[a] + 1.0)
        log_a = beta * math.log(math.sin(beta * phi)) - math.log(math.sin(phi))
        log_a = (log_a + (1.0 - beta) * math.log(math.sin((1.0 - beta) * phi))) / (1.0 - beta)
        for b in range(60):
            y = -18.0 + 0.37 * b  # ln E: an integrand that dies double-exponentially wants no better rule
            log_tau = power * (y - log_a)
            log_weight = log_tau + y - math.exp(y)
            if log_weight < -30.0:
                continue
            amount = _ANGLE_WEIGHTS[a] * math.exp(log_weight)
            place = min(max(log_tau / _GRID, -_GRID_HALF + 2.0), _GRID_HALF - 2.0)
            j = math.floor(place)
            f = place - j
            at = j + _GRID_HALF
            weights[at - 1] += amount * (-f * (f - 1.0) * (f - 2.0) / 6.0)
            weights[at] += amount * (f + 1.0) * (f - 1.0) * (f - 2.0) / 2.0
            weights[at + 1] += amount * (-(f + 1.0) * f * (f - 2.0) / 2.0)
            weights[at + 2] += amount * (f + 1.0) * f * (f - 1.0) / 6.0
    weights /= weights.sum()
    return weights


@compiled
def law(problem: Problem, theta: Floats, k: int, beta: float) -> Any:
    """C and derivatives (4, n + 1) of component k, at the stretching exponent `beta`."""
    slots = 2 * problem.components
    shift, width = theta[slots + 1], math.exp(theta[slots + 2])
    out = np.zeros((4, len(problem.edges)))
    tau = math.exp(theta[k])
    if not problem.stretched or beta > 0.9995:
        cumulate(problem, shift, width, tau, 1.0, out)
        return out
    weights = stretched_nodes(beta)
    for j in range(len(weights)):
        if abs(weights[j]) > 1e-9:
            cumulate(problem, shift, width, tau * math.exp(_GRID * (j - _GRID_HALF)), weights[j], out)
    return out


NOTHING, LOG_TAU, AMPLITUDE, INTENSITY, AMPLITUDE_MEAN, INTENSITY_MEAN, SLOT = 0, 1, 2, 3, 4, 5, 6
_SMALL = 1e-300
_LEAST_MEAN = 1e-10  # counts of a bin; below, derivatives are rounding errors
_BETA_STEP = 1e-3


@compiled
def expected(problem: Problem, theta: Floats, slopes: Floats) -> Floats:
    """Mean counts (n,); fills their derivatives by the parameters into `slopes` (parameters, n)."""
    n, count = len(problem.counts), problem.components
    background, shift, width, stretch = 2 * count, 2 * count + 1, 2 * count + 2, 2 * count + 3
    mean = np.zeros(n)
    slopes[:] = 0.0
    for k in range(count):
        photons = theta[count + k]
        share = law(problem, theta, k, theta[stretch])
        for i in range(n):
            slopes[count + k, i] = share[0, i + 1] - share[0, i]
            slopes[k, i] = photons * (share[1, i + 1] - share[1, i])
            slopes[shift, i] += photons * (share[2, i + 1] - share[2, i])
            slopes[width, i] += photons * (share[3, i + 1] - share[3, i])
        mean += photons * slopes[count + k]
    if problem.stretched:
        _by_stretch(problem, theta, slopes[stretch])
    slopes[background] = problem.widths
    mean += theta[background] * problem.widths
    if problem.periods > 0.0:
        for i in range(n):
            open_share = problem.live[i] * math.exp(-mean[i] / problem.periods)
            mean[i] = -problem.live[i] * problem.periods * math.expm1(-mean[i] / problem.periods)
            for j in range(len(theta)):
                slopes[j, i] *= open_share
    return mean


@compiled
def _by_stretch(problem: Problem, theta: Floats, out: Floats) -> None:
    """Derivative of the mean counts by the stretching exponent."""
    beta = theta[2 * problem.components + 3]
    upper, lower = min(beta + _BETA_STEP, 1.0), beta - _BETA_STEP
    high = law(problem, theta, 0, upper)
    low = law(problem, theta, 0, lower)
    photons = theta[problem.components]
    for i in range(len(out)):
        rise = (high[0, i + 1] - high[0, i]) - (low[0, i + 1] - low[0, i])
        out[i] = photons * rise / (upper - lower)


@compiled
def log_likelihood(problem: Problem, theta: Floats, mean: Floats) -> float:
    """Sum of n ln(nu) - nu over the used bins, and the background's own measurement."""
    total = 0.0
    for i in range(len(mean)):
        if problem.used[i]:
            nu = max(mean[i], _SMALL)
            total -= nu
            if problem.counts[i] > 0.0:
                total += problem.counts[i] * math.log(nu)
    if problem.dark_bins > 0.0:
        dark = max(theta[2 * problem.components], 0.0) * problem.dark_bins
        total -= dark
        if problem.dark_counts > 0.0:
            total += problem.dark_counts * math.log(max(dark, _SMALL))
    return total


@compiled
def fisher_matrix(problem: Problem, theta: Floats, mean: Floats, slopes: Floats, gradient: Floats) -> Floats:
    """Fisher's matrix of all parameters; fills the gradient of the log-likelihood."""
    size = len(theta)
    matrix = np.zeros((size, size))
    gradient[:] = 0.0
    for i in range(len(mean)):
        if problem.used[i]:
            nu = max(mean[i], _LEAST_MEAN)
            excess = problem.counts[i] / nu - 1.0
            for a in range(size):
                slope = slopes[a, i]
                gradient[a] += slope * excess
                scaled = slope / nu
                for b in range(a + 1):
                    matrix[a, b] += scaled * slopes[b, i]
    if problem.dark_bins > 0.0:
        at = 2 * problem.components
        dark = max(theta[at] * problem.dark_bins, 1e-3)
        gradient[at] += problem.dark_bins * (problem.dark_counts / dark - 1.0)
        matrix[at, at] += problem.dark_bins**2 / dark
    for a in range(size):
        for b in range(a):
            matrix[b, a] = matrix[a, b]
    return matrix


@compiled
def _reported(problem: Problem) -> int:
    """Number of components that fractions and averages are over."""
    return problem.reported if problem.reported > 0 else problem.components


@compiled
def _mean_lifetimes(problem: Problem, theta: Floats) -> tuple[float, float]:
    """Lifetimes weighted by amplitude and by intensity."""
    count = problem.components
    if problem.stretched:
        tau, beta = math.exp(theta[0]), theta[2 * count + 3]
        first = math.lgamma(1.0 / beta)
        return tau * math.exp(first) / beta, tau * math.exp(math.lgamma(2.0 / beta) - first)
    amplitude, photons, delay = _SMALL, _SMALL, 0.0
    for k in range(_reported(problem)):
        tau = math.exp(theta[k])
        amplitude += theta[count + k] / tau
        photons += theta[count + k]
        delay += theta[count + k] * tau
    return photons / amplitude, delay / photons


@compiled
def quantity(problem: Problem, theta: Floats, kind: int, index: int) -> float:
    """The number a profile is taken of."""
    count = problem.components
    if kind in (AMPLITUDE, INTENSITY):
        total, own = _SMALL, 0.0
        for k in range(_reported(problem)):
            part = theta[count + k]
            if kind == AMPLITUDE:
                part *= math.exp(-theta[k])
            total += part
            if k == index:
                own = part
        return own / total
    if kind in (AMPLITUDE_MEAN, INTENSITY_MEAN):
        by_amplitude, by_intensity = _mean_lifetimes(problem, theta)
        return math.log(by_amplitude if kind == AMPLITUDE_MEAN else by_intensity)
    return float(theta[index])


@compiled
def quantity_slope(problem: Problem, theta: Floats, kind: int, index: int) -> Floats:
    """Derivative of the quantity by the parameters."""
    slope = np.zeros(len(theta))
    if kind in (LOG_TAU, SLOT):
        slope[index] = 1.0
        return slope
    moved = theta.copy()
    for j in range(len(theta)):
        step = 1e-5 * max(abs(theta[j]), 1e-2)
        moved[j] = theta[j] + step
        up = quantity(problem, moved, kind, index)
        moved[j] = theta[j] - step
        slope[j] = (up - quantity(problem, moved, kind, index)) / (2.0 * step)
        moved[j] = theta[j]
    return slope


@compiled
def _keep_order(theta: Floats, count: int) -> None:
    """Put lifetimes that have passed each other on their common mean."""
    for _ in range(count):
        for k in range(count - 1):
            if theta[k] < theta[k + 1]:
                middle = 0.5 * (theta[k] + theta[k + 1])
                theta[k] = middle
                theta[k + 1] = middle


@compiled
def _move(matrix: Floats, gradient: Floats, theta: Floats, free: Bools, bounds: Floats, ordered: int) -> Floats:
    """One damped step, clipped to the bounds; parameters held by a bound stay, the first `ordered` keep their order."""
    size = len(theta)
    keep = np.zeros(size, dtype=np.int64)
    m = 0
    for a in range(size):
        held = (theta[a] <= bounds[0, a] and gradient[a] < 0.0) or (theta[a] >= bounds[1, a] and gradient[a] > 0.0)
        if free[a] and not held:
            keep[m] = a
            m += 1
    reduced = np.empty((m, m))
    right = np.empty(m)
    for a in range(m):
        scale_a = math.sqrt(max(matrix[keep[a], keep[a]], 1e-30))
        right[a] = gradient[keep[a]] / scale_a
        for b in range(m):
            reduced[a, b] = matrix[keep[a], keep[b]] / (scale_a * math.sqrt(max(matrix[keep[b], keep[b]], 1e-30)))
        reduced[a, a] += 1e-11
    moved = theta.copy()
    if m > 0 and np.isfinite(reduced).all() and np.isfinite(right).all():
        step = np.linalg.solve(reduced, right)
        for a in range(m):
            at = keep[a]
            new = theta[at] + step[a] / math.sqrt(max(matrix[at, at], 1e-30))
            moved[at] = min(max(new, bounds[0, at]), bounds[1, at])
    _keep_order(moved, ordered)
    return moved


@compiled
def _pull(problem: Problem, theta: Floats, aim: Floats, matrix: Floats, gradient: Floats) -> None:
    """Add the pseudo-observation `aim` (kind, index, target, weight) to matrix and gradient."""
    kind, index = int(aim[0]), int(aim[1])
    slope = quantity_slope(problem, theta, kind, index)
    miss = quantity(problem, theta, kind, index) - aim[2]
    for a in range(len(theta)):
        gradient[a] -= aim[3] * miss * slope[a]
        for b in range(len(theta)):
            matrix[a, b] += aim[3] * slope[a] * slope[b]


@compiled
def _value(problem: Problem, theta: Floats, aim: Floats, mean: Floats) -> float:
    value = log_likelihood(problem, theta, mean)
    if aim[0] > 0.0:
        miss = quantity(problem, theta, int(aim[0]), int(aim[1])) - aim[2]
        value -= 0.5 * aim[3] * miss * miss
    return value


@compiled
def maximise(problem: Problem, theta: Floats, free: Bools, bounds: Floats, aim: Floats) -> float:
    """Move `theta` to the largest likelihood (minus the pull of `aim`); return the log-likelihood there.

    Under a pull the lifetimes keep their order, the longest first.
    """
    size = len(theta)
    slopes = np.zeros((size, len(problem.counts)))
    trial_slopes = np.zeros((size, len(problem.counts)))
    gradient = np.zeros(size)
    mean = expected(problem, theta, slopes)
    value = _value(problem, theta, aim, mean)
    damping, ordered = 1e-3, problem.components if aim[0] > 0.0 else 0
    calm = 0
    for _ in range(200):
        matrix = fisher_matrix(problem, theta, mean, slopes, gradient)
        if aim[0] > 0.0:
            _pull(problem, theta, aim, matrix, gradient)
        better = False
        for _ in range(12):
            moved = _move(matrix + damping * np.diag(np.diag(matrix)), gradient, theta, free, bounds, ordered)
            trial = expected(problem, moved, trial_slopes)
            new = _value(problem, moved, aim, trial)
            if new >= value:
                better = True
                break
            damping = max(4.0 * damping, 1e-6)
        if not better:
            break
        gain = new - value
        theta[:] = moved
        mean, value = trial, new
        slopes, trial_slopes = trial_slopes, slopes
        damping = max(0.1 * damping, 1e-12)
        calm = calm + 1 if gain < 1e-6 else 0
        if calm >= 2 or gain < 1e-10:
            break
    return log_likelihood(problem, theta, mean)
