"""Results of the test for the number of emitters, and the reference that measured single emitters give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Final, Literal

from qdmol.errors import DataError
from qdmol.estimates import Estimate

if TYPE_CHECKING:
    from qdmol.analysis.result import PhotonAnalysis

Hypothesis = Literal["one_emitter", "two_independent", "two_interacting", "three_or_more"]
HYPOTHESES: Final[tuple[Hypothesis, ...]] = ("one_emitter", "two_independent", "two_interacting", "three_or_more")
CANNOT_TELL: Final = "cannot tell"
DECISIVE: Final = 0.95  # probability from which a hypothesis is the verdict


@dataclass(frozen=True, slots=True)
class EvidenceStep:
    """Probabilities of the hypotheses once one more kind of evidence is used.

    Attributes
    ----------
    name : str
        Kind of evidence added, such as ``"delays of pairs"``.
    hypotheses : Mapping of str to float
        Probability of each hypothesis from this kind of evidence and all those before it.
    log_evidence : Mapping of str to float
        Natural logarithm of the marginal likelihood of each hypothesis, relative to the largest.
    """

    name: str
    hypotheses: Mapping[str, float]
    log_evidence: Mapping[str, float]


@dataclass(frozen=True, slots=True, repr=False)
class Emitters:
    """Number of emitters in a recording, and whether they are coupled.

    Attributes
    ----------
    best : str
        Hypothesis with the highest probability.
    number : int
        Most probable number of emitters under that hypothesis.
    number_low, number_high : int, int or None
        Interval of 95 % over all hypotheses; None where the data set no upper limit. From 1 to no limit where no
        hypothesis describes the data.
    hypotheses : Mapping of str to float
        Probability of ``one_emitter``, ``two_independent``, ``two_interacting`` and ``three_or_more``; they sum to 1.
    verdict : str
        The best hypothesis if its probability is at least 0.95 and its model describes the data, else
        ``"cannot tell"``.
    statement : str
        The result in words.
    photons_needed : int or None
        Photons, at the same count rate, from which a verdict is expected; None where there is a verdict already, or
        where more photons would not decide (`photons_needed_reason`).
    photons_needed_reason : str or None
        Why more photons of this kind would not decide.
    g2_alone : str
        What g2 at zero delay alone says.
    number_from_sides : Estimate or None
        Number of emitters that the ratio to the neighbouring side peaks would suggest, 1 / (1 - side). Wrong for
        emitters that blink, and given for comparison only.
    number_from_g2 : Estimate or None
        The same from the ratio to independent photons, 1 / (1 - g2); without biexcitons and with equal emitters it is
        the number of emitters, whether they blink or not.
    parameters : Mapping of str to Estimate
        Parameters of the best hypothesis with intervals of 95 %: ``yield_ratio`` (biexciton over exciton),
        ``biexciton_lifetime_ns``, and, where it has them, ``brighter_share``, ``annihilation_per_ns``.
    goodness : float or None
        Probability that data of the best hypothesis deviate more from its fit; None where there is nothing to compare.
    evidence : tuple of EvidenceStep
        Probabilities with g2(0) alone, then with each further kind of evidence.
    pairs : int
        Pairs of photons of the same pulse that went in.
    brightness : float or None
        Photons per pulse in the brightest intensity level, background taken off; None for continuous light.
    references : int
        Recordings of single emitters that served as the reference.
    """

    best: Hypothesis
    number: int
    number_low: int
    number_high: int | None
    hypotheses: Mapping[str, float]
    verdict: str
    statement: str
    photons_needed: int | None
    photons_needed_reason: str | None = None
    g2_alone: str = ""
    number_from_sides: Estimate | None = None
    number_from_g2: Estimate | None = None
    parameters: Mapping[str, Estimate] = field(default_factory=dict)
    goodness: float | None = None
    evidence: tuple[EvidenceStep, ...] = ()
    pairs: int = 0
    brightness: float | None = None
    references: int = 0

    @property
    def decided(self) -> bool:
        """Whether there is a verdict."""
        return self.verdict != CANNOT_TELL

    def __repr__(self) -> str:
        high = "no upper limit" if self.number_high is None else self.number_high
        return f"<Emitters: {self.verdict}, number {self.number} ({self.number_low} to {high})>"

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.statement)}</p>"


@dataclass(frozen=True, slots=True)
class Monomer:
    """What recordings of single emitters of the same kind, measured alike, say about one emitter.

    Attributes
    ----------
    names : tuple of str
        The recordings.
    ratios : tuple of Estimate
        Of each, g2(0) against the side peaks: its yield of biexcitons over that of excitons.
    lifetimes_ns : tuple of Estimate
        Of each, the lifetime of the exciton; of those whose decay could be fitted.
    biexciton_lifetimes_ns : tuple of Estimate
        Of each, the lifetime of the biexciton, where the delays of its pairs show it.
    brightness : tuple of float
        Of each, photons per pulse in its brightest intensity level, background taken off.
    bunching : tuple of Estimate
        Of each, pairs of neighbouring pulses over those of independent photons.
    """

    names: tuple[str, ...]
    ratios: tuple[Estimate, ...]
    lifetimes_ns: tuple[Estimate, ...] = ()
    biexciton_lifetimes_ns: tuple[Estimate, ...] = ()
    brightness: tuple[float, ...] = ()
    bunching: tuple[Estimate, ...] = ()


def monomer_of(analyses: Iterable[PhotonAnalysis]) -> Monomer:
    """Gather the reference from analysed recordings of single emitters, measured as the recording to be tested.

    Parameters
    ----------
    analyses
        Results of :func:`qdmol.analysis.analyze_photons`.

    Raises
    ------
    DataError
        None of them has a g2.
    """
    from qdmol.analysis.emitters.observing import exciton_lifetimes

    names, ratios, lifetimes, fast, brightness, bunching = [], [], [], [], [], []
    for analysis in analyses:
        g2, fit = analysis.g2, analysis.lifetime
        if g2 is None or g2.against_sides is None:
            continue
        names.append(analysis.name)
        ratios.append(g2.against_sides)
        if g2.bunching_level is not None:
            bunching.append(g2.bunching_level)
        lifetime = exciton_lifetimes(fit)
        if fit is not None and lifetime is not None:
            ends = (fit.intensity_average_low_ns, fit.intensity_average_high_ns)
            error = (ends[1] - ends[0]) / fit.intensity_average_ns / 2.0 * lifetime[0]
            lifetimes.append(Estimate.from_error(lifetime[0], error, "ns"))
        tested = getattr(analysis, "emitters", None)
        if isinstance(tested, Emitters) and tested.best == "one_emitter":
            known = tested.parameters.get("biexciton_lifetime_ns")
            if known is not None and known.value > 0:
                fast.append(known)
        if isinstance(tested, Emitters) and tested.brightness is not None:
            brightness.append(tested.brightness)
    if not names:
        raise DataError("None of the recordings of single emitters has a g2, so they are no reference.")
    return Monomer(
        names=tuple(names),
        ratios=tuple(ratios),
        lifetimes_ns=tuple(lifetimes),
        biexciton_lifetimes_ns=tuple(fast),
        brightness=tuple(brightness),
        bunching=tuple(bunching),
    )
