"""Which material stands where: overlaps, ties, bridges."""

import numpy as np
import pytest
from tests.structure.samples import changed, dimer, dot

import qdmol.structure
from qdmol.structure import material_at, materials_at, nearest_dot, read_spec, resolve


def along(molecule, *heights, r=0.0):
    z = np.array(heights)
    return list(materials_at(molecule, z, np.full(z.shape, r)))


def test_the_layer_nearest_to_a_core_wins_an_overlap():
    big_shell = {"core": {"material": "CdS", "radius": 1.0}, "shells": [{"material": "CdSe", "thickness": 3.0}]}
    molecule = resolve(read_spec(changed(dimer(), ("molecule.dots[0]", big_shell), ("molecule.spacing", 4.0))))
    # dot 0 at -2: CdS to 1, CdSe to 4; dot 1 at 2: CdSe to 1.4, CdS to 3.5
    assert along(molecule, -2, -0.5, 0.7, 3, 5.4, 5.6) == ["CdS", "CdSe", "CdSe", "CdSe", "CdS", "medium"]


def test_the_first_listed_dot_wins_a_tie():
    bare_shell = {"core": {"material": "CdSe", "radius": 1.0}, "shells": [{"material": "CdSe", "thickness": 2.5}]}
    first = resolve(read_spec(changed(dimer(), ("molecule.dots[0]", bare_shell))))
    second = resolve(read_spec(changed(dimer(), ("molecule.dots[1]", bare_shell))))
    assert along(first, 0) == ["CdSe"]
    assert along(second, 0) == ["CdS"]


def test_a_bridge_fills_medium_only():
    data = changed(
        dimer(), ("molecule.dots[1]", dot(1.2)), ("molecule.spacing", 6.84), ("molecule.neck", {"filled": 4})
    )
    molecule = resolve(read_spec(data))
    assert along(molecule, 0.0, -3.42, 3.42, r=1.9) == ["CdS", "CdS", "CdS"]
    assert along(molecule, 0.0, r=2.1) == ["medium"]
    assert along(molecule, -3.42, 3.42) == ["CdSe", "CdSe"]


def test_other_names_are_no_part_of_the_room():
    with pytest.raises(AttributeError, match=r"qdmol\.structure attribute nothing"):
        qdmol.structure.nothing  # noqa: B018


def test_the_nearest_dot_is_that_along_the_axis_for_dots_on_it():
    rng = np.random.default_rng(5)
    centres = np.array([[0.0, 0.0, z] for z in (-5.2, 0.3, 4.0)])
    positions = rng.uniform(-9, 9, (2000, 3))
    along_axis = np.argmin(np.abs(positions[:, 2:] - centres[:, 2]), axis=1)
    assert np.array_equal(nearest_dot(positions, centres), along_axis)
    scattered = rng.uniform(-5, 5, (4, 3))
    distances = np.linalg.norm(positions[:, None] - scattered, axis=-1)
    assert np.array_equal(nearest_dot(positions, scattered), distances.argmin(axis=1))


def test_material_at_a_position_depends_on_the_distance_from_the_axis_only():
    molecule = resolve(read_spec("@homodimer"))
    heights = np.linspace(-7, 7, 57)
    turned = np.stack([1.1 * np.cos(0.7) + 0 * heights, 1.1 * np.sin(0.7) + 0 * heights, heights], axis=-1)
    assert list(material_at(molecule, turned)) == list(materials_at(molecule, heights, np.full_like(heights, 1.1)))
    assert {"CdSe", "CdS", "medium"} == set(material_at(molecule, turned))
