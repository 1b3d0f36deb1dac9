"""The value of the room: a stream of photons, whatever instrument or simulator wrote it.

Times are integers of the instrument's clock; seconds appear only where a number is reported. A stream does not hold its
photons: its source hands them out in stretches, each time from the start, so that a file larger than the memory can be
gone through more than once.

A `Flag` is what can be wrong with a recording: a name, how bad, one sentence, a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Integers
from qdmol.errors import DataError

Severity = Literal["note", "warning", "fatal"]


@dataclass(frozen=True, slots=True)
class Flag:
    """One finding about a recording or a result.

    Attributes
    ----------
    name : str
        As ``"dead_time"``.
    severity : "note", "warning" or "fatal"
        note: good to know. warning: a result may be off. fatal: the recording contradicts itself and is not analysed.
    message : str
        One sentence: the number, and what it means for lifetimes and g2.
    value : float or None
        The number behind the sentence.
    unit : str or None
        Its unit.
    """

    name: str
    severity: Severity
    message: str
    value: float | None = None
    unit: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the flag as a JSON object."""
        return {
            "flag": self.name,
            "severity": self.severity,
            "message": self.message,
            "value": self.value,
            "unit": self.unit,
        }


Mode = Literal["T2", "T3"]

# Photons handed out at a time: some 10 bytes each in memory, enough to hide the cost of a call.
CHUNK = 1 << 20
# Ticks of 1 fs to 1 s, and pulses from 10 GHz down to one in 10 s: beyond, loops over lags would not end and sums of
# ticks would leave 64 bits.
TICKS_PS = (1e-3, 1e12)
PERIODS_PS = (100.0, 1e13)
# Channel of the photons of a detector on the SYNC input; no instrument has so many inputs.
SYNC_CHANNEL = 255


def channel_label(channel: int) -> int | str:
    """Return a channel as summaries name it: its number, or "sync" for the SYNC input.

    >>> channel_label(0), channel_label(SYNC_CHANNEL)
    (0, 'sync')
    """
    return "sync" if channel == SYNC_CHANNEL else int(channel)


def _no_times() -> Integers:
    return np.zeros(0, dtype=np.int64)


