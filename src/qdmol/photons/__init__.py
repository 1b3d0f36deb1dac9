"""Photons as an instrument recorded them: files in, one value out.

In comes a file of a photon counter, out comes a :class:`PhotonStream`: integer ticks of the instrument's clock,
channels, in T3 the sync period and the delay after its pulse, markers, and where it all comes from. No model of the
emitter here. Times in ticks, ticks in ps. The readers are imported when they are first used (PEP 562).

>>> import numpy as np
>>> times = np.array([10, 25, 40])
>>> records = Records(times=times, channels=np.array([0, 1, 0], dtype=np.uint8))
>>> stream = PhotonStream("T2", 1.0, ArraySource(records), Provenance("made here", "T2"))
>>> [len(chunk) for chunk in stream.chunks(2)]
[2, 1]
"""

from importlib import import_module
from typing import TYPE_CHECKING

from qdmol.photons.flags import Flag
from qdmol.photons.stream import (
    SYNC_CHANNEL,
    ArraySource,
    Mode,
    PhotonStream,
    Provenance,
    Records,
    Source,
    channel_label,
)

if TYPE_CHECKING:
    from qdmol.photons.photon_hdf5 import write_photon_hdf5
    from qdmol.photons.quality import QualityReport, assess_quality
    from qdmol.photons.reading import read_photons
    from qdmol.photons.sync_input import with_sync_detector
    from qdmol.photons.synchronising import to_t3

# Public name -> the module that has it.
_HOMES = {
    "QualityReport": "quality",
    "assess_quality": "quality",
    "read_photons": "reading",
    "to_t3": "synchronising",
    "with_sync_detector": "sync_input",
    "write_photon_hdf5": "photon_hdf5",
}

__all__ = [
    "SYNC_CHANNEL",
    "ArraySource",
    "Flag",
    "Mode",
    "PhotonStream",
    "Provenance",
    "QualityReport",
    "Records",
    "Source",
    "assess_quality",
    "channel_label",
    "read_photons",
    "to_t3",
    "with_sync_detector",
    "write_photon_hdf5",
]


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'qdmol.photons' has no attribute {name!r}")
    value = getattr(import_module(f"qdmol.photons.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted(set(globals()) | set(__all__))
