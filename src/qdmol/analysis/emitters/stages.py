"""Stage of the test for the number of emitters.

What counts and fits is imported when the stage runs: a look at a file needs none of it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from qdmol.analysis.background import BackgroundStage
from qdmol.analysis.blinking.stages import LevelsStage
from qdmol.analysis.emitters.values import HYPOTHESES, Emitters, EvidenceStep
from qdmol.analysis.emitters.wording import NAMES
from qdmol.analysis.g2.stages import G2Stage, G3Stage
from qdmol.analysis.g2.values import G2
from qdmol.analysis.lifetime.stages import LifetimeStage
from qdmol.analysis.passes import Steps, Tally, counted_together
from qdmol.analysis.stages import NoResult, Number, Recording, Results, Stage, labels, result_of
from qdmol.analysis.trace import TraceTally
from qdmol.estimates import Estimate
from qdmol.photons import Flag

if TYPE_CHECKING:
    import xarray as xr

    from qdmol.analysis.blinking.values import IntensityLevels

_ABSENT = "no_emitters"
_BIN_S = 0.01


def _absent(message: str) -> NoResult:
    return NoResult(Flag(_ABSENT, "note", message))


class EmittersStage(Stage[Emitters]):
    """Test between hypotheses about the number of emitters and their coupling."""

    key = "emitters"
    name = "number of emitters"
    absent = _ABSENT
    optional = True
    effort = 2.0
    classes = (Emitters, EvidenceStep)

    def steps(self, recording: Recording) -> Steps[Emitters]:
        """Count delays with the pairs of g2, pairs with their delays after it, and compare the hypotheses."""
        if recording.channels is None:
            raise _absent("Emitters are counted by pairs of photons on two detectors; there is only one.")
        if recording.pulsed is None:
            return (yield from _continuous(recording))
        return (yield from _pulsed(recording))

    def add_to_summary(self, summary: dict[str, Any], results: Results) -> None:
        """Add the verdict, the number and the probabilities."""
        result = results[EmittersStage]
        summary[self.key] = None if result is None else _summary(result)

    def sentences(self, results: Results) -> tuple[str, ...]:
        """Verdict, and what g2 alone says."""
        result = results[EmittersStage]
        if result is None:
            return ()
        texts = (result.statement, result.g2_alone)
        return tuple(dict.fromkeys(text for text in texts if text))

    def numbers(self, results: Results) -> tuple[Number, ...]:
        """Number of emitters, the naive counts beside, and the parameters of the best hypothesis."""
        result = results[EmittersStage]
        if result is None:
            return ()
        high = math.inf if result.number_high is None else float(result.number_high)
        numbers = [Number("number of emitters", Estimate(float(result.number), float(result.number_low), high))]
        if result.number_from_g2 is not None:
            numbers.append(Number("1 / (1 − g²(0)), relative to independent photons", result.number_from_g2))
        if result.number_from_sides is not None:
            numbers.append(
                Number("1 / (1 − g²(0)), relative to the side peaks (wrong if they blink)", result.number_from_sides)
            )
        numbers += [Number(f"probability of {NAMES[name]}", _exact(result.hypotheses[name])) for name in HYPOTHESES]
        named = {
            "yield_ratio": "yield of the biexciton over that of the exciton",
            "biexciton_lifetime_ns": "lifetime of the biexciton",
            "brighter_share": "share of the brighter emitter in the light",
            "annihilation_per_ns": "annihilation rate of two excitons",
        }
        numbers += [Number(text, result.parameters[key]) for key, text in named.items() if key in result.parameters]
        return tuple(numbers)

    def add_to_data(self, data: xr.Dataset, results: Results) -> None:
        """Add the probability of each hypothesis after each kind of evidence."""
        result = results[EmittersStage]
        if result is None or not result.evidence:
            return
        data.coords["hypothesis"] = ("hypothesis", list(HYPOTHESES), labels("", "hypothesis about the emitters"))
        data.coords["evidence"] = ("evidence", [step.name for step in result.evidence], labels("", "evidence added"))
        table = np.array([[step.hypotheses[name] for name in HYPOTHESES] for step in result.evidence])
        about = labels("1", "probability of the hypothesis from this evidence and that before it")
        data["emitters_probability"] = (("evidence", "hypothesis"), table, about)


def _exact(value: float) -> Estimate:
    return Estimate(value, -math.inf, math.inf)


def _summary(result: Emitters) -> dict[str, Any]:
    return {
        "best": result.best,
        "number": result.number,
        "number_low": result.number_low,
        "number_high": result.number_high,
        "hypotheses": dict(result.hypotheses),
        "verdict": result.verdict,
        "statement": result.statement,
        "photons_needed": result.photons_needed,
        "photons_needed_reason": result.photons_needed_reason,
        "g2_alone": result.g2_alone,
        "number_from_sides": _ends(result.number_from_sides),
        "number_from_g2": _ends(result.number_from_g2),
        "parameters": {name: _ends(value) for name, value in result.parameters.items()},
        "goodness": result.goodness,
        "evidence": [
            {"name": step.name, "hypotheses": dict(step.hypotheses), "log_evidence": dict(step.log_evidence)}
            for step in result.evidence
        ],
        "pairs": result.pairs,
        "photons_per_pulse": result.brightness,
        "references": result.references,
    }


def _ends(estimate: Estimate | None) -> dict[str, float | None] | None:
    if estimate is None:
        return None
    ends = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    return {name: end if math.isfinite(end) else None for name, end in ends.items()}


def _no_g2() -> NoResult:
    return _absent("Without g²(0) the number of emitters is unknown.")


def _continuous(recording: Recording) -> Steps[Emitters]:
    """g2 alone: under continuous light photons have no delay after their excitation."""
    from qdmol.analysis.emitters.counting import emitters_from_g2

    g2: G2 | None = yield from result_of(G2Stage)
    if g2 is None:
        raise _no_g2()
    value = g2.against_independent
    if value is None or value.high <= 0.0:
        raise _absent("g²(0) relative to independent photons is unknown, so emitters cannot be counted.")
    monomer = recording.options.monomer
    known = None if monomer is None or not monomer.ratios else monomer.ratios
    return emitters_from_g2(
        value,
        bunching=g2.bunching_level,
        monomer=None if known is None else monomer,
        photons=sum(recording.quality.per_channel.values()),
        sides=g2.against_sides,
    )


def _pulsed(recording: Recording) -> Steps[Emitters]:
    from qdmol.analysis.emitters.counting import judge_emitters, pairs_after
    from qdmol.analysis.emitters.observing import observe
    from qdmol.analysis.emitters.pairs import DelayTally

    stream, channels = recording.pulsed, recording.channels
    assert stream is not None
    assert channels is not None
    # bins of its own: those of the trace on the page are the user's choice
    bin_s = min(_BIN_S, recording.quality.duration_s / 100)
    tallies: list[Tally[Any]] = [DelayTally(stream, channels), TraceTally(recording.stream, bin_s=bin_s)]
    arrivals, trace = yield from counted_together(tallies)
    g2 = yield from result_of(G2Stage)
    if g2 is None:
        raise _no_g2()
    arrivals, pairs = yield from pairs_after(stream, arrivals, g2)
    levels = yield from result_of(LevelsStage)
    seen = observe(
        pairs,
        arrivals,
        tick_ns=stream.tick_ps * 1e-3,
        segments=None if levels is None else levels.segments,
        level_lifetimes=None if levels is None else _lifetimes(levels),
        background=(yield from result_of(BackgroundStage)),
        fit=(yield from result_of(LifetimeStage)),
        trace=trace,
        triples=(yield from result_of(G3Stage)),
    )
    return judge_emitters(seen, g2=g2, monomer=recording.options.monomer)


def _lifetimes(levels: IntensityLevels) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Lifetime of each level in ns and its standard error; NaN where unknown."""
    known = [level.lifetime_ns for level in levels.levels]
    values = np.array([math.nan if each is None else each.value for each in known])
    errors = np.array([math.nan if each is None else (each.high - each.low) / 3.92 for each in known])
    return values, errors
