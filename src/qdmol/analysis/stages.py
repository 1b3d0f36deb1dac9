"""The parts of an analysis of photons: each goes through the stream on its own, and is absent with a reason.

In comes a :class:`Work`, a stream with its quality report and what is asked for; out come trace, background, decay with
fit, pairs, triples and correlation as values of their own modules.

How far an analysis is, seen from the photons that its passes have been handed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from qdmol.analysis.result import FAILED_FIT, G2_NOT_FITTED, PhotonAnalysis
from qdmol.errors import DataError, InputError, SolverError
from qdmol.photons import Flag, PhotonStream, Records, Severity, Source, channel_label

if TYPE_CHECKING:
    from qdmol.analysis.background import Background
    from qdmol.analysis.correlation import LogCorrelation
    from qdmol.analysis.g2.values import G2, G3
    from qdmol.analysis.lifetime.values import Decay, LifetimeFit, Response
    from qdmol.analysis.trace import Trace
    from qdmol.photons import QualityReport


Progress = Callable[[str, float], object]


@dataclass(frozen=True, slots=True)
class _Watched:
    """A source that tells how many photons it has handed out."""

    source: Source
    tell: Callable[[int], object]

    def chunks(self, size: int) -> Iterator[Records]:
        """Give the stretches of the source, and say of each that it is done when the next is asked for."""
        for records in self.source.chunks(size):
            yield records
            self.tell(len(records))


def watched(stream: PhotonStream, tell: Callable[[int], object]) -> PhotonStream:
    """Return the same stream; `tell` is called with the number of photons after each stretch of every pass."""
    return replace(stream, source=_Watched(stream.source, tell))


@dataclass(slots=True)
class Stages:
    """The stages of an analysis and how much of the work is done; it never goes back.

    Attributes
    ----------
    weights : Mapping of str to float
        Name of each stage and about how long it takes, in any unit.
    progress : callable or None
        Called with the stage and the fraction of all the work, 0 to 1.
    photons : int
        In one pass, as far as known.
    """

    weights: Mapping[str, float]
    progress: Progress | None = None
    photons: int = 0
    _done: float = field(default=0.0)
    _stage: str = field(default="")
    _seen: int = field(default=0)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Go through one stage; its weight counts as done at the end, however it ends."""
        self._stage, self._seen = name, 0
        self._say(0.0)
        try:
            yield
        finally:
            self._done += self.weights.get(name, 0.0)
            self._stage = ""

    def saw(self, photons: int) -> None:
        """Count photons handed out in the running stage; of several passes the first one moves the bar."""
        self._seen += photons
        if self._stage and self.photons:
            self._say(min(self._seen / self.photons, 1.0))

    def finish(self) -> None:
        """Say that all is done."""
        if self.progress is not None:
            self.progress("done", 1.0)

    def _say(self, fraction: float) -> None:
        if self.progress is None:
            return
        whole = sum(self.weights.values())
        self.progress(self._stage, min((self._done + fraction * self.weights.get(self._stage, 0.0)) / whole, 1.0))


T = TypeVar("T")
Afterglow = Literal["flag", "mask", "model"]
Model = Literal["auto", "1", "2", "3", "4", "stretched"]

MODELS: tuple[Model, ...] = ("auto", "1", "2", "3", "4", "stretched")
AFTERGLOW: tuple[Afterglow, ...] = ("flag", "mask", "model")
# About how long each stage takes, in passes over the photons.
CHECK = "checking the recording"
STAGES = {
    CHECK: 3.0,
    "intensity": 1.0,
    "background": 1.0,
    "decay": 1.0,
    "lifetime": 2.0,
    "pairs of photons": 3.0,
    "gates": 4.0,
    "triples": 1.0,
    "correlation": 4.0,
}
# The flag of a stage whose result is not to be had.
_ABSENT = {
    "intensity": "no_trace",
    "background": "no_background",
    "decay": "no_decay",
    "lifetime": "no_lifetime",
    "pairs of photons": "no_g2",
    "gates": "no_gates",
    "triples": "no_g3",
    "correlation": "no_correlation",
}
# The stages whose fit may fail, and the flag that then says so.
_FAILED = {"lifetime": FAILED_FIT, "pairs of photons": G2_NOT_FITTED}
_EXTRAS = {"background", "gates", "triples"}  # their absence takes nothing from the other results
_GATES = (0.25, 0.5, 1.0, 1.5)  # of the mean delay of a photon, after the arrival of the pulse
_LATEST_GATE = 0.5  # of the period: behind it too little of it is left
_GATED_PAIRS = 20.0  # pairs of a side peak below which a curve over gates says nothing


