"""From a decay and a response to models at their largest likelihood, and the choice among them by evidence.

The number of exponentials is that of the lowest Bayesian information criterion, -2 ln L + k ln N: Schwarz, Ann. Stat.
6, 461 (1978), doi:10.1214/aos/1176344136, with k parameters and N photons, for each photon is one observation of the
delay. It stands for the evidence with a prior worth one photon, and needs no prior to be chosen. A component more
must lower it by 6, strong evidence by Kass and Raftery, J. Am. Stat. Assoc. 90, 773 (1995),
doi:10.1080/01621459.1995.10476572. Where no number of components fits, what is left over is of the instrument, and
the likelihood is divided by the reduced deviance (quasi-likelihood, McCullagh, Ann. Stat. 11, 59 (1983),
doi:10.1214/aos/1176346056), lest components be bought with it.

Where a fit begins: the delay of the excitation and one lifetime, by likelihood over a coarse grid.

A template of one lifetime is laid under the counts at every whole bin; the likelihood of all places is one correlation
with its logarithm. So even 200 photons in 4,000 bins show where the decay rises, which their highest bin does not.

A measured response made ready for a fit: as a density in fine parts, put together over the end of a period.

Stretches of a decay that stand above the fitted curve: afterglow of a detector, a reflection, crosstalk.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.interpolate import CubicSpline

from qdmol.analysis.lifetime.kernels import GAUSSIAN, MEASURED, PULSE, Problem, Slots
from qdmol.analysis.lifetime.likelihood import (
    Maximum,
    Quantity,
    bounds_of,
    climb,
    coarsened,
    evenly_joined,
    expected_counts,
    free_parameters,
    is_uneven,
    standard_error,
)
from qdmol.analysis.lifetime.values import Decay, Response
from qdmol.arrays import Bools, Floats
from qdmol.errors import DataError
from qdmol.statistics import Goodness, goodness_of_fit, normal_quantile

MOST_BINS = 1024
_LEAST_BACKGROUND, _MOST_BACKGROUND = 0.1, 0.98  # share of photons a template leaves to the background
_PLACES = 8  # bins before the largest rate in which the excitation is looked for
_DARK = 0.2  # share of the bins that are taken as dark


@dataclass(frozen=True, slots=True)
class Start:
    """A place to begin: shift (where a measured response begins), width of a Gaussian, lifetime in ns, likelihood."""

    shift_ns: float
    width_ns: float
    tau_ns: float
    log_likelihood: float


def find_starts(problem: Problem, *, shift_ns: float | None, width_ns: float | None) -> list[Start]:
    """Return the best start for each width tried, of a measured response for each lifetime tried, the best first.

    `shift_ns`, where a measured response begins or where the middle of another lies, and `width_ns` are kept where they
    are given.
    """
    if is_uneven(problem):
        return _uneven_starts(problem, shift_ns=shift_ns, width_ns=width_ns)
    counts, edges = _coarse(problem)
    dark = _dark_share(counts[_recorded(problem)])
    bin_ns = float(edges[1] - edges[0])
    span = float(edges[-1] - edges[0])
    widths = [width_ns] if width_ns is not None else [bin_ns, 4 * bin_ns, 16 * bin_ns]
    if problem.kind != GAUSSIAN:
        widths = [bin_ns]
    widths = [min(width, min(span, problem.period) / 20) for width in widths]
    taus = np.geomspace(max(bin_ns, 1e-3 * span), min(span, 2 * problem.period), 10)
    best = []
    for width in dict.fromkeys(widths):
        tried = [_place(problem, (counts, edges), width, float(tau), shift_ns, dark=dark) for tau in taus]
        best += tried if problem.kind == MEASURED else [max(tried, key=lambda start: start.log_likelihood)]
    return sorted(best, key=lambda start: -start.log_likelihood)


def _uneven_starts(problem: Problem, *, shift_ns: float | None, width_ns: float | None) -> list[Start]:
    """Starts for bins of unequal width: templates at the edges about the largest rate, each by its own likelihood."""
    from qdmol.analysis.lifetime.kernels import expected

    counts, used = problem.counts, problem.used
    total = max(float(counts[used].sum()), 1.0)
    rates = np.where(used, counts, 0.0) / np.diff(problem.edges)
    narrowest, span = float(np.diff(problem.edges).min()), float(problem.edges[-1] - problem.edges[0])
    taus = np.geomspace(narrowest, min(span, 2 * problem.period), 4 * _PLACES)
    widths = [width_ns] if width_ns is not None else [narrowest, 4 * narrowest, 16 * narrowest]
    if problem.kind != GAUSSIAN:
        widths = [narrowest]
    places = [shift_ns] if shift_ns is not None else _places(problem, rates)
    dark = float(np.sort(rates[used])[: max(int(_DARK * used.sum()), 1)].mean()) * span / total
    dark = min(max(dark, _LEAST_BACKGROUND), _MOST_BACKGROUND)
    shape = problem._replace(
        widths=np.ones(len(counts)), live=np.ones(len(counts)), periods=0.0, components=1, stretched=False
    )
    level = np.diff(problem.edges)[used] / float(np.diff(problem.edges)[used].sum())
    best: dict[tuple[float, float], Start] = {}
    for width in dict.fromkeys(min(each, min(span, problem.period) / 20) for each in widths):
        for tau in map(float, taus):
            for shift in places:
                theta = np.array([math.log(tau), 1.0, 0.0, shift, math.log(width), 1.0])
                template = np.maximum(expected(shape, theta, np.zeros((6, len(counts))))[used], 0.0)
                whole = float(template.sum())
                if not whole > 0:
                    continue
                density = (1 - dark) * template / whole + dark * level
                gain = float(counts[used] @ np.log(np.maximum(density, 1e-300)))
                key = (width, tau if problem.kind == MEASURED else 0.0)
                if key not in best or gain > best[key].log_likelihood:
                    best[key] = Start(shift, width, tau, gain)
    return sorted(best.values(), key=lambda start: -start.log_likelihood)


def _places(problem: Problem, rates: Floats) -> list[float]:
    """Times at which the excitation may lie: edges about the largest rate."""
    peak = int(np.argmax(rates))
    first = max(peak - _PLACES, 0)
    edges = problem.edges[first : peak + 2]
    lead = problem.response_first + 0.5 * problem.response_bin * len(problem.response_height)
    return [float(edge) - (lead if problem.kind == MEASURED else 0.0) for edge in edges]


def _coarse(problem: Problem) -> tuple[Floats, Floats]:
    """Counts and edges with at most about a thousand bins; unused bins count nothing."""
    counts = np.where(problem.used, problem.counts, 0.0)
    step = -(-len(counts) // MOST_BINS)
    padded = np.pad(counts, (0, -len(counts) % step))
    merged = padded.reshape(-1, step).sum(axis=1)
    bin_ns = float(problem.edges[1] - problem.edges[0]) * step
    return merged, problem.edges[0] + bin_ns * np.arange(len(merged) + 1)


def _recorded(problem: Problem) -> NDArray[np.bool_]:
    """Coarse bins that hold used bins only."""
    step = -(-len(problem.used) // MOST_BINS)
    padded = np.pad(problem.used, (0, -len(problem.used) % step))
    return np.asarray(padded.reshape(-1, step).all(axis=1), dtype=np.bool_)


def _dark_share(counts: Floats) -> float:
    """Share of the photons that are background: of the fifth of the bins with the fewest counts."""
    if len(counts) < 5 or not counts.sum() > 0:
        return _LEAST_BACKGROUND
    lowest = float(np.sort(counts)[: int(_DARK * len(counts))].mean())
    return min(max(lowest * len(counts) / float(counts.sum()), _LEAST_BACKGROUND), _MOST_BACKGROUND)


def _place(
    problem: Problem, histogram: tuple[Floats, Floats], width: float, tau: float, shift_ns: float | None, *, dark: float
) -> Start:
    """Best place of one template under counts and edges of the coarse bins, with the share `dark` as background."""
    from qdmol.analysis.lifetime.kernels import expected

    counts, edges = histogram
    n = len(counts)
    bin_ns = float(edges[1] - edges[0])
    kind = PULSE if problem.kind == GAUSSIAN and width <= 0 else problem.kind
    # the template over twice the window, the excitation in the middle
    grid = bin_ns * np.arange(-n, n + 1) - (0.0 if shift_ns is None else shift_ns - edges[0])
    blank = np.ones(2 * n)
    template_problem = problem._replace(
        edges=grid, widths=blank, counts=blank, used=blank > 0, live=blank, periods=0.0, kind=kind,
        components=1, stretched=False, response_first=0.0,
    )  # fmt: skip
    theta = np.array([math.log(tau), 1.0, 0.0, 0.0, math.log(width), 1.0])
    template = expected(template_problem, theta, np.zeros((6, 2 * n)))
    whole = max(float(template[n:].sum()), 1e-12)
    template = np.maximum(template, 0.0) * (1 - dark) / whole + dark / n
    gain = _slide(counts, np.log(template))
    sums = np.concatenate(([0.0], np.cumsum(template)))
    # place s uses template[n - s : 2 n - s]
    places = np.arange(n)
    gain = gain[places] - counts.sum() * np.log(sums[2 * n - places] - sums[n - places])
    at = int(np.argmax(gain)) if shift_ns is None else 0
    shift = float(edges[0] + at * bin_ns) if shift_ns is None else shift_ns
    return Start(shift, width, tau, float(gain[at]))


def _slide(counts: Floats, logs: Floats) -> Floats:
    """Sum over i of counts[i] logs[n - s + i] for s = 0 .. n - 1, by Fourier transforms."""
    n = len(counts)
    size = next_fast_len(3 * n)
    product = rfft(counts[::-1], size) * rfft(logs, size)
    full = irfft(product, size)
    # full[n - 1 + k] = sum_i counts[i] logs[k + i], with k = n - s
    places = np.arange(n)
    gains: Floats = full[2 * n - 1 - places]
    return gains


_PARTS = 2000  # parts a measured response is split into, eight a bin at most
_NEGLIGIBLE = 1e-8  # share of the response at either end that is left out


def density(response: Response, period_ns: float | None) -> tuple[Floats, float, float]:
    """Return the response as a density over ns (m,) in parts of its bins, their width, and where the first begins.

    A step function would be broader than the truth. The cumulated counts are interpolated by a cubic spline; what it
    makes negative is cut, and each bin keeps its counts.

    Raises
    ------
    DataError
        For a response that is longer than the period.
    """
    counts, first = _joined(response, period_ns)
    start, stop = _ends(counts)
    counts, first = counts[start:stop], first + start * response.bin_width_ns
    if period_ns is not None and len(counts) * response.bin_width_ns > period_ns + 1.5 * response.bin_width_ns:
        raise DataError(f"The response is longer than the period of {period_ns:.4g} ns.")
    parts = max(1, min(8, _PARTS // len(counts)))
    edges = np.arange(len(counts) + 1, dtype=np.float64)
    cumulated = np.concatenate(([0.0], np.cumsum(counts))) / counts.sum()
    fine = np.arange(parts * len(counts) + 1) / parts
    shares = np.maximum(np.diff(CubicSpline(edges, cumulated)(fine)), 0.0)
    within = shares.reshape(-1, parts)
    sums = within.sum(axis=1)
    within = within * np.divide(np.diff(cumulated), sums, out=np.zeros_like(sums), where=sums > 0)[:, None]
    width = response.bin_width_ns / parts
    return within.ravel() / (within.sum() * width), width, first


def share_variances(response: Response, period_ns: float | None) -> Floats:
    """Return the variance of the share of each bin in the response (m,), m as in :func:`density`; 0 if unknown."""
    counts, _ = _joined(response, period_ns)
    start, stop = _ends(counts)
    if not len(response.variances):
        return np.zeros(stop - start)
    # the same bins in the same order
    order, _ = _joined(response, period_ns, response.variances)
    variances: Floats = order[start:stop] / counts.sum() ** 2
    return variances


def _ends(counts: Floats) -> tuple[int, int]:
    """First bin, and the bin behind the last, of all but a negligible share of the counts."""
    cumulated = np.concatenate(([0.0], np.cumsum(counts))) / counts.sum()
    start = int(np.searchsorted(cumulated, _NEGLIGIBLE, side="right")) - 1
    stop = int(np.searchsorted(cumulated, 1.0 - _NEGLIGIBLE)) + 1
    return max(start - 1, 0), min(stop + 1, len(counts))


def _joined(response: Response, period_ns: float | None, values: Floats | None = None) -> tuple[Floats, float]:
    """Counts in one run, and the left edge of the first: what reaches over the end of the period is put together.

    `values` (m,), one for each bin, are put in the order of the counts and returned in their place.
    """
    counts, bin_ns, first = response.counts, response.bin_width_ns, response.first_bin_ns
    ordered = counts if values is None else values
    significant = counts > 1e-6 * counts.max()
    if not (significant[0] and significant[-1]) or significant.all():
        return ordered, first
    begins, ends = _longest_gap(significant)
    peak = int(counts.argmax())
    if period_ns is None or abs(len(counts) * bin_ns - period_ns) > 1.5 * bin_ns:
        # the two ends are not neighbours: only the run about the peak is the response
        alone = ordered.copy()
        alone[begins:] = 0.0 if peak < begins else alone[begins:]
        alone[:ends] = 0.0 if peak >= ends else alone[:ends]
        return alone, first
    middle = (begins + ends) // 2
    # the later part is that of the pulse before
    later = peak < middle
    return np.roll(ordered, -middle), first + middle * bin_ns - (period_ns if later else 0.0)


def _longest_gap(significant: NDArray[np.bool_]) -> tuple[int, int]:
    """Where the longest run of bins without response begins and ends."""
    steps = np.flatnonzero(np.diff(np.concatenate(([0], (~significant).astype(np.int64), [0]))))
    begins, ends = steps[::2], steps[1::2]
    k = int(np.argmax(ends - begins))
    return int(begins[k]), int(ends[k])


def nearest_shift(shift_ns: float, period_ns: float) -> float:
    """Return a shift on the circle of the period as the one nearest to zero."""
    return shift_ns if math.isinf(period_ns) else shift_ns - period_ns * round(shift_ns / period_ns)


_ACCIDENT = 1e-3  # chance that a decay without a bump shows one
_LEAST = 0.1  # excess over the curve


@dataclass(frozen=True, slots=True)
class Bump:
    """Bins from `start` to before `stop`, and how many photons stand above the curve there."""

    start: int
    stop: int
    photons: float


def find_bump(counts: Floats, curve: Floats, where: Bools) -> Bump | None:
    """Return the most significant stretch of bins `where` (n,), of 4, 8, 16 .. bins to an eighth of all, or None."""
    excess = np.concatenate(([0.0], np.cumsum(np.where(where, counts - curve, 0.0))))
    level = np.concatenate(([0.0], np.cumsum(np.where(where, curve, 0.0))))
    n = len(counts)
    # the normal law is too narrow for a few counts: so four bins at least, and ten photons
    limit = float(-normal_quantile(_ACCIDENT / (2 * n)))
    best, bump = limit, None
    width = 4
    while width <= max(n // 8, 4):
        gain, mean = excess[width:] - excess[:-width], level[width:] - level[:-width]
        score = np.where((gain > _LEAST * mean) & (gain > 10.0), gain / np.sqrt(mean + 1.0), 0.0)
        at = int(np.argmax(score)) if len(score) else 0
        if len(score) and score[at] > best:
            best, bump = float(score[at]), Bump(at, at + width, float(gain[at]))
        width *= 2
    return bump


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


def is_degenerate(maximum: Maximum) -> bool:
    """Whether a component is no component: no photons, a lifetime without end, or one of many that doubles another.

    A lifetime on its lower bound is light that was scattered: a part of the curve, which is not reported.

    Two close lifetimes that the evidence asks for are two, however loosely each is known: intervals along which they
    keep their order say how loosely, and one lifetime in their place would be a wrong one with a narrow interval.
    """
    count = maximum.problem.components
    if count == 1:
        return False
    taus = maximum.components_ns
    endless = maximum.theta[:count] >= maximum.bounds[1, :count] - 1e-6
    if endless.any() or (maximum.theta[count : 2 * count] <= 0).any():
        return True
    if count == 2:
        return False
    if (taus[:-1] < _CLOSEST * taus[1:]).any():
        return True
    from qdmol.analysis.lifetime.kernels import SLOT

    errors = [standard_error(maximum, Quantity(SLOT, count + k)) for k in range(count)]
    return bool((maximum.theta[count : 2 * count] < _SURE * np.array(errors)).any())


def _trial(name: str, maximum: Maximum, whole: Problem) -> Trial:
    """Judge a maximum on the bins of the decay as they were."""
    problem = whole._replace(components=maximum.problem.components, stretched=maximum.problem.stretched)
    mean = expected_counts(replace(maximum, problem=problem))
    goodness = goodness_of_fit(whole.counts[whole.used], mean[whole.used], parameters=maximum.parameters)
    return Trial(name, maximum, goodness, mean, whole.used)


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
        maximum = climb(problem, theta, free)
        if best is None or maximum.log_likelihood > best.log_likelihood:
            best = maximum
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
        maximum = climb(problem, theta, free, bounds)
        if best is None or maximum.log_likelihood > best.log_likelihood:
            best = maximum
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
        maximum = climb(problem, theta, free)
        if best is None or maximum.log_likelihood > best.log_likelihood:
            best = maximum
    return best if best is not None else single
