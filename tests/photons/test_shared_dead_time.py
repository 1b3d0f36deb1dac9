"""Detectors behind one timing circuit are found, and single emitters on two circuits are not taken for them."""

import numpy as np
import pytest
from tests.photons.generators import in_memory

from qdmol.photons import Records, assess_quality, read_photons
from qdmol.photons.detectors import has_router

DEAD_NS = 87.0


def behind(times, channels, *, dead_ns: float, shared: bool):
    """Photons that electronics with a dead time record: one circuit for both channels, or one each."""
    order = np.argsort(times, kind="stable")
    times, channels = times[order], channels[order]
    keep = np.ones(len(times), dtype=bool)
    last = {0: -np.inf, 1: -np.inf}
    for k, (time, channel) in enumerate(zip(times, channels, strict=True)):
        circuit = 0 if shared else channel
        keep[k] = time - last[circuit] >= 1e3 * dead_ns
        if keep[k]:
            last[circuit] = time
    return times[keep], channels[keep]


def light(rng, kind: str, *, period_ns: float, lifetime_ns: float, rate_hz: float = 4e5, duration_s: float = 0.25):
    """Arrival times in ps: "steady", "pulsed" or "emitter" (pulsed, one photon a pulse), or "dip" (continuous)."""
    if kind == "steady":
        return rng.uniform(0, duration_s * 1e12, rng.poisson(rate_hz * duration_s))
    if kind == "dip":
        cycles = np.cumsum(
            rng.exponential(2e3 * lifetime_ns, 1_500_000) + rng.exponential(1e3 * lifetime_ns, 1_500_000)
        )
        return cycles[rng.random(len(cycles)) < min(rate_hz * 3e-9 * lifetime_ns * 4, 1.0)][:150_000]
    pulses, chance = int(duration_s * 1e9 / period_ns), rate_hz * period_ns * 1e-9
    number = rng.random(pulses) < chance if kind == "emitter" else rng.poisson(chance, pulses)
    pulse = np.repeat(np.arange(pulses), number)
    return 1e3 * (pulse * period_ns + 2.0 + rng.exponential(lifetime_ns, len(pulse)))


def recording(times, channels, *, mode: str, period_ns: float, record_type: str = "HydraHarp T3 v2"):
    if mode == "T2":
        records = Records(times=times.astype(np.int64), channels=channels.astype(np.uint8))
        return in_memory(records, mode="T2", tick_ps=1.0, record_type=record_type)
    period = 1e3 * period_ns
    pulse = np.floor(times / period).astype(np.int64)
    delays = ((times - pulse * period) / 64).astype(np.uint32)
    order = np.lexsort((delays, pulse))
    records = Records(times=pulse[order], channels=channels[order].astype(np.uint8), delays=delays[order])
    return in_memory(records, mode="T3", tick_ps=64.0, sync_period_ps=period, record_type=record_type)


def judged(kind, mode, *, shared, period_ns=12.5, lifetime_ns=3.0, record_type="HydraHarp T3 v2", dead_ns=DEAD_NS):
    rng = np.random.default_rng(3)
    times = light(rng, kind, period_ns=period_ns, lifetime_ns=lifetime_ns)
    times, channels = behind(times, rng.integers(0, 2, len(times)), dead_ns=dead_ns, shared=shared)
    return assess_quality(recording(times, channels, mode=mode, period_ns=period_ns, record_type=record_type))


@pytest.mark.parametrize(
    ("kind", "mode", "period_ns", "lifetime_ns", "dead_ns"),
    [
        ("steady", "T2", 12.5, 3.0, 87.0),
        ("steady", "T3", 200.0, 3.0, 25.0),
        ("pulsed", "T2", 12.5, 1.0, 87.0),
        ("pulsed", "T3", 25.0, 4.0, 150.0),
        ("emitter", "T3", 12.5, 3.0, 87.0),
        ("dip", "T2", 12.5, 30.0, 60.0),
    ],
)
def test_a_common_dead_time_is_found(kind, mode, period_ns, lifetime_ns, dead_ns):
    report = judged(kind, mode, shared=True, period_ns=period_ns, lifetime_ns=lifetime_ns, dead_ns=dead_ns)
    (found,) = report.shared_dead_times
    assert found.channels == (0, 1)
    assert found.value_ns == pytest.approx(dead_ns, abs=2.0 + (1.5 * lifetime_ns if kind != "steady" else 0.0))
    assert report.flag("shared_dead_time").severity == "warning"
    assert report.shared_dead_time((1, 0)) is found


@pytest.mark.parametrize(
    ("kind", "mode", "period_ns", "lifetime_ns"),
    [
        ("steady", "T2", 12.5, 3.0),
        ("pulsed", "T3", 12.5, 3.0),
        ("emitter", "T2", 12.5, 1.0),
        ("emitter", "T2", 50.0, 10.0),
        ("emitter", "T2", 200.0, 20.0),
        ("emitter", "T3", 12.5, 4.0),
        ("emitter", "T3", 200.0, 20.0),
        ("dip", "T2", 12.5, 10.0),
        ("dip", "T2", 12.5, 100.0),
    ],
)
def test_antibunched_light_on_two_circuits_is_none(kind, mode, period_ns, lifetime_ns):
    report = judged(kind, mode, shared=False, period_ns=period_ns, lifetime_ns=lifetime_ns)
    assert report.shared_dead_times == ()
    assert report.flag("shared_dead_time") is None


def test_behind_a_router_the_instrument_decides():
    """With a long period a router and an emitter of single photons look the same: the kind of records tells."""
    slow = {"period_ns": 200.0, "lifetime_ns": 20.0}
    routed = judged("pulsed", "T3", shared=True, record_type="PicoHarp 300 T3", **slow)
    assert routed.shared_dead_times[0].value_ns == pytest.approx(DEAD_NS, abs=5.0)
    # records of a router's instrument that do hold close pairs are believed
    assert judged("pulsed", "T3", shared=False, record_type="PicoHarp 300 T3", **slow).shared_dead_times == ()
    assert has_router("SPC-130")
    assert has_router("TimeHarp 200 T3R")
    assert not has_router("PicoHarp 300 T2")
    assert not has_router("HydraHarp T3 v2")


def test_only_channels_of_one_module_share():
    rng = np.random.default_rng(8)
    times = light(rng, "steady", period_ns=12.5, lifetime_ns=1.0)
    times, channels = behind(times, rng.integers(0, 2, len(times)), dead_ns=DEAD_NS, shared=True)
    other = light(rng, "steady", period_ns=12.5, lifetime_ns=1.0)
    times, channels = np.concatenate([times, other]), np.concatenate([channels, np.full(len(other), 4)])
    order = np.argsort(times)
    report = assess_quality(recording(times[order], channels[order], mode="T2", period_ns=12.5))
    assert [one.channels for one in report.shared_dead_times] == [(0, 1)]


def test_a_measured_routed_module(data_folder):
    report = assess_quality(read_photons(data_folder / "photons" / "spc132_dna_m000.spc"))
    assert [one.channels for one in report.shared_dead_times] == [(8, 9)]
    assert report.shared_dead_times[0].value_ns == pytest.approx(150.0, abs=30.0)
