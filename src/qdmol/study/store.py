"""Finished points on disk: one small file each, written under a temporary name and renamed.

A record is a JSON object; a line before it holds its checksum, so that a file cut short by a crash of the machine is
taken for absent and computed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from qdmol.errors import InputError, OutputError
from qdmol.results.files import make_folder

__all__ = ["Store", "code_digest", "store_folder"]

PACKAGE = Path(__file__).parent.parent
# What decides a number: rooms, and modules of this one. Drawing and the command line do not.
ROOMS = ("materials", "structure", "mesh", "landscape", "linalg", "states", "excitons", "optics")
MODULES = (
    "errors.py",
    "units.py",
    "study/interacting.py",
    "study/job.py",
    "study/light.py",
    "study/summary.py",
    "study/points.py",
    "study/store.py",
)
ABANDONED = 600.0  # seconds after which a temporary file has no writer any more


@cache
def code_digest() -> str:
    """Return a hash of the package's version and of the source that decides the numbers."""
    digest = hashlib.blake2b(importlib.metadata.version("qdmol").encode(), digest_size=16)
    files = [PACKAGE / name for name in MODULES]
    files += [path for room in ROOMS for path in sorted((PACKAGE / room).rglob("*.py"))]
    for path in files:
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def store_folder(output: Path | None) -> Path | None:
    """Return where points are kept: ``QDMOL_STORE``, or beside the file; None without either."""
    shared = os.environ.get("QDMOL_STORE")
    if shared:
        try:
            return Path(shared).expanduser()
        except RuntimeError:  # no such user
            raise InputError(field="QDMOL_STORE", value=shared, allowed="a folder of a user that exists") from None
    return None if output is None else output.with_name(f"{output.name}.parts")


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of records by key; without a folder nothing is kept."""

    folder: Path | None

    def open(self) -> None:
        """Create the folder if missing and drop what killed writers left; OutputError where it cannot be made."""
        if self.folder is None:
            return
        make_folder(self.folder)
        with contextlib.suppress(OSError):  # tidying is no reason to fail
            for path in self.folder.glob(".*.tmp"):
                if time.time() - path.stat().st_mtime > ABANDONED:
                    path.unlink(missing_ok=True)

    def read(self, key: str) -> dict[str, Any] | None:
        """Return a record, None where there is none that is whole."""
        if self.folder is None:
            return None
        try:
            content = (self.folder / f"{key}.json").read_bytes()
        except OSError:
            return None
        checksum, _, body = content.partition(b"\n")
        if checksum != _checksum(body):
            return None
        record = json.loads(body)
        return record if isinstance(record, dict) else None

    def write(self, key: str, record: Mapping[str, Any]) -> None:
        """Keep a record; OutputError where it cannot be written."""
        if self.folder is None:
            return
        body = json.dumps(record, allow_nan=False, sort_keys=True).encode()
        temporary = self.folder / f".{key}.{secrets.token_hex(4)}.tmp"
        try:
            temporary.write_bytes(_checksum(body) + b"\n" + body)
            temporary.replace(self.folder / f"{key}.json")
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise OutputError(f"A point could not be kept in {self.folder}: {error.strerror or error}.") from error


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=16).hexdigest().encode()
