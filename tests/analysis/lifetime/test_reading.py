"""Decay histograms from files, and what is refused."""

import struct

import numpy as np
import pytest

from qdmol.analysis import Decay, analyze_photons, fit_lifetime, read_decay, read_decays
from qdmol.analysis.lifetime.reading import read_response
from qdmol.errors import InputError
from qdmol.photons import is_histogram_file as is_histogram

COUNTS = [0, 1, 40, 30, 22, 15, 11, 8, 6, 4, 3, 2]


def write(path, lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("header", "line", "width"),
    [
        ("Time [ns],Counts", "{t},{c}", 0.5),
        ("time (ps)\tcounts", "{t}\t{c}", 0.0005),
        ("Zeit/ns;Ereignisse", "{t_comma};{c}", 0.5),
        ("t [µs]   N", "{t}   {c}", 500.0),
        ("# Time (ns) PL", "{t_comma} {c}", 0.5),
    ],
)
def test_columns_with_units_and_either_decimal_sign(tmp_path, header, line, width):
    rows = [line.format(t=0.5 * k, t_comma=f"{0.5 * k:.2f}".replace(".", ","), c=c) for k, c in enumerate(COUNTS)]
    decay = read_decay(write(tmp_path / "decay.txt", [header, *rows]))
    assert decay.counts.tolist() == COUNTS
    assert decay.bin_width_ns == pytest.approx(width)
    assert decay.first_bin_ns == pytest.approx(-0.5 * width)
    assert decay.notes == ()


def test_many_columns_and_a_missing_unit(tmp_path):
    rows = [f"{k},{c},{2 * c}" for k, c in enumerate(COUNTS)]
    path = write(tmp_path / "two.csv", ["t,a,b", *rows])
    assert [decay.counts[2] for decay in read_decays(path, unit="ns")] == [40, 80]
    assert read_decay(path, column=1, unit="ns", period_ns=20.0).period_ns == 20.0
    assert read_decay(path, column="b", unit="ps").counts[2] == 80
    assert read_decay(path, column=2, unit="ps").bin_width_ns == pytest.approx(0.001)
    for options, field in (
        ({"unit": "ns"}, "column"),
        ({"column": 1}, "unit"),
        ({"column": 0, "unit": "ns"}, "column"),
        ({"column": 3, "unit": "ns"}, "column"),
        ({"column": 1, "unit": "nm"}, "unit"),
    ):
        with pytest.raises(InputError) as refused:
            read_decay(path, **options)
        assert refused.value.field == field


@pytest.mark.parametrize("header", [["#ns/channel", "0.016", "#counts"], ["ps/channel: 16", "counts"]])
def test_a_single_column_with_a_stated_width(tmp_path, header):
    decay = read_decay(
        write(
            tmp_path / "curve.dat",
            ["#PicoHarp 300  Histogram Data", "#channels", "4096", *header, "", *map(str, COUNTS)],
        )
    )
    assert decay.counts[-len(COUNTS) :].tolist() == COUNTS
    assert decay.bin_width_ns == pytest.approx(0.016)


def test_a_block_of_becker_and_hickl(tmp_path):
    rows = [f"{0.1 * k:.3f} {c}" for k, c in enumerate(COUNTS)]
    decay = read_decay(write(tmp_path / "decay.asc", ["*IDENTIFICATION", "*BLOCK 1 Time[ns] Counts", *rows, "*END"]))
    assert decay.counts.tolist() == COUNTS
    assert decay.bin_width_ns == pytest.approx(0.1)


def test_counts_are_restored_behind_a_subtracted_background(tmp_path):
    rng = np.random.default_rng(1)
    times = 0.05 * np.arange(3000)
    truth = rng.poisson(250 + np.where(times > 50, 5e4 * np.exp(-(times - 50) / 3.0), 0.0))
    values = truth - truth[:900].mean()
    rows = [f"{t:.3f},{v:.9f}" for t, v in zip(times, values, strict=True)]
    decay = read_decay(write(tmp_path / "sub.csv", ["Time [ns],PL [counts]", *rows]))
    assert "restored" in decay.notes[0]
    lift = decay.counts - truth
    assert np.ptp(lift) < 1e-9
    # the noise of 900 bins tells the level to about 5 %
    assert abs(lift[0]) < 50


