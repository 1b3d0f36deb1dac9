"""Monomer, unfused and fused as ensembles: `python -m benchmarks.samples` writes table and figure of the docs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from qdmol.plot import draw_spectra
from qdmol.plot.style import paper_style
from qdmol.prediction import Spectra, predict_spectra
from qdmol.results import format_measured
from qdmol.structure import read_spec, spec_mapping

DOCS = Path(__file__).parents[1] / "docs"
TABLES, FIGURE = DOCS / "_generated" / "samples.md", DOCS / "images" / "spectra.png"
SAMPLES = {"1.2/2.1": "small-sample", "1.4/2.1": "homodimer", "1.9/4.0": "large-sample"}
SHOWN = "1.4/2.1"
SPREAD = {"members": 1000, "core_radius": "5 %", "shell_thickness": "5 %", "neck": "5 %"}


def predicted(example: str, folder: Path) -> Spectra:
    """A shipped example as an ensemble of dimers."""
    spec = spec_mapping(read_spec(f"@{example}")) | {"ensemble": SPREAD}
    return predict_spectra(spec, folder=folder, workers=2, progress=lambda text: print(example, text, file=sys.stderr))


def row(sample: Mapping[str, Any], name: str) -> list[str]:
    """A sample: peaks, widths, ratio, lifetime."""
    return [
        name,
        sample["sample"],
        measured(sample, "absorption_peak", "eV", error=1e-3 * sample["absorption_peak_error_meV"]),
        measured(sample, "absorption_width", "meV"),
        measured(sample, "emission_peak", "eV", error=1e-3 * sample["emission_peak_error_meV"]),
        measured(sample, "emission_width", "meV"),
        format_measured(sample["ratio_edge_to_300nm"], sample["ratio_edge_to_300nm_error"], ""),
        measured(sample, "radiative_lifetime", "ns"),
    ]


def measured(numbers: Mapping[str, Any], key: str, unit: str, *, error: float | None = None) -> str:
    """A number with its error."""
    value = numbers[f"{key}_{unit}"]
    return format_measured(value, numbers[f"{key}_error_{unit}"] if error is None else error, "")


def change_row(change: Mapping[str, Any], name: str) -> list[str]:
    """From one sample to another: shifts, broadenings, ratios."""
    shifts = [f"{word}_{light}" for light in ("absorption", "emission") for word in ("redshift", "broadening")]
    ratios = [format_measured(change[key], change[f"{key}_error"], "") for key in ("lifetime_ratio", "band_edge_ratio")]
    return [name, f"{change['from']} to {change['to']}", *(measured(change, key, "meV") for key in shifts), *ratios]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> int:
    """Solve, write, and print the tables."""
    with TemporaryDirectory() as folder:
        found = {name: predicted(example, Path(folder)) for name, example in SAMPLES.items()}
    samples = [row(one, name) for name, spectra in found.items() for one in spectra.summary["samples"]]
    changes = [change_row(one, name) for name, spectra in found.items() for one in spectra.summary["changes"]]
    misfits = [
        [name, one["sample"], str(one["solved_shapes"]), f"{100 * one['error_relative']:.1f} %",
         f"{one['absorption_peak_error_meV']:.2f}", f"{one['emission_peak_error_meV']:.2f}"]
        for name, spectra in found.items() for one in spectra.summary["ensemble"]["samples"]
    ]  # fmt: skip
    text = "\n\n".join(
        [
            table(
                ["core/shell (nm)", "sample", "absorption (eV)", "width (meV)", "emission (eV)", "width (meV)",
                 "edge / 300 nm", "radiative lifetime (ns)"], samples,
            ),
            table(
                ["core/shell (nm)", "change", "absorption to the red (meV)", "broader by (meV)",
                 "emission to the red (meV)", "broader by (meV)", "lifetime, ratio", "band edge's strength, ratio"],
                changes,
            ),
            "What the polynomial through the solved shapes gets wrong:",
            table(
                ["core/shell (nm)", "sample", "shapes", "absorption at the edge, a particle", "its peak (meV)",
                 "emission's peak (meV)"], misfits,
            ),
        ]
    )  # fmt: skip
    TABLES.write_text(text + "\n", encoding="utf-8")
    with paper_style():
        draw_spectra(found[SHOWN]).figure.savefig(FIGURE, dpi=200)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
