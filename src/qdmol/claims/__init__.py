"""Claims: statements of the reference work, compared with the results of qdmol.

In: nothing but the shipped examples. Out: :class:`Claims`, one row a statement with number, numerical error, range over
what is plausible where the paper is silent, and a verdict by the rules of :mod:`qdmol.claims.rules`.

>>> from qdmol.claims import STATEMENTS
>>> STATEMENTS[0].number, STATEMENTS[0].unit
(23.0, 'meV')
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
