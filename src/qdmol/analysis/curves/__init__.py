"""Measured spectra: curves from instruments, peaks and edges with intervals, shifts between samples, sizes.

In comes a text export (nm or eV); out come frozen values. An emission peak I(E) is measured per nm, I(E) hc/λ²; the
band edge of absorption is a Gaussian on a rising background, or its steepest slope where there is no peak. Energies in
eV, wavelengths in nm, widths and shifts in meV; every interval is at level 0.95.

>>> import numpy as np
>>> from qdmol.analysis.curves import Curve, fit_emission
>>> wavelength = np.arange(500.0, 700.0)
>>> peak = np.exp(-4 * np.log(2) * ((1239.842 / wavelength - 2.1) / 0.12) ** 2) / wavelength**2
>>> noise = np.random.default_rng(1).normal(size=200)
>>> fit = fit_emission(Curve(wavelength, 1e9 * peak + 10 * noise, "emission"))
>>> fit.peak_eV.holds(2.1), fit.width_meV.holds(120.0)
(True, True)
"""

from qdmol.analysis.curves.absorption import fit_absorption
from qdmol.analysis.curves.comparing import compare_curves, fit_curve
from qdmol.analysis.curves.emission import fit_emission
from qdmol.analysis.curves.reading import read_curves
from qdmol.analysis.curves.sizing import SIZING_SOURCE, Size, size_from_peak
from qdmol.analysis.curves.values import LEVEL, Comparison, Curve, CurveFlag, Estimate, Noise, PeakFit, Quantity

__all__ = [
    "LEVEL",
    "SIZING_SOURCE",
    "Comparison",
    "Curve",
    "CurveFlag",
    "Estimate",
    "Noise",
    "PeakFit",
    "Quantity",
    "Size",
    "compare_curves",
    "fit_absorption",
    "fit_curve",
    "fit_emission",
    "read_curves",
    "size_from_peak",
]
