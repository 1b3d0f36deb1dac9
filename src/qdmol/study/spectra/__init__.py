"""Spectra: from a spec to absorption and emission of its samples, and to a figure beside what was measured.

In: a :class:`~qdmol.structure.Spec`. Out: :class:`Spectra`: monomer, unfused and fused sample, per particle, each
number with an error; with `ensemble` means over its particles, with fields the molecule's emission in each.

The room is lazy (PEP 562): spectra of molecules that were solved before come back without the solver.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qdmol.study.spectra.predicting import predict_spectra
    from qdmol.study.spectra.values import Calibration, SampleSpectrum, Spectra

_HOMES = {
    "Calibration": "values",
    "SampleSpectrum": "values",
    "Spectra": "values",
    "predict_spectra": "predicting",
}

__all__ = ["Calibration", "SampleSpectrum", "Spectra", "predict_spectra"]


def __getattr__(name: str) -> object:
    """Import a name on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'qdmol.study.spectra' has no attribute {name!r}")
    value = getattr(import_module(f"qdmol.study.spectra.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