@pytest.mark.parametrize(
    "lines",
    [
        ["nothing here"],
        ["Time [ns],Counts", "0,1", "1,2"],
        ["Time [ns],Counts", *[f"{k * k},{c}" for k, c in enumerate(COUNTS)]],
        ["Time [ns],Counts", *[f"{k},{c / 40:.7f}" for k, c in enumerate(np.exp(-np.arange(40) / 7.3))]],
        ["Time [ns],Counts", *[f"{k},nan" for k in range(20)]],
        ["Time [ns],Counts", *[f"{k},0" for k in range(20)]],
        [*[f"{c}" for c in COUNTS]],
        ["Time [ns],Counts", *[f"{k},{c}" for k, c in enumerate(COUNTS)], "3,4,5"],
    ],
)
def test_nonsense_is_refused(tmp_path, lines):
    with pytest.raises(InputError):
        read_decay(write(tmp_path / "bad.csv", lines))


def test_binary_and_missing_files_are_refused(tmp_path):
    (tmp_path / "bad.sdt").write_bytes(b"\x00\x01" * 500)
    with pytest.raises(InputError, match="binary"):
        read_decay(tmp_path / "bad.sdt")
    with pytest.raises(InputError, match="does not exist"):
        read_decay(tmp_path / "none.csv")
    (tmp_path / "cut.phu").write_bytes(b"PQHISTO\0" + b"1.0.00\0\0" + b"\0" * 20)
    with pytest.raises(InputError, match="header"):
        read_decay(tmp_path / "cut.phu")


def tag(name, kind, value, index=-1, extra=b""):
    return name.encode().ljust(32, b"\0") + struct.pack("<iI", index, kind) + value + extra


def test_phu_of_picoquant(tmp_path):
    whole, real, empty = 0x10000008, 0x20000008, 0xFFFF0008
    counts = np.array(COUNTS * 2, dtype="<u4")

    def header(offset):
        return b"".join(
            [
                b"PQHISTO\0",
                b"1.0.00\0\0",
                tag("MeasDesc_BinningFactor", whole, struct.pack("<q", 1)),
                tag("HistoResult_NumberOfCurves", whole, struct.pack("<q", 1)),
                tag("HistResDscr_CurveIndex", whole, struct.pack("<q", 0), 0),
                tag("HistResDscr_DataOffset", whole, struct.pack("<q", offset), 0),
                tag("HistResDscr_HistogramBins", whole, struct.pack("<q", len(counts)), 0),
                tag("HistResDscr_MDescResolution", real, struct.pack("<d", 16e-12), 0),
                tag("HistResDscr_SyncRate", whole, struct.pack("<q", 40_000_000), 0),
                tag("Header_End", empty, struct.pack("<q", 0)),
            ]
        )

    path = tmp_path / "curve.phu"
    path.write_bytes(header(len(header(0))) + counts.tobytes())
    decay = read_decay(path)
    assert decay.counts.tolist() == counts.tolist()
    assert decay.bin_width_ns == pytest.approx(0.016)
    assert decay.period_ns == pytest.approx(25.0)


def test_counts_beyond_the_period_are_told():
    """A histogram that spans two periods: what lies behind the first is left out, and a flag says how much."""
    rng = np.random.default_rng(0)
    delays = 1.0 + rng.exponential(2.0, 20_000)
    counts = np.histogram(np.concatenate([delays, delays + 25.0]), np.arange(0.0, 50.1, 0.1))[0]
    fit = fit_lifetime(Decay(counts, 0.1, period_ns=25.0), model="1")
    flag = next(flag for flag in fit.flags if flag.name == "beyond_period")
    assert flag.severity == "warning"
    assert flag.value == pytest.approx(counts[250:].sum())
    whole = fit_lifetime(Decay(counts[:250], 0.1, period_ns=25.0), model="1")
    assert all(flag.name != "beyond_period" for flag in whole.flags)


def test_a_foot_before_the_pulse_is_no_afterglow():
    """A twentieth of the photons come up to 2 ns before the pulse, by the foot of a measured response."""
    rng = np.random.default_rng(1)
    delays = 8.0 + rng.normal(0, 0.1, 100_000) + rng.exponential(2.0, 100_000)
    foot = 6.0 + 1.5 * rng.random(1500)
    late = 35.0 + rng.normal(0, 0.2, 1000)
    counts = np.histogram(np.concatenate([delays, foot, late]) % 50.0, np.arange(0.0, 50.05, 0.1))[0]
    flags = {flag.name: flag for flag in fit_lifetime(Decay(counts, 0.1, period_ns=50.0), model="1").flags}
    assert flags["rise_before_pulse"].value == pytest.approx(6.0, abs=1.5)
    # the start of a stretch whose bins are joined where the decay is faint
    assert flags["afterglow"].value == pytest.approx(34.0, abs=1.0)


def columns(*values, sep="\t"):
    return [sep.join(map(str, row)) for row in zip(*values, strict=True)]


