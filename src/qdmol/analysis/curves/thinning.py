"""Neighbouring points averaged where there are more than the noise can be told from."""

from __future__ import annotations

from qdmol.analysis.curves.values import Floats

__all__ = ["thinned"]

_MOST = 320


def thinned(wavelength: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Means of as many neighbours as leave at most 320 points; points (n,) in, points (m,) out."""
    group = -(-len(values) // _MOST)
    whole = len(values) // group * group
    return wavelength[:whole].reshape(-1, group).mean(axis=1), values[:whole].reshape(-1, group).mean(axis=1)
