"""Whether a recording can be trusted: one pass over its photons, a list of findings in sentences.

Each check of the quality report: from what a pass gathered to findings in sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Floats, Integers
from qdmol.photons.detectors import Crosstalk, SharedDeadTime, afterpulsing, crosstalk, dead_time, shared_dead_times
from qdmol.photons.scanning import Scan, octave_edges, scan
from qdmol.photons.stream import Flag, Mode, PhotonStream, Severity, channel_label
from qdmol.statistics import t_tail

LONGEST_S = 31 * 86400.0  # no recording lasts longer
_ENOUGH = 1000  # photons from which shares and lengths are judged
_CHANCE = 1e-6  # of a finding where there is nothing, in one check
_BLOCKS = 16
_DRIFT = 0.2  # relative change over the run that is worth a warning
_FASTEST_HZ = 5e9
_MOST_GAPS = 3
_TAIL = 24  # pauses that show how the longest of them fall off


def sensible_duration_s(scan: Scan, stream: PhotonStream) -> float:
    """Length of the recording in s: as stated where the photons agree, else up to the last photon; 0 for nonsense."""
    measured = scan.last_ps * 1e-12
    stated = stream.stated_duration_s
    usable = stated is not None and 0.0 < stated <= LONGEST_S
    if stated is not None and usable and not stream.truncated and measured <= 1.01 * stated + 0.01:
        agree = measured >= 0.95 * stated or _plausibly_silent(scan, stated)
        return stated if agree else measured
    return measured if 0.0 <= measured <= LONGEST_S else 0.0


def _plausibly_silent(scan: Scan, stated_s: float) -> bool:
    """Whether no photon up to the stated end is likely at the mean rate, or no longer than the emitter's own pauses."""
    measured = scan.last_ps * 1e-12
    silent = stated_s - measured
    pause = float(scan.pauses.lengths.max(initial=0)) * scan.unit_ps * 1e-12
    return measured <= 0 or silent < 3.0 * pause or scan.photons / measured * silent < -np.log(_CHANCE)


def order_flags(scan: Scan, stream: PhotonStream) -> Iterator[Flag]:
    """Whether the file had its photons in order of time."""
    falls = scan.order.falls
    if falls or stream.unordered:
        back_ns = scan.order.deepest * scan.unit_ps * 1e-3
        number = (
            f"{falls:,} photons were recorded after a photon with a later time, up to {time_text(back_ns * 1e-9)} late"
            if falls
            else "Photons"
        )
        yield Flag(
            "unordered",
            "warning",
            f"The file is not in chronological order: {number}; they were sorted here, so g2 and lifetimes are correct;"
            " programs that rely on the order of the file give wrong results."
            if falls
            else "The photons are not in chronological order; they were sorted, so g2 and lifetimes are correct.",
            float(falls) if falls else None,
            "photons" if falls else None,
        )


def header_flags(scan: Scan, stream: PhotonStream) -> Iterator[Flag]:
    """Header against records: contradictions the reader saw, counts, lengths."""
    for sentence in stream.contradictions:
        yield Flag("header_mismatch", "fatal", sentence)
    stated_count = stream.stated_photons
    if stated_count is not None and 0 < stated_count < scan.photons:
        message = f"The header states {stated_count:,} records, but the file contains {scan.photons:,} photons; all are"
        yield Flag("header_mismatch", "warning", f"{message} used.", float(scan.photons), "photons")
    yield from _length_flags(scan, stream)


