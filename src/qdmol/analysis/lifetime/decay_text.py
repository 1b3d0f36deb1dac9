"""Tables of numbers in the text that instruments and spreadsheets export, with the lines above them.

Numbers are split by tabs, semicolons, commas or blanks, with decimal points or commas. Several tables in one file, as
blocks of Becker & Hickl ("*BLOCK 1" .. "*END"), are all read. Sizes are bounded before anything is split.
"""

from __future__ import annotations

import codecs
import io
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from qdmol.arrays import Floats
from qdmol.errors import InputError

LARGEST_BYTES = 32_000_000
FEWEST_ROWS = 8
_MOST_ROWS = 1 << 20
_MOST_NUMBERS = 1 << 22
_LONGEST_LINE = 1 << 16
_LONGEST_NUMBER = 40  # characters
_LONGEST_HEADER = 300  # characters of a line that are looked at
_MOST_HEADER = 200  # lines above a table that are kept
_SAMPLE = 2000
_NAN = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Numbers of a text (rows, columns), nan where a cell is empty, and the lines above them."""

    header: tuple[str, ...]
    numbers: Floats


def decoded(content: bytes, *, name: str) -> str:
    """Return the text of a file: UTF-8, UTF-16 with its mark, else as Windows programs write in western Europe.

    Raises
    ------
    InputError
        For binary content.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content[:4096]:
        raise InputError(field="FILE", value=name, allowed="a decay histogram as text or PHU; this is binary")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def tables_of(text: str, *, name: str) -> list[Table]:
    """Return every table of at least eight rows of numbers.

    Raises
    ------
    InputError
        For a text without one, with more rows or longer lines than a histogram has, or with rows of unequal length.
    """
    if max(text.count("\n"), text.count("\r")) > _MOST_ROWS:
        raise _refusal(name, f"a histogram of at most {_MOST_ROWS} rows")
    style = _Style.of(list(islice(_lines(text, name), _SAMPLE)))
    tables: list[Table] = []
    header: list[str] = []
    values, widths = array("d"), array("l")
    for line in _lines(text, name):
        row = None if line.lower().startswith("*end") else style.numbers(line)
        if row is None:
            if len(widths) >= FEWEST_ROWS:
                tables.append(_table(header, values, widths, name))
                header = []
            else:
                # a few numbers between lines of text belong to the header
                header += _as_lines(values, widths)
            values, widths = array("d"), array("l")
            if len(header) < _MOST_HEADER:
                header.append(line[:_LONGEST_HEADER])
            continue
        if len(values) > _MOST_NUMBERS:
            raise _refusal(name, f"a table of at most {_MOST_NUMBERS} numbers")
        values.extend(row)
        widths.append(len(row))
    if len(widths) >= FEWEST_ROWS:
        tables.append(_table(header, values, widths, name))
    if not tables:
        raise _refusal(name, f"a table with at least {FEWEST_ROWS} rows of numbers")
    return tables


def split_header(line: str) -> list[str]:
    """Return the fields of a line of names: split by the first of tab, semicolon, comma that it holds, else blanks."""
    bare = re.sub(r"^[#%\s]+", "", line)
    for delimiter in ("\t", ";", ","):
        if delimiter in bare:
            return [part.strip().strip('"') for part in bare.split(delimiter)]
    return bare.split()


def _refusal(name: str, allowed: str) -> InputError:
    return InputError(field="FILE", value=name, allowed=allowed)


def _lines(text: str, name: str) -> Iterator[str]:
    """The lines that are not blank, without the space around them."""
    for line in io.StringIO(text, newline=None):
        if len(line) > _LONGEST_LINE:
            raise _refusal(name, f"a text with lines of at most {_LONGEST_LINE} characters")
        # a tab or comma at the beginning is an empty cell
        bare = line.strip("\r\n ")
        if bare.strip():
            yield bare


def _as_lines(values: array[float], widths: array[int]) -> list[str]:
    lines, at = [], 0
    for width in widths[:_MOST_HEADER]:
        lines.append("\t".join(map(repr, values[at : at + width])))
        at += width
    return lines


def _table(header: list[str], values: array[float], widths: array[int], name: str) -> Table:
    columns = max(widths)
    lengths = np.frombuffer(widths, dtype=np.dtype("l"))
    if columns != widths[0]:
        row = int(np.argmax(lengths))
        raise _refusal(name, f"columns of one length; a row has {widths[row]} numbers, not {widths[0]}")
    if columns * len(widths) > 2 * _MOST_NUMBERS:
        raise _refusal(name, f"a table of at most {_MOST_NUMBERS} numbers")
    flat = np.frombuffer(values, dtype=np.float64)
    if (lengths == columns).all():
        numbers = flat.reshape(-1, columns).copy()
    else:
        # curves of different length: the shorter ones have no cells at their end
        numbers = np.full((len(widths), columns), np.nan)
        numbers[np.arange(columns) < lengths[:, None]] = flat
    # a delimiter at the end of each line makes no column
    while numbers.shape[1] > 1 and np.isnan(numbers[:, -1]).all():
        numbers = numbers[:, :-1]
    if np.isinf(numbers).any():
        raise _refusal(name, "a table of finite numbers")
    return Table(tuple(header), numbers)


@dataclass(frozen=True, slots=True)
class _Style:
    """How the numbers of a line are written."""

    decimal_comma: bool

    @classmethod
    def of(cls, lines: list[str]) -> _Style:
        """Commas between digits, another sign between the columns, and no decimal points."""
        sample = [line for line in lines if re.fullmatch(r"[-+.,;\s\deE]+", line)]
        with_comma = sum(bool(re.search(r"\d,\d", line)) for line in sample)
        split_otherwise = sum(bool(re.search(r"[;\t]|\d\s+[-+\d]", line)) for line in sample)
        points = sum("." in line for line in sample)
        single = all(line.count(",") <= 1 for line in sample) and split_otherwise > 0
        return cls(with_comma > 0 and points == 0 and (single or split_otherwise == len(sample)))

    def numbers(self, line: str) -> list[float] | None:
        """The numbers of a line, nan for an empty cell; None if it holds anything else."""
        delimiters = ("\t", ";") if self.decimal_comma else ("\t", ";", ",")
        delimiter = next((sign for sign in delimiters if sign in line), None)
        parts = [part.strip().strip('"') for part in line.split(delimiter)]
        numbers = [self._number(part.strip()) for part in parts]
        if None in numbers:
            # blanks beside another delimiter
            numbers = [
                self._number(part) for part in re.split(r"[;\t ]+" if self.decimal_comma else r"[;,\t ]+", line) if part
            ]
        if None in numbers or all(number != number for number in numbers):  # noqa: PLR0124  # nan
            return None
        return numbers  # type: ignore[return-value]

    def _number(self, part: str) -> float | None:
        if not part:
            return _NAN
        if len(part) > _LONGEST_NUMBER or part[-1] not in "0123456789.,":
            return None
        try:
            return float(part.replace(",", ".") if self.decimal_comma else part)
        except ValueError:
            return None
