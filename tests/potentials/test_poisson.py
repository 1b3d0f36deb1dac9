"""The potential against closed forms of electrostatics; e²/4πε0 = COULOMB_EV_NM, potentials in eV for a unit charge."""

import math

import numpy as np
import pytest
import scipy.integrate
from scipy.special import eval_legendre, lpmv

from qdmol.fem import MeshSettings, Shapes, arrange, mesh_elements
from qdmol.potentials import Poisson, applied_field, images_of
from qdmol.structure import AxialMolecule, PlacedDot, PlacedLayer, RegionParameters
from qdmol.units import COULOMB_EV_NM

DEGREE = 8


def _molecule(*centres, radius=2.0, inside=10.0, outside=2.0, field=0.0):
    """Bare dots of one permittivity in a medium of another."""
    parameters = {
        "dot": RegionParameters(0.2, 0.2, 0.0, 0.0, inside),
        "medium": RegionParameters(1.0, 1.0, 5.0, 5.0, outside),
    }
    dots = tuple(PlacedDot(z, (PlacedLayer("dot", radius),)) for z in centres or (0.0,))
    return AxialMolecule(dots, (), parameters, field, 1.75)


def _elements(molecule, *, box, half=False, size=1.0, wall=1.0):
    shapes = Shapes(molecule, (wall,), box, 4e-3, half=half)
    regions = {region for piece in arrange(shapes) for region in (piece.left, piece.right)} - {""}
    sizes = {region: 3.0 if region.endswith("/far") else size for region in sorted(regions)}
    return mesh_elements(shapes, MeshSettings(sizes, 0, DEGREE), degree=DEGREE)


def _solve(molecule, density, *, box, half=False, **settings):
    """Poisson solver, density(r, z) on each image of the mesh, and its potential, a vector for each sector."""
    elements = _elements(molecule, box=box, half=half, **settings)
    poisson = Poisson(elements, molecule)
    points = [block.points for block in poisson.assembler.blocks]
    images = [[density(p[..., 0], sign * p[..., 1]) for p in points] for sign in ((1, -1) if half else (1,))]
    return poisson, images, poisson.potential(poisson.assembler, images)


def _uniform(radius, z0=0.0):
    volume = 4 / 3 * math.pi * radius**3
    return lambda r, z: (np.hypot(r, z - z0) < radius) / volume


def _sample(poisson, potential, r, z):
    return poisson.elements.sample(potential[poisson.symmetry.identity], np.asarray(r), np.asarray(z))


@pytest.mark.parametrize("contrast", [(10.0, 2.0), (2.0, 10.0), (10.0, 10.0), (10.0, 1.0)])
@pytest.mark.parametrize("box", [3.2, 8.0])
def test_a_charged_sphere_across_a_dielectric_step(contrast, box):
    inside, outside = contrast
    poisson, _, potential = _solve(_molecule(inside=inside, outside=outside), _uniform(2.0), box=box)
    r = np.array([0.05, 0.5, 1.2, 1.99, 2.01, 2.4, 2.9, 3.1])
    angle = np.linspace(0.2, 2.9, len(r))
    found = _sample(poisson, potential, r * np.sin(angle), r * np.cos(angle))
    core = COULOMB_EV_NM * (1 / (outside * 2.0) + (4.0 - r**2) / (2 * inside * 8.0))
    assert found == pytest.approx(np.where(r < 2.0, core, COULOMB_EV_NM / (outside * r)), rel=1e-8)


@pytest.mark.parametrize("box", [5.0, 12.0])
def test_a_charge_off_centre_meets_the_open_boundary(box):
    """In a uniform medium the potential is that of a point outside the charge, however near the ball around it."""
    poisson, _, potential = _solve(_molecule(1.5, outside=10.0), _uniform(2.0, 1.5), box=box)
    r, z = np.array([0.3, 2.5, 3.0, 1.0, 0.2]), np.array([-3.0, 1.0, -2.0, 4.5, 4.7])
    found = _sample(poisson, potential, r, z)
    assert found == pytest.approx(COULOMB_EV_NM / (10.0 * np.hypot(r, z - 1.5)), rel=1e-6)


