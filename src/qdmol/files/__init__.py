r"""Files of users: read only where that is safe, written whole or not at all, never over an input.

>>> from qdmol.files import printable
>>> printable("CdSe\x1b[31m")
'CdSe?[31m'
"""

from qdmol.files.overwriting import refuse_overwriting
from qdmol.files.reading import open_input, read_input
from qdmol.files.texts import printable
from qdmol.files.writing import atomic_path, drop_abandoned, make_folder, write_bytes_atomic, write_text_atomic

__all__ = [
    "atomic_path",
    "drop_abandoned",
    "make_folder",
    "open_input",
    "printable",
    "read_input",
    "refuse_overwriting",
    "write_bytes_atomic",
    "write_text_atomic",
]
