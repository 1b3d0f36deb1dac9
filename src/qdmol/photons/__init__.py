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

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
