"""The values of lifetimes: a decay histogram, an instrument response, a fit.

Delays and lifetimes in ns, counts as counts per bin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from html import escape
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qdmol.analysis.wording import estimate_or_none
from qdmol.arrays import Floats
from qdmol.errors import InputError
from qdmol.estimates import Estimate
from qdmol.photons import Flag

ResponseKind = Literal["measured", "gaussian", "none"]
_FAR = 1e-3  # of the peak of a response: its foot ends below it, or lower down at the noise of its background


@dataclass(frozen=True, slots=True, eq=False)
class Decay:
    """Counts against the delay after the excitation pulse.

    Attributes
    ----------
    counts : float64 (n,)
        Photons per bin. Whole numbers, not rates and not background-subtracted: the likelihood is Poisson's.
    bin_width_ns : float
        Width of a bin; of unequal bins that of the narrowest. The last bin may reach over the end of the period; only
        its part before the end counts.
    first_bin_ns : float
        Left edge of the first bin.
    period_ns : float or None
        Time between excitation pulses. None: so long that earlier pulses do not matter.
    exposure_periods : float or None
        Number of excitation pulses behind the histogram; rates and pile-up need it.
    label : str
        What it is, as ``"channel 0"``.
    first_photon : bool
        Whether the electronics record only the first photon after each pulse (start-stop). Then pile-up is part of the
        model, if `exposure_periods` is known. Electronics with several stops per pulse do not need it.
    notes : tuple of str
        What was done to the numbers on the way here. Sentences.
    uneven_edges_ns : float64 (n + 1,) or None
        Edges of bins of unequal width, as of logarithmic binning; None for bins of one width. Counts are those of the
        whole bin, and a background per bin is that of `bin_width_ns`.

    Raises
    ------
    InputError
        For counts that are none: negative, not finite, not one row; for a width or period not above zero; for edges
        that do not increase or are not one more than the counts.

    Examples
    --------
    >>> decay = Decay([10, 6, 4, 2], bin_width_ns=1.0)
    >>> decay.photons, decay.edges_ns
    (22.0, array([0., 1., 2., 3., 4.]))
    """

    counts: Floats
    bin_width_ns: float
    first_bin_ns: float = 0.0
    period_ns: float | None = None
    exposure_periods: float | None = None
    label: str = ""
    first_photon: bool = False
    notes: tuple[str, ...] = ()
    uneven_edges_ns: Floats | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", _counts(self.counts, field="decay.counts"))
        _positive(self.bin_width_ns, field="decay.bin_width_ns", unit="ns")
        if self.period_ns is not None:
            _positive(self.period_ns, field="decay.period_ns", unit="ns")
        if self.exposure_periods is not None:
            _positive(self.exposure_periods, field="decay.exposure_periods", unit="periods")
        if not np.isfinite(self.first_bin_ns):
            raise InputError(field="decay.first_bin_ns", value=self.first_bin_ns, allowed="a finite time in ns")
        if self.uneven_edges_ns is not None:
            edges = np.ascontiguousarray(self.uneven_edges_ns, dtype=np.float64)
            rising = edges.shape == (len(self.counts) + 1,) and np.isfinite(edges).all() and (np.diff(edges) > 0).all()
            if not rising:
                allowed = f"{len(self.counts) + 1} finite times that increase, one more than the counts"
                raise InputError(field="decay.uneven_edges_ns", value=f"shape {edges.shape}", allowed=allowed)
            object.__setattr__(self, "uneven_edges_ns", edges)
            object.__setattr__(self, "first_bin_ns", float(edges[0]))
            object.__setattr__(self, "bin_width_ns", float(np.diff(edges).min()))

    def part(self, start: int, stop: int) -> Decay:
        """Return the bins from `start` to before `stop`."""
        edges = self.uneven_edges_ns
        return replace(
            self,
            counts=self.counts[start:stop],
            first_bin_ns=self.first_bin_ns + start * self.bin_width_ns,
            uneven_edges_ns=None if edges is None else edges[start : stop + 1],
        )

    @property
    def photons(self) -> float:
        """Sum of the counts."""
        return float(self.counts.sum())

    @property
    def edges_ns(self) -> Floats:
        """Edges of the bins (n + 1,); the last one not beyond the end of the period."""
        edges: Floats = self.first_bin_ns + self.bin_width_ns * np.arange(len(self.counts) + 1, dtype=np.float64)
        if self.uneven_edges_ns is not None:
            edges = self.uneven_edges_ns.copy()
        if self.period_ns is not None and edges[-2] < self.first_bin_ns + self.period_ns < edges[-1]:
            edges[-1] = self.first_bin_ns + self.period_ns
        return edges

    @property
    def times_ns(self) -> Floats:
        """Middles of the bins (n,)."""
        edges = self.edges_ns
        middles: Floats = 0.5 * (edges[1:] + edges[:-1])
        return middles


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """The instrument response: what a lifetime of zero would look like.

    Use :meth:`measured`, :meth:`gaussian` or :meth:`none`.

    Attributes
    ----------
    kind : "measured", "gaussian" or "none"
        measured: a histogram. gaussian: a normal distribution. none: the decay is fitted behind its peak only.
    counts : float64 (m,)
        measured: counts per bin, background subtracted, not negative. Else empty.
    bin_width_ns, first_bin_ns : float
        measured: width of a bin, left edge of the first.
    width_ns : float or None
        gaussian: standard deviation; None: fitted.
    centre_ns : float or None
        gaussian: the delay of its middle; None: fitted.
    shift_ns : float or None
        measured: shift against the decay; None: fitted.
    start_ns : float or None
        none: where the fit begins; None: behind the peak, as far as the response may reach.
    variances : float64 (m,)
        measured: variance of the counts by Poisson's law. Empty where the values are not counts, so that their noise is
        unknown.
    """

    kind: ResponseKind
    counts: Floats
    bin_width_ns: float = 1.0
    first_bin_ns: float = 0.0
    width_ns: float | None = None
    centre_ns: float | None = None
    shift_ns: float | None = None
    start_ns: float | None = None
    variances: Floats = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def measured(
        cls,
        counts: ArrayLike,
        *,
        bin_width_ns: float,
        first_bin_ns: float = 0.0,
        shift_ns: float | None = None,
        background: float | Literal["auto"] = "auto",
    ) -> Response:
        """A measured histogram (m,); its background per bin is taken off ("auto": the median, if most bins are dark).

        Any values that are proportional to counts will do: counts, normalised or smoothed ones, values with the
        background subtracted. Where the histogram covers the period of the decay, a response that begins near its end
        and goes on at its beginning is put together.

        Raises
        ------
        InputError
            For counts that are not finite or without a peak above the background.
        """
        raw = np.asarray(counts, dtype=np.float64)
        if raw.ndim != 1 or len(raw) < 2 or not np.isfinite(raw).all():
            raise InputError(field="response.counts", value=f"shape {raw.shape}", allowed="one row of finite counts")
        _positive(bin_width_ns, field="response.bin_width_ns", unit="ns")
        peak = raw.max()
        if not peak > 0:
            raise InputError(field="response.counts", value=peak, allowed="a peak above the background")
        level = background if background != "auto" else _dark_level(raw)
        clean = np.clip(raw - level, 0.0, None)
        if not peak > level:
            raise InputError(field="response.counts", value=peak, allowed="a peak above the background")
        if background == "auto":
            clean[_far_from_peak(clean, floor=min(_FAR * float(clean.max()), 3.0 * _dark_noise(raw)))] = 0.0
        counted = raw.min() >= 0 and bool((raw == np.round(raw)).all())
        variances = np.where(clean > 0, raw, 0.0) if counted else np.zeros(0)
        return cls("measured", clean, bin_width_ns, first_bin_ns, shift_ns=shift_ns, variances=variances)

    @classmethod
    def gaussian(cls, *, width_ns: float | None = None, centre_ns: float | None = None) -> Response:
        """A normal distribution of standard deviation `width_ns` about `centre_ns`; what is None is fitted.

        Raises
        ------
        InputError
            For a width not above zero.
        """
        if width_ns is not None:
            _positive(width_ns, field="response.width_ns", unit="ns")
        return cls("gaussian", np.zeros(0), width_ns=width_ns, centre_ns=centre_ns)

    @classmethod
    def none(cls, *, start_ns: float | None = None) -> Response:
        """No response: only the tail is fitted, from `start_ns` or from where the response has passed."""
        return cls("none", np.zeros(0), start_ns=start_ns)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LifetimeFit:
    """Lifetimes with intervals, and how well they describe the counts.

    K components, from the longest lifetime to the shortest; n bins of the decay. A stretched exponential has one
    component, the time at which the decay has fallen to 1/e, and its averages are those of the whole law.

    Attributes
    ----------
    components_ns, low_ns, high_ns : float64 (K,)
        Lifetimes, corrected for the bias of few photons, and their intervals. An interval that is open has 0 or inf.
    fractions, fractions_low, fractions_high : float64 (K,)
        Fractions of amplitude: how many emitters, if all shine alike. They sum to one.
    intensity_fractions, intensity_fractions_low, intensity_fractions_high : float64 (K,)
        Fractions of intensity: how many of the photons.
    model : str
        As ``"2 exponentials"``.
    amplitude_average_ns, amplitude_average_low_ns, amplitude_average_high_ns : float
        Lifetime weighted by amplitude.
    intensity_average_ns, intensity_average_low_ns, intensity_average_high_ns : float
        Lifetime weighted by intensity: the mean delay of a photon after its excitation.
    background_per_bin, background_low, background_high : float
        Constant counts per whole bin. Low and high are nan where the background was given without an error.
    response : str
        As ``"measured"``, ``"gaussian"`` or ``"none"``: what was used.
    response_width_ns : float or None
        Standard deviation of the response; None for a fit of the tail.
    shift_ns : float
        measured: how much later the decay is than the response. gaussian: its middle. none: where the pulse is put.
    stretch, stretch_low, stretch_high : float or None
        Kohlrausch exponent of a stretched exponential, else None.
    curve : float64 (n,)
        Fitted counts per bin; nan where the decay was not fitted.
    residuals : float64 (n,)
        Signed roots of the deviance, near standard normal where counts are high; nan where not fitted.
    fitted : bool (n,)
        The bins behind the fit.
    start_ns : float
        Left edge of the first fitted bin after the excitation.
    photons : float
        Counts in the fitted bins.
    goodness : float
        Probability that a decay of this very model deviates more.
    reduced_deviance : float
        Deviance over what is expected of it: near 1 for a good fit.
    evidence : dict of str to float
        Bayesian information criterion by model: the lowest is best, 10 lower is decisive.
    level : float
        Level of the intervals.
    flags : tuple of Flag
        What to know before these numbers are used.
    """

    components_ns: Floats
    low_ns: Floats
    high_ns: Floats
    fractions: Floats
    fractions_low: Floats
    fractions_high: Floats
    intensity_fractions: Floats
    intensity_fractions_low: Floats
    intensity_fractions_high: Floats
    model: str
    amplitude_average_ns: float
    amplitude_average_low_ns: float
    amplitude_average_high_ns: float
    intensity_average_ns: float
    intensity_average_low_ns: float
    intensity_average_high_ns: float
    background_per_bin: float
    background_low: float
    background_high: float
    response: ResponseKind
    response_width_ns: float | None
    shift_ns: float
    stretch: float | None
    stretch_low: float | None
    stretch_high: float | None
    curve: Floats
    residuals: Floats
    fitted: NDArray[np.bool_]
    start_ns: float
    photons: float
    goodness: float
    reduced_deviance: float
    evidence: dict[str, float]
    level: float
    flags: tuple[Flag, ...] = ()

    @property
    def lifetimes(self) -> tuple[Estimate | None, ...]:
        """Lifetime of each component in ns, the longest first."""
        return _estimates(self.components_ns, self.low_ns, self.high_ns, "ns")

    @property
    def amplitudes(self) -> tuple[Estimate | None, ...]:
        """Share of each component in the amplitude."""
        return _estimates(self.fractions, self.fractions_low, self.fractions_high, "")

    @property
    def amplitude_average(self) -> Estimate | None:
        """Lifetime averaged by amplitude, in ns."""
        ends = (self.amplitude_average_low_ns, self.amplitude_average_high_ns)
        return estimate_or_none(self.amplitude_average_ns, *ends, "ns")

    @property
    def intensity_average(self) -> Estimate | None:
        """Lifetime averaged by intensity, in ns."""
        ends = (self.intensity_average_low_ns, self.intensity_average_high_ns)
        return estimate_or_none(self.intensity_average_ns, *ends, "ns")

    @property
    def exponent(self) -> Estimate | None:
        """Exponent of a stretched exponential, None for a sum of exponentials."""
        return estimate_or_none(self.stretch, self.stretch_low, self.stretch_high)

    @property
    def mean(self) -> Estimate | None:
        """Lifetime of a single component, else the average weighted by amplitude; in ns."""
        alone = len(self.components_ns) == 1 and self.stretch is None
        return self.lifetimes[0] if alone else self.amplitude_average

    def __repr__(self) -> str:
        return f"<LifetimeFit: {self.model}, {self.mean!r}>"

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.model)}: {escape(str(self.mean))}</p>"


def _estimates(values: Floats, low: Floats, high: Floats, unit: str) -> tuple[Estimate | None, ...]:
    return tuple(estimate_or_none(*ends, unit) for ends in zip(values, low, high, strict=True))


def _positive(value: float, *, field: str, unit: str) -> None:
    if not (np.isfinite(value) and value > 0):
        raise InputError(field=field, value=value, allowed=f"above 0 {unit}")


def _counts(values: ArrayLike, *, field: str) -> Floats:
    counts = np.array(values, dtype=np.float64)
    if counts.ndim != 1 or len(counts) < 2:
        raise InputError(field=field, value=f"shape {counts.shape}", allowed="one row of at least two bins")
    if not np.isfinite(counts).all() or counts.min() < 0:
        raise InputError(field=field, value=float(counts.min()), allowed="finite counts, none below 0")
    counts.flags.writeable = False
    return counts


def _recorded(counts: Floats) -> Floats:
    """The bins from the first filled one to the last: exports of fixed length are padded with zeros."""
    filled = np.flatnonzero(counts)
    return counts[int(filled[0]) : int(filled[-1]) + 1]


def _dark_noise(counts: Floats) -> float:
    """Standard deviation of the dark bins, from their median deviation; infinite where most bins are not dark."""
    recorded = _recorded(counts)
    if len(recorded) < 2 or float((recorded > 0.1 * recorded.max()).mean()) >= 1 / 3:
        return math.inf
    return 1.4826 * float(np.median(np.abs(recorded - np.median(recorded))))


def _dark_level(counts: Floats) -> float:
    """Median, where the peak takes less than a third of the bins; else the mean of the lowest tenth."""
    recorded = _recorded(counts)
    if len(recorded) < 2:
        return 0.0
    wide = float((recorded > 0.1 * recorded.max()).mean())
    if wide < 1 / 3:
        return float(np.median(recorded))
    return float(np.sort(recorded)[: max(len(recorded) // 10, 1)].mean())


def _far_from_peak(clean: Floats, *, floor: float) -> NDArray[np.bool_]:
    """Bins outside the run around the peak that stays above `floor`: noise of the background.

    A run that reaches one end of the histogram goes on at the other end, as after a whole period.
    """
    n, peak = len(clean), int(clean.argmax())
    outside = np.ones(n, dtype=np.bool_)
    start, stop = _run(clean, peak, floor)
    outside[start:stop] = False
    if start == 0 and stop < n and clean[-1] > floor:
        outside[max(_run(clean, n - 1, floor)[0], stop) :] = False
    if stop == n and start > 0 and clean[0] > floor:
        outside[: min(_run(clean, 0, floor)[1], start)] = False
    return outside


def _run(clean: Floats, inside: int, floor: float) -> tuple[int, int]:
    """First bin, and the bin behind the last, of the run about a bin; three bins in a row up to `floor` end it."""
    low = clean <= floor
    dark = low[:-2] & low[1:-1] & low[2:]
    before = np.flatnonzero(dark[: max(inside - 2, 0)])
    after = np.flatnonzero(dark[inside:])
    start = int(before[-1]) + 2 if len(before) else 0
    stop = inside + int(after[0]) + 1 if len(after) else len(clean)
    return start, stop
