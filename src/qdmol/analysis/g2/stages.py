"""Stages of photon correlations at zero delay: g2, g2 against a gate on the delay, g3.

What counts and fits is imported when a stage runs: a look at a file needs none of it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from qdmol.analysis.background import BackgroundStage
from qdmol.analysis.g2.values import G2, G3, PairBlocks, PairHistogram, Ratios
from qdmol.analysis.lifetime.stages import LifetimeStage
from qdmol.analysis.passes import Steps, counted
from qdmol.analysis.stages import G2_NOT_FITTED, NO_G2, NoResult, Number, Recording, Results, Stage, labels, result_of
from qdmol.analysis.wording import estimate_or_none, interval_text, shown_number
from qdmol.errors import DataError
from qdmol.photons import Flag, channel_label

if TYPE_CHECKING:
    import xarray as xr

_SPACE = "\N{NO-BREAK SPACE}"
_UNCORRELATED = 0.1  # bunching closer to 1 than this is not worth a sentence of its own
_GATES = (0.25, 0.5, 1.0, 1.5)  # of the mean delay of a photon, after the arrival of the pulse
_LATEST_GATE = 0.5  # of the period: behind it too little of it is left
_GATED_PAIRS = 20.0  # pairs of a side peak below which a curve over gates says nothing


def _g2_summary(g2: G2) -> dict[str, Any]:
    before = g2.uncorrected
    return {
        **g2.as_dict(),
        "method": g2.method,
        "channels": [channel_label(channel) for channel in g2.histogram.channels],
        "period_ns": g2.period_ns,
        "centre_counts": g2.centre_counts,
        "side_counts": g2.side_counts,
        "side_peaks": g2.sides,
        "far_level": g2.far_level,
        "lifetimes_ns": list(g2.lifetimes_ns),
        "signal_fractions": g2.signal_fractions,
        "uncorrected": None if before is None else {name: getattr(before, name) for name in before.__slots__},
        "background_source": g2.background_source,
        "gate_ns": g2.gate_ns,
        "gated": [],
        "level": g2.level,
        "flags": [flag.as_dict() for flag in g2.flags],
    }


def _gate_summary(g2: G2) -> dict[str, Any]:
    names = ("side", "side_low", "side_high", "poisson", "poisson_low", "poisson_high", "centre_counts")
    return {"gate_ns": g2.gate_ns, **{name: getattr(g2, name) for name in names}}


def _g3_summary(g3: G3) -> dict[str, Any]:
    names = ("side", "side_low", "side_high", "poisson", "poisson_low", "poisson_high", "centre_counts", "side_counts")
    return {
        **{name: getattr(g3, name) for name in names},
        "channels": [channel_label(channel) for channel in g3.channels],
        "reason": g3.reason,
        "flags": [flag.as_dict() for flag in g3.flags],
    }


class G2Stage(Stage[G2]):
    """g2 at zero delay of two channels."""

    key = "g2"
    name = "pairs of photons"
    absent = NO_G2
    failed = G2_NOT_FITTED
    effort = 3.0
    classes = (G2, PairBlocks, PairHistogram, Ratios)

    def steps(self, recording: Recording) -> Steps[G2]:
        """Count pairs, then evaluate them with the background."""
        from qdmol.analysis.g2.measuring import G2Details, g2_of_pairs, pairs_for_g2

        channels, options = _correlated(recording), recording.options
        details = G2Details(afterglow=options.afterglow)
        stream = recording.pulsed or recording.stream
        pairs = yield from pairs_for_g2(stream, channels=channels, gate_ns=options.gate, options=details)
        background = yield from result_of(BackgroundStage)
        return g2_of_pairs(pairs, background=background, options=details)

    def add_to_summary(self, summary: dict[str, Any], results: Results) -> None:
        """Add g2 in both normalisations."""
        g2 = results[G2Stage]
        summary[self.key] = None if g2 is None else _g2_summary(g2)

    def sentences(self, results: Results) -> tuple[str, ...]:
        """Zero delay, both normalisations, bunching."""
        g2 = results[G2Stage]
        if g2 is None:
            return ()
        centre = f"The zero delay lies at {shown_number(g2.zero_delay_ns)}{_SPACE}ns"
        if g2.period_ns:
            periods = round(g2.zero_delay_ns / g2.period_ns)
            centre += f", {periods:+d} pulse periods from zero".replace("-", "−") if periods else ""
        sentences = [f"{centre}."]
        independent = interval_text(g2.against_independent)
        if g2.against_sides is not None:
            sides = interval_text(g2.against_sides)
            sentences.append(
                f"g²(0) is {sides} relative to the side peaks and {independent} relative to independent photons."
            )
        elif g2.against_independent is not None:
            sentences.append(f"g²(0) is {independent} relative to independent photons.")
        if g2.bunching_level is not None and abs(g2.bunching - 1) > _UNCORRELATED:
            sentences.append(
                f"The near side peaks are {g2.bunching:.3g} times as high as for independent photons, so the "
                "emission fluctuates, for example by blinking: use only the second value to count emitters."
            )
        return tuple(sentences)

    def numbers(self, results: Results) -> tuple[Number, ...]:
        """Both normalisations, bunching, zero delay, pairs."""
        g2 = results[G2Stage]
        if g2 is None:
            return ()
        known = [
            Number("g²(0), relative to the side peaks", g2.against_sides),
            Number("g²(0), relative to independent photons", g2.against_independent),
            Number("bunching: side peaks over independent photons", g2.bunching_level),
            Number("zero delay", estimate_or_none(g2.zero_delay_ns, None, None, "ns")),
            Number("pairs in the centre", estimate_or_none(g2.centre_counts, None, None)),
            Number("mean pairs in a side peak", estimate_or_none(g2.side_counts, None, None)),
        ]
        return tuple(number for k, number in enumerate(known) if k == 1 or number.estimate is not None)

    def add_to_data(self, data: xr.Dataset, results: Results) -> None:
        """Add pairs by lag, the model, and the level of steady light."""
        g2 = results[G2Stage]
        if g2 is None:
            return
        lag = np.asarray(g2.lag_ns) + g2.zero_delay_ns
        about = labels("ns", "delay of a photon in the second channel after a photon in the first")
        data.coords["lag"] = ("lag", lag, about)
        data["g2_counts"] = ("lag", g2.counts, labels("1", "pairs", bin_width_ns=g2.histogram.bin_width_ns))
        if np.isfinite(g2.curve).any():
            data["g2_model"] = ("lag", g2.curve, labels("1", "pairs predicted by the model"))
        poisson = g2.histogram.poisson_per_bin
        if poisson is not None and len(poisson) == len(lag):
            data["g2_poisson"] = (
                "lag",
                poisson,
                labels("1", "pairs expected for steady light of the same count rates"),
            )


def _correlated(recording: Recording) -> tuple[int, int]:
    """The two channels to correlate; NoResult where they cannot show g2."""
    channels, quality = recording.channels, recording.quality
    if channels is None:
        only = next(iter(quality.per_channel))
        message = f"All photons are in channel {channel_label(only)}; g2 needs two detectors."
        raise NoResult(Flag("one_channel", "note", message, float(only), None))
    shared = quality.shared_dead_time(channels)
    if shared is not None:
        first, second = (channel_label(channel) for channel in channels)
        message = (
            f"g2 at zero delay cannot be measured: channels {first} and {second} share a dead time of"
            f" {shared.value_ns:.3g} ns, so photons closer than that are never recorded as a pair."
        )
        raise NoResult(Flag(NO_G2, "warning", message, shared.value_ns, "ns"))
    return channels


class GatesStage(Stage[tuple[G2, ...]]):
    """g2 of all photons and of those later than some gates; none for few pairs, or where the user gates g2."""

    key = "gated"
    name = "gates"
    absent = "no_gates"
    optional = True
    effort = 4.0
    classes = G2Stage.classes

    def steps(self, recording: Recording) -> Steps[tuple[G2, ...]]:
        """Gate by shares of the mean delay, once lifetime and g2 are known."""
        from qdmol.analysis.g2.corrections import ArrivalTally
        from qdmol.analysis.g2.measuring import G2Details, gate_curve_steps

        pulsed, channels = recording.pulsed, recording.channels
        if pulsed is None or channels is None or recording.options.gate_ns is not None:
            raise NoResult
        try:  # counted with the pairs of g2, though it may not be needed: a pass of its own would cost more
            arrivals = yield from counted(ArrivalTally(pulsed, channels))
        except DataError:  # g2 says so
            raise NoResult from None
        g2 = yield from result_of(G2Stage)
        fit = yield from result_of(LifetimeStage)
        if g2 is None or fit is None or not g2.method.startswith("pulsed") or not g2.side_counts > _GATED_PAIRS:
            raise NoResult
        background = yield from result_of(BackgroundStage)
        gates = [share * fit.intensity_average_ns for share in _GATES]
        inside = [gate for gate in gates if gate < _LATEST_GATE * (g2.period_ns or math.inf)]
        details = G2Details(zero_delay_ns=g2.zero_delay_ns)
        curve = yield from gate_curve_steps(
            pulsed, inside, channels=channels, background=background, options=details, arrivals=arrivals
        )
        return (g2, *curve) if curve else ()

    def add_to_summary(self, summary: dict[str, Any], results: Results) -> None:
        """Add the numbers at each gate to those of g2."""
        if summary.get("g2") is not None:
            summary["g2"]["gated"] = [_gate_summary(g2) for g2 in results[GatesStage] or ()]

    def add_to_data(self, data: xr.Dataset, results: Results) -> None:
        """Add g2 against the gate."""
        gated = results[GatesStage]
        if not gated:
            return
        starts = [0.0 if g2.gate_ns is None else g2.gate_ns[0] for g2 in gated]
        data.coords["gate"] = (
            "gate",
            starts,
            labels("ns", "start of the gate: photons later than this after the pulse are used"),
        )
        for kind, name in (("side", "the side peaks"), ("poisson", "independent photons")):
            for end in ("", "_low", "_high"):
                values = [getattr(g2, f"{kind}{end}") for g2 in gated]
                data[f"gated_{kind}{end}"] = ("gate", values, labels("1", f"g2 at zero delay relative to {name}{end}"))


class G3Stage(Stage[G3]):
    """g3 at zero delay of three channels, where g2 is that of pulsed light."""

    key = "g3"
    name = "triples"
    absent = "no_g3"
    optional = True
    classes = (G3,)

    def steps(self, recording: Recording) -> Steps[G3]:
        """Count triples on the three brightest channels."""
        from qdmol.analysis.g2.triples import g3_steps

        if recording.pulsed is None:
            raise NoResult
        g2 = yield from result_of(G2Stage)
        if g2 is None or not g2.method.startswith("pulsed"):
            raise NoResult
        channels = None if recording.pulsed is not recording.stream else tuple(sorted(recording.brightest[:3]))
        return (yield from g3_steps(recording.pulsed, channels=channels))

    def add_to_summary(self, summary: dict[str, Any], results: Results) -> None:
        """Add g3 in both normalisations."""
        g3 = results[G3Stage]
        summary[self.key] = None if g3 is None else _g3_summary(g3)

    def sentences(self, results: Results) -> tuple[str, ...]:
        """Both normalisations."""
        g3 = results[G3Stage]
        if g3 is None or g3.against_independent is None:
            return ()
        sides = "" if g3.against_sides is None else f"{interval_text(g3.against_sides)} relative to the side peaks and "
        return (f"g³(0) is {sides}{interval_text(g3.against_independent)} relative to independent photons.",)

    def numbers(self, results: Results) -> tuple[Number, ...]:
        """Both normalisations."""
        g3 = results[G3Stage]
        if g3 is None:
            return ()
        known = (("the side peaks", g3.against_sides), ("independent photons", g3.against_independent))
        return tuple(Number(f"g³(0), relative to {name}", value) for name, value in known if value is not None)
