"""Commands for several molecules: `map`, `batch` and `compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qdmol.cli.commands import NOT_CONVERGED, Json, Quiet, SpecArgument, app
from qdmol.cli.console import emit, message, say, show
from qdmol.cli.outputs import refuse_unwritable, refuse_unwritable_folder
from qdmol.cli.progress import map_progress
from qdmol.errors import InputError

Workers = Annotated[
    int | None,
    typer.Option("--workers", help="Number of worker processes (default: one per core); 0 computes in this process."),
]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", help="Address of a running dask scheduler to use instead; use trusted networks only."),
]
TimeLimit = Annotated[float, typer.Option("--time-limit", help="Time limit per point in seconds.")]


@app.command("map")
def map_(
    spec: SpecArgument,
    axis: Annotated[
        list[str] | None,
        typer.Option(
            "--axis",
            metavar="AXIS=VALUES",
            help="Axis with its values, START:STOP:COUNT or a list such as 1.2,1.4. Repeat for more axes.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE.nc", help="NetCDF file to write.")
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    time_limit: TimeLimit = 300.0,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Solve a spec over one or more axes. Finished points are stored, so that a stopped map can be resumed."""
    from qdmol.study import map_spec

    path = _output(output, "FILE.nc", (".nc",))
    with map_progress(quiet=quiet) as tell:
        result = map_spec(
            spec, axes=axis or [], output=path, workers=_workers(workers, scheduler), scheduler=scheduler,
            time_limit=time_limit, progress=tell,
        )  # fmt: skip
    if json:
        emit(result.summary)
    elif not quiet:
        message(str(result))
        say(f"File: {path.absolute()}")
    return 0 if result.converged else NOT_CONVERGED


def _output(output: Path | None, shown: str, suffixes: tuple[str, ...]) -> Path:
    """Return the output path; InputError if it, the file beside it or the store of points cannot be written."""
    from qdmol.jobs import store_folder

    if output is None:
        raise InputError(field="output", value=None, allowed="given", message=f"The option -o {shown} is missing.")
    refuse_unwritable(output, "output")
    if output.suffix.lower() not in suffixes:
        allowed = f"a file name that ends in {' or '.join(suffixes)}"
        raise InputError(field="output", value=str(output), allowed=allowed)
    for suffix in suffixes:
        refuse_unwritable(output if output.suffix.lower() == suffix else output.with_suffix(suffix), "output")
    folder = store_folder(output if output.suffix.lower() == ".nc" else output.with_suffix(".nc"))
    if folder is not None:
        refuse_unwritable_folder(folder, "output", parents=True)
    return output


def _workers(workers: int | None, scheduler: str | None) -> int | None:
    """Return the requested number of workers; one for each core by default."""
    if workers is None and scheduler is None:
        from qdmol.jobs import cores

        return cores()
    return workers


@app.command()
def batch(
    source: Annotated[
        str, typer.Argument(metavar="FOLDER|TABLE.csv", help="Folder of specs, or a table with one sample per row.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Table to write (.csv); the same data are written as .nc."),
    ] = None,
    spec: Annotated[
        str | None, typer.Option("--spec", metavar="SPEC", help="Spec to which the columns of a table are applied.")
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    time_limit: TimeLimit = 300.0,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Solve a folder of specs or a table of samples. The results are collected in one table."""
    from qdmol.study import solve_batch

    path = _output(output, "FILE.csv", (".csv", ".nc"))
    with map_progress(quiet=quiet) as tell:
        result = solve_batch(
            source, spec=spec, output=path, workers=_workers(workers, scheduler), scheduler=scheduler,
            time_limit=time_limit, progress=tell,
        )  # fmt: skip
    if json:
        emit(result.summary)
    elif not quiet:
        message(str(result))
        say(f"Table: {path.absolute()}")
    return 0 if result.converged else NOT_CONVERGED


@app.command()
def compare(
    first: Annotated[
        str, typer.Argument(metavar="A", help="Path of a spec (YAML or JSON), or @NAME of a shipped example.")
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="Spec to compare it with.")],
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Compare two specs and their results. Marks the results that differ by more than their errors."""
    from qdmol.study import compare as compare_specs

    result = compare_specs(first, second)
    if json:
        emit(result.summary)
    else:
        from qdmol.cli.result_tables import comparison_tables

        show(*comparison_tables(result, quiet=quiet))
    if not result.converged and not quiet:
        message("Not converged: at least one quantity exceeds its requested tolerance.")
    return 0 if result.converged else NOT_CONVERGED
