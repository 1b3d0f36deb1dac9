"""Configuration interaction against cases whose answer is known otherwise."""

from functools import cache

import numpy as np
import pytest
from tests.ci.few_particles import as_interaction
from tests.ci.samples import REQUEST, bare_basis, hard_sphere, solved
from tests.exact.pair_sphere import PairInSphere
from tests.exact.radial import Sphere
from tests.exact.systems import dimer_spec

from qdmol.ci import Complex, solve_complexes
from qdmol.ci.bases import CUTS
from qdmol.ci.configurations import ConfigurationSpace, make_species, pair_operators
from qdmol.ci.diagonalising import Problem, lowest_states
from qdmol.ci.integrals import interactions
from qdmol.ci.labelling import place_carriers
from qdmol.ci.orbitals import OrbitalBasis, orbital_spacing, relaxed_orbitals
from qdmol.fem import AxialSymmetry
from qdmol.meanfield import solve_molecule
from qdmol.structure import read_spec, resolve
from qdmol.study import solve
from qdmol.units import COULOMB_EV_NM, HBAR2_OVER_2M0

ALL = ("eh", "ee", "hh")
X, NEGATIVE, POSITIVE, XX = Complex(1, 1), Complex(2, 1), Complex(1, 2), Complex(2, 2)

# The 1.4/2.1 monomer of the shipped homodimer.
RADII = (1.4, 3.5)
ELECTRON = Sphere(RADII, (0.13, 0.21), (0.0, 0.10), 5.0)
HOLE = Sphere(RADII, (0.45, 0.70), (0.0, 0.64), 5.0)
ENDS = [*np.linspace(0, 1.4, 4), *np.linspace(1.4, 3.5, 5)[1:], 4.1]
# Of 7 waves and up to 20 radial levels of each, extrapolated in both; see `test_the_limit_of_the_monomer`.
LIMIT = 0.331498


def cut_problem(solution, cut, kinds=("eh",), spacing=None):
    spacing = spacing or orbital_spacing(solution)
    energy = {carrier: cut * unit for carrier, unit in spacing.items()}
    orbitals = relaxed_orbitals(solution, energy=energy)
    bases = orbitals["electron"], orbitals["hole"]
    return Problem(*bases, interactions(*bases, kinds))


def monomer_pair(waves, count):
    return PairInSphere(ELECTRON, HOLE, 10.0, ends=ENDS, waves=waves, count=count)


def test_the_reference_of_the_monomer_is_near_its_limit():
    found = [monomer_pair(6, count).limit() for count in (8, 12)]
    assert LIMIT < found[1] < found[0]
    assert found[1] - LIMIT < 1e-5


@pytest.mark.slow
def test_the_limit_of_the_monomer():
    """Radial levels bring n^-4 or so: half of the last difference is more than what is left."""
    found = [monomer_pair(6, count).limit() for count in (12, 16, 20)]
    assert found[2] - (found[1] - found[2]) < LIMIT < found[2]
    assert monomer_pair(7, 12).limit() == pytest.approx(found[0], abs=1e-6)


@pytest.mark.parametrize("tolerance", [1e-3, 2e-4])
def test_the_exciton_of_a_monomer_has_a_true_error(tolerance):
    """Against radial elements and Legendre polynomials, which share nothing with the solver."""
    solution = solved("homodimer", monomer=True)
    found = solve_complexes(solution, [X], states=1, tolerance=tolerance)[X]
    assert found.accurate
    assert found.energy.error <= tolerance
    assert abs(found.energy.value - LIMIT) < found.energy.error


def test_the_exciton_of_a_monomer_falls_to_the_limit_from_above():
    solution = solved("homodimer", monomer=True)
    energies = [lowest_states(cut_problem(solution, cut), X, states=1)[0].energy for cut in CUTS[:4]]
    assert np.all(np.diff(energies) < 0)
    assert LIMIT < energies[-1] < LIMIT + 2e-4


