"""Probabilities of the hypotheses, number of emitters, verdict, and how many photons more would decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from qdmol.analysis.emitters.models import (
    PART,
    Draw,
    Expectation,
    Model,
    Use,
    fewer_on,
    likelihood_of,
    models_for,
    parameters,
    relative_rate,
)
from qdmol.analysis.emitters.observations import Observations
from qdmol.analysis.emitters.sampling import Marginal, marginal
from qdmol.analysis.emitters.values import CANNOT_TELL, DECISIVE, HYPOTHESES, EvidenceStep, Hypothesis, Monomer
from qdmol.arrays import Floats, Integers
from qdmol.estimates import Estimate
from qdmol.statistics import chi2_tail

_TAILS = (0.025, 0.975)
_MOST_NUMBER = 200_000  # emitters beyond which there is no upper limit
_POOR_FIT = 1e-4
_NO_DECISION = "More photons of this kind would not decide: hypotheses that are left predict the same pairs and levels."
_LIKELY = 200
_LEAST_MORE = 1.25  # of the photons: less more is not worth a new recording
_TRIAL = 300  # points that say which model to look at first
_SHAPE_ERROR = 0.03  # relative systematic error of the expected pairs in a bin
_LONGER, _FACTORS, _POSSIBLE = (30.0, 1000.0), 60, 1e-4  # longer recordings, and models that matter in them
_STEPS: Final = ("g2(0)", "delays of pairs", "intensity levels", "g3", "brightness and blinking of single emitters")


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """All models beside each other for one set of observations.

    Attributes
    ----------
    seen : Observations
        What they were compared on.
    models : tuple of Model
        The models.
    marginals : tuple of Marginal
        Of each.
    hypotheses : Mapping of str to float
        Probability of each hypothesis.
    log_evidence : Mapping of str to float
        Relative to the largest.
    """

    seen: Observations
    expectation: Expectation
    monomer: Monomer | None
    models: tuple[Model, ...]
    marginals: tuple[Marginal, ...]
    weights: Floats
    hypotheses: Mapping[str, float]
    log_evidence: Mapping[str, float]

    @property
    def best(self) -> Hypothesis:
        """The most probable hypothesis."""
        return max(HYPOTHESES, key=lambda name: self.hypotheses[name])

    @property
    def leading(self) -> tuple[Model, Marginal]:
        """The most probable model of the best hypothesis."""
        chosen = [k for k, model in enumerate(self.models) if model.hypothesis == self.best]
        k = max(chosen, key=lambda each: self.weights[each])
        return self.models[k], self.marginals[k]

    def draw(self, model: Model, points: Floats) -> Draw:
        """Parameters at points."""
        return parameters(model, points, self.seen, self.monomer)


def compare(
    seen: Observations,
    *,
    monomer: Monomer | None,
    rng: np.random.Generator,
    use: Use | None = None,
    models: tuple[Model, ...] | None = None,
) -> Comparison:
    """Marginal likelihood of every model, and the probability of every hypothesis.

    Before the data all four are equally likely. `models` restricts the comparison to some.
    """
    expectation = Expectation(seen)
    models = models_for(seen) if models is None else models
    likelihoods = [likelihood_of(model, expectation, monomer, use or Use()) for model in models]
    sizes = [len(model.columns(seen)) for model in models]
    # the most likely first, so that models far below it need no precision
    trial = [float(f(rng.standard_normal((_TRIAL, n))).max()) for f, n in zip(likelihoods, sizes, strict=True)]
    rival, made = -np.inf, {}
    for k in sorted(range(len(models)), key=lambda each: -trial[each]):
        made[k] = marginal(likelihoods[k], sizes[k], rng, rival=rival)
        rival = max(rival, made[k].log_evidence)
    marginals = tuple(made[k] for k in range(len(models)))
    # the weights of the models of a hypothesis sum to one
    known = {name: sum(model.weight for model in models if model.hypothesis == name) for name in HYPOTHESES}
    logs = np.array(
        [
            each.log_evidence + np.log(model.weight / known[model.hypothesis])
            for model, each in zip(models, marginals, strict=True)
        ]
    )
    weights = np.exp(logs - special.logsumexp(logs))
    log_evidence: dict[str, float] = {}
    probabilities: dict[str, float] = {}
    for name in HYPOTHESES:
        own = [k for k, model in enumerate(models) if model.hypothesis == name]
        log_evidence[name] = float(special.logsumexp(logs[own])) if own else -np.inf
        probabilities[name] = float(weights[own].sum())
    top = max(log_evidence.values())
    return Comparison(
        seen=seen,
        expectation=expectation,
        monomer=monomer,
        models=models,
        marginals=marginals,
        weights=weights,
        hypotheses=probabilities,
        log_evidence={name: value - top for name, value in log_evidence.items()},
    )


def evidence_steps(
    seen: Observations, *, monomer: Monomer | None, rng: np.random.Generator
) -> tuple[tuple[EvidenceStep, ...], Comparison]:
    """Compare with one more kind of evidence at a time; the comparison with all of it."""
    steps: list[EvidenceStep] = []

    def add(name: str, observations: Observations, use: Use) -> Comparison:
        comparison = compare(observations, monomer=monomer, rng=rng, use=use)
        steps.append(EvidenceStep(name, dict(comparison.hypotheses), dict(comparison.log_evidence)))
        return comparison

    nothing = Use(levels=False, triples=False, references=False)
    last = add(_STEPS[0], seen.whole(delays=False), nothing)
    if seen.resolved:
        last = add(_STEPS[1], seen.whole(delays=True), nothing)
    if seen.top > 0:
        last = add(_STEPS[2], seen, Use(triples=False, references=False))
    if seen.triples is not None:
        last = add(_STEPS[3], last.seen, Use(references=False))
    if monomer is not None and ((monomer.brightness and seen.brightness) or monomer.bunching):
        last = add(_STEPS[4], last.seen, Use())
    return tuple(steps), last


@dataclass(frozen=True, slots=True)
class Number:
    """Number of emitters with the ends of its interval; `high` None for no upper limit."""

    value: int
    low: int
    high: int | None


def number_of_emitters(comparison: Comparison) -> Number:
    """Number under the best hypothesis, and the interval of 95 % over all hypotheses."""
    numbers, weights = [], []
    value = 1
    for model, each, weight in zip(comparison.models, comparison.marginals, comparison.weights, strict=True):
        draw = comparison.draw(model, each.points)
        numbers.append(draw.number)
        weights.append(weight * each.weights)
        if model is comparison.leading[0]:
            effective = 1.0 / np.maximum(1.0 - draw.q, 1e-9)
            value = round(_quantile(effective, each.weights, 0.5)) if model.many else int(draw.number[0])
    total, low_high = np.concatenate(numbers), [0, 0]
    share = np.concatenate(weights)
    low_high = [int(_quantile(total.astype(np.float64), share, tail)) for tail in _TAILS]
    high = None if low_high[1] >= _MOST_NUMBER else low_high[1]
    value = max(value, 3) if comparison.best == "three_or_more" else value
    value = max(value, low_high[0]) if high is None else int(np.clip(value, low_high[0], high))
    return Number(value, low_high[0], high)


def _quantile(values: Floats | Integers, weights: Floats, share: float) -> float:
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    place = min(int(np.searchsorted(below, share * below[-1])), len(order) - 1)
    return float(values[order[place]])


def best_parameters(comparison: Comparison, *, lifetime_ns: float | None) -> dict[str, Estimate]:
    """Parameters of the leading model with intervals of 95 %."""
    model, each = comparison.leading
    draw = comparison.draw(model, each.points)

    def estimate(values: Floats, unit: str = "") -> Estimate:
        middle, low, high = (_quantile(values, each.weights, share) for share in (0.5, *_TAILS))
        return Estimate(middle, low, high, unit)

    result = {"yield_ratio": estimate(draw.yields)}
    if lifetime_ns is not None and comparison.seen.resolved:
        result["biexciton_lifetime_ns"] = estimate(draw.yields / draw.beta * lifetime_ns, "ns")
    if model.several and not model.many:
        result["brighter_share"] = estimate(draw.share)
    if model.annihilating and lifetime_ns is not None:
        result["annihilation_per_ns"] = estimate(2.0 * (draw.quenching - 1.0) / lifetime_ns, "1/ns")
    return result


def typical_point(each: Marginal) -> Floats:
    """Point of the sample nearest to the mean of the posterior."""
    mean = each.weights @ each.points
    likely = np.argsort(each.weights)[-_LIKELY:]
    return np.asarray(each.points[likely[np.argmin(((each.points[likely] - mean) ** 2).sum(axis=1))]], dtype=np.float64)


def fitted_pairs(comparison: Comparison, point: Floats) -> Floats:
    """Pairs (L, b) that the leading model expects at a point, levels in their likeliest states."""
    model = comparison.leading[0]
    seen, expectation = comparison.seen, comparison.expectation
    draw = comparison.draw(model, point[None, :])
    rows = []
    for k, counts in enumerate(seen.strata.centre):
        choices = [draw.q]
        if k < seen.top and model.several and not model.together:
            choices += [PART * draw.q, fewer_on(draw, relative_rate(seen, k)[0])]
        shapes = expectation.shapes(draw, k)
        expected = [expectation.pairs(k, draw, q, shapes, together=model.together)[0] for q in choices]
        rows.append(min(expected, key=lambda row: float((row - special.xlogy(counts, row)).sum())))
    return np.stack(rows)


def goodness(counts: Floats, expected: Floats, *, fitted: int) -> float | None:
    """Probability of a larger deviance from expected pairs, a relative systematic error of 3 % a bin granted.

    Bins next to each other are joined until ten pairs are expected. None where fewer bins are left than parameters.
    """
    deviance, bins = 0.0, 0
    for row, mean in zip(counts, expected, strict=True):
        observed, predicted = 0.0, 0.0
        for k in range(len(row)):
            observed, predicted = observed + row[k], predicted + mean[k]
            if predicted < 10.0 and k + 1 < len(row):
                continue
            if predicted >= 10.0 or bins == 0:
                distance = 2.0 * (predicted - observed + special.xlogy(observed, observed / predicted))
                deviance += float(distance) / (1.0 + _SHAPE_ERROR**2 * predicted)
                bins += 1
            observed, predicted = 0.0, 0.0
    degrees = bins - fitted
    return None if degrees < 1 else float(chi2_tail(deviance, degrees))


def photons_to_decide(comparison: Comparison, *, use: Use, rng: np.random.Generator) -> tuple[int | None, str | None]:
    """Photons of a recording, alike but longer, that would make the best hypothesis the verdict."""
    expected = fitted_pairs(comparison, typical_point(comparison.leading[1]))

    models = tuple(m for m, weight in zip(comparison.models, comparison.weights, strict=True) if weight > _POSSIBLE)
    for longest in _LONGER:
        longer = comparison.seen.scaled(longest, expected)
        again = compare(longer, monomer=comparison.monomer, rng=rng, use=use, models=models)
        factors = np.geomspace(_LEAST_MORE, longest, _FACTORS)
        decided = _probability(again, comparison.best, factors / longest) >= DECISIVE
        if decided[-1]:
            last = int(np.flatnonzero(~decided)[-1]) + 1 if not decided.all() else 0
            return int(float(f"{comparison.seen.photons * factors[last]:.2g}")), None
    return None, _NO_DECISION


def _probability(comparison: Comparison, best: Hypothesis, factors: Floats) -> Floats:
    """Probability of a hypothesis in recordings shorter by these factors (n,).

    The largest log-likelihood grows with the recording, and each parameter that the data determine costs half a
    logarithm of it, as in the Bayesian information criterion (Schwarz, Ann. Stat. 6, 461 (1978),
    doi:10.1214/aos/1176344136).
    """
    logs = []
    for model, each in zip(comparison.models, comparison.marginals, strict=True):
        known = sum(other.weight for other in comparison.models if other.hypothesis == model.hypothesis)
        occam = each.log_evidence - each.log_likelihood + np.log(model.weight / known)
        logs.append(factors * each.log_likelihood + occam - 0.5 * each.determined * np.log(factors))
    weights = special.softmax(np.stack(logs), axis=0)
    own = [model.hypothesis == best for model in comparison.models]
    return np.asarray(weights[own].sum(axis=0), dtype=np.float64)


def verdict_of(hypotheses: Mapping[str, float], fit: float | None) -> str:
    """The best hypothesis if it is decisive and describes the data, else "cannot tell"."""
    best = max(HYPOTHESES, key=lambda name: hypotheses[name])
    poor = fit is not None and fit < _POOR_FIT
    return CANNOT_TELL if poor or hypotheses[best] < DECISIVE else best


def is_poor(fit: float | None) -> bool:
    """Whether a fit is too bad for a verdict."""
    return fit is not None and fit < _POOR_FIT
