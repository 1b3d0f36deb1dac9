"""Second-order correlation of an emitter's photons: are they emitted one at a time.

In comes a stream of photons or a ready histogram of pairs; out come the pairs by lag, g2 at zero delay in both
normalisations, each with an interval, and triples. Lags in ns.
"""
