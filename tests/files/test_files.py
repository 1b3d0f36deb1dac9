"""A file is the whole new one or the untouched old one, whatever fails."""

import os
import sys
from pathlib import Path

import pytest

from qdmol.errors import OutputError
from qdmol.files import atomic_path, make_folder, write_bytes_atomic, write_text_atomic


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_writes_and_leaves_nothing_else(tmp_path):
    target = tmp_path / "page.html"
    assert write_text_atomic(target, "ψ\n") == target
    assert target.read_bytes() == "ψ\n".encode()
    assert names(tmp_path) == ["page.html"]


def test_replaces_an_older_file(tmp_path):
    target = tmp_path / "page.html"
    target.write_text("old")
    write_text_atomic(target, "new")
    assert target.read_text() == "new"


def test_mode_follows_the_umask(tmp_path):
    if os.name == "nt":
        pytest.skip("modes are POSIX")
    old = os.umask(0o027)
    try:
        write_text_atomic(tmp_path / "page.html", "x")
    finally:
        os.umask(old)
    assert (tmp_path / "page.html").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("failure", [RuntimeError("stop"), KeyboardInterrupt()])
def test_interruption_keeps_the_old_file(tmp_path, failure):
    target = tmp_path / "page.html"
    target.write_text("old")

    def interrupted():
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise failure

    with pytest.raises(type(failure)):
        interrupted()
    assert target.read_text() == "old"
    assert names(tmp_path) == ["page.html"]


@pytest.mark.parametrize("step", ["fsync", "open", "write", "rename"])
def test_failing_step_keeps_the_old_file(tmp_path, monkeypatch, step):
    target = tmp_path / "page.html"
    target.write_text("old")

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    places = {"fsync": (os, "fsync"), "open": (os, "open"), "write": (Path, "write_bytes"), "rename": (Path, "replace")}
    monkeypatch.setattr(*places[step], fail)
    with pytest.raises(OutputError) as caught:
        write_text_atomic(target, "new")
    monkeypatch.undo()
    assert str(target) in str(caught.value)
    assert "No space left on device" in str(caught.value)
    assert caught.value.exit_code == 1
    assert target.read_text() == "old"
    assert names(tmp_path) == ["page.html"]


def test_missing_folder_is_named(tmp_path):
    target = tmp_path / "absent" / "page.html"
    with pytest.raises(OutputError, match="No such file or directory") as caught:
        write_text_atomic(target, "x")
    assert str(target) in str(caught.value)
    assert names(tmp_path) == []


def test_folder_that_is_a_file(tmp_path):
    (tmp_path / "plain").write_text("x")
    with pytest.raises(OutputError):
        write_text_atomic(tmp_path / "plain" / "page.html", "x")
    with pytest.raises(OutputError, match="plain"):
        make_folder(tmp_path / "plain" / "figures")


def test_target_that_is_a_folder(tmp_path):
    with pytest.raises(OutputError, match="folder"):
        write_text_atomic(tmp_path, "x")
    assert names(tmp_path) == []


def test_read_only_folder(tmp_path):
    target = tmp_path / "page.html"
    target.write_text("old")
    tmp_path.chmod(0o500)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("this user writes anywhere")
        with pytest.raises(OutputError, match="Permission denied"):
            write_text_atomic(target, "new")
        assert target.read_text() == "old"
    finally:
        tmp_path.chmod(0o700)


def test_unwritable_for_every_user():
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no such file system here")
    with pytest.raises(OutputError, match=r"/proc/page\.html"):
        write_text_atomic("/proc/page.html", "x")


def test_special_files_are_not_replaced():
    if not Path("/dev/null").is_char_device():
        pytest.skip("no such device here")
    with pytest.raises(OutputError, match="not a regular file"):
        write_bytes_atomic("/dev/null", b"x")
    assert Path("/dev/null").is_char_device()


def test_link_is_followed(tmp_path):
    real = tmp_path / "real.html"
    real.write_text("old")
    link = tmp_path / "link.html"
    link.symlink_to(real)
    write_text_atomic(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_make_folder_with_parents(tmp_path):
    assert make_folder(tmp_path / "a" / "b").is_dir()
    assert make_folder(tmp_path / "a" / "b").is_dir()


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path):
    left = [tmp_path / ".page.html.0123abcd.tmp", tmp_path / "..page.html.0123abcd.tmp.4567abcd.tmp"]
    kept = [tmp_path / ".other.html.0123abcd.tmp", tmp_path / ".page.html.tmp", tmp_path / "page.html.0123abcd.tmp"]
    for path in (*left, *kept):
        path.write_text("half")
    write_text_atomic(tmp_path / "page.html", "new")
    assert names(tmp_path) == sorted(["page.html", *(path.name for path in kept)])


def test_what_another_writer_is_writing_is_left_alone(tmp_path):
    target = tmp_path / "page.html"
    with atomic_path(target) as first:
        first.write_text("first")
        write_text_atomic(target, "second")
        assert first.read_text() == "first"
    assert target.read_text() == "first"
    assert names(tmp_path) == ["page.html"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")
def test_a_file_can_be_read_as_soon_as_it_has_its_name(tmp_path, monkeypatch):
    """HDF5 takes a shared lock to read a file; it must get one before the writer has closed the file."""
    import fcntl

    read = []

    def rename_and_read(temporary, target, rename=Path.replace):
        rename(temporary, target)
        with target.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            read.append(file.read())

    monkeypatch.setattr(Path, "replace", rename_and_read)
    write_bytes_atomic(tmp_path / "map.nc", b"levels")
    assert read == [b"levels"]
