"""Many curves at once: each fitted or with its reason, and compared with the first of its kind."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

from qdmol.errors import InputError
from qdmol.jobs import cores
from qdmol.results import Drawable, SavedResult, decode, encode, save_result
from qdmol.spectroscopy.comparing import compare_curves
from qdmol.spectroscopy.processes import fit_or_reason, fitting_processes
from qdmol.spectroscopy.reading import read_curves
from qdmol.spectroscopy.sizing import SIZED_MATERIALS, Size, size_from_peak
from qdmol.spectroscopy.summary import curve_dataset, curve_rows, curve_summary, survey_sentences
from qdmol.spectroscopy.values import Comparison, Curve, CurveFlag, Measurement, Noise, PeakFit

if TYPE_CHECKING:
    import xarray as xr

KIND = "curve fits"
_WORTH_A_PROCESS = 20  # curves
_MOST_WORKERS = 10_000

SIZE_NOTE = (
    "All diameters are from the fitted, background-subtracted peak. The published sizing curves apply to the maximum "
    "of the raw curve; if there is one, the diameter from it is also given and is the smaller of the two."
)


@dataclass(frozen=True, slots=True, eq=False)
class Surveyed(Drawable):
    """A curve with its fit, or the reason why there is none; its comparison with the first of its quantity; its size.

    ``size`` is from the fitted peak for every curve, so that a series has one definition whether its peaks are
    maxima or shoulders. ``size_from_maximum`` is from the maximum as seen, None for a shoulder: it lies to the blue
    of the fitted peak, for the background rises to the blue. ``size_note`` explains why a requested size is missing,
    or from what it was determined.
    """

    curve: Curve
    fit: PeakFit | None
    reason: str = ""
    comparison: Comparison | None = None
    size: Size | None = None
    size_from_maximum: Size | None = None
    size_note: str = ""


# Dataclasses that fits are made of, as needed to read saved ones.
_CLASSES = (Surveyed, Comparison, Curve, CurveFlag, Measurement, Noise, PeakFit, Size)


@dataclass(frozen=True, eq=False, repr=False)
class CurveFits(Drawable, Sequence[Surveyed]):
    """Result of :func:`qdmol.fit_curves`: a sequence of curves with their fits, in the order given.

    Attributes
    ----------
    curves : tuple of Surveyed
        Each curve with its fit, or the reason why there is none.
    failed : tuple of (str, str)
        Files that hold no curve, each with the reason.
    """

    curves: tuple[Surveyed, ...]
    failed: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.curves)

    @overload
    def __getitem__(self, index: int) -> Surveyed: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Surveyed]: ...
    def __getitem__(self, index: int | slice) -> Surveyed | Sequence[Surveyed]:
        return self.curves[index]

    def __iter__(self) -> Iterator[Surveyed]:
        return iter(self.curves)

    @property
    def summary(self) -> dict[str, Any]:
        """JSON object with the numbers of every curve, as `curves` of ``qdmol spectrum fit --json``."""
        curves = [curve_summary(curve) for curve in self.curves]
        return {"qdmol": 1, "curves": curves, "failed": [{"file": file, "message": text} for file, text in self.failed]}

    @cached_property
    def data(self) -> xr.Dataset:
        """Fitted numbers with their intervals and units along the dimension ``curve``; NaN where there is none."""
        return curve_dataset(self.curves)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the curves and their fits to a NetCDF file that :func:`qdmol.load` reads back.

        Raises
        ------
        InputError
            The file name does not end in ``.nc``.
        OutputError
            The file cannot be written.
        """
        arrays: dict[str, Any] = {}
        record = {"curves": encode(self.curves, arrays), "failed": [list(pair) for pair in self.failed]}
        return save_result(path, kind=KIND, values=record, data=self.data, arrays=arrays)

    @classmethod
    def from_saved(cls, saved: SavedResult) -> Self:
        """Return the fits that a file holds; InputError where it holds no complete ones."""
        try:
            failed = tuple((str(file), str(text)) for file, text in saved.values.get("failed", ()))
            return cls(decode(saved.values["curves"], _CLASSES, saved.arrays), failed)
        except (KeyError, TypeError, ValueError) as error:
            raise saved.incomplete("set of curve fits", error) from None

    def __repr__(self) -> str:
        fitted = sum(curve.fit is not None for curve in self.curves)
        return f"<CurveFits: {fitted} of {len(self)} curves fitted>"

    def __str__(self) -> str:
        header, rows = curve_rows(self.curves)
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        table = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (header, *rows)]
        failed = [f"{file}: {text}" for file, text in self.failed]
        return "\n".join((*table, *survey_sentences(self.curves), *failed))

    def _repr_html_(self) -> str:
        header, rows = curve_rows(self.curves)
        head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def survey_curves(
    curves: str | Path | Curve | Iterable[str | Path | Curve],
    *,
    material: str | None = None,
    workers: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> CurveFits:
    """Fit every curve; one in which there is nothing to fit is kept with its reason.

    Parameters
    ----------
    curves
        Curves and files of curves, or a single one of these, in any order; each curve is compared with the first
        fitted one of the same quantity.
    material
        Of bare cores, for a diameter from each absorption peak.
    workers
        Processes that fit curves: by default one per core, 0 or 1 for this process. There are fewer if each would have
        less than 20 curves, because starting a process takes as long as fitting that many. The numbers do not depend
        on it.
    progress
        Called with a line after each fit, with the estimated time left.

    Returns
    -------
    CurveFits
        A sequence in the order of `curves`; printed, a table. Files without a curve are listed in `failed`.

    Raises
    ------
    qdmol.errors.InputError
        A material without a sizing curve, an invalid number of workers, or no file that holds a curve.
    """
    _refuse(material, workers)
    listed = [curves] if isinstance(curves, str | Path | Curve) else list(curves)
    read, failed = _read(listed)
    firsts: dict[str, PeakFit] = {}
    surveyed = []
    for curve, fit in zip(read, _fits(read, cores() if workers is None else workers, progress), strict=True):
        if isinstance(fit, str):
            surveyed.append(Surveyed(curve, None, fit))
            continue
        first = firsts.setdefault(curve.quantity, fit)
        surveyed.append(Surveyed(curve, fit, "", _comparison(first, fit), *_sizes(fit, material)))
    return CurveFits(tuple(surveyed), failed)


def _refuse(material: str | None, workers: int | None) -> None:
    if material is not None and material not in SIZED_MATERIALS:
        raise InputError(field="material", value=material, allowed=f"one of {', '.join(SIZED_MATERIALS)}")
    if workers is not None and not 0 <= workers <= _MOST_WORKERS:
        raise InputError(field="workers", value=workers, allowed=f"0 (this process) to {_MOST_WORKERS} processes")


def _read(listed: Sequence[str | Path | Curve]) -> tuple[list[Curve], tuple[tuple[str, str], ...]]:
    """Return all curves, and path and reason of each file without one; raises the first reason if there is no curve."""
    read: list[Curve] = []
    failed: list[tuple[str, InputError]] = []
    for each in listed:
        if isinstance(each, Curve):
            read.append(each)
            continue
        try:
            read += read_curves(each)
        except InputError as error:
            failed.append((str(each), error))
    if failed and not read:
        raise failed[0][1]
    return read, tuple((file, str(error)) for file, error in failed)


def _fits(curves: Sequence[Curve], workers: int, progress: Callable[[str], None] | None) -> Iterator[PeakFit | str]:
    """Yield the fit of each curve in turn, or the reason why it has none."""
    count = min(workers, len(curves) // _WORTH_A_PROCESS)
    if count < 2 or not sys.executable:
        yield from _reported(map(fit_or_reason, curves), len(curves), progress)
        return
    with fitting_processes(count) as fit_all:
        yield from _reported(fit_all(curves), len(curves), progress)


def _reported(
    fits: Iterator[PeakFit | str], total: int, progress: Callable[[str], None] | None
) -> Iterator[PeakFit | str]:  # fmt: skip
    """Pass fits on, and report how many are done and how long the others will take."""
    started = first = time.monotonic()
    for number, fit in enumerate(fits, start=1):
        now = time.monotonic()
        if number == 1:
            first = now
        if progress is not None:
            # the first fit waits for libraries and processes
            each = (now - first) / (number - 1) if number > 1 else now - started
            left = each * (total - number)
            progress(f"curve {number} of {total}" + (f", about {left:.0f} s left" if left >= 1 else ""))
        yield fit


def _comparison(first: PeakFit, fit: PeakFit) -> Comparison | None:
    return None if first is fit else compare_curves(first, fit)


def _sizes(fit: PeakFit, material: str | None) -> tuple[Size | None, Size | None, str]:
    """Sizes from the fitted peak, which every curve with a peak has, and from a maximum if there is one; a note."""
    if material is None or fit.curve.quantity != "absorption":
        return None, None, ""
    if fit.peak_eV is None:
        return None, None, "No size: the curve has an edge but no peak, and sizing curves apply to peaks."
    try:
        size = size_from_peak(fit.position_nm, material=material)
    except InputError as error:
        if error.field == "material":
            raise
        return None, None, f"No size: {error}"
    return size, _size_from_maximum(fit, material), SIZE_NOTE


def _size_from_maximum(fit: PeakFit, material: str) -> Size | None:
    """None without a maximum, or with one outside the range of the sizing curve."""
    try:
        return None if fit.maximum_nm is None else size_from_peak(fit.maximum_nm, material=material)
    except InputError:
        return None
