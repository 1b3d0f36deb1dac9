"""Files of histograms: what an independent writer put in comes out, and damaged files are refused in a sentence."""

import io
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tests.memory import peak_memory
from tests.photons import histogram_writers as writers

from qdmol.analysis import inspect_photons, read_decay, read_decays
from qdmol.errors import InputError
from qdmol.photons import holds_histograms, read_histograms, read_photons

RNG = np.random.default_rng(5)
DECAY = RNG.poisson(400 * np.exp(-np.arange(256) / 40.0) + 2)
OTHER = RNG.poisson(100 * np.exp(-np.arange(256) / 20.0) + 1)
SMALL = writers.measure_info(adc_re=256)


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(path, **options) -> str:
    with pytest.raises(InputError) as refused:
        read_histograms(path, **options)
    text = str(refused.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


class TestSdt:
    def test_decays_and_their_time_axis(self, tmp_path):
        content = writers.sdt_bytes(
            [(0x01, DECAY.astype("<u2"), 0), (0x1108, OTHER.astype("<u4"), 0)], measurements=[SMALL]
        )
        file = read_histograms(write(tmp_path / "a.sdt", content))
        assert [curve.values.tolist() for curve in file.histograms] == [DECAY.tolist(), OTHER.tolist()]
        # 50 ns of the TAC, gain 1, 256 bins
        assert file.histograms[0].width_ns == pytest.approx(50 / 256)
        assert file.histograms[0].first_ns == 0.0
        assert (file.instrument, file.comment, file.created) == ("SPC-150 3C0048", "film", "2021-05-06 12:29:01")

    @pytest.mark.parametrize("revision", [0x285, 0x28F], ids=["old headers", "long offsets"])
    @pytest.mark.parametrize("kind", [0x00, 0x1000], ids=["plain", "zipped"])
    def test_values_and_times_are_those_of_another_reader(self, tmp_path, revision, kind):
        sdtfile = pytest.importorskip("sdtfile")
        measurements = [
            writers.measure_info(adc_re=256, tac_r=1e-7, tac_g=4, min_sync_rate=7.9e7, max_sync_rate=8.1e7),
            writers.measure_info(adc_re=64, tac_r=5e-8, tac_g=1),
        ]
        blocks = [
            (kind | 0x01, DECAY.astype("<u2"), 0),
            (kind | 0x108, OTHER.astype("<u4"), 0),
            (kind | 0x11, np.stack([DECAY[:64], OTHER[:64]]).astype("<u2"), 1),
            (kind | 0x208, DECAY.astype("<f8"), 0),
        ]
        path = write(tmp_path / "a.sdt", writers.sdt_bytes(blocks, revision=revision, measurements=measurements))
        ours = read_histograms(path).histograms
        with sdtfile.SdtFile(path) as file:
            rows = [
                (row, time)
                for data, time in zip(file.data, file.times, strict=True)
                for row in data.reshape(-1, len(time))
            ]
            stated = file.measure_info[0].StopInfo
            assert (float(stated.min_sync_rate), float(stated.max_sync_rate)) == (7.9e7, 8.1e7)
        assert len(ours) == len(rows) == 5
        for curve, (values, time) in zip(ours, rows, strict=True):
            assert curve.values.tolist() == values.tolist()
            assert curve.edges_ns[:-1] == pytest.approx(1e9 * time)
        assert "sync rate of 80 MHz, a period of 12.5 ns" in ours[0].notes[0]
        assert ours[0].period_ns is None

    def test_an_image_is_summed_and_other_blocks_are_left_out(self, tmp_path):
        image = RNG.poisson(0.3, (400, 256)).astype("<u2")
        blocks = [
            (0x1061, image, 0),
            (0x228, np.zeros(16), 0),
            (0x158, np.zeros(16, "<u4"), 0),
            (0x01, np.zeros(256, "<u2"), 0),
        ]
        file = read_histograms(write(tmp_path / "a.sdt", writers.sdt_bytes(blocks, measurements=[SMALL])))
        assert file.histograms[0].values.tolist() == image.sum(axis=0).tolist()
        assert file.histograms[0].notes == ("The decay is the sum over 400 pixels of an image.",)
        assert file.notes == (
            "1 block of FCS is left out.", "1 block of MCS is left out.", "1 curve without counts is left out.",
        )  # fmt: skip

    def test_counters_that_are_full_are_told(self, tmp_path):
        full = DECAY.copy()
        full[:3] = 65535
        file = read_histograms(
            write(tmp_path / "a.sdt", writers.sdt_bytes([(0x01, full.astype("<u2"), 0)], measurements=[SMALL]))
        )
        assert "3 bins hold 65535 counts" in file.histograms[0].notes[0]

    def test_bins_of_zero_are_65536(self, tmp_path):
        counts = np.zeros(65536, "<u4")
        counts[100:500] = 7
        path = write(
            tmp_path / "a.sdt", writers.sdt_bytes([(0x108, counts, 0)], measurements=[writers.measure_info(adc_re=0)])
        )
        assert read_histograms(path).histograms[0].width_ns == pytest.approx(50 / 65536)

    @pytest.mark.parametrize(
        ("blocks", "options", "reason"),
        [
            ([(0x01, np.zeros(256, "<u2"), 0)], {}, "no decay with counts"),
            ([], {}, "contains no data blocks"),
            ([(0x228, np.zeros(16), 0)], {}, "no decay with counts; 1 block of FCS is left out"),
            ([(0x01, DECAY.astype("<u2"), 3)], {}, "names measurement 3, which is missing"),
            ([(0x01, DECAY.astype("<u2")[:250], 0)], {}, "holds no whole curves of 256 bins"),
            ([(0x4001, DECAY.astype("<u2"), 0)], {}, "by LZ4, which is not supported"),
            ([(0x301, DECAY.astype("<u2"), 0)], {}, "data of unknown type"),
            ([(0x208, np.full(256, np.nan), 0)], {}, "values that are not counts"),
            ([(0x208, np.full(256, -1.0), 0)], {}, "values that are not counts"),
            ([(0x01, DECAY.astype("<u2"), 0)], {"tac_g": 0}, "a TAC gain of 0"),
            ([(0x01, DECAY.astype("<u2"), 0)], {"tac_r": 0.0}, "a bin width of 0 ns"),
            ([(0x01, DECAY.astype("<u2"), 0)], {"tac_r": np.nan}, "a bin width of nan ns"),
        ],
    )  # fmt: skip
    def test_what_is_refused(self, tmp_path, blocks, options, reason):
        content = writers.sdt_bytes(blocks, measurements=[writers.measure_info(adc_re=256, **options)])
        assert reason in refusal(write(tmp_path / "a.sdt", content))

    def test_cut_files_are_refused_wherever_they_are_cut(self, tmp_path):
        content = writers.sdt_bytes(
            [(0x01, DECAY.astype("<u2"), 0), (0x1108, OTHER.astype("<u4"), 0)], measurements=[SMALL]
        )
        for stop in range(43, len(content) - 30, 61):
            refusal(write(tmp_path / "a.sdt", content[:stop]))

    def test_a_chain_that_goes_back_ends(self, tmp_path):
        content = bytearray(writers.sdt_bytes([(0x01, DECAY.astype("<u2"), 0)] * 2, measurements=[SMALL]))
        first = struct.unpack_from("<i", content, 14)[0]
        struct.pack_into("<i", content, first + 6, first)  # the next block is this one
        struct.pack_into("<hI", content, 18, 0x7FFF, 0)
        struct.pack_into("<I", content, 34, 60_000)
        assert "does not point forward" in refusal(write(tmp_path / "a.sdt", bytes(content)))
        struct.pack_into("<I", content, 34, 2**31)
        assert "data blocks; at most 65536" in refusal(write(tmp_path / "a.sdt", bytes(content)))

    def test_a_block_that_swells_takes_no_memory(self, tmp_path):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("data", "w") as file:
            for _ in range(8):
                file.write(bytes(10 << 20))
        content = bytearray(writers.sdt_bytes([(0x01, packed.getvalue(), 0)], measurements=[SMALL]))
        first = struct.unpack_from("<i", content, 14)[0]
        struct.pack_into("<H", content, first + 10, 0x1061)
        struct.pack_into("<I", content, first + 18, 80 << 20)
        before = peak_memory()
        assert "no decay with counts" in refusal(write(tmp_path / "a.sdt", bytes(content)))
        assert peak_memory() - before < 60 << 20
        # and an archive that holds less than the block states
        struct.pack_into("<I", content, first + 18, 90 << 20)
        assert "block 0 is not whole" in refusal(write(tmp_path / "a.sdt", bytes(content)))


class TestPicoQuant:
    @pytest.mark.parametrize(
        ("extension", "content", "name", "instrument", "width_ns", "period_ns"),
        [
            ("phd", writers.phd_bytes([DECAY, OTHER]), "PicoQuant PHD 2.0", "PicoHarp 300 1006579", 0.064, 100.0),
            ("hhd", writers.hhd_bytes([DECAY, OTHER]), "PicoQuant HHD 2.0", "HydraHarp 400 1666666", 0.016, 100.0),
            ("hhd", writers.hhd_bytes([DECAY, OTHER], version=b"1.0", inputs=4), "PicoQuant HHD 1.0",
             "HydraHarp 400 1666666", 0.016, 100.0),
            ("thd", writers.thd_bytes([DECAY, OTHER]), "PicoQuant THD 6.0", "TimeHarp 200 218", 0.036, 100.0),
            ("thd", writers.thd_bytes([DECAY, OTHER], version=b"5.0"), "PicoQuant THD 5.0", "TimeHarp 200 218",
             0.036, 100.0),
            ("thd", writers.thd_bytes([DECAY, OTHER], version=b"3.0"), "PicoQuant THD 3.0", "TimeHarp 200 218",
             0.036, 100.0),
            ("thd", writers.thd_bytes([DECAY, OTHER], version=b"2.0"), "PicoQuant THD 2.0", "TimeHarp 200 218",
             0.036, 100.0),
            ("phu", writers.phu_bytes([DECAY, OTHER]), "PicoQuant PHU", "MultiHarp 150", 0.016, 25.0),
        ],
    )  # fmt: skip
    def test_curves_and_header(self, tmp_path, extension, content, name, instrument, width_ns, period_ns):
        path = write(tmp_path / f"a.{extension}", content)
        file = read_histograms(path)
        assert (file.format, file.instrument) == (name, instrument)
        assert [curve.values.tolist() for curve in file.histograms] == [DECAY.tolist(), OTHER.tolist()]
        for curve in file.histograms:
            assert (curve.width_ns, curve.period_ns) == (pytest.approx(width_ns), pytest.approx(period_ns))
        # whatever the file is called, and by the name of its format
        assert read_histograms(path.rename(tmp_path / "b.dat")).format == name
        assert read_histograms(tmp_path / "b.dat", format=extension).format == name
        assert "is not a file of format sdt" in refusal(tmp_path / "b.dat", format="sdt")

    def test_a_phu_file_as_another_reader_reads_it(self, tmp_path):
        ptufile = pytest.importorskip("ptufile")
        path = write(tmp_path / "a.phu", writers.phu_bytes([DECAY, OTHER]))
        with ptufile.PhuFile(path) as file:
            theirs = [counts.tolist() for counts in file.histograms()]
        assert [curve.values.tolist() for curve in read_histograms(path).histograms] == theirs

    def test_empty_curves_are_left_out(self, tmp_path):
        file = read_histograms(write(tmp_path / "a.phd", writers.phd_bytes([np.zeros(256), DECAY, np.zeros(256)])))
        assert [curve.number for curve in file.histograms] == [1]
        assert file.notes == ("2 curves without counts are left out.",)
        assert "all its curves are empty" in refusal(write(tmp_path / "a.phd", writers.phd_bytes([np.zeros(256)])))

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (writers.phd_bytes([DECAY], version=b"1.0"), "is a PicoHarp file of version '1.0'"),
            (writers.hhd_bytes([DECAY], version=b"3.0"), "is a HydraHarp file of version '3.0'"),
            (writers.phd_bytes([DECAY], resolution_ns=0.0), "a bin width of 0 ns"),
            (writers.phd_bytes([DECAY], resolution_ns=np.nan), "a bin width of nan ns"),
            (writers.hhd_bytes([DECAY], resolution_ps=-4.0), "a bin width of -0.004 ns"),
            (writers.hhd_bytes([DECAY], inputs=0)[:-2], "bins of curve 0 are not within the file"),
            (writers.phd_bytes([DECAY[:4]]), "states 4 bins in curve 0"),
            (writers.thd_bytes([DECAY[:4]]), "states 4 bins in the header"),
            (writers.thd_bytes([DECAY, OTHER])[:-4], "bins of curve 1 are not within the file"),
            (writers.thd_bytes([DECAY, OTHER])[:-1100], "the header of curve 1 is missing"),
            (writers.phu_bytes([DECAY, OTHER])[:-4], "bins of curve 1 are not within the file"),
        ],
    )  # fmt: skip
    def test_what_is_refused(self, tmp_path, content, reason):
        path = write(tmp_path / "a.dat", content)
        assert holds_histograms(path)
        assert reason in refusal(path)

    def test_cut_files_are_refused_wherever_they_are_cut(self, tmp_path):
        for content in (
            writers.phd_bytes([DECAY]),
            writers.hhd_bytes([DECAY]),
            writers.thd_bytes([DECAY]),
            writers.phu_bytes([DECAY]),
        ):
            for stop in range(16, len(content), 53):
                refusal(write(tmp_path / "a.dat", content[:stop]))

    def test_stated_lengths_beyond_the_file_take_no_memory(self, tmp_path):
        content = bytearray(writers.phd_bytes([DECAY]))
        start = len(content) - 4 * 256 - 172
        struct.pack_into("<i", content, start + 96, 1 << 20)  # bins of the curve
        before = peak_memory()
        assert "1048576 bins of curve 0 are not within the file" in refusal(write(tmp_path / "a.phd", bytes(content)))
        struct.pack_into("<i", content, start + 96, 2**31 - 1)
        assert "states 2147483647 bins" in refusal(write(tmp_path / "a.phd", bytes(content)))
        struct.pack_into("<i", content, 328, 2**30)  # curves of the file
        assert "counts 1073741824 curves" in refusal(write(tmp_path / "a.phd", bytes(content)))
        assert peak_memory() - before < 50 << 20

    def test_files_of_tagged_photons_stay_what_they_are(self, tmp_path):
        path = write(tmp_path / "a.phd", writers.phd_bytes([DECAY], mode=3))
        assert not holds_histograms(path)
        with pytest.raises(InputError, match="holds histograms, not single photons"):
            read_photons(write(tmp_path / "b.phd", writers.phd_bytes([DECAY])))


