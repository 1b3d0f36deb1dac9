"""The spec, and the molecule that it describes.

`read_spec` reads a `Spec` from a file, a shipped example or a mapping; `dump_spec` writes it, and `spec_schema` is its
JSON schema. `resolve` returns the `AxialMolecule` of a spec: spheres placed on the z axis, with all parameters. Lengths
in nm, energies in eV.

>>> molecule = resolve(read_spec("@homodimer"))
>>> [dot.z for dot in molecule.dots], molecule.mirror_symmetric
([-2.6, 2.6], True)
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
