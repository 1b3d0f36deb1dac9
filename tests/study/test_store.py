"""The store: whole records or none, keys, the hash of the source, time limits."""

import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tests.study.map_samples import mapping, sample

import qdmol
from qdmol.errors import OutputError
from qdmol.materials import load_set
from qdmol.structure import read_spec, resolve
from qdmol.study import store as store_module
from qdmol.study.limits import TimeLimitError, time_limit
from qdmol.study.plan import spec_key
from qdmol.study.store import Store, code_digest, store_folder


def test_a_record_comes_back(tmp_path):
    store = Store(tmp_path / "parts")
    store.open()
    record = {"status": "done", "summary": {"splitting_meV": 0.1 + 0.2}}
    store.write("k", record)
    assert store.read("k") == record
    assert store.read("other") is None


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-3], lambda b: b"", lambda b: b.replace(b"1", b"2"), lambda b: b + b" "]
)
def test_a_damaged_record_is_taken_for_absent(tmp_path, damage):
    store = Store(tmp_path)
    store.write("k", {"status": "done", "n": 1})
    (path,) = tmp_path.glob("*.json")
    path.write_bytes(damage(path.read_bytes()))
    assert store.read("k") is None


def test_what_killed_writers_left_is_dropped_after_a_while(tmp_path, monkeypatch):
    (tmp_path / ".k.aa.tmp").write_text("half")
    Store(tmp_path).open()
    assert (tmp_path / ".k.aa.tmp").exists()
    monkeypatch.setattr(store_module, "ABANDONED", -1.0)
    Store(tmp_path).open()
    assert not (tmp_path / ".k.aa.tmp").exists()


def test_a_store_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        Store(tmp_path / "file").write("k", {})


def test_the_folder_is_beside_the_file_or_shared(tmp_path, monkeypatch):
    monkeypatch.delenv("QDMOL_STORE", raising=False)
    assert store_folder(tmp_path / "a.nc") == tmp_path / "a.nc.parts"
    assert store_folder(None) is None
    monkeypatch.setenv("QDMOL_STORE", str(tmp_path / "shared"))
    assert store_folder(tmp_path / "a.nc") == tmp_path / "shared"
    assert store_folder(None) == tmp_path / "shared"


# ---------------------------------------------------------------- keys


def key(spec, *, code="c"):
    return spec_key(spec, resolve(spec), code=code)


CHANGES = [
    ("molecule.spacing", 5.3),
    ("molecule.dots[1].core.radius", 1.5),
    ("molecule.dots[*].shells[0].thickness", 2.2),
    ("molecule.neck", {"filled": 4.5}),
    ("environment.temperature", 77),
    ("environment.field[2]", 10),
    ("calculation.electrons", 3),
    ("calculation.holes", 1),
    ("calculation.tolerance", 0.2),
    ("overrides.CdS.conduction_offset", 0.11),
    ("overrides.CdSe.hole_mass", 0.5),
    ("overrides.medium.permittivity", 9),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change[0])
def test_any_value_of_the_spec_changes_the_key(change):
    assert key(qdmol.structure.update_spec(sample(), *change)) != key(sample())


def test_the_name_does_not_change_the_key():
    assert key(sample(name="another")) == key(sample())


def test_a_value_of_the_material_set_changes_the_key(tmp_path):
    """Under the same name and at the same place."""
    original = load_set("cdse-cds-single-band").path.read_text(encoding="utf-8")
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(mapping(materials="mine")), encoding="utf-8")
    keys = []
    for text in (original, original.replace("value: 0.21", "value: 0.22", 1)):
        assert text != original or not keys
        (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
        keys.append(key(read_spec(path)))
        time.sleep(0.01)  # the file's time is what tells a changed set from a read one
    assert keys[0] != keys[1]


def test_the_code_changes_the_key():
    assert key(sample(), code="d") != key(sample())


@pytest.mark.parametrize(
    ("file", "same"),
    [("states/solving.py", False), ("mesh/axial.py", False), ("study/job.py", False), ("report/style.py", True)],
)
def test_the_solvers_source_changes_the_hash_and_drawing_does_not(tmp_path, file, same):
    copy = tmp_path / "qdmol"
    shutil.copytree(Path(qdmol.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from qdmol.study.store import code_digest as d; print(d())"
    )

    def digest():
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    assert digest() == code_digest()
    with (copy / file).open("a", encoding="utf-8") as source:
        source.write("# another line\n")
    assert (digest() == code_digest()) is same


# ---------------------------------------------------------------- time limits


def test_a_loop_in_python_is_interrupted():
    started = time.monotonic()

    def never_ends():
        while True:
            sum(range(100))

    with pytest.raises(TimeLimitError), time_limit(0.2):
        never_ends()
    assert time.monotonic() - started < 5


def test_what_ends_in_time_is_left_alone():
    with time_limit(30):
        pass
    with time_limit(None):
        pass
    timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    for timer in timers:
        timer.join(timeout=5)  # far less than what is left of its time
    assert not any(timer.is_alive() for timer in timers)


def test_no_interrupt_arrives_after_the_block():
    for _ in range(200):
        try:
            with time_limit(0.001):
                time.sleep(0.001)
        except TimeLimitError:
            continue
        sum(range(1000))  # would be hit here


def test_compiled_code_that_does_not_return_ends_the_process():
    code = (
        "import ctypes; from qdmol.study import limits; limits.GRACE = 0.5\n"
        "with limits.time_limit(0.2, end_process=True):\n"
        "    ctypes.PyDLL(None).sleep(60)"  # holds the interpreter's lock all the while
    )
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=50, check=False)
    assert done.returncode != 0
    assert time.monotonic() - started < 30
