"""Machine code of compiled loops on disk, so that only the first run compiles them.

The files are unpickled, so whoever can write them can run code as the user. They are kept in a folder that only its
owner may enter, a folder of another user or one that others may write to is not used, and each file carries a digest:
one that is truncated or damaged counts as absent. Without a usable folder the loops are compiled at every start.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import secrets
import stat
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import numba
import platformdirs
from numba.core import config as numba_config
from numba.core.caching import CompileResultCacheImpl, NullCache
from numba.core.serialize import dumps

# numba has no types
config: Any = numba_config
_RESULTS: Any = CompileResultCacheImpl
_dumps: Any = dumps
DIGEST = hashlib.sha256
# What unpickling and linking raise for an entry of another version.
UNUSABLE = (
    *(pickle.UnpicklingError, EOFError, OSError, MemoryError, RuntimeError, RecursionError),
    *(AttributeError, ImportError, LookupError, TypeError, ValueError),
)


def cache_folder() -> Path | None:
    """Return the folder of compiled loops, made if missing, or None if none is safe and writable.

    It is ``qdmol`` in the folder that the variable ``NUMBA_CACHE_DIR`` names, else ``kernels`` in the user's cache
    folder for qdmol.
    """
    named = config.CACHE_DIR
    folders = [Path(named), Path(named, "qdmol")] if named else [platformdirs.user_cache_path("qdmol") / "kernels"]
    return folders[-1] if all(map(_is_safe, folders)) and _is_private(folders[-1]) else None


def _is_safe(folder: Path) -> bool:
    """Whether a folder, made if missing, is this user's and no other user may write to it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except (OSError, ValueError):
        return False
    if not stat.S_ISDIR(status.st_mode):
        return False
    own = os.name != "posix" or (status.st_uid == os.geteuid() and not status.st_mode & 0o022)
    return own and os.access(folder, os.R_OK | os.W_OK | os.X_OK)


def _is_private(folder: Path) -> bool:
    """Whether a folder is closed to other users; it is closed if it was not."""
    if os.name != "posix":
        return True
    try:
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except OSError:
        return False
    return True


@cache
def _source_digest(file: str) -> bytes:
    return DIGEST(Path(file).read_bytes()).digest()


def _kernels_within(function: FunctionType, seen: dict[str, FunctionType]) -> dict[str, FunctionType]:
    """A function and all compiled ones that it calls, by module and name."""
    key = f"{function.__module__}.{function.__qualname__}"
    if key in seen:
        return seen
    seen[key] = function
    for name in function.__code__.co_names:
        inner = getattr(function.__globals__.get(name), "py_func", None)
        if isinstance(inner, FunctionType):
            _kernels_within(inner, seen)
    return seen


class KernelCache(NullCache):
    """Compiled forms of one function, each in a file of its own."""

    def __init__(self, function: FunctionType, folder: Path) -> None:
        self._function = function
        self._folder = folder

    @property
    def cache_path(self) -> str:
        """The folder."""
        return str(self._folder)

    def _path(self, signature: Any, codegen: Any) -> Path:
        sources = sorted({function.__code__.co_filename for function in _kernels_within(self._function, {}).values()})
        key = DIGEST(b"".join(_source_digest(file) for file in sources))
        # machine code differs by processor and by the options of the compiler
        options = (numba.__version__, codegen.magic_tuple(), config.BOUNDSCHECK, config.OPT, str(signature))
        key.update(repr((self._function.__module__, self._function.__qualname__, options)).encode())
        return self._folder / f"{self._function.__name__}-{key.hexdigest()[:32]}.nbc"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled form for a signature, or None if there is none that is whole."""
        target_context.refresh()
        try:
            content = self._path(sig, target_context.codegen()).read_bytes()
            length = DIGEST().digest_size
            if content[:length] != DIGEST(content[length:]).digest():
                return None
            payload = pickle.loads(content[length:])
            return _RESULTS.rebuild(self, target_context, payload)
        except UNUSABLE:
            return None

    def save_overload(self, sig: Any, cres: Any) -> None:
        """Keep a compiled form; that it cannot be written is no error."""
        with suppress(*UNUSABLE):
            if cres.library.has_dynamic_globals or any(not lifted.can_cache for lifted in cres.lifted):
                return
            content: bytes = _dumps(_RESULTS.reduce(self, cres))
            path = self._path(sig, cres.codegen)
            temporary = path.with_suffix(f".{secrets.token_hex(4)}.tmp")
            try:
                descriptor = os.open(
                    temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o600
                )
                with os.fdopen(descriptor, "wb") as file:
                    file.write(DIGEST(content).digest() + content)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)


def attach_cache(kernel: Any, function: Any) -> None:
    """Give a kernel that is compiled at its first call its place on disk, if there is one."""
    folder = cache_folder()
    if folder is not None:
        kernel._cache = KernelCache(function, folder)  # noqa: SLF001 - numba offers no public way to set a folder
