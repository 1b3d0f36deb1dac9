"""Small sets of orbitals with random integrals of the right symmetry, and the same Hamiltonian written out whole."""

import numpy as np

from qdmol.ci.integrals import Interaction, InteractionBlock
from qdmol.ci.orbitals import OrbitalBasis
from qdmol.fem import AxialSymmetry

SYMMETRY = AxialSymmetry(mirror=True)


def random_basis(rng, carrier, m, parity):
    m, parity = np.array(m), np.array(parity)
    one_body = rng.normal(size=(len(m), len(m)))
    one_body = (one_body + one_body.T) / 2
    one_body[(m[:, None] != m[None, :]) | (parity[:, None] != parity[None, :])] = 0
    energy = np.sort(rng.uniform(size=len(m)))
    weights = np.stack([np.eye(len(m)) / 2] * 2)
    numbers = np.stack([m, parity], axis=1)
    return OrbitalBasis(carrier, SYMMETRY, numbers, energy, one_body, np.arange(len(m)), weights)


def random_values(rng, one, two):
    """(ab|cd), real, symmetric under exchange within both pairs, and of the pairs where the carriers are alike."""
    values = rng.normal(size=(len(one), len(one), len(two), len(two))) / 3
    (m, parity), (n, opposite) = one.numbers.T, two.numbers.T
    k, other = m[None, :] - m[:, None], n[None, :] - n[:, None]
    p, q = parity[:, None] * parity[None, :], opposite[:, None] * opposite[None, :]
    values[(k[:, :, None, None] + other) != 0] = 0
    values[p[:, :, None, None] != q] = 0
    values = (values + values.transpose(1, 0, 3, 2)) / 2
    if one is two:
        values = (values + values.transpose(2, 3, 0, 1)) / 2
    return values


def as_interaction(one, two, values):
    blocks = []
    pairs = {}
    for basis, name in ((one, "left"), (two, "right")):
        for a in range(len(basis)):
            for b in range(len(basis)):
                (m, parity), (n, opposite) = basis.numbers[a], basis.numbers[b]
                key = (n - m if name == "left" else m - n, parity * opposite)
                pairs.setdefault(key, {"left": [], "right": []})[name].append((a, b))
    for (k, p), found in pairs.items():
        if found["left"] and found["right"]:
            left, right = np.array(found["left"]), np.array(found["right"])
            value = values[left[:, :1], left[:, 1:], right[:, 0], right[:, 1]]
            blocks.append(InteractionBlock(left, right, value, one.symmetry.sector(int(k), int(p))))
    return Interaction(one.carrier, two.carrier, tuple(blocks))


def whole_hamiltonian(bases, values):
    """H on the product of one orbital for each particle (N1 N2 .., N1 N2 ..): no symmetry, no spin, all told apart.

    `bases` one for each particle; `values[i, j]` signed (ab|cd) of particles i < j.
    """
    sizes = [len(basis) for basis in bases]
    total = np.zeros([*sizes, *sizes])
    n = len(sizes)
    letters = "abcdefgh"
    eyes = [np.eye(size) for size in sizes]

    def add(parts, tensor, name):
        out = letters[:n] + letters[:n].upper()
        operands, names = [tensor], [name]
        for k in range(n):
            if k not in parts:
                operands.append(eyes[k])
                names.append(letters[k] + letters[k].upper())
        return np.einsum(",".join(names) + "->" + out, *operands)

    for i, basis in enumerate(bases):
        total += add({i}, basis.one_body, letters[i] + letters[i].upper())
    for (i, j), value in values.items():
        name = letters[i] + letters[i].upper() + letters[j] + letters[j].upper()
        total += add({i, j}, value, name)
    size = int(np.prod(sizes))
    return total.reshape(size, size)