def _length_flags(scan: Scan, stream: PhotonStream) -> Iterator[Flag]:
    measured, stated = scan.last_ps * 1e-12, stream.stated_duration_s
    if not 0.0 <= measured <= LONGEST_S:
        years = abs(measured) / 3.156e7
        message = f"The arrival times reach {measured:.3g} s, which is {years:.2g} years: they do not belong to the"
        yield Flag("header_mismatch", "fatal", f"{message} clock that the header states.", measured, "s")
        return
    if scan.photons > 1 and scan.first_time == scan.last_time:
        place = "after the same pulse" if stream.mode == "T3" else "at the same time"
        message = f"All {scan.photons:,} photons were recorded {place}: the clock of the recording did not run."
        yield Flag("header_mismatch", "fatal", message)
        return
    if scan.photons >= _ENOUGH and (measured == 0.0 or scan.photons / measured > _FASTEST_HZ):
        message = f"{scan.photons:,} photons lie within {measured:.3g} s, faster than any detector: the clock is wrong."
        yield Flag("header_mismatch", "fatal", message, measured, "s")
        return
    if stated is None or stated <= 0.0 or stream.truncated:
        return
    text = (
        f"According to the header the recording lasts {time_text(stated)}, according to the arrival times "
        f"{time_text(measured)}"
    )
    if measured > 1.5 * stated + 1.0:
        yield Flag("header_mismatch", "fatal", f"{text}: one of them is wrong, so no rate can be given.", measured, "s")
    elif measured > 1.01 * stated + 0.01:
        message = f"{text}; the arrival times are used for rates and the normalisation of g2."
        yield Flag("header_mismatch", "warning", message, measured, "s")
    elif scan.photons >= _ENOUGH and not _plausibly_silent(scan, stated):
        if measured < 0.1 * stated:
            message = f"{text}: the clock of the records is not the one that the header states."
            yield Flag("header_mismatch", "fatal", message, measured, "s")
        elif measured < 0.95 * stated:
            message = (
                f"{text}: it was stopped early or the light was switched off; rates refer to the time with photons."
            )
            yield Flag("header_mismatch", "warning", message, measured, "s")


def sync_flags(scan: Scan, stream: PhotonStream) -> Iterator[Flag]:
    """Pulse rate as stated beside what delays or recorded pulses say."""
    if stream.mode == "T3":
        yield from _delay_range_flags(scan, stream)
    elif scan.sync.steady:
        yield from _recorded_sync_flags(scan, stream)
    elif scan.sync.steady is False:
        message = (
            f"The {scan.sync.pulses:,} recorded sync pulses have no steady period, so delays after them are unreliable."
        )
        yield Flag("sync_rate", "warning", message)


def _delay_range_flags(scan: Scan, stream: PhotonStream) -> Iterator[Flag]:
    period_ns, largest_ns = stream.time_unit_ps * 1e-3, float(scan.delay_facts[0]) * scan.tick_ps * 1e-3
    beyond = int(scan.delay_facts[2])
    if beyond == 0:
        return
    share = beyond / scan.photons
    text = f"The header states a sync pulse every {period_ns:.4g} ns, but delays reach {largest_ns:.4g} ns"
    if share > 0.02 and scan.photons >= 20:
        message = f"{text} and {percent(share)} of the photons lie beyond the period: neither lifetimes nor g2 can be"
        yield Flag("sync_rate", "fatal", f"{message} placed in time.", largest_ns, "ns")
    else:
        severity: Severity = "warning" if share > 1e-3 else "note"
        message = f"{text}; {beyond:,} photons ({percent(share)}) lie beyond the period and belong to a later pulse."
        yield Flag("sync_rate", severity, message, largest_ns, "ns")


