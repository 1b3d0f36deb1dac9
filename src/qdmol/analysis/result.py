"""The result of an analysis of photons: a frozen value, for one file and for many."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

from qdmol.analysis.stages import FAILED_FIT, G2_NOT_FITTED, NO_G2, Number, Results
from qdmol.analysis.summary import COINCIDENCE_FORMAT, HISTOGRAM_FORMAT, describe, plain
from qdmol.analysis.wording import interval_text, plain_text, shown_number
from qdmol.errors import DataError, QdmolError
from qdmol.estimates import NO_VALUE, Estimate
from qdmol.photons import Flag, PhotonStream, Provenance, Records, Severity, channel_label
from qdmol.results import Drawable, SavedResult, decode, encode, save_result

if TYPE_CHECKING:
    import xarray as xr

    from qdmol.analysis.background import Background
    from qdmol.analysis.blinking.dwell_times import Dwell
    from qdmol.analysis.blinking.values import IntensityLevels
    from qdmol.analysis.correlation import LogCorrelation
    from qdmol.analysis.emitters.values import Emitters
    from qdmol.analysis.g2.values import G2, G3
    from qdmol.analysis.lifetime.values import Decay, LifetimeFit, Response
    from qdmol.analysis.trace import Trace
    from qdmol.photons import QualityReport


ANALYSIS, ANALYSES = "photon analysis", "set of photon analyses"  # kinds of saved results
Row: TypeAlias = tuple[str, ...]
_SEVERITIES: tuple[tuple[Severity, str], ...] = (("fatal", "Refused"), ("warning", "Warning"))


@dataclass(frozen=True, slots=True)
class UnsavedPhotons:
    """Source of the stream of a loaded analysis: its photons are in the recording only.

    Attributes
    ----------
    path : str or None
        File of the recording.
    """

    path: str | None

    def chunks(self, size: int) -> Iterator[Records]:
        """Refuse to give photons.

        Raises
        ------
        qdmol.errors.DataError
            Always.
        """
        del size
        recording = "the recording" if self.path is None else plain_text(self.path)
        raise DataError(f"A saved analysis holds no single photons; read {recording} with `qdmol.read_photons`.")


@dataclass(frozen=True, eq=False, repr=False)
class PhotonAnalysis(Drawable):
    """Result of :func:`analyze_photons`.

    Attributes
    ----------
    file : str or None
        Path of the file; None for a stream made in memory.
    stream : PhotonStream or None
        Recording that was analysed; None for a histogram of delays. The stream of a loaded analysis describes the
        recording but holds no photons: asking for them raises DataError.
    quality : QualityReport or None
        Of the stream.
    flags : tuple of Flag
        What the analysis found beyond the quality report.
    pulse_period_ns : float or None
        Time between pulses of light; shorter than the sync period where only every n-th pulse was recorded.
    trace, background, decay, response, lifetime, g2, gated, g3, correlation, levels, dwell, emitters
        Result of each stage, None (or empty) where the photons do not hold it. `gated` are g2 values at several gates,
        `levels` the intensity levels, `dwell` the dwell times, `emitters` the test for the number of emitters.
    histogram : Mapping
        Of a file of histograms what it states (format, instrument, curves), and which curve was analysed; else empty.
    more : Mapping
        Results of other stages of the registry by their keys, which are attributes too.
    elapsed_s : float
        How long it took.
    inspected_only : bool
        Whether only the quality was requested.
    """

    file: str | None
    stream: PhotonStream | None
    quality: QualityReport | None
    flags: tuple[Flag, ...] = ()
    pulse_period_ns: float | None = None
    trace: Trace | None = None
    background: Background | None = None
    decay: Decay | None = None
    response: Response | None = None
    lifetime: LifetimeFit | None = None
    g2: G2 | None = None
    gated: tuple[G2, ...] = ()
    g3: G3 | None = None
    correlation: LogCorrelation | None = None
    levels: IntensityLevels | None = None
    dwell: Dwell | None = None
    emitters: Emitters | None = None
    histogram: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, object] = field(default_factory=dict)
    elapsed_s: float = 0.0
    inspected_only: bool = False

    @property
    def refused(self) -> bool:
        """Whether the recording contradicts itself, so that lifetimes and g2 are withheld."""
        fatal = any(flag.severity == "fatal" for flag in self.flags)
        return fatal or (self.quality is not None and not self.quality.analysable)

    @property
    def truncated(self) -> bool:
        """Whether the file ends early, so that only what is whole was analysed."""
        return self.quality.truncated if self.quality is not None else False

    @property
    def complete(self) -> bool:
        """Whether the whole recording was analysed: neither refused nor cut short, and not left without a result."""
        return not self.refused and not self.truncated and not self._withheld

    @property
    def _withheld(self) -> bool:
        """Whether a fit failed, or the detectors cannot show g2 and no lifetime remains."""
        names = {flag.name for flag in self.flags}
        shared = self.quality is not None and bool(self.quality.shared_dead_times)
        without = NO_G2 in names and self.g2 is None
        return bool(names & {FAILED_FIT, G2_NOT_FITTED}) or (
            without and (bool(self.histogram) or (shared and self.lifetime is None))
        )

    @property
    def name(self) -> str:
        """Name of the file without its folders, and the curve where the file holds several decays."""
        curves = self.histogram.get("curves", ())
        alike = sum(curve["kind"] == "decay" for curve in curves) if self._curve_kind == "decay" else len(curves)
        return _name(self.file, self.histogram.get("curve") if alike > 1 else None)

    @property
    def _curve_kind(self) -> str:
        """Kind of the curve of a file of histograms that was analysed; of all where none was chosen."""
        curves, number = self.histogram.get("curves", ()), self.histogram.get("curve")
        kinds = {curve["kind"] for curve in curves if number is None or curve["number"] == number}
        return "coincidences" if kinds == {"coincidences"} else "decay"

    def __getattr__(self, name: str) -> Any:
        """Result of a stage that has no attribute of its own."""
        more = self.__dict__.get("more", {})
        if name in more:
            return more[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        """List the attributes, with those of all stages."""
        return sorted({*super().__dir__(), *self.more})

    @property
    def results(self) -> Results:
        """Results by the class of their stage."""
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        return Results({**self.more, **own})

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The JSON object of ``qdmol photons analyze --json``; keys name units, None where there is nothing."""
        from qdmol.analysis.registry import STAGES

        summary = describe(self.stream, self.quality, file=self.file)
        if self.quality is None and self.decay is not None:
            summary |= {"photons": round(self.decay.photons), "sync_period_ns": self.decay.period_ns}
        if self.histogram:
            about = self.histogram
            if self._curve_kind == "coincidences":
                summary |= {"format": COINCIDENCE_FORMAT, "sync_period_ns": self.period_ns}
            summary |= {"record_type": about["format"], "curve": about["curve"], "curves": about["curves"]}
            summary |= {name: about[name] for name in ("instrument", "created", "comment")}
            summary |= {name: about.get(name) for name in ("bin_width_ns", "span_ns")}
        if self.decay is not None:
            summary["notes"] += self.decay.notes
        summary["quality"] = [*summary["quality"], *(flag.as_dict() for flag in self.flags)]
        summary |= {"refused": self.refused, "pulse_period_ns": self.pulse_period_ns}
        for stage in STAGES:
            stage().add_to_summary(summary, self.results)
        summary["elapsed_s"] = round(self.elapsed_s, 3)
        cleaned: dict[str, Any] = plain(summary)
        return cleaned

    @cached_property
    def data(self) -> xr.Dataset:
        """Trace, decay, fit, pairs and correlation with units; made when first used."""
        from qdmol.analysis.dataset import new_dataset
        from qdmol.analysis.registry import STAGES

        data = new_dataset(self.summary, self.quality)
        for stage in STAGES:
            stage().add_to_data(data, self.results)
        return data

    @property
    def kind(self) -> str:
        """Format and type of the records."""
        if self.stream is None:
            about = self.histogram
            parts = [about.get("format"), about.get("instrument")] if about else []
            if parts and parts[0] == "text":
                parts = [f"text of {parts[1]}"] if parts[1] else []
            name = COINCIDENCE_FORMAT if self._curve_kind == "coincidences" else HISTOGRAM_FORMAT
            return ", ".join([name, *(plain_text(part) for part in parts if part)])
        source = self.stream.provenance
        return ", ".join(plain_text(part) for part in (source.format, source.record_type) if part)

    @property
    def period_ns(self) -> float | None:
        """Time between sync pulses as measured, else as stated; for a decay alone its period."""
        if self.quality is not None:
            return self.quality.sync_period_ns
        if self.decay is not None:
            return self.decay.period_ns
        if self.histogram:
            return self.histogram.get("stated_period_ns")
        return None if self.stream is None or self.stream.sync_period_ps is None else self.stream.sync_period_ps / 1e3

    @property
    def photons(self) -> int | None:
        """Photons of the recording or of the decay; None where they could not be counted."""
        if self.quality is not None:
            return self.quality.photons
        return None if self.decay is None else round(self.decay.photons)

    @property
    def duration_s(self) -> float | None:
        """Length of the recording in s."""
        return None if self.quality is None else self.quality.duration_s

    @property
    def count_rate_hz(self) -> float | None:
        """Photons per second."""
        return None if self.quality is None else self.quality.count_rate_hz

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was measured, in sentences, without what one should know beside it (`messages`)."""
        from qdmol.analysis.registry import STAGES

        sentences = (sentence for stage in STAGES for sentence in stage().sentences(self.results))
        return (*self._recording_sentences(), *sentences)

    def _recording_sentences(self) -> list[str]:
        if self.histogram and (self.inspected_only or self.decay is None):
            curves, chosen = self.histogram["curves"], self.histogram["curve"]
            return [curve_sentence(each) for each in curves if chosen is None or each["number"] == chosen]
        if not self.photons or not self.duration_s:
            return ["The recording contains no photons."] if self.photons == 0 else []
        if self.refused or self.quality is None:  # rates of a recording that contradicts itself are worth nothing
            return [f"The file contains {shown_number(self.photons)} photons."]
        shares = ", ".join(
            f"{shown_number(count)} in channel {channel_label(channel)}"
            for channel, count in self.quality.per_channel.items()
        )
        text = f"{shown_number(self.photons)} photons in {shown_number(self.duration_s)}\N{NO-BREAK SPACE}s, "
        text += f"{shown_number(self.count_rate_hz)} per second"
        sentences = [f"{text}: {shares}." if len(self.quality.per_channel) > 1 else f"{text}."]
        period = self.pulse_period_ns or self.period_ns
        if period:
            rate = f"{1e3 / period:.4g}\N{NO-BREAK SPACE}MHz"
            sentences.append(f"The pulse period is {shown_number(period, 6)}\N{NO-BREAK SPACE}ns ({rate}).")
        return sentences

    @property
    def numbers(self) -> tuple[Number, ...]:
        """Every number of the analysis with its interval."""
        from qdmol.analysis.registry import STAGES

        return tuple(number for stage in STAGES for number in stage().numbers(self.results))

    def messages(self, severity: Severity) -> tuple[str, ...]:
        """Messages of the flags of one severity, of the recording and of all results, each once."""
        flags = [] if self.quality is None else list(self.quality.flags)
        flags += self.flags
        for result in (self.lifetime, self.g2, self.g3):
            flags += () if result is None else result.flags
        return tuple(dict.fromkeys(plain_text(flag.message) for flag in flags if flag.severity == severity))

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes of the flags and of the reader, each once."""
        reader = () if self.stream is None else self.stream.notes
        decay = () if self.decay is None else self.decay.notes
        return tuple(dict.fromkeys((*self.messages("note"), *map(plain_text, (*reader, *decay)))))

    @property
    def outcome(self) -> str:
        """What became of the file, in a few words and the first reason."""
        if self.refused:
            return f"refused: {next(iter(self.messages('fatal')), 'it contradicts itself')}"
        warnings = len(self.messages("warning"))
        done = "readable" if self.inspected_only else "analysed"
        text = f"ends early; the intact part is {done}" if self.truncated else done
        return f"{text}, {warnings} warning{'s' if warnings > 1 else ''}" if warnings else text

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the analysis to a NetCDF file that :func:`qdmol.load` reads back, without the photons.

        Raises
        ------
        InputError
            The file name does not end in ``.nc``.
        OutputError
            The file cannot be written.
        """
        arrays: dict[str, Any] = {}
        record = {"analysis": encode(_without_photons(self), arrays)}
        return save_result(path, kind=ANALYSIS, values=record, data=self.data, arrays=arrays)

    @classmethod
    def from_saved(cls, saved: SavedResult) -> Self:
        """Return the analysis that a file holds; InputError where it holds no complete one."""
        return _decoded(saved, "analysis", cls)

    def _repr_html_(self) -> str:
        lines = [*self.sentences]
        for severity, word in _SEVERITIES:
            lines += [f"{word}: {text}" for text in self.messages(severity)]
        lines += [f"Note: {text}" for text in self.notes]
        items = "".join(f"<li>{escape(line)}</li>" for line in lines)
        name = plain_text(self.file) if self.file else "photons"
        header, (row,) = files_rows([self])
        numbers = "".join(
            f"<tr><th>{escape(title)}</th><td>{escape(cell)}</td></tr>"
            for title, cell in zip(header[1:-1], row[1:-1], strict=True)
            if cell != NO_VALUE
        )
        table = f"<table><tbody>{numbers}</tbody></table>" if numbers else ""
        return f"<div><p><strong>{escape(name)}</strong></p>{table}<ul>{items}</ul></div>"

    def __repr__(self) -> str:
        lifetime = None if self.lifetime is None else self.lifetime.mean
        return f"<PhotonAnalysis of {self.name}{'' if lifetime is None else f': lifetime {lifetime!r}'}>"

    def __str__(self) -> str:
        lines = [self.name, *self.sentences]
        for severity, word in _SEVERITIES:
            lines += [f"{word}: {text}" for text in self.messages(severity)]
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class FailedAnalysis:
    """A file of many that could not be read: the reason in place of results.

    Attributes
    ----------
    file : str
        Path of the file.
    error : QdmolError
        Why.
    curve : int or None
        Number of the curve that was to be analysed; None for the whole file.
    """

    file: str
    error: QdmolError
    curve: int | None = None

    @property
    def refused(self) -> bool:
        """No recording was refused: there is none."""
        return False

    @property
    def complete(self) -> bool:
        """Never."""
        return False

    @property
    def name(self) -> str:
        """Name of the file without its folders, and the curve if it is one of several."""
        return _name(self.file, self.curve)

    @property
    def kind(self) -> str:
        """No format is known."""
        return ""

    @property
    def sentences(self) -> tuple[str, ...]:
        """Why the file could not be read."""
        return (plain_text(str(self.error)),)

    def messages(self, severity: Severity) -> tuple[str, ...]:  # noqa: ARG002  # as of an analysis
        """No flags: there is no recording."""
        return ()

    @property
    def notes(self) -> tuple[str, ...]:
        """No notes: there is no recording."""
        return ()

    @property
    def outcome(self) -> str:
        """Why the file could not be read, in a few words."""
        return f"not read: {plain_text(str(self.error))}"

    @property
    def summary(self) -> dict[str, Any]:
        """The JSON object of the file, with `error` and no results."""
        cleaned: dict[str, Any] = plain({"qdmol": 1, "file": self.file, "error": self.error.as_dict()})
        return cleaned

    @property
    def data(self) -> xr.Dataset:
        """A dataset without variables, the reason in its attributes."""
        import xarray as xr

        return xr.Dataset(attrs={"file": str(self.summary["file"]), "error": str(self.error)})

    def __str__(self) -> str:
        return f"{self.name}\n{self.error}"


Analysed: TypeAlias = PhotonAnalysis | FailedAnalysis


@dataclass(frozen=True, eq=False, repr=False)
class PhotonAnalyses(Sequence[Analysed]):
    """Analyses of many files, in the given order.

    Attributes
    ----------
    analyses : tuple
        One a file: a :class:`PhotonAnalysis`, or a :class:`FailedAnalysis` with the reason.
    """

    analyses: tuple[Analysed, ...]

    def __len__(self) -> int:
        return len(self.analyses)

    def __getitem__(self, index: Any) -> Any:
        return self.analyses[index]

    def __iter__(self) -> Iterator[Analysed]:
        return iter(self.analyses)

    @property
    def complete(self) -> bool:
        """Whether every file was analysed as a whole."""
        return all(analysis.complete for analysis in self.analyses)

    @property
    def summary(self) -> dict[str, Any]:
        """One JSON object: ``files``, the object of each file."""
        return {"qdmol": 1, "files": [analysis.summary for analysis in self.analyses]}

    @cached_property
    def data(self) -> xr.Dataset:
        """The numbers of all files along the dimension ``file``, with units."""
        return files_dataset(self.analyses)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the analyses to a NetCDF file that :func:`qdmol.load` reads back, without the photons.

        The file holds `data` at its root and the dataset of each file as a group (``file1``, ``file2``, ...).

        Raises
        ------
        InputError
            The file name does not end in ``.nc``.
        OutputError
            The file cannot be written.
        """
        arrays: dict[str, Any] = {}
        record = {"analyses": encode(PhotonAnalyses(tuple(map(_without_photons, self.analyses))), arrays)}
        groups = {f"file{number}": analysis.data for number, analysis in enumerate(self.analyses, start=1)}
        return save_result(path, kind=ANALYSES, values=record, data=self.data, groups=groups, arrays=arrays)

    @classmethod
    def from_saved(cls, saved: SavedResult) -> Self:
        """Return the analyses that a file holds; InputError where it holds no complete ones."""
        return _decoded(saved, "analyses", cls)

    def __str__(self) -> str:
        header, rows = files_rows(self.analyses)
        columns = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        lines = [
            "  ".join(f"{cell:<{width}}" for cell, width in zip(row, columns, strict=True)) for row in (header, *rows)
        ]
        return "\n".join(line.rstrip() for line in lines)

    def __repr__(self) -> str:
        return f"<PhotonAnalyses of {len(self)} files>"

    def _repr_html_(self) -> str:
        header, rows = files_rows(self.analyses)
        head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


