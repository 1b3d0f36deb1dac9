"""Coulomb integrals against closed forms, and what every set of integrals obeys."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.special import lpmv, spherical_jn
from tests.ci.samples import REQUEST, bare_basis, exciton_energies, hard_sphere, solved, table_of
from tests.exact.systems import molecule_spec

from qdmol.ci.integrals import interactions, pair_energy
from qdmol.ci.orbitals import project, relaxed_orbitals
from qdmol.meanfield import solve_molecule
from qdmol.structure import read_spec, resolve
from qdmol.units import COULOMB_EV_NM

RADIUS = 2.5
# Zeros of the spherical Bessel functions j_0, j_1, j_2 and the next of j_0.
ZEROS = {"1s": (0, math.pi), "1p": (1, 4.493409457909064), "1d": (2, 5.763459196894550)}


@pytest.fixture(scope="module")
def sphere():
    """Levels 1s, 1p, 1d of a hard sphere as electron and hole orbitals, and all integrals."""
    solution = hard_sphere(RADIUS)
    bases = [bare_basis(solution, carrier, 9) for carrier in ("electron", "hole")]
    return bases[0], bases[1], interactions(*bases)


@cache
def _angular(l1, m1, l2, m2, rank):
    """∫ Y_1* Y_2 C_{rank, q} dΩ, C = (4π/(2 rank + 1))^½ Y, q = m1 - m2, by quadrature: Condon and Shortley's c^k."""
    x, w = np.polynomial.legendre.leggauss(24)

    def harmonic(ell, m, norm):
        scale = math.sqrt(norm * math.factorial(ell - abs(m)) / math.factorial(ell + abs(m)))
        return scale * lpmv(abs(m), ell, x)

    q = m1 - m2
    one, two = harmonic(l1, m1, (2 * l1 + 1) / 2), harmonic(l2, m2, (2 * l2 + 1) / 2)
    return float(np.sum(w * one * two * harmonic(rank, q, 1.0))) if abs(q) <= rank else 0.0


@cache
def _radial(shells, rank):
    """∫∫ R_a R_b (r) r_<^k / r_>^(k+1) R_c R_d (r') r² r'² of four shells, by quadrature, in units of 1/RADIUS."""
    x, w = np.polynomial.legendre.leggauss(60)

    def density(one, two, r):
        found = r**2
        for name in (one, two):
            ell, zero = ZEROS[name]
            found = found * spherical_jn(ell, zero * r) * math.sqrt(2) / abs(spherical_jn(ell + 1, zero))
        return found

    r, w = (x[:, None] + 1) / 2, w / 2
    below, above = r * r.T, r + (1 - r) * r.T
    inner = (density(*shells[2:], below) * below**rank) @ w * r[:, 0] ** -rank
    outer = (density(*shells[2:], above) / above ** (rank + 1)) @ w * (1 - r[:, 0]) * r[:, 0] ** rank
    return float(np.sum(w * density(*shells[:2], r[:, 0]) * (inner + outer)))


def _shells(basis):
    """Name and (l, m) of each orbital: by energy 1s, three of 1p, five of 1d."""
    names = ["1s"] + ["1p"] * 3 + ["1d"] * 5
    return [(name, ZEROS[name][0], int(m)) for name, m in zip(names, basis.numbers[:, 0], strict=True)]


def test_first_order_in_a_hard_sphere(sphere):
    """1.78607 e²/(εR), Brus, J. Chem. Phys. 80, 4403 (1984), doi:10.1063/1.447218."""
    for interaction in sphere[2].values():
        value = table_of(interaction)[0, 0, 0, 0]
        assert value * 10.0 * RADIUS / COULOMB_EV_NM == pytest.approx(1.7860731682, rel=1e-8)


def test_integrals_of_a_hard_sphere_are_slaters(sphere):
    """(ab|ba) and (aa|bb) = Σ_k c^k c^k R^k, Slater, Phys. Rev. 34, 1293 (1929), doi:10.1103/PhysRev.34.1293."""
    electrons, _, found = sphere
    shells = _shells(electrons)
    table = table_of(found["ee"])
    for a, (name_a, l_a, m_a) in enumerate(shells):
        for b, (name_b, l_b, m_b) in enumerate(shells):
            exchange = direct = 0.0
            for rank in range(5):
                crossed = _angular(l_a, m_a, l_b, m_b, rank) ** 2
                exchange += crossed * _radial((name_a, name_b, name_a, name_b), rank) if crossed else 0.0
                both = _angular(l_a, m_a, l_a, m_a, rank) * _angular(l_b, m_b, l_b, m_b, rank)
                direct += both * _radial((name_a, name_a, name_b, name_b), rank) if both else 0.0
            scale = 10.0 * RADIUS / COULOMB_EV_NM
            assert table[a, b, b, a] * scale == pytest.approx(exchange, rel=1e-6)
            assert table[a, a, b, b] * scale == pytest.approx(direct, rel=1e-6)


