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

# Names for the pages of `qdmol.report`, beside those that begin with `draw_` or are classes.
_PARTS = {"probability_text", "values", "write_drawings"}


def __dir__() -> list[str]:
    """List the figures for tab completion; the parts of reports are importable all the same."""
    names = _all_names()
    return [name for name in names if name.islower() and not name.startswith("draw_") and name not in _PARTS]
