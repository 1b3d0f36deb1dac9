"""Decay histograms from files, and what is refused."""

import struct

import numpy as np
import pytest

from qdmol.analysis.lifetime import Decay, fit_lifetime, read_decay, read_decays
from qdmol.errors import InputError

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
    assert [decay.counts[2] for decay in read_decays(path)] == [40, 80]
    assert read_decay(path, column=1, period_ns=20.0).period_ns == 20.0
    assert "taken as ns" in read_decay(path).notes[0]
    with pytest.raises(InputError, match="column"):
        read_decay(path, column=2)


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
    with pytest.raises(InputError, match="can be read"):
        read_decay(tmp_path / "none.csv")
    (tmp_path / "cut.phu").write_bytes(b"PQHISTO\0" + b"1.0.00\0\0" + b"\0" * 20)
    with pytest.raises(InputError, match="PHU"):
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
    assert flags["afterglow"].value == pytest.approx(34.6, abs=1.0)
