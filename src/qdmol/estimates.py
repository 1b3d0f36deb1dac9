"""Numbers with an interval: one value for every result, and how such numbers are written.

An :class:`Estimate` is a number, the ends of its interval and its unit. What the interval means is said by whoever
makes it: a bound on the numerical error for computed energies, a confidence interval for measured quantities. A
quantity that has no value is ``None``, never NaN.

>>> Estimate(2.21, 2.18, 2.24, "ns")
2.21 ± 0.03 ns
>>> Estimate(2.21, 2.18, 2.26, "ns")
2.21 +0.05/−0.03 ns
>>> Estimate.from_error(0.0228671, 0.0000034, "eV").to("meV")
22.867 ± 0.004 meV
>>> Estimate.from_error(8.31e-15, 0.05e-15, "cm2")
(8.31 ± 0.05)·10⁻¹⁵ cm2
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, field
from typing import Final

# Stands where there is no value; unlike a dash it cannot be read as a sign.
NO_VALUE: Final = "n/a"
_MAX_DECIMALS = 6
_SMALLEST = 1e-6  # smaller numbers, such as cross-sections in cm², are written with a power of ten
_RAISED: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SPACE = "\N{NO-BREAK SPACE}"  # a value, its error and its unit stay on one line

# Factor to the base unit of each kind of quantity that estimates are converted within.
_FACTORS: Final[dict[str, tuple[str, float]]] = {
    "eV": ("energy", 1000.0),
    "meV": ("energy", 1.0),
    "ns": ("time", 1000.0),
    "ps": ("time", 1.0),
}


@dataclass(frozen=True, slots=True, repr=False)
class Estimate:
    """A number, the ends of its interval, and its unit.

    Parameters
    ----------
    value
        The number, finite or infinite but not NaN.
    low, high
        Ends of the interval, in the unit of `value`; infinite where nothing is known on that side. A corrected value
        may lie outside its interval.
    unit
        As users read it: ``"meV"``, ``"ns"``; empty for a plain number.
    error_below, error_above
        Distances from `value` to `low` and `high`. They are kept because ``value - low`` loses digits where the value
        is much larger than its error; computed where not given, and not part of a comparison.

    Raises
    ------
    ValueError
        A number is NaN, or `low` exceeds `high`.
    """

    value: float
    low: float
    high: float
    unit: str = ""
    error_below: float = field(default=math.nan, kw_only=True, compare=False)
    error_above: float = field(default=math.nan, kw_only=True, compare=False)

    def __post_init__(self) -> None:
        if math.isnan(self.value) or math.isnan(self.low) or math.isnan(self.high):
            message = f"{self.value}, {self.low}, {self.high}: an estimate holds no NaN; a missing quantity is None"
            raise ValueError(message)
        if self.low > self.high:
            message = f"the interval from {self.low} to {self.high} is empty"
            raise ValueError(message)
        if math.isnan(self.error_below):
            object.__setattr__(self, "error_below", _distance(self.value, self.low))
        if math.isnan(self.error_above):
            object.__setattr__(self, "error_above", _distance(self.high, self.value))

    @classmethod
    def from_error(cls, value: float, error: float, unit: str = "") -> Estimate:
        """Estimate with the same error to both sides; ``math.inf`` or NaN is an unknown error."""
        return cls.from_errors(value, error, error, unit)

    @classmethod
    def from_errors(cls, value: float, below: float, above: float, unit: str = "") -> Estimate:
        """Estimate with one error towards smaller and another towards larger values; NaN is an unknown error."""
        below, above = (math.inf if math.isnan(error) else error for error in (below, above))
        return cls(value, value - below, value + above, unit, error_below=below, error_above=above)

    @property
    def error(self) -> float:
        """Larger one of the distances from the value to the ends of the interval."""
        return max(self.error_below, self.error_above)

    @property
    def half_width(self) -> float:
        """Half the length of the interval."""
        return (self.error_below + self.error_above) / 2

    def holds(self, value: float) -> bool:
        """Whether a value lies in the interval.

        >>> Estimate.from_error(1.0, 0.1).holds(1.05)
        True
        """
        return self.low <= value <= self.high

    @property
    def is_significant(self) -> bool:
        """Whether the value differs from zero by more than its error."""
        return is_significant(self.value, self.error)

    def scaled(self, factor: float, unit: str) -> Estimate:
        """The same quantity times a positive exact factor, in another unit."""
        if not factor > 0:
            message = f"an estimate is scaled by a positive factor, not by {factor}"
            raise ValueError(message)
        return Estimate(
            factor * self.value,
            factor * self.low,
            factor * self.high,
            unit,
            error_below=factor * self.error_below,
            error_above=factor * self.error_above,
        )

    def to(self, unit: str) -> Estimate:
        """The same energy (eV, meV) or time (ns, ps) in another unit.

        Raises ValueError for units of unlike kinds.
        """
        if unit == self.unit:
            return self
        (kind, factor), (other, divisor) = (_FACTORS.get(name, (name, 1.0)) for name in (self.unit, unit))
        if kind != other:
            message = f"{self.unit!r} cannot be converted to {unit!r}"
            raise ValueError(message)
        return self.scaled(factor / divisor, unit)

    def minus(self, other: Estimate) -> Estimate:
        """Difference of two estimates of one unit; both intervals are taken as bounds, so that their errors add.

        >>> Estimate.from_error(2.0, 0.25, "meV").minus(Estimate.from_error(1.0, 0.25, "meV"))
        1.0 ± 0.5 meV
        """
        if self.unit != other.unit:
            message = f"estimates in {self.unit!r} and {other.unit!r} have no difference"
            raise ValueError(message)
        below, above = self.error_below + other.error_above, self.error_above + other.error_below
        return Estimate.from_errors(self.value - other.value, below, above, self.unit)

    def __str__(self) -> str:
        """Value, error and unit with no-break spaces, as sentences and tables show them."""
        size = max(abs(self.value), self.error)
        if 0 < size < _SMALLEST and self.unit not in _FACTORS:
            power = math.floor(math.log10(size))
            text = f"({self.scaled(10.0**-power, '')})·10{str(power).translate(_RAISED)}"
            return f"{text}{_SPACE}{self.unit}" if self.unit else text
        if not math.isfinite(self.error) or _alike(self.error_below, self.error_above):
            return format_measured(self.value, self.error, self.unit)
        smaller = min(self.error_below, self.error_above)
        decimals = decimals_for(smaller if smaller > 0 else self.error)
        if smaller < 0:
            ends = f"({format_number(self.low, decimals)} to {format_number(self.high, decimals)})"
        else:
            above, below = (
                f"{_ceiling(error, decimals):.{decimals}f}" for error in (self.error_above, self.error_below)
            )
            ends = f"+{above}/−{below}"
        text = f"{format_number(self.value, decimals)}{_SPACE}{ends}"
        return f"{text}{_SPACE}{self.unit}" if self.unit else text

    def __repr__(self) -> str:
        return str(self).replace(_SPACE, " ")

    def _repr_html_(self) -> str:
        return f"<span>{html.escape(str(self))}</span>"


def _distance(upper: float, lower: float) -> float:
    """Difference of two numbers; zero between equal infinities."""
    return 0.0 if upper == lower else upper - lower


def _alike(below: float, above: float) -> bool:
    """Whether two errors are written as one: they agree in the digits that are shown."""
    decimals = decimals_for(max(below, above))
    return _ceiling(below, decimals) == _ceiling(above, decimals)


def decimals_for(error: float | None, *, default: int = 3) -> int:
    """Decimals that show an error to one digit, to two where the first is 1.

    Parameters
    ----------
    error
        The error in the unit of the value; None or 0 gives `default`.

    Examples
    --------
    >>> decimals_for(0.03), decimals_for(0.012), decimals_for(5.0), decimals_for(None)
    (2, 3, 0, 3)
    """
    if error is None or not math.isfinite(error) or error <= 0:
        return default
    exponent = math.floor(math.log10(error))
    leading_is_one = round(error / math.pow(10, exponent), 6) < 2
    return min(max(int(leading_is_one) - exponent, 0), _MAX_DECIMALS)


def _ceiling(error: float, decimals: int) -> float:
    """Round an error up, for one rounded down promises too much."""
    scale = 10.0**decimals
    return math.ceil(error * scale - 1e-9) / scale


def format_number(value: float, decimals: int) -> str:
    """A number with a true minus sign, and none before a rounded zero.

    Examples
    --------
    >>> format_number(-0.5, 1), format_number(-1e-9, 2)
    ('−0.5', '0.00')
    """
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "−")


def format_error(error: float) -> str:
    """An error to two digits, rounded up, for one rounded down promises too much.

    Examples
    --------
    >>> format_error(0.01201), format_error(0.0302), format_error(12.1)
    ('0.013', '0.031', '13')
    """
    if not math.isfinite(error) or error <= 0:
        return f"{error:g}"
    decimals = 1 - math.floor(math.log10(error))
    return f"{_ceiling(error, decimals):.{max(decimals, 0)}f}"


def format_measured(value: float | None, error: float | None = None, unit: str = "") -> str:
    """Value, error and unit in one text; the error is rounded up, the value to its decimals.

    Parameters
    ----------
    value, error
        In the same unit; a missing value gives the placeholder `NO_VALUE`, a missing error is omitted.
    unit
        Written after a no-break space.

    Examples
    --------
    >>> format_measured(22.86712, 0.00342, "meV").replace(chr(160), " ")
    '22.867 ± 0.004 meV'
    >>> format_measured(None, None, "meV")
    'n/a'
    """
    if value is None:
        return NO_VALUE
    decimals = decimals_for(error)
    text = format_number(value, decimals)
    if error is not None and math.isfinite(error):
        text += f"{_SPACE}±{_SPACE}{_ceiling(error, decimals):.{decimals}f}"
    text = f"{text}{_SPACE}{unit}" if unit else text
    return text if error is None or math.isfinite(error) else f"{text} (error unknown)"


def is_significant(value: float, error: float | None) -> bool:
    """Whether a value differs from zero by more than its error; without one, in the decimals that are shown.

    >>> is_significant(0.3, 0.2), is_significant(-0.1, 0.2), is_significant(1e-9, None)
    (True, False, False)
    """
    if error is None:
        return round(abs(value), decimals_for(None)) > 0
    return abs(value) > error
