from .absorption import fit_absorption as fit_absorption
from .comparing import compare_curves as compare_curves, fit_curve as fit_curve
from .crossings import IsosbesticPoint as IsosbesticPoint, isosbestic_points as isosbestic_points
from .derivative import DerivativeCurve as DerivativeCurve, second_derivative as second_derivative
from .emission import fit_emission as fit_emission
from .overlay_summary import (
    curve_labels as curve_labels,
    overlay_rows as overlay_rows,
    overlay_sentences as overlay_sentences,
    overlay_summary as overlay_summary,
)
from .overlaying import (
    AxisKind as AxisKind,
    ComparedCurve as ComparedCurve,
    CurveComparison as CurveComparison,
    Difference as Difference,
    overlay_curves as overlay_curves,
)
from .point_noise import PointNoise as PointNoise, point_noise as point_noise
from .published_sizes import PublishedSizes as PublishedSizes, published_sizes as published_sizes
from .reading import read_columns as read_columns, read_curves as read_curves
from .scaling import METHODS as METHODS, normalisation_of as normalisation_of
from .series import Series as Series, SeriesKind as SeriesKind, series_of as series_of
from .sizing import (
    SIZED_MATERIALS as SIZED_MATERIALS,
    SIZING_SOURCE as SIZING_SOURCE,
    Size as Size,
    size_from_peak as size_from_peak,
    sizing_range as sizing_range,
)
from .summary import (
    curve_points as curve_points,
    curve_records as curve_records,
    curve_rows as curve_rows,
    curve_summary as curve_summary,
    shown as shown,
    survey_sentences as survey_sentences,
)
from .surveying import CurveFits as CurveFits, Surveyed as Surveyed, survey_curves as survey_curves
from .values import (
    LEVEL as LEVEL,
    Comparison as Comparison,
    Curve as Curve,
    CurveFlag as CurveFlag,
    Measurement as Measurement,
    Noise as Noise,
    PeakFit as PeakFit,
    Quantity as Quantity,
)