class TestText:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
    def test_encodings(self, tmp_path, encoding):
        content = writers.edinburgh([DECAY, OTHER], names=["dots", "film"], unit="µs")
        raw = content.encode(encoding)
        if encoding == "utf-16":  # with its mark, in the other order of bytes too
            raw = b"\xfe\xff" + content.encode("utf-16-be")
            other = read_histograms(write(tmp_path / "b.txt", content.encode("utf-16")))
            assert [curve.name for curve in other.histograms] == ["dots", "film"]
        file = read_histograms(write(tmp_path / "a.txt", raw))
        assert [curve.values.tolist() for curve in file.histograms] == [DECAY.tolist(), OTHER.tolist()]
        assert file.histograms[0].width_ns == pytest.approx(976.5625)
        assert file.histograms[0].unit == "us"

    @pytest.mark.parametrize("delimiter", ["\t", ";"])
    def test_decimal_commas(self, tmp_path, delimiter):
        content = writers.edinburgh([DECAY, OTHER], delimiter=delimiter, decimal=",")
        file = read_histograms(write(tmp_path / "a.txt", content.encode("utf-16-le")))
        assert file.histograms[1].values.tolist() == OTHER.tolist()
        assert file.histograms[1].width_ns == pytest.approx(0.9765625)

    def test_labels_and_types_of_edinburgh_instruments(self, tmp_path):
        content = writers.edinburgh(
            [OTHER, DECAY], names=["T5", "dots"], types=["Instrument Response Time Scan", "Time Scan"]
        )
        file = read_histograms(write(tmp_path / "a.txt", content))
        assert file.instrument == "Edinburgh Instruments"
        assert [curve.name for curve in file.histograms] == ["T5 (instrument response)", "dots"]
        assert read_decay(tmp_path / "a.txt", column="dots").counts.tolist() == DECAY.tolist()

    def test_a_spectrum_of_edinburgh_instruments_is_refused(self, tmp_path):
        content = writers.edinburgh([DECAY]).replace("XAxis\tTime(ns)", "Xaxis\tWavelength")
        assert "an emission spectrum is not a decay" in refusal(write(tmp_path / "a.txt", content))

    def test_calibration_of_horiba(self, tmp_path):
        file = read_histograms(write(tmp_path / "a.txt", writers.horiba([OTHER, DECAY])))
        assert (file.instrument, file.comment) == ("Horiba", "dots")
        assert [(curve.name, curve.width_ns) for curve in file.histograms] == [
            ("Prompt", 0.02743484),
            ("Decay", 0.02743484),
        ]

    def test_both_exports_of_spcm(self, tmp_path):
        table = read_histograms(write(tmp_path / "a.asc", writers.spcm_table([DECAY, OTHER], width_ns=0.0122)))
        assert table.instrument == "Becker & Hickl"
        assert [curve.values.tolist() for curve in table.histograms] == [DECAY.tolist(), OTHER.tolist()]
        assert table.histograms[1].width_ns == pytest.approx(0.0122)
        # no times: 50 ns, gain 4, 256 bins
        counts = read_histograms(write(tmp_path / "b.asc", writers.spcm_blocks([DECAY, OTHER], range_s=5e-8, gain=4)))
        assert [curve.values.tolist() for curve in counts.histograms] == [DECAY.tolist(), OTHER.tolist()]
        assert counts.histograms[1].width_ns == pytest.approx(50 / 4 / 256)

    def test_a_block_without_the_parameters_of_the_card_is_refused(self, tmp_path):
        text = writers.spcm_blocks([DECAY]).replace("SP_TAC_G", "SP_XXX_G")
        assert "a header that states the channel width" in refusal(write(tmp_path / "a.asc", text))


