from .axes import make_axis as make_axis
from .batching import solve_batch as solve_batch
from .comparing import Comparison as Comparison, NumberPair as NumberPair, compare as compare
from .coupling import coupling_map as coupling_map
from .linewidth import linewidth_mev as linewidth_mev
from .mapping import Map as Map, map_spec as map_spec
from .points import LightRequest as LightRequest, Task as Task, is_final as is_final, refused as refused
from .records import IMPOSSIBLE as IMPOSSIBLE, LIGHT as LIGHT
from .running import Resources as Resources, State as State, cores as cores, executor as executor
from .solution import Solution as Solution
from .solving import solve as solve
from .store import Store as Store, code_digest as code_digest, store_folder as store_folder
from .wording import (
    binding_text as binding_text,
    complex_binding_text as complex_binding_text,
    lower_level_share as lower_level_share,
    state_name as state_name,
    summary_html as summary_html,
    summary_sentences as summary_sentences,
    thermal_energy_mev as thermal_energy_mev,
)