def _recorded_sync_flags(scan: Scan, stream: PhotonStream) -> Iterator[Flag]:
    period = scan.sync.mean_period
    if period is None or period <= 0:
        return
    measured = period * scan.tick_ps
    if stream.sync_period_ps:
        ratio = measured / stream.sync_period_ps
        divider = max(round(ratio), 1)
        rates = f"{1e6 / stream.sync_period_ps:.5g} MHz stated, {1e6 / measured:.5g} MHz recorded"
        if abs(ratio / divider - 1.0) > 0.01:
            message = f"The pulse rates differ, {rates}; the recorded rate is used."
            yield Flag("sync_rate", "warning", message, 1e6 / measured, "MHz")
        elif divider > 1:
            message = f"One in {divider} sync pulses was recorded ({rates})."
            yield Flag("sync_rate", "note", message, float(divider), None)
    share = scan.sync.missed / max(scan.sync.pulses + scan.sync.missed, 1)
    if share > 0.5:
        message = f"Only {scan.sync.pulses:,} sync pulses, {percent(1.0 - share)}, were recorded; those between are"
        yield Flag("sync_missed", "note", f"{message} where the period puts them.", share * 100, "%")
    elif share > 1e-3:
        message = f"{scan.sync.missed:,} sync pulses ({percent(share)}) are missing; delays after them are counted"
        yield Flag("sync_missed", "warning", f"{message} from an earlier pulse.", share * 100, "%")
    jitter = scan.sync.jitter * scan.tick_ps
    if jitter > max(0.02 * measured, 2.0 * scan.tick_ps):
        message = f"The recorded sync pulses jitter by {time_text(jitter * 1e-12)}, which blurs every delay by as much."
        yield Flag("sync_jitter", "warning", message, jitter * 1e-3, "ns")


def gap_flags(scan: Scan, duration_s: float) -> Iterator[Flag]:
    """Pauses that neither the rate nor the emitter's other pauses make plausible."""
    lengths = np.sort(scan.pauses.lengths)[::-1].astype(np.float64) * scan.unit_ps * 1e-12
    if len(lengths) < 32 or scan.photons < 100 or duration_s <= 0:
        return
    count = _interruptions(lengths)
    off_times = count > _MOST_GAPS
    if off_times:
        # many of them: off times without background; one that stands out among them still is a gap
        inner = _interruptions(lengths[:count])
        off_times, count = inner == 0, inner or count
    if count == 0:
        return
    total = float(lengths[:count].sum())
    if off_times:
        message = (
            f"At least {count} stretches without a photon, the longest {time_text(lengths[0])}, are longer than the"
            " rate allows: they are off times without background, or interruptions; the recording does not "
            "distinguish them."
        )
        yield Flag("gap", "note", message, total, "s")
        return
    rate = scan.photons / duration_s
    longest = int(np.argmax(scan.pauses.lengths))
    start = float(int(scan.pauses.starts[longest]) - scan.origin) * scan.unit_ps * 1e-12
    chance = np.log10(scan.photons) - rate * lengths[0] / np.log(10)
    many = "" if count == 1 else f" ({count} such stretches, {time_text(total)} in all)"
    yield Flag(
        "gap",
        "warning",
        f"No photon for {time_text(lengths[0])} from {start:.4g} s on{many}: at the mean rate that has a probability of"
        f" 10^{min(chance, 0.0):.0f}, and it is {lengths[0] / lengths[count]:.2g} times the longest other pause, so it"
        " is an interruption rather than blinking; rates and the Poisson level of g2 are too low by"
        f" {percent(min(total / duration_s, 1.0))} unless it is removed.".replace("10^-", "10^−"),
        total,
        "s",
    )


