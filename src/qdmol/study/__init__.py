"""Study: from a spec to a result, and from many specs to a table.

In: a :class:`~qdmol.structure.Spec`. Out: :class:`Solution`, a frozen value with the JSON object of ``qdmol solve``
and an xarray dataset; or, over axes of values or a list of specs, :class:`Map`, with one point each, kept on disk.

>>> import qdmol
>>> solution = qdmol.solve("@homodimer")
>>> round(solution.summary["splitting_meV"], 2)
22.87

The room is lazy (PEP 562): what a map has on disk comes back without the solver.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
