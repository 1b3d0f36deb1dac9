"""Decays that once gave a wrong lifetime or none, with the right values."""

from pathlib import Path

import numpy as np
import pytest
from tests.analysis.lifetime.decays import draw_decay

from qdmol.analysis import Decay, Response, fit_lifetime, read_decay
from qdmol.analysis.lifetime.reading import read_response
from qdmol.errors import SolverError

CASES = Path(__file__).parent / "cases"


def names(fit):
    return {flag.name for flag in fit.flags}


def holds(fit, *lifetimes_ns):
    return len(fit.components_ns) == len(lifetimes_ns) and bool(
        ((fit.low_ns < lifetimes_ns) & (lifetimes_ns < fit.high_ns)).all()
    )


def is_near(fit, *lifetimes_ns, rel=0.1):
    return np.asarray(fit.components_ns) == pytest.approx(lifetimes_ns, rel=rel)


@pytest.mark.parametrize("period_ns", [None, 99.84])
@pytest.mark.parametrize("channels", [8192, 65_536])
def test_a_histogram_padded_with_zeros(channels, period_ns):
    decay = read_decay(CASES / "padded_8192.dat", period_ns=period_ns)
    padded = Decay(np.pad(decay.counts, (0, channels - 8192)), decay.bin_width_ns, period_ns=period_ns)
    fit = fit_lifetime(padded)
    assert holds(fit, 20.0, 4.0)
    assert is_near(fit, 20.0, 4.0)
    assert fit.fitted.sum() == 195
    assert len(fit.curve) == channels
    assert "filled_range" in names(fit)
    assert ("period_assumed" in names(fit)) == (period_ns is None)


@pytest.mark.parametrize("period_ns", [None, 99.84])
def test_a_long_lifetime_on_a_short_period_in_a_padded_histogram(period_ns):
    decay = read_decay(CASES / "long_tail.dat", period_ns=period_ns)
    padded = Decay(np.pad(decay.counts, (0, 65_536 - 195)), decay.bin_width_ns, period_ns=period_ns)
    fit = fit_lifetime(padded)
    assert holds(fit, 45.0, 6.0)
    assert is_near(fit, 45.0, 6.0, rel=0.05)


def test_the_longer_of_two_close_lifetimes_keeps_its_lower_end():
    fit = fit_lifetime(read_decay(CASES / "decay_50ns.txt", period_ns=50.0))
    assert holds(fit, 4.05, 1.48)
    assert fit.low_ns[0] == pytest.approx(3.98, abs=0.02)
    assert (fit.fractions_low < fit.fractions).all()
    assert (fit.fractions < fit.fractions_high).all()


def test_the_shorter_of_two_close_lifetimes_stays_below_the_longer_along_its_profile():
    rng = np.random.default_rng(0)
    shares = {"lifetimes_ns": (4.5, 3.0), "shares": (0.5, 0.5), "width_ns": 0.15, "background": 0.02}
    decay = draw_decay(rng, photons=40_000, bins=250, **shares)
    fit = fit_lifetime(decay, response=Response.gaussian(width_ns=0.15, centre_ns=3.0), model="2")
    assert holds(fit, 4.5, 3.0)
    # one lifetime in place of both is 3.75 ns: the longer cannot be shorter
    assert fit.low_ns[0] > 3.5
    assert fit.high_ns[1] < 4.0


def test_an_exponential_without_background_has_an_upper_end():
    fit = fit_lifetime(read_decay(CASES / "decay_12p5ns.txt", period_ns=12.5))
    assert fit.low_ns[0] == pytest.approx(3.874, abs=0.003)
    assert fit.high_ns[0] == pytest.approx(4.045, abs=0.003)
    assert "open_interval" not in names(fit)


@pytest.mark.parametrize("name", ["irf_normalised.txt", "irf_smooth.txt"])
def test_a_response_need_not_be_counts(name):
    fit = fit_lifetime(read_decay(CASES / "decay_two.txt"), response=read_response(CASES / name))
    assert holds(fit, 3.0, 0.8)


@pytest.mark.parametrize("name", ["horiba.txt", "latin1_microseconds.txt"])
def test_a_unit_is_read(name):
    fit = fit_lifetime(read_decay(CASES / name))
    assert holds(fit, 20.0, 3.0)


