"""Blinking of an emitter: when its intensity changes, between which levels, and for how long it stays there.

In comes a stream of photons; out come segments of constant intensity, the levels that they belong to, and the lifetime
of each. Rates in photons per second, times in s, lifetimes in ns.
"""
