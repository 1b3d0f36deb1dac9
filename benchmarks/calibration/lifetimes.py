"""Coverage of the intervals of lifetimes: ``python -m benchmarks.calibration.lifetimes [--count N] [--write]``.

Counts are drawn by Poisson's law from means that are computed here from the distribution function of an exponentially
modified Gaussian (``scipy.stats.exponnorm``), wrapped at the period. The number of exponentials is chosen by the fit.
Every interval that is stated counts: those of both lifetimes where a fit states two. Where it states one for two close
lifetimes, the truth is the effective lifetime, that of one exponential fitted to the means; where it states more
lifetimes than there are, no interval counts as right.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import exponnorm

from qdmol.analysis import Decay, LifetimeFit, Response, fit_lifetime
from qdmol.errors import QdmolError

__all__ = ["CASES", "Case", "Coverage", "coverage", "main"]

Floats = NDArray[np.float64]

TARGET = Path("docs/_generated/calibration-lifetimes.md")
COMMAND = "python -m benchmarks.calibration.lifetimes"
PULSE_NS = 6.0
COMPONENTS = 3  # more than any case has


@dataclass(frozen=True)
class Case:
    """A truth to draw decays from, and how they are fitted.

    Attributes
    ----------
    name : str
    taus_ns : tuple of float
        Lifetimes, each with the same number of photons.
    period_ns, width_ns : float
        Time between pulses; standard deviation of the response.
    bins : int
    background : float
        Share of the photons that are background.
    response : str
        ``"measured"`` (a histogram of 10^8 photons), ``"offset"`` (the same, anywhere in the period) or ``"none"``:
        no response is given to the fit.
    """

    name: str
    taus_ns: tuple[float, ...]
    period_ns: float = 50.0
    width_ns: float = 0.15
    bins: int = 500
    background: float = 0.02
    response: str = "measured"


CASES = (
    *(Case(f"two lifetimes, ratio {ratio:g}", (4.5, 4.5 / ratio)) for ratio in (1.5, 2.0, 3.0)),
    *(
        Case(f"two lifetimes, ratio {ratio:g}, no response given", (4.5, 4.5 / ratio), response="none")
        for ratio in (2.0, 3.0)
    ),
    Case("one lifetime, no background, no response given", (4.0,), 12.5, background=0.0, response="none"),
    Case("one lifetime, no background", (4.0,), 50.0, background=0.0),
    *(Case(f"τ/T = {share:g}", (share * 40.0,), 40.0, background=0.05) for share in (0.05, 0.2, 0.5, 1.0)),
    Case("response anywhere in the period", (5.0,), 100.0, bins=1000, response="offset"),
)
PHOTONS = (1_000, 10_000, 100_000, 1_000_000)


@dataclass(frozen=True)
class Coverage:
    """What the trials of a case came to.

    Attributes
    ----------
    trials, refused : int
        Fits tried, and fits refused.
    intervals, covered : int
        Intervals stated, and those of them that hold the truth.
    components : tuple of int
        How many fits state 1, 2, .. lifetimes.
    """

    trials: int
    refused: int
    intervals: int
    covered: int
    components: tuple[int, ...]

    @property
    def percent(self) -> float:
        """Share of the intervals that hold the truth."""
        return 100.0 * self.covered / max(self.intervals, 1)


def shares(case: Case, tau_ns: float, *, pulse_ns: float = PULSE_NS) -> Floats:
    """Return the share of the photons of one lifetime in each bin (bins,); a lifetime of 0 gives the response."""
    edges = np.linspace(0.0, case.period_ns, case.bins + 1)
    shape = max(tau_ns, 1e-3 * case.width_ns) / case.width_ns
    periods = np.arange(-1, math.ceil(40.0 * tau_ns / case.period_ns) + 2)
    law = exponnorm(shape, loc=pulse_ns, scale=case.width_ns)
    whole: Floats = sum(np.diff(law.cdf(edges + k * case.period_ns)) for k in periods)
    return whole / whole.sum()


def mean_counts(case: Case, photons: float) -> Floats:
    """Return the expected counts (bins,)."""
    signal = np.mean([shares(case, tau) for tau in case.taus_ns], axis=0)
    return photons * ((1.0 - case.background) * signal + case.background / case.bins)


def response_of(case: Case, rng: np.random.Generator) -> Response | None:
    """Return the response that is given to the fit."""
    if case.response == "none":
        return None
    pulse = PULSE_NS if case.response == "measured" else rng.uniform(0.0, case.period_ns)
    counts = rng.poisson(1e8 * shares(case, 0.0, pulse_ns=pulse) + 1.0)
    return Response.measured(counts, bin_width_ns=case.period_ns / case.bins)


def effective(case: Case) -> float:
    """Return the lifetime in ns of one exponential that describes the expected counts best."""
    if len(case.taus_ns) == 1:
        return case.taus_ns[0]
    # so few photons that one exponential is no failed fit, and many bins, so that they are exact
    decay = Decay(mean_counts(case, 3000.0), case.period_ns / case.bins, period_ns=case.period_ns)
    response = response_of(case, np.random.default_rng(0))
    return float(fit_lifetime(decay, response=response, model="1").components_ns[0])


def covered_intervals(fit: LifetimeFit, truth: Floats, effective_ns: float) -> int:
    """Return how many of the lifetimes that a fit states are inside their intervals."""
    if len(fit.components_ns) == len(truth):
        return int(((fit.low_ns <= truth) & (truth <= fit.high_ns)).sum())
    if len(fit.components_ns) == 1:
        return int(fit.low_ns[0] <= effective_ns <= fit.high_ns[0])
    return 0


def coverage(case: Case, photons: int, *, count: int, rng: np.random.Generator) -> Coverage:
    """Draw and fit `count` decays of a case."""
    mean, truth, single = mean_counts(case, photons), np.sort(case.taus_ns)[::-1], effective(case)
    refused = intervals = covered = 0
    components = [0] * COMPONENTS
    for _ in range(count):
        decay = Decay(rng.poisson(mean), case.period_ns / case.bins, period_ns=case.period_ns)
        try:
            fit = fit_lifetime(decay, response=response_of(case, rng))
        except QdmolError:
            refused += 1
            continue
        components[min(len(fit.components_ns), COMPONENTS) - 1] += 1
        intervals += len(fit.components_ns)
        covered += covered_intervals(fit, truth, single)
    return Coverage(count, refused, intervals, covered, tuple(components))


def main() -> None:
    """Print the table, and write it with ``--write``."""
    parser = argparse.ArgumentParser(description="Coverage of the intervals of lifetimes.")
    parser.add_argument("--count", type=int, default=200, help="trials of each row")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--photons", type=int, nargs="*", default=PHOTONS)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--write", action="store_true", help=f"write {TARGET}")
    given = parser.parse_args()
    lines = [
        "| case | photons | trials | refused | lifetimes stated: 1 / 2 / 3 | coverage (%) |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    print("\n".join(lines), flush=True)
    for row, case in enumerate(case for case in CASES if given.only in case.name):
        for photons in given.photons:
            rng = np.random.default_rng([given.seed, row, photons])
            found = coverage(replace(case), photons, count=given.count, rng=rng)
            stated = " / ".join(map(str, found.components))
            lines.append(
                f"| {case.name} | {photons} | {found.trials} | {found.refused} | {stated} | {found.percent:.1f} |"
            )
            print(lines[-1], flush=True)
    lines += ["", f"`{COMMAND} --count {given.count} --seed {given.seed}`"]
    print("\n".join(lines[-2:]))
    if given.write:
        TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
