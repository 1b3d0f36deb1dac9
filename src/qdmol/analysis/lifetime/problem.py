"""What a fit works on: the histogram, its response and its law, as numbers only, and where its parameters stand.

The parameters of K components are one row: ln tau (K), photons of each component (K), background per bin, shift,
ln of the response's standard deviation, stretching exponent.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Floats

PULSE, GAUSSIAN, MEASURED = 0, 1, 2


class Problem(NamedTuple):
    """One decay as the kernels see it; n bins, m bins of the response. Times in ns.

    `live` (n,) is the share of periods not yet closed by an earlier photon, `periods` the number of periods: 0 where
    there is no pile-up to model. The background may be measured elsewhere: `dark_counts` in the time of `dark_bins`
    bins; 0 bins where it was not. `response_height` (m,) is a density, one over ns. Fractions and averages are over the
    `reported` longest components, 0 for all: what is shorter than the instrument resolves has no lifetime.
    """

    edges: Floats
    widths: Floats
    counts: Floats
    used: NDArray[np.bool_]
    live: Floats
    periods: float
    period: float
    kind: int
    response_height: Floats
    response_bin: float
    response_first: float
    components: int
    stretched: bool
    dark_counts: float
    dark_bins: float
    reported: int = 0


class Slots(NamedTuple):
    """Where the parameters of `components` components stand in their row."""

    components: int

    @property
    def size(self) -> int:
        """Length of the row."""
        return 2 * self.components + 4

    @property
    def background(self) -> int:
        """Counts per bin."""
        return 2 * self.components

    @property
    def shift(self) -> int:
        """Delay of the response in ns."""
        return 2 * self.components + 1

    @property
    def width(self) -> int:
        """Logarithm of the response's standard deviation in ns."""
        return 2 * self.components + 2

    @property
    def stretch(self) -> int:
        """Exponent of Kohlrausch."""
        return 2 * self.components + 3
