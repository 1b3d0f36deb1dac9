"""Which sample a measured curve belongs to: what the user says, else the names of its column and its file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qdmol.errors import InputError

if TYPE_CHECKING:
    from qdmol.analysis.curves import Curve

__all__ = ["SAMPLES", "MeasuredFor", "assign", "named_sample"]

SAMPLES = ("monomer", "unfused", "fused")
# "unfused" holds "fused", and so does "non-fused"; letters are bounded by hand, for `_` counts as one
_WORDS = (
    ("unfused", re.compile(r"(?<![a-z])(?:un|non|not)[-_ ]?fused(?![a-z])", re.IGNORECASE)),
    ("fused", re.compile(r"(?<![a-z])(?<!un[-_ ])(?<!non[-_ ])(?<!not[-_ ])fused(?![a-z])", re.IGNORECASE)),
    ("monomer", re.compile(r"(?<![a-z])monomers?(?![a-z])", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredFor:
    """A measured curve, the sample it belongs to, in words how that is known, and whether that is a guess."""

    curve: Curve
    sample: str
    because: str
    guessed: bool = False


def named_sample(text: str) -> str | None:
    """The sample that a text speaks of; None where it speaks of none or of several.

    Examples
    --------
    >>> named_sample("run2_non-fused.csv"), named_sample("Fused dimers"), named_sample("monomer and fused")
    ('unfused', 'fused', None)
    """
    found = [sample for sample, word in _WORDS if word.search(text)]
    return found[0] if len(found) == 1 else None


def assign(curves: Sequence[Curve], samples: Sequence[str], given: str | None = None) -> tuple[MeasuredFor, ...]:
    """Decide which sample each curve of a file belongs to.

    Parameters
    ----------
    curves
        From ``read_curves``.
    samples
        Those that are predicted, the spec's own molecule last.
    given
        The sample of all of them, if the user says so. Else it is the one that the name of the column speaks of, then
        that of the file, and the spec's own molecule where none does.

    Raises
    ------
    qdmol.errors.InputError
        A sample given that is not predicted.
    """
    if given is not None and given not in samples:
        raise InputError(field="measured", value=given, allowed=f"a sample of this spec: {', '.join(samples)}")
    return tuple(_belonging(curve, samples, given) for curve in curves)


def _belonging(curve: Curve, samples: Sequence[str], given: str | None) -> MeasuredFor:
    if given is not None:
        return MeasuredFor(curve, given, "as given")
    for text, where in ((curve.name, "column"), (curve.source, "file")):
        found = named_sample(text)
        if found is not None:
            return MeasuredFor(curve, found, f"by the name of its {where}")
    return MeasuredFor(curve, samples[-1], "neither its column nor its file names a sample", guessed=True)
