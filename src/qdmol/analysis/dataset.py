"""An analysis as one labelled dataset: what goes into the NetCDF file and under every figure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from qdmol.analysis.stages import labels
from qdmol.results import provenance

if TYPE_CHECKING:
    from qdmol.estimates import Estimate
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
    data.coords["detector"] = (
        "detector",
        [detector.channel for detector in quality.detectors],
        labels("1", "input channel"),
    )
    data.coords["interval_low"] = ("interval", edges[:-1], labels("ns", "lower edge of the interval"))
    data.coords["interval_high"] = ("interval", edges[1:], labels("ns", "upper edge of the interval"))
    shown = (("detector", "interval"), quality.interval_counts)
    data["interval_counts"] = (*shown, labels("1", "times between neighbouring photons of a channel"))


def numbers_dataset(
    paths: Sequence[str],
    outcomes: Sequence[str],
    numbers: Sequence[Sequence[float | None]],
    estimates: Sequence[Sequence[Estimate | None]],
) -> xr.Dataset:
    """Numbers of many files along ``file``; NaN where a file has none.

    Parameters
    ----------
    paths, outcomes
        Of each file.
    numbers
        Photons, duration (s) and rate (1/s) of each file.
    estimates
        Lifetime (ns), g2 against the side peaks and against independent photons, bunching of each file.
    """
    data = xr.Dataset(attrs={"qdmol_version": provenance()["qdmol"]})
    for name, texts in {"path": paths, "outcome": outcomes}.items():
        data[name] = ("file", np.array(texts, dtype=object), labels("1", name))
    for (name, units), values in zip(
        (("photons", "1"), ("duration", "s"), ("rate", "Hz")), zip(*numbers, strict=True), strict=True
    ):
        data[name] = ("file", _floats(values), labels(units, name))
    for (name, units), column in zip(
        (("lifetime", "ns"), ("g2_side", "1"), ("g2_poisson", "1"), ("bunching", "1")),
        zip(*estimates, strict=True),
        strict=True,
    ):
        for end, attribute in (("", "value"), ("_low", "low"), ("_high", "high")):
            ends = [None if each is None else getattr(each, attribute) for each in column]
            data[name + end] = ("file", _floats(ends), labels(units, f"{name}{end}".replace("_", " ")))
    return data


def _floats(values: Sequence[float | None]) -> np.ndarray:
    """Values with NaN for what is missing or has no limit."""
    return np.array([np.nan if value is None or not np.isfinite(value) else value for value in values], dtype=float)
