"""Claims: the reference work's statements beside what qdmol gets.

In: nothing but the shipped examples. Out: :class:`Claims`, one row a statement with number, numerical error, range over
what is plausible where the paper is silent, and a verdict by the rules of :mod:`qdmol.study.claims.rules`.

>>> from qdmol.study.claims import STATEMENTS
>>> STATEMENTS[0].number, STATEMENTS[0].unit
(23.0, 'meV')
"""

from qdmol.study.claims.assessing import Claim, Claims, assess_claims
from qdmol.study.claims.rules import Criterion, Finding, Verdict, decide
from qdmol.study.claims.statements import STATEMENTS, Statement

__all__ = ["STATEMENTS", "Claim", "Claims", "Criterion", "Finding", "Statement", "Verdict", "assess_claims", "decide"]
