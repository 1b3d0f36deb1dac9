from .discretisation import (
    BASE_BYTES as BASE_BYTES,
    MAX_BYTES as MAX_BYTES,
    MAX_SECONDS as MAX_SECONDS,
    Resolution as Resolution,
    carriers_of as carriers_of,
    discretise as discretise,
    discretise_radially as discretise_radially,
    gap_error as gap_error,
    has_radial_solution as has_radial_solution,
    max_elements as max_elements,
    resolutions as resolutions,
    solve_cost as solve_cost,
)
from .hamiltonian import Hamiltonian as Hamiltonian, Operator as Operator, ScreenedHamiltonian as ScreenedHamiltonian
from .model_errors import ModelErrors as ModelErrors, State as State
from .solving import (
    SAFETY as SAFETY,
    TRUNCATION_EXCESS as TRUNCATION_EXCESS,
    Level as Level,
    Levels as Levels,
    difference_error as difference_error,
    find_levels as find_levels,
    tail_of as tail_of,
    truncated_ritz as truncated_ritz,
    truncation_falls as truncation_falls,
)
from .space import Pencil as Pencil, Space as Space
from .wall import (
    MIN_BINDING_EV as MIN_BINDING_EV,
    WALL_SAFETY as WALL_SAFETY,
    Wall as Wall,
    ceiling as ceiling,
    choose_wall as choose_wall,
    moved_out as moved_out,
    wall_shares as wall_shares,
)
