"""Where material sets are looked for, in order.

1. as a path relative to the spec's folder (with or without ``.yaml``);
2. in the folders of the environment variable ``QDMOL_MATERIALS`` (separated as in ``PATH``);
3. in the user's configuration folder (``~/.config/qdmol/materials`` on Linux);
4. in the package.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import platformdirs

from qdmol.errors import InputError

__all__ = ["find_set", "search_folders", "set_files"]

SUFFIXES = (".yaml", ".yml", ".json")


def search_folders() -> tuple[Path, ...]:
    """Return the folders sets are looked for in by name, first hit first."""
    named = os.environ.get("QDMOL_MATERIALS", "")
    folders = [_expanded(Path(part), "QDMOL_MATERIALS") for part in named.split(os.pathsep) if part]
    folders.append(platformdirs.user_config_path("qdmol", appauthor=False) / "materials")
    folders.append(Path(__file__).parent / "data")
    return tuple(folders)


def _expanded(path: Path, field: str) -> Path:
    """A path with `~` replaced; InputError for a user that does not exist."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise InputError(field=field, value=str(path), allowed="the path of a user that exists") from None


def set_files() -> dict[str, Path]:
    """Return name and file of every set found by name; an earlier folder hides a later one."""
    found: dict[str, Path] = {}
    for folder in search_folders():
        try:
            entries = sorted(folder.iterdir())
        except OSError:  # a folder that is not there holds no sets
            continue
        for path in entries:
            if path.suffix in SUFFIXES and path.is_file():
                found.setdefault(path.stem, path)
    return found


def find_set(name: str, *, relative_to: Path | None = None, field: str) -> Path:
    """Return the file of a set; InputError naming ``field`` and the sets there are if there is none."""
    if not name or "\0" in name or len(name) > 500:
        raise InputError(field=field, value=name, allowed="the name or path of a material set")
    base = Path() if relative_to is None else relative_to
    candidates = [base / _expanded(Path(name), field) if name.startswith("~") else base / name]
    candidates += [base / f"{name}{suffix}" for suffix in SUFFIXES]
    if Path(name).name == name:  # a plain name, not a path
        candidates += [folder / f"{name}{suffix}" for folder in search_folders() for suffix in SUFFIXES]
    for path in candidates:
        try:
            if path.is_file():
                return path
        except OSError:  # a name the system cannot even look up
            continue
    known = sorted(set_files())
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean `{near[0]}`?)" if near else ""
    allowed = "the path of a set relative to the spec, or one of " + ", ".join(known)
    message = f"`{field}` is {name!r:.60}, which is not found{hint}, but must be {allowed}."
    raise InputError(field=field, value=name, allowed=allowed, message=message)
