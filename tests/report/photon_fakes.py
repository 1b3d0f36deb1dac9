"""Made-up analyses of photons: the values of every part filled in, nothing measured and nothing fitted."""

import numpy as np

from qdmol.analysis import (
    G2,
    G3,
    Decay,
    Dwell,
    Emitters,
    IntensityLevel,
    IntensityLevels,
    LifetimeFit,
    LifetimeIntensity,
    PairHistogram,
    Response,
    Segments,
)
from qdmol.analysis.background import Background
from qdmol.analysis.blinking.dwell_laws import DwellLaw
from qdmol.analysis.blinking.dwell_times import DwellTimes
from qdmol.analysis.blinking.intensity_exponents import CorrelationExponent, IntensityCorrelation
from qdmol.analysis.correlation import LogCorrelation
from qdmol.analysis.emitters.values import EvidenceStep
from qdmol.analysis.result import FailedAnalysis, PhotonAnalysis
from qdmol.analysis.trace import Trace
from qdmol.errors import InputError
from qdmol.estimates import Estimate
from qdmol.photons import ArraySource, Flag, PhotonStream, Provenance, Records
from qdmol.photons.quality import Detector, QualityReport

PERIOD = 100.0  # ns
LIFETIME = 20.0


def stream(path="dot 1.ptu", *, comment="a comment", notes=()):
    records = Records(np.arange(3), np.zeros(3, dtype=np.uint8), np.zeros(3, dtype=np.uint32))
    source = Provenance("PicoQuant PTU", "HydraHarp T3 v2", path, "HydraHarp 400", "2021-05-05", comment)
    return PhotonStream(
        "T3", 16.0, ArraySource(records), source, 1e3 * PERIOD, 400_000, 10.0, notes, False, False
    )  # fmt: skip


