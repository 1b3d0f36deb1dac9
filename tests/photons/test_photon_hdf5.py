"""Photon-HDF5: round trips, files of others, and other readers of ours."""

import h5py
import numpy as np
import pytest
from hypothesis import given, strategies as st
from tests.photons.writers import write_hdf5

from qdmol.errors import DataError, InputError, OutputError
from qdmol.photons.becker_hickl import read_spc
from qdmol.photons.photon_hdf5 import looks_like_photon_hdf5, read_photon_hdf5
from qdmol.photons.photon_hdf5_writing import write_photon_hdf5
from qdmol.photons.stream import ArraySource, PhotonStream, Provenance, Records, join_records
from qdmol.photons.tag_files import read_qutag


def stream_of(records, **options):
    mode = "T2" if records.delays is None else "T3"
    settings = {"tick_ps": 16.0, "sync_period_ps": 12_500.3 if mode == "T3" else None, **options}
    origin = Provenance(format="made", record_type="by hand", path="/data/x.ptu", comment="a dot", header={"a": 1})
    return PhotonStream(mode=mode, source=ArraySource(records), provenance=origin, **settings)


def t2_records(rng, photons=500):
    times = np.sort(rng.integers(0, 10**9, photons))
    return Records(
        times=times,
        channels=rng.integers(0, 3, photons).astype(np.uint8),
        sync_times=np.arange(0, 10**9, 10**6),
        marker_times=np.array([7, 10**8, 2 * 10**9]),
        markers=np.array([1, 2, 4], dtype=np.uint8),
    )


def t3_records(rng, photons=500):
    return Records(
        times=np.sort(rng.integers(0, 10**6, photons)),
        channels=rng.integers(0, 2, photons).astype(np.uint8),
        delays=rng.integers(0, 70_000, photons).astype(np.uint32),
        marker_times=np.array([5]),
        markers=np.array([3], dtype=np.uint8),
    )


def assert_same(found, wanted):
    for name in ("times", "channels", "sync_times", "marker_times", "markers"):
        assert np.array_equal(getattr(found, name), getattr(wanted, name)), name
    assert (found.delays is None) == (wanted.delays is None)
    if wanted.delays is not None:
        assert np.array_equal(found.delays, wanted.delays)


def load(stream, size):
    return join_records(list(stream.chunks(size)), mode=stream.mode)


class TestRoundTrip:
    @pytest.mark.parametrize("size", [1, 7, 1 << 20])
    @pytest.mark.parametrize("make", [t2_records, t3_records])
    def test_all_records_come_back(self, tmp_path, make, size):
        records = make(np.random.default_rng(1), 300)
        read = read_photon_hdf5(write_photon_hdf5(stream_of(records), tmp_path / "a.h5"))
        assert_same(load(read, size), records)
        assert_same(join_records(list(read.source.source.chunks(size)), mode=read.mode), records)

    @pytest.mark.parametrize("size", [1, 7, 100])
    def test_pulses_come_no_later_than_photons_of_their_time(self, tmp_path, size):
        # every photon falls on a pulse, which must be known when the photon is given
        times = 1000 * np.arange(300)
        records = Records(times=times, channels=np.zeros(300, dtype=np.uint8), sync_times=times)
        read = read_photon_hdf5(write_photon_hdf5(stream_of(records), tmp_path / "a.h5"))
        pulses = 0
        for chunk in read.source.source.chunks(size):
            pulses += len(chunk.sync_times)
            assert pulses == chunk.times[-1] // 1000 + 1

    def test_clocks_and_findings_come_back_exactly(self, tmp_path):
        stream = stream_of(
            t3_records(np.random.default_rng(1)),
            tick_ps=2.44304560546875,
            sync_period_ps=1e12 / 80.03e6,
            truncated=True,
            unordered=True,
            notes=("Cut short.",),
            stated_duration_s=3.5,
        )
        read = read_photon_hdf5(write_photon_hdf5(stream, tmp_path / "a.h5"))
        for name in ("mode", "tick_ps", "sync_period_ps", "truncated", "unordered", "notes", "stated_duration_s"):
            assert getattr(read, name) == getattr(stream, name), name
        assert read.stated_photons == 500
        assert read.provenance.header["origin"]["record_type"] == "by hand"
        assert read.provenance.comment == "a dot"

    @given(steps=st.lists(st.integers(0, 2**50), max_size=40), seed=st.integers(0, 99), size=st.integers(1, 50))
    def test_of_anything(self, tmp_path_factory, steps, seed, size):
        rng = np.random.default_rng(seed)
        times = np.cumsum(np.array(steps, dtype=np.int64))
        records = Records(
            times=times,
            channels=rng.integers(0, 256, len(times)).astype(np.uint8),
            delays=rng.integers(0, 2**32, len(times)).astype(np.uint32),
        )
        path = tmp_path_factory.getbasetemp() / "round.h5"
        read = read_photon_hdf5(write_photon_hdf5(stream_of(records, sync_period_ps=100.0), path))
        assert_same(load(read, size), records)

    def test_measured_files(self, data_folder, tmp_path):
        folder = data_folder / "photons"
        for stream in (read_spc(folder / "test_noise.spc"), read_qutag(folder / "qutag_80mhz_unordered.qutag")):
            read = read_photon_hdf5(write_photon_hdf5(stream, tmp_path / "a.h5"))
            assert_same(read.load(), stream.load())
            assert (read.tick_ps, read.sync_period_ps) == (stream.tick_ps, stream.sync_period_ps)

    def test_no_photons(self, tmp_path):
        empty = Records(times=np.zeros(0, dtype=np.int64), channels=np.zeros(0, dtype=np.uint8))
        read = read_photon_hdf5(write_photon_hdf5(stream_of(empty), tmp_path / "a.h5"))
        assert len(read.load()) == 0
        assert read.contradictions == ()


