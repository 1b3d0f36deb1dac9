"""From a layered sphere to what the solver takes, and where random ones come from."""

import copy
import math

import numpy as np
from hypothesis import strategies as st
from tests.exact.radial import Sphere

from qdmol.structure import AxialMolecule, PlacedDot, PlacedLayer, RegionParameters

CARRIERS = ("electron", "hole")

REFERENCE = {
    "qdmol": 1,
    "name": "the contract's homodimer",
    "materials": "cdse-cds-single-band",
    "overrides": {
        "CdSe": {"electron_mass": 0.13, "hole_mass": 0.45, "permittivity": 10},
        "CdS": {
            "electron_mass": 0.21,
            "hole_mass": 0.70,
            "conduction_offset": 0.10,
            "valence_offset": 0.64,
            "permittivity": 10,
        },
        "medium": {
            "electron_mass": 1,
            "hole_mass": 1,
            "electron_barrier": 5,
            "hole_barrier": 5,
            "permittivity": 10,
        },
    },
    "molecule": {},
    "environment": {"temperature": 300, "field": [0, 0, 0]},
    "calculation": {"electrons": 2, "holes": 2, "coulomb": "none", "tolerance": 0.1},
}


def dot(core=1.4, shell=2.1):
    """One CdSe dot with a CdS shell (0: bare)."""
    shells = [{"material": "CdS", "thickness": shell}] if shell else []
    return {"core": {"material": "CdSe", "radius": core}, "shells": shells}


def molecule_spec(dots, *, overrides=None, field=0.0, **settings):
    """A spec as a mapping: dots, keys of `molecule` (spacing, barrier, neck) and of `calculation`."""
    spec = copy.deepcopy(REFERENCE)
    spec["molecule"] = {"dots": list(dots)}
    for key, value in settings.items():
        part = "molecule" if key in {"spacing", "barrier", "neck", "positions"} else "calculation"
        spec[part][key] = value
    for material, values in (overrides or {}).items():
        spec["overrides"][material] |= values
    spec["environment"]["field"] = [0, 0, field]
    return spec


def dimer_spec(**changes):
    """The contract's 1.4/2.1 homodimer, 5.2 nm, merged; changes as for `molecule_spec`."""
    settings = {"spacing": 5.2, "neck": "merged"} | changes
    return molecule_spec([dot(), dot()], **settings)


def sphere_spec(sphere, carrier="electron", **settings):
    """A sphere of CdSe and CdS by turns as a spec; only its first two masses and its second edge count."""
    core, shells = {"material": "CdSe", "radius": sphere.radii[0]}, []
    for k, (inner, outer) in enumerate(zip(sphere.radii[:-1], sphere.radii[1:], strict=True)):
        shells.append({"material": ("CdS", "CdSe")[k % 2], "thickness": outer - inner})
    offset = {"electron": "conduction_offset", "hole": "valence_offset"}[carrier]
    barrier = "hard" if math.isinf(sphere.barrier) else sphere.barrier
    overrides = {
        "CdSe": {f"{carrier}_mass": sphere.masses[0]},
        "medium": {f"{carrier}_mass": sphere.outside_mass, f"{carrier}_barrier": barrier},
    }
    if shells:
        overrides["CdS"] = {f"{carrier}_mass": sphere.masses[1], offset: sphere.edges[1]}
    counts = {"electrons": 0, "holes": 0} | settings
    return molecule_spec([{"core": core, "shells": shells}], overrides=overrides, **counts)


def sphere_molecule(sphere, *, z=0.0):
    """A sphere of any materials as the solver takes it, both carriers alike."""
    edges = zip(sphere.masses, sphere.edges, strict=True)
    parameters = {f"m{k}": RegionParameters(mass, mass, edge, edge, 10.0) for k, (mass, edge) in enumerate(edges)}
    outside = sphere.outside_mass, sphere.outside_mass, sphere.barrier, sphere.barrier
    parameters["medium"] = RegionParameters(*outside, 10.0)
    layers = tuple(PlacedLayer(f"m{k}", radius) for k, radius in enumerate(sphere.radii))
    return AxialMolecule((PlacedDot(z, layers),), (), parameters, 0.0, 1.75)


def draw_sphere(rng):
    """A sphere of one to four layers; masses, offsets (also negative), barriers (a quarter hard) over wide ranges."""
    layers = int(rng.integers(1, 5))
    thickness = np.exp(rng.uniform(np.log(0.3), np.log(4.0), layers))
    masses = np.exp(rng.uniform(np.log(0.06), np.log(0.9), layers))
    edges = [0.0, *rng.uniform(-0.4, 0.8, layers - 1)]
    barrier = math.inf if rng.random() < 0.25 else float(rng.uniform(1.0, 6.0))
    radii = np.cumsum(np.maximum(thickness, [0.8] + [0.0] * (layers - 1)))
    return Sphere(tuple(map(float, radii)), tuple(map(float, masses)), tuple(map(float, edges)), barrier)


@st.composite
def spheres(draw):
    """Spheres as hypothesis likes to draw them: simple ones, extreme ones."""
    layers = draw(st.integers(1, 4))

    def numbers(low, high):
        return [draw(st.floats(low, high)) for _ in range(layers)]

    radii = np.cumsum([draw(st.floats(0.8, 6.0)), *numbers(0.1, 4.0)[1:]])
    edges = (0.0, *numbers(-0.8, 1.0)[1:])
    barrier = draw(st.one_of(st.just(math.inf), st.floats(0.6, 8.0)))
    outside = draw(st.sampled_from([1.0, 0.2]))
    return Sphere(tuple(map(float, radii)), tuple(numbers(0.05, 1.0)), edges, barrier, outside)