def _no_channels() -> NDArray[np.uint8]:
    return np.zeros(0, dtype=np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """One stretch of a stream, in order of time.

    Attributes
    ----------
    times : int64 (N,)
        T2: arrival times in ticks. T3: the number of the sync period the photon fell in, from the start of the stream.
    channels : uint8 (N,)
        Input channel of each photon, counted from 0.
    delays : uint32 (N,) or None
        T3: time after the sync pulse in ticks. None for T2.
    sync_times : int64 (S,)
        T2: sync pulses that were recorded, in ticks. Empty for T3.
    marker_times : int64 (M,)
        External markers on the clock of `times`.
    markers : uint8 (M,)
        Which marker inputs were up, one bit each.

    Raises
    ------
    qdmol.errors.DataError
        The arrays of photons, or those of markers, differ in length. Compiled loops rely on this check.
    """

    times: Integers
    channels: NDArray[np.uint8]
    delays: NDArray[np.uint32] | None = None
    sync_times: Integers = field(default_factory=_no_times)
    marker_times: Integers = field(default_factory=_no_times)
    markers: NDArray[np.uint8] = field(default_factory=_no_channels)

    def __post_init__(self) -> None:
        photons = len(self.times)
        if len(self.channels) != photons or (self.delays is not None and len(self.delays) != photons):
            delays = "" if self.delays is None else f" and {len(self.delays)} delays"
            raise DataError(f"There are {len(self.channels)} channels{delays} for {photons} photons.")
        if len(self.markers) != len(self.marker_times):
            raise DataError(f"There are {len(self.markers)} markers for {len(self.marker_times)} marker times.")

    def __len__(self) -> int:
        return len(self.times)

    def between(self, start: int, stop: int) -> Records:
        """Return the photons `start` to `stop` - 1, without sync pulses and markers."""
        delays = None if self.delays is None else self.delays[start:stop]
        return Records(self.times[start:stop], self.channels[start:stop], delays)

    def select(self, keep: NDArray[np.bool_]) -> Records:
        """Return the photons where `keep` (N,) holds; sync pulses and markers stay."""
        delays = None if self.delays is None else self.delays[keep]
        return replace(self, times=self.times[keep], channels=self.channels[keep], delays=delays)


class Source(Protocol):
    """Source that delivers its records from the start as often as required, in stretches of about `size`."""

    def chunks(self, size: int) -> Iterator[Records]:
        """Give the stretches one after the other; their times do not fall from one to the next."""
        ...


@dataclass(frozen=True, slots=True)
class ArraySource:
    """Records that are in memory."""

    records: Records

    def chunks(self, size: int) -> Iterator[Records]:
        """Give the records in stretches of `size` photons."""
        whole = self.records
        edges = [*range(0, len(whole), size), len(whole)] if len(whole) else [0, 0]
        for k, (start, stop) in enumerate(pairwise(edges)):
            first, last = k == 0, k == len(edges) - 2
            # sync pulses and markers go with the photons of their time
            low = None if first else whole.times[start]
            high = None if last else whole.times[stop]
            yield Records(
                times=whole.times[start:stop],
                channels=whole.channels[start:stop],
                delays=None if whole.delays is None else whole.delays[start:stop],
                sync_times=_between(whole.sync_times, whole.sync_times, low, high),
                marker_times=_between(whole.marker_times, whole.marker_times, low, high),
                markers=_between(whole.markers, whole.marker_times, low, high),
            )


def _between(values: Any, times: Integers, low: np.int64 | None, high: np.int64 | None) -> Any:
    start = 0 if low is None else int(np.searchsorted(times, low))
    stop = len(times) if high is None else int(np.searchsorted(times, high))
    return values[start:stop]


# Value of an entry of a file's header.
HeaderValue: TypeAlias = "bool | int | float | str | list[HeaderValue] | tuple[HeaderValue, ...] | None"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a stream comes from.

    Attributes
    ----------
    format : str
        As ``"PicoQuant PTU"``.
    record_type : str
        As ``"HydraHarp T3 v2"``.
    path : str or None
        The file; None for what was made in memory.
    instrument, created, comment : str or None
        As the header says.
    header : Mapping
        Every entry of the header, as plain values.
    """

    format: str
    record_type: str
    path: str | None = None
    instrument: str | None = None
    created: str | None = None
    comment: str | None = None
    header: Mapping[str, HeaderValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PhotonStream:
    """Photons with their clock, handed out in stretches.

    Attributes
    ----------
    mode : "T2" or "T3"
        T2: one absolute time a photon. T3: number of the sync period, and time after its pulse.
    tick_ps : float
        Length of a tick in ps: of `times` in T2, of `delays` in T3.
    sync_period_ps : float or None
        Time between sync pulses in ps as the header states it: T3 always; T2 where a rate is stated, else None.
    source : Source
        Hands out the records.
    provenance : Provenance
        File, format, header.
    stated_photons : int or None
        Number of records stated by the header (photons or records, depending on the format); None if not stated.
    stated_duration_s : float or None
        Length of the measurement by the header.
    notes : tuple of str
        What the reader had to do: sorted, cut short, a count mended. Sentences.
    truncated : bool
        Whether the file ends early, so that only what is whole is here.
    unordered : bool
        Whether the records of the file were not in order of time; they are, as handed out.
    contradictions : tuple of str
        Sentences: where header and records cannot both be true, as the reader saw. Such a stream is not analysed.

    Raises
    ------
    qdmol.errors.DataError
        The tick, or in T3 the sync period, is outside what instruments have, or the tick is the longer of the two. In
        T2 a period that no laser has becomes None.
    """

    mode: Mode
    tick_ps: float
    source: Source
    provenance: Provenance
    sync_period_ps: float | None = None
    stated_photons: int | None = None
    stated_duration_s: float | None = None
    notes: tuple[str, ...] = ()
    truncated: bool = False
    unordered: bool = False
    contradictions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        period = self.sync_period_ps
        if not TICKS_PS[0] <= self.tick_ps <= TICKS_PS[1]:
            raise DataError(f"The recording states a tick of {self.tick_ps:g} ps; ticks are between 1 fs and 1 s long.")
        if period is None:
            return
        if not PERIODS_PS[0] <= period <= PERIODS_PS[1]:
            said = f"The recording states a sync period of {period:g} ps; periods are between 0.1 ns and 10 s long."
            if self.mode == "T3":
                raise DataError(said)
            # the times of T2 do not depend on it
            object.__setattr__(self, "sync_period_ps", None)
            object.__setattr__(self, "notes", (*self.notes, f"{said} It is not used."))
        elif self.mode == "T3" and self.tick_ps > period:
            raise DataError(
                f"The recording states a tick of {self.tick_ps:g} ps, longer than its sync period of {period:g} ps, "
                "so its delays cannot be converted to time."
            )

    def __repr__(self) -> str:
        path, period = self.provenance.path, self.sync_period_ps
        origin = self.provenance.format if path is None else f"{self.provenance.format} file {Path(path).name}"
        clock = f"{self.tick_ps:g} ps ticks" + ("" if period is None else f", sync period {period / 1000:g} ns")
        return f"<PhotonStream {self.mode} of {origin}: {clock}{', truncated' * self.truncated}>"

    @property
    def time_unit_ps(self) -> float:
        """Length in ps of a unit of `Records.times`: a tick in T2, a sync period in T3."""
        if self.mode == "T2":
            return self.tick_ps
        if self.sync_period_ps is None:
            raise ValueError("a T3 stream without a sync period")
        return self.sync_period_ps

    def chunks(self, size: int = CHUNK) -> Iterator[Records]:
        """Give the records from the start, in stretches of about `size` photons, in order of time."""
        return self.source.chunks(size)

    def load(self) -> Records:
        """Return all records as one, in memory: some 13 bytes a photon."""
        return join_records(list(self.chunks()), mode=self.mode)


def join_records(parts: list[Records], *, mode: Mode) -> Records:
    """Return stretches one behind the other."""
    if not parts:
        return Records(_no_times(), _no_channels(), None if mode == "T2" else np.zeros(0, dtype=np.uint32))
    delays = [part.delays for part in parts if part.delays is not None]
    return Records(
        times=np.concatenate([part.times for part in parts]),
        channels=np.concatenate([part.channels for part in parts]),
        delays=np.concatenate(delays) if delays else None,
        sync_times=np.concatenate([part.sync_times for part in parts]),
        marker_times=np.concatenate([part.marker_times for part in parts]),
        markers=np.concatenate([part.markers for part in parts]),
    )
