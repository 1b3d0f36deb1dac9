"""Time of a 20 x 20 map, cold and again: `python -m benchmarks.maps` writes the table of `docs/maps.md`."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TABLE = Path(__file__).parents[1] / "docs" / "_generated" / "maps.md"
AXES = ("--axis", "core_diameter=2nm:4.4nm:20", "--axis", "barrier=0.6nm:4nm:20")
WORKERS = 2
# What is computed at every point, and the limit (s) that the project sets itself for a cold map.
CASES = {
    "two electron levels, no Coulomb": ({"electrons": 2, "holes": 0, "coulomb": "none", "tolerance": 0.1}, 8.0),
    "two electron levels, one hole level, self-consistent": ({"electrons": 2, "holes": 1, "tolerance": 0.1}, 30.0),
}
AGAIN_LIMIT, AGAIN_RUNS = 1.0, 5


def spec_text(calculation: dict[str, object]) -> str:
    """The shipped homodimer with another calculation."""
    from qdmol.structure import read_spec, spec_mapping

    return json.dumps({**spec_mapping(read_spec("@homodimer")), "calculation": calculation})


def used() -> float:
    """Processor time (s) of every process that this one has waited for."""
    times = os.times()
    return times.children_user + times.children_system


def timed(folder: Path) -> tuple[float, float]:
    """Wall and processor time (s) of the command, start-up and all."""
    command = [sys.executable, "-m", "qdmol", "map", "spec.json", *AXES, "-o", "map.nc", "--quiet"]
    started, before = time.perf_counter(), used()
    subprocess.run([*command, "--workers", str(WORKERS)], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started, used() - before


def measure(calculation: dict[str, object]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Cold, and the best of a few times again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "spec.json").write_text(spec_text(calculation), encoding="utf-8")
        return timed(folder), min(timed(folder) for _ in range(AGAIN_RUNS))


def main() -> int:
    """Measure, write, and say whether every limit is kept."""
    rows, kept = [], True
    for name, (calculation, limit) in CASES.items():
        cold, again = measure(calculation)
        kept &= cold[0] < limit and again[0] < AGAIN_LIMIT
        cells = [f"{cold[0]:.1f} s", f"{cold[1]:.1f} s", f"{limit:.0f} s"]
        cells += [f"{again[0]:.2f} s", f"{again[1]:.2f} s", f"{AGAIN_LIMIT:.0f} s"]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    text = "\n".join(
        [
            "| each point | cold | processors | limit | again | processors | limit |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
            f"{WORKERS} workers on {os.cpu_count()} cores ({platform.machine()}){load}; wall time of the command, "
            "and the processor time it and its workers took.",
            "",
        ]
    )
    TABLE.write_text(text, encoding="utf-8")
    print(text)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
