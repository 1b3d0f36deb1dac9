"""What to know before lifetimes are used: findings of the fit, as flags in sentences.

Filled range of a histogram: exports of fixed length are padded with zeros, which are no measurement.

Programs of photon counters write a fixed number of channels, often 65,536, whatever the period of the excitation. Empty
channels at either end are cut where Poisson statistics does not allow them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qdmol.analysis.lifetime.models import POOR, STRONG, Trial, model_name
from qdmol.analysis.lifetime.values import Decay, LifetimeFit
from qdmol.arrays import Floats
from qdmol.photons import Flag

_EMPTY_RUN = 10.0  # counts that ought to be in empty channels for them to be outside the recorded range
_ENOUGH = 40.0  # counts of a group from which the fall at the end is told
_STRAY = 1e-3  # share of all counts that may lie behind the filled range, as stray counts
_LONGEST_RUNS = 8  # runs of empty channels that are looked at
_FEWEST = 8  # channels
_PLATEAU = 0.5  # of the peak: above it the first counts belong to the pulse


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """The part of a decay that was recorded.

    Attributes
    ----------
    decay : Decay
        The channels from `start` to before `stop`.
    start, stop : int
    channels : int
        Number of channels of the whole.
    """

    decay: Decay
    start: int
    stop: int
    channels: int

    @property
    def padded(self) -> bool:
        """Whether empty channels were cut."""
        return self.stop - self.start < self.channels

    def widened(self, values: Floats) -> Floats:
        """Return values of the part (m,) over all channels (n,), nan elsewhere."""
        whole = np.full(self.channels, np.nan)
        whole[self.start : self.stop] = values
        return whole


def filled_part(decay: Decay) -> Filled:
    """Return the recorded part of a decay: without empty ends that Poisson statistics does not allow.

    At the end, channels are cut if the counts before them, going on to fall as steeply as three standard deviations
    permit, should have left ten counts more; some stray counts far behind them are no hindrance. At the beginning they
    are cut if a plateau follows, the background before the pulse, of which ten counts should have fallen into them;
    zeros directly before the rise are a measurement. A stated period begins with the first channel, or with the first
    filled one where more of the counts lie within it then.
    """
    counts, total = decay.counts, len(decay.counts)
    if decay.uneven_edges_ns is not None:
        # no export pads unequal bins; only what is beyond the period is left out
        limit = math.inf if decay.period_ns is None else decay.first_bin_ns + decay.period_ns
        stop = max(int((decay.uneven_edges_ns[:-1] < limit - 1e-9 * decay.bin_width_ns).sum()), 2)
        return Filled(decay if stop == total else decay.part(0, stop), 0, stop, total)
    first, stop = _within_period(decay)
    stop = first + _end(counts[first:stop], stray=_STRAY if decay.period_ns is None else 0.0)
    start = first + _beginning(counts[first:stop], closed=_is_closed(decay, stop - first))
    if start == 0 and stop == total:
        return Filled(decay, 0, total, total)
    return Filled(decay.part(start, stop), start, stop, total)


def _within_period(decay: Decay) -> tuple[int, int]:
    """First channel of the stated period, and the channel behind its last."""
    total = len(decay.counts)
    if decay.period_ns is None:
        return 0, total
    channels = min(max(math.ceil(decay.period_ns / decay.bin_width_ns - 1e-6), 2), total)
    filled = int(np.argmax(decay.counts > 0))
    late = min(filled, total - channels)
    if float(decay.counts[late : late + channels].sum()) > float(decay.counts[:channels].sum()):
        return late, late + channels
    return 0, channels


def _is_closed(decay: Decay, stop: int) -> bool:
    """Whether the channels up to `stop` cover the period, so that their beginning follows on their end."""
    return decay.period_ns is not None and (stop + 1) * decay.bin_width_ns > decay.period_ns


def _end(counts: Floats, *, stray: float) -> int:
    """Channel behind the last one recorded; the share `stray` of the counts may lie behind a long run of empty ones."""
    filled = np.flatnonzero(counts)
    if not len(filled):
        return len(counts)
    # runs of empty channels behind each filled one, the longest first
    gaps = np.diff(np.append(filled, len(counts))) - 1
    behind = float(counts.sum()) - np.cumsum(counts[filled])
    candidates = np.flatnonzero((gaps > 0) & (behind <= stray * float(counts.sum())))
    longest = candidates[np.argsort(-gaps[candidates], kind="stable")[:_LONGEST_RUNS]]
    for k in np.sort(longest):
        last = int(filled[k]) + 1
        if behind[k] > 0 and 4 * gaps[k] < last:
            continue
        if last >= _FEWEST and _expected_behind(counts[:last], int(gaps[k])) > _EMPTY_RUN:
            return last
    return len(counts)


def _expected_behind(counts: Floats, empty: int) -> float:
    """Counts that `empty` channels behind the last of `counts` should hold, at the least."""
    last, half = len(counts), 4
    peak = last - 1 - int(np.argmax(counts[::-1]))
    # behind the pulse there is no less than in front of it
    most = empty * _plateau(counts[:peak])
    while 2 * half <= last - peak:
        early, late = float(counts[last - 2 * half : last - half].sum()), float(counts[last - half :].sum())
        if late >= _ENOUGH or 4 * half > last - peak:
            steps = empty / half
            # the steepest fall that three standard deviations allow
            fall = max(late - 3.0 * math.sqrt(late), 0.0) / (early + 3.0 * math.sqrt(early) + 1.0)
            left = late * (steps if fall >= 1.0 else fall / (1.0 - fall) * (1.0 - fall**steps))
            most = max(most, left)
        if late >= 4.0 * _ENOUGH:
            break
        half *= 2
    return most


def _plateau(counts: Floats) -> float:
    """Counts per channel in the emptiest of sixteen groups, less four standard deviations, for it is the least of many.

    0 where no three groups agree, as on the rise of a pulse.
    """
    size = max(len(counts) // 16, 8)
    groups = len(counts) // size
    if groups < 3:
        return 0.0
    least, _, third = (float(total) for total in np.sort(counts[: groups * size].reshape(groups, size).sum(axis=1))[:3])
    if third - least > 4.0 * math.sqrt(third + least):
        return 0.0
    return max(least - 4.0 * math.sqrt(least), 0.0) / size


def _beginning(counts: Floats, *, closed: bool) -> int:
    """First channel recorded."""
    filled = np.flatnonzero(counts)
    if not len(filled) or filled[0] == 0:
        return 0
    first = int(filled[0])
    if closed and _expected_behind(counts[first:], first) > _EMPTY_RUN:
        return first
    half, peak = 4, float(counts.max())
    while 2 * half <= len(counts) - first:
        near = float(counts[first : first + half].sum())
        far = float(counts[first + half : first + 2 * half].sum())
        rising = far - near > 3.0 * math.sqrt(far + near) and far > 2.0 * near
        if max(near, far) > _PLATEAU * peak * half or rising:
            return 0
        if near >= _ENOUGH:
            least = (near - 3.0 * math.sqrt(near)) / half
            return first if least * first > _EMPTY_RUN else 0
        half *= 2
    return 0


_FEW = 200
_CLOSE = 1.3  # ratio of two lifetimes below which nobody would call them two
_PILE_UP = 0.05  # photons per period above which the first of two hides the second too often
_FOOT = 0.06  # of the period before the highest count: the foot of the rise
_MOSTLY = 0.5  # share of photons that come too fast to be resolved, above which the lifetime is of a minor part
_BEYOND = 1e-3  # share of the counts behind the end of the period that is worth a warning
_WRAP = 0.02  # share of photons that come after the next pulse


def find_flags(decay: Decay, fit: LifetimeFit, trial: Trial) -> tuple[Flag, ...]:
    """Return the findings, the gravest first."""
    flags = [
        _poor(fit, trial),
        _pile_up(decay),
        _beyond(decay),
        _wrap(decay, fit),
        _wide(fit),
        _open(fit),
        _unresolved(fit, trial),
        _effective(fit),
        _few(fit),
        _tail(fit),
    ]
    return (*_bumps(decay, trial), *(flag for flag in flags if flag is not None))


def find_range_flags(decay: Decay, filled: Filled, *, assumed: float | None) -> tuple[Flag, ...]:
    """Return what was found about the range and the period of a decay; `assumed` is a period that nobody stated."""
    flags = []
    if decay.uneven_edges_ns is None:
        start, stop = (decay.first_bin_ns + k * decay.bin_width_ns for k in (filled.start, filled.stop))
        end = len(decay.counts) * decay.bin_width_ns
    else:
        start, stop = (float(decay.uneven_edges_ns[k]) for k in (filled.start, filled.stop))
        end = float(decay.uneven_edges_ns[-1] - decay.uneven_edges_ns[0])
    if assumed is not None:
        text = (
            f"The pulse period is not stated; the recorded range, {assumed:.5g} ns, is taken as the period, "
            "which describes the decay better than a single pulse. State the period if it differs."
        )
        flags.append(Flag("period_assumed", "warning", text, assumed, "ns"))
    beyond = float(decay.counts[: filled.start].sum() + decay.counts[filled.stop :].sum())
    limit = math.inf if decay.period_ns is None else decay.period_ns
    if beyond > max(_STRAY * decay.photons, 3.0 * math.sqrt(decay.photons)) and end > limit:
        text = (
            f"{beyond:.0f} counts, {100 * beyond / decay.photons:.2g} %, lie beyond the pulse period of {limit:.5g} ns "
            "and are excluded; check the period."
        )
        flags.append(Flag("beyond_period", "warning", text, beyond, "photons"))
    elif filled.padded:
        text = (
            f"Only the channels from {start:.5g} to {stop:.5g} ns are filled, {filled.stop - filled.start} of "
            f"{filled.channels}; the others are beyond the period or emptier than chance allows and are excluded."
        )
        flags.append(Flag("filled_range", "note", text, stop - start, "ns"))
    return tuple(flags)


def _unresolved(fit: LifetimeFit, trial: Trial) -> Flag | None:
    maximum = trial.maximum
    hidden = maximum.problem.components - len(fit.components_ns)
    if hidden <= 0 or maximum.problem.stretched:
        return None
    photons = maximum.theta[maximum.slots.components : 2 * maximum.slots.components]
    share = float(photons[-hidden:].sum() / photons.sum())
    text = (
        f"{100 * share:.2g} % of the decay photons arrive faster than the resolution of response and bins, probably "
        "scattered light; fractions and averages exclude them."
    )
    return Flag("unresolved_component", "warning" if share > _MOSTLY else "note", text, share, None)


def _effective(fit: LifetimeFit) -> Flag | None:
    """A single lifetime from few photons may represent two close ones.

    For equal photons of two lifetimes of ratio r, the log-likelihood of two exponentials gains N (ln r)^4 / 32 on that
    of one: to second order in ln r the density departs from an exponential by (ln r)^2 / 4 times Laguerre's L2.
    """
    if fit.model != model_name(1) or fit.photons < _FEW:
        return None
    needed = 0.5 * (2.0 * math.log(fit.photons) + STRONG)
    ratio = math.exp((32.0 * needed / fit.photons) ** 0.25)
    if ratio < _CLOSE:
        return None
    text = (
        f"{fit.photons:.0f} photons do not resolve two lifetimes closer than a factor of about {ratio:.2g}; "
        "the value is then an effective single lifetime."
    )
    return Flag("effective_lifetime", "note", text, ratio, None)


def _poor(fit: LifetimeFit, trial: Trial) -> Flag | None:
    if fit.goodness >= POOR:
        return None
    misfit = 100 * trial.goodness.misfit
    text = (
        f"The counts deviate from the fitted decay by about {misfit:.2g} % more than their noise "
        f"(deviance {fit.reduced_deviance:.3g} times the expected value); intervals are widened by the square root "
        "of this ratio."
    )
    return Flag("poor_fit", "warning", text, fit.reduced_deviance, None)


def _bumps(decay: Decay, trial: Trial) -> list[Flag]:
    flags = []
    for bump in trial.left_out:
        start, stop = float(decay.edges_ns[bump.start]), float(decay.edges_ns[bump.stop])
        what = f"About {bump.photons:.0f} photons from {start:.4g} to {stop:.4g} ns"
        if _before_pulse(decay, start, stop):
            text = (
                f"{what} arrive before the pulse: the rise is broader than the modelled response. This range is "
                "excluded from the fit."
            )
            flags.append(Flag("rise_before_pulse", "note", text, start, "ns"))
            continue
        text = (
            f"{what} exceed the fitted decay, possibly from afterglow, a reflection or crosstalk. This range is "
            "excluded from the fit."
        )
        flags.append(Flag("afterglow", "warning", text, start, "ns"))
    return flags


def _before_pulse(decay: Decay, start: float, stop: float) -> bool:
    """Whether a stretch lies right before the highest count, on the circle of the period where there is one."""
    peak = float(decay.edges_ns[int(np.argmax(decay.counts))])
    span = decay.period_ns or float(decay.edges_ns[-1] - decay.edges_ns[0])
    middle, width = 0.5 * (start + stop), stop - start
    ahead = peak - middle if decay.period_ns is None else (peak - middle) % decay.period_ns
    return 0.0 <= ahead <= max(_FOOT * span + 0.5 * width, width)


def _beyond(decay: Decay) -> Flag | None:
    """Counts behind the end of the period, which the fit cannot place."""
    if decay.period_ns is None:
        return None
    behind = decay.edges_ns[:-1] >= decay.first_bin_ns + decay.period_ns - 1e-9 * decay.bin_width_ns
    lost = float(decay.counts[behind].sum())
    if lost <= 0:
        return None
    share = lost / decay.photons
    text = (
        f"{lost:,.0f} of the {decay.photons:,.0f} counts ({100 * share:.2g} %) lie beyond the stated period of "
        f"{decay.period_ns:.4g} ns and are excluded: the period is wrong, or the histogram spans several pulses; "
        "check the stated period."
    )
    return Flag("beyond_period", "warning" if share > _BEYOND else "note", text, lost, "counts")


def _pile_up(decay: Decay) -> Flag | None:
    if decay.exposure_periods is None:
        return None
    rate = decay.photons / decay.exposure_periods
    if rate < _PILE_UP:
        return None
    if decay.first_photon:
        text = (
            f"{rate:.2g} photons are recorded per period; the model includes that only the first of each period "
            "is detected."
        )
        return Flag("pile_up", "note", text, rate, "per period")
    text = (
        f"{rate:.2g} photons are recorded per period: a detector dead time longer than the decay makes lifetimes up to "
        f"{50 * rate:.2g} % too short; set first_photon for start-stop electronics."
    )
    return Flag("pile_up", "warning", text, rate, "per period")


def _wrap(decay: Decay, fit: LifetimeFit) -> Flag | None:
    if decay.period_ns is None or not len(fit.components_ns):
        return None
    late = float(fit.intensity_fractions @ np.exp(-decay.period_ns / fit.components_ns))
    if fit.stretch is not None:
        late = math.exp(-((decay.period_ns / float(fit.components_ns[0])) ** fit.stretch))
    if late < _WRAP:
        return None
    text = (
        f"{100 * late:.2g} % of the photons arrive after the next pulse; the fit includes them, but lifetime and "
        "background are strongly correlated."
    )
    return Flag("period_short", "warning" if late > 0.1 else "note", text, late, None)


def _wide(fit: LifetimeFit) -> Flag | None:
    width = fit.response_width_ns
    if width is None or 2.355 * width < fit.components_ns.min():
        return None
    text = (
        f"The response is {2.355 * width:.3g} ns wide, more than the shortest lifetime, "
        f"{fit.components_ns.min():.3g} ns: this lifetime depends on the shape of the response."
    )
    return Flag("response_wide", "warning", text, 2.355 * width, "ns")


def _open(fit: LifetimeFit) -> Flag | None:
    if np.isfinite(fit.high_ns).all() and (fit.low_ns > 0).all():
        return None
    text = "The interval of a lifetime is open: the decay does not constrain it on that side."
    return Flag("open_interval", "warning", text, None, None)


def _few(fit: LifetimeFit) -> Flag | None:
    if fit.photons >= _FEW:
        return None
    text = f"The fit is based on {fit.photons:.0f} photons; a second component would not be resolved."
    return Flag("few_photons", "note", text, fit.photons, "photons")


def _tail(fit: LifetimeFit) -> Flag | None:
    if fit.response != "none":
        return None
    text = f"Without a response only the tail from {fit.start_ns:.4g} ns is fitted; faster components are not resolved."
    return Flag("tail_fit", "note", text, fit.start_ns, "ns")
