"""Memory does not grow with the file."""

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from tests.photons import generators as make

from qdmol.photons import read_photons

ROOT = Path(__file__).parents[2]


def write_large(path: Path, kind: int, *, repeats: int, photons: int = 1 << 18) -> int:
    """Write the same stretch of photons `repeats` times, each an overflow later; return how many photons there are."""
    rng = np.random.default_rng(kind)
    t2 = kind in make.T2_KINDS
    options = {"rate_hz": 1e6, "duration_s": photons / 1e6}
    stream = make.poisson_stream(rng, **options) if t2 else make.pulsed_stream(rng, **options)
    overflow = np.array([0xFE000001], dtype=np.uint32)
    block = np.concatenate([make.encode(stream.load(), kind), overflow])
    entries = make.ptu_entries(kind, len(block) * repeats, tick_ps=stream.tick_ps, sync_period_ps=stream.sync_period_ps)
    with path.open("wb") as file:
        file.write(make.ptu_bytes(block, entries))
        for _ in range(repeats - 1):
            file.write(block.tobytes())
    return len(stream.load()) * repeats


def peak_mb(path: Path, expected: int) -> float:
    """Go through a file and return the most memory its arrays took."""
    stream = read_photons(path)
    next(stream.source.source.chunks(10))  # the compiler's own memory is not meant
    tracemalloc.start()
    try:
        assert sum(len(part) for part in stream.chunks(100_000)) == expected
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [make.HYDRAHARP_T2, make.HYDRAHARP_T3])
def test_memory_does_not_grow_with_the_file(tmp_path, kind):
    """16 MB against 48 MB here; 2 GB in the slow test below."""
    peaks = []
    for repeats in (12, 36):
        path = tmp_path / f"{repeats}.ptu"
        peaks.append(peak_mb(path, write_large(path, kind, repeats=repeats)))
        path.unlink()
    assert peaks[1] < 1.1 * peaks[0] < 110


GO_THROUGH = """
import sys
from qdmol.photons import read_photons
from tests.memory import peak_memory
n = sum(len(part) for part in read_photons(sys.argv[1]).chunks())
sys.stdout.write(f"{n} {peak_memory() >> 20}")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no measure of the memory of a process there")
@pytest.mark.parametrize("kind", [make.HYDRAHARP_T2, make.HYDRAHARP_T3])
def test_two_gigabytes_are_read_in_bounded_memory(tmp_path, kind):
    path = tmp_path / "large.ptu"
    expected = write_large(path, kind, repeats=1900)
    assert path.stat().st_size > 1.99e9
    try:
        done = subprocess.run(
            [sys.executable, "-c", GO_THROUGH, str(path)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])},
            capture_output=True,
            text=True,
            check=True,
            timeout=600,
        )
    finally:
        path.unlink()
    photons, peak = (int(word) for word in done.stdout.split())
    assert photons == expected
    assert peak < 500
