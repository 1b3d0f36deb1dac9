"""From a decay and a response to models at their largest likelihood, and the choice among them by evidence.

The number of exponentials is that of the lowest Bayesian information criterion, -2 ln L + k ln N: Schwarz, Ann. Stat.
6, 461 (1978), doi:10.1214/aos/1176344136, with k parameters and N photons, for each photon is one observation of the
delay. It stands for the evidence with a prior worth one photon, and needs no prior to be chosen. A component more
must lower it by 6, strong evidence by Kass and Raftery, J. Am. Stat. Assoc. 90, 773 (1995),
doi:10.1080/01621459.1995.10476572. Where no number of components fits, what is left over is of the instrument, and
the likelihood is divided by the reduced deviance (quasi-likelihood, McCullagh, Ann. Stat. 11, 59 (1983),
doi:10.1214/aos/1176346056), lest components be bought with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis.lifetime.bumps import Bump
from qdmol.analysis.lifetime.coarsening import coarsened, evenly_joined
from qdmol.analysis.lifetime.goodness import Goodness, judge
from qdmol.analysis.lifetime.intervals import Quantity, standard_error
from qdmol.analysis.lifetime.likelihood import Maximum, bounds_of, climb, expected_counts, free_parameters
from qdmol.analysis.lifetime.problem import GAUSSIAN, MEASURED, PULSE, Problem, Slots
from qdmol.analysis.lifetime.responses import density
from qdmol.analysis.lifetime.starting import Start, find_starts
from qdmol.analysis.lifetime.values import Decay, Response

__all__ = ["MOST_COMPONENTS", "STRETCHED", "Setting", "Trial", "choose", "model_name", "prepare", "try_models"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MOST_COMPONENTS = 4
STRETCHED = "stretched exponential"
STRONG = 6.0  # difference of the criterion that counts as strong
POOR = 1e-3  # probability below which a fit counts as poor
_CLOSEST = 1.25  # ratio of neighbouring lifetimes below which they are one
_SHIFTS = 3  # starts of a measured response, of different lifetimes
_SURE = 2.0  # standard errors by which the photons of a component must exceed none


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """A decay ready to be fitted: the problem of one component, and what of it is free."""

    problem: Problem
    shift_ns: float | None
    width_ns: float | None
    background: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A model at its maximum with its goodness and name, its curve, and the stretches that were left out.

    `curve` (n,) and `used` (n,) are over the bins of the decay; the maximum may have been found with bins joined.
    """

    name: str
    maximum: Maximum
    goodness: Goodness
    curve: Floats
    used: Bools
    left_out: tuple[Bump, ...] = ()

    @property
    def overdispersion(self) -> float:
        """By how much the deviance exceeds that of Poisson's law, where that is no accident; else 1."""
        poor = self.goodness.probability < POOR
        return max(self.goodness.reduced_deviance, 1.0) if poor else 1.0


def model_name(components: int) -> str:
    """As "1 exponential", "2 exponentials"."""
    return f"{components} exponential{'s' if components > 1 else ''}"


def prepare(
    decay: Decay, response: Response, *, used: Bools, dark: tuple[float, float] | None, background: float | None
) -> Setting:
    """Set up the problem of one component; `dark` is a background measured as (counts, bins)."""
    edges = decay.edges_ns
    kind = {"none": PULSE, "gaussian": GAUSSIAN, "measured": MEASURED}[response.kind]
    height, response_bin, response_first = np.zeros(0), 1.0, 0.0
    if kind == MEASURED:
        height, response_bin, response_first = density(response, decay.period_ns)
    live, periods = np.ones(len(decay.counts)), 0.0
    if decay.first_photon and decay.exposure_periods is not None:
        periods = decay.exposure_periods
        before = np.concatenate(([0.0], np.cumsum(decay.counts)[:-1]))
        live = np.maximum(1.0 - before / periods, 1e-9)
    problem = Problem(
        edges=edges,
        widths=np.diff(edges) / decay.bin_width_ns,
        counts=decay.counts.copy(),  # kernels are compiled for arrays that may be written
        used=used,
        live=live,
        periods=periods,
        period=math.inf if decay.period_ns is None else decay.period_ns,
        kind=kind,
        response_height=height,
        response_bin=response_bin,
        response_first=response_first,
        components=1,
        stretched=False,
        dark_counts=0.0 if dark is None else dark[0],
        dark_bins=0.0 if dark is None else dark[1],
    )
    shift = {"none": response.start_ns, "gaussian": response.centre_ns, "measured": response.shift_ns}[response.kind]
    return Setting(problem, shift, response.width_ns, background)


def try_models(setting: Setting, *, largest: int, smallest: int = 1, stretched: bool = False) -> dict[str, Trial]:
    """Fit one component, then one more each time while the evidence grows and at least `smallest`; by name."""
    whole = setting.problem
    best = _first(replace(setting, problem=evenly_joined(whole)))
    joined = coarsened(whole, best)
    setting = replace(setting, problem=joined)
    best = climb(joined, best.theta, best.free)
    if stretched:
        return {STRETCHED: _trial(STRETCHED, _stretch(setting, best), whole)}
    trials = {model_name(1): _trial(model_name(1), best, whole)}
    photons = max(float(joined.counts[joined.used].sum()), 2.0)
    for components in range(2, largest + 1):
        more = _one_more(setting, best)
        trials[model_name(components)] = _trial(model_name(components), more, whole)
        gain = more.log_likelihood - best.log_likelihood
        if components >= smallest and gain < 0.5 * (more.parameters - best.parameters) * math.log(photons):
            break
        best = more
    return trials


