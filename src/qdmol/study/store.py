"""Finished points on disk: one small file each, written under a temporary name and renamed.

A record is a JSON object; a line before it holds the checksum of its key and its content. A file that was cut short by
a crash of the machine, that belongs to another point, or whose content is not what is kept for a point is taken for
absent, and the point is computed again.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from qdmol.errors import InputError
from qdmol.files import drop_abandoned, make_folder, read_input, write_bytes_atomic
from qdmol.study.records import RecordModel, matches

PACKAGE = Path(__file__).parent.parent
# What decides a number: rooms, and modules of this one. Drawing and the command line do not.
ROOMS = ("materials", "structure", "fem", "potentials", "linalg", "states", "meanfield", "ci", "optics")
MODULES = (
    "arrays.py",
    "errors.py",
    "units.py",
    "study/interacting.py",
    "study/job.py",
    "study/summary.py",
    "study/points.py",
    "study/store.py",
)
LARGEST_PART = 100_000_000  # bytes
DEEPEST = 30  # levels of nesting; a record has six
_KEY_NAME = r"[0-9a-f]{32}\.json"


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
        drop_abandoned(self.folder, _KEY_NAME)

    def read(self, key: str, model: RecordModel | None = None) -> dict[str, Any] | None:
        """Return a record, None where there is none that is whole, of this key and as the model says."""
        if self.folder is None:
            return None
        try:
            content = read_input(self.folder / f"{key}.json", largest=LARGEST_PART)
        except InputError:  # absent, not a regular file, or not readable
            return None
        checksum, _, body = content.partition(b"\n")
        if checksum != _checksum(key, body):
            return None
        record = _parsed(body)
        if record is None or (model is not None and not matches(record, model)):
            return None
        return record

    def write(self, key: str, record: Mapping[str, Any]) -> None:
        """Keep a record; OutputError where it cannot be written."""
        if self.folder is None:
            return
        body = json.dumps(record, allow_nan=False, sort_keys=True).encode()
        write_bytes_atomic(self.folder / f"{key}.json", _checksum(key, body) + b"\n" + body, sync=False)


def _parsed(body: bytes) -> dict[str, Any] | None:
    """The JSON object of a part; None for anything else, for numbers that are not finite and for deep nesting."""
    try:
        record = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and _is_plain(record, DEEPEST) else None


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _is_plain(value: Any, depth: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return depth > 0 and all(_is_plain(part, depth - 1) for part in value)
    return not isinstance(value, float) or math.isfinite(value)


def _checksum(key: str, body: bytes) -> bytes:
    return hashlib.blake2b(key.encode() + b"\n" + body, digest_size=16).hexdigest().encode()
