"""Diameter of a nanocrystal from the wavelength of its first absorption peak, by published sizing curves.

Yu, Qu, Guo, Peng, Chem. Mater. 15, 2854 (2003), doi:10.1021/cm034081k: polynomials through diameters seen in electron
micrographs against the wavelength of the first exciton, for bare cores. A shell moves the peak and not the core.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from qdmol.errors import InputError
from qdmol.spectroscopy.values import Measurement

SIZING_SOURCE = "Yu, Qu, Guo, Peng, Chem. Mater. 15, 2854 (2003), doi:10.1021/cm034081k"


@dataclass(frozen=True, slots=True)
class _SizingCurve:
    """Coefficients from the constant upwards (D in nm, wavelength in nm), and where they were measured."""

    coefficients: tuple[float, ...]
    low_nm: float
    high_nm: float


# The article warns of use outside the sizes that were fitted and names no wavelengths. Ranges chosen here: where the
# polynomial rises with the wavelength, within the sizes that such particles are made in (1.8-8.6, 1.4-5.3, 2.8-9.3 nm).
_CURVES = {
    "CdSe": _SizingCurve((41.57, -0.4277, 1.6242e-3, -2.6575e-6, 1.6122e-9), 430.0, 660.0),
    "CdS": _SizingCurve((13.29, -9.2352e-2, 1.9557e-4, -6.6521e-8), 300.0, 450.0),
    "CdTe": _SizingCurve((-194.84, 1.0064, -1.7147e-3, 9.8127e-7), 520.0, 750.0),
}
SIZED_MATERIALS = tuple(_CURVES)
_SCATTER = 0.05  # assumed share of the diameter: the article puts the spread of each of its samples at 5 to 10 %


@dataclass(frozen=True, slots=True)
class Size:
    """A diameter in nm: ``diameter_nm`` with the error of the wavelength alone, ``curve_error_nm`` that assumed of
    the curve itself (a standard deviation).
    """

    material: str
    diameter_nm: Measurement
    curve_error_nm: float
    range_nm: tuple[float, float]
    source: str = SIZING_SOURCE


def sizing_range(material: str) -> tuple[float, float]:
    """Shortest and longest wavelength (nm) of the sizing curve of a material; KeyError if it has none."""
    curve = _CURVES[material]
    return curve.low_nm, curve.high_nm


def size_from_peak(wavelength: float | Measurement, *, material: str) -> Size:
    r"""Diameter of a bare core from the wavelength of its first absorption peak.

    .. math:: D = \sum_k c_k \lambda^k

    Parameters
    ----------
    wavelength
        Of the first peak, nm; with an error, if there is one.
    material
        ``CdSe``, ``CdS`` or ``CdTe``.

    Returns
    -------
    Size
        With the wavelength's error carried over to first order.

    Raises
    ------
    qdmol.errors.InputError
        Another material, or a wavelength outside the range of the curve.
    """
    curve = _CURVES.get(material)
    if curve is None:
        raise InputError(field="material", value=material, allowed=f"one of {', '.join(_CURVES)}")
    given = wavelength if isinstance(wavelength, Measurement) else Measurement(float(wavelength), 0.0)
    if not math.isfinite(given.value) or not curve.low_nm <= given.value <= curve.high_nm:
        allowed = f"{curve.low_nm:g} to {curve.high_nm:g} nm, the range of the sizing curve of {material}"
        raise InputError(field="wavelength", value=given.value, allowed=allowed)
    diameter = sum(c * given.value**k for k, c in enumerate(curve.coefficients))
    slope = sum(k * c * given.value ** (k - 1) for k, c in enumerate(curve.coefficients) if k)
    measured = Measurement(diameter, abs(slope) * given.error, given.freedom)
    return Size(material, measured, _SCATTER * diameter, (curve.low_nm, curve.high_nm))
