r"""Hypotheses about the emitters of a recording: what each expects to be counted, and priors of its parameters.

Of N emitters with shares p of the mean intensity, pairs of one pulse over those of independent photons of the same
mean rates are, once background is taken off,

    g = q κ / r + y (B - q κ),    q = 1 - Σ p²,

where B is the same ratio of neighbouring pulses (bunching), y the yield of the biexciton over that of the exciton, and
κ the mean product of two emitters' intensities over the product of the means. Emitters that blink independently have
κ = 1, so that B drops out for y = 0 and 1 / (1 - g) is the effective number of emitters whatever the blinking;
emitters that blink together have κ = B. Annihilation at the rate k leaves 1 / r of the pairs of two excitons, with
r = 1 + kτ/2.

The first photon of such a pair has the lifetime τ / (2 r), that of a biexciton y τ / β, with β the radiative rate of
the biexciton over that of the exciton: near 4 for independent carriers (Nair, Zhao, Bawendi, Nano Lett. 11, 1136
(2011), doi:10.1021/nl104054t). The second has the lifetime τ. Groups of three or more that annihilate are not among
the hypotheses: their pairs hardly differ from those of two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from qdmol.analysis.emitters.observations import Observations
from qdmol.analysis.emitters.values import Hypothesis, Monomer
from qdmol.arrays import Floats, Integers

NO_YIELD, UNSEEN = 1e-6, 0.1  # of a biexciton that does not emit, and the probability of yields from there to the least
YIELDS: Final = (0.003, 1.0)  # of the biexciton over the exciton: log-uniform; of one emitter half of it uniform to 1
BETA, BETA_SPREAD = 4.0, 0.25  # log-normal
BETA_KNOWN, BETA_LIMITS = 0.9, (0.25, 10.0)  # with this probability; else log-uniform between these
RATIO_SPREAD: Final = 0.8  # of the logarithm of the brightness ratio of two emitters, half-normal: 1:3 or more in 17 %
UNEQUAL: Final = 0.4  # standard deviation of log brightness of three or more, half-normal; half of them are equal
ANNIHILATION: Final = (1.0, 100.0)  # rate over that of the exciton's decay: log-uniform between these
MONOMER_SCATTER: Final = 0.15  # least relative scatter of yields from one emitter to another
BRIGHTNESS_SCATTER: Final = 0.35  # the same of brightness
BUNCHING_SCATTER: Final = 0.5  # the same of the bunching above 1
LIKE_MONOMER: Final = {"one_emitter": 0.5, "several": 0.85}  # probability that yields are those of the references
COMPARABLE: Final = 0.8  # probability that brightness can be compared with that of the references
CONTAMINATION: Final = 0.03  # of a level with one emitter by times when both shine, half-normal
LEVEL_WIDTH: Final = 0.05  # relative scatter of the rate of a level
SHARED_FROM: Final = 1.2  # bunching from which blinking together can be told at all
SHAPE_PAIRS: Final = 20_000.0  # pairs from which systematic errors of the shapes outweigh the noise
DIRECT: Final = 0.1  # chance that two independent emitters switch both at a change between bright and dark
_MOST_JUMPS = 12
_COLUMNS = 9
_STEADY_LIGHT = 0.05  # bunching above 1 that is none
_MOST_STEPS = 12
_WEIGHTS = {"both": 0.25, "part": 0.25, "fewer": 0.5}  # of the states of a level that is not the brightest
PART: Final = 0.6  # of 1 - Σ p² in a level in which emitters are dimmed unequally


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """Parameters at n points; those a hypothesis does not have are what leaves its predictions alone.

    Attributes
    ----------
    yields, beta : float (n,)
        Yield of the biexciton over that of the exciton, and ratio of the radiative rates.
    q, squares : float (n,)
        1 - Σ p² and Σ p³.
    share : float (n,)
        Of the brightest emitter.
    kappa, level : float (n,)
        Part of the slow bunching that is common, 0 to 1, and the relative error of the level in standard deviations.
    quenching : float (n,)
        r.
    node : int (n,)
        Value of the background.
    stray : float (n,)
        Contamination of levels.
    number : int (n,)
        Emitters.
    spread : float (n,)
        Standard deviation of the logarithm of their brightness.
    """

    yields: Floats
    beta: Floats
    q: Floats
    cubes: Floats
    share: Floats
    kappa: Floats
    level: Floats
    quenching: Floats
    node: Integers
    stray: Floats
    number: Integers
    spread: Floats


@dataclass(frozen=True, slots=True)
class Model:
    """One hypothesis, or a part of one.

    Attributes
    ----------
    name : str
        For messages.
    hypothesis : str
        What it belongs to.
    weight : float
        Prior probability within that hypothesis.
    several, many, annihilating, together : bool
        Whether there is more than one emitter, more than two, whether they annihilate, whether they blink together.
    """

    name: str
    hypothesis: Hypothesis
    weight: float
    several: bool = False
    many: bool = False
    annihilating: bool = False
    together: bool = False

    def columns(self, seen: Observations) -> tuple[int, ...]:
        """Parameters that the observations depend on, by their place in `parameters`."""
        wanted = {
            0: True,
            1: seen.resolved,
            2: len(seen.shapes) > 1,
            3: self.several,
            4: self.several and not self.together and seen.slow_bunching != 1.0,
            5: self.several and seen.level_error > 0.0,
            6: self.annihilating,
            7: self.several and seen.top > 0 and not self.together,
            8: self.many,
        }
        return tuple(column for column, use in wanted.items() if use)


MODELS: Final = (
    Model("one emitter", "one_emitter", 1.0),
    Model("two independent emitters", "two_independent", 1.0, several=True),
    Model("two emitters that annihilate", "two_interacting", 0.75, several=True, annihilating=True),
    Model("two emitters that blink together", "two_interacting", 0.25, several=True, together=True),
    Model("three or more independent emitters", "three_or_more", 0.75, several=True, many=True),
    Model("three or more emitters that blink together", "three_or_more", 0.25, several=True, many=True, together=True),
)


def models_for(seen: Observations) -> tuple[Model, ...]:
    """Models to compare; blinking together only where the light fluctuates, for else it is no different."""
    shared = float(_bunching(seen)[0][:, seen.top].min()) > SHARED_FROM or seen.strata.direct + seen.strata.stepwise > 0
    return tuple(model for model in MODELS if shared or not model.together)


def parameters(model: Model, z: Floats, seen: Observations, monomer: Monomer | None) -> Draw:
    """Turn standard normal numbers (n, d), d as in `Model.columns`, into parameters with their prior distributions."""
    n = len(z)
    every = np.zeros((n, _COLUMNS))
    every[:, model.columns(seen)] = z
    z = every
    nodes = len(seen.shapes)
    node = np.minimum((special.ndtr(z[:, 2]) * nodes).astype(np.int64), nodes - 1)
    yields = _yields(special.ndtr(z[:, 0]), monomer, several=model.several)
    beta = _beta(z[:, 1], monomer)
    zero, one = np.zeros(n), np.ones(n)
    if not model.several:
        number = np.ones(n, dtype=np.int64)
        return Draw(yields, beta, zero, one, one, zero, zero, one, node, zero, number, zero)
    quenching, spread = one, zero
    if model.annihilating:
        low, high = np.log(ANNIHILATION)
        quenching = 1.0 + 0.5 * np.exp(low + (high - low) * special.ndtr(z[:, 6]))
    if model.many:
        # 2 / (N (N - 1)) from 3 on
        number = np.minimum(2.0 / np.maximum(special.ndtr(z[:, 8]), 1e-6), 1e6).astype(np.int64) + 1
        spread = np.maximum(z[:, 3], 0.0) * UNEQUAL
        variance = np.minimum(np.expm1(spread**2) * (1.0 - 1.0 / number), 0.9 * (number - 1.0))
        squares = (1.0 + variance) / number
        share = np.minimum(np.exp(spread) / number, 1.0)
        q, cubes = 1.0 - squares, squares**2
    else:
        number = np.full(n, 2, dtype=np.int64)
        share = special.expit(RATIO_SPREAD * np.abs(z[:, 3]))
        q, cubes = 2.0 * share * (1.0 - share), share**3 + (1.0 - share) ** 3
    return Draw(
        yields=yields,
        beta=beta,
        q=q,
        cubes=cubes,
        share=share,
        kappa=special.ndtr(z[:, 4]),
        level=z[:, 5],
        quenching=quenching,
        node=node,
        stray=CONTAMINATION * np.abs(z[:, 7]),
        number=number,
        spread=spread,
    )


def _yields(quantile: Floats, monomer: Monomer | None, *, several: bool) -> Floats:
    if monomer is None or not monomer.ratios:
        return _free_yields(quantile, several=several)
    alike = LIKE_MONOMER["several" if several else "one_emitter"]
    mean, scatter = yield_reference(monomer)
    inside = np.clip(quantile / alike, 1e-9, 1.0 - 1e-9)
    outside = np.clip((quantile - alike) / (1.0 - alike), 0.0, 1.0)
    known = np.log(mean) + scatter * special.ndtri(inside)
    like = np.minimum(np.exp(known), YIELDS[1])
    return np.asarray(np.where(quantile < alike, like, _free_yields(outside, several=several)), dtype=np.float64)


def _free_yields(quantile: Floats, *, several: bool) -> Floats:
    if several:
        return _log_uniform(quantile)
    small, any_yield = _log_uniform(np.minimum(2.0 * quantile, 1.0)), 2.0 * quantile - 1.0
    return np.asarray(np.where(quantile < 0.5, small, np.maximum(any_yield, YIELDS[0])), dtype=np.float64)


def _log_uniform(quantile: Floats) -> Floats:
    least, low, high = np.log((NO_YIELD, *YIELDS))
    none = least + (low - least) * np.minimum(quantile / UNSEEN, 1.0)
    seen = low + (high - low) * np.maximum(quantile - UNSEEN, 0.0) / (1.0 - UNSEEN)
    return np.asarray(np.exp(np.where(quantile < UNSEEN, none, seen)), dtype=np.float64)


def yield_reference(monomer: Monomer) -> tuple[float, float]:
    """Mean yield ratio of single emitters, and its relative scatter from one to another with the error of the mean."""
    values = np.array([max(ratio.value, 1e-4) for ratio in monomer.ratios])
    errors = np.array([max(ratio.high - ratio.low, 0.0) / 3.92 for ratio in monomer.ratios]) / values
    errors = np.clip(np.where(np.isfinite(errors), errors, 1.0), 1e-3, 2.0)
    logs, weights = np.log(values), 1.0 / (errors**2 + MONOMER_SCATTER**2)
    mean = float((weights * logs).sum() / weights.sum())
    scatter = MONOMER_SCATTER
    if len(values) > 2:
        scatter = max(scatter, float(np.sqrt(max(logs.var(ddof=1) - (errors**2).mean(), 0.0))))
    return float(np.exp(mean)), float(np.hypot(scatter, weights.sum() ** -0.5))


def _beta(z: Floats, monomer: Monomer | None) -> Floats:
    middle, spread = np.log(BETA), BETA_SPREAD
    if monomer is not None and monomer.biexciton_lifetimes_ns and monomer.lifetimes_ns:
        fast = np.log([each.value for each in monomer.biexciton_lifetimes_ns])
        errors = [(each.high - each.low) / 3.92 / each.value for each in monomer.biexciton_lifetimes_ns]
        slow = np.log(np.mean([each.value for each in monomer.lifetimes_ns]))
        error = float(np.sqrt(np.mean(np.square(errors)) / len(errors)))
        precision, own = 1.0 / (error**2 + MONOMER_SCATTER**2), 1.0 / BETA_SPREAD**2
        measured = float(np.log(yield_reference(monomer)[0]) + slow - fast.mean())
        middle = (precision * measured + own * middle) / (precision + own)
        spread = float((precision + own) ** -0.5)
    quantile = special.ndtr(z)
    known = middle + spread * special.ndtri(np.clip(quantile / BETA_KNOWN, 1e-9, 1.0 - 1e-9))
    low, high = np.log(BETA_LIMITS)
    free = low + (high - low) * np.clip((quantile - BETA_KNOWN) / (1.0 - BETA_KNOWN), 0.0, 1.0)
    return np.asarray(np.exp(np.where(quantile < BETA_KNOWN, np.clip(known, low, high), free)), dtype=np.float64)


def _bunching(seen: Observations) -> tuple[Floats, Floats]:
    """Bunching of the emitters' light (k, L), and the share of pairs without background (k, L), by background."""
    rate = np.maximum(seen.strata.rate_hz, 1e-9)
    share = np.clip(1.0 - seen.background_hz[:, None] / rate, 0.02, 1.0) ** 2
    bunching = (seen.strata.bunching - 1.0) / share + 1.0
    return np.asarray(np.maximum(bunching, 0.2), dtype=np.float64), np.asarray(share, dtype=np.float64)


