"""Labelled dataset of a solution, for the NetCDF file and the data of every figure.

Wavefunctions, densities and edges on regular grids, for figures and files.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from qdmol.arrays import Floats
from qdmol.fem import Sector
from qdmol.meanfield import MoleculeSolution, field_dot_shares
from qdmol.potentials import CHARGE, Carrier, edge_of
from qdmol.results import provenance
from qdmol.states import Level, ScreenedHamiltonian
from qdmol.structure import AxialMolecule, dump_spec, materials_at
from qdmol.study.job import Job
from qdmol.study.summary import summary_of
from qdmol.study.values import ComplexLevel, ComplexStates, SolutionValues, Variation
from qdmol.units import COULOMB_EV_NM

AXIS_POINTS = 801
MAP_POINTS = (121, 321)
# Of the integral over a cross-section: panels of the radius, Gauss points in each.
PANELS, PANEL_POINTS = 8, 6
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
    def cross_sections(self) -> tuple[Floats, Floats, Floats]:
        """Flat r, z and weight (2π r dr, nm²) of the points that integrate over the cross-section at each `z`.

        Gauss-Legendre points in panels, z by z.
        """
        nodes, weights = np.polynomial.legendre.leggauss(PANEL_POINTS)
        edges = np.linspace(0, self.map_r[-1], PANELS + 1)
        half = np.diff(edges)[:, None] / 2
        radii = (edges[:-1, None] + half * (1 + nodes)).ravel()
        areas = 2 * np.pi * radii * (half * weights).ravel()
        return np.tile(radii, len(self.z)), np.repeat(self.z, len(radii)), np.tile(areas, len(self.z))

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
    """The molecule with its dots in the order of the spec."""
    return solution.molecule.mirrored() if solution.flipped else solution.molecule


def _values(solution: MoleculeSolution, images: Sequence[Floats], r: Floats, z: Floats) -> Floats:
    """Values (..., P), at points of the plane y = 0, of functions with vectors (..., n) on each image of the mesh."""
    return solution.elements.values_at(images, _positions(solution, r, z))


def _positions(solution: MoleculeSolution, r: Floats, z: Floats) -> Floats:
    """Positions (P, 3) in the molecule that was solved."""
    return np.stack([r, np.zeros_like(r), -z if solution.flipped else z], axis=-1)


def _normal(solution: MoleculeSolution) -> float:
    """Factor from the normalisation ∫ψ² = 1 in the elements' measure to ∫ψ² d³r = 1 over the molecule."""
    return 1 / math.sqrt(solution.symmetry.turn * len(solution.symmetry.images))


@dataclass(frozen=True, slots=True)
class _Orbitals:
    """Wavefunctions of K states: vectors (K, n) on each image of the mesh.

    Times `scale` they are normalised, ∫|ψ|² d³r = 1. `dimension` is None for a single function.
    """

    stem: str
    dimension: str | None
    name: str
    images: Sequence[Floats]
    scale: float


def _level_orbitals(solution: MoleculeSolution, carrier: Carrier, levels: Sequence[Level]) -> _Orbitals:
    images = [solution.symmetry.image_values({level.sector: level.vector}) for level in levels]
    return _Orbitals(carrier, f"{carrier}_level", f"{carrier} levels", _by_image(images), _normal(solution))


def _field_orbitals(solution: MoleculeSolution, operator: ScreenedHamiltonian, levels: Sequence[Level]) -> _Orbitals:
    """Electron levels in the hole's field; they are normalised over all images already."""
    images = _by_image([operator.images(level.vector) for level in levels])
    name = "electron levels in the field of the hole"
    return _Orbitals("electron_coulomb", "electron_coulomb_level", name, images, 1 / math.sqrt(solution.symmetry.turn))


def _pair_hole(solution: MoleculeSolution) -> _Orbitals:
    state = solution.pairs[0].pair.hole
    images = _by_image([solution.symmetry.image_values(state.space.parts(state.vector))])
    return _Orbitals("hole_coulomb", None, "hole in the field of the electron", images, _normal(solution))


