"""A solution as one labelled dataset: what goes into the NetCDF file and under every figure.

Wavefunctions, densities and edges on regular grids, for figures and files.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from qdmol.arrays import Floats
from qdmol.fem import Sector
from qdmol.meanfield import MoleculeSolution, field_dot_shares
from qdmol.potentials import CHARGE, Carrier, edge_of
from qdmol.results import provenance
from qdmol.states import Level
from qdmol.structure import AxialMolecule, dump_spec, materials_at
from qdmol.study.alternatives import Variation
from qdmol.study.job import Job
from qdmol.units import COULOMB_EV_NM

AXIS_POINTS = 801
MAP_POINTS = (121, 321)
MARGIN = 1.0
# Just off the axis (nm): points on a boundary of the mesh may fall outside by rounding.
OFF_AXIS = 1e-7


@dataclass(frozen=True, slots=True)
class Grid:
    """Points (nm): along the axis `z` (Z,), and in the half plane `map_r` (R,), `map_z` (M,)."""

    z: Floats
    map_r: Floats
    map_z: Floats

    @property
    def axis(self) -> tuple[Floats, Floats]:
        """Flat r and z of the points along the axis."""
        return np.full_like(self.z, OFF_AXIS), self.z

    @property
    def plane(self) -> tuple[Floats, Floats]:
        """Flat r and z of the points of the map."""
        r, z = np.meshgrid(np.maximum(self.map_r, OFF_AXIS), self.map_z, indexing="ij")
        return r.ravel(), z.ravel()


def make_grid(solution: MoleculeSolution) -> Grid:
    """Grids over the molecule and MARGIN nm beyond."""
    molecule = molecule_of(solution)
    low = min(dot.z - dot.radius for dot in molecule.dots) - MARGIN
    high = max(dot.z + dot.radius for dot in molecule.dots) + MARGIN
    widest = max(dot.radius for dot in molecule.dots) + MARGIN
    return Grid(
        z=np.linspace(low, high, AXIS_POINTS),
        map_r=np.linspace(0, widest, MAP_POINTS[0]),
        map_z=np.linspace(low, high, MAP_POINTS[1]),
    )


def molecule_of(solution: MoleculeSolution) -> AxialMolecule:
    """The molecule as the spec has it."""
    return solution.molecule.mirrored() if solution.flipped else solution.molecule


def _values(solution: MoleculeSolution, images: Sequence[Floats], r: Floats, z: Floats) -> Floats:
    """Values of a function given by its vector on each image of the mesh, at points of the plane y = 0."""
    return solution.elements.values_at(images, _positions(solution, r, z))


def _positions(solution: MoleculeSolution, r: Floats, z: Floats) -> Floats:
    """Positions (P, 3) in the molecule that was solved."""
    return np.stack([r, np.zeros_like(r), -z if solution.flipped else z], axis=-1)


def _normal(solution: MoleculeSolution) -> float:
    """From ∫ψ² = 1 in the elements' measure over the mesh to ∫ψ² d³r = 1 over the molecule."""
    return 1 / math.sqrt(solution.symmetry.turn * len(solution.symmetry.images))


def level_values(solution: MoleculeSolution, level: Level, r: Floats, z: Floats) -> Floats:
    """Wavefunction (nm^-3/2, the factor e^{imφ} left out) of a level without Coulomb at points (P,)."""
    return _normal(solution) * _from_parts(solution, {level.sector: level.vector}, r, z)


def field_level_values(solution: MoleculeSolution, level: Level, r: Floats, z: Floats) -> Floats:
    """Wavefunction of an electron level in the hole's field at points (P,).

    Normalised over both images of a half mesh already.
    """
    operator = solution.field_operator
    if operator is None:
        message = "there is no level in a hole's field without a pair"
        raise ValueError(message)
    return _values(solution, operator.images(level.vector), r, z) / math.sqrt(solution.symmetry.turn)


def hole_values(solution: MoleculeSolution, r: Floats, z: Floats) -> Floats:
    """Wavefunction of the hole at points (P,): of the lowest pair, or the lowest level without Coulomb."""
    if not solution.pairs:
        return level_values(solution, solution.levels["hole"][0], r, z)
    state = solution.pairs[0].pair.hole
    parts = state.space.parts(state.vector)
    return _normal(solution) * _from_parts(solution, parts, r, z)


