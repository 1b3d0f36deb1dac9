"""Safe reading of files: no pipe, device or oversized file stalls a command, and text is made safe to print.

Every input file is opened here. `printable` cleans text that comes from a file before it is shown on a terminal.
"""

import errno
import os
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NoReturn

from qdmol.errors import InputError, shorten


def _shown(character: str) -> str:
    if character in "\n\t" or character.isprintable():
        return character
    return " " if unicodedata.category(character) == "Zs" else "?"


def printable(text: str, *, longest: int | None = None) -> str:
    r"""Return text without control, formatting and surrogate characters, which a terminal might execute.

    Each such character becomes a question mark; line breaks and tabs stay.

    Parameters
    ----------
    text
        Any text.
    longest
        Largest number of characters; longer text is cut and ends in three dots. None keeps all.

    Examples
    --------
    >>> printable("dots\x1b[31m in\r\nhexane")
    'dots?[31m in\nhexane'
    >>> printable("cadmium selenide", longest=7)
    'cadm...'
    """
    if longest is not None and len(text) > longest:
        text = text[: max(longest - 3, 0)] + "..."
    text = text.replace("\r\n", "\n")
    if text.isprintable():
        return text
    return "".join(map(_shown, text))


_LOCKED = "is locked by another program, such as a running acquisition; try again when it has finished"
_REASONS = {
    errno.EAGAIN: _LOCKED,
    errno.EDEADLK: _LOCKED,
    errno.EBUSY: _LOCKED,
    errno.ETXTBSY: _LOCKED,
    errno.ENOENT: "does not exist",
    errno.ENOTDIR: "does not exist",
    errno.EACCES: "cannot be read: permission denied",
    errno.EPERM: "cannot be read: permission denied",
    errno.ELOOP: "is a loop of symbolic links",
    errno.ENAMETOOLONG: "is too long for a file name",
    errno.ENXIO: "is not a regular file",
    errno.EMFILE: "cannot be read: too many files are open",
    errno.ENFILE: "cannot be read: too many files are open",
}


def _refuse(path: str | os.PathLike[str], field: str, problem: str) -> NoReturn:
    shown = os.fspath(path)
    raise InputError(
        field=field,
        value=shown,
        allowed="a readable regular file",
        message=f"`{field}` {shorten(shown)} {problem}.",
    )


def _reason(error: OSError) -> str:
    return _REASONS.get(error.errno or 0, f"cannot be read: {error.strerror or 'unknown reason'}")


def _open_regular(path: str | os.PathLike[str], field: str) -> BinaryIO:
    # O_NONBLOCK: opening a pipe without a writer must not block.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        folder = Path(path).is_dir()
        descriptor = None if folder else os.open(path, flags)  # Windows cannot open a folder at all
    except OSError as error:
        _refuse(path, field, _reason(error))
    except ValueError:  # a null character
        _refuse(path, field, "is not a valid file name")
    if descriptor is None:
        _refuse(path, field, "is a folder, not a file")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        with suppress(OSError):
            os.close(descriptor)
        _refuse(path, field, "is not a regular file")
    return os.fdopen(descriptor, "rb")


@contextmanager
def open_input(path: str | os.PathLike[str], *, field: str = "FILE", largest: int | None = None) -> Iterator[BinaryIO]:
    """Open a regular file for reading in binary mode and close it at the end.

    Parameters
    ----------
    path
        The file; symbolic links are followed.
    field
        Name of the argument or key that has the path; named in the error.
    largest
        Largest size allowed, in bytes; None for any size.

    Raises
    ------
    qdmol.errors.InputError
        The path does not exist, is a folder, a pipe, a device or a socket, cannot be read, or is larger than `largest`.
        Errors during reading are raised in the same way.
    """
    file = _open_regular(path, field)
    with file:
        size = os.fstat(file.fileno()).st_size
        if largest is not None and size > largest:
            _refuse(path, field, f"has {size} bytes; at most {largest} are allowed")
        try:
            yield file
        except OSError as error:
            _refuse(path, field, _reason(error))


def read_input(path: str | os.PathLike[str], *, largest: int, field: str = "FILE") -> bytes:
    """Return the content of a regular file of at most `largest` bytes.

    Raises
    ------
    qdmol.errors.InputError
        As for `open_input`.
    """
    with open_input(path, field=field, largest=largest) as file:
        content = file.read(largest + 1)
    if len(content) > largest:  # it grew while it was read
        _refuse(path, field, f"has more than {largest} bytes")
    return content
