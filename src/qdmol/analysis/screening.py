"""Screening of many photon files: each is kept or rejected, with the reason.

A file is kept if it was read as a whole, does not contradict itself, and meets every criterion. A criterion is met if
the whole 95 % interval of the quantity meets it, so that a file is never kept by chance alone: g2 = 0.4 (0.2 to 0.6)
does not establish g2 < 0.5. `by_value` compares the values and ignores the intervals.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from qdmol.analysis.stages import check_words
from qdmol.analysis.wording import interval_text, plain_text, shown_number
from qdmol.errors import InputError
from qdmol.estimates import NO_VALUE, Estimate
from qdmol.files import refuse_overwriting, write_text_atomic
from qdmol.jobs import Job, JobList, Progress, Record, Resources, StoredModel, is_done, job_key, run_jobs, store_folder

if TYPE_CHECKING:
    from qdmol.analysis.result import PhotonAnalysis

Decision = Literal["keep", "reject"]

_SOURCE: Final = ("analysis", "photons", "statistics", "text_tables", "estimates.py")
_FILE_OPTIONS: Final = ("response", "dark")  # options of the analysis that name a file
_PRELOAD: Final = ("qdmol.analysis.registry",)
TIME_LIMIT: Final = 600.0  # seconds a file
_FLOAT = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_CRITERION = re.compile(rf"\s*(\w+)\s*(<=|>=|<|>|≤|≥)\s*({_FLOAT})\s*([^\s\d].*?)?\s*")


@dataclass(frozen=True, slots=True)
class ScreenedQuantity:
    """A quantity of the screening: title with unit, kind of the unit in criteria (None: a plain number), its unit."""

    title: str
    unit: str
    kind: Literal["time_ns", "time_s"] | None = None


QUANTITIES: Final[Mapping[str, ScreenedQuantity]] = {
    "photons": ScreenedQuantity("photons", "1"),
    "duration": ScreenedQuantity("length (s)", "s", "time_s"),
    "rate": ScreenedQuantity("rate (1/s)", "1/s"),
    "lifetime": ScreenedQuantity("lifetime (ns)", "ns", "time_ns"),
    "g2": ScreenedQuantity("g²", "1"),
    "g2_side": ScreenedQuantity("g² side", "1"),
}
"""Quantities by their name in criteria, CSV and JSON. ``g2`` is relative to independent photons, ``g2_side`` relative
to the side peaks."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """A condition on a quantity, such as ``g2 < 0.5``.

    Attributes
    ----------
    quantity : str
        A key of `QUANTITIES`.
    comparison : str
        ``<``, ``<=``, ``>`` or ``>=``.
    limit : float
        In the unit of the quantity (ns for lifetimes).
    """

    quantity: str
    comparison: Literal["<", "<=", ">", ">="]
    limit: float

    @classmethod
    def parse(cls, text: str) -> Criterion:
        """Return the criterion of a text such as ``lifetime > 10 ns``.

        Raises
        ------
        InputError
            The text is no comparison of a known quantity with a number.

        Examples
        --------
        >>> Criterion.parse("g2<0.5"), str(Criterion.parse("lifetime > 0.1 µs"))
        (Criterion(quantity='g2', comparison='<', limit=0.5), 'lifetime > 100 ns')
        """
        match = _CRITERION.fullmatch(text)
        allowed = f"a comparison such as g2<0.5 or lifetime>10ns, of one of {', '.join(QUANTITIES)}"
        if match is None or match[1].lower() not in QUANTITIES:
            raise InputError(field="require", value=text, allowed=allowed)
        name, sign, number, unit = match[1].lower(), match[2], match[3], match[4]
        quantity = QUANTITIES[name]
        if quantity.kind is not None:
            limit = _time(f"{number} {unit}" if unit else number, quantity)
        elif unit:
            raise InputError(field="require", value=text, allowed=f"a number without unit for {name}")
        else:
            limit = float(number)
        comparison: Any = {"≤": "<=", "≥": ">="}.get(sign, sign)
        return cls(name, comparison, limit)

    def met_by(self, estimate: Estimate, *, by_value: bool) -> bool:
        """Whether the quantity meets the criterion, over its whole interval unless `by_value`."""
        above = self.comparison.startswith(">")
        end = estimate.value if by_value else estimate.low if above else estimate.high
        if self.comparison.endswith("="):
            return end >= self.limit if above else end <= self.limit
        return end > self.limit if above else end < self.limit

    def excluded_by(self, estimate: Estimate) -> bool:
        """Whether no value in the interval meets the criterion."""
        best = estimate.high if self.comparison.startswith(">") else estimate.low
        return not self.met_by(Estimate(best, best, best, estimate.unit), by_value=True)

    def __str__(self) -> str:
        unit = QUANTITIES[self.quantity].unit
        return f"{self.quantity} {self.comparison} {self.limit:g}{'' if unit == '1' else f' {unit}'}"


def _time(text: str, quantity: ScreenedQuantity) -> float:
    from qdmol.analysis.lifetime.reading import unit_ns

    match = re.fullmatch(rf"({_FLOAT})\s*(.*)", text)
    if match is None:
        raise InputError(field="require", value=text, allowed="a time such as 10 ns")
    scale = unit_ns(match[2] or quantity.unit, field="require")
    return float(match[1]) * scale * (1e-9 if quantity.unit == "s" else 1.0)


@dataclass(frozen=True, slots=True)
class ScreenedFile:
    """A file of a screening.

    Attributes
    ----------
    file : str
        Path.
    decision : str
        ``"keep"`` or ``"reject"``.
    reason : str
        Why it is rejected; for a file that is kept, what it was kept for.
    numbers : Mapping
        An `Estimate` for each key of `QUANTITIES`, or None.
    warnings : tuple of str
        Warnings of the analysis.
    """

    file: str
    decision: Decision
    reason: str
    numbers: Mapping[str, Estimate | None]
    warnings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the file without its folders."""
        return plain_text(Path(self.file).name)

    @property
    def summary(self) -> dict[str, Any]:
        """The JSON object of the file."""
        numbers = {
            name: None if estimate is None else [estimate.value, _finite(estimate.low), _finite(estimate.high)]
            for name, estimate in self.numbers.items()
        }
        return {
            "file": plain_text(self.file),
            "decision": self.decision,
            "reason": self.reason,
            "numbers": numbers,
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, repr=False)
class Screening(Sequence[ScreenedFile]):
    """Result of :func:`screen_photons`: the files in the given order.

    Attributes
    ----------
    files : tuple of ScreenedFile
    criteria : tuple of Criterion
    by_value : bool
        Whether the criteria were applied to the values alone.
    elapsed_s : float
        How long it took.
    """

    files: tuple[ScreenedFile, ...]
    criteria: tuple[Criterion, ...]
    by_value: bool = False
    elapsed_s: float = 0.0

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: Any) -> Any:
        return self.files[index]

    @property
    def kept(self) -> tuple[ScreenedFile, ...]:
        """Files that are kept."""
        return tuple(file for file in self.files if file.decision == "keep")

    @property
    def rejected(self) -> tuple[ScreenedFile, ...]:
        """Files that are rejected."""
        return tuple(file for file in self.files if file.decision == "reject")

    @property
    def summary(self) -> dict[str, Any]:
        """The JSON object of ``qdmol photons screen --json``."""
        return {
            "qdmol": 1,
            "criteria": [str(criterion) for criterion in self.criteria],
            "by_value": self.by_value,
            "units": {name: quantity.unit for name, quantity in QUANTITIES.items()},
            "kept": len(self.kept),
            "rejected": len(self.rejected),
            "files": [file.summary for file in self.files],
            "elapsed_s": round(self.elapsed_s, 3),
        }

    def rows(self, *, intervals: bool = True) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Header and one row a file for a table to read: numbers, with their intervals or without, decision, reason."""
        shown = [name for name in QUANTITIES if any(file.numbers.get(name) is not None for file in self.files)]
        header = ("file", *(QUANTITIES[name].title for name in shown), "decision", "reason")
        rows = [
            (
                file.name,
                *(_cell(file.numbers.get(name), interval=intervals) for name in shown),
                file.decision,
                file.reason,
            )
            for file in self.files
        ]
        return header, rows

    @cached_property
    def csv(self) -> str:
        """Table of all files as comma-separated values: each quantity with its 95 % interval, empty where unknown."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        columns = [
            f"{name}{end}{'' if quantity.unit == '1' else '_' + quantity.unit.replace('1/s', 'per_s')}"
            for name, quantity in QUANTITIES.items()
            for end in ("", "_low", "_high")
        ]
        writer.writerow(["file", "decision", "reason", *columns, "warnings"])
        for file in self.files:
            numbers = [text for name in QUANTITIES for text in _csv_cells(file.numbers.get(name))]
            writer.writerow(
                [
                    _csv_text(file.file),
                    file.decision,
                    _csv_text(file.reason),
                    *numbers,
                    _csv_text(" ".join(file.warnings)),
                ]
            )
        return out.getvalue()

    def __str__(self) -> str:
        lines = [f"{len(self.kept)} of {len(self)} files kept"]
        lines += [f"{file.name}: {file.decision}: {file.reason}" for file in self.files]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Screening of {len(self)} files: {len(self.kept)} kept>"


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None


