"""Real files against their goldens and a second reader; what is no file of photons is refused in a sentence."""

import os
import shutil

import numpy as np
import pytest
from tests.photons import generators as make

from qdmol.errors import InputError
from qdmol.photons import read_photons

# name: mode, photons by channel, photons and overflows and markers there are, stated seconds, first and last instant
REAL = {
    "hydraharp_t3_80mhz_hbt.ptu": ("T3", [160_953, 235_373], 0, 5.000),
    "hydraharp_t3_320mhz_inconsistent_sync.ptu": ("T3", [186_647, 266_616], 0, 0.0455),
    "hydraharp_v20_t2.ptu": ("T2", [305_565], 0, 5.000),
    "hydraharp_v20_t3.ptu": ("T3", [45_012, 32_871], 0, 10.000),
    "beads_image_t3.ptu": ("T3", [52_833, 20_954], 100, 10.556),
    "picoharp_a42f_point_1.pt3": ("T3", [191_790], 28_514, 29.998),
}


@pytest.mark.parametrize("name", REAL)
def test_counts_and_durations_of_real_files(data_folder, name):
    mode, per_channel, markers, seconds = REAL[name]
    stream = read_photons(data_folder / "photons" / name)
    records = stream.load()
    assert stream.mode == mode
    assert np.bincount(records.channels).tolist() == per_channel
    assert len(records.markers) == markers
    assert records.times[-1] * stream.time_unit_ps * 1e-12 == pytest.approx(seconds, abs=5.1e-4)
    assert (stream.truncated, stream.contradictions, stream.notes) == (False, (), ())


def test_the_rest_of_the_picoharp_file_are_overflows(data_folder):
    stream = read_photons(data_folder / "photons" / "picoharp_a42f_point_1.pt3")
    records = stream.load()
    assert stream.stated_photons == 229_458
    # 37 668 records are no photons: one overflow every 65536 pulses, the others are markers
    assert stream.stated_photons - len(records) == 37_668
    assert 37_668 - len(records.markers) == records.times[-1] // 65536


@pytest.mark.parametrize("name", [name for name in REAL if name.endswith(".ptu")])
def test_ptu_files_are_read_as_a_second_reader_does(data_folder, name):
    ptufile = pytest.importorskip("ptufile")
    path = data_folder / "photons" / name
    stream = read_photons(path)
    records = stream.load()
    with ptufile.PtuFile(path) as file:
        decoded = file.decode_records()
        period_s = 1.0 / file.frequency
    photons = decoded[(decoded["channel"] >= 0) & (decoded["marker"] == 0)]
    np.testing.assert_array_equal(records.times, photons["time"])
    np.testing.assert_array_equal(records.channels, photons["channel"])
    if records.delays is not None:
        np.testing.assert_array_equal(records.delays, photons["dtime"])
    np.testing.assert_array_equal(records.marker_times, decoded["time"][decoded["marker"] > 0])
    assert stream.time_unit_ps == pytest.approx(period_s * 1e12, rel=1e-7)


@pytest.mark.parametrize("name", [name for name in REAL if name.endswith(".ptu")])
def test_ptu_files_are_read_as_a_third_reader_does(data_folder, name):
    tttrlib = pytest.importorskip("tttrlib")
    path = data_folder / "photons" / name
    records = read_photons(path).load()
    other = tttrlib.TTTR(str(path), "PTU")
    photons = np.asarray(other.event_types) == 0
    np.testing.assert_array_equal(records.times, np.asarray(other.macro_times)[photons])
    np.testing.assert_array_equal(records.channels, np.asarray(other.routing_channels)[photons])
    if records.delays is not None:
        np.testing.assert_array_equal(records.delays, np.asarray(other.micro_times)[photons])


def unwrap(times: np.ndarray, detectors: np.ndarray, overflow: int, wrap: int) -> None:
    """Do what phconvert's own loop does; compiling that takes longer than all else here."""
    times += np.cumsum(detectors == overflow) * wrap


