"""What a figure of spectra draws: curves of each sample and measured ones, normalised, with their colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from qdmol.report.drawing import Table
from qdmol.report.solution import Floats, values
from qdmol.report.style import BLACK, BLUE, GREEN, VERMILLION
from qdmol.study.spectra.overlay import BLUE_NM, Overlay, SpectraLike
from qdmol.units import HC_EV_NM

__all__ = ["COLOURS", "At", "Shown", "curve_tables", "shown_samples"]

At = Literal["edge", "300nm"]

COLOURS = {"monomer": BLUE, "unfused": GREEN, "fused": VERMILLION}


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """Curves of one sample in rising wavelength (n,), nm: absorption and its error in cm², emission in 1/nm.

    `members` (2, n) are the 16 and 84 % quantiles over an ensemble, None without one; `edge` and `blue` the absorption
    at the band edge and at 300 nm, NaN where there is none.
    """

    name: str
    wavelength: Floats
    absorption: Floats
    error: Floats
    members: Floats | None
    emission: Floats
    edge: float
    blue: float

    @property
    def colour(self) -> str:
        """Of the sample, in every panel."""
        return COLOURS.get(self.name, BLACK)

    def unit(self, at: At) -> float:
        """The absorption (cm²) that is drawn as 1."""
        return self.edge if at == "edge" else self.blue


def shown_samples(spectra: SpectraLike) -> tuple[Shown, ...]:
    """The curves of every sample, in the order of the summary."""
    return tuple(_shown(spectra, sample) for sample in spectra.summary["samples"])


def _shown(spectra: SpectraLike, sample: object) -> Shown:
    assert isinstance(sample, dict)
    name = str(sample["sample"])
    data = spectra.data.sel(sample=name)
    back = slice(None, None, -1)  # rising energy is falling wavelength
    energy, absorption = values(data, "energy"), values(data, "absorption")
    members = None
    if "absorption_members" in data:
        bands = data["absorption_members"].transpose("quantile", "energy").values
        members = np.asarray(bands, dtype=float)[[0, -1]][:, back]
    peak = sample["absorption_peak_eV"]
    inside = energy[0] <= HC_EV_NM / BLUE_NM <= energy[-1]
    return Shown(
        name,
        HC_EV_NM / energy[back],
        absorption[back],
        values(data, "absorption_error")[back],
        members,
        values(data, "emission_per_nm")[back],
        float("nan") if peak is None else float(np.interp(peak, energy, absorption)),
        float(np.interp(HC_EV_NM / BLUE_NM, energy, absorption)) if inside else float("nan"),
    )


def curve_tables(spectra: SpectraLike, samples: Sequence[Shown], overlays: Sequence[Overlay]) -> tuple[Table, ...]:
    """Every curve with its units: one table a sample, one of the lines, one a measured curve."""
    found = [_sample_table(spectra, one) for one in samples]
    data = spectra.data
    if "line_energy" in data:
        energy = values(data, "line_energy")
        header = ("sample", "energy (eV)", "error (meV)", "wavelength (nm)", "oscillator strength")
        columns = (
            [str(name) for name in data["line_sample"].values], energy, values(data, "line_error"), HC_EV_NM / energy,
            values(data, "line_strength"),
        )  # fmt: skip
        found.append(Table("spectrum_lines", header, columns))
    return (*found, *(_measured_table(one, number) for number, one in enumerate(overlays, start=1)))


def _sample_table(spectra: SpectraLike, one: Shown) -> Table:
    header = (
        "wavelength (nm)", "energy (eV)", "absorption (cm2)", "error of absorption (cm2)", "absorption over band edge",
        "absorption over 300 nm", "emission (1/nm)", "emission (1/eV)",
    )  # fmt: skip
    per_eV = values(spectra.data.sel(sample=one.name), "emission")[::-1]  # noqa: N806  # the unit's own letters
    columns = (
        one.wavelength, HC_EV_NM / one.wavelength, one.absorption, one.error, one.absorption / one.edge,
        one.absorption / one.blue, one.emission, per_eV,
    )  # fmt: skip
    return Table(f"spectrum_{one.name}", header, columns)


def _measured_table(one: Overlay, number: int) -> Table:
    curve, laid = one.curve, one.laid()
    wavelength, measured = curve.good
    unit = "cm2" if curve.quantity == "absorption" else "1/nm"
    header = ("wavelength (nm)", "energy (eV)", "measured", f"laid on the prediction ({unit})")
    on = np.full(len(wavelength), np.nan) if laid is None else laid[1]
    return Table(
        f"measured{number}_{one.sample}_{curve.quantity}", header, (wavelength, HC_EV_NM / wavelength, measured, on)
    )
