"""Decay histograms of known truth."""

import numpy as np

from qdmol.analysis import Decay, Response

CENTRE_NS = 3.0


def draw_decay(
    rng,
    *,
    photons,
    lifetimes_ns,
    shares=(1.0,),
    period_ns=50.0,
    bins=125,
    background=0.0,
    width_ns=0.5,
    exact=False,
):
    """Draw photons, of which the share `background` is anywhere; `shares` are photons of each lifetime.

    With `exact` the number of photons is fixed, else it is Poisson's.
    """
    n = photons if exact else rng.poisson(photons * (1 - background))
    which = rng.choice(len(lifetimes_ns), n, p=shares)
    delays = CENTRE_NS + rng.exponential(np.asarray(lifetimes_ns)[which]) + width_ns * rng.standard_normal(n)
    dark = rng.uniform(0, period_ns, 0 if exact else rng.poisson(photons * background))
    counts = np.histogram(np.concatenate((delays % period_ns, dark)), bins=bins, range=(0, period_ns))[0]
    return Decay(counts, period_ns / bins, period_ns=period_ns)


def gaussian_histogram(*, period_ns=50.0, bins=125, width_ns=0.5, counts=1e6):
    """The response of :func:`draw_decay` as a histogram without noise."""
    fine = 200
    times = (np.arange(bins * fine) + 0.5) * period_ns / (bins * fine)
    density = np.exp(-0.5 * ((times - CENTRE_NS) / width_ns) ** 2)
    histogram = density.reshape(bins, fine).sum(axis=1)
    return Response.measured(counts * histogram / histogram.sum(), bin_width_ns=period_ns / bins, background=0.0)
