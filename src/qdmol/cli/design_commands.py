"""Commands that change a spec: `size` to wanted properties, `fit` to measured ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qdmol.cli.commands import NOT_CONVERGED, Json, Quiet, SpecArgument, app
from qdmol.cli.console import emit, message, progress, say, show
from qdmol.cli.outputs import refuse_inputs, refuse_unwritable
from qdmol.errors import InputError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from qdmol.design import Sizing, SpecFit
    from qdmol.results import Drawable
    from qdmol.spectroscopy import Curve
    from qdmol.structure import Spec


Vary = Annotated[
    list[str] | None,
    typer.Option(
        "--vary", metavar="FIELD", help="Field to vary, named like a map axis: core_radius. Repeat for more fields."
    ),
]
Between = Annotated[
    list[str] | None,
    typer.Option(
        "--between",
        metavar="[FIELD=]LOW:HIGH",
        help="Range to search (default: half to twice the value in the spec). Repeat for more fields.",
    ),
]
SpecOutput = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE.yaml", help="Write the resulting spec to this file.")
]
Plot = Annotated[
    bool,
    typer.Option(
        "--plot",
        help="Draw a figure as PDF and PNG, named after -o, else after SPEC and the command.",
    ),
]


def _wanted(shown: str, words: str) -> Any:
    return typer.Option(shown, metavar="VALUE", help=words)


@app.command("size")
def size_(  # noqa: PLR0913, PLR0917 - options of a command
    spec: SpecArgument,
    vary: Vary = None,
    peak: Annotated[
        str | None, _wanted("--peak", "Wanted optical gap as a wavelength or an energy, such as 605nm or 605±2nm.")
    ] = None,
    gap: Annotated[str | None, _wanted("--gap", "Wanted optical gap, such as 2.05eV.")] = None,
    absorption: Annotated[
        str | None, _wanted("--absorption", "Wanted absorption maximum of the predicted spectrum, such as 598nm.")
    ] = None,
    emission: Annotated[
        str | None, _wanted("--emission", "Wanted emission maximum of the predicted spectrum, such as 610nm.")
    ] = None,
    lifetime: Annotated[str | None, _wanted("--lifetime", "Wanted radiative lifetime, such as 25ns.")] = None,
    splitting: Annotated[str | None, _wanted("--splitting", "Wanted electron splitting, such as 20meV.")] = None,
    redshift: Annotated[str | None, _wanted("--redshift", "Wanted red shift, such as 10meV.")] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target", metavar="KEY=VALUE", help="Wanted value of any number of `qdmol solve --json`. Repeat for more."
        ),
    ] = None,
    between: Between = None,
    range_: Annotated[
        bool, typer.Option("--range", help="Repeat for each alternative value in the material set.")
    ] = False,
    output: SpecOutput = None,
    plot: Plot = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Find the value of a field at which a prediction is as wanted. Several fields need as many targets."""
    from qdmol.structure import read_spec

    parsed = read_spec(spec)
    named = {
        "peak": peak, "gap": gap, "absorption": absorption, "emission": emission, "lifetime": lifetime,
        "splitting": splitting, "redshift": redshift,
    }  # fmt: skip
    targets = {name: value for name, value in named.items() if value is not None}
    targets |= pairs_of(target or (), "target", "KEY=VALUE")
    if not targets:
        options = ", ".join(f"--{name}" for name in named)
        raise _absent("target", f"a wanted value, such as --peak 605nm ({options}, or --target KEY=VALUE)")
    if not vary:
        raise _absent("vary", "a field of the spec to vary, such as --vary core_radius")
    if plot and len(vary or []) > 2:
        raise InputError(field="plot", value=True, allowed="absent: a sizing of more than two fields has no figure")
    pictures = _check_outputs(parsed, spec, output, plot="size" if plot else None)
    with progress(quiet=quiet or json) as tell:
        from qdmol.design import size

        result = size(
            parsed, vary=vary or [], targets=targets, between=ranges_of(between or ()), range_=range_, progress=tell
        )
    files = _write(result, output, pictures)
    if json:
        emit({**result.summary, "files": files})
        return 0 if result.converged else NOT_CONVERGED
    show(*sizing_tables(result, quiet=quiet))
    _say_files(files, quiet=quiet)
    return 0 if result.converged else NOT_CONVERGED


