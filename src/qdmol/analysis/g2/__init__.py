"""Second-order correlation of an emitter's photons: are they emitted one at a time.

In comes a stream of photons or a ready histogram of pairs; out come the pairs by lag, g2 at zero delay in both
normalisations, each with an interval, and triples. Lags in ns.
"""

from qdmol.analysis.g2.measuring import G2Details, gate_curve, measure_g2
from qdmol.analysis.g2.pairs import pair_histogram
from qdmol.analysis.g2.reading import read_pair_histogram
from qdmol.analysis.g2.triples import measure_g3
from qdmol.analysis.g2.values import G2, G3, PairBlocks, PairHistogram, Ratios

__all__ = [
    "G2",
    "G3",
    "G2Details",
    "PairBlocks",
    "PairHistogram",
    "Ratios",
    "gate_curve",
    "measure_g2",
    "measure_g3",
    "pair_histogram",
    "read_pair_histogram",
]
