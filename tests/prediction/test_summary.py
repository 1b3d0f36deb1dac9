"""The JSON object of predicted spectra is made from their values: units, missing numbers, unknown errors."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from tests.prediction.test_wording import sample, spectra

from qdmol.estimates import Estimate
from qdmol.prediction import EnsembleResult, Line, SpectralRange
from qdmol.prediction.summary import change_object, ensemble_object, sample_object
from qdmol.prediction.values import EnsembleSample, estimate


def test_a_missing_number_is_null_with_its_error():
    found = sample_object(replace(sample("fused"), absorption_peak=None, lifetime=None))
    for key in ("absorption_peak_eV", "absorption_peak_error_meV", "absorption_peak_nm", "radiative_lifetime_ns"):
        assert found[key] is None
    assert found["emission_peak_eV"] == 2.1
    assert found["emission_peak_error_meV"] == pytest.approx(0.1)


def test_an_unknown_error_is_null_and_its_value_is_not():
    found = sample_object(replace(sample("fused"), lifetime=Estimate.from_error(14.0, math.inf, "ns")))
    assert (found["radiative_lifetime_ns"], found["radiative_lifetime_error_ns"]) == (14.0, None)
    assert estimate(2.0, math.nan).error == math.inf
    assert estimate(math.nan, 0.1) is None
    assert estimate(math.inf, 0.1) is None


def test_each_key_has_the_unit_it_names():
    line = Line(Estimate.from_error(2.0, 1e-3, "eV"), Estimate.from_error(3.0, 0.5), (0.25, 0.75), 0.5, dot=1)
    part = SpectralRange("pairs", 2.5, math.inf, 0.2, 0.04, box_states=3.2)
    found = sample_object(replace(sample("monomer"), lines=(line,), ranges=(part,)))
    assert found["lines"][0] == {
        "dot": 1,
        "energy_eV": 2.0,
        "error_meV": 1.0,
        "wavelength_nm": pytest.approx(619.92, abs=0.01),
        "oscillator_strength": 3.0,
        "oscillator_strength_error": 0.5,
        "dot_shares": [0.25, 0.75],
        "thermal_share": 0.5,
    }
    assert (found["ranges"][0]["to_eV"], found["ranges"][0]["energy_error_meV"]) == (None, 40.0)
    change = change_object(spectra(redshift={"emission": -5.0}).changes[0])
    assert (change["redshift_emission_meV"], change["redshift_emission_error_meV"]) == (-5.0, 0.05)
    assert change["lifetime_ratio"] is change["lifetime_ratio_error"] is None


def test_an_ensemble_states_the_worst_of_its_samples():
    samples = (
        EnsembleSample("monomer", 0, 9, 1, 0.01, 2e-3, 1e-3),
        EnsembleSample("fused", 3, 20, 0, 0.02, 1e-3, 1e-3),
    )
    found = ensemble_object(EnsembleResult(100, 12, False, samples))
    assert (found["impossible"], found["solved_shapes"], found["error_relative"]) == (3, 29, 0.02)
    assert found["peak_error_meV"] == 2.0
    exact = ensemble_object(EnsembleResult(100, 0, True, (EnsembleSample("monomer", 0, 100, 0),)))
    assert exact["method"] == "every particle solved"
    assert exact["error_relative"] is exact["peak_error_meV"] is None


def test_the_object_is_json_and_the_attributes_are_numbers():
    found = spectra()
    assert json.loads(json.dumps(found.summary, allow_nan=False))["samples"][0]["sample"] == "monomer"
    assert found.own is found.samples["fused"]
    assert found.change("monomer", "fused").redshift["emission"].value == 5.0
    assert found.change("fused", "monomer") is None
    assert np.isclose(found.own.absorption_wavelength, 1239.841984 / 2.1)
