"""What lines absorb and emit: SI units, Einstein, Kennard and Stepanov, Boltzmann, exchange."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import constants as si
from tests.optics.samples import DIRECTIONS, LIGHT, limit_of, lit
from threadpoolctl import threadpool_limits

from qdmol.optics import Broadening, Lines, absorption_lines, broadening_of, cross_section, emission, emitters
from qdmol.optics.limit import EdgeLimit
from qdmol.optics.spectra import CROSS_SECTION, boltzmann, photon_modes, radiative_rate

KT = si.k / si.e  # eV/K
FLAT = Broadening(2e-3, 0.0)


@pytest.fixture(autouse=True)
def _one_thread():
    with threadpool_limits(limits=1, user_api="blas"):
        yield


def _only(limit, k):
    """One level of a limit."""
    levels = limit.levels
    names = ("energy", "numbers", "degeneracy", "moment", "bare", "place", "contact")
    return EdgeLimit(
        replace(levels, **{name: getattr(levels, name)[k : k + 1] for name in names}), limit.error[k : k + 1], 1.0
    )


def _bright(limit):
    return np.flatnonzero(limit.levels.moment.sum(axis=(1, 2)) > 1e-6)


def test_cross_section_and_rate_are_those_of_si_units():
    """∫ σ dν = e² f / 4 ε0 m c n and A = 2π e² ν² n f / ε0 m c³ (Hilborn, Am. J. Phys. 50, 982 (1982))."""
    area = si.h * si.e**2 / (4 * si.epsilon_0 * si.m_e * si.c)  # J m²
    assert pytest.approx(area / si.e * 1e18, rel=1e-8) == CROSS_SECTION
    frequency = 2.1 * si.e / si.h
    rate = 2 * math.pi * si.e**2 * frequency**2 / (si.epsilon_0 * si.m_e * si.c**3)
    assert radiative_rate(3.0, 2.1, index=1.5) == pytest.approx(1.5 * 3.0 * rate * 1e-9, rel=1e-8)


def test_modes_of_light_are_those_of_a_black_body():
    """8π n³ν²/c³ modes a volume and frequency, times the speed c/n, per energy and not per frequency."""
    frequency, index = 2.1 * si.e / si.h, 1.5
    density = 8 * math.pi * index**3 * frequency**2 / si.c**3
    expected = density * si.c / index / si.h * si.e  # 1/(eV s m²)
    assert photon_modes(2.1, index=index) == pytest.approx(expected * 1e-9 * 1e-18, rel=1e-8)


@pytest.mark.parametrize("example", ["homodimer", "heterodimer"])
def test_each_line_emits_what_it_absorbs(example):
    """Einstein: k = modes · ∫ σ dE of a state; of the four directions of the spins, alike in energy, a quarter each.

    Integrated numerically over the spectra of single lines, dot by dot.
    """
    light = lit(example, contact=True)
    limit = limit_of(light)
    bright = _bright(limit)
    assert len(bright) > 5
    for k in bright[:8]:
        one = _only(limit, k)
        energy = light.band_gap + one.levels.energy[0]
        grid = np.linspace(energy - 0.02, energy + 0.02, 801)
        step = grid[1] - grid[0]
        sigma = cross_section(Lines(np.array([energy]), one.levels.moment, DIRECTIONS), grid, FLAT, index=light.index)
        absorbed = sigma.sum(axis=0) * step
        settings = {"temperature": 10.0, "broadening": FLAT}
        apart = emitters(light, one, **settings)
        emitted = emission(apart, grid, FLAT).sum(axis=0) * step
        expected = photon_modes(energy, index=light.index) * absorbed
        assert emitted == pytest.approx(expected / 4, rel=1e-5)
        # Bright below dark: all of the population emits.
        together = emitters(
            light, replace(one, levels=replace(one.levels, contact=np.ones(1))), exchange=-0.1, **settings
        )
        shifted = photon_modes(energy - 0.1, index=light.index) * absorbed * energy / (energy - 0.1)
        assert together.rate.sum(axis=0) == pytest.approx(shifted, rel=1e-5)


@pytest.mark.parametrize(("temperature", "bound"), [(300.0, 0.02), (3000.0, 2e-4)])
def test_a_line_emits_below_where_it_absorbs_as_kennard_and_stepanov_say(temperature, bound):
    """Emission over absorption and modes is exp(-E/kT); a Gaussian's slope misses (E_p/2kT)²/3 of it.

    The E² of the modes is taken at the line and not at each energy: a factor 1 + 2 (E - E_0)/E_0.
    """
    found = broadening_of(LIGHT, temperature)
    energy = 2.0
    grid = np.linspace(-2, 2, 41) * found.deviation + energy - found.stokes / 2
    absorbed = cross_section(Lines(np.array([energy]), np.ones((1, 1, 2)), DIRECTIONS), grid, found, index=1.5)[:, 0]
    emitted = found.spread(grid, np.array([energy - found.stokes]), np.ones(1))
    slope = np.diff(np.log(emitted / absorbed)) / np.diff(grid) * KT * temperature
    assert slope == pytest.approx(-np.ones(40), abs=bound)
    assert np.ptp(slope) < 1e-9
    modes = np.diff(np.log(photon_modes(grid, index=1.5) / photon_modes(energy, index=1.5))) / np.diff(grid)
    assert modes == pytest.approx(2 / grid[:-1], rel=0.1)


def test_widths_follow_the_occupation_of_phonons():
    """The set's width at its own temperature; σ² as coth(E_p/2kT): linear in T far above, constant far below."""
    at = {temperature: broadening_of(LIGHT, temperature) for temperature in (0.0, 1.0, 300.0, 3000.0, 6000.0)}
    assert at[300.0].fwhm == pytest.approx(0.06, rel=1e-12)
    ratio = math.tanh(0.01 / (2 * KT * 300))
    assert at[0.0].deviation == pytest.approx(at[300.0].deviation * math.sqrt(ratio), rel=1e-9)
    assert at[1.0].deviation == pytest.approx(at[0.0].deviation, rel=1e-9)
    assert (at[6000.0].deviation / at[3000.0].deviation) ** 2 == pytest.approx(2, rel=1e-3)
    assert [one.stokes for one in at.values()] == pytest.approx([at[0.0].stokes] * 5, rel=1e-9)


