"""Constants against SciPy's, and quantities with units."""

import fractions
import math
import re
from decimal import Decimal

import numpy as np
import pytest
import scipy.constants as codata
from hypothesis import given, strategies as st

from qdmol.errors import InputError
from qdmol.units import (
    BOLTZMANN_EV_K,
    COULOMB_EV_NM,
    HBAR2_OVER_2M0,
    HC_EV_NM,
    KINDS,
    parse_quantity,
    quantity_pattern,
    unit_of,
)


def test_constants():
    ev = codata.e
    assert pytest.approx(codata.hbar**2 / (2 * codata.m_e) / ev * 1e18, rel=1e-8) == HBAR2_OVER_2M0
    assert pytest.approx(ev / (4 * math.pi * codata.epsilon_0) * 1e9, rel=1e-8) == COULOMB_EV_NM
    assert pytest.approx(codata.k / ev, rel=1e-10) == BOLTZMANN_EV_K
    assert pytest.approx(codata.h * codata.c / ev * 1e9, rel=1e-10) == HC_EV_NM


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("1.4 nm", "length", 1.4),
        ("14 angstrom", "length", 1.4),
        ("14Å", "length", 1.4),
        ("14 \u212b", "length", 1.4),
        ("1400pm", "length", 1.4),
        ("0.0014 µm", "length", 0.0014e3),
        ("1.4e-9 m", "length", 1.4),
        (" 1.4 ", "length", 1.4),
        ("1.4\u00a0nm", "length", 1.4),
        ("+1.4 nm", "length", 1.4),
        (".5 nm", "length", 0.5),
        ("2. nm", "length", 2.0),
        ("1e1 nm", "length", 10.0),
        (1.4, "length", 1.4),
        (3, "length", 3.0),
        (np.float32(0.5), "length", 0.5),
        (fractions.Fraction(1, 2), "length", 0.5),
        ("23 meV", "energy", 0.023),
        ("23 meV", "energy_mev", 23.0),
        ("0.1 eV", "energy_mev", 100.0),
        ("16.5 µeV", "energy_mev", 0.0165),
        ("8065.544 cm-1", "energy", 1.0),
        ("-0.1 eV", "energy", -0.1),
        ("300 K", "temperature", 300.0),
        ("50 kV/cm", "field", 50.0),
        ("5 MV/m", "field", 50.0),
        ("5 V/um", "field", 50.0),
        ("0.005 V/nm", "field", 50.0),
        ("0.13 m0", "mass", 0.13),
        ("0.13", "mass", 0.13),
        ("2e5 1/cm", "absorption", 2e5),
        ("20 1/um", "absorption", 2e5),
        ("20000000 1/m", "absorption", 2e5),
        ("30 degrees", "angle", 30.0),
        ("0.5235987756 rad", "angle", 30.0),
        ("10", "number", 10.0),
    ],
)
def test_quantities(text, kind, value):
    assert parse_quantity(text, kind=kind, field="x") == pytest.approx(value, rel=1e-7)


def test_decimal_text_is_exact():
    assert parse_quantity("14 angstrom", kind="length", field="x") == 1.4
    assert parse_quantity("2100 pm", kind="length", field="x") == 2.1
    assert parse_quantity("100 ueV", kind="energy_mev", field="x") == 0.1


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "nm", "1.4 eV", "1.4 nm nm", "1,4 nm", "1.4.1 nm", "one nm", "0x10 nm", "1_000 nm", "nan", "nan nm"),
        *("inf", "inf nm", "1e999 nm", "1e99999999999999999999 nm", "0e99999999999999999999 nm", "1 NM", "- 1 nm"),
        *("1/2 nm", "5%", "٣ nm", "1 nm\n2", "hard", "9" * 81, "1" * 5000 + " nm"),
        *(math.nan, math.inf, -math.inf, True, False, None, [], {}, 10**400, 1j, b"1 nm", object()),
    ],
    ids=lambda value: "object" if type(value) is object else repr(value)[:30],
)
def test_what_is_no_length(value):
    with pytest.raises(InputError) as caught:
        parse_quantity(value, kind="length", field="molecule.spacing")
    assert caught.value.field == "molecule.spacing"
    assert "nm, angstrom" in caught.value.allowed


def test_hard_walls():
    for value in ("hard", " Hard ", math.inf):
        assert parse_quantity(value, kind="energy", field="x", hard=True) == math.inf
    for value in ("inf", "soft", "1e999", -math.inf, math.nan):
        with pytest.raises(InputError, match="hard"):
            parse_quantity(value, kind="energy", field="x", hard=True)


@pytest.mark.parametrize("kind", KINDS)
def test_every_unit_is_read_and_stands_in_the_pattern(kind):
    pattern = re.compile(quantity_pattern(kind))
    for unit, factor in KINDS[kind].factors.items():
        assert parse_quantity(f"2 {unit}", kind=kind, field="x") == float(2 * Decimal(factor))
        assert pattern.search(f"2 {unit}")
    assert pattern.search("-2.5e-3")
    assert not pattern.search("2 parsec")
    assert unit_of(kind) == KINDS[kind].unit


@given(st.text(max_size=20), st.sampled_from(sorted(KINDS)))
def test_the_pattern_accepts_no_more_than_the_reader(text, kind):
    """What an editor passes by the schema is a number here (bounds apart)."""
    if re.search(quantity_pattern(kind), text):
        parse_quantity(text, kind=kind, field="x")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_plain_numbers_and_their_text_agree(number):
    assert parse_quantity(number, kind="length", field="x") == number
    assert parse_quantity(f"{number!r} nm", kind="length", field="x") == number