class TestOtherReaders:
    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize("make", [t2_records, t3_records])
    @pytest.mark.parametrize("laser", [None, 12_500.0])
    def test_the_formats_own_validator_accepts_our_files(self, tmp_path, make, laser):
        tables = pytest.importorskip("tables")
        hdf5 = pytest.importorskip("phconvert.hdf5")
        records = make(np.random.default_rng(1))
        if records.delays is not None and laser is None:
            laser = 25_000.0
        path = write_photon_hdf5(stream_of(records, sync_period_ps=laser), tmp_path / "a.h5")
        with tables.open_file(str(path)) as file:
            hdf5.assert_valid_photon_hdf5(file, warnings=False, require_rootformat=True)

    @pytest.mark.parametrize("make", [t2_records, t3_records])
    def test_tttrlib_reads_the_same(self, tmp_path, make):
        tttrlib = pytest.importorskip("tttrlib")
        records = make(np.random.default_rng(1))
        path = write_photon_hdf5(stream_of(records), tmp_path / "a.h5")
        other = tttrlib.TTTR(str(path), "PHOTON-HDF5")
        assert np.array_equal(other.macro_times, records.times)
        assert np.array_equal(other.routing_channels, records.channels)
        if records.delays is not None:
            # tttrlib keeps no longer delays
            assert np.array_equal(other.micro_times, np.minimum(records.delays, 65_535))

    @pytest.mark.filterwarnings("ignore")
    def test_a_file_of_phconvert_is_read(self, tmp_path):
        hdf5 = pytest.importorskip("phconvert.hdf5")
        records = t3_records(np.random.default_rng(1))
        data = {
            "timestamps": records.times,
            "detectors": records.channels,
            "nanotimes": records.delays,
            "timestamps_specs": {"timestamps_unit": 9.5e-9},
            "nanotimes_specs": {"tcspc_unit": 2e-12, "tcspc_num_bins": 4096, "tcspc_range": 8.192e-9},
        }
        content = {"description": "noise", "acquisition_duration": 2.5, "photon_data": data}
        path = tmp_path / "a.hdf5"
        hdf5.save_photon_hdf5(content, h5_fname=str(path), overwrite=True, require_setup=False, close=True)
        read = read_photon_hdf5(path)
        found = read.load()
        assert np.array_equal(found.times, records.times)
        assert np.array_equal(found.channels, records.channels)
        assert np.array_equal(found.delays, records.delays)
        assert (read.tick_ps, read.sync_period_ps) == (pytest.approx(2.0), pytest.approx(9500.0))
        assert (read.stated_duration_s, read.stated_photons) == (2.5, 500)
        assert read.provenance.comment == "noise"


