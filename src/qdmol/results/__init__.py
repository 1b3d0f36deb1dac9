"""Results in files: NetCDF with units and versions, and values that are read back to the last digit.

In come labelled arrays and frozen values; out come files, and numbers as text. A class of results is saved by
`save_result` with its values encoded by `encode`, and read back by its method ``from_saved``; `qdmol.loading` lists the
kinds. Everything is in nm, eV (meV where the name says so), K.

>>> from qdmol.results import format_measured
>>> format_measured(0.17767, 0.00001, "eV").replace(chr(160), " ")
'0.177670 ± 0.000010 eV'
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
