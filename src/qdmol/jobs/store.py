"""Store: finished jobs on disk, one small file each, written under a temporary name and renamed.

A record is a JSON object; a line before it holds the checksum of its key and its content. A file that was cut short by
a crash of the machine, that belongs to another job, or whose content does not match the record's model counts as
absent, and the job is computed again.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from qdmol.errors import InputError
from qdmol.files import drop_abandoned, make_folder, read_input, write_bytes_atomic
from qdmol.jobs.records import Record, matches

PACKAGE = Path(__file__).parent.parent
LARGEST_RECORD = 100_000_000  # bytes
MAX_DEPTH = 30  # levels of nesting; the deepest record has six
_KEY_NAME = r"[0-9a-f]{32}\.json"


@cache
def source_digest(source: tuple[str, ...]) -> str:
    """Return a hash of the package's version and of some of its source.

    `source` names files and folders (all Python files in them) relative to the package; a missing one counts as empty.

    >>> source_digest(("units.py",)) == source_digest(("errors.py",))
    False
    """
    digest = hashlib.blake2b(importlib.metadata.version("qdmol").encode(), digest_size=16)
    for name in source:
        place = PACKAGE / name
        files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
        for path in files:
            content = path.read_bytes() if path.is_file() else b""
            digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + content + b"\0")
    return digest.hexdigest()


def job_key(*parts: str, source: tuple[str, ...]) -> str:
    """Return the key of a job: a hash of texts that say all that its result depends on, and of its source."""
    digest = hashlib.blake2b(source_digest(source).encode(), digest_size=16)
    for part in parts:
        digest.update(b"\0" + part.encode())
    return digest.hexdigest()


def store_folder(output: Path | None) -> Path | None:
    """Return where records are kept: ``QDMOL_STORE``, or beside the output file; None without either."""
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
        """Create the folder if it is missing and remove temporary files of killed processes.

        Raises OutputError where the folder cannot be created.
        """
        if self.folder is None:
            return
        make_folder(self.folder)
        drop_abandoned(self.folder, _KEY_NAME)

    def read(self, key: str, model: str | None = None) -> Record | None:
        """Return a record; None where there is no intact one of this key that matches the model of this name."""
        if self.folder is None:
            return None
        try:
            content = read_input(self.folder / f"{key}.json", largest=LARGEST_RECORD)
        except InputError:  # absent, not a regular file, or not readable
            return None
        checksum, _, body = content.partition(b"\n")
        if checksum != _checksum(key, body):
            return None
        record = _parsed(body)
        if record is None or (model is not None and not matches(record, model)):
            return None
        return record

    def write(self, key: str, record: Record) -> None:
        """Keep a record; OutputError where it cannot be written."""
        if self.folder is None:
            return
        body = json.dumps(record, allow_nan=False, sort_keys=True).encode()
        write_bytes_atomic(self.folder / f"{key}.json", _checksum(key, body) + b"\n" + body, sync=False)


def _parsed(body: bytes) -> Record | None:
    """JSON object of a record; None for anything else, numbers that are not finite, and deep nesting."""
    try:
        record = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and _is_plain(record, MAX_DEPTH) else None


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not valid JSON")


def _is_plain(value: Any, depth: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return depth > 0 and all(_is_plain(part, depth - 1) for part in value)
    return not isinstance(value, float) or math.isfinite(value)


def _checksum(key: str, body: bytes) -> bytes:
    return hashlib.blake2b(key.encode() + b"\n" + body, digest_size=16).hexdigest().encode()
