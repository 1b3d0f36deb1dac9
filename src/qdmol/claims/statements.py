"""Quantitative statements of the reference work: words, source, criterion, and the quantity that answers each.

They are read from ``statements.yaml`` beside this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from qdmol.claims.rules import Criterion
from qdmol.errors import InputError
from qdmol.estimates import NO_VALUE
from qdmol.materials import read_document

FILE = Path(__file__).with_name("statements.yaml")
Family = Literal[
    "1.2/2.1", "1.4/2.1", "1.9/4.0", "linked", "matched", "samples", "map", "spectra", "spectra 1.9/4.0", "none"
]


@dataclass(frozen=True, slots=True)
class Document:
    """A published text that statements are taken from, with its public page."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    title: str
    page: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A quantitative statement of the reference work.

    Attributes
    ----------
    id : str
        Short name, fixed.
    words : str
        Statement of the paper, paraphrased.
    where : str
        Lines and figures of the document.
    unit : str
        Of all numbers; ``"1"`` without one.
    command : str
        Shows the number.
    document : Document
        Where the statement stands.
    criterion : Criterion or None
        What the statement requires of the number; its bound is the paper's number. None where there is no number to
        compare.
    rule : str
        The criterion in words.
    family, quantity : str
        The cases that answer the statement, and the quantity that is read off them.
    assumed : str
        What the paper does not say.
    paper_value : float or None
        Without a criterion: the number that the paper quotes.
    why_not : str
        Without a criterion: why no number is compared.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    id: str
    words: str
    where: str
    unit: str
    command: str
    document: Document
    criterion: Criterion | None = None
    rule: str = ""
    family: Family = "none"
    quantity: str = ""
    assumed: str = "nothing"
    paper_value: float | None = None
    why_not: str = ""

    def __post_init__(self) -> None:
        if self.criterion is None and not self.why_not:
            raise ValueError(f"{self.id} needs a criterion, or `why_not` to explain why there is none")
        if self.criterion is not None and not (self.rule and self.quantity and self.family != "none"):
            raise ValueError(f"{self.id} needs a rule, a family and a quantity")

    @property
    def source(self) -> str:
        """Place of the statement, with the public page."""
        return f"{self.document.title}, {self.where}; {self.document.page}"

    @property
    def number(self) -> float | None:
        """Value in the paper; None if the text states none."""
        return self.paper_value if self.criterion is None else self.criterion.bound

    @property
    def number_text(self) -> str:
        """Value in the paper as short text, with its relation."""
        if self.number is None:
            return NO_VALUE
        amount = f"{self.number:g}" + ("" if self.unit == "1" else f" {self.unit}")
        if self.criterion is None:
            return amount
        return f"> {amount}" if self.criterion.kind == "above" else amount if self.number else "none"


_STATEMENTS: TypeAdapter[list[Statement]] = TypeAdapter(list[Statement])


def load_statements(path: Path = FILE) -> tuple[Statement, ...]:
    """Return the statements of a YAML file, in its order.

    Raises
    ------
    InputError
        The file cannot be read, or a statement is invalid.
    """
    content = read_document(path, field="statements")
    try:
        documents = TypeAdapter(dict[str, Document]).validate_python(content["documents"])
        entries = [{**entry, "document": documents[entry.get("document", "review")]} for entry in content["statements"]]
        statements = _STATEMENTS.validate_python(entries)
    except (KeyError, TypeError, ValidationError) as error:
        raise InputError(field="statements", value=str(path), allowed=f"a file of statements ({error})") from None
    _refuse_repeated([statement.id for statement in statements], path)
    return tuple(statements)


def _refuse_repeated(names: Sequence[str], path: Path) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(
            field="statements", value=str(path), allowed=f"a file in which every id is unique (repeated: {repeated})"
        )


STATEMENTS = load_statements()
