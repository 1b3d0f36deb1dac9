"""One function for every file of photons: what it is, is found by what is in it."""

from __future__ import annotations

from pathlib import Path

from qdmol.errors import InputError
from qdmol.photons.stream import PhotonStream

__all__ = ["read_photons"]


def read_photons(path: str | Path, *, format: str | None = None) -> PhotonStream:  # noqa: A002
    """Open a file of photons; nothing is decoded yet but its header.

    Parameters
    ----------
    path : str or Path
        The file.
    format : str, optional
        Name as ``"ptu"``; found by the content of the file otherwise, and by its extension where that says nothing.

    Raises
    ------
    InputError
        No file of photons, or one that cannot be read.
    """
    raise InputError(field="FILE", value=str(path), allowed="a file of photons")
