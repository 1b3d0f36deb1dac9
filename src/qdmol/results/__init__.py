"""Results on disk and in words: NetCDF with units, versions, sentences.

In come labelled arrays or the JSON object of a solution; out come files and text.
No physics here beyond quoting it; everything is in nm, eV (meV where the name says so), K.

>>> from qdmol.results import format_measured
>>> format_measured(0.17767, 0.00001, "eV").replace(chr(160), " ")
'0.177670 ± 0.000010 eV'
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
