from .carrier import CarrierState as CarrierState
from .functions import (
    MAX_FUNCTIONS as MAX_FUNCTIONS,
    Functions as Functions,
    PointSums as PointSums,
    independent as independent,
)
from .pairing import SelfConsistentPair as SelfConsistentPair
from .solving import (
    MoleculeSolution as MoleculeSolution,
    PairState as PairState,
    Request as Request,
    solve_molecule as solve_molecule,
)
from .tunnelling import (
    Tunnelling as Tunnelling,
    dot_shares as dot_shares,
    field_dot_shares as field_dot_shares,
    tunnelling as tunnelling,
)
from .weights import pair_weights as pair_weights
