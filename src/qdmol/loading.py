"""Reading back saved results, whatever room they come from."""

from __future__ import annotations

import os
from importlib import import_module

from qdmol.errors import InputError
from qdmol.results import Loadable, read_result

# Kind of result -> the class that reads it, imported when a file of that kind is read.
KINDS = {
    "solution": ("qdmol.study", "Solution"),
    "map": ("qdmol.study", "Map"),
    "batch": ("qdmol.study", "Batch"),
    "comparison": ("qdmol.study", "Comparison"),
    "spectra": ("qdmol.prediction", "Spectra"),
    "sizing": ("qdmol.design", "Sizing"),
    "fit of a spec": ("qdmol.design", "SpecFit"),
    "photon analysis": ("qdmol.analysis", "PhotonAnalysis"),
    "set of photon analyses": ("qdmol.analysis", "PhotonAnalyses"),
    "curve fits": ("qdmol.spectroscopy", "CurveFits"),
    "curve comparison": ("qdmol.spectroscopy", "CurveComparison"),
}


def load(path: str | os.PathLike[str]) -> Loadable:
    """Read a result that was written by its ``save`` method, ``qdmol run`` or ``qdmol map``.

    Parameters
    ----------
    path
        A NetCDF file.

    Returns
    -------
    Loadable
        A solution, map, batch, comparison, predicted spectra, sizing, fit of a spec, analysis of photons, fits or
        comparison of curves, as the file says; equal to the result that was saved. The solver is not needed. A loaded
        analysis of photons holds no photons.

    Raises
    ------
    qdmol.errors.InputError
        There is no such file, or it contains no qdmol result.
    """
    saved = read_result(path)
    if saved.kind not in KINDS:
        allowed = ", ".join(KINDS)
        message = f"{saved.path.name} contains a result of kind {saved.kind!r}; this version of qdmol reads {allowed}."
        raise InputError(field="path", value=str(path), allowed=allowed, message=message)
    room, name = KINDS[saved.kind]
    loadable: type[Loadable] = getattr(import_module(room), name)
    return loadable.from_saved(saved)
