"""Structure: the spec, and the molecule it describes.

In: a path, the name of a shipped example, or a mapping. Out: `Spec`, frozen models that are the spec's one
description (`dump_spec` writes it back, `spec_schema` publishes it), and `resolve`'s `AxialMolecule`: spheres placed
on the z axis with every parameter known. Lengths in nm, energies in eV.

>>> molecule = resolve(read_spec("@homodimer"))
>>> [dot.z for dot in molecule.dots], molecule.mirror_symmetric
([-2.6, 2.6], True)
"""

from importlib import import_module
from typing import TYPE_CHECKING

from qdmol.structure.ensemble import Deviation, Ensemble
from qdmol.structure.model import Spec
from qdmol.structure.molecule import AxialMolecule, Bridge, Light, PlacedDot, PlacedLayer, RegionParameters
from qdmol.structure.resolving import resolve
from qdmol.structure.specs import (
    dump_spec,
    example_path,
    exclude_each_other,
    list_examples,
    read_spec,
    spec_files,
    spec_mapping,
    spec_schema,
    update_mapping,
    update_spec,
)

if TYPE_CHECKING:
    from qdmol.structure.ensemble_members import (
        Members,
        ParameterRange,
        draw_members,
        member_spec,
        parameters_of,
        without_ensemble,
    )
    from qdmol.structure.painting import materials_at

__all__ = [
    "AxialMolecule",
    "Bridge",
    "Deviation",
    "Ensemble",
    "Light",
    "Members",
    "ParameterRange",
    "PlacedDot",
    "PlacedLayer",
    "RegionParameters",
    "Spec",
    "draw_members",
    "dump_spec",
    "example_path",
    "exclude_each_other",
    "list_examples",
    "materials_at",
    "member_spec",
    "parameters_of",
    "read_spec",
    "resolve",
    "spec_files",
    "spec_mapping",
    "spec_schema",
    "update_mapping",
    "update_spec",
    "without_ensemble",
]

# What needs the array library, which reading a spec does not: imported on first use.
_ON_USE = {
    "materials_at": "painting",
    "Members": "ensemble_members",
    "ParameterRange": "ensemble_members",
    "draw_members": "ensemble_members",
    "member_spec": "ensemble_members",
    "parameters_of": "ensemble_members",
    "without_ensemble": "ensemble_members",
}


def __getattr__(name: str) -> object:
    """Import what needs the array library on first use."""
    if name in _ON_USE:
        return getattr(import_module(f"qdmol.structure.{_ON_USE[name]}"), name)
    raise AttributeError(f"module 'qdmol.structure' has no attribute {name!r}")
