"""The words of `qdmol spectrum SPEC` as values; what makes no sense is refused in one sentence."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from qdmol.errors import InputError
from qdmol.units import HC_EV_NM, parse_quantity

if TYPE_CHECKING:
    from qdmol.structure import Spec
    from qdmol.study.spectra import Calibration

__all__ = ["calibration_of", "fields_of", "linker_of", "measured_file", "normalise_of"]

SHORTEST, LONGEST = 200.0, 3000.0  # nm, of a peak that can be asked for
_CALIBRATE = "a peak as 605nm, 2.05eV or emission:610nm, from 200 to 3000 nm"
_WAVELENGTH = re.compile(r"\s*[-+.\deE]+\s*(?:nm|um|µm|μm|[Aa]ngstroms?|Å)\s*")
_ENERGY = re.compile(r"\s*[-+.\deE]+\s*(?:eV|meV|cm-1|cm\^-1|1/cm)\s*")


def normalise_of(text: str) -> Literal["edge", "300nm"]:
    """Where absorption is drawn as 1.

    >>> normalise_of("300 nm")
    '300nm'
    """
    found = text.replace(" ", "")
    if found == "edge":
        return "edge"
    if found == "300nm":
        return "300nm"
    raise InputError(field="normalise", value=text, allowed="edge or 300nm")


def calibration_of(text: str) -> Calibration:
    """Where the monomer's peak is to lie, of absorption unless ``emission:`` stands before it."""
    from qdmol.study.spectra import Calibration

    before, separator, peak = text.rpartition(":")
    quantity: Literal["absorption", "emission"]
    if not separator or before.strip() == "absorption":
        quantity = "absorption"
    elif before.strip() == "emission":
        quantity = "emission"
    else:
        raise InputError(field="calibrate", value=text, allowed=_CALIBRATE)
    energy = _peak_energy(peak)
    if not HC_EV_NM / LONGEST <= energy <= HC_EV_NM / SHORTEST:
        raise InputError(field="calibrate", value=text, allowed=_CALIBRATE)
    return Calibration(quantity=quantity, energy_eV=energy)


def _peak_energy(text: str) -> float:
    """The photon energy (eV) of a wavelength or an energy with its unit; NaN where it is neither."""
    if _ENERGY.fullmatch(text):
        return parse_quantity(text, kind="energy", field="calibrate")
    if _WAVELENGTH.fullmatch(text):
        wavelength = parse_quantity(text, kind="length", field="calibrate")
        return HC_EV_NM / wavelength if wavelength > 0 else math.nan
    return math.nan


def linker_of(text: str) -> float:
    """The gap (nm) between the dots of the unfused sample."""
    gap = parse_quantity(text, kind="length", field="linker")
    if not 0 < gap <= 100:
        raise InputError(field="linker", value=text, allowed="above 0 and up to 100 nm")
    return gap


def fields_of(text: str, spec: Spec) -> tuple[float, ...]:
    """Fields in kV/cm, rising, from START:STOP:COUNT or a list, as an axis of a map has them."""
    from qdmol.study.axes import make_axis

    return tuple(sorted(float(value) for value in make_axis("field", text, spec).values))


def measured_file(text: str) -> tuple[str | None, Path]:
    """The sample that a file is said to belong to, if any, and its path; InputError for one that is not there."""
    from qdmol.study.spectra.belonging import SAMPLES

    sample, separator, name = text.partition("=")
    given: str | None = None
    path = Path(text)
    if separator and not path.exists():
        if sample.strip() not in SAMPLES:
            allowed = f"FILE or SAMPLE=FILE, SAMPLE one of {', '.join(SAMPLES)}"
            raise InputError(field="measured", value=text, allowed=allowed)
        given, path = sample.strip(), Path(name)
    if not path.is_file():
        raise InputError(field="measured", value=str(path), allowed="a file that exists")
    return given, path