class Expectation:
    """Expected pairs by stratum and bin of delay; made once for the observations.

    Parameters
    ----------
    seen
        The observations.
    """

    def __init__(self, seen: Observations) -> None:
        self.seen = seen
        self.bunching, self.clean = _bunching(seen)
        self._emitters = np.stack([each.emitters for each in seen.shapes])
        self._mixed = np.stack([each.mixed for each in seen.shapes])
        self._background = np.stack([each.background for each in seen.shapes])
        self._cascades = np.stack([each.cascades for each in seen.shapes])
        self._log_lifetimes = seen.shapes[0].log_lifetimes
        self._measured = self._side_ratio()
        early = seen.early_lifetime_ns or 1.0
        self._stretch = self._lifetimes((seen.lifetime_ns or early) / early)

    def _lifetimes(self, whole: float) -> Floats:
        """Lifetime of the exciton in each stratum over the early one of all, (L,); `whole` without levels.

        Pairs of neighbouring pulses with small ranks are the more frequent, the shorter the lifetime of a level is.
        """
        if self.seen.top == 0 or not self.seen.resolved:
            return np.full(self.seen.top + 1, whole)
        node = len(self.seen.shapes) // 2
        expected = self._emitters[node][:_EARLY_BINS]
        early = (self._measured[node][:, :_EARLY_BINS] * expected).sum(axis=1) / expected.sum()
        return np.asarray(np.clip(1.0 / early, 0.05, 3.0), dtype=np.float64)

    def _side_ratio(self) -> Floats:
        """Measured delays of pairs of neighbouring pulses over those expected, (k, L, b)."""
        strata = self.seen.strata
        parts = []
        for node in range(len(self.seen.shapes)):
            clean, bunching = self.clean[node][:, None], self.bunching[node][:, None]
            share = np.sqrt(clean)
            expected = (
                clean * bunching * self._emitters[node]
                + 2.0 * share * (1.0 - share) * self._mixed[node]
                + (1.0 - share) ** 2 * self._background[node]
            )
            expected /= expected.sum(axis=1, keepdims=True)
            total = strata.sides.sum(axis=1, keepdims=True)
            steady = 4.0 * _STEADY_PAIRS
            parts.append((strata.sides + steady * expected) / ((total + steady) * expected))
        return np.stack(parts)

    def cascade(self, node: Integers, lifetime: Floats) -> Floats:
        """Shares by bin (n, b) of pairs whose first photon has these lifetimes over the exciton's early one."""
        grid = self._log_lifetimes
        place = np.interp(np.log(np.maximum(lifetime, 1e-12)), grid, np.arange(len(grid)))
        low = np.minimum(place.astype(np.int64), len(grid) - 2)
        part = (place - low)[:, None]
        return np.asarray(
            (1.0 - part) * self._cascades[node, low] + part * self._cascades[node, low + 1], dtype=np.float64
        )

    def shapes(self, draw: Draw, stratum: int) -> tuple[Floats, Floats]:
        """Shares by bin of the biexciton's pairs and of the pairs of two excitons in a stratum, (n, b) each."""
        biexciton = self.cascade(draw.node, draw.yields / draw.beta * self._stretch[stratum])
        quenched = draw.quenching > 1.0
        pair = self._emitters[draw.node]
        if quenched.any():
            stretch = self._stretch[stratum] if self.seen.top > 0 else 1.0
            pair = np.where(quenched[:, None], self.cascade(draw.node, 0.5 * stretch / draw.quenching), pair)
        return biexciton, pair

    def pairs(self, stratum: int, draw: Draw, q: Floats, shapes: tuple[Floats, Floats], *, together: bool) -> Floats:
        """Pairs (n, b) in a stratum whose emitters at work have the value `q` of 1 - Σ p²."""
        node, k = draw.node, stratum
        clean, bunching = self.clean[node, k][:, None], self.bunching[node, k][:, None]
        share = np.sqrt(clean)
        if together:
            kappa = bunching[:, 0]
        else:
            slow = self.seen.slow_bunching - 1.0
            kappa = 1.0 + draw.kappa * slow
        kappa = kappa * np.exp(self.seen.level_error * draw.level)
        both = (q * kappa)[:, None]
        ratio = self._measured[node, k]
        own = np.maximum(bunching - both, 0.2 * (1.0 - q)[:, None])
        biexciton, pair = shapes
        quenched = (draw.quenching > 1.0)[:, None]
        excitons = np.where(quenched, pair, pair * ratio)
        same = both / draw.quenching[:, None] * excitons + draw.yields[:, None] * own * biexciton
        overlap = self.seen.overlap
        signal = (1.0 - overlap) * same + overlap * bunching * self._emitters[node] * ratio
        with_background = 2.0 * share * (1.0 - share) * self._mixed[node] + (1.0 - share) ** 2 * self._background[node]
        expected = self.seen.strata.poisson[k] * (clean * signal + with_background)
        return np.asarray(np.maximum(expected, 1e-9), dtype=np.float64)


