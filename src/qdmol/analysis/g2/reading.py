"""Histograms of pairs from files, of any format that :func:`qdmol.photons.read_histograms` reads."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from qdmol.analysis.g2.values import PairHistogram
from qdmol.errors import InputError
from qdmol.photons import Histogram, HistogramFile, read_histograms

# Of a bin: lags that are rounded for print deviate by less from equal spacing, lags with a missing row by 0.5 at least.
_UNEVEN = 0.45
_LARGEST = 2**53  # pairs of a bin
_FEWEST_BINS = 3


def read_pair_histogram(
    path: Path | str,
    *,
    period_ns: float | None = None,
    photons: tuple[int, int] | None = None,
    duration_s: float | None = None,
) -> PairHistogram:
    """Read a histogram of pairs from a file.

    Of a file with several curves the only one of coincidences is read.

    Parameters
    ----------
    path : path
        The file: evenly spaced lags, in ns where it does not state their unit, and whole numbers of pairs.
    period_ns, photons, duration_s : float, (int, int), float or None
        What the file does not say: time between pulses, photons of the two channels, length of the recording.

    Raises
    ------
    InputError
        The file cannot be read, or it is no such histogram.
    """
    try:
        file = read_histograms(path, fewest_bins=_FEWEST_BINS)
    except InputError as error:
        if error.field != "unit":
            raise
        file = read_histograms(path, unit="ns", fewest_bins=_FEWEST_BINS)
    curves = file.coincidences or file.histograms
    if len(curves) != 1:
        raise InputError(field="FILE", value=str(path), allowed="a file with one histogram of pairs")
    return pairs_in(curves[0], file, period_ns=period_ns, photons=photons, duration_s=duration_s)


def pairs_in(
    curve: Histogram,
    file: HistogramFile,
    *,
    period_ns: float | None = None,
    photons: tuple[int, int] | None = None,
    duration_s: float | None = None,
) -> PairHistogram:
    """Return a curve of a file as a histogram of pairs; parameters as those of :func:`read_pair_histogram`.

    Raises
    ------
    InputError
        Lags that do not rise in equal steps, values below zero, or values that are no whole numbers.
    """

    def refusal(allowed: str) -> InputError:
        return InputError(field="FILE", value=file.name, allowed=allowed)

    if len(curve.values) < _FEWEST_BINS:
        raise refusal(f"a histogram of pairs with at least {_FEWEST_BINS} bins")
    if curve.edges is not None or curve.unevenness > _UNEVEN:
        raise refusal("a histogram of pairs whose lags rise in equal steps, with a row for every bin")
    if curve.values.min() < 0:
        raise refusal(f"a histogram of pairs with counts of at least 0, not {curve.values.min():.6g}")
    if not curve.is_counts:
        raise refusal(
            "a histogram of whole numbers of pairs, not normalised: a normalised curve has lost its counting errors, "
            "so export the coincidence counts of each bin"
        )
    if curve.values.max() > _LARGEST:
        raise refusal(f"a histogram of at most {_LARGEST:.0e} pairs a bin")
    return PairHistogram(
        counts=np.rint(curve.values).astype(np.int64),
        bin_width_ns=curve.width_ns,
        first_lag_ns=curve.first_ns + 0.5 * curve.width_ns,
        photons=photons,
        duration_s=duration_s,
        period_ns=curve.period_ns if period_ns is None else period_ns,
    )


def checked_rates(
    photons: tuple[int, int] | None, duration_s: float | None
) -> tuple[tuple[int, int] | None, float | None]:
    """Return photons and duration as given; InputError for values out of range."""
    if photons is not None and min(photons) < 1:
        raise InputError(field="photons", value=photons, allowed="two numbers of photons, each at least 1")
    if duration_s is not None and not (math.isfinite(duration_s) and duration_s > 0):
        raise InputError(field="duration", value=duration_s, allowed="above 0 s")
    return photons, duration_s
