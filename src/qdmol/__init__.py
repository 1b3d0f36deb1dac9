"""qdmol: levels, wavefunctions and excitons of fused colloidal quantum dots, with error bars.

The root is lazy (PEP 562): a name below is imported when it is first used, so that a part that
needs no solver and no drawing loads none.

>>> import qdmol
>>> spec = qdmol.read_spec("@homodimer")
>>> spec.calculation.electrons
4
"""

from importlib import import_module

TYPE_CHECKING = (
    False  # as in `typing`, whose import would be half of what the command does before it can be interrupted
)
if TYPE_CHECKING:
    from qdmol.analysis import analyze_photons
    from qdmol.photons import read_photons
    from qdmol.prediction import predict_spectra
    from qdmol.report import write_report as report
    from qdmol.structure import Spec, dump_spec, read_spec
    from qdmol.study import (
        Map,
        Solution,
        map_spec as map,  # noqa: A004  # the verb's name, as on the command line
        solve,
    )

__version__ = "0.1.0"

# Public name -> the room that has it. `report` is absent: the room itself can be called.
_HOMES = {
    "Map": "qdmol.study",
    "Solution": "qdmol.study",
    "Spec": "qdmol.structure",
    "analyze_photons": "qdmol.analysis",
    "dump_spec": "qdmol.structure",
    "predict_spectra": "qdmol.prediction",
    "read_photons": "qdmol.photons",
    "read_spec": "qdmol.structure",
    "solve": "qdmol.study",
}
# Public names that are called otherwise in their room.
_ORIGINALS = {"map": ("qdmol.study", "map_spec")}

__all__ = [
    "Map",
    "Solution",
    "Spec",
    "__version__",
    "analyze_photons",
    "dump_spec",
    "map",
    "predict_spectra",
    "read_photons",
    "read_spec",
    "report",
    "solve",
]


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    if name == "report":
        return import_module("qdmol.report")
    home, original = _ORIGINALS.get(name, (_HOMES.get(name), name))
    if home is None:
        raise AttributeError(f"module 'qdmol' has no attribute {name!r}")
    value = getattr(import_module(home), original)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted(set(globals()) | set(__all__))
