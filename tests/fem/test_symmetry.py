"""Sectors, images and directions of a molecule with an axis."""

import ast
import math
from itertools import islice, product
from pathlib import Path

import numpy as np
import pytest

import qdmol
from qdmol.errors import SolverError
from qdmol.fem import Assembler, AxialSymmetry, MeshSettings, geometry_of, mesh_elements
from qdmol.meanfield import Request, solve_molecule
from qdmol.structure import nearest_dot, read_spec, resolve

WHOLE, HALF = AxialSymmetry(mirror=False), AxialSymmetry(mirror=True)
ANGLES = np.linspace(0, 2 * math.pi, 24, endpoint=False)


def _wave(sector, r, z):
    """A function of a sector at r, z and all ANGLES: a polynomial in x, y, z that vanishes where it must."""
    m, parity = sector.numbers
    shape = {1: 1 + z**2, -1: z, 0: 1 + z}[parity]
    return shape * r ** abs(m) * np.exp(1j * m * ANGLES)


def _sectors(symmetry, reach=2):
    ladder = [sector for family in islice(symmetry.families(), reach + 1) for sector in family]
    return [partner for sector in ladder for partner in symmetry.partners(sector)]


@pytest.mark.parametrize("symmetry", [WHOLE, HALF])
def test_products_and_conjugates_of_functions_lie_in_their_sectors(symmetry):
    r, z = 0.7, 0.4
    for one, other in product(_sectors(symmetry), repeat=2):
        values = [_wave(one, r, sign * z) * _wave(other, r, sign * z).conj() for sign in (1, -1)]
        sector = symmetry.product(one, symmetry.conjugate(other))
        m, parity = sector.numbers
        harmonics = np.fft.fft(values[0]) / len(ANGLES)
        assert int(np.argmax(np.abs(harmonics))) == m % len(ANGLES)
        if symmetry.mirror:
            assert values[1] == pytest.approx(parity * values[0])
            assert symmetry.signs(sector) == (1, parity)
    numbers = np.array([sector.numbers for sector in _sectors(symmetry)])
    table = symmetry.combine(numbers[:, None], numbers[None])
    for (i, one), (j, other) in product(enumerate(_sectors(symmetry)), repeat=2):
        assert tuple(table[i, j]) == symmetry.product(one, other).numbers


def test_ground_sectors_are_closed_and_as_many_as_the_images():
    for symmetry in (WHOLE, HALF):
        ground = symmetry.ground_sectors
        assert len(ground) == len(symmetry.images)
        assert {symmetry.product(a, b) for a, b in product(ground, repeat=2)} == set(ground)
        assert symmetry.identity == symmetry.product(ground[-1], ground[-1])


def test_parts_and_images_are_inverse():
    rng = np.random.default_rng(1)
    images = [rng.normal(size=5), rng.normal(size=5)]
    parts = {sector: HALF.part(images, sector) for sector in HALF.ground_sectors}
    assert HALF.image_values(parts) == [pytest.approx(image) for image in images]
    even, odd = HALF.ground_sectors
    assert HALF.mirrored(even) == odd
    assert WHOLE.mirrored(WHOLE.identity) is None


def test_labels_are_what_is_reported():
    assert HALF.sector(-2, -1).labels == {"m": -2, "parity": "-"}
    assert HALF.sector(0, 1).labels == {"m": 0, "parity": "+"}
    assert WHOLE.sector(1, 0).labels == {"m": 1, "parity": None}
    assert HALF.multiplicity(HALF.sector(0, -1)) == 1
    assert HALF.multiplicity(HALF.sector(1, -1)) == 2


def test_levels_of_equal_energy_are_listed_by_m_then_parity():
    mixed = [HALF.sector(*numbers) for numbers in ((1, 1), (-1, -1), (0, -1), (-1, 1), (0, 1))]
    listed = sorted(mixed, key=HALF.sort_key)
    assert [sector.numbers for sector in listed] == [(0, 1), (0, -1), (-1, 1), (-1, -1), (1, 1)]


def test_a_search_that_never_ends_is_refused():
    with pytest.raises(SolverError, match="request fewer levels"):
        list(WHOLE.families())


