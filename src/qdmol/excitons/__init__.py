"""Excitons: electrons and holes that feel each other.

In: an :class:`~qdmol.structure.AxialMolecule`, how many levels, and a tolerance. Out: levels of both carriers, the
self-consistent pair of every dot, and the electron's levels in the field of the hole; from these, by configuration
interaction, the lowest states of excitons, trions, biexcitons. Each energy has an error.
"""

from qdmol.excitons.complexes import Complex, parse_complexes
from qdmol.excitons.interacting import ComplexState, ComplexStates, solve_complexes
from qdmol.excitons.labelling import Placement
from qdmol.excitons.ladder import shared_limits
from qdmol.excitons.pairing import SettledPair
from qdmol.excitons.solving import Estimate, MoleculeSolution, PairState, Request, solve_molecule
from qdmol.excitons.tunnelling import Tunnelling, dot_shares, field_dot_shares, tunnelling

__all__ = [
    "Complex",
    "ComplexState",
    "ComplexStates",
    "Estimate",
    "MoleculeSolution",
    "PairState",
    "Placement",
    "Request",
    "SettledPair",
    "Tunnelling",
    "dot_shares",
    "field_dot_shares",
    "parse_complexes",
    "shared_limits",
    "solve_complexes",
    "solve_molecule",
    "tunnelling",
]
