"""`qdmol photons`: files of photon counters, their quality, lifetimes and g2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from qdmol.cli.commands import Json, Quiet, app
from qdmol.cli.console import emit, message, say, show
from qdmol.cli.outputs import Outputs, planned_outputs, refuse_inputs, refuse_unwritable
from qdmol.cli.progress import map_progress, photon_progress
from qdmol.errors import DataError, InputError, MissingExtraError, QdmolError

if TYPE_CHECKING:
    from qdmol.analysis import Analysed, PhotonAnalyses, Screening


INCOMPLETE = 3
MONOMER = "--monomer"

photons = typer.Typer(
    name="photons",
    help="Inspect, analyse and convert time-tagged photon files.",
    no_args_is_help=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(photons)

Files = Annotated[list[str], typer.Argument(metavar="FILE...", help="Files of time-tagged photons or histograms.")]
Column = Annotated[
    str | None,
    typer.Option(
        "--column",
        "--curve",
        metavar="COLUMN",
        help="Curve of a file with several: name, or number as `photons info` shows it; `all` analyses each.",
    ),
]
Unit = Annotated[
    str | None, typer.Option("--unit", help="Unit of the times in a histogram that does not state it, such as ns.")
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format", help="File format (ptu, ht3, spc-130, sdt, csv, decay, g2, ...), if it is not recognised."
    ),
]

Response = Annotated[
    str | None, typer.Option("--response", metavar="FILE", help="Recording or histogram of the instrument response.")
]
Dark = Annotated[
    str | None,
    typer.Option("--dark", metavar="FILE", help="Recording without excitation, to determine the background."),
]
Channels = Annotated[
    str | None,
    typer.Option("--channels", metavar="A,B", help="The two channels to correlate, numbered from 0, or sync."),
]
Remember = Annotated[
    bool,
    typer.Option(
        "--remember",
        help="Use --response, --dark and --monomer for the files of this folder from now on (none forgets one).",
    ),
]
DecayModel = Annotated[
    str, typer.Option("--model", help="Decay model: auto, 1 to 4 (number of exponentials) or stretched.")
]


@photons.command()
def info(
    files: Files,
    column: Column = None,
    unit: Unit = None,
    format_: Format = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Show the contents and the quality of photon files. Nothing is written."""
    from qdmol.analysis import inspect_photons

    analyses: list[Any] = []
    with photon_progress(quiet=quiet or json) as tell:
        for file in files:
            try:
                analyses.append(inspect_photons(file, format=format_, column=column, unit=unit, progress=tell))
            except MissingExtraError:
                raise
            except QdmolError as error:
                analyses.append(_failed(file, error, alone=len(files) == 1))
    _refuse_all(analyses)
    if json:
        emit(_one_or_many([_described(analysis) for analysis in analyses]))
    else:
        _show(analyses, quiet=quiet)
    return _status(analyses, quiet=quiet or json)


class _SeveralMonomers(TyperCommand):
    """Command whose `--monomer`, behind the files of the command, takes all file names that follow it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the option before each of its file names."""
        valued = {name for each in self.params for name in each.opts if not getattr(each, "is_flag", False)}
        return super().parse_args(ctx, _repeated(args, valued))


def _repeated(args: Sequence[str], valued: set[str]) -> list[str]:
    """Arguments with `--monomer` before each of its file names; `valued` are the options that take a value."""
    out: list[str] = []
    files, taking, value = 0, False, False
    for place, argument in enumerate(args):
        if value:  # of the option before
            value = False
        elif argument == "--":
            return [*out, *args[place:]]
        elif argument.startswith("-") and argument != "-":
            taking = argument == MONOMER or argument.startswith(f"{MONOMER}=")
            value = argument in valued and "=" not in argument
        elif taking and files:
            out.append(MONOMER)
        else:
            files += 1
        out.append(argument)
    return out


