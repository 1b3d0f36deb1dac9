from .analyzing import (
    analyze_many as analyze_many,
    analyze_photons as analyze_photons,
    inspect_photons as inspect_photons,
)
from .background import Background as Background, estimate_background as estimate_background
from .blinking.change_points import ChangePoints as ChangePoints, find_change_points as find_change_points
from .blinking.dwell_laws import DwellLaw as DwellLaw, fit_dwell_laws as fit_dwell_laws, survival as survival
from .blinking.dwell_times import (
    Dwell as Dwell,
    DwellTimes as DwellTimes,
    dwell_times as dwell_times,
    dwell_times_of_trace as dwell_times_of_trace,
    kaplan_meier as kaplan_meier,
)
from .blinking.grouping import Grouping as Grouping, group_levels as group_levels
from .blinking.intensity_exponents import (
    CorrelationExponent as CorrelationExponent,
    IntensityCorrelation as IntensityCorrelation,
    correlate_trace as correlate_trace,
    fit_correlation_exponent as fit_correlation_exponent,
)
from .blinking.intensity_levels import intensity_levels as intensity_levels, segments_of as segments_of
from .blinking.lifetime_intensity import lifetime_intensity as lifetime_intensity
from .blinking.values import (
    IntensityLevel as IntensityLevel,
    IntensityLevels as IntensityLevels,
    LifetimeIntensity as LifetimeIntensity,
    Segments as Segments,
)
from .correlation import LogCorrelation as LogCorrelation, correlate_log as correlate_log
from .emitters.counting import count_emitters as count_emitters, emitters_from_g2 as emitters_from_g2
from .emitters.values import (
    DECISIVE as DECISIVE,
    Emitters as Emitters,
    EvidenceStep as EvidenceStep,
    Monomer as Monomer,
    monomer_of as monomer_of,
)
from .g2.measuring import G2Details as G2Details, gate_curve as gate_curve, measure_g2 as measure_g2
from .g2.pairs import pair_histogram as pair_histogram
from .g2.reading import read_pair_histogram as read_pair_histogram
from .g2.triples import measure_g3 as measure_g3
from .g2.values import G2 as G2, G3 as G3, PairBlocks as PairBlocks, PairHistogram as PairHistogram, Ratios as Ratios
from .lifetime.fitting import Model as Model, fit_lifetime as fit_lifetime
from .lifetime.histogram import decay_of as decay_of, decays_of as decays_of
from .lifetime.reading import read_decay as read_decay, read_decays as read_decays, unit_ns as unit_ns
from .lifetime.values import Decay as Decay, LifetimeFit as LifetimeFit, Response as Response
from .result import (
    Analysed as Analysed,
    FailedAnalysis as FailedAnalysis,
    PhotonAnalyses as PhotonAnalyses,
    PhotonAnalysis as PhotonAnalysis,
    files_dataset as files_dataset,
    files_rows as files_rows,
)
from .screening import (
    QUANTITIES as QUANTITIES,
    Criterion as Criterion,
    ScreenedFile as ScreenedFile,
    Screening as Screening,
    screen_photons as screen_photons,
)
from .stages import Number as Number
from .summary import plain as plain
from .trace import Trace as Trace, intensity_trace as intensity_trace
from .wording import interval_text as interval_text, plain_text as plain_text, shown_number as shown_number
