"""Tables for terminals of any width."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

_GAP = 2  # blanks between columns
_WORDS_WIDTH = 30  # narrowest column of words that is read with ease
_LONGEST_KEY = 36  # widest column of names that is not broken into lines when the columns are split


class WideTable:
    """Table whose columns are continued below where the terminal is too narrow for all of them.

    Numbers are never broken into lines or cut off. The first columns, which name the row, are repeated. Before columns
    are moved, units in headings go to a second line.

    Parameters
    ----------
    header, rows
        Cells as text.
    keys
        Number of columns at the left that name a row.
    words
        Columns of words, set flush left and broken into lines where needed; keys are words, others are numbers.
    """

    def __init__(
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        keys: int = 1,
        words: Collection[int] = (),
        right: Collection[int] = (),
    ) -> None:
        self._header, self._rows = header, rows
        self._keys = range(min(keys, len(header)))
        self._words = {*self._keys, *words} - set(right)
        self._widths = self._measured()

    def _measured(self) -> list[int]:
        lines = [max(map(cell_len, heading.split("\n"))) for heading in self._header]
        cells = [max(map(cell_len, column)) for column in zip(*self._rows, strict=True)] or lines
        return [max(pair) for pair in zip(lines, cells, strict=True)]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        if len(self._parts(options.max_width)) > 1:
            self._header = [heading.replace(" (", "\n(") for heading in self._header]
            self._widths = self._measured()
        for index, columns in enumerate(self._parts(options.max_width)):
            if index:
                yield Text("")
            yield self._part(columns, split=index > 0 or len(columns) < len(self._header))

    def _parts(self, room: int) -> list[list[int]]:
        """Columns of each part; all of them in one where they fit."""
        keys = list(self._keys)
        whole = [self._need(column) for column in range(len(keys), len(self._header))]
        if sum(self._widths[key] + _GAP for key in keys) + sum(width + _GAP for width in whole) - _GAP <= room:
            return [list(range(len(self._header)))]
        start = sum(min(self._widths[key], _LONGEST_KEY) + _GAP for key in keys)
        parts: list[list[int]] = []
        used = room
        for column in range(len(keys), len(self._header)):
            need = self._need(column)
            if used + need > room:
                parts.append(list(keys))
                used = start
            parts[-1].append(column)
            used += need + _GAP
        return parts or [keys]

    def _need(self, column: int) -> int:
        width = self._widths[column]
        return min(width, _WORDS_WIDTH) if column in self._words else width

    def _part(self, columns: Sequence[int], *, split: bool) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
        for column in columns:
            words = column in self._words
            narrow = _LONGEST_KEY if split and column in self._keys else None
            table.add_column(
                self._header[column],
                justify="left" if words else "right",
                overflow="fold",
                no_wrap=not words,
                max_width=narrow,
                min_width=min(self._widths[column], _WORDS_WIDTH) if words else self._widths[column],
            )
        for row in self._rows:
            table.add_row(*(Text(row[column]) for column in columns))
        return table
