"""Raw tags of a Time Tagger: synthetic files."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from tests.photons.writers import write_swabian

from qdmol.errors import DataError, InputError
from qdmol.photons.stream import join_records
from qdmol.photons.tag_files import looks_like_swabian, read_swabian


def rising(rng, count=300):
    return 10**13 + np.cumsum(rng.integers(0, 10**6, count)), rng.choice([1, 2, -2], count)


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_pieces_of_any_length_give_the_same(tmp_path, size):
    times, channels = rising(np.random.default_rng(1))
    stream = read_swabian(write_swabian(tmp_path / "a.dump", times, channels))
    records = join_records(list(stream.chunks(size)), mode="T2")
    assert np.array_equal(records.times, times)
    assert np.array_equal(records.channels, np.where(channels > 0, channels, 130))
    assert stream.tick_ps == 1.0
    assert "Falling edges of the inputs [2] are the channels [130]." in stream.notes


@given(steps=st.lists(st.integers(0, 2**40), min_size=1, max_size=50), size=st.integers(1, 60))
def test_round_trip(tmp_path_factory, steps, size):
    times = -(2**40) + np.cumsum(np.array(steps, dtype=np.int64))
    path = write_swabian(tmp_path_factory.getbasetemp() / "round.dump", times, np.arange(len(times)) % 4 + 1)
    records = join_records(list(read_swabian(path).chunks(size)), mode="T2")
    assert np.array_equal(records.times, times)
    assert np.array_equal(records.channels, np.arange(len(times)) % 4 + 1)


def test_steady_pulse_is_the_sync(tmp_path):
    rng = np.random.default_rng(1)
    syncs = 12_500 * np.arange(5000)
    times = np.concatenate([syncs, rng.integers(0, syncs[-1], 1000)])
    channels = np.concatenate([np.full(5000, 3), rng.integers(1, 3, 1000)])
    order = np.argsort(times, kind="stable")
    stream = read_swabian(write_swabian(tmp_path / "a.dump", times[order], channels[order]))
    assert stream.provenance.header["sync_channel"] == 3
    assert np.array_equal(stream.load().sync_times, syncs)
    other = read_swabian(tmp_path / "a.dump", sync_channel=2)
    assert len(other.load().sync_times) == (channels == 2).sum()


def test_what_the_instrument_lost_is_told_and_is_no_photon(tmp_path):
    times, channels = rising(np.random.default_rng(1), 100)
    kinds, missed = np.zeros(100, dtype=int), np.zeros(100, dtype=int)
    kinds[[10, 11, 12, 13, 40]] = [2, 4, 4, 3, 1]
    missed[[11, 12]] = [300, 14]
    stream = read_swabian(write_swabian(tmp_path / "a.dump", times, channels, kinds=kinds, missed=missed))
    assert np.array_equal(stream.load().times, times[kinds == 0])
    assert stream.notes[:3] == (
        "Among 100 records: 1 times the instrument overflowed and lost tags.",
        "Among 100 records: 314 tags were counted but not recorded.",
        "Among 100 records: 1 records report a clock failure.",
    )


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [("kind", 9, "kind 9"), ("channel", 128, "channel 128"), ("time", 2**62, "no measurement is that long")],
)
def test_impossible_tags_are_a_contradiction(tmp_path, field, value, said):
    times, channels = rising(np.random.default_rng(1), 100)
    kinds = np.zeros(100, dtype=int)
    {"kind": kinds, "channel": channels, "time": times}[field][50] = value
    stream = read_swabian(write_swabian(tmp_path / "a.dump", times, channels, kinds=kinds))
    assert said in stream.contradictions[0]
    with pytest.raises(DataError, match=said):
        stream.load()


def test_tags_out_of_order_are_sorted_and_it_is_said(tmp_path):
    times, channels = rising(np.random.default_rng(1), 100)
    times[[20, 21]] = times[[21, 20]]
    stream = read_swabian(write_swabian(tmp_path / "a.dump", times, channels))
    assert stream.unordered
    assert np.array_equal(stream.load().times, np.sort(times))


def test_cut_file_gives_what_is_whole(tmp_path):
    path = write_swabian(tmp_path / "a.dump", *rising(np.random.default_rng(1), 100))
    path.write_bytes(path.read_bytes()[:-1])
    stream = read_swabian(path)
    assert stream.truncated
    assert len(stream.load()) == 99


def test_ttbin_is_refused_with_a_way_out(tmp_path):
    (tmp_path / "a.ttbin").write_bytes(b"SITT" * 100)
    assert looks_like_swabian(b"SITT" * 100, tmp_path / "a.ttbin")
    with pytest.raises(InputError, match="not public; export raw tags"):
        read_swabian(tmp_path / "a.ttbin")


def test_too_short(tmp_path):
    (tmp_path / "a.dump").write_bytes(b"\0" * 15)
    with pytest.raises(InputError, match="shorter than one tag"):
        read_swabian(tmp_path / "a.dump")


def test_is_recognised_by_its_tags(tmp_path):
    head = write_swabian(tmp_path / "a", *rising(np.random.default_rng(1), 100)).read_bytes()
    assert looks_like_swabian(head, Path("a"))
    assert not looks_like_swabian(head[3:], Path("a"))
    assert not looks_like_swabian(bytes(4096), Path("a"))
    assert not looks_like_swabian(b"", Path("a"))
