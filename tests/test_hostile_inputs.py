"""Damaged curves, decays, specs and whole analyses: an error of ours, a reason or a flag, never a crash or a hang.

A few here, thousands as slow tests. To see number 1234 of the curves again:
``python tests/hostile_inputs.py /tmp/somewhere 4 1234 1 curves``.
"""

from collections import Counter

import pytest
from tests.photons.test_fuzz import judge, run, unix

PROGRAM = "tests/hostile_inputs.py"

pytestmark = unix


@pytest.mark.parametrize(("kind", "count"), [("specs", 20), ("decays", 15), ("curves", 8)])
def test_a_few(tmp_path, kind, count):
    found = judge(run(tmp_path, 0, count, kind, program=PROGRAM))
    assert sum(found.values()) == count
    assert found["InputError"] > 0


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "count"), [("curves", 2000), ("decays", 2000), ("specs", 1500), ("analyses", 300)])
def test_thousands(tmp_path, kind, count):
    checked = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path / "compiled")}
    found: Counter = Counter()
    for start in range(0, count, 100):
        folder = tmp_path / str(start)
        folder.mkdir()
        found += judge(run(folder, start, min(100, count - start), kind, program=PROGRAM, **checked))
    assert sum(found.values()) == count
    assert found["InputError"] > count // 20
