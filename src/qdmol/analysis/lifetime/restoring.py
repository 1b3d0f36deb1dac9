"""Counts from values that were counts once: a background taken off, or a mean over repeats.

Such values still lie on a ladder of even steps. Photons have a variance equal to their mean, so the noise before the
pulse tells how many counts the lowest rung stands for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qdmol.errors import InputError

__all__ = ["whole_counts"]

Floats = NDArray[np.float64]

_LARGEST = 1e15  # counts of a bin, beyond which whole numbers are not told apart
_LOOSE = 0.1  # of a step: how far a value may be off its rung


def whole_counts(values: Floats, *, name: str) -> tuple[Floats, str | None]:
    """Return counts (n,), and a sentence if they had to be restored.

    Raises
    ------
    InputError
        Where the values lie on no ladder: smoothed, normalised or rounded.
    """
    if np.abs(values).max() > _LARGEST:
        raise InputError(field="FILE", value=name, allowed=f"counts per bin of at most {_LARGEST:.0e}")
    if values.min() >= 0 and np.abs(values - np.round(values)).max() < 1e-6:
        return np.round(values), None
    step = _step(values)
    if step is None:
        allowed = "counts per bin as whole numbers; these values are smoothed, normalised or rounded"
        raise InputError(field="FILE", value=name, allowed=allowed)
    rungs = np.round((values - values.min()) / step)
    dark = _before_the_pulse(rungs)
    # half the variance of steps: a slow drift is no noise
    noise = 0.5 * float(np.diff(dark).var()) if len(dark) > 10 else 0.0
    lift = max(float(np.round(noise - dark.mean())), 0.0) if len(dark) > 10 else 0.0
    zero = values.min() - lift * step
    note = (
        f"The values are not counts: counts are restored as (value {-zero:+.4g}) / {step:.4g}, "
        "by the step between values and the noise before the pulse."
    )
    return rungs + lift, note


def _step(values: Floats) -> float | None:
    """The step of the ladder, or None."""
    rungs = np.unique(values)
    gaps = np.diff(rungs)
    noise = 1e-7 * float(np.abs(values).max())
    gaps = gaps[gaps > noise]
    if len(gaps) < 3:
        return None
    smallest = float(np.quantile(gaps, 0.02))
    near = gaps[np.abs(gaps - smallest) < 0.02 * smallest]
    smallest = float(near.mean()) if len(near) else smallest
    # only where the rungs are dense is the step sharp enough to tell
    dense = values[values < np.quantile(values, 0.8)]
    if not len(dense):
        return None
    for part in (1, 2, 3, 4):
        step = smallest / part
        place = (dense - dense.min()) / step
        if np.abs(place - np.round(place)).max() < _LOOSE and place.max() > 3:
            return step
    return None


def _before_the_pulse(rungs: Floats) -> Floats:
    """Bins well before the rise."""
    peak = int(np.argmax(rungs))
    low, high = np.median(rungs[: max(peak // 2, 1)]), rungs[peak]
    rise = int(np.argmax(rungs > low + 0.02 * (high - low) + 6 * np.sqrt(max(low, 1.0))))
    return rungs[: int(0.9 * rise)]
