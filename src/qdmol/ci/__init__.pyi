from .bases import Bases as Bases, shared_limits as shared_limits
from .complexes import Complex as Complex, parse_complexes as parse_complexes
from .configurations import (
    ConfigurationSpace as ConfigurationSpace,
    make_species as make_species,
    pair_operators as pair_operators,
)
from .diagonalising import Configured as Configured, Problem as Problem
from .labelling import Placement as Placement
from .orbitals import orbital_spacing as orbital_spacing
from .overlaps import contact_density as contact_density, weighted_overlaps as weighted_overlaps
from .solving import ComplexState as ComplexState, ComplexStates as ComplexStates, solve_complexes as solve_complexes
