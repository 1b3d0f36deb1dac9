"""The verbs. Each reads its words, calls one room, and shows what came back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qdmol.cli.claims_command import claims
from qdmol.cli.console import emit, message, progress, say, show
from qdmol.cli.outputs import Outputs, planned_outputs, refuse_inputs, with_map, write_new
from qdmol.errors import InputError
from qdmol.units import parse_quantity

if TYPE_CHECKING:
    from qdmol.structure import Spec
    from qdmol.study import Map, Solution


NOT_CONVERGED = 3

app = typer.Typer(
    name="qdmol",
    help="Levels, wavefunctions and excitons of fused colloidal quantum dots, with error bars.",
    no_args_is_help=False,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SpecArgument = Annotated[str, typer.Argument(metavar="SPEC", help="Path of a spec, or @name of a shipped example.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Nothing but results and errors.")]
Particles = Annotated[
    str | None,
    typer.Option("--particles", help="Complexes by configuration interaction: X,X-,X+,XX, or counts as 3e2h."),
]
Range = Annotated[bool, typer.Option("--range", help="Also over the alternatives that the material set lists.")]


def _version(value: bool) -> None:
    if value:
        from qdmol import __version__

        say(f"qdmol {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Levels, wavefunctions and excitons of fused colloidal quantum dots, with error bars."""


