"""quTAG: the measured file, which is not in order of time, and synthetic ones."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from tests.photons.writers import write_qutag

from qdmol.errors import DataError, InputError
from qdmol.photons.stream import join_records
from qdmol.photons.synchronising import to_t3
from qdmol.photons.tag_files import looks_like_qutag, read_qutag

NAME = "qutag_80mhz_unordered.qutag"


def tags(rng, count=4000, period=100_000):
    """A steady pulse on channel 5 and photons on 1 and 2, in order of time."""
    syncs = 10**12 + period * np.arange(count) + rng.integers(-8, 9, count)
    photons = np.sort(rng.integers(syncs[0], syncs[-1], count))
    times = np.concatenate([syncs, photons])
    channels = np.concatenate([np.full(count, 5), rng.integers(1, 3, count)])
    order = np.argsort(times, kind="stable")
    return times[order], channels[order]


class TestMeasured:
    def test_counts_and_order(self, data_folder):
        stream = read_qutag(data_folder / "photons" / NAME)
        records = stream.load()
        assert np.bincount(records.channels).tolist() == [0, 79314, 94287]
        assert len(records.sync_times) == 94200
        assert (np.diff(records.times) >= 0).all()
        assert (np.diff(records.sync_times) >= 0).all()
        assert (records.times[-1] - records.times[0]) * 1e-12 == pytest.approx(5.0438, abs=1e-4)
        assert stream.unordered
        assert any("not in chronological order" in note for note in stream.notes)
        assert "Channel 5 contains periodic pulses and is taken as the sync channel." in stream.notes

    def test_photons_are_those_of_a_plain_reading(self, data_folder):
        path = data_folder / "photons" / NAME
        raw = np.fromfile(path, dtype=[("time", "<u8"), ("channel", "<u2")], offset=40)
        assert (np.diff(raw["time"].astype(np.int64)) < 0).sum() == 173  # the file's own order
        raw = np.sort(raw, order="time", kind="stable")
        for size in (5000, 1 << 20):
            records = join_records(list(read_qutag(path).chunks(size)), mode="T2")
            assert np.array_equal(records.times, raw["time"][raw["channel"] != 5])
            assert np.array_equal(records.sync_times, raw["time"][raw["channel"] == 5])

    def test_sync_is_every_eighth_of_80_mhz(self, data_folder):
        pulses = to_t3(read_qutag(data_folder / "photons" / NAME))
        assert 1e6 / pulses.sync_period_ps == pytest.approx(80.03, abs=0.01)
        assert "every 8th laser pulse" in pulses.notes[-1]
        records = pulses.load()
        for channel in (1, 2):
            delays = records.delays[records.channels == channel]
            counts = np.histogram(delays, bins=16, range=(0, pulses.sync_period_ps))[0]
            # light of single pulses, not of eight on top of each other
            assert np.sort(counts)[-2:].sum() > 0.9 * len(delays)


class TestSynthetic:
    @pytest.mark.parametrize("size", [1, 7, 1 << 20])
    def test_pieces_of_any_length_give_the_same(self, tmp_path, size):
        times, channels = tags(np.random.default_rng(1), 300)
        stream = read_qutag(write_qutag(tmp_path / "a.qutag", times, channels))
        records = join_records(list(stream.chunks(size)), mode="T2")
        assert np.array_equal(records.times, times[channels != 5])
        assert np.array_equal(records.channels, channels[channels != 5])
        assert np.array_equal(records.sync_times, times[channels == 5])
        assert not stream.unordered

    @given(steps=st.lists(st.integers(0, 2**40), max_size=50), size=st.integers(1, 60))
    def test_round_trip(self, tmp_path_factory, steps, size):
        times = 2**58 + np.cumsum(np.array(steps, dtype=np.int64))
        path = write_qutag(tmp_path_factory.getbasetemp() / "round.qutag", times, np.arange(len(times)) % 4)
        records = join_records(list(read_qutag(path).chunks(size)), mode="T2")
        assert np.array_equal(records.times, times)
        assert np.array_equal(records.channels, np.arange(len(times)) % 4)

    def test_sync_channel_can_be_given(self, tmp_path):
        times, channels = tags(np.random.default_rng(1))
        stream = read_qutag(write_qutag(tmp_path / "a.qutag", times, channels), sync_channel=1)
        assert np.array_equal(stream.load().sync_times, times[channels == 1])

    def test_photons_alone_have_no_sync(self, tmp_path):
        rng = np.random.default_rng(2)
        times = np.sort(rng.integers(0, 10**10, 5000))
        stream = read_qutag(write_qutag(tmp_path / "a.qutag", times, rng.integers(1, 3, 5000)))
        assert len(stream.load().sync_times) == 0
        assert stream.provenance.header["sync_channel"] is None

    def test_photons_of_slow_pulses_are_no_sync(self, tmp_path):
        # 10 kHz, 5 ns of lifetime: near a comb, but not as near as electronic pulses
        rng = np.random.default_rng(3)
        dark = np.sort(rng.integers(0, 4 * 10**11, 1000))
        times = 100_000_000 * np.arange(4000) + rng.exponential(5000, 4000).astype(int)
        order = np.argsort(np.concatenate([times, dark]), kind="stable")
        channels = np.repeat([1, 2], [4000, 1000])[order]
        stream = read_qutag(write_qutag(tmp_path / "a.qutag", np.concatenate([times, dark])[order], channels))
        assert stream.provenance.header["sync_channel"] is None


class TestDamage:
    def test_cut_file_gives_what_is_whole(self, tmp_path):
        times, channels = tags(np.random.default_rng(1), 100)
        path = write_qutag(tmp_path / "a.qutag", times, channels)
        path.write_bytes(path.read_bytes()[:-4])
        stream = read_qutag(path, sync_channel=5)
        assert stream.truncated
        assert "ends 6 bytes into a tag" in stream.notes[0]
        assert len(stream.load()) + len(stream.load().sync_times) == 199

    @pytest.mark.parametrize(
        ("damage", "said"),
        [
            (lambda times, channels: channels.__setitem__(50, 4000), "channel 4000"),
            (lambda times, channels: times.__setitem__(50, 2**62), "no measurement is that long"),
        ],
    )
    def test_impossible_tags_are_a_contradiction(self, tmp_path, damage, said):
        times, channels = tags(np.random.default_rng(1), 100)
        damage(times, channels)
        stream = read_qutag(write_qutag(tmp_path / "a.qutag", times, channels))
        assert said in stream.contradictions[0]
        with pytest.raises(DataError, match=said):
            stream.load()

    def test_time_beyond_the_clock(self, tmp_path):
        path = write_qutag(tmp_path / "a.qutag", np.array([2**63 + 5], dtype=np.uint64), [1])
        assert "exceeds the range of the quTAG clock" in read_qutag(path).contradictions[0]

    def test_header_alone_has_no_photons(self, tmp_path):
        assert len(read_qutag(write_qutag(tmp_path / "a.qutag", [], [])).load()) == 0

    def test_shorter_than_the_header(self, tmp_path):
        (tmp_path / "a.qutag").write_bytes(b"\x87" * 39)
        with pytest.raises(InputError, match="shorter than its header"):
            read_qutag(tmp_path / "a.qutag")


def test_is_recognised_by_its_tags(tmp_path):
    times, channels = tags(np.random.default_rng(1), 100)
    head = write_qutag(tmp_path / "a.bin", times, channels).read_bytes()[:4096]
    assert looks_like_qutag(head, Path("a.bin"))
    assert not looks_like_qutag(head[1:], Path("a.bin"))
    assert not looks_like_qutag(bytes(4096), Path("a.bin"))
    assert not looks_like_qutag(b"", Path("a.qutag"))
