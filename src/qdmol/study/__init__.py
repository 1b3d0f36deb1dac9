"""Solving specs: one molecule, two to compare, or many over axes of values.

In: a :class:`~qdmol.structure.Spec`. Out: :class:`Solution`, a frozen value with levels, splitting, gap and red shift,
each an :class:`~qdmol.estimates.Estimate`, and an xarray dataset; or, over axes of values or a list of specs,
:class:`Map`, with one point each, kept on disk. JSON and files are made from these values and read back.

>>> import qdmol
>>> solution = qdmol.solve("@homodimer")
>>> solution.splitting
22.867 ± 0.009 meV

The room is lazy (PEP 562): what a map has on disk comes back without the solver.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
