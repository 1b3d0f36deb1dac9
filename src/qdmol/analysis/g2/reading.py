"""Ready histograms of pairs from text files: a column of lags in ns and one of counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qdmol.analysis.g2.values import PairHistogram
from qdmol.errors import InputError
from qdmol.files import read_input

__all__ = ["read_pair_histogram"]

_UNEVEN = 1e-3  # of a bin
_LARGEST = 200_000_000  # bytes


def read_pair_histogram(
    path: Path | str,
    *,
    period_ns: float | None = None,
    photons: tuple[int, int] | None = None,
    duration_s: float | None = None,
) -> PairHistogram:
    """Read a histogram of pairs from a text file.

    Lines that are not two numbers, separated by spaces, a tab, a comma or a semicolon, are taken for a header.

    Parameters
    ----------
    path : path
        The file: lags in ns, evenly spaced, and whole numbers of pairs.
    period_ns, photons, duration_s : float, (int, int), float or None
        What the file does not say: time between pulses, photons of the two channels, length of the recording.

    Raises
    ------
    InputError
        The file cannot be read, or it is no such histogram.
    """
    rows = _rows(Path(path))
    if len(rows) < 3:
        raise InputError(field="FILE", value=str(path), allowed="a text file with columns of lags in ns and of pairs")
    lag, counts = np.array(rows).T
    steps = np.diff(lag)
    width = (lag[-1] - lag[0]) / (len(lag) - 1)
    if width <= 0 or np.abs(steps - width).max() > max(_UNEVEN, 1e-6 * np.abs(lag).max() / width) * width:
        raise InputError(field="FILE", value=str(path), allowed="a histogram whose lags rise in equal steps")
    if np.any(counts < 0) or np.any(counts != np.rint(counts)) or counts.max() > 2**53:
        raise InputError(field="FILE", value=str(path), allowed="a histogram of whole numbers of pairs, not normalised")
    return PairHistogram(
        counts=counts.astype(np.int64),
        bin_width_ns=float(width),
        first_lag_ns=float(lag[0]),
        photons=photons,
        duration_s=duration_s,
        period_ns=period_ns,
    )


def _rows(path: Path) -> list[tuple[float, float]]:
    text = read_input(path, largest=_LARGEST).decode("utf-8", errors="replace")
    rows = []
    for line in text.splitlines():
        words = line.replace(",", " ").replace(";", " ").split()
        try:
            values = [float(word) for word in words]
        except ValueError:
            continue
        if len(values) == 2 and np.all(np.isfinite(values)):
            rows.append((values[0], values[1]))
    return rows