@app.command()
def init(
    name: Annotated[str, typer.Argument(help="A shipped example (see --list).")] = "homodimer",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File to write (default ./NAME.yaml).")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the shipped examples.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it exists.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Start a spec from a shipped example."""
    from qdmol.structure import example_path, list_examples

    if list_:
        _list_examples(list_examples(), json=json)
        return
    source = example_path(name.removeprefix("@"))
    path = output or Path(f"{source.stem}.yaml")
    refuse_inputs((path,), (source,))
    write_new(path, source.read_text(encoding="utf-8"), force=force)
    if json:
        emit({"qdmol": 1, "file": str(path.absolute())})
    elif not quiet:
        message(f"Wrote {path}; next: qdmol run {path}")


def _list_examples(names: tuple[str, ...], *, json: bool) -> None:
    from qdmol.structure import read_spec

    titles = {name: read_spec(f"@{name}").name for name in names}
    if json:
        emit({"qdmol": 1, "examples": [{"name": name, "title": title} for name, title in titles.items()]})
        return
    width = max(len(name) for name in names)
    for name, title in titles.items():
        say(f"@{name:<{width}}  {title}")


@app.command()
def check(
    spec: Annotated[
        str | None, typer.Argument(metavar="SPEC", help="Path of a spec, or @name of a shipped example.")
    ] = None,
    json: Json = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of specs instead.")] = False,
    quiet: Quiet = False,
) -> None:
    """Validate a spec without solving it."""
    if schema:
        from qdmol.structure import spec_schema

        emit(spec_schema())
        return
    if spec is None:
        raise InputError(field="SPEC", value=None, allowed="given", message="The argument SPEC is missing.")
    from qdmol.cli.spec_tables import check_object, check_text
    from qdmol.structure import read_spec, resolve

    parsed = read_spec(spec)
    molecule = resolve(parsed)
    if json:
        emit(check_object(parsed, molecule))
    elif not quiet:
        show(check_text(parsed, molecule))


@app.command()
def materials(
    name: Annotated[str | None, typer.Argument(help="A set's name or path; without it the sets are listed.")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show the material sets, or every value of one with its source."""
    from qdmol.cli import spec_tables as tables
    from qdmol.materials import list_sets, load_set

    if name is None:
        sets = [load_set(found) for found in list_sets()]
        if json:
            emit({"qdmol": 1, "sets": [tables.set_entry(one) for one in sets]})
        else:
            show(tables.sets_table(sets))
        return
    chosen = load_set(name, field="NAME")
    if json:
        emit(tables.set_object(chosen))
    else:
        show(*tables.set_tables(chosen, quiet=quiet))


@app.command()
def solve(
    spec: SpecArgument, json: Json = False, range_: Range = False, particles: Particles = None, quiet: Quiet = False
) -> int:
    """Compute levels and exciton of a molecule, and other complexes if asked."""
    solution = _solved(spec, range_=range_, particles=particles, quiet=quiet or json)
    if json:
        emit(solution.summary)
    else:
        _show_solution(solution)
    return _status(solution, quiet=quiet)


@app.command()
def run(
    spec: SpecArgument,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Report (default ./<stem>.html).")] = None,
    figures: Annotated[Path | None, typer.Option("--figures", help="Folder for PDF, PNG and CSV.")] = None,
    map_: Annotated[bool, typer.Option("--map", help="Also the tunnel splitting over core diameter, barrier.")] = False,
    linewidth: Annotated[
        str | None, typer.Option("--linewidth", help="Width of a line (meV), a contour in the map.")
    ] = None,
    range_: Range = False,
    particles: Particles = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Do the main job: solve, and write one self-contained report and one NetCDF file beside it."""
    from qdmol.structure import read_spec, spec_files

    parsed = read_spec(spec)  # a bad spec is refused before anything is said about files
    width = _linewidth(linewidth, map_=map_)
    outputs = planned_outputs(spec, output, figures, inputs=spec_files(parsed))
    if map_:
        outputs = with_map(outputs, parsed)
    solution = _solved(spec, range_=range_, particles=particles, quiet=quiet or json)
    found = _mapped(solution.spec, outputs.map, quiet=quiet) if outputs.map is not None else None
    report = _write(solution, outputs, coupling=found, linewidth=width)
    if json:
        emit({**solution.summary, "files": outputs.as_dict(report)})
    else:
        if not quiet:
            _show_solution(solution, linewidth=width)
        say(f"Report: {report.absolute()}")
    status = _status(solution, quiet=quiet)
    if found is None or found.converged:
        return status
    if not quiet:
        message(f"The map is not complete: {found}")
    return NOT_CONVERGED


def _linewidth(text: str | None, *, map_: bool) -> float | None:
    """Return the linewidth in meV; InputError for what is none, and where there is no map to draw it in."""
    if text is None:
        return None
    if not map_:
        raise InputError(field="linewidth", value=text, allowed="absent without --map, where it is drawn")
    width = parse_quantity(text, kind="energy_mev", field="linewidth")
    if width <= 0:
        raise InputError(field="linewidth", value=text, allowed="above 0 meV")
    return width


def _mapped(spec: Spec, path: Path, *, quiet: bool) -> Map:
    from qdmol.cli.progress import map_progress
    from qdmol.jobs import cores
    from qdmol.study import coupling_map

    with map_progress(quiet=quiet) as tell:
        return coupling_map(spec, output=path, workers=cores(), progress=tell)


def _solved(spec: str, *, range_: bool, particles: str | None = None, quiet: bool) -> Solution:
    from qdmol.structure import read_spec, resolve

    parsed = read_spec(spec)
    resolve(parsed)  # refused here, a bad spec never waits for the solver to load
    with progress(quiet=quiet) as tell:
        if tell is not None:
            tell("loading the solver")
        from qdmol.study import solve as solve_study

        return solve_study(parsed, range_=range_, particles=particles, progress=tell)


def _write(solution: Solution, outputs: Outputs, *, coupling: Map | None, linewidth: float | None) -> Path:
    from qdmol.report import write_report

    extra: dict[str, Any] = {} if coupling is None else {"coupling": coupling, "linewidth": linewidth}
    return Path(write_report(solution, outputs.report, figures=outputs.figures, **extra))


def _show_solution(solution: Solution, *, linewidth: float | None = None) -> None:
    from qdmol.cli.result_tables import solution_tables

    show(*solution_tables(solution, linewidth=linewidth))


def _status(solution: Any, *, quiet: bool) -> int:
    if solution.converged:
        return 0
    if not quiet:
        message("Not converged or incomplete: the warnings say which number is missing or misses its tolerance.")
    return NOT_CONVERGED


app.command()(claims)
