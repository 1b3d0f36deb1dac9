from .discretisation import (
    BASE_BYTES as BASE_BYTES,
    MOST_BYTES as MOST_BYTES,
    MOST_SECONDS as MOST_SECONDS,
    Resolution as Resolution,
    carriers_of as carriers_of,
    discretise as discretise,
    gap_error as gap_error,
    ladder as ladder,
    most_elements as most_elements,
    solve_cost as solve_cost,
)
from .hamiltonian import Hamiltonian as Hamiltonian, Operator as Operator, ScreenedHamiltonian as ScreenedHamiltonian
from .model_errors import ModelErrors as ModelErrors, State as State
from .solving import (
    SAFETY as SAFETY,
    Level as Level,
    Levels as Levels,
    difference_error as difference_error,
    find_levels as find_levels,
    tail_of as tail_of,
)
from .space import Pair as Pair, Pencil as Pencil, Space as Space
from .wall import (
    LEAST_BINDING as LEAST_BINDING,
    WALL_SAFETY as WALL_SAFETY,
    Wall as Wall,
    ceiling as ceiling,
    choose_wall as choose_wall,
    further as further,
    wall_shares as wall_shares,
)