def electron_pull(solution: MoleculeSolution, r: Floats, z: Floats) -> Floats:
    """Potential energy (eV) of the electron in the field of the lowest pair's hole at points (P,)."""
    return -_from_parts(solution, solution.pairs[0].pair.hole_potential, r, z)


def hole_pull(solution: MoleculeSolution, r: Floats, z: Floats) -> Floats:
    """Potential energy (eV) of the hole in the field of the lowest pair's electron at points (P,)."""
    return -_from_parts(solution, solution.pairs[0].pair.electron_potential, r, z)


def _from_parts(solution: MoleculeSolution, parts: Mapping[Sector, Floats], r: Floats, z: Floats) -> Floats:
    return _values(solution, solution.symmetry.image_values(parts), r, z)


def band_edge(solution: MoleculeSolution, carrier: Carrier, r: Floats, z: Floats) -> Floats:
    """Band edge (eV) of a carrier at points (P,), with self-polarisation and field; infinite behind a hard wall."""
    molecule = molecule_of(solution)
    names = materials_at(molecule, z, r)
    edges = np.array([edge_of(molecule.parameters[material], carrier) for material in names])
    polarised = next((h.polarisation for h in solution.hamiltonians.values()), None)
    if polarised is not None:
        permittivities = np.array([molecule.parameters[material].permittivity for material in names])
        own = polarised.source.potential(_positions(solution, r, z))
        edges = edges + COULOMB_EV_NM / (2 * permittivities) * own
    if molecule.field == 0:
        return edges
    energy = -molecule.field * z
    response = solution.field.response
    if response is not None:
        energy = energy + _values(solution, [response], r, z)
    return edges + CHARGE[carrier] * energy


def fixed_sign(values: Sequence[Floats], z: Floats) -> list[Floats]:
    """Each function with the sign that makes it mostly positive at the upper end, or everywhere."""
    fixed = []
    for function in values:
        total = float(np.sum(function))
        upper = float(np.sum(function[z > 0]))
        measure = total if abs(total) > 0.1 * float(np.sum(np.abs(function))) else upper
        fixed.append(function if measure >= 0 else -function)
    return fixed


MAPPED = 2
ELEMENTS = "envelope functions, curved finite elements in (r, z)"
COMPLEX_COLUMNS = (
    ("energy", "energy_eV", "eV"),
    ("error", "error_meV", "meV"),
    ("m", "m", "1"),
    ("degeneracy", "degeneracy", "1"),
    ("electron_spin", "electron_spin", "1"),
    ("hole_spin", "hole_spin", "1"),
    ("total_spin", "total_spin", "1"),
)
METHOD = {
    "none": ELEMENTS,
    "self-consistent": f"{ELEMENTS}, self-consistent Hartree pair",
    "ci": f"{ELEMENTS}, configuration interaction in orbitals of the self-consistent Hartree pairs",
}


def make_dataset(job: Job, summary: Mapping[str, Any], variations: Sequence[Variation]) -> xr.Dataset:
    """Levels, numbers, functions along the axis and in the half plane, each with `units` and `long_name`."""
    data = xr.Dataset(attrs=_attributes(job, summary))
    _add_levels(data, job)
    _add_numbers(data, summary)
    _add_functions(data, job.solution)
    _add_complexes(data, summary.get("complexes", {}))
    if variations:
        _add_variations(data, variations)
    return data


def _add_complexes(data: xr.Dataset, complexes: Mapping[str, Any]) -> None:
    """Lowest states of each complex; their names stand in the dimension's labels."""
    for name, found in complexes.items():
        dimension = f"state_of_{found['electrons']}e{found['holes']}h"
        stem = f"complex_{found['electrons']}e{found['holes']}h"
        for column, key, units in COMPLEX_COLUMNS:
            listed = [state.get(key) for state in found["states"]]
            if all(value is None for value in listed):
                continue
            values = np.array([np.nan if value is None else value for value in listed])
            data[f"{stem}_{column}"] = (dimension, values, _named(units, f"{column} of the states of {name}"))
        for key, what in (("label", "kind"), ("parity", "parity under z -> -z")):
            texts = np.array([state[key] or "" for state in found["states"]], dtype=object)
            data[f"{stem}_{key}"] = (dimension, texts, _named("1", f"{what} of the states of {name}"))


