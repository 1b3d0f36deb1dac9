"""Batches: the specs of a folder, or the rows of a CSV table applied to one spec, solved into one table.

A table has a header. A column is a field of the spec, named as the axes of a map are (`core_radius`,
`overrides.CdS.conduction_offset`, ...), with optional units in the cells; `name` names the sample; `spec` names a spec
file for the row, relative to the table. An empty cell leaves the spec as it is. An invalid sample is a row without
numbers and with its reason.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import html
import io
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from qdmol.errors import InputError
from qdmol.files import read_input, refuse_overwriting, write_text_atomic
from qdmol.jobs import TIME_LIMIT, Progress, Resources, run_jobs, source_digest, store_folder
from qdmol.results import FIGURE_ROOM, Drawable, SavedResult, decode, encode, provenance, save_result, saved_attributes
from qdmol.structure import Spec, dump_spec, read_spec, spec_files, spec_mapping
from qdmol.study.axes import Axis, make_axis
from qdmol.study.mapping import complex_names, interacting_spec
from qdmol.study.plan import GridPlan, ListPlan
from qdmol.study.points import SOLVER_SOURCE
from qdmol.study.table import Coordinate, Table

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes


KIND = "batch"
SUFFIXES = (".yaml", ".yml", ".json")
MAX_BYTES = 20_000_000
MAX_LISTED_FAILURES = 10
RESULTS = ("spacing",)


@dataclass(frozen=True, repr=False)
class Batch(Drawable):
    """Solved samples: `files` (CSV and NetCDF) have one row for each sample."""

    names: tuple[str, ...]
    specs: Sequence[Spec | InputError]
    files: tuple[Path, ...]
    elapsed: float
    table: Table = field(repr=False, kw_only=True)

    @property
    def converged(self) -> bool:
        """Whether every sample was solved and every energy is converged to its tolerance."""
        return self.table.converged

    @property
    def failed(self) -> tuple[tuple[str, str], ...]:
        """Name and reason of every failed sample."""
        return tuple((self.names[place[0]], reason) for place, reason in self.table.failures)

    @property
    def summary(self) -> dict[str, Any]:
        """The JSON object of ``qdmol batch --json``."""
        return {
            "qdmol": 1,
            "files": [str(path.absolute()) for path in self.files],
            "samples": list(self.names),
            "done": self.table.done,
            "failed": [{"sample": name, "reason": reason} for name, reason in self.failed],
            "converged": self.converged,
            "elapsed_s": self.elapsed,
        }

    def plot(self, quantity: str | Sequence[str] | None = None, ax: Axes | Sequence[Axes] | None = None) -> Any:
        """Draw the samples beside each other; the same as :func:`qdmol.plot.samples`, whose parameters these are."""
        return import_module(FIGURE_ROOM).samples(self, quantity, ax)

    @cached_property
    def data(self) -> xr.Dataset:
        """Every number over the dimension ``sample``, with units."""
        return self.table.dataset(_attributes(self.specs, self.files, self.table))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the batch to a NetCDF file that :func:`qdmol.load` reads back.

        Raises
        ------
        InputError
            The file name does not end in ``.nc``.
        OutputError
            The file cannot be written.
        """
        record = {**_record(self.specs, self.files, self.table), "elapsed": self.elapsed}
        return save_result(path, kind=KIND, values=record, data=self.data)

    @classmethod
    def from_saved(cls, saved: SavedResult) -> Self:
        """Return the batch that a file holds; InputError where it holds no complete one."""
        record, folder = saved.values, saved.path.absolute().parent
        try:
            specs = [_decoded_spec(spec, folder) for spec in record["specs"]]
            coordinates = [
                Coordinate(**{**coordinate, "values": tuple(coordinate["values"])})
                for coordinate in record["coordinates"]
            ]
            plan = ListPlan(coordinates[0].values, specs)
            table = Table(shape=plan.shape, dims=plan.dims, coordinates=coordinates, coulomb=_has_coulomb(specs))
            table.fill_from(saved.data)
            files = tuple(map(Path, record["files"]))
            return cls(coordinates[0].values, specs, files, float(record.get("elapsed", 0.0)), table=table)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise saved.incomplete(KIND, error) from None

    def __repr__(self) -> str:
        return f"<Batch of {self.table.count} samples: {self.table.done} solved>"

    def _repr_html_(self) -> str:
        return "".join(f"<div>{html.escape(line)}</div>" for line in str(self).splitlines())

    def __str__(self) -> str:
        sentences = [f"{self.table.done} of {self.table.count} samples were solved."]
        unconverged = self.table.unconverged
        if unconverged:
            (place, note), *_ = unconverged
            are = "are" if len(unconverged) > 1 else "is"
            sentences.append(
                f"{len(unconverged)} of them {are} not converged to the tolerance, the first {self.names[place[0]]}"
                f"{f': {note}' if note else '.'}"
            )
        sentences += [f"Sample {name} failed: {reason}" for name, reason in self.failed[:MAX_LISTED_FAILURES]]
        if len(self.failed) > MAX_LISTED_FAILURES:
            sentences.append(f"{len(self.failed) - MAX_LISTED_FAILURES} more samples failed; see the column `reason`.")
        return "\n".join(sentences)


