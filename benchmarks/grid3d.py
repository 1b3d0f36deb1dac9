"""The same dimer on a plain 3-D grid: seven points, no symmetry used, nothing refined.

-∇·(ħ²/2m ∇ψ) + V ψ = E ψ with ħ²/2m averaged harmonically between neighbouring cells. The lowest two levels come from
LOBPCG (Knyazev, SIAM J. Sci. Comput. 23, 517 (2001), doi:10.1137/S1064827500366124), preconditioned with the inverse of
the same operator of one mass and no edges, which sine transforms give at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.sparse as sp
import scipy.sparse.linalg as spla
from numpy.typing import NDArray

from qdmol.units import HBAR2_OVER_2M0

Floats = NDArray[np.float64]

SPACING = 5.2
RADII = (1.4, 3.5)
MASSES = np.array([0.13, 0.21, 1.0])
EDGES = np.array([0.0, 0.10, 5.0])
MARGIN = 0.8
TOLERANCE = 1e-5


@dataclass(frozen=True)
class GridLevels:
    """Two levels (eV) and the number of grid points."""

    low: float
    high: float
    points: int


def solve_grid(h: float) -> GridLevels:
    """Two lowest levels of the dimer with points `h` (nm) apart."""
    half = np.array([RADII[1] + MARGIN, RADII[1] + MARGIN, SPACING / 2 + RADII[1] + MARGIN])
    counts = np.ceil(2 * half / h).astype(int)
    axes = [(np.arange(n) - (n - 1) / 2) * h for n in counts]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    distance = np.sqrt(x**2 + y**2 + (np.abs(z) - SPACING / 2) ** 2)
    material = np.searchsorted(RADII, distance)
    matrix = _matrix(HBAR2_OVER_2M0 / MASSES[material], EDGES[material], h)
    start = np.exp(-((distance / 2) ** 2)).ravel()
    guess = np.stack([start, start * np.sign(z + 0 * distance).ravel()], axis=1)
    # About 35 steps; it warns where it does not get there.
    precondition = _preconditioner(tuple(counts), h)
    values, _ = spla.lobpcg(matrix, guess, M=precondition, tol=TOLERANCE, maxiter=400, largest=False)
    low, high = np.sort(values)
    return GridLevels(float(low), float(high), matrix.shape[0])


def _matrix(inverse_mass: Floats, edge: Floats, h: float) -> sp.csr_array:
    """Fluxes between neighbours; ψ vanishes beyond the box."""
    number = np.arange(edge.size).reshape(edge.shape)
    diagonal = edge + 0.0
    rows, columns, entries = [], [], []
    for axis in range(3):
        low = tuple(slice(None, -1) if k == axis else slice(None) for k in range(3))
        high = tuple(slice(1, None) if k == axis else slice(None) for k in range(3))
        flux = 2 / (1 / inverse_mass[low] + 1 / inverse_mass[high]) / h**2
        diagonal[low] += flux
        diagonal[high] += flux
        rows.append(number[low].ravel())
        columns.append(number[high].ravel())
        entries.append(-flux.ravel())
        for end in (0, -1):
            face = tuple(end if k == axis else slice(None) for k in range(3))
            diagonal[face] += inverse_mass[face] / h**2
    n = edge.size
    half = sp.coo_array((np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), shape=(n, n))
    return (half + half.T + sp.diags_array(diagonal.ravel())).tocsr()


def _preconditioner(counts: tuple[int, ...], h: float) -> spla.LinearOperator:
    """(-ħ²/2m Δ + a constant)^-1 by sine transforms."""
    waves = [2 * (1 - np.cos(np.pi * np.arange(1, n + 1) / (n + 1))) / h**2 for n in counts]
    energy = HBAR2_OVER_2M0 / 0.2 * (waves[0][:, None, None] + waves[1][:, None] + waves[2]) + 0.2

    def apply(block: Floats) -> Floats:
        columns = block.reshape(*counts, -1)
        transformed = scipy.fft.dstn(columns, type=1, axes=(0, 1, 2), workers=2) / energy[..., None]
        return np.asarray(scipy.fft.idstn(transformed, type=1, axes=(0, 1, 2), workers=2)).reshape(block.shape)

    n = int(np.prod(counts))
    return spla.LinearOperator((n, n), matvec=apply, matmat=apply, dtype=np.float64)
