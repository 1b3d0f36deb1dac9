"""Mean field: a molecule solved for its levels and its self-consistent pairs of an electron and a hole.

A molecule, the number of levels and a tolerance give the levels of both carriers, the self-consistent pair of every dot
that has one, the electron's levels in the field of the hole, and tunnel coupling and detuning of two dots. Each energy
has an error.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
