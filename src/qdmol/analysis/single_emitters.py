"""Recordings of single emitters that serve as the reference of the test for the number of emitters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qdmol.analysis.emitters.values import Monomer, monomer_of
from qdmol.analysis.wording import plain_text
from qdmol.errors import InputError

if TYPE_CHECKING:
    from qdmol.analysis.result import PhotonAnalysis

_SINGLE = "one_emitter"


def checked_reference(analyses: Sequence[PhotonAnalysis]) -> Monomer:
    """Make the reference, see :func:`qdmol.analysis.emitters.values.monomer_of`, from recordings fit for it.

    Raises
    ------
    InputError
        There are none, or one holds no g2 or no lifetime.
    """
    if not analyses:
        raise InputError(field="monomer", value=None, allowed="at least one recording of a single emitter")
    for analysis in analyses:
        _refuse_incomplete(analysis)
    return monomer_of(analyses)


def not_single(analyses: Sequence[PhotonAnalysis]) -> str | None:
    """Sentence about recordings of the reference that show more than one emitter themselves; None where none does."""
    names = [
        analysis.name for analysis in analyses if analysis.emitters is not None and analysis.emitters.decided
        and analysis.emitters.verdict != _SINGLE
    ]  # fmt: skip
    if not names:
        return None
    if len(names) == 1:
        text = f"{names[0]}, given as a single emitter, shows more than one emitter itself."
    else:
        text = f"{', '.join(names)}, given as single emitters, show more than one emitter themselves."
    return f"{text} A reference of several emitters makes the number of emitters too small."


def _refuse_incomplete(analysis: PhotonAnalysis) -> None:
    """InputError for a recording that cannot serve as the reference, with the reason."""
    lacking = [
        name
        for name, there in (
            ("g²(0)", analysis.g2 is not None and analysis.g2.against_sides is not None),
            ("lifetime", analysis.lifetime is not None and analysis.lifetime.mean is not None),
        )
        if not there
    ]
    if not lacking:
        return
    reasons = analysis.messages("fatal") or analysis.messages("warning") or analysis.messages("note")
    message = f"`monomer` {analysis.name} cannot serve as the reference: it holds no {' and no '.join(lacking)}."
    if reasons:
        message += f" {reasons[0]}"
    raise InputError(
        field="monomer",
        value=None if analysis.file is None else plain_text(analysis.file),
        allowed="a recording of a single emitter with g²(0) and lifetime",
        message=message,
    )
