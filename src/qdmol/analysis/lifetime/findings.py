"""What to know before lifetimes are used: findings of the fit, as flags in sentences."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis.lifetime.filling import Filled
from qdmol.analysis.lifetime.models import POOR, STRONG, Trial, model_name
from qdmol.analysis.lifetime.values import Decay, LifetimeFit
from qdmol.photons.flags import Flag

__all__ = ["find_flags", "find_range_flags"]

Floats = NDArray[np.float64]

_FEW = 200
_CLOSE = 1.3  # ratio of two lifetimes below which nobody would call them two
_STRAY = 1e-3  # share of counts beyond the period that is worth a word
_PILE_UP = 0.05  # photons per period above which the first of two hides the second too often
_FOOT = 0.06  # of the period before the highest count: the foot of the rise
_MOSTLY = 0.5  # share of photons that come too fast to be resolved, above which the lifetime is of a minor part
_BEYOND = 1e-3  # share of the counts behind the end of the period that is worth a warning
_WRAP = 0.02  # share of photons that come after the next pulse


def find_flags(decay: Decay, fit: LifetimeFit, trial: Trial) -> tuple[Flag, ...]:
    """Return the findings, the gravest first."""
    found = [
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
    return (*_bumps(decay, trial), *(flag for flag in found if flag is not None))


def find_range_flags(decay: Decay, filled: Filled, *, assumed: float | None) -> tuple[Flag, ...]:
    """Return what was found about the range and the period of a decay; `assumed` is a period that nobody stated."""
    flags = []
    edges, width = decay.first_bin_ns, decay.bin_width_ns
    start, stop = edges + filled.start * width, edges + filled.stop * width
    if assumed is not None:
        text = (
            f"The pulse period is not stated; the recorded range, {assumed:.5g} ns, is taken as the period, "
            "which describes the decay better than a single pulse. State the period if it is another."
        )
        flags.append(Flag("period_assumed", "warning", text, assumed, "ns"))
    beyond = float(decay.counts[: filled.start].sum() + decay.counts[filled.stop :].sum())
    limit = math.inf if decay.period_ns is None else decay.period_ns
    if beyond > max(_STRAY * decay.photons, 3.0 * math.sqrt(decay.photons)) and len(decay.counts) * width > limit:
        text = (
            f"{beyond:.0f} counts, {100 * beyond / decay.photons:.2g} %, lie beyond the pulse period of {limit:.5g} ns "
            "and are left out; check the period."
        )
        flags.append(Flag("beyond_period", "warning", text, beyond, "photons"))
    elif filled.padded:
        text = (
            f"Only the channels from {start:.5g} to {stop:.5g} ns are filled, {filled.stop - filled.start} of "
            f"{filled.channels}; the others, empty beyond what chance allows or behind the period, are left out."
        )
        flags.append(Flag("filled_range", "note", text, stop - start, "ns"))
    return tuple(flags)


def _unresolved(fit: LifetimeFit, trial: Trial) -> Flag | None:
    found = trial.maximum
    hidden = found.problem.components - len(fit.components_ns)
    if hidden <= 0 or found.problem.stretched:
        return None
    photons = found.theta[found.slots.components : 2 * found.slots.components]
    share = float(photons[-hidden:].sum() / photons.sum())
    text = (
        f"{100 * share:.2g} % of the photons of the decay come faster than response and bins resolve, as scattered "
        "light does; they are no lifetime, and fractions and averages are without them."
    )
    return Flag("unresolved_component", "warning" if share > _MOSTLY else "note", text, share, None)


def _effective(fit: LifetimeFit) -> Flag | None:
    """One lifetime from few photons may stand for two close ones.

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
        "of such a decay this is the effective single lifetime."
    )
    return Flag("effective_lifetime", "note", text, ratio, None)


def _poor(fit: LifetimeFit, trial: Trial) -> Flag | None:
    if fit.goodness >= POOR:
        return None
    misfit = 100 * trial.goodness.misfit
    text = (
        f"The counts deviate from the fitted decay by about {misfit:.2g} % more than their noise "
        f"(deviance {fit.reduced_deviance:.3g} times that expected); intervals are widened by its root."
    )
    return Flag("poor_fit", "warning", text, fit.reduced_deviance, None)


def _bumps(decay: Decay, trial: Trial) -> list[Flag]:
    flags = []
    for bump in trial.left_out:
        start, stop = float(decay.edges_ns[bump.start]), float(decay.edges_ns[bump.stop])
        what = f"About {bump.photons:.0f} photons from {start:.4g} to {stop:.4g} ns"
        if _before_pulse(decay, start, stop):
            text = (
                f"{what} come before the pulse, at the foot of its rise, which is broader there than the model of the "
                "response; this stretch is left out of the fit."
            )
            flags.append(Flag("rise_before_pulse", "note", text, start, "ns"))
            continue
        text = (
            f"{what} stand above the decay, as afterglow, a reflection or crosstalk do; this stretch is left out of the"
            " fit."
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
        f"{decay.period_ns:.4g} ns and are left out: the period is wrong, or the histogram spans several pulses; state "
        "the right period if it is another."
    )
    return Flag("beyond_period", "warning" if share > _BEYOND else "note", text, lost, "counts")


def _pile_up(decay: Decay) -> Flag | None:
    if decay.exposure_periods is None:
        return None
    rate = decay.photons / decay.exposure_periods
    if rate < _PILE_UP:
        return None
    if decay.first_photon:
        text = f"{rate:.2g} photons are recorded per period; that only the first of each is seen is part of the model."
        return Flag("pile_up", "note", text, rate, "per period")
    text = (
        f"{rate:.2g} photons are recorded per period: a detector blind for longer than the decay makes lifetimes up to "
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
        f"{100 * late:.2g} % of the photons come after the next pulse; the fit counts them, "
        "but lifetime and background are hard to tell apart."
    )
    return Flag("period_short", "warning" if late > 0.1 else "note", text, late, None)


def _wide(fit: LifetimeFit) -> Flag | None:
    width = fit.response_width_ns
    if width is None or 2.355 * width < fit.components_ns.min():
        return None
    text = (
        f"The response is {2.355 * width:.3g} ns wide, more than the shortest lifetime, "
        f"{fit.components_ns.min():.3g} ns: that lifetime rests on the shape of the response."
    )
    return Flag("response_wide", "warning", text, 2.355 * width, "ns")


def _open(fit: LifetimeFit) -> Flag | None:
    if np.isfinite(fit.high_ns).all() and (fit.low_ns > 0).all():
        return None
    text = "An interval of a lifetime is open: the decay does not bound it on that side."
    return Flag("open_interval", "warning", text, None, None)


def _few(fit: LifetimeFit) -> Flag | None:
    if fit.photons >= _FEW:
        return None
    text = f"The fit rests on {fit.photons:.0f} photons; a second component would not be seen."
    return Flag("few_photons", "note", text, fit.photons, "photons")


def _tail(fit: LifetimeFit) -> Flag | None:
    if fit.response != "none":
        return None
    text = f"Without a response only the tail from {fit.start_ns:.4g} ns is fitted; anything faster is not seen."
    return Flag("tail_fit", "note", text, fit.start_ns, "ns")
