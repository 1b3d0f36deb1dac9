"""Columns of numbers out of the bytes of a text, in one compiled loop; decimal numbers become exact integers."""

from __future__ import annotations

from typing import Any

from qdmol.photons.compiling import compiled

# A column that is not read.
SKIP = -128
# Places in the array of what the loop found: rows, lines gone through, start of the first bad line (or -1).
ROWS, LINES, BAD = range(3)

_SPACE, _TAB, _QUOTE, _RETURN, _FEED = 32, 9, 34, 13, 10
_HASH, _PERCENT, _SLASH = 35, 37, 47
_PLUS, _MINUS, _ZERO, _NINE, _LOWER_E, _UPPER_E = 43, 45, 48, 57, 101, 69
_DIGITS = 18
_LARGEST = 9_000_000_000_000_000_000


@compiled
def _is_blank(byte: int, delimiter: int) -> bool:
    return byte != delimiter and byte in (_SPACE, _QUOTE, _TAB)


@compiled
def _scaled(mantissa: int, power: int) -> tuple[int, bool]:
    """Return mantissa times ten to the power, rounded to a whole number, and whether it fits."""
    if mantissa == 0:
        return 0, True
    while power > 0:
        if mantissa > _LARGEST // 10:
            return 0, False
        mantissa *= 10
        power -= 1
    if power < -_DIGITS:
        return 0, True
    divisor = 1
    for _ in range(-power):
        divisor *= 10
    return (mantissa + divisor // 2) // divisor, True


@compiled
def _exponent(text: Any, at: int, stop: int) -> tuple[int, int, bool]:
    """Read what follows the letter e; return it, the place behind it, and whether it is a number."""
    sign = 1
    if at < stop and (text[at] == _PLUS or text[at] == _MINUS):
        sign = -1 if text[at] == _MINUS else 1
        at += 1
    value = 0
    start = at
    while at < stop and _ZERO <= text[at] <= _NINE and value < 1000:
        value = 10 * value + text[at] - _ZERO
        at += 1
    return sign * value, at, at > start


@compiled
def _decimal(text: Any, at: int, stop: int, decimal: int, shift: int) -> tuple[int, int, bool]:
    """Read a number without sign times ten to the `shift`; return it, the place behind it, and whether it is one."""
    mantissa = 0
    digits = 0
    kept = 0
    behind = False
    power = shift
    while at < stop:
        byte = text[at]
        if _ZERO <= byte <= _NINE:
            digits += 1
            if kept < _DIGITS:
                mantissa = 10 * mantissa + byte - _ZERO
                kept += mantissa > 0
                power -= behind
            else:
                power += not behind
        elif byte == decimal and not behind:
            behind = True
        else:
            break
        at += 1
    good = digits > 0
    if good and at < stop and (text[at] == _LOWER_E or text[at] == _UPPER_E):
        exponent, at, good = _exponent(text, at + 1, stop)
        power += exponent
    value, fits = _scaled(mantissa, power)
    return value, at, good and fits


@compiled
def _number(text: Any, at: int, stop: int, decimal: int, shift: int) -> tuple[int, int, bool]:
    """Read a number times ten to the `shift`; return it, the place behind it, and whether it is one."""
    negative = at < stop and text[at] == _MINUS
    if at < stop and (negative or text[at] == _PLUS):
        at += 1
    value = 0
    end = at
    last = min(stop, at + _DIGITS)
    while end < last and _ZERO <= text[end] <= _NINE:
        value = 10 * value + text[end] - _ZERO
        end += 1
    # digits alone are by far the most frequent
    good = end > at and (
        end == stop or (end < last and text[end] != decimal and text[end] != _LOWER_E and text[end] != _UPPER_E)
    )
    if good and shift == 0:
        at = end
    else:
        value, at, good = _decimal(text, at, stop, decimal, shift)
    return -value if negative else value, at, good


@compiled
def _line(text: Any, span: tuple[int, int], marks: tuple[int, int], shifts: Any, rows: Any, row: int) -> bool:
    """Read the columns of one line into a row; return whether all that are wanted are there and are numbers."""
    at, stop = span
    delimiter, decimal = marks
    for column in range(len(shifts)):
        while at < stop and _is_blank(text[at], delimiter):
            at += 1
        if at >= stop:
            return False
        if shifts[column] == SKIP:
            while at < stop and text[at] != delimiter:
                at += 1
        else:
            rows[row, column], at, good = _number(text, at, stop, decimal, shifts[column])
            if not good:
                return False
        end = at
        while at < stop and _is_blank(text[at], delimiter):
            at += 1
        if at < stop and text[at] == delimiter:
            at += 1
        elif at < stop and not (delimiter == _SPACE and at > end):
            return False
    return True


@compiled
def _skipped(text: Any, at: int, stop: int) -> bool:
    """Whether a line is blank or a comment."""
    while at < stop and (text[at] == _SPACE or text[at] == _TAB):
        at += 1
    if at >= stop:
        return True
    first = text[at]
    return first in (_HASH, _PERCENT) or (first == _SLASH and at + 1 < stop and text[at + 1] == _SLASH)


@compiled
def parse(text: Any, marks: tuple[int, int], shifts: Any, rows: Any, found: Any) -> None:
    """Read whole lines of `text` (N,) uint8 into `rows` (M, columns) int64, M at least the number of line feeds + 1.

    `marks`: delimiter and decimal mark as bytes; a delimiter of a space stands for any blanks. `shifts` (columns,)
    int64: each number is multiplied by ten to it, or SKIP. `found` (3,) int64 gets rows, lines, and where a line that
    cannot be read starts.
    """
    length = len(text)
    at = lines = row = 0
    found[BAD] = -1
    while at < length:
        stop = at
        while stop < length and text[stop] != _FEED:
            stop += 1
        lines += 1
        end = stop - 1 if stop > at and text[stop - 1] == _RETURN else stop
        if not _skipped(text, at, end):
            if not _line(text, (at, end), marks, shifts, rows, row):
                found[BAD] = at
                break
            row += 1
        at = stop + 1
    found[ROWS] = row
    found[LINES] = lines
