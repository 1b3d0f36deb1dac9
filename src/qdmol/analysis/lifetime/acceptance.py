"""Whether a fit is one: what the instrument cannot resolve is no lifetime, and a failed fit is refused.

The limits are choices of this package, not derived: a tenth of the full width of a measured response, below which
small differences between its shape and that of the decay pass for a lifetime; half of the width of a Gaussian that was
fitted together with the decay; and the width of a bin.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import xlogy

from qdmol.analysis.lifetime.likelihood import Maximum
from qdmol.analysis.lifetime.models import Trial
from qdmol.analysis.lifetime.problem import GAUSSIAN, MEASURED
from qdmol.analysis.lifetime.values import LifetimeFit

__all__ = ["failure", "is_flat", "is_resolved", "resolution_ns", "resolved"]

_FWHM = 2.0 * math.sqrt(2.0 * math.log(2.0))
_OF_MEASURED, _OF_FITTED = 0.1, 0.5  # of the full width at half maximum
_NO_ACCIDENT = 1e-6  # probability below which a misfit is not chance
_LARGEST_MISFIT = 0.25  # relative deviation from the decay without its background, beyond the noise
_FLAT = 25.0  # twice the log-likelihood by which a decay must beat a constant: five standard deviations
_UNBOUNDED = 1e4  # ratio of the ends of an interval that tells nothing


def resolution_ns(found: Maximum, *, bin_ns: float, width_ns: float | None) -> float:
    """Return the shortest lifetime in ns that response and bins resolve.

    `width_ns` is the standard deviation of a Gaussian response.
    """
    if found.problem.kind == MEASURED:
        height = found.problem.response_height
        return max(bin_ns, _OF_MEASURED * found.problem.response_bin * int((height > 0.5 * height.max()).sum()))
    if found.problem.kind == GAUSSIAN and width_ns is not None:
        share = _OF_FITTED if found.free[found.slots.width] else _OF_MEASURED
        return max(bin_ns, share * _FWHM * width_ns)
    return bin_ns


def resolved(found: Maximum, shortest_ns: float) -> int:
    """Return how many components are at least `shortest_ns` long."""
    return int((found.components_ns >= shortest_ns).sum())


def is_resolved(found: Maximum, *, bin_ns: float) -> bool:
    """Whether the component of most photons is longer than a fitted Gaussian and the bins resolve."""
    if found.problem.stretched:
        return True
    main = int(found.theta[found.slots.components : 2 * found.slots.components].argmax())
    width_ns = math.exp(found.theta[found.slots.width])
    return bool(found.components_ns[main] >= resolution_ns(found, bin_ns=bin_ns, width_ns=width_ns))


def failure(fit: LifetimeFit, trial: Trial) -> str | None:
    """Return why the fit is none, as a sentence; None for a fit."""
    misfit = _misfit(trial)
    if fit.goodness < _NO_ACCIDENT and misfit > _LARGEST_MISFIT:
        return (
            f"The fit failed: the best curve deviates from the decay by {100 * misfit:.0f} % "
            f"beyond their noise (reduced deviance {fit.reduced_deviance:.3g}); check response, period and column."
        )
    low, high = fit.intensity_average_low_ns, fit.intensity_average_high_ns
    shortest = float(np.diff(trial.maximum.problem.edges).min())
    if not low > shortest and not math.isfinite(high):
        return "The fit failed: the counts do not bound the lifetime on either side."
    if low > 0 and math.isfinite(high) and high > _UNBOUNDED * low:
        return f"The fit failed: any lifetime from {low:.3g} to {high:.3g} ns describes the counts."
    return None


def _misfit(trial: Trial) -> float:
    """Relative deviation of the curve from the counts, of those that are not background."""
    found = trial.maximum
    photons = float(found.theta[found.slots.components : 2 * found.slots.components].sum())
    total = float(trial.curve[trial.used].sum())
    share = min(max(photons / max(total, 1.0), 1e-6), 1.0)
    return trial.goodness.misfit / math.sqrt(share)


def is_flat(trial: Trial) -> bool:
    """Whether a constant describes the counts nearly as well as the fit."""
    problem = trial.maximum.problem
    known = not trial.maximum.free[trial.maximum.slots.background]
    if known or problem.dark_bins > 0 or problem.periods > 0:
        return False
    counts, widths = problem.counts[problem.used], problem.widths[problem.used]
    constant = widths * counts.sum() / widths.sum()
    gain = trial.maximum.log_likelihood - float((xlogy(counts, constant) - constant).sum())
    return 2.0 * gain < _FLAT
