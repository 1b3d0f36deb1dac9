"""The JSON object of an analysis: plain numbers, None for what is not known, units in the keys."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from qdmol.analysis.wording import plain_text
from qdmol.photons import channel_label

if TYPE_CHECKING:
    from qdmol.analysis.background import Background
    from qdmol.analysis.g2.values import G2, G3
    from qdmol.analysis.lifetime.values import LifetimeFit
    from qdmol.analysis.result import FailedAnalysis, PhotonAnalysis
    from qdmol.photons import PhotonStream, QualityReport


def make_summary(analysis: PhotonAnalysis) -> dict[str, Any]:
    """Return the object of ``qdmol photons analyze --json`` for one file."""
    found = describe(analysis.stream, analysis.quality, file=analysis.file)
    if analysis.quality is None and analysis.decay is not None:
        found |= {"photons": round(analysis.decay.photons), "sync_period_ns": analysis.decay.period_ns}
    if analysis.decay is not None:
        found["notes"] += analysis.decay.notes
    found["quality"] = [*found["quality"], *(flag.as_dict() for flag in analysis.flags)]
    found |= {
        "refused": analysis.refused,
        "pulse_period_ns": analysis.pulse_period_ns,
        "background": _background(analysis.background),
        "lifetime": _lifetime(analysis.lifetime),
        "g2": _g2(analysis),
        "g3": _g3(analysis.g3),
        "elapsed_s": round(analysis.elapsed_s, 3),
    }
    cleaned: dict[str, Any] = plain(found)
    return cleaned


def failed_summary(failed: FailedAnalysis) -> dict[str, Any]:
    """Return the object of a file that could not be read."""
    cleaned: dict[str, Any] = plain({"qdmol": 1, "file": failed.file, "error": failed.error.as_dict()})
    return cleaned


def describe(stream: PhotonStream | None, quality: QualityReport | None, *, file: str | None) -> dict[str, Any]:
    """What is known of a recording without its analysis: the object of ``qdmol photons info --json``."""
    found: dict[str, Any] = {
        "qdmol": 1,
        "file": file,
        **_origin(stream),
        "photons": None if quality is None else quality.photons,
        "photons_per_channel": {}
        if quality is None
        else {str(channel_label(k)): n for k, n in quality.per_channel.items()},
        "duration_s": None if quality is None else quality.duration_s,
        "mode": "histogram" if stream is None else stream.mode,
        "tick_ps": None if stream is None else stream.tick_ps,
        "sync_period_ns": _period(stream, quality),
        "count_rate_Hz": None if quality is None else quality.count_rate_hz,
        "truncated": _truncated(stream, quality),
        "quality": [] if quality is None else [flag.as_dict() for flag in quality.flags],
        "detectors": [] if quality is None else [_detector(one) for one in quality.detectors],
        "notes": [] if stream is None else list(stream.notes),
    }
    cleaned: dict[str, Any] = plain(found)
    return cleaned


def _origin(stream: PhotonStream | None) -> dict[str, Any]:
    if stream is None:
        return {"format": "histogram of delays", "record_type": None, "instrument": None, "created": None,
                "comment": None, "stated": {"photons": None, "duration_s": None}}  # fmt: skip
    source = stream.provenance
    return {
        "format": source.format,
        "record_type": source.record_type,
        "instrument": source.instrument,
        "created": source.created,
        "comment": source.comment,
        "stated": {"photons": stream.stated_photons, "duration_s": stream.stated_duration_s},
    }


def _period(stream: PhotonStream | None, quality: QualityReport | None) -> float | None:
    if quality is not None:
        return quality.sync_period_ns
    return None if stream is None or stream.sync_period_ps is None else stream.sync_period_ps / 1e3


def _truncated(stream: PhotonStream | None, quality: QualityReport | None) -> bool:
    if quality is not None:
        return quality.truncated
    return stream is not None and stream.truncated


def _detector(one: Any) -> dict[str, Any]:
    return {
        "channel": channel_label(one.channel),
        "photons": one.photons,
        "rate_Hz": one.rate_hz,
        "smallest_interval_ns": one.smallest_interval_ns,
        "dead_time_ns": one.dead_time_ns,
        "dead_time_low_ns": one.dead_time_low_ns,
        "dead_time_high_ns": one.dead_time_high_ns,
        "afterpulsing": one.afterpulsing,
        "afterpulsing_low": one.afterpulsing_low,
        "afterpulsing_high": one.afterpulsing_high,
    }


def _background(found: Background | None) -> dict[str, Any] | None:
    if found is None:
        return None
    rates = zip(found.channels, found.rates_hz, found.low_hz, found.high_hz, strict=True)
    channels = [
        {"channel": channel_label(k), "rate_Hz": rate, "low_Hz": low, "high_Hz": high} for k, rate, low, high in rates
    ]
    return {"source": found.source, "channels": channels}


def _lifetime(fit: LifetimeFit | None) -> dict[str, Any] | None:
    if fit is None:
        return None
    names = (
        *("components_ns", "low_ns", "high_ns", "fractions", "fractions_low", "fractions_high"),
        *("intensity_fractions", "intensity_fractions_low", "intensity_fractions_high", "model"),
        *("amplitude_average_ns", "amplitude_average_low_ns", "amplitude_average_high_ns"),
        *("intensity_average_ns", "intensity_average_low_ns", "intensity_average_high_ns"),
        *("stretch", "stretch_low", "stretch_high", "response", "response_width_ns", "shift_ns", "start_ns"),
        *("photons", "goodness", "reduced_deviance", "level"),
    )
    found = {name: getattr(fit, name) for name in names}
    found["background_counts_per_bin"] = fit.background_per_bin
    found["background_low_counts_per_bin"] = fit.background_low
    found["background_high_counts_per_bin"] = fit.background_high
    found["evidence"] = dict(fit.evidence)
    found["flags"] = [flag.as_dict() for flag in fit.flags]
    return found


def _g2(analysis: PhotonAnalysis) -> dict[str, Any] | None:
    found = analysis.g2
    if found is None:
        return None
    before = found.uncorrected
    return {
        **found.as_dict(),
        "method": found.method,
        "channels": [channel_label(channel) for channel in found.histogram.channels],
        "period_ns": found.period_ns,
        "centre_counts": found.centre_counts,
        "side_counts": found.side_counts,
        "side_peaks": found.sides,
        "far_level": found.far_level,
        "lifetimes_ns": list(found.lifetimes_ns),
        "signal_fractions": found.signal_fractions,
        "uncorrected": None if before is None else {name: getattr(before, name) for name in before.__slots__},
        "background_source": found.background_source,
        "gate_ns": found.gate_ns,
        "gated": [_gated(one) for one in analysis.gated],
        "level": found.level,
        "flags": [flag.as_dict() for flag in found.flags],
    }


def _gated(found: G2) -> dict[str, Any]:
    names = ("side", "side_low", "side_high", "poisson", "poisson_low", "poisson_high", "centre_counts")
    return {"gate_ns": found.gate_ns, **{name: getattr(found, name) for name in names}}


def _g3(found: G3 | None) -> dict[str, Any] | None:
    if found is None:
        return None
    names = ("side", "side_low", "side_high", "poisson", "poisson_low", "poisson_high", "centre_counts", "side_counts")
    numbers = {name: getattr(found, name) for name in names}
    flags = [flag.as_dict() for flag in found.flags]
    return {
        **numbers,
        "channels": [channel_label(channel) for channel in found.channels],
        "reason": found.reason,
        "flags": flags,
    }


def plain(value: Any) -> Any:
    """Turn a value into what JSON holds: None for a number that is not finite, printable text."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(entry) for entry in value]
    return _number(value) if isinstance(value, bool | int | float | np.generic) else _text(value)


def _number(value: Any) -> bool | int | float | None:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    return float(value) if math.isfinite(value) else None


def _text(value: Any) -> str | None:
    return None if value is None else plain_text(str(value))