def _interruptions(lengths: Floats) -> int:
    """How many of the longest pauses (sorted, longest first) cannot belong to the tail of the others.

    The tail is taken as exponential and as a power law (Hill, Ann. Stat. 3, 1163 (1975), doi:10.1214/aos/1176343247),
    and the likelier is believed: off times of blinking emitters are power laws.
    """
    gaps = 0
    if len(lengths) < 12:
        return 0
    for rank in range(len(lengths) // 2):
        tail = lengths[rank + 1 : rank + 1 + _TAIL]
        least = tail[-1]
        if least <= 0.0:
            break
        above = tail[:-1]
        mean = max(float((above - least).mean()), 1e-3 * least)
        slope = max(float(np.log(above / least).mean()), 1e-3)
        exponential = -(lengths[rank] - least) / mean
        power = -np.log(lengths[rank] / least) / slope
        # the tail was cut at its largest, which makes it look thin: one unit of doubt
        if np.log(len(tail)) + max(exponential, power) + 1.0 < np.log(1e-5):
            gaps = rank + 1
    return gaps


def drift_flags(scan: Scan, duration_s: float) -> Iterator[Flag]:
    """Whether the rate, or the rise of the decay, moves over the run."""
    yield from _rate_drift(scan, duration_s)
    for row in range(len(scan.delay_counts)):
        if scan.delay_counts.shape[2] > 1:
            yield from _delay_drift(scan, row)


def _rate_drift(scan: Scan, duration_s: float) -> Iterator[Flag]:
    bins = int(duration_s * 1e12 / scan.bin_ps)
    if not 8 * _BLOCKS <= bins < 1 << 24 or scan.photons < _ENOUGH:
        return
    # silence at the end has bins too
    trace = np.zeros(bins)
    trace[: len(scan.rate_counts)] = scan.rate_counts[:bins].sum(axis=1)
    whole = bins // _BLOCKS
    blocks = trace[: whole * _BLOCKS].reshape(_BLOCKS, whole).sum(axis=1)
    place = (np.arange(_BLOCKS) + 0.5) / _BLOCKS - 0.5
    slope = float((place * blocks).sum() / (place**2).sum())
    rest = blocks - blocks.mean() - slope * place
    # blinking makes neighbouring blocks alike: fewer of them count
    alike = float(np.clip((rest[1:] * rest[:-1]).sum() / max((rest**2).sum(), 1e-9), 0.0, 0.9))
    spread = max(float((rest**2).sum()) / (_BLOCKS - 2), blocks.mean())
    if spread == 0.0:  # all photons lie behind the last whole block
        return
    error = np.sqrt(spread / (place**2).sum() * (1.0 + alike) / (1.0 - alike))
    chance = 2.0 * t_tail(abs(slope) / error, _BLOCKS - 2)
    change = slope / max(blocks.mean(), 1e-9)
    if chance < 1e-4 and abs(change) > _DRIFT:
        way = "falls" if change < 0 else "rises"
        message = (
            f"The count rate {way} by {percent(abs(change))} of its mean over the run, beyond counting noise and"
            " blinking: slow drift raises g2 at all delays and mixes early and late lifetimes."
        )
        yield Flag("drift", "warning", message, 100.0 * change, "%")


def _delay_drift(scan: Scan, row: int) -> Iterator[Flag]:
    parts = scan.delay_counts[row]
    used = np.flatnonzero(parts.sum(axis=1))
    if len(used) == 0:
        return
    # thirds by photons, as a run may be dark at its end
    share = np.cumsum(parts.sum(axis=1)) / parts.sum()
    early, late = parts[share <= 0.4].sum(axis=0), parts[share > 0.6].sum(axis=0)
    width_ns = scan.tick_ps * 2.0**scan.delay_shift * 1e-3
    if min(early.sum(), late.sum()) < _ENOUGH:
        return
    rng = np.random.default_rng(0)  # a fixed seed: the same file gives the same report
    shift = _rise(late, width_ns) - _rise(early, width_ns)
    draws = [_rise(rng.poisson(late), width_ns) - _rise(rng.poisson(early), width_ns) for _ in range(40)]
    error = float(np.std(draws)) + 0.5 * width_ns / np.sqrt(12.0)
    if abs(shift) > 5.0 * error and abs(shift) > max(0.02, 1.5 * width_ns):
        message = (
            f"The rise of the decay in channel {channel_label(scan.channels[row])} moves by {shift:+.2g} ns between the"
            " beginning and the end of the run: a lifetime from the whole run is too long by about as much, or its fit"
            " is poor."
        ).replace("-", "−")
        yield Flag("delay_drift", "warning", message, shift, "ns")


def _rise(delays: NDArray[np.int64], width_ns: float) -> float:
    """Where the picture of the delays climbs through half its height, in ns."""
    # about a sixteenth of the photons of the rise to a point keeps the noise of the height low
    wide = max(1, min(len(delays) // 64, int(np.ceil(400.0 / max(float(delays.max()), 1.0)))))
    smooth = np.convolve(delays, np.ones(wide) / wide, "same")
    peak = int(np.argmax(smooth))
    floor = float(np.median(smooth[: max(peak // 2, 1)]))
    half = 0.5 * (smooth[peak] + floor)
    below = np.flatnonzero(smooth[: peak + 1] < half)
    if len(below) == 0:
        return 0.0
    k = int(below[-1])
    step = smooth[k + 1] - smooth[k] if k + 1 < len(smooth) else 1.0
    return float((k + (half - smooth[k]) / max(step, 1e-9)) * width_ns)


def pile_up_flags(scan: Scan, stream: PhotonStream) -> Iterator[Flag]:
    """Photons lost because a detector gives one a pulse at most.

    Of a Poisson number with mean μ a pulse one is seen, with probability 1 - exp(-μ) (O'Connor and Phillips,
    Time-correlated Single Photon Counting (Academic Press, 1984), ISBN 0-12-524140-2).
    """
    period_ps = stream.sync_period_ps if stream.mode == "T3" else None
    if stream.mode == "T2" and scan.sync.mean_period is not None:
        period_ps = scan.sync.mean_period * scan.tick_ps
    if period_ps is None or scan.photons < 100:
        return
    counts = scan.rate_counts.astype(np.float64)
    totals = np.maximum(counts.sum(axis=0), 1.0)
    # the rate that a photon finds around it: bright times weigh most
    seen = (counts * (counts - 1.0)).sum(axis=0) / totals * period_ps / scan.bin_ps
    row = int(np.argmax(seen))
    per_pulse = float(min(seen[row], 0.99))
    mean = -np.log1p(-per_pulse)
    lost = 1.0 - per_pulse / mean if mean > 0 else 0.0
    if lost < 0.01:
        return
    message = (
        f"Channel {channel_label(scan.channels[row])} detects {per_pulse:.3g} photons per pulse while the emitter is"
        f" bright: if it detects at most one per pulse, it misses {percent(lost)}, the late ones, and lifetimes are too"
        " short unless pile-up is fitted."
    )
    yield Flag("pile_up", "warning" if lost > 0.05 else "note", message, 100.0 * lost, "%")


def saturation_flags(scan: Scan, dead_times_ns: dict[int, float]) -> Iterator[Flag]:
    """Photons accumulated at the end of the delay counter, and detectors in their dead time most of the time."""
    at_end, largest = int(scan.delay_facts[1]), int(scan.delay_facts[0])
    full = largest > 0 and (largest & (largest + 1)) == 0
    if scan.photons >= _ENOUGH and full and at_end > 0.01 * scan.photons:
        share = at_end / scan.photons
        message = f"{percent(share)} of the delays stand at {largest}, the end of the delay counter: later photons were"
        yield Flag(
            "saturated", "warning", f"{message} accumulated there, so the tail of the decay is an artefact.", share
        )
    counts = scan.rate_counts.astype(np.float64)
    for row, dead_ns in dead_times_ns.items():
        rate = (counts[:, row] * (counts[:, row] - 1.0)).sum() / max(counts[:, row].sum(), 1.0) / scan.bin_ps * 1e3
        busy = float(min(rate * dead_ns, 1.0))
        if busy > 0.3:
            channel = channel_label(scan.channels[row])
            message = (
                f"The detector of channel {channel} is in its dead time for {percent(busy)} of the time with light: "
                "its count rate is no longer proportional to the light intensity."
            )
            yield Flag("saturated", "warning", message, 100.0 * busy, "%")


def percent(share: float) -> str:
    """Return a share as a person writes it."""
    return f"{100.0 * share:.2g} %"


def time_text(seconds: float) -> str:
    """Return a time in s as a person writes it."""
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")):
        if abs(seconds) >= size:
            return f"{seconds / size:.4g} {unit}"
    return f"{seconds * 1e12:.3g} ps"


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


# Dataclasses that a report is made of, as needed to read a saved one.
REPORT_CLASSES = (QualityReport, Detector, Flag, SharedDeadTime)


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
    return quality_of_scan(scan(stream, progress=progress), stream)


def quality_of_scan(scan: Scan, stream: PhotonStream) -> QualityReport:
    """Judge what a scan of a stream gathered: the evaluation of :func:`assess_quality`."""
    order = np.argsort(np.array(scan.channels, dtype=np.int64))
    duration_s = sensible_duration_s(scan, stream)
    detectors, crosstalks = _detectors(scan, duration_s)
    flags = _flags(scan, stream, duration_s)
    shared: tuple[SharedDeadTime, ...] = ()
    if not any(flag.severity == "fatal" for flag in flags):
        shared = shared_dead_times(scan, record_type=stream.provenance.record_type)
        flags += [*_detector_flags(detectors, crosstalks, scan), *map(_shared_dead_time_flag, shared)]
    used = max(_last_filled(scan.interval_counts), 32)
    t3 = stream.mode == "T3"
    filled = _last_filled(scan.delay_counts.sum(axis=1)) if t3 else 0
    counts = scan.counts
    return QualityReport(
        photons=scan.photons,
        per_channel={scan.channels[row]: int(counts[row]) for row in order},
        duration_s=duration_s,
        count_rate_hz=scan.photons / duration_s if duration_s > 0 else 0.0,
        mode=stream.mode,
        sync_period_ns=_sync_period_ns(scan, stream),
        flags=tuple(sorted(flags, key=lambda flag: _ORDER[flag.severity])),
        truncated=stream.truncated,
        detectors=tuple(detectors[row] for row in order),
        interval_edges_ns=octave_edges(used),
        interval_counts=scan.interval_counts[order, :used],
        delay_bin_ns=scan.tick_ps * 2.0**scan.delay_shift * 1e-3 if t3 else None,
        delay_counts=scan.delay_counts.sum(axis=1)[order, :filled],
        rate_bin_s=scan.bin_ps * 1e-12,
        rate_counts=scan.rate_counts[: _last_filled(scan.rate_counts.T), order],
        shared_dead_times=shared,
    )


def _last_filled(counts: Integers) -> int:
    """Length of the second axis up to its last bin with a count."""
    filled = np.flatnonzero(counts.sum(axis=0))
    return int(filled[-1]) + 1 if len(filled) else 0


def _sync_period_ns(scan: Scan, stream: PhotonStream) -> float | None:
    measured = scan.sync.mean_period
    if stream.mode == "T2" and measured is not None:
        return measured * stream.tick_ps * 1e-3
    return None if stream.sync_period_ps is None else stream.sync_period_ps * 1e-3


def _detectors(scan: Scan, duration_s: float) -> tuple[list[Detector], tuple[Crosstalk, ...]]:
    detectors = []
    for row, (channel, count) in enumerate(zip(scan.channels, scan.counts, strict=True)):
        dead = dead_time(scan, row)
        false = afterpulsing(scan, row, dead_ns=dead.value_ns if dead else 0.0)
        smallest = float(scan.smallest_ps[row]) * 1e-3
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
    return detectors, crosstalk(scan)


def _flags(scan: Scan, stream: PhotonStream, duration_s: float) -> list[Flag]:
    if scan.photons == 0:
        flags = [Flag("empty", "warning", "The recording holds no photons.", 0.0, "photons")]
        flags += [Flag("header_mismatch", "fatal", sentence) for sentence in stream.contradictions]
    else:
        flags = [*header_flags(scan, stream), *sync_flags(scan, stream), *order_flags(scan, stream)]
        if not any(flag.severity == "fatal" for flag in flags):
            flags += [*gap_flags(scan, duration_s), *drift_flags(scan, duration_s), *pile_up_flags(scan, stream)]
    if stream.truncated:
        message = f"The file ends early: its {scan.photons:,} intact photons are used."
        flags.append(Flag("truncated", "warning", message, float(scan.photons), "photons"))
    if 0 < scan.photons < _FEW:
        message = f"There are only {scan.photons:,} photons, too few to assess detectors, gaps and drift."
        flags.append(Flag("few_photons", "note", message, float(scan.photons), "photons"))
    return flags + [Flag("reading", "note", note) for note in stream.notes]


def _detector_flags(detectors: list[Detector], crosstalks: tuple[Crosstalk, ...], scan: Scan) -> Iterator[Flag]:
    dead_times = {row: one.dead_time_ns for row, one in enumerate(detectors) if one.dead_time_ns is not None}
    yield from saturation_flags(scan, dead_times)
    for one in sorted(detectors, key=lambda detector: detector.channel):
        yield from _dead_time_flag(one)
        yield from _afterpulsing_flag(one)
    for each in crosstalks:
        pair = [channel_label(k) for k in sorted((scan.channels[each.first], scan.channels[each.second]))]
        message = (
            f"Channels {pair[0]} and {pair[1]} have more photons {abs(each.lag_ns):.2g} ns apart than the light "
            f"produces: {100 * each.probability:.2g} % ({100 * each.low:.2g} to {100 * each.high:.2g} %) of the "
            "photons cause "
            "a false count in the other channel through crosstalk or afterglow, which raises g2 at zero delay "
            "unless these lags are masked."
        )
        yield Flag("crosstalk", "warning", message, 100 * each.probability, "%")


def _dead_time_flag(one: Detector) -> Iterator[Flag]:
    if one.dead_time_ns is None:
        return
    lost = min(one.rate_hz * one.dead_time_ns * 1e-9, 1.0)
    message = (
        f"Channel {channel_label(one.channel)} has a dead time of {one.dead_time_ns:.3g} ns (smallest interval"
        f" {one.smallest_interval_ns:.4g} ns): it loses {percent(lost)} of its photons, and its autocorrelation at"
        " shorter lags is not usable."
    )
    yield Flag("dead_time", "warning" if lost > _MUCH_LOST else "note", message, one.dead_time_ns, "ns")


def _shared_dead_time_flag(one: SharedDeadTime) -> Flag:
    first, second = (channel_label(channel) for channel in one.channels)
    message = (
        f"Channels {first} and {second} share one dead time, typical of detectors behind a router:"
        f" {_counted(one.pairs)} recorded of photons less than {one.value_ns:.3g} ns apart, compared with "
        f"{one.expected:.3g} expected for steady light, so g2 cannot be measured at these lags, nor at zero delay."
    )
    return Flag("shared_dead_time", "warning", message, one.value_ns, "ns")


def _counted(pairs: int) -> str:
    return {0: "no pair was", 1: "one pair was"}.get(pairs, f"{pairs} pairs were")


def _afterpulsing_flag(one: Detector) -> Iterator[Flag]:
    if not one.afterpulsing_sure or one.afterpulsing is None:
        return
    low, high = 100 * (one.afterpulsing_low or 0.0), 100 * (one.afterpulsing_high or 0.0)
    other = " or bunched light on this time scale (a single channel does not distinguish them)"
    doubt = "" if one.afterpulsing_controlled else other
    message = (
        f"Channel {channel_label(one.channel)} has {100 * one.afterpulsing:.2g} % ({low:.2g} to {high:.2g} %) more"
        f" photons within 2 µs of another in the same channel than expected by chance, by afterpulsing{doubt}: its "
        "autocorrelation is wrong there, and its rate too high by as much."
    )
    warn = low > _MUCH_AFTERPULSING and one.afterpulsing_controlled
    yield Flag("afterpulsing", "warning" if warn else "note", message, 100 * one.afterpulsing, "%")
