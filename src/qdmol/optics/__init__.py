"""Optics: what light does with a molecule: absorption, emission at a temperature, radiative lifetime.

In: a molecule solved with its self-consistent pairs (:class:`~qdmol.meanfield.MoleculeSolution`). The oscillator
strength of an exciton Ψ(r_e, r_h), both allowed pairs of spins together and averaged over the directions of light, is

    f = 2/E · mean_j κ_j |∫ Ψ(r, r) √E_P F_j d³r|²,

E_P the Kane energy (eV) of each region, F_j the field of light over the far one, κ_j = 1/3 unless the material set
gives the hole's Bloch character. Out: :class:`MoleculeLight`, levels and moments (eV); from these, without the solver,
lines, cross-sections (nm²) and rates (1/ns), each part of the spectrum with its error.

>>> from qdmol.optics import Broadening
>>> import numpy as np
>>> line = Broadening(deviation=0.025, stokes=0.024).spread(np.array([2.0, 2.001]), np.array([2.0]), np.array([1.0]))
>>> round(float(line[0]), 3)  # 1/eV
15.958
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