class TestCoincidences:
    LAGS = 0.5 * np.arange(-60, 61)
    PAIRS = RNG.poisson(50 * (1 - 0.8 * np.exp(-np.abs(LAGS) / 8.0)))

    def write(self, path, header, values=None, line="{:.2f},{}"):
        rows = [line.format(t, v) for t, v in zip(self.LAGS, self.PAIRS if values is None else values, strict=True)]
        return write(path, "\n".join([*header, *rows]) + "\n")

    @pytest.mark.parametrize(
        "header",
        [
            ["tau (ns),coincidences"],
            ["Delay [ns],g2 counts"],
            ["# second-order correlation of dot 3", "lag (ns),counts"],
            ["# g(2) start-stop histogram", "time / ns,counts"],
            ["τ (ns),Koinzidenzen"],
            ["Lag (ns),g²"],
        ],
    )
    def test_header_words(self, tmp_path, header):
        (curve,) = read_histograms(self.write(tmp_path / "a.csv", header)).coincidences
        assert curve.values.tolist() == self.PAIRS.tolist()
        assert curve.width_ns == pytest.approx(0.5)
        assert curve.times_ns[[0, 60, 120]] == pytest.approx([-30.0, 0.0, 30.0])
        assert curve.is_counts

    @pytest.mark.parametrize(
        "header", [["Delay [ns],counts"], ["# 20 mg 2 mL", "t (ns),log2"], ["# avg2", "time (ns),decay"]]
    )
    def test_a_decay_is_none(self, tmp_path, header):
        assert read_histograms(self.write(tmp_path / "a.csv", header)).coincidences == ()

    def test_normalised_values_stay_as_they_are(self, tmp_path):
        values = self.PAIRS / 50.3
        (curve,) = read_histograms(self.write(tmp_path / "a.csv", ["tau (ns),g2(tau)"], values)).coincidences
        assert not curve.is_counts
        assert curve.values == pytest.approx(values)

    def test_a_lifetime_is_refused_and_the_curve_is_shown(self, tmp_path):
        path = self.write(tmp_path / "a.csv", ["tau (ns),coincidences"])
        with pytest.raises(InputError, match=r"a coincidence histogram \(g2\), not a decay"):
            read_decay(path)
        (sentence,) = inspect_photons(path).sentences
        assert "Curve 1 (coincidences), coincidences" in sentence
        assert inspect_photons(path).summary["curves"][0]["kind"] == "coincidences"


