"""`qdmol spectrum SPEC`: predicted spectra of monomer, unfused and fused molecule beside measured ones."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from qdmol.cli.commands import Json, Quiet, SpecArgument
from qdmol.cli.console import emit, message, progress, say
from qdmol.cli.outputs import Outputs, planned_outputs
from qdmol.cli.spectrum_commands import INCOMPLETE, spectrum
from qdmol.errors import InputError
from qdmol.units import HC_EV_NM, parse_quantity

if TYPE_CHECKING:
    from qdmol.prediction import Calibration, MeasuredFor, Overlay, Spectra
    from qdmol.structure import Spec


SHORTEST, LONGEST = 200.0, 3000.0  # allowed wavelengths of a measured peak, nm
_CALIBRATE = "a peak as 605nm, 2.05eV or emission:610nm, from 200 to 3000 nm"
_WAVELENGTH = re.compile(r"\s*[-+.\deE]+\s*(?:nm|um|µm|μm|[Aa]ngstroms?|Å)\s*")
_ENERGY = re.compile(r"\s*[-+.\deE]+\s*(?:eV|meV|cm-1|cm\^-1|1/cm)\s*")


def normalise_of(text: str) -> Literal["edge", "300nm"]:
    """Normalisation of the absorption, from the text of an option.

    >>> normalise_of("300 nm")
    '300nm'
    """
    compact = text.replace(" ", "")
    if compact == "edge":
        return "edge"
    if compact == "300nm":
        return "300nm"
    raise InputError(field="normalise", value=text, allowed="edge or 300nm")


def calibration_of(text: str) -> Calibration:
    """Calibration of the monomer's peak, in absorption unless preceded by ``emission:``."""
    from qdmol.prediction import Calibration

    before, separator, peak = text.rpartition(":")
    quantity: Literal["absorption", "emission"]
    if not separator or before.strip() == "absorption":
        quantity = "absorption"
    elif before.strip() == "emission":
        quantity = "emission"
    else:
        raise InputError(field="calibrate", value=text, allowed=_CALIBRATE)
    energy = _peak_energy(peak)
    if not HC_EV_NM / LONGEST <= energy <= HC_EV_NM / SHORTEST:
        raise InputError(field="calibrate", value=text, allowed=_CALIBRATE)
    return Calibration(quantity=quantity, energy_eV=energy)


def _peak_energy(text: str) -> float:
    """The photon energy (eV) of a wavelength or an energy with its unit; NaN where it is neither."""
    if _ENERGY.fullmatch(text):
        return parse_quantity(text, kind="energy", field="calibrate")
    if _WAVELENGTH.fullmatch(text):
        wavelength = parse_quantity(text, kind="length", field="calibrate")
        return HC_EV_NM / wavelength if wavelength > 0 else math.nan
    return math.nan


def linker_of(text: str) -> float:
    """The gap (nm) between the dots of the unfused sample."""
    gap = parse_quantity(text, kind="length", field="linker")
    if not 0 < gap <= 100:
        raise InputError(field="linker", value=text, allowed="above 0 and up to 100 nm")
    return gap


def fields_of(text: str, spec: Spec) -> tuple[float, ...]:
    """Fields in kV/cm, rising, from START:STOP:COUNT or a list, as an axis of a map has them."""
    from qdmol.study import make_axis

    return tuple(sorted(float(value) for value in make_axis("field", text, spec).values))


def measured_file(text: str) -> tuple[str | None, Path]:
    """The sample that a file is said to belong to, if any, and its path; InputError for one that is not there."""
    from qdmol.prediction import SAMPLES

    sample, separator, name = text.partition("=")
    given: str | None = None
    path = Path(text)
    if separator and not path.exists():
        if sample.strip() not in SAMPLES:
            allowed = f"FILE or SAMPLE=FILE, SAMPLE one of {', '.join(SAMPLES)}"
            raise InputError(field="measured", value=text, allowed=allowed)
        given, path = sample.strip(), Path(name)
    if not path.is_file():
        raise InputError(field="measured", value=str(path), allowed="a file that exists")
    return given, path


