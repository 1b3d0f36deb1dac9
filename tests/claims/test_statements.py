"""The file of statements: what it holds, and what is refused."""

import pytest

from qdmol.claims import STATEMENTS
from qdmol.claims.cases import SAMPLES, SPECTRA_FAMILIES
from qdmol.claims.quantities import READERS, SPECTRUM_READERS
from qdmol.claims.statements import FILE, load_statements
from qdmol.errors import InputError

TEXT = FILE.read_text(encoding="utf-8")


def test_every_quantity_can_be_read_off_the_cases_of_its_family():
    for statement in STATEMENTS:
        if statement.criterion is None:
            assert statement.family == "none"
        elif statement.family in SPECTRA_FAMILIES:
            assert statement.quantity in SPECTRUM_READERS
        elif statement.family == "map":
            assert statement.quantity in {"barrier", "diameter"}
        else:
            assert statement.family in {*SAMPLES, "linked", "matched", "samples"}
            assert statement.quantity in READERS


def test_the_shipped_file_is_what_is_assessed(tmp_path):
    copy = tmp_path / "copy.yaml"
    copy.write_text(TEXT, encoding="utf-8")
    assert load_statements(copy) == STATEMENTS


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    unit:", "    units:"),
        ("{kind: within, bound: 23.0, margin: 0.5}", "{kind: about, bound: 23.0, margin: 0.5}"),
        ("{kind: within, bound: 23.0, margin: 0.5}", "{kind: within, bound: 23.0, margn: 0.5}"),
        ("{kind: within, bound: 23.0, margin: 0.5}", "{kind: within, bound: many}"),
        ("    quantity: splitting\n", ""),
        ('    family: "1.4/2.1"', "    family: other"),
        ("  - id: spacing", "  - id: splitting"),
        ("    document: follow-up", "    document: unknown"),
        ("statements:\n", "sentences:\n"),
    ],
)
def test_a_wrong_entry_is_refused(tmp_path, old, new):
    assert old in TEXT
    path = tmp_path / "wrong.yaml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError):
        load_statements(path)
