"""Freed arrays are used again where the C library lets a process keep them."""

import subprocess
import sys

import pytest

# Pages that the system has to clear for twenty times three arrays of 2,000 pages, freed before the next three.
CLEARED_PAGES = """
import resource
import sys
import numpy as np
from qdmol.linalg import keep_freed_memory

if sys.argv[1] == "keep":
    keep_freed_memory()
np.ones(1_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    arrays = [np.ones(1_000_000) for _ in range(3)]
    del arrays
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a parameter of the GNU C library")
def test_freed_arrays_are_used_again():
    kept, plain = (_cleared_pages(way) for way in ("keep", "plain"))
    assert kept < 0.3 * plain


def _cleared_pages(way):
    command = [sys.executable, "-c", CLEARED_PAGES, way]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
