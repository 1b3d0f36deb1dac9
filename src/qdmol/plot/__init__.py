"""Figures of every kind of result, one function each.

>>> import qdmol.plot
>>> qdmol.plot.levels(solution)  # doctest: +SKIP

draws a new figure in the paper style: journal widths, colours that colour-blind readers tell apart. Its figure is the
attribute ``.figure`` of the axes returned. ``qdmol.plot.levels(solution, ax=ax)`` draws on your axes in your own style
and returns them; axes made under ``with qdmol.plot.paper_style():`` have the style of the paper. Figures of several
panels take and return an array of axes. ``solution.figures()`` maps the name of each figure that a result holds to the
figure, drawn when it is read. Functions ``draw_...`` add the words and numbers of a report.
"""

import lazy_loader

__getattr__, _all_names, __all__ = lazy_loader.attach_stub(__name__, __file__)

_PUBLIC = (
    "alternatives",
    "axis_profile",
    "claims_redshift",
    "claims_splitting",
    "correlation",
    "coupling_map",
    "curve_fit",
    "curve_positions",
    "decay",
    "field_sweep",
    "figures_of",
    "g2",
    "g2_by_gate",
    "intensity_trace",
    "levels",
    "paper_style",
    "spectra",
    "wavefunctions",
    "write_overview",
)


def __dir__() -> list[str]:
    """List the figures for tab completion; the parts of reports are importable all the same."""
    return list(_PUBLIC)
