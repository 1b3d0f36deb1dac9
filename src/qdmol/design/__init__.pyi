from .fields import Field as Field
from .sizing import size as size
from .sizing_result import (
    Scan as Scan,
    SizedAlternative as SizedAlternative,
    SizedField as SizedField,
    Sizing as Sizing,
    SizingSolution as SizingSolution,
    sizing_rows as sizing_rows,
    sizing_sentences as sizing_sentences,
)
from .spec_fit_result import (
    Direction as Direction,
    FittedCurve as FittedCurve,
    FittedField as FittedField,
    FittedNumber as FittedNumber,
    Profile as Profile,
    SpecFit as SpecFit,
    fit_rows as fit_rows,
    fit_sentences as fit_sentences,
)
from .spec_fitting import fit_spec as fit_spec
from .spectra import own_spectrum as own_spectrum
from .targets import NAMES as NAMES, Target as Target, parse_target as parse_target
