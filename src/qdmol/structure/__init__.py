"""Structure: the spec, and the molecule it describes.

In: a path, the name of a shipped example, or a mapping. Out: `Spec`, frozen models that are the spec's one
description (`dump_spec` writes it back, `spec_schema` publishes it), and `resolve`'s `AxialMolecule`: spheres placed
on the z axis with every parameter known. Lengths in nm, energies in eV.

>>> molecule = resolve(read_spec("@homodimer"))
>>> [dot.z for dot in molecule.dots], molecule.mirror_symmetric
([-2.6, 2.6], True)
"""

from typing import TYPE_CHECKING

from qdmol.structure.model import Spec
from qdmol.structure.molecule import AxialMolecule, Bridge, Light, PlacedDot, PlacedLayer, RegionParameters
from qdmol.structure.resolving import resolve
from qdmol.structure.specs import (
    dump_spec,
    example_path,
    exclude_each_other,
    list_examples,
    read_spec,
    spec_mapping,
    spec_schema,
    update_mapping,
    update_spec,
)

if TYPE_CHECKING:
    from qdmol.structure.painting import materials_at

__all__ = [
    "AxialMolecule",
    "Bridge",
    "Light",
    "PlacedDot",
    "PlacedLayer",
    "RegionParameters",
    "Spec",
    "dump_spec",
    "example_path",
    "exclude_each_other",
    "list_examples",
    "materials_at",
    "read_spec",
    "resolve",
    "spec_mapping",
    "spec_schema",
    "update_mapping",
    "update_spec",
]


def __getattr__(name: str) -> object:
    """Import `materials_at` on first use: it needs the array library, and reading a spec does not."""
    if name == "materials_at":
        from qdmol.structure.painting import materials_at

        return materials_at
    raise AttributeError(f"module 'qdmol.structure' has no attribute {name!r}")
