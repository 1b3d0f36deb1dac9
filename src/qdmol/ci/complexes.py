"""Complexes of electrons and holes: their names and numbers of carriers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from qdmol.errors import InputError

ALLOWED = "complexes separated by commas: X, X-, X+, XX, or numbers of carriers such as 3e2h"
# More carriers of a kind have more configurations than fit into memory.
MAX_CARRIERS_OF_A_KIND = 3
_COUNTED = re.compile(r"([1-9])e([1-9])h")


@dataclass(frozen=True, order=True, slots=True)
class Complex:
    """Complex of some electrons and holes, at least one of each.

    >>> Complex(2, 1).name, Complex(3, 2).name
    ('X-', '3e2h')
    """

    electrons: int
    holes: int

    @property
    def name(self) -> str:
        """Usual name."""
        known = {(1, 1): "X", (2, 1): "X-", (1, 2): "X+", (2, 2): "XX"}
        return known.get((self.electrons, self.holes), f"{self.electrons}e{self.holes}h")

    @property
    def pairs(self) -> int:
        """Number of electron-hole pairs, which is the number of band gaps in its energy."""
        return min(self.electrons, self.holes)


_NAMED = {"X": Complex(1, 1), "X-": Complex(2, 1), "X+": Complex(1, 2), "XX": Complex(2, 2)}


def parse_complexes(text: str) -> tuple[Complex, ...]:
    """Complexes of a list such as ``"X,X-,XX"``, each once.

    >>> [complex_.name for complex_ in parse_complexes("X, X-,3e2h")]
    ['X', 'X-', '3e2h']

    Raises
    ------
    InputError
        An entry is no complex, or has too many carriers of a kind.
    """
    complexes = []
    for entry in text.split(","):
        name = entry.strip()
        counted = _COUNTED.fullmatch(name)
        complex_ = Complex(int(counted[1]), int(counted[2])) if counted else _NAMED.get(name)
        if complex_ is None:
            raise InputError(field="particles", value=name, allowed=ALLOWED)
        if max(complex_.electrons, complex_.holes) > MAX_CARRIERS_OF_A_KIND:
            allowed = f"complexes with at most {MAX_CARRIERS_OF_A_KIND} carriers of each kind"
            raise InputError(field="particles", value=name, allowed=allowed)
        complexes.append(complex_)
    return tuple(dict.fromkeys(complexes))