@spectrum.command()
def predict(  # noqa: PLR0913, PLR0917 - options of a command
    spec: SpecArgument,
    measured: Annotated[
        list[str] | None,
        typer.Option(
            "--measured", metavar="[SAMPLE=]FILE", help="Measured curves to compare with; repeat for more files."
        ),
    ] = None,
    calibrate: Annotated[
        str | None,
        typer.Option(
            "--calibrate", metavar="PEAK", help="Measured peak of the monomer, such as 605nm, 2.05eV or emission:610nm."
        ),
    ] = None,
    normalise: Annotated[
        str, typer.Option("--normalise", help="Where to normalise the absorption to 1: edge or 300nm.")
    ] = "edge",
    linker: Annotated[str, typer.Option("--linker", help="Gap between the dots in the unfused sample.")] = "0.3 nm",
    field: Annotated[
        str | None,
        typer.Option("--field", metavar="VALUES", help="Electric fields (kV/cm), START:STOP:COUNT or a list."),
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Solve every particle of an ensemble explicitly (slow).")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option("--workers", help="Number of worker processes (default: up to one per core)."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="OUT.html", help="Report to write (default ./<stem>-spectrum.html)."),
    ] = None,
    figures: Annotated[Path | None, typer.Option("--figures", help="Folder for figures as PDF, PNG and CSV.")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Predict absorption and emission spectra. Samples are single dots, unfused and fused molecules."""
    from qdmol.structure import read_spec

    parsed = read_spec(spec)  # a bad spec is refused before anything is said about the rest
    at = normalise_of(normalise)
    options = _options(parsed, calibrate=calibrate, linker=linker, field=field, workers=workers)
    curves = _curves(measured or (), parsed, options["linker"])
    outputs = _outputs(spec, parsed, output, figures, measured or ())
    with progress(quiet=quiet or json) as tell:
        spectra = _predicted(parsed, outputs, exact=exact, progress=tell, **options)
        from qdmol.prediction import lay_over

        overlays = lay_over(spectra, curves, normalise=at, progress=tell)
    # Drawing takes longer than a stored spectrum to assemble: for an object alone nothing is drawn.
    drawn = not json or output is not None or figures is not None
    if drawn:
        from qdmol.report import write_spectrum_report

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
    """Options of the prediction; InputError if one is invalid."""
    fields = () if field is None else fields_of(field, spec)
    if workers is not None and workers < 0:
        raise InputError(field="workers", value=workers, allowed="0 or more processes")
    if workers is None:
        from qdmol.jobs import cores

        workers = cores() if fields or spec.ensemble is not None else 0
    return {
        "calibrate": None if calibrate is None else calibration_of(calibrate),
        "linker": linker_of(linker),
        "fields": fields,
        "workers": workers,
    }


def _curves(measured: Sequence[str], spec: Spec, linker: float) -> list[MeasuredFor]:
    """The curves of all files with their samples; InputError for what cannot be read or belongs to no sample."""
    from qdmol.prediction import samples_of

    samples = tuple(sample.name for sample in samples_of(spec, linker=linker))
    if not measured:
        return []
    from qdmol.prediction import assign
    from qdmol.spectroscopy import read_curves

    named = [measured_file(text) for text in measured]
    return [curve for given, file in named for curve in assign(read_curves(file), samples, given)]


def _outputs(
    spec: str, parsed: Spec, output: Path | None, figures: Path | None, measured: Sequence[str]
) -> Outputs:  # fmt: skip
    from qdmol.structure import spec_files

    page = output if output is not None else Path(f"{Path(spec.removeprefix('@')).stem}-spectrum.html")
    read = [*spec_files(parsed), *(measured_file(text)[1] for text in measured)]
    return planned_outputs(spec, page, figures, inputs=read, store=True)


def _predicted(spec: Spec, outputs: Outputs, **options: Any) -> Spectra:
    from qdmol.jobs import store_folder
    from qdmol.prediction import predict_spectra

    return predict_spectra(spec, folder=store_folder(outputs.netcdf), **options)


def _object(spectra: Spectra, overlays: Sequence[Overlay], outputs: Outputs | None) -> dict[str, Any]:
    """The object of `--json`; `outputs` None where nothing was written."""
    from qdmol.prediction import overlay_summary

    written = {"report": None, "netcdf": None, "figures": None} if outputs is None else outputs.as_dict(outputs.report)
    return {
        **spectra.summary,
        "measured": [overlay_summary(overlay) for overlay in overlays],
        "outputs": {"report": written["report"], "data": written["netcdf"], "figures": written["figures"]},
    }


def _show(spectra: Spectra, overlays: Sequence[Overlay], *, quiet: bool) -> None:
    from qdmol.cli.console import show
    from qdmol.cli.result_tables import spectrum_text

    show(*spectrum_text(spectra, overlays, quiet=quiet))


def _status(spectra: Spectra, overlays: Sequence[Overlay], *, quiet: bool) -> int:
    """0 where everything is known and every measured curve fitted, else 3, and what is missing."""
    missing_parts = []
    if not spectra.converged:
        missing_parts.append("Not converged: at least one quantity exceeds its requested tolerance.")
    sweep = spectra.sweep
    if sweep is not None and sweep.failed:
        missing_parts.append(f"{len(sweep.failed)} of {len(sweep.fields)} fields failed.")
    missing = sum(overlay.fit is None for overlay in overlays)
    if missing:
        missing_parts.append(f"{missing} of {len(overlays)} measured curves were not fitted.")
    if not quiet:
        for text in missing_parts:
            message(text)
    return INCOMPLETE if missing_parts else 0
