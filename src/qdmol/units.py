"""Units and physical constants. The package uses nm, eV, ns, K and free-electron masses.

Values in a spec are plain numbers in the unit of their kind, or strings with a unit:

>>> parse_quantity("14 angstrom", kind="length", field="radius")
1.4
>>> parse_quantity("23 meV", kind="energy", field="offset")
0.023

Constants: CODATA 2022 (Mohr, Newell, Taylor and Tiesinga, arXiv:2409.03787), computed from the values in SciPy.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from numbers import Real
from typing import Final, Literal

from qdmol.errors import InputError

HBAR2_OVER_2M0: Final = 0.0380998211097  # eV nm^2, hbar^2 / (2 m_e)
COULOMB_EV_NM: Final = 1.43996454687  # eV nm, e^2 / (4 pi epsilon_0)
BOLTZMANN_EV_K: Final = 8.617333262145e-5  # eV/K, exact in the SI
HC_EV_NM: Final = 1239.841984332  # eV nm, h c, exact in the SI

Kind = Literal["length", "energy", "energy_mev", "temperature", "field", "mass", "absorption", "angle", "number"]


@dataclass(frozen=True, slots=True)
class _Scale:
    """One kind of quantity: its unit, and the factors of all accepted units."""

    noun: str
    unit: str
    factors: dict[str, str]  # decimal text, so that "14 angstrom" is exactly 1.4
    shown: str


_ENERGY_EV = {
    "eV": "1",
    "meV": "1e-3",
    "ueV": "1e-6",
    "µeV": "1e-6",
    "μeV": "1e-6",
    "neV": "1e-9",
    "hartree": "27.211386245981",
    "Ha": "27.211386245981",
    "cm-1": "1.239841984e-4",
    "cm^-1": "1.239841984e-4",
    "1/cm": "1.239841984e-4",
}

KINDS: Final[dict[str, _Scale]] = {
    "length": _Scale(
        "a length",
        "nm",
        {
            "nm": "1",
            "angstrom": "0.1",
            "angstroms": "0.1",
            "Angstrom": "0.1",
            "ångström": "0.1",
            "Å": "0.1",
            "\u212b": "0.1",  # the angstrom sign, which looks the same
            "pm": "1e-3",
            "um": "1e3",
            "µm": "1e3",
            "μm": "1e3",
            "mm": "1e6",
            "m": "1e9",
            "bohr": "0.0529177210544",
        },
        "nm, angstrom, pm, um",
    ),
    "energy": _Scale("an energy", "eV", _ENERGY_EV, "eV, meV, cm-1"),
    "energy_mev": _Scale(
        "an energy",
        "meV",
        {unit: str(Decimal(factor) * 1000) for unit, factor in _ENERGY_EV.items()},
        "meV, eV, ueV",
    ),
    "temperature": _Scale("a temperature", "K", {"K": "1", "kelvin": "1", "mK": "1e-3"}, "K"),
    "field": _Scale(
        "an electric field",
        "kV/cm",
        {
            "kV/cm": "1",
            "V/cm": "1e-3",
            "MV/cm": "1e3",
            "V/m": "1e-5",
            "kV/m": "1e-2",
            "MV/m": "10",
            "V/um": "10",
            "V/µm": "10",
            "V/μm": "10",
            "mV/nm": "10",
            "V/nm": "1e4",
        },
        "kV/cm, V/m, V/um, V/nm",
    ),
    "mass": _Scale("a mass", "m0", {"m0": "1", "m_0": "1", "me": "1", "m_e": "1"}, "m0, the free-electron mass"),
    "absorption": _Scale(
        "an absorption coefficient",
        "1/cm",
        {
            "1/cm": "1",
            "cm-1": "1",
            "cm^-1": "1",
            "1/m": "1e-2",
            "1/um": "1e4",
            "1/µm": "1e4",
            "1/μm": "1e4",
            "1/nm": "1e7",
        },
        "1/cm, 1/um, 1/m",
    ),
    "angle": _Scale(
        "an angle",
        "degrees",
        {"degrees": "1", "degree": "1", "deg": "1", "°": "1", "rad": "57.29577951308232"},
        "degrees, rad",
    ),
    "number": _Scale("a number", "1", {}, ""),
}

_NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_QUANTITY = re.compile(rf"\s*({_NUMBER})\s*(\S.*?)?\s*", re.DOTALL)
_LONGEST = 80  # characters of a quantity with its unit


def unit_of(kind: Kind) -> str:
    """Return the unit of plain numbers of ``kind``."""
    return KINDS[kind].unit


def quantity_pattern(kind: Kind) -> str:
    """Return a regular expression (ECMA 262, for the JSON schema) of the accepted strings of ``kind``."""
    units = "|".join(re.escape(unit).replace(r"\-", "-") for unit in KINDS[kind].factors)
    tail = rf"\s*(?:{units})?" if units else ""
    return rf"^\s*{_NUMBER}{tail}\s*$"


def describe(kind: Kind, *, hard: bool = False) -> str:
    """Return a description of a value of ``kind``, with its units, for messages."""
    scale = KINDS[kind]
    if not scale.shown:
        return "a finite number without a unit"
    tail = ', or "hard" for an infinite barrier' if hard else ""
    return f"{scale.noun}, a finite number in {scale.unit} or text with a unit ({scale.shown}){tail}"


def _from_text(text: str, kind: Kind) -> float:
    """Return the number in ``text`` in the unit of its kind; NaN if there is none."""
    match = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return math.nan
    number, unit = match.groups()
    factor = "1" if unit is None else KINDS[kind].factors.get(unit)
    try:
        return math.nan if factor is None else float(Decimal(number) * Decimal(factor))
    except DecimalException:  # an exponent of millions
        return math.nan


def _as_float(value: object, kind: Kind) -> float:
    if isinstance(value, str):
        number = _from_text(value, kind)
        return number if math.isfinite(number) else math.nan  # "1e999 eV" does not mean "hard"
    if isinstance(value, Real) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:  # an integer of hundreds of digits
            return math.nan
    return math.nan


def parse_quantity(value: object, *, kind: Kind, field: str, hard: bool = False) -> float:
    """Return ``value`` as a float in the unit of its kind.

    Plain numbers are in ``unit_of(kind)``: nm, eV (``energy``), meV (``energy_mev``), K, kV/cm, free-electron
    masses, 1/cm (``absorption``), degrees (``angle``), or none. With ``hard``, ``"hard"`` and positive infinity are
    allowed and give ``math.inf``.

    Raises InputError naming ``field`` for a unit of another kind, NaN, infinity, or anything that is not a number.
    """
    if hard and isinstance(value, str) and value.strip().lower() == "hard":
        return math.inf
    number = _as_float(value, kind)
    if math.isfinite(number) or (hard and number == math.inf):
        return number
    raise InputError(field=field, value=value, allowed=describe(kind, hard=hard))
