"""Stages of an analysis of photons: what a stage is, and how stages share passes over the recording.

A stage computes one result of a recording, such as its lifetime or its g2. It is a class with a generator, `steps`,
that asks for counts (`yield from counted(tally)`) and for results of other stages (`yield from result_of(Other)`). All
stages that wait for counts at the same time share one pass. The stages are listed in `qdmol.analysis.registry`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar, cast

from qdmol.analysis.passes import Steps, Tally, share_pass
from qdmol.errors import DataError, InputError, QdmolError, SolverError
from qdmol.estimates import Estimate
from qdmol.photons import Flag, PhotonStream, Severity, channel_label

if TYPE_CHECKING:
    import xarray as xr

    from qdmol.analysis.emitters.values import Monomer
    from qdmol.photons import QualityReport, Records, Scan, Source

R = TypeVar("R")
Progress = Callable[[str, float], object]
Afterglow = Literal["flag", "mask", "model"]
Model = Literal["auto", "1", "2", "3", "4", "stretched"]

MODELS: tuple[Model, ...] = ("auto", "1", "2", "3", "4", "stretched")
AFTERGLOW: tuple[Afterglow, ...] = ("flag", "mask", "model")
FAILED_FIT = "failed_fit"  # flag that says why there is no lifetime although there is a decay
NO_G2 = "no_g2"  # flag that says why there is no g2
G2_NOT_FITTED = "g2_not_fitted"  # flag of an analysis whose g2 is withheld because its fit failed


@dataclass(frozen=True, slots=True)
class HistogramOptions:
    """What a file of histograms may leave open: see :func:`qdmol.analysis.analyze_photons`."""

    column: int | str | None = None
    unit: str | None = None
    period_ns: float | None = None
    background: float | None = None
    photons: tuple[int, int] | None = None
    duration_s: float | None = None

    def refuse_any(self) -> None:
        """InputError for an option that was given for a recording of single photons."""
        for name in ("column", "unit", "period_ns", "background", "photons", "duration_s"):
            value = getattr(self, name)
            if value is not None:
                option = name.removesuffix("_ns").removesuffix("_s")
                message = f"`{option}` is {value!r}, but applies to histograms; this file contains single photons."
                raise InputError(field=option, value=value, allowed="given for a histogram only", message=message)


@dataclass(frozen=True, slots=True)
class Options:
    """Checked options of an analysis: see :func:`qdmol.analysis.analyze_photons`."""

    response: Any = None
    dark: Any = None
    channels: tuple[int, int] | None = None
    model: Model = "auto"
    gate_ns: tuple[float, float | None] | None = None
    afterglow: Afterglow = "flag"
    histogram: HistogramOptions = HistogramOptions()
    bin_s: float | None = None
    monomer: Monomer | None = None

    @property
    def gate(self) -> float | tuple[float, float] | None:
        """The gate as `measure_g2` takes it."""
        if self.gate_ns is None or self.gate_ns[1] is None:
            return None if self.gate_ns is None else self.gate_ns[0]
        return self.gate_ns[0], self.gate_ns[1]


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """What the stages of an analysis start from.

    Attributes
    ----------
    stream : PhotonStream
        The photons as the file has them.
    pulsed : PhotonStream or None
        The photons with their delays after the pulse; `stream` itself for T3, None where the light is not pulsed.
    scan : Scan
        What the first pass gathered of `stream`.
    quality : QualityReport
        Its evaluation.
    options : Options
    """

    stream: PhotonStream
    pulsed: PhotonStream | None
    scan: Scan
    quality: QualityReport
    options: Options

    @property
    def brightest(self) -> tuple[int, ...]:
        """Channels with photons, the brightest first."""
        photons = self.quality.per_channel
        return tuple(sorted(photons, key=lambda channel: -photons[channel]))

    @property
    def channels(self) -> tuple[int, int] | None:
        """The two channels to correlate: those of the options, else the two brightest; None if there is only one."""
        if self.options.channels is not None:
            return self.options.channels
        brightest = self.brightest[:2]
        return (min(brightest), max(brightest)) if len(brightest) > 1 else None


@dataclass(frozen=True, slots=True)
class Number:
    """A named number of an analysis; None where it is not known, infinite ends where it has no interval."""

    name: str
    estimate: Estimate | None


class NoResult(Exception):  # noqa: N818  # not an error: the photons simply do not hold this result
    """Raised by a stage that has no result; `flag` says why, None where nothing needs to be said."""

    def __init__(self, flag: Flag | None = None) -> None:
        super().__init__("" if flag is None else flag.message)
        self.flag = flag


class Stage(ABC, Generic[R]):
    """One result of an analysis.

    Attributes
    ----------
    key : str
        Attribute of the analysis, and key of the JSON object if the stage has a summary.
    name : str
        What is being done, as the progress bar shows it.
    absent : str
        Name of the flag that says why there is no result.
    failed : str or None
        Name of that flag where a fit failed, if it differs.
    optional : bool
        Whether the other results are complete without this one, so that its absence is a note and no warning.
    effort : float
        About how long it takes, in passes over the photons.
    classes : tuple of type
        Dataclasses that the result is made of, itself included: those a saved analysis is read back as.
    """

    key: ClassVar[str]
    name: ClassVar[str]
    absent: ClassVar[str]
    failed: ClassVar[str | None] = None
    optional: ClassVar[bool] = False
    effort: ClassVar[float] = 1.0
    classes: ClassVar[tuple[type, ...]] = ()

    @abstractmethod
    def steps(self, recording: Recording) -> Steps[R]:
        """Compute the result.

        Raises
        ------
        NoResult, DataError, SolverError
            There is none; the analysis goes on without it, with a flag that says why.
        """

    def add_to_summary(self, summary: dict[str, Any], results: Results) -> None:
        """Add the result to the JSON object of the analysis; None where there is none."""

    def sentences(self, results: Results) -> tuple[str, ...]:  # noqa: ARG002  # most stages say something
        """What the result says, for the page, the notebook and the terminal."""
        return ()

    def numbers(self, results: Results) -> tuple[Number, ...]:  # noqa: ARG002
        """Numbers of the result for the table of the page."""
        return ()

    def add_to_data(self, data: xr.Dataset, results: Results) -> None:
        """Add the result to the dataset of the analysis, each variable with `units` and `long_name`."""


class Results:
    """Results of an analysis, by the class of their stage.

    Parameters
    ----------
    values
        Result of each stage by its key; stages without a result may be omitted.
    """

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def __getitem__(self, stage: type[Stage[R]]) -> R | None:
        value: R | None = cast("R | None", self._values.get(stage.key))
        return value


def result_of(stage: type[Stage[R]]) -> Steps[R | None]:
    """Wait for the result of another stage, None if it has none: ``trace = yield from result_of(IntensityStage)``."""
    result: R | None = yield stage
    return result


def labels(units: str, name: str, **more: Any) -> dict[str, Any]:
    """Attributes of a variable in the dataset of an analysis."""
    return {"units": units, "long_name": name, **more}


@dataclass(slots=True)
class Meter:
    """How much of an analysis is done; it never goes back.

    Attributes
    ----------
    progress : callable or None
        Called with what is being done and the fraction of all the work, 0 to 1.
    total : float
        All the work, in passes over the photons.
    photons : int
        In one pass, as far as known.
    """

    progress: Progress | None
    total: float
    photons: int = 0
    _done: float = field(default=0.0)
    _told: float = field(default=0.0)
    _name: str = field(default="")
    _pass: float = field(default=0.0)
    _seen: int = field(default=0)

    def start(self, name: str, effort: float = 0.0) -> None:
        """Begin something; `effort` is that of the pass over the photons in it, 0 without a pass."""
        self._name, self._pass, self._seen = name, effort, 0
        self._say(0.0)

    def finish(self, effort: float) -> None:
        """Count an effort as done."""
        self._done += effort
        self._pass = 0.0

    def saw(self, photons: int) -> None:
        """Count photons that were handed out."""
        self._seen += photons
        if self._pass and self.photons:
            self._say(self._pass * min(self._seen / self.photons, 1.0))

    def _say(self, more: float) -> None:
        if self.progress is not None:
            self._told = max(self._told, min((self._done + more) / self.total, 1.0))
            self.progress(self._name, self._told)


@dataclass(frozen=True, slots=True)
class _Watched:
    """Photon source that counts the photons it has delivered."""

    source: Source
    tell: Callable[[int], object]

    def chunks(self, size: int) -> Iterator[Records]:
        """Give the chunks of the source, and say of each that it is done when the next is asked for."""
        for records in self.source.chunks(size):
            yield records
            self.tell(len(records))


def watched(stream: PhotonStream, tell: Callable[[int], object]) -> PhotonStream:
    """Return the same stream; `tell` is called with the number of photons after each chunk of every pass."""
    return replace(stream, source=_Watched(stream.source, tell))


@dataclass(slots=True)
class _Run:
    """A stage on its way."""

    stage: Stage[Any]
    steps: Steps[Any]
    awaited: Any = None  # tallies, or the class of a stage
    done: bool = False
    result: Any = None
    flag: Flag | None = None

    def resume(self, answer: object = None) -> None:
        """Go on with the answer to what was asked for, an error of which is raised where it was asked."""
        self.awaited = None
        try:
            self.awaited = self.steps.throw(answer) if isinstance(answer, QdmolError) else self.steps.send(answer)
        except StopIteration as stop:
            self.done, self.result = True, stop.value
        except NoResult as absence:
            self.done, self.flag = True, absence.flag
        except (DataError, SolverError) as error:
            failed = self.stage.failed if isinstance(error, SolverError) else None
            severity: Severity = "note" if self.stage.optional else "warning"
            self.done, self.flag = True, Flag(failed or self.stage.absent, severity, str(error))


def run_stages(
    stages: Sequence[type[Stage[Any]]], recording: Recording, meter: Meter
) -> tuple[dict[str, Any], tuple[Flag, ...]]:
    """Run all stages with as few passes as their dependences allow.

    Returns
    -------
    (results by key of the stage, flags in the order of the stages)

    Raises
    ------
    QdmolError
        An option is invalid for this recording, or an extra is missing. A stage waits for one that waits for it:
        RuntimeError.
    """
    runs = [_Run(stage, stage.steps(recording)) for stage in (kind() for kind in stages)]
    for run in runs:
        _go(run, None, meter)
    while not all(run.done for run in runs):
        if _answer_waiting(runs, meter):
            continue
        waiting = [run for run in runs if isinstance(run.awaited, tuple)]
        if not waiting:
            raise RuntimeError("stages of the analysis depend on each other in a circle")
        _share(waiting, meter)
    results = {run.stage.key: run.result for run in runs}
    return results, tuple(run.flag for run in runs if run.flag is not None)


def _go(run: _Run, answer: object, meter: Meter) -> None:
    meter.start(run.stage.name)
    run.resume(answer)
    if run.done:
        meter.finish(run.stage.effort)
    elif not isinstance(run.awaited, tuple | type):
        run.awaited = (run.awaited, None)  # one tally: answered by its result alone


def _answer_waiting(runs: Sequence[_Run], meter: Meter) -> bool:
    """Resume the stages that wait for results which are there; whether there were any."""
    by_kind = {type(run.stage): run for run in runs}
    # a stage that was left out has no result
    ready = [
        run
        for run in runs
        if isinstance(run.awaited, type) and (run.awaited not in by_kind or by_kind[run.awaited].done)
    ]
    for run in ready:
        stage = by_kind.get(run.awaited)
        _go(run, None if stage is None else stage.result, meter)
    return bool(ready)


def _share(waiting: Sequence[_Run], meter: Meter) -> None:
    """Make one pass for all stages that wait for counts, and resume them."""
    tallies: list[Tally[Any]] = []
    for run in waiting:
        tallies += [tally for tally in run.awaited if tally is not None]
    meter.start(waiting[0].stage.name, 0.5 * sum(run.stage.effort for run in waiting))
    answers = iter(share_pass(tallies))
    for run in waiting:
        single = run.awaited[-1] is None
        own = [next(answers) for tally in run.awaited if tally is not None]
        error = next((each for each in own if isinstance(each, QdmolError)), None)
        _go(run, error or (own[0] if single else own), meter)


def check_channels(channels: tuple[int, int] | None, quality: QualityReport) -> None:
    """InputError for a channel without photons."""
    missing = [channel for channel in channels or () if channel not in quality.per_channel]
    if missing:
        there = ", ".join(str(channel_label(channel)) for channel in quality.per_channel)
        raise InputError(field="channels", value=channel_label(missing[0]), allowed=f"a channel with photons: {there}")


def check_words(model: str, afterglow: str) -> None:
    """InputError for an unknown decay model or treatment of afterglow."""
    for name, value, allowed in (("model", model, MODELS), ("afterglow", afterglow, AFTERGLOW)):
        if value not in allowed:
            raise InputError(field=name, value=value, allowed=f"one of {', '.join(allowed)}")


def path_or_none(source: str | Path | PhotonStream) -> str | None:
    """Path of a file as text; None for a stream."""
    return None if isinstance(source, PhotonStream) else str(source)
