from .claims_page import write_claims_report as write_claims_report
from .curve_page import write_curve_report as write_curve_report
from .photon_page import write_photon_report as write_photon_report
from .spectrum_page import write_spectrum_report as write_spectrum_report
from .writing import write_report as write_report
