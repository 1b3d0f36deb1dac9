"""HDF5 files that reach outside themselves, unpack to gigabytes, contradict themselves or are in use."""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from tests.memory import peak_memory
from tests.photons.writers import write_hdf5

from qdmol.errors import DataError, InputError
from qdmol.photons import Provenance, Records, assess_quality, read_photons, write_photon_hdf5
from qdmol.photons.photon_hdf5 import read_photon_hdf5
from qdmol.photons.stream import PhotonStream

CASES = Path(__file__).parent / "cases"
PHOTONS = 2000


@pytest.fixture
def path(tmp_path):
    return write_hdf5(tmp_path / "a.h5", np.arange(PHOTONS) * 50, np.arange(PHOTONS) % 2, unit_s=1e-9)


def refusal(path, kind=InputError):
    with pytest.raises(kind) as caught:
        read_photons(path).load()
    said = str(caught.value)
    assert said.endswith(".")
    assert said.isprintable()
    return said


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("short_detectors.h5", InputError, "/photon_data/detectors has 10 entries, but 5000 are expected"),
        ("ext_passwd.h5", InputError, "takes its data from another file, which is not read"),
        ("ext_huge1.h5", InputError, "takes its data from another file, which is not read"),
        ("tcspc_1.0.h5", DataError, "a tick of 1e+12 ps, longer than its sync period of 50000 ps"),
        ("tcspc_1e+300.h5", DataError, "a tick of inf ps"),
        ("recursion.h5", InputError, "nested deeper than 20 levels"),
        ("bomb_text.h5", InputError, "a text of 1.43e+03 MB; at most 1 MB are read"),
        ("name_esc.h5", InputError, "it has no /photon_data."),
    ],
)
def test_each_case_is_refused_in_a_sentence(name, kind, said):
    before = peak_memory()
    assert said in refusal(CASES / name, kind)
    assert peak_memory() - before < 100 << 20


@pytest.mark.parametrize("array", ["timestamps", "detectors", "nanotimes"])
@pytest.mark.parametrize("length", [0, 1, PHOTONS - 1, PHOTONS + 1])
def test_arrays_of_different_lengths(path, array, length):
    with h5py.File(path, "a") as file:
        file["photon_data/nanotimes"] = np.zeros(PHOTONS, dtype=np.uint16)
        file["photon_data/nanotimes_specs/tcspc_unit"] = 1e-11
        del file[f"photon_data/{array}"]
        file[f"photon_data/{array}"] = np.zeros(length, dtype=np.int64)
    assert "are expected" in refusal(path)


def test_markers_without_their_times(path):
    with h5py.File(path, "a") as file:
        file["user/qdmol/markers"] = np.ones(5, dtype=np.uint8)
    assert "/user/qdmol/markers has 5 entries, but 0 are expected" in refusal(path)


PLACES = (
    *("photon_data", "photon_data/timestamps", "photon_data/detectors", "photon_data/timestamps_specs"),
    *("photon_data/timestamps_specs/timestamps_unit", "description", "user/qdmol/stream"),
    "photon_data/measurement_specs/detectors_specs/non_photon_id1",
)


@pytest.mark.parametrize("name", PLACES)
def test_a_link_to_another_file_is_not_followed(path, tmp_path, name):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = np.arange(PHOTONS)
    with h5py.File(path, "a") as file:
        if name in file:
            del file[name]
        file[name] = h5py.ExternalLink("other.h5", "/secret")
    assert "is a link to another file, which is not followed" in refusal(path)


def test_a_link_to_another_file_behind_a_link(path, tmp_path):
    write_hdf5(tmp_path / "other.h5", [1], [0])
    with h5py.File(path, "a") as file:
        del file["photon_data/detectors"]
        file["away"] = h5py.ExternalLink("other.h5", "/")
        file["photon_data/detectors"] = h5py.SoftLink("/away/photon_data/detectors")
    assert "link to another file" in refusal(path)


@pytest.mark.parametrize("target", ["/photon_data/detectors", "detectors", "/loop", "/photon_data/./detectors"])
def test_a_loop_of_links(path, target):
    with h5py.File(path, "a") as file:
        del file["photon_data/detectors"]
        file["loop"] = h5py.SoftLink("/photon_data/detectors")
        file["photon_data/detectors"] = h5py.SoftLink(target)
    assert "loop of links" in refusal(path)


def test_links_within_the_file_are_followed(path):
    with h5py.File(path, "a") as file:
        file["elsewhere/numbers"] = file["photon_data/detectors"]
        del file["photon_data/detectors"]
        file["alias"] = h5py.SoftLink("/elsewhere")
        file["photon_data/detectors"] = h5py.SoftLink("/alias/numbers")
    assert read_photons(path).load().channels[:3].tolist() == [0, 1, 0]


@pytest.mark.parametrize("name", ["photon_data/timestamps", "photon_data/detectors"])
def test_virtual_storage(path, tmp_path, name):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = np.arange(PHOTONS)
    with h5py.File(path, "a") as file:
        del file[name]
        layout = h5py.VirtualLayout(shape=(PHOTONS,), dtype="i8")
        layout[:] = h5py.VirtualSource("other.h5", "secret", shape=(PHOTONS,))
        file.create_virtual_dataset(name, layout)
    assert "takes its data from another file" in refusal(path)


