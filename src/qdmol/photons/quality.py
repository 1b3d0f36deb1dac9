"""Whether a recording can be trusted: one pass over its photons, a list of findings in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qdmol.photons.detectors import Crosstalk, afterpulsing, crosstalk, dead_time
from qdmol.photons.flags import Flag, Severity
from qdmol.photons.quality_checks import (
    drift_flags,
    gap_flags,
    header_flags,
    order_flags,
    percent,
    pile_up_flags,
    saturation_flags,
    sensible_duration_s,
    sync_flags,
)
from qdmol.photons.scanning import Scan, octave_edges, scan
from qdmol.photons.shared_dead_time import SharedDeadTime, shared_dead_times
from qdmol.photons.stream import Mode, PhotonStream, channel_label

__all__ = ["Detector", "Flag", "QualityReport", "Severity", "assess_quality"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_ORDER = {"fatal": 0, "warning": 1, "note": 2}
_SIGNIFICANT = 4.0  # standard errors: some tens of channels in thousands of files raise no false alarm
_FEW = 100
_MUCH_LOST = 0.05
_MUCH_AFTERPULSING = 2.0  # percent


@dataclass(frozen=True, slots=True)
class Detector:
    """What the photons of one channel say about its detector.

    Attributes
    ----------
    channel, photons : int
        Input channel counted from 0; photons in it.
    rate_hz : float
        Photons over the length of the recording.
    smallest_interval_ns : float or None
        Between two photons of this channel; None for fewer than two.
    dead_time_ns, dead_time_low_ns, dead_time_high_ns : float or None
        Time after a photon in which no other is seen, with its interval at 95 %; None where the photons cannot tell.
    afterpulsing, afterpulsing_low, afterpulsing_high : float or None
        Probability that a photon is followed by a false one, with its interval at 95 %; None where they cannot tell.
    afterpulsing_sure, afterpulsing_controlled : bool
        Whether it is beyond chance; whether other channels show that it is not the light that is bunched.
    """

    channel: int
    photons: int
    rate_hz: float
    smallest_interval_ns: float | None = None
    dead_time_ns: float | None = None
    dead_time_low_ns: float | None = None
    dead_time_high_ns: float | None = None
    afterpulsing: float | None = None
    afterpulsing_low: float | None = None
    afterpulsing_high: float | None = None
    afterpulsing_sure: bool = False
    afterpulsing_controlled: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class QualityReport:
    """What one pass over a stream found.

    Attributes
    ----------
    photons : int
        All photons.
    per_channel : Mapping of int to int
        Photons of each channel that has any.
    duration_s : float
        Length of the recording: stated by the header where the records agree with it, else from the records.
    count_rate_hz : float
        Photons over duration; 0 where there is no duration.
    mode : "T2" or "T3"
        Of the stream.
    sync_period_ns : float or None
        Measured where sync pulses were recorded, else as stated.
    flags : tuple of Flag
        Worst first.
    truncated : bool
        Whether the file ended early.
    detectors : tuple of Detector
        One a channel that has photons, in order of channel.
    interval_edges_ns : float (n + 1,)
        Edges of the bins of `interval_counts`.
    interval_counts : int64 (channels, n)
        Intervals between neighbouring photons of the same channel; rows as `detectors`.
    delay_bin_ns : float or None
        Width of a bin of `delay_counts`; None for T2.
    delay_counts : int64 (channels, m)
        T3: photons against the delay after the sync pulse; rows as `detectors`; empty for T2.
    rate_bin_s : float
        Width of a bin of `rate_counts`.
    rate_counts : int64 (bins, channels)
        Photons against time; columns as `detectors`.
    shared_dead_times : tuple of SharedDeadTime
        Pairs of channels behind one timing circuit, whose g2 at zero delay cannot be measured.
    """

    photons: int
    per_channel: Mapping[int, int]
    duration_s: float
    count_rate_hz: float
    mode: Mode
    sync_period_ns: float | None
    flags: tuple[Flag, ...]
    truncated: bool
    detectors: tuple[Detector, ...]
    interval_edges_ns: Floats
    interval_counts: Integers
    delay_bin_ns: float | None
    delay_counts: Integers
    rate_bin_s: float
    rate_counts: Integers
    shared_dead_times: tuple[SharedDeadTime, ...] = ()

    @property
    def analysable(self) -> bool:
        """Whether there are photons, and nothing fatal was found."""
        return self.photons > 0 and not any(flag.severity == "fatal" for flag in self.flags)

    def flag(self, name: str) -> Flag | None:
        """Return the first flag of a name, or None."""
        return next((flag for flag in self.flags if flag.name == name), None)

    def shared_dead_time(self, channels: tuple[int, int]) -> SharedDeadTime | None:
        """Return the dead time that two channels have in common, or None."""
        return next((one for one in self.shared_dead_times if set(one.channels) == set(channels)), None)


def assess_quality(stream: PhotonStream, *, progress: Callable[[int], object] | None = None) -> QualityReport:
    """Go once over the photons and report what is wrong with them.

    Checked are: order of time, header against records, pulse rate, gaps, drift, dead time, afterpulsing, crosstalk,
    pile-up, saturation; the methods are in `detectors` and `quality_checks` with their sources. A blinking or bunched
    emitter is no fault, so every check compares the recording with itself, not with a constant rate.

    Parameters
    ----------
    stream
        Any photon stream; one pass is made over it, in bounded memory.
    progress
        Called after each stretch with the number of photons gone through.

    Raises
    ------
    DataError
        The photons are out of order beyond what can be sorted while reading.
    MissingExtraError
        The extra `photons` is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from qdmol.photons import ArraySource, PhotonStream, Provenance, Records
    >>> records = Records(times=np.zeros(0, dtype=np.int64), channels=np.zeros(0, dtype=np.uint8))
    >>> stream = PhotonStream("T2", 1.0, ArraySource(records), Provenance("made here", "T2"))
    >>> report = assess_quality(stream)
    >>> report.analysable, report.flags[0].message
    (False, 'The recording holds no photons.')
    """
    found = scan(stream, progress=progress)
    order = np.argsort(np.array(found.channels, dtype=np.int64))
    duration_s = sensible_duration_s(found, stream)
    detectors, crosstalks = _detectors(found, duration_s)
    flags = _flags(found, stream, duration_s)
    shared: tuple[SharedDeadTime, ...] = ()
    if not any(flag.severity == "fatal" for flag in flags):
        shared = shared_dead_times(found, record_type=stream.provenance.record_type)
        flags += [*_detector_flags(detectors, crosstalks, found), *map(_shared_dead_time_flag, shared)]
    used = max(_last_filled(found.interval_counts), 32)
    t3 = stream.mode == "T3"
    filled = _last_filled(found.delay_counts.sum(axis=1)) if t3 else 0
    counts = found.counts
    return QualityReport(
        photons=found.photons,
        per_channel={found.channels[row]: int(counts[row]) for row in order},
        duration_s=duration_s,
        count_rate_hz=found.photons / duration_s if duration_s > 0 else 0.0,
        mode=stream.mode,
        sync_period_ns=_sync_period_ns(found, stream),
        flags=tuple(sorted(flags, key=lambda flag: _ORDER[flag.severity])),
        truncated=stream.truncated,
        detectors=tuple(detectors[row] for row in order),
        interval_edges_ns=octave_edges(used),
        interval_counts=found.interval_counts[order, :used],
        delay_bin_ns=found.tick_ps * 2.0**found.delay_shift * 1e-3 if t3 else None,
        delay_counts=found.delay_counts.sum(axis=1)[order, :filled],
        rate_bin_s=found.bin_ps * 1e-12,
        rate_counts=found.rate_counts[: _last_filled(found.rate_counts.T), order],
        shared_dead_times=shared,
    )


def _last_filled(counts: Integers) -> int:
    """Length of the second axis up to its last bin with a count."""
    filled = np.flatnonzero(counts.sum(axis=0))
    return int(filled[-1]) + 1 if len(filled) else 0


def _sync_period_ns(found: Scan, stream: PhotonStream) -> float | None:
    measured = found.sync.mean_period
    if stream.mode == "T2" and measured is not None:
        return measured * stream.tick_ps * 1e-3
    return None if stream.sync_period_ps is None else stream.sync_period_ps * 1e-3


def _detectors(found: Scan, duration_s: float) -> tuple[list[Detector], tuple[Crosstalk, ...]]:
    detectors = []
    for row, (channel, count) in enumerate(zip(found.channels, found.counts, strict=True)):
        dead = dead_time(found, row)
        false = afterpulsing(found, row, dead_ns=dead.value_ns if dead else 0.0)
        smallest = float(found.smallest_ps[row]) * 1e-3
        detectors.append(
            Detector(
                channel=channel,
                photons=int(count),
                rate_hz=float(count) / duration_s if duration_s > 0 else 0.0,
                smallest_interval_ns=smallest if np.isfinite(smallest) else None,
                dead_time_ns=dead.value_ns if dead else None,
                dead_time_low_ns=dead.low_ns if dead else None,
                dead_time_high_ns=dead.high_ns if dead else None,
                afterpulsing=false.probability if false else None,
                afterpulsing_low=false.low if false else None,
                afterpulsing_high=false.high if false else None,
                afterpulsing_sure=false is not None and false.significance > _SIGNIFICANT,
                afterpulsing_controlled=false is not None and false.controlled,
            )
        )
    return detectors, crosstalk(found)


def _flags(found: Scan, stream: PhotonStream, duration_s: float) -> list[Flag]:
    if found.photons == 0:
        flags = [Flag("empty", "warning", "The recording holds no photons.", 0.0, "photons")]
        flags += [Flag("header_mismatch", "fatal", sentence) for sentence in stream.contradictions]
    else:
        flags = [*header_flags(found, stream), *sync_flags(found, stream), *order_flags(found, stream)]
        if not any(flag.severity == "fatal" for flag in flags):
            flags += [*gap_flags(found, duration_s), *drift_flags(found, duration_s), *pile_up_flags(found, stream)]
    if stream.truncated:
        message = f"The file ends early: the {found.photons:,} photons that are whole are used, the rest is lost."
        flags.append(Flag("truncated", "warning", message, float(found.photons), "photons"))
    if 0 < found.photons < _FEW:
        message = f"There are only {found.photons:,} photons: detectors, gaps and drift cannot be judged."
        flags.append(Flag("few_photons", "note", message, float(found.photons), "photons"))
    return flags + [Flag("reading", "note", note) for note in stream.notes]


def _detector_flags(detectors: list[Detector], crosstalks: tuple[Crosstalk, ...], found: Scan) -> Iterator[Flag]:
    dead_times = {row: one.dead_time_ns for row, one in enumerate(detectors) if one.dead_time_ns is not None}
    yield from saturation_flags(found, dead_times)
    for one in sorted(detectors, key=lambda detector: detector.channel):
        yield from _dead_time_flag(one)
        yield from _afterpulsing_flag(one)
    for each in crosstalks:
        pair = [channel_label(k) for k in sorted((found.channels[each.first], found.channels[each.second]))]
        message = (
            f"Channels {pair[0]} and {pair[1]} have more photons {abs(each.lag_ns):.2g} ns apart than the light has:"
            f" {100 * each.probability:.2g} % ({100 * each.low:.2g} to {100 * each.high:.2g} %) of the photons make a"
            " false one in the other channel, by crosstalk or afterglow, which fakes a high g2 at zero delay unless"
            " these lags are masked."
        )
        yield Flag("crosstalk", "warning", message, 100 * each.probability, "%")


def _dead_time_flag(one: Detector) -> Iterator[Flag]:
    if one.dead_time_ns is None:
        return
    lost = min(one.rate_hz * one.dead_time_ns * 1e-9, 1.0)
    message = (
        f"Channel {channel_label(one.channel)} is blind for {one.dead_time_ns:.3g} ns after each photon (smallest"
        f" interval {one.smallest_interval_ns:.4g} ns): it loses {percent(lost)} of its photons, and its own pairs at"
        " shorter lags say nothing about g2."
    )
    yield Flag("dead_time", "warning" if lost > _MUCH_LOST else "note", message, one.dead_time_ns, "ns")


def _shared_dead_time_flag(one: SharedDeadTime) -> Flag:
    first, second = (channel_label(channel) for channel in one.channels)
    message = (
        f"Channels {first} and {second} share one dead time, as detectors behind a router do:"
        f" {_counted(one.pairs)} recorded of photons less than {one.value_ns:.3g} ns apart, where steady light"
        f" would give {one.expected:.3g}, so g2 cannot be measured at these lags, nor at zero delay."
    )
    return Flag("shared_dead_time", "warning", message, one.value_ns, "ns")


def _counted(pairs: int) -> str:
    return {0: "no pair was", 1: "one pair was"}.get(pairs, f"{pairs} pairs were")


def _afterpulsing_flag(one: Detector) -> Iterator[Flag]:
    if not one.afterpulsing_sure or one.afterpulsing is None:
        return
    low, high = 100 * (one.afterpulsing_low or 0.0), 100 * (one.afterpulsing_high or 0.0)
    doubt = "" if one.afterpulsing_controlled else ", or light bunched on this scale (one channel cannot tell)"
    message = (
        f"Channel {channel_label(one.channel)} has {100 * one.afterpulsing:.2g} % ({low:.2g} to {high:.2g} %) more"
        f" photons within 2 µs of another of its own than chance gives, by afterpulsing{doubt}: its own correlation is"
        " false there, and its rate too high by as much."
    )
    warn = low > _MUCH_AFTERPULSING and one.afterpulsing_controlled
    yield Flag("afterpulsing", "warning" if warn else "note", message, 100 * one.afterpulsing, "%")
