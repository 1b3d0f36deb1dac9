"""Numbers read off a sample's spectrum, and their errors from what the spectrum would be otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qdmol.prediction.ensembles import Misfit
from qdmol.prediction.measures import band_edge_area, edge_peak, emission_peak, value_at
from qdmol.prediction.molecules import EXCITED_AT
from qdmol.prediction.values import SampleSpectrum


def read_numbers(spectrum: SampleSpectrum) -> dict[str, float]:
    """Absorption peak, its width (eV), height (nm²) and area (eV nm²); emission peak (eV), wavelength (nm), width (eV);
    cross-section at 300 nm, `blue` (nm²), and the band edge's over it; radiative lifetime (ns).
    """
    edge = edge_peak(spectrum.grid, spectrum.absorption)
    peak = emission_peak(spectrum.grid, spectrum.emission)
    blue = value_at(spectrum.grid, spectrum.absorption, EXCITED_AT)
    return {
        "absorption_peak": edge.energy,
        "absorption_width": edge.width,
        "height": edge.height,
        "emission_peak": peak.energy,
        "emission_wavelength": peak.wavelength,
        "emission_width": peak.width,
        "blue": blue,
        "ratio": edge.height / blue,
        "area": band_edge_area(spectrum.grid, spectrum.absorption, edge),
        "lifetime": spectrum.lifetime,
    }


def jackknife(values: Sequence[float]) -> float:
    """Standard error of a number of the mean, from its values without each part of the molecules.

    B. Efron, The Jackknife, the Bootstrap and Other Resampling Plans, SIAM (1982), doi:10.1137/1.9781611970319.
    """
    return float(np.sqrt((len(values) - 1) * np.var(values))) if len(values) else 0.0


def misfit_of(misfit: Misfit | None, name: str, value: float) -> float:
    """What the polynomial of an ensemble may have done to a number."""
    if misfit is None:
        return 0.0
    energies = {
        "absorption_peak": misfit.edge,
        "absorption_width": misfit.edge_width,
        "emission_peak": misfit.emission,
        "emission_width": misfit.emission_width,
    }
    if name == "emission_wavelength":
        return value**2 * misfit.emission / 1239.842
    # Where absorption is misplaced it is neither lost nor won: heights and areas are off by as much at the most.
    return energies[name] if name in energies else abs(value) * misfit.relative
