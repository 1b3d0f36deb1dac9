"""`qdmol spectrum compare`: measured curves on one axis, normalised and compared with a reference."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qdmol.cli.commands import Json, Quiet
from qdmol.cli.console import emit, message, progress, say, show
from qdmol.cli.outputs import REPORT_SUFFIXES, refuse_inputs, refuse_unwritable, refuse_unwritable_folder
from qdmol.cli.spectrum_commands import INCOMPLETE, spectrum
from qdmol.errors import InputError, QdmolError

if TYPE_CHECKING:
    from qdmol.spectroscopy import Curve, CurveComparison

_QUANTITIES = ("absorption", "emission", "excitation")


@spectrum.command()
def compare(  # noqa: PLR0913, PLR0917 - options of a command
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Text files exported by a spectrometer.")],
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            metavar="NAME|INDEX|FILE",
            help="Reference: a column, sample, number in the table, or a file, which is added to the others.",
        ),
    ] = None,
    normalise: Annotated[
        str,
        typer.Option(
            "--normalise", metavar="METHOD", help="edge, a wavelength (300nm), isosbestic, maximum, area or none."
        ),
    ] = "edge",
    difference: Annotated[
        bool, typer.Option("--difference", help="Draw difference spectra relative to the reference.")
    ] = False,
    series: Annotated[
        str | None,
        typer.Option("--series", metavar="time|dose", help="Sort by the time or dose in the names; draw kinetics."),
    ] = None,
    times: Annotated[
        str | None, typer.Option("--times", metavar="LIST", help="Times of the curves in order, such as 0,5,10min.")
    ] = None,
    doses: Annotated[
        str | None, typer.Option("--doses", metavar="LIST", help="Doses of the curves in order, such as 0,1,2mJ/cm2.")
    ] = None,
    fits: Annotated[bool, typer.Option("--fits", help="Draw the fits over the measured points.")] = False,
    second_derivative: Annotated[
        bool, typer.Option("--second-derivative", help="Draw second derivatives with respect to the energy.")
    ] = False,
    axis: Annotated[
        str,
        typer.Option("--axis", metavar="wavelength|energy", help="Axis of the figure; intensities per nm or per eV."),
    ] = "wavelength",
    baseline: Annotated[
        str,
        typer.Option("--baseline", metavar="auto|none", help="Subtract the level outside the bands, or keep the zero."),
    ] = "auto",
    quantity: Annotated[
        str | None, typer.Option("--quantity", help="Absorption, emission or excitation, if not stated in the file.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="OUT.html", help="Report to write.")] = None,
    figures: Annotated[Path | None, typer.Option("--figures", help="Folder for figures as PDF, PNG and CSV.")] = None,
    remember: Annotated[
        bool,
        typer.Option("--remember", help="Use --reference for the files of this folder from now on (none forgets it)."),
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Compare measured spectra of several samples on one axis. Gives shifts and relative amplitudes with intervals."""
    from qdmol.spectroscopy import normalisation_of, overlay_curves

    started = perf_counter()
    _refuse_words(series=series, axis=axis, baseline=baseline, quantity=quantity)
    normalisation_of(normalise)
    reference, files = _remembered(files, reference, remember=remember, quiet=quiet or json)
    page = _planned(output, figures, files)
    curves, failed = _read(files, quantity)
    options: Any = {"series": series, "times": times, "doses": doses, "baseline": baseline}
    with progress(quiet=quiet or json) as tell:
        comparison = overlay_curves(curves, reference=reference, normalise=normalise, progress=tell, **options)
        if page is not None or figures is not None:
            from qdmol.report import write_overlay_report

            if tell is not None:
                tell("figures")
            chosen: Any = {"fits": fits, "difference": difference, "derivative": second_derivative, "axis": axis}
            write_overlay_report(comparison, page, figures=figures, **chosen)
    missing = _missing(comparison, difference=difference, derivative=second_derivative)
    if json:
        emit(_object(comparison, failed, missing, page, figures, perf_counter() - started))
    else:
        _show(comparison, failed, quiet=quiet)
        if page is not None:
            say(f"Report: {page.absolute()}")
        elif figures is None and (difference or fits or second_derivative) and not quiet:
            message("No figure was drawn; give -o OUT.html or --figures DIR.")
    return _status(comparison, failed, missing, quiet=quiet or json)


