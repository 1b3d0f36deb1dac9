"""What the words above the numbers say: the unit of the axis and the quantity of a column, and what is guessed."""

from __future__ import annotations

import re

import numpy as np

from qdmol.analysis.curves.values import HC_EV_NM, Floats, Quantity

__all__ = ["axis_unit", "is_axis", "quantity_in", "quantity_of_shape"]

_UNITS = (
    ("cm-1", re.compile(r"cm\s*(?:\^?\s*[-−]\s*1|⁻¹)|1\s*/\s*cm|wave\s*number", re.IGNORECASE)),
    ("eV", re.compile(r"(?<![A-Za-z])eV(?![A-Za-z])|photon energy", re.IGNORECASE)),
    ("um", re.compile(r"(?<![A-Za-z])(?:um|µm|μm|micron)", re.IGNORECASE)),
    ("nm", re.compile(r"(?<![A-Za-z])(?:nm|nanomet)", re.IGNORECASE)),
)
_AXIS = re.compile(
    r"wave\s*length|λ|lambda|energy|wave\s*number|(?<![A-Za-z])(?:nm|eV|wl|x)(?![A-Za-z])", re.IGNORECASE
)
_OTHER_AXIS = re.compile(r"\b(?:time|temperature|delay|dose|voltage|run|sample|radius|diameter|angle)\b", re.IGNORECASE)
_QUANTITIES: tuple[tuple[Quantity, re.Pattern[str]], ...] = (
    ("excitation", re.compile(r"excitation|(?<![A-Za-z])PLE(?![A-Za-z])", re.IGNORECASE)),
    ("transmission", re.compile(r"transmi|%\s*T(?![A-Za-z])", re.IGNORECASE)),
    (
        "absorption",
        re.compile(r"absor|(?<![A-Za-z])abs(?![A-Za-z])|extinction|uv[-_ ]?vis|optical density", re.IGNORECASE),
    ),
    (
        "emission",
        re.compile(
            r"emission|fluor|luminesc|(?<![A-Za-z])(?:PL|FL|em)(?![A-Za-z])|intensity|counts|\bcps\b", re.IGNORECASE
        ),
    ),
)


def is_axis(cell: str) -> bool | None:
    """Whether a heading names an axis of light, names another one (False), or says nothing (None)."""
    if _OTHER_AXIS.search(cell) and not _AXIS.search(cell):
        return False
    return True if _AXIS.search(cell) else None


def axis_unit(cell: str, axis: Floats) -> tuple[str, bool] | None:
    """Unit of an axis, and whether it was guessed from the numbers; None where they are of no unit of light."""
    for unit, pattern in _UNITS:
        if pattern.search(cell):
            return unit, False
    low, high = float(np.min(axis)), float(np.max(axis))
    if low >= 150 and high <= 3500:
        return "nm", True
    if low >= 0.3 and high <= 8.5:
        return "eV", True
    return None


def to_wavelength(axis: Floats, unit: str) -> Floats:
    """Wavelength in nm of an axis in nm, eV, cm-1 (vacuum) or um."""
    with np.errstate(divide="ignore"):
        if unit == "eV":
            return np.asarray(HC_EV_NM / axis, dtype=np.float64)
        if unit == "cm-1":
            return np.asarray(1e7 / axis, dtype=np.float64)
    return axis * 1e3 if unit == "um" else axis


def quantity_in(text: str) -> Quantity | None:
    """The quantity that a heading or a file's name speaks of; None where it speaks of none or of two."""
    found = [quantity for quantity, pattern in _QUANTITIES if pattern.search(text)]
    if found[:1] == ["excitation"] and "emission" in found and not re.search(r"emission", text, re.IGNORECASE):
        found = ["excitation"]  # "FL excitation" is a spectrum of excitation
    return found[0] if len(found) == 1 else None


def quantity_of_shape(values: Floats) -> Quantity:
    """Absorption where the curve is highest in its first twentieth (the blue end), else emission."""
    finite = np.where(np.isfinite(values), values, -np.inf)
    top = int(np.argmax(finite))
    return "absorption" if top < max(len(values) // 20, 2) else "emission"
