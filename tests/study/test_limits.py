"""Molecules whose answer is known from another one: far apart, touching, split, mirrored, narrow, in a row."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.exact.radial import Sphere, lowest_levels
from tests.exact.systems import dimer_spec, dot, molecule_spec

import qdmol
from qdmol.errors import InputError

ROOT = Path(__file__).parents[2]
PAIR = {"electrons": 2, "holes": 2, "coulomb": "self-consistent"}


def _summary(spec):
    found = dict(qdmol.solve(spec).summary)
    del found["elapsed_s"]
    return found


def _agree(one, other, *, moved=0.0):
    """Levels, exciton and shifts of two summaries agree within their stated errors and what moved (meV)."""
    for carrier in ("electron", "hole"):
        limits = (np.array(one[carrier]["error_meV"]) + np.array(other[carrier]["error_meV"]) + moved) / 1000
        assert np.all(np.abs(np.subtract(one[carrier]["energy_eV"], other[carrier]["energy_eV"])) <= limits)
        assert one[carrier]["m"] == other[carrier]["m"]
    numbers = [(one, other, "splitting_meV"), (one, other, "redshift_meV")]
    if one["coulomb"]:
        pairs = one["coulomb"], other["coulomb"]
        numbers += [(*pairs, "spacing_meV"), (*pairs, "binding_meV")]
        limit = pairs[0]["exciton_error_meV"] + pairs[1]["exciton_error_meV"] + moved
        assert 1000 * abs(pairs[0]["exciton_eV"] - pairs[1]["exciton_eV"]) <= limit
    for a, b, key in numbers:
        error = key.replace("_meV", "_error_meV")
        if a[key] is not None:
            assert abs(a[key] - b[key]) <= a[error] + b[error] + moved, key


def test_far_apart_there_is_the_monomer_twice():
    one = _summary(molecule_spec([dot()], electrons=4, holes=1, coulomb="self-consistent"))
    two = _summary(molecule_spec([dot(), dot()], spacing=14.0, electrons=8, holes=2, coulomb="self-consistent"))
    for carrier in ("electron", "hole"):
        twice = np.repeat(one[carrier]["energy_eV"], 2)
        limit = np.repeat(one[carrier]["error_meV"], 2) + np.array(two[carrier]["error_meV"])
        assert np.all(1000 * np.abs(two[carrier]["energy_eV"] - twice) <= limit)
    assert two["splitting_meV"] == pytest.approx(0, abs=1e-4)
    limit = one["coulomb"]["exciton_error_meV"] + two["coulomb"]["exciton_error_meV"]
    assert 1000 * abs(one["coulomb"]["exciton_eV"] - two["coulomb"]["exciton_eV"]) <= limit
    assert abs(two["redshift_meV"]) <= two["redshift_error_meV"]


@pytest.fixture(scope="module")
def touching():
    return _summary(molecule_spec([dot(), dot()], spacing=7.0, **PAIR))


@pytest.mark.parametrize("gap", [1e-9, 1e-6, 1e-4, -1e-9, -1e-6, -1e-4])
def test_touching_at_a_point_is_no_trouble(touching, gap):
    # The splitting itself falls by 6.5 meV per nm here.
    _agree(touching, _summary(molecule_spec([dot(), dot()], spacing=7.0 + gap, **PAIR)), moved=10 * abs(gap))


@pytest.mark.parametrize("gap", [-0.1, -0.02, -0.0041, -0.0039, 0.0039, 0.0041, 0.02])
def test_levels_are_continuous_through_the_touch(touching, gap):
    """Near the touch the lowest level moves by 4 meV per nm of spacing."""
    near = _summary(molecule_spec([dot(), dot()], spacing=7.0 + gap, **(PAIR | {"coulomb": "none"})))
    limit = 6 * abs(gap) + touching["electron"]["error_meV"][0] + near["electron"]["error_meV"][0]
    assert 1000 * abs(near["electron"]["energy_eV"][0] - touching["electron"]["energy_eV"][0]) <= limit


def test_unlike_dots_may_touch():
    apart, joined = (_summary(molecule_spec([dot(1.2), dot()], spacing=6.8 + gap, **PAIR)) for gap in (1e-6, -1e-6))
    _agree(apart, joined)


def _split(*thicknesses):
    return {"core": dot()["core"], "shells": [{"material": "CdS", "thickness": t} for t in thicknesses]}


def test_a_shell_split_in_two_changes_nothing_at_all():
    """Bit for bit: 1.4 + 0.6 + 1.5 is 1.4 + 2.1 in binary too, so that not even the mesh differs."""
    split = _split(0.6, 1.5)
    assert _summary(molecule_spec([split, split], spacing=5.2, **PAIR)) == _summary(dimer_spec(**PAIR))


def test_a_shell_split_anyhow_changes_rounding_only():
    split = _split(0.7, 0.1, 1.3)
    one, other = _summary(molecule_spec([split, split], spacing=5.2, **PAIR)), _summary(dimer_spec(**PAIR))
    assert one["splitting_meV"] == pytest.approx(other["splitting_meV"], abs=1e-8)
    assert one["gap_eV"] == pytest.approx(other["gap_eV"], abs=1e-11)


def test_a_mirrored_unlike_pair_gives_mirrored_results():
    one, other = (_summary(molecule_spec(dots, spacing=5.2, **PAIR)) for dots in ([dot(1.2), dot()], [dot(), dot(1.2)]))
    _agree(one, other)
    assert (one["coulomb"]["hole_dot"], other["coulomb"]["hole_dot"]) == (1, 0)
    assert one["monomer_gaps_eV"] == pytest.approx(other["monomer_gaps_eV"][::-1], abs=1e-12)


def test_a_reversed_field_is_the_mirrored_molecule():
    settings = PAIR | {"coulomb": "none", "spacing": 5.2}
    up = _summary(molecule_spec([dot(1.2), dot()], field=80, **settings))
    down = _summary(molecule_spec([dot(), dot(1.2)], field=-80, **settings))
    same = _summary(molecule_spec([dot(1.2), dot()], field=-80, **settings))
    _agree(up, down)
    assert 1000 * abs(up["electron"]["energy_eV"][0] - same["electron"]["energy_eV"][0]) > 5


def test_a_field_reversed_takes_the_pair_to_the_other_dot():
    up, down = (_summary(dimer_spec(field=field, **PAIR)) for field in (40, -40))
    _agree(up, down)
    # The hole goes along the field.
    assert (up["coulomb"]["hole_dot"], down["coulomb"]["hole_dot"]) == (1, 0)


def test_a_small_field_acts_to_second_order_on_the_lowest_level():
    """-½ α F² in a symmetric molecule; the wall stands elsewhere than without a field, so fields are compared."""
    energies = {
        field: _summary(dimer_spec(field=field, electrons=1, holes=1, tolerance=0.001))["electron"]["energy_eV"][0]
        for field in (4, 8, 12)
    }
    ratio = (energies[12] - energies[4]) / (energies[8] - energies[4])
    assert ratio == pytest.approx((144 - 16) / (64 - 16), rel=0.02)
    assert energies[12] < energies[4]


def test_a_filled_neck_narrower_than_the_lens_changes_nothing():
    merged, filled = (_summary(dimer_spec(neck=neck, **PAIR)) for neck in ("merged", {"filled": 4.0}))
    assert len(filled.pop("warnings")) == 1
    assert merged.pop("warnings") == []
    assert merged == filled


def test_a_bridge_as_wide_as_the_lens_is_the_merged_dimer():
    lens = 2 * np.sqrt(3.5**2 - 2.6**2)
    _agree(_summary(dimer_spec(**PAIR)), _summary(dimer_spec(neck={"filled": lens + 1e-5}, **PAIR)))


def test_a_thin_bridge_is_hardly_there():
    apart, bridged = (
        _summary(molecule_spec([dot(), dot()], spacing=7.3, neck=neck, **(PAIR | {"coulomb": "none"})))
        for neck in ("merged", {"filled": 0.05})
    )
    assert bridged["electron"]["energy_eV"] == pytest.approx(apart["electron"]["energy_eV"], abs=2e-5)


def test_a_wider_bridge_lowers_every_level():
    necks = [1.0, 2.5, 4.0, 5.5, 7.0]
    spec = PAIR | {"coulomb": "none", "spacing": 6.9}
    levels = [
        _summary(molecule_spec([dot(), dot()], neck={"filled": neck}, **spec))["electron"]["energy_eV"][0]
        for neck in necks
    ]
    assert all(low > high for low, high in itertools.pairwise(levels))


@pytest.mark.parametrize("count", [3, 4])
def test_a_chain_far_apart_is_the_monomer_many_times(count):
    exact = lowest_levels(Sphere((1.4, 3.5), (0.13, 0.21), (0.0, 0.10), 5.0), 1)[0][0]
    found = _summary(molecule_spec([dot()] * count, spacing=9.0, electrons=count, holes=0))
    assert found["electron"]["energy_eV"] == pytest.approx([exact] * count, abs=1e-4)


def test_a_chain_has_levels_of_alternating_parity_like_a_string():
    found = _summary(molecule_spec([dot()] * 3, spacing=5.6, electrons=3, holes=3, coulomb="self-consistent"))
    assert found["electron"]["parity"] == ["+", "-", "+"]
    low, middle, high = found["electron"]["energy_eV"]
    # Three like sites: E - √2 t, E, E + √2 t, but for the outer dots having one neck and the inner one two.
    assert (middle - low) / (high - middle) == pytest.approx(1, abs=0.35)
    assert {found["coulomb"]["hole_dot"], *(s["hole_dot"] for s in found["coulomb"]["other_states"])} <= {0, 1, 2}
    assert found["splitting_meV"] == pytest.approx(1000 * (middle - low), abs=1e-9)


def test_bare_cores_touching():
    exact = lowest_levels(Sphere((2.0,), (0.13,), (0.0,), 5.0), 1)[0][0]
    found = _summary(molecule_spec([dot(2.0, 0), dot(2.0, 0)], spacing=4.0, **PAIR))
    low, high = found["electron"]["energy_eV"]
    assert low < exact < high + 1e-4
    assert high - low < 0.01


def test_many_levels_of_several_m_come_in_order_with_pairs_whole():
    found = _summary(dimer_spec(electrons=20, holes=0, tolerance=1.0))["electron"]
    assert {abs(m) for m in found["m"]} >= {0, 1, 2}
    assert len(found["energy_eV"]) in {20, 21}
    assert all(low <= high + 1e-6 for low, high in itertools.pairwise(found["energy_eV"]))
    for m in {abs(m) for m in found["m"]} - {0}:
        assert found["m"].count(m) == found["m"].count(-m)
    assert found["m"][found["m"].index(-1) + 1] == 1


def test_more_levels_than_a_dimer_binds():
    shallow = {"medium": {"electron_barrier": 0.35}}
    found = qdmol.solve(dimer_spec(overrides=shallow, electrons=30, holes=0, tolerance=1.0))
    assert 2 <= len(found.summary["electron"]["energy_eV"]) < 30
    assert max(found.summary["electron"]["energy_eV"]) < 0.35
    assert not found.converged
    assert any("of the 30 requested electron levels" in text for text in found.warnings)


def test_a_molecule_that_binds_nothing_is_bad_input():
    small = {"medium": {"electron_barrier": 0.2}}
    with pytest.raises(InputError):
        qdmol.solve(molecule_spec([dot(0.5, 0), dot(0.5, 0)], spacing=1.0, overrides=small, electrons=1, holes=0))


# Spheres that touch from outside or inside, or nearly do: a core and a core, a core and a surface, surfaces.
BIG, SMALL = (1.4, 2.1), (0.8, 0.4)
CUSPS = [(BIG, BIG, 2.8), (BIG, BIG, 4.9), (BIG, SMALL, 2.7), (BIG, SMALL, 2.3), (BIG, SMALL, 4.3), (BIG, SMALL, 4.7)]
TOUCHES = """
import sys, qdmol
from tests.exact.systems import dot, molecule_spec
one, other, spacing = eval(sys.argv[1])
for gap in (0.0, 1e-9, 1e-7, 1e-6, -1e-6, 1e-4, -1e-4):
    if spacing + gap >= one[0] + other[0]:
        spec = molecule_spec([dot(*one), dot(*other)], spacing=spacing + gap, electrons=2, holes=1)
        solution = qdmol.solve(spec)
        print(solution.summary["electron"]["energy_eV"][0], solution.summary["electron"]["error_meV"][0], flush=True)
"""


@pytest.mark.parametrize("case", CUSPS)
def test_cusps_between_touching_spheres_are_no_trouble(case):
    """In a process of its own: a mesh generator given a cusp may take the whole process down."""
    command = [sys.executable, "-c", TOUCHES, repr(case)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-300:]
    found = np.array([line.split() for line in done.stdout.splitlines()], dtype=float)
    assert np.ptp(found[:, 0]) * 1000 <= found[:, 1].max() + 2e-3
