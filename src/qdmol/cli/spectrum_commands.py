"""`qdmol spectrum`: the command group, and `spectrum fit` for measured spectra."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from qdmol.cli.commands import Json, Quiet, app
from qdmol.cli.console import emit, message, progress, say, show
from qdmol.cli.outputs import REPORT_SUFFIXES, refuse_inputs, refuse_unwritable, refuse_unwritable_folder
from qdmol.errors import InputError, QdmolError
from qdmol.files import refuse_overwriting

if TYPE_CHECKING:
    from qdmol.spectroscopy import Curve, Surveyed


INCOMPLETE = 3
# The command that is run without its name: `qdmol spectrum SPEC`.
DEFAULT_COMMAND = "predict"
_HELP = (
    "Predict spectra of a molecule, or fit measured ones. `qdmol spectrum SPEC` is short for "
    "`qdmol spectrum predict SPEC`."
)


class _VerbOrSpec(TyperGroup):
    """A command group whose first argument may be a spec, which is passed to the default command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and DEFAULT_COMMAND in self.commands and args[0] not in self.commands and not args[0].startswith("-"):
            args = [DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)


spectrum = typer.Typer(
    name="spectrum",
    cls=_VerbOrSpec,
    help=_HELP,
    no_args_is_help=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(spectrum)


@spectrum.callback()
def _root() -> None:
    """Predict spectra of a molecule, and fit measured ones."""


@spectrum.command()
def fit(  # the options of a command are its arguments
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Text files exported by a spectrometer.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="OUT.html", help="Report to write.")] = None,
    figures: Annotated[Path | None, typer.Option("--figures", help="Folder for figures as PDF, PNG and CSV.")] = None,
    plot: Annotated[
        bool, typer.Option("--plot", help="Write a report beside the first file, with its name and .html.")
    ] = False,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="OUT.csv", help="Table to write, one row per curve and quantity.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", help="Number of worker processes (default: one per core); 0 fits in this process."),
    ] = None,
    quantity: Annotated[
        str | None, typer.Option("--quantity", help="Absorption, emission or excitation, if not stated in the file.")
    ] = None,
    material: Annotated[
        str | None, typer.Option("--material", help="CdSe, CdS or CdTe: estimate the diameter of bare cores too.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:  # fmt: skip
    """Fit peaks and edges of measured spectra. Also gives shifts relative to the first curve, all with intervals."""
    from qdmol.spectroscopy import survey_curves

    started = perf_counter()
    _refuse_words(quantity, material)
    if plot and output is None:
        output = Path(files[0]).with_suffix(".html")
    page = _planned(output, figures, files)
    if csv is not None:
        _refuse_table(csv, page, files)
    curves, failed = _read(files, quantity)
    with progress(quiet=quiet or json) as tell:
        surveyed = survey_curves(curves, material=material, workers=workers, progress=tell)
    if csv is not None:
        _write_table(csv, surveyed, failed)
    if page is not None or figures is not None:
        from qdmol.report import write_curve_report

        write_curve_report(surveyed, page, figures=figures)
    written = {"report": _absolute(page), "figures": _absolute(figures)}
    if csv is not None:
        written["csv"] = _absolute(csv)
    if json:
        emit(_object(surveyed, failed, written, perf_counter() - started))
    else:
        _show(surveyed, failed, quiet=quiet)
        if page is not None:
            say(f"Report: {page.absolute()}")
        if csv is not None:
            say(f"Table: {csv.absolute()}")
    return _status(surveyed, failed, quiet=quiet or json)


def _refuse_words(quantity: str | None, material: str | None) -> None:
    allowed = ("absorption", "emission", "excitation")
    if quantity is not None and quantity not in allowed:
        raise InputError(field="quantity", value=quantity, allowed=f"one of {', '.join(allowed)}")
    if material is not None:
        from qdmol.spectroscopy import SIZED_MATERIALS

        if material not in SIZED_MATERIALS:
            raise InputError(field="material", value=material, allowed=f"one of {', '.join(SIZED_MATERIALS)}")


def _planned(output: Path | None, figures: Path | None, files: Sequence[str]) -> Path | None:
    """Return the path of the report, if requested; InputError if it cannot be written."""
    if figures is not None:
        refuse_unwritable_folder(figures)
        refuse_inputs((), files, figures=figures)
    if output is None:
        return None
    page = output if output.suffix else output.with_suffix(".html")
    if page.suffix.lower() not in REPORT_SUFFIXES:
        raise InputError(field="output", value=str(output), allowed="a file name that ends in .html")
    refuse_unwritable(page, "output")
    refuse_inputs((page,), files)
    return page


def _refuse_table(csv: Path, page: Path | None, files: Sequence[str]) -> None:
    """Raise InputError if the table cannot be written."""
    if csv.suffix.lower() != ".csv":
        raise InputError(field="csv", value=str(csv), allowed="a file name that ends in .csv")
    refuse_unwritable(csv, "csv")
    refuse_overwriting([csv], [*files, *([] if page is None else [page])], field="csv")


def _write_table(path: Path, surveyed: Sequence[Surveyed], failed: dict[str, QdmolError]) -> None:
    """Write one row per curve and quantity; files that were not read have a row with the reason."""
    import csv
    import io

    from qdmol.files import write_text_atomic
    from qdmol.spectroscopy import curve_records

    header, rows = curve_records(surveyed)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    writer.writerows([file, "", "", "", "not read", "", "", "", "", "", str(error)] for file, error in failed.items())
    write_text_atomic(path, buffer.getvalue())


def _read(files: Sequence[str], quantity: Any) -> tuple[list[Curve], dict[str, QdmolError]]:
    """Return the curves of all files, and the errors of those without any; raises the first if there is no curve."""
    from qdmol.spectroscopy import read_columns

    curves: list[Curve] = []
    failed: dict[str, QdmolError] = {}
    for file in files:
        try:
            good, refused = read_columns(file, quantity=quantity)
        except InputError as error:
            failed[file] = error
            continue
        curves += good
        for column in refused:
            failed[f"{file} ({column.field})" if file in failed else file] = column
    if not curves:
        raise next(iter(failed.values()))
    return curves, failed


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(path.absolute())


def _object(
    surveyed: Sequence[Surveyed], failed: dict[str, QdmolError], written: dict[str, str | None], elapsed: float
) -> dict[str, Any]:  # fmt: skip
    from qdmol.spectroscopy import curve_summary

    return {
        "qdmol": 1,
        "curves": [curve_summary(curve) for curve in surveyed],
        "failed": [{"file": file, **error.as_dict()} for file, error in failed.items()],
        "outputs": written,
        "elapsed_s": elapsed,
    }


def _show(surveyed: Sequence[Surveyed], failed: dict[str, QdmolError], *, quiet: bool) -> None:
    from rich.text import Text

    from qdmol.cli.wide_tables import WideTable
    from qdmol.spectroscopy import curve_rows, survey_sentences

    header, rows = curve_rows(surveyed)
    result = header.index("result")
    show(WideTable(header, rows, keys=result, words=[result]))
    if not quiet:
        show(*(Text(f"note: {text}") for text in survey_sentences(surveyed)))
    for file, error in failed.items():
        message(f"{file}: {error}")


def _status(surveyed: Sequence[Surveyed], failed: dict[str, QdmolError], *, quiet: bool) -> int:
    """Return 0 if every curve was fitted, else 3; report how many were not."""
    missing = sum(curve.fit is None for curve in surveyed)
    if not quiet and (missing or failed):
        message(f"{missing} of {len(surveyed)} curves were not fitted; {len(failed)} files or columns were not read.")
    return INCOMPLETE if missing or failed else 0
