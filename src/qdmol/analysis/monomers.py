"""Single emitters as the reference of the test for the number of emitters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qdmol.analysis.wording import plain_text
from qdmol.errors import InputError

if TYPE_CHECKING:
    from qdmol.analysis.emitters.values import Monomer
    from qdmol.analysis.result import PhotonAnalysis

_LATE = "biexciton_lifetime_ns"  # parameter of the test for the number of emitters
_SINGLE = "one_emitter"


def monomer_of(analyses: Sequence[PhotonAnalysis]) -> Monomer:
    """Make the reference from analysed recordings of single emitters.

    Taken over from each are g2(0) relative to the side peaks, which of one emitter is the yield of its biexciton over
    that of its exciton (Nair, Zhao and Bawendi, Nano Lett. 11, 1136 (2011), doi:10.1021/nl104054t), the lifetime, the
    bunching, and where its own test for the number of emitters says one, the lifetime of the biexciton and the photons
    per pulse of its brightest level.

    Parameters
    ----------
    analyses
        From :func:`qdmol.analyze_photons`.

    Raises
    ------
    InputError
        There are none, or a recording holds no g2 or no lifetime.
    """
    from qdmol.analysis.emitters.values import Monomer

    if not analyses:
        raise InputError(field="monomer", value=None, allowed="at least one recording of a single emitter")
    for analysis in analyses:
        _refuse_incomplete(analysis)
    g2 = [analysis.g2 for analysis in analyses if analysis.g2 is not None]
    lifetimes = [None if analysis.lifetime is None else analysis.lifetime.mean for analysis in analyses]
    single = [
        analysis.emitters for analysis in analyses if analysis.emitters is not None and analysis.emitters.best == _SINGLE
    ]
    return Monomer(
        names=tuple(analysis.name for analysis in analyses),
        ratios=tuple(each.against_sides for each in g2 if each.against_sides is not None),
        lifetimes_ns=tuple(each for each in lifetimes if each is not None),
        biexciton_lifetimes_ns=tuple(each.parameters[_LATE] for each in single if _LATE in each.parameters),
        brightness=tuple(each.brightness for each in single if each.brightness is not None),
        bunching=tuple(each.bunching_level for each in g2 if each.bunching_level is not None),
    )


def not_single(analyses: Sequence[PhotonAnalysis]) -> str | None:
    """Sentence about recordings of the reference that show more than one emitter themselves; None where none does."""
    names = [
        analysis.name for analysis in analyses if analysis.emitters is not None and analysis.emitters.decided
        and analysis.emitters.verdict != _SINGLE
    ]  # fmt: skip
    if not names:
        return None
    which = "recording" if len(names) == 1 else "recordings"
    return (
        f"The {which} {', '.join(names)} given as single emitter{'s' if len(names) > 1 else ''} "
        f"show{'s' if len(names) == 1 else ''} more than one emitter: analyse {'it' if len(names) == 1 else 'them'} alone "
        "before relying on this reference."
    )


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
