"""States: the levels of one carrier, each with an error, none missed."""

from qdmol.states.hamiltonian import Hamiltonian, Operator
from qdmol.states.infield import FieldHamiltonian
from qdmol.states.solving import Level, Levels, difference_error, find_levels, tail_of
from qdmol.states.space import Pair, Space

__all__ = [
    "FieldHamiltonian",
    "Hamiltonian",
    "Level",
    "Levels",
    "Operator",
    "Pair",
    "Space",
    "difference_error",
    "find_levels",
    "tail_of",
]
