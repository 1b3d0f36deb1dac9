from .broadening import Broadening as Broadening, broadening_of as broadening_of, light_of as light_of
from .limit import EdgeLimit as EdgeLimit, edge_limit as edge_limit, growths as growths
from .lines import (
    Lines as Lines,
    Range as Range,
    absorption_lines as absorption_lines,
)
from .solving import solve_light as solve_light
from .spectra import (
    Emitters as Emitters,
    cross_section as cross_section,
    emission as emission,
    emitters as emitters,
    hottest as hottest,
)
from .values import (
    BulkRegion as BulkRegion,
    ExcitonLevels as ExcitonLevels,
    MoleculeLight as MoleculeLight,
    PairLevels as PairLevels,
    direction_mean as direction_mean,
)
