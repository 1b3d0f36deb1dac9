"""Time tags as text: columns, units, decimals, bad lines."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from tests.photons.writers import write_text

from qdmol.errors import DataError, InputError
from qdmol.photons.stream import join_records
from qdmol.photons.text import looks_like_text, names_photons, read_text


def text(folder, content, name="a.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def load(path, size=1 << 20):
    return join_records(list(read_text(path).chunks(size)), mode="T2")


class TestColumns:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", " "])
    @pytest.mark.parametrize("columns", ["channel,time_ps", "time_ps,channel", "Time [ps],Detector", "timestamp_ps,ch"])
    def test_names_and_delimiters(self, tmp_path, columns, delimiter):
        names = [name.replace(" ", "_") if delimiter == " " else name for name in columns.split(",")]
        values = {"t": [10, 25, 25], "c": [2, 1, 2]}
        rows = {name: values["c" if name[:2].lower() in {"ch", "de"} else "t"] for name in names}
        records = load(write_text(tmp_path / "a.csv", rows, delimiter=delimiter))
        assert records.times.tolist() == [10, 25, 25]
        assert records.channels.tolist() == [2, 1, 2]

    def test_times_alone_are_on_one_channel(self, tmp_path):
        records = load(text(tmp_path, "time_ps\n5\n7\n"))
        assert records.times.tolist() == [5, 7]
        assert records.channels.tolist() == [0, 0]

    @pytest.mark.parametrize(
        "content", ["1\t123456789\n2\t123456799\n", "1 123456789\n2 123456799", "123456789,1\n123456799,2"]
    )
    def test_without_names_small_numbers_are_channels(self, tmp_path, content):
        path = text(tmp_path, content)
        assert load(path).times.tolist() == [123456789, 123456799]
        assert load(path).channels.tolist() == [1, 2]
        assert read_text(path).notes == ("The unit of the times is not stated; they are taken as ps.",)

    def test_further_columns_are_left_out(self, tmp_path):
        path = text(tmp_path, 'index,channel,time_ps,remark\n1,2,30,good\n2,1,40,"so, so"\n'.replace(", so", ""))
        assert load(path).times.tolist() == [30, 40]

    def test_falling_edges_get_channels_of_their_own(self, tmp_path):
        assert load(text(tmp_path, "channel,time_ps\n-2,30\n2,40\n")).channels.tolist() == [130, 2]

    def test_t3_from_sync_and_delay(self, tmp_path):
        path = text(tmp_path, "# repetition rate: 80 MHz\nsync,dtime_ns,ch\n5,1.25,0\n6,2.5,1\n")
        stream = read_text(path)
        records = stream.load()
        assert (stream.mode, stream.tick_ps, stream.sync_period_ps) == ("T3", 1.0, 12500.0)
        assert records.times.tolist() == [5, 6]
        assert records.delays.tolist() == [1250, 2500]
        assert records.channels.tolist() == [0, 1]

    def test_steady_pulse_is_the_sync(self, tmp_path):
        rng = np.random.default_rng(1)
        times = np.concatenate([12_500 * np.arange(500), rng.integers(0, 6_000_000, 200)])
        channels = np.concatenate([np.full(500, 4), np.full(200, 1)])
        order = np.argsort(times, kind="stable")
        path = write_text(tmp_path / "a.csv", {"channel": channels[order], "time_ps": times[order]})
        assert np.array_equal(read_text(path).load().sync_times, 12_500 * np.arange(500))
        path = write_text(tmp_path / "b.csv", {"channel": [3, 1], "time_ps": [1, 2]}, comments=["sync channel: 3"])
        assert read_text(path).load().sync_times.tolist() == [1]

    def test_comments_blank_lines_and_returns(self, tmp_path):
        content = "\ufeff# made by hand\r\n% another\r\ntime_ps,channel\r\n1,2\r\n\r\n// here\r\n5,3,\r\n"
        assert load(text(tmp_path, content)).times.tolist() == [1, 5]

    def test_lines_out_of_order_are_sorted(self, tmp_path):
        assert load(text(tmp_path, "time_ps,channel\n5,2\n1,1\n")).times.tolist() == [1, 5]


class TestUnits:
    @pytest.mark.parametrize(
        ("header", "value", "ps"),
        [
            ("time_ps", "9223372036854", 9223372036854),
            ("time_ns", "1234567.890", 1234567890),
            ("Time (us)", "2.5e3", 2_500_000_000),
            ("t [µs]", "0.000001", 1),
            ("time_ms", "+1", 10**9),
            ("time_s", "1234.567890123456", 1234567890123456),
            ("time (s)", "1.5E-12", 2),
        ],
    )
    def test_numbers_become_whole_ps_exactly(self, tmp_path, header, value, ps):
        assert load(text(tmp_path, f"{header},channel\n{value},1\n")).times.tolist() == [ps]

    def test_decimal_commas(self, tmp_path):
        assert load(text(tmp_path, "time (ns);channel\n1,5;2\n2,25;1\n")).times.tolist() == [1500, 2250]

    def test_ticks(self, tmp_path):
        stream = read_text(text(tmp_path, "# tick_ps: 81\ntime (ticks),channel\n1,2\n2,3\n"))
        assert stream.tick_ps == 81.0
        assert stream.load().times.tolist() == [1, 2]

    def test_unit_in_a_comment(self, tmp_path):
        assert load(text(tmp_path, "# unit: ns\ntime,channel\n1,2\n")).times.tolist() == [1000]

    @given(st.integers(-9 * 10**15, 9 * 10**15), st.integers(0, 12))
    def test_decimals_equal_exact_arithmetic(self, tmp_path_factory, number, places):
        digits = str(abs(number)).rjust(places + 1, "0")
        written = (
            ("-" if number < 0 else "") + digits[: len(digits) - places] + ("." + digits[-places:] if places else "")
        )
        scaled, rest = divmod(abs(number) * 1000, 10**places)
        whole = scaled + (2 * rest >= 10**places)
        path = text(tmp_path_factory.getbasetemp(), f"time_ns\n{written}\n", "decimal.csv")
        assert load(path).times.tolist() == [-whole if number < 0 else whole]


class TestPieces:
    @pytest.mark.parametrize("size", [1, 7, 1 << 20])
    @pytest.mark.parametrize("end", ["\n", ""])
    def test_pieces_of_any_length_give_the_same(self, tmp_path, size, end):
        rng = np.random.default_rng(1)
        times = 10**14 + np.cumsum(rng.integers(0, 10**6, 500))
        channels = rng.integers(0, 3, 500)
        path = write_text(tmp_path / "a.csv", {"channel": channels, "time_ps": times})
        path.write_text(path.read_text().rstrip("\n") + end)
        records = load(path, size)
        assert np.array_equal(records.times, times)
        assert np.array_equal(records.channels, channels)
        raw = join_records(list(read_text(path).source.source.chunks(size)), mode="T2")
        assert np.array_equal(raw.times, times)

    def test_lines_longer_than_a_piece(self, tmp_path):
        path = text(tmp_path, "time_ps,channel\n" + "".join(f"{t}{' ' * 300},1\n" for t in range(20)))
        assert load(path, 1).times.tolist() == list(range(20))


class TestRefusal:
    @pytest.mark.parametrize(
        ("line", "size"),
        [("12,x", 1 << 20), ("12,x", 1), ("nan,1", 7), ("12", 7), ("99999999999999999999,1", 7), ("1.2.3,1", 7)],
    )
    def test_bad_line_is_named(self, tmp_path, line, size):
        # beyond the head, which is read when the file is opened
        lines = [f"{10 * k},1" for k in range(12_000)]
        lines[10_000] = line
        path = text(tmp_path, "# c\ntime_ps,channel\n" + "\n".join(lines) + "\n")
        with pytest.raises(InputError) as caught:
            load(path, size)
        assert str(caught.value) == f"Line 10003 of `a.csv` cannot be read as numbers: {line!r}."
        assert caught.value.value == line

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("", "it is empty"),
            ("\n \n", "it is empty"),
            ("hello\nworld\n", "no line of numbers"),
            (b"\xff\xfe1\x00,\x001\x00", "zero bytes"),
            ("time_ns,counts\n1,2\n2,3\n", "not those of a list of photons"),
            ("wavelength,absorbance\n400,2\n", "not those of a list of photons"),
            ("a,b\n1,2\n", "not understood"),
            ("sync,channel\n1,2\n", "not understood"),
            ("time_ps,flag\n1,2\n", "not understood"),
            ("channel,time_ns\n1,2,5\n1,3,5\n", "2 columns are named but 3 are present"),
            ("time_ns,channel\n1,5,2,0\n", "commas seem to be both"),
            ("1,2\n3,4\n", "the meaning of its columns is unclear"),
            ("1.5,2\n3.5,4\n", "unit of its times is not stated"),
            ("time (ticks),channel\n1,2\n", "no comment states the tick"),
            ("# unit: days\ntime,channel\n1,2\n", "is unknown"),
            ("sync,delay_ps,channel\n1,2,0\n", "comment with the period"),
        ],
    )
    def test_what_is_not_understood_is_told(self, tmp_path, content, said):
        with pytest.raises(InputError, match=said):
            read_text(text(tmp_path, content))

    def test_endless_line(self, tmp_path):
        path = text(tmp_path, "time_ps,channel\n1,2\n" + "1" * 200_000)
        with pytest.raises(InputError):
            load(path)

    @pytest.mark.parametrize(
        ("statement", "columns", "said"),
        [
            ("sync_period_ps: 1e-5", "sync,delay_ps,channel", "sync period of 1e-05 ps"),
            ("sync_rate: 1e-2 hz", "sync,delay_ps,channel", "sync period of 1e\\+14 ps"),
            ("tick_ps: 1e-5", "time_ticks,channel", "tick of 1e-05 ps"),
            ("tick_ps: 1e300", "time_ticks,channel", "tick of 1e\\+300 ps"),
        ],
    )
    def test_a_clock_that_no_instrument_has(self, tmp_path, statement, columns, said):
        row = ",".join("1" for _ in columns.split(","))
        with pytest.raises(InputError, match=said):
            read_text(text(tmp_path, f"# {statement}\n{columns}\n" + f"{row}\n" * 20))

    def test_a_histogram_is_no_list_of_photons(self, tmp_path):
        counts = [0, 1, 40, 30, 22, 15, 11, 8, 6, 4, 3, 2]
        for rows in ([f"{k},{c}" for k, c in enumerate(counts)], map(str, counts)):
            with pytest.raises(InputError):
                read_text(text(tmp_path, "\n".join(rows) + "\n"))

    def test_impossible_values(self, tmp_path):
        for row, said in (("5,300", "channel 300"), (f"{4 * 10**18},1", "no measurement is that long")):
            path = text(tmp_path, f"time_ps,channel\n1,1\n{row}\n")
            with pytest.raises(DataError, match=said):
                load(path)
        path = text(tmp_path, "# sync_period_ps: 100\nsync,delay_ps,channel\n1,-5,1\n")
        with pytest.raises(DataError, match="delay is -5"):
            load(path)

    @pytest.mark.parametrize("end", ["45", "1,", "2,3"])
    def test_cut_file_gives_what_is_whole(self, tmp_path, end):
        stream = read_text(text(tmp_path, f"time_ps,channel\n100,2\n250,3\n{end}"))
        assert stream.truncated
        assert stream.load().times.tolist() == [100, 250]

    def test_a_last_line_without_an_end_is_whole(self, tmp_path):
        stream = read_text(text(tmp_path, "time_ps,channel\n100,2\n250,3"))
        assert not stream.truncated
        assert stream.load().times.tolist() == [100, 250]


def test_is_recognised_by_its_numbers():
    assert looks_like_text(b"time_ps,channel\n1,2\n", Path("a"))
    assert looks_like_text(b"anything", Path("a.csv"))
    assert not looks_like_text(b"anything", Path("a"))
    assert not looks_like_text(b"1,2\0", Path("a.csv"))
    assert not looks_like_text(b"", Path("a.csv"))


@pytest.mark.parametrize(
    "line",
    [
        "1" * 60_000,
        "1" * 60_000 + "e",
        "a" + " " * 60_000,
        "# a" + " " * 60_000 + "x",
        "a [" + "b" * 60_000,
        "1," * 30_000,
    ],
)
def test_the_patterns_of_a_long_line_are_tried_once(tmp_path, line):
    # in a pattern that can match in many ways these lines would take minutes
    code = (
        "import sys; from pathlib import Path; from qdmol.photons.text import read_text; read_text(Path(sys.argv[1]))"
    )
    path = text(tmp_path, f"time_ps,channel\n{line}\n1,0\n{line}\n")
    subprocess.run([sys.executable, "-c", code, str(path)], timeout=60, capture_output=True, check=False)


def test_names_of_photons_are_told_from_those_of_histograms():
    assert names_photons(b"# made by hand\nchannel,time_ps\n1,2\n")
    assert names_photons(b"sync;delay [ns];channel\n")
    for head in (b"Time [ns]\tCounts\n1\t2\n", b"Chan\tData\n1\t2\n", b"time,counts,channel\n", b"1 2\n"):
        assert not names_photons(head)
