"""Files written by others: a mapping comes out or one sentence."""

import math
import os
import time
from datetime import date

import numpy as np
import pytest
from hypothesis import given, strategies as st
from tests.materials.hostile import HOSTILE, HOSTILE_JSON

from qdmol.errors import InputError
from qdmol.materials.documents import plain_mapping, read_document
from qdmol.structure import read_spec


def refused(path, allowed):
    started = time.process_time()  # work, which other processes of the machine do not change
    with pytest.raises(InputError) as caught:
        read_spec(path)
    assert time.process_time() - started < 10
    error = caught.value
    assert error.message.endswith(".")
    assert error.message.isprintable()
    assert len(error.message) < 600
    if allowed is not None:
        assert allowed in error.allowed or allowed in error.message


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_yaml(name, tmp_path):
    content, allowed = HOSTILE[name]
    path = tmp_path / "spec.yaml"
    path.write_bytes(content)
    refused(path, allowed)


@pytest.mark.parametrize("name", HOSTILE_JSON)
def test_hostile_json(name, tmp_path):
    content, allowed = HOSTILE_JSON[name]
    path = tmp_path / "spec.json"
    path.write_bytes(content)
    refused(path, allowed)


def test_what_is_no_file(tmp_path):
    refused(tmp_path, "a readable regular file")
    refused(tmp_path / "absent.yaml", "a readable regular file")
    refused(tmp_path / ("x" * 5000), "a readable regular file")
    refused(str(tmp_path) + "/a\0b", "a readable regular file")
    refused("/dev/zero", "a readable regular file")
    (tmp_path / "loop").symlink_to("loop")
    refused(tmp_path / "loop", "a readable regular file")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        refused(tmp_path / "pipe", "a readable regular file")  # and does not wait for a writer


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "secret.yaml"
    path.write_text("qdmol: 1")
    path.chmod(0)
    refused(path, "a readable regular file")


def test_sensible_aliases_and_line_breaks_are_read(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: &x {b: 1e-3}\r\nc: [*x, *x]\r\nd: |\r\n  two\r\n  lines\r\n")
    assert read_document(path, field="spec") == {
        "a": {"b": 0.001},
        "c": [{"b": 0.001}, {"b": 0.001}],
        "d": "two\nlines\n",
    }


def test_yaml_1_2_has_no_norway_problem(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: no\nb: on\nc: 1e3\nd: 012\ne: 1:30\n")
    assert read_document(path, field="spec") == {"a": "no", "b": "on", "c": 1000.0, "d": 12, "e": "1:30"}


def test_plain_values():
    data = {"a": np.float64(1.5), "b": np.arange(2), "c": (1, None, True), "d": 10**400}
    plain = plain_mapping(data)
    assert plain == {"a": 1.5, "b": [0, 1], "c": [1, None, True], "d": 10**400}
    assert type(plain["a"]) is float
    assert math.isinf(plain_mapping({"a": float("inf")})["a"])


@pytest.mark.parametrize("value", [date(2000, 1, 1), b"x", 1j, {1, 2}, object(), {1: 2}, {None: 1}, {("a",): 1}])
def test_values_that_are_not_plain(value):
    with pytest.raises(InputError):
        plain_mapping({"a": value})


def test_mappings_that_hold_themselves():
    endless = {}
    endless["a"] = endless
    with pytest.raises(InputError, match="nested at most"):
        plain_mapping(endless)
    wide = [0] * 1000
    with pytest.raises(InputError, match="values"):
        plain_mapping({"a": [wide] * 1000})


@given(st.binary(max_size=200))
def test_arbitrary_bytes(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "arbitrary.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_spec(path)


@given(st.text(alphabet="ab:-[]{}&*!<>?|#'\"%@`,.0 1\n\te~", max_size=60))
def test_arbitrary_yaml(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "arbitrary.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError):
        read_spec(path)
