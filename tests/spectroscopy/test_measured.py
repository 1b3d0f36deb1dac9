"""Measured curves of growing CdSe: planted peaks, and the tables that came with the files."""

import numpy as np
import pytest
from tests.spectroscopy import measured

from qdmol.spectroscopy import fit_absorption, fit_emission

# The table of absorption holds two things: in these runs the steepest slope, in the others the peak.
SLOPES, PEAKS = (4, 5, 7, 8), (2, 3, 6, 9)


def test_peaks_planted_on_measured_emission(data_folder):
    """The fitted peak is taken off and a known one put on: background, noise and what the fit had left are real."""
    held = []
    for run, columns in ((3, (5, 11)), (6, (5,)), (9, (5,))):
        curves = measured.emission(data_folder, run)
        for column in columns:
            fit = fit_emission(curves[column])
            for shift, width in ((-12, 110), (6, 130)):
                planted, centre = measured.planted_emission(
                    curves[column], fit, centre_nm=fit.position_nm.value + shift, fwhm_mev=width, height=1.0
                )
                found = fit_emission(planted)
                assert found.peak_eV.half_width < 0.006
                held.append((found.peak_eV.holds(centre), found.width_meV.holds(width)))
    assert len(held) == 8
    assert np.sum(held, axis=0).min() >= 7  # at 95 %


def test_peaks_planted_on_measured_absorption(data_folder):
    held = []
    curves = measured.absorption(data_folder, 3)
    for column in (0, 8, 16):
        for centre_nm, width, height in ((660, 120, 0.05), (680, 140, 0.2)):
            planted, centre = measured.planted_absorption(
                curves[column], centre_nm=centre_nm, fwhm_mev=width, height=height
            )
            found = fit_absorption(planted)
            assert found.peak_eV.half_width < 0.006
            held.append((found.peak_eV.holds(centre), found.width_meV.holds(width)))
    assert np.sum(held, axis=0).min() >= 5  # of 6, at 95 %


def emission_distances(folder, *, step):
    """Distance (nm) of the fitted curve's highest point from the table, with half its interval."""
    table = measured.emission_table(folder)
    found = []
    for run in range(3, 10):
        curves = measured.emission(folder, run)
        for column in range(run % step, len(curves), step):
            highest = fit_emission(curves[column]).maximum_nm
            found.append((run, column, highest.value - table[run][column], highest.half_width))
    return found


def check_emission(found):
    # the first curve of run 4 has a top so flat (470 to 500 nm) that its interval says so; all others are peaks
    far = {(run, column) for run, column, distance, _ in found if abs(distance) > 2.0}
    assert far <= {(4, 0)}
    assert all(half > 5.0 for run, column, _, half in found if (run, column) in far)
    assert abs(np.median([distance for *_, distance, _ in found])) < 0.2


def test_emission_is_that_of_the_table(data_folder):
    found = emission_distances(data_folder, step=12)
    assert len(found) >= 9
    check_emission(found)


@pytest.mark.slow
def test_every_emission_is_that_of_the_table(data_folder):
    found = emission_distances(data_folder, step=1)
    assert len(found) == 126
    check_emission(found)


def test_the_table_of_emission_repeats_a_run(data_folder):
    """Its rows of run 2 are those of run 3, to the last digit; run 2 has other curves, and 14 of them."""
    table = measured.emission_table(data_folder)
    assert table[2] == table[3]
    curves = measured.emission(data_folder, 2)
    assert len(curves) == 14
    highest = fit_emission(curves[0]).maximum_nm
    assert highest.low > table[2][0] + 2.0


def absorption_distances(folder, *, columns):
    """(run, table minus steepest slope, table minus fitted peak), nm; NaN where there is no peak."""
    table = measured.absorption_table(folder)
    found = []
    for run in measured.RUNS:
        curves = {int(curve.name.split()[0]): curve for curve in measured.absorption(folder, run)}
        for seconds in columns:
            fit = fit_absorption(curves[seconds])
            peak = fit.position_nm.value if fit.peak_eV is not None else np.nan
            at = table[run, seconds]
            found.append((run, at - fit.edge_eV.as_wavelength().value, at - peak))
    return np.array(found)


def check_absorption(found):
    slopes, peaks = np.isin(found[:, 0], SLOPES), np.isin(found[:, 0], PEAKS)
    assert np.median(np.abs(found[slopes, 1])) < 1.5
    assert np.quantile(np.abs(found[slopes, 1]), 0.9) < 4.0
    assert np.nanmedian(found[slopes, 2]) > 9.0  # the peak lies to the blue of the slope
    assert np.mean(np.isfinite(found[peaks, 2])) > 0.8
    assert np.nanmedian(np.abs(found[peaks, 2])) < 5.0
    assert np.median(found[peaks, 1]) < -10.0  # and the slope to the red of the peak


def test_the_table_of_absorption_holds_slopes_in_some_runs_and_peaks_in_others(data_folder):
    check_absorption(absorption_distances(data_folder, columns=(120, 390)))


@pytest.mark.slow
def test_every_absorption_against_its_table(data_folder):
    check_absorption(absorption_distances(data_folder, columns=(60, 120, 180, 240, 300, 390, 480)))
