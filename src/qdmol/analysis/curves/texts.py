"""Text of an instrument as a table: delimiter and decimal mark found out, numbers told from words."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass

import numpy as np

from qdmol.analysis.curves.values import Floats

__all__ = ["NumberTable", "number_table"]

# Delimiter (None: any blanks) and decimal mark, the likelier first; the last is for quoted cells.
_DIALECTS = (("\t", "."), (";", "."), (",", "."), ("\t", ","), (";", ","), (None, "."), (None, ","), (",", ","))
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_MISSING = {
    "",
    "nan",
    "n/a",
    "na",
    "-",
    "--",
    "---",
    "null",
    "inf",
    "-inf",
    "+inf",
    "over",
    "overflow",
    "ovrflw",
    "sat",
}
_MISSING |= {"saturated", "*****", "****", "#n/a", "#num!", "#div/0!"}
_SATURATED = {"over", "overflow", "ovrflw", "sat", "saturated", "inf", "+inf"}


@dataclass(frozen=True, slots=True, eq=False)
class NumberTable:
    """The longest block of numbers of a text.

    Parameters
    ----------
    numbers
        (rows, columns); NaN where a cell says that there is none, infinity where it says that it is too high.
    header
        Rows of cells above the block.
    decimal
        The decimal mark.
    first_line
        Line of the text, from 1, on which the block starts.
    lines_below
        Lines with words after the block, which are not read.
    """

    numbers: Floats
    header: tuple[tuple[str, ...], ...]
    decimal: str
    first_line: int
    lines_below: int


def _cells(lines: list[str], delimiter: str | None) -> list[list[str]]:
    if delimiter is None:
        return [line.split() for line in lines]
    return [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]


def _value(cell: str, decimal: str) -> float | None:
    """The number in a cell, NaN for one that is missing, None for a word."""
    text = cell.strip().strip('"')
    if decimal == ",":
        text = text.replace(",", ".") if text.count(",") <= 1 and "." not in text else "word"
    if _NUMBER.fullmatch(text):
        return float(text)
    word = text.lower()
    if word in _SATURATED:
        return math.inf
    return math.nan if word in _MISSING else None


def _row(cells: list[str], decimal: str) -> list[float] | None:
    """The numbers of a row, NaN for those missing, or None where it is not one: a first number and no word."""
    if len(cells) < 2:
        return None
    values = [_value(cell, decimal) for cell in cells]
    if any(value is None for value in values):
        return None
    numbers = [value for value in values if value is not None]
    return numbers if math.isfinite(numbers[0]) else None


def _longest_run(rows: list[list[float] | None], filled: list[bool]) -> tuple[int, int]:
    """First and last+1 row of the longest run of rows with two numbers; empty and half-empty rows do not end a run."""
    best = (0, 0, 0)
    start, count = 0, 0
    for index, row in enumerate(rows):
        if row is not None and any(not math.isnan(value) for value in row[1:]):
            start = index if count == 0 else start
            count += 1
            if count > best[0]:
                best = (count, start, index + 1)
        elif row is None and filled[index]:
            count = 0
    return best[1], best[2]


def number_table(text: str) -> NumberTable | None:
    """Return the longest block of numbers in a text, or None where there is none.

    Parameters
    ----------
    text
        Lines end with LF, CR LF or CR. Cells are split by tabs, semicolons, commas or blanks.
    """
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    best: NumberTable | None = None
    for delimiter, decimal in _DIALECTS:
        try:
            cells = _cells(lines, delimiter)
        except csv.Error:
            continue
        found = _block(cells, decimal)
        # another dialect must read more numbers: the first that reads all of them is taken
        if found is not None and (best is None or found.numbers.size > best.numbers.size):
            best = found
    return best


def _block(cells: list[list[str]], decimal: str) -> NumberTable | None:
    rows = [_row(row, decimal) for row in cells]
    filled = [any(cell.strip(" ,;\t") for cell in row) for row in cells]
    start, stop = _longest_run(rows, filled)
    taken = [row for row in rows[start:stop] if row is not None]
    if not taken:
        return None
    width = max(len(row) for row in taken)
    numbers = np.array([row + [math.nan] * (width - len(row)) for row in taken], dtype=np.float64)
    header = tuple(tuple(row) for row, any_ in zip(cells[:start], filled[:start], strict=True) if any_)
    return NumberTable(numbers, header, decimal, start + 1, sum(filled[stop:]))
