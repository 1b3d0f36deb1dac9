"""Molecules solved for the tests of orbitals and integrals, and bases of bare levels."""

from functools import cache

import numpy as np

from qdmol.ci.orbitals import OrbitalBasis
from qdmol.meanfield import MoleculeSolution, Request, solve_molecule
from qdmol.meanfield.functions import Functions
from qdmol.states import find_levels
from qdmol.structure import AxialMolecule, PlacedDot, PlacedLayer, RegionParameters, read_spec, resolve

REQUEST = Request({"electron": 2, "hole": 2}, coulomb=True, tolerance=1e-4)


@cache
def solved(example: str, *, monomer: bool = False) -> MoleculeSolution:
    """A shipped example, or its first dot alone."""
    molecule = resolve(read_spec(f"@{example}"))
    return solve_molecule(molecule.monomer(0) if monomer else molecule, REQUEST)


def hard_sphere(radius: float, *, masses=(0.2, 0.5), permittivity=10.0, levels=9) -> MoleculeSolution:
    """A sphere with hard walls, one permittivity everywhere."""
    parameters = {
        "dot": RegionParameters(*masses, 0.0, 0.0, permittivity),
        "medium": RegionParameters(1.0, 1.0, np.inf, np.inf, permittivity),
    }
    molecule = AxialMolecule((PlacedDot(0.0, (PlacedLayer("dot", radius),)),), (), parameters, 0.0, 1.75)
    return solve_molecule(molecule, Request({"electron": levels, "hole": levels}, coulomb=True, tolerance=1e-6))


def bare_basis(solution: MoleculeSolution, carrier: str, count: int) -> OrbitalBasis:
    """The lowest levels without any other carrier, as orbitals."""
    hamiltonian = solution.hamiltonians[carrier]
    levels = find_levels(hamiltonian, count, ceiling=4.0).levels
    radial = [level for level in levels if level.sector.labels["m"] >= 0]
    functions = Functions.of_levels(hamiltonian, radial)
    symmetry = hamiltonian.symmetry
    places = [
        next(
            k
            for k, other in enumerate(radial)
            if level.sector in symmetry.partners(other.sector) and abs(other.energy - level.energy) < 1e-9
        )
        for level in levels
    ]
    numbers = np.array([level.sector.numbers for level in levels])
    rows = np.array(places)
    energy = np.array([level.energy for level in levels])
    weight = functions.near(solution.molecule.centres)[:, rows][:, :, rows] * symmetry.overlap_locally(
        numbers[:, None], numbers
    )
    return OrbitalBasis(
        carrier,
        symmetry,
        numbers,
        energy,
        np.diag(energy),
        np.arange(len(rows)),
        weight,
        rows,
        functions,
    )


def table_of(interaction) -> dict[tuple[int, int, int, int], float]:
    """Every integral (a, b, c, d) listed, each once."""
    found = {}
    for block in interaction.blocks:
        for (a, b), row in zip(block.left, block.value, strict=True):
            for (c, d), value in zip(block.right, row, strict=True):
                assert (a, b, c, d) not in found
                found[a, b, c, d] = value
    return found


def exciton_energies(electrons, holes, attraction, *, m: int = 0) -> np.ndarray:
    """All levels (eV) of one electron and one hole in a basis, with a total m, by brute force."""
    totals = electrons.numbers[:, :1] + holes.numbers[:, 0]
    states = [(a, c) for a in range(len(electrons)) for c in range(len(holes)) if totals[a, c] == m]
    place = {state: k for k, state in enumerate(states)}
    matrix = np.zeros((len(states), len(states)))
    a, c = np.array(states).T
    matrix += electrons.one_body[np.ix_(a, a)] * (c[:, None] == c) + holes.one_body[np.ix_(c, c)] * (a[:, None] == a)
    for (a, b, c, d), value in table_of(attraction).items():
        if (a, c) in place and (b, d) in place:
            matrix[place[a, c], place[b, d]] -= value
    assert np.allclose(matrix, matrix.T, atol=1e-12)
    return np.linalg.eigvalsh(matrix)
