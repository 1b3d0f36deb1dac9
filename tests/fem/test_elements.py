"""Shapes, elements and matrices against geometry, against NGSolve's own assembly, and against one another."""

import math

import ngsolve
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse.linalg
from hypothesis import given, settings, strategies as st
from tests.exact.systems import dimer_spec, dot, molecule_spec

from qdmol.fem import Assembler, AxialSymmetry, MeshSettings, Shapes, arrange, mesh_elements
from qdmol.fem.elements import tabulate
from qdmol.fem.geometry_axial import build_mesh
from qdmol.structure import read_spec, resolve


def _shapes(spec, *, layers=(), box=0.0, half=None):
    molecule = resolve(read_spec(spec))
    return Shapes(molecule, layers, box, 4e-3, half=molecule.mirror_symmetric if half is None else half)


def _settings(shapes, size=1.0, *, corner_levels=0, curve_order=8):
    regions = {region for piece in arrange(shapes) for region in (piece.left, piece.right)} - {""}
    return MeshSettings(dict.fromkeys(sorted(regions), size), corner_levels, curve_order)


def _volumes(shapes, **settings):
    """Volume (nm³) of each region of the meshed part, all around the axis."""
    elements = mesh_elements(shapes, _settings(shapes, **settings), degree=4)
    found = {}
    for name in elements.regions:
        assembler = Assembler(elements, frozenset({name}))
        found[name] = 2 * math.pi * assembler.integral([np.ones_like(block.measure) for block in assembler.blocks])
    return found


def _ball(radius):
    return 4 / 3 * math.pi * radius**3


def _lens(one, two, distance):
    """Volume two balls share (Kern and Bland, Solid Mensuration, 1948)."""
    gap = one + two - distance
    parts = distance**2 + 2 * distance * (one + two) - 3 * (one - two) ** 2
    return math.pi * gap**2 * parts / (12 * distance)


@pytest.mark.parametrize("half", [True, False])
def test_volumes_of_the_merged_dimer(half):
    found = _volumes(_shapes(dimer_spec(), layers=(0.6,), box=9.0, half=half))
    share = 0.5 if half else 1.0
    body = 2 * _ball(3.5) - _lens(3.5, 3.5, 5.2)
    layer = 2 * _ball(4.1) - _lens(4.1, 4.1, 5.2) - body
    assert found == pytest.approx(
        {
            "CdSe": share * 2 * _ball(1.4),
            "CdS": share * (body - 2 * _ball(1.4)),
            "medium/0": share * layer,
            "medium/far": share * (_ball(9.0) - body - layer),
        },
        rel=1e-9,
    )


def test_volumes_of_a_filled_neck():
    """The cylinder adds what lies between its caps in the spheres: two truncated ends of known height."""
    radius, neck, spacing = 3.5, 2.0, 6.84
    found = _volumes(_shapes(molecule_spec([dot(), dot()], spacing=spacing, neck={"filled": 2 * neck})))
    cut = math.sqrt(radius**2 - neck**2)
    cap = math.pi * (2 * radius**3 / 3 - radius**2 * cut + cut**3 / 3)
    between = math.pi * neck**2 * (spacing - 2 * cut)
    assert found["CdS"] == pytest.approx(_ball(radius) - cap + between / 2 - _ball(1.4), rel=1e-9)


def test_a_core_that_reaches_into_the_neighbour_wins_the_overlap():
    """Cores of 1.4 nm in dots 3 nm apart: each lies partly in the other's shell and stays whole."""
    found = _volumes(_shapes(molecule_spec([dot(), dot()], spacing=3.0)))
    assert found["CdSe"] == pytest.approx(_ball(1.4), rel=1e-9)


def test_corner_refinement_keeps_the_volume():
    plain, refined = (_volumes(_shapes(dimer_spec()), corner_levels=levels) for levels in (0, 6))
    assert refined == pytest.approx(plain, rel=1e-9)


@settings(max_examples=30)
@given(
    cores=st.tuples(st.floats(0.5, 3.0), st.floats(0.5, 3.0)),
    shells=st.tuples(st.floats(0.1, 3.0), st.floats(0.1, 3.0)),
    barrier=st.floats(0.01, 6.0),
)
def test_any_two_dots_have_the_volume_of_their_union(cores, shells, barrier):
    dots = [dot(core, shell) for core, shell in zip(cores, shells, strict=True)]
    shapes = _shapes(molecule_spec(dots, barrier=barrier), half=False)
    low, high = (core + shell for core, shell in zip(cores, shells, strict=True))
    distance = sum(cores) + barrier
    if distance >= low + high:
        shared = 0.0
    else:
        shared = _ball(min(low, high)) if distance <= abs(low - high) else _lens(low, high, distance)
    found = sum(_volumes(shapes, size=2.0).values())
    union = _ball(low) + _ball(high) - shared
    # Where two spheres nearly touch the gap of a few picometres is closed.
    assert found == pytest.approx(union, rel=1e-6, abs=1e-3)