def test_integrals_of_three_and_four_orbitals_have_slaters_size(sphere):
    """|(s p_m | d p)| with every m: signs of functions are free, products of angular factors are not."""
    electrons, _, found = sphere
    shells = _shells(electrons)
    table = table_of(found["ee"])
    scale = 10.0 * RADIUS / COULOMB_EV_NM
    for (a, b, c, d), value in table.items():
        names = tuple(shells[k][0] for k in (a, b, c, d))
        if names != ("1s", "1p", "1d", "1p"):
            continue
        (_, l_a, m_a), (_, l_b, m_b), (_, l_c, m_c), (_, l_d, m_d) = (shells[k] for k in (a, b, c, d))
        exact = sum(
            _angular(l_a, m_a, l_b, m_b, rank) * _angular(l_c, m_c, l_d, m_d, rank) * _radial(names, rank)
            for rank in range(4)
        )
        assert abs(value) * scale == pytest.approx(abs(exact), rel=1e-6, abs=1e-8)


def test_carriers_of_one_shape_have_the_same_integrals(sphere):
    """In a hard sphere the mass does not change a function: "ee", "eh" and "hh" are one, but for signs."""
    tables = [table_of(interaction) for interaction in sphere[2].values()]
    for key, value in tables[0].items():
        for other in tables[1:]:
            # The functions of each carrier have converged by themselves, to BASIS_ACCURACY.
            assert abs(other[key]) == pytest.approx(abs(value), rel=1e-5, abs=1e-9)


def test_first_order_of_the_reference_monomer():
    """Measured once with a radial solver: 68.6, 134.8 and 85.6 meV."""
    solution = solved("homodimer", monomer=True)
    bases = [bare_basis(solution, carrier, 1) for carrier in ("electron", "hole")]
    found = {kind: 1000 * one.blocks[0].value[0, 0] for kind, one in interactions(*bases).items()}
    assert found == {
        "ee": pytest.approx(68.6, abs=0.05),
        "hh": pytest.approx(134.8, abs=0.05),
        "eh": pytest.approx(85.6, abs=0.05),
    }


@pytest.fixture(scope="module")
def dimer():
    return _small("homodimer")


def _small(example, **which):
    solution = solved(example, **which)
    bases = relaxed_orbitals(solution, energy={"electron": 1.0, "hole": 0.5})
    electrons, holes = bases["electron"], bases["hole"]
    return solution, electrons, holes, interactions(electrons, holes)


def test_every_integral_allowed_is_there_once(dimer):
    _, electrons, holes, found = dimer
    for kind, one, two in (("eh", electrons, holes), ("ee", electrons, electrons), ("hh", holes, holes)):
        table = table_of(found[kind])
        (m, p), (n, q) = one.numbers.T, two.numbers.T
        expected = {
            (a, b, c, d)
            for a in range(len(one))
            for b in range(len(one))
            for c in range(len(two))
            for d in range(len(two))
            if m[b] - m[a] + n[d] - n[c] == 0 and p[a] * p[b] == q[c] * q[d]
        }
        assert set(table) == expected
        for (a, b, c, d), value in table.items():
            assert value == pytest.approx(table[b, a, d, c], rel=1e-9, abs=1e-13)
            if kind != "eh":
                assert value == pytest.approx(table[c, d, a, b], rel=1e-9, abs=1e-13)
            if a == d and b == c and kind != "eh":
                assert value > 0


@pytest.mark.parametrize("example", ["homodimer", "heterodimer", "trimer-chain", "dimer-in-field"])
def test_a_settled_pairs_energy_comes_back(example):
    """The states of the lowest pair are in the smallest basis, and the integrals give its energy to rounding."""
    solution = solved(example)
    bases = relaxed_orbitals(solution, energy=0.0)
    electrons, holes = bases["electron"], bases["hole"]
    pair = solution.pairs[0].pair
    x, y = project(electrons, pair.electron), project(holes, pair.hole)
    assert x @ x == pytest.approx(1, abs=1e-10)
    assert y @ y == pytest.approx(1, abs=1e-10)
    attraction = interactions(electrons, holes, ("eh",))["eh"]
    assert pair_energy(electrons, holes, attraction, x, y) == pytest.approx(pair.exciton, abs=1e-11)


