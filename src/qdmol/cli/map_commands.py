"""Commands for several molecules: `map`, `batch` and `compare`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qdmol.cli.commands import NOT_CONVERGED, Json, Particles, Quiet, SpecArgument, app
from qdmol.cli.console import emit, message, say, show
from qdmol.cli.outputs import refuse_unwritable, refuse_unwritable_folder
from qdmol.cli.progress import map_progress
from qdmol.errors import InputError

if TYPE_CHECKING:
    from qdmol.plot import Drawing
    from qdmol.study import Batch, Map

Workers = Annotated[
    int | None,
    typer.Option("--workers", help="Number of worker processes (default: one per core); 0 computes in this process."),
]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", help="Address of a running dask scheduler to use instead; use trusted networks only."),
]
TimeLimit = Annotated[float, typer.Option("--time-limit", help="Time limit per point in seconds.")]
Plot = Annotated[
    bool, typer.Option("--plot", help="Draw a figure beside the data: PDF, PNG and a CSV of what is drawn.")
]
Quantities = Annotated[
    list[str] | None,
    typer.Option(
        "--quantity",
        metavar="KEY",
        help="Variable to draw, such as splitting or electron_energy[0]; needs --plot. Repeat for more panels.",
    ),
]


@app.command("map")
def map_(  # noqa: PLR0913, PLR0917  # the options of a command are its arguments
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
    particles: Particles = None,
    plot: Plot = False,
    quantity: Quantities = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--at",
            metavar="AXIS=VALUE",
            help="Value of an axis at which the figure is drawn; a figure has at most three axes. Needs --plot.",
        ),
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
    chosen = _figure_options(path, plot=plot, quantity=quantity, at=at)
    if plot:
        _check_figure(spec, axis or [], chosen, quantity, coulomb=particles is not None)
    with map_progress(quiet=quiet) as tell:
        result = map_spec(
            spec, axes=axis or [], output=path, particles=particles, workers=_workers(workers, scheduler),
            scheduler=scheduler, time_limit=time_limit, progress=tell,
        )  # fmt: skip
    figures: list[Path] | None = [] if plot else None
    if plot:
        from qdmol.plot import draw_map
        from qdmol.structure import spec_files

        inputs = spec_files(result.spec)
        figures = _drawn(lambda: draw_map(result, quantity, at=chosen, name=path.stem), path, inputs)
    return _show(result, f"File: {path.absolute()}", figures, json=json, quiet=quiet)


def _show(result: Map | Batch, line: str, figures: list[Path] | None, *, json: bool, quiet: bool) -> int:
    """Print a result, where its data are and its figures, and return the exit status."""
    if json:
        named = {} if figures is None else {"figures": [str(file.absolute()) for file in figures]}
        emit({**result.summary, **named})
    elif not quiet:
        message(str(result))
        say(line)
        for file in figures or ():
            say(f"Figure: {file.absolute()}")
    complete = figures is None or bool(figures)
    return 0 if result.converged and complete else NOT_CONVERGED


def _figure_options(
    path: Path, *, plot: bool, quantity: list[str] | None, at: list[str] | None = None
) -> dict[str, str]:
    """Return the values of axes at which a figure is drawn; InputError for options that need --plot.

    The files of the figure must be writable.
    """
    if not plot:
        for name, given in (("quantity", quantity), ("at", at)):
            if given:
                raise InputError(field=name, value=given[0], allowed="absent without --plot")
        return {}
    for suffix in (".pdf", ".png"):
        refuse_unwritable(path.with_suffix(suffix), "output")
    chosen = {}
    for text in at or ():
        name, separator, value = text.partition("=")
        if not separator or not name.strip() or not value.strip():
            raise InputError(field="at", value=text, allowed="AXIS=VALUE, such as barrier=1.2nm")
        chosen[name.strip()] = value.strip()
    return chosen


def _check_figure(
    spec: str, axes: list[str], at: dict[str, str], quantities: list[str] | None, *, coulomb: bool
) -> None:
    """Raise InputError, before any work, for a figure that the map cannot have."""
    from qdmol.plot import check_map
    from qdmol.structure import read_spec
    from qdmol.study import make_axes, make_axis, quantity_names

    parsed = read_spec(spec)
    parsed_axes = make_axes(axes, parsed)
    check_map([(axis.name, len(axis.values)) for axis in parsed_axes], at)
    for name, value in at.items():
        make_axis(name, value, parsed)
    varied = any(axis.field == "calculation.coulomb" for axis in parsed_axes)
    has_coulomb = coulomb or varied or parsed.calculation.coulomb != "none"
    names = quantity_names([axis.name for axis in parsed_axes], coulomb=has_coulomb)
    for quantity in quantities or ():
        stem = quantity.partition("[")[0].strip()
        if stem not in names and not (has_coulomb and stem.startswith("complex_")):
            raise InputError(field="quantity", value=quantity, allowed=f"a quantity of this map: {', '.join(names)}")


def _drawn(draw: Callable[[], Drawing], path: Path, inputs: Iterable[str | Path]) -> list[Path]:
    """Write a figure beside its data; nothing, with a message, where there is nothing to draw."""
    from qdmol.files import refuse_overwriting
    from qdmol.plot import write_drawings

    try:
        drawing = draw()
        names = (f"{drawing.name}.pdf", f"{drawing.name}.png", *(f"{table.name}.csv" for table in drawing.tables))
        refuse_overwriting([path.parent / name for name in names], inputs)
    except InputError as error:
        message(f"No figure was written: {error}")
        return []
    return list(write_drawings([drawing], path.parent))


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
def batch(  # noqa: PLR0913, PLR0917  # the options of a command are its arguments
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
    particles: Particles = None,
    plot: Plot = False,
    quantity: Quantities = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    time_limit: TimeLimit = 300.0,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Solve a folder of specs or a table of samples. The results are collected in one table."""
    from qdmol.study import solve_batch

    path = _output(output, "FILE.csv", (".csv", ".nc"))
    _figure_options(path, plot=plot, quantity=quantity)
    if plot:
        _check_quantities(quantity)
    with map_progress(quiet=quiet) as tell:
        result = solve_batch(
            source, spec=spec, output=path, particles=particles, workers=_workers(workers, scheduler),
            scheduler=scheduler, time_limit=time_limit, progress=tell,
        )  # fmt: skip
    figures: list[Path] | None = None
    if plot:
        from qdmol.plot import draw_samples

        inputs = [source] if spec is None or spec.startswith("@") else [source, spec]
        figures = _drawn(lambda: draw_samples(result, quantity, name=path.stem), path, inputs)
    return _show(result, f"Table: {path.absolute()}", figures, json=json, quiet=quiet)


def _check_quantities(quantities: list[str] | None) -> None:
    """Raise InputError for a quantity that no sample has."""
    from qdmol.study import quantity_names

    names = quantity_names(["sample"], coulomb=True)
    for quantity in quantities or ():
        stem = quantity.partition("[")[0].strip()
        if stem not in names and not stem.startswith("complex_"):
            raise InputError(field="quantity", value=quantity, allowed=f"a quantity of a sample: {', '.join(names)}")


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
