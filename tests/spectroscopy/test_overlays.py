"""Curves compared with a reference: coverage of amplitudes and isosbestic points, series, hostile input."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

import qdmol
from qdmol.errors import DataError, InputError
from qdmol.spectroscopy import (
    Curve,
    Difference,
    Measurement,
    Noise,
    PeakFit,
    isosbestic_points,
    normalisation_of,
    overlay_curves,
    point_noise,
    read_curves,
    series_of,
)
from qdmol.spectroscopy.overlaying import _sample_names

HC = 1239.841984
WAVELENGTH = np.arange(290.0, 720.0, 1.0)
ENERGY = HC / WAVELENGTH
WHITE, CORRELATED, LENGTH = 0.0008, 0.0006, 5.0


def gaussian(energy, centre, fwhm):
    return np.exp(-4 * np.log(2) * ((energy - centre) / fwhm) ** 2)


def absorbance(edge=2.06, fwhm=0.11, height=0.15, energy=ENERGY):
    value = gaussian(energy, edge, fwhm) + 0.5 * gaussian(energy, edge + 0.2, 0.17)
    return height * (value + 1.2 * np.clip(energy - edge - 0.15, 0, None) ** 1.5) + 0.01


def noise(rng, *, white=WHITE, correlated=CORRELATED):
    alike, keep = np.zeros(len(WAVELENGTH)), np.exp(-1 / LENGTH)
    alike[0] = rng.normal()
    for k in range(1, len(alike)):
        alike[k] = keep * alike[k - 1] + np.sqrt(1 - keep**2) * rng.normal()
    return white * rng.normal(size=len(WAVELENGTH)) + correlated * alike


def known_fit(curve, edge=2.06, fwhm=0.11, clean=None):
    """A fit that finds the truth and the true noise, so that amplitudes are tested without the time of fits."""
    clean = absorbance(edge, fwhm) if clean is None else clean
    inside = (edge - 0.3 < ENERGY) & (edge + 0.2 > ENERGY)
    return PeakFit(
        curve=curve, kind="maximum", peak_eV=Measurement(edge, 1e-6), width_meV=Measurement(1e3 * fwhm, 1e-3),
        height=Measurement(0.15, 1e-5), edge_eV=Measurement(edge - 0.05, 1e-5), maximum_nm=Measurement(HC / edge, 1e-3),
        ratio_300nm=None, model="known", weights={"known": 1.0}, noise=Noise(WHITE, 0.0, CORRELATED, LENGTH),
        wavelength_nm=WAVELENGTH[inside], fitted=clean[inside], background=np.zeros(inside.sum()),
    )  # fmt: skip


def test_relative_amplitudes_and_differences_cover_the_truth():
    """Band edge over 300 nm, and every point of the difference to a reference."""
    clean, other = absorbance(), absorbance(height=0.2)
    held, inside = [], []
    truth = {}
    for name, curve in (("a", clean), ("b", other)):
        red = curve[WAVELENGTH >= HC / 2.06 + 2 * 110e-3 * HC / 2.06**2][:60].mean()
        truth[name] = (np.interp(HC / 2.06, WAVELENGTH, curve) - red, np.interp(300, WAVELENGTH, curve) - red, red)
    for seed in range(60):
        rng = np.random.default_rng([7, seed])
        first = Curve(WAVELENGTH, clean + noise(rng), "absorption", name="a")
        second = Curve(WAVELENGTH, other + noise(rng), "absorption", name="b")
        result = overlay_curves([known_fit(first), known_fit(second, clean=other)])
        for entry, name in zip(result.curves, "ab", strict=True):
            held.append(entry.relative_300nm.holds(truth[name][0] / truth[name][1]))
        difference = result.difference(1)
        true = (other - truth["b"][2]) / truth["b"][0] - (clean - truth["a"][2]) / truth["a"][0]
        inside.append(np.abs(difference.value - true) <= difference.half_width)
    assert 0.88 <= np.mean(held) <= 1.0
    assert 0.92 <= np.mean(inside) <= 0.99


def conversion(rng, *, count=6, white=0.002, drift=0.0):
    """A converts to B at constant amount; `drift` changes the amount from curve to curve."""
    wavelength = WAVELENGTH[WAVELENGTH >= 500]
    energy = HC / wavelength
    first, second = absorbance(2.06, energy=energy), absorbance(2.02, 0.12, 0.147, energy)
    shares = 1 - np.exp(-np.arange(count) / 2.0)
    curves = []
    for k, share in enumerate(shares):
        clean = (1 + drift * k) * ((1 - share) * first + share * second)
        values = clean + white * rng.normal(size=len(clean))
        curves.append(Curve(wavelength, values, "absorption", name=f"{5 * k} min"))
    return curves, CubicSpline(wavelength, first - second)


def isosbestic_coverage(count, seed):
    held = []
    for number in range(count):
        curves, gap = conversion(np.random.default_rng([seed, number]))
        point = isosbestic_points(curves, [point_noise(curve) for curve in curves])[0].wavelength_nm
        low, high = point.value - 3, point.value + 3
        held.append(point.holds(brentq(gap, low, high)))
    return float(np.mean(held))


def test_isosbestic_wavelength():
    assert isosbestic_coverage(4, 1) >= 0.5


@pytest.mark.slow
def test_coverage_of_the_isosbestic_wavelength():
    assert 0.90 <= isosbestic_coverage(300, 2) <= 0.985


def test_curves_that_do_not_cross_in_one_place_are_refused():
    curves, _ = conversion(np.random.default_rng(3), drift=0.05, white=0.0005)
    noises = [point_noise(curve) for curve in curves]
    with pytest.raises(DataError, match=r"no isosbestic point: .* closest near"):
        isosbestic_points(curves, noises)
    same = [replace(curve, values=absorbance(energy=curve.energy_eV) * (1 + 0.1 * k)) for k, curve in enumerate(curves)]
    with pytest.raises(DataError, match="nor do they change order"):
        isosbestic_points(same, noises)
    with pytest.raises(InputError, match="at least 3 curves"):
        isosbestic_points(curves[:2], noises[:2])


def test_normalised_curves_agree_at_the_isosbestic_point():
    curves, _ = conversion(np.random.default_rng(4))
    result = overlay_curves([known_fit(curve) for curve in curves], normalise="isosbestic", series="time")
    assert result.series.values == (0.0, 5.0, 10.0, 15.0, 20.0, 25.0)
    place = result.isosbestic[0].wavelength_nm.value
    for entry in result.curves:
        wavelength, values, _ = entry.normalised()
        near = np.abs(wavelength - place) < 3
        assert np.polyval(np.polyfit(wavelength[near] - place, values[near], 1), 0) == pytest.approx(1.0, abs=0.02)


# ---------------------------------------------------------------- quantities and axes


@pytest.fixture(scope="module")
def mixed():
    """Absorption and emission of two samples, with their fits."""
    rng = np.random.default_rng(5)
    curves = []
    for name, edge in (("monomer", 2.06), ("fused", 2.04)):
        curves.append(
            Curve(WAVELENGTH, absorbance(edge) + noise(rng), "absorption", name=f"{name} abs", source="a.csv")
        )
        photons = 4000 * gaussian(ENERGY, edge - 0.04, 0.1) * (ENERGY / edge) ** 2 + 50
        curves.append(Curve(WAVELENGTH, rng.poisson(photons), "emission", name=f"{name} PL", source="b.csv"))
    return overlay_curves(curves, reference="monomer")


def test_each_quantity_has_a_reference_and_shifts(mixed):
    assert mixed.references == {"absorption": 0, "emission": 1}
    assert mixed[0].change is None
    assert mixed[2].change.redshift_meV.holds(20.0)
    assert mixed[3].change.redshift_meV.holds(20.0)
    assert [entry.sample for entry in mixed.curves] == ["monomer", "monomer", "fused", "fused"]
    assert mixed.complete
    assert "Curves are normalised at the band edge" in str(mixed)


def test_an_intensity_per_eV_has_the_jacobian(mixed):
    entry = mixed[1]
    wavelength, per_nm, _ = entry.normalised("wavelength")
    _, per_eV, _ = entry.normalised("energy")
    assert np.allclose(per_eV, per_nm * (wavelength / entry.place_nm) ** 2)
    _, absorbed, _ = mixed[0].normalised("energy")
    assert np.array_equal(absorbed, mixed[0].normalised("wavelength")[1])


def test_an_area_is_one_on_both_axes(mixed):
    fits = [entry.fit for entry in mixed.curves if entry.curve.quantity == "emission"]
    for entry in overlay_curves(fits, normalise="area").curves:
        wavelength, per_nm, _ = entry.normalised("wavelength")
        _, per_eV, _ = entry.normalised("energy")
        assert np.trapezoid(per_nm, wavelength) == pytest.approx(1.0, rel=1e-9)
        assert -np.trapezoid(per_eV, HC / wavelength) == pytest.approx(1.0, rel=1e-3)


def test_emission_keeps_its_maximum_where_absorption_is_normalised_at_300_nm(mixed):
    result = overlay_curves([entry.fit for entry in mixed.curves], normalise="300 nm")
    assert [entry.normalised_at for entry in result.curves] == ["300nm", "maximum", "300nm", "maximum"]
    assert any("Emission is normalised at its maximum" in note for note in result.notes)
    for entry in result.curves:
        wavelength, values, _ = entry.normalised()
        assert np.interp(300 if entry.curve.quantity == "absorption" else entry.place_nm, wavelength, values) == (
            pytest.approx(1.0, abs=0.05)
        )


def test_a_comparison_is_saved_and_read_back(mixed, tmp_path):
    again = qdmol.load(mixed.save(tmp_path / "compared.nc"))
    assert isinstance(again, qdmol.CurveComparison)
    assert again.summary == mixed.summary
    assert str(again) == str(mixed)
    assert np.array_equal(again[3].curve.values, mixed[3].curve.values)
    assert np.array_equal(again.difference(2).value, mixed.difference(2).value)


# ---------------------------------------------------------------- references and series


def plain(name, *, source="", start=290.0, quantity="absorption"):
    keep = start <= WAVELENGTH
    return Curve(WAVELENGTH[keep], absorbance()[keep], quantity, name=name, source=source)


@pytest.mark.parametrize(("reference", "number"), [("b", 1), (1, 1), ("1", 1), ("two", 1), ("two.csv", 1), (None, 0)])
def test_a_reference_is_a_name_a_file_or_a_number(reference, number):
    fits = [known_fit(plain("a abs", source="one.csv")), known_fit(plain("b abs", source="two.csv"))]
    assert overlay_curves(fits, reference=reference).references == {"absorption": number}


@pytest.mark.parametrize(
    ("reference", "message"),
    [("c", "must be a number from 0 to 1, or one of a"), (2, "0 to 1"), ("a", "number of one")],
)
def test_an_unknown_or_ambiguous_reference_is_refused(reference, message):
    fits = [known_fit(plain("a", source="one.csv")), known_fit(plain("a", source="two.csv"))]
    with pytest.raises(InputError, match=message):
        overlay_curves(fits, reference=reference)


@pytest.mark.parametrize(
    ("names", "kind", "values", "unit"),
    [
        (("30 s", "60 s reaction", "30 s_overnight"), "time", (30.0, 60.0, 30.0), "s"),
        (("t5min", "dots_2h", "none"), "time", (None, 120.0, None), "min"),
        (("A 10 mJ/cm2", "A 2.5 mJ/cm²", "A 0mJ/cm2"), "dose", (10.0, 2.5, 0.0), "mJ/cm²"),
        (("5 mM amine", "0.5 mM amine", "620 nm"), "dose", (5.0, 0.5, None), "mM"),
    ],
)
def test_series_in_names(names, kind, values, unit):
    series = series_of([plain(name) for name in names], kind=kind)
    assert series.unit == ("h" if names[0] == "t5min" else unit)
    assert series.values == ((None, 2.0, None) if names[0] == "t5min" else values)


def test_series_as_given_or_from_files():
    curves = [plain("abs", source=f"run {k} min.txt") for k in (9, 3)]
    assert series_of(curves, kind="time").values == (9.0, 3.0)
    assert series_of(curves, kind="time", given="90, 1 min").values == (90.0, 1.0)
    assert series_of(curves, kind="time", given="90s,1min").values == (90.0, 60.0)
    assert series_of(curves, kind="time", given=[1.0, 2.0]).unit == "s"
    result = overlay_curves([known_fit(curve) for curve in curves], series="time")
    assert [entry.curve.source for entry in result.curves] == ["run 3 min.txt", "run 9 min.txt"]
    assert result.references == {"absorption": 0}


@pytest.mark.parametrize("given", ["1,2", "1 min", "1,2,3 min", "1,x min", "1 min,2 kg", "1 min, 2"])
def test_wrong_times_are_refused(given):
    with pytest.raises(InputError) as caught:
        series_of([plain("a"), plain("b")], kind="time", given=given)
    assert caught.value.field == "times"


def test_names_without_a_time_are_refused():
    with pytest.raises(InputError, match="or give --times"):
        series_of([plain("5"), plain("10")], kind="time")


# ---------------------------------------------------------------- hostile input


@pytest.mark.parametrize("text", ["", "blue", "nm", "-300nm", "300 eV", "1e3nm", "30 nm", "nan"])
def test_an_unknown_normalisation_is_refused(text):
    with pytest.raises(InputError, match="isosbestic"):
        normalisation_of(text)


def test_one_curve_is_normalised_and_has_no_difference():
    result = overlay_curves(known_fit(plain("alone")))
    assert result.differences == {}
    assert result[0].normalised() is not None
    assert list(result.figures()) == ["curve_overlay", "curve_derivatives"]


def test_curves_without_a_common_range_have_no_difference():
    first, second = plain("a"), plain("b")
    blue = Curve(WAVELENGTH[:100], absorbance()[:100], "absorption", name="blue")
    result = overlay_curves([known_fit(first), known_fit(second), blue], normalise="300nm")
    assert isinstance(result.differences[1], Difference)
    red = replace(second, wavelength_nm=second.wavelength_nm + 1000)
    far = overlay_curves([blue, red], normalise="none", baseline="none")
    assert "no range of wavelengths in common" in far.differences[1]


def test_a_curve_that_cannot_be_normalised_keeps_its_reason():
    short = known_fit(plain("short", start=350.0))
    result = overlay_curves([known_fit(plain("whole")), short], normalise="300nm")
    assert result[1].amplitude is None
    assert "does not reach 300 nm" in result[1].refusal
    assert not result.complete
    with pytest.raises(InputError, match="they reach from 350 to 719 nm"):
        overlay_curves([short], normalise="300nm")


def test_curves_without_numbers_are_kept_with_their_reason():
    empty = Curve(WAVELENGTH, np.full(len(WAVELENGTH), np.nan), "absorption", name="empty")
    holes = absorbance()
    holes[100:140] = np.nan
    result = overlay_curves([known_fit(plain("a")), empty, Curve(WAVELENGTH, holes, "absorption", name="holes")])
    assert result[1].fit is None
    assert result[1].amplitude is None
    assert isinstance(result.differences[1], str)
    assert result[2].amplitude is not None
    assert np.isfinite(result.difference(2).value).all()
    assert "empty" in str(result)


@pytest.mark.parametrize("value", [[], 3, [object()], [plain("t", quantity="transmission")]])
def test_what_is_no_curve_is_refused(value):
    with pytest.raises(InputError):
        overlay_curves(value)


def test_units_may_be_mixed(tmp_path):
    """A file in cm⁻¹ and one in nm of the same sample have no shift."""
    values = absorbance() + noise(np.random.default_rng(1))
    (tmp_path / "nm.csv").write_text(
        "Wavelength (nm),abs\n" + "\n".join(f"{x},{y:.6f}" for x, y in zip(WAVELENGTH, values, strict=True))
    )
    (tmp_path / "cm.csv").write_text(
        "Wavenumber (cm-1),abs\n" + "\n".join(f"{1e7 / x},{y:.6f}" for x, y in zip(WAVELENGTH, values, strict=True))
    )
    curves = [curve for name in ("nm", "cm") for curve in read_curves(tmp_path / f"{name}.csv")]
    result = overlay_curves([known_fit(curve) for curve in curves])
    assert np.abs(result.difference(1).value).max() < 1e-5


@pytest.mark.parametrize(
    ("column", "source", "sample"),
    [
        ("Intensity (counts)", "fused-emission.csv", "fused"),
        ("Intensity (a.u.)", "fused-emission.csv", "fused"),
        ("Absorbance [mOD]", "monomer_absorption.txt", "monomer"),
        ("Au dimer (counts)", "x.csv", "Au dimer"),
        ("fused PL, normalised", "x.csv", "fused"),
        ("counts", "linked PL.csv", "linked"),
    ],
)
def test_a_sample_is_named_without_quantity_and_unit(column, source, sample):
    curve = Curve(WAVELENGTH, absorbance(), "absorption", name=column, source=source)
    assert _sample_names([curve]) == [sample]
