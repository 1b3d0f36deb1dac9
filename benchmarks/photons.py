"""Speed of the photon wing beside others in the same run: `python -m benchmarks.photons` writes the table of the docs.

With `--large` also memory and time on a file of 2 GB, which takes some minutes.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from tests.photons import generators as make

from qdmol.analysis import correlate_log, pair_histogram
from qdmol.photons import read_photons

TABLE = Path(__file__).parents[1] / "docs" / "_generated" / "photons.md"
PHOTONS = 10_000_000
DURATION_S = 100.0
RUNS = 3
WINDOW_NS, BIN_NS = 1000.0, 1.0
# Millions of photons a second, and seconds, that the project sets itself.
READ_LIMIT, LINEAR_LIMIT, LOG_LIMIT, ANALYZE_LIMIT, LARGE_LIMIT_MB = 50.0, 100.0, 10.0, 20.0, 1000.0
# The command, and its own peak memory (MB): what a parent sees of a child holds what the parent had itself.
MEASURED = """
import pathlib, resource, sys
from qdmol.cli.entry import run_command

status = run_command(sys.argv[2:])
own = pathlib.Path("/proc/self/status")
if own.exists():
    lines = own.read_text().splitlines()
    peak = next(int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM"))
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
pathlib.Path(sys.argv[1]).write_text(f"{peak:.1f}")
sys.exit(status)
"""
T2, T3 = make.HYDRAHARP_T2, make.HYDRAHARP_T3


@dataclass(frozen=True)
class Row:
    """A line of the table: what was done, by whom, in which best time (s), and the limit that it is held to."""

    what: str
    who: str
    seconds: float
    limit: float | None = None
    photons: int = PHOTONS

    @property
    def speed(self) -> float:
        """Millions of photons a second."""
        return self.photons / self.seconds / 1e6

    @property
    def kept(self) -> bool:
        """Whether the limit is kept, if there is one."""
        return self.limit is None or self.speed > self.limit

    def text(self) -> str:
        """The line."""
        limit = "" if self.limit is None else f"{self.limit:.0f}"
        return f"| {self.what} | {self.who} | {self.seconds:.2f} s | {self.speed:.3g} | {limit} |"


def best(job: Callable[[], object], runs: int = RUNS) -> float:
    """Shortest of a few times (s); the first run, which compiles, does not count."""
    job()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        job()
        times.append(time.perf_counter() - started)
    return min(times)


def write_files(folder: Path) -> dict[str, Path]:
    """Ten million photons as T2 (Poisson light) and T3 (a pulsed single emitter that blinks)."""
    rng = np.random.default_rng(5)
    rate = PHOTONS / DURATION_S
    poisson = make.poisson_stream(rng, rate_hz=rate, duration_s=DURATION_S)
    pulsed = make.blinking_stream(rng, rate_hz=2 * rate, duration_s=DURATION_S, background_hz=500.0)
    return {
        "T2": make.write_ptu(folder / "t2.ptu", poisson, kind=T2),
        "T3": make.write_ptu(folder / "t3.ptu", pulsed, kind=T3),
    }


def read_all(path: Path) -> int:
    """Go through a file as every analysis does; the number of photons."""
    return sum(len(part) for part in read_photons(path).chunks())


def reading(name: str, path: Path) -> list[Row]:
    """Reading beside ptufile and tttrlib, both of which return whole files."""
    photons = read_all(path)
    what = f"read a {name} PTU file"
    rows = [Row(what, "qdmol, in pieces", best(lambda: read_all(path)), READ_LIMIT, photons)]
    if importlib.util.find_spec("ptufile"):
        import ptufile

        def by_ptufile() -> object:
            with ptufile.PtuFile(path) as file:
                return file.decode_records()

        rows.append(Row(what, "ptufile", best(by_ptufile), photons=photons))
    if importlib.util.find_spec("tttrlib"):
        import tttrlib

        rows.append(Row(what, "tttrlib", best(lambda: tttrlib.TTTR(str(path), "PTU")), photons=photons))
    return rows


def linear_numpy(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """All pairs within the window with NumPy alone: two searches, one repeat."""
    window, width = int(1e3 * WINDOW_NS), int(1e3 * BIN_NS)
    low, high = np.searchsorted(second, first - window), np.searchsorted(second, first + window, side="right")
    number = high - low
    start = np.repeat(low - np.concatenate([[0], np.cumsum(number)[:-1]]), number)
    lags = second[np.arange(number.sum()) + start] - np.repeat(first, number)
    return np.bincount((lags + window) // width, minlength=2 * window // width + 1)


def log_numpy(first: np.ndarray, second: np.ndarray, *, tick_ps: int = 1_000_000, points: int = 16) -> list[float]:
    """A multiple-tau correlation with NumPy: counts in bins of 1 µs, sixteen lags, bins twice as wide, and so on."""
    bins = int(max(first[-1], second[-1]) // tick_ps) + 1
    one, two = (np.bincount(times // tick_ps, minlength=bins).astype(np.float32) for times in (first, second))
    found = []
    while len(one) > 4 * points:
        level = float(one.mean() * two.mean())
        found += [float(one[:-lag] @ two[lag:]) / (len(one) - lag) / level for lag in range(points // 2, points)]
        whole = len(one) // 2 * 2
        one, two = (series[:whole].reshape(-1, 2).sum(axis=1) for series in (one, two))
    return found


def correlating(path: Path) -> list[Row]:
    """Linear and logarithmic correlation of photons in memory, beside NumPy."""
    records = read_photons(path).load()
    stream = make.in_memory(records, mode="T2", tick_ps=1.0, duration_s=DURATION_S)
    first, second = (records.times[records.channels == channel] for channel in (0, 1))
    linear = f"g² of two channels, ±{WINDOW_NS / 1e3:g} µs in bins of {BIN_NS:g} ns"
    ours = pair_histogram(stream, window_ns=WINDOW_NS, bin_width_ns=BIN_NS)
    counted = int(linear_numpy(first, second).sum())
    if abs(ours.pairs - counted) > 0.01 * counted:
        message = f"{ours.pairs} pairs, NumPy {counted}"
        raise RuntimeError(message)
    decades, wider = "correlation of two channels from 10 ns to 10 s", "the same from 8 µs, bins of 1 µs and wider"
    by_pairs = best(lambda: pair_histogram(stream, window_ns=WINDOW_NS, bin_width_ns=BIN_NS))
    by_lag = best(lambda: correlate_log(stream, lag_min_ns=10.0, lag_max_s=10.0))
    return [
        Row(linear, "qdmol", by_pairs, LINEAR_LIMIT),
        Row(linear, "NumPy, searchsorted", best(lambda: linear_numpy(first, second), 1)),
        Row(decades, "qdmol", by_lag, LOG_LIMIT),
        Row(wider, "NumPy, multiple tau", best(lambda: log_numpy(first, second), 1)),
    ]


def analyze(path: Path, *, cache: Path | None = None) -> tuple[float, float]:
    """Wall time (s) and peak memory (MB) of the command, with its start-up, page and NetCDF file."""
    page, peak = str(path.with_suffix(".html")), path.with_suffix(".peak")
    command = [sys.executable, "-c", MEASURED, str(peak), "photons", "analyze", str(path), "-o", page, "--json", "-q"]
    extra = {} if cache is None else {"NUMBA_CACHE_DIR": str(cache)}
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **extra})
    return time.perf_counter() - started, float(peak.read_text())


def small_file(folder: Path) -> Path:
    """A recording of a second: its first analysis is nearly all compiling."""
    stream = make.blinking_stream(np.random.default_rng(6), rate_hz=1e5, duration_s=1.0)
    return make.write_ptu(folder / "small.ptu", stream, kind=T3)


def large_file(folder: Path) -> Path:
    """The same stretch of a recording over and over, an overflow later each time, to 2 GB."""
    stream = make.blinking_stream(np.random.default_rng(8), rate_hz=1e6, duration_s=20.0)
    words = np.concatenate([make.encode(stream.load(), T3), np.array([0xFE000001], dtype=np.uint32)])
    copies = -(-int(2e9) // (4 * len(words)))
    entries = make.ptu_entries(T3, copies * len(words), tick_ps=16.0, sync_period_ps=200_000.0)
    path = folder / "large.ptu"
    with path.open("wb") as file:
        file.write(make.ptu_bytes(words, entries))
        for _ in range(copies - 1):
            file.write(words.tobytes())
    return path


def whole_runs(folder: Path, files: dict[str, Path], *, large: bool) -> tuple[list[str], bool]:
    """Sentences on the whole command, and whether its limits are kept."""
    small = small_file(folder)
    cold = analyze(small, cache=folder / "cache")[0]
    warm = analyze(small)[0]
    seconds, memory = min(analyze(files["T3"]) for _ in range(2))
    photons = read_all(files["T3"])
    said = [
        f"`qdmol photons analyze` of {photons / 1e6:.1f} million photons, with start-up, page and NetCDF file: "
        f"**{seconds:.1f} s**, {memory:.0f} MB (limit {ANALYZE_LIMIT:.0f} s).",
        f"Of a recording of one second: {warm:.1f} s; the first time, when all loops are compiled, {cold:.0f} s.",
    ]
    kept = seconds < ANALYZE_LIMIT
    if large:
        path = large_file(folder)
        gigabytes, photons = path.stat().st_size / 1e9, read_all(path)
        seconds, memory = analyze(path)
        said.append(
            f"Of a file of {gigabytes:.1f} GB ({photons / 1e6:.0f} million photons): {seconds:.0f} s, {memory:.0f} MB."
        )
        kept &= memory < LARGE_LIMIT_MB
    return said, kept


def main(arguments: list[str]) -> int:
    """Measure, write, and say whether every limit is kept."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_files(folder)
        rows = [row for kind, path in files.items() for row in reading(kind, path)]
        rows += correlating(files["T2"])
        said, kept = whole_runs(folder, files, large="--large" in arguments)
    load = f"; load of the machine {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    machine = f"{os.cpu_count()} cores ({platform.machine()}){load}"
    note = f"Best of {RUNS} runs, compiled, {datetime.now(UTC):%d %B %Y}, {machine}."
    head = ["| job | by | time | million photons a second | limit |", "| --- | --- | ---: | ---: | ---: |"]
    text = "\n".join([*head, *(row.text() for row in rows), "", " ".join(said), "", note, ""])
    partial = TABLE.with_suffix(".part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(TABLE)
    print(text)
    return 0 if kept and all(row.kept for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
