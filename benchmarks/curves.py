"""Time of fits of measured curves: `python -m benchmarks.curves` writes the table of `docs/speed.md`.

CPU time per curve of simulated absorption and emission curves with a single thread, beside a plain fit of one Gaussian
on a polynomial by lmfit, which knows neither correlated noise nor other models and gives no interval that holds. The
share of the true peaks inside the interval, or inside lmfit's standard error times 1.96, says what the time is for.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import lmfit
import numpy as np
from tests.spectroscopy import simulated

from qdmol.spectroscopy import Curve, fit_curve
from qdmol.spectroscopy.noise import single_threaded

TABLE = Path(__file__).parents[1] / "docs" / "_generated" / "curves.md"
COUNT = 40
LIMIT = 0.5  # s of CPU time per curve
_REACH = {"emission": (0.35, 0.35), "absorption": (0.30, 0.06)}  # eV below and above the highest point


@dataclass(frozen=True)
class Cost:
    """CPU time of a curve (s), the best and the middle one, and how often the interval held the true peak."""

    best: float
    middle: float
    share: float


def plain_fit(curve: Curve) -> tuple[float, float]:
    """Peak (eV) and standard error of a Gaussian on a straight line, by lmfit; the window is around the true kind."""
    energy, values = curve.energy_eV[::-1], curve.values[::-1]
    if curve.quantity == "emission":
        values = values / energy**2
        top = energy[np.argmax(values)]
    else:  # the first maximum from the red, or the foot of the rise
        smooth = np.convolve(values, np.ones(9) / 9, mode="same")
        rising = np.flatnonzero(np.diff(smooth[5:-5]) < 0)
        high = rising[smooth[5:-5][rising] > 0.3 * smooth.max()]
        top = energy[5 + high[0]] if len(high) else energy[np.argmax(np.gradient(smooth))]
    below, above = _REACH[curve.quantity]
    inside = (energy > top - below) & (energy < top + above)
    model = lmfit.models.GaussianModel() + lmfit.models.LinearModel()
    low, high_value = float(values[inside].min()), float(values[inside].max())
    start = model.make_params(
        center=top, sigma=0.05, amplitude=0.05 * 2.5 * (high_value - low), slope=0.0, intercept=low
    )
    result = model.fit(values[inside], start, x=energy[inside])
    error = result.params["center"].stderr
    return float(result.params["center"].value), float("nan") if error is None else float(error)


def qdmol_fit(curve: Curve) -> tuple[float, float]:
    """Peak (eV) and half its interval over 1.96; NaN where there is no peak."""
    peak = fit_curve(curve).peak_eV
    return (float("nan"), float("nan")) if peak is None else (peak.value, peak.half_width / 1.96)


def measure(kind: str, fit: Callable[[Curve], tuple[float, float]]) -> Cost:
    """Fit all curves of a kind, after one that is not counted."""
    make = {"emission": simulated.emission, "absorption": simulated.absorption}[kind]
    curves = [make(np.random.default_rng([100, k])) for k in range(COUNT)]
    times, held = [], []
    with single_threaded():
        fit(curves[0].curve)
        for each in curves:
            started = time.process_time()
            peak, error = fit(each.curve)
            times.append(time.process_time() - started)
            if np.isfinite(peak):
                held.append(abs(peak - each.peak_eV) < 1.96 * error)
    times.sort()
    return Cost(times[0], times[len(times) // 2], float(np.mean(held)))


def main() -> int:
    """Measure, print and write the table; 1 where the limit is exceeded."""
    rows, slowest = [], 0.0
    for kind in ("emission", "absorption"):
        for name, fit in (("`qdmol spectrum fit`", qdmol_fit), ("one Gaussian and a line by lmfit", plain_fit)):
            cost = measure(kind, fit)
            slowest = max(slowest, cost.middle if fit is qdmol_fit else 0.0)
            rows.append(
                f"| {kind}, {name} | {1e3 * cost.best:.0f} ms | {1e3 * cost.middle:.0f} ms | {100 * cost.share:.0f} % |"
            )
    note = (
        f"CPU time per curve of {COUNT} simulated curves of 290 (emission) or 400 points, one thread. Last "
        f"column: true peaks inside the 95 % interval. Measured {datetime.now(UTC):%d %B %Y}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}."
    )
    head = ["| fit of a curve | best | middle | interval holds |", "| --- | ---: | ---: | ---: |"]
    text = "\n".join([*head, *rows, "", note, ""])
    partial = TABLE.with_suffix(".part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(TABLE)
    print(text)
    print(f"middle under {LIMIT} s: {'yes' if slowest < LIMIT else 'NO'}")
    return 0 if slowest < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
