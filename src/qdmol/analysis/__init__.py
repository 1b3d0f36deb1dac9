"""What measured photons say: lifetimes, g2, correlations, each with an interval that holds.

In comes a :class:`qdmol.photons.PhotonStream`, or a histogram; out come frozen values. Lifetimes and delays in ns,
rates in Hz. No model of a molecule here, and no finite elements. Names are imported when they are first used (PEP 562):
loops are compiled, and the compiler takes its time to load.

>>> import qdmol.analysis
>>> qdmol.analysis.analyze_photons.__name__
'analyze_photons'
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
