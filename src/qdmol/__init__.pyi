from qdmol import plot as plot, report as report
from qdmol.analysis import (
    PhotonAnalyses as PhotonAnalyses,
    PhotonAnalysis as PhotonAnalysis,
    analyze_photons as analyze_photons,
    fit_lifetime as fit_lifetime,
    measure_g2 as measure_g2,
)
from qdmol.design import Sizing as Sizing, SpecFit as SpecFit, fit_spec as fit_spec, size as size
from qdmol.errors import (
    InputError as InputError,
    MissingExtraError as MissingExtraError,
    OutputError as OutputError,
    QdmolError as QdmolError,
    SolverError as SolverError,
)
from qdmol.estimates import Estimate as Estimate
from qdmol.loading import load as load
from qdmol.photons import PhotonStream as PhotonStream, read_photons as read_photons
from qdmol.prediction import Spectra as Spectra, predict_spectra as predict_spectra
from qdmol.spectroscopy import (
    CurveComparison as CurveComparison,
    overlay_curves,
    read_curves as read_curves,
    survey_curves,
)
from qdmol.structure import Molecule as Molecule, Spec as Spec, dump_spec as dump_spec, read_spec as read_spec
from qdmol.study import (
    Comparison as Comparison,
    Map as Map,
    Solution as Solution,
    compare as compare,
    map_spec,
    solve as solve,
    solve_batch,
)

batch = solve_batch
compare_curves = overlay_curves
fit_curves = survey_curves
map = map_spec  # noqa: A001  # the verb of the root

__version__: str
__all__: list[str]