TIMES = [round(0.5 * k, 3) for k in range(len(COUNTS))]
CHANNELS = range(1, len(COUNTS) + 1)
DOUBLE = [2 * count for count in COUNTS]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252", "mac_roman"])
def test_a_micro_sign_in_every_encoding(tmp_path, encoding):
    path = tmp_path / "decay.txt"
    path.write_bytes("\n".join(["Time [µs]\tCounts", *columns(TIMES, COUNTS)]).encode(encoding))
    assert read_decay(path).bin_width_ns == pytest.approx(500.0)


@pytest.mark.parametrize(
    ("lines", "width"),
    [
        (["Time,Counts", "ps,cnts", *columns(TIMES, COUNTS, sep=",")], 0.0005),
        (["Acquisition Time (s): 60", "Time (ns),Counts", *columns(TIMES, COUNTS, sep=",")], 0.5),
        (["Chan\tTime/ps\tCounts", *columns(CHANNELS, range(0, 16 * len(COUNTS), 16), COUNTS)], 0.016),
        (["Labels,A,", "Xunits,ps,", *[f"{row}," for row in columns(TIMES, COUNTS, sep=",")]], 0.0005),
        (["Time Calibration (sec/ch): 1.6E-11", "Chan\tData", *columns(CHANNELS, COUNTS)], 0.016),
        (["Resolution (ps): 16", "Channel\tCounts", *columns(CHANNELS, COUNTS)], 0.016),
        (["Bin width: 0.016 ns", "bin;counts", *columns(CHANNELS, COUNTS, sep=";")], 0.016),
        (["time_us,counts", *columns(TIMES, COUNTS, sep=",")], 500.0),
        (["16 ps/channel", *map(str, COUNTS)], 0.016),
        (["# Time calibration 0.016 ns per channel", "# Counts", *map(str, COUNTS)], 0.016),
        (["Channel\tTime / nS\tDecay", *columns(CHANNELS, TIMES, COUNTS)], 0.5),
        (["Counts\tTime (us)", *columns(COUNTS, TIMES)], 500.0),
        (['"Time (ns)";"Counts"', *[f'"{t}";"{c}"' for t, c in zip(TIMES, COUNTS, strict=True)]], 0.5),
    ],
)
def test_units_and_widths_as_instruments_write_them(tmp_path, lines, width):
    decay = read_decay(write(tmp_path / "decay.txt", lines))
    assert decay.counts.tolist() == COUNTS
    assert decay.bin_width_ns == pytest.approx(width)


@pytest.mark.parametrize(
    "lines",
    [
        columns(TIMES, COUNTS),
        columns(CHANNELS, COUNTS),
        ["Integration time: 10 s", "Time,Counts", *columns(TIMES, COUNTS, sep=",")],
        ["Time\tCounts/s", *columns(TIMES, COUNTS)],
        ["Time [ns] or [ps]\tCounts", *columns(TIMES, COUNTS)],
        # a micro sign that another code page has turned into a letter
        ["Time [æs]\tCounts", *columns(TIMES, COUNTS)],
    ],
)
def test_a_unit_that_is_not_clear_is_asked_for(tmp_path, lines):
    path = write(tmp_path / "decay.txt", lines)
    with pytest.raises(InputError, match="--unit"):
        read_decay(path)
    step = float(lines[-1].replace(",", "\t").split()[0]) - float(lines[-2].replace(",", "\t").split()[0])
    assert read_decay(path, unit="ps").bin_width_ns == pytest.approx(1e-3 * step)


@pytest.mark.parametrize(
    ("lines", "widths"),
    [
        (["#ns/channel", "0.032\t0.064", "#counts", *columns(COUNTS, DOUBLE)], [0.032, 0.064]),
        (["#ns/channel", "0.032", "#counts", *columns(COUNTS, DOUBLE)], [0.032, 0.032]),
        (["Time[ns]\tA\tTime[ps]\tB", *columns(TIMES, COUNTS, TIMES, DOUBLE)], [0.5, 0.0005]),
        (
            [
                *["*BLOCK 1 Time[ns] N", *columns(TIMES, COUNTS, sep=" "), "*END"],
                *["*BLOCK 2 Time[ps] N", *columns(TIMES, DOUBLE, sep=" "), "*END"],
            ],
            [0.5, 0.0005],
        ),
    ],
)
def test_curves_of_different_widths_are_chosen_from(tmp_path, lines, widths):
    path = write(tmp_path / "decays.txt", lines)
    with pytest.raises(InputError, match="--column"):
        read_decay(path)
    decays = read_decays(path)
    assert [decay.bin_width_ns for decay in decays] == pytest.approx(widths)
    assert [decay.counts.tolist() for decay in decays] == [COUNTS, DOUBLE]


