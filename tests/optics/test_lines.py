"""Seams between the parts of a spectrum: nothing is lost, doubled or torn; what is doubtful says so."""

from dataclasses import replace

import numpy as np
import pytest
from tests.optics.samples import DIRECTIONS, limit_of, lit, solved
from threadpoolctl import threadpool_limits

from qdmol.optics import Broadening, MoleculeLight, absorption_lines, cross_section
from qdmol.optics.limit import EdgeLimit
from qdmol.optics.lines import HIGHEST, TOP, bulk_density
from qdmol.optics.values import BulkRegion, ExcitonLevels, PairLevels

LINE = Broadening(0.025, 0.02)
GRID = np.linspace(1.8, 4.3, 1001)
GAP = 1.75


@pytest.fixture(autouse=True)
def _one_thread():
    with threadpool_limits(limits=1, user_api="blas"):
        yield


def _of_one_density(*, binding, top, share=(1.0, 1.0, 1.0)):
    """Excitons, pairs and bulk that are all the same density, each `share` of it; pairs higher by the binding."""
    region = BulkRegion("dot", np.array([30.0, 50.0]), 0.3, 0.14, np.full((2, 2), 6.0), np.ones(2), None, None)
    step = 1e-3
    excitons, pairs = (np.arange(0.3 + step / 2, end, step) for end in (0.3 + 0.8, 0.3 + top - binding))
    moments = [step * bulk_density(region, energy) for energy in (excitons, pairs)]
    count = len(excitons)
    none = np.zeros((count, 2))
    numbers = np.tile([0, 1], (count, 1))
    levels = ExcitonLevels(50, excitons, numbers, np.ones(count), share[0] * moments[0], none, none, none[:, 0])
    listed = PairLevels(pairs + binding, share[1] * moments[1], 0.3 + top, None, 0.5, 1e-4)
    bulk = replace(region, moment=share[2] * region.moment)
    spacing = {"electron": 1.0, "hole": 1.0}
    light = MoleculeLight(GAP, 2, DIRECTIONS, (levels,), listed, (bulk,), binding, 1e-5, 1.5, spacing, False)
    return light, EdgeLimit(levels, np.full(count, 1e-3), 1.0), region


@pytest.mark.parametrize(("binding", "top"), [(0.0, 0.9), (0.1, 1.2)])
def test_three_parts_that_agree_are_one(binding, top):
    """At every energy the weights of the parts add to 1: the density goes through both seams as if there were none."""
    light, limit, region = _of_one_density(binding=binding, top=top)
    lines = absorption_lines(light, limit)
    assert [one.name for one in lines.ranges] == ["excitons", "pairs", "bulk"]
    assert lines.ranges[0].high == lines.ranges[1].low
    assert lines.ranges[1].high == lines.ranges[2].low
    assert lines.ranges[2].high == TOP
    found = LINE.spread(GRID, lines.energy, lines.moment[:, 1, 0])
    fine = np.arange(0.2, 3.2, 1e-4)
    expected = LINE.spread(GRID, GAP + fine, 1e-4 * bulk_density(region, fine)[:, 1, 0])
    # The soft end of the pairs reaches two of its widths beyond what is `complete`: less than 1 % is missing there.
    assert found == pytest.approx(expected, rel=0.008, abs=1e-4)
    assert [one.strength_error for one in lines.ranges] == pytest.approx([0.0, 0.0, 0.0], abs=0.01)


@pytest.mark.parametrize(("share", "errors"), [((1.0, 1.2, 1.2), (0.2, 0.0)), ((1.0, 1.0, 0.7), (0.0, 0.3))])
def test_parts_that_differ_say_by_how_much(share, errors):
    light, limit, _ = _of_one_density(binding=0.1, top=1.2, share=share)
    found = absorption_lines(light, limit).ranges
    assert [one.strength_error for one in found[1:]] == pytest.approx(errors, abs=0.01)
    assert found[0].energy_error == pytest.approx(1e-3)
    assert found[1].energy_error == pytest.approx(0.05 + 1e-4)
    assert found[2].energy_error is None