Saved = TypeVar("Saved", bound=PhotonAnalysis | PhotonAnalyses)


def _without_photons(analysis: Analysed) -> Analysed:
    """Return an analysis whose stream describes the recording only."""
    if isinstance(analysis, FailedAnalysis) or analysis.stream is None:
        return analysis
    stream = analysis.stream
    return replace(analysis, stream=replace(stream, source=UnsavedPhotons(stream.provenance.path)))


def _decoded(saved: SavedResult, name: str, kind: type[Saved]) -> Saved:
    """Read analyses back, made of the classes of all stages."""
    from qdmol.analysis.registry import STAGES
    from qdmol.photons import REPORT_CLASSES

    stages = (each for stage in STAGES for each in stage.classes)
    recording = (PhotonStream, Provenance, UnsavedPhotons, Estimate, *REPORT_CLASSES)
    classes = (PhotonAnalysis, PhotonAnalyses, FailedAnalysis, *recording, *stages)
    try:
        result = decode(saved.values[name], classes, saved.arrays)
    except (KeyError, TypeError, ValueError, DataError) as error:
        raise saved.incomplete(saved.kind, error) from None
    if not isinstance(result, kind):
        raise saved.incomplete(saved.kind, TypeError(f"{type(result).__name__} instead of {kind.__name__}"))
    return result


