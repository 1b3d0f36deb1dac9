"""The number of emitters from a stream, from observations, or from g2 at zero delay alone."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np

from qdmol.analysis.background import Background, estimate_background
from qdmol.analysis.emitters.judging import (
    best_parameters,
    compare,
    evidence_steps,
    fitted_pairs,
    goodness,
    is_poor,
    number_of_emitters,
    photons_to_decide,
    verdict_of,
)
from qdmol.analysis.emitters.models import Use, yield_reference
from qdmol.analysis.emitters.observations import LevelSegments, Observations
from qdmol.analysis.emitters.observing import observations_of_g2, observe
from qdmol.analysis.emitters.pairs import Arrival, DelayPairs, DelayPairTally, DelayTally
from qdmol.analysis.emitters.values import CANNOT_TELL, Emitters, EvidenceStep, Monomer
from qdmol.analysis.emitters.wording import (
    g2_sentence,
    number_text,
    poor_fit_sentence,
    undecided_sentence,
    verdict_sentence,
)
from qdmol.analysis.g2.values import G2
from qdmol.analysis.passes import Steps, complete, counted
from qdmol.errors import DataError, InputError, SolverError
from qdmol.estimates import Estimate
from qdmol.photons import PhotonStream
from qdmol.statistics import garwood

SEED: Final = 20_260  # of the importance sampling, so that an analysis repeats
_MOST_PAIRS = 1.5e6  # pairs of neighbouring pulses that are kept
_FARTHEST = 5  # pulses
_FEWEST_EXPECTED = 5.0  # pairs of independent photons, below which nothing can be said
_SAME_PERIOD = 1e-3
_G2_REASON = (
    "No number of photons decides by g²(0) alone: take the delays of the pairs, intensity levels or single emitters "
    "measured alike into account."
)


def count_emitters(
    stream: PhotonStream,
    *,
    channels: tuple[int, int] | None = None,
    segments: LevelSegments | None = None,
    background: Background | None = None,
    monomer: Monomer | None = None,
    rng: np.random.Generator | None = None,
) -> Emitters:
    """Test how many emitters the photons of a pulsed recording come from, and whether they are coupled.

    Four hypotheses, equally likely beforehand, are compared on the pairs of one pulse by the smaller of their two
    delays and by intensity level; on pairs of neighbouring pulses; and on the rates of the levels. See
    :mod:`qdmol.analysis.emitters.models` for what each predicts.

    Parameters
    ----------
    stream
        T3.
    channels
        Inputs; None takes the two with the most photons.
    segments
        Stretches of constant intensity, as those of :func:`qdmol.analysis.blinking.intensity_levels`; None takes the
        recording as one.
    background
        Rates that are not the emitters'; None takes the best source in the recording.
    monomer
        What single emitters of the same kind show.
    rng
        Draws the points at which likelihoods are integrated; None takes the same ones every time.

    Raises
    ------
    DataError
        Fewer than two channels have photons, or the pairs are too few.
    InputError
        The stream is not T3.
    """
    from qdmol.analysis.g2.measuring import measure_g2
    from qdmol.analysis.lifetime.fitting import fit_lifetime
    from qdmol.analysis.lifetime.histogram import decay_of
    from qdmol.analysis.trace import intensity_trace

    if stream.mode != "T3":
        raise InputError(field="stream", value=stream.mode, allowed="T3: photons with delays after a pulse")
    g2 = measure_g2(stream, channels=channels, background=None)
    pair = g2.histogram.channels
    if background is None:
        background = estimate_background(stream)
    try:
        fit = fit_lifetime(decay_of(stream, channels=pair))
    except (DataError, SolverError):
        fit = None
    arrivals, pairs = complete(pair_steps(stream, pair, g2))
    trace = intensity_trace(stream)
    seen = observe(
        pairs,
        arrivals,
        tick_ns=stream.tick_ps * 1e-3,
        segments=segments,
        background=background,
        fit=fit,
        trace=trace,
    )
    return judge_emitters(seen, g2=g2, monomer=monomer, rng=rng)


def pair_steps(
    stream: PhotonStream, channels: tuple[int, int], g2: G2
) -> Steps[tuple[tuple[Arrival, Arrival], DelayPairs]]:
    """Passes that count delays, then pairs with both delays.

    Raises
    ------
    DataError
        A channel has no photons, or pulses of light come more often than sync pulses.
    """
    arrivals = yield from counted(DelayTally(stream, channels))
    return (yield from pairs_after(stream, arrivals, g2))


def pairs_after(
    stream: PhotonStream, arrivals: tuple[Arrival, Arrival], g2: G2
) -> Steps[tuple[tuple[Arrival, Arrival], DelayPairs]]:
    """Pass that counts pairs, once delays and the zero delay of g2 are known; errors as :func:`pair_steps`."""
    period = stream.time_unit_ps * 1e-3
    if g2.period_ns is None or abs(g2.period_ns / period - 1.0) > _SAME_PERIOD:
        raise DataError(
            "The number of emitters is tested on photons that are assigned to their pulses, but the light of this "
            "recording does not have the period of its sync pulses."
        )
    order = round((g2.zero_delay_ns - (arrivals[1].edge_ns - arrivals[0].edge_ns)) / period)
    # at most as many neighbours as keep the pairs few
    beside = max(g2.side_counts, 1.0) if math.isfinite(g2.side_counts) else 1.0
    reach = int(np.clip(_MOST_PAIRS / beside / 2.0, 1, _FARTHEST))
    pairs = yield from counted(DelayPairTally(stream, arrivals, order=order, reach=reach))
    return arrivals, pairs


def judge_emitters(
    seen: Observations, *, g2: G2 | None = None, monomer: Monomer | None = None, rng: np.random.Generator | None = None
) -> Emitters:
    """Probabilities of the hypotheses, number of emitters and verdict for gathered observations.

    Parameters
    ----------
    seen
        Pairs by intensity level and delay, and more.
    g2
        For the counts from g2 that are reported beside.
    monomer
        What single emitters of the same kind show.
    rng
        Draws the points at which likelihoods are integrated; None takes the same ones every time.

    Raises
    ------
    DataError
        The pairs are too few for any statement.
    """
    if not seen.poisson >= _FEWEST_EXPECTED:
        raise DataError(
            f"Independent photons of these count rates would give {seen.poisson:.2g} pairs of one pulse, too few to "
            "count emitters."
        )
    rng = np.random.default_rng(SEED) if rng is None else rng
    steps, comparison = evidence_steps(seen, monomer=monomer, rng=rng)
    used = comparison.seen
    model, each = comparison.leading
    expected = fitted_pairs(comparison, each.best)
    fit = goodness(used.strata.centre, expected, fitted=max(1, round(each.determined)))
    verdict = verdict_of(comparison.hypotheses, fit)
    needed, reason = None, None
    if verdict == CANNOT_TELL and not is_poor(fit):
        needed, reason = photons_to_decide(comparison, use=Use(), rng=rng)
    number = number_of_emitters(comparison)
    if is_poor(fit):  # a model that does not describe the data sets no limits
        number = replace(number, low=1, high=None)
    parameters = best_parameters(comparison, lifetime_ns=seen.lifetime_ns)
    if is_poor(fit) and fit is not None:
        statement = poor_fit_sentence(comparison.best, fit)
        reason = "None of the hypotheses describes the data."
    elif verdict == CANNOT_TELL:
        statement = undecided_sentence(comparison.hypotheses, needed, reason)
    else:
        text = number_text(number.value, number.low, number.high)
        probability = comparison.hypotheses[verdict]
        statement = verdict_sentence(verdict, probability, text, parameters, together=model.together)
    independent = _independent(seen, g2)
    return Emitters(
        best=comparison.best,
        number=number.value,
        number_low=number.low,
        number_high=number.high,
        hypotheses=dict(comparison.hypotheses),
        verdict=verdict,
        statement=statement,
        photons_needed=needed,
        photons_needed_reason=reason,
        g2_alone=_alone(independent, steps[0], monomer),
        number_from_sides=None if g2 is None else number_from(g2.against_sides),
        number_from_g2=number_from(independent),
        parameters=parameters,
        goodness=fit,
        evidence=steps,
        pairs=int(seen.strata.centre.sum()),
        brightness=seen.brightness,
        references=0 if monomer is None else len(monomer.names),
    )


def _independent(seen: Observations, g2: G2 | None) -> Estimate | None:
    if g2 is not None and g2.gate_ns is None and g2.against_independent is not None:
        return g2.against_independent
    total = seen.whole(delays=False).strata
    low, high = garwood(total.centre.sum())
    value, least, most = (float(count) / seen.poisson for count in (total.centre.sum(), low, high))
    return Estimate(value, least, most)


def _alone(value: Estimate | None, step: EvidenceStep, monomer: Monomer | None) -> str:
    if value is None:
        return ""
    reference = 0.0 if monomer is None or not monomer.ratios else yield_reference(monomer)[0]
    return g2_sentence(value, step.hypotheses, monomer, reference)


def number_from(g2: Estimate | None) -> Estimate | None:
    """Return 1 / (1 - g2), the number of equal emitters without biexcitons; None from g2 = 1 on.

    >>> number_from(Estimate(0.5, 0.4, 0.6))
    2.0 +0.5/−0.4
    """
    if g2 is None or not g2.value < 1.0:
        return None
    low, high = (1.0 / (1.0 - end) if end < 1.0 else math.inf for end in (max(g2.low, 0.0), g2.high))
    value = 1.0 / (1.0 - max(g2.value, 0.0))
    return Estimate(value, min(low, value), max(high, value))


def emitters_from_g2(
    g2: Estimate,
    *,
    bunching: Estimate | None = None,
    monomer_g2: Estimate | None = None,
    monomer: Monomer | None = None,
    sides: Estimate | None = None,
    photons: int = 0,
    rng: np.random.Generator | None = None,
) -> Emitters:
    """What g2 at zero delay alone says about the number of emitters: never a verdict.

    One emitter may have any ratio of yields of biexciton and exciton; n equal independent emitters of the ratio y have
    1 - (1 - y) / n; two that annihilate anything below. The probabilities are those of the priors of
    :mod:`qdmol.analysis.emitters.models`, as far as g2 changes them, and depend on these priors.

    Parameters
    ----------
    g2
        Against independent photons of the same rates, background taken off, with its interval of 95 %.
    bunching
        Level of neighbouring pulses, or beside the dip, against independent photons.
    monomer_g2
        g2 of a single emitter, against its side peaks.
    monomer
        The same as a reference of several, in place of `monomer_g2`.
    sides
        g2 against the side peaks or the level beside the dip, for the count from it.
    photons
        Of the recording.
    rng
        As in :func:`judge_emitters`.

    Raises
    ------
    InputError
        g2 is negative with its whole interval, or not finite.
    """
    if not math.isfinite(g2.value) or g2.high <= 0.0:
        raise InputError(field="g2", value=g2.value, allowed="a finite value whose interval reaches above 0")
    rng = np.random.default_rng(SEED) if rng is None else rng
    if monomer_g2 is not None:
        monomer = Monomer(("monomer",), (monomer_g2,))
    seen = observations_of_g2(g2, bunching=bunching, photons=photons)
    comparison = compare(seen, monomer=monomer, rng=rng, use=Use(levels=False, triples=False, references=False))
    number = number_of_emitters(comparison)
    step = EvidenceStep("g2(0)", dict(comparison.hypotheses), dict(comparison.log_evidence))
    sentence = _alone(g2, step, monomer)
    return Emitters(
        best=comparison.best,
        number=number.value,
        number_low=number.low,
        number_high=number.high,
        hypotheses=dict(comparison.hypotheses),
        verdict=CANNOT_TELL,
        statement=sentence,
        photons_needed=None,
        photons_needed_reason=_G2_REASON,
        g2_alone=sentence,
        number_from_sides=number_from(sides),
        number_from_g2=number_from(g2),
        evidence=(step,),
        references=0 if monomer is None else len(monomer.names),
    )