@pytest.mark.parametrize("name", ["photon_data/timestamps", "description", "acquisition_duration"])
def test_external_storage(path, tmp_path, name):
    (tmp_path / "secret").write_bytes(bytes(8 * PHOTONS))
    with h5py.File(path, "a") as file:
        if name in file:
            del file[name]
        count = PHOTONS if "times" in name else 1
        kind = "S8" if name == "description" else "i8"
        file.create_dataset(name, (count,), kind, external=[(str(tmp_path / "secret"), 0, 8 * count)])
    assert "takes its data from another file" in refusal(path)


def test_a_filter_that_needs_a_plugin(path):
    with h5py.File(path, "a") as file:
        del file["photon_data/detectors"]
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        layout.set_chunk((PHOTONS,))
        layout.set_filter(32_001, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((PHOTONS,))
        h5py.h5d.create(file["photon_data"].id, b"detectors", h5py.h5t.NATIVE_UINT8, space, layout)
    assert "compressed with filter 32001, which needs a plug-in" in refusal(path)


@pytest.mark.parametrize(
    "packing", [{"compression": "gzip"}, {"compression": "lzf"}, {"shuffle": True}, {"fletcher32": True}]
)
def test_the_filters_of_the_library_are_read(path, packing):
    with h5py.File(path, "a") as file:
        numbers = file["photon_data/detectors"][()]
        del file["photon_data/detectors"]
        file.create_dataset("photon_data/detectors", data=numbers, **packing)
    assert len(read_photons(path).load()) == PHOTONS


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        (
            "photon_data/detectors",
            {"shape": (PHOTONS,), "dtype": "u1", "chunks": (1 << 28,)},
            "chunks of 256 MB; at most 64 MB",
        ),
        (
            "acquisition_duration",
            {"shape": (1,), "dtype": "f8", "chunks": (1 << 25,)},
            "chunks of 256 MB; at most 1 MB",
        ),
        ("description", {"shape": (1,), "dtype": "S2000000"}, "a text of 1.91 MB; at most 1 MB"),
        ("description", {"shape": (1,), "dtype": "S9", "chunks": (1 << 25,)}, "chunks of 288 MB; at most 1 MB"),
        ("user/qdmol/stream", {"shape": (1,), "dtype": "S2000000"}, "a text of 1.91 MB"),
        (
            PLACES[-1],
            {"shape": (1 << 28,), "dtype": "i4", "chunks": (1 << 20,)},
            "268435456 entries; at most 256 are read",
        ),
        (PLACES[-1], {"shape": (9,), "dtype": "i4", "chunks": (1 << 26,)}, "chunks of 256 MB; at most 1 MB"),
    ],
)
def test_what_would_unpack_to_gigabytes(path, name, options, said):
    with h5py.File(path, "a") as file:
        if name in file:
            del file[name]
        shape = options["shape"]
        extra = {"maxshape": (None,), "compression": "gzip"} if "chunks" in options else {}
        file.create_dataset(name, **options, **extra)
        if shape == (PHOTONS,):
            file[name].resize((PHOTONS,))
    before = peak_memory()
    assert said in refusal(path)
    assert peak_memory() - before < 100 << 20


def test_a_text_whose_place_states_gigabytes(path):
    with h5py.File(path, "a") as file:
        if "description" in file:
            del file["description"]
        file["description"] = "a short text of variable length"
        place = file["description"].id.get_offset()
    assert read_photons(path).provenance.comment == "a short text of variable length"
    raw = bytearray(path.read_bytes())
    raw[place : place + 4] = (2**32 - 1).to_bytes(4, "little")
    path.write_bytes(raw)
    before = peak_memory()
    assert "a text of 4.1e+03 MB; at most 1 MB are read" in refusal(path)
    assert peak_memory() - before < 100 << 20


def test_a_user_block_is_no_harm(path, tmp_path):
    with h5py.File(path) as file, h5py.File(tmp_path / "b.h5", "w", userblock_size=512) as copy:
        for name in file:
            file.copy(name, copy)
        if "description" in copy:
            del copy["description"]
        copy["description"] = "of variable length"
    stream = read_photon_hdf5(tmp_path / "b.h5")
    assert stream.provenance.comment == "of variable length"
    assert len(stream.load()) == PHOTONS