def files_rows(analyses: Sequence[Analysed], *, intervals: bool = True) -> tuple[Row, list[Row]]:
    """Header and one row per file: photons, length, rate, lifetime, both g2, and the outcome.

    Lifetime and g2 are columns only if at least one file has them; `intervals` adds their 95 % intervals.
    """
    header = ("file", "photons", "length (s)", "rate (1/s)", "lifetime (ns)", "g² side", "g² Poisson", "outcome")
    rows = [(each.name, *_cells(each, intervals=intervals), each.outcome) for each in analyses]
    shown = [k for k in range(len(header)) if k < 4 or any(row[k] for row in rows)]
    return tuple(header[k] for k in shown), [tuple(row[k] or NO_VALUE for k in shown) for row in rows]


def _cells(analysis: Analysed, *, intervals: bool) -> Row:
    if isinstance(analysis, FailedAnalysis):
        return ("",) * 6
    rates = (None, None) if analysis.refused else (analysis.duration_s, analysis.count_rate_hz)
    numbers = ("" if value is None else shown_number(value) for value in (analysis.photons, *rates))
    lifetime, sides, independent = _main_estimates(analysis)
    estimates = (None if lifetime is None else replace(lifetime, unit=""), sides, independent)
    texts = (
        "" if each is None else interval_text(each) if intervals else shown_number(each.value, 3) for each in estimates
    )
    return (*numbers, *texts)


