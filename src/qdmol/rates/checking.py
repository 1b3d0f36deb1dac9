"""Checks of numbers given to rate models, each with a sentence for what is wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from qdmol.arrays import Floats
from qdmol.errors import InputError

LARGEST_RATE = 1e12  # 1/ns
LONGEST = 1e18  # ns, 30 years
MOST_EXCITONS = 1e6  # per pulse
LEAST_PHOTONS = 1e-90  # per pulse or ns: the product of three has no digits if there are fewer


def rate(field: str, value: object) -> float:
    """Return `value` (1/ns) as a float if it is not negative."""
    return _checked(field, value, 0.0, LARGEST_RATE, f"from 0 to {LARGEST_RATE:g} per ns")


def positive_rate(field: str, value: object) -> float:
    """Return `value` (1/ns) as a float if it is positive."""
    return positive(field, value, LARGEST_RATE, " per ns")


def factor(field: str, value: object) -> float:
    """Return `value`, the factor to a rate, as a float if it is not negative."""
    return _checked(field, value, 0.0, LARGEST_RATE, f"from 0 to {LARGEST_RATE:g}")


def fraction(field: str, value: object) -> float:
    """Return `value` as a float if it lies between 0 and 1."""
    return _checked(field, value, 0.0, 1.0, "from 0 to 1")


def positive(field: str, value: object, largest: float, unit: str = "") -> float:
    """Return `value` as a float if it is above 0 and not above `largest`."""
    number = _checked(field, value, 0.0, largest, allowed := f"above 0 and at most {largest:g}{unit}")
    if number == 0.0:
        raise InputError(field=field, value=value, allowed=allowed)
    return number


def _checked(field: str, value: object, low: float, high: float, allowed: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InputError(field=field, value=value, allowed=f"a number {allowed}")
    if not low <= value <= high:
        raise InputError(field=field, value=value, allowed=allowed)
    return float(value)


def whole(field: str, value: object, low: int, high: int) -> int:
    """Return `value` if it is a whole number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise InputError(field=field, value=value, allowed=f"a whole number from {low} to {high}")
    return int(value)


def name(field: str, value: object) -> str:
    """Return `value` if it is a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise InputError(field=field, value=value, allowed="a name")
    return value


def numbers(field: str, values: ArrayLike, low: float, high: float) -> Floats:
    """Return `values` as an array of one dimension if all are finite and between `low` and `high`."""
    allowed = f"finite numbers from {low:g} to {high:g}"
    try:
        array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError):
        raise InputError(field=field, value=values, allowed=allowed) from None
    inside = np.isfinite(array) & (array >= low) & (array <= high)
    if array.ndim != 1 or array.size == 0 or not inside.all():
        raise InputError(field=field, value=values, allowed=f"a list of {allowed}")
    return array


def edges(field: str, values: ArrayLike, high: float) -> Floats:
    """Return `values` as edges of bins: at least two, rising, from 0 to `high`."""
    array = numbers(field, values, 0.0, high)
    if len(array) < 2 or np.any(np.diff(array) <= 0):
        raise InputError(field=field, value=values, allowed="at least two edges of bins in rising order")
    return array


def channels(values: object, number: int) -> tuple[str | None, ...]:
    """Return `values` if they are a `number` of channels, each a name or None; whether they exist is not checked."""
    if not isinstance(values, tuple | list) or len(values) != number:
        raise InputError(field="channels", value=values, allowed=f"{number} names of channels, each a text or None")
    return tuple(values)


def gate(values: Sequence[float] | None, period_ns: float) -> tuple[float, float]:
    """Return the gate of delays `values`, or the whole period if it is None."""
    if values is None:
        return 0.0, period_ns
    array = edges("gate_ns", values, period_ns)
    if len(array) != 2:
        raise InputError(field="gate_ns", value=values, allowed="two delays, the first and the last")
    return float(array[0]), float(array[1])
