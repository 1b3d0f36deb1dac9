from .alternatives import draw_range as draw_range
from .axis import draw_axis as draw_axis
from .claims import draw_shifts as draw_shifts, draw_splitting_map as draw_splitting_map
from .coupling import MapLike as MapLike, draw_coupling as draw_coupling
from .curves import draw_curves as draw_curves, draw_fit as draw_fit
from .drawing import Drawing as Drawing, Table as Table, write_drawings as write_drawings
from .levels import draw_levels as draw_levels
from .overview import write_overview as write_overview
from .photon_decay import draw_decay as draw_decay
from .photon_g2 import draw_correlations as draw_correlations, draw_gate as draw_gate
from .photon_trace import draw_trace as draw_trace
from .solution import values as values
from .spectra import At as At, draw_spectra as draw_spectra
from .spectrum_field import draw_field as draw_field
from .style import paper_style as paper_style
from .wavefunctions import draw_maps as draw_maps
