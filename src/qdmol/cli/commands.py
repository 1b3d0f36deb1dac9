"""Commands for a single molecule: `init`, `check`, `materials`, `solve` and `run`; and the options that commands share.

Each command reads its arguments, calls one room, and shows the result.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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

SpecArgument = Annotated[
    str, typer.Argument(metavar="SPEC", help="Path of a spec (YAML or JSON), or @NAME of a shipped example.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")]
Particles = Annotated[
    str | None,
    typer.Option(
        "--particles",
        help="Complexes to compute by configuration interaction, such as X,X-,X+,XX, or particle numbers such as 3e2h.",
    ),
]
Range = Annotated[
    bool,
    typer.Option(
        "--range",
        help="Also solve for each alternative value in the material set, and report the range of the results.",
    ),
]


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
    name: Annotated[str, typer.Argument(help="Name of a shipped example (see --list).")] = "homodimer",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File to write (default ./NAME.yaml).")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the shipped examples.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it exists.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Copy a shipped example as the start of your own spec."""
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
        str | None, typer.Argument(metavar="SPEC", help="Path of a spec (YAML or JSON), or @NAME of a shipped example.")
    ] = None,
    json: Json = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of specs; needs no SPEC.")] = False,
    quiet: Quiet = False,
) -> None:
    """Validate a spec without solving it. Shows the placed molecule and its parameters."""
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
    name: Annotated[
        str | None,
        typer.Argument(help="Name or path of a material set, or `check`; without it, all sets are listed."),
    ] = None,
    file: Annotated[str | None, typer.Argument(help="With `check`: path or name of the set to validate.")] = None,
    yaml: Annotated[bool, typer.Option("--yaml", help="Print the set NAME as YAML, to copy from.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """List the material sets. With NAME, shows every value of one set; `check FILE` validates your own."""
    _refuse_unused(name, file, yaml=yaml)
    if name == "check":
        return _check_materials(str(file), json=json, quiet=quiet)
    if name is None:
        _list_materials(json=json)
    elif yaml:
        from qdmol.materials import load_set, set_text

        text = set_text(name, field="NAME")
        if json:
            emit({"qdmol": 1, "name": load_set(name, field="NAME").name, "yaml": text})
        else:
            say(text.rstrip("\n"))
    else:
        from qdmol.cli.spec_tables import set_object, set_tables
        from qdmol.materials import load_set

        chosen = load_set(name, field="NAME")
        if json:
            emit(set_object(chosen))
        else:
            show(*set_tables(chosen, quiet=quiet))
    return 0


def _refuse_unused(name: str | None, file: str | None, *, yaml: bool) -> None:
    """Refuse arguments of `qdmol materials` that would have no effect, and a missing one."""
    if name == "check":
        if file is None:
            sentence = "The argument FILE is missing: `qdmol materials check` needs the set to validate."
            raise InputError(field="FILE", value=None, allowed="given", message=sentence)
        if yaml:
            raise InputError(field="--yaml", value=True, allowed="absent with `check`")
    elif file is not None:
        raise InputError(field="FILE", value=file, allowed="absent, except in `qdmol materials check FILE`")
    elif yaml and name is None:
        raise InputError(field="--yaml", value=True, allowed="absent without the NAME of a set")


def _list_materials(*, json: bool) -> None:
    from qdmol.cli.spec_tables import set_entry, sets_table
    from qdmol.materials import list_sets, load_set

    sets = [load_set(set_name) for set_name in list_sets()]
    if json:
        emit({"qdmol": 1, "sets": [set_entry(material_set) for material_set in sets]})
    else:
        show(sets_table(sets))


def _check_materials(file: str, *, json: bool, quiet: bool) -> int:
    """Validate a material set; return the status: 0 for a valid set, even with warnings, else 2."""
    from qdmol.cli.spec_tables import set_check_object, set_check_text
    from qdmol.materials import check_set

    checked = check_set(file, field="FILE")
    if json:
        emit(set_check_object(checked))
    elif not quiet:
        show(*set_check_text(checked))
    for error in checked.errors:
        message(str(error))
    return 0 if checked.valid else InputError.exit_code


@app.command()
def solve(
    spec: SpecArgument, json: Json = False, range_: Range = False, particles: Particles = None, quiet: Quiet = False
) -> int:
    """Compute the levels and the exciton of a molecule. Further complexes are computed with --particles."""
    solution = _solved(spec, range_=range_, particles=particles, quiet=quiet or json)
    if json:
        emit(solution.summary)
    else:
        _show_solution(solution)
    return _status(solution, quiet=quiet)


@app.command()
def run(
    spec: SpecArgument,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Report to write (default ./<stem of SPEC>.html).")
    ] = None,
    figures: Annotated[Path | None, typer.Option("--figures", help="Folder for figures as PDF, PNG and CSV.")] = None,
    map_: Annotated[
        bool, typer.Option("--map", help="Also compute a map of the tunnel splitting over core diameter and barrier.")
    ] = False,
    linewidth: Annotated[
        str | None, typer.Option("--linewidth", help="Linewidth in meV, drawn as a contour in the map; needs --map.")
    ] = None,
    range_: Range = False,
    particles: Particles = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Solve a molecule and write an HTML report. A NetCDF file with all data is written beside it."""
    from qdmol.structure import read_spec, spec_files

    parsed = read_spec(spec)  # an invalid spec is reported before output paths are checked
    width = _linewidth(linewidth, map_=map_)
    outputs = planned_outputs(spec, output, figures, inputs=spec_files(parsed))
    if map_:
        outputs = with_map(outputs, parsed)
    solution = _solved(spec, range_=range_, particles=particles, quiet=quiet or json)
    coupling = _mapped(solution.spec, outputs.map, quiet=quiet) if outputs.map is not None else None
    report = _write(solution, outputs, coupling=coupling, linewidth=width)
    if json:
        emit({**solution.summary, "files": outputs.as_dict(report)})
    else:
        if not quiet:
            _show_solution(solution, linewidth=width)
        say(f"Report: {report.absolute()}")
    status = _status(solution, quiet=quiet)
    if coupling is None or coupling.converged:
        return status
    if not quiet:
        message(f"The map is incomplete: {coupling}")
    return NOT_CONVERGED


def _linewidth(text: str | None, *, map_: bool) -> float | None:
    """Return the linewidth in meV; InputError if it is invalid, or if there is no map to draw it in."""
    if text is None:
        return None
    if not map_:
        raise InputError(field="linewidth", value=text, allowed="absent without --map, since it is drawn in the map")
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
    resolve(parsed)  # an invalid spec is refused before the solver is loaded
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
        message(
            "Not converged or incomplete: the warnings list the quantities that are missing or exceed their tolerance."
        )
    return NOT_CONVERGED
