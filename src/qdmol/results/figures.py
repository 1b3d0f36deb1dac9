"""Figures of results: the method that every result with figures has."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Rooms of results lie below the room that draws and cannot import it: it is found by name when figures are asked for.
FIGURE_ROOM = "qdmol.plot"


class Drawable:
    """A result with figures."""

    __slots__ = ()

    def figures(self) -> Mapping[str, Figure]:
        """Return the figures that this result holds, by name; each is drawn in the paper style when it is first read.

        A name is that of a function of :mod:`qdmol.plot`, which draws the same on given axes.
        """
        return cast("Mapping[str, Figure]", import_module(FIGURE_ROOM).figures_of(self))
