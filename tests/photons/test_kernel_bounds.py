"""No loop indexes by what a file claims: lengths are checked before, and nothing is read or written beside an array."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qdmol.errors import DataError
from qdmol.photons import ArraySource, PhotonStream, Provenance, Records, assess_quality
from qdmol.photons.detectors import expected_shape
from qdmol.photons.scanning import scan

ROOT = Path(__file__).parents[2]


def test_every_loop_stays_within_its_arrays(tmp_path):
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    done = subprocess.run(
        [sys.executable, "tests/photons/unjitted.py", str(tmp_path)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": paths, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


TIMES = np.arange(5)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"channels": np.zeros(4, np.uint8)}, "4 channels for 5 photons"),
        ({"channels": np.zeros(6, np.uint8)}, "6 channels for 5 photons"),
        ({"delays": np.zeros(4, np.uint32)}, "5 channels and 4 delays for 5 photons"),
        ({"markers": np.zeros(2, np.uint8)}, "2 markers for 0 marker times"),
    ],
)
def test_records_of_different_lengths_are_refused(arrays, said):
    with pytest.raises(DataError, match=said):
        Records(**{"times": TIMES, "channels": np.zeros(5, np.uint8), **arrays})


def stream(mode, tick, period, times=TIMES):
    delays = np.zeros(len(times), np.uint32) if mode == "T3" else None
    records = Records(np.asarray(times), np.zeros(len(times), np.uint8), delays)
    return PhotonStream(mode, tick, ArraySource(records), Provenance("made", mode), sync_period_ps=period)


@pytest.mark.parametrize("tick", [0.0, -1.0, 1e-4, 1e-300, 1.1e12, 1e300, np.inf, np.nan])
@pytest.mark.parametrize("mode", ["T2", "T3"])
def test_a_tick_that_no_clock_has(mode, tick):
    with pytest.raises(DataError, match="states a tick of"):
        stream(mode, tick, 1e5)


@pytest.mark.parametrize("period", [0.0, -1.0, 1e-5, 99.0, 1.1e13, 1e14, 1e300, np.inf, np.nan])
def test_a_period_that_no_laser_has(period):
    with pytest.raises(DataError, match="states a sync period of"):
        stream("T3", 1.0, period)
    found = stream("T2", 1.0, period)
    assert found.sync_period_ps is None
    assert "It is not used." in found.notes[-1]


def test_a_tick_longer_than_the_period():
    with pytest.raises(DataError, match="its delays cannot be converted to time"):
        stream("T3", 201.0, 200.0)


@pytest.mark.parametrize("times", [[-(2**63), 2**63 - 1], [-2, 2**63 - 1], [-(2**62) - 1, 2**62]])
def test_times_whose_difference_leaves_64_bits(times):
    with pytest.raises(DataError, match="more than 63 bits"):
        assess_quality(stream("T2", 1e-3, None, times))


@pytest.mark.parametrize("period", [100.0, 240.0, 260.0, 1000.0, 12_500.0])
def test_the_comb_of_fast_pulses_has_a_bounded_number_of_teeth(period, monkeypatch):
    rng = np.random.default_rng(2)
    times = np.sort(rng.integers(0, 10**6, 2000))
    # delays far beyond the period, as a damaged file has them
    records = Records(times, np.zeros(2000, np.uint8), rng.integers(0, 2**32, 2000).astype(np.uint32))
    found = scan(PhotonStream("T3", 100.0, ArraySource(records), Provenance("made", "T3"), sync_period_ps=period))
    calls = []
    interp = np.interp
    monkeypatch.setattr(np, "interp", lambda *a: calls.append(1) or interp(*a))
    shape = expected_shape(found, 0)
    assert np.isfinite(shape).all()
    assert len(calls) <= 20_010