def test_more_sync_pulses_than_photons_come_in_parts(path):
    with h5py.File(path, "a") as file:
        file.create_dataset("user/qdmol/sync_times", data=np.arange(40 * PHOTONS), compression="gzip")
        file["user/qdmol/marker_times"] = np.arange(0, 50 * PHOTONS, 7)
        file["user/qdmol/markers"] = np.ones(len(range(0, 50 * PHOTONS, 7)), dtype=np.uint8)
    stream = read_photons(path)
    parts = list(stream.source.source.chunks(500))
    assert max(len(part.sync_times) for part in parts) <= 500
    assert max(len(part.marker_times) for part in parts) <= 500
    last = -1
    for part in parts:
        for times in (part.times, part.sync_times, part.marker_times):
            assert not len(times) or times[0] >= last
        last = max([last, *(int(t[-1]) for t in (part.times, part.sync_times, part.marker_times) if len(t))])
    whole = stream.load()
    np.testing.assert_array_equal(whole.times, np.arange(PHOTONS) * 50)
    np.testing.assert_array_equal(whole.sync_times, np.arange(40 * PHOTONS))
    assert len(whole.marker_times) == len(range(0, 50 * PHOTONS, 7))


@pytest.mark.parametrize("order", ["falling", "equal", "random"])
def test_sync_pulses_in_no_order_end(path, order):
    pulses = {
        "falling": np.arange(9000)[::-1],
        "equal": np.zeros(9000),
        "random": np.random.default_rng(1).permutation(9000),
    }
    with h5py.File(path, "a") as file:
        file["user/qdmol/sync_times"] = pulses[order].astype(np.int64)
    parts = []
    for part in read_photons(path).source.source.chunks(100):
        parts.append(part)
        assert len(parts) < 1000
    assert sum(len(part.sync_times) for part in parts) <= 9000
    assert sum(len(part) for part in parts) == PHOTONS


@pytest.mark.skipif(sys.platform == "win32", reason="locks are others there")
def test_a_file_in_use_is_called_locked(path):
    import fcntl

    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = refusal(path)
    assert "is locked by another program" in said
    assert "damaged" not in said
    assert len(read_photons(path).load()) == PHOTONS


def test_a_file_that_was_not_closed_says_so(path, tmp_path):
    program = (
        "import h5py, os, sys\n"
        f"f = h5py.File({str(tmp_path / 'b.h5')!r}, 'w', libver='latest')\n"
        "f['photon_data/timestamps'] = list(range(9))\n"
        "f.swmr_mode = True\n"
        "f.flush()\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    assert "marked as open for writing" in refusal(tmp_path / "b.h5")


@pytest.mark.parametrize("value", [10**400, -(10**400), float("inf"), float("nan"), True, "1000", None, [1000.0]])
def test_our_own_entry_with_an_odd_tick(path, value):
    with h5py.File(path, "a") as file:
        file["user/qdmol/stream"] = json.dumps({"tick_ps": value, "sync_period_ps": value, "notes": value})
    assert read_photons(path).tick_ps == pytest.approx(1000.0)


def test_escape_codes_of_the_file_do_not_reach_the_terminal(path):
    with h5py.File(path, "a") as file:
        for name in ("description", "identity/software", "sample/sample_name"):
            if name in file:
                del file[name]
            file[name] = "a\x1b]0;title\x07b\x9b31m\u202ec\r\nd"
        if "user/qdmol/stream" in file:
            del file["user/qdmol/stream"]
        file["user/qdmol/stream"] = json.dumps({"notes": ["n\x1b[2J"], "origin": {"header\x1b": "v\x1b[1m"}})
    stream = read_photons(path)
    assert stream.provenance.comment == "a?]0;title?b?31m?c\nd"
    assert stream.notes[0] == "n?[2J"
    assert "\x1b" not in json.dumps([stream.notes, dict(stream.provenance.header)], ensure_ascii=False)


class Growing:
    """A source of more photons than a small disk holds; a pass may be broken off."""

    def chunks(self, size):
        rng = np.random.default_rng(1)
        for k in range(20):
            times = np.sort(rng.integers(0, 10**9, 50_000)) + k * 10**9
            yield Records(times, rng.integers(0, 2, 50_000).astype(np.uint8))


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files there")
@pytest.mark.parametrize("limit", [0, 3000, 100_000, 1_000_000])
def test_a_disk_that_fills_while_writing_is_an_error_and_no_crash(tmp_path, limit):
    target = tmp_path / "out.h5"
    target.write_text("the older file")
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from qdmol.errors import OutputError\n"
        "from qdmol.photons import PhotonStream, Provenance, write_photon_hdf5\n"
        "from tests.photons.test_hostile_hdf5 import Growing\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "try:\n"
        f"    write_photon_hdf5(PhotonStream('T2', 1.0, Growing(), Provenance('t', 'T2')), Path({str(target)!r}))\n"
        "except OutputError as error:\n"
        "    sys.exit(7 if 'could not be written' in str(error) else 8)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": f"{root}:{root / 'src'}"},
    )  # fmt: skip
    assert done.returncode == 7, (done.returncode, done.stderr[-500:])
    assert done.stderr == ""
    assert target.read_text() == "the older file"
    assert [file.name for file in tmp_path.iterdir()] == ["out.h5"]


def test_a_sound_file_is_still_written_and_assessed(tmp_path):
    stream = PhotonStream("T2", 1.0, Growing(), Provenance("t", "T2"))
    path = write_photon_hdf5(stream, tmp_path / "out.h5")
    assert assess_quality(read_photons(path)).photons == 1_000_000
