"""Molecules lit for the tests, each once."""

import math
from functools import cache

import numpy as np
from tests.ci.samples import REQUEST

from qdmol.ci.bases import Bases
from qdmol.ci.orbitals import orbital_spacing
from qdmol.meanfield import Request, solve_molecule
from qdmol.optics import edge_limit, solve_light
from qdmol.potentials import by_region
from qdmol.structure import AxialMolecule, Light, PlacedDot, PlacedLayer, RegionParameters, read_spec, resolve

MATERIALS = ("CdSe", "CdS", "medium")
KANE = 20.0
DIRECTIONS = {"across": 2, "along": 1}


def placed(example, *, monomer=False, optical=None, core=None, barrier=None, **calculation):
    """A shipped example as the solver takes it.

    `optical`: one permittivity for light everywhere, or of the medium as (dots, medium); `core`: the first dot's radius
    (nm) changed by so much; `barrier` (eV) of both carriers.
    """
    spec = read_spec(f"@{example}").model_dump(mode="json", by_alias=True, exclude_none=True)
    overrides = spec.setdefault("overrides", {})
    if optical is not None:
        inside, outside = optical if isinstance(optical, tuple) else (optical, optical)
        for name in MATERIALS:
            value = outside if name == "medium" else inside
            overrides.setdefault(name, {})["optical_permittivity"] = value
    if barrier is not None:
        overrides.setdefault("medium", {}).update(electron_barrier=barrier, hole_barrier=barrier)
    if core is not None:
        first = spec["molecule"]["dots"][0]["core"]
        first["radius"] = first.pop("radius", first.pop("diameter", 0.0) / 2) + core
    molecule = resolve(read_spec(spec))
    return molecule.monomer(0) if monomer else molecule


@cache
def solved(example, **changes):
    return solve_molecule(placed(example, **changes), REQUEST)


@cache
def lit(example, *, bases=2, contact=False, top=0.7, **changes):
    return solve_light(solved(example, **changes), bases=bases, contact=contact, top=top)


def limit_of(light, **changes):
    return edge_limit(light.edge, numerical=light.numerical, **changes)


LIGHT = Light(0.06, 300.0, 0.01, None, 0.0)


def sphere(radius, *, masses=(0.2, 0.5), light=LIGHT, kane=KANE):
    """A hard-walled sphere of one material, the same permittivities everywhere."""
    parameters = {
        "dot": RegionParameters(*masses, 0.0, 0.0, 10.0, kane, 4.0),
        "medium": RegionParameters(1.0, 1.0, math.inf, math.inf, 10.0, None, 4.0),
    }
    return AxialMolecule((PlacedDot(0.0, (PlacedLayer("dot", radius),)),), (), parameters, 0.0, 1.75, light=light)


@cache
def sphere_solution(radius, **changes):
    request = Request({"electron": 1, "hole": 1}, coulomb=True, tolerance=1e-5)
    return solve_molecule(sphere(radius, **changes), request)


@cache
def sphere_light(radius, *, top, bases=2, **changes):
    return solve_light(sphere_solution(radius, **changes), bases=bases, top=top)


@cache
def problem(example, step):
    """Orbitals and attraction at one cut."""
    solution = solved(example)
    return Bases(solution, orbital_spacing(solution)).with_integrals(step, ["eh"])


def root_kane(solution):
    """√E_P (P,) at the electron's points."""
    assembler = solution.hamiltonians["electron"].assembler
    parts = by_region(assembler, solution.molecule, lambda p: math.sqrt(p.kane_energy or 0.0))
    return np.concatenate([part.ravel() for part in parts])


def centres(solution):
    return solution.molecule.centres