class TestWriting:
    def test_file_is_whole_or_absent(self, tmp_path):
        class Breaking:
            def chunks(self, size):
                yield t2_records(np.random.default_rng(1))
                raise DataError("damaged further down")

        (tmp_path / "a.h5").write_text("older")
        stream = stream_of(t2_records(np.random.default_rng(1)))
        broken = PhotonStream(mode="T2", tick_ps=1.0, source=Breaking(), provenance=stream.provenance)
        with pytest.raises(DataError, match="further down"):
            write_photon_hdf5(broken, tmp_path / "a.h5")
        assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]
        assert (tmp_path / "a.h5").read_text() == "older"

    def test_a_contradicting_stream_is_not_written(self, tmp_path):
        stream = stream_of(t2_records(np.random.default_rng(1)), contradictions=("The header lies.",))
        with pytest.raises(DataError, match=r"The header lies\."):
            write_photon_hdf5(stream, tmp_path / "a.h5")
        assert list(tmp_path.iterdir()) == []

    def test_folder_that_is_not_there(self, tmp_path):
        with pytest.raises(OutputError):
            write_photon_hdf5(stream_of(t2_records(np.random.default_rng(1))), tmp_path / "no" / "a.h5")


class TestReading:
    def test_least_t2_and_t3(self, tmp_path):
        t2 = read_photon_hdf5(write_hdf5(tmp_path / "a.h5", [5, 9], [0, 1], unit_s=4e-12, laser_hz=80e6))
        assert (t2.mode, t2.tick_ps, t2.sync_period_ps) == ("T2", pytest.approx(4.0), pytest.approx(12500.0))
        t3 = read_photon_hdf5(
            write_hdf5(
                tmp_path / "b.h5", [5, 9], [0, 1], unit_s=5e-8, delays=[7, 8], delay_unit_s=1.6e-11, laser_hz=20e6
            )
        )
        assert (t3.mode, t3.tick_ps, t3.sync_period_ps) == ("T3", pytest.approx(16.0), pytest.approx(50_000.0))
        assert t3.load().delays.tolist() == [7, 8]
        assert t3.notes == ()

    def test_clock_that_is_not_the_laser_is_told(self, tmp_path):
        path = write_hdf5(tmp_path / "a.h5", [5], [0], unit_s=5e-8, delays=[7], delay_unit_s=1.6e-11, laser_hz=80e6)
        assert "is not the period of the laser (12.5 ns)" in read_photon_hdf5(path).notes[0]

    def test_markers_among_the_detectors(self, tmp_path):
        path = write_hdf5(tmp_path / "a.h5", [1, 2, 3, 4], [0, 15, 1, 14])
        with h5py.File(path, "a") as file:
            file["photon_data/measurement_specs/detectors_specs/non_photon_id1"] = np.array([14, 15])
        records = read_photon_hdf5(path).load()
        assert records.times.tolist() == [1, 3]
        assert records.marker_times.tolist() == [2, 4]
        assert records.markers.tolist() == [2, 1]

    def test_of_several_spots_the_first_is_read(self, tmp_path):
        path = write_hdf5(tmp_path / "a.h5", [1, 2], [0, 0])
        with h5py.File(path, "a") as file:
            file.move("photon_data", "photon_data0")
            file.copy("photon_data0", "photon_data1")
        stream = read_photon_hdf5(path)
        assert len(stream.load()) == 2
        assert "holds 2 spots" in stream.notes[0]

    def test_without_detectors(self, tmp_path):
        path = write_hdf5(tmp_path / "a.h5", [1, 2], [3, 3])
        with h5py.File(path, "a") as file:
            del file["photon_data/detectors"]
        stream = read_photon_hdf5(path)
        assert stream.load().channels.tolist() == [0, 0]
        assert "all are assigned to channel 0" in stream.notes[0]


def change(path, name, value):
    with h5py.File(path, "a") as file:
        del file[name]
        if value is not None:
            file[name] = value


