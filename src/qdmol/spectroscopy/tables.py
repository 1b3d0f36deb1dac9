"""Text of an instrument as a table: delimiter and decimal mark found out, numbers told from words."""

from __future__ import annotations

import csv
import math
import re
from array import array
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from qdmol.arrays import Floats
from qdmol.errors import InputError
from qdmol.files import printable

# Delimiter (None: any blanks) and decimal mark, the likelier first; the last is for quoted cells.
_DIALECTS = (("\t", "."), (";", "."), (",", "."), ("\t", ","), (";", ","), (None, "."), (None, ","), (",", ","))
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_LONGEST_LINE = 200_000  # characters; a longer line holds no row of a curve
_LONGEST_CELL = 200  # characters of a heading that are kept
_LONGEST_NUMBER = 64  # characters; a longer row of digits is a word
_MOST_HEADER = 1000  # rows kept above the numbers
_MOST_LINES = 1_000_000
_MOST_CELLS = 5_000_000
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


def _rows(lines: list[str], delimiter: str | None) -> Iterator[list[str]]:
    """Cells of each line; a quoted cell ends with its line, so that a stray quotation mark costs one line only."""
    for line in lines:
        if len(line) > _LONGEST_LINE:
            yield [line[:_LONGEST_CELL]]
        elif delimiter is None:
            yield line.split()
        elif '"' in line:
            yield _quoted(line, delimiter)
        else:
            yield [cell.strip() for cell in line.split(delimiter)]


def _quoted(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for row in csv.reader([line], delimiter=delimiter) for cell in row]
    except csv.Error:
        return [cell.strip() for cell in line.split(delimiter)]


def _value(cell: str, decimal: str) -> float | None:
    """The number in a cell, NaN for one that is missing, None for a word."""
    if len(cell) > _LONGEST_NUMBER:
        return None
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
    numbers = []
    for cell in cells:
        value = _value(cell, decimal)
        if value is None:
            return None
        numbers.append(value)
    return numbers if math.isfinite(numbers[0]) else None


def _is_filled(cells: list[str]) -> bool:
    return any(cell.strip(" ,;\t") for cell in cells)


@dataclass(slots=True)
class _Run:
    """Rows of numbers one after the other; `count` of them have two numbers, the last of which ends at `stop`."""

    start: int
    stop: int = 0
    count: int = 0
    rows: int = 0
    numbers: array[float] = field(default_factory=lambda: array("d"))
    widths: array[int] = field(default_factory=lambda: array("L"))

    def add(self, index: int, row: list[float]) -> None:
        self.numbers.extend(row)
        self.widths.append(len(row))
        if any(not math.isnan(value) for value in row[1:]):
            self.count += 1
            self.stop, self.rows = index + 1, len(self.widths)

    def table(self) -> Floats:
        """The rows (rows, columns), short ones filled up with NaN."""
        widths = self.widths[: self.rows]
        width = max(widths)
        if self.rows * width > _MOST_CELLS:
            raise InputError(
                field="FILE",
                value=f"{self.rows} x {width} numbers",
                allowed=f"a table of at most {_MOST_CELLS} numbers",
            )
        numbers = np.full((self.rows, width), math.nan)
        place = 0
        for row, length in enumerate(widths):
            numbers[row, :length] = self.numbers[place : place + length]
            place += length
        return numbers


def _longest_run(rows: Iterable[list[str]], decimal: str) -> tuple[_Run, int]:
    """The longest run of rows with two numbers, and how many filled rows follow it.

    Empty and half-empty rows do not end a run.
    """
    best, run = _Run(0), _Run(0)
    below = 0
    for index, cells in enumerate(rows):
        row = _row(cells, decimal)
        filled = _is_filled(cells)
        before = run.count
        if row is not None and (run.count or any(not math.isnan(value) for value in row[1:])):
            run = run if run.count else _Run(index)
            run.add(index, row)
        elif row is None and filled:
            run = _Run(index)
        if run.count > max(best.count, before) or (run is best and run.count > before):
            best, below = run, 0
        else:
            below += filled
    return best, below


def number_table(text: str) -> NumberTable | None:
    """Return the longest block of numbers in a text, or None where there is none.

    Parameters
    ----------
    text
        Lines end with LF, CR LF or CR. Cells are split by tabs, semicolons, commas or blanks.

    Raises
    ------
    qdmol.errors.InputError
        The text has more than a million lines, or the block more than five million numbers.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    count = text.count("\n")
    if count > _MOST_LINES:
        raise InputError(field="FILE", value=f"{count} lines", allowed=f"a table of at most {_MOST_LINES} lines")
    lines = [line.rstrip() for line in text.split("\n")]
    best: NumberTable | None = None
    for delimiter, decimal in _DIALECTS:
        if delimiter is not None and delimiter not in text:
            continue
        found = _block(lines, delimiter, decimal)
        # another dialect must read more numbers: the first that reads all of them is taken
        if found is not None and (best is None or found.numbers.size > best.numbers.size):
            best = found
    return best


def _block(lines: list[str], delimiter: str | None, decimal: str) -> NumberTable | None:
    run, below = _longest_run(_rows(lines, delimiter), decimal)
    if not run.count:
        return None
    above = (cells for cells in _rows(lines[: run.start], delimiter) if _is_filled(cells))
    header = tuple(
        tuple(printable(cell, longest=_LONGEST_CELL) for cell in cells) for cells in deque(above, maxlen=_MOST_HEADER)
    )
    return NumberTable(run.table(), header, decimal, run.start + 1, below)
