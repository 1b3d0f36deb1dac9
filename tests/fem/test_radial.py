"""Elements along the radius, and the symmetry of a sphere."""

import math

import numpy as np
import pytest
import scipy.linalg

from qdmol.fem import Assembler, AxialSymmetry, SphericalSymmetry, radial_elements

LAYERS = (("CdSe", 1.4, 0.8), ("CdS", 3.5, 1.1))


def _elements(degree=6):
    return radial_elements(LAYERS, degree=degree)


def test_volumes_of_the_layers():
    elements = _elements()
    assert elements.regions == ("CdSe", "CdS")
    for name, inner, outer in (("CdSe", 0.0, 1.4), ("CdS", 1.4, 3.5)):
        assembler = Assembler(elements, frozenset({name}))
        volume = elements.symmetry.turn * assembler.integral([np.ones_like(b.measure) for b in assembler.blocks])
        assert volume == pytest.approx(4 / 3 * math.pi * (outer**3 - inner**3), rel=1e-13)


def test_elements_are_no_longer_than_allowed():
    edges = {(0.0, 1.4): 0.8, (1.4, 3.5): 1.1}
    (block,) = _elements().blocks
    for (inner, outer), size in edges.items():
        inside = (block.points[:, 0, 0] > inner) & (block.points[:, -1, 0] < outer)
        assert np.count_nonzero(inside) == math.ceil((outer - inner) / size)


@pytest.mark.parametrize("ell", [0, 1, 3])
def test_levels_of_a_hard_ball(ell):
    """Squares of the zeros of spherical Bessel functions."""
    zeros = {0: math.pi, 1: 4.493409457909064, 3: 6.987932000500519}
    elements = radial_elements((("ball", 1.0, 0.4),), degree=8)
    assembler = Assembler(elements)
    ones = [np.ones_like(block.measure) for block in assembler.blocks]
    sector = elements.symmetry.sector(ell, 0)
    energy = assembler.stiffness(ones) + elements.symmetry.angular_factor(sector) * assembler.angular(ones)
    keep = np.setdiff1d(
        np.flatnonzero(elements.allowed(elements.symmetry.vanishing(sector))), elements.boundaries["outer"]
    )
    A, M = (assembler.pattern.matrix(e).toarray()[np.ix_(keep, keep)] for e in (energy, assembler.mass(ones)))
    assert scipy.linalg.eigvalsh(A, M)[0] == pytest.approx(zeros[ell] ** 2, rel=1e-9)


def test_functions_of_a_lower_degree_are_a_subset():
    high, low = _elements(7), _elements(6)
    ones = [[np.ones_like(b.measure) for b in elements.blocks] for elements in (high, low)]
    keep = np.flatnonzero(high.degree_of < 7)
    A, B = (
        assembler.pattern.matrix(assembler.stiffness(values)).toarray()
        for assembler, values in zip((Assembler(high), Assembler(low)), ones, strict=True)
    )
    assert A[np.ix_(keep, keep)] == pytest.approx(B, abs=1e-12)


def test_sampling_reproduces_a_polynomial_and_is_zero_outside():
    elements = _elements()
    assembler = Assembler(elements)
    ones = [np.ones_like(block.measure) for block in assembler.blocks]
    mass = assembler.pattern.matrix(assembler.mass(ones)).toarray()
    vector = np.linalg.solve(mass, assembler.load([1 - block.points[..., 0] ** 3 / 7 for block in assembler.blocks]))
    positions = np.array([[0.0, 0.0, 0.0], [0.3, -0.4, 1.2], [0.0, 2.0, -2.0], [3.0, 2.0, 1.0]])
    radii = np.linalg.norm(positions, axis=1)
    expected = np.where(radii <= 3.5, 1 - radii**3 / 7, 0.0)
    assert elements.values_at([vector], positions) == pytest.approx(expected, abs=1e-11)


def test_partners_have_every_m_and_the_parity_of_spherical_harmonics():
    symmetry = SphericalSymmetry()
    labels = [dict(partner.labels) for partner in symmetry.partners(symmetry.sector(2, 0))]
    assert sorted(label["m"] for label in labels) == [-2, -1, 0, 1, 2]
    assert {label["m"]: label["parity"] for label in labels} == {0: "+", 1: "-", -1: "-", 2: "+", -2: "+"}
    assert symmetry.multiplicity(symmetry.sector(4, 1)) == 9


def test_levels_of_equal_energy_are_listed_in_the_order_of_the_half_plane():
    sphere, axis = SphericalSymmetry(), AxialSymmetry(mirror=True)
    ours = sorted((s for ell in (1, 2) for s in sphere.partners(sphere.sector(ell, 0))), key=sphere.sort_key)
    theirs = sorted(
        (axis.sector(s.labels["m"], {"+": 1, "-": -1}[s.labels["parity"]]) for s in ours), key=axis.sort_key
    )
    assert [s.labels for s in ours] == [s.labels for s in theirs]
