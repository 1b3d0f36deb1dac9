"""The made-up results that the reports are tested with, and the values of figures."""

import matplotlib
import pytest
from tests.report.conftest import homodimer, solution, variant  # noqa: F401  # fixtures


@pytest.fixture(autouse=True)
def without_display():
    """Figures need no display."""
    matplotlib.use("agg")
