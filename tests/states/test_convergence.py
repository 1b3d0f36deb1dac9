"""Errors fall as the elements shrink: as fast as the degree allows where levels are smooth, and at the neck too."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse.linalg import eigsh
from tests.exact.radial import Sphere, lowest_levels
from tests.exact.systems import dimer_spec, sphere_molecule

from qdmol.fem import MeshSettings, Shapes, arrange, mesh_elements
from qdmol.potentials import FieldEnergy, domain
from qdmol.states import Hamiltonian, Space
from qdmol.structure import read_spec, resolve

HARD = {"medium": {"electron_barrier": "hard"}}


def _lowest(molecule, size, degree, *, corner_levels=0, wall=0.0):
    """Lowest level (eV) and number of unknowns with elements of one size (nm) everywhere."""
    layers = (wall,) if wall else ()
    shapes = Shapes(molecule, layers, 0.0, 4e-3, half=molecule.mirror_symmetric)
    regions = {region for piece in arrange(shapes) for region in (piece.left, piece.right)} - {""}
    settings = MeshSettings(dict.fromkeys(sorted(regions), size), corner_levels, degree + 2)
    elements = mesh_elements(shapes, settings, degree=degree)
    space = Space(elements, domain(elements.regions, molecule, "electron"))
    operator = Hamiltonian(space, molecule, "electron", FieldEnergy(0.0, None))
    pencil = operator.pencil(operator.symmetry.identity, coarse=False)
    energy = eigsh(pencil.A, k=1, M=pencil.M, sigma=operator.floor, return_eigenvectors=False, tol=1e-13)[0]
    return float(energy), len(pencil.unknowns)


def _order(molecule, exact, steps, **settings):
    """Twice the power of the unknowns with which the error falls from first to last step (size, degree, levels)."""
    found = [_lowest(molecule, size, degree, corner_levels=levels, **settings) for size, degree, levels in steps]
    errors, unknowns = [energy - exact for energy, _ in found], [count for _, count in found]
    assert min(errors) > 1e-10, "rounding, not the elements"
    return 2 * math.log(errors[0] / errors[-1]) / math.log(unknowns[-1] / unknowns[0])


SMOOTH = Sphere((1.4, 3.5), (0.13, 0.21), (0.0, 0.10))


@pytest.mark.parametrize(("degree", "size"), [(2, 0.4), (3, 0.5), (4, 1.0)])
def test_order_of_a_smooth_level_is_twice_the_degree(degree, size):
    exact = lowest_levels(SMOOTH, 1)[0][0]
    order = _order(sphere_molecule(SMOOTH), exact, [(size, degree, 0), (size / 2, degree, 0)])
    assert order >= 2 * degree - 1.5


def _neck(overrides=None):
    """The merged dimer and its lowest level, from small elements of degree 9 and many layers at the edge."""
    molecule = resolve(read_spec(dimer_spec(overrides=overrides, holes=0)))
    wall = {} if overrides else {"wall": 1.0}
    return molecule, wall, _lowest(molecule, 0.4, 9, corner_levels=12, **wall)[0]


@pytest.fixture(scope="module")
def soft():
    return _neck()


@pytest.fixture(scope="module")
def hard():
    """Behind a hard wall the edge is a singularity r^0.65: its worst."""
    return _neck(HARD)


@pytest.mark.parametrize("degree", [2, 3])
def test_halving_elements_at_a_refined_neck_is_as_good_as_in_the_smooth_case(soft, degree):
    molecule, wall, exact = soft
    assert _order(molecule, exact, [(0.4, degree, 8), (0.2, degree, 10)], **wall) >= 2 * degree - 1.5


def test_without_refinement_the_edge_limits_the_order_whatever_the_degree(hard):
    """2 π/ω = 1.3 for the angle ω = 276° of metal left of the plane; the element size alone does not help."""
    molecule, _, exact = hard
    orders = [_order(molecule, exact, [(0.4, degree, 0), (0.2, degree, 0)]) for degree in (2, 3, 4)]
    assert orders == pytest.approx([1.4, 1.4, 1.4], abs=0.2)


def test_raising_the_degree_at_a_refined_edge_converges_as_the_smooth_case_does(hard):
    """A layer and a degree at a time, as the solver does: in unknowns as fast as a smooth level of degree 4."""
    molecule, _, exact = hard
    assert _order(molecule, exact, [(0.8, degree, degree) for degree in (3, 6)]) >= 2 * 4 - 1.5
    assert _order(molecule, exact, [(0.8, degree, 0) for degree in (3, 6)]) < 3


@pytest.mark.parametrize("degree", [3, 4, 5, 6])
def test_the_coarse_solve_is_an_upper_bound_and_the_fine_one_a_lower(degree):
    exact = lowest_levels(SMOOTH, 1)[0][0]
    low, high = (_lowest(sphere_molecule(SMOOTH), 1.0, p)[0] for p in (degree, degree - 1))
    assert exact - 1e-9 <= low <= high


def test_mirror_halves_find_the_levels_of_the_whole():
    molecule = resolve(read_spec(dimer_spec(holes=0)))
    nudged = replace(molecule, dots=(molecule.dots[0], replace(molecule.dots[1], z=molecule.dots[1].z + 1e-9)))
    assert not nudged.mirror_symmetric
    energies = [_lowest(m, 0.6, 8, corner_levels=8, wall=1.0)[0] for m in (molecule, nudged)]
    assert np.ptp(energies) < 2e-7
