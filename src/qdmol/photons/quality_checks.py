"""Each check of the quality report: from what a pass gathered to findings in sentences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from qdmol.photons.flags import Flag, Severity
from qdmol.photons.scanning import Scan
from qdmol.photons.stream import PhotonStream, channel_label

__all__ = [
    "drift_flags",
    "gap_flags",
    "header_flags",
    "order_flags",
    "pile_up_flags",
    "saturation_flags",
    "sensible_duration_s",
    "percent",
    "sync_flags",
    "time_text",
]

Floats = NDArray[np.float64]

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
            f"{falls:,} photons stood behind a later one, up to {time_text(back_ns * 1e-9)} late"
            if falls
            else "Photons"
        )
        yield Flag(
            "unordered",
            "warning",
            f"The file is not in order of time: {number}; they were sorted, so that g2 and lifetimes hold, but programs"
            " that trust the file's order go wrong."
            if falls
            else "The photons of the file are not in order of time; they were sorted, so that g2 and lifetimes hold.",
            float(falls) if falls else None,
            "photons" if falls else None,
        )


def header_flags(scan: Scan, stream: PhotonStream) -> Iterator[Flag]:
    """Header against records: contradictions the reader saw, counts, lengths."""
    for sentence in stream.contradictions:
        yield Flag("header_mismatch", "fatal", sentence)
    stated_count = stream.stated_photons
    if stated_count is not None and 0 < stated_count < scan.photons:
        message = f"The header promises {stated_count:,} records, but the file holds {scan.photons:,} photons; all are"
        yield Flag("header_mismatch", "warning", f"{message} used.", float(scan.photons), "photons")
    yield from _length_flags(scan, stream)


def _length_flags(scan: Scan, stream: PhotonStream) -> Iterator[Flag]:
    measured, stated = scan.last_ps * 1e-12, stream.stated_duration_s
    if not 0.0 <= measured <= LONGEST_S:
        years = abs(measured) / 3.156e7
        message = f"The arrival times reach {measured:.3g} s, which is {years:.2g} years: they do not belong to the"
        yield Flag("header_mismatch", "fatal", f"{message} clock that the header states.", measured, "s")
        return
    if scan.photons >= _ENOUGH and (measured == 0.0 or scan.photons / measured > _FASTEST_HZ):
        message = f"{scan.photons:,} photons lie within {measured:.3g} s, which no detector counts: the clock is wrong."
        yield Flag("header_mismatch", "fatal", message, measured, "s")
        return
    if stated is None or stated <= 0.0 or stream.truncated:
        return
    text = f"By the header the recording lasts {time_text(stated)}, by the arrival times {time_text(measured)}"
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
            message = f"{text}: it was stopped early or the light went out, and rates are over the time with photons."
            yield Flag("header_mismatch", "warning", message, measured, "s")


def sync_flags(scan: Scan, stream: PhotonStream) -> Iterator[Flag]:
    """Pulse rate as stated beside what delays or recorded pulses say."""
    if stream.mode == "T3":
        yield from _delay_range_flags(scan, stream)
    elif scan.sync.steady:
        yield from _recorded_sync_flags(scan, stream)
    elif scan.sync.steady is False:
        message = f"The {scan.sync.pulses:,} recorded sync pulses have no steady period: delays after them mean little."
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
            message = f"The pulse rates differ, {rates}; the recorded one is used."
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
            " rate allows: off times without any background, or interruptions; the recording cannot tell."
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
        f" {percent(min(total / duration_s, 1.0))} if it is not cut out.".replace("10^-", "10^−"),
        total,
        "s",
    )


def _interruptions(lengths: Floats) -> int:
    """How many of the longest pauses (sorted, longest first) cannot belong to the tail of the others.

    The tail is taken as exponential and as a power law (Hill, Ann. Stat. 3, 1163 (1975), doi:10.1214/aos/1176343247),
    and the likelier is believed: off times of blinking emitters are power laws.
    """
    found = 0
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
            found = rank + 1
    return found


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
    error = np.sqrt(spread / (place**2).sum() * (1.0 + alike) / (1.0 - alike))
    chance = 2.0 * stats.t.sf(abs(slope) / error, _BLOCKS - 2)
    change = slope / max(blocks.mean(), 1e-9)
    if chance < 1e-4 and abs(change) > _DRIFT:
        way = "falls" if change < 0 else "rises"
        message = (
            f"The count rate {way} by {percent(abs(change))} of its mean over the run, beyond counting noise and"
            " blinking: slow drift lifts g2 at all delays and mixes early and late lifetimes."
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
        f"Channel {channel_label(scan.channels[row])} sees {per_pulse:.3g} photons a pulse while it is bright: if it"
        f" takes one a pulse at most, it misses {percent(lost)}, the late ones, and lifetimes come out too short unless"
        " pile-up is fitted."
    )
    yield Flag("pile_up", "warning" if lost > 0.05 else "note", message, 100.0 * lost, "%")


def saturation_flags(scan: Scan, dead_times_ns: dict[int, float]) -> Iterator[Flag]:
    """Photons heaped at the end of the delay counter, and detectors busy most of the time."""
    at_end, largest = int(scan.delay_facts[1]), int(scan.delay_facts[0])
    full = largest > 0 and (largest & (largest + 1)) == 0
    if scan.photons >= _ENOUGH and full and at_end > 0.01 * scan.photons:
        share = at_end / scan.photons
        message = f"{percent(share)} of the delays stand at {largest}, the end of the delay counter: later photons were"
        yield Flag("saturated", "warning", f"{message} heaped there, and the tail of the decay is not real.", share)
    counts = scan.rate_counts.astype(np.float64)
    for row, dead_ns in dead_times_ns.items():
        rate = (counts[:, row] * (counts[:, row] - 1.0)).sum() / max(counts[:, row].sum(), 1.0) / scan.bin_ps * 1e3
        busy = float(min(rate * dead_ns, 1.0))
        if busy > 0.3:
            channel = channel_label(scan.channels[row])
            message = f"The detector of channel {channel} is dead {percent(busy)} of the time it is lit: its"
            yield Flag("saturated", "warning", f"{message} rate no longer follows the light.", 100.0 * busy, "%")


def percent(share: float) -> str:
    """Return a share as a person writes it."""
    return f"{100.0 * share:.2g} %"


def time_text(seconds: float) -> str:
    """Return a time in s as a person writes it."""
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")):
        if abs(seconds) >= size:
            return f"{seconds / size:.4g} {unit}"
    return f"{seconds * 1e12:.3g} ps"
