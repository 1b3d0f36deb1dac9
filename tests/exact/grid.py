"""Two equal dots on a plain finite-volume grid in (r, z): slow, dull, and independent of meshes and elements.

Cells of width h, fluxes a (ψ_i - ψ_j)/h through their faces with a = ħ²/2m averaged along the way between the two cell
centres (harmonically, so that the flux stays continuous), edges averaged over each cell. Levels come out wrong by
what the stairs do to the surface, splittings far less so, and h² law does the rest.
"""

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from qdmol.units import HBAR2_OVER_2M0

FINE = 5  # points a cell and direction in averages


def grid_splitting(h, *, spacing, radii, masses, edges, barrier, outside_mass=1.0, margin=1.1):
    """Second minus first level (eV) of two dots `spacing` apart: odd minus even under z -> -z, both m = 0."""
    dot = list(radii), [*masses, outside_mass], [*edges, barrier]
    size = round((radii[-1] + margin) / h), round((spacing / 2 + radii[-1] + margin) / h)
    cells = np.arange(max(size))
    fine = (np.arange(FINE) + 0.5) / FINE

    def values(r, z, which):
        distance = np.hypot(r, z - spacing / 2)
        return np.asarray(dot[which])[np.searchsorted(dot[0], distance)]

    inside = (cells[:, None] + fine).ravel() * h
    across = (cells[:, None] + 0.5 + fine).ravel() * h
    n, k = size
    r, z = np.meshgrid(inside[: n * FINE], inside[: k * FINE], indexing="ij")
    edge = values(r, z, 2).reshape(n, FINE, k, FINE).mean(axis=(1, 3))
    rise = _through(values, across[: n * FINE], inside[: k * FINE], (n, k), 0)
    climb = _through(values, inside[: n * FINE], across[: k * FINE], (n, k), 1)
    radius = (np.arange(n) + 0.5) * h
    found = []
    for parity in (1, -1):
        matrix = _matrix(edge, rise, climb, radius, h, parity)
        found.append(spla.eigsh(matrix, k=1, sigma=0.0, which="LM", return_eigenvectors=False)[0])
    return float(found[1] - found[0])


def _through(values, r, z, shape, axis):
    """ħ²/2m from cell to next cell: harmonic along the way, plain across it."""
    grid = np.meshgrid(r, z, indexing="ij")
    mass = values(*grid, 1).reshape(shape[0], FINE, shape[1], FINE)
    along, beside = (1, 2) if axis == 0 else (3, 1)
    return HBAR2_OVER_2M0 * (1 / mass.mean(axis=along)).mean(axis=beside)


def _matrix(edge, rise, climb, radius, h, parity):
    """The symmetric matrix for ψ times the root of the cell volume; ψ vanishes at the far sides."""
    n, k = edge.shape
    number = np.arange(n * k).reshape(n, k)
    diagonal = edge.copy()
    outer = rise * ((radius + h / 2) / radius)[:, None] / h**2
    diagonal += outer
    diagonal[1:] += outer[:-1] * (radius[:-1] / radius[1:])[:, None]
    upper = climb / h**2
    diagonal += upper
    diagonal[:, 1:] += upper[:, :-1]
    if parity == -1:
        diagonal[:, 0] += 2 * climb[:, 0] / h**2
    away = outer[:-1] * np.sqrt(radius[:-1] / radius[1:])[:, None]
    rows = np.concatenate([number[:-1].ravel(), number[:, :-1].ravel()])
    columns = np.concatenate([number[1:].ravel(), number[:, 1:].ravel()])
    entries = -np.concatenate([away.ravel(), upper[:, :-1].ravel()])
    half = sp.coo_array((entries, (rows, columns)), shape=(n * k, n * k))
    return (half + half.T + sp.diags_array(diagonal.ravel())).tocsc()
