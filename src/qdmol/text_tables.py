"""Tables of numbers in the text that instruments and spreadsheets export: delimiter, decimal mark, header.

`number_table` reads the longest block of numbers of a text, as of a measured spectrum: the dialect is that which reads
most numbers, and cells may say that a value is missing or too high. `tables_of` reads every table of a text, as decay
histograms come in several blocks of one file ("*BLOCK 1" .. "*END" of Becker & Hickl), and refuses what is damaged.
Sizes are bounded before anything is split.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
from array import array
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from qdmol.arrays import Floats, Integers
from qdmol.errors import InputError
from qdmol.files import printable


def _filled_up(numbers: Floats, lengths: Integers) -> Floats:
    """Rows of unlike `lengths` (rows,), one after the other in `numbers`, as (rows, columns), NaN where a row ends."""
    columns = int(lengths.max())
    table = np.full((len(lengths), columns), np.nan)
    table[np.arange(columns) < lengths[:, None]] = numbers
    return table


# Delimiter (None: any blanks) and decimal mark, the likelier first; the last is for quoted cells.
_DIALECTS = (("\t", "."), (";", "."), (",", "."), ("\t", ","), (";", ","), (None, "."), (None, ","), (",", ","))
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_MAX_LINE_LENGTH = 200_000  # characters; a longer line holds no row of a curve
_MAX_HEADING_LENGTH = 200  # characters of a heading that are kept
_MAX_NUMBER_LENGTH = 64  # characters; a longer row of digits is a word
_MAX_HEADER = 1000  # rows kept above the numbers
_MAX_LINES = 1_000_000  # lines of a file
_MAX_CELLS = 5_000_000  # numbers of a table
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
        if len(line) > _MAX_LINE_LENGTH:
            yield [line[:_MAX_HEADING_LENGTH]]
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
    if len(cell) > _MAX_NUMBER_LENGTH:
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
        if self.rows * width > _MAX_CELLS:
            raise InputError(
                field="FILE",
                value=f"{self.rows} x {width} numbers",
                allowed=f"a table of at most {_MAX_CELLS} numbers",
            )
        return _filled_up(
            np.frombuffer(self.numbers, dtype=np.float64)[: sum(widths)], np.array(widths, dtype=np.int64)
        )


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
    if count > _MAX_LINES:
        raise InputError(field="FILE", value=f"{count} lines", allowed=f"a table of at most {_MAX_LINES} lines")
    lines = [line.rstrip() for line in text.split("\n")]
    best: NumberTable | None = None
    for delimiter, decimal in _DIALECTS:
        if delimiter is not None and delimiter not in text:
            continue
        block = _block(lines, delimiter, decimal)
        # another dialect must read more numbers: the first that reads all of them is taken
        if block is not None and (best is None or block.numbers.size > best.numbers.size):
            best = block
    return best


def _block(lines: list[str], delimiter: str | None, decimal: str) -> NumberTable | None:
    run, below = _longest_run(_rows(lines, delimiter), decimal)
    if not run.count:
        return None
    above = (cells for cells in _rows(lines[: run.start], delimiter) if _is_filled(cells))
    header = tuple(
        tuple(printable(cell, longest=_MAX_HEADING_LENGTH) for cell in cells)
        for cells in deque(above, maxlen=_MAX_HEADER)
    )
    return NumberTable(run.table(), header, decimal, run.start + 1, below)


_PRINTED = bytes((9, 10, 13, *range(32, 256)))  # low bytes of text in UTF-16
_ZEROS = 0.9  # share of zeros among the high bytes of UTF-16
LARGEST_BYTES = 32_000_000  # size of a histogram file
FEWEST_ROWS = 8  # rows of a histogram
_MAX_ROWS = 1 << 20  # rows of a histogram
_MAX_NUMBERS = 1 << 22  # numbers of a histogram
_MAX_HISTOGRAM_LINE_LENGTH = 1 << 16  # characters
_MAX_COUNT_LENGTH = 40  # characters
_MAX_HEADER_LENGTH = 300  # characters of a line that are looked at
_MAX_LINES_ABOVE = 200  # lines at the beginning and at the end of those above a table that are kept
_SAMPLE = 2000  # lines from which the delimiter is recognised


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Numbers of a text (rows, columns), nan where a cell is empty, and the lines above them."""

    header: tuple[str, ...]
    numbers: Floats