def _by_image(functions: Sequence[Sequence[Floats]]) -> list[Floats]:
    """Vectors (K, n) for each image, from those (n,) of each of K functions on every image."""
    return [np.stack(vectors) for vectors in zip(*functions, strict=True)]


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


ELEMENTS = "envelope functions, curved finite elements in (r, z)"
COMPLEX_COLUMNS: tuple[tuple[str, str, Callable[[ComplexLevel], float | None]], ...] = (
    ("energy", "eV", lambda level: level.energy.value),
    ("error", "meV", lambda level: 1000 * level.energy.error),
    ("m", "1", lambda level: level.m),
    ("degeneracy", "1", lambda level: level.degeneracy),
    ("electron_spin", "1", lambda level: level.electron_spin),
    ("hole_spin", "1", lambda level: level.hole_spin),
    ("total_spin", "1", lambda level: level.total_spin),
)
METHOD = {
    "none": ELEMENTS,
    "self-consistent": f"{ELEMENTS}, self-consistent Hartree pair",
    "ci": f"{ELEMENTS}, configuration interaction in orbitals of the self-consistent Hartree pairs",
}


def make_dataset(job: Job, values: SolutionValues) -> xr.Dataset:
    """Levels, numbers, functions along the axis and in the half plane, each with `units` and `long_name`."""
    data = xr.Dataset(attrs=_attributes(job, values))
    _add_levels(data, job)
    _add_numbers(data, values)
    _add_functions(data, job.solution)
    _add_complexes(data, values.complexes)
    if values.variations:
        _add_variations(data, values.variations)
    return data


def _add_complexes(data: xr.Dataset, complexes: Mapping[str, ComplexStates]) -> None:
    """Lowest states of each complex; their names stand in the dimension's labels."""
    for name, states in complexes.items():
        dimension = f"state_of_{states.electrons}e{states.holes}h"
        stem = f"complex_{states.electrons}e{states.holes}h"
        for column, units, read in COMPLEX_COLUMNS:
            listed = [read(level) for level in states.states]
            if all(value is None for value in listed):
                continue
            numbers = np.array([np.nan if value is None else value for value in listed])
            data[f"{stem}_{column}"] = (dimension, numbers, _named(units, f"{column} of the states of {name}"))
        labels = [level.label or "" for level in states.states]
        parities = [level.parity or "" for level in states.states]
        for key, texts, what in (("label", labels, "kind"), ("parity", parities, "parity under z -> -z")):
            stored = np.array(texts, dtype=object)
            data[f"{stem}_{key}"] = (dimension, stored, _named("1", f"{what} of the states of {name}"))


def _named(units: str, name: str) -> dict[str, str]:
    return {"units": units, "long_name": name}


def _attributes(job: Job, values: SolutionValues) -> dict[str, Any]:
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
        "elapsed_s": values.elapsed,
        "converged": int(values.converged),
        "warnings": json.dumps(list(values.warnings)),
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
    name = f"{prefix.replace('_coulomb', '')} levels{' in the field of the hole' * ('_' in prefix)}"
    columns = {
        "energy": ([level.energy for level in levels], "eV", f"energy of {name}"),
        "error": ([1000 * level.error for level in levels], "meV", f"numerical error of {name}"),
        "m": ([level.sector.labels["m"] for level in levels], "1", f"angular momentum about the axis of {name}"),
    }
    for column, (values, units, long_name) in columns.items():
        data[f"{prefix}_{column}"] = (dimension, np.array(values), _named(units, long_name))
    parities = np.array([level.sector.labels["parity"] or "" for level in levels], dtype=object)
    data[f"{prefix}_parity"] = (dimension, parities, _named("1", f"parity under z -> -z of {name}"))


