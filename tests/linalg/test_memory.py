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


# Freed arrays of 3 MB, 360 MB in all, each kept from the end of the heap by a block in use: bytes that are returned,
# and pages cleared for the next 60 MB of arrays where few of the free addresses hold memory.
RETURNED = """
import resource
import numpy as np
from qdmol.linalg import KEPT_BYTES, keep_freed_memory, release_freed_memory
from tests.memory import resident_memory

def pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

keep_freed_memory()
arrays = [(np.ones(3 * 2**17), np.ones(2**12)) for _ in range(120)]
between = [small for _, small in arrays]
del arrays
full = resident_memory()
release_freed_memory(above=KEPT_BYTES)
empty = resident_memory()
arrays = [np.ones(3 * 2**17) for _ in range(20)]
del arrays
before = pages()
release_freed_memory(above=KEPT_BYTES)
arrays = [np.ones(3 * 2**17) for _ in range(20)]
print(full - empty, pages() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a parameter of the GNU C library")
def test_freed_memory_is_returned_where_much_of_it_is_held():
    done = subprocess.run([sys.executable, "-c", RETURNED], capture_output=True, text=True, check=True)
    returned, cleared = map(int, done.stdout.split())
    assert returned > 3e8
    assert cleared < 1500  # of 15,360 pages
