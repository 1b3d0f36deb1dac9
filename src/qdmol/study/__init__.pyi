from .axes import make_axis as make_axis
from .batching import solve_batch as solve_batch
from .comparing import Comparison as Comparison, NumberPair as NumberPair, compare as compare
from .coupling import coupling_map as coupling_map
from .job import solve_bound as solve_bound
from .linewidth import linewidth_mev as linewidth_mev
from .mapping import Map as Map, map_spec as map_spec
from .points import SOLVER_MODULES as SOLVER_MODULES, SOLVER_SOURCE as SOLVER_SOURCE, point_job as point_job
from .solution import Solution as Solution
from .solving import solve as solve
from .wording import (
    binding_text as binding_text,
    complex_binding_text as complex_binding_text,
    lower_level_share as lower_level_share,
    state_name as state_name,
    summary_html as summary_html,
    summary_sentences as summary_sentences,
    thermal_energy_mev as thermal_energy_mev,
)
