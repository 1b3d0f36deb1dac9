"""Excitons: an electron and a hole that feel each other.

In: an :class:`~qdmol.structure.AxialMolecule`, how many levels, and a tolerance. Out: levels of both carriers, the
self-consistent pair of every dot, and the electron's levels in the field of the hole, each with an error.
"""

from qdmol.excitons.pairing import SettledPair
from qdmol.excitons.solving import Estimate, MoleculeSolution, PairState, Request, solve_molecule

__all__ = ["Estimate", "MoleculeSolution", "PairState", "Request", "SettledPair", "solve_molecule"]
