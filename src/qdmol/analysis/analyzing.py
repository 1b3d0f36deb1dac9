"""The analysis of a file of photons from end to end: quality, trace, lifetime, g2, correlation.

Each part goes through the file in stretches of its own, so that memory stays bounded however long the file is. A
recording that contradicts itself is refused: it has a quality report and no lifetime and no g2. A part that the photons
do not hold (no pulses, one detector, too few photons) is absent with a flag that says why.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from qdmol.analysis.g2.reading import checked_rates, pairs_in
from qdmol.analysis.lifetime.reading import chosen_curve, decay_in
from qdmol.analysis.result import Analysed, FailedAnalysis, PhotonAnalyses, PhotonAnalysis
from qdmol.analysis.single_emitters import checked_reference, not_single
from qdmol.analysis.stages import (
    FAILED_FIT,
    G2_NOT_FITTED,
    NO_G2,
    Afterglow,
    HistogramOptions,
    Meter,
    Model,
    Options,
    Progress,
    Recording,
    check_channels,
    check_words,
    path_or_none,
    run_stages,
    watched,
)
from qdmol.analysis.wording import plain_text
from qdmol.errors import DataError, InputError, MissingExtraError, QdmolError, SolverError
from qdmol.photons import (
    HISTOGRAM_FORMATS,
    Flag,
    HistogramFile,
    PhotonStream,
    holds_histograms,
    is_histogram_file,
    read_histograms,
    read_photons,
    to_t3,
    with_sync_detector,
)

if TYPE_CHECKING:
    from qdmol.analysis.emitters.values import Monomer
    from qdmol.analysis.g2.values import G2, PairHistogram
    from qdmol.analysis.lifetime.values import Decay, Response
    from qdmol.photons import Histogram, QualityReport, Scan


# keys of stages that may be left out: no others depend on their results, or they do without them
INDEPENDENT = ("gated", "g3", "correlation", "levels", "dwell", "emitters")
SHORTEST_BIN_S, LONGEST_BIN_S = 1e-6, 100.0  # of the intensity trace
OWN_REFERENCE = Flag(
    "monomer_itself",
    "note",
    "This recording is one of the single emitters of the reference, so it was tested without.",
)
NOT_SINGLE = "monomer_not_single"  # flag of a reference that shows several emitters
ALL = "all"  # value of `column` with which every decay of a file is analysed
_CHECK, _CHECK_EFFORT = "checking the recording", 3.0  # and about how long that takes, in passes


def analyze_photons(  # noqa: PLR0913  # what may be asked for
    source: str | Path | PhotonStream,
    *,
    format: str | None = None,  # noqa: A002
    channels: tuple[int, int] | None = None,
    response: str | Path | PhotonStream | Decay | Response | None = None,
    dark: str | Path | PhotonStream | None = None,
    model: Model = "auto",
    gate_ns: tuple[float, float | None] | None = None,
    afterglow: Afterglow = "flag",
    column: int | str | None = None,
    unit: str | None = None,
    period_ns: float | None = None,
    background: float | None = None,
    photons: tuple[int, int] | None = None,
    duration_s: float | None = None,
    bin_s: float | None = None,
    monomer: SingleEmitters = None,
    leave_out: Sequence[str] = (),
    progress: Progress | None = None,
) -> PhotonAnalysis:
    """Analyse a recording of photons: quality, intensity, lifetime, g2, correlation, blinking, number of emitters.

    Parameters
    ----------
    source
        Path of a photon counter's file, of a histogram of delays or of coincidences, or a stream.
    format
        Name of the file's format, as ``"ptu"``, ``"decay"`` for a histogram, or ``"g2"`` for a histogram that holds
        coincidences without saying so; found by the content otherwise.
    channels
        The two inputs to be correlated; the two with most photons otherwise. The decay is that of both together.
    response
        Instrument response: a recording or histogram of it, or a value. Otherwise the decay is fitted without one.
    dark
        A recording without excitation, for the background.
    model
        ``"auto"`` (number of exponentials chosen by evidence), ``"1"`` to ``"4"``, or ``"stretched"``.
    gate_ns
        Only photons from the first to the second number (None: to the end) after the arrival of the pulse go into g2.
    afterglow
        What is done about sharp peaks of the detectors beside the centre of g2: ``"flag"`` says so, ``"mask"`` leaves
        them out, ``"model"`` fits them.
    column
        Of a file of histograms with several of them, which one: its name or its number from 0 (in a text that of the
        column, where a column of times counts). :func:`analyze_many` takes "all". Without it the lifetime and g2 of a
        file with one decay and one coincidence histogram are both analysed.
    unit
        Of a histogram as text, the unit of its times where the file does not state it, as ``"ns"``.
    period_ns
        Of a histogram, the time between excitation pulses where the file does not state it.
    background
        Of a decay histogram, the background in counts per bin, taken as exact; fitted otherwise.
    photons, duration_s
        Of a coincidence histogram, the photons of the two detectors and the length of the recording, from which g2
        relative to independent photons follows.
    bin_s
        Width of the bins of the intensity trace in s, 1 µs to 100 s; otherwise 10 ms, or a hundredth of the recording
        if that is shorter. No other result depends on it.
    monomer
        Single emitters of the same kind, measured alike, as the reference of the test for the number of emitters:
        paths of recordings, streams, analyses of them, or a `Monomer`. Paths and streams are analysed with the same
        response, dark recording, channels and model.
    leave_out
        Results that are not needed, to save time: any of ``"gated"``, ``"g3"``, ``"correlation"``, ``"levels"``,
        ``"dwell"``, ``"emitters"``. Without levels there are no dwell times, and the number of emitters is tested
        without levels.
    progress
        Called with what is being done and the fraction of all the work, 0 to 1.

    Returns
    -------
    PhotonAnalysis
        Frozen; `.summary` is the JSON object of the command, `.data` an xarray dataset with units. Where
        `.refused` holds, the recording contradicts itself, and lifetime and g2 are None.

    Raises
    ------
    qdmol.errors.InputError
        Not a file of photons, or an option that does not apply to it.
    qdmol.errors.MissingExtraError
        The extra `photons` is not installed.
    """
    started = time.perf_counter()
    check_words(model, afterglow)
    unknown = sorted(set(leave_out) - set(INDEPENDENT))
    if unknown:
        raise InputError(field="leave_out", value=unknown[0], allowed=f"one of {', '.join(INDEPENDENT)}")
    options = HistogramOptions(
        column, unit, _checked_period(period_ns), background, *checked_rates(photons, duration_s)
    )
    checked = Options(response, dark, channels, model, _checked_gate(gate_ns), afterglow, options, _checked_bin(bin_s))
    file = path_or_none(source)
    recording = opened(source, format, options)
    if isinstance(recording, PhotonStream):
        options.refuse_any()
        known, doubt = _reference(monomer, checked, progress, source)
        checked = replace(checked, monomer=known)
        analysis = _analyzed(recording, file or recording.provenance.path, checked, progress, leave_out)
        if doubt is not None:
            analysis = replace(analysis, flags=(*analysis.flags, doubt))
    else:
        for name, value in (("bin", bin_s), ("monomer", monomer)):
            if value is not None:
                _refuse_for_histograms(name, value)
        analysis = _analyzed_histogram(recording, file, checked, progress)
    if progress is not None:
        progress("done", 1.0)
    return replace(analysis, elapsed_s=time.perf_counter() - started)


def inspect_photons(
    source: str | Path | PhotonStream,
    *,
    format: str | None = None,  # noqa: A002
    column: int | str | None = None,
    unit: str | None = None,
    progress: Progress | None = None,
) -> PhotonAnalysis:
    """Look at a recording without analysing it: the header, and one pass for the quality report.

    Of a file of histograms every curve is described, and `column` says of which the counts are shown.

    Parameters are as those of :func:`analyze_photons`, which raises the same errors.
    """
    started = time.perf_counter()
    options = HistogramOptions(column, unit)
    recording = opened(source, format, options)
    file = path_or_none(source)
    if not isinstance(recording, PhotonStream):
        return _inspected_histograms(recording, file, column)
    options.refuse_any()
    meter = Meter(progress, _CHECK_EFFORT, recording.stated_photons or 0)
    seen = watched(recording, meter.saw)
    _, quality, flags = _assessed(seen, meter)
    # determined from the same pulses as in the analysis, so that both state the same period
    usable = quality is not None and quality.analysable
    pulsed = after_pulses(seen, quality) if usable and quality is not None else None
    return PhotonAnalysis(
        file,
        recording,
        quality,
        flags=(*flags, *pulse_notes(recording, pulsed)),
        pulse_period_ns=pulse_period_ns(pulsed),
        elapsed_s=time.perf_counter() - started,
        inspected_only=True,
    )


SingleEmitter: TypeAlias = str | Path | PhotonStream | PhotonAnalysis
SingleEmitters: TypeAlias = "SingleEmitter | Sequence[SingleEmitter] | Monomer | None"


def _reference(
    given: SingleEmitters, options: Options, progress: Progress | None, source: str | Path | PhotonStream | None = None
) -> tuple[Monomer | None, Flag | None]:
    """The reference of single emitters, each recording analysed, and a flag where one of them shows several emitters.

    A recording that is itself part of its reference has none, with a flag that says so.

    Raises
    ------
    InputError
        A recording cannot be read, or holds no g2 or no lifetime.
    """
    from qdmol.analysis.emitters.values import Monomer

    if given is None or isinstance(given, Monomer):
        return given, None
    several = _listed(given)
    if source is not None and _among(source, several):
        return None, OWN_REFERENCE
    analyses = [
        each if isinstance(each, PhotonAnalysis) else _analyzed_reference(each, options, progress) for each in several
    ]
    doubt = not_single(analyses)
    return checked_reference(analyses), None if doubt is None else Flag(NOT_SINGLE, "warning", doubt)


def _listed(given: SingleEmitter | Sequence[SingleEmitter]) -> list[SingleEmitter]:
    return [given] if isinstance(given, (str, Path, PhotonStream, PhotonAnalysis)) else list(given)


def _among(source: str | Path | PhotonStream, references: Sequence[SingleEmitter]) -> bool:
    """Whether a recording is one of those of the reference."""
    if isinstance(source, PhotonStream):
        return any(each is source for each in references)
    files = [each.file if isinstance(each, PhotonAnalysis) else each for each in references]
    paths = [Path(each).resolve() for each in files if isinstance(each, (str, Path))]
    return Path(source).resolve() in paths


def _analyzed_reference(source: SingleEmitter, options: Options, progress: Progress | None) -> PhotonAnalysis:
    assert not isinstance(source, PhotonAnalysis)
    name = "single emitter" if isinstance(source, PhotonStream) else plain_text(Path(source).name)
    tell = None if progress is None else _before(progress, f"reference {name}")
    try:
        recording = opened(source, None)
    except InputError as error:
        message = error.message.replace("`FILE`", "`monomer`")
        raise InputError(field="monomer", value=error.value, allowed=error.allowed, message=message) from None
    if not isinstance(recording, PhotonStream):
        message = f"`monomer` {name} is a histogram; the reference needs single photons of a single emitter."
        raise InputError(field="monomer", value=name, allowed="a recording of single photons", message=message)
    alike = replace(options, gate_ns=None, bin_s=None, histogram=HistogramOptions())
    path = path_or_none(source) or recording.provenance.path
    return _analyzed(recording, path, alike, tell, ("gated", "g3", "correlation", "dwell"))


def _refuse_for_histograms(name: str, value: object) -> None:
    shown = value if isinstance(value, int | float | str) else "given"
    message = f"`{name}` applies to recordings of single photons; this file contains histograms."
    raise InputError(field=name, value=shown, allowed="given for single photons", message=message)


def analyze_many(sources: Iterable[str | Path], *, progress: Progress | None = None, **options: Any) -> PhotonAnalyses:
    """Analyse many files one after the other; a file that cannot be read is an entry with the reason.

    Parameters
    ----------
    sources
        Paths.
    progress
        Called with what is being done and the fraction of all the files.
    **options
        As those of :func:`analyze_photons`, the same for every file. With ``column="all"`` every curve of a file of
        histograms is analysed, one after the other.

    Returns
    -------
    PhotonAnalyses
        A sequence in the order of `sources`; printed, a table. To save memory, histograms of pairs are without
        `blocks`.
    """
    check_words(options.get("model", "auto"), options.get("afterglow", "flag"))
    _checked_gate(options.get("gate_ns"))
    paths = [str(path) for path in sources]
    references = None if options.get("monomer") is None else options["monomer"]
    options, doubt = _with_reference(options, progress)
    analyses: list[Analysed] = []
    for number, path in enumerate(paths):
        tell = None if progress is None else _share(progress, Path(path).name, number, len(paths))
        itself = _is_reference(path, references)
        alone, flag = ({"monomer": None}, OWN_REFERENCE) if itself else ({}, doubt)
        for curve, choice in _choices(path, options):
            try:
                analysis = _lightened(analyze_photons(path, progress=tell, **{**options, **alone, **choice}))
                analyses.append(analysis if flag is None else replace(analysis, flags=(*analysis.flags, flag)))
            except MissingExtraError:  # the same for every file
                raise
            except QdmolError as error:
                analyses.append(FailedAnalysis(path, error, curve))
    return PhotonAnalyses(tuple(analyses))


def _with_reference(options: dict[str, Any], progress: Progress | None) -> tuple[dict[str, Any], Flag | None]:
    """The options with the reference of single emitters, which is analysed once for all files."""
    if options.get("monomer") is None:
        return options, None
    names = ("response", "dark", "channels", "model", "afterglow")
    alike = Options(**{name: options[name] for name in names if options.get(name) is not None})
    known, doubt = _reference(options["monomer"], alike, progress)
    return {**options, "monomer": known}, doubt


def _is_reference(path: str, references: SingleEmitters) -> bool:
    from qdmol.analysis.emitters.values import Monomer

    return references is not None and not isinstance(references, Monomer) and _among(path, _listed(references))


def _choices(path: str, options: dict[str, Any]) -> list[tuple[int | None, dict[str, Any]]]:
    """Curves of a file that are analysed with ``column="all"``, and the option of each; else the file as it is."""
    if options.get("column") != ALL:
        return [(None, {})]
    format_ = options.get("format")
    try:
        recording = opened(path, format_, HistogramOptions(unit=options.get("unit")))
    except QdmolError:  # told by the analysis
        return [(None, {"column": None})]
    if isinstance(recording, PhotonStream):
        return [(None, {"column": None})]
    return [(curve.number, {"column": curve.number}) for curve in recording.histograms]


def _lightened(analysis: PhotonAnalysis) -> PhotonAnalysis:
    """Drop the pairs of each stretch of time, which are most of an analysis and serve only while g2 is measured."""

    def without(g2: G2) -> G2:
        return replace(g2, histogram=replace(g2.histogram, blocks=None))

    gated = tuple(map(without, analysis.gated))
    return replace(analysis, g2=None if analysis.g2 is None else without(analysis.g2), gated=gated)


def _share(progress: Progress, name: str, number: int, files: int) -> Progress:
    def tell(stage: str, fraction: float) -> None:
        progress(f"{plain_text(name)}: {stage}", (number + fraction) / files)

    return tell


def _before(progress: Progress, name: str) -> Progress:
    """Tell what is done for the reference; the work that is counted has not begun."""

    def tell(stage: str, _fraction: float) -> None:
        progress(f"{name}: {stage}", 0.0)

    return tell


def _checked_gate(gate_ns: tuple[float, float | None] | None) -> tuple[float, float | None] | None:
    if gate_ns is None:
        return None
    start, stop = gate_ns
    if not (math.isfinite(start) and start >= 0 and (stop is None or start < stop)):
        raise InputError(
            field="gate_ns", value=gate_ns, allowed="two delays in ns, the first from 0 and below the second"
        )
    return gate_ns


def _checked_bin(bin_s: float | None) -> float | None:
    if bin_s is not None and not (math.isfinite(bin_s) and SHORTEST_BIN_S <= bin_s <= LONGEST_BIN_S):
        raise InputError(field="bin", value=bin_s, allowed=f"from {SHORTEST_BIN_S:g} to {LONGEST_BIN_S:g} s")
    return bin_s


def _checked_period(period_ns: float | None) -> float | None:
    if period_ns is not None and not (math.isfinite(period_ns) and period_ns > 0):
        raise InputError(field="period", value=period_ns, allowed="above 0 ns")
    return period_ns


def opened(
    source: str | Path | PhotonStream, format_: str | None, options: HistogramOptions | None = None
) -> PhotonStream | HistogramFile:
    """Return the stream, a detector on the SYNC input among its channels, or the histograms of the file.

    Raises
    ------
    InputError
        As for :func:`qdmol.photons.read_photons` and :func:`qdmol.photons.read_histograms`.
    """
    options = options or HistogramOptions()
    if isinstance(source, PhotonStream):
        return with_sync_detector(source)
    named = format_ is not None and format_.lower().lstrip(".") in HISTOGRAM_FORMATS
    if not named and (format_ is not None or not holds_histograms(source)):
        try:
            return with_sync_detector(read_photons(source, format=format_))
        except InputError:
            if format_ is not None or not is_histogram_file(source):
                raise
    return read_histograms(source, format=format_ if named else None, unit=options.unit)


def _curve_about(file: HistogramFile, decay: Decay | None, number: int | None) -> dict[str, Any]:
    """What the file of a histogram states, for `PhotonAnalysis.histogram`."""
    about = file.as_dict() | {"curve": number}
    if decay is None and number is not None:
        curve = next(each for each in file.histograms if each.number == number)
        about |= {"bin_width_ns": curve.width_ns, "span_ns": curve.span_ns}
    if decay is not None:
        about |= {"bin_width_ns": decay.bin_width_ns, "span_ns": float(decay.edges_ns[-1] - decay.edges_ns[0])}
    return about


def after_pulses(stream: PhotonStream, quality: QualityReport) -> PhotonStream | None:
    """The photons with their delays after the pulse; None for light that is not pulsed."""
    if stream.mode == "T3":
        return stream
    if quality.sync_period_ns is None:
        return None
    try:
        return to_t3(stream)
    except (DataError, InputError):  # a rate in the header, but no pulses in the records
        return None


def pulse_notes(stream: PhotonStream, pulsed: PhotonStream | None) -> tuple[Flag, ...]:
    """What was assumed to tell photons by their pulses."""
    notes = () if pulsed is None else pulsed.notes[len(stream.notes) :]
    return tuple(Flag("reading", "note", note) for note in notes)


def pulse_period_ns(pulsed: PhotonStream | None) -> float | None:
    """Time between the laser pulses, if the photons are assigned to them."""
    return None if pulsed is None or pulsed.sync_period_ps is None else pulsed.sync_period_ps / 1e3


def _inspected_histograms(recording: HistogramFile, file: str | None, column: int | str | None) -> PhotonAnalysis:
    """The curves of a file; the decay too where there is no other curve, or where it is named."""
    if column in (None, ALL) and len(recording.histograms) != 1:
        about = _curve_about(recording, None, None)
        notes = tuple(Flag("reading", "note", note) for note in recording.notes)
        return PhotonAnalysis(file, None, None, flags=notes, histogram=about, inspected_only=True)
    curve = chosen_curve(recording, None if column == ALL else column, decays_only=False)
    decay = decay_in(recording, column=curve.number) if curve.kind == "decay" else None
    about = _curve_about(recording, decay, curve.number)
    return PhotonAnalysis(file, None, None, decay=decay, histogram=about, inspected_only=True)


def _analyzed_histogram(
    recording: HistogramFile, file: str | None, options: Options, progress: Progress | None
) -> PhotonAnalysis:
    """The chosen curve of a file; the lifetime and g2 of a file with one decay and one coincidence histogram."""
    column, decays, coincidences = options.histogram.column, recording.decays, recording.coincidences
    if column is None and len(decays) == 1 and len(coincidences) == 1:
        analysis = _decay_alone(recording, decays[0], file, options, progress)
        return _with_g2(analysis, coincidences[0], recording, options)
    decays_only = column is None and len(decays) == 1
    curve = chosen_curve(recording, column, decays_only=decays_only)
    if curve.kind == "decay":
        if options.histogram.photons is not None or options.histogram.duration_s is not None:
            _refuse_rates(options.histogram)
        return _decay_alone(recording, curve, file, options, progress)
    if options.histogram.background is not None:
        message = f"`background` applies to decay histograms; `{recording.name}` contains a coincidence histogram."
        raise InputError(
            field="background", value=options.histogram.background, allowed="given for a decay", message=message
        )
    about = _curve_about(recording, None, curve.number)
    reading = tuple(Flag("reading", "note", plain_text(note)) for note in (*curve.notes, *recording.notes))
    reading += _unused(options)
    meter = Meter(progress, 1.0)
    meter.start("g2")
    pairs = _pairs(curve, recording, options)
    g2, flags = _measured_g2(pairs, options)
    period = None if g2 is None else g2.period_ns
    return PhotonAnalysis(
        file,
        None,
        None,
        flags=(*reading, *flags),
        g2=g2,
        histogram=about | {"stated_period_ns": pairs.period_ns},
        pulse_period_ns=period,
    )


def _unused(options: Options) -> tuple[Flag, ...]:
    """Notes on options that only a decay or single photons can use; a folder may remember them for its other files."""
    given = {"response": options.response, "dark": options.dark}
    return tuple(
        Flag("not_used", "note", f"`{name}` was not used: it does not apply to a coincidence histogram.")
        for name, value in given.items()
        if value is not None
    )


def _refuse_rates(options: HistogramOptions) -> None:
    name, value = ("photons", options.photons) if options.photons is not None else ("duration", options.duration_s)
    message = f"`{name}` applies to coincidence histograms; this file contains a decay."
    raise InputError(field=name, value=value, allowed="given for a coincidence histogram", message=message)


def _pairs(curve: Histogram, recording: HistogramFile, options: Options) -> PairHistogram:
    if options.gate_ns is not None:
        message = f"`gate` applies to single photons; `{recording.name}` contains a coincidence histogram."
        raise InputError(field="gate", value=options.gate_ns, allowed="given for single photons", message=message)
    given = options.histogram
    return pairs_in(curve, recording, period_ns=given.period_ns, photons=given.photons, duration_s=given.duration_s)


def _measured_g2(pairs: PairHistogram, options: Options) -> tuple[G2 | None, tuple[Flag, ...]]:
    """g2 with the notes on it, or a flag that says why there is none."""
    from qdmol.analysis.g2.recorded import recorded_g2

    given = options.histogram.period_ns is not None
    try:
        return recorded_g2(pairs, period_given=given, afterglow=options.afterglow)
    except DataError as error:
        return None, (Flag(NO_G2, "warning", str(error)),)
    except SolverError as error:
        return None, (Flag(G2_NOT_FITTED, "warning", str(error)),)


def _with_g2(analysis: PhotonAnalysis, curve: Histogram, recording: HistogramFile, options: Options) -> PhotonAnalysis:
    """The analysis of a decay with the g2 of the coincidence histogram beside it."""
    try:
        pairs = _pairs(curve, recording, options)
    except InputError as error:
        if error.field != "FILE":
            raise
        return replace(analysis, flags=(*analysis.flags, Flag(NO_G2, "warning", error.message)))
    g2, flags = _measured_g2(pairs, options)
    notes = tuple(Flag("reading", "note", plain_text(note)) for note in curve.notes)
    period = None if g2 is None else g2.period_ns
    return replace(analysis, g2=g2, flags=(*analysis.flags, *notes, *flags), pulse_period_ns=period)


def _decay_alone(
    recording: HistogramFile, curve: Histogram, file: str | None, options: Options, progress: Progress | None
) -> PhotonAnalysis:
    """A histogram of delays: a lifetime, and nothing else."""
    from qdmol.analysis.lifetime.stages import LifetimeStage, fit_decay, response_of

    decay = decay_in(recording, column=curve.number, period_ns=options.histogram.period_ns)
    about = _curve_about(recording, decay, curve.number)
    meter = Meter(progress, LifetimeStage.effort)
    response, notes = response_of(options, beside=file)
    fit, flags = None, tuple(Flag("reading", "note", note) for note in notes)
    meter.start(LifetimeStage.name)
    try:
        fit = fit_decay(decay, response, options)
    except (DataError, SolverError) as error:
        flags += (Flag(FAILED_FIT, "warning", str(error)),)
    return PhotonAnalysis(file, None, None, flags=flags, decay=decay, response=response, lifetime=fit, histogram=about)


def _analyzed(
    stream: PhotonStream, file: str | None, options: Options, progress: Progress | None, leave_out: Sequence[str]
) -> PhotonAnalysis:
    from qdmol.analysis.registry import STAGES

    stages = [stage for stage in STAGES if stage.key not in leave_out]
    effort = _CHECK_EFFORT + sum(stage.effort for stage in stages)
    meter = Meter(progress, effort, stream.stated_photons or 0)
    seen = watched(stream, meter.saw)
    scanned, quality, flags = _assessed(seen, meter)
    if scanned is None or quality is None or not quality.analysable or not quality.photons:
        return PhotonAnalysis(file, stream, quality, flags=flags)
    meter.photons = quality.photons
    check_channels(options.channels, quality)
    pulsed = after_pulses(seen, quality)
    results, flags = run_stages(stages, Recording(seen, pulsed, scanned, quality, options), meter)
    known = {name: results.pop(name) for name in list(results) if name in PhotonAnalysis.__dataclass_fields__}
    known["gated"] = known.get("gated") or ()
    g2 = known["g2"]
    return PhotonAnalysis(
        file,
        stream,
        quality,
        flags=(*pulse_notes(stream, pulsed), *flags),
        pulse_period_ns=pulse_period_ns(pulsed) or (None if g2 is None else g2.period_ns),
        more=results,
        **known,
    )


def _assessed(stream: PhotonStream, meter: Meter) -> tuple[Scan | None, QualityReport | None, tuple[Flag, ...]]:
    """The first pass and the quality report; for records in too great disorder neither, and a fatal flag."""
    from qdmol.photons import quality_of_scan, scan

    meter.start(_CHECK, _CHECK_EFFORT)
    try:
        scanned = scan(stream)
        return scanned, quality_of_scan(scanned, stream), ()
    except DataError as error:
        return None, None, (Flag("not_readable", "fatal", str(error)),)
    finally:
        meter.finish(_CHECK_EFFORT)
