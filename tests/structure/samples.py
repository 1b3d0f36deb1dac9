"""Specs the tests start from, and a way to change one place of them."""

import copy
import re
from typing import Any

STEP = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)|\[(\d+)\]")
REMOVED = object()


def dot(core: float = 1.4, shell: float = 2.1) -> dict[str, Any]:
    return {"core": {"material": "CdSe", "radius": core}, "shells": [{"material": "CdS", "thickness": shell}]}


def dimer() -> dict[str, Any]:
    """The reference dimer of the contract, everything written out."""
    return {
        "qdmol": 1,
        "name": "dimer",
        "materials": "cdse-cds-single-band",
        "overrides": {"CdS": {"conduction_offset": 0.1}, "medium": {"permittivity": 10}},
        "molecule": {"dots": [dot(), dot()], "spacing": 5.2, "neck": "merged"},
        "environment": {"temperature": 300, "field": [0, 0, 0]},
        "calculation": {"electrons": 4, "holes": 2, "coulomb": "self-consistent", "tolerance": 0.1},
    }


def monomer() -> dict[str, Any]:
    spec = dimer()
    spec["molecule"] = {"dots": [dot()]}
    return spec


def changed(data: dict[str, Any], *changes: tuple[str, Any]) -> dict[str, Any]:
    """A copy with values set (or REMOVED) at dotted paths; missing mappings on the way are made."""
    data = copy.deepcopy(data)
    for path, value in changes:
        steps = [key or int(index) for key, index in STEP.findall(path)]
        place: Any = data
        for step in steps[:-1]:
            place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
        if value is REMOVED:
            del place[steps[-1]]
        else:
            place[steps[-1]] = value
    return data