@pytest.mark.parametrize("masses", [(0.2, 0.2), (0.2, 0.5)])
def test_an_exciton_in_a_hard_sphere_to_second_order(masses):
    """E = ħ²π²/2μR² - 1.78607 e²/εR + c Ry* + ..: c = -0.2777 of equal masses, from a sum over all pairs of levels."""
    spheres = [Sphere((1.0,), (mass,), (0.0,)) for mass in masses]
    first, waves = PairInSphere(*spheres, 10.0, ends=np.linspace(0, 1, 3), waves=8, count=12).second_order()
    reduced = masses[0] * masses[1] / sum(masses)
    rydberg = reduced / (4 * HBAR2_OVER_2M0)
    second = waves.sum() / rydberg
    assert first == pytest.approx(-1.7860731682, rel=1e-9)
    assert second == pytest.approx({0.2: -0.2777, 0.5: -0.2922}[masses[1]], abs=1e-4)
    # R/a = strength / (2 ħ²/2µ); what is left of two strengths falls as their product.
    rests, errors = [], []
    for ratio in (0.1, 0.2):
        strength = ratio * 2 * HBAR2_OVER_2M0 / reduced
        solution = hard_sphere(1.0, masses=masses, permittivity=COULOMB_EV_NM / strength, levels=1)
        energy = solve_complexes(solution, [X], states=1, tolerance=1e-9)[X].energy
        bare = HBAR2_OVER_2M0 * np.pi**2 / reduced
        rests.append((energy.value - bare - strength * first) / strength**2 / rydberg)
        errors.append(energy.error / strength**2 / rydberg)
    assert errors[0] < 0.1 * abs(second)
    assert abs(2 * rests[0] - rests[1] - second) < errors[0]


def test_trions_and_biexciton_of_a_monomer_to_first_order():
    """One bare orbital of each carrier, J_ee 68.6, J_hh 134.8, J_eh 85.6 meV: X- is bound, X+ and XX are not."""
    solution = solved("homodimer", monomer=True)
    bases = [bare_basis(solution, carrier, 1) for carrier in ("electron", "hole")]
    problem = Problem(*bases, interactions(*bases))
    energy = {one: lowest_states(problem, one, states=1)[0].energy for one in (X, NEGATIVE, POSITIVE, XX)}
    electron, hole = (float(basis.energy[0]) for basis in bases)
    assert electron + hole - energy[X] == pytest.approx(0.0856, abs=1e-4)
    assert energy[NEGATIVE] - energy[X] - electron == pytest.approx(0.0686 - 0.0856, abs=1.5e-4)
    assert energy[POSITIVE] - energy[X] - hole == pytest.approx(0.1348 - 0.0856, abs=1.5e-4)
    assert energy[XX] - 2 * energy[X] == pytest.approx(0.0322, abs=1.5e-4)


# Particles in harmonic wells, bound and repelled by harmonic forces: masses, frequencies, force constants.
MASS = {"electron": 1.0, "hole": 3.0}
WELL = {"electron": 1.0, "hole": 0.6}
FORCE = {"eh": 0.25, "ee": -0.10, "hh": -0.15}


def oscillator(carrier, count):
    """Orbitals of the well, and x and x² between them."""
    steps = np.sqrt(np.arange(1, count + 2) / (2 * MASS[carrier] * WELL[carrier]))
    x = np.diag(steps, 1) + np.diag(steps, -1)
    energy = WELL[carrier] * (np.arange(count) + 0.5)
    basis = OrbitalBasis(
        carrier,
        AxialSymmetry(mirror=True),
        np.stack([np.zeros(count, dtype=int), (-1) ** np.arange(count)], axis=1),
        energy,
        np.diag(energy),
        np.arange(count),
        np.eye(count)[None],
    )
    return basis, x[:count, :count], (x @ x)[:count, :count]


