r"""Files of users: safe reading, atomic writing, and no overwriting of inputs.

>>> from qdmol.files import printable
>>> printable("CdSe\x1b[31m")
'CdSe?[31m'
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
