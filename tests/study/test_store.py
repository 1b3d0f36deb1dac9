"""The store: whole records or none, keys, the hash of the source, time limits."""

import json
import os
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
from qdmol.files import atomic_path
from qdmol.jobs import Store, source_digest, store_folder
from qdmol.jobs.limits import TimeLimitError, time_limit
from qdmol.jobs.records import done, matches
from qdmol.jobs.store import PACKAGE, _checksum
from qdmol.materials import load_set
from qdmol.structure import read_spec, resolve
from qdmol.study.points import SOLVER_SOURCE, Point, point_key, solve_point


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


KEY = "0a" * 16


def test_what_killed_writers_left_is_dropped_and_what_others_write_is_not(tmp_path):
    """A writer that lives holds a lock on its temporary file; files of other names are left alone."""
    abandoned = tmp_path / f".{KEY}.json.00000000.tmp"
    abandoned.write_text("half")
    others = [tmp_path / ".notes.00000000.tmp", tmp_path / f"{KEY}.json.00000000.tmp", tmp_path / ".a.tmp"]
    for path in others:
        path.write_text("mine")
    with atomic_path(tmp_path / f"{KEY}.json") as temporary:
        Store(tmp_path).open()
        assert temporary.exists()
        assert not abandoned.exists()
        assert all(path.exists() for path in others)


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


# ---------------------------------------------------------------- what a part may hold


def set_at(record, path, value):
    """A copy of a record with the value at a path replaced, or removed where it is `...`."""
    changed = json.loads(json.dumps(record))
    place = changed
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return changed


@pytest.fixture(scope="module")
def solved():
    spec = sample(calculation={"electrons": 2, "holes": 1, "coulomb": "self-consistent", "tolerance": 5})
    return done(solve_point(Point(spec, resolve(spec))))


POINT = "qdmol.study.records:PointRecord"
ODD = [
    (["status"], value)
    for value in (..., None, "", "odd", "failed", 1, ["done"])
] + [
    (["summary"], value)
    for value in (..., None, [], "x", {}, 3)
] + [
    (["summary", "converged"], value)
    for value in (..., None, 1, "true", [])
] + [
    (["summary", "warnings"], value)
    for value in (..., None, "text", [1], {}, [None])
] + [
    (["summary", "splitting_meV"], value)
    for value in (..., "22", True, [1.0], {}, 10**400)
] + [
    (["summary", "splitting_error_meV"], -1.0),
    (["summary", "new_number_meV"], "22"),
    (["summary", "coulomb"], []),
    (["summary", "coulomb"], {}),
    (["summary", "coulomb", "exciton_eV"], "0.3"),
    (["summary", "coulomb", "exciton_eV"], None),
    (["summary", "coulomb", "hole_dot"], -1),
    (["summary", "coulomb", "hole_dot"], 0.5),
    (["summary", "electron"], None),
    (["summary", "electron", "energy_eV"], [0.1]),
    (["summary", "electron", "energy_eV", 0], "0.1"),
    (["summary", "monomer_gaps_eV"], None),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value"), ODD, ids=str)
def test_odd_content_under_a_valid_checksum_is_taken_for_absent(tmp_path, solved, path, value):
    store = Store(tmp_path)
    store.write(KEY, set_at(solved, path, value))
    assert store.read(KEY, POINT) is None
    store.write(KEY, solved)
    assert store.read(KEY, POINT) == solved


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_not_finite_are_taken_for_absent(tmp_path, solved, number):
    body = json.dumps(set_at(solved, ["summary", "gap_eV"], "here")).replace('"here"', number).encode()
    store = Store(tmp_path)
    (tmp_path / f"{KEY}.json").write_bytes(_checksum(KEY, body) + b"\n" + body)
    assert store.read(KEY) is None
    extra = json.dumps({**solved, "more": ["here"]}).replace('"here"', number).encode()
    (tmp_path / f"{KEY}.json").write_bytes(_checksum(KEY, extra) + b"\n" + extra)
    assert store.read(KEY, POINT) is None


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"1", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 500 + b"1" + b"}" * 500]
)
def test_a_body_that_is_no_record_is_taken_for_absent(tmp_path, body):
    (tmp_path / f"{KEY}.json").write_bytes(_checksum(KEY, body) + b"\n" + body)
    assert Store(tmp_path).read(KEY) is None


def test_a_part_copied_to_another_key_is_taken_for_absent(tmp_path, solved):
    store, other = Store(tmp_path), "0b" * 16
    store.write(KEY, solved)
    shutil.copy(tmp_path / f"{KEY}.json", tmp_path / f"{other}.json")
    assert store.read(KEY, POINT) == solved
    assert store.read(other, POINT) is None


@pytest.mark.skipif(os.name != "posix", reason="pipes")
def test_a_pipe_or_a_folder_in_place_of_a_part_is_taken_for_absent(tmp_path):
    os.mkfifo(tmp_path / f"{KEY}.json")
    (tmp_path / "folder.json").mkdir()
    assert Store(tmp_path).read(KEY) is None
    assert Store(tmp_path).read("folder") is None