@pytest.mark.parametrize("example", ["monomer", "homodimer", "heterodimer"])
def test_away_from_the_seams_each_part_is_alone(example):
    """Below the first seam all excitons and nothing else, above the last one all of bulk."""
    light = lit(example)
    limit = limit_of(light)
    lines = absorption_lines(light, limit)
    excitons, pairs, bulk = lines.ranges
    gap, low = light.band_gap, excitons.high - 0.2
    edge = limit.levels.moment[gap + limit.levels.energy <= low]
    assert lines.moment[lines.energy <= low].sum() == pytest.approx(edge.sum(), rel=2e-3)
    far = lines.energy > pairs.high + 0.25
    energy = np.arange(0.005, HIGHEST - gap, 0.01)
    energy = energy[gap + energy > pairs.high + 0.25]
    expected = 0.01 * sum(bulk_density(region, energy) for region in light.regions)
    assert lines.moment[far].sum(axis=0) == pytest.approx(expected.sum(axis=0), rel=1e-4)
    assert excitons.low == pytest.approx(gap + limit.levels.energy.min())
    for one in lines.ranges:
        assert one.low < one.high
        assert 0 < one.strength_error < 0.5
    assert 0 < excitons.energy_error < 0.05
    assert light.binding / 2 < pairs.energy_error < light.binding
    assert bulk.energy_error is None


@pytest.mark.parametrize(("example", "bound"), [("monomer", 5e-4), ("homodimer", 4e-3)])
def test_neighbouring_shapes_have_neighbouring_spectra(example, bound):
    """A core larger by 1e-4 nm moves levels by 0.03 meV; nothing jumps, at seams either.

    A homodimer loses its mirror plane by it: levels of both parities are now one list, and those of two bases pair up
    otherwise.
    """
    spectra = []
    for light in (lit(example), lit(example, core=1e-4)):
        lines = absorption_lines(light, limit_of(light))
        spectra.append(cross_section(lines, GRID, LINE, index=light.index).sum(axis=1))
    change = np.abs(spectra[1] - spectra[0])
    assert 0 < change.max() < bound * spectra[0].max()
    low = GRID < 2.2
    assert change[low].max() < 2e-3 * spectra[0][low].max()


def test_levels_above_a_low_barrier_are_box_states():
    """The barrier of the one carrier and the lowest level of the other: there pairs begin that the wall makes."""
    low, solution = lit("monomer", barrier=0.6), solved("monomer", barrier=0.6)
    lowest = {carrier: solution.levels[carrier][0].energy for carrier in ("electron", "hole")}
    assert low.pairs.box == pytest.approx(0.6 + min(lowest.values()), abs=2e-3)
    assert low.pairs.box < low.pairs.complete
    assert low.pairs.wall == solution.wall.distance > 0
    assert lit("homodimer").pairs.box is None


def test_the_narrowest_part_is_never_inside_out():
    """Where pairs end below the excitons' own end, bulk takes over there."""
    light, limit, _ = _of_one_density(binding=0.2, top=0.5)
    ranges = absorption_lines(light, limit).ranges
    assert ranges[1].low < ranges[1].high < ranges[2].high


def test_levels_that_the_limit_reorders_start_the_spectrum_at_the_lowest():
    light, limit, _ = _of_one_density(binding=0.1, top=1.2)
    energy = limit.levels.energy.copy()
    energy[[0, 5]] = energy[[5, 0]]
    turned = EdgeLimit(replace(limit.levels, energy=energy), limit.error, 1.0)
    one, two = (absorption_lines(light, some).ranges[0] for some in (limit, turned))
    assert (two.low, two.high) == pytest.approx((one.low, one.high), abs=1e-9)
