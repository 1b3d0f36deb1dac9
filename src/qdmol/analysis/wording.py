"""Numbers and text of an analysis of photons as a person reads them."""

from __future__ import annotations

import math

from qdmol.estimates import Estimate, decimals_for, format_number

_SPACE = "\N{NO-BREAK SPACE}"


def plain_text(text: str) -> str:
    """Text of a header or a file's name, with a mark in place of what cannot be printed.

    Examples
    --------
    >>> plain_text("dot 1" + chr(0) + chr(0xDC80))
    'dot 1��'
    """
    spaced = (" " if letter.isspace() else letter for letter in text)
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in spaced)


def shown_number(value: float | None, digits: int = 4) -> str:
    """A number as a person writes it, with a true minus sign; "unknown" for None.

    Examples
    --------
    >>> shown_number(1.234567), shown_number(None), shown_number(-0.5), shown_number(1234567.0)
    ('1.235', 'unknown', '−0.5', '1.235 million')
    >>> shown_number(1.2e8, 2)
    '120 million'
    """
    if value is None or not math.isfinite(value):
        return "unknown"
    if abs(value) >= 1e6:
        millions = value / 1e6
        text = f"{millions:.{digits}g}" if abs(millions) < 10**digits else f"{millions:,.0f}"
        return f"{text} million".replace("-", "−").replace(",", "\N{NARROW NO-BREAK SPACE}")
    if value == int(value) and abs(value) >= 10:
        return f"{int(value):,}".replace("-", "−").replace(",", "\N{NARROW NO-BREAK SPACE}")
    if abs(value) >= 10**digits:
        return f"{round(value):,}".replace("-", "−").replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{value:.{digits}g}".replace("-", "−")


def interval_text(estimate: Estimate | None) -> str:
    """A value with its interval and unit in one text; an end that is not finite is no limit.

    Examples
    --------
    >>> interval_text(Estimate(3.98, 3.95, 4.01, "ns")).replace(chr(160), " ")
    '3.98 (3.95 to 4.01) ns'
    >>> interval_text(Estimate(0.0028, 0.0001, math.inf))
    '0.0028 (0.0001 to no upper limit)'
    >>> interval_text(None), interval_text(Estimate(math.inf, 0.5, math.inf, "s")).replace(chr(160), " ")
    ('unknown', 'above 0.5 s')
    """
    if estimate is None:
        return "unknown"
    if not math.isfinite(estimate.value):
        end, word = (estimate.low, "above") if estimate.value > 0 else (estimate.high, "below")
        text = f"{word} {shown_number(end, 3)}" if math.isfinite(end) else "no limit"
        return f"{text}{_SPACE}{estimate.unit}" if estimate.unit else text
    value, low, high = estimate.value, *(end if math.isfinite(end) else None for end in (estimate.low, estimate.high))
    widths = [abs(end - value) for end in (low, high) if end is not None and end != value]
    decimals = decimals_for(min(widths), default=4) if widths else 4
    if widths and value:  # two digits of what differs from zero, however wide the interval
        decimals = max(decimals, min(1 - math.floor(math.log10(abs(value))), 6))
    if low is not None and low > 0:  # a lower end above zero is not shown as zero
        decimals = max(decimals, min(-math.floor(math.log10(low)), 6))
    text = format_number(value, decimals)
    if low is not None or high is not None:
        ends = ["no lower limit" if low is None else format_number(low, decimals)]
        ends.append("no upper limit" if high is None else format_number(high, decimals))
        text += f" ({ends[0]} to {ends[1]})"
    return f"{text}{_SPACE}{estimate.unit}" if estimate.unit else text


def estimate_or_none(value: float | None, low: float | None, high: float | None, unit: str = "") -> Estimate | None:
    """An estimate from numbers that may be missing; None without a value, no limit where an end is missing.

    >>> estimate_or_none(2.0, None, 3.0)
    2.000 (error unknown)
    >>> estimate_or_none(math.nan, 1.0, 3.0) is None
    True
    """
    if value is None or not math.isfinite(value):
        return None
    lower = -math.inf if low is None or math.isnan(low) else float(low)
    upper = math.inf if high is None or math.isnan(high) else float(high)
    return Estimate(float(value), lower, upper, unit)
