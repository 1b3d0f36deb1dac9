"""Measured curves beside predicted ones: whose they are, how they are scaled, by how much both differ."""

import importlib.util
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from qdmol.errors import InputError
from qdmol.estimates import Estimate
from qdmol.prediction.overlay import MeasuredFor, assign, lay_over, named_sample
from qdmol.prediction.wording import measured_rows, overlay_summary, spectrum_sentences
from qdmol.spectroscopy import Curve


def _fakes():
    path = Path(__file__).parents[1] / "report" / "spectrum_fakes.py"
    spec = importlib.util.spec_from_file_location("spectrum_fakes_of_overlay", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fakes = _fakes()


def overlay(curve, sample="fused", **options):
    return lay_over(fakes.fake_spectra(), [MeasuredFor(curve, sample, "as given")], **options)[0]


@cache
def planted(quantity):
    """Measured curves of the fused sample: absorption 18 meV to the red, emission 21 meV and 11 meV broader."""
    if quantity == "absorption":
        return overlay(fakes.measured_absorption(shift=-0.018))
    return overlay(fakes.measured_emission(shift=-0.021, fwhm=0.112))


def with_sample(**changed):
    """Spectra whose fused sample has other numbers."""
    spectra = fakes.fake_spectra()
    return replace(spectra, samples={**spectra.samples, "fused": replace(spectra.samples["fused"], **changed)})


# ---------------------------------------------------------------- whose curve it is


@pytest.mark.parametrize(
    ("text", "sample"),
    [
        ("monomer", "monomer"),
        ("Monomers_2.csv", "monomer"),
        ("fused dimer", "fused"),
        ("unfused dimer", "unfused"),
        ("NON-fused", "unfused"),
        ("not fused", "unfused"),
        ("run3_un-fused_b", "unfused"),
        ("run3_fused_b", "fused"),
        ("confused", None),
        ("diffused light", None),
        ("monomer and fused", None),
        ("30 s", None),
    ],
)
def test_names_speak_of_samples(text, sample):
    assert named_sample(text) == sample


def test_what_is_given_goes_before_columns_and_columns_before_files():
    one = fakes.measured_emission(name="unfused PL", source="monomer.csv")
    two = fakes.measured_emission(name="30 s", source="monomer.csv")
    three = fakes.measured_emission(name="30 s", source="a.csv")
    assert [each.sample for each in assign([one, two, three], fakes.SAMPLES)] == ["unfused", "monomer", "fused"]
    assert [each.guessed for each in assign([one, two, three], fakes.SAMPLES)] == [False, False, True]
    assert {each.sample for each in assign([one, two, three], fakes.SAMPLES, "unfused")} == {"unfused"}
    assert assign([three], ("monomer",))[0].sample == "monomer"
    with pytest.raises(InputError) as refused:
        assign([one], ("monomer",), "fused")
    assert refused.value.field == "measured"


# ---------------------------------------------------------------- scale


@pytest.mark.parametrize(("at", "energy"), [("edge", None), ("300nm", fakes.NM300)])
def test_a_curve_of_the_prediction_itself_lies_on_it(at, energy):
    """The same curve in another unit over a level comes back as it was, wherever both are made equal."""
    found = overlay(fakes.measured_absorption(shift=0.0, noise=1e-4), normalise=at)
    assert found.scaled_at == at
    wavelength, laid = found.laid()
    predicted = fakes.absorption("fused", fakes.HC / wavelength)
    assert np.abs(laid - predicted).max() < 0.03 * predicted.max()
    place = energy or found.position_eV.measured.value
    assert np.interp(fakes.HC / place, wavelength, laid) == pytest.approx(
        float(fakes.absorption("fused", np.array([energy or found.position_eV.predicted.value]))[0]), rel=3e-3
    )


def test_a_curve_that_ends_before_300_nm_says_so_and_is_laid_on_the_edge():
    found = overlay(fakes.measured_absorption(start=340.0), normalise="300nm")
    assert found.scaled_at == "edge"
    assert set(found.scales) == {"edge"}
    assert found.ratio_300nm is None
    assert any("does not reach 300 nm" in note for note in found.notes)
    assert any("begins at 340 nm and is scaled at the band edge" in note for note in found.notes)
    assert not any("scaled at" in note for note in planted("absorption").notes)


def test_emission_has_its_maximum_at_that_of_the_prediction():
    found = planted("emission")
    wavelength, laid = found.laid()
    top = float(fakes.fake_spectra().data["emission_per_nm"].sel(sample="fused").max())
    assert laid.max() == pytest.approx(top, rel=0.02)
    assert laid[wavelength > 700].mean() == pytest.approx(0.0, abs=0.02 * top)


def test_intensities_per_ev_are_turned_into_those_per_nm():
    curve = fakes.measured_emission()
    factor = (curve.wavelength_nm / 600.0) ** 2
    per_ev = Curve(curve.wavelength_nm, curve.values * factor, "emission", per="eV", name="fused")
    one, two = planted("emission").laid()[1], overlay(per_ev).laid()[1]
    assert np.abs(one - two).max() < 0.015 * one.max()


# ---------------------------------------------------------------- differences


def test_planted_shifts_come_back_within_their_errors():
    absorption, emission = planted("absorption"), planted("emission")
    assert absorption.basis == "maximum"
    assert 1e3 * absorption.position_eV.difference == pytest.approx(-18, abs=1e3 * absorption.position_eV.error)
    assert not absorption.position_eV.agree
    assert 1e3 * emission.position_eV.difference == pytest.approx(-21, abs=1e3 * emission.position_eV.error)
    assert emission.width_meV.difference == pytest.approx(112 - 101, abs=emission.width_meV.error)


def test_the_error_is_that_of_both_sides():
    compared = planted("emission").position_eV
    assert compared.error == pytest.approx(compared.measured.half_width + 2.4e-3)
    alone = replace(compared, predicted=Estimate.from_error(compared.measured.value, np.inf, "eV"))
    assert alone.error == pytest.approx(compared.measured.half_width)
    assert alone.agree


def test_the_ratio_to_300_nm_is_compared():
    ratio = overlay(fakes.measured_absorption(shift=0.0)).ratio_300nm
    assert ratio.predicted == fakes.sample("fused").ratio_edge_to_300nm
    assert ratio.measured.value == pytest.approx(ratio.predicted.value, rel=0.1)


def test_without_a_maximum_on_one_side_slopes_are_compared_with_slopes():
    energy = fakes.ENERGY
    curve = fakes.absorption("fused")
    below = energy < fakes.first_maximum("fused")
    slope = float(energy[below][np.argmax(np.gradient(curve[below], energy[below]))])
    spectra = with_sample(absorption_kind="edge", absorption_peak=Estimate.from_error(slope, 3.1e-3, "eV"))
    found = lay_over(spectra, [MeasuredFor(fakes.measured_absorption(shift=-0.018), "fused", "")])[0]
    assert found.fit.kind == "maximum"
    assert found.basis == "slope"
    assert 1e3 * found.position_eV.difference == pytest.approx(-18, abs=1e3 * found.position_eV.error)
    assert found.ratio_300nm is None  # one is at a maximum, the other at a slope
    assert any("Steepest slopes are compared" in note for note in found.notes)


def test_a_measured_edge_is_compared_with_the_slope_below_the_predicted_maximum():
    wavelength = np.arange(290.0, 750.0)
    energy = fakes.HC / wavelength
    ramp = 0.08 * np.log1p(np.exp((energy - 2.05) / 0.08))
    noise = 2e-3 * np.random.default_rng(1).normal(size=len(energy))
    steeper = 1e-12 * np.clip(fakes.ENERGY - 3.5, 0, None) / fakes.CM2  # far in the blue, where no edge is
    spectra = with_sample(absorption=fakes.fake_spectra().samples["fused"].absorption + steeper)
    curve = Curve(wavelength, ramp + noise, "absorption", name="edge")
    found = lay_over(spectra, [MeasuredFor(curve, "fused", "as given")])[0]
    assert found.fit.kind == "edge"
    assert found.basis == "slope"
    assert found.position_eV.predicted.value < fakes.first_maximum("fused") - 0.01
    assert found.width_meV is None
    assert found.ratio_300nm is not None


# ---------------------------------------------------------------- what cannot be compared


@pytest.mark.parametrize(
    ("curve", "sample", "reason"),
    [
        (fakes.measured_emission(flat=True), "fused", "noise"),
        (replace(fakes.measured_emission(), quantity="excitation"), "fused", "a curve of excitation"),
        (fakes.measured_emission(), "trimer", "The sample trimer was not predicted"),
    ],
)
def test_reasons_stand_in_words(curve, sample, reason):
    found = overlay(curve, sample)
    assert found.fit is None
    assert reason in found.reason
    assert found.laid() is None
    said = overlay_summary(found)
    assert said["fitted"] is False
    assert said["position_difference_meV"] is None
    assert reason in measured_rows([found])[1][0][0]
    assert any(reason in sentence for sentence in spectrum_sentences(fakes.fake_spectra(), [found]))


def test_numbers_of_the_prediction_may_be_missing():
    missing = with_sample(absorption_peak=None, emission_peak=None, absorption_width=None)
    curves = [fakes.measured_absorption(), fakes.measured_emission()]
    absorption, emission = lay_over(missing, [MeasuredFor(curve, "fused", "") for curve in curves])
    assert absorption.scaled_at is None
    assert "no band edge" in absorption.reason
    assert emission.position_eV is None
    assert emission.scaled_at == "maximum"


def test_the_words_need_neither_the_fits_nor_a_drawing():
    wanted = "qdmol.prediction.overlay, qdmol.prediction.wording"
    code = f"import sys, {wanted}; print([name for name in ('lmfit', 'matplotlib', 'ngsolve') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
