from .overlay import (
    BLUE_NM as BLUE_NM,
    SAMPLES as SAMPLES,
    MeasuredFor as MeasuredFor,
    Overlay as Overlay,
    SpectraLike as SpectraLike,
    assign as assign,
    lay_over as lay_over,
)
from .predicting import predict_spectra as predict_spectra
from .samples import samples_of as samples_of
from .values import Calibration as Calibration, SampleSpectrum as SampleSpectrum, Spectra as Spectra
from .wording import (
    Rows as Rows,
    change_rows as change_rows,
    measured_rows as measured_rows,
    overlay_summary as overlay_summary,
    sample_rows as sample_rows,
    spectrum_sentences as spectrum_sentences,
)
