"""The rate of photons that are not of the emitter: given, measured in the dark, in an off state, or before the pulse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis.trace import Trace
from qdmol.photons import PhotonStream

__all__ = ["Background", "estimate_background"]


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """Background rate of each channel.

    Attributes
    ----------
    rates_hz, low_hz, high_hz : float (channels,)
        Rate and its interval in photons per second.
    source : str
        ``"given"``, ``"dark recording"``, ``"off state"`` or ``"before the pulse"``.
    channels : tuple of int
        The channel of each entry.
    level : float
        Of the interval.
    """

    rates_hz: NDArray[np.float64]
    low_hz: NDArray[np.float64]
    high_hz: NDArray[np.float64]
    source: str
    channels: tuple[int, ...]
    level: float = 0.95

    def rate_hz(self, channel: int) -> float:
        """Rate of a channel in Hz; 0 for one that is not here."""
        return float(self.rates_hz[self.channels.index(channel)]) if channel in self.channels else 0.0


def estimate_background(
    source: PhotonStream | Trace | None = None,
    *,
    rates_hz: Mapping[int, float] | None = None,
    dark: PhotonStream | None = None,
    level: float = 0.95,
) -> Background | None:
    """Give the background from the best source at hand; None where the data hold none.

    In this order: `rates_hz` as given; `dark`, a recording without excitation; the level of the decay before the pulse
    (T3 streams); the off state of a blinking emitter (from the intensity trace).
    """
    raise NotImplementedError
