"""The table of claims that the documentation shows from stored results is the one computed today."""

import re

import pytest
from docs.stored_results import DOCS, output_texts, with_stored_outputs

from qdmol.claims import STATEMENTS

NUMBER = re.compile(r"[−-]?\d+(?:\.\d+)?")
SPECTRA_IDS = {statement.id for statement in STATEMENTS if statement.command.startswith("qdmol spectrum")}


def masked(texts):
    """Words without their numbers, and the numbers, which another machine may round otherwise."""
    joined = " | ".join(texts)
    return NUMBER.sub("#", joined), [float(number.replace("−", "-")) for number in NUMBER.findall(joined)]


def test_the_stored_table_is_todays(assessed):
    """After a change of a statement or of a result: `make docs-results`. Spectra are made up here, and left out."""
    table, _ = output_texts(with_stored_outputs(DOCS / "claims.md"))
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")][1:] for line in table.splitlines()[2:]]
    assert len(rows) == len(assessed.claims)
    compared = 0
    for row, claim in zip(rows, assessed.claims, strict=True):
        if claim.statement.id in SPECTRA_IDS:
            continue
        words, numbers = masked(row)
        statement = claim.statement
        shown = [statement.words, statement.number_text, claim.value_text, claim.range_text, claim.verdict.text]
        expected = masked(shown)
        assert words == expected[0]
        assert numbers == pytest.approx(expected[1], rel=2e-3, abs=0.011)
        compared += len(numbers)
    assert compared > 50
