"""Histograms that an instrument recorded: decays (counts against the delay after the pulse) and coincidences.

The value of one histogram and of a file of them. Times in ns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from qdmol.arrays import Floats
from qdmol.errors import InputError
from qdmol.photons.stream import HeaderValue

HistogramKind = Literal["decay", "coincidences"]

MOST_BINS = 1 << 20  # of a histogram
MOST_CURVES = 4096  # of a file
FEWEST_BINS = 8
WIDTHS_NS = (1e-6, 1e12)  # of a bin: from 1 fs to 1000 s


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Values in bins of time, as a file states them.

    Attributes
    ----------
    number : int
        Number of the curve in its file, from 0. In a text it is the number of the column, where columns of times count.
    name : str
        As the file states it, or empty.
    values : float64 (n,)
        Counts per bin, or what the file gives in their place: normalised, smoothed or background-subtracted values.
    width_ns, first_ns : float
        Width of a bin and left edge of the first; of unequal bins the width of the narrowest.
    edges : float64 (n + 1,) or None
        Edges of unequal bins; None if all bins have the same width.
    kind : "decay" or "coincidences"
        coincidences: pairs of photons against the time between them (g2).
    unit : str or None
        Unit of the times in the file, where it states one.
    period_ns : float or None
        Time between excitation pulses, where the file states it.
    notes : tuple of str
        What was assumed or changed. Sentences.
    header : Mapping
        What the file states about this curve, as plain values.
    unevenness : float
        Largest deviation of the stated times from equal spacing, as a fraction of a bin; 0 where no times are stated.

    Examples
    --------
    >>> curve = Histogram(0, "film", np.array([8.0, 4.0, 2.0]), 0.5, 0.0)
    >>> curve.counts, curve.span_ns, curve.is_counts
    (14.0, 1.5, True)
    """

    number: int
    name: str
    values: Floats
    width_ns: float
    first_ns: float = 0.0
    edges: Floats | None = None
    kind: HistogramKind = "decay"
    unit: str | None = None
    period_ns: float | None = None
    notes: tuple[str, ...] = ()
    header: Mapping[str, HeaderValue] = field(default_factory=dict)
    unevenness: float = 0.0

    @property
    def edges_ns(self) -> Floats:
        """Edges of the bins (n + 1,)."""
        if self.edges is not None:
            return self.edges
        edges: Floats = self.first_ns + self.width_ns * np.arange(len(self.values) + 1, dtype=np.float64)
        return edges

    @property
    def times_ns(self) -> Floats:
        """Centres of the bins (n,)."""
        edges = self.edges_ns
        centres: Floats = 0.5 * (edges[1:] + edges[:-1])
        return centres

    @property
    def span_ns(self) -> float:
        """Time from the first edge to the last."""
        return float(self.edges_ns[-1] - self.edges_ns[0])

    @property
    def counts(self) -> float:
        """Sum of the values."""
        return float(self.values.sum())

    @property
    def is_counts(self) -> bool:
        """Whether all values are whole numbers from 0, as counts are."""
        return bool(self.values.min() >= 0 and np.abs(self.values - np.round(self.values)).max() < 1e-6)

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON: what the curve is, without its values."""
        return {
            "number": self.number,
            "name": self.name,
            "kind": self.kind,
            "counts": self.counts if not self.is_counts else round(self.counts),
            "bins": len(self.values),
            "bin_width_ns": self.width_ns,
            "equal_bins": self.edges is None,
            "first_ns": float(self.edges_ns[0]),
            "span_ns": self.span_ns,
            "period_ns": self.period_ns,
            "whole_counts": self.is_counts,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True, eq=False)
class HistogramFile:
    """The histograms of a file, and where they come from.

    Attributes
    ----------
    path : str
    format : str
        As ``"PicoQuant PHD 2.0"``.
    histograms : tuple of Histogram
        In the order of the file; curves without counts are left out.
    instrument, created, comment : str or None
        As the file states them.
    notes : tuple of str
        What was left out or assumed. Sentences.
    header : Mapping
        Every entry of the header, as plain values.
    """

    path: str
    format: str
    histograms: tuple[Histogram, ...]
    instrument: str | None = None
    created: str | None = None
    comment: str | None = None
    notes: tuple[str, ...] = ()
    header: Mapping[str, HeaderValue] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the file without its folders."""
        return Path(self.path).name

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON: format, instrument, and every curve without its values."""
        return {
            "format": self.format,
            "instrument": self.instrument,
            "created": self.created,
            "comment": self.comment,
            "curves": [curve.as_dict() for curve in self.histograms],
            "notes": list(self.notes),
            "header": dict(self.header),
        }

    @property
    def decays(self) -> tuple[Histogram, ...]:
        """Decays of the file."""
        return tuple(curve for curve in self.histograms if curve.kind == "decay")

    @property
    def coincidences(self) -> tuple[Histogram, ...]:
        """Coincidence histograms of the file."""
        return tuple(curve for curve in self.histograms if curve.kind == "coincidences")


def refuse_file(path: Path, reason: str, *, field: str = "FILE") -> InputError:
    """Return the error of a file whose histograms cannot be read; `reason` ends the sentence."""
    from qdmol.files import printable

    message = printable(f"`{path.name}` {reason}.")
    return InputError(field=field, value=str(path), allowed="a file of histograms", message=message)


def checked_width(path: Path, width_ns: float, what: str) -> float:
    """Return a width of bins; InputError for one that no instrument has."""
    low, high = WIDTHS_NS
    if not (math.isfinite(width_ns) and low <= width_ns <= high):
        raise refuse_file(
            path, f"states a bin width of {width_ns:g} ns {what}; from {low:g} to {high:g} ns are allowed"
        )
    return width_ns


def period_of(rate_hz: float) -> float | None:
    """Period in ns of a stated sync rate; None for 0 and for rates beyond 10 GHz or below 0.1 Hz."""
    return 1e9 / rate_hz if math.isfinite(rate_hz) and 0.1 <= rate_hz <= 1e10 else None
