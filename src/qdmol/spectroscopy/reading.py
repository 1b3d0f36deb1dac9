"""Curves from text exports of spectrometers.

What the words above the numbers say: the unit of the axis and the quantity of a column, and what is guessed.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Floats
from qdmol.errors import InputError
from qdmol.files import printable, read_input
from qdmol.spectroscopy.values import FEWEST_POINTS, Curve, CurveFlag, Quantity
from qdmol.text_tables import NumberTable, number_table
from qdmol.units import HC_EV_NM

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
    """Whether a heading names a wavelength or energy axis, another axis (False), or none (None)."""
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
    quantities = [quantity for quantity, pattern in _QUANTITIES if pattern.search(text)]
    if (
        quantities[:1] == ["excitation"]
        and "emission" in quantities
        and not re.search(r"emission", text, re.IGNORECASE)
    ):
        quantities = ["excitation"]  # "FL excitation" is a spectrum of excitation
    return quantities[0] if len(quantities) == 1 else None


def quantity_of_shape(values: Floats) -> Quantity:
    """Absorption where the curve is highest in its first twentieth (the blue end), else emission."""
    finite = np.where(np.isfinite(values), values, -np.inf)
    top = int(np.argmax(finite))
    return "absorption" if top < max(len(values) // 20, 2) else "emission"


_LARGEST_BYTES = 10_000_000  # a thousand spectra of a thousand points
_OPAQUE = 4.0  # absorbance beyond which no usual spectrometer measures
_FLAT_TOP = 3  # equal highest values in a row that mean a full detector


def read_curves(path: str | Path, *, quantity: Quantity | None = None) -> tuple[Curve, ...]:
    """Read every curve of a text export.

    Parameters
    ----------
    path
        CSV, TXT and the like: any header, then columns split by tabs, semicolons, commas or blanks, with decimal
        points or commas; the first column is the axis (nm, eV, cm⁻¹ or µm), or axis and value take turns.
    quantity
        What was measured, where the headings and the file's name do not say so or are wrong.

    Returns
    -------
    tuple of Curve
        One a column, in rising wavelength. What was guessed stands in `notes`; points that are missing, saturated or
        negative are counted in `flags`, and the first two kinds are excluded from `usable`.

    Raises
    ------
    qdmol.errors.InputError
        No file, no text, no numbers, an axis that is none of light, or one that turns back.
    """
    curves, refused = read_columns(path, quantity=quantity)
    if not curves:
        raise refused[0]
    notes = tuple(f"Another column was not read: {error}" for error in refused)
    return tuple(replace(curve, notes=(*curve.notes, *notes)) for curve in curves)


def read_columns(
    path: str | Path, *, quantity: Quantity | None = None
) -> tuple[tuple[Curve, ...], tuple[InputError, ...]]:
    """Read every curve of a text export, and say what is wrong with each column that cannot be read.

    Parameters are as those of :func:`read_curves`, which raises the errors that this function returns.

    Raises
    ------
    qdmol.errors.InputError
        No file, no text, or no numbers.
    """
    place = Path(path)
    table = number_table(_text(place))
    if table is None or table.numbers.shape[0] < FEWEST_POINTS:
        rows = 0 if table is None else table.numbers.shape[0]
        raise _refusal(place, f"a file with at least {FEWEST_POINTS} lines of numbers in columns, not {rows}")
    curves: list[Curve] = []
    refused: list[InputError] = []
    for axis, column in _columns(table):
        try:
            curve = _curve(place, table, axis, column, quantity)
        except InputError as error:
            # columns that share a bad axis share its error
            refused += [] if str(error) in map(str, refused) else [error]
            continue
        if curve is not None:
            curves.append(curve)
    if not curves and not refused:
        refused = [_refusal(place, "a file with a column that holds numbers beside its axis")]
    return tuple(curves), tuple(refused)


def _refusal(path: Path, allowed: str) -> InputError:
    return InputError(field="FILE", value=path.name, allowed=allowed)


def _text(path: Path) -> str:
    content = read_input(path, largest=_LARGEST_BYTES)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content[:4096]:
        raise _refusal(path, "text; this file is binary")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _headings(table: NumberTable) -> list[tuple[str, ...]]:
    """Header rows as wide as the numbers, the nearest first."""
    wide = [row for row in reversed(table.header) if 2 <= len(row) <= table.numbers.shape[1] + 1]
    return [row + ("",) * (table.numbers.shape[1] - len(row)) for row in wide[:3]]


def _columns(table: NumberTable) -> list[tuple[int, int]]:
    """Pairs of axis and value columns: one axis for all, or axis and value in turns."""
    count = table.numbers.shape[1]
    for row in _headings(table):
        if count >= 4 and all(is_axis(row[k]) and quantity_in(row[k]) is None for k in range(0, count - 1, 2)):
            return [(k, k + 1) for k in range(0, count - 1, 2)]
    return [(0, k) for k in range(1, count)]


def _heading(table: NumberTable, column: int) -> str:
    return next((row[column] for row in _headings(table) if row[column]), "")


def _name(table: NumberTable, axis: int, column: int) -> str:
    """The name of a sample: where columns come in pairs it stands over the axis."""
    cells = [row[k] for row in _headings(table) for k in ((axis, column) if axis else (column,)) if row[k]]
    if column == axis + 1 and table.numbers.shape[1] > 2:
        cells += [row[axis] for row in _headings(table) if row[axis]]
    named = [cell for cell in cells if not is_axis(cell) and not _only_quantity(cell)]
    return named[0] if named else (cells[0] if cells else f"column {column + 1}")


def _only_quantity(cell: str) -> bool:
    return quantity_in(cell) is not None and len(cell.split()) <= 2


def _curve(
    path: Path, table: NumberTable, axis_column: int, column: int, quantity: Quantity | None
) -> Curve | None:  # fmt: skip
    wavelength, values, unit_note = _axis(path, table, axis_column, column)
    # saturated points count: a curve of nothing else is kept, so that it is reported as one that cannot be fitted
    if len(values) - np.isnan(values).sum() < FEWEST_POINTS:
        return None
    measured, note = (quantity, "") if quantity is not None else _quantity(path, table, column, values)
    usable, flags = _checked(values, measured)
    notes = [text for text in (unit_note, note) if text]
    if table.lines_below:
        notes.append(f"{table.lines_below} lines below the numbers were not read.")
    if table.decimal == ",":
        notes.append("Numbers are written with decimal commas.")
    return Curve(
        wavelength_nm=wavelength, values=np.where(np.isfinite(values), values, np.nan), quantity=measured,
        usable=usable, name=_name(table, axis_column, column), source=printable(path.name), notes=tuple(notes),
        flags=flags,
    )  # fmt: skip


def _axis(path: Path, table: NumberTable, axis_column: int, column: int) -> tuple[Floats, Floats, str]:
    """Wavelength (rising, nm), values beside it, and what was guessed about the unit."""
    heading = _heading(table, axis_column)
    axis, values = table.numbers[:, axis_column], table.numbers[:, column]
    there = np.isfinite(axis)
    axis, values = axis[there], values[there]
    if is_axis(heading) is False:
        raise InputError(field="axis", value=heading, allowed="a wavelength or an energy of light")
    unit = axis_unit(heading, axis) if len(axis) else None
    if unit is None or axis.min() <= 0:
        allowed = "wavelengths of 150 to 3500 nm or energies of 0.3 to 8.5 eV, or name its unit (nm, eV, cm-1, um)"
        shown = f"{axis.min():g} to {axis.max():g}" if len(axis) else "empty"
        raise InputError(field=f"column {axis_column + 1} of {path.name}", value=shown, allowed=allowed)
    step = np.diff(axis)
    wrong = np.flatnonzero(np.sign(step) != np.sign(axis[-1] - axis[0]))
    if len(wrong):
        line = table.first_line + int(wrong[0]) + 1
        allowed = "an axis that only rises or only falls"
        raise InputError(field=f"line {line} of {path.name}", value=float(axis[wrong[0] + 1]), allowed=allowed)
    note = f"The axis states no unit; its values are taken as {unit[0]}." if unit[1] else ""
    wavelength = to_wavelength(axis, unit[0])
    order = slice(None) if wavelength[0] < wavelength[-1] else slice(None, None, -1)
    return wavelength[order], values[order], note


def _quantity(path: Path, table: NumberTable, column: int, values: Floats) -> tuple[Quantity, str]:
    """What was measured and how that is known: heading, header, file's name, shape, in this order."""
    for row in _headings(table):
        quantity = quantity_in(row[column])
        if quantity is not None:
            return quantity, ""
    words = " ".join(" ".join(row) for row in table.header)
    for text, where in ((words, "words of the header"), (path.stem, "file's name")):
        quantity = quantity_in(text)
        if quantity is not None:
            return quantity, f"The column does not state its quantity; taken as {quantity} from the {where}."
    shape = quantity_of_shape(values)
    return shape, f"The measured quantity is not stated; taken as {shape} from the shape of the curve."


def _checked(values: Floats, quantity: Quantity) -> tuple[NDArray[np.bool_], tuple[CurveFlag, ...]]:
    """Which points can be used, and what is wrong with the others."""
    missing, full = np.isnan(values), np.isinf(values)
    finite = values[np.isfinite(values)]
    at_top = values == finite.max(initial=-np.inf) if len(finite) else full
    runs = np.convolve(at_top, np.ones(_FLAT_TOP), mode="same") >= _FLAT_TOP
    if runs.any() and at_top.sum() < len(values) / 2:
        full |= at_top
    if quantity == "absorption":
        full |= values > _OPAQUE
    negative = np.isfinite(values) & (values < 0)
    flags = []
    if missing.any():
        flags.append(CurveFlag("missing", int(missing.sum()), f"{missing.sum()} points have no value."))
    if full.any():
        text = f"{full.sum()} points are saturated and excluded."
        flags.append(CurveFlag("saturated", int(full.sum()), text))
    if negative.any():
        text = (
            f"{negative.sum()} values are negative, down to {finite.min():.3g}: a blank or dark level was subtracted."
        )
        flags.append(CurveFlag("negative", int(negative.sum()), text))
    return ~(missing | full), tuple(flags)