def quality(flags=(), *, photons=400_000, truncated=False):
    detectors = (
        Detector(0, photons // 2, photons / 20, 80.0, 79.0, 78.0, 80.0),
        Detector(1, photons // 2, photons / 20),
    )
    return QualityReport(
        photons=photons,
        per_channel={0: photons // 2, 1: photons - photons // 2},
        duration_s=10.0,
        count_rate_hz=photons / 10.0,
        mode="T3",
        sync_period_ns=PERIOD,
        flags=tuple(flags),
        truncated=truncated,
        detectors=detectors,
        interval_edges_ns=np.geomspace(1, 1e9, 31),
        interval_counts=np.ones((2, 30), dtype=np.int64),
        delay_bin_ns=0.5,
        delay_counts=np.ones((2, 200), dtype=np.int64),
        rate_bin_s=0.1,
        rate_counts=np.full((100, 2), 2000),
    )


def trace(rng, bins=1000):
    on = np.repeat(rng.random(bins // 20) < 0.6, 20)
    counts = rng.poisson(np.where(on, 250, 20)[:, None] * np.ones(2))
    return Trace(0.01, counts.astype(np.int64), 0.0, (0, 1), 0.01)


def decay(rng, *, photons=400_000, bins=1000):
    width = PERIOD / bins
    times = width * (np.arange(bins) + 0.5)
    shape = np.where(times > 5, np.exp(-(times - 5) / LIFETIME), np.exp(-(times + PERIOD - 5) / LIFETIME))
    mean = photons * (0.97 * shape / shape.sum() + 0.03 / bins)
    return Decay(rng.poisson(mean), bin_width_ns=width, period_ns=PERIOD, exposure_periods=1e8), mean


def response():
    times = 0.1 * (np.arange(200) + 0.5)
    return Response.measured(1e4 * np.exp(-((times - 5) ** 2) / 0.1), bin_width_ns=0.1)


def lifetime(found, mean, *, components=(LIFETIME,)):
    k = len(components)
    taus = np.array(components, dtype=float)
    residuals = (found.counts - mean) / np.sqrt(mean)
    ones = np.ones(k) / k
    return LifetimeFit(
        components_ns=taus, low_ns=0.98 * taus, high_ns=1.02 * taus,
        fractions=ones, fractions_low=0.9 * ones, fractions_high=np.minimum(1.1 * ones, 1),
        intensity_fractions=ones, intensity_fractions_low=0.9 * ones,
        intensity_fractions_high=np.minimum(1.1 * ones, 1),
        model=f"{k} exponential{'s' if k > 1 else ''}",
        amplitude_average_ns=20.0, amplitude_average_low_ns=19.6, amplitude_average_high_ns=20.4,
        intensity_average_ns=21.0, intensity_average_low_ns=20.6, intensity_average_high_ns=21.4,
        background_per_bin=12.0, background_low=11.0, background_high=13.0,
        response="measured", response_width_ns=0.2, shift_ns=0.1,
        stretch=None, stretch_low=None, stretch_high=None,
        curve=mean, residuals=residuals, fitted=np.ones(len(mean), dtype=bool), start_ns=5.0,
        photons=found.photons, goodness=0.4, reduced_deviance=1.01,
        evidence={"1 exponential": 10.0, "2 exponentials": 20.0}, level=0.95,
    )  # fmt: skip


def pairs(rng, *, centre=0.1, zero=2 * PERIOD, bunching=1.8, side=400.0, width=1.0):
    lag = np.arange(-12 * PERIOD, 12 * PERIOD + width, width)
    peak = np.zeros(len(lag))
    for k in range(-16, 17):
        peak += (centre if k == 2 else 1.0) * np.exp(-np.abs(lag - k * PERIOD) / LIFETIME)
    peak *= side * width / (2 * LIFETIME)
    counts = rng.poisson(peak)
    histogram = PairHistogram(counts, width, lag[0], (0, 1), (200_000, 200_000), 10.0, PERIOD)
    return G2(
        method="pulsed fit",
        side=centre, side_low=0.8 * centre, side_high=1.3 * centre,
        poisson=centre * bunching, poisson_low=0.8 * centre * bunching, poisson_high=1.3 * centre * bunching,
        bunching=bunching, bunching_low=0.95 * bunching, bunching_high=1.05 * bunching,
        zero_delay_ns=zero, centre_counts=centre * side, side_counts=side, sides=20, period_ns=PERIOD,
        lag_ns=lag - zero, counts=counts, curve=peak, far_level=1.0, lifetimes_ns=(LIFETIME,), level=0.95,
        histogram=histogram,
        flags=(Flag("overlap", "note", "The peaks overlap, so areas were fitted and not boxed."),),
    )  # fmt: skip


def correlation(rng):
    lag = np.geomspace(1, 1e9, 90)
    value = 1 + 0.8 * np.exp(-((lag / 1e7) ** 0.5)) - 0.9 * np.exp(-lag / 20)
    error = 0.3 / np.sqrt(lag) + 0.01
    return LogCorrelation(
        lag, 0.9 * lag, 1.1 * lag, value + error * rng.normal(size=90), error,
        np.ones(90, dtype=np.int64), np.ones(90), (0, 1), 10.0,
    )  # fmt: skip


def levels(rng, *, rates=(4e3, 5e4), segments=40, lifetimes=True, duration_s=10.0):
    """Segments at the given rates in turn, at random lengths."""
    lengths = rng.exponential(1.0, segments)
    edges = np.concatenate([[0.0], np.cumsum(lengths)]) * duration_s / lengths.sum()
    number = len(rates)
    level = np.arange(segments) % number
    photons = rng.poisson(np.array(rates)[level] * np.diff(edges))
    ns = np.where(
        photons > 20, (5.0 + 15.0 * np.array(rates)[level] / max(rates)) * rng.normal(1, 0.03, segments), np.nan
    )
    if not lifetimes:
        ns = np.full(segments, np.nan)
    found = Segments(edges, photons, level, ns, 0.9 * ns, 1.1 * ns)
    shares = np.bincount(level, np.diff(edges), minlength=number) / duration_s
    of_levels = tuple(
        IntensityLevel(
            Estimate(rate, 0.99 * rate, 1.01 * rate, "Hz"), int(photons[level == k].sum()), shares[k] * duration_s,
            float(shares[k]), int((level == k).sum()),
            Estimate(5.0 + 15.0 * rate / max(rates), 4.0, 21.0, "ns") if lifetimes else None,
        )
        for k, rate in enumerate(rates)
    )  # fmt: skip
    flid = None
    if lifetimes:
        edges_hz, edges_ns = np.linspace(0, 1.2 * max(rates), 41), np.linspace(0, 30, 31)
        density = np.histogram2d(found.rate_hz, ns, bins=(edges_hz, edges_ns))[0] + 1e-9
        flid = LifetimeIntensity(edges_hz, edges_ns, density / density.sum())
    kind = {1: "constant", 2: "two-state"}.get(number, "several levels")
    return IntensityLevels(
        segments=found, levels=of_levels, false_alarms=0.01, kind=kind, kind_reason="The levels stand apart.",
        evidence=(-100.0, -10.0, -12.0), continuum_evidence=-40.0, shortest_s=1e-4, lifetime_intensity=flid,
        lifetime_slope=Estimate(0.9, 0.8, 1.0) if lifetimes else None,
    )  # fmt: skip


def dwell(rng, *, states=("off", "on"), best="power law", dwells=200):
    """Dwells of a power law, with fits made up."""

    def law(name, probability, *, rejected=False):
        exponent = Estimate(1.52, 1.44, 1.61)
        parameters = {
            "power law": {"exponent": exponent},
            "power law with cut-off": {"exponent": exponent, "cutoff_s": Estimate(3.0, 1.0, np.inf, "s")},
            "exponential": {"mean_s": Estimate(0.05, 0.04, 0.06, "s")},
        }[name]
        return DwellLaw(name, parameters, -10.0, probability, 0.4, rejected)

    laws = (
        law("power law", 0.8, rejected=best is None),
        law("power law with cut-off", 0.2),
        law("exponential", 0.0, rejected=True),
    )
    found = []
    for state in states:
        times = 0.01 * rng.random(dwells) ** (-1 / 0.52)
        cut = np.zeros(dwells, dtype=bool)
        cut[-1] = state == states[-1]
        found.append(
            DwellTimes(state, np.minimum(times, 9.0), cut, 0.01, 10.0, None, laws if dwells >= 20 else (), best)
        )
    lag = np.geomspace(0.01, 0.5, 24)
    value = 0.3 * lag**-0.48
    blocks = value + 0.003 * rng.normal(size=(16, 24))
    correlation = CorrelationExponent(
        Estimate(0.48, 0.36, 0.6), Estimate(0.1, 0.0, 0.4, "Hz"), 0.3,
        IntensityCorrelation(lag, value, blocks, 10.0), value,
    )  # fmt: skip
    return Dwell(tuple(found), correlation)


def emitters(*, probabilities=(0.005, 0.975, 0.015, 0.005), verdict="two_independent", high=2, number=2):
    names = ("one_emitter", "two_independent", "two_interacting", "three_or_more")
    alone = dict(zip(names, (0.4, 0.3, 0.2, 0.1), strict=True))
    hypotheses = dict(zip(names, probabilities, strict=True))
    zero = dict.fromkeys(names, 0.0)
    return Emitters(
        best=max(hypotheses, key=hypotheses.get), number=number, number_low=min(number, 2), number_high=high,
        hypotheses=hypotheses, verdict=verdict,
        statement="The photons come from two independent emitters (probability 0.97).",
        photons_needed=None if verdict != "cannot tell" else 3_000_000,
        g2_alone="g²(0) of 0.55 (0.50 to 0.60) alone does not tell how many emitters there are.",
        number_from_sides=Estimate(1.4, 1.3, 1.5), number_from_g2=Estimate(2.2, 2.0, 2.5),
        evidence=(EvidenceStep("g2(0)", alone, zero), EvidenceStep("delays of pairs", hypotheses, zero)), pairs=800,
    )  # fmt: skip


def whole(path="dot 1.ptu", *, seed=1, components=(LIFETIME,), flags=(), truncated=False, comment="a comment", **pair):
    rng = np.random.default_rng(seed)
    histogram, mean = decay(rng)
    found = pairs(rng, **pair)
    gated = tuple(pairs(rng, centre=0.1 / (k + 1)) for k in range(4))
    gated = tuple(_with_gate(one, (5.0 * (k + 1), PERIOD)) for k, one in enumerate(gated))
    dead = Flag("dead_time", "warning", "Channel 0 has a dead time of 79 ns.", 79.0, "ns")
    return PhotonAnalysis(
        file=path,
        stream=stream(path, comment=comment, notes=("The records were put in order of time.",)),
        quality=quality((dead, *flags), truncated=truncated),
        trace=trace(rng),
        background=Background(np.array([120.0, 80.0]), np.array([110.0, 70.0]), np.array([130.0, 90.0]),
                              "before the pulse", (0, 1)),
        decay=histogram,
        response=response(),
        lifetime=lifetime(histogram, mean, components=components),
        g2=found,
        gated=gated,
        g3=G3(0.01, 0.0, 0.05, 0.02, 0.0, 0.1, 1, 100.0, (0, 1, 0)),
        correlation=correlation(rng),
        levels=levels(np.random.default_rng(seed + 1)),
        dwell=dwell(np.random.default_rng(seed + 2)),
        emitters=emitters(),
        elapsed_s=1.5,
    )  # fmt: skip


def _with_gate(found, gate):
    from dataclasses import replace

    return replace(found, gate_ns=gate)


def refused(path="bad.ptu"):
    reason = "The header says 12.5 ns between pulses, but photons arrive up to 524 ns after one."
    flag = Flag("header_mismatch", "fatal", reason, 524.0, "ns")
    return PhotonAnalysis(file=path, stream=stream(path), quality=quality((flag,)))


def failed(path="letter.txt"):
    return FailedAnalysis(path, InputError(field="FILE", value=path, allowed="a file of photons"))