def oscillators(count):
    sides = {"e": oscillator("electron", count), "h": oscillator("hole", count)}
    eye = np.eye(count)
    integrals = {}
    for kind, force in FORCE.items():
        (one, x, x2), (two, y, y2) = sides[kind[0]], sides[kind[1]]
        terms = ((x2, eye, 0.5), (eye, y2, 0.5), (x, y, -1.0))
        values = force * sum(scale * np.einsum("ab,cd->abcd", left, right) for left, right, scale in terms)
        integrals[kind] = as_interaction(one, two, -values if kind == "eh" else values)
    return Problem(sides["e"][0], sides["h"][0], integrals)


def normal_modes(complex_):
    """Frequencies of all particles told apart."""
    kinds = ["electron"] * complex_.electrons + ["hole"] * complex_.holes
    size = len(kinds)
    stiffness = np.diag([MASS[kind] * WELL[kind] ** 2 for kind in kinds])
    for i in range(size):
        for j in range(i):
            force = FORCE["".join(sorted(kinds[i][0] + kinds[j][0]))]
            stiffness[[i, j], [i, j]] += force
            stiffness[[i, j], [j, i]] -= force
    roots = np.sqrt([MASS[kind] for kind in kinds])
    return np.sqrt(np.linalg.eigvalsh(stiffness / roots / roots[:, None]))


@pytest.mark.parametrize("complex_", [X, NEGATIVE, POSITIVE, XX], ids=lambda one: one.name)
def test_harmonic_particles_have_the_energy_of_their_normal_modes(complex_):
    exact = normal_modes(complex_).sum() / 2
    found = [lowest_states(oscillators(count), complex_, states=1)[0].energy for count in (4, 8, 12)]
    above = np.array(found) - exact
    assert np.all(above > -1e-9)
    assert above[1] < above[0] / 10
    assert above[2] < above[1] / 10
    assert above[2] < 1e-5


def test_levels_of_harmonic_particles_have_the_right_spins():
    """Singlets while nothing is excited; a triplet needs a quantum of the relative motion of the two alike."""
    found = lowest_states(oscillators(12), XX, states=8)
    modes = normal_modes(XX)
    ground = modes.sum() / 2
    relative = {
        carrier: np.sqrt(WELL[carrier] ** 2 + (2 * FORCE["eh"] + 2 * FORCE[2 * carrier[0]]) / MASS[carrier])
        for carrier in MASS
    }
    assert min(abs(modes - relative["electron"])) < 1e-12
    assert (found[0].electron_spin, found[0].hole_spin) == (0.0, 0.0)
    for spins, excess in {(1.0, 0.0): relative["electron"], (0.0, 1.0): relative["hole"]}.items():
        first = next(state for state in found if (state.electron_spin, state.hole_spin) == spins)
        assert first.energy == pytest.approx(ground + excess, abs=1e-4)


def test_three_electrons_cannot_all_be_in_the_lowest_oscillator():
    complex_ = Complex(3, 1)
    relative = np.sqrt(WELL["electron"] ** 2 + (FORCE["eh"] + 3 * FORCE["ee"]) / MASS["electron"])
    exact = normal_modes(complex_).sum() / 2 + relative
    assert lowest_states(oscillators(9), complex_, states=1)[0].energy == pytest.approx(exact, abs=1e-4)


# Two dots of the homodimer with 8 nm of the medium in between, and one of them, in the same orbitals of each dot.


@cache
def far():
    alone = solved("homodimer", monomer=True)
    two = solve_molecule(resolve(read_spec(dimer_spec(spacing=15.0, coulomb="self-consistent"))), REQUEST)
    spacing = orbital_spacing(alone)
    return cut_problem(alone, CUTS[0], ALL, spacing), cut_problem(two, CUTS[0], ALL, spacing), alone.levels


@cache
def far_states(complex_, states):
    alone, two, _ = far()
    return lowest_states(alone, complex_, states=1)[0].energy, lowest_states(two, complex_, states=states)


def test_far_dots_have_the_exciton_of_one_of_them():
    alone, states = far_states(X, 2)
    assert [state.energy for state in states] == pytest.approx([alone] * 2, abs=5e-5)
    assert {state.sector for state in states} == set(far()[1].symmetry.ground_sectors)
    assert place_carriers(far()[1], states[0]).label == "localised"


