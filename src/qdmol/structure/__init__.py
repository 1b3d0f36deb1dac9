"""Structure: the spec, and the molecule it describes.

In: a path, the name of a shipped example, or a mapping. Out: `Spec`, frozen models that are the spec's one
description (`dump_spec` writes it back, `spec_schema` publishes it), and `resolve`'s `AxialMolecule`: spheres placed
on the z axis with every parameter known. Lengths in nm, energies in eV.

>>> molecule = resolve(read_spec("@homodimer"))
>>> [dot.z for dot in molecule.dots], molecule.mirror_symmetric
([-2.6, 2.6], True)
"""

from qdmol.structure.model import Spec
from qdmol.structure.molecule import AxialMolecule, Bridge, PlacedDot, PlacedLayer, RegionParameters
from qdmol.structure.resolving import resolve
from qdmol.structure.specs import dump_spec, example_path, list_examples, read_spec, spec_schema, update_spec

__all__ = [
    "AxialMolecule",
    "Bridge",
    "PlacedDot",
    "PlacedLayer",
    "RegionParameters",
    "Spec",
    "dump_spec",
    "example_path",
    "list_examples",
    "read_spec",
    "resolve",
    "spec_schema",
    "update_spec",
]
