"""How often the number of emitters and their coupling are judged right: `python -m benchmarks.emitters [--write]`.

Recordings of known sources are simulated exciton by exciton and analysed as `qdmol photons analyze` does. The last
table superposes shifted copies of a measured single emitter, if the environment variable QDMOL_DATA names the folder of
measured files.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from tests.analysis.sources.emitters import Blinking, Emitter, Interaction, State, flickering, power_law, telegraph
from tests.analysis.sources.recordings import Detector, Light, Recording, after_pulses, independent_copies

from qdmol.analysis.background import BackgroundStage
from qdmol.analysis.blinking.stages import LevelsStage
from qdmol.analysis.emitters.counting import count_emitters
from qdmol.analysis.emitters.stages import EmittersStage
from qdmol.analysis.emitters.values import CANNOT_TELL, DECISIVE, HYPOTHESES, Emitters
from qdmol.analysis.g2.stages import G2Stage, G3Stage
from qdmol.analysis.lifetime.stages import DecayStage, LifetimeStage, ResponseStage
from qdmol.analysis.stages import Meter, Options, Recording as Analysed, run_stages
from qdmol.analysis.trace import IntensityStage
from qdmol.photons import PhotonStream, quality_of_scan, read_photons, scan

TABLE = Path(__file__).parents[1] / "docs" / "_generated" / "emitters.md"
MEASURED = "photons/hydraharp_t3_80mhz_hbt.ptu"
# The test for emitters and what it starts from, as they are registered for an analysis.
STAGES = (
    IntensityStage,
    BackgroundStage,
    ResponseStage,
    DecayStage,
    LifetimeStage,
    G2Stage,
    G3Stage,
    LevelsStage,
    EmittersStage,
)
LIFETIME_NS, PERIOD_NS, RATIO, EXCITATION = 20.0, 200.0, 0.1, 0.05
ANNIHILATION = 10.0  # times the rate of decay
GREY = State(quantum_yield=0.2, lifetime_ns=4.0, biexciton_yield=0.02)
BRIGHT = State(1.0, LIFETIME_NS, RATIO)
NAMES = {
    "one_emitter": "one",
    "two_independent": "two, independent",
    "two_interacting": "two, interacting",
    "three_or_more": "three or more",
    CANNOT_TELL: "cannot tell",
}
INDEPENDENT = Interaction()
ANNIHILATING = Interaction(ANNIHILATION / LIFETIME_NS)
COPIES, SETS = (1, 2, 3, 5, 8), 50


@dataclass(frozen=True)
class Truth:
    """A source: what is right, and the brightness of its emitters relative to the first."""

    name: str
    verdict: str
    brightness: tuple[float, ...]
    interaction: Interaction = INDEPENDENT


ONE = Truth("one", "one_emitter", (1.0,))
TWO = Truth("two, independent", "two_independent", (1.0, 1.0))
ANNIHILATED = Truth("two, annihilating", "two_interacting", (1.0, 1.0), ANNIHILATING)
THREE = Truth("three, independent", "three_or_more", (1.0, 1.0, 1.0))
FOUR_KINDS = (ONE, TWO, ANNIHILATED, THREE)


@dataclass(frozen=True)
class Case:
    """Conditions of a recording, and the sources that are recorded under them."""

    name: str
    photons: int = 1_000_000
    trials: int = 5
    blinking: Blinking | None = None
    background: float = 0.02
    bright: State = BRIGHT
    fast_us: float | None = None
    truths: tuple[Truth, ...] = FOUR_KINDS

    def draw(self, truth: Truth, rng: np.random.Generator) -> Recording:
        """Simulate a recording."""
        emitter = Emitter(EXCITATION, self.bright, self.blinking, self.fast_us, self.fast_us)
        emitters = tuple(replace(emitter, excitation=EXCITATION * share) for share in truth.brightness)
        detectors = (Detector(jitter_ns=0.15, offset_ns=10.0), Detector(jitter_ns=0.15, offset_ns=11.0))
        light = Light(detectors, background_fraction=self.background)
        return after_pulses(
            rng, emitters, period_ns=PERIOD_NS, photons=self.photons, interaction=truth.interaction, light=light
        )


def _unequal(ratio: float) -> tuple[Truth, ...]:
    return tuple(replace(truth, brightness=(1.0, ratio)) for truth in (TWO, ANNIHILATED))


TRANSFER = replace(
    ANNIHILATED, name="two, energy transfer", interaction=Interaction(transfer_per_ns={(0, 1): 10.0 / LIFETIME_NS})
)
CHARGED = replace(ANNIHILATED, name="two, charged together", interaction=Interaction(charging="together"))
CASES = (
    Case("10⁴ photons", photons=10_000, trials=20),
    Case("10⁵ photons", photons=100_000, trials=20),
    Case("10⁶ photons", trials=12),
    Case("10⁷ photons", photons=10_000_000, trials=2),
    Case("on and off, 0.2 s each", blinking=telegraph(0.2, 0.2)),
    Case("on and off, power law 1.5", blinking=power_law(longest_s=10.0)),
    Case("on and grey, 0.2 s each", blinking=telegraph(0.2, 0.2, GREY)),
    Case("flickering, 50 ms", blinking=flickering(0.05)),
    Case("bunching, 3 µs", fast_us=3.0),
    Case("10 % background", background=0.1),
    Case("30 % background", background=0.3),
    Case("brightness 2:1", truths=_unequal(0.5)),
    Case("brightness 4:1", truths=_unequal(0.25)),
    Case("biexciton of 5 ns", bright=replace(BRIGHT, biexciton_lifetime_ns=5.0), truths=(ONE, TWO, ANNIHILATED)),
    Case("transfer", truths=(TRANSFER,)),
    Case("on and off, 0.2 s each", blinking=telegraph(0.2, 0.2), truths=(CHARGED,)),
)


def judged(stream: PhotonStream) -> Emitters | None:
    """Analyse a T3 stream as far as the number of emitters; None where it is refused."""
    scanned = scan(stream)
    recording = Analysed(stream, stream, scanned, quality_of_scan(scanned, stream), Options())
    results, _ = run_stages(STAGES, recording, Meter(None, 1.0))
    result: Any = results["emitters"]
    return None if result is None else result


@dataclass
class Tally:
    """Verdicts on recordings of one source."""

    truth: Truth
    verdicts: Counter[str] = field(default_factory=Counter)
    inside: int = 0
    by_g2_alone: int = 0

    def add(self, result: Emitters | None) -> None:
        """Count a recording; a refusal is no verdict, and its number has no limits."""
        number = len(self.truth.brightness)
        self.verdicts[CANNOT_TELL if result is None else result.verdict] += 1
        if result is None:
            self.inside += 1
            return
        high = np.inf if result.number_high is None else result.number_high
        self.inside += result.number_low <= number <= high
        self.by_g2_alone += max(result.evidence[0].hypotheses.values()) >= DECISIVE

    @property
    def trials(self) -> int:
        """Recordings."""
        return sum(self.verdicts.values())

    def text(self, case: Case) -> str:
        """The line of the table; right verdicts are bold."""
        cells = []
        for name in (*HYPOTHESES, CANNOT_TELL):
            number = self.verdicts[name]
            cells.append("" if not number else f"**{number}**" if name == self.truth.verdict else str(number))
        ends = (f"{self.inside} of {self.trials}", str(self.by_g2_alone))
        return "| " + " | ".join((case.name, self.truth.name, *cells, *ends)) + " |"


def simulated_rows(trials: float, seed: int) -> Iterator[tuple[Case, Tally]]:
    """Verdicts on every source under every condition; `trials` scales the number of recordings."""
    for number, case in enumerate(CASES):
        for kind, truth in enumerate(case.truths):
            tally = Tally(truth)
            for trial in range(max(round(case.trials * trials), 1)):
                rng = np.random.default_rng([seed, number, kind, trial])
                tally.add(judged(case.draw(truth, rng).stream))
            yield case, tally


@dataclass(frozen=True)
class Counts:
    """Counted copies of a measured single emitter."""

    number: int
    sets: int
    inside: int
    by_g2: int
    wrong: int
    middle: tuple[float, float, float]
    sides: float

    def text(self) -> str:
        """The line of the table."""
        low, value, high = (f"{each:.0f}" for each in self.middle)
        cells = (f"{self.number}", f"{self.inside} of {self.sets}", f"{value} ({low} to {high})", f"{self.wrong}",
                 f"{self.by_g2} of {self.sets}", f"{self.sides:.2f}")  # fmt: skip
        return "| " + " | ".join(cells) + " |"


def counted_copies(single: PhotonStream, number: int, sets: int, seed: int) -> Counts:
    """Count sets of shifted copies."""
    results = [
        count_emitters(independent_copies(single, number, np.random.default_rng([seed, number, each])))
        for each in range(sets)
    ]
    right = {1: "one_emitter", 2: "two_independent"}.get(number, "three_or_more")
    ends = np.array([[each.number_low, each.number, each.number_high or np.inf] for each in results])
    plain = [each.number_from_g2 for each in results]
    sides = [each.number_from_sides.value for each in results if each.number_from_sides is not None]
    low, value, high = (float(each) for each in np.median(ends, axis=0))
    return Counts(
        number,
        sets,
        int(((ends[:, 0] <= number) & (ends[:, 2] >= number)).sum()),
        sum(each is not None and each.low <= number <= each.high for each in plain),
        sum(each.decided and each.verdict != right for each in results),
        (low, value, high),
        float(np.median(sides)),
    )


def simulated_table(trials: float, seed: int) -> list[str]:
    """Lines of the table of simulated sources."""
    heads = ["conditions", "source", *NAMES.values(), "number in its interval", "decided by g²(0) alone"]
    lines = ["| " + " | ".join(heads) + " |", "| --- | --- |" + " ---: |" * (len(heads) - 2)]
    for case, tally in simulated_rows(trials, seed):
        lines.append(tally.text(case))
        print(lines[-1], f"{time.process_time():.0f} s", flush=True)
    lines += [
        "",
        f"Verdicts, the right ones bold. Unless stated otherwise: 10⁶ photons, lifetime {LIFETIME_NS:g} ns, pulses "
        f"every {PERIOD_NS:g} ns, {EXCITATION:g} excitons per pulse and emitter, a fifth of the photons detected, 2 % "
        f"background, g²(0) of {RATIO:g} for a single emitter, equal emitters that do not blink; annihilation and energy "
        "transfer are ten times faster than the decay. A verdict needs a probability of 0.95. No recordings of single "
        "emitters are given as a reference.",
    ]
    return lines


def copies_table(folder: Path, sets: int, seed: int) -> list[str]:
    """Lines of the table of shifted copies."""
    single = read_photons(folder / MEASURED)
    lines = [
        "| copies | number in its interval | median number (interval) | wrong verdicts "
        "| number in the interval of 1 / (1 - g²) | 1 / (1 - g²) relative to side peaks |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for number in COPIES:
        lines.append(counted_copies(single, number, sets, seed).text())
        print(lines[-1], f"{time.process_time():.0f} s", flush=True)
    lines += [
        "",
        f"Copies of a measured single emitter that blinks within 3 µs ({sets} sets of random shifts each).",
    ]
    return lines


def main() -> int:
    """Print the tables; with ``--write`` store them for the documentation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=float, default=1.0, help="factor of the number of simulated recordings")
    parser.add_argument("--sets", type=int, default=SETS, help="sets of shifted copies")
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--write", action="store_true", help="store the tables in docs/_generated")
    options = parser.parse_args()
    lines = simulated_table(options.trials, options.seed)
    data = os.environ.get("QDMOL_DATA")
    if data:
        lines += ["", *copies_table(Path(data), options.sets, options.seed)]
    given = f"--trials {options.trials:g} --sets {options.sets} --seed {options.seed}"
    text = "\n".join([*lines, "", f"Made by `python -m benchmarks.emitters {given} --write`.", ""])
    if options.write:
        TABLE.write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
