"""Rules that derive a verdict from values.

In: a :class:`Criterion` (what a statement requires of a number) and numbers with numerical errors, one for each
plausible case. Out: a :class:`Verdict`. With u the numerical error of a value x:

- within ``margin`` of ``bound``: met where abs(x - bound) + u <= margin, not met where abs(x - bound) - u > margin;
- above ``bound`` by more than ``margin``: met where x - u > bound + margin, not met where x + u <= bound + margin;
- anything else is undecided, and such a case decides nothing.

All decided cases meet the criterion: agrees. None does: disagrees. Some do: depends on the factors that, changed alone
from the base case, change the answer (where no factor alone does, on those changed together; where the base case is
undecided, the majority of the cases replaces it). No decided case: cannot be compared.

>>> twenty_three = Criterion("within", 23.0, 0.5)
>>> decide(twenty_three, [Finding("base", (), 22.87, 0.01), Finding("wide", ("neck",), 60.5, 0.01)]).text
'depends on neck'
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict

Kind = Literal["within", "above"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """Condition that a statement imposes on a value, in the unit of the statement."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # as read from the file of statements

    kind: Kind
    bound: float
    margin: float = 0.0

    def met(self, value: float, error: float) -> bool | None:
        """Whether a value with a numerical error meets the criterion; None where the error leaves it undecided.

        >>> Criterion("above", 10.0).met(10.02, 0.05) is None
        True
        """
        if not (math.isfinite(value) and math.isfinite(error)):
            return None
        if self.kind == "above":
            least = self.bound + self.margin
            return True if value - error > least else False if value + error <= least else None
        distance = abs(value - self.bound)
        return True if distance + error <= self.margin else False if distance - error > self.margin else None


@dataclass(frozen=True, slots=True)
class Finding:
    """Value of one case with its numerical error; `factors` are the differences from the base case."""

    label: str
    factors: tuple[str, ...]
    value: float
    error: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict on a statement: numbers of cases, and the range of their values (None without a case)."""

    kind: Literal["agrees", "disagrees", "depends", "cannot be compared"]
    factors: tuple[str, ...] = ()
    met: int = 0
    failed: int = 0
    undecided: int = 0
    low: float | None = None
    high: float | None = None

    @property
    def text(self) -> str:
        """Description of the verdict."""
        return f"depends on {', '.join(self.factors)}" if self.kind == "depends" else self.kind


def decide(criterion: Criterion, findings: Sequence[Finding]) -> Verdict:
    """Decide on a statement from all plausible cases; the base case is the one without factors.

    Parameters
    ----------
    criterion
        What the statement requires.
    findings
        One for each case that has a value; may be empty.
    """
    answers = [criterion.met(finding.value, finding.error) for finding in findings]
    met, failed = answers.count(True), answers.count(False)
    values = [finding.value for finding in findings]
    numbers = (met, failed, answers.count(None), min(values, default=None), max(values, default=None))
    if not met + failed:
        return Verdict("cannot be compared", (), *numbers)
    if not failed:
        return Verdict("agrees", (), *numbers)
    if not met:
        return Verdict("disagrees", (), *numbers)
    return Verdict("depends", _deciding(findings, answers), *numbers)


def _deciding(findings: Sequence[Finding], answers: Sequence[bool | None]) -> tuple[str, ...]:
    """Factors of the cases that differ least from the base case and have another answer."""
    base = next((a for f, a in zip(findings, answers, strict=True) if not f.factors and a is not None), None)
    reference = base if base is not None else answers.count(True) > answers.count(False)
    flipped = [f.factors for f, a in zip(findings, answers, strict=True) if f.factors and a is (not reference)]
    fewest = min(map(len, flipped), default=0)
    chosen = [factors for factors in flipped if len(factors) == fewest]
    return tuple(dict.fromkeys(factor for factors in chosen for factor in factors))
