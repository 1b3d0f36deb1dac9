"""Stated errors against true ones: the rows, the table and the command line that calibrations share."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

__all__ = ["Row", "run", "table"]

HEAD = (
    "| kind | systems | outside the stated error | worst true/stated | median stated/true |\n"
    "| --- | --- | --- | --- | --- |"
)


@dataclass
class Row:
    """Numbers of one kind: systems, and the ratio of true to stated error of every number."""

    kind: str
    systems: int = 0
    ratios: list[float] = field(default_factory=list)

    def add(self, true: Iterable[float], stated: Iterable[float]) -> None:
        """Add the numbers of one system."""
        self.systems += 1
        self.ratios += [abs(off) / error for off, error in zip(true, stated, strict=True)]

    @property
    def outside(self) -> int:
        """How many numbers are farther from the truth than stated."""
        return int(np.count_nonzero(np.array(self.ratios) > 1))

    @property
    def worst(self) -> float:
        """Largest ratio of true to stated error."""
        return max(self.ratios)

    @property
    def median(self) -> float:
        """Median of stated over true error."""
        return float(1 / np.median(self.ratios))

    def __str__(self) -> str:
        share = f"{self.outside} of {len(self.ratios)}"
        return f"| {self.kind} | {self.systems} | {share} | {self.worst:.2f} | {self.median:.1f} |"


def table(rows: Iterable[Row], command: str) -> str:
    """The rows as Markdown, the command that made them below."""
    return "\n".join([HEAD, *map(str, rows), "", f"Made by `{command}`."]) + "\n"


def run(name: str, calibrate: Callable[[int, int], list[Row]], *, count: int) -> None:
    """Print the table of a calibration; with --write store it."""
    path = Path(__file__).parents[2] / "docs" / "_generated" / f"calibration-{name}.md"
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.calibration.{name}")
    parser.add_argument("--count", type=int, default=count, help="systems")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help=f"store the table in {path.name}")
    options = parser.parse_args()
    started = time.process_time()
    command = f"python -m benchmarks.calibration.{name} --count {options.count} --seed {options.seed}"
    text = table(calibrate(options.count, options.seed), command)
    print(text)
    print(f"{time.process_time() - started:.0f} s of processor time")
    if options.write:
        path.write_text(text)
