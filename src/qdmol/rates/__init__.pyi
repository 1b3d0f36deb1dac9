from .continuous import ContinuousEmission as ContinuousEmission
from .couplings import (
    annihilating_pair as annihilating_pair,
    energy_transfer as energy_transfer,
    identical as identical,
    independent as independent,
    shared_charging as shared_charging,
)
from .emitters import (
    biexciton_cascade as biexciton_cascade,
    blinking as blinking,
    poisson_light as poisson_light,
    three_level as three_level,
    two_level as two_level,
)
from .model import Absorption as Absorption, RateModel as RateModel, Transition as Transition
from .pulsed import PulsedEmission as PulsedEmission, PulsedG2 as PulsedG2