def test_the_picoharp_file_is_read_as_a_second_reader_does(data_folder):
    phconvert = pytest.importorskip("phconvert")
    path = data_folder / "photons" / "picoharp_a42f_point_1.pt3"
    stream = read_photons(path)
    records = stream.load()
    times, detectors, delays, meta, _ = phconvert.pqreader.load_pt3(str(path), ovcfunc=unwrap)
    # it hands out overflows and markers as photons of detector 15, and takes each marker for an overflow
    special = detectors == 15
    wrong = np.cumsum(special & (delays != 0))[~special] * 65536
    np.testing.assert_array_equal(records.times, times[~special] - wrong)
    np.testing.assert_array_equal(records.delays, delays[~special])
    np.testing.assert_array_equal(records.channels, detectors[~special] - 1)
    assert stream.tick_ps == pytest.approx(meta["nanotimes_unit"] * 1e12)


HT = ["v10.ht2", "v10.ht3", "v20.ht2", "v20.ht3"]


@pytest.mark.parametrize("name", HT)
def test_hydraharp_files_from_before_ptu_equal_their_goldens(data_folder, name):
    folder = data_folder / "photons" / "hydraharp_ht"
    stream = read_photons(folder / name)
    records = stream.load()
    golden = np.loadtxt(folder / f"{name}.data", delimiter=",", dtype=np.int64, ndmin=2)
    assert len(golden) > 10
    # version 1 of T2 counts half picoseconds, which the golden cuts off
    half = 0.5 if name == "v10.ht2" else 1.0
    assert stream.tick_ps == half * float((folder / f"{name}.resolution").read_text())
    if stream.mode == "T2":
        # their channel after the last input is the sync
        sync = golden[:, 0] == stream.provenance.header["Inputs"]
        times_ps = np.asarray(records.times * stream.tick_ps, dtype=np.int64)
        np.testing.assert_array_equal(times_ps, golden[~sync, 1])
        np.testing.assert_array_equal(records.channels, golden[~sync, 0])
        np.testing.assert_array_equal(records.sync_times, golden[sync, 1])
        return
    first = slice(len(golden))
    np.testing.assert_array_equal(records.channels[first], golden[:, 0])
    np.testing.assert_array_equal(records.times[first], golden[:, 1])
    np.testing.assert_array_equal(records.delays[first] * stream.tick_ps, golden[:, 2])


@pytest.mark.parametrize("name", HT)
def test_hydraharp_headers_equal_their_goldens(data_folder, name):
    folder = data_folder / "photons" / "hydraharp_ht"
    stream = read_photons(folder / name)
    lines = (folder / f"{name}.header").read_text().splitlines()
    golden = {key.strip(): value.strip() for key, value in (line.split("=", 1) for line in lines if "=" in line)}
    header = stream.provenance.header
    ours = {
        "FormatVersion": "FormatVersion",
        "MeasurementMode": "MeasurementMode",
        "AcquisitionTime": "AcquisitionTime",
        "HardwarePartNo": "HardwarePartNo",
        "HardwareSerial": "HardwareSerial",
        "Modules": "NumberOfModules",
        "Inputs": "InputChannelsPresent",
        "SyncRate": "SyncRate",
        "StopAfter": "StopAfter",
        "Records": "NumRecords",
    }
    assert {mine: str(header[mine]) for mine in ours} == {mine: golden[theirs] for mine, theirs in ours.items()}
    # all but the second T3 file were cut to their first records
    assert stream.truncated == (name != "v20.ht3")


def test_the_first_ht3_file_is_read_as_a_second_reader_does(data_folder):
    phconvert = pytest.importorskip("phconvert")
    path = data_folder / "photons" / "hydraharp_ht" / "v10.ht3"
    records = read_photons(path).load()
    times, detectors, delays, *_ = phconvert.pqreader.load_ht3(str(path), ovcfunc=unwrap)
    photons = detectors < 64
    np.testing.assert_array_equal(records.times, times[photons])
    np.testing.assert_array_equal(records.channels, detectors[photons])
    np.testing.assert_array_equal(records.delays, delays[photons])