class TestUnequalBins:
    EDGES = np.concatenate(([0.0], np.geomspace(0.5, 200.0, 40)))
    COUNTS = RNG.poisson(3e4 * -np.diff(np.exp(-EDGES / 20.0)))
    WIDTHS = np.diff(EDGES)

    def write(self, path, header, *columns):
        rows = [",".join(f"{value:.12g}" for value in row) for row in zip(*columns, strict=True)]
        return write(path, "\n".join([header, *rows]) + "\n")

    @pytest.mark.parametrize(
        ("header", "columns"),
        [
            ("bin start (ns),bin end (ns),counts", lambda e: (e[:-1], e[1:])),
            ("from [ns];to [ns];counts", lambda e: (e[:-1], e[1:])),
            ("bin centre (ns),bin width (ns),counts", lambda e: (0.5 * (e[1:] + e[:-1]), np.diff(e))),
            ("left (ns),width (ns),counts", lambda e: (e[:-1], np.diff(e))),
            ("time (ns),gate width (ns),counts", lambda e: (e[:-1], np.diff(e))),
            ("time (ns),gate width (ns),counts", lambda e: (0.5 * (e[1:] + e[:-1]), np.diff(e))),
        ],
    )
    def test_two_columns_state_the_bins(self, tmp_path, header, columns):
        path = self.write(tmp_path / "a.csv", header.replace(";", ","), *columns(self.EDGES), self.COUNTS)
        (curve,) = read_histograms(path).decays
        assert curve.values.tolist() == self.COUNTS.tolist()
        assert curve.edges_ns == pytest.approx(self.EDGES)
        decay = read_decay(path)
        assert decay.edges_ns == pytest.approx(self.EDGES)
        assert decay.bin_width_ns == pytest.approx(self.WIDTHS.min())

    def test_one_column_that_says_which_edge_it_is(self, tmp_path):
        left = read_histograms(
            self.write(tmp_path / "a.csv", "bin start (ns),counts", self.EDGES[1:-1], self.COUNTS[1:])
        )
        assert left.decays[0].edges_ns == pytest.approx(self.EDGES[1:])
        assert "is continued from the bins before it" in left.decays[0].notes[0]
        right = read_histograms(self.write(tmp_path / "b.csv", "bin end (ns),counts", self.EDGES[2:], self.COUNTS[1:]))
        assert right.decays[0].edges_ns[1:] == pytest.approx(self.EDGES[2:])

    def test_centres_of_logarithmic_bins(self, tmp_path):
        edges = self.EDGES[1:]
        path = self.write(tmp_path / "a.csv", "bin centre (ns),counts", 0.5 * (edges[1:] + edges[:-1]), self.COUNTS[1:])
        (curve,) = read_histograms(path).decays
        assert curve.edges_ns == pytest.approx(edges)
        ratio = edges[1] / edges[0]
        stated = 100 * ((1 + ratio) / (2 * np.sqrt(ratio)) - 1)
        assert f"lifetimes are {stated:.2g} % longer" in curve.notes[0]

    def test_counts_per_ns(self, tmp_path):
        path = self.write(
            tmp_path / "a.csv",
            "start (ns),end (ns),counts/ns",
            self.EDGES[:-1],
            self.EDGES[1:],
            self.COUNTS / self.WIDTHS,
        )
        (curve,) = read_histograms(path).decays
        assert curve.values.tolist() == self.COUNTS.tolist()
        assert "counts per ns" in curve.notes[-1]
        # without a word about the values they are tried as both
        path = self.write(
            tmp_path / "b.csv", "start (ns),end (ns),signal", self.EDGES[:-1], self.EDGES[1:], self.COUNTS / self.WIDTHS
        )
        assert read_histograms(path).decays[0].values.tolist() == self.COUNTS.tolist()

    @pytest.mark.parametrize(
        ("header", "columns", "reason"),
        [
            ("time (ns),counts", lambda e, c: (e[:-1], c), "equal steps, or bins of stated edges"),
            (
                "bin centre (ns),counts",
                lambda e, c: (0.5 * (e[1:] + e[:-1]), c),
                "equal steps, or bins of stated edges",
            ),
            ("start (ns),end (ns),counts", lambda e, c: (e[:-1], 0.9 * e[1:], c), "without gaps and overlaps"),
            ("start (ns),end (ns),signal", lambda e, c: (e[:-1], e[1:], c / 7.3), "counts per bin as whole numbers"),
            (
                "start (ns),end (ns),counts/ns",
                lambda e, c: (e[:-1], e[1:], c / 7.3),
                "counts/ns that make whole numbers",
            ),
        ],
    )
    def test_what_is_refused(self, tmp_path, header, columns, reason):
        assert reason in refusal(self.write(tmp_path / "a.csv", header, *columns(self.EDGES, self.COUNTS)))


def test_every_small_file_is_read_and_described(tmp_path):
    for name, path in writers.small_histograms(tmp_path, np.random.default_rng(2)).items():
        decays = read_decays(path)
        assert decays, name
        analysis = inspect_photons(path)
        assert len(analysis.summary["curves"]) == len(decays), name
        assert analysis.summary["record_type"], name
        assert len(analysis.sentences) == len(decays), name


def test_formats_and_empty_files(tmp_path):
    assert "is empty" in refusal(write(tmp_path / "a.sdt", b""))
    with pytest.raises(InputError) as refused:
        read_histograms(tmp_path / "a.sdt", format="spectrum")
    assert refused.value.field == "format"
    with pytest.raises(InputError, match="does not exist"):
        read_histograms(tmp_path / "none.phd")


def test_measured_responses_of_other_laboratories():
    named = os.environ.get("QDMOL_DATA")
    if not named:
        pytest.skip("QDMOL_DATA is unset: no measured files here")
    for path in sorted(Path(named, "decays", "irfs").glob("*.csv")):
        (curve,) = read_histograms(path, unit="ns").decays
        assert curve.width_ns == pytest.approx(0.025, rel=1e-3)
        assert curve.counts > 1e4
