"""The SYNC input of T2 recordings: pulses of a laser, or the photons of a second detector."""

from pathlib import Path

import numpy as np
import pytest
from tests.photons import generators as make

from qdmol.photons import SYNC_CHANNEL, Records, channel_label, read_photons, with_sync_detector
from qdmol.photons.synchronising import holds_photons

CASES = Path(__file__).parent / "cases"


def test_events_at_irregular_times_are_photons():
    rng = np.random.default_rng(0)
    assert holds_photons(np.cumsum(rng.exponential(1e6, 3000)).astype(np.int64), tick_ps=1.0)
    # a dead time of a third of the mean interval
    assert holds_photons(np.cumsum(5e5 + rng.exponential(1e6, 3000)).astype(np.int64), tick_ps=1.0)
    # photons of pulsed light: multiples of the period, but few of them
    pulses = np.cumsum(rng.geometric(0.02, 3000)) * 12_500
    assert holds_photons((pulses + rng.exponential(800, 3000)).astype(np.int64), tick_ps=1.0)


def test_pulses_are_no_photons():
    rng = np.random.default_rng(1)
    comb = np.arange(4000) * 12_500
    assert not holds_photons(comb, tick_ps=1.0)
    assert not holds_photons(comb[rng.random(4000) < 0.3], tick_ps=1.0)  # most of them missing
    assert not holds_photons(np.sort(comb + rng.normal(0, 600, 4000)).astype(np.int64), tick_ps=1.0)  # jitter
    assert not holds_photons(np.arange(20) ** 3, tick_ps=1.0)  # too few to tell


def test_the_case_has_both_detectors():
    stream = with_sync_detector(read_photons(CASES / "hbt_sync_and_input1.ptu"))
    records = stream.load()
    assert np.bincount(records.channels)[[0, SYNC_CHANNEL]].tolist() == [35066, 34934]
    assert len(records.sync_times) == 0
    assert stream.sync_period_ps is None
    assert bool((np.diff(records.times) >= 0).all())
    assert any("SYNC" in note for note in stream.notes)
    assert channel_label(SYNC_CHANNEL) == "sync"


def test_a_laser_on_the_sync_input_stays_a_laser(tmp_path):
    rng = np.random.default_rng(2)
    times = np.sort(rng.integers(0, 10**9, 3000))
    records = Records(
        times=times,
        channels=rng.integers(0, 2, 3000).astype(np.uint8),
        sync_times=np.arange(0, 10**9, 12_500 * 64, dtype=np.int64),
    )
    stream = make.in_memory(records, mode="T2", tick_ps=1.0, duration_s=1e-3)
    back = read_photons(make.write_ptu(tmp_path / "laser.ptu", stream, kind=make.HYDRAHARP_T2))
    back = with_sync_detector(back).load()
    assert set(np.unique(back.channels).tolist()) == {0, 1}
    assert len(back.sync_times) == 1250
    assert (np.diff(back.sync_times) == 12_500 * 64).all()


@pytest.mark.parametrize("name", ["one_emitter.ptu", "thermal_g2_is_2.ptu"])
def test_other_recordings_are_as_they_were(name):
    stream = read_photons(CASES / name)
    assert with_sync_detector(stream) is stream
