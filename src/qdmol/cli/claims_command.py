"""`qdmol claims`: the quantitative statements of the reference work beside the results of qdmol."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from qdmol.cli.commands import Json, Quiet, app
from qdmol.cli.console import emit, progress, say, show
from qdmol.cli.outputs import Outputs, planned_outputs
from qdmol.errors import InputError

if TYPE_CHECKING:
    from qdmol.claims import Claim, Claims


TITLE = "Statements of Cui et al., Nat. Commun. 10, 5401 (2019), compared with qdmol"


@app.command()
def claims(
    report: Annotated[
        bool,
        typer.Option("--report", help="Also write an HTML report, and its data as a NetCDF file in the same folder."),
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Report to write (default ./claims.html); needs --report.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Compare the statements of the reference paper with qdmol. Takes about two minutes."""
    if output is not None and not report:
        raise InputError(field="output", value=str(output), allowed="given together with --report")
    outputs = planned_outputs("claims", output, None) if report else None
    with progress(quiet=quiet or json) as tell:
        if tell is not None:
            tell("loading the solver")
        from qdmol.claims import assess_claims

        assessed = assess_claims(fine_map=report, workers=min(2, os.cpu_count() or 1), progress=tell)
        files = None if outputs is None else _written(assessed, outputs)
    if json:
        emit({**assessed.summary, **({} if files is None else {"files": files})})
    else:
        show(*claims_tables(assessed.claims, quiet=quiet))
        if files is not None:
            say(f"Report: {files['report']}")
    return 0


def _written(assessed: Claims, outputs: Outputs) -> dict[str, str]:
    from qdmol.report import write_claims_report

    page = write_claims_report(assessed, outputs.report)
    return {"report": str(page.absolute()), "netcdf": str(outputs.netcdf.absolute())}


def claims_tables(claims: Sequence[Claim], *, quiet: bool) -> list[RenderableType]:
    """Return the claims as a table and, unless quiet, source, reason and assumptions of each row."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0))
    columns = (("#", 2), ("statement", 29), ("paper", 9), ("qdmol", 19), ("range", 15), ("verdict", 16))
    for heading, width in columns:
        right = heading in {"#", "paper", "qdmol", "range"}
        table.add_column(heading, width=width, justify="right" if right else "left", no_wrap=right)
    for number, claim in enumerate(claims, start=1):
        shown = (
            claim.statement.words,
            claim.statement.number_text,
            claim.value_text,
            claim.range_text,
            claim.verdict.text,
        )
        table.add_row(str(number), *map(Text, shown))
    details = [] if quiet else [line for number, claim in enumerate(claims, 1) for line in _details(number, claim)]
    return [Text(TITLE, style="bold"), Text(""), table, *details]


def _details(number: int, claim: Claim) -> list[RenderableType]:
    statement = claim.statement
    lines = (statement.source, claim.reason, f"Assumed: {statement.assumed}.")
    return [
        Text(f"{number}  {statement.id}", style="bold"),
        *(Padding(Text(line), (0, 0, 0, 4)) for line in lines),
        Text(f"    {statement.command}", no_wrap=True, overflow="ignore", style="bold"),
        Text(""),
    ]
