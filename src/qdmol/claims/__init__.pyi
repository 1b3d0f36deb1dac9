from .assessing import Claim as Claim, Claims as Claims, SplittingMap as SplittingMap, assess_claims as assess_claims
from .cases import SAMPLES as SAMPLES
from .quantities import measure as measure
from .rules import Criterion as Criterion, Finding as Finding, Verdict as Verdict, decide as decide
from .statement import Statement as Statement
from .statements import STATEMENTS as STATEMENTS