def _decoded_spec(record: Mapping[str, Any], folder: Path) -> Spec | InputError:
    """Spec of a sample in a saved batch, or what is wrong with it."""
    if set(record) == {"error", "content"}:
        error: InputError = decode(record, (), {})
        return error
    return read_spec(record, folder=folder)


def solve_batch(
    source: str | os.PathLike[str],
    *,
    output: str | os.PathLike[str],
    spec: Spec | str | Path | Mapping[str, object] | None = None,
    particles: str | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    time_limit: float | None = TIME_LIMIT,
    progress: Progress | None = None,
) -> Batch:
    """Solve every spec of a folder, or every row of a CSV table, into one CSV and one NetCDF file.

    Parameters
    ----------
    source
        A folder (its files ending in .yaml, .yml or .json) or a CSV table.
    output
        The table, ``.csv`` or ``.nc``; the other goes beside it. Finished samples are kept as those of a map are.
    spec
        What the columns of a table are applied to, unless a column ``spec`` names one for each row.
    particles, workers, scheduler, time_limit, progress
        As of :func:`qdmol.map`.

    Raises
    ------
    InputError
        There are no samples, a column is no field, no sample is valid, or a file would replace one that is read.
    OutputError
        A file cannot be written.
    """
    started = time.perf_counter()
    table_path, data_path = _paths(Path(output))
    if workers is not None and scheduler is not None:
        raise InputError(field="workers", value=workers, allowed="absent where a scheduler is given")
    complexes = None if particles is None else complex_names(particles)
    samples = _read(source, spec=spec)
    if complexes is not None:
        samples = replace(samples, specs=[_interacting(sample) for sample in samples.specs])
    names, specs = samples.names, samples.specs
    _refuse_overwriting(Path(output), (table_path, data_path), [source, *samples.files])
    plan = ListPlan(names, specs, complexes)
    table = Table(shape=plan.shape, dims=plan.dims, coordinates=_coordinates(samples), coulomb=_has_coulomb(specs))

    attributes = _attributes(specs, (table_path, data_path), table)

    def write() -> None:
        table.write(data_path, attributes)
        write_text_atomic(table_path, _csv(table))

    resources = Resources(workers or 0, scheduler, time_limit)
    run_jobs(
        plan,
        folder=store_folder(data_path),
        resources=resources,
        enter=table.fill,
        write=write,
        progress=progress,
        require_valid=True,
    )
    return Batch(names, specs, (table_path, data_path), time.perf_counter() - started, table=table)


