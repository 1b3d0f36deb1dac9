"""A disk that is full: one sentence and status 1, never a crash of the HDF5 library, and an older file is kept."""

import os
import subprocess
from pathlib import Path

import pytest
from tests.study.map_samples import run, written


@pytest.fixture
def small_disk(tmp_path):
    """A function that makes a file system of that many kB."""
    made = []

    def make(kilobytes: int) -> Path:
        folder = tmp_path / f"disk{len(made)}"
        folder.mkdir()
        options = f"size={kilobytes}k"
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], capture_output=True, check=False)
        if done.returncode:
            pytest.skip("no file system can be mounted here")
        made.append(folder)
        return folder

    yield make
    for folder in made:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="mounts")
@pytest.mark.parametrize("kilobytes", [4, 8, 16, 24, 32, 44, 60])
def test_a_map_on_a_full_disk(tmp_path, small_disk, kilobytes):
    disk = small_disk(kilobytes)
    spec = written(tmp_path)
    done = run("map", spec, "--axis", "barrier=1:2:3", "-o", disk / "m.nc", "--workers", 0, "--json")
    assert done.returncode in {0, 1, 2}, done.stderr
    if done.returncode:
        assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "wrong inside" not in done.stderr
    assert not list(disk.glob(".*.tmp"))


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="mounts")
def test_a_report_on_a_full_disk(tmp_path, small_disk):
    disk = small_disk(60)
    (disk / "s.html").write_text("old")
    done = run("run", written(tmp_path), "-o", disk / "s.html", "--json")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert (disk / "s.html").read_text() == "old"
    assert [path.name for path in disk.iterdir()] == ["s.html"]
