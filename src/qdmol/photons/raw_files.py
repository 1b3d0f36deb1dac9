"""Files of equal records: how long they are, and their records in pieces."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qdmol.errors import DataError, InputError
from qdmol.files import open_input, printable

# No measurement of single photons lasts longer; a time beyond it is a wrong bit or the wrong format.
LONGEST_S = 30 * 86400.0
# Records looked at in one place for a cheap check.
WINDOW = 1 << 16


def not_a_file_of(kind: str, path: Path, *, why: str) -> InputError:
    """Return the error for a file that cannot be read as `kind`."""
    message = printable(f"`{path.name}` cannot be read as {kind}: {why}.")
    return InputError(field="FILE", value=str(path), allowed=f"a file of {kind}", message=message)


def file_size(path: Path) -> int:
    """Return the length in bytes of a regular file that can be read.

    Raises
    ------
    InputError
        There is no such file.
    """
    with open_input(path) as file:
        return os.fstat(file.fileno()).st_size


def read_bytes(path: Path, count: int, *, offset: int = 0) -> bytes:
    """Return at most `count` bytes from `offset` on."""
    with open_input(path) as file:
        file.seek(offset)
        return file.read(count)


def record_pieces(path: Path, *, dtype: np.dtype[Any], offset: int, count: int, size: int) -> Iterator[NDArray[Any]]:
    """Give `count` records from byte `offset` on, `size` at a time.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    with open_input(path) as file:
        file.seek(offset)
        left = count
        while left > 0:
            piece = np.fromfile(file, dtype=dtype, count=min(size, left))
            if not len(piece):
                return
            left -= len(piece)
            yield piece


def windows(path: Path, *, dtype: np.dtype[Any], offset: int, count: int) -> list[NDArray[Any]]:
    """Return records of the start, the middle and the end of a file: all of a short one."""
    if count <= 3 * WINDOW:
        starts = [(0, count)] if count else []
    else:
        starts = [(start, WINDOW) for start in (0, count // 2, count - WINDOW)]
    parts = []
    for start, length in starts:
        place = offset + start * dtype.itemsize
        parts += list(record_pieces(path, dtype=dtype, offset=place, count=length, size=length))
    return parts


def check_span(times: NDArray[np.int64], *, first: int, tick_ps: float) -> None:
    """Refuse times that are further than 30 days from the `first` of the file.

    Raises
    ------
    DataError
        A time is.
    """
    if not len(times):
        return
    furthest = max(int(times.max()) - first, first - int(times.min()))
    if furthest * tick_ps * 1e-12 > LONGEST_S:
        raise DataError(
            f"A time lies {furthest * tick_ps * 1e-12:.3g} s from the first one; no measurement is that long, so the "
            "records are damaged or in another format."
        )
