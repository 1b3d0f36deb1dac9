"""Becker & Hickl: measured files against the vendor's export and other readers, synthetic ones against the writer."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from tests.photons.writers import spc_words32, spc_words48, write_set, write_spc

from qdmol.errors import DataError, InputError
from qdmol.photons.becker_hickl import VARIANTS, looks_like_spc, read_spc
from qdmol.photons.stream import join_records

CHANNELS = {"spc-130": 16, "spc-600-256": 8, "spc-600-4096": 256}


def events(rng, photons, layout, *, longest=900):
    """Rising times, channels and delays that the layout can hold."""
    largest = VARIANTS[layout].largest
    return (
        np.cumsum(rng.integers(0, longest, photons)),
        rng.integers(0, CHANNELS[layout], photons),
        rng.integers(0, largest + 1, photons),
    )


def load(stream, size):
    return join_records(list(stream.chunks(size)), mode=stream.mode)


def same(records, times, channels, delays):
    assert np.array_equal(records.times, times)
    assert np.array_equal(records.channels, channels)
    assert np.array_equal(records.delays, delays)


class TestMeasured:
    def test_equals_the_vendors_export(self, data_folder):
        stream = read_spc(data_folder / "photons" / "test_noise.spc")
        truth = np.loadtxt(data_folder / "photons" / "test_noise.asc", dtype=np.int64)
        records = stream.load()
        assert len(records) == 6114
        same(records, truth[:, 0], np.zeros(6114), truth[:, 1])

    def test_takes_the_clocks_from_the_setup_file(self, data_folder):
        stream = read_spc(data_folder / "photons" / "test_noise.spc")
        assert stream.sync_period_ps == 9500.0
        # the setup file states the width of a channel too: 2.4430455e-12 s
        assert stream.tick_ps == pytest.approx(2.4430455, rel=1e-6)
        assert stream.provenance.instrument == "SPC-150"
        assert stream.provenance.created == "2016-09-05 16:12:20"
        assert stream.contradictions == ()
        assert not stream.truncated

    def test_equals_phconvert(self, data_folder):
        bhreader = pytest.importorskip("phconvert.bhreader")
        path = data_folder / "photons" / "test_noise.spc"
        other = bhreader.load_spc(str(path))["photon_data"]
        same(read_spc(path).load(), other["timestamps"], other["detectors"], other["nanotimes"])

    @pytest.mark.parametrize("name", ["test_noise.spc", "spc132_dna_m000.spc"])
    def test_equals_tttrlib(self, data_folder, name):
        tttrlib = pytest.importorskip("tttrlib")
        other = tttrlib.TTTR(str(data_folder / "photons" / name), "SPC-130")
        records = read_spc(data_folder / "photons" / name).load()
        same(records, other.macro_times, other.routing_channels, other.micro_times)

    def test_card_is_found_without_a_setup_file(self, data_folder):
        stream = read_spc(data_folder / "photons" / "spc132_dna_m000.spc")
        records = stream.load()
        assert stream.provenance.record_type == "SPC-130"
        assert len(records) == 174438
        assert set(np.unique(records.channels)) == {0, 1, 8, 9}
        assert records.times[-1] * stream.sync_period_ps * 1e-12 == pytest.approx(69.243, abs=1e-3)
        assert any("No .set file states the width of a delay channel" in note for note in stream.notes)

    @pytest.mark.parametrize("wrong", ["spc-600-256", "spc-600-4096"])
    @pytest.mark.parametrize("name", ["test_noise.spc", "spc132_dna_m000.spc"])
    def test_wrong_card_is_a_contradiction(self, data_folder, name, wrong):
        stream = read_spc(data_folder / "photons" / name, variant=wrong)
        assert len(stream.contradictions) == 1
        assert stream.contradictions[0].startswith("The records are invalid as the format given says")


class TestLayouts:
    @pytest.mark.parametrize("size", [1, 7, 1 << 20])
    @pytest.mark.parametrize("layout", VARIANTS)
    def test_pieces_of_any_length_give_the_same(self, tmp_path, layout, size):
        times, channels, delays = events(np.random.default_rng(3), 2000, layout)
        stream = read_spc(write_spc(tmp_path / "a.spc", times, channels, delays, layout=layout))
        assert stream.provenance.record_type == VARIANTS[layout].name
        assert stream.contradictions == ()
        same(load(stream, size), times, channels, delays)
        unsorted = join_records(list(stream.source.source.chunks(size)), mode="T3")
        same(unsorted, times, channels, delays)

    @pytest.mark.parametrize("layout", VARIANTS)
    def test_long_gaps_are_counted_in_overflows(self, tmp_path, layout):
        times = np.array([5, 4095, 4096, 1 << 17, (1 << 17) + 1, 1 << 24, 5 << 24, (9 << 24) + 12345])
        channels, delays = np.arange(8) % 8, np.arange(8) * 30
        path = write_spc(tmp_path / "a.spc", times, channels, delays, layout=layout)
        same(read_spc(path, variant=layout).load(), times, channels, delays)

    @given(
        steps=st.lists(st.integers(0, 1 << 26), min_size=1, max_size=60),
        layout=st.sampled_from(sorted(VARIANTS)),
        size=st.integers(1, 70),
    )
    def test_round_trip(self, tmp_path_factory, steps, layout, size):
        times = np.cumsum(steps)
        channels, delays = np.arange(len(times)) % 8, np.arange(len(times)) % 256
        path = write_spc(tmp_path_factory.getbasetemp() / "round.spc", times, channels, delays, layout=layout)
        same(load(read_spc(path, variant=layout), size), times, channels, delays)

    def test_markers_keep_their_bits_and_times(self, tmp_path):
        times, channels, delays = events(np.random.default_rng(5), 500, "spc-130")
        marks = [(100, 1), (5000, 2), (5001, 4), (int(times[-1]) + 4096 * 3, 8)]
        records = read_spc(write_spc(tmp_path / "a.spc", times, channels, delays, markers=marks)).load()
        same(records, times, channels, delays)
        assert records.marker_times.tolist() == [time for time, _ in marks]
        assert records.markers.tolist() == [bits for _, bits in marks]

    def test_invalid_photons_are_left_out_and_gaps_are_told(self, tmp_path):
        times, channels, delays = events(np.random.default_rng(6), 500, "spc-130")
        words = spc_words32(times, channels, delays)
        photons = np.flatnonzero((words >> 30 == 0) & (np.arange(len(words)) > 0))
        words[photons[10]] |= 0x80000000  # an invalid record without overflow
        words[photons[20]] |= 0x20000000  # a gap before this one
        (tmp_path / "a.spc").write_bytes(words.tobytes())
        stream = read_spc(tmp_path / "a.spc")
        assert len(stream.load()) == 499
        assert any(note.startswith("1 of") and "were lost" in note for note in stream.notes)

    @pytest.mark.parametrize("size", [1, 3, 1 << 20])
    def test_late_photons_of_6_byte_records_do_not_add_a_rollover(self, tmp_path, size):
        period = 1 << 24
        times = np.array([period - 60, period - 20, period + 5, period + 90, 2 * period + 7])
        words = spc_words48(times, np.zeros(5), np.zeros(5))
        late = spc_words48([period - 8], [3], [77])[1:]
        words = np.concatenate([words[:4], late, words[4:]])  # behind the photon that carries the overflow
        (tmp_path / "a.spc").write_bytes(words.tobytes())
        stream = read_spc(tmp_path / "a.spc", variant="spc-600-4096")
        assert load(stream, size).times.tolist() == sorted([*times.tolist(), period - 8])
        raw = join_records(list(stream.source.source.chunks(size)), mode="T3")
        assert raw.times.tolist() == [period - 60, period - 20, period + 5, period - 8, period + 90, 2 * period + 7]


class TestSetup:
    def test_channel_width_from_range_and_gain(self, tmp_path):
        write_set(tmp_path / "a.set", tac_range_s=1e-7, gain=5)
        stream = read_spc(write_spc(tmp_path / "a.spc", *events(np.random.default_rng(1), 100, "spc-130")))
        assert stream.tick_ps == pytest.approx(1e5 / 5 / 4096)
        assert stream.notes == ()

    def test_own_clock_of_the_card_is_told(self, tmp_path):
        write_set(tmp_path / "a.SET", clock=0)
        stream = read_spc(write_spc(tmp_path / "a.spc", *events(np.random.default_rng(1), 100, "spc-130")))
        assert stream.provenance.header["macro_clock_source"] == "internal"
        assert any("does not count laser pulses" in note for note in stream.notes)

    @pytest.mark.parametrize(("clock", "source"), [(500, "internal"), (250, "internal"), (125, "not stated")])
    def test_length_of_the_clock_tells_where_nothing_else_does(self, tmp_path, clock, source):
        path = write_spc(tmp_path / "a.spc", *events(np.random.default_rng(1), 100, "spc-130"), clock_01ns=clock)
        assert read_spc(path).provenance.header["macro_clock_source"] == source

    @pytest.mark.parametrize(
        ("module", "bits", "layout"),
        [("SPC-630", 12, "spc-600-4096"), ("SPC-600", 8, "spc-600-256"), ("SPC-830", 12, "spc-130")],
    )
    def test_card_decides_the_layout(self, tmp_path, module, bits, layout):
        write_set(tmp_path / "a.set", module=module, bits=bits)
        times, channels, delays = events(np.random.default_rng(1), 5, layout)  # too few to tell by their order
        same(
            read_spc(write_spc(tmp_path / "a.spc", times, channels, delays, layout=layout)).load(),
            times,
            channels,
            delays,
        )

    def test_setup_file_of_another_card_is_a_contradiction(self, tmp_path):
        write_set(tmp_path / "a.set", module="SPC-630", bits=12)
        stream = read_spc(write_spc(tmp_path / "a.spc", *events(np.random.default_rng(1), 2000, "spc-130")))
        assert "its .set file (SPC-630)" in stream.contradictions[0]

    def test_card_that_is_not_read_is_named(self, tmp_path):
        write_set(tmp_path / "a.set", module="DPC-230")
        path = write_spc(tmp_path / "a.spc", *events(np.random.default_rng(1), 50, "spc-130"))
        with pytest.raises(InputError, match="DPC-230 are not supported"):
            read_spc(path)

    def test_damaged_setup_file_is_as_none(self, tmp_path):
        (tmp_path / "a.set").write_bytes(b"\x00\xff*SETUP #SP [SP_TAC_R,F,nan] #SP [SP_TAC_G,I,0]")
        stream = read_spc(write_spc(tmp_path / "a.spc", *events(np.random.default_rng(1), 50, "spc-130")))
        assert stream.tick_ps == pytest.approx(25000 / 4096)


class TestDamage:
    def test_cut_file_gives_what_is_whole(self, tmp_path):
        times, channels, delays = events(np.random.default_rng(2), 300, "spc-130", longest=10)
        path = write_spc(tmp_path / "a.spc", times, channels, delays)
        path.write_bytes(path.read_bytes()[:-3])
        stream = read_spc(path)
        assert stream.truncated
        assert "ends 1 bytes into a record" in stream.notes[0]
        same(stream.load(), times[:-1], channels[:-1], delays[:-1])

    def test_overflows_of_ages_are_refused(self, tmp_path):
        words = spc_words32(*events(np.random.default_rng(2), 300, "spc-130"))
        words = np.insert(words, np.repeat(150, 5000), 0xCFFFFFFF)
        (tmp_path / "a.spc").write_bytes(words.astype("<u4").tobytes())
        stream = read_spc(tmp_path / "a.spc")
        assert "add up to more than" in stream.contradictions[0]
        with pytest.raises(DataError, match="no measurement is that long"):
            stream.load()

    def test_clock_that_no_card_has_is_a_contradiction(self, tmp_path):
        path = write_spc(tmp_path / "a.spc", *events(np.random.default_rng(2), 300, "spc-130"), clock_01ns=0x700000)
        assert "macro clock of 7.34e+05 ns" in read_spc(path).contradictions[0]

    def test_records_in_no_order_are_a_contradiction(self, tmp_path):
        words = np.random.default_rng(0).integers(0, 1 << 28, 5000, dtype=np.uint32)
        words[0] = 0x80000000 | 250
        (tmp_path / "a.spc").write_bytes(words.tobytes())
        assert "are invalid as any known layout" in read_spc(tmp_path / "a.spc").contradictions[0]

    def test_another_file_is_refused(self, tmp_path):
        (tmp_path / "a.spc").write_bytes(b"\x00K" + np.random.default_rng(1).bytes(5000))
        with pytest.raises(InputError, match="does not begin with the record of the macro clock"):
            read_spc(tmp_path / "a.spc")

    @pytest.mark.parametrize("content", [b"", b"\x01", b"\x01\x02\x03"])
    def test_too_short(self, tmp_path, content):
        (tmp_path / "a.spc").write_bytes(content)
        with pytest.raises(InputError, match="shorter than one record"):
            read_spc(tmp_path / "a.spc")

    def test_no_photons(self, tmp_path):
        (tmp_path / "a.spc").write_bytes(spc_words32([], [], []).tobytes())
        assert len(read_spc(tmp_path / "a.spc").load()) == 0

    def test_missing_file_and_unknown_layout(self, tmp_path):
        with pytest.raises(InputError, match="does not exist"):
            read_spc(tmp_path / "a.spc")
        with pytest.raises(InputError, match="spc-130"):
            read_spc(tmp_path / "a.spc", variant="spc-131")


def test_is_recognised_by_two_of_name_beginning_and_order(tmp_path):
    path = write_spc(tmp_path / "a.spc", *events(np.random.default_rng(2), 2000, "spc-130"))
    head = path.read_bytes()[:4096]
    assert looks_like_spc(head, path)
    renamed = path.rename(tmp_path / "a.bin")
    assert looks_like_spc(head, renamed)
    noise = tmp_path / "noise.bin"
    noise.write_bytes(np.random.default_rng(1).bytes(20000))
    assert not looks_like_spc(noise.read_bytes()[:4096], Path(noise))
