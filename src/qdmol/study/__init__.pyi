from .anticrossings import Anticrossing as Anticrossing, LevelLine as LevelLine, level_lines as level_lines
from .axes import make_axes as make_axes, make_axis as make_axis
from .batching import Batch as Batch, solve_batch as solve_batch
from .comparing import Comparison as Comparison, NumberPair as NumberPair, compare as compare
from .job import solve_bound as solve_bound
from .mapping import Map as Map, coupling_map as coupling_map, map_spec as map_spec
from .plan import GridPlan as GridPlan
from .points import SOLVER_MODULES as SOLVER_MODULES, SOLVER_SOURCE as SOLVER_SOURCE, point_job as point_job
from .quantities import quantity_rows as quantity_rows, solution_html as solution_html
from .set_comparison import (
    BareCoreSizes as BareCoreSizes,
    SetOnDot as SetOnDot,
    compare_sets as compare_sets,
    size_bare_cores as size_bare_cores,
)
from .solution import Solution as Solution
from .solving import (
    listed_alternatives as listed_alternatives,
    solve as solve,
    with_alternative as with_alternative,
)
from .table import quantity_names as quantity_names
from .values import (
    CarrierLevels as CarrierLevels,
    ComplexLevel as ComplexLevel,
    ComplexStates as ComplexStates,
    EnergyLevel as EnergyLevel,
    ExcitonState as ExcitonState,
    Pair as Pair,
    SolutionValues as SolutionValues,
    Variation as Variation,
)
from .wording import (
    binding_text as binding_text,
    complex_binding_text as complex_binding_text,
    lower_level_share as lower_level_share,
    solution_sentences as solution_sentences,
    state_name as state_name,
    thermal_energy_mev as thermal_energy_mev,
)
