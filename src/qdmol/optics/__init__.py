"""Optics: what light does with a molecule: absorption, emission at a temperature, radiative lifetime.

In: a molecule solved with its self-consistent pairs (:class:`~qdmol.excitons.MoleculeSolution`). The oscillator
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

from importlib import import_module
from typing import TYPE_CHECKING

from qdmol.optics.broadening import Broadening, broadening_of
from qdmol.optics.checking import light_of
from qdmol.optics.limit import EdgeLimit, edge_limit, growths
from qdmol.optics.lines import Lines, Range, absorption_lines, direction_mean
from qdmol.optics.spectra import Emitters, cross_section, emission, emitters, hottest
from qdmol.optics.values import BulkRegion, ExcitonLevels, MoleculeLight, PairLevels

if TYPE_CHECKING:
    from qdmol.optics.solving import solve_light

__all__ = [
    "Broadening",
    "BulkRegion",
    "EdgeLimit",
    "Emitters",
    "ExcitonLevels",
    "Lines",
    "MoleculeLight",
    "PairLevels",
    "Range",
    "absorption_lines",
    "broadening_of",
    "cross_section",
    "direction_mean",
    "edge_limit",
    "emission",
    "emitters",
    "growths",
    "hottest",
    "light_of",
    "solve_light",
]


def __getattr__(name: str) -> object:
    """Import the verb on first use: spectra of levels from a file need no solver."""
    if name != "solve_light":
        raise AttributeError(f"module 'qdmol.optics' has no attribute {name!r}")
    return import_module("qdmol.optics.solving").solve_light