def _named(units: str, name: str) -> dict[str, str]:
    return {"units": units, "long_name": name}


def _attributes(job: Job, summary: Mapping[str, Any]) -> dict[str, Any]:
    solution = job.solution
    versions = provenance()
    return {
        "qdmol_version": versions["qdmol"],
        **{f"{name}_version": version for name, version in versions.items() if name not in {"qdmol", "platform"}},
        "platform": versions["platform"],
        "spec": dump_spec(job.spec),
        "method": METHOD[job.spec.calculation.coulomb],
        "mesh_elements": solution.elements.elements,
        "order": solution.resolution.degree,
        "unknowns": solution.elements.count,
        "wall_distance_nm": solution.wall.distance,
        "elapsed_s": summary["elapsed_s"],
        "converged": int(summary["converged"]),
        "warnings": json.dumps(summary["warnings"]),
    }


def _add_levels(data: xr.Dataset, job: Job) -> None:
    for carrier, levels in job.solution.levels.items():
        _add_list(data, carrier, f"{carrier}_level", levels.levels)
    if job.solution.field_levels is not None:
        _add_list(data, "electron_coulomb", "electron_coulomb_level", job.solution.field_levels.levels)
    _add_monomers(data, job)
    _add_dot_shares(data, job)


def _add_dot_shares(data: xr.Dataset, job: Job) -> None:
    """Probability of each level in each dot, of a molecule of several dots; which monomer each dot is alone."""
    if len(job.molecule.dots) < 2:
        return
    shares = {carrier: job.dot_shares(carrier) for carrier in job.solution.levels}
    listed: dict[str, Floats] = {str(carrier): np.array(rows) for carrier, rows in shares.items() if rows}
    if job.solution.field_levels is not None:
        listed["electron_coulomb"] = field_dot_shares(job.solution)
    for prefix, rows in listed.items():
        name = f"probability of {prefix.replace('_coulomb', '')} levels{' in the field of the hole' * ('_' in prefix)}"
        data[f"{prefix}_dot_share"] = ((f"{prefix}_level", "dot"), rows, _named("1", f"{name} in each dot"))
    if job.monomers:
        alone = list(job.monomers)
        places = np.array([alone.index(dot.layers) for dot in job.molecule.dots], dtype=np.int32)
        data["monomer_of_dot"] = ("dot", places, _named("1", "place of each dot among the distinct monomers"))


def _add_monomers(data: xr.Dataset, job: Job) -> None:
    """Lowest bare level of each distinct dot alone."""
    for carrier in ("electron", "hole") if job.monomers else ():
        levels = [monomer.levels[carrier][0] for monomer in job.monomers.values()]
        name = f"of the lowest {carrier} level of each distinct monomer"
        energies = np.array([level.energy for level in levels])
        errors = np.array([1000 * level.error for level in levels])
        data[f"monomer_{carrier}_energy"] = ("monomer", energies, _named("eV", f"energy {name}"))
        data[f"monomer_{carrier}_error"] = ("monomer", errors, _named("meV", f"numerical error {name}"))


def _add_list(data: xr.Dataset, prefix: str, dimension: str, levels: Sequence[Level]) -> None:
    name = prefix.replace("_coulomb", "") + (" in the field of the hole" if "coulomb" in prefix else "")
    columns = {
        "energy": ([level.energy for level in levels], "eV", f"energy of {name} levels"),
        "error": ([1000 * level.error for level in levels], "meV", f"numerical error of {name} levels"),
        "m": ([level.sector.labels["m"] for level in levels], "1", f"angular momentum about the axis of {name} levels"),
    }
    for column, (values, units, long_name) in columns.items():
        data[f"{prefix}_{column}"] = (dimension, np.array(values), _named(units, long_name))
    parities = np.array([level.sector.labels["parity"] or "" for level in levels], dtype=object)
    data[f"{prefix}_parity"] = (dimension, parities, _named("1", f"parity under z -> -z of {name} levels"))


def _add_numbers(data: xr.Dataset, summary: Mapping[str, Any]) -> None:
    """Every scalar of the JSON object under its key without the unit."""
    for source in (summary, summary["coulomb"] or {}):
        for key, value in source.items():
            stem, _, unit = key.rpartition("_")
            if unit in {"meV", "eV"} and isinstance(value, float):
                data[stem] = ((), value, _named(unit, stem.replace("_", " ")))


