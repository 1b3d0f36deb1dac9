"""Study: from a spec to a result.

In: a :class:`~qdmol.structure.Spec`. Out: :class:`Solution`, a frozen value with the JSON object of ``qdmol solve``
and an xarray dataset.

>>> import qdmol
>>> solution = qdmol.solve("@homodimer")
>>> round(solution.summary["splitting_meV"], 2)
22.87
"""

from qdmol.study.solution import Solution
from qdmol.study.solve import solve

__all__ = ["Solution", "solve"]