@photons.command(cls=_SeveralMonomers)
def analyze(  # noqa: PLR0913, PLR0917  # the options of a command are its arguments
    files: Files,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Report to write (default ./<stem>.html; ./photons.html for several files)."
        ),
    ] = None,
    figures: Annotated[Path | None, typer.Option("--figures", help="Folder for figures as PDF, PNG and CSV.")] = None,
    response: Response = None,
    dark: Dark = None,
    channels: Channels = None,
    model: DecayModel = "auto",
    gate: Annotated[
        str | None,
        typer.Option(
            "--gate",
            metavar="START[:STOP]",
            help="Use only photons in this range of delays (ns) after the pulse for g2.",
        ),
    ] = None,
    afterglow: Annotated[
        str, typer.Option("--afterglow", help="Treatment of detector afterglow peaks in g2: flag, mask or model.")
    ] = "flag",
    column: Column = None,
    unit: Unit = None,
    period: Annotated[
        str | None, typer.Option("--period", metavar="TIME", help="Pulse period of a histogram, such as 12.5ns.")
    ] = None,
    background: Annotated[
        float | None, typer.Option("--background", metavar="COUNTS", help="Background of a decay file, counts per bin.")
    ] = None,
    counted: Annotated[
        str | None,
        typer.Option("--photons", metavar="A,B", help="Photons of the two detectors of a coincidence histogram."),
    ] = None,
    duration: Annotated[
        str | None,
        typer.Option("--duration", metavar="TIME", help="Measuring time of a coincidence histogram, such as 600s."),
    ] = None,
    format_: Format = None,
    bin_: Annotated[
        str | None,
        typer.Option("--bin", metavar="TIME", help="Width of the bins of the intensity trace, such as 5ms."),
    ] = None,
    monomer: Annotated[
        list[str] | None,
        typer.Option(
            MONOMER,
            metavar="FILE...",
            help="Recordings of single emitters (or a folder of them) with which the number of emitters is tested.",
        ),
    ] = None,
    remember: Remember = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Analyse photon files and write an HTML report. Covers quality, lifetime, g2, blinking and number of emitters."""
    from qdmol.analysis import analyze_many, analyze_photons

    given = {"response": response, "dark": dark, "monomer": _monomers(monomer)}
    kept = _remembered(files, given, remember=remember, quiet=quiet or json)
    references = [] if kept["monomer"] is None else kept["monomer"].splitlines()
    options: dict[str, Any] = {
        "format": format_, "channels": _channels(channels), "response": kept["response"], "dark": kept["dark"],
        "model": model, "gate_ns": _gate(gate), "afterglow": afterglow,
    }  # fmt: skip
    histogram: dict[str, Any] = {"column": column, "unit": unit, "period_ns": _period(period), "background": background}
    histogram |= {"photons": _counted(counted), "duration_s": _duration(duration)}
    single: dict[str, Any] = {"bin_s": _bin(bin_), "monomer": references or None}
    options |= {name: value for name, value in (histogram | single).items() if value is not None}
    inputs = [*files, *filter(None, (kept["response"], kept["dark"])), *references]
    outputs = _planned(files, output, figures, inputs=inputs)
    with photon_progress(quiet=quiet) as tell:
        if len(files) == 1 and column != "all":
            analyses: Sequence[Analysed] = [analyze_photons(files[0], progress=tell, **options)]
        else:
            analyses = analyze_many(files, progress=tell, **options)
            _refuse_all(analyses)
    named = _written(analyses, outputs)
    if json:
        emit({**_one_or_many([analysis.summary for analysis in analyses]), "outputs": named})
    else:
        _show(analyses, quiet=quiet)
        say(f"Report: {named['report']}")
    return _status(analyses, quiet=quiet or json)


@photons.command()
def screen(  # noqa: PLR0913, PLR0917  # the options of a command are its arguments
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Photon files, or folders of them (all their files).")
    ],
    require: Annotated[
        list[str] | None,
        typer.Option(
            "--require",
            metavar="CRITERION",
            help="Condition such as 'g2<0.5' or 'lifetime>10ns', met by the whole 95 % interval; repeat for more.",
        ),
    ] = None,
    by_value: Annotated[
        bool, typer.Option("--by-value", help="Compare values with the conditions, and ignore their intervals.")
    ] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="OUT.csv", help="Table to write.")] = None,
    response: Response = None,
    dark: Dark = None,
    channels: Channels = None,
    model: DecayModel = "auto",
    remember: Remember = False,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Number of worker processes (default: one per core); 0 for none.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Keep or reject many photon files. Each file gets its numbers and the reason, in a table."""
    from qdmol.analysis import screen_photons
    from qdmol.jobs import cores

    paths = _files_in(files, (response, dark))
    kept = _remembered(paths, {"response": response, "dark": dark}, remember=remember, quiet=quiet or json)
    chosen: dict[str, Any] = {**kept, "channels": _channels(channels), "model": model}
    options: dict[str, Any] = {name: value for name, value in chosen.items() if value is not None}
    with map_progress(quiet=quiet, unit="files") as tell:
        screening = screen_photons(
            paths,
            require=require or (),
            by_value=by_value,
            output=output,
            workers=cores() if workers is None else workers,
            progress=tell,
            **options,
        )
    if json:
        emit({**screening.summary, "outputs": {"table": None if output is None else str(output.absolute())}})
        return 0
    _show_screening(screening, output, quiet=quiet)
    return 0