def test_a_spoiled_part_is_computed_again(tmp_path):
    axes, output = {"barrier": [1.0, 1.4]}, tmp_path / "m.nc"
    qdmol.map(sample(), axes=axes, output=output)
    whole = output.read_bytes()
    first, second = sorted((tmp_path / "m.nc.parts").iterdir())
    shutil.copy(first, second)
    record = json.loads(first.read_bytes().partition(b"\n")[2])
    Store(first.parent).write(first.stem, set_at(record, ["summary", "splitting_meV"], "odd"))
    assert qdmol.map(sample(), axes=axes, output=output).converged
    assert output.read_bytes() == whole


LIT = {
    "status": "done",
    "light": {
        "band_gap": 1.7, "dots": 1, "directions": {"across": 2, "along": 1},
        "binding": 0.1, "numerical": 1e-4, "index": 1.5, "local_field": True, "notes": [],
        "spacing": {"electron": 0.1, "hole": 0.05},
        "edge": [
            {"orbitals": 4, "energy": [0.3], "numbers": [[0, 1]], "degeneracy": [1.0],
             "moment": [[[1.0, 1.0]]], "bare": [[1.0]], "place": [[1.0]], "contact": [None]}
        ],
        "pairs": {"energy": [0.3], "moment": [[[1.0, 1.0]]], "complete": 1.0, "box": None, "wall": 2.0, "error": 0.0},
        "regions": [
            {"material": "CdSe", "volume": [10.0], "gap": 0.0, "mass": 0.1, "moment": [[1.0, 1.0]],
             "intensity": [1.0, 1.0], "absorption": None, "index": 2.5}
        ],
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["light"], None), (["light"], {}), (["light", "dots"], 2), (["light", "dots"], 0), (["light", "edge"], []),
        (["light", "edge", 0, "energy"], [0.3, 0.4]), (["light", "edge", 0, "moment"], [[1.0, 1.0]]),
        (["light", "edge", 0, "moment", 0, 0], [1.0]), (["light", "edge", 0, "numbers"], [["0"]]),
        (["light", "pairs", "energy"], []), (["light", "regions", 0, "volume"], [1.0, 2.0]),
        (["light", "regions", 0, "mass"], 0.0), (["light", "spacing"], {"electron": 0.1}), (["light", "more"], 1),
    ],
    ids=str,
)  # fmt: skip
def test_odd_light_is_taken_for_absent(path, value):
    model = "qdmol.prediction.records:LightRecord"
    assert matches(LIT, model)
    assert not matches(set_at(LIT, path, value), model)


# ---------------------------------------------------------------- keys


def key(spec, *, source=("units.py",)):
    return point_key(spec, resolve(spec), source=source)


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
    keys, material_set = [], tmp_path / "mine.yaml"
    for second, text in enumerate((original, original.replace("value: 0.21", "value: 0.22", 1))):
        assert text != original or not keys
        material_set.write_text(text, encoding="utf-8")
        os.utime(material_set, (second, second))  # the file's time is what tells a changed set from a read one
        keys.append(key(read_spec(path)))
    assert keys[0] != keys[1]


def test_the_code_changes_the_key():
    assert key(sample(), source=("errors.py",)) != key(sample())


def test_the_named_sources_exist():
    assert [name for name in SOLVER_SOURCE if not (PACKAGE / name).exists()] == []


@pytest.mark.parametrize(
    ("file", "same"),
    [("states/solving.py", False), ("fem/geometry_axial.py", False), ("study/job.py", False), ("plot/style.py", True)],
)
def test_the_solvers_source_changes_the_hash_and_drawing_does_not(tmp_path, file, same):
    copy = tmp_path / "qdmol"
    shutil.copytree(Path(qdmol.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from qdmol.jobs import source_digest\n"
        "from qdmol.study import SOLVER_SOURCE\n"
        "print(source_digest(SOLVER_SOURCE))"
    )

    def digest():
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    assert digest() == source_digest(SOLVER_SOURCE)
    with (copy / file).open("a", encoding="utf-8") as source:
        source.write("# another line\n")
    assert (digest() == source_digest(SOLVER_SOURCE)) is same


# ---------------------------------------------------------------- time limits

HANGS = 120  # seconds after which what should have ended long ago hangs, on any machine


def test_a_loop_in_python_is_interrupted():
    given_up = threading.Event()  # so that a limit that does nothing fails the test instead of stopping it for ever
    watchdog = threading.Timer(HANGS, given_up.set)
    watchdog.start()

    def loop():
        while not given_up.is_set():
            sum(range(100))

    try:
        with pytest.raises(TimeLimitError), time_limit(0.2):
            loop()
    finally:
        watchdog.cancel()


def test_what_ends_in_time_is_left_alone():
    with time_limit(10 * HANGS):
        pass
    with time_limit(None):
        pass
    timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    for timer in timers:
        timer.join(timeout=HANGS)  # far less than what is left of its time
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
        "import ctypes; from qdmol.jobs import limits; limits.GRACE = 0.5\n"
        "with limits.time_limit(0.2, end_process=True):\n"
        "    ctypes.PyDLL(None).sleep(1000)"  # holds the interpreter's lock all the while
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=HANGS, check=False)
    assert done.returncode != 0
