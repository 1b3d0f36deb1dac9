"""Sentences of the test for the number of emitters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from qdmol.analysis.emitters.values import HYPOTHESES, Monomer
from qdmol.analysis.wording import interval_text, shown_number
from qdmol.estimates import Estimate

NAMES: Final = {
    "one_emitter": "one emitter",
    "two_independent": "two independent emitters",
    "two_interacting": "two interacting emitters",
    "three_or_more": "three or more emitters",
}
_RARE = 0.01
_PRECISE = 0.005


def number_text(number: int, low: int, high: int | None) -> str:
    """A number of emitters with its interval.

    >>> number_text(4, 3, 6), number_text(2, 2, 2), number_text(40, 30, None)
    ('4 (3 to 6)', '2', '40 (30 to no upper limit)')
    """
    if low == high:
        return str(number)
    return f"{number} ({low} to {'no upper limit' if high is None else high})"


def probability_text(hypotheses: Mapping[str, float]) -> str:
    """Every hypothesis that is not very unlikely, the most probable first.

    >>> probability_text({"one_emitter": 0.7, "two_independent": 0.0, "two_interacting": 0.3, "three_or_more": 0.0})
    'one emitter 0.70, two interacting emitters 0.30'
    """
    ranked = sorted(HYPOTHESES, key=lambda name: -hypotheses[name])
    return ", ".join(f"{NAMES[name]} {hypotheses[name]:.2f}" for name in ranked if hypotheses[name] >= _RARE)


def _certain(probability: float) -> str:
    return "above 0.99" if probability > 1.0 - _PRECISE else f"{probability:.2f}"


def verdict_sentence(
    verdict: str, probability: float, number: str, parameters: Mapping[str, Estimate], *, together: bool
) -> str:
    """What a verdict means, with the parameters that it rests on."""
    name = NAMES[verdict]
    text = f"The photons come from {name} (probability {_certain(probability)})"
    ratio = parameters.get("yield_ratio")
    if verdict == "one_emitter":
        if ratio is None:
            return f"{text}."
        part = interval_text(ratio) if ratio.low > 0 else f"less than {ratio.high:.2g}"
        return f"{text}: its biexciton has {part} of the yield of its exciton."
    if verdict == "two_independent":
        share = parameters.get("brighter_share")
        reason = "" if share is None else f": the brighter one gives {interval_text(share)} of the light"
        return f"{text}{reason}."
    if verdict == "three_or_more":
        return f"{text}: {number}, {'which blink together' if together else 'if they emit independently'}."
    rate = parameters.get("annihilation_per_ns")
    if together:
        return f"{text}: they blink together."
    reason = "" if rate is None else f": two excitons annihilate at a rate of {interval_text(rate)}"
    return f"{text}{reason}. A group of more emitters that all annihilate would look much the same."


def undecided_sentence(hypotheses: Mapping[str, float], needed: int | None, reason: str | None) -> str:
    """Why there is no verdict, and what would decide."""
    text = f"The data do not decide how many emitters there are: {probability_text(hypotheses)}."
    if needed is not None:
        return f"{text} About {shown_number(float(needed))} photons at this count rate would decide."
    return text if reason is None else f"{text} {reason}"


def poor_fit_sentence(best: str, probability: float) -> str:
    """No hypothesis describes the data."""
    return (
        f"There is no verdict on the number of emitters: none of the hypotheses describes the pairs of photons. The "
        f"nearest, {NAMES[best]}, would deviate as much with a probability of {probability:.1g}."
    )


def g2_sentence(value: Estimate, hypotheses: Mapping[str, float], monomer: Monomer | None, reference: float) -> str:
    """What g2 at zero delay alone is worth."""
    text = f"g²(0) of {interval_text(value)} alone does not tell how many emitters there are"
    ranked = [name for name in HYPOTHESES if hypotheses[name] >= _RARE]
    if len(ranked) > 1:
        text += f": it agrees with {_listed([NAMES[name] for name in ranked])}"
    text += "."
    if monomer is not None and monomer.ratios:
        pair, trio = (1.0 - (1.0 - reference) / number for number in (2, 3))
        text += (
            f" With {reference:.2g} for a single emitter, two equal independent ones give {pair:.2f} and three "
            f"{trio:.2f}, and so does one emitter whose biexciton has that yield; two that interact may give any value "
            "below."
        )
    return text


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