def _files_in(names: Sequence[str], others: Sequence[str | None]) -> list[str]:
    """Files, and for each folder the measured files in it, without `others`."""
    from qdmol.cli.folder_options import measured_files

    paths: list[str] = []
    for name in names:
        paths += map(str, measured_files(Path(name), others)) if Path(name).is_dir() else [name]
    return paths


def _monomers(names: Sequence[str] | None) -> str | None:
    """Files of single emitters, one a line; of a folder all its measured files."""
    if not names:
        return None
    if any(len(name.splitlines()) != 1 for name in names):
        raise InputError(field="monomer", value=names[0], allowed="a file that exists")
    return "\n".join(_files_in(names, ()))


def _remembered(
    files: Sequence[str], given: Mapping[str, str | None], *, remember: bool, quiet: bool
) -> dict[str, str | None]:
    """The options given, else those remembered for the folder; remembers them if asked to."""
    from qdmol.cli.folder_options import remember as write_options, with_remembered

    options, note = with_remembered(files, given)
    for name, paths in options.items():
        for path in () if paths is None or not (remember or name == "monomer") else paths.splitlines():
            if not Path(path).is_file():
                raise InputError(field=name, value=path, allowed="a file that exists")
    if remember:
        written = write_options(files, given)
        if not quiet:
            message(f"Remembered in {written}.")
    elif note is not None and not quiet:
        message(note)
    return options


def _show_screening(screening: Screening, output: Path | None, *, quiet: bool) -> None:
    from qdmol.cli.result_tables import rows_table

    show(rows_table(screening.rows(intervals=False), words=2))
    if not quiet:
        conditions = ", ".join(map(str, screening.criteria)) or "readable and consistent"
        say(f"{len(screening.kept)} of {len(screening)} files kept ({conditions}).")
    if output is not None:
        say(f"Table: {output.absolute()}")


