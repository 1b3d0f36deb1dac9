"""Which figures each kind of result has, and the picture of a molecule for a first page.

`FIGURES` names the figures of each class of result in the order of a report, each with its module. The module holds,
for a figure ``levels``: ``levels(result, ax=None)``, the public function; ``has_levels(result)``, whether the result
holds what it needs; and a function that draws it for a report with its words and numbers. Modules are named, not
imported, so that figures of photons load no model.
"""

from __future__ import annotations

import io
import string
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imread, imsave

from qdmol.errors import InputError
from qdmol.files import refuse_overwriting, write_bytes_atomic
from qdmol.plot.drawing import Drawing
from qdmol.plot.style import MM_PER_INCH, figure_of, paper_style

if TYPE_CHECKING:
    from qdmol.study import Solution

FIGURES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "Solution": (
        ("axis_profile", "profile"),
        ("wavefunctions", "wavefunction_maps"),
        ("levels", "level_diagram"),
        ("alternatives", "sensitivity"),
    ),
    "Map": (("map", "parameter_map"), ("coupling_map", "coupling")),
    "Batch": (("samples", "samples"),),
    "Spectra": (("spectra", "spectrum_curves"), ("field_sweep", "spectrum_field")),
    "PhotonAnalysis": (
        ("intensity_trace", "photon_trace"),
        ("decay", "photon_decay"),
        ("g2", "photon_g2"),
        ("correlation", "photon_g2"),
        ("g2_by_gate", "photon_g2"),
        ("intensity_levels", "photon_levels"),
        ("dwell_times", "photon_dwell"),
        ("lifetime_intensity", "photon_levels"),
        ("emitters", "photon_emitters"),
    ),
    "Surveyed": (("curve_fit", "curves"),),
    "CurveFits": (("curve_positions", "curves"),),
    "CurveComparison": (
        ("curve_overlay", "curve_overlays"),
        ("curve_differences", "curve_overlays"),
        ("curve_kinetics", "curve_overlays"),
        ("curve_derivatives", "curve_overlays"),
    ),
    "Sizing": (("sizing_scan", "sizing"),),
    "SpecFit": (("fit_data", "spec_fit"), ("fit_profiles", "spec_fit")),
    "Claims": (("claims_redshift", "claims"), ("claims_splitting", "claims")),
}


class Figures(Mapping[str, Figure]):
    """The figures of a result by name, each drawn in the paper style when it is first read."""

    def __init__(self, result: object) -> None:
        self._result = result
        kinds = [FIGURES[kind.__name__] for kind in type(result).__mro__ if kind.__name__ in FIGURES]
        self._modules = {
            name: module
            for name, module in (kinds[0] if kinds else ())
            if getattr(import_module(f"qdmol.plot.{module}"), f"has_{name}")(result)
        }
        self._drawn: dict[str, Figure] = {}

    def __getitem__(self, name: str) -> Figure:
        module = self._modules[name]
        if name not in self._drawn:
            axes = getattr(import_module(f"qdmol.plot.{module}"), name)(self._result)
            self._drawn[name] = figure_of(np.ravel(np.asarray(axes, dtype=object))[0])
        return self._drawn[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

    def __repr__(self) -> str:
        return f"<Figures of {type(self._result).__name__}: {', '.join(self) or 'none'}>"


def figures_of(result: object) -> Figures:
    """Return the figures of a result by the names of their functions; the same as ``result.figures()``.

    Parameters
    ----------
    result
        A solution, map, prediction of spectra, sizing, fit of a spec, analysis of photons, fitted curve, or the claims.
    """
    return Figures(result)


_DPI = 150
_GAP = 6.0  # mm between the two pictures, and around both


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
    """Write the axis profile and the wavefunctions side by side as one PNG, atomically.

    The picture of the README is made by::

        python -c "import qdmol; from qdmol.plot import write_overview;
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
    from qdmol.plot.profile import draw_axis_profile
    from qdmol.plot.wavefunction_maps import draw_wavefunctions
    from qdmol.structure import spec_files

    refuse_overwriting([path], spec_files(solution.spec), field="path")
    with paper_style():
        profile = draw_axis_profile(solution)
        maps = draw_wavefunctions(
            solution, letters=string.ascii_lowercase[len(profile.figure.axes) if profile else 0 :]
        )
        if profile is None or maps is None:
            raise InputError(field="calculation.electrons", value=0, allowed="at least 1 for a picture of the electron")
        buffer = io.BytesIO()
        imsave(buffer, _beside(_pixels(profile), _pixels(maps)), format="png", dpi=_DPI)
    return write_bytes_atomic(path, buffer.getvalue())
