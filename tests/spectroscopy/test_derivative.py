"""Second derivatives against exact ones, their errors against repeated noise, and what is refused."""

import numpy as np
import pytest
from tests.spectroscopy import simulated

from qdmol.errors import DataError, InputError
from qdmol.spectroscopy import Curve, second_derivative

HC = 1239.841984


def gaussian(energy, centre, fwhm):
    return np.exp(-4 * np.log(2) * ((energy - centre) / fwhm) ** 2)


def absorbance(energy):
    return gaussian(energy, 2.2, 0.14) + 0.6 * gaussian(energy, 2.42, 0.18) + 0.5 * (energy - 1.7)


def test_a_quadratic_is_differentiated_exactly():
    wavelength = np.arange(400.0, 700.0, 0.5)
    values = 0.3 + 0.2 * (HC / wavelength - 2) + 1.5 * (HC / wavelength - 2) ** 2
    derivative = second_derivative(Curve(wavelength, values, "absorption"), window_meV=100)
    assert np.ptp(np.diff(derivative.energy_eV)) < 1e-12
    assert derivative.value == pytest.approx(3.0, rel=0.03)


def test_the_minimum_is_at_the_transition():
    wavelength = np.arange(430.0, 720.0)
    derivative = second_derivative(Curve(wavelength, absorbance(HC / wavelength), "absorption"), window_meV=50)
    red = derivative.energy_eV < 2.3
    assert derivative.energy_eV[red][np.argmin(derivative.value[red])] == pytest.approx(2.2, abs=0.006)
    exact = -8 * np.log(2) / 0.14**2
    assert derivative.value[red].min() == pytest.approx(exact, rel=0.15)


def test_emission_is_taken_per_energy():
    wavelength = np.arange(480.0, 680.0)
    energy = HC / wavelength
    per_nm = Curve(wavelength, gaussian(energy, 2.15, 0.12) * (energy / np.median(energy)) ** 2, "emission")
    per_ev = Curve(wavelength, gaussian(energy, 2.15, 0.12), "emission", per="eV")
    one, two = (second_derivative(curve, window_meV=60) for curve in (per_nm, per_ev))
    assert one.value == pytest.approx(two.value, abs=1e-3 * np.abs(two.value).max())


@pytest.mark.parametrize(("correlated", "length"), [(0.0, 1.0), (2e-3, 6.0)])
def test_the_error_is_the_scatter_of_repeated_curves(correlated, length):
    """The bias is the same in every curve, so that only the noise scatters."""
    wavelength = np.arange(430.0, 720.0)
    clean, rng, repeated = absorbance(HC / wavelength), np.random.default_rng(8), []
    for _ in range(24):
        made = simulated.noise(rng, wavelength, white=1e-3, rising=1e-3 * clean, correlated=correlated, length=length)
        repeated.append(second_derivative(Curve(wavelength, clean + made, "absorption"), window_meV=80))
    scatter = np.std([one.value for one in repeated], axis=0, ddof=1)
    stated = np.sqrt(np.mean([one.error**2 for one in repeated], axis=0))
    assert np.sqrt(np.mean((scatter / stated) ** 2)) == pytest.approx(1.0, abs=0.2)


def test_noise_widens_the_window():
    wavelength = np.arange(430.0, 720.0)
    clean, rng = absorbance(HC / wavelength), np.random.default_rng(2)
    quiet, noisy = (
        second_derivative(Curve(wavelength, clean + level * rng.normal(size=290), "absorption"))
        for level in (1e-4, 3e-2)
    )
    assert quiet.window_meV < 50 < 70 < noisy.window_meV


def test_points_in_a_gap_have_no_value():
    wavelength = np.concatenate([np.arange(430.0, 550.0), np.arange(600.0, 720.0)])
    curve = Curve(wavelength, absorbance(HC / wavelength), "absorption")
    derivative = second_derivative(curve, window_meV=60)
    inside = (derivative.energy_eV > HC / 580) & (derivative.energy_eV < HC / 565)
    assert np.isnan(derivative.value[inside]).all()
    assert np.isfinite(derivative.value[~np.isnan(derivative.value)]).all()
    assert np.array_equal(np.isnan(derivative.value), np.isnan(derivative.error))
    assert np.isfinite(derivative.value).sum() > 300


def test_invalid_windows_and_curves_are_refused():
    wavelength = np.arange(430.0, 720.0)
    curve = Curve(wavelength, absorbance(HC / wavelength), "absorption")
    for window in (0.0, -5.0, float("nan"), 5000.0, 1e-3, 1900.0):
        with pytest.raises(InputError, match="window_meV"):
            second_derivative(curve, window_meV=window)
    with pytest.raises(DataError, match="16 usable points"):
        second_derivative(Curve(wavelength[:12], curve.values[:12], "absorption"))
    with pytest.raises(DataError, match="all equal"):
        second_derivative(Curve(wavelength, np.ones(290), "absorption"))
