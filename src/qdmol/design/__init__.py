"""Design: specs with wanted or measured properties.

In: a :class:`~qdmol.structure.Spec`, the fields that may vary, and wanted values or measured data. Out:
:class:`Sizing`, the values of the fields at which predicted quantities have wanted values, or :class:`SpecFit`, the
values that describe measured numbers or a measured spectrum best; both with errors and the resulting spec.

>>> import qdmol
>>> sizing = qdmol.size("@monomer", vary="core_radius", peak="605nm")
>>> sizing.values["core_radius"]
1.52755 ± 0.00011 nm
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
