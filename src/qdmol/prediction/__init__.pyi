from .fields import FieldSweep as FieldSweep
from .overlay import (
    BLUE_NM as BLUE_NM,
    SAMPLES as SAMPLES,
    MeasuredFor as MeasuredFor,
    Overlay as Overlay,
    assign as assign,
    lay_over as lay_over,
)
from .predicting import predict_spectra as predict_spectra
from .samples import samples_of as samples_of
from .spectra import Spectra as Spectra
from .summary import sample_object as sample_object
from .values import (
    Calibration as Calibration,
    EnsembleResult as EnsembleResult,
    Line as Line,
    SampleChange as SampleChange,
    SampleSpectrum as SampleSpectrum,
    SpectralRange as SpectralRange,
)
from .wording import (
    Rows as Rows,
    change_rows as change_rows,
    measured_rows as measured_rows,
    measured_text as measured_text,
    overlay_summary as overlay_summary,
    sample_rows as sample_rows,
    spectrum_sentences as spectrum_sentences,
)
