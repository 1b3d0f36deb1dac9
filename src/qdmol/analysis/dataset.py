"""An analysis as one labelled dataset: what goes into the NetCDF file and under every figure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from qdmol.analysis.stages import labels
from qdmol.analysis.wording import mean_lifetime, three
from qdmol.results import provenance

if TYPE_CHECKING:
    from qdmol.photons import QualityReport


def new_dataset(summary: Mapping[str, Any], quality: QualityReport | None) -> xr.Dataset:
    """Dataset of an analysis with its attributes and the intervals of its detectors, to which stages add."""
    data = xr.Dataset(attrs=_attributes(summary))
    if quality is not None:
        _add_intervals(data, quality)
    return data


def _attributes(summary: Mapping[str, Any]) -> dict[str, Any]:
    versions = provenance()
    return {
        "qdmol_version": versions["qdmol"],
        **{f"{name}_version": versions[name] for name in ("python", "numpy", "scipy")},
        "platform": versions["platform"],
        "file": summary["file"] or "",
        "refused": int(summary["refused"]),
        "truncated": int(summary["truncated"]),
        # without the time it took: the same file gives the same bytes
        "summary": json.dumps({key: value for key, value in summary.items() if key != "elapsed_s"}),
    }


def _add_intervals(data: xr.Dataset, quality: QualityReport) -> None:
    edges = quality.interval_edges_ns
    if not quality.detectors or len(edges) < 2:
        return
    data.coords["detector"] = ("detector", [one.channel for one in quality.detectors], labels("1", "input channel"))
    data.coords["interval_low"] = ("interval", edges[:-1], labels("ns", "lower edge of the interval"))
    data.coords["interval_high"] = ("interval", edges[1:], labels("ns", "upper edge of the interval"))
    shown = (("detector", "interval"), quality.interval_counts)
    data["interval_counts"] = (*shown, labels("1", "times between neighbouring photons of a channel"))


def numbers_dataset(summaries: Sequence[Mapping[str, Any]], outcomes: Sequence[str]) -> xr.Dataset:
    """Numbers of many files along ``file``; NaN where a file has none."""
    data = xr.Dataset(attrs={"qdmol_version": provenance()["qdmol"]})
    texts = {"path": [str(one["file"]) for one in summaries], "outcome": list(outcomes)}
    for name, values in texts.items():
        data[name] = ("file", np.array(values, dtype=object), labels("1", name))
    for name, key, units in (
        ("photons", "photons", "1"),
        ("duration", "duration_s", "s"),
        ("rate", "count_rate_Hz", "Hz"),
    ):
        data[name] = ("file", _floats([one.get(key) for one in summaries]), labels(units, name))
    parts = {
        "lifetime": ("ns", [mean_lifetime(one) for one in summaries]),
        "g2_side": ("1", [three(one.get("g2") or {}, "side") for one in summaries]),
        "g2_poisson": ("1", [three(one.get("g2") or {}, "poisson") for one in summaries]),
        "bunching": ("1", [three(one.get("g2") or {}, "bunching") for one in summaries]),
    }
    for name, (units, found) in parts.items():
        for end, column in zip(("", "_low", "_high"), zip(*found, strict=True), strict=True):
            data[name + end] = ("file", _floats(column), labels(units, f"{name}{end}".replace("_", " ")))
    return data


def _floats(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=float)
