"""Measured recordings and decays, with what is known of them."""

import zipfile

import pytest

from qdmol.analysis import Response, decay_of, decays_of, fit_lifetime, read_decay
from qdmol.analysis.lifetime.reading import read_response
from qdmol.errors import InputError
from qdmol.photons.reading import read_photons


def test_the_dye_has_its_lifetime(data_folder):
    decay = decay_of(read_photons(data_folder / "photons/picoharp_a42f_point_1.pt3"))
    assert decay.photons == 191_790
    fit = fit_lifetime(decay)
    assert fit.model == "1 exponential"
    assert fit.components_ns[0] == pytest.approx(3.98, rel=0.01)
    assert fit.goodness > 0.01
    # the foot of the rise, before the next pulse, is not called afterglow
    assert "rise_before_pulse" in {flag.name for flag in fit.flags}
    tail = fit_lifetime(decay, response=Response.none(start_ns=4.0))
    assert tail.components_ns[0] == pytest.approx(3.98, rel=0.01)


def test_the_5_mhz_recording_is_the_same_in_both_channels(data_folder):
    first, second = decays_of(read_photons(data_folder / "photons/hydraharp_v20_t3.ptu")).values()
    assert (first.photons, second.photons) == (45_012, 32_871)
    one, other = fit_lifetime(first), fit_lifetime(second)
    assert one.model == other.model == "2 exponentials"
    # two detectors, one sample: lifetimes agree within their intervals
    assert (one.low_ns < other.high_ns).all()
    assert (other.low_ns < one.high_ns).all()
    assert one.goodness > 0.01 < other.goodness


def test_detectors_of_the_80_mhz_recording_are_laid_on_each_other(data_folder):
    decay = decay_of(read_photons(data_folder / "photons/hydraharp_t3_80mhz_hbt.ptu"))
    assert "-1.056 ns" in decay.notes[0]
    fit = fit_lifetime(decay)
    assert fit.components_ns.min() == pytest.approx(0.132, abs=0.005)


def test_subtracted_backgrounds_of_one_laboratory_come_out_alike(data_folder, tmp_path):
    with zipfile.ZipFile(data_folder / "decays/perovskite_trpl_raw.zip") as archive:
        archive.extractall(tmp_path)
    levels = []
    for name in ("G700_N0", "G600_N0", "F600_N0"):
        decay = read_decay(tmp_path / f"{name}_raw.csv")
        assert decay.bin_width_ns == pytest.approx(0.05)
        levels.append(float(decay.notes[0].split("(value +")[1].split(")")[0]))
    # files with steps of 1 and 0.2 stand on one dark level
    assert max(levels) < 1.15 * min(levels)
    with pytest.raises(InputError, match="smoothed"):
        read_decay(tmp_path / "G700_N0.csv", unit="ns", column=2)


def test_measured_responses_are_read(data_folder):
    path = data_folder / "decays/irfs/irf_520nm.csv"
    response = read_response(path, unit="ns")
    assert response.bin_width_ns == pytest.approx(0.025)
    assert response.counts.max() > 0
    with pytest.raises(InputError, match="--unit"):
        read_response(path)


@pytest.mark.parametrize("name", ["G520_N0", "G700_N0", "F600_N0"])
def test_measured_decays_lie_on_their_response(name, data_folder, tmp_path):
    with zipfile.ZipFile(data_folder / "decays/perovskite_trpl_raw.zip") as archive:
        archive.extract(f"{name}_raw.csv", tmp_path)
    response = read_response(data_folder / "decays/irfs/irf_745nm.csv", unit="ns")
    fit = fit_lifetime(read_decay(tmp_path / f"{name}_raw.csv"), response=response)
    # both files have their maximum at 0 ns
    assert fit.shift_ns == pytest.approx(0.0, abs=0.1)
    assert fit.fitted.sum() > 6000