def decoded(content: bytes, *, name: str) -> str:
    """Return the text of a file: UTF-8, UTF-16 with its mark or without, else as Windows programs write in Europe.

    Raises
    ------
    InputError
        For binary content.
    """
    encoding = text_encoding(content[:4096])
    if encoding is None:
        raise InputError(field="FILE", value=name, allowed="histograms as text; this is binary")
    if encoding != "utf-8-sig":
        return content.decode(encoding, errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def text_encoding(head: bytes) -> str | None:
    """Return the encoding of a text by its first bytes; None for what is no text.

    UTF-16 without a mark is recognised by zero bytes, which half of the bytes of western text are, all of them at even
    or all at odd places.
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" not in head:
        return "utf-8-sig"
    even, odd = head[0::2], head[1::2]
    for zero, other, encoding in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if zero.count(0) >= _ZEROS * len(zero) and not other.translate(None, _PRINTED):
            return encoding
    return None


def tables_of(text: str, *, name: str, fewest: int = FEWEST_ROWS) -> list[Table]:
    """Return every table of at least eight rows of numbers, or `fewest`.

    Raises
    ------
    InputError
        For a text without one, with more rows or longer lines than a histogram has, or with rows of unequal length.
    """
    if max(text.count("\n"), text.count("\r")) > _MAX_ROWS:
        raise _refusal(name, f"a histogram of at most {_MAX_ROWS} rows")
    style = _Style.of(list(islice(_lines(text, name), _SAMPLE)))
    tables: list[Table] = []
    header: list[str] = []
    values, widths = array("d"), array("l")
    for line in _lines(text, name):
        row = None if line.lower().startswith("*end") else style.numbers(line)
        if row is None:
            if len(widths) >= fewest:
                tables.append(_table(header, values, widths, name))
                header = []
            else:
                # a few numbers between lines of text belong to the header
                header += _as_lines(values, widths)
            values, widths = array("d"), array("l")
            header.append(line[:_MAX_HEADER_LENGTH])
            if len(header) > 2 * _MAX_LINES_ABOVE:
                del header[_MAX_LINES_ABOVE]  # names and units stand at the end, what was measured at the beginning
            continue
        if len(values) > _MAX_NUMBERS:
            raise _refusal(name, f"a table of at most {_MAX_NUMBERS} numbers")
        values.extend(row)
        widths.append(len(row))
    if len(widths) >= fewest:
        tables.append(_table(header, values, widths, name))
    if not tables:
        raise _refusal(name, f"a table with at least {fewest} rows of numbers")
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
        if len(line) > _MAX_HISTOGRAM_LINE_LENGTH:
            raise _refusal(name, f"a text with lines of at most {_MAX_HISTOGRAM_LINE_LENGTH} characters")
        # a tab or comma at the beginning is an empty cell
        bare = line.strip("\r\n ")
        if bare.strip():
            yield bare


def _as_lines(values: array[float], widths: array[int]) -> list[str]:
    lines, at = [], 0
    for width in widths[:_MAX_LINES_ABOVE]:
        lines.append("\t".join(map(repr, values[at : at + width])))
        at += width
    return lines


def _table(header: list[str], values: array[float], widths: array[int], name: str) -> Table:
    columns = max(widths)
    lengths = np.frombuffer(widths, dtype=np.dtype("l"))
    if columns != widths[0]:
        row = int(np.argmax(lengths))
        raise _refusal(name, f"columns of one length; a row has {widths[row]} numbers, not {widths[0]}")
    if columns * len(widths) > 2 * _MAX_NUMBERS:
        raise _refusal(name, f"a table of at most {_MAX_NUMBERS} numbers")
    flat = np.frombuffer(values, dtype=np.float64)
    # curves of different length: the shorter ones have no cells at their end
    numbers = _filled_up(flat, lengths)
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
            return math.nan
        if len(part) > _MAX_COUNT_LENGTH or part[-1] not in "0123456789.,":
            return None
        try:
            return float(part.replace(",", ".") if self.decimal_comma else part)
        except ValueError:
            return None
