"""Rate models of emitters: what a source with these states and rates emits, computed without drawing photons.

A biexciton yield of a tenth gives g² = 0.1 for weak pulses, and more for stronger ones:

>>> from qdmol.rates import biexciton_cascade, independent, two_level
>>> dot = biexciton_cascade(exciton_rate=1 / 20, biexciton_rate=1.0, biexciton_yield=0.1)
>>> g2 = dot.pulsed(period_ns=1000.0, excitons=0.01).g2()
>>> print(f"{g2.centre:.4f}")
0.1002
>>> print(f"{dot.pulsed(period_ns=1000.0, excitons=1.0).g2().centre:.4f}")
0.1219

Two independent dots of this kind:

>>> print(f"{independent(dot, dot).pulsed(period_ns=1000.0, excitons=0.01).g2().centre:.4f}")
0.5501

The dip of a two-level emitter in continuous light, which absorbs 0.01 per ns, at lags of 0 and 50 ns:

>>> two_level(rate=0.05).continuous(absorption_rate=0.01).g2([0.0, 50.0]).round(4)
array([0.    , 0.9502])
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