def _interacting(sample: Spec | InputError) -> Spec | InputError:
    """Spec of a sample with configuration interaction, or what is wrong with it."""
    try:
        return sample if isinstance(sample, InputError) else interacting_spec(sample)
    except InputError as error:
        return error


def _refuse_overwriting(output: Path, written: Sequence[Path], read: Iterable[str | os.PathLike[str]]) -> None:
    """Raise InputError where a table, or a sample that is kept, would replace one of the files that are read."""
    named_first = sorted(written, key=lambda path: path != output)
    refuse_overwriting(named_first, dict.fromkeys(map(Path, read)), store=store_folder(written[1]))


def _paths(output: Path) -> tuple[Path, Path]:
    if output.suffix.lower() not in {".csv", ".nc"}:
        raise InputError(field="output", value=str(output), allowed="a file name that ends in .csv or .nc")
    if not output.absolute().parent.is_dir():
        raise InputError(field="output", value=str(output), allowed="in a folder that exists")
    return output.with_suffix(".csv"), output.with_suffix(".nc")


def read_samples(
    source: str | os.PathLike[str], *, spec: Spec | str | Path | Mapping[str, object] | None = None
) -> tuple[tuple[str, ...], list[Spec | InputError]]:
    """Return the names of the samples and the spec of each, or what is wrong with it."""
    samples = _read(source, spec=spec)
    return samples.names, list(samples.specs)


@dataclass(frozen=True, slots=True)
class _Samples:
    """Names, specs or their errors, the cells of the table by column, and all files that were read."""

    names: tuple[str, ...]
    specs: Sequence[Spec | InputError]
    given: Mapping[str, tuple[str, ...]]
    files: tuple[Path, ...]


def _read(source: str | os.PathLike[str], *, spec: Any) -> _Samples:
    path = Path(source)
    if path.is_dir():
        if spec is not None:
            raise InputError(field="spec", value=str(spec), allowed="absent with a folder, whose files are specs")
        return _from_folder(path)
    if not path.is_file():
        raise InputError(field="source", value=str(source), allowed="a folder of specs or a CSV table")
    return _from_table(path, spec)


def _from_folder(folder: Path) -> _Samples:
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    except OSError as error:
        raise InputError(field="source", value=str(folder), allowed=f"a readable folder ({error.strerror})") from None
    if not files:
        raise InputError(field="source", value=str(folder), allowed="a folder that has files in .yaml, .yml or .json")
    specs = [_or_refusal(path) for path in files]
    return _Samples(tuple(path.name for path in files), specs, {}, (*files, *_files_of(specs)))


def _files_of(specs: Iterable[Spec | InputError]) -> list[Path]:
    """Files that the specs of samples are read from; those of invalid specs are unknown."""
    distinct = {(spec.materials, spec.folder, spec.file): spec for spec in specs if isinstance(spec, Spec)}
    files: dict[Path, None] = {}
    for spec in distinct.values():
        with contextlib.suppress(InputError):  # no such material set: the sample will say so
            files.update(dict.fromkeys(spec_files(spec)))
    return list(files)


def _or_refusal(source: Any) -> Spec | InputError:
    try:
        return read_spec(source)
    except InputError as error:
        return error


def _from_table(path: Path, spec: Any) -> _Samples:
    header, rows = _read_csv(path)
    columns = [column for column in header if column not in {"name", "spec"}]
    if "spec" not in header and spec is None:
        allowed = "given (--spec, or a column `spec` in the table) as the spec to which the columns are applied"
        raise InputError(field="spec", value=None, allowed=allowed)
    base = None if spec is None else read_spec(spec)
    if base is not None:
        for column in columns:  # a column that is no field of the spec is refused before any work
            make_axis(column, _first(rows, column), base)
    names = tuple(row.get("name") or f"row {number}" for number, row in enumerate(rows, start=1))
    given = {column: tuple(row[column] for row in rows) for column in columns}
    specs = [_sample(row, columns, base, path.parent) for row in rows]
    files = [path.parent / row["spec"] for row in rows if row.get("spec") and not row["spec"].startswith("@")]
    if base is not None:
        files += spec_files(base)
    return _Samples(names, specs, given, (*files, *_files_of(specs)))


