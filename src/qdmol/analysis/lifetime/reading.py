"""stub"""

from pathlib import Path
from qdmol.analysis.lifetime.values import Decay


def read_decay(path: str | Path) -> Decay:
    raise NotImplementedError
