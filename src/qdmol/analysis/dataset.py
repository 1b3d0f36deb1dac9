"""An analysis as one labelled dataset: what goes into the NetCDF file and under every figure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from qdmol.analysis.wording import mean_lifetime, three
from qdmol.results import provenance

if TYPE_CHECKING:
    from qdmol.analysis.correlation import LogCorrelation
    from qdmol.analysis.g2.values import G2
    from qdmol.analysis.lifetime.values import Decay, LifetimeFit, Response
    from qdmol.analysis.result import PhotonAnalysis
    from qdmol.analysis.trace import Trace
    from qdmol.photons import QualityReport


def make_dataset(analysis: PhotonAnalysis) -> xr.Dataset:
    """Trace, decay, fit, pairs, correlation, detectors; each variable with `units` and `long_name`."""
    data = xr.Dataset(attrs=_attributes(analysis.summary))
    if analysis.quality is not None:
        _add_intervals(data, analysis.quality)
    if analysis.trace is not None:
        _add_trace(data, analysis.trace)
    if analysis.decay is not None:
        _add_decay(data, analysis.decay, analysis.response, analysis.lifetime)
    if analysis.g2 is not None:
        _add_pairs(data, analysis.g2)
    if analysis.gated:
        _add_gates(data, analysis.gated)
    if analysis.correlation is not None:
        _add_correlation(data, analysis.correlation)
    return data


def _named(units: str, name: str, **more: Any) -> dict[str, Any]:
    return {"units": units, "long_name": name, **more}


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
    data.coords["detector"] = ("detector", [one.channel for one in quality.detectors], _named("1", "input channel"))
    data.coords["interval_low"] = ("interval", edges[:-1], _named("ns", "lower edge of the interval"))
    data.coords["interval_high"] = ("interval", edges[1:], _named("ns", "upper edge of the interval"))
    shown = (("detector", "interval"), quality.interval_counts)
    data["interval_counts"] = (*shown, _named("1", "times between neighbouring photons of a channel"))


def _add_trace(data: xr.Dataset, trace: Trace) -> None:
    if not len(trace.counts):
        return
    data.coords["time"] = ("time", trace.times_s, _named("s", "middle of the bin"))
    data.coords["channel"] = ("channel", list(trace.channels), _named("1", "input channel"))
    data["trace"] = (("time", "channel"), trace.counts, _named("1", "photons in a bin", bin_s=trace.bin_s))
    # the last bin may be cut by the end of the recording
    total = trace.total[:-1] if len(trace.total) > 1 else trace.total
    # as many bins as resolve a shape in noise: Rice's rule
    bins = int(np.clip(2 * len(total) ** (1 / 3), 10, 80))
    step = max(1, -(-int(total.max() - total.min()) // bins))
    low = int(total.min())
    occurrence = np.bincount((total - low) // step)
    data.coords["intensity"] = (
        "intensity", low + step * (np.arange(len(occurrence)) + 0.5) - 0.5,
        _named("1", "photons of all channels in a bin of time", bin_width=step),
    )  # fmt: skip
    data["intensity_occurrence"] = ("intensity", occurrence, _named("1", "bins of time with that many photons"))


def _add_decay(data: xr.Dataset, decay: Decay, response: Response | None, fit: LifetimeFit | None) -> None:
    data.coords["delay"] = ("delay", decay.times_ns, _named("ns", "time after the pulse, middle of the bin"))
    data["decay"] = ("delay", decay.counts, _named("1", "photons", bin_width_ns=decay.bin_width_ns))
    if fit is not None:
        data["decay_fit"] = ("delay", fit.curve, _named("1", "fitted photons", model=fit.model))
        data["decay_residual"] = ("delay", fit.residuals, _named("1", "signed root of the deviance"))
    if response is not None and response.kind == "measured":
        middles = response.first_bin_ns + response.bin_width_ns * (np.arange(len(response.counts)) + 0.5)
        shift = 0.0 if fit is None else fit.shift_ns
        shifted = np.interp(decay.times_ns, middles + shift, response.counts, left=0.0, right=0.0)
        data["decay_response"] = ("delay", shifted, _named("1", "instrument response, shifted as fitted"))


def _add_pairs(data: xr.Dataset, found: G2) -> None:
    lag = np.asarray(found.lag_ns) + found.zero_delay_ns
    data.coords["lag"] = ("lag", lag, _named("ns", "time of a photon of the second channel after one of the first"))
    data["g2_counts"] = ("lag", found.counts, _named("1", "pairs", bin_width_ns=found.histogram.bin_width_ns))
    if np.isfinite(found.curve).any():
        data["g2_model"] = ("lag", found.curve, _named("1", "pairs by the model"))
    poisson = found.histogram.poisson_per_bin
    if poisson is not None and len(poisson) == len(lag):
        data["g2_poisson"] = ("lag", poisson, _named("1", "pairs of steady light of the same rates"))


def _add_gates(data: xr.Dataset, gated: Sequence[G2]) -> None:
    starts = [0.0 if one.gate_ns is None else one.gate_ns[0] for one in gated]
    data.coords["gate"] = ("gate", starts, _named("ns", "photons later than this after the pulse"))
    for kind, name in (("side", "the side peaks"), ("poisson", "independent photons")):
        for end in ("", "_low", "_high"):
            values = [getattr(one, f"{kind}{end}") for one in gated]
            data[f"gated_{kind}{end}"] = ("gate", values, _named("1", f"g2 at zero delay against {name}{end}"))


def _add_correlation(data: xr.Dataset, found: LogCorrelation) -> None:
    data.coords["log_lag"] = ("log_lag", found.lag_ns, _named("ns", "mean lag of the bin"))
    # 1.96: 95 % of a normal distribution
    ends = {"": found.value, "_low": found.value - 1.96 * found.error, "_high": found.value + 1.96 * found.error}
    for end, values in ends.items():
        attributes = _named("1", f"correlation of two channels{end}", channels=list(found.channels))
        data[f"correlation{end}"] = ("log_lag", values, attributes)
    data["correlation_pairs"] = ("log_lag", found.pairs, _named("1", "pairs counted"))


def numbers_dataset(summaries: Sequence[Mapping[str, Any]], outcomes: Sequence[str]) -> xr.Dataset:
    """Numbers of many files along ``file``; NaN where a file has none."""
    data = xr.Dataset(attrs={"qdmol_version": provenance()["qdmol"]})
    texts = {"path": [str(one["file"]) for one in summaries], "outcome": list(outcomes)}
    for name, values in texts.items():
        data[name] = ("file", np.array(values, dtype=object), _named("1", name))
    for name, key, units in (
        ("photons", "photons", "1"),
        ("duration", "duration_s", "s"),
        ("rate", "count_rate_Hz", "Hz"),
    ):
        data[name] = ("file", _floats([one.get(key) for one in summaries]), _named(units, name))
    parts = {
        "lifetime": ("ns", [mean_lifetime(one) for one in summaries]),
        "g2_side": ("1", [three(one.get("g2") or {}, "side") for one in summaries]),
        "g2_poisson": ("1", [three(one.get("g2") or {}, "poisson") for one in summaries]),
        "bunching": ("1", [three(one.get("g2") or {}, "bunching") for one in summaries]),
    }
    for name, (units, found) in parts.items():
        for end, column in zip(("", "_low", "_high"), zip(*found, strict=True), strict=True):
            data[name + end] = ("file", _floats(column), _named(units, f"{name}{end}".replace("_", " ")))
    return data


def _floats(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=float)
