"""Elements along the radius of a sphere, for functions u(r) Y_lm: layers in, plain arrays out.

The shape functions on an interval are hats and integrated Legendre polynomials (B. Szabó and I. Babuška, Finite Element
Analysis, Wiley 1991, section 2.5.1), hierarchical as those of the half plane: those of degree p - 1 are a subset of
those of degree p.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.polynomial import legendre

from qdmol.arrays import Floats, Indices
from qdmol.fem.elements import Block, BoundaryBlock, Elements, Sampler
from qdmol.fem.symmetry import SphericalSymmetry


def radial_elements(layers: Sequence[tuple[str, float, float]], *, degree: int, extra_order: int = 2) -> Elements:
    """Elements of concentric layers from the centre outwards.

    Parameters
    ----------
    layers
        Label of the region, outer radius (nm) and largest element (nm) of each layer.
    degree
        Polynomial degree of the shape functions.
    extra_order
        Integrals are exact to degree 2 `degree` + `extra_order`, besides the factor r² of the volume.
    """
    ends, regions = [0.0], []
    for number, (_, radius, size) in enumerate(layers):
        parts = max(1, math.ceil((radius - ends[-1]) / size - 1e-9))
        regions += [number] * parts
        ends += np.linspace(ends[-1], radius, parts + 1)[1:].tolist()
    edges = np.array(ends)
    x, weights = legendre.leggauss(degree + 2 + extra_order // 2)
    values, slopes = _shapes(degree, len(x))
    count, half = len(regions), np.diff(edges)[:, None] / 2
    r = edges[:-1, None] + half * (x + 1)
    # Left to right: what is eliminated has two neighbours.
    first = degree * np.arange(count)
    unknowns = np.stack([first, first + degree, *(first + k for k in range(1, degree))], axis=1)
    block = Block(
        unknowns=unknowns,
        region=np.array(regions, dtype=np.intp),
        points=r[..., None],
        measure=weights * half * r**2,
        weight=weights * half * r,
        values=np.broadcast_to(values, (count, *values.shape)),
        slopes=(slopes / half[..., None])[None],
    )
    size = degree * count + 1
    degrees = np.ones(size, dtype=np.intp)
    degrees[unknowns] = [1, 1, *range(2, degree + 1)]
    surface = np.array([[edges[-1]]])
    return Elements(
        symmetry=SphericalSymmetry(),
        degree=degree,
        count=size,
        blocks=(block,),
        outer_boundary=BoundaryBlock(np.array([[size - 1]]), surface[..., None], surface**2, np.ones((1, 1, 1))),
        degree_of=degrees,
        boundaries={"centre": np.array([0]), "outer": np.array([size - 1])},
        regions=tuple(region for region, _, _ in layers),
        sample=_sampler(edges, unknowns, degree),
        with_extra_order=lambda extra: radial_elements(layers, degree=degree, extra_order=extra),
    )


def _sampler(edges: Floats, unknowns: Indices, degree: int) -> Sampler:
    def sample(vectors: Floats, r: Floats) -> Floats:
        element = np.clip(np.searchsorted(edges, r, side="right") - 1, 0, len(edges) - 2)
        x = 2 * (r - edges[element]) / np.diff(edges)[element] - 1
        values = np.einsum("...pk,pk->...p", vectors[..., unknowns[element]], _values(x, degree))
        return np.where(r <= edges[-1], values, 0.0)

    return sample


@lru_cache(maxsize=32)
def _shapes(degree: int, points: int) -> tuple[Floats, Floats]:
    """Values and derivatives (Q, N) on [-1, 1] at Gauss points: both hats, then degrees 2 to `degree`."""
    x = legendre.leggauss(points)[0]
    slopes = np.empty((points, degree + 1))
    slopes[:, :2] = -0.5, 0.5
    polynomials = legendre.legvander(x, degree)
    for k in range(2, degree + 1):
        slopes[:, k] = polynomials[:, k - 1] * math.sqrt((2 * k - 1) / 2)
    return _values(x, degree), slopes


def _values(x: Floats, degree: int) -> Floats:
    """Values (Q, N) of the shape functions at points of [-1, 1]."""
    polynomials = legendre.legvander(x, degree)
    values = np.empty((len(x), degree + 1))
    values[:, 0], values[:, 1] = (1 - x) / 2, (1 + x) / 2
    for k in range(2, degree + 1):
        values[:, k] = (polynomials[:, k] - polynomials[:, k - 2]) / math.sqrt(2 * (2 * k - 1))
    return values