def _main_estimates(analysis: PhotonAnalysis) -> tuple[Estimate | None, Estimate | None, Estimate | None]:
    """Lifetime, g2 relative to the side peaks, g2 relative to independent photons."""
    lifetime, g2 = analysis.lifetime, analysis.g2
    mean = None if lifetime is None else lifetime.mean
    return (mean, None, None) if g2 is None else (mean, g2.against_sides, g2.against_independent)


def files_dataset(analyses: Sequence[Analysed]) -> xr.Dataset:
    """Numbers of many files along the dimension ``file``; NaN where a file has none, and `outcome` says why."""
    from qdmol.analysis.dataset import numbers_dataset

    measured = [each if isinstance(each, PhotonAnalysis) else None for each in analyses]
    estimates = [
        (None, None, None, None) if each is None else (*_main_estimates(each), _bunching(each)) for each in measured
    ]
    numbers = [
        (None, None, None) if each is None else (each.photons, each.duration_s, each.count_rate_hz) for each in measured
    ]
    paths = [str(None if each.file is None else plain_text(each.file)) for each in analyses]
    return numbers_dataset(paths, [each.outcome for each in analyses], numbers, estimates)


def _bunching(analysis: PhotonAnalysis) -> Estimate | None:
    return None if analysis.g2 is None else analysis.g2.bunching_level


