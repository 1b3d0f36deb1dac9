from .counts import garwood as garwood, ratio_interval as ratio_interval, signal_interval as signal_interval
from .poisson import Fit as Fit, deviance as deviance, fit_counts as fit_counts
from .ratios import (
    level_scatter as level_scatter,
    likelihood_interval as likelihood_interval,
    nodes_of as nodes_of,
    scaled_interval as scaled_interval,
    with_scatter as with_scatter,
)
