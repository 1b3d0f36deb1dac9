"""qdmol: levels, wavefunctions, excitons and spectra of quantum dot molecules; analysis of their photons.

Computed numbers carry a numerical error, measured ones a confidence interval.

>>> import qdmol
>>> spec = qdmol.read_spec("@homodimer")
>>> spec.calculation.electrons
4
"""

# No other import here: the root is lazy (PEP 562), so that a part that needs no solver and no drawing loads none.
from importlib import import_module as _import_module

__version__ = "0.1.0"

# Public name -> its room, and its name there if it has another one.
_HOMES = {
    "Comparison": "study",
    "CurveComparison": "spectroscopy",
    "Estimate": "estimates",
    "InputError": "errors",
    "Map": "study",
    "MissingExtraError": "errors",
    "Molecule": "structure",
    "OutputError": "errors",
    "PhotonAnalyses": "analysis",
    "PhotonAnalysis": "analysis",
    "PhotonStream": "photons",
    "QdmolError": "errors",
    "Sizing": "design",
    "Solution": "study",
    "SolverError": "errors",
    "Spec": "structure",
    "SpecFit": "design",
    "Spectra": "prediction",
    "analyze_photons": "analysis",
    "batch": "study:solve_batch",
    "compare": "study",
    "compare_curves": "spectroscopy:overlay_curves",
    "dump_spec": "structure",
    "fit_curves": "spectroscopy:survey_curves",
    "fit_lifetime": "analysis",
    "fit_spec": "design",
    "load": "loading",
    "map": "study:map_spec",
    "measure_g2": "analysis",
    "plot": "plot:",
    "predict_spectra": "prediction",
    "read_curves": "spectroscopy",
    "read_photons": "photons",
    "read_spec": "structure",
    "report": "report:",
    "size": "design",
    "solve": "study",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604  # all are names


def __getattr__(name: str) -> object:
    """Import a public name on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'qdmol' has no attribute {name!r}")
    home, separator, original = _HOMES[name].partition(":")
    room = _import_module(f"qdmol.{home}")
    value: object = room if separator and not original else getattr(room, original or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted(__all__)