def _absent(field: str, wanted: str) -> InputError:
    """Refusal of a command without a necessary option."""
    return InputError(field=field, value=None, allowed="given", message=f"Give {wanted}.")


def pairs_of(texts: Sequence[str], field: str, form: str) -> dict[str, str]:
    """Mapping of options ``KEY=VALUE``; InputError for one that is not, or given twice."""
    pairs: dict[str, str] = {}
    for text in texts:
        key, separator, value = (part.strip() for part in text.partition("="))
        if not separator or not key or not value:
            raise InputError(field=field, value=text, allowed=form)
        if key in pairs:
            raise InputError(field=field, value=text, allowed=f"given once for {key}")
        pairs[key] = value
    return pairs


def ranges_of(texts: Sequence[str]) -> Any:
    """Ranges of the fields: one without a name as it is, others by name."""
    if len(texts) == 1 and "=" not in texts[0]:
        return texts[0]
    return pairs_of(texts, "between", "FIELD=LOW:HIGH, or LOW:HIGH for a single field") if texts else None


def _check_outputs(parsed: Spec, spec: str, output: Path | None, *, plot: str | None) -> tuple[Path, ...]:
    """Paths of the figure (PDF, PNG), which `plot` names if there is no output.

    Output paths that cannot be written, would replace an input, or would lose the material set are refused.
    """
    from qdmol.materials import find_set
    from qdmol.structure import spec_files

    pictures: tuple[Path, ...] = ()
    if plot is not None:
        stem = output if output is not None else Path(f"{Path(spec.removeprefix('@')).stem}-{plot}.png")
        pictures = (stem.with_suffix(".pdf"), stem.with_suffix(".png"))
    if output is not None and output.suffix.lower() not in (".yaml", ".yml"):
        raise InputError(field="output", value=str(output), allowed="a file name that ends in .yaml or .yml")
    for path, field in ((output, "output"), *((picture, "plot") for picture in pictures)):
        if path is not None:
            refuse_unwritable(path, field)
            refuse_inputs((path,), spec_files(parsed))
    if output is not None:
        own = find_set(parsed.materials, relative_to=parsed.folder, field="materials")
        there = find_set(parsed.materials, relative_to=output.absolute().parent, field="materials")
        if own.resolve() != there.resolve():
            allowed = f"in a folder from which the material set {parsed.materials} is found"
            raise InputError(field="output", value=str(output), allowed=allowed)
    return pictures


def _write(result: Any, output: Path | None, pictures: Sequence[Path]) -> dict[str, str | None]:
    """Write the spec and the figure; the paths for ``--json``, of the figure that of the PNG."""
    from qdmol.files import write_text_atomic

    if output is not None:
        from qdmol.structure import dump_spec

        write_text_atomic(output, dump_spec(result.spec))
    for path in pictures:
        write_picture(result, path)
    return {
        "spec": None if output is None else str(output.absolute()),
        "plot": str(pictures[-1].absolute()) if pictures else None,
    }


def write_picture(result: Drawable, path: Path) -> None:
    """Write the first figure of a result; InputError if it has none."""
    import io

    from qdmol.files import write_bytes_atomic
    from qdmol.plot import paper_style

    figures = result.figures()
    if not figures:
        raise InputError(field="plot", value=str(path), allowed="absent: there is no figure for this many fields")
    buffer = io.BytesIO()
    with paper_style():
        next(iter(figures.values())).savefig(buffer, format=path.suffix.lower().removeprefix("."), dpi=300)
    write_bytes_atomic(path, buffer.getvalue())


def _say_files(files: dict[str, str | None], *, quiet: bool) -> None:
    for name, path in files.items():
        if path is not None and not quiet:
            say(f"{'Figure' if name == 'plot' else name.capitalize()}: {path}")


def number_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    """Table whose first column is text and whose other columns are numbers."""
    from qdmol.cli.wide_tables import WideTable

    return WideTable(headings, rows)