def test_biexcitons_of_far_dots_are_two_excitons_or_one_dot_s():
    exciton = far_states(X, 2)[1][0].energy
    alone, states = far_states(XX, 6)
    labels = [place_carriers(far()[1], state).label for state in states]
    # Unbound in one dot: the segregated one is the ground state, with every direction of the spins.
    assert alone > 2 * exciton + 0.01
    assert labels == ["segregated"] * 4 + ["localised"] * 2
    assert [state.energy for state in states[:4]] == pytest.approx([2 * exciton] * 4, abs=1e-5)
    assert sorted((state.electron_spin, state.hole_spin) for state in states[:4]) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [state.energy for state in states[4:]] == pytest.approx([alone] * 2, abs=3e-4)


@pytest.mark.parametrize("complex_", [NEGATIVE, POSITIVE], ids=lambda one: one.name)
def test_trions_of_far_dots_are_an_exciton_and_a_level_or_one_dot_s(complex_):
    carrier = "electron" if complex_ == NEGATIVE else "hole"
    apart = far_states(X, 2)[1][0].energy + far()[2][carrier][0].energy
    alone, states = far_states(complex_, 6)
    places = [place_carriers(far()[1], state) for state in states]
    one_dot = [state.energy for state, place in zip(states, places, strict=True) if place.label == "localised"]
    others = [state.energy for state, place in zip(states, places, strict=True) if place.label != "localised"]
    assert one_dot == pytest.approx([alone] * 2, abs=3e-4)
    assert others == pytest.approx([apart] * 4, abs=1e-4)
    # The electrons' repulsion is weaker than the attraction, the holes' stronger.
    assert min(one_dot) < min(others) if complex_ == NEGATIVE else min(others) < min(one_dot)
    assert states[0].energy == pytest.approx(min(alone, apart), abs=3e-4)
    # Nothing tells the spins of carriers in different dots.
    spins = [getattr(state, f"{carrier}_spin") for state, place in zip(states, places, strict=True)]
    assert sorted(spins) == [0.0] * 4 + [1.0] * 2


@pytest.mark.parametrize("example", ["homodimer", "heterodimer"])
def test_the_exciton_lies_below_the_mean_field_and_falls_with_the_cut(example):
    """Orbitals of narrower cuts are among those of wider ones: the energy cannot rise."""
    solution = solved(example)
    widest = cut_problem(solution, CUTS[2])
    energies = []
    for part in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        chosen = [
            basis.inside(energy=part * (basis.energy[-1] - basis.energy[0])) for basis in (widest.electron, widest.hole)
        ]
        integrals = {"eh": widest.integrals["eh"].take(*chosen)}
        problem = Problem(widest.electron.take(chosen[0]), widest.hole.take(chosen[1]), integrals)
        energies.append(lowest_states(problem, X, states=1)[0].energy)
    assert energies[0] < solution.pairs[0].exciton.value + 1e-9
    assert np.all(np.diff(energies) < 0)


@cache
def dimer():
    return cut_problem(solved("homodimer"), CUTS[0], ALL)


def parallel(problem, complex_):
    """The lowest energies with all carriers of a kind of one spin, by diagonalising every sector."""
    species = [
        make_species(problem.basis(carrier), count, problem.repulsion(carrier))
        for carrier, count in (("electron", complex_.electrons), ("hole", complex_.holes))
    ]
    operators = pair_operators(species, problem.signed)
    found = {}
    for m in (0, 1):
        for parity in (1, -1):
            sector = problem.symmetry.sector(m, parity)
            space = ConfigurationSpace(species, operators, sector)
            matrix = np.stack([space.apply(row) for row in np.eye(space.size)])
            found[sector] = np.linalg.eigvalsh(matrix)[0]
    return found


