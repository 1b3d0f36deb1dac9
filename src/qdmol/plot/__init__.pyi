from .claims import (
    claims_redshift as claims_redshift,
    claims_splitting as claims_splitting,
    draw_claims_redshift as draw_claims_redshift,
    draw_claims_splitting as draw_claims_splitting,
)
from .coupling import MapLike as MapLike, coupling_map as coupling_map, draw_coupling_map as draw_coupling_map
from .curve_overlays import (
    curve_derivatives as curve_derivatives,
    curve_differences as curve_differences,
    curve_kinetics as curve_kinetics,
    curve_overlay as curve_overlay,
    draw_curve_derivatives as draw_curve_derivatives,
    draw_curve_differences as draw_curve_differences,
    draw_curve_kinetics as draw_curve_kinetics,
    draw_curve_overlay as draw_curve_overlay,
)
from .curves import (
    curve_fit as curve_fit,
    curve_positions as curve_positions,
    draw_curve_fit as draw_curve_fit,
    draw_curve_positions as draw_curve_positions,
)
from .drawing import Drawing as Drawing, Table as Table, write_drawings as write_drawings
from .figures import Figures as Figures, figures_of as figures_of, write_overview as write_overview
from .level_diagram import draw_levels as draw_levels, levels as levels
from .material_sizes import draw_material_sizes as draw_material_sizes, material_sizes as material_sizes
from .parameter_map import (
    check_map as check_map,
    draw_map as draw_map,
    map as map,  # noqa: A004  # as the function that makes it, `qdmol.map`
)
from .photon_decay import decay as decay, draw_decay as draw_decay
from .photon_dwell import draw_dwell_times as draw_dwell_times, dwell_times as dwell_times
from .photon_emitters import (
    HYPOTHESIS_NAMES as HYPOTHESIS_NAMES,
    draw_emitters as draw_emitters,
    emitters as emitters,
    probability_text as probability_text,
)
from .photon_g2 import (
    correlation as correlation,
    draw_correlations as draw_correlations,
    draw_g2_by_gate as draw_g2_by_gate,
    g2 as g2,
    g2_by_gate as g2_by_gate,
)
from .photon_levels import (
    draw_intensity_levels as draw_intensity_levels,
    draw_lifetime_intensity as draw_lifetime_intensity,
    intensity_levels as intensity_levels,
    lifetime_intensity as lifetime_intensity,
)
from .photon_trace import draw_intensity_trace as draw_intensity_trace, intensity_trace as intensity_trace
from .profile import axis_profile as axis_profile, draw_axis_profile as draw_axis_profile
from .samples import draw_samples as draw_samples, samples as samples
from .sensitivity import alternatives as alternatives, draw_alternatives as draw_alternatives
from .sizing import sizing_scan as sizing_scan
from .solution import values as values
from .spec_fit import fit_data as fit_data, fit_profiles as fit_profiles
from .spectrum_curves import At as At, draw_spectra as draw_spectra, spectra as spectra
from .spectrum_field import draw_field_sweep as draw_field_sweep, field_sweep as field_sweep
from .style import paper_style as paper_style
from .wavefunction_maps import draw_wavefunctions as draw_wavefunctions, wavefunctions as wavefunctions
