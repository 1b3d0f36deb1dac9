"""Damaged files of every format: an error of ours or a flagged result, within 10 s and 1 GB, never a crash or a hang.

250 of them here, 2000 of each format as a slow test. To see number 1234 of the format ``spc`` again:
``python tests/photons/fuzzing.py /tmp/somewhere 4 1234 1 spc REAL_FILE...`` with the files of `real_files`, in that
order.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.photons.fuzzing import FORMATS

ROOT = Path(__file__).parents[2]
SEED = 4
MOST_MB = 1024
REAL_SUFFIXES = (".ptu", ".pt3", ".ht2", ".ht3", ".spc", ".qutag")

unix = pytest.mark.skipif(sys.platform == "win32", reason="no alarm that ends a process there")
pytestmark = unix


def real_files() -> list[str]:
    named = os.environ.get("QDMOL_DATA")
    folder = Path(named, "photons") if named else Path("/nowhere")
    return sorted(str(path) for path in folder.rglob("*") if path.suffix in REAL_SUFFIXES)


def run(
    folder: Path, start: int, count: int, kind: str, *, program: str = "tests/photons/fuzzing.py", **environment: str
) -> list[dict]:
    """Run mutants in a process of their own; return what each did."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    done = subprocess.run(
        [*(sys.executable, "-W", "error", program), *map(str, (folder, SEED, start, count, kind)), *real_files()],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
        timeout=20 * 60,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    last = lines[-1] if lines else None
    assert done.returncode == 0, f"the process ended with {done.returncode} at {last}: {done.stderr[-2000:]}"
    finished = [line for line in lines if "outcome" in line]
    assert len(finished) == count
    about = {line["index"]: line for line in lines if "of" in line}
    return [about[line["index"]] | line for line in finished]


def judge(results: list[dict]) -> Counter:
    allowed = {"InputError", "DataError", "fatal", "flagged", "fine"}
    bad = [result for result in results if result["outcome"] not in allowed]
    assert not bad, f"{len(bad)} of {len(results)}, the first: {bad[0]}\n{bad[0]['outcome']}"
    slowest = max(results, key=lambda result: result["s"])
    assert slowest["s"] <= 10, slowest
    largest = max(results, key=lambda result: result["peak_mb"])
    assert largest["peak_mb"] <= MOST_MB, largest
    return Counter(result["outcome"] for result in results)


def test_damaged_files_give_an_error_or_a_flag(tmp_path):
    found = judge(run(tmp_path, 0, 250, "any"))
    # the damage is seen where it can be, and where it cannot the rest is still read
    assert found["InputError"] > 25
    assert found["fatal"] + found["flagged"] > 25
    assert sum(found.values()) == 250


def test_damaged_histograms_give_an_error_or_are_read(tmp_path):
    found = judge(run(tmp_path, 0, 200, "histograms"))
    assert found["InputError"] > 40
    assert sum(found.values()) == 200


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sdt", "picoquant-histogram", "histogram-text"])
def test_two_thousand_damaged_histograms_of_each_kind(tmp_path, kind):
    found: Counter = Counter()
    for start in range(0, 2000, 500):
        folder = tmp_path / str(start)
        folder.mkdir()
        found += judge(run(folder, start, 500, kind))
    assert sum(found.values()) == 2000
    assert found["InputError"] + found["flagged"] > 200


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*FORMATS])
def test_two_thousand_damaged_files_of_each_format(tmp_path, kind):
    # loops that write beside an array are stopped; without the check they may go unseen
    checked = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path / "compiled")}
    found: Counter = Counter()
    for start in range(0, 2000, 500):
        folder = tmp_path / str(start)
        folder.mkdir()
        found += judge(run(folder, start, 500, kind, **checked))
    assert sum(found.values()) == 2000
    assert found["InputError"] + found["DataError"] + found["fatal"] + found["flagged"] > 200
