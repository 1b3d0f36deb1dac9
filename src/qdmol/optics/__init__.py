"""Optical properties of a molecule: absorption, thermal emission, and radiative lifetime.

The input is a molecule solved with its self-consistent pairs (:class:`~qdmol.meanfield.MoleculeSolution`). The
oscillator strength of an exciton Ψ(r_e, r_h), with both allowed pairs of spins and averaged over the directions of
light, is

    f = 2/E · mean_j κ_j |∫ Ψ(r, r) √E_P F_j d³r|²,

with the Kane energy E_P (eV) of each region, the field F_j of light relative to the far field, and κ_j = 1/3 unless the
material set states the character of the hole's Bloch function. :func:`solve_light` returns :class:`MoleculeLight`,
levels and moments in eV; from these follow, without the solver, lines, cross-sections (nm²) and rates (1/ns), with an
error for each range of the spectrum.

>>> from qdmol.optics import Broadening
>>> import numpy as np
>>> line = Broadening(deviation=0.025, stokes=0.024).spread(np.array([2.0, 2.001]), np.array([2.0]), np.array([1.0]))
>>> round(float(line[0]), 3)  # 1/eV
15.958
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