def sizing_tables(sizing: Sizing, *, quiet: bool) -> list[RenderableType]:
    """Solutions of a sizing as tables; unless quiet with sentences and warnings."""
    from rich.text import Text

    from qdmol.design import sizing_rows, sizing_sentences

    shown: list[RenderableType] = []
    for heading, rows in sizing_rows(sizing):
        shown += [number_table(heading, rows), Text("")]
    if quiet:
        return shown[:-1]
    shown += [Text(sentence) for sentence in sizing_sentences(sizing)]
    return shown + [Text(f"Warning: {warning}", style="yellow") for warning in sizing.warnings]


@app.command("fit")
def fit_(
    spec: SpecArgument,
    vary: Vary = None,
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            metavar="KEY=VALUE±ERROR|FILE",
            help="Numbers with standard errors, such as peak=605±2nm, or files of measured curves. Repeat for more.",
        ),
    ] = None,
    between: Between = None,
    window: Annotated[
        str | None,
        typer.Option("--window", metavar="LOW:HIGH", help="Wavelengths (nm) within which curves are fitted."),
    ] = None,
    output: SpecOutput = None,
    plot: Plot = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Fit fields of a spec to numbers or to measured spectra. Says what the data cannot tell apart."""
    from qdmol.structure import read_spec

    parsed = read_spec(spec)
    if not vary:
        raise _absent("vary", "a field of the spec to fit, such as --vary core_radius")
    pictures = _check_outputs(parsed, spec, output, plot="fit" if plot else None)
    data, files = _measured(to or ())
    refuse_inputs([*pictures, *([] if output is None else [output])], files)
    with progress(quiet=quiet or json) as tell:
        from qdmol.design import fit_spec

        result = fit_spec(
            parsed, vary=vary or [], to=data, between=ranges_of(between or ()), window=_window(window), progress=tell
        )
    written = _write(result, output, pictures)
    if json:
        emit({**result.summary, "files": written})
    else:
        show(*fit_tables(result, quiet=quiet))
        _say_files(written, quiet=quiet)
    if not result.converged and not quiet and not json:
        message("Incomplete: a field is not determined, or the fit cannot be relied on; see above.")
    return 0 if result.converged else NOT_CONVERGED


def _measured(texts: Sequence[str]) -> tuple[Any, list[Path]]:
    """Data to fit, numbers or curves, and the files that they come from."""
    if not texts:
        raise _absent("to", "measured data: --to KEY=VALUE±ERROR, such as --to peak=605±2nm, or --to FILE with a curve")
    files = [Path(text) for text in texts if Path(text).is_file()]
    numbers = [text for text in texts if not Path(text).is_file()]
    if files and numbers:
        raise InputError(field="to", value=numbers[0], allowed="either numbers, or files that exist")
    if not files:
        lost = [text for text in numbers if "=" not in text]
        if lost:
            raise InputError(field="to", value=lost[0], allowed="KEY=VALUE±ERROR, or a file that exists")
        return pairs_of(numbers, "to", "KEY=VALUE±ERROR"), []
    from qdmol.spectroscopy import read_curves

    curves: list[Curve] = []
    for file in files:
        read = read_curves(file)
        if len(read) != 1:
            raise InputError(field="to", value=str(file), allowed=f"a file with one curve (it has {len(read)})")
        curves += read
    return curves, files


def _window(text: str | None) -> tuple[float, float] | None:
    """Wavelengths in nm from ``LOW:HIGH``."""
    from qdmol.units import parse_quantity

    if text is None:
        return None
    ends = [part.strip() for part in text.split(":")]
    if len(ends) != 2:
        raise InputError(field="window", value=text, allowed="LOW:HIGH, two wavelengths such as 560nm:680nm")
    low, high = (parse_quantity(end, kind="length", field="window") for end in ends)
    return low, high


def fit_tables(fit: SpecFit, *, quiet: bool) -> list[RenderableType]:
    """Fit of a spec as tables; unless quiet with sentences and warnings."""
    from rich.text import Text

    from qdmol.design import fit_rows, fit_sentences

    shown: list[RenderableType] = []
    for heading, rows in fit_rows(fit):
        shown += [number_table(heading, rows), Text("")]
    if quiet:
        return shown[:-1]
    shown += [Text(sentence) for sentence in fit_sentences(fit)]
    return shown + [Text(f"Warning: {warning}", style="yellow") for warning in fit.warnings]