@pytest.mark.parametrize("column", [2, "2", "QD film", "qd film"])
def test_one_decay_of_a_file_is_chosen_by_number_or_name(column):
    assert holds(fit_lifetime(read_decay(CASES / "irf_and_decay.csv", column=column)), 20.0, 3.0)


def test_a_response_is_no_decay():
    with pytest.raises(SolverError, match="faster than the resolution of response and bins"):
        fit_lifetime(read_decay(CASES / "irf_and_decay.csv", column=1))


def test_a_component_below_the_bins_is_no_lifetime():
    # a rise within a bin and a bin of scattered light
    rng = np.random.default_rng(2)
    delays = 10 * 0.4 + rng.exponential(22.0, 1_000_000)
    scattered = np.full(5000, 10.05 * 0.4)
    counts = np.histogram(np.concatenate((delays, scattered)) % 100, bins=250, range=(0, 100))[0]
    fit = fit_lifetime(Decay(counts + rng.poisson(2, 250), 0.4, period_ns=100.0))
    assert holds(fit, 22.0)
    assert fit.model == "1 exponential"
    assert fit.fractions.tolist() == [1.0]
    assert fit.amplitude_average_low_ns < 22.0 < fit.amplitude_average_high_ns
    assert "unresolved_component" in names(fit)


def test_a_failed_fit_is_refused():
    rng = np.random.default_rng(3)
    with pytest.raises(SolverError, match=r"on either side|describes the counts"):
        fit_lifetime(Decay(rng.poisson(10, 500), 0.1, period_ns=50.0))
    # two pulses that no exponential follows
    double = np.histogram(np.concatenate((rng.normal(10, 1, 50_000), rng.normal(30, 1, 50_000))), 500, (0, 50))[0]
    with pytest.raises(SolverError, match="The fit failed"):
        fit_lifetime(Decay(double, 0.1), model="1")


def test_counts_beyond_the_period_are_said():
    decay = draw_decay(np.random.default_rng(4), photons=20_000, lifetimes_ns=(5.0,), period_ns=50.0)
    fit = fit_lifetime(Decay(np.append(decay.counts, decay.counts[:50]), decay.bin_width_ns, period_ns=50.0))
    assert "beyond_period" in names(fit)
    assert not fit.fitted[125:].any()


@pytest.mark.parametrize("period_ns", [None, 99.84])
def test_counts_without_a_decay_are_refused(period_ns):
    counts = np.random.default_rng(3).poisson(20.0, 1024)
    with pytest.raises(SolverError, match="constant background"):
        fit_lifetime(Decay(counts, 0.0975, period_ns=period_ns))


def test_an_interval_from_less_than_a_bin_without_an_upper_end_is_no_lifetime():
    """A stated period of a quarter of the true one leaves a stretch without the decay."""
    rng = np.random.default_rng(5)
    decay = draw_decay(rng, photons=50_000, lifetimes_ns=(5.0,), bins=1000, background=0.02, width_ns=0.1)
    late = Decay(np.roll(decay.counts, 200), 0.05, period_ns=12.5)
    with pytest.raises(SolverError):
        fit_lifetime(late)


@pytest.mark.parametrize("empty", [300, 777, 3000])
@pytest.mark.parametrize("truth", [(5.0, 50.0), (9.0, 12.5)])
def test_a_stated_period_begins_with_the_first_filled_channel(empty, truth):
    lifetime_ns, period_ns = truth
    rng = np.random.default_rng(6)
    decay = draw_decay(
        rng, photons=100_000, lifetimes_ns=(lifetime_ns,), bins=500, background=0.02, width_ns=0.1, period_ns=period_ns
    )
    counts = np.pad(decay.counts, (empty, 4096))
    fit = fit_lifetime(Decay(counts, decay.bin_width_ns, period_ns=period_ns))
    whole = fit_lifetime(decay)
    assert fit.components_ns == pytest.approx(whole.components_ns, rel=1e-3)
    assert fit.fitted.sum() == whole.fitted.sum()
    assert "beyond_period" not in names(fit)
