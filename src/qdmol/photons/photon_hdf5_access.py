"""Guarded access to HDF5 files of others: nothing outside the file is read, and no more than a stated size.

HDF5 can point elsewhere: external links name objects of other files, external and virtual storage take an array's
numbers from them, and filters may load a plug-in from the disk. A packed chunk of some bytes may unpack to gigabytes.
All this is found in the file's own description and refused before any number is read.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from qdmol.errors import InputError
from qdmol.files import open_input, printable
from qdmol.photons.raw_files import not_a_file_of

KIND = "Photon-HDF5"
# What h5py raises where a file is damaged.
DAMAGE = (
    OSError,
    RuntimeError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    OverflowError,
    MemoryError,
)
MEGABYTE = 1 << 20
# A chunk is unpacked as a whole: none that is sound is larger.
LARGEST_CHUNK = 64 * MEGABYTE
# Packing makes no more of a byte than this.
LARGEST_RATIO = 1100
LONGEST_TEXT = MEGABYTE
MOST_IDS = 256
MOST_NAMES = 10_000
MOST_LINKS = 8
# Filters within the library and h5py: deflate, shuffle, Fletcher's checksum, szip, n-bit, scale-offset, LZF.
FILTERS = (1, 2, 3, 4, 5, 6, 32_000)
LOCKED = (errno.EAGAIN, errno.EACCES, errno.EDEADLK, errno.EBUSY)


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading.

    Raises
    ------
    InputError
        It is no HDF5 file, not a whole one, or another program writes to it.
    """
    with open_input(path):
        pass  # a regular file that may be read
    try:
        file = h5py.File(path, "r")
    except DAMAGE as error:
        raise not_a_file_of(KIND, path, why=_why_not_opened(error)) from error
    with file:
        yield file


def _why_not_opened(error: BaseException) -> str:
    number = error.errno if isinstance(error, OSError) else None
    # the file can be read, as has been tried: what is denied is the lock
    if number in LOCKED:
        return "it is locked by another program, such as a running acquisition; try again when it has finished"
    if "already open for" in str(error):
        return (
            "it is marked as open for writing: the program that wrote it is still running or ended without closing it"
        )
    return "it is damaged or truncated, or it is not an HDF5 file"


def child_names(file: h5py.File) -> list[str]:
    """Return the names at the top of a file, in alphabetical order."""
    if len(file) > MOST_NAMES:
        raise _refusal(file, f"it has {len(file)} objects at its top level; at most {MOST_NAMES} are read")
    return sorted(name for name in file if isinstance(name, str))


def _refusal(file: h5py.File, why: str) -> InputError:
    return not_a_file_of(KIND, Path(str(file.filename)), why=why)


def _resolved(file: h5py.File, name: str) -> Any:
    """Return the object at a path of the file, or None; links are followed one by one and only within the file."""
    names = [part for part in name.split("/") if part]
    found: Any = file["/"]
    links = 0
    while names:
        if not isinstance(found, h5py.Group):
            return None
        part = names.pop(0)
        link = found.get(part, getlink=True)
        if link is None:
            return None
        if isinstance(link, h5py.ExternalLink):
            raise _refusal(file, f"{name} is a link to another file, which is not followed")
        if isinstance(link, h5py.SoftLink):
            links += 1
            if links > MOST_LINKS:
                raise _refusal(file, f"{name} is reached by more than {MOST_LINKS} links or by a loop of links")
            target = str(link.path)
            names = [part for part in target.split("/") if part and part != "."] + names
            found = file["/"] if target.startswith("/") else found
            continue
        if not isinstance(link, h5py.HardLink):
            raise _refusal(file, f"{name} is a link of an unknown kind")
        found = found[part]
    return found


