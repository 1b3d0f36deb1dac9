"""Second derivative of a curve with respect to the photon energy, with its noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import interpolate, linalg, signal

from qdmol.arrays import Floats
from qdmol.errors import DataError, InputError
from qdmol.spectroscopy.fitting import NoiseModel, estimate_noise, points_to_fit
from qdmol.spectroscopy.values import Curve
from qdmol.units import HC_EV_NM

_WINDOWS = (0.04, 0.06, 0.09, 0.135)  # eV; the shortest in which the derivative stands out of its noise
_CLEAR = 10.0  # times its error
_ORDER = 3  # of the local polynomials
_FEWEST = 16
_FEWEST_INSIDE = 6  # measured points in a window, two more than a cubic has coefficients
_KNOTS = 0.03  # eV between the knots of the spline whose residuals show the noise
_LONGEST = 2.0  # eV


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DerivativeCurve:
    """Second derivative of a curve.

    Attributes
    ----------
    energy_eV
        Even grid, rising (m,), eV.
    value
        Second derivative (m,), in the unit of the curve per eV²; NaN where the window holds fewer than six points.
    error
        Standard error from the noise of the curve (m,). It does not contain the bias of the smoothing, which lowers
        structures that are narrower than the window.
    window_meV
        Width of the window, meV.
    """

    energy_eV: Floats  # noqa: N815  # the unit's own letters
    value: Floats
    error: Floats
    window_meV: float  # noqa: N815

    def __repr__(self) -> str:
        low, high = self.energy_eV[0], self.energy_eV[-1]
        return (
            f"<DerivativeCurve: {len(self.energy_eV)} points, {low:.3f} to {high:.3f} eV, "
            f"window {self.window_meV:.0f} meV>"
        )


def second_derivative(curve: Curve, *, window_meV: float | None = None) -> DerivativeCurve:  # noqa: N803
    """Second derivative with respect to the photon energy by a Savitzky-Golay filter.

    The curve is interpolated to an even grid in the energy, and a cubic is fitted in a window around each point
    (Savitzky and Golay, Anal. Chem. 36, 1627 (1964), doi:10.1021/ac60214a047). Transitions are minima. The error comes
    from the covariance of the noise, which is estimated by restricted maximum likelihood from the residuals of a
    smoothing spline with knots every 30 meV.

    Parameters
    ----------
    curve
        Any curve. An emission measured per nm is converted to intensity per eV first, in the unit of its centre.
    window_meV
        Full width of the window, meV. By default the shortest of 40, 60, 90 and 135 meV in which the derivative
        exceeds ten times its error somewhere.

    Returns
    -------
    DerivativeCurve
        From half a window above the lowest energy to half a window below the highest.

    Raises
    ------
    qdmol.errors.InputError
        A window that is not positive, is wider than 2 eV, or holds too few points of the curve.
    qdmol.errors.DataError
        Too few usable points, or a curve narrower than the windows.
    """
    if window_meV is not None and not 0 < window_meV <= 1e3 * _LONGEST:
        raise InputError(field="window_meV", value=window_meV, allowed=f"above 0 and at most {1e3 * _LONGEST:g} meV")
    wavelength, values = points_to_fit(curve)
    energy, measured = HC_EV_NM / wavelength[::-1], values[::-1]
    if curve.quantity == "emission" and curve.per == "nm":
        measured = measured * (np.median(energy) / energy) ** 2
    noise = _noise(energy, measured)
    windows = _WINDOWS if window_meV is None else (1e-3 * window_meV,)
    derivative: DerivativeCurve | None = None
    for window in windows:
        filtered = _filtered(energy, measured, noise, window)
        derivative = filtered or derivative
        if filtered is not None and np.nanmax(np.abs(filtered.value) / filtered.error) > _CLEAR:
            break
    if derivative is not None:
        return derivative
    if window_meV is None:
        raise DataError(f"No window of {1e3 * _WINDOWS[-1]:g} meV holds {_FEWEST_INSIDE} points of the curve.")
    allowed = f"a window inside the curve that holds at least {_FEWEST_INSIDE} of its points"
    raise InputError(field="window_meV", value=window_meV, allowed=allowed)


def _noise(energy: Floats, values: Floats) -> NoiseModel:
    """Noise of a curve (n,) from the residuals of a spline in the energy."""
    if len(values) < _FEWEST or float(np.ptp(values)) == 0:
        raise DataError("A second derivative needs at least 16 usable points that are not all equal.")
    pieces = int(np.clip(float(np.ptp(energy)) / _KNOTS, 1, len(values) // 4))
    knots = np.quantile(energy, np.linspace(0, 1, pieces + 1))
    knots = np.concatenate([[knots[0]] * _ORDER, knots, [knots[-1]] * _ORDER])
    basis = interpolate.BSpline.design_matrix(energy, knots, _ORDER).toarray()
    smooth = basis @ linalg.lstsq(basis, values)[0]
    level = np.clip(smooth, 0, None)
    level = level / (float(level.max()) or 1.0)
    rising = slice(None, None, -1)  # in the wavelength
    return estimate_noise(
        (values - smooth)[rising], basis[rising], signal=level[rising], wavelength=HC_EV_NM / energy[rising]
    )


def _filtered(energy: Floats, values: Floats, noise: NoiseModel, window: float) -> DerivativeCurve | None:
    """Derivative and error for one window (eV); None where no window holds enough points."""
    grid = np.linspace(energy[0], energy[-1], 2 * len(energy))
    step = float(grid[1] - grid[0])
    half = max(round(0.5 * window / step), (_ORDER + 1) // 2)
    centres = grid[half : len(grid) - half]
    if not len(centres):
        return None
    # the derivative is linear in the values: interpolation, then filter
    right = np.clip(np.searchsorted(energy, grid, side="right"), 1, len(energy) - 1)
    share = (grid - energy[right - 1]) / (energy[right] - energy[right - 1])
    interpolation = np.zeros((len(grid), len(energy)))
    rows = np.arange(len(grid))
    interpolation[rows, right - 1], interpolation[rows, right] = 1 - share, share
    weights = signal.savgol_coeffs(2 * half + 1, _ORDER, deriv=2, delta=step, use="dot")
    operator = np.array([weights @ interpolation[k : k + 2 * half + 1] for k in range(len(centres))])
    reach = half * step
    inside = np.searchsorted(energy, centres + reach) - np.searchsorted(energy, centres - reach)
    known = inside >= _FEWEST_INSIDE
    if not known.any():
        return None
    whitened = operator[:, ::-1] @ noise.lower  # whose order is that of the wavelength
    value = np.where(known, operator @ values, np.nan)
    error = np.where(known, np.sqrt(np.sum(whitened**2, axis=1)), np.nan)
    return DerivativeCurve(centres, value, error, 1e3 * 2 * reach)
