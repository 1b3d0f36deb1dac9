"""Atomic writing of files: an interrupted write leaves the old file untouched.

A file is written under a temporary name in the same folder, ``.NAME.xxxxxxxx.tmp``, and then renamed. The writer holds
a shared lock on it, so that the next writer of the same file can remove the temporary files of processes that were
killed. The lock is shared because it outlasts the renaming for a moment, in which HDF5 must be able to read the file.
Without such locks (Windows, some network file systems) the age of a temporary file decides.
"""

import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from qdmol.errors import OutputError

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

ABANDONED = 600.0  # seconds after which a temporary file that cannot be locked counts as abandoned
_TEMPORARY = r"(\.[0-9a-f]{8}\.tmp)"


def _failure(path: Path, reason: object) -> OutputError:
    return OutputError(f"`{path}` could not be written: {reason}.")


def _reason(error: OSError) -> str:
    return error.strerror or str(error).splitlines()[0]


def _claim(target: Path) -> tuple[Path, int]:
    """Create an empty hidden file beside `target`, locked; return its path and descriptor. The umask sets its mode."""
    if target.is_dir():
        raise _failure(target, "it is a folder")
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        raise _failure(target, "it is not a regular file")
    while True:
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0), 0o666)
        locked = _lock(descriptor, shared=True)
        if fcntl is None or (locked is not False and os.fstat(descriptor).st_nlink > 0):
            return temporary, descriptor
        os.close(descriptor)  # another process removes it as abandoned, because it was not locked yet


def _lock(descriptor: int, *, shared: bool = False) -> bool | None:
    """Lock an open file; False where another process holds it, None where there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def drop_abandoned(folder: Path, name: str) -> None:
    """Remove temporary files left by killed processes.

    Parameters
    ----------
    folder
        Folder of the files; nothing happens if it cannot be read.
    name
        Regular expression of the names of the files that were being written.
    """
    pattern = re.compile(rf"\.{{1,2}}{name}{_TEMPORARY}{{1,2}}", re.DOTALL)
    with suppress(OSError):  # a failed clean-up is not an error
        with os.scandir(folder) as entries:
            abandoned = [
                entry.name for entry in entries if entry.name.endswith(".tmp") and pattern.fullmatch(entry.name)
            ]
        for entry in abandoned:
            _drop_if_abandoned(folder / entry)


def _drop_if_abandoned(path: Path) -> None:
    with suppress(OSError):
        if not stat.S_ISREG(path.lstat().st_mode):
            return
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        try:
            locked = _lock(descriptor)
            if locked or (locked is None and time.time() - os.fstat(descriptor).st_mtime > ABANDONED):
                path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _publish(temporary: Path, target: Path, *, sync: bool) -> None:
    if sync:  # Windows refuses to sync a file opened for reading only
        _sync(temporary, os.O_RDWR)
    temporary.replace(target)
    if sync:
        with suppress(OSError):  # the folder's own entry; not every file system offers it, and the data are safe
            _sync(target.parent, os.O_RDONLY)


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; on success it is synced and renamed to `path`.

    On an exception the temporary file is removed and an existing file at `path` keeps its content.
    Symbolic links are followed: the file is replaced, not the link.

    Parameters
    ----------
    path
        The file to be written. Its folder must exist.

    Yields
    ------
    pathlib.Path
        An existing empty file to write to.

    Raises
    ------
    qdmol.errors.OutputError
        The file cannot be written; the message names the path and the reason.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_path(pathlib.Path(folder) / "levels.txt") as temporary:
    ...         size = temporary.write_text("0.1777 eV")
    ...     [file.name for file in pathlib.Path(folder).iterdir()]
    ['levels.txt']
    """
    with _atomic(path, sync=True) as temporary:
        yield temporary


def _followed(path: Path) -> Path:
    try:
        return Path(os.path.realpath(path))
    except ValueError:  # a null character
        raise _failure(path, "it is not a valid file name") from None


@contextmanager
def _atomic(path: str | os.PathLike[str], *, sync: bool) -> Iterator[Path]:
    target, temporary, descriptor = Path(path), None, None
    try:
        target = _followed(target)
        if sync:
            drop_abandoned(target.parent, re.escape(target.name))
        temporary, descriptor = _claim(target)
        if fcntl is None:  # Windows renames no open file
            os.close(descriptor)
            descriptor = None
        yield temporary
        _publish(temporary, target, sync=sync)
    except OSError as error:
        raise _failure(target, _reason(error)) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)


def write_bytes_atomic(path: str | os.PathLike[str], content: bytes, *, sync: bool = True) -> Path:
    """Write `content` to `path` atomically and return the path.

    Parameters
    ----------
    path
        The file to be written. Its folder must exist.
    content
        The whole file.
    sync
        Whether to flush the file to the disk and to remove temporary files of killed processes; without it, a crash of
        the machine may leave a damaged file.

    Raises
    ------
    qdmol.errors.OutputError
        The file cannot be written.
    """
    with _atomic(path, sync=sync) as temporary:
        temporary.write_bytes(content)
    return Path(path)


def write_text_atomic(path: str | os.PathLike[str], content: str) -> Path:
    """Write `content` to `path` as UTF-8 with plain line feeds, atomically, and return the path.

    Lone surrogates, as in file names that are not UTF-8, become question marks.

    Raises
    ------
    qdmol.errors.OutputError
        The file cannot be written.
    """
    return write_bytes_atomic(path, content.encode("utf-8", errors="replace"))


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Create a folder and its parents if missing and return its path.

    Raises
    ------
    qdmol.errors.OutputError
        The folder cannot be created.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder `{folder}` could not be created: {_reason(error)}.") from error
    return folder
