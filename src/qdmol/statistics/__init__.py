"""Statistics of counts: Poisson intervals, likelihood fits of histograms, ratios of uncertain counts."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
