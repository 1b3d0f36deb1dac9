"""What a rate model emits in continuous light."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from qdmol.arrays import Floats
from qdmol.errors import InputError
from qdmol.rates.checking import LEAST_PHOTONS, LONGEST, channels as checked_channels, numbers
from qdmol.rates.generators import Generators, evolved, stationary


@dataclass(frozen=True, slots=True, eq=False)
class ContinuousEmission:
    """Emission of a source in continuous light, in its steady state; made by `RateModel.continuous`.

    Attributes
    ----------
    generators
        Matrices of the model.
    absorption_rate
        Absorbed photons per ns of a transition with cross-section 1.
    steady_state : (s,)
        Probability of each state.
    """

    generators: Generators
    absorption_rate: float
    steady_state: Floats = field(init=False)
    _generator: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        generator = self.generators.dark + self.absorption_rate * self.generators.absorption
        object.__setattr__(self, "_generator", generator)
        object.__setattr__(self, "steady_state", stationary(generator, self.generators.recurrent))

    def photon_rate(self, channel: str | None = None) -> float:
        """Photons per ns in `channel`, or in all channels if it is None."""
        return float((self.generators.emission_of(channel) @ self.steady_state).sum())

    def g2(self, lags_ns: ArrayLike, channels: tuple[str | None, ...] = (None, None)) -> Floats:
        """Second-order correlation g2(τ) relative to uncorrelated photons.

        ``g2(τ) = 1ᵀ J_b exp(L τ) J_a p / (r_a r_b)`` for τ ≥ 0, with the steady state p, the generator L, the jumps J
        and the photon rates r (M. F. Neuts, *J. Appl. Probab.* 16, 764, 1979, doi:10.2307/3213143; A. Molski et al.,
        *Chem. Phys. Lett.* 318, 325, 2000, for a molecule with a triplet state).

        Parameters
        ----------
        lags_ns : (n,)
            Lags τ (ns) of any sign: time of the photon in the second channel minus that in the first.
        channels
            The two channels; None counts the photons of all.

        Returns
        -------
        (n,) array.

        Raises
        ------
        InputError
            A lag is not finite, a channel is unknown, or no photon is emitted.
        """
        lags = numbers("lags_ns", lags_ns, -LONGEST, LONGEST)
        result = np.empty(len(lags))
        first, second = checked_channels(channels, 2)
        later = lags >= 0
        for chosen, pair in ((later, (first, second)), (~later, (second, first))):
            if chosen.any():
                result[chosen] = self._correlation(np.abs(lags[chosen]), *pair)
        return result

    def _correlation(self, lags: Floats, first: str | None, second: str | None) -> Floats:
        """Correlation at `lags` (n,) ≥ 0 of a photon in `first` and a later one in `second`."""
        behind = self.generators.emission_of(first) @ self.steady_state
        row = self.generators.emission_of(second).sum(axis=0)
        rates = (behind.sum(), row @ self.steady_state)
        if min(rates) < LEAST_PHOTONS:
            message = "g2 is undefined: the source emits no photons in one of the channels."
            raise InputError(field="channels", value=(first, second), allowed="channels with photons", message=message)
        # the deviation from the steady state decays to zero without rounding at long lags
        deviation = behind / rates[0] - self.steady_state
        curve: Floats = np.maximum(1.0 + row @ evolved(self._generator, deviation, lags) / rates[1], 0.0)
        return curve