@photons.command()
def convert(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file of time-tagged photons.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="OUT.h5", help="Photon-HDF5 file to write.")
    ] = None,
    format_: Format = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Convert a photon file to Photon-HDF5. This open format is read by other programs."""
    from qdmol.photons import read_photons, write_photon_hdf5

    path = _converted(file, output)
    stream = read_photons(file, format=format_)
    if stream.contradictions:
        raise DataError(f"The recording contradicts itself and was not converted: {stream.contradictions[0]}")
    write_photon_hdf5(stream, path)
    if json:
        emit({"qdmol": 1, "file": file, "truncated": stream.truncated, "outputs": {"photons": str(path.absolute())}})
    elif not quiet:
        say(f"Photons: {path.absolute()}")
    if stream.truncated and not quiet:
        message("The file ends early; the intact part was converted.")
    return INCOMPLETE if stream.truncated else 0


def _converted(file: str, output: Path | None) -> Path:
    if output is None:
        raise InputError(field="output", value=None, allowed="given", message="The option -o OUT.h5 is missing.")
    if output.suffix.lower() not in {".h5", ".hdf5"}:
        raise InputError(field="output", value=str(output), allowed="a file name that ends in .h5 or .hdf5")
    refuse_unwritable(output, "output")
    refuse_inputs([output], [file])
    return output


def _planned(files: Sequence[str], output: Path | None, figures: Path | None, *, inputs: Sequence[str]) -> Outputs:
    return planned_outputs(files[0] if len(files) == 1 else "photons", output, figures, inputs=inputs)


def _channels(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    from qdmol.photons import SYNC_CHANNEL

    parts = [part.strip().lower() for part in text.split(",")]
    if len(parts) != 2 or not all(
        part == "sync" or (part.isascii() and part.isdigit() and len(part) < 4) for part in parts
    ):
        raise InputError(
            field="channels", value=text, allowed="two channel numbers such as 0,1, or `sync` for one of them"
        )
    first, second = (SYNC_CHANNEL if part == "sync" else int(part) for part in parts)
    return first, second


def _gate(text: str | None) -> tuple[float, float | None] | None:
    if text is None:
        return None
    start, colon, stop = text.partition(":")
    try:
        return float(start.removesuffix("ns")), float(stop.removesuffix("ns")) if colon and stop else None
    except ValueError:
        raise InputError(field="gate", value=text, allowed="one or two delays in ns, such as 5 or 5:50") from None


def _period(text: str | None) -> float | None:
    """A time in ns, from a number or a number with its unit."""
    if text is None:
        return None
    from qdmol.analysis import unit_ns

    number = text.strip().rstrip("abcdefghijklmnopqrstuvwxyzµμ").strip()
    try:
        value = float(number)
    except ValueError:
        raise InputError(field="period", value=text, allowed="a time in ns, such as 12.5 or 12.5ns") from None
    return value * unit_ns(text.strip()[len(number) :].strip() or "ns", field="period")


def _counted(text: str | None) -> tuple[int, int] | None:
    """Numbers of photons, such as 120000,98000."""
    if text is None:
        return None
    try:
        first, second = (float(part) for part in text.split(","))
        if first.is_integer() and second.is_integer():
            return int(first), int(second)
    except ValueError:
        pass
    raise InputError(field="photons", value=text, allowed="two whole numbers, such as 120000,98000")


def _duration(text: str | None) -> float | None:
    """A time in s, from a number or a number with its unit."""
    return None if text is None else _seconds(text, "duration", allowed="a time in s, such as 600 or 600s", unit="s")


def _bin(text: str | None) -> float | None:
    """A time in s, from a number with its unit."""
    return None if text is None else _seconds(text, "bin", allowed="a time with its unit, such as 5ms", unit=None)


def _seconds(text: str, field: str, *, allowed: str, unit: str | None) -> float:
    """A time in s, from a number with its unit, or if there is a default `unit` from a number alone."""
    from qdmol.analysis import unit_ns

    number = text.strip().rstrip("abcdefghijklmnopqrstuvwxyzµμ").strip()
    name = text.strip()[len(number) :].strip() or unit
    try:
        value = float(number)
    except ValueError:
        raise InputError(field=field, value=text, allowed=allowed) from None
    if name is None:
        raise InputError(field=field, value=text, allowed=allowed)
    scale = {"min": 60.0, "h": 3600.0}.get(name)
    return value * (unit_ns(name, field=field) * 1e-9 if scale is None else scale)


def _failed(file: str, error: QdmolError, *, alone: bool) -> Analysed:
    from qdmol.analysis import FailedAnalysis

    if alone:
        raise error
    return FailedAnalysis(file, error)


def _refuse_all(analyses: Sequence[Analysed] | PhotonAnalyses) -> None:
    """Raise the error of the first file if none of the files could be read."""
    errors = [analysis.error for analysis in analyses if hasattr(analysis, "error")]
    if len(errors) < len(analyses) or len(analyses) == 1:
        return
    first = errors[0]
    text = f"None of the {len(errors)} files could be read; the first: {first}"
    if isinstance(first, InputError):
        raise InputError(field=first.field, value=first.value, allowed=first.allowed, message=text)
    raise DataError(text)


def _described(analysis: Analysed) -> dict[str, Any]:
    """The object of `info`: what is known without an analysis, and the header."""
    from qdmol.analysis import FailedAnalysis, plain

    if isinstance(analysis, FailedAnalysis):
        return analysis.summary
    analysed = {"background", "lifetime", "g2", "g3", "levels", "dwell", "emitters"}
    stated = analysis.histogram.get("header", {}) if analysis.stream is None else analysis.stream.provenance.header
    header = plain(stated)
    return {**{key: value for key, value in analysis.summary.items() if key not in analysed}, "header": header}


def _one_or_many(summaries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return summaries[0] if len(summaries) == 1 else {"qdmol": 1, "files": list(summaries)}


def _written(analyses: Sequence[Analysed], outputs: Outputs) -> dict[str, str | None]:
    from qdmol.report import write_photon_report

    return outputs.as_dict(write_photon_report(list(analyses), outputs.report, figures=outputs.figures))


def _show(analyses: Sequence[Analysed], *, quiet: bool) -> None:
    from qdmol.cli.result_tables import analysis_text, files_text

    if len(analyses) > 1:
        show(files_text(analyses))
    if len(analyses) == 1 or not quiet:
        show(*(analysis_text(analysis, quiet=quiet) for analysis in analyses))


def _status(analyses: Sequence[Analysed], *, quiet: bool) -> int:
    """0 where every file is whole and trusted, else 3, and why."""
    incomplete = sum(not analysis.complete for analysis in analyses)
    if incomplete and not quiet:
        which = (
            "The file contradicts itself, ends early or leaves results unknown"
            if len(analyses) == 1
            else (
                f"{incomplete} of {len(analyses)} files contradict themselves, end early, leave results unknown or"
                " could not be read"
            )
        )
        message(f"{which}; see the messages above.")
    return INCOMPLETE if incomplete else 0