def test_a_table_of_channels_is_no_text_of_time_tags(tmp_path):
    """Times in even steps, here rounded to whole ps, are the axis of a histogram whatever the columns are called."""
    times = [int(16.3 * k) for k in range(len(COUNTS))]
    path = write(tmp_path / "two.txt", ["Bin\tTime (ps)\tCh1\tCh2", *columns(CHANNELS, times, COUNTS, DOUBLE)])
    found = analyze_error(path)
    assert found.field == "column"
    assert read_decay(path, column="Ch2").counts.tolist() == DOUBLE
    one = write(tmp_path / "one.txt", ["Time (ps)\tCh1", *columns(times, COUNTS)])
    assert is_histogram(one)
    tags = [17, 90, 95, 411, 500, 732, 733, 901, 1222, 1300]
    assert not is_histogram(write(tmp_path / "tags.txt", ["time_ps\tchannel", *columns(tags, [0, 1] * 5)]))
    pulses = range(0, 1000, 100)
    assert not is_histogram(write(tmp_path / "even.txt", ["time_ps\tchannel", *columns(pulses, [0, 1] * 5)]))


def analyze_error(path):
    with pytest.raises(InputError) as refused:
        analyze_photons(path)
    return refused.value


def test_curves_of_different_length(tmp_path):
    rows = [f"{t},{c},{d if k < 9 else ''}" for k, (t, c, d) in enumerate(zip(TIMES, COUNTS, DOUBLE, strict=True))]
    decays = read_decays(write(tmp_path / "decays.csv", ["Time [ns],A,B", *rows]))
    assert [len(decay.counts) for decay in decays] == [len(COUNTS), 9]


def test_widths_that_do_not_match_the_curves_are_refused(tmp_path):
    with pytest.raises(InputError, match="3 for 2"):
        read_decays(write(tmp_path / "a.txt", ["#ns/channel", "1\t2\t4", "#counts", *columns(COUNTS, DOUBLE)]))


@pytest.mark.parametrize(
    "header",
    [
        "Wavelength (nm);Counts",
        "nm;counts",
        "λ [nm];PL",
        "Energy (eV);I",
        "Wavenumber (cm-1);Counts",
        "Wellenlänge/nm;N",
    ],
)
def test_a_spectrum_is_no_decay(tmp_path, header):
    path = write(tmp_path / "spectrum.csv", [header, *columns(range(400, 400 + len(COUNTS)), COUNTS, sep=";")])
    with pytest.raises(InputError, match="an emission spectrum is not a decay"):
        read_decay(path)


@pytest.mark.parametrize(
    "lines",
    [
        ["Labels,em,", "XAxis,Wavelength,", "YAxis,Counts,", ""],
        ["Counts,Wavelength (nm)"],
        ["Index,Wavelength (nm)"],
        ["Wavelength (ns),Counts"],
    ],
)
def test_a_unit_makes_no_decay_of_a_spectrum(tmp_path, lines):
    values = (COUNTS, range(400, 400 + len(COUNTS)))
    rows = columns(*(values if lines[0].startswith("Counts") else values[::-1]), sep=",")
    if lines[0].startswith("Index"):
        lines, rows = ["Index,Wavelength (nm),Counts"], columns(CHANNELS, values[1], COUNTS, sep=",")
    with pytest.raises(InputError, match="an emission spectrum is not a decay"):
        read_decay(write(tmp_path / "spectrum.csv", [*lines, *rows]), unit="ns")


def test_sizes_are_bounded_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("qdmol.text_tables._MAX_ROWS", 10_000)
    monkeypatch.setattr("qdmol.text_tables._MAX_NUMBERS", 50_000)
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(40_000_000)
    with pytest.raises(InputError, match="at most 32000000"):
        read_decay(path)
    for content in ("1\n" * 11_000, "1" * 70_000 + "\n1\n" * 10, "1,2,3,4,5,6,7,8,9,0\n" * 9000):
        path.write_text(content, encoding="ascii")
        with pytest.raises(InputError, match="at most"):
            read_decay(path)


def test_a_response_is_chosen_by_its_name(tmp_path):
    rows = columns(TIMES, COUNTS, DOUBLE)
    path = write(tmp_path / "both.txt", ["Time [ns]\tIRF\tQD", *rows])
    assert read_response(path).counts.max() == pytest.approx(39, abs=1)
    with pytest.raises(InputError, match="a separate file"):
        read_response(write(tmp_path / "none.txt", ["Time [ns]\tA\tB", *rows]))