def curve_sentence(curve: Mapping[str, Any]) -> str:
    """Return what a curve of a file of histograms is: its number, name, counts, bins and range."""
    space = "\N{NO-BREAK SPACE}"
    own = f" ({plain_text(curve['name'])})" if curve["name"] and curve["name"] != f"curve {curve['number']}" else ""
    values = (
        f"{shown_number(curve['counts'], 8)} counts" if curve["whole_counts"] else "values that are no whole counts"
    )
    width = f"of{space}{shown_number(curve['bin_width_ns'], 5)}{space}ns"
    if not curve["equal_bins"]:
        width = f"from{space}{shown_number(curve['bin_width_ns'], 5)}{space}ns wide"
    first = shown_number(curve["first_ns"], 5)
    stop = shown_number(curve["first_ns"] + curve["span_ns"], 6)
    text = (
        f"Curve {curve['number']}{own}, {'coincidences' if curve['kind'] == 'coincidences' else 'decay'}: {values} in "
    )
    text += f"{curve['bins']} bins {width}, {first} to {stop}{space}ns"
    if curve["period_ns"]:
        text += f"; pulse period {shown_number(curve['period_ns'], 6)}{space}ns"
    return f"{text}."


def _name(file: str | None, curve: int | None = None) -> str:
    name = plain_text(Path(file).name) if file else "photons"
    return name if curve is None else f"{name}, curve {curve}"