def _refuse_words(*, series: str | None, axis: str, baseline: str, quantity: str | None) -> None:
    for field, value, allowed in (
        ("series", series, ("time", "dose")),
        ("axis", axis, ("wavelength", "energy")),
        ("baseline", baseline, ("auto", "none")),
        ("quantity", quantity, _QUANTITIES),
    ):
        if value is not None and value not in allowed:
            raise InputError(field=field, value=value, allowed=f"one of {', '.join(allowed)}")


def _remembered(
    files: list[str], reference: str | None, *, remember: bool, quiet: bool
) -> tuple[str | None, list[str]]:
    """The reference, given or remembered for the folder, and all files: a reference that is a file is one of them."""
    from qdmol.cli.folder_options import remember as write_options, with_remembered

    options, note = with_remembered(files, {"reference": reference})
    chosen = options["reference"]
    if remember:
        note = f"Remembered in {write_options(files, {'reference': reference})}."
    if note is not None and not quiet:
        message(note)
    if chosen is None or not Path(chosen).is_file():
        return chosen, files
    same = [file for file in files if Path(file).exists() and Path(file).samefile(chosen)]
    return Path(chosen).name, files if same else [chosen, *files]


def _planned(output: Path | None, figures: Path | None, files: list[str]) -> Path | None:
    """Path of the page, if requested; InputError if the page, its data or the figures cannot be written."""
    if figures is not None:
        refuse_unwritable_folder(figures)
        refuse_inputs((), files, figures=figures)
    if output is None:
        return None
    page = output if output.suffix else output.with_suffix(".html")
    if page.suffix.lower() not in REPORT_SUFFIXES:
        raise InputError(field="output", value=str(output), allowed="a file name that ends in .html")
    for path in (page, page.with_suffix(".nc")):
        refuse_unwritable(path, "output")
    refuse_inputs((page, page.with_suffix(".nc")), files)
    return page


def _read(files: list[str], quantity: Any) -> tuple[list[Curve], dict[str, QdmolError]]:
    """Curves of all files, and the errors of those that could not be read; raises the first if there is no curve."""
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


def _missing(comparison: CurveComparison, *, difference: bool, derivative: bool) -> list[str]:
    """What was requested of a curve and does not exist, with the reason."""
    texts = [f"{entry.curve.name}: not fitted: {entry.reason}" for entry in comparison.curves if entry.fit is None]
    texts += [
        f"{entry.curve.name}: not normalised: {entry.refusal}" for entry in comparison.curves if entry.amplitude is None
    ]
    if difference:
        if not comparison.differences:
            texts.append("No difference spectrum: it needs two curves of the same quantity.")
        texts += [
            f"No difference spectrum: {each}" for each in comparison.differences.values() if isinstance(each, str)
        ]
    if derivative:
        names = [entry.curve.name for entry in comparison.curves]
        derivatives = comparison.derivatives.items()
        texts += [f"{names[k]}: no second derivative: {each}" for k, each in derivatives if isinstance(each, str)]
    return texts


def _object(
    comparison: CurveComparison,
    failed: dict[str, QdmolError],
    missing: list[str],
    page: Path | None,
    figures: Path | None,
    elapsed: float,
) -> dict[str, Any]:
    """The object of ``--json``."""
    data = None if page is None else str(page.with_suffix(".nc").absolute())
    return {
        **comparison.summary,
        "missing": missing,
        "failed": [{"file": file, **error.as_dict()} for file, error in failed.items()],
        "outputs": {
            "report": None if page is None else str(page.absolute()),
            "data": data,
            "figures": None if figures is None else str(figures.absolute()),
        },
        "elapsed_s": elapsed,
    }


def _show(comparison: CurveComparison, failed: dict[str, QdmolError], *, quiet: bool) -> None:
    from rich.text import Text

    from qdmol.cli.wide_tables import WideTable
    from qdmol.spectroscopy import overlay_rows, overlay_sentences

    header, rows = overlay_rows(comparison)
    show(WideTable(header, rows, keys=2, words=[header.index("type")], right=[0]))
    if not quiet:
        show(*(Text(text) for text in ("", *overlay_sentences(comparison))))
    for file, error in failed.items():
        message(f"{file}: {error}")


def _status(
    comparison: CurveComparison, failed: dict[str, QdmolError], missing: list[str], *, quiet: bool
) -> int:  # fmt: skip
    """Return 0 if everything requested is there, else 3, and say what is missing."""
    if not quiet:
        for text in missing:
            message(text)
        if failed:
            message(f"{len(failed)} files or columns were not read.")
    return INCOMPLETE if missing or failed or not comparison.complete else 0
