"""Guarded reading of input files: only regular files of an allowed size are opened."""

import os
import socket

import pytest

from qdmol.errors import InputError
from qdmol.files import open_input, read_input


def test_a_regular_file_is_read(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"abc")
    (tmp_path / "link").symlink_to(tmp_path / "a.txt")
    assert read_input(tmp_path / "link", largest=3) == b"abc"


def test_a_large_file_is_refused(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"abcd")
    with pytest.raises(InputError, match="has 4 bytes; at most 3 are allowed"):
        read_input(tmp_path / "a.txt", largest=3, field="spec")


def test_a_pipe_without_writer_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is not a regular file"), open_input(tmp_path / "pipe"):
        pass


def test_a_device_a_socket_and_a_folder_are_refused(tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        for path in ("/dev/zero", "/dev/stdin", tmp_path / "s", tmp_path):
            with pytest.raises(InputError, match=r"not a regular file|a folder, not a file"):
                read_input(path, largest=10)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing", "does not exist"), ("a\0b", "not a valid file name"), ("x" * 300, "too long for a file name")],
)
def test_names_that_are_no_files(tmp_path, name, reason):
    with pytest.raises(InputError, match=reason):
        read_input(f"{tmp_path}/{name}", largest=10)


def test_a_loop_of_links_is_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(InputError, match="loop of symbolic links"):
        read_input(tmp_path / "a", largest=10)
