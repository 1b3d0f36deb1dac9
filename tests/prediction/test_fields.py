"""Field sweeps: errors of Stark shifts."""

import numpy as np
import pytest

from qdmol.prediction.fields import FieldSweep
from qdmol.prediction.summary import field_object


def _sweep(peak, error, numerical):
    count = len(peak)
    rows = np.zeros((count, 2))
    fields = np.linspace(-50.0, 50.0, count)
    return FieldSweep(
        fields, np.arange(3.0), np.zeros((count, 3)), rows, rows, np.array(peak), np.array(peak), np.ones(count),
        np.array(error), np.array(numerical), (),
    )  # fmt: skip


def test_a_stark_shift_has_the_error_of_a_difference():
    sweep = _sweep([2.01, 2.0, 2.012], [0.004, 0.003, 0.0035], [0.0002, 0.0001, 0.0003])
    assert sweep.stark == pytest.approx([0.01, 0.0, 0.012])
    # What the basis lacks, 3.8, 2.9 and 3.2 meV, is common but for its change with the field.
    assert sweep.stark_error == pytest.approx([0.0009 + 0.0003, 0.0, 0.0003 + 0.0004])
    assert field_object(sweep)["stark_shift_error_meV"] == pytest.approx([1.2, 0.0, 0.7])


def test_fields_without_a_peak_have_no_stark_shift():
    sweep = _sweep([np.nan, np.nan, 2.0], [np.nan, np.nan, 0.003], [np.nan, np.nan, 0.0001])
    assert field_object(sweep)["stark_shift_error_meV"] == [None, None, 0.0]