def _add_numbers(data: xr.Dataset, values: SolutionValues) -> None:
    """Every scalar of the JSON object under its key without the unit."""
    summary = summary_of(values)
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
        for carrier, partner in (("electron", "hole"), ("hole", "electron")):
            edge = data[f"{carrier}_edge"].values + pulls[carrier](solution, *grid.axis)
            attributes = _named("eV", f"{carrier} band edge in the field of the {partner}")
            data[f"{carrier}_edge_coulomb"] = ("z", edge, attributes)
        level = solution.pairs[0].pair.hole.level
        data["hole_coulomb_energy"] = ((), level, _named("eV", "hole level in the field of the electron"))


def _add_regions(data: xr.Dataset, solution: MoleculeSolution, grid: Grid) -> None:
    names = list(solution.molecule.parameters)
    attributes = {**_named("1", "material, as a place in the list of regions"), "regions": ", ".join(names)}
    for name, dims, (r, z) in (("region", ("z",), grid.axis), ("region_map", ("map_r", "map_z"), grid.plane)):
        materials = materials_at(molecule_of(solution), z, r)
        numbers = np.array([names.index(material) for material in materials], dtype=np.int32)
        data[name] = (dims, numbers.reshape([data.sizes[dim] for dim in dims]), attributes)


def _add_orbitals(data: xr.Dataset, solution: MoleculeSolution, grid: Grid) -> None:
    """Wavefunctions and densities of every level, and of the hole of the lowest pair.

    In the half plane, on the axis, and integrated over the cross-section.
    """
    listed = [
        _level_orbitals(solution, carrier, levels.levels) for carrier, levels in solution.levels.items() if len(levels)
    ]
    if solution.field_operator is not None and solution.field_levels is not None and len(solution.field_levels):
        listed.append(_field_orbitals(solution, solution.field_operator, solution.field_levels.levels))
    if solution.pairs:
        listed.append(_pair_hole(solution))
    if not listed:
        return
    # All together, for a point is located once for all functions.
    images = [np.concatenate(vectors) for vectors in zip(*(orbitals.images for orbitals in listed), strict=True)]
    counts = [len(orbitals.images[0]) for orbitals in listed]
    scale = np.repeat([orbitals.scale for orbitals in listed], counts)[:, None]
    maps = scale * _values(solution, images, *grid.plane)
    axis = (scale * _values(solution, images, *grid.axis)) ** 2
    r, z, weights = grid.cross_sections
    densities = weights * (scale * _values(solution, images, r, z)) ** 2
    densities = densities.reshape(len(scale), len(grid.z), -1).sum(axis=-1)
    shape = (len(grid.map_r), len(grid.map_z))
    maps = np.stack(fixed_sign(list(maps), grid.plane[1])).reshape(-1, *shape)
    ends = np.cumsum(counts)[:-1]
    parts = zip(listed, *(np.split(values, ends) for values in (maps, axis, densities)), strict=True)
    for orbitals, wave, on_axis, along_z in parts:
        _store(data, orbitals, wave, on_axis, along_z)


def _store(data: xr.Dataset, orbitals: _Orbitals, wave: Floats, on_axis: Floats, along_z: Floats) -> None:
    """Wavefunctions (K, R, M), densities on the axis (K, Z) and densities along z (K, Z) of some states."""
    leading: tuple[str, ...] = ()
    if orbitals.dimension is None:
        wave, on_axis, along_z = wave[0], on_axis[0], along_z[0]
    else:
        leading = (orbitals.dimension,)
    stem, name = orbitals.stem, orbitals.name
    data[f"{stem}_wavefunction"] = (
        (*leading, "map_r", "map_z"),
        wave,
        _named("nm^-3/2", f"wavefunction of the {name}, without exp(i m phi)"),
    )
    data[f"{stem}_density_axis"] = ((*leading, "z"), on_axis, _named("nm^-3", f"density of the {name} on the axis"))
    data[f"{stem}_density_z"] = (
        (*leading, "z"),
        along_z,
        _named("nm^-1", f"density of the {name}, integrated over the cross-section"),
    )


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
