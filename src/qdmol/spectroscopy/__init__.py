"""Measured spectra: curves from instruments, peaks and edges with intervals, shifts between samples, sizes.

In comes a text export (nm or eV); out come frozen values. An emission peak I(E) is measured per nm, I(E) hc/λ²; the
band edge of absorption is a Gaussian on a rising background, or its steepest slope where there is no peak. Energies in
eV, wavelengths in nm, widths and shifts in meV; every interval is at level 0.95.

>>> import numpy as np
>>> from qdmol.spectroscopy import Curve, fit_emission
>>> wavelength = np.arange(500.0, 700.0)
>>> peak = np.exp(-4 * np.log(2) * ((1239.842 / wavelength - 2.1) / 0.12) ** 2) / wavelength**2
>>> noise = np.random.default_rng(1).normal(size=200)
>>> fit = fit_emission(Curve(wavelength, 1e9 * peak + 10 * noise, "emission"))
>>> fit.peak_eV.holds(2.1), fit.width_meV.holds(120.0)
(True, True)
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
