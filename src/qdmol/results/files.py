"""Atomic writing: a file is either the whole new one or the untouched old one."""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qdmol.errors import OutputError


def _failure(path: Path, reason: object) -> OutputError:
    return OutputError(f"`{path}` could not be written: {reason}.")


def _reason(error: OSError) -> str:
    return error.strerror or str(error).splitlines()[0]


def _claim(target: Path) -> Path:
    """Create an empty hidden file beside `target` and return its path; the user's umask decides its mode."""
    if target.is_dir():
        raise _failure(target, "it is a folder")
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        raise _failure(target, "it is not a regular file")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    return temporary


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _publish(temporary: Path, target: Path) -> None:
    # Windows refuses to sync a file opened for reading only.
    _sync(temporary, os.O_RDWR)
    temporary.replace(target)
    with suppress(OSError):  # the folder's own entry; not every file system offers it, and the data are safe
        _sync(target.parent, os.O_RDONLY)


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path in the folder of `path`; on success it is synced and renamed to `path`.

    On any exception nothing of the attempt is left behind and an older file at `path` keeps its content.
    A symbolic link is followed, so that the file it names is replaced and not the link.

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
    target = Path(path)
    temporary: Path | None = None
    try:
        target = Path(os.path.realpath(path))
        temporary = _claim(target)
        yield temporary
        _publish(temporary, target)
    except OSError as error:
        raise _failure(target, _reason(error)) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def write_bytes_atomic(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write `content` to `path` atomically and return the path.

    Raises
    ------
    qdmol.errors.OutputError
        The file cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return Path(path)


def write_text_atomic(path: str | os.PathLike[str], content: str) -> Path:
    """Write `content` to `path` as UTF-8 with plain line feeds, atomically, and return the path.

    Raises
    ------
    qdmol.errors.OutputError
        The file cannot be written.
    """
    return write_bytes_atomic(path, content.encode("utf-8"))


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
