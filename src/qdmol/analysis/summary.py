"""The JSON object of an analysis: plain numbers, None for what is not known, units in the keys."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from qdmol.analysis.wording import plain_text
from qdmol.photons import channel_label

if TYPE_CHECKING:
    from qdmol.photons import Detector, PhotonStream, QualityReport


HISTOGRAM_FORMAT, COINCIDENCE_FORMAT = "histogram of delays", "histogram of coincidences"


def describe(stream: PhotonStream | None, quality: QualityReport | None, *, file: str | None) -> dict[str, Any]:
    """What is known of a recording without its analysis: the object of ``qdmol photons info --json``."""
    summary: dict[str, Any] = {
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
        "detectors": [] if quality is None else [_detector(detector) for detector in quality.detectors],
        "notes": [] if stream is None else list(stream.notes),
    }
    cleaned: dict[str, Any] = plain(summary)
    return cleaned


def _origin(stream: PhotonStream | None) -> dict[str, Any]:
    if stream is None:
        return {"format": HISTOGRAM_FORMAT, "record_type": None, "instrument": None, "created": None,
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


def _detector(detector: Detector) -> dict[str, Any]:
    return {
        "channel": channel_label(detector.channel),
        "photons": detector.photons,
        "rate_Hz": detector.rate_hz,
        "smallest_interval_ns": detector.smallest_interval_ns,
        "dead_time_ns": detector.dead_time_ns,
        "dead_time_low_ns": detector.dead_time_low_ns,
        "dead_time_high_ns": detector.dead_time_high_ns,
        "afterpulsing": detector.afterpulsing,
        "afterpulsing_low": detector.afterpulsing_low,
        "afterpulsing_high": detector.afterpulsing_high,
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
