"""Models given by formulas, in place of the solver."""

from __future__ import annotations

import numpy as np

from qdmol.design.fields import Field
from qdmol.design.model import Evaluation, Model
from qdmol.design.targets import Target

ERROR = 1e-4


class FormulaModel(Model):
    """A model whose quantities are a function of the fields' values; the function returns None in holes."""

    def _solve(self, points):
        for point in points:
            values = self.formula(*point)
            if values is None:
                self.known[point] = Evaluation(point, reason="a hole", converged=False)
            else:
                values = tuple(np.atleast_1d(values).tolist())
                self.known[point] = Evaluation(point, values, (ERROR,) * len(values))


def formula_model(formula, wanted, ranges=((1.0, 3.0),), errors=None):
    names = "abcd"
    fields = tuple(Field(names[k], names[k], "nm", (low + high) / 2, low, high) for k, (low, high) in enumerate(ranges))
    errors = errors or [0.0] * len(wanted)
    targets = tuple(
        Target(f"t{k}", f"t{k}_meV", "meV", value, error)
        for k, (value, error) in enumerate(zip(wanted, errors, strict=True))
    )
    model = FormulaModel(None, fields, targets)
    model.formula = formula
    return model
