"""Lifetimes from decay histograms of single photons.

In comes a :class:`qdmol.photons.PhotonStream` (:func:`decay_of`) or a file of a histogram (:func:`read_decay`), a
:class:`Decay` either way; out comes a :class:`LifetimeFit`. The model of bin i between the edges t_i and t_(i+1) is

    mu_i = b w_i + sum_k N_k [C(t_(i+1); tau_k) - C(t_i; tau_k)],

with C the cumulated delay of photons of one component: an exponential, folded with the instrument response, of all
pulses of a periodic excitation. The likelihood is Poisson's. Delays and lifetimes in ns.
"""
