"""What measured photons say: lifetimes, g2, correlations, each with an interval that holds.

In comes a :class:`qdmol.photons.PhotonStream`, or a histogram; out come frozen values. Lifetimes and delays in ns,
rates in Hz. No model of a molecule here, and no finite elements. Names are imported when they are first used (PEP 562):
loops are compiled, and the compiler takes its time to load.

>>> import qdmol.analysis
>>> qdmol.analysis.analyze_photons.__name__
'analyze_photons'
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qdmol.analysis.analyzing import analyze_many, analyze_photons, inspect_photons
    from qdmol.analysis.background import Background, estimate_background
    from qdmol.analysis.correlation import LogCorrelation, correlate_log
    from qdmol.analysis.g2 import G2, G3, measure_g2, measure_g3, pair_histogram
    from qdmol.analysis.lifetime import Decay, LifetimeFit, Response, decay_of, fit_lifetime, read_decay
    from qdmol.analysis.result import FailedAnalysis, PhotonAnalyses, PhotonAnalysis
    from qdmol.analysis.trace import Trace, intensity_trace

# Public name -> the module that has it.
_HOMES = {
    "Background": "background",
    "Decay": "lifetime",
    "FailedAnalysis": "result",
    "G2": "g2",
    "G3": "g2",
    "LifetimeFit": "lifetime",
    "LogCorrelation": "correlation",
    "PhotonAnalyses": "result",
    "PhotonAnalysis": "result",
    "Response": "lifetime",
    "Trace": "trace",
    "analyze_many": "analyzing",
    "analyze_photons": "analyzing",
    "correlate_log": "correlation",
    "decay_of": "lifetime",
    "estimate_background": "background",
    "fit_lifetime": "lifetime",
    "inspect_photons": "analyzing",
    "intensity_trace": "trace",
    "measure_g2": "g2",
    "measure_g3": "g2",
    "pair_histogram": "g2",
    "read_decay": "lifetime",
}

__all__ = [
    "Background",
    "Decay",
    "FailedAnalysis",
    "G2",
    "G3",
    "LifetimeFit",
    "LogCorrelation",
    "PhotonAnalyses",
    "PhotonAnalysis",
    "Response",
    "Trace",
    "analyze_many",
    "analyze_photons",
    "correlate_log",
    "decay_of",
    "estimate_background",
    "fit_lifetime",
    "inspect_photons",
    "intensity_trace",
    "measure_g2",
    "measure_g3",
    "pair_histogram",
    "read_decay",
]


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'qdmol.analysis' has no attribute {name!r}")
    value = getattr(import_module(f"qdmol.analysis.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted(set(globals()) | set(__all__))
