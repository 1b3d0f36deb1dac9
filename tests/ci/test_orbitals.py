"""Orbitals: orthonormal, whole multiplets, complete, and the same around a dot alone and in a molecule."""

from dataclasses import replace

import numpy as np
import pytest
from tests.ci.samples import REQUEST, solved

from qdmol.ci.orbitals import OrbitalBasis, in_sector, project, relaxed_orbitals
from qdmol.meanfield import solve_molecule
from qdmol.structure import read_spec, resolve

ENERGY = {"electron": 2.5, "hole": 1.2}
CARRIERS = ("electron", "hole")
EXAMPLES = ["homodimer", "heterodimer", "trimer-chain", "dimer-in-field"]


@pytest.fixture(scope="module", params=EXAMPLES)
def case(request):
    solution = solved(request.param)
    return solution, relaxed_orbitals(solution, energy=ENERGY)


def test_orbitals_are_orthonormal_and_the_dots_share_them(case):
    solution, bases = case
    for basis in bases.values():
        assert basis.dot_weight.shape == (len(solution.molecule.dots), len(basis), len(basis))
        assert basis.dot_weight.sum(axis=0) == pytest.approx(np.eye(len(basis)), abs=1e-10)
        functions = basis.functions
        for sector in set(functions.sectors):
            same = in_sector(functions.numbers, sector)
            pencil = functions.hamiltonian.pencil(sector, coarse=False)
            vectors = functions.vectors[same]
            inside = vectors[:, pencil.unknowns]
            # Nothing outside the block's unknowns, where functions of this sector vanish.
            assert np.sum(vectors**2) == pytest.approx(np.sum(inside**2), rel=1e-14)
            overlap = 2 * np.pi * functions.images * inside @ (pencil.M @ inside.T)
            assert overlap == pytest.approx(np.eye(len(vectors)), abs=1e-10)


def test_every_weight_lies_between_none_and_all(case):
    for basis in case[1].values():
        for weight in basis.dot_weight:
            values = np.linalg.eigvalsh(weight)
            assert values.min() > -1e-10
            assert values.max() < 1 + 1e-10


def test_the_bare_operator_is_diagonal_in_m_and_parity_and_above_the_levels(case):
    solution, bases = case
    for carrier, basis in bases.items():
        blocked = np.all(basis.numbers[:, None] == basis.numbers, axis=-1)
        assert np.all(basis.one_body[~blocked] == 0)
        assert basis.one_body == pytest.approx(basis.one_body.T, abs=1e-14)
        levels = np.linalg.eigvalsh(basis.one_body)
        exact = [level.energy for level in solution.levels[carrier].levels]
        # The lowest level is among the candidates; the next ones are expanded.
        assert levels[0] == pytest.approx(exact[0], abs=1e-7)
        assert levels[0] > exact[0] - 1e-9
        assert exact[1] - 1e-9 < levels[1] < exact[1] + 5e-3


def test_orbitals_come_in_order_and_in_pairs_of_m(case):
    for basis in case[1].values():
        assert np.all(np.diff(basis.energy) >= 0)
        for number in np.unique(basis.multiplet):
            m = basis.numbers[basis.multiplet == number, 0]
            assert sorted(m) == sorted(-m)
        for row in np.unique(basis.radial):
            chosen = basis.radial == row
            m = basis.numbers[chosen, 0]
            assert list(m) in ([0], [m.min(), -m.min()])
            assert len(np.unique(basis.energy[chosen])) == 1


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_wider_basis_holds_the_narrower_one(example):
    solution = solved(example)
    wide, narrow = (relaxed_orbitals(solution, energy=energy) for energy in (ENERGY, {"electron": 1.0, "hole": 0.5}))
    for carrier in CARRIERS:
        part = wide[carrier].cut(energy={"electron": 1.0, "hole": 0.5}[carrier])
        assert list(part.numbers[:, 0]) == list(narrow[carrier].numbers[:, 0])
        assert part.energy == pytest.approx(narrow[carrier].energy, abs=2e-3)
        assert np.linalg.eigvalsh(part.one_body) == pytest.approx(
            np.linalg.eigvalsh(narrow[carrier].one_body), abs=2e-3
        )


