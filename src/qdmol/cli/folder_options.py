"""Options remembered for a folder: response, dark recording, single emitters and the reference of its files.

`--remember` writes them to ``qdmol-folder.yaml`` beside the measured files; later commands on files of that folder use
them unless the option is given again. The value ``none`` switches a remembered option off for one command.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from qdmol.errors import InputError

FILE_NAME: Final = "qdmol-folder.yaml"
NONE: Final = "none"  # value of an option that switches off the remembered one
# Options that may be remembered, and whether they always name a file; a reference may be a curve's name too.
OPTIONS: Final[Mapping[str, bool]] = {"response": True, "dark": True, "monomer": True, "reference": False}
_APART: Final = ("response", "dark")  # their files are not measured dots
_SEVERAL: Final = ("monomer",)  # may name several files, one a line
_COMMENT = "# Options of qdmol for the files in this folder, written by --remember; paths are relative to it.\n"


def with_remembered(files: Sequence[str], given: Mapping[str, str | None]) -> tuple[dict[str, str | None], str | None]:
    """Return the options of a command: those given, else those remembered for the folder of its files.

    Parameters
    ----------
    files
        The measured files of the command.
    given
        Value of each option that may be remembered, None where it was not given; several files one a line.

    Returns
    -------
    (options, note)
        The note says which options were remembered and where; None if none were.

    Raises
    ------
    InputError
        The files of one command lie in folders with different remembered options, or the file that holds them is
        invalid.
    """
    folders = list(dict.fromkeys(Path(file).absolute().parent for file in files))
    stored = [_read(folder, given) for folder in folders]
    options = dict(given)
    used = {}
    for name, value in given.items():
        if value is not None:
            options[name] = None if value.lower() == NONE else value
            continue
        values = {content.get(name) for content in stored}
        if len(values) > 1:
            allowed = f"given for these files: they lie in folders whose {FILE_NAME} differ"
            raise InputError(field=name, value=None, allowed=allowed)
        options[name] = next(iter(values), None)
        if options[name] is not None:
            used[name] = options[name]
    if not used:
        return options, None
    listed = ", ".join(
        f"{name} {' '.join(Path(line).name for line in str(value).splitlines())}" for name, value in used.items()
    )
    return options, f"Remembered for this folder ({FILE_NAME}): {listed}."


def remember(files: Sequence[str], options: Mapping[str, str | None]) -> Path:
    """Write options to the file of the folder of the measured files, beside those remembered before; return its path.

    Raises
    ------
    InputError
        No option was given, or the files lie in several folders.
    OutputError
        The file cannot be written.
    """
    from ruamel.yaml import YAML

    from qdmol.files import write_text_atomic

    folders = {Path(file).absolute().parent for file in files}
    chosen = {name: value for name, value in options.items() if value is not None}
    if not chosen:
        names = " or ".join(f"--{name}" for name in options)
        raise InputError(field="remember", value=None, allowed=f"used together with {names}")
    if len(folders) > 1:
        raise InputError(field="remember", value=len(folders), allowed="used with the files of one folder")
    folder = folders.pop()
    content = {**_stored(folder), **{name: _relative(value, folder, name) for name, value in chosen.items()}}
    content = {name: value for name, value in content.items() if value.lower() != NONE}
    lists = {name: value.splitlines() if name in _SEVERAL else value for name, value in content.items()}
    out = io.StringIO()
    out.write(_COMMENT)
    YAML().dump(lists, out)
    return write_text_atomic(folder / FILE_NAME, out.getvalue())


def measured_files(folder: Path, others: Sequence[str | None] = ()) -> list[Path]:
    """Return the files of a folder in the order of their names, without hidden ones and what belongs to the options.

    `others` are files that a command uses for something else, such as the response; they are left out too.

    Raises
    ------
    InputError
        The folder cannot be read, or holds no such file.
    """
    stored = _stored(folder)
    apart = {FILE_NAME, *(value for name, value in stored.items() if name in _APART)}
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise InputError(field="FILE", value=str(folder), allowed=f"a readable folder ({error.strerror})") from None
    named = {Path(other).resolve() for other in others if other is not None}
    inside = [path for path in inside if path.name not in apart and path.resolve() not in named]
    if not inside:
        raise InputError(field="FILE", value=str(folder), allowed="a file, or a folder that contains files")
    return inside


def _relative(value: str, folder: Path, name: str) -> str:
    if name in _SEVERAL and "\n" in value:
        return "\n".join(_relative(line, folder, name) for line in value.splitlines())
    if value.lower() == NONE or not (OPTIONS[name] or Path(value).is_file()):
        return value
    path = Path(value).absolute()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _read(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Options remembered for a folder, files as paths that can be opened from here."""
    stored = {name: value for name, value in _stored(folder).items() if name in set(names)}
    return {
        name: "\n".join(
            str(folder / line) if OPTIONS[name] or (folder / line).is_file() else line for line in value.splitlines()
        )
        for name, value in stored.items()
    }


def _stored(folder: Path) -> dict[str, str]:
    path = folder / FILE_NAME
    if not path.exists():
        return {}
    from qdmol.materials import read_document

    content = read_document(path, field=FILE_NAME)
    for name, value in content.items():
        if name not in OPTIONS:
            raise InputError(field=f"{FILE_NAME}: {name}", value=value, allowed=f"one of {', '.join(OPTIONS)}")
        several = value if name in _SEVERAL and isinstance(value, list) else [value]
        if not several or not all(isinstance(each, str) and each and len(each.splitlines()) == 1 for each in several):
            allowed = "the name of a file" if OPTIONS[name] else "a text"
            allowed = "names of files" if name in _SEVERAL else allowed
            raise InputError(field=f"{FILE_NAME}: {name}", value=value, allowed=allowed)
    return {
        str(name): "\n".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in content.items()
    }
