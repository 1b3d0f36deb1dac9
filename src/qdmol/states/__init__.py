"""States: the levels of one carrier, each with an error, none missed."""

from qdmol.states.hamiltonian import FieldHamiltonian, Hamiltonian, Operator, Pair
from qdmol.states.solving import Level, Levels, decay_ratio, difference_error, find_levels

__all__ = [
    "FieldHamiltonian",
    "Hamiltonian",
    "Level",
    "Levels",
    "Operator",
    "Pair",
    "decay_ratio",
    "difference_error",
    "find_levels",
]
