"""Reading of files of histograms of any format, which is recognised by the content of the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from qdmol.errors import InputError
from qdmol.files import open_input
from qdmol.photons.histogram import FEWEST_BINS, HistogramFile, refuse_file

HEAD = 1 << 16  # bytes of a file that are looked at
TEXT = "decay"  # name of the format of any text
# Binary formats: names for `format`, module, recogniser of the first bytes, reader of a path.
BINARY = (
    (("phu", "phd", "hhd", "thd"), "picoquant_histograms", "holds_histograms", "read_picoquant"),
    (("sdt",), "becker_hickl_sdt", "holds_decays", "read_sdt"),
)
COINCIDENCES = "g2"  # name for any histogram whose curves are coincidences, whatever its header says
HISTOGRAM_FORMATS = (TEXT, COINCIDENCES, *(name for names, *_ in BINARY for name in names), "asc")


def read_histograms(
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002
    unit: str | None = None,
    field: str = "FILE",
    fewest_bins: int = FEWEST_BINS,
) -> HistogramFile:
    """Read the decays and coincidence histograms of a file.

    Parameters
    ----------
    path
        SDT of Becker & Hickl; PHU, PHD, HHD or THD of PicoQuant; or text.
    format
        Name of the format, one of `HISTOGRAM_FORMATS`; recognised by the content otherwise. With ``"g2"`` all curves
        are coincidences, whatever the header says.
    unit
        Unit of the times, as "ns", where a text does not state it.
    field
        Name of the argument that has the path; named in the error.
    fewest_bins
        Of a text, rows below which numbers are no table but part of a header.

    Returns
    -------
    HistogramFile
        Every curve with its time axis, values, bin width and notes, and what the file states about the instrument.

    Raises
    ------
    InputError
        The file cannot be read, is of another format, damaged or cut short; of a text also what
        :func:`~qdmol.photons.histogram_text.read_histogram_text` refuses.
    """
    place = Path(path)
    if format is not None and format.lower().lstrip(".") not in HISTOGRAM_FORMATS:
        raise InputError(field="format", value=format, allowed=f"one of {', '.join(HISTOGRAM_FORMATS)}")
    with open_input(place, field=field) as file:
        head = file.read(HEAD)
    if not head:
        raise refuse_file(place, "is empty", field=field)
    wanted = None if format is None else format.lower().lstrip(".")
    if wanted == COINCIDENCES:
        known = read_histograms(place, unit=unit, field=field, fewest_bins=fewest_bins)
        return replace(known, histograms=tuple(replace(each, kind="coincidences") for each in known.histograms))
    for names, module, recogniser, reader in BINARY:
        if _function(module, recogniser)(head, place):
            if wanted not in (None, TEXT, *names):
                raise refuse_file(place, f"is not a file of format {wanted}", field=field)
            return _read(_function(module, reader), place, field)
    if wanted not in (None, TEXT, "asc"):
        raise refuse_file(place, f"is not a file of format {wanted}", field=field)
    from qdmol.photons.histogram_text import read_histogram_text

    return _read(lambda each: read_histogram_text(each, unit=unit, field=field, fewest_bins=fewest_bins), place, field)


def holds_histograms(path: str | Path, *, field: str = "FILE") -> bool:
    """Whether a file is of a binary format of histograms.

    Raises
    ------
    InputError
        It cannot be read.
    """
    with open_input(path, field=field) as file:
        return are_histograms(file.read(HEAD), Path(path))


def are_histograms(head: bytes, path: Path) -> bool:
    """Whether the first bytes of a file (at least 1024, if it has them) are of a binary format of histograms."""
    return any(_function(module, recogniser)(head, path) for _, module, recogniser, _ in BINARY)


def is_histogram_file(path: str | Path, *, field: str = "FILE") -> bool:
    """Whether a file is of a format of histograms, or text that does not name the columns of single photons."""
    from qdmol.photons.text import names_photons
    from qdmol.text_tables import text_encoding

    place = Path(path)
    with open_input(place, field=field) as file:
        head = file.read(HEAD)
    if are_histograms(head, place):
        return True
    encoding = text_encoding(head[:4096])
    if encoding is None:
        return False
    if encoding.startswith("utf-16"):
        head = head.decode(encoding, "replace").encode()
    return not names_photons(head)


def _function(module: str, name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(import_module(f"qdmol.photons.{module}"), name)
    return function


def _read(reader: Callable[[Path], HistogramFile], path: Path, field: str) -> HistogramFile:
    try:
        return reader(path)
    except OSError as error:
        # what goes wrong between two looks at a file
        raise refuse_file(path, f"cannot be read: {error.strerror or error}", field=field) from error