def _cell(estimate: Estimate | None, *, interval: bool = True) -> str:
    if estimate is None:
        return NO_VALUE
    if not interval and estimate.low < estimate.high:
        return shown_number(estimate.value, 3)
    if estimate.low == estimate.high:
        return shown_number(estimate.value)
    return interval_text(Estimate(estimate.value, estimate.low, estimate.high, ""))


def _csv_cells(estimate: Estimate | None) -> tuple[str, str, str]:
    if estimate is None:
        return "", "", ""
    low, high = (_finite(end) for end in (estimate.low, estimate.high))
    return f"{estimate.value:.9g}", "" if low is None else f"{low:.9g}", "" if high is None else f"{high:.9g}"


def _csv_text(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    cleaned = plain_text(text)
    return f"'{cleaned}" if cleaned[:1] in {"=", "+", "-", "@"} else cleaned


@dataclass(frozen=True, slots=True)
class ScreeningTask:
    """Input of `examine`: a file and the options of its analysis."""

    file: str
    options: tuple[tuple[str, Any], ...]


_Numbers = dict[str, Annotated[list[float | None], Field(min_length=3, max_length=3)] | None]


class ScreeningRecord(StoredModel):
    """The record of an examined file: numbers with the ends of their intervals, and what speaks against the file."""

    status: Literal["done"]
    numbers: _Numbers
    faults: list[str]
    warnings: list[str]


def examine(task: ScreeningTask) -> Record:
    """Analyse a file and return its ``numbers``, ``faults`` and ``warnings``."""
    # Imported here: files whose records are on disk come back without the analysis.
    from qdmol.analysis.analyzing import INDEPENDENT, analyze_photons

    analysis = analyze_photons(task.file, leave_out=INDEPENDENT, **dict(task.options))
    numbers = {name: None if each is None else _as_list(each) for name, each in _numbers(analysis).items()}
    return {"numbers": numbers, "faults": _faults(analysis), "warnings": list(analysis.messages("warning"))}


def _as_list(estimate: Estimate) -> list[float | None]:
    return [float(estimate.value), _finite(float(estimate.low)), _finite(float(estimate.high))]


def _numbers(analysis: PhotonAnalysis) -> dict[str, Estimate | None]:
    lifetime = None if analysis.lifetime is None else analysis.lifetime.mean
    g2 = analysis.g2
    rates = (None, None) if analysis.refused else (analysis.duration_s, analysis.count_rate_hz)
    return {
        "photons": _exact(analysis.photons),
        "duration": _exact(rates[0]),
        "rate": _exact(rates[1]),
        "lifetime": lifetime,
        "g2": None if g2 is None else g2.against_independent,
        "g2_side": None if g2 is None else g2.against_sides,
    }


def _exact(value: float | None) -> Estimate | None:
    return None if value is None else Estimate(value, value, value, "")


def _faults(analysis: PhotonAnalysis) -> list[str]:
    """Why a file is rejected whatever the criteria."""
    if analysis.refused:
        return [next(iter(analysis.messages("fatal")), "the recording contradicts itself")]
    faults = ["the file ends early"] if analysis.truncated else []
    if analysis.histogram and analysis.decay is None:  # coincidences, which have pairs but no photons
        return faults or ([] if analysis.g2 is not None else [next(iter(analysis.messages("warning")), "no g2")])
    return faults or (["the recording contains no photons"] if not analysis.photons else [])


def screen_photons(
    sources: Iterable[str | Path],
    *,
    require: Iterable[str | Criterion] = (),
    by_value: bool = False,
    output: str | Path | None = None,
    workers: int = 0,
    time_limit: float | None = TIME_LIMIT,
    progress: Progress | None = None,
    **options: Any,
) -> Screening:
    """Analyse many files and decide for each whether to keep it.

    Parameters
    ----------
    sources
        Paths of files of time-tagged photons or histograms.
    require
        Criteria such as ``"g2<0.5"`` or ``"lifetime>10ns"``, all of which a file must meet; see `QUANTITIES`. Without
        any, every file that is whole and does not contradict itself is kept.
    by_value
        Compare the values alone; otherwise the whole 95 % interval must meet a criterion.
    output
        A CSV file to be written. Finished files are remembered in ``<output>.parts``, so that a second screening with
        other criteria takes no time; a file that has changed is analysed again.
    workers
        Worker processes; 0 analyses in this process.
    time_limit
        Seconds for a file, None for no limit.
    progress
        Called with a `State` after each file.
    **options
        As those of :func:`analyze_photons`, the same for every file; `response` and `dark` must be paths.

    Raises
    ------
    qdmol.errors.InputError
        There are no files, response or dark recording do not exist, a criterion is invalid, or the output would replace
        an input.
    qdmol.errors.OutputError
        The table cannot be written.
    """
    started = time.perf_counter()
    paths = [str(path) for path in sources]
    options = {name: _absolute(value) if name in _FILE_OPTIONS else value for name, value in options.items()}
    for name in _FILE_OPTIONS:
        if options.get(name) is not None and not Path(str(options[name])).is_file():
            raise InputError(field=name, value=options[name], allowed="a file that exists")
    if not paths:
        raise InputError(field="sources", value=None, allowed="at least one file")
    check_words(options.get("model", "auto"), options.get("afterglow", "flag"))
    criteria = tuple(each if isinstance(each, Criterion) else Criterion.parse(each) for each in require)
    table = None if output is None else _table_path(output, paths, options)
    records: dict[int, Record] = {}
    run_jobs(
        JobList([_job(path, options) for path in paths], _PRELOAD),
        folder=store_folder(table),
        resources=Resources(workers if len(paths) > 1 else 0, limit=time_limit),
        enter=records.__setitem__,
        progress=progress,
    )
    files = tuple(_decided(path, records[index], criteria, by_value=by_value) for index, path in enumerate(paths))
    screening = Screening(files, criteria, by_value, time.perf_counter() - started)
    if table is not None:
        write_text_atomic(table, screening.csv)
    return screening


def _absolute(path: Any) -> str | None:
    return None if path is None else str(Path(path).absolute())


def _table_path(output: str | Path, paths: Sequence[str], options: Mapping[str, Any]) -> Path:
    table = Path(output)
    if table.suffix.lower() != ".csv":
        raise InputError(field="output", value=str(output), allowed="a file name that ends in .csv")
    if not table.absolute().parent.is_dir():
        raise InputError(field="output", value=str(output), allowed="in a folder that exists")
    inputs = [*paths, *(str(options[key]) for key in _FILE_OPTIONS if options.get(key) is not None)]
    refuse_overwriting([table], inputs, store=store_folder(table))
    return table


def _job(path: str, options: Mapping[str, Any]) -> Job | InputError:
    try:
        states = [_state(path), *(_state(str(options[key])) for key in _FILE_OPTIONS if options.get(key))]
    except OSError as error:
        reason = f"the file cannot be read: {error.strerror or error}"
        return InputError(field="file", value=path, allowed="a readable file", message=reason)
    task = ScreeningTask(str(Path(path).absolute()), tuple(sorted(options.items())))
    return Job(
        function="qdmol.analysis.screening:examine",
        payload=task,
        key=job_key("screening", repr(task), json.dumps(states), source=_SOURCE),
        record="qdmol.analysis.screening:ScreeningRecord",
        source=_SOURCE,
    )


def _state(path: str) -> list[int | str]:
    """Path, size and time of the last change of a file: what tells that it is still the same."""
    state = os.stat(path)  # noqa: PTH116  # a path may be of any form here
    return [str(Path(path).absolute()), state.st_size, state.st_mtime_ns]


def _decided(path: str, record: Record, criteria: Sequence[Criterion], *, by_value: bool) -> ScreenedFile:
    if not is_done(record):
        return ScreenedFile(path, "reject", plain_text(str(record["reason"])), dict.fromkeys(QUANTITIES))
    numbers = {name: _estimate(record["numbers"].get(name), name) for name in QUANTITIES}
    reasons = [plain_text(text) for text in record["faults"]]
    if not reasons:
        reasons = [
            text
            for criterion in criteria
            if (text := _objection(criterion, numbers[criterion.quantity], by_value=by_value))
        ]
    warnings = tuple(map(plain_text, record["warnings"]))
    if reasons:
        return ScreenedFile(path, "reject", "; ".join(reasons), numbers, warnings)
    kept_for = ", ".join(map(str, criteria)) if criteria else "readable and consistent"
    return ScreenedFile(path, "keep", kept_for, numbers, warnings)


def _estimate(stored: Sequence[float | None] | None, name: str) -> Estimate | None:
    value, low, high = stored or (None, None, None)
    if value is None:
        return None
    unit = QUANTITIES[name].unit
    ends = (float("-inf") if low is None else low, float("inf") if high is None else high)
    return Estimate(value, *ends, "" if unit == "1" else unit)


def _objection(criterion: Criterion, estimate: Estimate | None, *, by_value: bool) -> str:
    """Why a quantity does not meet a criterion; empty where it does."""
    if estimate is None:
        return f"{criterion.quantity} is not known"
    if criterion.met_by(estimate, by_value=by_value):
        return ""
    stated = f"{criterion.quantity} is {_cell(estimate)}"
    if by_value or criterion.excluded_by(estimate):
        return f"{stated}, which does not meet {criterion}"
    return f"{stated}, so {criterion} is not established"
