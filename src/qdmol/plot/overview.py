"""One picture of a molecule for a first page: the landscape beside the maps."""

import io
import string
from pathlib import Path

import numpy as np
from matplotlib.image import imread, imsave

from qdmol.errors import InputError
from qdmol.files import refuse_overwriting, write_bytes_atomic
from qdmol.plot.axis import draw_axis
from qdmol.plot.drawing import Drawing
from qdmol.plot.style import MM_PER_INCH, paper_style
from qdmol.plot.wavefunctions import draw_maps
from qdmol.structure import spec_files
from qdmol.study import Solution

_DPI = 150
_GAP = 6.0  # mm between the two, and around both


def _pixels(drawing: Drawing) -> np.ndarray:
    buffer = io.BytesIO()
    drawing.figure.savefig(buffer, format="png", dpi=_DPI)
    buffer.seek(0)
    return np.round(255 * imread(buffer, format="png")[..., :3]).astype(np.uint8)


def _beside(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Two pictures on white, side by side, both centred in height."""
    gap = round(_GAP / MM_PER_INCH * _DPI)
    height = max(left.shape[0], right.shape[0]) + 2 * gap
    canvas = np.full((height, left.shape[1] + right.shape[1] + 3 * gap, 3), 255, dtype=np.uint8)
    column = gap
    for picture in (left, right):
        row = (height - picture.shape[0]) // 2
        canvas[row : row + picture.shape[0], column : column + picture.shape[1]] = picture
        column += picture.shape[1] + gap
    return canvas


def write_overview(solution: Solution, path: str | Path) -> Path:
    """Write figures 1 and 2 side by side as one PNG, atomically.

    The picture of the README is made by::

        python -c "import qdmol; from qdmol.report import write_overview;
        write_overview(qdmol.solve('@homodimer'), 'docs/images/homodimer.png')"

    Parameters
    ----------
    solution
        From ``qdmol.solve``, with at least one electron level.
    path
        The picture, ending in ``.png``.

    Returns
    -------
    pathlib.Path
        The path given.

    Raises
    ------
    qdmol.errors.InputError
        The solution holds no electron level to show, or the path is that of the spec or its material set.
    qdmol.errors.OutputError
        The file cannot be written.
    """
    refuse_overwriting([path], spec_files(solution.spec), field="path")
    with paper_style():
        axis = draw_axis(solution)
        maps = draw_maps(solution, letters=string.ascii_lowercase[len(axis.figure.axes) if axis else 0 :])
        if axis is None or maps is None:
            raise InputError(field="calculation.electrons", value=0, allowed="at least 1 for a figure of the electron")
        buffer = io.BytesIO()
        imsave(buffer, _beside(_pixels(axis), _pixels(maps)), format="png", dpi=_DPI)
    return write_bytes_atomic(path, buffer.getvalue())
