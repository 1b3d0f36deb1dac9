"""Spectra: from a spec to absorption and emission of its samples, and to a figure beside what was measured.

In: a :class:`~qdmol.structure.Spec`. Out: :class:`Spectra`: monomer, unfused and fused sample, per particle, each
number with an error; with `ensemble` means over its particles, with fields the molecule's emission in each.

The room is lazy (PEP 562): spectra of molecules that were solved before come back without the solver.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
