"""`qdmol spectrum SPEC`: predicted spectra of monomer, unfused and fused molecule, measured ones laid over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qdmol.cli.commands import Json, Quiet, SpecArgument
from qdmol.cli.console import emit, message, progress, say
from qdmol.cli.outputs import Outputs, planned_outputs
from qdmol.cli.spectrum_commands import INCOMPLETE, spectrum
from qdmol.errors import InputError

if TYPE_CHECKING:
    from qdmol.structure import Spec
    from qdmol.study.spectra import Spectra
    from qdmol.study.spectra.belonging import MeasuredFor
    from qdmol.study.spectra.overlay import Overlay

__all__ = ["predict"]


@spectrum.command()
def predict(  # noqa: PLR0913, PLR0917 - options of a command
    spec: SpecArgument,
    measured: Annotated[
        list[str] | None,
        typer.Option("--measured", metavar="[SAMPLE=]FILE", help="Curves to lay over; give one for each file."),
    ] = None,
    calibrate: Annotated[
        str | None,
        typer.Option("--calibrate", metavar="PEAK", help="Monomer's peak: 605nm, 2.05eV or emission:610nm."),
    ] = None,
    normalise: Annotated[str, typer.Option("--normalise", help="Where absorption is 1: edge or 300nm.")] = "edge",
    linker: Annotated[str, typer.Option("--linker", help="Gap between the dots of the unfused sample.")] = "0.3 nm",
    field: Annotated[
        str | None, typer.Option("--field", metavar="VALUES", help="Fields (kV/cm), START:STOP:COUNT or a list.")
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Solve every particle of an ensemble.")] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes (default: one a core, if there is much to solve).")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="OUT.html", help="Page (default ./<stem>-spectrum.html).")
    ] = None,
    figures: Annotated[Path | None, typer.Option("--figures", help="Folder for PDF, PNG and CSV.")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:  # fmt: skip
    """Predict absorption and emission of monomer, unfused and fused molecule, and lay measured curves over."""
    from qdmol.cli.spectrum_words import normalise_of
    from qdmol.structure import read_spec

    parsed = read_spec(spec)  # a bad spec is refused before anything is said about the rest
    at = normalise_of(normalise)
    options = _options(parsed, calibrate=calibrate, linker=linker, field=field, workers=workers)
    curves = _curves(measured or (), parsed, options["linker"])
    outputs = _outputs(spec, parsed, output, figures, measured or ())
    with progress(quiet=quiet or json) as tell:
        spectra = _predicted(parsed, outputs, exact=exact, progress=tell, **options)
        from qdmol.study.spectra.overlay import lay_over

        overlays = lay_over(spectra, curves, normalise=at, progress=tell)
    # Drawing takes longer than a stored spectrum to assemble: for an object alone nothing is drawn.
    drawn = not json or output is not None or figures is not None
    if drawn:
        from qdmol.report.spectrum_page import write_spectrum_report

        write_spectrum_report(spectra, overlays, outputs.report, figures=outputs.figures, normalise=at)
    if json:
        emit(_object(spectra, overlays, outputs if drawn else None))
    else:
        _show(spectra, overlays, quiet=quiet)
        say(f"Report: {outputs.report.absolute()}")
    return _status(spectra, overlays, quiet=quiet or json)


def _options(
    spec: Spec, *, calibrate: str | None, linker: str, field: str | None, workers: int | None
) -> dict[str, Any]:  # fmt: skip
    """What the prediction is asked for; InputError for words that make no sense."""
    from qdmol.cli.spectrum_words import calibration_of, fields_of, linker_of

    fields = () if field is None else fields_of(field, spec)
    if workers is not None and workers < 0:
        raise InputError(field="workers", value=workers, allowed="0 or more processes")
    if workers is None:
        from qdmol.study.running import cores

        workers = cores() if fields or spec.ensemble is not None else 0
    return {
        "calibrate": None if calibrate is None else calibration_of(calibrate),
        "linker": linker_of(linker),
        "fields": fields,
        "workers": workers,
    }


def _curves(measured: Sequence[str], spec: Spec, linker: float) -> list[MeasuredFor]:
    """The curves of all files with their samples; InputError for what cannot be read or belongs to no sample."""
    from qdmol.study.spectra.samples import samples_of

    samples = tuple(sample.name for sample in samples_of(spec, linker=linker))
    if not measured:
        return []
    from qdmol.analysis.curves import read_curves
    from qdmol.cli.spectrum_words import measured_file
    from qdmol.study.spectra.belonging import assign

    named = [measured_file(text) for text in measured]
    return [one for given, file in named for one in assign(read_curves(file), samples, given)]


def _outputs(
    spec: str, parsed: Spec, output: Path | None, figures: Path | None, measured: Sequence[str]
) -> Outputs:  # fmt: skip
    from qdmol.cli.spectrum_words import measured_file
    from qdmol.structure import spec_files

    page = output if output is not None else Path(f"{Path(spec.removeprefix('@')).stem}-spectrum.html")
    read = [*spec_files(parsed), *(measured_file(text)[1] for text in measured)]
    return planned_outputs(spec, page, figures, inputs=read, store=True)


def _predicted(spec: Spec, outputs: Outputs, **options: Any) -> Spectra:
    from qdmol.study.spectra import predict_spectra
    from qdmol.study.store import store_folder

    return predict_spectra(spec, folder=store_folder(outputs.netcdf), **options)


def _object(spectra: Spectra, overlays: Sequence[Overlay], outputs: Outputs | None) -> dict[str, Any]:
    """The object of `--json`; `outputs` None where nothing was written."""
    from qdmol.study.spectra.wording import overlay_summary

    written = {"report": None, "netcdf": None, "figures": None} if outputs is None else outputs.as_dict(outputs.report)
    return {
        **spectra.summary,
        "measured": [overlay_summary(one) for one in overlays],
        "outputs": {"report": written["report"], "data": written["netcdf"], "figures": written["figures"]},
    }


def _show(spectra: Spectra, overlays: Sequence[Overlay], *, quiet: bool) -> None:
    from qdmol.cli.console import show
    from qdmol.cli.spectrum_tables import spectrum_text

    show(*spectrum_text(spectra.summary, overlays, warnings=spectra.warnings, quiet=quiet))


def _status(spectra: Spectra, overlays: Sequence[Overlay], *, quiet: bool) -> int:
    """0 where everything is known and every measured curve fitted, else 3, and what is missing."""
    said = []
    if not spectra.converged:
        said.append("Not converged: at least one number is not known within what was asked for.")
    field = spectra.summary.get("field")
    if field is not None and field["failed"]:
        said.append(f"{len(field['failed'])} of {len(field['field_kV_cm'])} fields have no numbers.")
    missing = sum(one.fit is None for one in overlays)
    if missing:
        said.append(f"{missing} of {len(overlays)} measured curves were not fitted.")
    if not quiet:
        for text in said:
            message(text)
    return INCOMPLETE if said else 0