def test_shells_of_a_dot_alone_are_whole():
    """Two s, then p, d, .. with 1, 3, 5 members: no multiplet of a sphere is cut apart."""
    for basis in relaxed_orbitals(solved("homodimer", monomer=True), energy=ENERGY).values():
        sizes = np.bincount(basis.multiplet)
        assert list(sizes[:2]) == [2, 3]
        assert set(sizes[2:]) <= {1, 3, 5, 7}
        for number, size in enumerate(sizes[1:], start=1):
            assert sorted(basis.numbers[basis.multiplet == number, 0]) == list(range(-(size // 2), size // 2 + 1))


def test_two_uncoupled_dots_have_twice_the_orbitals_of_one():
    """Linked, not fused: one energy cut takes the same shells of the molecule and of a dot alone."""
    one, two = (relaxed_orbitals(solved("linked", monomer=monomer), energy=ENERGY)["hole"] for monomer in (True, False))
    assert len(two) == 2 * len(one)
    assert two.energy == pytest.approx(np.repeat(one.energy, 2), rel=0.01)
    assert np.linalg.eigvalsh(two.one_body)[::2] == pytest.approx(np.linalg.eigvalsh(one.one_body), rel=0.01)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_lowest_multiplet_holds_the_settled_pair(example):
    solution = solved(example)
    for carrier, basis in relaxed_orbitals(solution, energy=0.0).items():
        state = getattr(solution.pairs[0].pair, carrier)
        coefficients = project(basis, state)
        assert coefficients @ coefficients == pytest.approx(1, abs=1e-10)
        assert coefficients @ basis.one_body @ coefficients == pytest.approx(state.bare_energy, abs=1e-10)
        weights = [coefficients @ weight @ coefficients for weight in basis.dot_weight]
        assert sum(weights) == pytest.approx(1, abs=1e-10)
        if carrier == "hole" and len(solution.symmetry.images) == 1:
            assert weights[solution.pairs[0].hole_dot] > 0.95


def test_cuts_take_whole_multiplets():
    energy = np.array([0.0, 0.1, 0.1, 0.3, 0.3, 0.3, 0.5])
    number = np.array([0, 1, 1, 2, 2, 3, 2])
    m = np.zeros(7, dtype=int)
    basis = OrbitalBasis("hole", m, m, energy, np.diag(energy), number, np.zeros((1, 7, 7)))
    assert list(basis.cut(energy=0.4).multiplet) == [0, 1, 1, 3]
    assert list(basis.cut(energy=0.5).energy) == list(energy)
    assert list(basis.cut(count=3).energy) == [0.0, 0.1, 0.1]
    assert list(basis.cut(count=2).energy) == [0.0]
    assert list(basis.cut(count=0).energy) == [0.0]
    assert list(basis.cut(count=3, energy=0.05).energy) == [0.0]
    assert len(basis.cut()) == 7


def test_orbitals_are_the_same_however_many_levels_are_asked_for():
    molecule = solved("homodimer", monomer=True).molecule
    sizes = []
    for counts in ({"electron": 1, "hole": 1}, {"electron": 3, "hole": 2}):
        bases = relaxed_orbitals(solve_molecule(molecule, replace(REQUEST, counts=counts)), energy=ENERGY)
        sizes.append([(len(basis), list(np.bincount(basis.multiplet))) for basis in bases.values()])
    assert sizes[0] == sizes[1]


def test_orbitals_need_a_settled_pair():
    solution = solve_molecule(resolve(read_spec("@monomer")), replace(REQUEST, coulomb=False))
    with pytest.raises(ValueError, match="self-consistent pair"):
        relaxed_orbitals(solution, energy=1.0)


def test_a_state_is_projected_on_functions_only():
    solution = solved("homodimer", monomer=True)
    basis = relaxed_orbitals(solution, energy=0.0)["hole"]
    with pytest.raises(ValueError, match="functions"):
        project(replace(basis, functions=None), solution.pairs[0].pair.hole)