@pytest.mark.parametrize("ell", [1, 2, 5])
def test_multipoles_of_a_dielectric_sphere(ell):
    """Charge r^l P_l inside a ball: a series of one term on either side of the step, matched in φ and ε φ'."""
    radius, inside, outside = 2.0, 10.0, 2.0

    def density(r, z):
        s = np.hypot(r, z)
        return np.where(s < radius, s**ell * eval_legendre(ell, z / s), 0.0)

    poisson, _, potential = _solve(_molecule(inside=inside, outside=outside), density, box=3.2, size=0.4)
    # Inside: c r^(l+2) + d r^l with c (4 l + 6) ε = -4π e²; outside: b r^-(l+1).
    c = -4 * math.pi * COULOMB_EV_NM / (inside * (4 * ell + 6))
    rows = np.array(
        [
            [radius**ell, -(radius ** -(ell + 1))],
            [inside * ell * radius ** (ell - 1), outside * (ell + 1) * radius ** -(ell + 2)],
        ]
    )
    d, b = np.linalg.solve(rows, [-c * radius ** (ell + 2), -inside * c * (ell + 2) * radius ** (ell + 1)])
    s, angle = np.array([0.4, 1.1, 1.9, 2.2, 3.0]), np.array([0.3, 2.0, 1.0, 2.8, 0.9])
    exact = np.where(s < radius, c * s ** (ell + 2) + d * s**ell, b / s ** (ell + 1)) * eval_legendre(
        ell, np.cos(angle)
    )
    assert _sample(poisson, potential, s * np.sin(angle), s * np.cos(angle)) == pytest.approx(exact, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize(("ell", "m"), [(1, 1), (2, 1), (3, 1), (2, 2), (5, 3), (7, 7), (14, 2)])
@pytest.mark.parametrize("half", [False, True])
def test_multipoles_that_turn(ell, m, half):
    """The same with P_l^m e^{imφ}; (14, 2) lies at the end of the multipoles the boundary matches."""
    radius, inside, outside = 2.0, 10.0, 2.0
    parity = (-1) ** (ell - m) if half else 0
    elements = _elements(_molecule(inside=inside, outside=outside), box=3.2, half=half, size=0.4)
    poisson = Poisson(elements, _molecule(inside=inside, outside=outside))
    norm = abs(lpmv(m, ell, np.linspace(-1, 1, 101))).max()
    points = [block.points for block in poisson.assembler.blocks]
    s = [np.hypot(p[..., 0], p[..., 1]) for p in points]
    density = [
        np.where(q < radius, q**ell * lpmv(m, ell, p[..., 1] / q), 0.0) / norm for q, p in zip(s, points, strict=True)
    ]
    loads = 4 * math.pi * COULOMB_EV_NM * poisson.assembler.load(density)
    potential = poisson.answers(np.stack([loads, -2 * loads], axis=1), poisson.symmetry.sector(m, parity))
    c = -4 * math.pi * COULOMB_EV_NM / (inside * (4 * ell + 6))
    d = -c * radius**2 * (inside * (ell + 2) + outside * (ell + 1)) / (inside * ell + outside * (ell + 1))
    b = (c * radius**2 + d) * radius ** (2 * ell + 1)
    s, angle = np.array([0.4, 1.1, 1.9, 2.2, 3.0]), np.array([0.3, 1.4, 1.0, 0.8, 0.9])
    exact = (
        np.where(s < radius, c * s ** (ell + 2) + d * s**ell, b / s ** (ell + 1)) * lpmv(m, ell, np.cos(angle)) / norm
    )
    found = elements.sample(potential[:, 0], s * np.sin(angle), s * np.cos(angle))
    assert found == pytest.approx(exact, abs=1e-5 * abs(exact).max())
    assert potential[:, 1] == pytest.approx(-2 * potential[:, 0], rel=1e-9, abs=1e-12)
    opposite = poisson.answers(loads[:, None], poisson.symmetry.sector(-m, parity))
    assert np.array_equal(opposite[:, 0], poisson.answers(loads[:, None], poisson.symmetry.sector(m, parity))[:, 0])


def test_a_half_mesh_finds_what_the_whole_one_does():
    """A charge in the upper of two dots: its even and odd halves together are the potential of the whole."""
    molecule = _molecule(2.3, -2.3)
    charge = _uniform(2.0, 2.3)
    whole, _, potential = _solve(molecule, charge, box=6.5)
    half, _, parts = _solve(molecule, charge, box=6.5, half=True)
    r, z = np.array([0.5, 1.0, 3.0, 0.7]), np.array([2.0, 0.6, 3.0, 4.6])
    even, odd = (half.elements.sample(parts[sector], r, z) for sector in half.symmetry.ground_sectors)
    assert even + odd == pytest.approx(_sample(whole, potential, r, z), rel=1e-5)
    assert even - odd == pytest.approx(_sample(whole, potential, r, -z), rel=1e-5)


def test_reciprocity():
    """∫ρ1 φ2 = ∫ρ2 φ1 across a dielectric step and through the open boundary."""
    molecule = _molecule(2.3, -2.0)
    charges = _uniform(2.0, 2.3), lambda r, z: np.where(np.hypot(r, z + 2.0) < 2.0, 1 + z**2 + r, 0.0)
    found = []
    for source, probe in (charges, charges[::-1]):
        poisson, _, potential = _solve(molecule, source, box=6.0)
        field = images_of(poisson.assembler, potential)[0]
        values = [
            probe(*np.moveaxis(b.points, -1, 0)) * f for b, f in zip(poisson.assembler.blocks, field, strict=True)
        ]
        found.append(poisson.assembler.integral(values))
    assert found[0] == pytest.approx(found[1], rel=1e-11)


@pytest.mark.parametrize("radius", [1.5, 3.0])
def test_attraction_in_a_hard_sphere_to_first_order(radius):
    """1.78607 e²/(εR) of two 1S densities: Brus, J. Chem. Phys. 80, 4403 (1984), doi:10.1063/1.447218."""

    def density(r, z):
        s = np.hypot(r, z)
        return np.where(s < radius, np.sinc(s / radius) ** 2 * math.pi / (2 * radius**3), 0.0)

    poisson, (values,), potential = _solve(_molecule(radius=radius, outside=10.0), density, box=radius + 1.5)
    field = images_of(poisson.assembler, potential)[0]
    both = [a * b for a, b in zip(values, field, strict=True)]
    attraction = 2 * math.pi * poisson.assembler.integral(both)
    sine_integral = [scipy.integrate.quad(lambda t: np.sinc(t / math.pi), 0, x)[0] for x in (2 * math.pi, 4 * math.pi)]
    exact = 2 - sine_integral[0] / math.pi + sine_integral[1] / (2 * math.pi)
    assert exact == pytest.approx(1.7860731682, abs=1e-10)
    assert attraction * 10.0 * radius / COULOMB_EV_NM == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(("inside", "outside"), [(10.0, 1.0), (10.0, 2.0), (3.0, 9.0)])
def test_a_field_in_a_dielectric_sphere_is_uniform_and_screened(inside, outside):
    """E_in = 3 ε_out E / (ε_in + 2 ε_out); outside a dipole is added (Jackson, Classical Electrodynamics, 4.4)."""
    molecule = _molecule(inside=inside, outside=outside, field=0.01)
    elements = _elements(molecule, box=3.5)
    energy = applied_field(elements, molecule)
    r, z = np.array([0.2, 1.0, 0.4, 1.5, 0.5, 2.5]), np.array([1.0, -1.2, 0.1, 2.4, -3.0, 0.3])
    potential = -0.01 * z + elements.sample(energy.response, r, z)
    s = np.hypot(r, z)
    ratio = (inside - outside) / (inside + 2 * outside)
    exact = np.where(s < 2.0, -0.03 * outside / (inside + 2 * outside) * z, -0.01 * z + 0.01 * ratio * 8.0 * z / s**3)
    assert potential == pytest.approx(exact, rel=1e-6)


def test_a_field_in_a_uniform_medium_is_itself():
    molecule = _molecule(outside=10.0, field=0.01)
    assert applied_field(_elements(molecule, box=4.0), molecule).response is None
