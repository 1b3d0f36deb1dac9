"""Many curves at once: each fitted or with its reason, and compared with the first of its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from qdmol.errors import DataError, InputError
from qdmol.results import Drawable
from qdmol.spectroscopy.comparing import compare_curves, fit_curve
from qdmol.spectroscopy.reading import read_curves
from qdmol.spectroscopy.sizing import Size, size_from_peak
from qdmol.spectroscopy.values import Comparison, Curve, PeakFit

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


def survey_curves(
    curves: str | Path | Curve | Iterable[str | Path | Curve],
    *,
    material: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> tuple[Surveyed, ...]:
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

    Raises
    ------
    qdmol.errors.InputError
        A material without a sizing curve, or a file that holds no curves.
    """
    listed = [curves] if isinstance(curves, str | Path | Curve) else list(curves)
    read = [curve for each in listed for curve in ((each,) if isinstance(each, Curve) else read_curves(each))]
    firsts: dict[str, PeakFit] = {}
    found = []
    for number, curve in enumerate(read, start=1):
        if progress is not None:
            progress(f"curve {number} of {len(read)}")
        try:
            fit = fit_curve(curve)
        except (DataError, InputError) as error:
            found.append(Surveyed(curve, None, str(error)))
            continue
        first = firsts.setdefault(curve.quantity, fit)
        found.append(Surveyed(curve, fit, "", _comparison(first, fit), *_sizes(fit, material)))
    return tuple(found)


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
