"""Ensembles: the polynomial against every particle solved, and samples of the same molecules."""

import numpy as np
import pytest
from tests.prediction.samples import DOT, SMALL, spec_of

from qdmol.jobs import Store
from qdmol.prediction import predict_spectra
from qdmol.prediction.samples import groups_of, impossible_members, samples_of
from qdmol.structure import read_spec

SPREAD = {"members": 24, "core_radius": "4 %", "shell_thickness": "4 %", "seed": 3}


def numbers(spectra, name="monomer"):
    return next(one for one in spectra.summary["samples"] if one["sample"] == name)


@pytest.fixture(scope="module")
def monomers(store):
    spec = spec_of(DOT, ensemble=SPREAD)
    return predict_spectra(spec, folder=store), predict_spectra(spec, folder=store, exact=True)


def test_few_shapes_do_as_well_as_every_particle(monomers):
    """Peaks, widths and curve of the mean agree with those of all 24 particles solved, within the stated misfit."""
    few, every = monomers
    ensemble = few.summary["ensemble"]
    assert ensemble["solved_shapes"] < 20
    assert every.summary["ensemble"]["solved_shapes"] == 24
    stated = ensemble["peak_error_meV"]
    assert stated < 0.5
    for key in ("absorption_peak_eV", "emission_peak_eV"):
        assert 1000 * abs(numbers(few)[key] - numbers(every)[key]) < 3 * stated + 0.05
    low = few.samples["monomer"].grid < 2.3
    curves = [one.samples["monomer"].absorption[low] for one in monomers]
    assert np.sum(np.abs(curves[0] - curves[1])) / np.sum(curves[1]) < 3 * ensemble["error_relative"]


def test_an_ensemble_is_broader_than_its_mean(monomers, store):
    """By what the sizes add to the line in quadrature, dE/dr σ_r, to first order."""
    few, _ = monomers
    plain = numbers(predict_spectra(spec_of(DOT), folder=store))["absorption_width_meV"]
    found = numbers(few)["absorption_width_meV"]
    radii = [1.4 * 0.99, 1.4 * 1.01]
    peaks = []
    for radius in radii:
        dot = {**DOT, "core": {"material": "CdSe", "radius": radius}}
        peaks.append(numbers(predict_spectra(spec_of(dot), folder=store))["absorption_peak_eV"])
    slope = (peaks[1] - peaks[0]) / (radii[1] - radii[0])
    spread = 1000 * 2.3548 * abs(slope) * 0.04 * 1.4
    assert found == pytest.approx(np.hypot(plain, spread), rel=0.15)


def test_no_deviation_is_the_mean(store):
    with_ensemble = predict_spectra(spec_of(DOT, ensemble={"members": 30}), folder=store)
    plain = predict_spectra(spec_of(DOT), folder=store)
    assert numbers(with_ensemble)["absorption_peak_eV"] == pytest.approx(numbers(plain)["absorption_peak_eV"], abs=3e-5)
    assert with_ensemble.summary["ensemble"]["error_relative"] is None


def test_the_seed_decides(store, monomers):
    again = predict_spectra(spec_of(DOT, ensemble=SPREAD), folder=store)
    other = predict_spectra(spec_of(DOT, ensemble=SPREAD | {"seed": 4}), folder=store)
    assert np.array_equal(again.samples["monomer"].absorption, monomers[0].samples["monomer"].absorption)
    assert not np.array_equal(other.samples["monomer"].absorption, monomers[0].samples["monomer"].absorption)


def test_the_sampling_error_is_true(store):
    """Peaks of many seeds scatter by what the jackknife of each says."""
    spec = spec_of(DOT, ensemble={"members": 100, "core_radius": "4 %"})
    peaks, errors = [], []
    for seed in range(12):
        spectra = predict_spectra(spec | {"ensemble": spec["ensemble"] | {"seed": seed}}, folder=store)
        peaks.append(1000 * numbers(spectra)["absorption_peak_eV"])
        errors.append(numbers(spectra)["absorption_peak_error_meV"])
    scatter = np.std(peaks)
    # two standard errors and what is common to all
    assert scatter < np.median(errors) < 5 * scatter
    inside = np.mean(np.abs(np.array(peaks) - np.mean(peaks)) < np.array(errors))
    assert inside >= 0.8


@pytest.fixture(scope="module")
def dimers(store):
    spec = spec_of(DOT, DOT, ensemble={"members": 200, "core_radius": "4 %"})
    return predict_spectra(spec, folder=store, workers=2)


def test_samples_of_the_same_dots_are_compared_dot_by_dot(dimers):
    """The shift on fusion is known far better than either peak: both samples have the very same dots."""
    fused = next(one for one in dimers.summary["changes"] if (one["from"], one["to"]) == ("unfused", "fused"))
    assert fused["redshift_absorption_error_meV"] < 0.6 * numbers(dimers, "fused")["absorption_peak_error_meV"]
    assert 1.5 < fused["redshift_absorption_meV"] < 4.0


def test_two_unlike_dots_emit_from_the_lower_one(dimers):
    """Without any coupling: excitons that move between the dots before they emit shift emission, not absorption."""
    unfused = next(one for one in dimers.summary["changes"] if (one["from"], one["to"]) == ("monomer", "unfused"))
    assert abs(unfused["redshift_absorption_meV"]) < 0.5 + unfused["redshift_absorption_error_meV"]
    assert unfused["redshift_emission_meV"] > 1.0 + unfused["redshift_emission_error_meV"]


def test_single_dots_among_dimers_dilute_them(store, dimers):
    spec = spec_of(DOT, DOT, ensemble={"members": 200, "core_radius": "4 %", "monomers": 0.5})
    mixed = predict_spectra(spec, folder=store, workers=2)
    assert mixed.summary["ensemble"]["single_dots"] == 100
    half = numbers(mixed, "fused")["cross_section_300nm_cm2"] / numbers(dimers, "fused")["cross_section_300nm_cm2"]
    assert half == pytest.approx(0.75, abs=0.02)


def test_particles_that_cannot_be_are_counted():
    """Cores that nearly touch: particles whose cores would overlap are told apart from the others."""
    close = spec_of(DOT, DOT, ensemble={"members": 60, "neck": 0.06})
    close["molecule"] = {"dots": [DOT, DOT], "barrier": 0.1, "neck": "merged"}
    sample = samples_of(read_spec(close), linker=0.3)[-1]
    (group,) = groups_of(sample)
    impossible = impossible_members(group, Store(None))
    assert list(impossible) == list(group.values[:, 0] < 0)
    assert 1 <= impossible.sum() <= 12


def test_every_dot_of_every_molecule_is_a_monomer():
    """Unlike dots make two kinds, equal ones one of twice as many; all have the sizes they have in the molecules."""
    spread = {"members": 30, "core_radius": "2 %", "neck": "2 %"}
    monomers, unfused, fused = (
        groups_of(one) for one in samples_of(read_spec(spec_of(DOT, DOT, ensemble=spread)), linker=0.3)
    )
    assert len(monomers) == 1
    assert np.array_equal(monomers[0].values[:, 0], fused[0].values[:, :2].T.ravel())
    assert np.array_equal(unfused[0].values, fused[0].values[:, :2])
    unlike = groups_of(samples_of(read_spec(spec_of(SMALL, DOT, ensemble=spread)), linker=0.3)[0])
    assert [len(one.values) for one in unlike] == [30, 30]
    assert [round(one.values.mean(), 1) for one in unlike] == [1.2, 1.4]
