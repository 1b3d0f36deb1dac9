"""Where the words of a figure stand in print."""

import itertools

from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text


def drawn_texts(figure):
    """Texts as printed with their boxes in pixels; ticks outside their axis are not drawn."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    hidden = set()
    for axis in figure.findobj(Axis):
        shown = {id(label) for tick in axis._update_ticks() for label in (tick.label1, tick.label2)}
        hidden |= {id(tick.label1) for tick in axis.get_major_ticks()} - shown
        hidden |= {id(tick.label2) for tick in axis.get_major_ticks()} - shown
        if not axis.axes.axison:
            hidden |= {id(text) for text in axis.findobj(Text)}
    texts = [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
    return [(text, text.get_window_extent(renderer)) for text in texts if id(text) not in hidden]


def texts_are_apart(drawing):
    """No text leaves the figure or covers another."""
    width, height = drawing.figure.bbox.width, drawing.figure.bbox.height
    texts = drawn_texts(drawing.figure)
    for text, box in texts:
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
        assert inside, (drawing.name, text.get_text(), box)
    for (one, a), (two, b) in itertools.combinations(texts, 2):
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        along = min(a.y1, b.y1) - max(a.y0, b.y0)
        # A pixel at 100 dpi is a quarter of a millimetre, less than a line's spacing.
        assert across < 1 or along < 1.5, (drawing.name, one.get_text(), two.get_text())
