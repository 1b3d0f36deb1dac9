"""What measured photons say: lifetimes, g2, correlations, each with an interval that holds.

In comes a :class:`qdmol.photons.PhotonStream`, or a histogram; out come frozen values. Lifetimes and delays in ns,
rates in Hz. No model of a molecule here, and no finite elements.
"""