@pytest.mark.parametrize("symmetry", [WHOLE, HALF])
def test_the_dipole_of_every_direction_lies_in_its_sector(symmetry):
    assert sum(direction.axes for direction in symmetry.directions) == 3
    r, z = 0.6, 0.3
    for direction in symmetry.directions:
        m, parity = direction.sector.numbers
        dipole = [
            np.stack([r * np.cos(ANGLES), r * np.sin(ANGLES), np.full_like(ANGLES, sign * z)], -1) @ direction.axis
            for sign in (1, -1)
        ]
        harmonics = np.abs(np.fft.fft(dipole[0]))
        assert int(np.argmax(harmonics[: len(ANGLES) // 2])) == m
        if symmetry.mirror:
            assert dipole[1] == pytest.approx(parity * dipole[0])


def test_positions_are_found_in_the_image_they_lie_in():
    rng = np.random.default_rng(2)
    positions = rng.uniform(-5, 5, (50, 3))
    for symmetry in (WHOLE, HALF):
        image, points = symmetry.meshed(positions)
        for number, one in enumerate(symmetry.images):
            here = image == number
            back = one.place(points[here])
            assert np.hypot(back[:, 0], back[:, 1]) == pytest.approx(np.hypot(*positions[here, :2].T))
            assert back[:, 2] == pytest.approx(positions[here, 2])
    assert np.all(HALF.meshed(positions)[1] > 0)


def test_dots_that_are_images_of_each_other_share_an_orbit():
    assert HALF.orbit((0.0, 0.0, 2.6)) == ((0.0, 0.0, -2.6), (0.0, 0.0, 2.6)) == HALF.orbit((0.0, 0.0, -2.6))
    assert HALF.orbit((0.0, 0.0, 0.0)) == ((0.0, 0.0, 0.0),)
    assert WHOLE.orbit((0.0, 0.0, 2.6)) == ((0.0, 0.0, 2.6),)


def _elements(layers=(0.8,)):
    geometry = geometry_of(resolve(read_spec("@homodimer")), layers=layers, box=0.0, closed_gap=4e-3)
    return mesh_elements(geometry, MeshSettings(dict.fromkeys(sorted(geometry.regions), 1.2), 0, 5), degree=4)


def test_measure_and_turn_give_volumes_and_the_nearest_dot_gets_half():
    elements = _elements()
    symmetry, assembler = elements.symmetry, Assembler(elements, frozenset({"CdSe"}))
    assert symmetry == HALF
    centres = resolve(read_spec("@homodimer")).centres
    volume = np.zeros(2)
    for positions in assembler.positions:
        volume += symmetry.turn * np.bincount(nearest_dot(positions, centres), assembler.measure, minlength=2)
    assert volume == pytest.approx(np.full(2, 4 / 3 * math.pi * 1.4**3), rel=1e-6)
    rebuilt = assembler.split(assembler.measure)
    assert all(np.array_equal(part, block.measure) for part, block in zip(rebuilt, assembler.blocks, strict=True))


def test_functions_are_evaluated_in_every_image():
    elements = _elements()
    even, odd = HALF.ground_sectors
    rng = np.random.default_rng(3)
    vector = rng.normal(size=elements.count)
    positions = rng.uniform(-2, 2, (40, 3))
    mirrored = positions * np.array([-1.0, 1.0, -1.0])
    for sector, sign in ((even, 1), (odd, -1)):
        images = HALF.image_values({sector: vector})
        values = elements.values_at(images, positions)
        assert np.any(values)
        assert elements.values_at(images, mirrored) == pytest.approx(sign * values)
    assert not np.any(elements.values_at([vector, vector], positions + 50.0))


def test_gradients_are_those_of_the_values():
    """Of r z + z² and of r, which curved elements of degree 4 hold nearly: the mean error is small, the views agree."""
    elements = _elements(layers=())
    assembler = Assembler(elements)
    for function, slopes in (
        (lambda r, z: r * z + z**2, lambda r, z: (z, r + 2 * z)),
        (lambda r, z: r, lambda r, z: (np.ones_like(r), np.zeros_like(z))),
    ):
        load = assembler.load([function(*np.moveaxis(block.points, -1, 0)) for block in assembler.blocks])
        mass = assembler.pattern.matrix(assembler.mass([np.ones_like(block.measure) for block in assembler.blocks]))
        vector = np.linalg.solve(mass.toarray(), load)
        for block, found in zip(assembler.blocks, assembler.gradient(vector), strict=True):
            expected = slopes(*np.moveaxis(block.points, -1, 0))
            error = np.sum(block.measure * np.sum((np.stack(found) - np.stack(expected)) ** 2, axis=0))
            assert error < 1e-6 * np.sum(block.measure * np.sum(np.stack(expected) ** 2, axis=0))
            by_hand = np.einsum("eqnd,en->eqd", block.gradient, vector[block.unknowns])
            assert by_hand == pytest.approx(np.stack(found, axis=-1), abs=1e-12)


def test_a_half_mesh_that_does_not_reach_the_mirror_plane_is_still_half_of_the_molecule():
    """Two dots with hard walls, apart: every level of one is there twice, even and odd."""
    dot = {"core": {"material": "CdSe", "radius": 1.4}, "shells": [{"material": "CdS", "thickness": 2.1}]}
    spec = {
        "qdmol": 1,
        "materials": "cdse-cds-single-band",
        "molecule": {"dots": [dot, dot], "neck": {"linker": 0.5}},
        "overrides": {"medium": {"electron_barrier": "hard", "hole_barrier": "hard"}},
    }
    request = Request({"electron": 4, "hole": 0}, coulomb=False, tolerance=1e-4)
    solution = solve_molecule(resolve(read_spec(spec)), request)
    assert not len(solution.elements.boundaries["mirror"])
    energies = [level.energy for level in solution.levels["electron"]]
    assert energies[::2] == pytest.approx(energies[1::2], abs=1e-9)
    assert {level.sector for level in list(solution.levels["electron"])[:2]} == set(HALF.ground_sectors)


@pytest.mark.parametrize("room", ["states", "meanfield", "ci", "optics"])
def test_rooms_above_read_no_coordinate_and_no_quantum_number(room):
    """What a three-dimensional geometry does not have: r, m, parity; a z of its own; quantum numbers by their place."""
    forbidden = {"r", "z", "m", "parity", "half", "labels"}
    for path in sorted((Path(qdmol.__file__).parent / room).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.Attribute) and node.attr in forbidden), f"{path.name}:{node.lineno}"
            if isinstance(node, ast.Subscript) and getattr(node.value, "attr", "") == "numbers":
                parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
                places = [part.value for part in parts if isinstance(part, ast.Constant) and part.value is not None]
                assert not places, f"{path.name}:{node.lineno}"