@pytest.mark.parametrize("degree", [2, 3, 5])
def test_shape_functions_of_lower_degree_are_a_subset(degree):
    """The unknowns of degree below p span the very space of degree p - 1: the eigenvalues are equal."""
    shapes = _shapes(dimer_spec())
    mesh = build_mesh(shapes, _settings(shapes, size=2.0, corner_levels=2))
    spectra = []
    for elements in (
        tabulate(mesh, AxialSymmetry(mirror=shapes.half), degree=degree, extra_order=4),
        tabulate(mesh, AxialSymmetry(mirror=shapes.half), degree=degree - 1, extra_order=6),
    ):
        assembler = Assembler(elements)
        keep = np.flatnonzero(elements.degree_of < degree)
        ones = [np.ones_like(block.measure) for block in assembler.blocks]
        pattern = assembler.pattern
        A, M = (pattern.matrix(e)[keep][:, keep].toarray() for e in (assembler.stiffness(ones), assembler.mass(ones)))
        spectra.append(scipy.linalg.eigvalsh(A + M, M))
    assert len(spectra[0]) == len(spectra[1])
    assert spectra[0] == pytest.approx(spectra[1], rel=1e-7)


def _library_numbers(mesh, space, elements):
    """Our number of each unknown of the library's space."""
    kinds = {}
    for element in mesh.Elements(ngsolve.VOL):
        kinds.setdefault(element.type, []).append(space.GetDofNrs(element))
    number = np.full(space.ndof, -1)
    for theirs, block in zip(kinds.values(), elements.blocks, strict=True):
        number[np.array(theirs)] = block.unknowns
    assert sorted(number) == list(range(space.ndof))
    return number


@pytest.mark.parametrize("corner_levels", [0, 3])
def test_matrices_are_those_of_the_library(corner_levels):
    """Entry by entry, triangles and the quadrilaterals of corner refinement alike."""
    shapes = _shapes(dimer_spec())
    mesh = build_mesh(shapes, _settings(shapes, size=1.5, corner_levels=corner_levels, curve_order=3))
    elements = tabulate(mesh, AxialSymmetry(mirror=shapes.half), degree=3, extra_order=6)
    assembler = Assembler(elements)
    a, c = (
        [np.exp(-b.points[..., 1]) for b in assembler.blocks],
        [1 + b.points[..., 0] * b.points[..., 1] for b in assembler.blocks],
    )
    space = ngsolve.H1(mesh, order=3)
    number = _library_numbers(mesh, space, elements)
    u, v = space.TnT()
    r, z = ngsolve.x, ngsolve.y
    forms = {
        "stiffness": (ngsolve.exp(-z) * ngsolve.grad(u) * ngsolve.grad(v) + (1 + r * z) * u * v) * r,
        "mass": (1 + r * z) * u * v * r,
    }
    ours = {"stiffness": assembler.stiffness(a, c), "mass": assembler.mass(c)}
    for name, form in forms.items():
        theirs = ngsolve.BilinearForm(space, symmetric=False)
        theirs += form * ngsolve.dx(bonus_intorder=6)
        theirs.Assemble()
        rows, columns, values = theirs.mat.COO()
        dense = np.zeros((space.ndof, space.ndof))
        dense[number[np.array(rows)], number[np.array(columns)]] = np.array(values)
        assert np.max(np.abs(assembler.pattern.matrix(ours[name]).toarray() - dense)) < 1e-10


def test_matrices_are_factorised_as_they_stand_with_hardly_more_fill_than_in_an_order_of_their_own():
    shapes = _shapes(dimer_spec(), layers=(0.6,), box=9.0)
    elements = mesh_elements(shapes, _settings(shapes), degree=5)
    assembler = Assembler(elements)
    matrix = assembler.pattern.matrix(assembler.stiffness(*[[np.ones_like(b.measure) for b in assembler.blocks]] * 2))
    inside = np.setdiff1d(np.arange(elements.count), elements.boundaries["outer"])
    matrix = scipy.sparse.csc_array(matrix[inside][:, inside])
    mode = {"diag_pivot_thresh": 0.0, "options": {"SymmetricMode": True}}
    standing, ordered, scrambled = (
        scipy.sparse.linalg.splu(a, permc_spec=ordering, **mode).L.nnz
        for a, ordering in (
            (matrix, "NATURAL"),
            (matrix, "MMD_AT_PLUS_A"),
            (scipy.sparse.csc_array(matrix[::-1][:, ::-1]), "NATURAL"),
        )
    )
    assert standing < 1.1 * ordered
    assert scrambled > 2 * ordered


def test_unknowns_of_the_outer_boundary_are_eliminated_last():
    shapes = _shapes(dimer_spec(), layers=(0.6,), box=9.0)
    elements = mesh_elements(shapes, _settings(shapes), degree=4)
    outer = elements.boundaries["outer"]
    assert sorted(outer) == list(range(elements.count - len(outer), elements.count))


def test_sampling_reproduces_a_polynomial():
    shapes = _shapes(dimer_spec())
    elements = mesh_elements(shapes, _settings(shapes, curve_order=1), degree=3)
    assembler = Assembler(elements)
    ones = [np.ones_like(block.measure) for block in assembler.blocks]
    values = [block.points[..., 0] * block.points[..., 1] for block in assembler.blocks]
    M = assembler.pattern.matrix(assembler.mass(ones))
    vector = scipy.sparse.linalg.spsolve(M, assembler.load(values))
    r, z = np.array([0.3, 1.1, 2.0]), np.array([0.2, 3.0, 2.2])
    assert elements.sample(vector, r, z) == pytest.approx(r * z, abs=1e-10)
    assert elements.sample(vector, np.array([9.0]), np.array([0.1])) == pytest.approx([0.0])
