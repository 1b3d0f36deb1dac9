"""Study: from a spec to a result, and from many specs to a table.

In: a :class:`~qdmol.structure.Spec`. Out: :class:`Solution`, a frozen value with the JSON object of ``qdmol solve``
and an xarray dataset; or, over axes of values or a list of specs, :class:`Map`, with one point each, kept on disk.

>>> import qdmol
>>> solution = qdmol.solve("@homodimer")
>>> round(solution.summary["splitting_meV"], 2)
22.87

The room is lazy (PEP 562): what a map has on disk comes back without the solver.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qdmol.study.batching import solve_batch
    from qdmol.study.comparing import Comparison, compare
    from qdmol.study.mapping import Map, map_spec
    from qdmol.study.solution import Solution
    from qdmol.study.solving import solve

# Name -> its module. No module has the name of what it holds, for importing it would hide that.
_HOMES = {
    "Comparison": "comparing",
    "Map": "mapping",
    "Solution": "solution",
    "compare": "comparing",
    "map_spec": "mapping",
    "solve": "solving",
    "solve_batch": "batching",
}

__all__ = ["Comparison", "Map", "Solution", "compare", "map_spec", "solve", "solve_batch"]


def __getattr__(name: str) -> object:
    """Import a name on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'qdmol.study' has no attribute {name!r}")
    value = getattr(import_module(f"qdmol.study.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the names, imported or not."""
    return sorted(set(globals()) | set(__all__))
