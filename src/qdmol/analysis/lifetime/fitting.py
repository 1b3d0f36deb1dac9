"""The fit of a decay: response, number of components, intervals, and what to know about them.

Likelihood: Maus et al., Anal. Chem. 73, 2078 (2001), doi:10.1021/ac000877g; Bajzer et al., Eur. Biophys. J. 20, 247
(1991), doi:10.1007/BF00450560. Averages, and which is which: Sillen and Engelborghs, Photochem. Photobiol. 67, 475
(1998), doi:10.1111/j.1751-1097.1998.tb09082.x.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import xlogy

from qdmol.analysis.background import Background
from qdmol.analysis.lifetime.estimating import assemble, failure, is_flat, is_resolved
from qdmol.analysis.lifetime.findings import filled_part, find_flags, find_range_flags
from qdmol.analysis.lifetime.histogram import decay_of
from qdmol.analysis.lifetime.kernels import PULSE
from qdmol.analysis.lifetime.models import (
    MOST_COMPONENTS,
    Bump,
    Setting,
    Trial,
    choose,
    find_bump,
    prepare,
    try_models,
)
from qdmol.analysis.lifetime.values import Decay, LifetimeFit, Response
from qdmol.arrays import Bools, Floats
from qdmol.errors import DataError, InputError, SolverError
from qdmol.photons import PhotonStream
from qdmol.statistics import chi2_quantile

Model = Literal["auto", "1", "2", "3", "4", "stretched"]

FEWEST_PHOTONS = 20
_MOST_BUMPS = 4
_LARGEST_BUMP = 0.05  # of the photons of the decay; what is larger is no bump
GOOD = 0.01  # probability above which a fit counts as good
_PERIOD_GAIN = (
    8.0  # of the log-likelihood, by which a period equal to the recorded range must describe the decay better
)
_DELAYS = (3.0, 6.0, 12.0, 24.0, 48.0)  # beginnings of the tail, in widths of the response behind its middle


@dataclass(frozen=True, slots=True, eq=False)
class _Request:
    """Options of a fit, checked, with the decay."""

    decay: Decay
    used: Bools
    largest: int
    smallest: int
    stretched: bool
    dark: tuple[float, float] | None
    background: float | None


def fit_lifetime(
    decay: Decay | PhotonStream,
    *,
    response: Response | None = None,
    model: Model = "auto",
    background: float | Background | None = None,
    level: float = 0.95,
) -> LifetimeFit:
    """Fit lifetimes to a decay.

    Parameters
    ----------
    decay
        The counts; those of a stream are counted first, as by :func:`decay_of`.
        Channels at either end that are empty beyond what chance allows are left out, as the zeros that pad
        an export. If its period is None and there were such channels, the filled range is taken as the period where
        that describes the counts much better; a flag says so.
    response
        The instrument response. None: a Gaussian with fitted middle and width, if that describes the rise (probability
        above 0.01); else the tail alone, from three widths behind the middle or as much later as it takes to fit.
    model
        "1" to "4" exponentials, "stretched" for Kohlrausch's law, or "auto": as many exponentials as the evidence
        asks for.
    background
        None: fitted. A number: counts per bin, taken as exact. A :class:`~qdmol.analysis.background.Background`:
        measured rates, with their error; needs `decay.exposure_periods` and `decay.period_ns`, and the decay must hold
        all its channels.
    level
        Level of the intervals.

    Returns
    -------
    LifetimeFit

    Raises
    ------
    InputError
        For a model, level or background that is none, and for anything but a decay or a stream.
    DataError
        For fewer than 20 photons.
    SolverError
        For a fit that failed: the best curve is far from the counts, a constant describes them as well, no side of the
        lifetime is bounded, or no component is longer than response and bins resolve.

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.random.default_rng(1).poisson(100 * np.exp(-np.arange(100) / 20) + 2)
    >>> fit = fit_lifetime(Decay(counts, bin_width_ns=1.0), response=Response.none(start_ns=0.0), model="1")
    >>> fit.model, bool(fit.low_ns[0] < 20 < fit.high_ns[0])
    ('1 exponential', True)
    """
    if isinstance(decay, PhotonStream):
        decay = decay_of(decay)
    elif not isinstance(decay, Decay):
        allowed = "a Decay or a PhotonStream; open a file with qdmol.read_photons or qdmol.analysis.read_decay"
        raise InputError(field="decay", value=decay, allowed=allowed)
    filled = filled_part(decay)
    request = _check(filled.decay, model, background, level)
    try:
        best = _chosen(request, response, padded=filled.padded)
        if is_flat(best.trial):
            raise SolverError("The fit failed: a constant background alone describes the counts.")
        threshold = float(chi2_quantile(level, 1)) * best.trial.overdispersion
        fit = assemble(best.decay, best.trial, best.evidence, response=best.response, level=level, threshold=threshold)
    except np.linalg.LinAlgError as error:
        raise SolverError("The fit failed: it did not converge.") from error
    reason = failure(fit, best.trial)
    if reason is not None:
        raise SolverError(reason)
    flags = find_flags(best.decay, fit, best.trial)
    flags += find_range_flags(decay, filled, assumed=best.decay.period_ns if decay.period_ns is None else None)
    return replace(
        fit,
        curve=filled.widened(fit.curve),
        residuals=filled.widened(fit.residuals),
        fitted=filled.widened(fit.fitted.astype(np.float64)) > 0,
        flags=flags,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Choice:
    """A fit of a decay: its model at the maximum, the evidence of all models, and the response that was used."""

    decay: Decay
    trial: Trial
    evidence: dict[str, float]
    response: Response


def _chosen(request: _Request, response: Response | None, *, padded: bool) -> _Choice:
    """The fit; of a padded decay without a period, that with the filled range as the period if it is much better."""
    alone = _fitted(request, response)
    if request.decay.period_ns is not None or not padded:
        return alone
    length = float(request.decay.edges_ns[-1] - request.decay.edges_ns[0])
    try:
        wrapped = _fitted(replace(request, decay=replace(request.decay, period_ns=length)), response)
    except (DataError, SolverError, np.linalg.LinAlgError):
        return alone
    both = wrapped.trial.used & (alone.trial.used | _before_pulse(alone))
    # an alternative that explains less of the decay is none
    if both.sum() < 0.5 * alone.trial.used.sum():
        return alone
    counts = request.decay.counts[both]
    gain = _log_likelihood(counts, wrapped.trial.curve[both]) - _log_likelihood(counts, alone.trial.curve[both])
    return wrapped if gain > _PERIOD_GAIN * wrapped.trial.overdispersion else alone


def _before_pulse(choice: _Choice) -> Bools:
    """Bins (n,) that lie well before the pulse of a fit of the tail, as far as the tail begins behind it."""
    edges, trial = choice.decay.edges_ns, choice.trial
    pulse = float(trial.maximum.theta[trial.maximum.slots.shift])
    begin = float(edges[int(np.argmax(trial.used))])
    before: Bools = edges[1:] < pulse - (begin - pulse) - choice.decay.bin_width_ns
    return before & (trial.maximum.problem.kind == PULSE)


def _log_likelihood(counts: Floats, mean: Floats) -> float:
    return float((xlogy(counts, np.maximum(mean, 1e-12)) - mean).sum())


def _fitted(request: _Request, response: Response | None) -> _Choice:
    if response is None:
        trial, evidence, chosen = _automatic(request)
    elif response.kind == "none":
        trial, evidence, chosen = _tail(request, response)
    else:
        chosen = response
        trial, evidence = _fit(request, request.used, response)
    return _Choice(request.decay, trial, evidence, chosen)


def _check(decay: Decay, model: str, background: float | Background | None, level: float) -> _Request:
    models = ("auto", *map(str, range(1, MOST_COMPONENTS + 1)), "stretched")
    if model not in models:
        raise InputError(field="model", value=model, allowed="one of " + ", ".join(models))
    if not 0.5 <= level < 1.0:
        raise InputError(field="level", value=level, allowed="from 0.5 to below 1")
    if decay.photons < FEWEST_PHOTONS:
        raise DataError(
            f"The decay has {decay.photons:.0f} photons; at least {FEWEST_PHOTONS} are needed for a lifetime."
        )
    largest = MOST_COMPONENTS if model == "auto" else int(model) if model.isdigit() else 1
    dark, fixed = None, None
    if isinstance(background, Background):
        dark = _dark(decay, background)
    elif background is not None:
        if not (math.isfinite(background) and background >= 0):
            raise InputError(field="background", value=background, allowed="counts per bin, at least 0")
        fixed = float(background)
    smallest = largest if model.isdigit() else 1
    return _Request(
        decay, np.ones(len(decay.counts), dtype=np.bool_), largest, smallest, model == "stretched", dark, fixed
    )


def _dark(decay: Decay, background: Background) -> tuple[float, float]:
    """A measured background as counts in a number of bins: those that have its relative error."""
    if decay.exposure_periods is None or decay.period_ns is None:
        allowed = "counts per bin: the decay does not state its measurement time"
        raise InputError(field="background", value="rates in Hz", allowed=allowed)
    seconds = decay.exposure_periods * decay.period_ns * 1e-9
    per_bin = seconds * decay.bin_width_ns / decay.period_ns
    rate = float(background.rates_hz.sum()) * per_bin
    error = float(np.hypot.reduce(0.5 * (background.high_hz - background.low_hz))) * per_bin / 1.96
    if not (math.isfinite(error) and error > 0):
        error = max(1e-3 * rate, 1e-9)
    return (rate / error) ** 2, rate / error**2 if rate > 0 else 1.0 / error


def _fit(request: _Request, used: Bools, response: Response) -> tuple[Trial, dict[str, float]]:
    setting = prepare(request.decay, response, used=used, dark=request.dark, background=request.background)
    return _best(request, setting)


def _best(request: _Request, setting: Setting) -> tuple[Trial, dict[str, float]]:
    """The best model; bumps far behind the decay are left out, the largest first."""
    left_out: list[Bump] = []
    # a few wide bins that stand above a curve with too few components are no sharp peak of the instrument
    most = _MOST_BUMPS if request.decay.uneven_edges_ns is None else 0
    while True:
        trials = try_models(setting, largest=request.largest, smallest=request.smallest, stretched=request.stretched)
        trial, evidence = choose(trials)
        if request.smallest > 1:
            trial = list(trials.values())[-1]
        bump = _bump_behind(request, trial) if len(left_out) < most else None
        if bump is None:
            return replace(trial, left_out=tuple(left_out)), evidence
        left_out.append(bump)
        used = setting.problem.used.copy()
        used[bump.start : bump.stop] = False
        setting = replace(setting, problem=setting.problem._replace(used=used))


def _bump_behind(request: _Request, trial: Trial) -> Bump | None:
    """A bump three lifetimes or more behind the pulse, where it is no matter of the law; its flanks belong to it."""
    maximum = trial.maximum
    left, _ = _since(request, float(maximum.theta[maximum.slots.shift]))
    late = trial.used & (left > 3.0 * float(maximum.components_ns[0]))
    bump = find_bump(request.decay.counts, trial.curve, late)
    signal = float(maximum.theta[maximum.slots.components : 2 * maximum.slots.components].sum())
    if bump is None or bump.photons > _LARGEST_BUMP * signal:
        return None
    flank = (bump.stop - bump.start) // 2
    return Bump(max(bump.start - flank, 0), min(bump.stop + flank, len(late)), bump.photons)


def _automatic(request: _Request) -> tuple[Trial, dict[str, float], Response]:
    """A Gaussian response if it fits and is narrower than the decay, else the tail."""
    gaussian = Response.gaussian()
    trial, evidence = _fit(request, request.used, gaussian)
    sharp = is_resolved(trial.maximum, bin_ns=request.decay.bin_width_ns)
    if trial.goodness.probability > GOOD and sharp:
        return trial, evidence, gaussian
    try:
        tail = _tail(request, Response.none(), known=trial)
    except DataError:  # no tail: the Gaussian is what there is
        return trial, evidence, gaussian
    # the tail must earn what it leaves out
    if not sharp or tail[0].goodness.reduced_deviance < trial.goodness.reduced_deviance:
        return tail
    return trial, evidence, gaussian


def _tail(
    request: _Request, response: Response, *, known: Trial | None = None
) -> tuple[Trial, dict[str, float], Response]:
    """Fit behind the peak; a start that was not given moves back until the model fits, while half the photons stay."""
    if response.start_ns is not None:
        # where the response of the next pulse begins is not known: only what is behind the start in the window
        behind = request.decay.edges_ns[:-1] >= response.start_ns - 1e-6 * request.decay.bin_width_ns
        given = replace(request, used=request.used & behind)
        setting = _tail_setting(given, pulse=response.start_ns, begin=response.start_ns, margin=0.0)
        return (*_best(given, setting), response)
    first = (
        known or _fit(replace(request, largest=1, smallest=1, stretched=False), request.used, Response.gaussian())[0]
    )
    theta, slots = first.maximum.theta, first.maximum.slots
    pulse, width = float(theta[slots.shift]), max(math.exp(theta[slots.width]), request.decay.bin_width_ns)
    results: list[tuple[Trial, dict[str, float]]] = []
    least = 0.5 * _photons_behind(request, pulse, 0.0)
    for delay in _DELAYS:
        if _photons_behind(request, pulse, delay * width) < (least if results else FEWEST_PHOTONS):
            break
        setting = _tail_setting(request, pulse=pulse, begin=pulse + delay * width, margin=6.0 * width)
        results.append(_best(request, setting))
        if results[-1][0].goodness.probability > GOOD:
            break
    if not results:
        raise DataError(f"Fewer than {FEWEST_PHOTONS} photons arrive after the pulse at {pulse:.4g} ns.")
    trial, evidence = min(results, key=_poorness)
    return trial, evidence, response


def _poorness(result: tuple[Trial, dict[str, float]]) -> float:
    goodness = result[0].goodness
    return 0.0 if goodness.probability > GOOD else goodness.reduced_deviance


def _since(request: _Request, pulse: float) -> tuple[Floats, Floats]:
    """Times (n,) from the last pulse to the left and to the right edge of each bin."""
    edges = request.decay.edges_ns
    left = edges[:-1] - pulse
    if request.decay.period_ns is not None:
        left = np.mod(left + 1e-9 * request.decay.bin_width_ns, request.decay.period_ns)
    return left, left + np.diff(edges)


def _photons_behind(request: _Request, pulse: float, delay: float) -> float:
    left, _ = _since(request, pulse)
    return float(request.decay.counts[request.used & (left >= delay)].sum())


def _tail_setting(request: _Request, *, pulse: float, begin: float, margin: float) -> Setting:
    """Bins from `begin` to where the next pulse's response begins, `margin` before its middle."""
    left, right = _since(request, pulse)
    bin_ns = request.decay.bin_width_ns
    period = request.decay.period_ns or math.inf
    used = request.used & (left >= begin - pulse - 1e-6 * bin_ns) & (right <= period - margin + 1e-6 * bin_ns)
    if float(request.decay.counts[used].sum()) < FEWEST_PHOTONS:
        raise DataError(f"Fewer than {FEWEST_PHOTONS} photons arrive after {begin:.4g} ns, too few for a lifetime.")
    pulsed = Response("none", np.zeros(0), start_ns=pulse, width_ns=bin_ns)
    return prepare(request.decay, pulsed, used=used, dark=request.dark, background=request.background)
