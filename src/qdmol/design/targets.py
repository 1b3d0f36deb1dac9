"""Targets: predicted quantities with a wanted or measured value, in the unit in which the user gives it.

A target is a key of ``qdmol solve --json`` or of the sample in ``qdmol spectrum --json``, or one of the names below. A
photon energy may be given as a wavelength, λ = hc/E.

>>> parse_target("peak", "605±2nm")
Target(name='peak', key='gap_eV', unit='nm', value=605.0, error=2.0)
>>> parse_target("splitting", "20 meV").value
20.0
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from qdmol.errors import InputError
from qdmol.units import HC_EV_NM, parse_quantity

# Names of targets: the key behind each, and the unit of a plain number.
NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "peak": ("gap_eV", "nm"),
    "gap": ("gap_eV", "eV"),
    "absorption": ("absorption_peak_eV", "nm"),
    "emission": ("emission_peak_nm", "nm"),
    "lifetime": ("radiative_lifetime_ns", "ns"),
    "splitting": ("splitting_meV", "meV"),
    "redshift": ("redshift_meV", "meV"),
}
# Numbers of a sample in ``qdmol spectrum --json``, with their units.
SPECTRUM_KEYS: Final[Mapping[str, str]] = {
    "absorption_peak_eV": "eV",
    "absorption_peak_nm": "nm",
    "absorption_width_meV": "meV",
    "emission_peak_eV": "eV",
    "emission_peak_nm": "nm",
    "emission_width_meV": "meV",
    "band_edge_cross_section_cm2": "cm2",
    "cross_section_300nm_cm2": "cm2",
    "ratio_edge_to_300nm": "1",
    "radiative_lifetime_ns": "ns",
}
# Photon energies, which may be given as wavelengths.
_PHOTONS = ("gap_eV", "monomer_gap_eV", "absorption_peak_eV", "emission_peak_eV")
_UNITS = ("eV", "meV", "nm", "ns", "cm2")
_TIMES = {"ps": "1e-3", "ns": "1", "us": "1e3", "µs": "1e3", "μs": "1e3"}
_NUMBER = r"[-+−]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_VALUE = re.compile(
    rf"\s*(?P<value>{_NUMBER})\s*(?P<unit>[^\d\s±+][^±+]*?)?\s*(?:(?:±|\+/?-)\s*(?P<error>{_NUMBER})\s*(?P<other>\S.*?)?)?\s*"
)
_INDEXED = re.compile(r"([^\[\]]+)((?:\[\d+\])*)")


@dataclass(frozen=True, slots=True)
class Target:
    """A predicted quantity and its wanted value.

    Attributes
    ----------
    name
        As the user gives it: one of the names, or a key.
    key
        In the JSON object of ``qdmol solve`` or of a sample of ``qdmol spectrum``; nested keys have dots.
    unit
        Unit of `value` and `error`.
    value, error
        Wanted value, and how far the result may be from it; 0 for an exact one.
    """

    name: str
    key: str
    unit: str
    value: float
    error: float = 0.0

    @property
    def of_spectrum(self) -> bool:
        """Whether the quantity is read from a predicted spectrum."""
        return self.key in SPECTRUM_KEYS

    @property
    def label(self) -> str:
        """Name of the quantity in sentences."""
        return self.name if self.name in NAMES else self.key

    def read(self, summary: Mapping[str, Any], *, tolerance: float) -> tuple[float, float] | None:
        """Value and error of the quantity in `unit`, from a JSON object; None where it is null.

        `tolerance` (meV) is the error of an energy whose own is not listed. Raises KeyError for an unknown key.
        """
        number = _entry(summary, self.key)
        if number is None:
            return None
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise KeyError(self.key)
        own = _unit_of(self.key)
        error = _error(summary, self.key, float(number), tolerance=tolerance)
        if self.unit == "nm" and own == "eV":
            return HC_EV_NM / number, error * HC_EV_NM / number**2
        factor = {("eV", "meV"): 1e3, ("meV", "eV"): 1e-3}.get((own, self.unit), 1.0)
        return factor * number, factor * error


def _entry(summary: Mapping[str, Any], key: str) -> Any:
    """Value at a key such as ``coulomb.exciton_eV`` or ``electron.energy_eV[1]``; KeyError without one."""
    value: Any = summary
    for part in key.split("."):
        match = _INDEXED.fullmatch(part)
        if match is None or not isinstance(value, Mapping) or match[1] not in value:
            raise KeyError(key)
        value = value[match[1]]
        for place in re.findall(r"\d+", match[2]):
            if not isinstance(value, list) or int(place) >= len(value):
                raise KeyError(key)
            value = value[int(place)]
    return value


def _error(summary: Mapping[str, Any], key: str, value: float, *, tolerance: float) -> float:
    """Error of a number in the unit of its key."""
    unit = _unit_of(key)
    if key.endswith("_peak_nm"):
        energy = _error(summary, key.replace("_nm", "_eV"), HC_EV_NM / value, tolerance=tolerance)
        return energy * value**2 / HC_EV_NM
    try:
        if unit in {"eV", "meV"}:
            scale = 1e-3 if unit == "eV" else 1.0
            head, tail = key.rsplit(f"_{unit}", 1)
            head = f"{head.removesuffix('energy')}error" if head.endswith("energy") else f"{head}_error"
            error = _entry(summary, f"{head}_meV{tail}")
            return scale * (tolerance if error is None else float(error))
        suffix = "" if unit == "1" else f"_{unit}"
        error = _entry(summary, f"{key.removesuffix(suffix)}_error{suffix}")
        return math.inf if error is None else float(error)
    except KeyError:
        return tolerance * (1e-3 if unit == "eV" else 1.0)


def _unit_of(key: str) -> str:
    """Unit that a key names; "1" without one."""
    last = key.rpartition(".")[2].partition("[")[0]
    return next((unit for unit in _UNITS if last.endswith(f"_{unit}")), "1")


def scalar_keys(summary: Mapping[str, Any]) -> list[str]:
    """Keys of all numbers of a solution that can be a target."""
    nested = [f"{name}.{key}" for name in ("coulomb",) for key in summary.get(name) or {}]
    keys = [key for key in (*summary, *nested) if _unit_of(key) != "1" and "_error" not in key and "_range" not in key]
    return [key for key in keys if not isinstance(_entry(summary, key), list | dict)]


def parse_target(name: str, given: object) -> Target:
    """Target from its name and value: a number, text such as ``605nm`` or ``605±2nm``, or (value, error).

    Raises InputError naming the target.
    """
    key, plain = NAMES.get(name, (name, ""))
    unit = _unit_of(key)
    if name not in NAMES and key not in SPECTRUM_KEYS and unit == "1":
        key, unit = _completed(name, given)
    allowed = _allowed(name, key)
    value, error, chosen = _value_of(given, key, plain or unit, field=name, allowed=allowed)
    if not error >= 0:
        raise InputError(field=name, value=given, allowed=f"{allowed}; the error at least 0")
    if name == "emission" and chosen == "eV":
        key = "emission_peak_eV"  # the maximum per eV
    if chosen == "nm" and value <= 0:
        raise InputError(field=name, value=given, allowed="a wavelength above 0 nm")
    return Target(name, key, chosen, value, error)


def _completed(name: str, given: object) -> tuple[str, str]:
    """Key of a quantity given without its unit."""
    for key, (unit_key, _) in NAMES.items():
        if name in {key, unit_key}:
            return unit_key, _unit_of(unit_key)
    whole = [key for key in SPECTRUM_KEYS if key.rpartition("_")[0] == name]
    if len(whole) == 1:
        return whole[0], _unit_of(whole[0])
    if re.fullmatch(r"[\w.\[\]]+", name) and name.endswith(("redshift_single_particle", "tunnel_coupling", "detuning")):
        return f"{name}_meV", "meV"
    allowed = f"one of {', '.join(NAMES)}, or a number of `qdmol solve --json` with its unit, such as detuning_meV"
    raise InputError(field="target", value=f"{name}={given}", allowed=allowed)


def _allowed(name: str, key: str) -> str:
    unit = NAMES[name][1] if name in NAMES else _unit_of(key)
    example = {"nm": "605nm", "eV": "2.05eV", "meV": "20meV", "ns": "25ns", "cm2": "2e-15cm2", "1": "0.45"}[unit]
    bare = example.removesuffix(unit) if unit != "1" else example
    also = ", or as a photon energy (2.05eV)" if unit == "nm" else ""
    return f"a value such as {example}, with an error as {bare}±{'0.01' if unit == '1' else '2' + unit}{also}"


def _value_of(given: object, key: str, plain: str, *, field: str, allowed: str) -> tuple[float, float, str]:
    """Value, error and their unit; `plain` is the unit of a number without one."""
    if isinstance(given, tuple | list) and len(given) == 2:
        value, _, unit = _value_of(given[0], key, plain, field=field, allowed=allowed)
        error = _value_of(given[1], key, unit, field=field, allowed=allowed)
        return _same(value, unit, error[0], error[2], field=field, given=given)
    if not isinstance(given, str):
        return parse_quantity(given, kind="number", field=field), 0.0, plain
    match = _VALUE.fullmatch(given)
    if match is None:
        raise InputError(field=field, value=given, allowed=allowed)
    value_unit, error_unit = match["unit"], match["other"]
    number, kept = _in_unit(match["value"], value_unit or error_unit, key, plain)
    if kept is None:
        raise InputError(field=field, value=given, allowed=allowed)
    if match["error"] is None:
        return number, 0.0, kept
    error_number, other = _in_unit(match["error"], error_unit or value_unit, key, plain)
    return _same(number, kept, error_number, other, field=field, given=given)


def _same(
    value: float, unit: str, error: float, other: str | None, *, field: str, given: object
) -> tuple[float, float, str]:
    if other != unit:
        raise InputError(field=field, value=given, allowed="a value and an error in the same unit")
    return value, error, unit


def _in_unit(number: str, unit: str | None, key: str, plain: str) -> tuple[float, str | None]:
    """Number in the unit in which the target is kept, and that unit; None for a unit of another kind."""
    number = number.replace("−", "-")
    own = _unit_of(key)
    unit = (unit or "").strip() or plain
    if own in {"eV", "meV"} or key.endswith("_peak_nm"):
        for kind, kept in (("energy", "eV"), ("energy_mev", "meV"), ("length", "nm")):
            if kept == "nm" and key not in _PHOTONS and own != "nm":
                continue
            if kept != "nm" and own not in {"nm", kept}:
                continue
            if own == "nm" and kept == "meV":
                continue
            try:
                return parse_quantity(f"{number} {unit}", kind=kind, field=key), kept  # type: ignore[arg-type]
            except InputError:
                continue
        return math.nan, None
    if own == "ns" and unit in _TIMES:
        return float(Decimal(number) * Decimal(_TIMES[unit])), "ns"
    if unit.replace("^", "").replace("²", "2") == own:
        return float(number), own
    return math.nan, None