def _first(rows: Sequence[Mapping[str, str]], column: str) -> list[str]:
    given = [row[column] for row in rows if row[column]]
    if not given:
        raise InputError(field=column, value=None, allowed="a column with at least one value")
    return given[:1]


def _read_csv(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    try:
        text = read_input(path, largest=MAX_BYTES, field="source").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(field="source", value=str(path), allowed=f"a table that can be read ({error})") from None
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    lines = [[cell.strip() for cell in line] for line in csv.reader(io.StringIO(text), delimiter=delimiter)]
    lines = [line for line in lines if any(line)]
    if len(lines) < 2:
        raise InputError(field="source", value=str(path), allowed="a table with a header and at least one row")
    header, *rows = lines
    if len(set(header)) < len(header) or not all(header):
        raise InputError(field="source", value=", ".join(header), allowed="a header that has each column's name once")
    for number, row in enumerate(rows, start=1):
        if len(row) > len(header):
            raise InputError(field=f"row {number}", value=len(row), allowed=f"{len(header)} cells, as the header has")
    return header, [dict(zip(header, row + [""] * (len(header) - len(row)), strict=True)) for row in rows]


def _sample(row: Mapping[str, str], columns: Sequence[str], base: Spec | None, folder: Path) -> Spec | InputError:
    """Return the spec of a row (its own or the common one) with every cell applied, or what is wrong with it."""
    try:
        spec = base
        if row.get("spec"):
            spec = read_spec(row["spec"] if row["spec"].startswith("@") else folder / row["spec"])
        if spec is None:
            raise InputError(field="spec", value=None, allowed="given in this row, or for all rows with --spec")
        axes: list[Axis] = [make_axis(column, [row[column]], spec) for column in columns if row[column]]
        return GridPlan(spec, tuple(axes)).spec_at(0)
    except InputError as error:
        return error


def _coordinates(samples: _Samples) -> list[Coordinate]:
    texts = tuple("" if isinstance(spec, InputError) else dump_spec(spec) for spec in samples.specs)
    # `spacing` of the table is a length, that of the results an energy.
    given = [
        Coordinate(f"given_{column}" if column in RESULTS else column, "sample", "1", "as given in the table", cells)
        for column, cells in samples.given.items()
    ]
    return [
        Coordinate("sample", "sample", "1", "name of the sample", samples.names),
        *given,
        Coordinate("spec", "sample", "1", "the sample's spec", texts),
    ]


def _has_coulomb(specs: Sequence[Spec | InputError]) -> bool:
    return any(isinstance(spec, Spec) and spec.calculation.coulomb != "none" for spec in specs)


def _attributes(specs: Sequence[Spec | InputError], files: Sequence[Path], table: Table) -> dict[str, str]:
    """Attributes of the file; nothing that differs from run to run."""
    versions = provenance()
    return {
        "title": "table of samples",
        "code": source_digest(SOLVER_SOURCE),
        "versions": json.dumps(versions, sort_keys=True),
        **saved_attributes(KIND, _record(specs, files, table)),
    }


def _record(specs: Sequence[Spec | InputError], files: Sequence[Path], table: Table) -> dict[str, Any]:
    """What :func:`qdmol.load` needs beside the arrays."""
    return {
        "specs": [encode(spec, {}) if isinstance(spec, InputError) else spec_mapping(spec) for spec in specs],
        "files": [str(file) for file in files],
        "coordinates": [dataclasses.asdict(coordinate) for coordinate in table.coordinates],
    }


def _csv(table: Table) -> str:
    """Table as comma-separated values: names with units in the header, full precision, empty cells without numbers."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows(table.rows(leave_out=("spec",)))
    return out.getvalue()
