"""How often the intervals of g2 hold the true value, over lifetimes, photon numbers and kinds of light.

Pulsed recordings (T3, two channels) of an emitter with g2(0) = 0.2 and a tenth of background are drawn and analysed as
`qdmol photons analyze` does, with the background estimated from the recording itself. Continuous light is drawn as
histograms of pairs with a dip or a peak.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis import G2, PairHistogram, measure_g2
from qdmol.analysis.background import estimate_background
from qdmol.errors import QdmolError
from qdmol.photons import ArraySource, PhotonStream, Provenance, Records

__all__ = ["continuous_cases", "draw_dip", "draw_emitter", "main", "pulsed_cases"]

COMMAND = "python -m benchmarks.calibration.g2_coverage"
TABLE = Path(__file__).parents[2] / "docs" / "_generated" / "calibration-g2_coverage.md"
LIFETIMES = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0)  # over the pulse period
PHOTONS = (1_000, 10_000, 100_000, 1_000_000)
TRUE, BACKGROUND, BRIGHTNESS, PERIOD_NS = 0.2, 0.1, 0.03, 100.0
# value at zero delay, time constant in ns, pairs a bin of 2 ns, height and time constant of a shoulder
LIGHT = (
    (2.0, 20.0, 12.0, 0.0, 100.0),
    (2.0, 60.0, 24.0, 0.0, 100.0),
    (1.2, 20.0, 200.0, 0.0, 100.0),
    (0.0, 15.0, 20.0, 0.0, 100.0),
    (0.1, 5.0, 60.0, 0.0, 100.0),
    (0.3, 40.0, 40.0, 0.0, 100.0),
    (0.3, 8.0, 150.0, 0.5, 80.0),
)


def _some_pulses(rng: np.random.Generator, pulses: int, chance: float) -> NDArray[np.int64]:
    """Pulses, each with a probability of `chance`, none twice."""
    number = int(pulses * chance + 10.0 * np.sqrt(pulses * chance) + 50)
    found = np.cumsum(rng.geometric(chance, number)) - 1
    return np.asarray(found[found < pulses], dtype=np.int64)


def draw_emitter(
    rng: np.random.Generator,
    *,
    photons: float,
    lifetime: float,
    ratio: float = TRUE,
    background: float = BACKGROUND,
    brightness: float = BRIGHTNESS,
    period_ns: float = PERIOD_NS,
) -> PhotonStream:
    """Draw a T3 recording of a steady emitter: `lifetime` in periods, `background` a share of all photons.

    A pulse gives two photons with half of `ratio` times the square of the `brightness`, so that pairs of one pulse are
    `ratio` times those of two.
    """
    tick_ps = 64.0
    pulses = int(photons * (1.0 - background) / brightness)
    double = 0.5 * ratio * brightness**2
    lit = _some_pulses(rng, pulses, brightness - double)
    both = rng.random(len(lit)) < double / (brightness - double)
    ones, twos = lit[~both], lit[both]
    dark = rng.poisson(background * photons)
    times = np.concatenate([ones, twos, twos, rng.integers(0, pulses, dark)])
    signal = len(times) - dark
    delays = 0.1 * period_ns + rng.normal(0.0, 0.15, signal) + rng.exponential(lifetime * period_ns, signal)
    delays = np.concatenate([delays, rng.random(dark) * period_ns])
    late = np.floor(delays / period_ns).astype(np.int64)
    times, delays = times + late, delays - late * period_ns
    order = np.lexsort((delays, times))
    records = Records(
        times=times[order],
        channels=rng.integers(0, 2, len(times)).astype(np.uint8),
        delays=(delays[order] * 1e3 / tick_ps).astype(np.uint32),
    )
    source = Provenance("drawn", "T3")
    return PhotonStream("T3", tick_ps, ArraySource(records), source, sync_period_ps=period_ns * 1e3)


def draw_dip(
    rng: np.random.Generator, *, ratio: float, rise_ns: float, level: float, shoulder: float, shoulder_ns: float
) -> PairHistogram:
    """Draw pairs under continuous light, `level` a bin of 2 ns at long lags, the zero delay at 3.3 ns."""
    lag = np.arange(-500.0, 501.0, 2.0)
    away = np.abs(lag - 3.3)
    shape = 1 + shoulder * np.exp(-away / shoulder_ns) - (1 + shoulder) * (1 - ratio) * np.exp(-away / rise_ns)
    return PairHistogram(counts=rng.poisson(level * shape), bin_width_ns=2.0, first_lag_ns=-500.0)


def _measured(stream: PhotonStream) -> G2 | None:
    try:
        return measure_g2(stream, channels=(0, 1), background=estimate_background(stream))
    except QdmolError:
        return None


def _inside(found: G2, name: str, truth: float) -> bool:
    return bool(getattr(found, f"{name}_low") <= truth <= getattr(found, f"{name}_high"))


def pulsed_cases(
    count: int, seed: int, *, lifetimes: tuple[float, ...] = LIFETIMES, photons: tuple[int, ...] = PHOTONS
) -> Iterator[tuple[str, int, int, int, int]]:
    """Give case, trials, refused ones, and how many intervals of `side` and of `poisson` hold the truth."""
    for number in photons:
        trials = max(count * 10_000 // max(number, 10_000), 4)
        for lifetime in lifetimes:
            rng = np.random.default_rng([seed, number, round(1000 * lifetime)])
            found = [_measured(draw_emitter(rng, photons=number, lifetime=lifetime)) for _ in range(trials)]
            told = [one for one in found if one is not None]
            inside = [sum(_inside(one, name, TRUE) for one in told) for name in ("side", "poisson")]
            yield f"pulsed, τ/T {lifetime:g}, {number:,} photons", len(told), trials - len(told), inside[0], inside[1]


def continuous_cases(count: int, seed: int) -> Iterator[tuple[str, int, int, int]]:
    """Give case, trials, refused ones, and how many intervals hold the truth."""
    for k, (ratio, rise, level, shoulder, decay) in enumerate(LIGHT):
        rng = np.random.default_rng([seed, k])
        inside = refused = 0
        for _ in range(count):
            pairs = draw_dip(rng, ratio=ratio, rise_ns=rise, level=level, shoulder=shoulder, shoulder_ns=decay)
            try:
                inside += _inside(measure_g2(pairs, method="continuous"), "side", ratio)
            except QdmolError:
                refused += 1
        beside = f", shoulder {shoulder:g}, {decay:g} ns" if shoulder else ""
        yield f"continuous, g2(0) {ratio:g}, {rise:g} ns{beside}", count - refused, refused, inside


def table(count: int, seed: int) -> str:
    """Return the Markdown table."""
    lines = [
        "| case | trials | refused | coverage of side (%) | coverage of poisson (%) |",
        "| --- | --- | --- | --- | --- |",
    ]
    whole = [0, 0, 0]
    for case, trials, refused, side, poisson in pulsed_cases(count, seed):
        lines.append(f"| {case} | {trials} | {refused} | {100 * side / trials:.1f} | {100 * poisson / trials:.1f} |")
        whole = [sum(pair) for pair in zip(whole, (trials, side, poisson), strict=True)]
        print(lines[-1], flush=True)
    lines.append(f"| pulsed, all | {whole[0]} | | {100 * whole[1] / whole[0]:.1f} | {100 * whole[2] / whole[0]:.1f} |")
    for case, trials, refused, side in continuous_cases(max(count // 2, 4), seed):
        lines.append(f"| {case} | {trials} | {refused} | {100 * side / max(trials, 1):.1f} | |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def main() -> None:
    """Print the table; with ``--write`` store it for the documentation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="recordings of up to 10,000 photons in each case")
    parser.add_argument("--seed", type=int, default=300)
    parser.add_argument("--write", action="store_true", help="store the table in docs/_generated")
    asked = parser.parse_args()
    text = table(asked.count, asked.seed)
    print(text)
    if asked.write:
        TABLE.write_text(
            f"{text}\n\nMade by `{COMMAND} --count {asked.count} --seed {asked.seed}`.\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
