"""Overlaps of electrons and holes: closed forms, sums over all states, complete bases."""

import numpy as np
import pytest
from scipy.integrate import quad
from tests.ci.few_particles import as_interaction, random_basis, random_values
from tests.ci.samples import REQUEST, bare_basis, hard_sphere, solved
from tests.exact.systems import dot, molecule_spec

from qdmol.ci import Complex
from qdmol.ci.configurations import ConfigurationSpace, make_species, pair_operators
from qdmol.ci.diagonalising import Configured, Problem, lowest_states
from qdmol.ci.integrals import interactions
from qdmol.ci.orbitals import relaxed_orbitals
from qdmol.ci.overlaps import contact_density, overlaps, strength
from qdmol.meanfield import solve_molecule
from qdmol.structure import read_spec, resolve

X = Complex(1, 1)
# ∫ |ψ|⁴ d³r of the lowest level of a hard sphere, times its radius cubed: ∫ sin⁴x / x² dx from 0 to π.
CONTACT = quad(lambda x: np.sin(x) ** 4 / x**2 if x else 0.0, 0, np.pi)[0]


def problem_of(solution, energy):
    bases = relaxed_orbitals(solution, energy=energy)
    electrons, holes = bases["electron"], bases["hole"]
    return Problem(electrons, holes, interactions(electrons, holes, ("eh",)))


def all_states(problem):
    """Every exciton with m = 0, by diagonalising whole sectors."""
    species = [make_species(problem.electron, 1, None), make_species(problem.hole, 1, None)]
    operators = pair_operators(species, problem.signed)
    for sector in problem.symmetry.ground_sectors:
        space = ConfigurationSpace(species, operators, sector)
        values, vectors = np.linalg.eigh(np.stack([space.apply(row) for row in np.eye(space.size)]))
        for value, vector in zip(values, vectors.T, strict=True):
            yield Configured(value, 0.5, 0.5, space, vector)


def test_levels_of_a_hard_sphere_overlap_with_their_own_kind_only():
    """1s, 1p, 1d of both carriers are the same functions whatever the masses."""
    solution = hard_sphere(2.5)
    electrons, holes = (bare_basis(solution, carrier, 9) for carrier in ("electron", "hole"))
    found = overlaps(electrons, holes)
    # of each electron orbital the hole's with -m in the same shell
    assert np.count_nonzero(np.abs(found) > 1e-6) == 9
    assert np.abs(found).max(axis=0) == pytest.approx(np.ones(9), abs=1e-6)
    assert np.abs(found).max(axis=1) == pytest.approx(np.ones(9), abs=1e-6)
    a, c = np.nonzero(np.abs(found) > 0.5)
    assert list(electrons.numbers[a, 0]) == list(-holes.numbers[c, 0])


def test_a_pair_in_the_lowest_levels_of_a_hard_sphere():
    solution = hard_sphere(2.5)
    bases = [bare_basis(solution, carrier, 1) for carrier in ("electron", "hole")]
    problem = Problem(*bases, interactions(*bases, ("eh",)))
    state = lowest_states(problem, X, states=1)[0]
    assert strength(problem, state) == pytest.approx(1, abs=1e-8)
    assert contact_density(problem, state) == pytest.approx(CONTACT / 2.5**3, rel=1e-7)


@pytest.mark.parametrize("example", ["homodimer", "heterodimer"])
def test_strengths_of_all_states_add_up_to_those_of_all_pairs(example):
    problem = problem_of(solved(example), {"electron": 0.8, "hole": 0.4})
    states = list(all_states(problem))
    found = [strength(problem, state) for state in states]
    pairs = overlaps(problem.electron, problem.hole)
    assert sum(found) == pytest.approx(np.sum(pairs**2), abs=1e-10)
    assert max(found) > 0.5
    assert all(
        value < 1e-20 for value, state in zip(found, states, strict=True) if state.sector != problem.symmetry.identity
    )


def test_the_electrons_become_complete_around_the_hole():
    solution = solved("homodimer")
    rests = []
    for energy in (0.0, 1.0, 2.0, 4.0):
        bases = relaxed_orbitals(solution, energy={"electron": energy, "hole": 0.0})
        found = overlaps(bases["electron"], bases["hole"])
        rests.append(1 - np.sum(found**2, axis=0).min())
    assert np.all(np.diff(rests) < 0)
    assert 0 < rests[-1] < 0.03
    assert rests[0] > 0.1


def test_a_hole_behind_hard_walls_meets_an_electron_that_leaks():
    """The overlap of two carriers of different domains is that of either's points."""
    spec = molecule_spec([dot()], overrides={"medium": {"hole_barrier": "hard"}}, coulomb="self-consistent")
    solution = solve_molecule(resolve(read_spec(spec)), REQUEST)
    spaces = [solution.hamiltonians[carrier].space.regions for carrier in ("electron", "hole")]
    assert spaces[1] < spaces[0]
    electrons, holes = (bare_basis(solution, carrier, 1) for carrier in ("electron", "hole"))
    assert overlaps(electrons, holes) == pytest.approx(overlaps(holes, electrons).T, rel=1e-12)
    assert 0.5 < abs(overlaps(electrons, holes)[0, 0]) < 0.9


def test_attraction_brings_electron_and_hole_together():
    """Beyond the product of their levels; and no state but an exciton has a strength."""
    solution = solved("homodimer", monomer=True)
    bases = [bare_basis(solution, carrier, 1) for carrier in ("electron", "hole")]
    bare = Problem(*bases, interactions(*bases))
    correlated = problem_of(solution, {"electron": 1.0, "hole": 0.5})
    found = [(problem, lowest_states(problem, X, states=1)[0]) for problem in (bare, correlated)]
    for measure in (strength, contact_density):
        assert measure(*found[1]) > 1.1 * measure(*found[0])
    trion = lowest_states(bare, Complex(2, 1), states=1)[0]
    with pytest.raises(ValueError, match="one electron and one hole"):
        strength(bare, trion)


def test_overlaps_need_functions():
    rng = np.random.default_rng(1)
    e, h = random_basis(rng, "electron", [0, 0], [1, -1]), random_basis(rng, "hole", [0, 0], [1, -1])
    problem = Problem(e, h, {"eh": as_interaction(e, h, random_values(rng, e, h))})
    with pytest.raises(ValueError, match="functions"):
        strength(problem, lowest_states(problem, X, states=1)[0])
