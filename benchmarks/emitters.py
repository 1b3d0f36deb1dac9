"""How often the number of emitters and their coupling are judged right: `python -m benchmarks.emitters [--write]`.

Recordings of known sources are simulated exciton by exciton and analysed as `qdmol photons analyze` does. The last
table superposes shifted copies of a measured single emitter, if the environment variable QDMOL_DATA names the folder of
measured files. Recordings are made in rounds, and the tables are stored after each of them.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
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
COPIES = (1, 2, 3, 5, 8)


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
    """Conditions of a recording, the sources that are recorded under them, and recordings in the first rounds."""

    name: str
    photons: int = 1_000_000
    trials: tuple[int, ...] = (1,)
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
    Case("10⁴ photons", photons=10_000, trials=(5,)),
    Case("10⁵ photons", photons=100_000, trials=(5,)),
    Case("10⁶ photons", trials=(4,)),
    Case("10⁷ photons", photons=10_000_000, trials=(1, 0)),
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
        ends = (str(self.inside), str(self.by_g2_alone))
        return "| " + " | ".join((case.name, self.truth.name, str(self.trials), *cells, *ends)) + " |"


@dataclass(frozen=True)
class Cell:
    """One source under one condition, its seed and its verdicts so far."""

    case: Case
    tally: Tally
    seed: tuple[int, ...]

    def add(self, round_: int) -> None:
        """Make and judge the recordings of a round; numbers of recordings repeat."""
        for _ in range(self.case.trials[round_ % len(self.case.trials)]):
            rng = np.random.default_rng([*self.seed, self.tally.trials])
            self.tally.add(judged(self.case.draw(self.tally.truth, rng).stream))


def cells(seed: int) -> list[Cell]:
    """Every source under every condition."""
    return [
        Cell(case, Tally(truth), (seed, number, kind))
        for number, case in enumerate(CASES)
        for kind, truth in enumerate(case.truths)
    ]


@dataclass
class Copies:
    """Counted copies of a measured single emitter."""

    number: int
    results: list[Emitters] = field(default_factory=list)

    def add(self, single: PhotonStream, sets: int, seed: int) -> None:
        """Count further sets of shifted copies."""
        for _ in range(sets):
            rng = np.random.default_rng([seed, self.number, len(self.results)])
            self.results.append(count_emitters(independent_copies(single, self.number, rng)))

    def text(self) -> str:
        """The line of the table."""
        right = {1: "one_emitter", 2: "two_independent"}.get(self.number, "three_or_more")
        ends = np.array([[each.number_low, each.number, each.number_high or np.inf] for each in self.results])
        low, value, high = (f"{each:.0f}" for each in np.median(ends, axis=0))
        inside = ((ends[:, 0] <= self.number) & (ends[:, 2] >= self.number)).sum()
        plain = [each.number_from_g2 for each in self.results]
        by_g2 = sum(each is not None and each.low <= self.number <= each.high for each in plain)
        sides = [each.number_from_sides.value for each in self.results if each.number_from_sides is not None]
        wrong = sum(each.decided and each.verdict != right for each in self.results)
        parts = (str(self.number), str(len(ends)), str(inside), f"{value} ({low} to {high})", str(wrong), str(by_g2))
        return f"| {' | '.join(parts)} | {np.median(sides):.2f} |"


def simulated_table(made: list[Cell]) -> list[str]:
    """Lines of the table of simulated sources."""
    heads = ["conditions", "source", "trials", *NAMES.values(), "number in its interval", "decided by g²(0) alone"]
    lines = ["| " + " | ".join(heads) + " |", "| --- | --- |" + " ---: |" * (len(heads) - 2)]
    lines += [cell.tally.text(cell.case) for cell in made if cell.tally.trials]
    lines += [
        "",
        f"Verdicts, the right ones bold. Unless stated otherwise: 10⁶ photons, lifetime {LIFETIME_NS:g} ns, pulses "
        f"every {PERIOD_NS:g} ns, {EXCITATION:g} excitons per pulse and emitter, a fifth of the photons detected, 2 % "
        f"background, g²(0) of {RATIO:g} for a single emitter, equal emitters that do not blink; annihilation and "
        "energy transfer are ten times faster than the decay. A verdict needs a probability of 0.95. No recordings of "
        "single emitters are given as a reference.",
    ]
    return lines


def copies_table(made: list[Copies]) -> list[str]:
    """Lines of the table of shifted copies."""
    return [
        "| copies | sets | number in its interval | median number (interval) | wrong verdicts "
        "| number in the interval of 1 / (1 - g²) | 1 / (1 - g²) relative to side peaks |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(each.text() for each in made if each.results),
        "",
        "Copies of a measured single emitter that blinks within 3 µs, at random shifts.",
    ]


def main() -> int:
    """Print the tables; with ``--write`` store them for the documentation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sets", type=int, default=10, help="sets of shifted copies in a round")
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--write", action="store_true", help="store the tables in docs/_generated")
    options = parser.parse_args()
    data = os.environ.get("QDMOL_DATA")
    single = read_photons(Path(data) / MEASURED) if data else None
    made, copied = cells(options.seed), [Copies(number) for number in COPIES]
    for round_ in range(options.rounds):
        for cell in made:
            cell.add(round_)
            print(cell.tally.text(cell.case), f"{time.process_time():.0f} s", flush=True)
        lines = simulated_table(made)
        if single is not None:
            for each in copied:
                each.add(single, options.sets, options.seed)
                print(each.text(), f"{time.process_time():.0f} s", flush=True)
            lines += ["", *copies_table(copied)]
        given = f"--rounds {round_ + 1} --sets {options.sets} --seed {options.seed}"
        text = "\n".join([*lines, "", f"Made by `python -m benchmarks.emitters {given} --write`.", ""])
        if options.write:
            TABLE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
