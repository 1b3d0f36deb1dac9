"""Orbitals of one carrier, in which states of several particles are expanded."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qdmol.excitons.functions import Functions
from qdmol.landscape import Carrier

__all__ = ["OrbitalBasis"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

# Energies (eV) that differ by less lie on one side of a cut.
CUT_SLACK = 1e-9


@dataclass(frozen=True)
class OrbitalBasis:
    """N orbitals ψ_a = u_a(r, z) e^{i m_a φ} of one carrier, u real, orthonormal over the whole molecule.

    Attributes
    ----------
    carrier
        Electron or hole.
    m
        (N,), both signs; +m and -m share u.
    parity
        (N,), +1 or -1 under z -> -z on a symmetric molecule, 0 where there is no mirror plane.
    energy
        (N,) in eV, ascending: expectation value of the carrier's operator and the other carrier's mean field.
    one_body
        (N, N) in eV: the carrier's bare Hamiltonian, real symmetric, block diagonal in (m, parity).
    multiplet
        (N,): orbitals with the same number are kept or left out together.
    dot_weight
        (D, N, N): ∫ ψ_a* ψ_b over the part of space nearest to each dot's centre along z.
    radial
        (N,): row of `functions` that holds u; None for orbitals that are given by their integrals only.
    functions
        The functions u; None for orbitals that are given by their integrals only.
    """

    carrier: Carrier
    m: Integers
    parity: Integers
    energy: Floats
    one_body: Floats
    multiplet: Integers
    dot_weight: Floats
    radial: Integers | None = None
    functions: Functions | None = None

    def __len__(self) -> int:
        return len(self.m)

    def cut(self, *, count: int | None = None, energy: float | None = None) -> OrbitalBasis:
        """The lowest whole multiplets: at most `count` orbitals, at most `energy` (eV) above the lowest.

        The lowest multiplet is always kept.
        """
        top = np.array([self.energy[self.multiplet == number].max() for number in self.multiplet])
        keep = np.ones(len(self), dtype=np.bool_)
        if energy is not None:
            keep &= top <= self.energy[0] + energy + CUT_SLACK
        if count is not None:
            inside = np.array([np.sum(top <= value) <= count for value in top])
            keep &= inside
        keep |= self.multiplet == self.multiplet[0]
        return self.take(np.flatnonzero(keep))

    def take(self, chosen: Integers) -> OrbitalBasis:
        """Some of the orbitals, in the order given."""
        return replace(
            self,
            m=self.m[chosen],
            parity=self.parity[chosen],
            energy=self.energy[chosen],
            one_body=self.one_body[np.ix_(chosen, chosen)],
            multiplet=self.multiplet[chosen],
            dot_weight=self.dot_weight[:, chosen][:, :, chosen],
            radial=None if self.radial is None else self.radial[chosen],
        )
