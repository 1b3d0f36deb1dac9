from .assessing import assess_claims as assess_claims
from .cases import SAMPLES as SAMPLES
from .quantities import measure as measure
from .results import Claim as Claim, Claims as Claims, SplittingMap as SplittingMap
from .rules import Criterion as Criterion, Finding as Finding, Verdict as Verdict, decide as decide
from .statements import STATEMENTS as STATEMENTS, Statement as Statement
