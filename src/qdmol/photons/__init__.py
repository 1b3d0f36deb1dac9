"""Photons as an instrument recorded them: files in, one value out.

In comes a file of a photon counter, out comes a :class:`PhotonStream`: integer ticks of the instrument's clock,
channels, in T3 the sync period and the delay after its pulse, markers, and where it all comes from. No model of the
emitter here. Times in ticks, ticks in ps.
"""

from qdmol.photons.stream import ArraySource, Mode, PhotonStream, Provenance, Records, Source

__all__ = ["ArraySource", "Mode", "PhotonStream", "Provenance", "Records", "Source"]
