"""Saved fits of curves come back equal."""

import numpy as np
import pytest
import xarray as xr

import qdmol
from qdmol.errors import InputError
from qdmol.spectroscopy import Curve, CurveFits, curve_points, curve_records

PEAKS_EV = (2.10, 2.05)


@pytest.fixture(scope="module")
def fits():
    """Two emission peaks, 50 meV apart, and a curve of an unknown quantity."""
    rng = np.random.default_rng(3)
    wavelength = np.arange(500.0, 720.0, 2.0)
    curves = []
    for number, peak in enumerate(PEAKS_EV):
        signal = np.exp(-4 * np.log(2) * ((1239.842 / wavelength - peak) / 0.12) ** 2) / wavelength**2
        noisy = 1e9 * signal + 5 * rng.normal(size=wavelength.size)
        curves.append(Curve(wavelength, noisy, "emission", name=f"sample {number}"))
    return qdmol.fit_curves([*curves, Curve(wavelength, wavelength, name="other")])


def test_fits_are_a_sequence(fits):
    assert len(fits) == 3
    assert [entry.curve.name for entry in fits] == ["sample 0", "sample 1", "other"]
    assert fits[0].fit.position_eV.holds(PEAKS_EV[0])
    assert fits[2].fit is None
    assert str(fits).splitlines()[1].startswith("sample 0")
    assert repr(fits) == "<CurveFits: 2 of 3 curves fitted>"


def test_the_dataset_has_every_number_with_its_interval(fits):
    data = fits.data
    assert list(data["name"].values) == ["sample 0", "sample 1", "other"]
    np.testing.assert_array_equal(data["peak"], [*(entry.fit.peak_eV.value for entry in fits[:2]), np.nan])
    assert data["width_low"].values[1] == fits[1].fit.width_meV.low
    assert (data["peak"].units, data["width"].units) == ("eV", "meV")


def test_fits_come_back_equal(fits, tmp_path):
    loaded = qdmol.load(fits.save(tmp_path / "fits.nc"))
    assert isinstance(loaded, CurveFits)
    assert loaded.summary == fits.summary
    xr.testing.assert_identical(loaded.data, fits.data)
    assert str(loaded) == str(fits)
    for mine, theirs in zip(fits[:2], loaded[:2], strict=True):
        assert theirs.curve.usable.dtype == bool
        assert theirs.comparison == mine.comparison
        for name in ("wavelength_nm", "fitted", "background"):
            np.testing.assert_array_equal(getattr(theirs.fit, name), getattr(mine.fit, name))


def test_an_incomplete_file_is_refused(fits, tmp_path):
    path = fits.save(tmp_path / "fits.nc")
    with xr.open_dataset(path) as data:
        alone = data.load()
    alone.to_netcdf(path, engine="h5netcdf")  # without the arrays of the curves
    with pytest.raises(InputError, match="not contain a complete set of curve fits"):
        qdmol.load(path)


def test_recorded_points_are_kept_beside_the_fit(fits, tmp_path):
    data = qdmol.load(fits.save(tmp_path / "fits.nc")).data
    for number, entry in enumerate(fits):
        own = data.isel(point=data["curve_of_point"].values == number)
        np.testing.assert_array_equal(own["wavelength"], entry.curve.wavelength_nm)
        np.testing.assert_array_equal(own["energy"], entry.curve.energy_eV)
        np.testing.assert_array_equal(own["measured"], entry.curve.values)
        if entry.fit is None:
            assert np.isnan(own["fit"]).all()
        else:
            fitted = own["fit"].values
            np.testing.assert_allclose(fitted[np.isfinite(fitted)], entry.fit.fitted, rtol=1e-12)


def test_a_long_curve_is_exported_as_recorded():
    """2,000 points are averaged for the fit, but all are exported with a fit at their own wavelengths."""
    wavelength = np.linspace(500.0, 720.0, 2000)
    clean = np.exp(-4 * np.log(2) * ((1239.842 / wavelength - 2.1) / 0.12) ** 2) * (1239.842 / wavelength / 2.1) ** 2
    curve = Curve(wavelength, clean + 1e-3 * np.random.default_rng(1).normal(size=2000), "emission")
    (entry,) = qdmol.fit_curves(curve)
    points = curve_points(entry)
    assert len(entry.fit.fitted) < 320
    np.testing.assert_array_equal(points["measured"], curve.values)
    inside = np.isfinite(points["fit"])
    assert inside.sum() > 1000
    assert np.abs(points["fit"] - clean)[inside].max() < 1e-3


def test_every_number_has_a_row(fits):
    header, rows = curve_records(fits)
    records = [dict(zip(header, row, strict=True)) for row in rows]
    peaks = [r for r in records if (r["quantity"], r["unit"]) == ("peak", "eV")]
    assert [r["value"] for r in peaks] == [entry.fit.peak_eV.value for entry in fits[:2]]
    assert [(r["low"], r["high"]) for r in peaks] == [(e.fit.peak_eV.low, e.fit.peak_eV.high) for e in fits[:2]]
    (shift,) = [r for r in records if r["quantity"] == "red shift"]
    assert shift["value"] == fits[1].comparison.redshift_meV.value
    (failed,) = [r for r in records if r["result"] == "no fit"]
    assert (failed["curve"], failed["note"]) == ("other", fits[2].reason)
