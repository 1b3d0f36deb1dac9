"""Configuration interaction: complexes of a few electrons and holes in a basis of orbitals.

:func:`solve_complexes` takes a molecule solved with its self-consistent pairs
(:class:`~qdmol.meanfield.MoleculeSolution`) and returns the lowest states of each complex with error bars. Orbitals,
Coulomb integrals and configurations are classified by the sectors of the molecule's :class:`~qdmol.fem.Symmetry`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
