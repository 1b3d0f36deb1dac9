"""The perovskite dot in `perovskite_dot_segments`: what was published of it, in units of this project.

Only processed files are there: change points, a fit of each segment, distributions. `redrawn` puts photons back at
random times within the segments, with delays of the fitted lifetimes.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tests.photons.generators import in_memory

from qdmol.analysis.blinking.values import Segments
from qdmol.photons import PhotonStream, Records

BIN_S = 0.16461e-9
PERIOD_NS = 100.0


@dataclass(frozen=True, slots=True, eq=False)
class PublishedDot:
    """Published numbers.

    Attributes
    ----------
    edges_s : float (n + 1,)
        Ends of the recording and change points.
    photons : int (n,)
        Of each segment.
    lifetime_ns : float (n,)
        Inverse of the fitted decay rate.
    flid : float (70, 70)
        Intensity by lifetime, each segment weighted by its duration.
    flid_ends : (float, float)
        Largest lifetime in ns and intensity in Hz of `flid`, which begins at 0.
    exponent : float
        Of the long tail of the segment durations, by least squares on a logarithmic histogram.
    tail_s : float
        Where that tail begins.
    histogram : float (m, 2)
        log10 of duration in s, and log10 of the segments per s of duration.
    correlation_exponent, correlation_cutoff_s : float
        Fit A t^-C exp(-B t) to the autocorrelation of the intensity: C, and 1 / B.
    """

    edges_s: np.ndarray
    photons: np.ndarray
    lifetime_ns: np.ndarray
    flid: np.ndarray
    flid_ends: tuple[float, float]
    exponent: float
    tail_s: float
    histogram: np.ndarray
    correlation_exponent: float
    correlation_cutoff_s: float

    @property
    def durations_s(self) -> np.ndarray:
        """Length of each segment (n,) in s."""
        return np.diff(self.edges_s)

    @property
    def rate_hz(self) -> np.ndarray:
        """Intensity of each segment (n,) in Hz."""
        return self.photons / self.durations_s

    def segments(self, level: np.ndarray) -> Segments:
        """Segments with these levels (n,); errors of lifetimes are those of so many photons without background."""
        error = 1.96 * self.lifetime_ns / np.sqrt(np.maximum(self.photons, 1))
        return Segments(
            self.edges_s, self.photons, level, self.lifetime_ns, self.lifetime_ns - error, self.lifetime_ns + error
        )


def read_published(folder: Path) -> PublishedDot:
    """Read the folder."""
    bounds = np.loadtxt(folder / "segmentbounds.txt")
    fits = np.genfromtxt(folder / "segment_fit_data.csv", skip_header=6, delimiter=",")
    lines = (folder / "FLID.txt").read_text().splitlines()
    ends = [float(value) for value in lines[0].split("(")[-1].rstrip(") ").split(",")]
    start = lines.index("Duration Priority") + 1
    text = (folder / "switchinghist.txt").read_text()
    exponent = float(re.search(r"long tail of this dot: (\S+)", text)[1])
    first = int(re.search(r"slope is powerlaw: (\d+)", text)[1])
    rows = [line.split() for line in text.split("log(ydata)")[1].splitlines() if line.strip()]
    histogram = np.array(rows, dtype=float)
    fitted = re.search(r"\n\[(\S+) (\S+) (\S+)\]", (folder / "Houel_autocorr.txt").read_text())
    _, rate, power = (float(value) for value in fitted.groups())
    return PublishedDot(
        edges_s=bounds[:, 1] * BIN_S,
        photons=np.diff(bounds[:, 0]).astype(np.int64),
        lifetime_ns=1.0 / fits[:, 1],
        flid=np.loadtxt(lines[start : start + 70]),
        flid_ends=(ends[1], ends[3]),
        exponent=exponent,
        tail_s=float(10.0 ** histogram[first, 0]),
        histogram=histogram,
        correlation_exponent=power,
        correlation_cutoff_s=1.0 / rate,
    )


def redrawn(dot: PublishedDot, rng: np.random.Generator) -> PhotonStream:
    """T3: as many photons in each segment as published, at random times, delays exponential, two detectors."""
    place = np.repeat(np.arange(len(dot.photons)), dot.photons)
    times = dot.edges_s[place] + rng.random(len(place)) * dot.durations_s[place]
    pulse = np.floor(times * 1e9 / PERIOD_NS).astype(np.int64)
    delay = 5.0 + rng.exponential(np.clip(dot.lifetime_ns, 0.05, 1e3)[place])
    late = np.floor(delay / PERIOD_NS).astype(np.int64)
    pulse, delay = pulse + late, delay - late * PERIOD_NS
    order = np.lexsort((delay, pulse))
    records = Records(
        pulse[order], rng.integers(0, 2, len(order)).astype(np.uint8), (delay[order] / (BIN_S * 1e9)).astype(np.uint32)
    )
    return in_memory(
        records, mode="T3", tick_ps=BIN_S * 1e12, sync_period_ps=1e3 * PERIOD_NS, duration_s=float(dot.edges_s[-1])
    )
