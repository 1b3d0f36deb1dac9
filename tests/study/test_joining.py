"""Addresses of schedulers: wrong ones, servers of another kind, schedulers without workers. All end in one sentence."""

import json

import pytest
from tests.study.map_samples import run, sample, written
from tests.study.servers import hand_started, server

import qdmol
from qdmol.errors import InputError
from qdmol.jobs import joining


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(joining, "CONNECT", 1.0)
    monkeypatch.setattr(joining, "FIRST_WORKER", 0.5)


@pytest.mark.parametrize(
    "address",
    ["", "nonsense", "localhost", "tcp://", "tcp://localhost", "tcp://localhost:", "tcp://localhost:0",
     "tcp://localhost:99999", "tcp://localhost:8786/path", "http://localhost:8787", "file:///etc/hosts",
     "tcp://a b:1", "tcp://user@host:1", "tcp://host:1\n", "tcp://h\x1b[31m:1"],
)  # fmt: skip
def test_a_text_that_is_no_address(address):
    with pytest.raises(InputError, match="must be the address of a running dask scheduler") as caught:
        joining.refuse_silent(address)
    assert caught.value.field == "scheduler"


def test_nothing_listens():
    with server() as address:
        pass
    with pytest.raises(InputError, match="no scheduler answers"):
        joining.refuse_silent(address)


def test_a_name_that_leads_nowhere():
    with pytest.raises(InputError, match="no scheduler answers"):
        joining.refuse_silent("tcp://nowhere.invalid:8786")


@pytest.mark.parametrize("greeting", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(100)])
def test_a_server_of_another_kind(greeting):
    with server(greeting) as address, pytest.raises(InputError, match="no scheduler answers") as caught:
        joining.refuse_silent(address)
    assert str(caught.value).count("\n") == 0


def test_tls_without_certificates():
    with server() as address, pytest.raises(InputError, match="certificates"):
        joining.refuse_silent(address.replace("tcp:", "tls:"))


def test_a_scheduler_without_workers(tmp_path):
    with hand_started(tmp_path, workers=0) as (address, _), pytest.raises(InputError, match="has no workers"):
        qdmol.map(sample(), axes={"barrier": [1.0, 1.2]}, output=tmp_path / "m.nc", scheduler=address)
    assert not (tmp_path / "m.nc").exists()


def test_the_command_says_it_in_one_sentence(tmp_path):
    arguments = ["map", written(tmp_path), "--axis", "barrier=1.0,1.2", "-o", tmp_path / "m.nc", "--json"]
    done = run(*arguments, "--scheduler", "nonsense")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["field"] == "scheduler"
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "m.nc").exists()
