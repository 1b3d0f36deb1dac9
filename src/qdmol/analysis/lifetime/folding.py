"""Kernels: the cumulated delay of photons of one law, folded with the response and with all earlier pulses.

With h the response, H its integral and Z(u) = int_0^u h(s) exp(-(u - s) / tau) ds, one pulse has given H(u) - Z(u) of
its photons by the time u. All pulses of the period T, their responses over within a period, give by the geometric sum

    C(u) = H(u) - Z(u) + Z(T) (1 - exp(-u / tau)) / (1 - exp(-T / tau)),   0 <= u <= T.

Counts of a bin are differences of C: exact for bins of any width. Of a Gaussian response Z is the integral of
Grushka, Anal. Chem. 44, 1733 (1972), doi:10.1021/ac60319a011; a histogram is taken as constant within its bins.
A stretched exponential exp(-(t / tau)^beta) is a sum of exponentials with weights of the one-sided stable law,
Kanter, Ann. Probab. 3, 697 (1975), doi:10.1214/aop/1176996309; see Berberan-Santos, Bodunov and Valeur,
Chem. Phys. 315, 171 (2005), doi:10.1016/j.chemphys.2005.04.006.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis.lifetime.problem import GAUSSIAN, PULSE, Problem
from qdmol.photons.compiled import compiled

__all__ = ["law", "stretched_nodes"]

Floats = NDArray[np.float64]

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
