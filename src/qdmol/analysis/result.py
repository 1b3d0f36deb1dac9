"""The result of an analysis of photons: a frozen value, for one file and for many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from qdmol.analysis.wording import analysis_html, analysis_sentences, files_rows, flag_sentences, outcome
from qdmol.errors import QdmolError
from qdmol.photons import Flag
from qdmol.results import Drawable

if TYPE_CHECKING:
    import xarray as xr

    from qdmol.analysis.background import Background
    from qdmol.analysis.correlation import LogCorrelation
    from qdmol.analysis.g2.values import G2, G3
    from qdmol.analysis.lifetime.values import Decay, LifetimeFit, Response
    from qdmol.analysis.trace import Trace
    from qdmol.photons import PhotonStream, QualityReport


FAILED_FIT = "failed_fit"  # flag that says why there is no lifetime although there is a decay
G2_NOT_FITTED = "g2_not_fitted"  # flag of an analysis whose g2 is withheld because its fit failed


@dataclass(frozen=True, eq=False, repr=False)
class PhotonAnalysis(Drawable):
    """What :func:`analyze_photons` returns.

    Attributes
    ----------
    file : str or None
        Path of the file; None for a stream made in memory.
    stream : PhotonStream or None
        What was analysed; None for a file that holds a histogram of delays and no photons.
    quality : QualityReport or None
        Of the stream.
    flags : tuple of Flag
        What the analysis found beyond the quality report.
    pulse_period_ns : float or None
        Time between pulses of light; shorter than the sync period where only every n-th pulse was recorded.
    trace, background, decay, response, lifetime, g2, gated, g3, correlation
        The parts, each None (or empty) where the photons do not hold it. `gated` are g2 values at several gates.
    elapsed_s : float
        How long it took.
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
    elapsed_s: float = 0.0

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
        return bool(names & {FAILED_FIT, G2_NOT_FITTED}) or (
            shared and "no_g2" in names and self.g2 is None and self.lifetime is None
        )

    @property
    def name(self) -> str:
        """Name of the file without its folders."""
        return _name(self.file)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The JSON object of ``qdmol photons analyze --json``; keys name units, None where there is nothing."""
        from qdmol.analysis.summary import make_summary

        return make_summary(self)

    @cached_property
    def data(self) -> xr.Dataset:
        """Trace, decay, fit, pairs and correlation with units; made when first asked for."""
        from qdmol.analysis.dataset import make_dataset

        return make_dataset(self)

    def _repr_html_(self) -> str:
        return analysis_html(self.summary)

    def __repr__(self) -> str:
        return f"<PhotonAnalysis of {self.name}>"

    def __str__(self) -> str:
        found = [self.name, *analysis_sentences(self.summary)]
        for severity, word in (("fatal", "Refused"), ("warning", "Warning")):
            found += [f"{word}: {text}" for text in flag_sentences(self.summary, severity)]
        return "\n".join(found)


@dataclass(frozen=True, eq=False)
class FailedAnalysis:
    """A file of many that could not be read: the reason in place of results.

    Attributes
    ----------
    file : str
        Path of the file.
    error : QdmolError
        Why.
    """

    file: str
    error: QdmolError

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
        """Name of the file without its folders."""
        return _name(self.file)

    @property
    def summary(self) -> dict[str, Any]:
        """The JSON object of the file, with `error` and no results."""
        from qdmol.analysis.summary import failed_summary

        return failed_summary(self)

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
    """Analyses of many files, in the order asked for.

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
        return all(one.complete for one in self.analyses)

    @property
    def summary(self) -> dict[str, Any]:
        """One JSON object: ``files``, the object of each file."""
        return {"qdmol": 1, "files": [one.summary for one in self.analyses]}

    @cached_property
    def data(self) -> xr.Dataset:
        """The numbers of all files along the dimension ``file``, with units."""
        return files_dataset(self.analyses)

    def __str__(self) -> str:
        header, rows = files_rows([one.name for one in self.analyses], [one.summary for one in self.analyses])
        columns = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        lines = [
            "  ".join(f"{cell:<{width}}" for cell, width in zip(row, columns, strict=True)) for row in (header, *rows)
        ]
        return "\n".join(line.rstrip() for line in lines)

    def __repr__(self) -> str:
        return f"<PhotonAnalyses of {len(self)} files>"

    def _repr_html_(self) -> str:
        from html import escape

        header, rows = files_rows([one.name for one in self.analyses], [one.summary for one in self.analyses])
        head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def files_dataset(analyses: Sequence[Analysed]) -> xr.Dataset:
    """Numbers of many files along the dimension ``file``; NaN where a file has none, and `outcome` says why."""
    from qdmol.analysis.dataset import numbers_dataset

    summaries: list[Mapping[str, Any]] = [one.summary for one in analyses]
    return numbers_dataset(summaries, [outcome(summary) for summary in summaries])


def _name(file: str | None) -> str:
    from pathlib import Path

    from qdmol.analysis.wording import plain_text

    return plain_text(Path(file).name) if file else "photons"
