"""What a statement of the reference work is: words, source, criterion, and what answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qdmol.claims.rules import Criterion

PAGE = "https://doi.org/10.1038/s41467-019-13349-1"
Family = Literal[
    "1.2/2.1", "1.4/2.1", "1.9/4.0", "linked", "matched", "samples", "map", "spectra", "spectra 1.9/4.0", "none"
]

# No shift: under 1 meV, 0.3 nm at 620 nm, far less than the lines are wide; the paper states no resolution.
UNSEEN = 1.0
# Proportional, taken literally: equal ratios to 10 %.
PROPORTIONAL = 0.1


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    Parameters
    ----------
    id
        Short name, fixed.
    words
        What the paper says, in our words.
    where
        Lines of the peer-review file's text, figures.
    unit
        Of all numbers.
    criterion
        What it asks of the number; its bound is the paper's number. None where no number can be had here.
    rule
        The criterion in words.
    family, quantity
        Which cases answer it, and what is read off them.
    assumed
        What the paper does not say.
    command
        Shows the number.
    paper_value
        Where there is no criterion: the number quoted.
    why_not
        Where there is no criterion: why no number is compared.
    document, page
        What `where` is of, and its public page.
    """

    id: str
    words: str
    where: str
    unit: str
    criterion: Criterion | None
    rule: str
    family: Family
    quantity: str
    assumed: str
    command: str
    paper_value: float | None = None
    why_not: str = ""
    document: str = "peer-review file"
    page: str = PAGE

    @property
    def source(self) -> str:
        """Where it stands, with the public page."""
        return f"{self.document}, {self.where}; {self.page}"

    @property
    def number(self) -> float | None:
        """The paper's number; None where none survives in the text."""
        return self.paper_value if self.criterion is None else self.criterion.bound

    @property
    def asked(self) -> str:
        """The paper's number in a few characters, with its relation."""
        if self.number is None:
            return "no number"
        amount = f"{self.number:g}" + ("" if self.unit == "1" else f" {self.unit}")
        if self.criterion is None:
            return amount
        return f"> {amount}" if self.criterion.kind == "above" else amount if self.number else "none"


def within(bound: float, margin: float) -> Criterion:
    """A value within a margin of a number."""
    return Criterion("within", bound, margin)