def choose(trials: dict[str, Trial]) -> tuple[Trial, dict[str, float]]:
    """Return the model of the best evidence without degenerate components, and the evidence of each."""
    richest = list(trials.values())[-1]
    spread = richest.overdispersion
    evidence = {}
    for name, trial in trials.items():
        photons = max(float(trial.maximum.problem.counts[trial.maximum.problem.used].sum()), 2.0)
        evidence[name] = -2.0 * trial.maximum.log_likelihood / spread + trial.maximum.parameters * math.log(photons)
    sound = [name for name, trial in trials.items() if not is_degenerate(trial.maximum)]
    best = sound[0] if sound else next(iter(trials))
    for name in sound[1:]:
        # one more component takes strong evidence
        if evidence[name] < evidence[best] - STRONG:
            best = name
    return trials[best], evidence


def is_degenerate(found: Maximum) -> bool:
    """Whether a component is no component: no photons, a lifetime without end, or one of many that doubles another.

    A lifetime on its lower bound is light that was scattered: a part of the curve, which is not reported.

    Two close lifetimes that the evidence asks for are two, however loosely each is known: intervals along which they
    keep their order say how loosely, and one lifetime in their place would be a wrong one with a narrow interval.
    """
    count = found.problem.components
    if count == 1:
        return False
    taus = found.components_ns
    endless = found.theta[:count] >= found.bounds[1, :count] - 1e-6
    if endless.any() or (found.theta[count : 2 * count] <= 0).any():
        return True
    if count == 2:
        return False
    if (taus[:-1] < _CLOSEST * taus[1:]).any():
        return True
    from qdmol.analysis.lifetime.scoring import SLOT

    errors = [standard_error(found, Quantity(SLOT, count + k)) for k in range(count)]
    return bool((found.theta[count : 2 * count] < _SURE * np.array(errors)).any())


def _trial(name: str, found: Maximum, whole: Problem) -> Trial:
    """Judge a maximum on the bins of the decay as they were."""
    problem = whole._replace(components=found.problem.components, stretched=found.problem.stretched)
    mean = expected_counts(replace(found, problem=problem))
    goodness = judge(whole.counts[whole.used], mean[whole.used], parameters=found.parameters)
    return Trial(name, found, goodness, mean, whole.used)


def _free(setting: Setting, problem: Problem) -> Bools:
    return free_parameters(
        problem,
        shift=setting.shift_ns is None,
        width=setting.width_ns is None,
        background=setting.background is None,
    )


def _first(setting: Setting) -> Maximum:
    """One exponential, from the best of the coarse starts."""
    problem = setting.problem
    slots = Slots(1)
    photons = float(problem.counts[problem.used].sum())
    bins = float(problem.widths[problem.used].sum())
    free = _free(setting, problem)
    best: Maximum | None = None
    for start in _starts(setting):
        theta = np.zeros(slots.size)
        theta[0], theta[1] = math.log(start.tau_ns), 0.9 * photons + 0.5
        theta[slots.background] = 0.1 * photons / bins if setting.background is None else setting.background
        theta[slots.shift] = start.shift_ns - _begins(problem)
        theta[slots.width], theta[slots.stretch] = math.log(start.width_ns), 1.0
        found = climb(problem, theta, free)
        if best is None or found.log_likelihood > best.log_likelihood:
            best = found
    if best is None:
        raise ValueError("no start")
    return best


def _begins(problem: Problem) -> float:
    """Where a measured response begins on its own time axis; 0 for the others, whose shift is their middle."""
    return problem.response_first if problem.kind == MEASURED else 0.0


def _starts(setting: Setting) -> list[Start]:
    """Where to begin: the best places for the response, and where it lies by its own time axis."""
    problem = setting.problem
    place = None if setting.shift_ns is None else setting.shift_ns + _begins(problem)
    starts = find_starts(problem, shift_ns=place, width_ns=setting.width_ns)
    chosen = starts[: _SHIFTS if problem.kind == MEASURED else 2]
    if problem.kind == MEASURED and place is None:
        span = float(problem.edges[-1] - problem.edges[0])
        same = float(problem.edges[0]) + (problem.response_first - float(problem.edges[0])) % span
        chosen.append(replace(starts[0], shift_ns=same))
    return chosen


def _one_more(setting: Setting, fewer: Maximum) -> Maximum:
    """The best of adding a component below, between or above those there are."""
    count = fewer.problem.components
    problem = setting.problem._replace(components=count + 1)
    slots, bounds = Slots(count + 1), bounds_of(problem)
    free = _free(setting, problem)
    taus = fewer.components_ns
    inner = np.sqrt(taus[:-1] * taus[1:])
    candidates = [*(taus[0] * np.array([4.0, 1.7])), *inner, *(taus[-1] / np.array([1.7, 4.0, 15.0]))]
    best: Maximum | None = None
    for tau in candidates:
        theta = np.zeros(slots.size)
        theta[: count + 1] = [*fewer.theta[:count], math.log(tau)]
        photons = fewer.theta[count : 2 * count]
        theta[count + 1 : 2 * count + 2] = [*(0.8 * photons), 0.2 * photons.sum()]
        theta[slots.background :] = fewer.theta[2 * count :]
        found = climb(problem, theta, free, bounds)
        if best is None or found.log_likelihood > best.log_likelihood:
            best = found
    return best if best is not None else fewer


def _stretch(setting: Setting, single: Maximum) -> Maximum:
    """A stretched exponential, from the single one."""
    problem = setting.problem._replace(stretched=True)
    free = _free(setting, problem)
    best: Maximum | None = None
    for beta in (0.9, 0.5):
        theta = single.theta.copy()
        theta[single.slots.stretch] = beta
        theta[0] += math.log(beta) - math.lgamma(1.0 / beta)
        found = climb(problem, theta, free)
        if best is None or found.log_likelihood > best.log_likelihood:
            best = found
    return best if best is not None else single
