"""Stage of dwell times: how long an emitter stays bright and dark, and the exponent of its correlation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qdmol.analysis.blinking.dwell_laws import FEWEST_DWELLS, LAWS, DwellLaw, survival
from qdmol.analysis.blinking.dwell_times import Dwell, DwellTimes, dwell_times, kaplan_meier
from qdmol.analysis.blinking.intensity_exponents import (
    CorrelationExponent,
    IntensityCorrelation,
    correlate_trace,
    fit_correlation_exponent,
)
from qdmol.analysis.blinking.stages import LevelsStage
from qdmol.analysis.blinking.values import IntensityLevels
from qdmol.analysis.passes import Steps, counted
from qdmol.analysis.stages import Number, Recording, Results, Stage, labels, result_of
from qdmol.analysis.trace import Trace, TraceTally
from qdmol.analysis.wording import interval_text, shown_number
from qdmol.errors import DataError, SolverError
from qdmol.estimates import Estimate

if TYPE_CHECKING:
    import xarray as xr

_BIN_S: Final = 1e-3
_BINS: Final = 2000  # of a short recording
_POINTS: Final = 1000  # of a survival function in the file
_PARAMETERS: Final = {"exponent": "exponent", "cutoff_s": "cut-off time", "mean_s": "mean time"}


class DwellStage(Stage[Dwell]):
    """Dwell times of each level with their laws, and the exponent of the autocorrelation of the intensity."""

    key = "dwell"
    name = "dwell times"
    absent = "no_dwell"
    optional = True
    classes = (Dwell, DwellTimes, DwellLaw, CorrelationExponent, IntensityCorrelation)

    def steps(self, recording: Recording) -> Steps[Dwell]:
        """Bin the photons for the correlation, then wait for the levels."""
        bin_s = min(_BIN_S, recording.quality.duration_s / _BINS)
        trace = yield from counted(TraceTally(recording.stream, bin_s=bin_s))
        levels = yield from result_of(LevelsStage)
        return measure_dwell(levels, trace)

    def add_to_summary(self, summary: dict[str, Any], results: Results) -> None:
        """Add states, laws and the exponent of the correlation."""
        dwell = results[DwellStage]
        summary[self.key] = None if dwell is None else _summary(dwell)

    def sentences(self, results: Results) -> tuple[str, ...]:
        """The law of each state, and the exponent of the correlation."""
        dwell = results[DwellStage]
        if dwell is None:
            return ()
        said = [_sentence(times) for times in dwell.states if times.laws or not _too_few(times)]
        few = [times.state for times in dwell.states if not times.laws and _too_few(times)]
        if few:
            where = _listed([f"in the state {state}" if state in ("on", "off") else f"at {state}" for state in few])
            said.append(f"There are too few dwells {where} for a law of dwell times; {FEWEST_DWELLS} are needed.")
        if dwell.correlation is not None:
            said.append(
                "The autocorrelation of the intensity falls as a power law of the lag with the exponent"
                f" {interval_text(dwell.correlation.exponent)}."
            )
        return tuple(said)

    def numbers(self, results: Results) -> tuple[Number, ...]:
        """Parameters of the law that holds for each state."""
        dwell = results[DwellStage]
        if dwell is None:
            return ()
        shown = [
            Number(f"{_PARAMETERS[name]}, {times.state}", estimate)
            for times in dwell.states
            if times.law is not None
            for name, estimate in times.law.parameters.items()
        ]
        if dwell.correlation is not None:
            shown.append(Number("exponent of the correlation", dwell.correlation.exponent))
        return tuple(shown)

    def add_to_data(self, data: xr.Dataset, results: Results) -> None:
        """Add the share of dwells beyond each time, measured and by the fitted laws, and the correlation."""
        dwell = results[DwellStage]
        if dwell is None:
            return
        for times in dwell.states:
            _add_survival(data, times)
        if dwell.correlation is not None:
            correlation = dwell.correlation.correlation
            data.coords["intensity_lag"] = ("intensity_lag", correlation.lag_s, labels("s", "lag"))
            for name, values, about in (
                ("intensity_correlation", correlation.value, "autocorrelation of the intensity, 0 for steady light"),
                ("intensity_correlation_error", correlation.error, "its standard error"),
                ("intensity_correlation_model", dwell.correlation.model, "fit of A τ^-C exp(-B τ)"),
            ):
                data[name] = ("intensity_lag", values, labels("1", about))


def measure_dwell(levels: IntensityLevels | None, trace: Trace) -> Dwell:
    """Dwell times of the levels of a recording, and the exponent of the autocorrelation of its trace.

    Parameters
    ----------
    levels : IntensityLevels or None
        None where the levels are not known.
    trace : Trace
        In bins of about 1 ms.

    Raises
    ------
    DataError
        There are neither dwell times nor an exponent.
    """
    states: tuple[DwellTimes, ...] = ()
    reason = "The levels of the intensity are not known; there are no dwell times."
    if levels is not None:
        try:
            states = dwell_times(levels)
        except DataError as error:
            reason = str(error)
    correlation, without = None, None
    try:
        correlation = fit_correlation_exponent(correlate_trace(trace))
    except (DataError, SolverError) as error:
        without = str(error)
    if not states and correlation is None:
        raise DataError(reason)
    return Dwell(states, correlation, without)


def _summary(dwell: Dwell) -> dict[str, Any]:
    exponent = dwell.correlation_exponent
    return {
        "states": [_state(times) for times in dwell.states],
        "correlation_exponent": None if exponent is None else exponent.value,
        "correlation_exponent_low": None if exponent is None else exponent.low,
        "correlation_exponent_high": None if exponent is None else exponent.high,
        "correlation_reason": dwell.correlation_reason,
    }


def _state(times: DwellTimes) -> dict[str, Any]:
    used = times.used
    return {
        "state": times.state,
        "dwells": int(used.sum()),
        "censored": int((used & times.censored).sum()),
        "shortest_s": times.shortest_s,
        "longest_s": times.longest_s,
        "best": times.best,
        "reason": times.reason,
        "laws": [
            {
                "law": law.name,
                "probability": law.probability,
                "p_value": law.p_value,
                "rejected": law.rejected,
                # the numbers of a law that the dwells contradict are no result
                "parameters": {} if law.rejected else {name: _ends(each) for name, each in law.parameters.items()},
            }
            for law in times.laws
        ],
    }


def _ends(estimate: Estimate) -> dict[str, float | None]:
    ends = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    return {name: float(end) if np.isfinite(end) else None for name, end in ends.items()}


def _too_few(times: DwellTimes) -> bool:
    """Whether no law was fitted because dwells are too few."""
    return int((times.used & ~times.censored).sum()) < FEWEST_DWELLS and times.state != "segment"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _sentence(times: DwellTimes) -> str:
    law, state = times.law, times.state
    where = f"Dwell times {'of' if state.startswith('level') else 'in the state'} {state}"
    if state == "segment":
        where = "The times between changes of the intensity"
    if law is None:
        return f"{where} follow no known law: {times.reason}" if times.laws else f"{where}: {times.reason}"
    numbers = ", ".join(f"{_PARAMETERS[name]} {interval_text(estimate)}" for name, estimate in law.parameters.items())
    article = "an" if law.name == "exponential" else "a"
    return (
        f"{where} from {shown_number(times.shortest_s, 3)} s on follow {article} {law.name}, {numbers}"
        f" ({int(times.used.sum())} dwells; probability {law.probability:.2g} among three laws)."
        + ("" if times.reason is None else f" {times.reason}")
    )


def _add_survival(data: xr.Dataset, times: DwellTimes) -> None:
    """Add the survival function of a state; at most 1000 of its times, evenly in rank and in logarithm."""
    moments, share = kaplan_meier(times.durations_s, times.censored)
    if not len(moments):
        return
    name = times.state.replace(" ", "_")
    if len(moments) > _POINTS:
        ranks = np.linspace(0, len(moments) - 1, _POINTS // 2)
        late = len(moments) - np.geomspace(1, len(moments), _POINTS // 2)
        chosen = np.unique(np.rint(np.concatenate([ranks, late])).astype(np.int64))
        moments, share = moments[chosen], share[chosen]
    about = labels("s", f"dwell time, {times.state}", shortest_s=times.shortest_s)
    data.coords[f"dwell_time_{name}"] = (f"dwell_time_{name}", moments, about)
    data[f"dwell_survival_{name}"] = (f"dwell_time_{name}", share, labels("1", "share of dwells that last longer"))
    if not times.laws:
        return
    data.coords["dwell_law"] = ("dwell_law", np.array(LAWS, dtype=object), labels("1", "law of dwell times"))
    _, whole = kaplan_meier(times.durations_s, times.censored)
    first = np.searchsorted(np.unique(times.durations_s[~times.censored]), times.shortest_s * (1 - 1e-9))
    start = float(whole[first - 1]) if first else 1.0
    curves = np.full((len(LAWS), len(moments)), np.nan)
    inside = moments >= times.shortest_s * (1 - 1e-9)
    for row, law in zip(curves, times.laws, strict=True):
        row[inside] = start * survival(law, moments[inside], shortest_s=times.shortest_s)
    about = labels(
        "1", "share by the fitted law", rejected=[int(law.rejected) for law in times.laws], best=times.best or ""
    )
    data[f"dwell_survival_law_{name}"] = (("dwell_law", f"dwell_time_{name}"), curves, about)
