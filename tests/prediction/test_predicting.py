"""The spectra of a real dimer: what they must obey, and what they are."""

import json
import subprocess
import sys

import numpy as np
import pytest
from tests.prediction.samples import DOT, SMALL, spec_of

import qdmol
from qdmol.errors import InputError
from qdmol.jobs import Resources
from qdmol.optics import edge_limit
from qdmol.prediction import Calibration, predict_spectra
from qdmol.prediction.tasks import LightRequest, Order, Solver
from qdmol.structure import read_spec, update_spec
from qdmol.units import HC_EV_NM


def sample(spectra, name):
    return next(one for one in spectra.summary["samples"] if one["sample"] == name)


def change(spectra, one, two):
    return next(part for part in spectra.summary["changes"] if (part["from"], part["to"]) == (one, two))


def test_the_object_is_json_and_complete(homodimer):
    json.dumps(homodimer.summary, allow_nan=False)
    assert homodimer.converged
    assert [one["sample"] for one in homodimer.summary["samples"]] == ["monomer", "unfused", "fused"]
    assert [(one["from"], one["to"]) for one in homodimer.summary["changes"]] == [
        ("monomer", "unfused"), ("monomer", "fused"), ("unfused", "fused"),
    ]  # fmt: skip
    for one in homodimer.summary["samples"]:
        assert all(value is not None for key, value in one.items() if key not in {"ranges", "lines"})


def test_the_peak_is_the_exciton_of_solve(homodimer):
    """Absorption peaks where the lowest exciton is, and shifts as it does: two rooms, one number."""
    solved = qdmol.solve(update_spec(read_spec("@homodimer"), "calculation.coulomb", "ci")).summary
    fused = sample(homodimer, "fused")
    within = (fused["lines"][0]["error_meV"] + solved["gap_error_meV"]) / 1000
    assert abs(fused["lines"][0]["energy_eV"] - solved["gap_eV"]) < within
    shift = change(homodimer, "monomer", "fused")
    assert shift["redshift_absorption_meV"] == pytest.approx(
        solved["redshift_meV"], abs=shift["redshift_absorption_error_meV"] + solved["redshift_error_meV"]
    )


def test_unfused_dots_are_two_monomers(homodimer):
    """No shift, twice the strength where light's field is the same everywhere; with contrast the change is stated."""
    unfused = change(homodimer, "monomer", "unfused")
    assert abs(unfused["redshift_absorption_meV"]) < 0.1
    assert abs(unfused["band_edge_ratio_no_local_field"] - 2) < 0.01
    assert 0 < unfused["band_edge_ratio_no_local_field_error"] < 0.1
    assert 0 < unfused["lifetime_ratio_no_local_field_error"] < 0.1
    assert 2.01 < unfused["band_edge_ratio"] < 2.06
    ratio = sample(homodimer, "unfused")["ratio_edge_to_300nm"] / sample(homodimer, "monomer")["ratio_edge_to_300nm"]
    assert ratio == pytest.approx(1, rel=0.01)


def test_fusing_shifts_to_the_red_and_slows_emission(homodimer):
    fused = change(homodimer, "unfused", "fused")
    assert 2.5 < fused["redshift_absorption_meV"] < 3.5
    assert fused["redshift_absorption_error_meV"] < 0.3
    assert fused["lifetime_ratio"] - fused["lifetime_ratio_error"] > 1.03
    assert fused["broadening_absorption_meV"] > fused["broadening_absorption_error_meV"]


def test_errors_hold_the_better_basis(store):
    """Energies and strengths of the monomer in three bases lie within what is stated there of those in four."""
    order = Order(read_spec(spec_of(DOT)), LightRequest(4))
    light = Solver(store, Resources(), lambda _: None).solve([order], what="monomer")[0].light
    better, worse = (edge_limit(edge, numerical=light.numerical) for edge in (light.edge, light.edge[:3]))
    count = int(np.sum(worse.levels.energy < worse.levels.energy[0] + 0.1))
    assert np.all(np.abs(better.levels.energy[:count] - worse.levels.energy[:count]) < worse.error[:count])
    strengths = [limit.levels.moment[0].sum() for limit in (better, worse)]
    assert abs(strengths[0] / strengths[1] - 1) < 1 - 1 / worse.growth


