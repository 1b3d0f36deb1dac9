"""Predicted spectra of a spec's samples, and measured curves compared with them.

:func:`predict_spectra` takes a :class:`~qdmol.structure.Spec` and returns :class:`Spectra`: absorption and emission of
the monomer, the unfused and the fused sample per particle, each number an :class:`~qdmol.estimates.Estimate`. Spectra
of a spec with `ensemble` are means over its particles; with applied fields the molecule's emission in each is included.
:func:`lay_over` compares them with measured curves.

The room is lazy (PEP 562): spectra of stored molecules are computed without loading the solver.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
