"""What changed from one sample to another: shift, broadening, ratio of the band edge to the blue."""

from __future__ import annotations

from typing import Literal

import numpy as np

from qdmol.errors import DataError, InputError, QdmolError
from qdmol.files import printable
from qdmol.spectroscopy.absorption import fit_absorption
from qdmol.spectroscopy.emission import fit_emission
from qdmol.spectroscopy.values import Comparison, Curve, Measurement, PeakFit


def fit_curve(curve: Curve) -> PeakFit:
    """Fit a curve according to its quantity: absorption by its edge, emission and excitation by their strongest peak.

    Raises
    ------
    qdmol.errors.InputError
        The quantity is not known, or is a transmission.
    qdmol.errors.DataError
        There is nothing to fit, or the fit fails.
    """
    fits = {"emission": fit_emission, "excitation": fit_emission, "absorption": fit_absorption}
    if curve.quantity not in fits:
        raise InputError(field="curve", value=curve.quantity, allowed="absorption, emission or excitation")
    try:
        with np.errstate(all="ignore"):  # what overflows is not finite, and refused below
            fit = fits[curve.quantity](curve)
            position, uncertain_nm = fit.position_eV, fit.position_nm.half_width
    except QdmolError:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        # numbers of a curve that no model follows: singular matrices, overflow, empty windows
        raise DataError(f"The fit failed: {printable(str(error), longest=100).rstrip('.')}.") from error
    if not (np.isfinite(position.value) and np.isfinite(position.error) and position.value > 0):
        raise DataError("The fit failed: it gives no finite position.")
    span = float(np.ptp(curve.good[0]))
    if not uncertain_nm < 0.5 * span:
        raise DataError(
            f"The fit failed: its position is uncertain by {uncertain_nm:.3g} nm in a measured range of {span:.3g} nm."
        )
    return fit


def compare_curves(one: Curve | PeakFit, two: Curve | PeakFit) -> Comparison:
    """Shift and broadening from a first sample to a second, with intervals.

    Where one of them has only an edge, both are compared by their steepest slopes, and the broadening is None: a slope
    lies lower than a peak, so that the two are never subtracted from one another.

    Parameters
    ----------
    one, two
        Curves of the same quantity, or their fits.

    Raises
    ------
    qdmol.errors.InputError
        Curves of unlike quantities.
    qdmol.errors.DataError
        A curve in which there is nothing to fit.
    """
    first, second = (fit_curve(each) if isinstance(each, Curve) else each for each in (one, two))
    if first.curve.quantity != second.curve.quantity:
        shown = f"{first.curve.quantity} and {second.curve.quantity}"
        raise InputError(field="curves", value=shown, allowed="of the same quantity")
    basis, (high, low) = _positions(first, second)
    broadening = None
    if basis == "peak" and first.width_meV is not None and second.width_meV is not None:
        broadening = second.width_meV.minus(first.width_meV)
    warnings = []
    if basis == "edge":
        warnings.append("Steepest slopes are compared because one of the curves has no resolved peak.")
    return Comparison(
        redshift_meV=high.minus(low).scaled(1e3),
        shift_nm=low.as_wavelength().minus(high.as_wavelength()),
        broadening_meV=broadening,
        basis=basis,
        ratio_300nm=(first.ratio_300nm, second.ratio_300nm),
        warnings=(*warnings, *dict.fromkeys((*first.warnings, *second.warnings))),
    )


def _positions(first: PeakFit, second: PeakFit) -> tuple[Literal["peak", "edge"], tuple[Measurement, Measurement]]:
    if first.peak_eV is not None and second.peak_eV is not None:
        return "peak", (first.peak_eV, second.peak_eV)
    if first.edge_eV is None or second.edge_eV is None:
        raise InputError(field="curves", value="a peak and an edge", allowed="two peaks or two edges")
    return "edge", (first.edge_eV, second.edge_eV)
