"""Stages of the lifetime: instrument response, decay, fit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qdmol.analysis.background import Background, BackgroundStage
from qdmol.analysis.lifetime.histogram import DecayTally, decay_of, with_delays
from qdmol.analysis.lifetime.reading import read_response, stated_unit
from qdmol.analysis.lifetime.values import Decay, LifetimeFit, Response
from qdmol.analysis.passes import Steps, counted
from qdmol.analysis.stages import (
    FAILED_FIT,
    HistogramOptions,
    NoResult,
    Number,
    Options,
    Recording,
    Results,
    Stage,
    labels,
    result_of,
)
from qdmol.analysis.wording import interval_text
from qdmol.errors import InputError
from qdmol.photons import PhotonStream, holds_histograms, is_histogram_file, read_photons

if TYPE_CHECKING:
    import xarray as xr


def fit_decay(
    decay: Decay, response: Response | None, options: Options, *, background: Background | None = None
) -> LifetimeFit:
    """Fit a decay with the model of the options."""
    from qdmol.analysis.lifetime.fitting import fit_lifetime

    known = options.histogram.background if background is None else background
    return fit_lifetime(decay, response=response, model=options.model, background=known)


def response_of(options: Options, *, beside: str | None = None) -> tuple[Response | None, tuple[str, ...]]:
    """Read or take the instrument response of the options; notes on how it was read.

    A histogram that does not state the unit of its times has that of the decay in the file `beside`.
    """
    given: PhotonStream | Decay | Response | str | Path | None = options.response
    notes: tuple[str, ...] = ()
    if isinstance(given, (str, Path)):
        given, notes = _response_file(given, options.histogram, beside)
    if given is None or isinstance(given, Response):
        return given, notes
    decay = decay_of(given) if isinstance(given, PhotonStream) else given
    if decay.uneven_edges_ns is not None:
        message = "The response has bins of unequal width; a response needs bins of one width."
        raise InputError(field="response", value=decay.label, allowed="bins of one width", message=message)
    return Response.measured(decay.counts, bin_width_ns=decay.bin_width_ns, first_bin_ns=decay.first_bin_ns), ()


def _response_file(
    path: str | Path, options: HistogramOptions, beside: str | None
) -> tuple[PhotonStream | Response, tuple[str, ...]]:
    if not holds_histograms(path, field="response"):
        try:
            return read_photons(path), ()
        except InputError:
            if not is_histogram_file(path, field="response"):
                raise
    try:
        return read_response(path, unit=options.unit), ()
    except InputError as error:
        unit = None if error.field != "unit" or beside is None else stated_unit(beside, column=options.column)
        if unit is None:
            raise
    note = f"The response does not state the unit of its times; {unit} is assumed, as in the decay."
    return read_response(path, unit=unit), (note,)


def _fit_summary(fit: LifetimeFit) -> dict[str, Any]:
    names = (
        *("components_ns", "low_ns", "high_ns", "fractions", "fractions_low", "fractions_high"),
        *("intensity_fractions", "intensity_fractions_low", "intensity_fractions_high", "model"),
        *("amplitude_average_ns", "amplitude_average_low_ns", "amplitude_average_high_ns"),
        *("intensity_average_ns", "intensity_average_low_ns", "intensity_average_high_ns"),
        *("stretch", "stretch_low", "stretch_high", "response", "response_width_ns", "shift_ns", "start_ns"),
        *("photons", "goodness", "reduced_deviance", "level"),
    )
    return {
        **{name: getattr(fit, name) for name in names},
        "background_counts_per_bin": fit.background_per_bin,
        "background_low_counts_per_bin": fit.background_low,
        "background_high_counts_per_bin": fit.background_high,
        "evidence": dict(fit.evidence),
        "flags": [flag.as_dict() for flag in fit.flags],
    }


class ResponseStage(Stage[Response]):
    """Instrument response that was given."""

    key = "response"
    name = "instrument response"
    absent = "no_response"
    effort = 0.0
    classes = (Response,)

    def steps(self, recording: Recording) -> Steps[Response]:
        """Read the response; there is no use for one where the light is not pulsed."""
        yield from ()  # no counts are needed
        response = None if recording.pulsed is None else response_of(recording.options)[0]
        if response is None:
            raise NoResult
        return response

    def add_to_data(self, data: xr.Dataset, results: Results) -> None:
        """Add the response on the times of the decay, shifted as fitted."""
        response, decay, fit = results[ResponseStage], results[DecayStage], results[LifetimeStage]
        if response is None or decay is None or response.kind != "measured":
            return
        middles = response.first_bin_ns + response.bin_width_ns * (np.arange(len(response.counts)) + 0.5)
        shift = 0.0 if fit is None else fit.shift_ns
        shifted = np.interp(decay.times_ns, middles + shift, response.counts, left=0.0, right=0.0)
        data["decay_response"] = ("delay", shifted, labels("1", "instrument response, shifted as fitted"))


class DecayStage(Stage[Decay]):
    """Photons by their delay after the pulse."""

    key = "decay"
    name = "decay"
    absent = "no_decay"
    classes = (Decay,)

    def steps(self, recording: Recording) -> Steps[Decay]:
        """Count delays of the channels of the options, else of all channels."""
        if recording.pulsed is None:
            raise NoResult
        tally = DecayTally(with_delays(recording.pulsed), channels=recording.options.channels)
        return (yield from counted(tally))

    def add_to_data(self, data: xr.Dataset, results: Results) -> None:
        """Add the histogram."""
        decay = results[DecayStage]
        if decay is not None:
            data.coords["delay"] = ("delay", decay.times_ns, labels("ns", "time after the pulse, centre of the bin"))
            data["decay"] = ("delay", decay.counts, labels("1", "photons", bin_width_ns=decay.bin_width_ns))
            if decay.uneven_edges_ns is not None:
                widths = np.diff(decay.edges_ns)
                data["decay_bin_width"] = ("delay", widths, labels("ns", "width of the bin"))


class LifetimeStage(Stage[LifetimeFit]):
    """Fit of the decay."""

    key = "lifetime"
    name = "lifetime"
    absent = "no_lifetime"
    failed = FAILED_FIT
    effort = 2.0
    classes = (LifetimeFit,)

    def steps(self, recording: Recording) -> Steps[LifetimeFit]:
        """Fit once decay, response and background are there."""
        decay = yield from result_of(DecayStage)
        response = yield from result_of(ResponseStage)
        if decay is None:
            raise NoResult
        options, known = recording.options, None
        # a dark recording knows the background better than the decay; it must be of the same channels
        if options.dark is not None and options.channels is None:
            known = yield from result_of(BackgroundStage)
        return fit_decay(decay, response, options, background=known)

    def add_to_summary(self, summary: dict[str, Any], results: Results) -> None:
        """Add lifetimes, amplitudes and averages."""
        fit = results[LifetimeStage]
        summary[self.key] = None if fit is None else _fit_summary(fit)

    def sentences(self, results: Results) -> tuple[str, ...]:
        """Components and averages."""
        fit = results[LifetimeStage]
        if fit is None or not fit.lifetimes:
            return ()
        many = len(fit.lifetimes) > 1
        parts = [
            f"{interval_text(lifetime)} with amplitude {share:.2g}" if many else interval_text(lifetime)
            for lifetime, share in zip(fit.lifetimes, fit.fractions, strict=True)
        ]
        sentences = [f"The decay is described by {fit.model}: {'; '.join(parts)}."]
        if many and fit.amplitude_average is not None:
            sentences.append(
                f"Its average lifetime is {interval_text(fit.amplitude_average)} weighted by amplitude,"
                f" {interval_text(fit.intensity_average)} weighted by intensity."
            )
        return tuple(sentences)

    def numbers(self, results: Results) -> tuple[Number, ...]:
        """Lifetimes, amplitudes, averages, exponent."""
        fit = results[LifetimeStage]
        if fit is None:
            return ()
        if len(fit.lifetimes) == 1:
            numbers = [Number("lifetime", fit.lifetimes[0])]
        else:
            numbers = []
            for k, (lifetime, amplitude) in enumerate(zip(fit.lifetimes, fit.amplitudes, strict=True), start=1):
                numbers += [Number(f"lifetime {k}", lifetime), Number(f"amplitude of lifetime {k}", amplitude)]
        if len(fit.lifetimes) > 1 or fit.exponent is not None:
            numbers.append(Number("average weighted by amplitude", fit.amplitude_average))
            numbers.append(Number("average weighted by intensity", fit.intensity_average))
        if fit.exponent is not None:
            numbers.append(Number("exponent of the stretched decay", fit.exponent))
        return tuple(numbers)

    def add_to_data(self, data: xr.Dataset, results: Results) -> None:
        """Add the fitted curve and the residuals."""
        fit = results[LifetimeStage]
        if fit is not None and results[DecayStage] is not None:
            data["decay_fit"] = ("delay", fit.curve, labels("1", "fitted photons", model=fit.model))
            data["decay_residual"] = ("delay", fit.residuals, labels("1", "signed root of the deviance"))
