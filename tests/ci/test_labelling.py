"""Labels of a model whose answer is known: two sites, one orbital of each carrier on each."""

import numpy as np
import pytest
from tests.ci.few_particles import as_interaction

from qdmol.ci.complexes import Complex, parse_complexes
from qdmol.ci.diagonalising import Problem, lowest_states
from qdmol.ci.labelling import place_carriers
from qdmol.ci.orbitals import OrbitalBasis
from qdmol.errors import InputError
from qdmol.fem import AxialSymmetry

MIX = np.array([[1, 1], [1, -1]]) / np.sqrt(2)  # sites into bonding and antibonding


def site_basis(carrier, splitting):
    weights = np.stack([np.outer(MIX[:, site], MIX[:, site]) for site in (0, 1)])
    energies = np.array([-splitting / 2, splitting / 2])
    numbers = np.array([[0, 1], [0, -1]])
    symmetry = AxialSymmetry(mirror=True)
    return OrbitalBasis(carrier, symmetry, numbers, energies, np.diag(energies), np.arange(2), weights)


def hubbard(*, splitting, same, apart, repulsion=1.0):
    """Two sites: electrons split, holes not; energies of two carriers on the `same` site and `apart`, but for signs."""
    electron, hole = site_basis("electron", splitting), site_basis("hole", 1e-4)
    sites = np.array([[same, apart], [apart, same]])
    values = np.einsum("as,bs,ct,dt,st->abcd", MIX, MIX, MIX, MIX, sites)
    bases = {"e": electron, "h": hole}
    scales = {"ee": repulsion, "hh": repulsion, "eh": 1.0}
    integrals = {k: as_interaction(bases[k[0]], bases[k[1]], scale * values) for k, scale in scales.items()}
    return Problem(electron, hole, integrals)


def lowest(problem, name, states=1):
    found = lowest_states(problem, parse_complexes(name)[0], states=states)
    return found, [place_carriers(problem, state) for state in found]


def test_exciton_between_splitting_and_attraction():
    t, attraction = 0.02, 0.06
    found, places = lowest(hubbard(splitting=t, same=attraction, apart=0.0), "X", 4)
    # two sites: -J/2 ± sqrt(J² + t²)/2 for each place of the hole
    exact = -attraction / 2 - np.hypot(attraction, t) / 2
    assert found[0].energy == pytest.approx(exact, abs=1e-4)
    assert places[0].label == "localised"
    assert [place.label for place in places[2:]] == ["segregated", "segregated"]
    assert found[2].energy - found[0].energy == pytest.approx(np.hypot(attraction, t), abs=2e-4)
    shared = lowest(hubbard(splitting=0.06, same=0.005, apart=0.0), "X", 4)[1]
    assert [place.label for place in shared] == ["bonding", "bonding", "antibonding", "antibonding"]


def test_holes_apart_let_the_electron_of_a_positive_trion_spread():
    found, places = lowest(hubbard(splitting=0.02, same=0.06, apart=0.02), "X+")
    assert places[0].label == "bonding"
    assert places[0].hole_hole < 0.05
    assert places[0].electron_hole == pytest.approx(0.5, abs=0.01)
    assert found[0].degeneracy in (2, 6)


def test_segregated_biexciton_is_two_excitons():
    problem = hubbard(splitting=1e-4, same=0.06, apart=0.0, repulsion=1.5)
    exciton = lowest(problem, "X")[0][0].energy
    found, places = lowest(problem, "XX", 4)
    assert [place.label for place in places] == ["segregated"] * 4
    for state in found:
        assert state.energy == pytest.approx(2 * exciton, abs=1e-5)
    # every direction of four spins
    assert sorted(state.degeneracy for state in found) == [1, 3, 3, 9]


def test_three_of_a_kind_pass_the_same_sums():
    problem = hubbard(splitting=0.02, same=0.06, apart=0.0)
    state = lowest_states(problem, Complex(3, 1), states=1)[0]
    place = place_carriers(problem, state)
    # three electrons on two sites: one pair of the three together
    assert place.electron_electron == pytest.approx(1 / 3, abs=1e-9)
    assert place.electron_hole == pytest.approx(2 / 3, abs=0.05)


@pytest.mark.parametrize("text", ["", "Y", "X--", "0e1h", "9e1h", "X,,XX"])
def test_what_is_no_complex_is_refused(text):
    with pytest.raises(InputError, match="particles"):
        parse_complexes(text)
