"""How a number becomes a verdict: stated rules, no judgement by hand.

In come a :class:`Criterion` (what a statement asks of a number) and numbers with numerical errors, one for each
plausible case; out comes a :class:`Verdict`. With u the numerical error of a value x:

- within ``margin`` of ``bound``: met where abs(x - bound) + u <= margin, not met where abs(x - bound) - u > margin;
- above ``bound`` by more than ``margin``: met where x - u > bound + margin, not met where x + u <= bound + margin;
- anything else is undecided, and such a case decides nothing.

All decided cases meet it: agrees. None does: disagrees. Some do: depends on whatever, changed alone from the base
case, changes the answer (where nothing alone does, on whatever is changed together in those that do; where the base
case is undecided, the majority stands for it). No decided case: cannot be compared.

>>> twenty_three = Criterion("within", 23.0, 0.5)
>>> decide(twenty_three, [Finding("base", (), 22.87, 0.01), Finding("wide", ("neck",), 60.5, 0.01)]).text
'depends on neck'
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["within", "above"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """What a statement asks of a number, in the statement's unit."""

    kind: Kind
    bound: float
    margin: float = 0.0

    def met(self, value: float, error: float) -> bool | None:
        """Whether a value with a numerical error meets it; None where the error leaves it open.

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
    """One case's value with its numerical error; `factors` are what differs from the base case."""

    label: str
    factors: tuple[str, ...]
    value: float
    error: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome: `text` is what is shown; counts are of cases; low and high are None without a case."""

    kind: Literal["agrees", "disagrees", "depends", "cannot be compared"]
    factors: tuple[str, ...] = ()
    met: int = 0
    failed: int = 0
    undecided: int = 0
    low: float | None = None
    high: float | None = None

    @property
    def text(self) -> str:
        """The verdict in words."""
        return f"depends on {', '.join(self.factors)}" if self.kind == "depends" else self.kind


def decide(criterion: Criterion, findings: Sequence[Finding]) -> Verdict:
    """Judge a statement by all plausible cases, the base case being the one without factors.

    Parameters
    ----------
    criterion
        What is asked.
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
    """Factors of the cases that differ in the fewest ways from the base and have another answer than it."""
    base = next((a for f, a in zip(findings, answers, strict=True) if not f.factors and a is not None), None)
    reference = base if base is not None else answers.count(True) > answers.count(False)
    flipped = [f.factors for f, a in zip(findings, answers, strict=True) if f.factors and a is (not reference)]
    fewest = min(map(len, flipped), default=0)
    chosen = [factors for factors in flipped if len(factors) == fewest]
    return tuple(dict.fromkeys(factor for factors in chosen for factor in factors))