def _add_functions(data: xr.Dataset, solution: MoleculeSolution) -> None:
    grid = make_grid(solution)
    data.coords["z"] = ("z", grid.z, _named("nm", "position along the axis"))
    data.coords["map_r"] = ("map_r", grid.map_r, _named("nm", "distance from the axis"))
    data.coords["map_z"] = ("map_z", grid.map_z, _named("nm", "position along the axis"))
    _add_regions(data, solution, grid)
    for carrier in ("electron", "hole"):
        edge = band_edge(solution, carrier, *grid.axis)
        data[f"{carrier}_edge"] = ("z", edge, _named("eV", f"band edge of the {carrier} along the axis"))
    _add_orbitals(data, solution, grid)
    if solution.pairs:
        pulls = {"electron": electron_pull, "hole": hole_pull}
        for carrier, other in (("electron", "hole"), ("hole", "electron")):
            edge = data[f"{carrier}_edge"].values + pulls[carrier](solution, *grid.axis)
            attributes = _named("eV", f"{carrier} band edge in the field of the {other}")
            data[f"{carrier}_edge_coulomb"] = ("z", edge, attributes)
        level = solution.pairs[0].pair.hole.level
        data["hole_coulomb_energy"] = ((), level, _named("eV", "hole level in the field of the electron"))


def _add_regions(data: xr.Dataset, solution: MoleculeSolution, grid: Grid) -> None:
    names = list(solution.molecule.parameters)
    attributes = {**_named("1", "material, as a place in the list of regions"), "regions": ", ".join(names)}
    for name, dims, (r, z) in (("region", ("z",), grid.axis), ("region_map", ("map_r", "map_z"), grid.plane)):
        found = materials_at(molecule_of(solution), z, r)
        numbers = np.array([names.index(material) for material in found], dtype=np.int32)
        data[name] = (dims, numbers.reshape([data.sizes[dim] for dim in dims]), attributes)


def _add_orbitals(data: xr.Dataset, solution: MoleculeSolution, grid: Grid) -> None:
    electron = solution.levels["electron"].levels[:MAPPED] if "electron" in solution.levels else ()
    field = solution.field_levels.levels[:MAPPED] if solution.field_levels is not None else ()
    bare = [partial(level_values, solution, level) for level in electron]
    bound = [partial(field_level_values, solution, level) for level in field]
    for name, functions in (("electron", bare), ("electron_coulomb", bound)):
        if functions:
            _store(data, name, ("electron_map",), functions, grid)
    if "hole" in solution.levels:
        _store(data, "hole", (), [partial(hole_values, solution)], grid)


def _store(
    data: xr.Dataset,
    name: str,
    leading: tuple[str, ...],
    functions: Sequence[Callable[[Floats, Floats], Floats]],
    grid: Grid,
) -> None:
    """The density along the axis and the wavefunction in the half plane of some states."""
    shape = (len(grid.map_r), len(grid.map_z))
    r, z = grid.plane
    maps = fixed_sign([function(r, z) for function in functions], z)
    axis = [function(*grid.axis) ** 2 for function in functions]
    title = name.replace("_coulomb", " in the field of the hole")
    wave, density = np.stack(maps).reshape(-1, *shape), np.stack(axis)
    if not leading:
        wave, density = wave[0], density[0]
    dims = (*leading, "map_r", "map_z")
    data[f"{name}_wavefunction"] = (dims, wave, _named("nm^-3/2", f"wavefunction of the {title}"))
    data[f"{name}_density_axis"] = ((*leading, "z"), density, _named("nm^-3", f"density of the {title} on the axis"))


def _add_variations(data: xr.Dataset, variations: Sequence[Variation]) -> None:
    labels = np.array([variation.label for variation in variations], dtype=object)
    data.coords["alternative"] = ("alternative", labels)
    for name in ("splitting", "redshift"):
        values = [getattr(variation, name) for variation in variations]
        if any(value is not None for value in values):
            numbers = np.array([np.nan if value is None else value for value in values])
            data[f"range_{name}"] = ("alternative", numbers, _named("meV", f"{name} with one value replaced"))
    for name, column in (("range_source", "source"), ("range_reason", "reason")):
        texts = np.array([getattr(variation, column) or "" for variation in variations], dtype=object)
        data[name] = ("alternative", texts, _named("1", column))
