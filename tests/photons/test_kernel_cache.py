"""Compiled loops on disk: only in the user's own folder, and only if whole."""

import os
import pickle
import stat
import sys

import numpy as np
import pytest
from numba.core import config

from qdmol.photons import kernel_cache
from qdmol.photons.compiling import compiled

posix = pytest.mark.skipif(os.name != "posix", reason="no owners and modes there")


def total(values):
    result = 0
    for value in values:
        result += value
    return result


def run():
    """Compile or load, use, and say whether it was loaded."""
    kernel = compiled(total)
    assert kernel(np.arange(5)) == 10
    return bool(kernel._cache_hits)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "qdmol"


def test_the_second_run_loads(folder):
    assert not run()
    assert run()


@posix
def test_only_the_owner_may_enter(folder):
    old = os.umask(0)
    try:
        run()
    finally:
        os.umask(old)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


class Marks:
    """Unpickling this runs code."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return (os.mkdir, (self.place,))


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "zeros", "planted", "folder"])
def test_a_damaged_file_counts_as_absent(folder, tmp_path, damage):
    run()
    (path,) = folder.iterdir()
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    path.unlink()
    if damage == "folder":
        path.mkdir()
    else:
        damaged = {
            "empty": b"",
            "cut": content[: len(content) // 3],
            "flipped": bytes(flipped),
            "zeros": bytes(len(content)),
            "planted": content[:32] + pickle.dumps(Marks(str(tmp_path / "ran"))),
        }
        path.write_bytes(damaged[damage])
    assert not run()
    assert not (tmp_path / "ran").exists()
    # and is written anew where that can be
    assert run() == (damage != "folder")


def test_an_entry_of_another_version_counts_as_absent(folder, monkeypatch):
    run()
    monkeypatch.setattr(kernel_cache._RESULTS, "rebuild", lambda *_: pickle.loads(b"cno.such\nmodule\n."))
    assert not run()


@posix
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777, 0o702])
@pytest.mark.parametrize("inner", [False, True])
def test_a_folder_that_others_may_write_to_is_not_used(folder, mode, inner):
    folder.mkdir(parents=True)
    (folder if inner else folder.parent).chmod(mode)
    assert not run()
    assert not run()
    assert not list(folder.iterdir())


@posix
def test_a_folder_of_another_user_is_not_used(folder, monkeypatch):
    folder.mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    assert kernel_cache.cache_folder() is None
    assert not run()
    assert not list(folder.iterdir())


@posix
def test_a_folder_behind_a_link_is_not_used(folder, tmp_path):
    folder.parent.mkdir()
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    assert not run()
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("place", ["file", "file/below", "null"])
def test_without_a_folder_every_run_compiles(tmp_path, monkeypatch, place):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / place) if place != "null" else "a\0b")
    assert not run()
    assert not run()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a device that is always full is needed")
def test_a_full_disk_does_not_matter(folder, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    assert not run()
    assert not run()


def test_without_a_named_folder_it_is_the_users(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(kernel_cache.platformdirs, "user_cache_path", lambda name: tmp_path / name)
    assert kernel_cache.cache_folder() == tmp_path / "qdmol" / "kernels"
