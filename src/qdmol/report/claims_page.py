"""The page of the claims: the table, and figures 1f-h, 1j and R1 of the reference work from the results of qdmol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from qdmol.plot import (
    Drawing,
    draw_axis_profile,
    draw_claims_redshift,
    draw_claims_splitting,
    draw_wavefunctions,
)
from qdmol.report.page import PageTable, Section, linked, paired_paths, write_page
from qdmol.report.solution_page import figure_sections, spec_section
from qdmol.results import write_netcdf
from qdmol.structure import dump_spec
from qdmol.study import Solution

if TYPE_CHECKING:
    import xarray as xr

    from qdmol.claims import Claim, Claims


_TITLE = "Statements of the reference work, compared with qdmol"
_SUBTITLE = (
    "What Cui, Panfil, Koley et al., Nat. Commun. 10, 5401 (2019), calculate, and what they measure in spectra, "
    "compared with qdmol."
)


def write_claims_report(claims: Claims, path: str | Path) -> Path:
    """Write the claims as one HTML page and a NetCDF file of the same stem beside it.

    Parameters
    ----------
    claims
        From ``assess_claims``, best with ``fine_map``.
    path
        The page, ending in ``.html``.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    qdmol.errors.InputError
        The path is that of the NetCDF file.
    qdmol.errors.OutputError
        A file cannot be written.
    """
    page, data = paired_paths(path)
    homodimer = _homodimer()
    sections = [
        Section(label="Summary", numbers=(claims_table(claims.claims),), sentences=_sentences(claims.claims)),
        Section(label="Tables", tables=(reasons_table(claims.claims),)),
        *figure_sections(draw_claims(claims, homodimer)),
        spec_section(homodimer.spec, netcdf=data.name),
    ]
    content = _with_curves(claims.data, homodimer)
    write_page(sections, page, title=_TITLE, subtitle=_SUBTITLE, write_data=partial(write_netcdf, content))
    return page


def _with_curves(data: xr.Dataset, homodimer: Solution) -> xr.Dataset:
    """Add the curves and maps of the shipped homodimer, each name with its prefix."""
    names = {name: f"homodimer_{name}" for name in (*homodimer.data.variables, *homodimer.data.dims)}
    found = data.merge(homodimer.data.rename(names), combine_attrs="override")
    return found.assign_attrs(homodimer_spec=dump_spec(homodimer.spec))


def _homodimer() -> Solution:
    """The shipped homodimer with its wavefunctions, which the claims do not keep."""
    from qdmol.study import solve

    return solve("@homodimer")


def draw_claims(claims: Claims, homodimer: Solution) -> tuple[Drawing, ...]:
    """Every figure of the page."""
    named = (("Fig. 1f", draw_axis_profile(homodimer)), ("Fig. 1g and 1h", draw_wavefunctions(homodimer)))
    drawings = [
        replace(drawing, caption=f"After {name}, 1.4/2.1 nm. {drawing.caption}")
        for name, drawing in named
        if drawing is not None
    ]
    return (*drawings, draw_claims_redshift(claims), draw_claims_splitting(claims))


def _sentences(claims: Sequence[Claim]) -> list[str]:
    kinds = [claim.verdict.kind for claim in claims]
    together = next(claim for claim in claims if claim.statement.id == "together")
    return [
        f"Of {len(claims)} statements {kinds.count('agrees')} agree for every plausible case, "
        f"{kinds.count('depends')} depend on assumptions that the paper does not state, {kinds.count('disagrees')} "
        "disagree, and "
        f"{kinds.count('cannot be compared')} cannot be compared.",
        "The necks, masses, valence offset and permittivities of the paper are not in the accessible text. Cases "
        "considered plausible: necks of 1.5, 4 and 6.2 nm, merged and filled, conduction offsets of 0.10 and 0.32 "
        "eV, and the alternatives of the material set, one at a time; for spectra fewer: a neck of 6.2 nm, merged and "
        "filled, both offsets, and necks that differ from molecule to molecule.",
        f"23 and 60 meV together with the shift: {together.reason}",
        "Each verdict follows from the values by the rule stated with it.",
    ]


def claims_table(claims: Sequence[Claim]) -> PageTable:
    """Statement, the paper's number, ours with its error, range and verdict."""
    rows = tuple(
        (
            str(number),
            claim.statement.words,
            claim.statement.number_text.replace(" ", "\N{NO-BREAK SPACE}"),
            claim.value_text,
            claim.range_text,
            claim.verdict.text,
        )
        for number, claim in enumerate(claims, start=1)
    )
    note = (
        "Errors are numerical: the exact value of the model lies within them. Ranges are over the cases. Statements "
        "about spectra refer to measurements unless marked as calculated."
    )
    header = ("", "statement", "paper", "qdmol", "range", "verdict")
    return PageTable("Claims", header, rows, note, frozenset({2, 3, 4}))


def reasons_table(claims: Sequence[Claim]) -> PageTable:
    """Table with the source of each statement, the reason for its verdict, its assumptions, and the command."""
    rows = tuple(
        (
            str(number),
            linked(claim.statement.source.replace("https://doi.org/", "doi:")),
            claim.reason,
            claim.statement.assumed,
            Markup("<code>{}</code>").format(escape(claim.statement.command)),
        )
        for number, claim in enumerate(claims, start=1)
    )
    return PageTable("Basis of the claims", ("", "where", "rule and cases", "assumed", "command"), rows)
