"""Errors of the surroundings: limits of the system, names it refuses, a working folder that is gone."""

from __future__ import annotations

import errno
import os
import sys

from qdmol.errors import InputError, OutputError, QdmolError, shorten

__all__ = ["fault_of_surroundings"]

# The system is out of something; nothing in what the user wrote is wrong.
_LIMITS = {
    errno.EMFILE: "Too many files are open; raise the limit (`ulimit -n`) and try again.",
    errno.ENFILE: "Too many files are open on this machine; close some programs and try again.",
    errno.ENOSPC: "The disk is full.",
    errno.EFBIG: "A file is larger than this process may write; raise the limit (`ulimit -f`) and try again.",
    errno.ENOMEM: "There is not enough memory.",
    errno.EROFS: "The file system is read-only.",
    errno.EAGAIN: "The system starts no more threads or processes; raise the limit (`ulimit -u`) and try again.",
}
if hasattr(errno, "EDQUOT"):
    _LIMITS[errno.EDQUOT] = "The disk quota is used up."
# The system refuses a name.
_NAMES = {errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR}
GONE = "The working folder no longer exists; change to one that does."


def fault_of_surroundings(error: BaseException) -> QdmolError | None:
    """Return an error of the tree for what the system refused; None for anything else."""
    for one in _causes(error):
        found = _of_one(one)
        if found is not None:
            return found
    return None


def _causes(error: BaseException) -> list[BaseException]:
    """An error and those it came from, the first cause last."""
    found: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in found:
        found.append(following)
        following = following.__cause__ or following.__context__
    return found


def _of_one(error: BaseException) -> QdmolError | None:
    limit = _limit_of(error)
    if limit is not None:
        return OutputError(_LIMITS[limit])
    if not isinstance(error, OSError):
        return None
    if error.errno == errno.ENOENT and not _working_folder_exists():
        return InputError(field="working folder", value=None, allowed="a folder that exists", message=GONE)
    name = error.filename
    if error.errno not in _NAMES or not isinstance(name, str) or name.startswith(sys.prefix):
        return None
    message = f"{shorten(name)} cannot be used: {error.strerror}."
    return InputError(field="path", value=name, allowed="a path that can be used", message=message)


def _limit_of(error: BaseException) -> int | None:
    """The number of the system's error where it is out of something; libraries and Python have words of their own."""
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    if isinstance(error, ImportError) and os.strerror(errno.EMFILE) in str(error):
        return errno.EMFILE
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return errno.EAGAIN
    return error.errno if isinstance(error, OSError) and error.errno in _LIMITS else None


def _working_folder_exists() -> bool:
    try:
        os.getcwd()  # noqa: PTH109  # a path object is of no use here
    except OSError:
        return False
    return True
