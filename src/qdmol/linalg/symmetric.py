"""Factorisation, inertia and block Krylov spaces for A x = λ M x, A symmetric, M symmetric positive definite.

Sylvester's law of inertia: the factors of A - σM have as many negative pivots as there are eigenvalues below σ. It
proves that no level was missed. SuperLU in symmetric mode with pivot threshold 0 keeps the pivots on the
diagonal (X. S. Li, ACM Trans. Math. Softw. 31, 302 (2005), doi:10.1145/1089014.1089017).

`release_freed_memory` returns the memory of finished solves to the system: the allocator of the GNU C library keeps
blocks that were freed, so that after several molecules of different sizes a process holds several hundred MB unused.
`keep_freed_memory` is the opposite for arrays of a few MB: by default the allocator returns each of them at once, and
the system clears their pages anew for the next one, which takes a quarter of the time of a small molecule.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import sys
from functools import cache, cached_property
from pathlib import Path
from typing import cast

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg as spla
from numpy.typing import NDArray

from qdmol.arrays import Floats
from qdmol.errors import SolverError

# Freed bytes that a process keeps for its next arrays.
KEPT_BYTES = 256 * 2**20
# Parameters of mallopt(3), which has them in <malloc.h>, and the largest block (bytes) taken from the kept memory.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST_KEPT_BLOCK = 32 * 2**20


def release_freed_memory(*, above: int = 0) -> None:
    """Return freed memory to the operating system, if the C library can and more than `above` bytes of it are held."""
    library = _c_library()
    if library is None or not hasattr(library, "malloc_trim"):
        return
    if above and hasattr(library, "mallinfo2") and _unused_bytes(library) <= above:
        return
    library.malloc_trim(0)


def keep_freed_memory() -> None:
    """Let this process use freed arrays again instead of returning each to the operating system, if the C library can.

    At most `KEPT_BYTES` at the end of the heap are kept.
    """
    library = _c_library()
    if library is not None and hasattr(library, "mallopt"):
        _set_thresholds(library)


@cache
def _set_thresholds(library: ctypes.CDLL) -> None:
    library.mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
    library.mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT_BLOCK)


_MALLOC_INFO = (
    *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
    *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
)


class _MallocInfo(ctypes.Structure):
    """Result of mallinfo2(3)."""

    _fields_ = tuple((name, ctypes.c_size_t) for name in _MALLOC_INFO)


def _unused_bytes(library: ctypes.CDLL) -> int:
    """Estimate of the bytes in freed blocks of the main heap for which the system holds memory.

    Most of a free block may be pages that were returned before or never written: what is resident beyond the blocks in
    use bounds the rest.
    """
    library.mallinfo2.restype = _MallocInfo
    info = library.mallinfo2()
    try:
        resident, shared = map(int, Path("/proc/self/statm").read_text().split()[1:3])
    except OSError:
        return int(info.fordblks)
    private = (resident - shared) * mmap.PAGESIZE
    return int(min(info.fordblks, private - info.uordblks - info.hblkhd))


@cache
def _c_library() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if sys.platform.startswith("linux") else None


# Largest number of steps of the Krylov space. Each step gains two digits or more.
STEPS = 40
# Steps for which the Krylov space has room at first.
FIRST_STEPS = 8
# Matrices with fewer rows than this, or than DENSE times the block size, are solved with dense matrices.
DENSE_ROWS, DENSE = 120, 15


def elimination_order(graph: sp.csc_array) -> NDArray[np.int32]:
    """Place (n,) of every row of a symmetric graph (n, n) in an order of elimination with little fill.

    Minimum degree (J. W. H. Liu, ACM Trans. Math. Softw. 11, 141 (1985), doi:10.1145/214392.214398), as SuperLU orders
    rows: the graph is factorised with a dominant diagonal.
    """
    dominant = sp.csc_array(graph + sp.diags_array(1.0 + np.asarray(graph.sum(axis=0), dtype=np.float64)))
    return np.asarray(_factorised(dominant, "MMD_AT_PLUS_A").perm_c)


def _factorised(matrix: sp.csc_array, ordering: str) -> spla.SuperLU:
    # Panels of one column are a tenth faster than those of 20 for matrices that fit into the fast memory.
    options = {"SymmetricMode": True}
    return spla.splu(matrix, permc_spec=ordering, diag_pivot_thresh=0.0, panel_size=1, options=options)


class Factor:
    """LU factors of a sparse symmetric matrix; `shift` is σ if the matrix is A - σM.

    `ordered`: the rows stand in an order of elimination with little fill, so that none is looked for.

    Raises
    ------
    SolverError
        The matrix is numerically singular: for A - σM, σ is an eigenvalue.
    """

    def __init__(self, matrix: sp.csc_array, shift: float = math.nan, *, ordered: bool = False) -> None:
        try:
            self._lu = _factorised(matrix, "NATURAL" if ordered else "MMD_AT_PLUS_A")
        except RuntimeError as error:
            message = f"A sparse matrix could not be factorised: {error}."
            raise SolverError(message) from error
        self.shape = matrix.shape
        self.shift = shift

    def solve(self, right: Floats) -> Floats:
        """Solution for one right side (n,) or several (n, k)."""
        return np.asarray(self._lu.solve(right))

    @cached_property
    def negative(self) -> int:
        """Number of negative pivots, which is the number of eigenvalues below the shift."""
        return int(np.count_nonzero(self._lu.U.diagonal() < 0))


def lowest_ritz(
    A: sp.csc_array,
    M: sp.csc_array,
    factor: Factor,
    start: Floats,
    *,
    tolerance: float,
    count: int | None = None,
    second: Factor | None = None,
    steps: int = STEPS,
) -> tuple[Floats, Floats]:
    """Return the lowest eigenpairs, from the block Krylov space of (A - σM)^-1 M.

    Ritz values in a growing space: each decreases towards the eigenvalue of which it is an upper bound, for any shift.

    Parameters
    ----------
    A, M
        The matrices (n, n).
    factor
        Factors of A - σM for a shift σ that is not an eigenvalue, near the wanted ones or below.
    start
        Start block (n, k), k at least `count`.
    tolerance
        Convergence threshold: largest change of a value in the last step.
    count
        Number of eigenpairs; by default the number of columns of the block.
    second
        Factors at a shift just above the wanted eigenvalues, used alternately with the first, whose shift is then below
        all of them, so that a continuum just above does not slow down convergence (rational Krylov space: Ruhe, Linear
        Algebra Appl. 58, 391 (1984), doi:10.1016/0024-3795(84)90221-0). Its inertia is the number of values that must
        be below its shift at convergence.
    steps
        Largest number of steps.

    Returns
    -------
    values (count,), vectors (n, count), M-orthonormal.

    Raises
    ------
    SolverError
        The values did not converge.
    """
    count = start.shape[1] if count is None else count
    size = start.shape[0]
    if size < max(DENSE_ROWS, DENSE * start.shape[1]):
        whole = scipy.linalg.eigh(A.toarray(), M.toarray(), subset_by_index=[0, count - 1])
        return cast("tuple[Floats, Floats]", whole)
    space = _Space(A, M, start.shape[1] * min(steps, FIRST_STEPS))
    values, m_block = np.full(count, np.inf), np.asarray(M @ start)
    factors = [factor] if second is None else [factor, second]
    below = None if second is None else (second.shift, min(count, second.negative))
    for step in range(steps):
        space.add(factors[step % len(factors)].solve(m_block))
        ritz, mixing = space.ritz()
        last, values = values, ritz[:count]
        converged = np.max(np.abs(values - last)) < tolerance
        if converged and (below is None or np.count_nonzero(values < below[0]) >= below[1]):
            return values, space.basis @ mixing[:, :count]
        m_block = space.overlaps @ mixing[:, : start.shape[1]]
    message = f"The levels did not converge in {steps} steps of inverse iteration."
    raise SolverError(message)


class _Space:
    """A growing search space: an orthonormal basis, its product with M, and the inner products of A and M in it."""

    def __init__(self, A: sp.csc_array, M: sp.csc_array, capacity: int) -> None:
        self._A, self._M = A, M
        self._count = 0
        self._vectors = [np.empty((A.shape[0], capacity), order="F") for _ in range(2)]
        self._inner = [np.empty((capacity, capacity)) for _ in range(2)]

    @property
    def basis(self) -> Floats:
        """Orthonormal vectors (n, k)."""
        return self._vectors[0][:, : self._count]

    @property
    def overlaps(self) -> Floats:
        """Products (n, k) of M with the basis."""
        return self._vectors[1][:, : self._count]

    def add(self, block: Floats) -> None:
        """Add the part of a block (n, b) that is orthogonal to the basis."""
        block = _orthonormal(block, self.basis)
        old, self._count = self._count, self._count + block.shape[1]
        if self._count > len(self._inner[0]):
            self._grow(2 * self._count)
        overlaps = self._M @ block
        for vectors, new in zip(self._vectors, (block, overlaps), strict=True):
            vectors[:, old : self._count] = new
        for inner, new in zip(self._inner, (self._A @ block, overlaps), strict=True):
            # The lower triangle, which is what the eigenvalue solver reads.
            inner[old : self._count, : self._count] = new.T @ self.basis

    def _grow(self, capacity: int) -> None:
        size, old = self._vectors[0].shape
        for arrays, shape in ((self._vectors, (size, capacity)), (self._inner, (capacity, capacity))):
            for number, array in enumerate(arrays):
                larger = np.empty(shape, order="F")
                larger[: len(array), :old] = array
                arrays[number] = larger

    def ritz(self) -> tuple[Floats, Floats]:
        """Ritz values (k,) and their coefficients (k, k) in the basis."""
        inner = (x[: self._count, : self._count] for x in self._inner)
        values, mixing, failed = scipy.linalg.lapack.dsygvd(*inner, uplo="L")
        if failed:
            message = "The search space of an eigenvalue iteration became linearly dependent."
            raise SolverError(message)
        return values, mixing


def lanczos(
    M: sp.csc_array, factor: Factor, shift: float, count: int, start: Floats, *, tolerance: float = 1e-11
) -> tuple[Floats, Floats]:
    """Return the `count` eigenpairs nearest above `shift`, by the implicitly restarted Lanczos method of ARPACK.

    For many eigenpairs. `factor` has the factors of A - shift M; `start` (n,) is given, not random, so that results are
    reproducible; `tolerance` is relative, of the inverse shifted eigenvalues.

    Raises
    ------
    SolverError
        The iteration did not converge.
    """
    inverse = spla.LinearOperator(factor.shape, matvec=factor.solve, dtype=np.float64)
    try:
        # The first argument gives the shape only: with OPinv, ARPACK does not use A.
        values, vectors = spla.eigsh(M, k=count, M=M, sigma=shift, OPinv=inverse, v0=start, tol=tolerance)
    except spla.ArpackError as error:
        message = f"The eigenvalue iteration did not converge: {error}."
        raise SolverError(message) from error
    order = np.argsort(values)
    return values[order], vectors[:, order]


def _orthonormal(block: Floats, space: Floats) -> Floats:
    """Orthonormalise a block against itself and a space with orthonormal columns; two passes are enough (Kahan)."""
    for _ in range(2):
        block = np.linalg.qr(block - space @ (space.T @ block))[0]
    return np.asarray(block)
