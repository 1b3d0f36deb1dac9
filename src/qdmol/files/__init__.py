r"""Files of users: read only where that is safe, written whole or not at all, never over an input.

>>> from qdmol.files import printable
>>> printable("CdSe\x1b[31m")
'CdSe?[31m'
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
