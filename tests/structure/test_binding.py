"""The node count against closed forms and against a matrix of finite differences."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

from qdmol.structure.resolving import binds
from qdmol.units import HBAR2_OVER_2M0

masses = st.floats(0.02, 3)


@given(radius=st.floats(0.1, 5), mass=masses, outside=masses, barrier=st.floats(0.01, 10))
def test_one_well(radius, mass, outside, barrier):
    """A well binds if k R cot(k R) < 1 - m/m_out at the barrier's energy, or a node lies inside (k R >= pi)."""
    x = radius * math.sqrt(mass * barrier / HBAR2_OVER_2M0)
    closed = x / math.tan(x) - (1 - mass / outside)
    assume(abs(closed) > 1e-9)
    expected = x >= math.pi or closed < 0
    assert binds([(radius, mass, 0.0)], barrier=barrier, medium_mass=outside) == expected


def test_the_threshold_of_equal_masses():
    """R > (pi/2) sqrt(hbar^2 / 2 m V): 0.8504 nm for 0.13 m0 and 1 eV."""
    threshold = math.pi / 2 * math.sqrt(HBAR2_OVER_2M0 / 0.13)
    assert threshold == pytest.approx(0.8504, abs=1e-4)
    assert binds([(threshold * (1 + 1e-9), 0.13, 0.0)], barrier=1.0, medium_mass=0.13)
    assert not binds([(threshold * (1 - 1e-9), 0.13, 0.0)], barrier=1.0, medium_mass=0.13)


layers = st.lists(st.tuples(st.floats(0.3, 1.5), masses, st.floats(-1, 2)), min_size=1, max_size=3)


def stacked(parts):
    radius, out = 0.0, []
    for thickness, mass, edge in parts:
        radius += thickness
        out.append((radius, mass, edge))
    return out


@given(parts=layers, barrier=st.floats(-0.5, 3), outside=masses, cut=st.floats(0.1, 0.9))
def test_a_layer_split_in_two_changes_nothing(parts, barrier, outside, cut):
    whole = stacked(parts)
    thickness, mass, edge = parts[0]
    split = stacked([(thickness * cut, mass, edge), (thickness * (1 - cut), mass, edge), *parts[1:]])
    slack = 1e-9
    answers = {binds(whole, barrier=barrier + shift, medium_mass=outside) for shift in (-slack, slack)}
    assume(len(answers) == 1)
    assert {binds(split, barrier=barrier, medium_mass=outside)} == answers


def lowest_level(stack, barrier, outside, *, box=60.0, points=6000):
    """Lowest s level in a hard sphere of ``box`` nm by finite differences of R on midpoints."""
    h = box / points
    r = (np.arange(points) + 0.5) * h
    edges = np.arange(points + 1) * h
    mass, potential = np.full(points, outside), np.full(points, barrier)
    inner = 0.0
    for radius, m, v in stack:
        inside = (r > inner) & (r < radius)
        mass[inside], potential[inside] = m, v
        inner = radius
    inverse = np.zeros(points + 1)
    inverse[1:-1] = 2 / (mass[1:] + mass[:-1])
    inverse[-1] = 1 / outside
    flux = HBAR2_OVER_2M0 * edges**2 * inverse / h**2
    diagonal = (flux[:-1] + flux[1:]) / r**2 + potential
    off = -flux[1:-1] / (r[:-1] * r[1:])
    from scipy.linalg import eigh_tridiagonal

    return eigh_tridiagonal(diagonal, off, select="i", select_range=(0, 0))[0][0]


@pytest.mark.parametrize("seed", range(40))
def test_against_finite_differences(seed):
    rng = np.random.default_rng(seed)
    parts = [(rng.uniform(0.3, 1.2), rng.uniform(0.05, 1), rng.uniform(-0.5, 1.5)) for _ in range(rng.integers(1, 4))]
    barrier, outside = rng.uniform(0.2, 2), rng.uniform(0.1, 1)
    level = lowest_level(stacked(parts), barrier, outside)
    free = barrier + HBAR2_OVER_2M0 / outside * (math.pi / 60) ** 2  # the box alone
    if level < barrier - 0.01:
        assert binds(stacked(parts), barrier=barrier, medium_mass=outside)
    elif level > free - 1e-5:
        assert not binds(stacked(parts), barrier=barrier, medium_mass=outside)


def test_thick_barriers_do_not_overflow():
    assert not binds([(1000.0, 50.0, 10.0)], barrier=0.1, medium_mass=1.0)
    assert binds([(1.0, 0.1, 0.0), (1000.0, 50.0, 900.0)], barrier=800.0, medium_mass=1.0)
    assert binds([(0.01, 0.1, 0.0)], barrier=math.inf, medium_mass=1.0)