def test_a_broadened_line_keeps_its_place_width_and_weight():
    grid = np.linspace(1.0, 3.0, 4001)
    line = Broadening(0.03, 0.0)
    weight = np.array([[1.0, 2.0], [3.0, 0.5]])
    found = line.spread(grid, np.array([1.9, 2.1]), weight) * (grid[1] - grid[0])
    assert found.sum(axis=0) == pytest.approx(weight.sum(axis=0), rel=1e-9)
    mean = (grid @ found) / found.sum(axis=0)
    assert mean == pytest.approx([(1.9 + 3 * 2.1) / 4, (2 * 1.9 + 0.5 * 2.1) / 2.5], rel=1e-9)
    alone = line.spread(grid, np.array([2.0]), np.ones(1))
    assert np.ptp(grid[alone > alone.max() / 2]) == pytest.approx(line.fwhm, abs=2e-3)


def test_populations_are_boltzmanns():
    heights, degeneracy = np.array([0.30, 0.31, 0.40]), np.array([4.0, 8.0, 4.0])
    for temperature in (20.0, 300.0):
        found = boltzmann(heights, degeneracy, temperature=temperature)
        expected = degeneracy * np.exp(-heights / (KT * temperature))
        assert found == pytest.approx(expected / expected.sum(), rel=1e-9)
    assert boltzmann(heights, degeneracy, temperature=0.0).tolist() == [1.0, 0.0, 0.0]
    assert boltzmann(heights, degeneracy, temperature=1e9) == pytest.approx(degeneracy / 16, rel=1e-6)
    assert boltzmann(np.array([0.1, 0.1, 0.2]), np.array([1.0, 3.0, 5.0]), temperature=0).tolist() == [0.25, 0.75, 0]


def test_a_thermal_population_emits_by_its_states():
    """Rate, hole's place and free energy of a homodimer as sums over all states written out."""
    light = lit("homodimer")
    limit = limit_of(light)
    temperature, levels = 150.0, limit.levels
    found = emitters(light, limit, temperature=temperature, broadening=FLAT)
    energy = light.band_gap + levels.energy
    factor = np.exp(-(energy - energy.min()) / (KT * temperature))
    states = 4 * np.where(levels.numbers[:, 0] > 0, 2, 1) * factor
    mean = (2 * levels.moment[..., 0] + levels.moment[..., 1]).sum(axis=1) / 3
    strength = 2 * mean / energy
    # Each bright state has a quarter of the level's strength... of which there are four.
    rate = np.sum(factor * radiative_rate(strength, np.sqrt(energy**2 + 4e-6), index=light.index)) / states.sum()
    assert found.lifetime == pytest.approx(1 / rate, rel=1e-9)
    assert found.place == pytest.approx([0.5, 0.5], abs=1e-9)
    assert found.free_energy == pytest.approx(energy.min() - KT * temperature * math.log(states.sum()), rel=1e-9)
    cold = emitters(light, limit, temperature=0.0, broadening=FLAT)
    assert cold.free_energy == energy.min()
    assert len(cold.energy) <= 1
    assert cold.lifetime > 0