_STEADY_PAIRS = 50.0
_EARLY_BINS = 6  # of the smaller rank, in which decays are still linear


def log_counts(counts: Floats, expected: Floats) -> Floats:
    """Logarithm of the probability of counts (b,) where these (n, b) are expected, (n,).

    The total is Poisson; its division over the bins counts as much as `SHAPE_PAIRS` pairs at most, for shapes have
    systematic errors.
    """
    total, mean = float(counts.sum()), expected.sum(axis=1)
    value = special.xlogy(total, mean) - mean - special.gammaln(total + 1.0)
    if counts.size > 1 and total > 0:
        scale = min(1.0, SHAPE_PAIRS / total)
        shares = np.log(expected / mean[:, None])
        value = value + scale * (shares @ counts)
    return np.asarray(value, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Use:
    """Kinds of evidence that a likelihood takes into account."""

    levels: bool = True
    triples: bool = True
    references: bool = True


def likelihood_of(
    model: Model, expectation: Expectation, monomer: Monomer | None, use: Use
) -> Callable[[Floats], Floats]:
    """Logarithm of the likelihood of a model as a function of standard normal numbers (n, d)."""
    seen = expectation.seen

    def value(z: Floats) -> Floats:
        draw = parameters(model, z, seen, monomer)
        shapes = expectation.shapes(draw, seen.top)
        strata = seen.strata
        top = expectation.pairs(seen.top, draw, draw.q, shapes, together=model.together)
        total = log_counts(strata.centre[seen.top], top)
        for k in range(seen.top):
            total = total + _lower_level(k, model, expectation, draw, use)
        if use.levels:
            total = total + _jumps(model, seen)
        if use.triples and seen.triples is not None:
            total = total + _triples(draw, expectation, seen)
        if use.references and monomer is not None:
            if monomer.brightness and seen.brightness:
                total = total + _brightness(draw, monomer, seen.brightness)
            if monomer.bunching and seen.whole_bunching is not None:
                total = total + _blinking(draw, monomer, seen.whole_bunching, together=model.together)
        return np.asarray(total, dtype=np.float64)

    return value


def _lower_level(k: int, model: Model, expectation: Expectation, draw: Draw, use: Use) -> Floats:
    seen = expectation.seen
    counts = seen.strata.centre[k]
    shapes = expectation.shapes(draw, k)

    def counted(q: Floats) -> Floats:
        return log_counts(counts, expectation.pairs(k, draw, q, shapes, together=model.together))

    rate, change = relative_rate(seen, k)
    dark = rate < 0.05
    grey = np.zeros(len(draw.q))
    if use.levels and not dark and np.isfinite(change[0]):
        grey = grey + _grey(rate, change)
    if not model.several:
        return np.asarray(counted(draw.q) + grey, dtype=np.float64)
    both = counted(draw.q) + grey
    if model.together:
        return np.asarray(both, dtype=np.float64)
    states = [np.log(_WEIGHTS["both"]) + both, np.log(_WEIGHTS["part"]) + counted(PART * draw.q) + grey]
    fewer = counted(fewer_on(draw, rate))
    if use.levels and not dark:
        fewer = fewer + _steps(draw, rate)
        if np.isfinite(change[0]):
            fewer = fewer + _log_normal(change[0], 0.0, float(np.hypot(0.25, change[1])))
    states.append(np.log(_WEIGHTS["fewer"]) + fewer)
    return np.asarray(special.logsumexp(np.stack(states), axis=0), dtype=np.float64)


def fewer_on(draw: Draw, rate: float) -> Floats:
    """1 - Σ p² where some of the emitters are off, so that the rate over that of all is `rate`.

    Of two one is left; of N equal ones N times the rate. A level is contaminated by times when all shine.
    """
    left = np.maximum(rate, 1e-6) / np.maximum(1.0 - draw.q, 1e-9)
    remaining = np.where(draw.number == 2, 0.0, np.clip(1.0 - 1.0 / left, 0.0, None))
    stray = np.minimum(draw.stray, 1.0)
    return np.asarray((1.0 - stray) * np.minimum(remaining, draw.q) + stray * draw.q, dtype=np.float64)


def _steps(draw: Draw, rate: float) -> Floats:
    """Logarithm of the density of the relative rate of a level in which some of the emitters are off."""
    two = np.stack([_log_normal_of(rate, p, LEVEL_WIDTH) for p in (draw.share, 1.0 - draw.share)])
    density = special.logsumexp(two, axis=0) - np.log(2.0)
    if (draw.number > 2).any():
        steps = np.arange(1, _MOST_STEPS)[:, None]
        width = np.hypot(LEVEL_WIDTH, 0.5 * draw.spread / draw.number)
        terms = _log_normal_of(rate, steps / draw.number, width)
        terms = np.where(steps < draw.number, terms, -np.inf)
        several = special.logsumexp(terms, axis=0) - np.log(draw.number - 1.0)
        density = np.where(draw.number > 2, np.where(draw.number < _MOST_STEPS, several, 0.0), density)
    return np.asarray(density, dtype=np.float64)


def _log_normal_of(value: float, mean: Floats, spread: Floats | float) -> Floats:
    """Logarithm of a normal density."""
    return np.asarray(-0.5 * ((value - mean) / spread) ** 2 - np.log(spread * np.sqrt(2.0 * np.pi)), dtype=np.float64)


def relative_rate(seen: Observations, k: int) -> tuple[float, tuple[float, float]]:
    """Rate of a stratum over that of the brightest without background; logarithm of its lifetime over that, error."""
    strata = seen.strata
    dark = float(np.median(seen.background_hz))
    rate = max(strata.rate_hz[k] - dark, 0.0) / max(strata.rate_hz[seen.top] - dark, 1e-9)
    ends = (strata.lifetime_ns[k], strata.lifetime_ns[seen.top])
    if not (np.isfinite(ends).all() and min(ends) > 0):
        return float(rate), (np.nan, np.nan)
    error = np.hypot(*(strata.lifetime_error_ns[j] / strata.lifetime_ns[j] for j in (k, seen.top)))
    return float(rate), (float(np.log(ends[0] / ends[1])), float(error) if np.isfinite(error) else 0.3)


def _grey(rate: float, change: tuple[float, float]) -> float:
    """Lifetime of a level with emitters less bright: it follows the yield, or the rate of excitation fell."""
    value, error = change
    follows = _log_normal(value, 0.8 * np.log(max(rate, 1e-3)), np.hypot(0.35, error))
    stays = _log_normal(value, 0.0, np.hypot(0.2, error))
    return float(np.logaddexp(np.log(0.7) + follows, np.log(0.3) + stays))


def _log_normal(value: float, mean: float, spread: float) -> float:
    return float(-0.5 * ((value - mean) / spread) ** 2 - np.log(spread * np.sqrt(2.0 * np.pi)))


def _jumps(model: Model, seen: Observations) -> float:
    """Changes between bright and dark without and with a level between, against chances of one in two."""
    direct, stepwise = seen.strata.direct, seen.strata.stepwise
    number = direct + stepwise
    if number == 0 or not model.several:
        return 0.0
    scale = min(1.0, _MOST_JUMPS / number)
    chance = 1.0 - DIRECT if model.together else DIRECT
    return scale * float(direct * np.log(2.0 * chance) + stepwise * np.log(2.0 * (1.0 - chance)))


def _triples(draw: Draw, expectation: Expectation, seen: Observations) -> Floats:
    """Three photons of a pulse: of three emitters, or of the biexciton of one and the exciton of another."""
    assert seen.triples is not None
    clean = expectation.clean[draw.node, seen.top]
    share = np.sqrt(clean)
    squares = 1.0 - draw.q
    three = 1.0 - 3.0 * squares + 2.0 * draw.cubes
    mixed = 3.0 * (squares - draw.cubes) * draw.yields
    emitted = (np.maximum(three, 0.0) / draw.quenching + np.maximum(mixed, 0.0)) / draw.quenching
    pairs = draw.q / draw.quenching + draw.yields * squares
    dark = 1.0 - share
    g3 = share**3 * emitted + 3.0 * share**2 * dark * pairs + 3.0 * share * dark**2 + dark**3
    mean = np.maximum(g3 * seen.triples.expected, 1e-9)
    return np.asarray(special.xlogy(seen.triples.counted, mean) - mean, dtype=np.float64)


def _blinking(draw: Draw, monomer: Monomer, bunching: float, *, together: bool) -> Floats:
    """Bunching against that of single emitters: B - 1 is Σ p² of theirs, or all of it if they blink together."""
    own = float(np.median([max(each.value - 1.0, 0.0) for each in monomer.bunching]))
    expected = np.full(len(draw.q), own) if together else own * (1.0 - draw.q)
    away = np.log(max(bunching - 1.0, 0.0) + _STEADY_LIGHT) - np.log(expected + _STEADY_LIGHT)
    alike = -0.5 * (away / BUNCHING_SCATTER) ** 2 - np.log(BUNCHING_SCATTER)
    apart = -0.5 * (away / 2.0) ** 2 - np.log(2.0)
    return np.asarray(np.logaddexp(np.log(COMPARABLE) + alike, np.log(1.0 - COMPARABLE) + apart), dtype=np.float64)


def _brightness(draw: Draw, monomer: Monomer, brightness: float) -> Floats:
    """Photons per pulse against those of single emitters, if they can be compared at all."""
    logs = np.log(np.maximum(monomer.brightness, 1e-12))
    scatter = BRIGHTNESS_SCATTER
    if len(logs) > 2:
        scatter = max(0.15, float(logs.std(ddof=1)))
    count = np.minimum(draw.number, 1000)
    # the sum of several scatters less than one, and so do references together
    width = scatter * np.sqrt(1.0 / count + 1.0 / len(logs))
    away = np.log(brightness) - float(logs.mean())
    alike = -0.5 * ((away - np.log(count)) / width) ** 2 - np.log(width)
    apart = -0.5 * (away / 2.0) ** 2 - np.log(2.0)
    return np.asarray(np.logaddexp(np.log(COMPARABLE) + alike, np.log(1.0 - COMPARABLE) + apart), dtype=np.float64)
