from .claims_page import write_claims_report as write_claims_report
from .overlay_page import write_overlay_report as write_overlay_report
from .page import (
    PageFigure as PageFigure,
    PageTable as PageTable,
    Section as Section,
    write_page as write_page,
)
from .photon_page import write_photon_report as write_photon_report
from .solution_page import write_report as write_report
from .spectrum_page import (
    write_curve_report as write_curve_report,
    write_spectrum_report as write_spectrum_report,
)
