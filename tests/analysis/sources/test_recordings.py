"""The simulator of recordings against closed forms."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from tests.analysis.sources.emitters import (
    DARK,
    Emitter,
    Interaction,
    State,
    flickering,
    power_law,
    power_law_dwells,
    several_levels,
    telegraph,
)
from tests.analysis.sources.recordings import (
    AFTERPULSE,
    BACKGROUND,
    MANY,
    Detector,
    Light,
    after_pulses,
    continuous,
    superposed_copies,
)

PERFECT = Detector(efficiency=1.0)
PERIOD_NS = 400.0
SECONDS = 0.4  # a million pulses


def bright(yield_=1.0, ratio=0.0, lifetime_ns=10.0):
    return State(quantum_yield=yield_, lifetime_ns=lifetime_ns, biexciton_yield=ratio * yield_)


def pulse_counts(recording):
    """Photons (pulses, 2) of each detector after each pulse."""
    records = recording.stream.load()
    pulses = round(recording.duration_s * 1e9 / PERIOD_NS)
    return np.stack([np.bincount(records.times[records.channels == k], minlength=pulses) for k in (0, 1)], axis=1)


def within_pulse(recording):
    """g2 of photons of one pulse and its standard error."""
    counts = pulse_counts(recording)
    pairs = int((counts[:, 0] * counts[:, 1]).sum())
    level = counts[:, 0].mean() * counts[:, 1].mean() * len(counts)
    return pairs / level, np.sqrt(max(pairs, 1)) / level


def assert_g2(recording, expected):
    g2, error = within_pulse(recording)
    assert abs(g2 - expected) < 4.0 * error, (g2, expected, error)


def cascade_g2(mean, ratio, *, all_higher=False):
    """g2 of a Poisson number of excitons in which the steps above the exciton have `ratio` times its yield."""
    chance = stats.poisson.pmf(np.arange(60), mean)
    n = np.arange(60)
    if not all_higher:
        n = np.minimum(n, 2)
    above = np.maximum(n - 1, 0)
    photons = chance @ (ratio * above + (n > 0))
    pairs = chance @ (ratio**2 * above * (above - 1) + 2.0 * ratio * above)
    return pairs / photons**2


@pytest.mark.parametrize(
    ("mean", "ratio", "truncated", "untruncated"),
    [(0.1, 0.1, 0.1023, 0.1061), (1.0, 0.1, 0.1219, 0.1703), (0.5, 0.5, 0.4690, 0.5801), (1.0, 1.0, 0.6578, 1.0)],
)
def test_biexciton_cascade(mean, ratio, truncated, untruncated):
    """Pairs of one pulse for a Poisson number of excitons, the table of closed forms included."""
    assert cascade_g2(mean, ratio) == pytest.approx(truncated, abs=1e-4)
    assert cascade_g2(mean, ratio, all_higher=True) == pytest.approx(untruncated, abs=1e-4)
    emitter = Emitter(mean, bright(ratio=ratio))
    rng = np.random.default_rng(1)
    for most, expected in ((2, truncated), (MANY, untruncated)):
        light = Light((PERFECT, PERFECT), most_excitons=most)
        recording = after_pulses(rng, (emitter,), period_ns=PERIOD_NS, duration_s=0.3 * SECONDS, light=light)
        assert_g2(recording, expected)


@pytest.mark.parametrize("brightness", [(1.0, 1.0), (1.0, 0.4), (1.0, 1.0, 1.0), (1.0, 0.5, 0.25, 0.25, 1.0)])
def test_independent_emitters(brightness):
    """1 - sum of p_i^2 (1 - g_i) with the shares p_i of the photons."""
    emitters = tuple(Emitter(0.05 * each, bright(ratio=0.1)) for each in brightness)
    light = Light((PERFECT, PERFECT))
    recording = after_pulses(
        np.random.default_rng(2), emitters, period_ns=PERIOD_NS, duration_s=2 * SECONDS, light=light
    )
    photons = np.bincount(recording.photon_emitter)
    shares = np.array(brightness) / np.sum(brightness)
    assert np.abs(photons / photons.sum() - shares).max() < 4.0 / np.sqrt(photons.sum())
    own = np.array([cascade_g2(each.excitation, 0.1) for each in emitters])
    means = np.array([-np.expm1(-m) + 0.1 * (1 - np.exp(-m) * (1 + m)) for m in 0.05 * np.array(brightness)])
    p = means / means.sum()
    assert_g2(recording, 1.0 - p**2 @ (1.0 - own))


@pytest.mark.parametrize("annihilation", [0.0, 0.1, 1.0])
def test_annihilating_pair(annihilation):
    """Of two excitons on two emitters both are emitted with probability 2 k / (2 k + a)."""
    mean, k = 0.05, 0.1
    light = Light((PERFECT, PERFECT))
    recording = after_pulses(
        np.random.default_rng(3),
        (Emitter(mean, bright()),) * 2,
        period_ns=PERIOD_NS,
        duration_s=2 * SECONDS,
        interaction=Interaction(annihilation),
        light=light,
    )
    p = -np.expm1(-mean)
    both = 2.0 * k / (2.0 * k + annihilation)
    photons = 2.0 * p - p**2 * (1.0 - both)
    assert_g2(recording, 2.0 * p**2 * both / photons**2)


def test_energy_transfer():
    """Donor: rate k + t, share k / (k + t); the acceptor emits the remainder with both time constants."""
    k, t = 0.05, 0.15
    emitters = (Emitter(0.02, bright(lifetime_ns=1 / k)), Emitter(0.0, bright(lifetime_ns=5.0)))
    light = Light((PERFECT, PERFECT), tick_ps=1.0)
    recording = after_pulses(
        np.random.default_rng(4),
        emitters,
        period_ns=PERIOD_NS,
        photons=40_000,
        interaction=Interaction(transfer_per_ns={(0, 1): t}),
        light=light,
    )
    delays = recording.stream.load().delays * 1e-3
    donor = recording.photon_emitter == 0
    assert donor.mean() == pytest.approx(k / (k + t), abs=0.01)
    assert stats.kstest(delays[donor], stats.expon(scale=1 / (k + t)).cdf).pvalue > 1e-3
    assert delays[~donor].mean() == pytest.approx(1 / (k + t) + 5.0, rel=0.02)


def test_two_levels_under_continuous_light():
    """g2 = 1 - exp(-(w + k) t), rate w k / (w + k)."""
    pump, lifetime_ns = 0.02, 20.0
    recording = continuous(
        np.random.default_rng(5), (Emitter(pump, bright(lifetime_ns=lifetime_ns)),), photons=400_000,
        light=Light((PERFECT, PERFECT), tick_ps=10.0, most_excitons=1),
    )  # fmt: skip
    records = recording.stream.load()
    times = records.times * 1e-2
    k = 1.0 / lifetime_ns
    assert len(times) / recording.duration_s * 1e-9 == pytest.approx(pump * k / (pump + k), rel=0.01)
    first, second = times[records.channels == 0], times[records.channels == 1]
    edges = np.array([0.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0])
    pairs = np.diff([(np.searchsorted(second, first + edge) - np.searchsorted(second, first)).sum() for edge in edges])
    level = len(first) * len(second) / (recording.duration_s * 1e9) * np.diff(edges)
    s = pump + k
    expected = 1.0 + np.diff(np.exp(-s * edges)) / s / np.diff(edges)
    assert np.abs(pairs / level - expected).max() < 4.0 * np.sqrt(1.0 / level.min())


def test_excitons_outlive_the_period():
    """A lifetime of two periods: photons after one pulse know those before, and none is lost."""
    light = Light((PERFECT, PERFECT), most_excitons=MANY)
    emitter = Emitter(0.05, State(1.0, 800.0, 1.0, 800.0))
    recording = after_pulses(np.random.default_rng(6), (emitter,), period_ns=PERIOD_NS, duration_s=SECONDS, light=light)
    # above one exciton the rate is that of one, so compare the number only
    assert len(recording.photon_emitter) == pytest.approx(0.05 * SECONDS * 1e9 / PERIOD_NS, rel=0.02)
    assert recording.stream.load().delays.max() * 16e-3 <= PERIOD_NS


def test_fast_dark_state_bunches():
    """Side peaks are 1 + (1 - p) / p exp(-(a + b) t) of the level of independent photons."""
    emitter = Emitter(0.2, bright(), fast_bright_us=3.0, fast_dark_us=6.0)
    recording = after_pulses(
        np.random.default_rng(7), (emitter,), period_ns=PERIOD_NS, duration_s=2 * SECONDS,
        light=Light((PERFECT, PERFECT)),
    )  # fmt: skip
    counts = pulse_counts(recording)
    level = counts[:, 0].mean() * counts[:, 1].mean() * len(counts)
    for lag in (1, 5, 20):
        g2 = (counts[:-lag, 0] * counts[lag:, 1]).sum() / level
        expected = 1.0 + 2.0 * np.exp(-(1 / 3 + 1 / 6) * lag * PERIOD_NS * 1e-3)
        assert g2 == pytest.approx(expected, abs=0.05)
    assert counts.sum(axis=1).mean() == pytest.approx(-np.expm1(-0.2) / 3, rel=0.02)


def test_decay_response_and_offset():
    light = Light((replace(PERFECT, jitter_ns=0.5, offset_ns=30.0), replace(PERFECT, offset_ns=25.0)), tick_ps=4.0)
    recording = after_pulses(
        np.random.default_rng(8), (Emitter(0.05, bright()),), period_ns=PERIOD_NS, photons=20_000, light=light
    )
    records = recording.stream.load()
    delays = records.delays * 4e-3
    assert np.all(np.diff(records.times) >= 0)
    exact = delays[records.channels == 1] - 25.0
    assert stats.kstest(exact, stats.expon(scale=10.0).cdf).pvalue > 1e-3
    blurred = delays[records.channels == 0] - 30.0
    assert stats.kstest(blurred, stats.exponnorm(20.0, scale=0.5).cdf).pvalue > 1e-3


def test_dead_time_afterpulses_and_dark_counts():
    detector = Detector(efficiency=0.5, dead_ns=2000.0, afterpulsing=0.05, afterpulse_ns=100.0, dark_hz=2e4)
    light = Light((detector, replace(detector, dead_ns=0.0, afterpulsing=0.0)), background_hz=2e5)
    recording = continuous(np.random.default_rng(9), (Emitter(0.0, bright()),), duration_s=0.5, light=light)
    records = recording.stream.load()
    first, second = (records.times[records.channels == k] * 16e-3 for k in (0, 1))
    assert len(second) == pytest.approx(0.5 * 1.2e5, rel=0.02)
    # non-paralysable dead time; a tick is 16 ps
    assert np.diff(first).min() >= 2000.0 - 0.032
    labels = recording.photon_emitter[records.channels == 0]
    # within one dead time of the true count nothing competes but new light
    afterpulses = np.count_nonzero(labels == AFTERPULSE) / np.count_nonzero(labels)
    assert afterpulses == pytest.approx(0.05 / (1.0 + 1.2e5 * 100e-9), rel=0.1)
    lit = np.count_nonzero(labels == BACKGROUND) / 0.5
    assert lit == pytest.approx(1.2e5 * (1.0 - len(first) / 0.5 * 2e-6), rel=0.02)
    assert set(np.unique(labels)) == {AFTERPULSE, BACKGROUND}


def test_background_fraction_and_drift():
    light = Light((PERFECT, PERFECT), background_fraction=0.3, drift=-0.5)
    recording = after_pulses(
        np.random.default_rng(10), (Emitter(0.05, bright()),), period_ns=PERIOD_NS, photons=60_000, light=light
    )
    stray = recording.photon_emitter == BACKGROUND
    assert stray.mean() == pytest.approx(0.3, abs=0.01)
    times = recording.stream.load().times[~stray] * PERIOD_NS * 1e-9 / recording.duration_s
    assert len(stray) == pytest.approx(60_000, rel=0.05)
    # density (1 - x / 2) / 0.75
    assert times.mean() == pytest.approx((0.5 - 1 / 6) / 0.75, abs=0.01)


def test_telegraph():
    draw = telegraph(0.2, 0.1, State(0.1, 3.0))
    path = draw(np.random.default_rng(11), bright(), 300.0)
    assert path.edges_s[-1] == 300.0
    assert np.all(np.diff(path.state) != 0)
    inner = path.dwells_s[:-1]
    for state, mean in ((0, 0.2), (1, 0.1)):
        assert stats.kstest(inner[path.state[:-1] == state], stats.expon(scale=mean).cdf).pvalue > 1e-3


@pytest.mark.parametrize(("exponent", "cutoff"), [(1.5, np.inf), (1.0, np.inf), (1.8, 0.5)])
def test_power_law(exponent, cutoff):
    drawn = power_law_dwells(
        np.random.default_rng(12), 5000, exponent=exponent, shortest_s=0.01, longest_s=10.0, cutoff_s=cutoff
    )
    grid = np.geomspace(0.01, 10.0, 20001)
    density = grid**-exponent * np.exp(-grid / cutoff)
    steps = 0.5 * (density[1:] + density[:-1]) * np.diff(grid)
    cdf = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()
    assert stats.kstest(drawn, lambda t: np.interp(t, grid, cdf)).pvalue > 1e-3


def test_grey_state_has_its_own_lifetime():
    grey = State(0.2, 3.0)
    emitter = Emitter(0.1, bright(), telegraph(0.01, 0.01, grey))
    recording = after_pulses(
        np.random.default_rng(13), (emitter,), period_ns=PERIOD_NS, photons=40_000, light=Light((PERFECT, PERFECT))
    )
    records = recording.stream.load()
    assert len(records) == pytest.approx(40_000, rel=0.05)
    state = recording.trajectories[0].at(records.times * PERIOD_NS * 1e-9)
    delays = records.delays * 16e-3
    assert delays[state == 0].mean() == pytest.approx(10.0, rel=0.05)
    assert delays[state == 1].mean() == pytest.approx(3.0, rel=0.05)
    time = recording.trajectories[0].dwells_s
    rates = [np.count_nonzero(state == k) / time[recording.trajectories[0].state == k].sum() for k in (0, 1)]
    assert rates[1] / rates[0] == pytest.approx(0.2, abs=0.02)


def test_flickering_lifetime_follows_intensity():
    emitter = Emitter(0.02, bright(), flickering(0.02, lowest=0.1))
    recording = after_pulses(
        np.random.default_rng(14), (emitter,), period_ns=PERIOD_NS, photons=60_000, light=Light((PERFECT, PERFECT))
    )
    records = recording.stream.load()
    path = recording.trajectories[0]
    factor = np.array([each.quantum_yield for each in path.states])[path.at(records.times * PERIOD_NS * 1e-9)]
    delays = records.delays * 16e-3
    for low, high in ((0.1, 0.4), (0.4, 0.7), (0.7, 1.0)):
        inside = (factor >= low) & (factor < high)
        assert delays[inside].mean() == pytest.approx(10.0 * factor[inside].mean(), rel=0.03)
    assert len(recording.switches_s) == pytest.approx(recording.duration_s / 0.02, rel=0.2)
    assert np.all(np.diff(several_levels((1.0, 0.5), 0.1)(np.random.default_rng(1), bright(), 9.0).state) != 0)


@pytest.mark.parametrize("charging", ["together", "quenching"])
def test_shared_charging(charging):
    emitters = (Emitter(0.1, bright(), telegraph(0.02, 0.01, DARK)),) * 2
    recording = after_pulses(
        np.random.default_rng(15), emitters, period_ns=PERIOD_NS, duration_s=3.0, light=Light((PERFECT, PERFECT)),
        interaction=Interaction(charging=charging),
    )  # fmt: skip
    first, second = recording.trajectories
    assert np.array_equal(first.edges_s, second.edges_s)
    assert np.array_equal(first.state, second.state)
    on = float(first.dwells_s[first.state == 0].sum() / first.edges_s[-1])
    assert on == pytest.approx(2 / 3 if charging == "together" else 4 / 9, abs=0.08)
    assert len(recording.photon_emitter) == pytest.approx(on * 2 * 0.0952 * 3.0 * 1e9 / PERIOD_NS, rel=0.03)


def test_power_law_recording_has_the_photons_asked_for():
    emitters = (Emitter(0.1, bright(), power_law()),) * 2
    recording = after_pulses(np.random.default_rng(16), emitters, photons=100_000, light=Light((PERFECT, PERFECT)))
    assert len(recording.photon_emitter) == pytest.approx(100_000, rel=0.05)
    assert recording.emitters == 2
    assert all(each.edges_s[-1] == recording.duration_s for each in recording.trajectories)


def test_seed_decides():
    first, second = (after_pulses(np.random.default_rng(17), (Emitter(),), photons=1000) for _ in range(2))
    assert np.array_equal(first.stream.load().delays, second.stream.load().delays)


@pytest.mark.parametrize("number", [1, 2, 5])
def test_superposed_copies(number):
    """Copies keep photons, delays and pulses of each; independent copies give 1 - (1 - g) / n."""
    single = after_pulses(
        np.random.default_rng(18), (Emitter(0.1, bright(ratio=0.1)),), period_ns=PERIOD_NS, duration_s=SECONDS,
        light=Light((PERFECT, PERFECT)),
    )  # fmt: skip
    shifts = np.arange(number) * 100_003 + 17
    mixed = superposed_copies(single.stream, shifts)
    records, before = mixed.load(), single.stream.load()
    assert len(records) == number * len(before)
    assert np.all(np.diff(records.times) >= 0)
    assert np.array_equal(np.bincount(records.delays), number * np.bincount(before.delays))
    last = int(before.times[-1]) + 1
    moved = np.sort(np.concatenate([(before.times + shift) % last for shift in shifts]))
    assert np.array_equal(records.times, moved)
    assert_g2(replace(single, stream=mixed), 1.0 - (1.0 - cascade_g2(0.1, 0.1)) / number)