@pytest.mark.parametrize(
    ("calibration", "key"),
    [
        (Calibration("absorption", HC_EV_NM / 605), "absorption_peak_nm"),
        (Calibration("emission", HC_EV_NM / 620), "emission_peak_nm"),
    ],
)
def test_a_calibration_pins_the_monomer_and_keeps_the_shifts(homodimer, store, calibration, key):
    pinned = predict_spectra("@homodimer", folder=store, calibrate=calibration)
    assert sample(pinned, "monomer")[key] == pytest.approx(HC_EV_NM / calibration.energy_eV, abs=0.02)
    shifts = [change(one, "monomer", "fused")["redshift_absorption_meV"] for one in (homodimer, pinned)]
    assert shifts[0] == pytest.approx(shifts[1], abs=0.02)
    assert abs(pinned.summary["calibration_shift_meV"]) > 1
    assert homodimer.summary["calibration_shift_meV"] is None


def test_heat_broadens_and_slows(homodimer, store):
    """The width follows the temperature, the Stokes shift does not, and cold excitons emit from the lowest level."""
    cold = predict_spectra(update_spec(read_spec("@homodimer"), "environment.temperature", 77), folder=store)
    assert cold.summary["homogeneous_width_meV"] < 0.6 * homodimer.summary["homogeneous_width_meV"]
    assert cold.summary["stokes_shift_meV"] == pytest.approx(homodimer.summary["stokes_shift_meV"], rel=1e-9)
    times = [sample(one, "fused")["radiative_lifetime_ns"] for one in (cold, homodimer)]
    assert times[0] < times[1]


def test_curves_and_numbers_agree(homodimer):
    data = homodimer.data
    fused = data.absorption.sel(sample="fused")
    one = sample(homodimer, "fused")
    edge = fused.where(data.energy < 2.2, drop=True)
    assert float(edge.max()) == pytest.approx(one["band_edge_cross_section_cm2"], rel=1e-3)
    assert float(fused.interp(energy=HC_EV_NM / 300)) == pytest.approx(one["cross_section_300nm_cm2"], rel=1e-6)
    assert float(np.trapezoid(data.emission.sel(sample="fused"), data.energy)) == pytest.approx(1, rel=1e-6)
    assert all("units" in data[name].attrs for name in data.data_vars)


def test_every_range_states_its_error(homodimer):
    for one in homodimer.summary["samples"]:
        ranges = one["ranges"]
        assert [part["name"] for part in ranges] == ["excitons", "pairs", "bulk"]
        assert [part["to_eV"] for part in ranges[:2]] == [part["from_eV"] for part in ranges[1:]]
        assert ranges[-1]["to_eV"] == 4.3
        assert all(0 < part["strength_error"] < 1 for part in ranges)


def test_bulk_absorbs_more_than_one_band_does(homodimer):
    """The ratio to the literature's bulk coefficient is stated, and is what one hole band leaves of three."""
    for one in homodimer.summary["samples"]:
        assert 0.1 < one["ratio_to_bulk_300nm"] < 0.35


def test_states_above_the_barrier_are_flagged(store):
    low = spec_of(DOT, overrides={"medium": {"electron_barrier": 0.6}})
    spectra = predict_spectra(low, folder=store)
    assert any("depend on the computational box" in text for text in spectra.warnings)
    flagged = [part["box_states_from_eV"] for part in spectra.summary["samples"][0]["ranges"]]
    assert flagged[0] is None
    assert flagged[1] is not None


