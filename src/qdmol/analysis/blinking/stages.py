"""Stage of the intensity levels of an analysis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from qdmol.analysis.background import BackgroundStage
from qdmol.analysis.blinking.values import IntensityLevel, IntensityLevels, LifetimeIntensity, Segments
from qdmol.analysis.lifetime.values import Decay
from qdmol.analysis.passes import Steps, counted_together
from qdmol.analysis.stages import Number, Recording, Results, Stage, labels, result_of
from qdmol.analysis.wording import interval_text, shown_number
from qdmol.estimates import Estimate

if TYPE_CHECKING:
    import xarray as xr

MOST_LISTED = 20_000  # change points that the JSON object lists


def _ends(estimate: Estimate | None) -> tuple[float | None, float | None, float | None]:
    """Value, lower and upper end; None for what is not finite."""
    if estimate is None:
        return None, None, None
    value, low, high = (end if math.isfinite(end) else None for end in (estimate.value, estimate.low, estimate.high))
    return value, low, high


def _level_summary(level: IntensityLevel) -> dict[str, Any]:
    lifetime = _ends(level.lifetime_ns)
    return {
        "rate_Hz": level.rate_hz.value,
        "rate_low_Hz": level.rate_hz.low,
        "rate_high_Hz": level.rate_hz.high,
        "photons": level.photons,
        "duration_s": level.duration_s,
        "fraction": level.fraction,
        "segments": level.segments,
        "lifetime_ns": lifetime[0],
        "lifetime_low_ns": lifetime[1],
        "lifetime_high_ns": lifetime[2],
    }


class LevelsStage(Stage[IntensityLevels]):
    """Change points, intensity levels, their lifetimes, and the kind of blinking."""

    key = "levels"
    name = "intensity levels"
    absent = "no_levels"
    optional = True
    effort = 3.0
    classes = (IntensityLevels, IntensityLevel, Segments, LifetimeIntensity, Decay)

    def steps(self, recording: Recording) -> Steps[IntensityLevels]:
        """Find change points in the first pass and lifetimes of the segments in a second one."""
        # imported here, as it takes its time to load: a look at a file needs none of it
        from qdmol.analysis.blinking.intensity_levels import background_hz, first_tallies, level_steps

        stream = recording.pulsed or recording.stream
        quality = recording.quality
        counts = yield from counted_together(
            first_tallies(stream, photons=quality.photons, duration_s=quality.duration_s)
        )
        background = yield from result_of(BackgroundStage)
        return (yield from level_steps(stream, counts, background_hz(background)))

    def add_to_summary(self, summary: dict[str, Any], results: Results) -> None:
        """Add levels, kind, change points and how the lifetime goes with the intensity."""
        levels = results[LevelsStage]
        if levels is None:
            summary[self.key] = None
            return
        times = levels.change_points_s
        slope, correlation = _ends(levels.lifetime_slope), _ends(levels.lifetime_correlation)
        summary[self.key] = {
            "number": levels.number,
            "kind": levels.kind,
            "kind_reason": levels.kind_reason,
            "false_alarms": levels.false_alarms,
            "shortest_s": levels.shortest_s,
            "excess_noise": levels.excess_noise,
            "background_Hz": levels.background_hz,
            "change_points": len(times),
            "change_points_s": times.tolist() if len(times) <= MOST_LISTED else None,
            "levels": [_level_summary(level) for level in levels.levels],
            "lifetime_intensity_slope": slope[0],
            "lifetime_intensity_slope_low": slope[1],
            "lifetime_intensity_slope_high": slope[2],
            "lifetime_intensity_correlation": correlation[0],
            "lifetime_intensity_correlation_low": correlation[1],
            "lifetime_intensity_correlation_high": correlation[2],
            "evidence": list(levels.evidence),
            "continuum_evidence": levels.continuum_evidence,
        }

    def sentences(self, results: Results) -> tuple[str, ...]:
        """Kind and reason, levels, and how the lifetime goes with the intensity."""
        levels = results[LevelsStage]
        if levels is None:
            return ()
        if levels.kind == "constant":
            return (f"The intensity is constant. {levels.kind_reason}",)
        points = len(levels.change_points_s)
        sentences = [
            f"The intensity changes {'once' if points == 1 else f'{shown_number(points)} times'}; kind of blinking: "
            f"{levels.kind}. {levels.kind_reason}"
        ]
        if levels.number <= 4:  # more do not fit in a sentence
            parts = [f"{shown_number(each.rate_hz.value)} ({each.fraction:.0%} of the time)" for each in levels.levels]
            sentences.append(f"The levels are at {', '.join(parts)} photons per second.")
        if levels.lifetime_slope is not None:
            sentences.append(
                "The lifetime of the segments is proportional to the intensity above background to the power "
                f"{interval_text(levels.lifetime_slope)}; it is 1 if both follow the quantum yield, and 0 if the "
                "lifetime is constant."
            )
        return tuple(sentences)

    def numbers(self, results: Results) -> tuple[Number, ...]:
        """Rate, share of time and lifetime of each level, as long as they are few; the slope of the lifetime."""
        levels = results[LevelsStage]
        if levels is None:
            return ()
        numbers = []
        for k, level in enumerate(levels.levels if levels.number <= 4 else ()):
            numbers.append(Number(f"intensity of level {k}", level.rate_hz))
            if level.lifetime_ns is not None:
                numbers.append(Number(f"lifetime of level {k}", level.lifetime_ns))
        if levels.lifetime_slope is not None:
            numbers.append(Number("exponent of lifetime against intensity", levels.lifetime_slope))
        return tuple(numbers)

    def add_to_data(self, data: xr.Dataset, results: Results) -> None:
        """Add segments, levels and the distribution of lifetime and intensity."""
        levels = results[LevelsStage]
        if levels is None:
            return
        segments = levels.segments
        data.coords["segment"] = ("segment", np.arange(len(segments)), labels("1", "segment of constant intensity"))
        for name, values, unit, about in (
            ("segment_start", segments.edges_s[:-1], "s", "start of the segment"),
            ("segment_end", segments.edges_s[1:], "s", "end of the segment"),
            ("segment_photons", segments.photons, "1", "photons of the segment"),
            ("segment_level", segments.level, "1", "intensity level of the segment, 0 for the darkest"),
            ("segment_lifetime", segments.lifetime_ns, "ns", "lifetime of the segment"),
            ("segment_lifetime_low", segments.lifetime_low_ns, "ns", "lower end of the lifetime of the segment"),
            ("segment_lifetime_high", segments.lifetime_high_ns, "ns", "upper end of the lifetime of the segment"),
        ):
            data[name] = ("segment", values, labels(unit, about))
        data.coords["level"] = ("level", np.arange(levels.number), labels("1", "intensity level, 0 for the darkest"))
        rates = [level.rate_hz for level in levels.levels]
        taus = [level.lifetime_ns for level in levels.levels]
        for end in ("value", "low", "high"):
            suffix = "" if end == "value" else f"_{end}"
            data[f"level_rate{suffix}"] = (
                "level",
                [getattr(rate, end) for rate in rates],
                labels("1/s", f"intensity of the level{suffix}".replace("_", ", ")),
            )
            data[f"level_lifetime{suffix}"] = (
                "level",
                [math.nan if tau is None else getattr(tau, end) for tau in taus],
                labels("ns", f"lifetime of the level{suffix}".replace("_", ", ")),
            )
        data["level_fraction"] = ("level", [each.fraction for each in levels.levels], labels("1", "share of the time"))
        self._add_distribution(data, levels)

    @staticmethod
    def _add_distribution(data: xr.Dataset, levels: IntensityLevels) -> None:
        joint = levels.lifetime_intensity
        if joint is None:
            return
        rates = 0.5 * (joint.rate_edges_hz[1:] + joint.rate_edges_hz[:-1])
        taus = 0.5 * (joint.lifetime_edges_ns[1:] + joint.lifetime_edges_ns[:-1])
        data.coords["flid_rate"] = ("flid_rate", rates, labels("1/s", "intensity, centre of the bin"))
        data.coords["flid_lifetime"] = ("flid_lifetime", taus, labels("ns", "lifetime, centre of the bin"))
        about = labels("1", f"share of the {joint.weight} with this intensity and lifetime")
        data["flid"] = (("flid_rate", "flid_lifetime"), joint.density, about)
