"""Decays in bins of unequal width: the fit counts whole bins, so their widths do not bias it."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.stats import exponnorm

from qdmol import load
from qdmol.analysis import Decay, Response, analyze_photons, fit_lifetime
from qdmol.errors import InputError
from qdmol.plot import decay as draw_decay

# fine bins over the rise, then logarithmic ones
EDGES = np.concatenate((np.linspace(0.0, 4.0, 41), 4.0 + np.geomspace(0.1, 3000.0, 60)))


def mean_counts(edges, parts, *, background_per_ns, sigma=0.15, pulse=2.0):
    mean = background_per_ns * np.diff(edges)
    for photons, tau in parts:
        mean = mean + photons * np.diff(exponnorm(tau / sigma, loc=pulse, scale=sigma).cdf(edges))
    return mean


def logarithmic(seed, parts, *, background_per_ns=0.01, edges=EDGES):
    counts = np.random.default_rng(seed).poisson(mean_counts(edges, parts, background_per_ns=background_per_ns))
    return Decay(counts, 1.0, uneven_edges_ns=edges)


def test_edges_and_parts():
    decay = Decay([1, 2, 3], 1.0, period_ns=100.0, uneven_edges_ns=[0.5, 1.0, 3.0, 10.0])
    assert (decay.bin_width_ns, decay.first_bin_ns) == (0.5, 0.5)
    assert decay.edges_ns.tolist() == [0.5, 1.0, 3.0, 10.0]
    assert decay.part(1, 3).edges_ns.tolist() == [1.0, 3.0, 10.0]
    assert Decay([1, 2, 3], 1.0, period_ns=5.0, uneven_edges_ns=[0.0, 1.0, 3.0, 10.0]).edges_ns[-1] == 5.0
    for edges in ([0.0, 1.0, 2.0], [0.0, 2.0, 1.0, 3.0], [0.0, 1.0, 2.0, np.inf]):
        with pytest.raises(InputError, match="uneven_edges_ns"):
            Decay([1, 2, 3], 1.0, uneven_edges_ns=edges)


def test_joined_bins_give_the_lifetimes_of_the_fine_ones():
    fine = np.arange(0.0, 200.001, 0.05)
    counts = np.random.default_rng(2).poisson(mean_counts(fine, [(5e4, 4.0), (5e4, 30.0)], background_per_ns=2.0))
    # every edge of the joined bins is one of the fine ones
    places = np.unique(np.concatenate((np.arange(0, 120), np.geomspace(120, len(counts), 80).astype(int))))
    joined = Decay(np.add.reduceat(counts, places[:-1]), 1.0, uneven_edges_ns=fine[places])
    even = fit_lifetime(Decay(counts, 0.05), response=Response.gaussian())
    uneven = fit_lifetime(joined, response=Response.gaussian())
    assert uneven.model == even.model
    error = 0.5 * (even.high_ns - even.low_ns) / 1.96
    assert np.all(np.abs(uneven.components_ns - even.components_ns) < 0.25 * error)
    assert uneven.background_per_bin == pytest.approx(even.background_per_bin, rel=0.02)
    assert uneven.goodness > 1e-3


@pytest.mark.parametrize(
    "response", [None, Response.gaussian(), Response.none(start_ns=3.0)], ids=["auto", "gaussian", "tail"]
)
def test_two_lifetimes_over_three_decades(response):
    fit = fit_lifetime(logarithmic(1, [(1e5, 5.0), (1e5, 200.0)]), response=response)
    assert fit.components_ns == pytest.approx([200.0, 5.0], rel=0.03)
    assert fit.goodness > 1e-3
    assert not {"afterglow", "filled_range"} & {flag.name for flag in fit.flags}


def test_a_measured_response():
    fine = np.arange(0.0, 4.0, 0.05)
    response = np.random.default_rng(3).poisson(2e4 * np.exp(-0.5 * ((fine - 1.2) / 0.15) ** 2))
    measured = Response.measured(response, bin_width_ns=0.05)
    fit = fit_lifetime(logarithmic(4, [(1e5, 20.0)]), response=measured)
    assert fit.components_ns == pytest.approx([20.0], rel=0.02)
    assert fit.shift_ns == pytest.approx(0.8, abs=0.05)  # centre of a bin of the response


def test_a_response_in_unequal_bins_is_refused(tmp_path):
    response, edges = logarithmic(7, [(1e4, 0.2)]), EDGES
    rows = zip(edges[:-1], edges[1:], response.counts, strict=True)
    text = "bin start (ns),bin end (ns),IRF\n" + "\n".join(f"{a:.12g},{b:.12g},{n:.0f}" for a, b, n in rows)
    (tmp_path / "irf.csv").write_text(text)
    (tmp_path / "decay.csv").write_text(text.replace("IRF", "decay"))
    for given in (tmp_path / "irf.csv", response):
        with pytest.raises(InputError, match="bins of unequal width"):
            analyze_photons(tmp_path / "decay.csv", response=given)


def test_a_stated_period_folds_later_pulses():
    period = 50.0
    edges = np.concatenate((np.linspace(0.0, 4.0, 41), 4.0 + np.geomspace(0.1, 46.0, 40)))
    mean = sum(mean_counts(edges + k * period, [(2e5, 30.0)], background_per_ns=0.0) for k in range(12))
    counts = np.random.default_rng(5).poisson(mean)
    fit = fit_lifetime(
        Decay(counts, 1.0, period_ns=period, uneven_edges_ns=edges), response=Response.gaussian(), model="1"
    )
    assert fit.components_ns == pytest.approx([30.0], rel=0.05)
    beyond = Decay([*counts, 10_000], 1.0, period_ns=period, uneven_edges_ns=[*edges, 80.0])
    flags = {flag.name for flag in fit_lifetime(beyond, response=Response.gaussian(), model="1").flags}
    assert "beyond_period" in flags


def test_file_to_figure(tmp_path):
    decay = logarithmic(6, [(1e5, 5.0), (1e5, 200.0)])
    rows = zip(EDGES[:-1], EDGES[1:], decay.counts, strict=True)
    text = "bin start (ns),bin end (ns),counts\n" + "\n".join(f"{a:.12g},{b:.12g},{n:.0f}" for a, b, n in rows)
    (tmp_path / "log.csv").write_text(text)
    analysis = analyze_photons(tmp_path / "log.csv")
    assert analysis.lifetime.components_ns == pytest.approx([200.0, 5.0], rel=0.03)
    assert analysis.data["decay_bin_width"].values == pytest.approx(np.diff(EDGES))
    upper = draw_decay(analysis)[0]
    assert upper.get_ylabel() == "Counts per ns"
    assert upper.get_xscale() == "log"
    counts = next(line for line in upper.get_lines() if line.get_label() == "counts")
    assert np.nansum(counts.get_ydata() * np.diff(EDGES)) == pytest.approx(decay.photons)
    plt.close(upper.figure)
    analysis.save(tmp_path / "log.nc")
    again = load(tmp_path / "log.nc")
    assert again.decay.uneven_edges_ns == pytest.approx(EDGES)
    assert again.histogram["curves"][0]["equal_bins"] is False


@pytest.mark.slow
@pytest.mark.parametrize(("photons", "taus"), [(3000, (20.0,)), (1e5, (5.0, 100.0))])
def test_coverage(photons, taus):
    inside, trials = np.zeros(len(taus)), 300
    for seed in range(trials):
        decay = logarithmic(seed, [(photons / len(taus), tau) for tau in taus])
        fit = fit_lifetime(decay, response=Response.gaussian(), model=str(len(taus)))
        truth = np.sort(taus)[::-1]
        inside += (fit.low_ns <= truth) & (truth <= fit.high_ns)
    # 95 % within three standard deviations of 300 trials
    assert np.all(np.abs(inside / trials - 0.95) < 0.038), inside / trials
