"""What is read off a spectrum's JSON object for each statement: values with errors.

Shifts and widths are in meV, positive to the red and where lines become broader; ratios have no unit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

__all__ = ["SPECTRUM_READERS"]

Summary = Mapping[str, Any]
Measured = tuple[float, float]
Reader = Callable[[Summary], Measured | None]
Samples = tuple[str, str]

UNFUSED: Samples = ("monomer", "unfused")
FUSED: Samples = ("monomer", "fused")
FUSION: Samples = ("unfused", "fused")


def _change(summary: Summary, between: Samples, key: str, unit: str = "") -> Measured | None:
    """A change between two samples with its error; None where a sample has no such number."""
    change = next((one for one in summary["changes"] if (one["from"], one["to"]) == between), None)
    if change is None:
        return None
    value, error = change[f"{key}{unit}"], change[f"{key}_error{unit}"]
    return None if value is None or error is None else (value, error)


def _energy(between: Samples, key: str) -> Reader:
    return partial(_change, between=between, key=key, unit="_meV")


def _ratio(between: Samples, key: str) -> Reader:
    return partial(_change, between=between, key=key)


def _sample(summary: Summary, name: str) -> Summary | None:
    return next((one for one in summary["samples"] if one["sample"] == name), None)


def _high_energy(summary: Summary) -> Measured | None:
    """Absorption at 300 nm over that at the band edge, fused over unfused.

    What the basis does to the band edge is common to both samples, and most of what the density of states does at 300
    nm: both ratios have errors of their own.
    """
    parts = [_sample(summary, name) for name in FUSION]
    edge, blue = _ratio(FUSION, "band_edge_ratio")(summary), _ratio(FUSION, "cross_section_300nm_ratio")(summary)
    if edge is None or blue is None:
        return None
    unfused, fused = (one["ratio_edge_to_300nm"] for one in parts if one is not None)
    ratio = unfused / fused
    return ratio, ratio * (edge[1] / edge[0] + blue[1] / blue[0])


SPECTRUM_READERS: Mapping[str, Reader] = {
    "absorption_redshift": _energy(FUSED, "redshift_absorption"),
    "emission_redshift": _energy(FUSED, "redshift_emission"),
    "unfused_absorption_redshift": _energy(UNFUSED, "redshift_absorption"),
    "unfused_emission_redshift": _energy(UNFUSED, "redshift_emission"),
    "absorption_broadening": _energy(FUSION, "broadening_absorption"),
    "emission_broadening": _energy(FUSION, "broadening_emission"),
    "unfused_band_edge_ratio": _ratio(UNFUSED, "band_edge_ratio"),
    "band_edge_ratio": _ratio(FUSION, "band_edge_ratio"),
    "unfused_300nm_ratio": _ratio(UNFUSED, "cross_section_300nm_ratio"),
    "high_energy_ratio": _high_energy,
    "lifetime_ratio": _ratio(FUSED, "lifetime_ratio"),
}
