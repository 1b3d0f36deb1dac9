"""Many curves at once: each fitted or with its reason, and compared with the first of its kind."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

from qdmol.errors import DataError, InputError
from qdmol.results import Drawable, SavedResult, decode, encode, save_result
from qdmol.spectroscopy.comparing import compare_curves, fit_curve
from qdmol.spectroscopy.reading import read_curves
from qdmol.spectroscopy.sizing import Size, size_from_peak
from qdmol.spectroscopy.summary import curve_dataset, curve_rows, curve_summary, survey_sentences
from qdmol.spectroscopy.values import Comparison, Curve, CurveFlag, Measurement, Noise, PeakFit

if TYPE_CHECKING:
    import xarray as xr

KIND = "curve fits"

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
    """

    curves: tuple[Surveyed, ...]

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
        return {"qdmol": 1, "curves": [curve_summary(curve) for curve in self.curves]}

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
        record = {"curves": encode(self.curves, arrays)}
        return save_result(path, kind=KIND, values=record, data=self.data, arrays=arrays)

    @classmethod
    def from_saved(cls, saved: SavedResult) -> Self:
        """Return the fits that a file holds; InputError where it holds no complete ones."""
        try:
            return cls(decode(saved.values["curves"], _CLASSES, saved.arrays))
        except (KeyError, TypeError, ValueError) as error:
            raise saved.incomplete("set of curve fits", error) from None

    def __repr__(self) -> str:
        fitted = sum(curve.fit is not None for curve in self.curves)
        return f"<CurveFits: {fitted} of {len(self)} curves fitted>"

    def __str__(self) -> str:
        header, rows = curve_rows(self.curves)
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        table = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (header, *rows)]
        return "\n".join((*table, *survey_sentences(self.curves)))

    def _repr_html_(self) -> str:
        header, rows = curve_rows(self.curves)
        head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def survey_curves(
    curves: str | Path | Curve | Iterable[str | Path | Curve],
    *,
    material: str | None = None,
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
    progress
        Called with a line before each fit.

    Returns
    -------
    CurveFits
        A sequence in the order of `curves`; printed, a table.

    Raises
    ------
    qdmol.errors.InputError
        A material without a sizing curve, or a file that holds no curves.
    """
    listed = [curves] if isinstance(curves, str | Path | Curve) else list(curves)
    read = [curve for each in listed for curve in ((each,) if isinstance(each, Curve) else read_curves(each))]
    firsts: dict[str, PeakFit] = {}
    surveyed = []
    for number, curve in enumerate(read, start=1):
        if progress is not None:
            progress(f"curve {number} of {len(read)}")
        try:
            fit = fit_curve(curve)
        except (DataError, InputError) as error:
            surveyed.append(Surveyed(curve, None, str(error)))
            continue
        first = firsts.setdefault(curve.quantity, fit)
        surveyed.append(Surveyed(curve, fit, "", _comparison(first, fit), *_sizes(fit, material)))
    return CurveFits(tuple(surveyed))


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