class TestDamage:
    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("photon_data/timestamps", None, "no /photon_data/timestamps"),
            ("photon_data/timestamps", np.arange(4.0), "not an array of integers"),
            ("photon_data/timestamps", np.zeros((2, 2), dtype=int), "not an array of integers"),
            ("photon_data", None, "no /photon_data"),
            ("photon_data/timestamps_specs/timestamps_unit", None, "unit of its timestamps"),
            ("photon_data/timestamps_specs/timestamps_unit", np.nan, "unit of its timestamps"),
            ("photon_data/timestamps_specs/timestamps_unit", -1.0, "unit of its timestamps"),
            ("photon_data/nanotimes_specs/tcspc_unit", None, "does not state their unit"),
            ("photon_data/detectors", np.zeros(5, dtype=np.uint8), "5 entries, but 2 are expected"),
            ("photon_data/nanotimes", np.zeros(1, dtype=np.uint8), "1 entries, but 2 are expected"),
        ],
    )
    def test_what_is_missing_is_told(self, tmp_path, name, value, said):
        path = write_hdf5(tmp_path / "a.h5", [1, 2], [0, 1], unit_s=5e-8, delays=[1, 2], delay_unit_s=1e-11)
        change(path, name, value)
        with pytest.raises(InputError, match=said):
            read_photon_hdf5(path)

    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("photon_data/timestamps_specs/timestamps_unit", 0.1, "unit of the timestamps is stated as 0.1 s"),
            ("photon_data/timestamps", np.array([0, 2**60]), "no measurement is that long"),
        ],
    )
    def test_contradictions_are_named(self, tmp_path, name, value, said):
        path = write_hdf5(tmp_path / "a.h5", [1, 2], [0, 1], unit_s=5e-8, delays=[1, 2], delay_unit_s=1e-11)
        change(path, name, value)
        assert said in read_photon_hdf5(path).contradictions[0]

    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("photon_data/timestamps_specs/timestamps_unit", 50.0, "sync period of 5e.13 ps"),
            ("photon_data/timestamps_specs/timestamps_unit", 1e-300, "sync period of 1e-288 ps"),
            ("photon_data/nanotimes_specs/tcspc_unit", 1e-3, "delays cannot be converted to time"),
            ("photon_data/nanotimes_specs/tcspc_unit", 1e300, "tick of inf ps"),
            ("photon_data/nanotimes_specs/tcspc_unit", 1e-20, "tick of 1e-08 ps"),
        ],
    )
    def test_clocks_without_a_scale(self, tmp_path, name, value, said):
        path = write_hdf5(tmp_path / "a.h5", [1, 2], [0, 1], unit_s=5e-8, delays=[1, 2], delay_unit_s=1e-11)
        change(path, name, value)
        with pytest.raises(DataError, match=said):
            read_photon_hdf5(path)

    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("photon_data/detectors", np.array([0, 999]), "outside 0 to 255"),
            ("photon_data/nanotimes", np.array([-1, 5]), "negative"),
            ("photon_data/timestamps", np.array([0, 2**63], dtype=np.uint64), "63 bits"),
        ],
    )
    def test_impossible_numbers(self, tmp_path, name, value, said):
        path = write_hdf5(tmp_path / "a.h5", [1, 2], [0, 1], unit_s=1e-10, delays=[1, 2], delay_unit_s=1e-11)
        change(path, name, value)
        with pytest.raises(DataError, match=said):
            read_photon_hdf5(path).load()

    def test_array_that_states_more_than_is_stored(self, tmp_path):
        path = write_hdf5(tmp_path / "a.h5", [1, 2], [0, 1])
        with h5py.File(path, "a") as file:
            del file["photon_data/timestamps"]
            file.create_dataset("photon_data/timestamps", shape=(10**12,), dtype="i8", chunks=(1000,))
        with pytest.raises(InputError, match="more entries than are stored"):
            read_photon_hdf5(path)

    def test_other_hdf5_and_no_hdf5(self, tmp_path):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["image"] = np.zeros((3, 3))
        with pytest.raises(InputError, match="no /photon_data"):
            read_photon_hdf5(tmp_path / "a.h5")
        (tmp_path / "b.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
        with pytest.raises(InputError, match="damaged or truncated"):
            read_photon_hdf5(tmp_path / "b.h5")

    def test_cut_file(self, tmp_path):
        path = write_photon_hdf5(stream_of(t2_records(np.random.default_rng(1), 5000)), tmp_path / "a.h5")
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(InputError, match="damaged or truncated"):
            read_photon_hdf5(path)


def test_is_recognised_by_its_first_bytes(tmp_path):
    path = write_hdf5(tmp_path / "a.bin", [1], [0])
    assert looks_like_photon_hdf5(path.read_bytes()[:64], path)
    assert not looks_like_photon_hdf5(b"PQTTTR", path)
