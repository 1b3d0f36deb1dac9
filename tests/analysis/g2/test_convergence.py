"""Few counts and empty centres: no chance peak is taken for light, and the fit of an empty centre converges."""

import numpy as np

from qdmol.analysis import PairHistogram, measure_g2
from qdmol.analysis.g2.continuous import fit_dip
from qdmol.analysis.g2.overlap import fit_comb
from qdmol.analysis.g2.peaks import Comb

BIN_NS = 0.25


def test_steady_light_of_few_pairs_has_no_peak():
    """Seven pairs in four bins beside two in the 24 next to them are chance among thousands of places."""
    counts = np.zeros(4001, dtype=np.int64)
    counts[::9] = 1
    counts[2300:2340] = 0
    counts[[2305, 2335]] = 1
    counts[2320:2324] = [2, 2, 2, 1]
    pairs = PairHistogram(counts=counts, bin_width_ns=BIN_NS, first_lag_ns=-500.0)
    assert not fit_dip(pairs).found


def test_an_empty_centre_between_sharp_peaks_converges():
    rng = np.random.default_rng(3)
    period, lifetime = 25.0, 3.0
    lag = np.arange(-500.0, 500.0, BIN_NS)
    orders = np.arange(-24, 25)
    for _ in range(4):
        places = np.concatenate([rng.laplace(k * period, lifetime, rng.poisson(60)) for k in orders if k != 0])
        counts = np.histogram(places, np.append(lag, lag[-1] + BIN_NS))[0]
        pairs = PairHistogram(counts=counts, bin_width_ns=BIN_NS, first_lag_ns=-500.0 + BIN_NS / 2)
        fit = fit_comb(pairs, Comb(period, 0.0, 0, found=True), fixed_period=False)
        assert fit.settled
        found = measure_g2(pairs, method="pulsed")
        assert found.side_low == 0.0
        assert found.side < 0.1
