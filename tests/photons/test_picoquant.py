"""PicoQuant's files: every kind of record against what was written, and against a second reader."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.photons import generators as make

from qdmol.errors import DataError, InputError
from qdmol.photons import Mode, PhotonStream, Records, read_photons
from qdmol.photons.picoquant import RECORD_KINDS

EVERY_KIND = [*make.T2_KINDS, *make.T3_KINDS]


def example(rng: np.random.Generator, kind: int, *, tick_ps: float = 64.0) -> PhotonStream:
    """Photons, markers and, where the instrument records them, sync pulses."""
    t2 = kind in make.T2_KINDS
    options = {"rate_hz": 2e4, "duration_s": 0.5}
    stream = (
        make.poisson_stream(rng, tick_ps=4.0, **options) if t2 else make.pulsed_stream(rng, tick_ps=tick_ps, **options)
    )
    records = stream.load()
    last = int(records.times[-1])
    marker_times = np.sort(rng.integers(0, last, 40))
    if kind == make.PICOHARP_T2:
        marker_times &= ~15  # the lowest bits hold the markers themselves
    syncs = np.sort(rng.integers(0, last, 300)) if kind in make.T2_KINDS[1:] else records.sync_times
    whole = replace(
        records, sync_times=syncs, marker_times=marker_times, markers=rng.integers(1, 16, 40).astype(np.uint8)
    )
    return make.in_memory(
        whole, mode=stream.mode, tick_ps=stream.tick_ps, sync_period_ps=stream.sync_period_ps, duration_s=0.5
    )


def assert_same(found: Records, expected: Records) -> None:
    np.testing.assert_array_equal(found.times, expected.times)
    np.testing.assert_array_equal(found.channels, expected.channels)
    if expected.delays is None:
        assert found.delays is None
    else:
        np.testing.assert_array_equal(found.delays, expected.delays)
    np.testing.assert_array_equal(found.sync_times, expected.sync_times)
    np.testing.assert_array_equal(found.marker_times, expected.marker_times)
    np.testing.assert_array_equal(found.markers, expected.markers)


@pytest.mark.parametrize("kind", EVERY_KIND, ids=lambda kind: RECORD_KINDS[kind].name)
@pytest.mark.parametrize("size", [1 << 20, 777], ids=["whole", "in pieces"])
def test_every_kind_of_record_comes_back_as_it_was_written(tmp_path, kind, size):
    written = example(np.random.default_rng(kind), kind)
    path = make.write_ptu(tmp_path / "x.ptu", written, kind=kind)
    stream = read_photons(path)
    assert (stream.mode, stream.tick_ps, stream.contradictions, stream.notes, stream.truncated) == (
        written.mode,
        written.tick_ps,
        (),
        (),
        False,
    )
    parts = list(stream.chunks(size))
    assert size > 1000 or len(parts) > 10
    times = np.concatenate([part.times for part in parts])
    syncs = np.concatenate([part.sync_times for part in parts])
    np.testing.assert_array_equal(times, written.load().times)
    np.testing.assert_array_equal(syncs, written.load().sync_times)
    assert_same(stream.load(), written.load())


def test_all_kinds_the_format_describes_are_known():
    assert set(EVERY_KIND) == set(RECORD_KINDS)
    assert 66311 in RECORD_KINDS  # MultiHarp T3, long unknown to others


@pytest.mark.parametrize("kind", EVERY_KIND, ids=lambda kind: RECORD_KINDS[kind].name)
def test_any_valid_word_is_read_as_a_second_reader_does(tmp_path, kind):
    ptufile = pytest.importorskip("ptufile")
    rng = np.random.default_rng(kind)
    words = valid_words(rng.integers(0, 1 << 32, 30_000, dtype=np.uint32), kind)
    path = tmp_path / "x.ptu"
    path.write_bytes(make.ptu_bytes(words, make.ptu_entries(kind, len(words), tick_ps=4.0, sync_period_ps=1e5)))
    # as the file has them: random words are in no order
    (found,) = read_photons(path).source.source.chunks(1 << 20)
    with ptufile.PtuFile(path) as file:
        decoded = file.decode_records()
    pico = kind in (make.PICOHARP_T2, make.PICOHARP_T3)
    special = words >> 28 == 15 if pico else words >> 31 == 1
    photons, marks = decoded[~special], decoded[decoded["marker"] > 0]
    np.testing.assert_array_equal(found.times, photons["time"])
    np.testing.assert_array_equal(found.channels, photons["channel"])
    if found.delays is not None:
        np.testing.assert_array_equal(found.delays, photons["dtime"])
    np.testing.assert_array_equal(found.markers, marks["marker"])
    if kind == make.PICOHARP_T2:
        assert np.all(marks["time"].astype(np.int64) - found.marker_times < 16)
    else:
        np.testing.assert_array_equal(found.marker_times, marks["time"])
    if kind in make.T2_KINDS[1:]:
        np.testing.assert_array_equal(found.sync_times, decoded["time"][words >> 25 == 64])


def valid_words(words: np.ndarray, kind: int) -> np.ndarray:
    """Keep the words an instrument may write, with few overflows in one."""
    if kind == make.PICOHARP_T3:
        channel = words >> 28
        return words[((channel > 0) & (channel < 5)) | ((channel == 15) & (words >> 16 & 0xFF0 == 0))]
    if kind == make.PICOHARP_T2:
        return words[(words >> 28 < 5) | (words >> 28 == 15)]
    channel = words >> 25 & 63
    words = words[(words >> 31 == 0) | ((channel < 16) & (channel > 0)) | (channel == 63) | (kind in make.T2_KINDS)]
    channel = words >> 25
    words = words[(channel < 80) | (channel == 127)]
    return np.where(words >> 25 == 127, words & 0xFE000007, words)


LEGACY = {
    "ht2 v1": (make.HYDRAHARP_V1_T2, lambda words: make.ht_bytes(words, mode=2, version=b"1.0")),
    "ht2 v2": (make.HYDRAHARP_T2, lambda words: make.ht_bytes(words, mode=2)),
    "ht3 v1": (make.HYDRAHARP_V1_T3, lambda words: make.ht_bytes(words, mode=3, version=b"1.0")),
    "ht3 v2": (make.HYDRAHARP_T3, lambda words: make.ht_bytes(words, mode=3, image_header=5)),
    "pt2": (make.PICOHARP_T2, lambda words: make.pt_bytes(words, mode=2)),
    "pt3": (make.PICOHARP_T3, lambda words: make.pt_bytes(words, mode=3)),
    "t3r 3.0": (make.TIMEHARP_T3, lambda words: make.t3r_bytes(words, version=b"3.0", tick_ps=16.0)),
    "t3r 5.0": (make.TIMEHARP_T3, lambda words: make.t3r_bytes(words, tick_ps=16.0)),
    "t3r 6.0": (make.TIMEHARP_T3, lambda words: make.t3r_bytes(words, version=b"6.0", tick_ps=16.0)),
}


@pytest.mark.parametrize("name", LEGACY)
def test_files_from_before_ptu_come_back_as_they_were_written(tmp_path, name):
    kind, file_of = LEGACY[name]
    written = example(np.random.default_rng(5), kind, tick_ps=256.0).load()
    if name.startswith("t3r"):
        written = replace(written, markers=written.markers & 7 | 1)
    path = tmp_path / "nameless"
    path.write_bytes(file_of(make.encode(written, kind)))
    stream = read_photons(path)
    if name.startswith("t3r"):
        # written in ticks of a clock of 100 ns, while the laser came every 200 ns; the first delay is taken for 0
        delays = written.delays - written.delays.min()
        times, marker_times = written.times // 2, written.marker_times // 2
        written = replace(written, times=times, delays=delays, marker_times=marker_times)
        assert "does not count the pulses" in stream.notes[0]
    assert_same(stream.load(), written)
    mode: Mode = "T3" if written.delays is not None else "T2"
    assert stream.mode == mode
    assert stream.sync_period_ps == (None if name == "pt2" else 2e5)
    assert stream.tick_ps == {"ht2 v1": 0.5, "ht2 v2": 1.0, "pt2": 4.0}.get(name, 16.0)
    assert (stream.truncated, stream.contradictions, stream.stated_duration_s) == (False, (), 1.0)
    assert name.startswith("t3r") or stream.provenance.comment == "5 µm pinhole"


def test_delays_of_a_timeharp_run_from_the_pulse_to_the_photon(tmp_path):
    # the board measures from the photon to the next pulse: early photons have high numbers
    words = np.array([1 << 30 | delay << 16 | 8 for delay in (4000, 1000, 0)], dtype=np.uint32)
    path = tmp_path / "x.t3r"
    path.write_bytes(make.t3r_bytes(words))
    assert read_photons(path).load().delays.tolist() == [0, 3000, 4000]


def test_a_timeharp_photon_earlier_than_all_first_ones_belongs_to_the_end_of_the_period(tmp_path):
    # 5 MHz and channels of 100 ps: 2000 to a period; the latest delay is looked for in the first records only
    words = np.full(70_000, 1 << 30 | 1500 << 16, dtype=np.uint32)
    words[-1] = 1 << 30 | 1510 << 16
    path = tmp_path / "x.t3r"
    path.write_bytes(make.t3r_bytes(words, tick_ps=100.0))
    delays = read_photons(path).load().delays
    assert delays[:-1].max() == 0
    assert delays[-1] == 1990


@pytest.mark.parametrize(
    ("kind", "wrap"), [(make.HYDRAHARP_V1_T2, 33_552_000), (make.HYDRAHARP_T2, 33_554_432)], ids=["v1", "v2"]
)
def test_an_overflow_of_the_two_hydraharp_versions_differs(tmp_path, kind, wrap):
    words = np.array([0xFE000001, 0x02000005], dtype=np.uint32)
    path = tmp_path / "x.ptu"
    path.write_bytes(make.ptu_bytes(words, make.ptu_entries(kind, 2, tick_ps=1.0)))
    assert read_photons(path).load().times.tolist() == [wrap + 5]
    # only version 2 counts several overflows in one record
    path.write_bytes(make.ptu_bytes(words + np.array([2, 0], np.uint32), make.ptu_entries(kind, 2, tick_ps=1.0)))
    assert read_photons(path).load().times.tolist() == [(3 if kind == make.HYDRAHARP_T2 else 1) * wrap + 5]


def test_a_special_picoharp_record_with_a_delay_moves_no_clock(tmp_path):
    # an overflow has none; one flipped bit must not shift all that follows
    words = np.array([0xF0100000, 0x10010007], dtype=np.uint32)
    path = tmp_path / "x.ptu"
    path.write_bytes(make.ptu_bytes(words, make.ptu_entries(make.PICOHARP_T3, 2, tick_ps=16.0, sync_period_ps=2e5)))
    records = read_photons(path).load()
    assert (records.times.tolist(), records.markers.tolist()) == ([7], [])


def changed(tmp_path: Path, **entries: bool | int | float | str) -> Path:
    """Write a T3 file of 2 ms whose header differs in the entries given (None: left out)."""
    stream = make.pulsed_stream(np.random.default_rng(1), rate_hz=1e6, duration_s=2e-3)
    words = make.encode(stream.load(), make.HYDRAHARP_T3)
    header = make.ptu_entries(make.HYDRAHARP_T3, len(words), tick_ps=16.0, sync_period_ps=2e5, duration_s=2e-3)
    header |= entries
    path = tmp_path / "x.ptu"
    path.write_bytes(make.ptu_bytes(words, {key: value for key, value in header.items() if value is not None}))
    return path


@pytest.mark.parametrize("count", [0, -1, None])
def test_without_a_number_of_records_the_whole_file_is_read(tmp_path, count):
    plain = read_photons(changed(tmp_path)).load()
    stream = read_photons(changed(tmp_path, TTResult_NumberOfRecords=count))
    assert_same(stream.load(), plain)
    assert not stream.truncated
    assert "states no number of records" in stream.notes[0]


def test_a_file_that_ends_early_gives_what_is_whole(tmp_path):
    plain = read_photons(changed(tmp_path)).load()
    path = changed(tmp_path)
    path.write_bytes(path.read_bytes()[: -4 * 100 - 3])
    stream = read_photons(path)
    assert stream.truncated
    assert "ends early" in stream.notes[0]
    np.testing.assert_array_equal(stream.load().times, plain.times[: len(stream.load())])
    assert 0 < len(plain) - len(stream.load()) <= 101


def test_more_records_than_stated_are_left_out_and_said(tmp_path):
    stream = read_photons(changed(tmp_path, TTResult_NumberOfRecords=100))
    assert sum(1 for _ in stream.source.source.chunks(1)) == 100
    assert "more than its header states" in stream.notes[0]
    assert not stream.truncated


@pytest.mark.parametrize(
    ("entries", "word"),
    [
        ({"Measurement_Mode": 2}, "measurement mode 2"),
        ({"HW_Type": "PicoHarp 300"}, "PicoHarp 300"),
        ({"HW_Type": "MultiHarp 150"}, "MultiHarp 150"),
        ({"TTResult_SyncRate": 20_000_000}, "sync period"),
        ({"TTResultFormat_TTTRRecType": make.HYDRAHARP_T2}, "HydraHarp T2 v2"),
    ],
)
def test_a_header_that_contradicts_itself_is_marked(tmp_path, entries, word):
    stream = read_photons(changed(tmp_path, **entries))
    assert any(word in sentence for sentence in stream.contradictions)


@pytest.mark.parametrize("hardware", ["HydraHarp", "HydraHarp 400", "Leica", ""])
def test_the_name_of_the_hardware_may_be_short_or_another_makers(tmp_path, hardware):
    assert read_photons(changed(tmp_path, HW_Type=hardware)).contradictions == ()


@pytest.mark.parametrize(
    ("entries", "word"),
    [
        ({"TTResultFormat_TTTRRecType": 0x00010308}, "0x10308"),
        ({"TTResultFormat_TTTRRecType": None}, "does not state"),
        ({"TTResultFormat_TTTRRecType": "HydraHarp"}, "does not state"),
        ({"TTResultFormat_BitsPerRecord": 64}, "64 bits"),
    ],
)
def test_records_of_no_known_kind_are_refused(tmp_path, entries, word):
    with pytest.raises(InputError, match=word) as caught:
        read_photons(changed(tmp_path, **entries))
    assert caught.value.field == "FILE"


@pytest.mark.parametrize(
    "entries",
    [
        {"MeasDesc_GlobalResolution": 0.0, "TTResult_SyncRate": 0},
        {"MeasDesc_GlobalResolution": float("nan"), "TTResult_SyncRate": None},
        {"MeasDesc_GlobalResolution": 1e-12},
        {"MeasDesc_Resolution": 1e-6},
        {"MeasDesc_Resolution": 0.0},
        {"MeasDesc_Resolution": float("inf")},
        {"MeasDesc_Resolution": -1.6e-11},
        {"MeasDesc_Resolution": None},
    ],
)
def test_times_without_a_scale_are_refused(tmp_path, entries):
    with pytest.raises(DataError, match="cannot be converted"):
        read_photons(changed(tmp_path, **entries))


def test_the_sync_rate_stands_in_for_a_missing_period(tmp_path):
    stream = read_photons(changed(tmp_path, MeasDesc_GlobalResolution=None))
    assert stream.sync_period_ps == 2e5


def test_a_resolution_stored_in_single_precision_is_the_round_one(tmp_path):
    assert read_photons(changed(tmp_path, MeasDesc_Resolution=float(np.float32(16e-12)))).tick_ps == 16.0


def test_a_comment_in_the_signs_of_the_system_is_read(tmp_path):
    assert read_photons(changed(tmp_path, File_Comment="5 µm pinhole")).provenance.comment == "5 µm pinhole"


def test_overflows_beyond_a_month_are_no_measurement(tmp_path):
    words = np.full(9000, 0xFFFFFFFF, dtype=np.uint32)  # 19 minutes each
    path = tmp_path / "x.ptu"
    path.write_bytes(make.ptu_bytes(words, make.ptu_entries(make.HYDRAHARP_T2, 9000, tick_ps=1.0)))
    with pytest.raises(DataError, match="more than a month"):
        read_photons(path).load()


def test_a_header_length_of_petabytes_is_refused_at_once(tmp_path):
    path = changed(tmp_path)
    raw = bytearray(path.read_bytes())
    place = raw.index(b"CreatorSW_Name") + 40
    raw[place : place + 8] = (1 << 50).to_bytes(8, "little")
    path.write_bytes(raw)
    with pytest.raises(InputError, match="beyond the end"):
        read_photons(path)


def test_entries_with_an_index_become_a_list_in_its_order(tmp_path):
    path = changed(tmp_path)
    raw = path.read_bytes()
    extra = b"".join(make.tag("HWInpChan_Offset", value, index) for index, value in [(2, 30), (0, 10), (1, 20)])
    path.write_bytes(raw.replace(make.tag("HWSync_Divider", 1), extra + make.tag("HWSync_Divider", 1)))
    assert read_photons(path).provenance.header["HWInpChan_Offset"] == [10, 20, 30]


@pytest.mark.parametrize("cut", [4, 300, 700])
@pytest.mark.parametrize("name", ["ht3 v2", "pt3", "t3r 5.0"])
def test_a_fixed_header_cut_short_is_refused(tmp_path, name, cut):
    kind, file_of = LEGACY[name]
    words = make.encode(example(np.random.default_rng(5), kind, tick_ps=256.0).load(), make.HYDRAHARP_T3)
    path = tmp_path / "x.bin"
    path.write_bytes(file_of(words[:0])[:-20][:cut])
    with pytest.raises(InputError):
        read_photons(path)


def test_escape_codes_of_a_header_do_not_reach_the_terminal(tmp_path):
    stream = read_photons(changed(tmp_path, File_Comment="a\x1b[31mb\x07\r\nc", HW_Type="HydraHarp\x9b2J"))
    assert stream.provenance.comment == "a?[31mb?\nc"
    assert "\x1b" not in repr(dict(stream.provenance.header)) + stream.provenance.instrument
    assert "\x9b" not in stream.provenance.instrument


def test_a_header_of_gigabytes_of_text_is_refused(tmp_path):
    many = {f"Text_{k}": "x" * (1 << 20) for k in range(10)}
    with pytest.raises(InputError, match="more than 8 MB of text"):
        read_photons(changed(tmp_path, **many))
