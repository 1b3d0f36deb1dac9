"""Predicted spectra of the molecule of a spec; the last ones are kept, since similar fits need the same points."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from qdmol.structure import Spec, dump_spec, resolve

if TYPE_CHECKING:
    from qdmol.prediction import SampleSpectrum

KEPT: Final = 300  # about 100 kB each

_kept: OrderedDict[str, tuple[SampleSpectrum, bool]] = OrderedDict()


def own_spectrum(spec: Spec, folder: Path | None) -> tuple[SampleSpectrum, bool]:
    """Spectrum of the molecule of a spec, and whether it is converged.

    Raises
    ------
    InputError
        The spec is invalid, or its materials have no optical parameters.
    SolverError
        A molecule could not be solved.
    """
    from qdmol.prediction import predict_spectra

    # The molecule holds the values of the materials, whatever file they come from.
    key = f"{dump_spec(spec)}{resolve(spec)!r}"
    if key not in _kept:
        spectra = predict_spectra(spec, folder=folder, own_sample=True)
        while len(_kept) >= KEPT:
            _kept.popitem(last=False)
        _kept[key] = spectra.own, spectra.converged
    _kept.move_to_end(key)
    return _kept[key]
