"""What light does with one molecule, solved from its shape: the record that is kept on disk."""

from __future__ import annotations

from typing import Any

from threadpoolctl import threadpool_limits

from qdmol.excitons import Request
from qdmol.landscape import CARRIERS
from qdmol.optics import solve_light
from qdmol.structure import AxialMolecule
from qdmol.study.job import solve_bound
from qdmol.study.points import LightRequest

__all__ = ["light_record"]


def light_record(molecule: AxialMolecule, tolerance: float, request: LightRequest) -> dict[str, Any]:
    """Solve a molecule and give its :class:`~qdmol.optics.MoleculeLight` as plain numbers; `tolerance` in meV.

    Raises
    ------
    InputError
        No level is bound, or the material set says nothing of light.
    SolverError
        What could not be computed, with the reason.
    """
    count = len(molecule.dots)
    spacing = None if request.spacing is None else dict(zip(CARRIERS, request.spacing, strict=True))
    # The matrices are small: threads inside the linear algebra cost more than they bring.
    with threadpool_limits(limits=1, user_api="blas"):
        solution = solve_bound(
            molecule, Request(dict.fromkeys(CARRIERS, count), coulomb=True, tolerance=tolerance / 1000)
        )
        light = solve_light(solution, bases=request.bases, spacing=spacing, contact=request.contact)
    return light.as_record()
