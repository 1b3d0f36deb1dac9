"""Where a fit begins: the delay of the excitation and one lifetime, by likelihood over a coarse grid.

A template of one lifetime is laid under the counts at every whole bin; the likelihood of all places is one correlation
with its logarithm. So even 200 photons in 4,000 bins show where the decay rises, which their highest bin does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from qdmol.analysis.lifetime.problem import GAUSSIAN, MEASURED, PULSE, Problem

__all__ = ["Start", "find_starts"]

Floats = NDArray[np.float64]

MOST_BINS = 1024
_LEAST_BACKGROUND, _MOST_BACKGROUND = 0.1, 0.98  # share of photons a template leaves to the background
_DARK = 0.2  # share of the bins that are taken as dark


@dataclass(frozen=True, slots=True)
class Start:
    """A place to begin: shift (where a measured response begins), width of a Gaussian, lifetime in ns, likelihood."""

    shift_ns: float
    width_ns: float
    tau_ns: float
    log_likelihood: float


def find_starts(problem: Problem, *, shift_ns: float | None, width_ns: float | None) -> list[Start]:
    """Return the best start for each width tried, of a measured response for each lifetime tried, the best first.

    `shift_ns`, where a measured response begins or where the middle of another lies, and `width_ns` are kept where they
    are given.
    """
    counts, edges = _coarse(problem)
    dark = _dark_share(counts[_recorded(problem)])
    bin_ns = float(edges[1] - edges[0])
    span = float(edges[-1] - edges[0])
    widths = [width_ns] if width_ns is not None else [bin_ns, 4 * bin_ns, 16 * bin_ns]
    if problem.kind != GAUSSIAN:
        widths = [bin_ns]
    widths = [min(width, min(span, problem.period) / 20) for width in widths]
    taus = np.geomspace(max(bin_ns, 1e-3 * span), min(span, 2 * problem.period), 10)
    best = []
    for width in dict.fromkeys(widths):
        tried = [_place(problem, (counts, edges), width, float(tau), shift_ns, dark=dark) for tau in taus]
        best += tried if problem.kind == MEASURED else [max(tried, key=lambda start: start.log_likelihood)]
    return sorted(best, key=lambda start: -start.log_likelihood)


def _coarse(problem: Problem) -> tuple[Floats, Floats]:
    """Counts and edges with at most about a thousand bins; unused bins count nothing."""
    counts = np.where(problem.used, problem.counts, 0.0)
    step = -(-len(counts) // MOST_BINS)
    padded = np.pad(counts, (0, -len(counts) % step))
    merged = padded.reshape(-1, step).sum(axis=1)
    bin_ns = float(problem.edges[1] - problem.edges[0]) * step
    return merged, problem.edges[0] + bin_ns * np.arange(len(merged) + 1)


def _recorded(problem: Problem) -> NDArray[np.bool_]:
    """Coarse bins that hold used bins only."""
    step = -(-len(problem.used) // MOST_BINS)
    padded = np.pad(problem.used, (0, -len(problem.used) % step))
    return np.asarray(padded.reshape(-1, step).all(axis=1), dtype=np.bool_)


def _dark_share(counts: Floats) -> float:
    """Share of the photons that are background: of the fifth of the bins with the fewest counts."""
    if len(counts) < 5 or not counts.sum() > 0:
        return _LEAST_BACKGROUND
    lowest = float(np.sort(counts)[: int(_DARK * len(counts))].mean())
    return min(max(lowest * len(counts) / float(counts.sum()), _LEAST_BACKGROUND), _MOST_BACKGROUND)


def _place(
    problem: Problem, histogram: tuple[Floats, Floats], width: float, tau: float, shift_ns: float | None, *, dark: float
) -> Start:
    """Best place of one template under counts and edges of the coarse bins, with the share `dark` as background."""
    from qdmol.analysis.lifetime.scoring import expected

    counts, edges = histogram
    n = len(counts)
    bin_ns = float(edges[1] - edges[0])
    kind = PULSE if problem.kind == GAUSSIAN and width <= 0 else problem.kind
    # the template over twice the window, the excitation in the middle
    grid = bin_ns * np.arange(-n, n + 1) - (0.0 if shift_ns is None else shift_ns - edges[0])
    blank = np.ones(2 * n)
    template_problem = problem._replace(
        edges=grid, widths=blank, counts=blank, used=blank > 0, live=blank, periods=0.0, kind=kind,
        components=1, stretched=False, response_first=0.0,
    )  # fmt: skip
    theta = np.array([math.log(tau), 1.0, 0.0, 0.0, math.log(width), 1.0])
    template = expected(template_problem, theta, np.zeros((6, 2 * n)))
    whole = max(float(template[n:].sum()), 1e-12)
    template = np.maximum(template, 0.0) * (1 - dark) / whole + dark / n
    gain = _slide(counts, np.log(template))
    sums = np.concatenate(([0.0], np.cumsum(template)))
    # place s uses template[n - s : 2 n - s]
    places = np.arange(n)
    gain = gain[places] - counts.sum() * np.log(sums[2 * n - places] - sums[n - places])
    at = int(np.argmax(gain)) if shift_ns is None else 0
    shift = float(edges[0] + at * bin_ns) if shift_ns is None else shift_ns
    return Start(shift, width, tau, float(gain[at]))


def _slide(counts: Floats, logs: Floats) -> Floats:
    """Sum over i of counts[i] logs[n - s + i] for s = 0 .. n - 1, by Fourier transforms."""
    n = len(counts)
    size = next_fast_len(3 * n)
    product = rfft(counts[::-1], size) * rfft(logs, size)
    full = irfft(product, size)
    # full[n - 1 + k] = sum_i counts[i] logs[k + i], with k = n - s
    places = np.arange(n)
    gains: Floats = full[2 * n - 1 - places]
    return gains
