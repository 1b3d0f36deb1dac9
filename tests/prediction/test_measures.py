"""Peaks and widths against curves whose own are known."""

import numpy as np
import pytest

from qdmol.optics import Broadening
from qdmol.prediction.measures import band_edge_area, edge_peak, emission_peak, per_nm
from qdmol.units import HC_EV_NM

GRID = np.arange(1.6, 4.3, 0.002)
LINE = Broadening(deviation=0.025, stokes=0.0)


def lines(*pairs):
    energy, weight = np.array(pairs).T
    return LINE.spread(GRID, energy, weight)


def test_a_single_line_has_its_own_peak_width_and_height():
    peak = edge_peak(GRID, lines((2.0813, 1.0)))
    assert peak.kind == "maximum"
    assert peak.energy == pytest.approx(2.0813, abs=2e-6)
    assert peak.width == pytest.approx(LINE.fwhm, rel=1e-3)
    assert peak.height == pytest.approx(1 / (LINE.deviation * np.sqrt(2 * np.pi)), rel=1e-4)


def test_a_line_on_a_rising_edge_keeps_its_red_side():
    """What absorbs further up does not widen the band edge."""
    peak = edge_peak(GRID, lines((2.08, 1.0), (2.25, 3.0), (2.5, 9.0)))
    assert peak.energy == pytest.approx(2.08, abs=1e-4)
    assert peak.width == pytest.approx(LINE.fwhm, rel=1e-2)


def test_a_forbidden_line_below_the_edge_is_not_the_edge():
    assert edge_peak(GRID, lines((1.95, 0.01), (2.1, 1.0))).energy == pytest.approx(2.1, abs=1e-3)


def test_an_edge_without_maximum_is_the_steepest_slope():
    wide = Broadening(deviation=0.2, stokes=0.0)
    energy = np.arange(2.4, 4.6, 0.005)
    peak = edge_peak(GRID, wide.spread(GRID, energy, np.full(len(energy), 0.005)))
    assert peak.kind == "edge"
    assert peak.energy == pytest.approx(2.4, abs=0.01)
    assert np.isnan(peak.width)


def test_emission_per_nm_peaks_at_a_longer_wavelength_than_per_ev():
    """d(I E²)/dE = 0 of a Gaussian: E = E0/2 + √(E0²/4 + 2σ²)."""
    peak = emission_peak(GRID, lines((2.05, 1.0)))
    expected = 2.05 / 2 + np.sqrt(2.05**2 / 4 + 2 * LINE.deviation**2)
    assert peak.energy == pytest.approx(2.05, abs=2e-6)
    assert peak.wavelength == pytest.approx(HC_EV_NM / expected, abs=1e-3)
    assert peak.width == pytest.approx(LINE.fwhm, rel=1e-3)


def test_per_nm_keeps_the_number_of_photons():
    curve = lines((2.05, 1.0))
    wavelength = HC_EV_NM / GRID
    assert -np.trapezoid(per_nm(GRID, curve), wavelength) == pytest.approx(1.0, rel=1e-3)


def test_the_band_edges_area_is_its_strength():
    curve = lines((2.08, 0.7), (2.5, 5.0))
    assert band_edge_area(GRID, curve, edge_peak(GRID, curve)) == pytest.approx(0.7, rel=1e-4)