def _dataset(file: h5py.File, name: str) -> Any:
    """Return the array at a path if all of it is in this file and can be unpacked, None if there is none."""
    found = _resolved(file, name)
    if found is None or not isinstance(found, h5py.Dataset):
        return None
    layout = found.id.get_create_plist()
    if layout.get_layout() == h5py.h5d.VIRTUAL or layout.get_external_count() > 0:
        raise _refusal(file, f"{name} takes its data from another file, which is not read")
    foreign = [number for k in range(layout.get_nfilters()) if (number := layout.get_filter(k)[0]) not in FILTERS]
    if foreign:
        why = (
            f"{name} is compressed with filter {foreign[0]}, which needs a plug-in; compress the file with gzip instead"
        )
        raise _refusal(file, why)
    return found


def _chunk_bytes(dataset: Any) -> int:
    if dataset.chunks is None:
        return 0
    return int(np.prod([float(length) for length in dataset.chunks])) * int(dataset.dtype.itemsize)


def _limit_chunk(file: h5py.File, name: str, dataset: Any, largest: int) -> None:
    size = _chunk_bytes(dataset)
    if size > largest:
        why = f"{name} is stored in chunks of {size / MEGABYTE:.3g} MB; at most {largest // MEGABYTE} MB are allowed"
        raise _refusal(file, why)


def integer_array(file: h5py.File, name: str, *, length: int | None = None) -> Any:
    """Return a row of integers, not yet read, or None if there is none.

    Parameters
    ----------
    file, name
        The file, and a path in it.
    length
        How many numbers it must have; any number if None.

    Raises
    ------
    InputError
        It is something else, not in this file, of another length, or states more entries than are stored.
    """
    found = _dataset(file, name)
    if found is None:
        if _resolved(file, name) is None:
            return None
        raise _refusal(file, f"{name} is not an array of integers")
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise _refusal(file, f"{name} is not an array of integers")
    _limit_chunk(file, name, found, LARGEST_CHUNK)
    if found.shape[0] * found.dtype.itemsize > LARGEST_RATIO * (found.id.get_storage_size() + 1):
        raise _refusal(file, f"{name} states more entries than are stored")
    if length is not None and found.shape[0] != length:
        raise _refusal(file, f"{name} has {found.shape[0]} entries, but {length} are expected")
    return found


def small_integers(file: h5py.File, name: str) -> list[int]:
    """Return at most 256 integers that stand beside the photons, as numbers of detectors."""
    found = _dataset(file, name)
    if found is None or found.dtype.kind not in "iu":
        return []
    if found.size is None or found.size > MOST_IDS:
        raise _refusal(file, f"{name} has {found.size} entries; at most {MOST_IDS} are read")
    _limit_chunk(file, name, found, MEGABYTE)
    return [int(value) for value in np.asarray(found[()]).reshape(-1)]


def number_of(file: h5py.File, name: str) -> float | None:
    """Return a single number, or None if there is none."""
    found = _dataset(file, name)
    if found is None or found.size != 1 or found.dtype.kind not in "fiu":
        return None
    _limit_chunk(file, name, found, MEGABYTE)
    return float(np.asarray(found[()]).reshape(-1)[0])


def text_of(file: h5py.File, name: str) -> str | None:
    """Return a text that is safe to show, or None if there is none."""
    found = _dataset(file, name)
    if found is None or found.size != 1 or found.dtype.kind not in "SO":
        return None
    length = found.dtype.itemsize if found.dtype.kind == "S" else _stated_length(file, found)
    if length is None:
        return None
    if length > LONGEST_TEXT:
        size = f"{length / MEGABYTE:.3g} MB"
        raise _refusal(file, f"{name} states a text of {size}; at most {LONGEST_TEXT // MEGABYTE} MB are read")
    _limit_chunk(file, name, found, MEGABYTE)
    value = np.asarray(found[()]).reshape(-1)[0]
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return printable(text.strip()) or None


def _stated_length(file: h5py.File, dataset: Any) -> int | None:
    """Bytes of a text of variable length, as its place in the file states them; None where that cannot be seen."""
    if h5py.check_string_dtype(dataset.dtype) is None:
        return None
    offset = dataset.id.get_offset()
    if offset is None:
        return None
    with open_input(Path(str(file.filename))) as raw:
        raw.seek(offset)
        return int.from_bytes(raw.read(4), "little")