@dataclass(frozen=True, slots=True)
class HistogramOptions:
    """What a file of decay histograms may leave open: see :func:`qdmol.analysis.analyze_photons`."""

    column: int | str | None = None
    unit: str | None = None
    period_ns: float | None = None
    background: float | None = None

    def refuse_any(self) -> None:
        """InputError for an option that was given for a recording of single photons."""
        for name in ("column", "unit", "period_ns", "background"):
            value = getattr(self, name)
            if value is not None:
                option = name.removesuffix("_ns")
                message = f"`{option}` is {value!r}, but is for decay histograms; this file holds single photons."
                raise InputError(field=option, value=value, allowed="given for a decay histogram only", message=message)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the caller asked for, checked."""

    response: Any = None
    dark: Any = None
    channels: tuple[int, int] | None = None
    model: Model = "auto"
    gate_ns: tuple[float, float | None] | None = None
    afterglow: Afterglow = "flag"
    histogram: HistogramOptions = HistogramOptions()

    @property
    def gate(self) -> float | tuple[float, float] | None:
        """The gate as `measure_g2` takes it."""
        if self.gate_ns is None or self.gate_ns[1] is None:
            return None if self.gate_ns is None else self.gate_ns[0]
        return self.gate_ns[0], self.gate_ns[1]


@dataclass(slots=True)
class Work:
    """An analysis on its way: the photons, the photons after their pulses, what is found, how far it is."""

    stream: PhotonStream
    pulsed: PhotonStream | None
    quality: QualityReport
    asked: Asked
    stages: Stages
    flags: list[Flag] = field(default_factory=list)

    def attempt(self, stage: str, make: Callable[[], T]) -> T | None:
        """Do a part of the analysis; where the photons do not hold it, None and a flag with the reason."""
        with self.stages.stage(stage):
            try:
                return make()
            except (DataError, SolverError) as error:
                severity: Severity = "note" if stage in _EXTRAS else "warning"
                name = _FAILED.get(stage) if isinstance(error, SolverError) else None
                self.flags.append(Flag(name or _ABSENT[stage], severity, str(error)))
                return None

    @property
    def channels(self) -> tuple[int, int] | None:
        """The two channels that are correlated: as asked, else the two with most photons; None for one alone."""
        if self.asked.channels is not None:
            return self.asked.channels
        most = sorted(self.quality.per_channel, key=lambda channel: -self.quality.per_channel[channel])[:2]
        return (min(most), max(most)) if len(most) > 1 else None


def opened(
    source: str | Path | PhotonStream, format_: str | None, options: HistogramOptions | None = None
) -> PhotonStream | Decay:
    """Return the stream, a detector on the SYNC input among its channels, or the histogram of delays of the file."""
    from qdmol.photons import with_sync_detector

    options = options or HistogramOptions()
    if isinstance(source, PhotonStream):
        return with_sync_detector(source)
    from qdmol.photons import read_photons

    if format_ == "decay":
        return _histogram(source, options)
    try:
        return with_sync_detector(read_photons(source, format=format_))
    except InputError:
        from qdmol.analysis.lifetime.reading import is_histogram

        if format_ is not None or not is_histogram(source):
            raise
    return _histogram(source, options)


def _histogram(path: str | Path, options: HistogramOptions) -> Decay:
    from qdmol.analysis.lifetime.reading import read_decay

    return read_decay(path, column=options.column, unit=options.unit, period_ns=options.period_ns)


def check_channels(channels: tuple[int, int] | None, quality: QualityReport) -> None:
    """InputError for a channel without photons."""
    missing = [channel for channel in channels or () if channel not in quality.per_channel]
    if missing:
        there = ", ".join(str(channel_label(channel)) for channel in quality.per_channel)
        raise InputError(field="channels", value=channel_label(missing[0]), allowed=f"a channel with photons: {there}")


def after_pulses(stream: PhotonStream, quality: QualityReport) -> PhotonStream | None:
    """The photons with their delays after the pulse; None for light that is not pulsed."""
    if stream.mode == "T3":
        return stream
    if quality.sync_period_ns is None:
        return None
    from qdmol.photons import to_t3

    try:
        return to_t3(stream)
    except (DataError, InputError):  # a rate in the header, but no pulses in the records
        return None


def pulse_notes(stream: PhotonStream, pulsed: PhotonStream | None) -> list[Flag]:
    """What was assumed to tell photons by their pulses."""
    notes = () if pulsed is None else pulsed.notes[len(stream.notes) :]
    return [Flag("reading", "note", note) for note in notes]


def pulse_period_ns(pulsed: PhotonStream | None) -> float | None:
    """Time between the pulses of light, where the photons are told by them."""
    return None if pulsed is None or pulsed.sync_period_ps is None else pulsed.sync_period_ps / 1e3


def measure(work: Work, file: str | None, stream: PhotonStream) -> PhotonAnalysis:
    """Do every part; `stream` is what the result remembers."""
    pulsed = work.pulsed
    work.flags += pulse_notes(stream, pulsed)
    trace = work.attempt("intensity", partial(_trace, work))
    background = work.attempt("background", partial(_background, work))
    decay, response, fit = _lifetime(work, background)
    g2 = _g2(work, background)
    return PhotonAnalysis(
        file=file,
        stream=stream,
        quality=work.quality,
        pulse_period_ns=pulse_period_ns(pulsed) or (None if g2 is None else g2.period_ns),
        trace=trace,
        background=background,
        decay=decay,
        response=response,
        lifetime=fit,
        g2=g2,
        gated=_gated(work, g2, fit, background),
        g3=_g3(work, g2),
        correlation=work.attempt("correlation", partial(_correlation, work)),
        flags=tuple(work.flags),
    )


def _trace(work: Work) -> Trace:
    from qdmol.analysis.trace import intensity_trace

    # bins of 10 ms, narrower where a short recording would have less than a hundred of them
    return intensity_trace(work.stream, bin_s=min(0.01, work.quality.duration_s / 100))


def _background(work: Work) -> Background | None:
    from qdmol.analysis.background import estimate_background

    dark = work.asked.dark
    if dark is not None and not isinstance(dark, PhotonStream):
        from qdmol.photons import read_photons, with_sync_detector

        dark = with_sync_detector(read_photons(dark))
    return estimate_background(work.pulsed or work.stream, dark=dark)


def _lifetime(work: Work, background: Background | None) -> tuple[Decay | None, Response | None, LifetimeFit | None]:
    pulsed = work.pulsed
    if pulsed is None:
        return None, None, None
    from qdmol.analysis.lifetime.histogram import decay_of

    response = response_of(work.asked)[0]
    decay = work.attempt("decay", lambda: decay_of(pulsed, channels=work.asked.channels))
    if decay is None:
        return None, response, None
    # a dark recording knows the background better than the decay; it must be of the same channels
    known = background if work.asked.dark is not None and work.asked.channels is None else None
    fit = work.attempt("lifetime", lambda: fit_decay(decay, response, work.asked, background=known))
    return decay, response, fit


def fit_decay(
    decay: Decay, response: Response | None, asked: Asked, *, background: Background | None = None
) -> LifetimeFit:
    """Fit a decay with the model asked for."""
    from qdmol.analysis.lifetime.fitting import fit_lifetime

    known = asked.histogram.background if background is None else background
    return fit_lifetime(decay, response=response, model=asked.model, background=known)


def response_of(asked: Asked, *, beside: str | None = None) -> tuple[Response | None, tuple[str, ...]]:
    """The instrument response as a value, and notes: from a recording or histogram of it, or as given.

    A histogram that does not state the unit of its times has that of the decay in the file `beside`.
    """
    from qdmol.analysis.lifetime.histogram import decay_of
    from qdmol.analysis.lifetime.values import Response

    given = asked.response
    if given is None or isinstance(given, Response):
        return given, ()
    if isinstance(given, (str, Path)):
        given, notes = _response_file(given, asked.histogram, beside)
        if isinstance(given, Response):
            return given, notes
    decay = decay_of(given) if isinstance(given, PhotonStream) else given
    return Response.measured(decay.counts, bin_width_ns=decay.bin_width_ns, first_bin_ns=decay.first_bin_ns), ()


def _response_file(
    path: str | Path, options: HistogramOptions, beside: str | None
) -> tuple[PhotonStream | Response, tuple[str, ...]]:
    from qdmol.analysis.lifetime.reading import is_histogram, read_response, stated_unit
    from qdmol.photons import read_photons

    try:
        return read_photons(path), ()
    except InputError:
        if not is_histogram(path, field="response"):
            raise
    try:
        return read_response(path, unit=options.unit), ()
    except InputError as error:
        unit = None if error.field != "unit" or beside is None else stated_unit(beside, column=options.column)
        if unit is None:
            raise
    note = f"The response does not state the unit of its times; it is taken as {unit}, as that of the decay."
    return read_response(path, unit=unit), (note,)


def _g2(work: Work, background: Background | None) -> G2 | None:
    channels = work.channels
    if channels is None:
        only = next(iter(work.quality.per_channel))
        message = f"All photons are in channel {channel_label(only)}, so there is no g2: it takes two detectors."
        work.flags.append(Flag("one_channel", "note", message, float(only), None))
        return None
    from qdmol.analysis.g2.measuring import G2Details, measure_g2

    shared = work.quality.shared_dead_time(channels)
    if shared is not None:
        first, second = (channel_label(channel) for channel in channels)
        message = (
            f"g2 at zero delay cannot be measured: channels {first} and {second} share a dead time of"
            f" {shared.value_ns:.3g} ns, within which no pair of photons is recorded whatever the light is."
        )
        work.flags.append(Flag("no_g2", "warning", message, shared.value_ns, "ns"))
        return None
    asked, stream = work.asked, work.pulsed or work.stream
    details = G2Details(afterglow=asked.afterglow)
    return work.attempt(
        "pairs of photons",
        lambda: measure_g2(stream, channels=channels, gate_ns=asked.gate, background=background, details=details),
    )


def _gated(work: Work, g2: G2 | None, fit: LifetimeFit | None, background: Background | None) -> tuple[G2, ...]:
    """g2 of all photons and of those later than some gates; empty with too few pairs, or where a gate was asked for."""
    pulsed, channels = work.pulsed, work.channels
    if g2 is None or fit is None or pulsed is None or channels is None or work.asked.gate_ns is not None:
        return ()
    if not g2.method.startswith("pulsed") or not g2.side_counts > _GATED_PAIRS:
        return ()
    from qdmol.analysis.g2.measuring import G2Details, gate_curve

    gates = [share * fit.intensity_average_ns for share in _GATES]
    inside = [gate for gate in gates if gate < _LATEST_GATE * (g2.period_ns or math.inf)]
    details = G2Details(zero_delay_ns=g2.zero_delay_ns)
    found = work.attempt(
        "gates", lambda: gate_curve(pulsed, inside, channels=channels, background=background, details=details)
    )
    return (g2, *found) if found else ()


def _g3(work: Work, g2: G2 | None) -> G3 | None:
    pulsed = work.pulsed
    if g2 is None or pulsed is None or not g2.method.startswith("pulsed"):
        return None
    from qdmol.analysis.g2.triples import measure_g3

    return work.attempt("triples", lambda: measure_g3(pulsed))


def _correlation(work: Work) -> LogCorrelation:
    from qdmol.analysis.correlation import correlate_log

    only = next(iter(work.quality.per_channel))
    return correlate_log(work.stream, channels=work.channels or (only, only))