def test_cold_excitons_of_a_heterodimer_are_in_the_larger_core():
    light = lit("heterodimer")
    cold, hot = (emitters(light, limit_of(light), temperature=t, broadening=FLAT) for t in (0.0, 3000.0))
    assert cold.place[1] > 0.95
    assert cold.place.sum() == pytest.approx(1)
    assert 0.5 < hot.place[1] < cold.place[1]
    assert cold.rate.sum(axis=0)[1] > 20 * cold.rate.sum(axis=0)[0]


EXCHANGE = 0.5  # eV nm³


def test_exchange_lifts_bright_states_and_keeps_their_strength():
    light = lit("homodimer", contact=True)
    limit = limit_of(light)
    plain, lifted = (absorption_lines(light, limit, exchange=x) for x in (0.0, EXCHANGE))
    k = _bright(limit)[0]
    split = EXCHANGE * limit.levels.contact[k]
    assert 1e-3 < split < 0.05
    assert lifted.energy[0] - plain.energy[0] == pytest.approx(split, rel=1e-6)
    low = plain.energy < light.band_gap + limit.levels.energy[0] + 0.2
    assert lifted.moment[low].sum() == pytest.approx(plain.moment[low].sum(), rel=1e-4)
    cold = emitters(light, limit, temperature=0.0, broadening=FLAT, exchange=EXCHANGE)
    assert cold.lifetime == math.inf  # the dark ones are lowest


@pytest.mark.parametrize("temperature", [100.0, 300.0])
def test_a_level_split_by_exchange_emits_as_its_upper_state_is_filled(temperature):
    light = lit("homodimer", contact=True)
    one = _only(limit_of(light), _bright(limit_of(light))[0])
    split = EXCHANGE * one.levels.contact[0]
    settings = {"temperature": temperature, "broadening": FLAT}
    plain, lifted = (emitters(light, one, exchange=x, **settings) for x in (None, EXCHANGE))
    filled = 1 / (1 + 3 * math.exp(split / (KT * temperature)))
    energy = light.band_gap + one.levels.energy[0]
    assert lifted.energy[0] == pytest.approx(energy + split, rel=1e-12)
    # The rate goes as E² f, f as 1/E.
    expected = filled * 4 * (energy + split) / energy / plain.lifetime
    assert 1 / lifted.lifetime == pytest.approx(expected, rel=1e-5)


def test_far_above_the_splitting_the_lifetime_is_that_without_exchange():
    light = lit("homodimer", contact=True)
    limit = limit_of(light)
    ratios = []
    for temperature in (300.0, 3000.0, 30000.0):
        settings = {"temperature": temperature, "broadening": FLAT}
        plain, lifted = (emitters(light, limit, exchange=x, **settings).lifetime for x in (None, EXCHANGE / 50))
        ratios.append(lifted / plain - 1)
    assert ratios[0] > 0
    assert abs(ratios[2]) < 1e-3
    assert abs(ratios[2]) < abs(ratios[0]) / 5


def test_absorbing_strength_does_not_depend_on_the_index_but_its_area_does():
    lines = Lines(np.array([2.0]), np.full((1, 1, 2), 4.0), DIRECTIONS)
    assert lines.strength == pytest.approx(np.array([[4.0]]))  # 2 · 4 / 2
    grid = np.linspace(1.9, 2.1, 2001)
    areas = [cross_section(lines, grid, FLAT, index=n).sum() * 1e-4 for n in (1.0, 1.5)]
    assert areas == pytest.approx([4 * CROSS_SECTION, 4 * CROSS_SECTION / 1.5], rel=1e-9)


def test_a_rate_knows_that_populations_have_errors():
    """The stated part covers what each level's error does to the thermal mean."""
    light = replace(lit("heterodimer"), numerical=2e-4)
    limit = limit_of(light)
    settings = {"temperature": 300.0, "broadening": FLAT}
    found = emitters(light, limit, **settings)
    base = found.rate.sum()
    changes = []
    for k in range(1, len(limit.levels.energy)):
        energy = limit.levels.energy.copy()
        energy[k] += min(energy[k] - energy[0], light.numerical)
        moved = replace(limit, levels=replace(limit.levels, energy=energy))
        changes.append(abs(emitters(light, moved, **settings).rate.sum() / base - 1))
    assert max(changes) < found.population_error < 1.2 * sum(changes) + 1e-4
    assert found.population_error > 1e-5
    assert emitters(replace(light, numerical=0.0), limit, **settings).population_error == 0
