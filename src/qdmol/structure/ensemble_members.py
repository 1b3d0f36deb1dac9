"""Particles of an ensemble: which lengths vary, random values of them, and the spec of each particle.

Every varied length is normally distributed about the value in the spec, truncated at three standard deviations (values
outside are drawn again, which leaves 98.7 % of the standard deviation), and independent of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qdmol.errors import MISSING, InputError
from qdmol.materials import Document, load_set
from qdmol.structure.resolving import thickness_of
from qdmol.structure.schema import Ensemble, Spec
from qdmol.structure.specs import spec_mapping, update_mapping

TRUNCATION = 3.0  # standard deviations


@dataclass(frozen=True, slots=True)
class ParameterRange:
    """A length that varies between particles: its name, mean and standard deviation, both in nm."""

    name: str
    mean: float
    deviation: float


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """The particles of an ensemble.

    ``values`` (members, parameters) are the varied lengths, nm, in the order of `parameters_of`. ``monomer`` (members,)
    says which particles are single dots, and ``dot`` (members,) which dot of the molecule each of them is; -1 for
    molecules.
    """

    values: NDArray[np.float64]
    monomer: NDArray[np.bool_]
    dot: NDArray[np.int64]


def parameters_of(spec: Spec) -> tuple[ParameterRange, ...]:
    """Return the lengths that vary: for each dot the core radius and the total shell thickness, then the neck.

    The neck is one length, or one distance for each bond where the spec gives the distances. Empty for a spec without
    ``ensemble``. Raises InputError for a shell in monolayers of unknown thickness.
    """
    ensemble = spec.ensemble
    if ensemble is None:
        return ()
    parameters = []
    for i, dot in enumerate(spec.molecule.dots):
        core = dot.core.size
        parameters.append(ParameterRange(f"dot {i} core radius", core, ensemble.core_radius.of(core)))
        if ensemble.shell_thickness.value and dot.shells:
            shell = _total_shell(spec, i)
            parameters.append(ParameterRange(f"dot {i} shell thickness", shell, ensemble.shell_thickness.of(shell)))
    if ensemble.neck.value:
        necks = spec.molecule.neck_lengths
        for i, length in enumerate(necks):
            name = "neck" if len(necks) == 1 else f"neck {i}"
            parameters.append(ParameterRange(name, length, ensemble.neck.of(length)))
    return tuple(parameter for parameter in parameters if parameter.deviation > 0)


def _total_shell(spec: Spec, dot: int) -> float:
    """Return the total thickness of the shells of a dot, nm."""
    material_set = load_set(spec.materials, relative_to=spec.folder)
    shells = enumerate(spec.molecule.dots[dot].shells)
    return sum(thickness_of(spec, material_set, shell, f"molecule.dots[{dot}].shells[{i}]") for i, shell in shells)


def draw_members(spec: Spec, *, rng: np.random.Generator) -> Members:
    """Return the ``ensemble.members`` particles of the spec, drawn with ``rng``.

    The number of single dots is the requested fraction, rounded; each is one of the molecule's dots, with equal
    probability. Raises InputError for a spec without ``ensemble``.
    """
    ensemble = _ensemble_of(spec)
    parameters = parameters_of(spec)
    means = np.array([parameter.mean for parameter in parameters])
    deviations = np.array([parameter.deviation for parameter in parameters])
    # Drawn length by length, necks last, so that specs that differ only in the deviation of the neck get equal dots.
    drawn = [_truncated_normal(rng, ensemble.members) for _ in parameters]
    values = means + deviations * np.array(drawn).reshape(len(parameters), ensemble.members).T
    count = round(ensemble.monomers * ensemble.members)
    monomer = np.zeros(ensemble.members, dtype=np.bool_)
    monomer[rng.permutation(ensemble.members)[:count]] = True
    dot = np.full(ensemble.members, -1, dtype=np.int64)
    dot[monomer] = rng.integers(0, len(spec.molecule.dots), count)
    return Members(values, monomer, dot)


def _ensemble_of(spec: Spec) -> Ensemble:
    if spec.ensemble is None:
        raise InputError(field="ensemble", value=MISSING, allowed="given: it defines the size distribution")
    return spec.ensemble


def _truncated_normal(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Return standard normal numbers; those outside three standard deviations are drawn again."""
    drawn = rng.standard_normal(count)
    while (outside := np.abs(drawn) > TRUNCATION).any():
        drawn[outside] = rng.standard_normal(np.count_nonzero(outside))
    return drawn


def member_spec(spec: Spec, values: Sequence[float] | NDArray[np.float64], *, dot: int | None = None) -> Spec:
    """Return the spec of one particle, without ``ensemble``: a molecule, or with ``dot`` that dot alone.

    ``values`` (nm) are in the order of `parameters_of`; a single dot uses its own lengths only, and has no neck.
    Raises InputError for lengths that the spec refuses; rules of the placed molecule are left to `resolve`.
    """
    parameters = parameters_of(spec)
    given = {parameter.name: float(value) for parameter, value in zip(parameters, values, strict=True)}
    means = {parameter.name: parameter.mean for parameter in parameters}
    data = spec_mapping(spec)
    data.pop("ensemble", None)
    molecule = data["molecule"]
    for i, dot_data in enumerate(molecule["dots"]):
        if (radius := given.get(f"dot {i} core radius")) is not None:
            size = "radius" if "radius" in dot_data["core"] else "diameter"
            dot_data["core"][size] = radius if size == "radius" else 2 * radius
        name = f"dot {i} shell thickness"
        if name in given:
            _scale(dot_data["shells"], given[name] / means[name])
    if dot is not None:
        data["molecule"] = {"dots": [molecule["dots"][dot]]}
    else:
        _place(molecule, spec, given)
    return update_mapping(data, {}, folder=spec.folder)


def _scale(shells: list[Document], factor: float) -> None:
    for shell in shells:
        size = "thickness" if "thickness" in shell else "monolayers"
        shell[size] *= factor


def _place(molecule: Document, spec: Spec, given: dict[str, float]) -> None:
    """Set the neck or the distances of a molecule; distances that the neck fixes are removed."""
    neck = spec.molecule.neck
    if neck.fixes_spacing:
        for name in ("spacing", "barrier"):
            molecule.pop(name, None)
    if "neck" in given and neck.length is not None:
        molecule["neck"] = neck.resized(given["neck"]).written
        return
    distances = [value for name, value in given.items() if name.startswith("neck")]
    if distances:
        name = "spacing" if spec.molecule.spacing is not None else "barrier"
        molecule[name] = distances[0] if len(distances) == 1 else distances


def without_ensemble(spec: Spec) -> Spec:
    """Return the spec of the molecule with the mean lengths: the same spec without ``ensemble``."""
    return spec if spec.ensemble is None else spec.model_copy(update={"ensemble": None})