@pytest.mark.parametrize("complex_", [NEGATIVE, POSITIVE, XX], ids=lambda one: one.name)
def test_members_of_a_spin_multiplet_are_degenerate(complex_):
    """Sz = 1 has other strings and other integrals than the triplet found with Sz = 0."""
    opposite = lowest_states(dimer(), complex_, states=24)
    spins = (1.0 if complex_.electrons == 2 else 0.5, 1.0 if complex_.holes == 2 else 0.5)
    compared = 0
    for sector, energy in parallel(dimer(), complex_).items():
        same = [s.energy for s in opposite if (s.sector, s.electron_spin, s.hole_spin) == (sector, *spins)]
        if same:
            assert same[0] == pytest.approx(energy, abs=1e-8)
            compared += 1
    assert compared >= 2


@pytest.mark.parametrize("complex_", [X, NEGATIVE, POSITIVE, XX], ids=lambda one: one.name)
def test_the_density_of_a_symmetric_dimer_is_symmetric(complex_):
    """The mean field puts the hole into one of the dots."""
    for state in lowest_states(dimer(), complex_, states=3):
        place = place_carriers(dimer(), state)
        assert place.electron_dots == pytest.approx((0.5, 0.5), abs=1e-10)
        assert place.hole_dots == pytest.approx((0.5, 0.5), abs=1e-10)


def _numbers(summary):
    return {key: value for key, value in summary.items() if key not in {"elapsed_s", "name"}}


def _interacting(spec, **changes):
    mapping = spec | {"calculation": {"electrons": 2, "holes": 1, "coulomb": "ci", "tolerance": 0.2} | changes}
    return solve(mapping, particles="X,X-").summary


@pytest.fixture(scope="module")
def unlike():
    small, large = ({"core": {"material": "CdSe", "radius": r}} for r in (1.2, 1.4))
    shell = {"shells": [{"material": "CdS", "thickness": 2.1}]}
    return dimer_spec() | {"molecule": {"dots": [small | shell, large | shell], "spacing": 5.2, "neck": "merged"}}


def test_a_mirrored_heterodimer_has_the_same_numbers(unlike):
    image = unlike | {"molecule": unlike["molecule"] | {"dots": unlike["molecule"]["dots"][::-1]}}
    one, two = (_numbers(_interacting(spec, ci_tolerance=20)) for spec in (unlike, image))
    assert (one["coulomb"].pop("hole_dot"), two["coulomb"].pop("hole_dot")) == (1, 0)
    for summary in (one, two):
        for state in summary["coulomb"]["other_states"]:
            state.pop("hole_dot")
    one.pop("monomer_gaps_eV"), two.pop("monomer_gaps_eV")
    assert one.pop("detuning_meV") == -two.pop("detuning_meV")
    shares, mirrored = one.pop("dot_share"), two.pop("dot_share")
    for carrier, rows in shares.items():
        np.testing.assert_array_equal(np.array(rows)[:, ::-1], mirrored[carrier])
    assert one == two


@pytest.mark.slow
def test_a_chain_of_three_runs():
    mapping = dimer_spec(coulomb="ci", electrons=3, holes=3)
    mapping["molecule"] = {"dots": mapping["molecule"]["dots"] + mapping["molecule"]["dots"][:1], "spacing": 5.2}
    mapping["molecule"]["neck"] = "merged"
    summary = solve(mapping, particles="X,X-").summary
    assert summary["coulomb"]["exciton_eV"] < summary["coulomb"]["mean_field"]["exciton_eV"]
    assert summary["redshift_meV"] > 0
    assert summary["complexes"]["X-"]["binding_meV"] > 0


def test_a_pair_of_type_two_with_hard_walls_runs():
    spec = {
        "qdmol": 1,
        "materials": "inp-cds-type-ii",
        "molecule": {
            "dots": [{"core": {"material": "InP", "radius": 1.5}, "shells": [{"material": "CdS", "thickness": 1.5}]}]
        },
    }
    summary = _interacting(spec)
    assert summary["coulomb"]["exciton_eV"] < summary["coulomb"]["mean_field"]["exciton_eV"]
    assert summary["coulomb"]["exciton_error_meV"] < 1.0
    assert summary["complexes"]["X-"]["states"][0]["label"] is None