def test_fields_of_both_signs_are_mirror_images(store):
    """A homodimer in +F is the mirror image of one in -F: the same peak, the dots exchanged."""
    sweep = predict_spectra(spec_of(DOT, DOT), folder=store, fields=[-40.0, 40.0]).summary["field"]
    assert sweep["emission_peak_eV"][0] == pytest.approx(sweep["emission_peak_eV"][1], abs=1e-7)
    assert sweep["dot_emission"][0] == pytest.approx(sweep["dot_emission"][1][::-1], abs=1e-6)
    assert sweep["switching_field_kV_cm"] == pytest.approx(0, abs=1e-3)


def test_a_field_moves_the_emission_between_unlike_dots(store):
    """Two colours: the larger dot emits to the red, and what it emits changes steadily with the field."""
    spectra = predict_spectra(spec_of(SMALL, DOT), folder=store, fields=[-60.0, 0.0, 60.0])
    sweep = spectra.summary["field"]
    small, large = np.array(sweep["dot_emission_eV"]).T
    assert np.all(small - large > 0.04)
    share = np.array(sweep["dot_emission"])
    assert share.sum(axis=1) == pytest.approx(1, abs=1e-9)
    assert np.all(share[:, 1] > 0.8)
    assert np.all(np.diff(share[:, 0]) < 0)
    assert list(spectra.data.field) == [-60.0, 0.0, 60.0]


def test_a_field_that_cannot_be_is_a_labelled_hole(store):
    """At fields that pull every level out of its dot there is no number, but a reason."""
    spectra = predict_spectra(spec_of(DOT, DOT), folder=store, fields=[0.0, 9999.0])
    assert not spectra.converged
    sweep = spectra.summary["field"]
    assert sweep["emission_peak_eV"][0] is not None
    assert sweep["emission_peak_eV"][1] is None
    assert sweep["failed"][0]["index"] == 1
    assert sweep["failed"][0]["reason"]


def test_fields_have_to_rise(store):
    with pytest.raises(InputError, match="ascending"):
        predict_spectra(spec_of(DOT, DOT), folder=store, fields=[10.0, 0.0])


def test_exchange_puts_the_bright_exciton_above_the_dark_one(store):
    plain = predict_spectra(spec_of(DOT), folder=store)
    split = predict_spectra(spec_of(DOT, calculation={"exchange": True, "coulomb": "ci"}), folder=store)
    lines = [one.summary["samples"][0]["lines"][0]["energy_eV"] for one in (plain, split)]
    assert 1e-4 < lines[1] - lines[0] < 5e-3
    times = [one.summary["samples"][0]["radiative_lifetime_ns"] for one in (plain, split)]
    assert times[1] > times[0]
    # three of four are dark and lie lower by some meV
    assert times[1] < 1.15 * times[0]


def test_what_is_stored_comes_back_without_the_solver(homodimer, store):
    code = (
        "import sys; from pathlib import Path; from qdmol.prediction import predict_spectra;"
        f"s = predict_spectra('@homodimer', folder=Path({str(store)!r}));"
        "assert 'ngsolve' not in sys.modules and 'matplotlib' not in sys.modules;"
        "print(repr(s.summary['samples'][2]['absorption_peak_eV']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) == sample(homodimer, "fused")["absorption_peak_eV"]


def test_a_temperature_that_fills_excitons_which_are_not_computed_is_refused(store):
    """With kT = 0.43 eV the population lies above the 0.8 eV of computed excitons: the emission would be anything."""
    hot = update_spec(read_spec("@homodimer"), "environment.temperature", 5000)
    with pytest.raises(InputError, match=r"at most \d+ K for the spectrum of this molecule") as caught:
        predict_spectra(hot, folder=store)
    assert caught.value.field == "environment.temperature"
    largest = int(caught.value.allowed.split()[2])
    assert 600 <= largest < 3000
    at_limit = predict_spectra(update_spec(hot, "environment.temperature", largest), folder=store)
    assert not any("excitons beyond the computed ones" in warning for warning in at_limit.warnings)
