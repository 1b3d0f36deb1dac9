"""Reading of photon files of any format, which is recognised by the content of the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from qdmol.errors import InputError
from qdmol.files import open_input
from qdmol.photons.histograms import are_histograms
from qdmol.photons.picoquant import refused
from qdmol.photons.stream import PhotonStream

HEAD = 4096  # bytes of a file that are looked at


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A kind of file: its names, its usual extensions, and where its reader is.

    Attributes
    ----------
    name : str
        What `read_photons` takes as `format`.
    extensions : tuple of str
        Usual ends of file names, with the dot.
    module, reader, recogniser : str
        The module of this room, its function of a path, and its function of the first bytes and the path; no
        recogniser where only the user can tell.
    options : Mapping
        Given to the reader.
    """

    name: str
    extensions: tuple[str, ...]
    module: str
    reader: str
    recogniser: str | None
    options: Mapping[str, str] = field(default_factory=dict)

    def read(self, path: Path) -> PhotonStream:
        """Open a file of this kind."""
        reader: Callable[..., PhotonStream] = getattr(self._module(), self.reader)
        try:
            return reader(path, **self.options)
        except OSError as error:
            # what goes wrong between two looks at a file
            raise refused(path, f"cannot be read: {error.strerror or error}") from error

    def recognises(self, head: bytes, path: Path) -> bool:
        """Whether the first bytes of a file are of this kind."""
        if self.recogniser is None:
            return False
        recogniser: Callable[[bytes, Path], bool] = getattr(self._module(), self.recogniser)
        return recogniser(head, path)

    def _module(self) -> Any:
        return import_module(f"qdmol.photons.{self.module}")


# An unmistakable beginning: their content decides, whatever their name.
SIGNED = (
    FileFormat("ptu", (".ptu",), "picoquant_ptu", "read_ptu", "looks_like_ptu"),
    FileFormat("hydraharp", (".ht2", ".ht3"), "picoquant_legacy", "read_hydraharp", "looks_like_hydraharp"),
    FileFormat("picoharp", (".pt2", ".pt3"), "picoquant_legacy", "read_picoharp", "looks_like_picoharp"),
    FileFormat("timeharp", (".t3r",), "picoquant_legacy", "read_timeharp", "looks_like_timeharp"),
    FileFormat("photon-hdf5", (".h5", ".hdf5"), "photon_hdf5", "read_photon_hdf5", "looks_like_photon_hdf5"),
)
# Records from the first byte on: those of the file's extension are tried first, then the others in this order.
UNSIGNED = (
    FileFormat("swabian", (".ttbin", ".dump"), "tag_files", "read_swabian", "looks_like_swabian"),
    FileFormat("qutag", (".qutag",), "tag_files", "read_qutag", "looks_like_qutag"),
    FileFormat("spc", (".spc",), "becker_hickl", "read_spc", "looks_like_spc"),
    FileFormat("text", (".csv", ".tsv", ".txt"), "text", "read_text", "looks_like_text"),
)
# Cards whose files look alike: the user may say which.
CARDS = tuple(
    FileFormat(name, (), "becker_hickl", "read_spc", None, {"variant": name})
    for name in ("spc-130", "spc-600-256", "spc-600-4096")
)
FORMATS = (*SIGNED, *UNSIGNED, *CARDS)
# Extensions are names of formats too.
NAMES = {extension[1:]: each for each in FORMATS for extension in each.extensions} | {
    each.name: each for each in FORMATS
}


def read_photons(path: str | Path, *, format: str | None = None) -> PhotonStream:  # noqa: A002
    """Open a file of photons; nothing is decoded yet but its header.

    Parameters
    ----------
    path : str or Path
        The file.
    format : str, optional
        Name as ``"ptu"``; otherwise recognised by the content of the file, or by its extension if the content is
        ambiguous.

    Returns
    -------
    PhotonStream
        Times in integer ticks of the instrument. What in the header contradicts itself is in its `contradictions`,
        and a file that ends early is marked `truncated`.

    Raises
    ------
    InputError
        No file of photons, or one that cannot be read.
    DataError
        A photon file whose header does not define the units of the times.
    """
    path = Path(path)
    named = None if format is None else NAMES.get(format.lower().lstrip("."))
    if format is not None and named is None:
        raise InputError(field="format", value=format, allowed=f"one of {', '.join(sorted(NAMES))}")
    head = _head(path)
    if named is not None:
        return named.read(path)
    by_extension = sorted(UNSIGNED, key=lambda each: path.suffix.lower() not in each.extensions)
    if are_histograms(head, path):
        raise refused(path, "holds histograms, not single photons; qdmol.photons.read_histograms reads them")
    for each in (*SIGNED, *by_extension):
        if each.recognises(head, path):
            return each.read(path)
    if path.suffix.lower()[1:] in NAMES:
        kind = path.suffix.lower()
        raise refused(path, f"is neither a {kind} file nor a file of another supported format")
    raise refused(path, "has an unknown photon file format")


def _head(path: Path) -> bytes:
    """Return the first bytes of a regular file."""
    with open_input(path) as file:
        head = file.read(HEAD)
    if not head:
        raise refused(path, "is empty")
    return head
