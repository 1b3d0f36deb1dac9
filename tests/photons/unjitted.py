"""Every compiled loop as plain Python, in which an index beyond an array raises; run with NUMBA_DISABLE_JIT=1."""

import sys
from pathlib import Path

import numpy as np
from numba.core import config
from tests.photons import generators as make
from tests.photons.fuzzing import examine, picoquant_files
from tests.photons.writers import small_files

from qdmol.analysis import correlate_log
from qdmol.analysis.g2.pairs import pair_histogram
from qdmol.analysis.kernels import (
    bin_times,
    count_delays as count_decay,
    count_products,
    count_short,
    fill_bins,
    gather,
)
from qdmol.analysis.lifetime.histogram import decay_of
from qdmol.analysis.trace import intensity_trace
from qdmol.photons import ArraySource, PhotonStream, Provenance, Records, assess_quality
from qdmol.photons.becker_hickl_kernels import decode
from qdmol.photons.picoquant_kernels import hydraharp_t2, hydraharp_t3, picoharp_t2, picoharp_t3, timeharp_t3
from qdmol.photons.quality_kernels import count_delays, count_pairs, count_photons

ODD_PERIODS = (300.0, 12_500.0, 1e9, 1e13)


def extreme_streams():
    """Streams whose times, delays and ticks are as large or as small as they may be."""
    times = np.array([0, 0, 1, 2**31, 2**40, 2**62, 2**63 - 1])
    channels = np.array([0, 255, 1, 1, 254, 7, 0], dtype=np.uint8)
    delays = np.array([0, 2**32 - 1, 5, 1, 0, 2**31, 9], dtype=np.uint32)
    for tick in (1e-3, 1.0, 1e12):
        yield PhotonStream("T2", tick, ArraySource(Records(times, channels)), Provenance("made", "T2"))
        for period in ODD_PERIODS:
            if tick <= period:
                source = ArraySource(Records(times, channels, delays))
                yield PhotonStream("T3", tick, source, Provenance("made", "T3"), sync_period_ps=period)


def mismatched():
    """Calls in which an array is shorter than the loop would go."""
    i8, u1, u4, f8, b1 = np.int64, np.uint8, np.uint32, np.float64, np.bool_
    n, short = 9, 3
    times, rows, delays = np.arange(n), np.zeros(n, u1), np.zeros(n, u4)
    counts = np.zeros((4, 2), i8)
    clock, look = (1.0, 1.0, 0, 1.0), (1, 4, 1e6)
    state, words = np.zeros(1, i8), np.zeros(n, u4)
    pairs, mutual = np.zeros((2, 10), i8), (np.zeros((0, 0, 1), i8), np.zeros((0, 0, 1), i8))
    for stretch in ((times, delays, rows[:short]), (times, delays[:short], rows)):
        last = (np.zeros(2, i8), np.zeros(2, i8), np.zeros(2, f8))
        yield "count_photons", lambda s=stretch, o=last: count_photons(0, s, clock, *o, counts, counts)
        yield (
            "count_pairs",
            lambda s=stretch: count_pairs(0, s, clock, look, state, pairs, pairs, mutual),
        )
        yield "count_delays", lambda s=stretch: count_delays((0, n), s, clock, 1, 0, 9, np.zeros((2, 1, 4), i8), state)
    kept = (np.zeros(n, i8), np.zeros(n, i8), np.zeros(n, b1))
    wanted, gate = np.array([0, 1]), np.zeros((0, 2), i8)
    yield "gather", lambda: gather((times, rows[:short], delays), wanted, gate, kept, 0)
    yield "gather", lambda: gather((times, rows, delays[:short]), wanted, gate, kept, 0)
    yield "gather", lambda: gather((times, rows, delays), wanted, gate, kept, 1)
    second, bins = np.zeros(n, b1), (np.zeros(2, np.int32), np.zeros(2, np.int32))
    tally = (np.zeros((1, 2, 1), i8), np.zeros((1, 2), i8))
    yield "count_short", lambda: count_short((times, second[:short]), 0, n, (9, 1, 9), np.zeros(64 * 63, i8), tally)
    yield "fill_bins", lambda: fill_bins((times, second), 0, n, 0, 1, bins)
    yield "fill_bins", lambda: fill_bins((times, second), 0, n, 5, 1, bins)
    yield "count_products", lambda: count_products(bins[0], bins[1], 1, 16, np.zeros(16, i8))
    yield "bin_times", lambda: bin_times(0, times, rows[:short], 0, 0.0, counts)
    yield "count_decay", lambda: count_decay(rows[:short], delays, counts)
    room = (np.zeros(short, i8), np.zeros(n, u1), np.zeros(n, u4), np.zeros(n, i8), np.zeros(n, i8), np.zeros(n, u1))
    for kernel in (hydraharp_t2, hydraharp_t3, picoharp_t2, picoharp_t3, timeharp_t3):
        yield kernel.__name__, lambda k=kernel: k(words, 1, False, 2**62, state, room)
    out = (np.zeros(n, i8), np.zeros(n, u1), np.zeros(short, u4), np.zeros(n, i8), np.zeros(n, u1))
    spc = np.zeros((n, 2), np.uint16)
    yield "decode", lambda: decode(spc, 0, n, np.zeros(8, i8), 2**62, out)
    yield "decode", lambda: decode(spc, 2, 1, np.zeros(8, i8), 2**62, out)
    yield "decode", lambda: decode(spc[:1], 0, 2, np.zeros(8, i8), 2**62, out)


def refuses(call) -> bool:
    try:
        call()
    except ValueError as error:
        return (
            "differ in length" in str(error)
            or "no room" in str(error)
            or "photon" in str(error)
            or "bins" in str(error)
        )
    return False


def main(folder: Path) -> None:
    assert config.DISABLE_JIT, "the loops are compiled"
    rng = np.random.default_rng(3)
    for path in [*picoquant_files(folder, rng), *small_files(folder, rng).values()]:
        if path.suffix != ".csv":  # its loop relies on integers that wrap around
            assert examine(path) in ("fine", "flagged"), path
    t2 = make.poisson_stream(rng, rate_hz=1e4, duration_s=0.1, tick_ps=4.0)
    t3 = make.pulsed_stream(rng, rate_hz=1e4, duration_s=0.1, tick_ps=256.0)
    for stream in (t2, t3, *extreme_streams()):
        with np.errstate(over="ignore"):
            assess_quality(stream)
    for stream in (t2, t3):
        pair_histogram(stream, window_ns=500.0)
        intensity_trace(stream, bin_s=1e-3)
        correlate_log(stream)
    decay_of(t3)
    through = [name for name, call in mismatched() if not refuses(call)]
    assert not through, through


if __name__ == "__main__":
    main(Path(sys.argv[1]))
