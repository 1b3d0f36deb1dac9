"""The map of the main job: tunnel coupling and splitting over core diameter and barrier, around a molecule.

The axes of Fig. R1 of the reference work's peer-review file. Levels are those without attraction, as there.
"""

from __future__ import annotations

import os

from qdmol.errors import InputError
from qdmol.jobs import Progress
from qdmol.structure import AxialMolecule, Spec, resolve, update_spec
from qdmol.study.mapping import Map, map_spec

DIAMETERS = 13
BARRIERS = 13
# Core diameters shown, in parts of the mean one of the spec.
DIAMETER_RANGE = (0.6, 1.6)
# Barriers shown, in parts of the thickness of both shells together: at 1 the dots only touch.
BARRIER_RANGE = (0.15, 0.95)
BARE_BARRIERS = (0.1, 1.5)  # nm, where there are no shells


def coupling_axes(molecule: AxialMolecule) -> dict[str, str]:
    """Return the axes of the map of a molecule; InputError for a dot alone."""
    if len(molecule.dots) < 2:
        raise InputError(field="map", value=True, allowed="absent: a dot alone has no barrier to vary")
    cores = [2 * dot.layers[0].radius for dot in molecule.dots]
    mean = sum(cores) / len(cores)
    shells = sum(dot.radius - dot.layers[0].radius for dot in molecule.dots[:2])
    low, high = (part * shells for part in BARRIER_RANGE) if shells else BARE_BARRIERS
    diameters = [round(part * mean, 3) for part in DIAMETER_RANGE]
    return {
        "core_diameter": f"{diameters[0]!r}nm:{diameters[1]!r}nm:{DIAMETERS}",
        "barrier": f"{round(low, 3)!r}nm:{round(high, 3)!r}nm:{BARRIERS}",
    }


def coupling_map(
    spec: Spec,
    *,
    output: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Map:
    """Return the map of tunnel coupling and splitting over core diameter and barrier around a spec, without attraction.

    Every core takes the same diameter and every bond the same barrier; shells stay as they are.
    Raises InputError for a dot alone.
    """
    axes = coupling_axes(resolve(spec))
    calculation = {"electrons": 2, "holes": 0, "coulomb": "none", "tolerance": spec.calculation.tolerance}
    bare = update_spec(spec, "calculation", calculation)
    return map_spec(bare, axes=axes, output=output, workers=workers, progress=progress)