@pytest.mark.parametrize(
    ("materials", "core", "medium"),
    [("inp-cds-type-ii", "InP", {}), ("cdse-cds-single-band", "CdSe", {"hole_barrier": "hard"})],
)
def test_carriers_in_different_places_meet(materials, core, medium):
    """An electron in the shells and a hole in the cores, walls of one carrier only, permittivities that differ."""
    dot = {"core": {"material": core, "radius": 1.4}, "shells": [{"material": "CdS", "thickness": 2.1}]}
    spec = molecule_spec([dot, dot], spacing=5.2, neck="merged") | {"materials": materials}
    spec["overrides"] = {"CdS": {"permittivity": 6.0}, "medium": {"permittivity": 2.0} | medium}
    solution = solve_molecule(resolve(read_spec(spec)), REQUEST)
    bases = relaxed_orbitals(solution, energy=0.5)
    electrons, holes = bases["electron"], bases["hole"]
    attraction = interactions(electrons, holes, ("eh",))["eh"]
    pair = solution.pairs[0].pair
    x, y = project(electrons, pair.electron), project(holes, pair.hole)
    assert pair_energy(electrons, holes, attraction, x, y) == pytest.approx(pair.exciton, abs=1e-11)
    assert exciton_energies(electrons, holes, attraction)[0] < pair.exciton - 1e-4


@pytest.mark.parametrize(("example", "monomer"), [("homodimer", True), ("homodimer", False), ("heterodimer", False)])
def test_configurations_lower_the_pair_and_more_of_them_more(example, monomer):
    solution, electrons, holes, found = _small(example, monomer=monomer)
    energies = [solution.pairs[0].exciton.value]
    for part in (0.0, 0.5, 1.0):
        chosen = electrons.inside(energy=part), holes.inside(energy=part / 2)
        bases = electrons.take(chosen[0]), holes.take(chosen[1])
        energies.append(exciton_energies(*bases, found["eh"].take(*chosen))[0])
    assert np.all(np.diff(energies) <= 1e-12)
    assert energies[-1] < energies[0] - 1.2e-3


def test_a_half_mesh_gives_what_the_whole_one_does(dimer):
    """A field of 1e-9 V/nm breaks the symmetry of the mesh and of the orbitals, but hardly that of the levels."""
    spec = read_spec("@homodimer")
    molecule = replace(resolve(spec), field=1e-9)
    whole = solve_molecule(molecule, REQUEST)
    assert len(whole.symmetry.images) == 1
    bases = relaxed_orbitals(whole, energy={"electron": 1.0, "hole": 0.5})
    found = exciton_energies(bases["electron"], bases["hole"], interactions(*bases.values(), ("eh",))["eh"])
    _, electrons, holes, interaction = dimer
    assert (len(bases["electron"]), len(bases["hole"])) == (len(electrons), len(holes))
    assert set(bases["electron"].numbers[:, 1]) == {0}
    expected = exciton_energies(electrons, holes, interaction["eh"])
    assert found[:4] == pytest.approx(expected[:4], abs=3e-6)


def test_part_of_the_integrals_is_those_of_the_part(dimer):
    _, electrons, holes, found = dimer
    chosen = electrons.inside(count=4), holes.inside(count=8)
    part = table_of(found["eh"].take(*chosen))
    again = interactions(electrons.take(chosen[0]), holes.take(chosen[1]), ("eh",))["eh"]
    assert part == pytest.approx(table_of(again), rel=1e-10, abs=1e-14)


def test_the_kinds_asked_for_do_not_change_the_numbers(dimer):
    _, electrons, holes, found = dimer
    for kinds in (("eh",), ("hh", "eh"), ("ee",)):
        for kind, one in interactions(electrons, holes, kinds).items():
            assert table_of(one) == pytest.approx(table_of(found[kind]), rel=1e-9, abs=1e-13)


def test_integrals_need_functions(dimer):
    _, electrons, holes, _ = dimer
    with pytest.raises(ValueError, match="functions"):
        interactions(electrons, type(holes)(**(vars(holes) | {"functions": None})))
