"""A measured perovskite dot: levels, lifetimes and dwell statistics beside what was published of it."""

import numpy as np
import pytest
from tests.analysis.sources.perovskite import read_published, redrawn

from qdmol.analysis.blinking.dwell_laws import fit_dwell_laws
from qdmol.analysis.blinking.grouping import group_levels
from qdmol.analysis.blinking.intensity_exponents import correlate_trace, fit_correlation_exponent
from qdmol.analysis.blinking.intensity_levels import intensity_levels
from qdmol.analysis.blinking.lifetime_intensity import lifetime_correlation, lifetime_intensity, lifetime_slope
from qdmol.analysis.trace import intensity_trace


@pytest.fixture(scope="module")
def dot(data_folder):
    return read_published(data_folder / "photons/perovskite_dot_segments")


def on_grid(distribution, ends, bins=70):
    """A lifetime-intensity distribution on other bins, cell by cell at their centres."""
    middle = [0.5 * (edges[1:] + edges[:-1]) for edges in (distribution.rate_edges_hz, distribution.lifetime_edges_ns)]
    rates, lifetimes = np.meshgrid(*middle, indexing="ij")
    return np.histogram2d(
        rates.ravel(), lifetimes.ravel(), bins=bins, range=[[0, ends[1]], [0, ends[0]]],
        weights=distribution.density.ravel(),
    )[0]  # fmt: skip


def means(density, ends):
    """Mean intensity in Hz and mean lifetime in ns of a density on even bins from 0."""
    centre = (np.arange(len(density)) + 0.5) / len(density)
    total = density.sum()
    return density.sum(axis=1) @ centre / total * ends[1], density.sum(axis=0) @ centre / total * ends[0]


def test_what_was_published(dot):
    assert dot.photons.sum() == 4_059_037
    assert dot.edges_s[-1] == pytest.approx(60.0004, abs=1e-4)
    assert len(dot.photons) == len(dot.lifetime_ns) == 11_999
    assert dot.exponent == pytest.approx(3.25, abs=0.01)
    # the histogram counts segments per second of duration in logarithmic bins
    step = np.diff(dot.histogram[:10, 0]).mean()
    edges = 10.0 ** (dot.histogram[:10, 0, None] + step * np.array([-0.5, 0.5]))
    counts = [((dot.durations_s >= low) & (dot.durations_s < high)).sum() for low, high in edges]
    assert np.log10(counts / np.diff(edges)[:, 0]) == pytest.approx(dot.histogram[:10, 1], abs=0.15)


def test_lifetime_intensity_distribution(dot):
    """The published one is reproduced from the segments; lifetime follows intensity, as it does with flickering."""
    segments = dot.segments(np.zeros(len(dot.photons), dtype=np.int64))
    ours = on_grid(lifetime_intensity(segments, bins=400), dot.flid_ends)
    rate, lifetime = means(ours, dot.flid_ends)
    published = means(dot.flid, dot.flid_ends)
    # published kernels have a fixed width and lose what lies beyond the axes
    assert rate == pytest.approx(published[0], rel=0.08)
    assert lifetime == pytest.approx(published[1], rel=0.08)
    assert np.corrcoef(ours.ravel(), dot.flid.ravel())[0, 1] > 0.85
    # the other way round it would not fit
    assert np.corrcoef(ours.T.ravel(), dot.flid.ravel())[0, 1] < 0.6
    slope, correlation = lifetime_slope(segments), lifetime_correlation(segments)
    assert 0.9 < slope.low < slope.high < 1.2
    assert correlation.low > 0.8


def test_durations_follow_no_power_law(dot):
    """Least squares gave 3.25 for the tail; its likelihood rejects a power law and takes one with a cut-off."""
    recording_s = float(dot.edges_s[-1])
    laws = {law.name: law for law in fit_dwell_laws(dot.durations_s, shortest_s=dot.tail_s, recording_s=recording_s)}
    power, cut = laws["power law"], laws["power law with cut-off"]
    assert power.rejected
    assert not cut.rejected
    assert cut.probability > 0.99
    assert power.parameters["exponent"].value == pytest.approx(3.07, abs=0.3)
    assert cut.parameters["cutoff_s"].high < 0.1
    # from 1 ms on none of the three laws holds: segments are no dwells of one state
    whole = fit_dwell_laws(dot.durations_s, shortest_s=1.05e-3, recording_s=recording_s)
    assert all(law.rejected for law in whole)


@pytest.mark.slow
def test_levels_form_a_continuum(dot):
    """Published segments need more levels than blinking between states would have."""
    grouping = group_levels(dot.photons, dot.durations_s)
    assert len(grouping.rates_hz) > 10
    assert grouping.evidence[-1] > grouping.evidence[1] + 1000


@pytest.mark.slow
def test_redrawn_photons(dot):
    """Change points that the photons support are found again, and no others; lifetime follows intensity."""
    stream = redrawn(dot, np.random.default_rng(3))
    result = intensity_levels(stream)
    points, switches = result.change_points_s, dot.edges_s[1:-1]
    nearest = np.abs(points[np.clip(np.searchsorted(points, switches) - [[0], [1]], 0, len(points) - 1)] - switches)
    found = nearest.min(axis=0) < 1e-3
    # of each published change, the logarithm of the likelihood ratio of two rates to one
    n, t = dot.photons, dot.durations_s

    def log(counts, times):
        return counts * np.log(np.maximum(counts, 1) / times)

    ratio = log(n[:-1], t[:-1]) + log(n[1:], t[1:]) - log(n[:-1] + n[1:], t[:-1] + t[1:])
    assert found.mean() > 0.9
    assert found[ratio > 25.0].mean() > 0.97
    assert 0.05 < (ratio < 15.0).mean() < 0.1  # published, but hardly supported
    nearest = np.abs(switches[np.clip(np.searchsorted(switches, points) - [[0], [1]], 0, len(switches) - 1)] - points)
    assert np.count_nonzero(nearest.min(axis=0) > 2e-3) < 10
    assert result.kind in ("several levels", "flickering")
    assert len(result.levels) >= 5
    assert result.lifetime_slope.low > 0.9
    # the exponent of the autocorrelation, with an interval
    exponent = fit_correlation_exponent(correlate_trace(intensity_trace(stream, bin_s=1e-3))).exponent
    assert exponent.low < dot.correlation_exponent < exponent.high
    assert exponent.high - exponent.low < 0.5