def test_the_second_ht3_file_is_read_as_a_second_reader_does(data_folder):
    tttrlib = pytest.importorskip("tttrlib")
    path = data_folder / "photons" / "hydraharp_ht" / "v20.ht3"
    records = read_photons(path).load()
    other = tttrlib.TTTR(str(path), "HT3")
    photons = np.asarray(other.event_types) == 0
    np.testing.assert_array_equal(records.times, np.asarray(other.macro_times)[photons])
    np.testing.assert_array_equal(records.delays, np.asarray(other.micro_times)[photons])
    np.testing.assert_array_equal(records.channels, np.asarray(other.routing_channels)[photons])


@pytest.mark.parametrize("extension", ["ptu", "pt3", "spc", "qutag", "h5", "csv", "dat", ""])
def test_content_goes_before_extension(tmp_path, extension):
    stream = make.pulsed_stream(np.random.default_rng(2), duration_s=0.01)
    path = make.write_ptu(tmp_path / f"measured.{extension}", stream, kind=make.HYDRAHARP_T3)
    assert read_photons(path).provenance.format == "PicoQuant PTU"
    assert len(read_photons(path).load()) == len(stream.load())


def test_a_format_that_is_named_is_taken_at_its_word(tmp_path):
    stream = make.pulsed_stream(np.random.default_rng(2), duration_s=0.01)
    path = make.write_ptu(tmp_path / "x.ptu", stream, kind=make.HYDRAHARP_T3)
    assert len(read_photons(path, format="PTU").load()) == len(stream.load())
    with pytest.raises(InputError, match="PicoHarp"):
        read_photons(path, format="pt3")
    with pytest.raises(InputError, match="one of") as caught:
        read_photons(path, format="ptu2")
    assert caught.value.field == "format"


GARBAGE = {
    "empty": b"",
    "a byte": b"P",
    "text": b"The quick brown fox jumps over the lazy dog.\n" * 200,
    "zeros": bytes(10_000),
    "ones": b"\xff" * 10_000,
    "noise": np.random.default_rng(0).bytes(10_000),
    "only a signature": b"PQTTTR\0\0",
    "histograms": b"PQHISTO\0" + bytes(5000),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
    "an archive": b"PK\x03\x04" + bytes(range(256)) * 20,
    "an HT3 signature": b"HydraHarp",
    "a PT3 signature": b"PicoHarp 300\0\0\0\0002.0\0",
    "a T3R signature": b"TimeHarp 200\0\0\0\0006.0\0",
}


@pytest.mark.parametrize("name", GARBAGE)
@pytest.mark.parametrize("extension", ["ptu", "pt3", "ht2", "t3r", "dat"])
def test_what_is_no_file_of_photons_is_refused_in_a_sentence(tmp_path, name, extension):
    path = tmp_path / f"x.{extension}"
    path.write_bytes(GARBAGE[name])
    with pytest.raises(InputError) as caught:
        read_photons(path)
    assert caught.value.field == "FILE"
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_a_folder_a_pipe_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        read_photons(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        read_photons(tmp_path / "none.ptu")
    with pytest.raises(InputError, match="not a valid file name"):
        read_photons("a\0b.ptu")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.ptu")
        with pytest.raises(InputError, match="not a regular file"):
            read_photons(tmp_path / "pipe.ptu")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_permission_is_refused(tmp_path):
    path = tmp_path / "x.ptu"
    path.write_bytes(b"PQTTTR")
    path.chmod(0)
    with pytest.raises(InputError, match="Permission"):
        read_photons(path)


def test_a_file_that_vanishes_while_it_is_gone_through_is_an_error_of_ours(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    stream = make.pulsed_stream(np.random.default_rng(2), duration_s=0.01)
    opened = read_photons(make.write_ptu(folder / "x.ptu", stream, kind=make.HYDRAHARP_T3))
    shutil.rmtree(folder)
    with pytest.raises(InputError, match="does not exist"):
        opened.load()


def test_nothing_but_the_head_is_read_at_first(tmp_path, monkeypatch):
    stream = make.pulsed_stream(np.random.default_rng(2), duration_s=0.01)
    path = make.write_ptu(tmp_path / "x.ptu", stream, kind=make.HYDRAHARP_T3)
    monkeypatch.setattr(np, "fromfile", lambda *_, **__: pytest.fail("records were read"))
    assert read_photons(path).stated_photons is not None
