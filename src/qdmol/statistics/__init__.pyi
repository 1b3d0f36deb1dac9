from .counts import garwood as garwood, ratio_interval as ratio_interval, signal_interval as signal_interval
from .distributions import (
    binomial_tail as binomial_tail,
    chi2_quantile as chi2_quantile,
    chi2_tail as chi2_tail,
    normal_quantile as normal_quantile,
    normal_tail as normal_tail,
    poisson_probability as poisson_probability,
    poisson_tail as poisson_tail,
    t_quantile as t_quantile,
    t_tail as t_tail,
)
from .goodness import (
    Goodness as Goodness,
    deviance_residuals as deviance_residuals,
    goodness_of_fit as goodness_of_fit,
)
from .poisson import Fit as Fit, deviance as deviance, fit_counts as fit_counts
from .ratios import (
    level_scatter as level_scatter,
    likelihood_interval as likelihood_interval,
    nodes_of as nodes_of,
    scaled_interval as scaled_interval,
    with_scatter as with_scatter,
)
