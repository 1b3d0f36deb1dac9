"""Structure: the spec, and the molecule it describes.

In: a path, the name of a shipped example, or a mapping. Out: `Spec`, frozen models that are the spec's one
description (`dump_spec` writes it back, `spec_schema` publishes it), and `resolve`'s `AxialMolecule`: spheres placed
on the z axis with every parameter known. Lengths in nm, energies in eV.

>>> molecule = resolve(read_spec("@homodimer"))
>>> [dot.z for dot in molecule.dots], molecule.mirror_symmetric
([-2.6, 2.6], True)
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
