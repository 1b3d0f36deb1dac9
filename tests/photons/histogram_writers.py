"""Files of histograms as the makers describe them, written field by field and independent of the readers.

Becker & Hickl SDT after "SPC_data_file_structure.h" of SPCM; PicoQuant PHD, HHD and THD after the format chapters of
the manuals of PicoHarp 300, HydraHarp 400 and TimeHarp 200; PHU after the unified format. Text exports of SPCM, Horiba
DataStation, Edinburgh Instruments F980 and Fluoracle, and PicoQuant.
"""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np

# structure MeasureInfo up to its 512 bytes: name, code of `struct`, value unless given
MEASURE_INFO = (
    ("time", "9s", b"12:29:01"), ("date", "11s", b"2021-05-06"), ("mod_ser_no", "16s", b"3C0048"),
    ("meas_mode", "h", 0), ("cfd_ll", "f", -20.0), ("cfd_lh", "f", 80.0), ("cfd_zc", "f", 0.0), ("cfd_hf", "f", 5.0),
    ("syn_zc", "f", 0.0), ("syn_fd", "h", 4), ("syn_hf", "f", 4.0), ("tac_r", "f", 5e-8), ("tac_g", "h", 1),
    ("tac_of", "f", 5.0), ("tac_ll", "f", 10.0), ("tac_lh", "f", 80.0), ("adc_re", "H", 1024), ("eal_de", "h", 0),
    ("ncx", "h", 1), ("ncy", "h", 1), ("page", "H", 1), ("col_t", "f", 10.0), ("rep_t", "f", 10.0), ("stopt", "h", 1),
    ("overfl", "c", b"N"), ("use_motor", "h", 0), ("steps", "H", 1), ("offset", "f", 0.0), ("dither", "h", 16),
    ("incr", "h", 1), ("mem_bank", "h", 0), ("mod_type", "16s", b"SPC-150"), ("syn_th", "f", -20.0),
    ("dead_time_comp", "h", 1), ("polarity_l", "h", 0), ("polarity_f", "h", 0), ("polarity_p", "h", 0),
    ("linediv", "h", 0), ("accumulate", "h", 0), ("flbck_y", "i", 0), ("flbck_x", "i", 0), ("bord_u", "i", 0),
    ("bord_l", "i", 0), ("pix_time", "f", 0.0), ("pix_clk", "h", 0), ("trigger", "h", 0), ("scan_x", "i", 1),
    ("scan_y", "i", 1), ("scan_rx", "i", 1), ("scan_ry", "i", 1), ("fifo_typ", "h", 0), ("epx_div", "i", 1),
    ("mod_type_code", "H", 150), ("mod_fpga_ver", "H", 0), ("overflow_corr_factor", "f", 0.0), ("adc_zoom", "i", 0),
    ("cycles", "i", 1),
    # MeasStopInfo
    ("status", "H", 0), ("flags", "H", 0), ("stop_time", "f", 10.0), ("cur_step", "i", 1), ("cur_cycle", "i", 1),
    ("cur_page", "i", 1), ("min_sync_rate", "f", 0.0), ("min_cfd_rate", "f", 0.0), ("min_tac_rate", "f", 0.0),
    ("min_adc_rate", "f", 0.0), ("max_sync_rate", "f", 0.0), ("max_cfd_rate", "f", 0.0), ("max_tac_rate", "f", 0.0),
    ("max_adc_rate", "f", 0.0), ("stop_reserved1", "i", 0), ("stop_reserved2", "f", 0.0),
    # MeasFCSInfo
    ("chan", "H", 0), ("fcs_decay_calc", "H", 0), ("mt_resol", "I", 500), ("cortime", "f", 0.0),
    ("calc_photons", "I", 0), ("fcs_points", "i", 0), ("end_time", "f", 0.0), ("overruns", "H", 0),
    ("fcs_type", "H", 0), ("cross_chan", "H", 0), ("mod", "H", 0), ("cross_mod", "H", 0), ("cross_mt_resol", "I", 0),
    ("image_x", "i", 0), ("image_y", "i", 0), ("image_rx", "i", 0), ("image_ry", "i", 0),
)  # fmt: skip


def measure_info(**values):
    raw = b"".join(struct.pack("<" + code, values.get(name, value)) for name, code, value in MEASURE_INFO)
    return raw.ljust(512, b"\0")


def sdt_bytes(blocks, *, revision=0x285, measurements=None, valid=0x5555, title=b"film"):
    """An SDT file of `blocks`: pairs of block type and data (curves, bins) or bytes, with the number of a measurement.

    A type with the bit 0x1000 is compressed as a zip archive. Revision 15 has headers of blocks with long offsets.
    """
    info = b"*IDENTIFICATION\r\n  ID        : SPC Setup & Data File\r\n  Title     : " + title
    info += b"\r\n  Version   : 1  781 M\r\n  Date      : 2021-05-06\r\n  Time      : 12:29:01\r\n*END\r\n\r\n"
    setup = b"*SETUP\r\n  SYS_PARA_BEGIN:\r\n  #SP [SP_TAC_R,F,5.0000001e-08]\r\n  SYS_PARA_END:\r\n*END\r\n"
    measurements = measurements or [measure_info()]
    large = revision & 0xF >= 15
    header_size, block_size = 42, 22
    setup_at = header_size + len(info)
    measure_at = setup_at + len(setup)
    blocks_at = measure_at + 512 * len(measurements)
    out, at = [], blocks_at
    for k, (kind, content, measurement) in enumerate(blocks):
        raw = content if isinstance(content, bytes) else np.asarray(content).tobytes()
        length = len(raw)
        if kind & 0x1000:
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("data_block", raw)
            raw = packed.getvalue()
        data = at + block_size
        following = data + len(raw)
        if large:
            head = struct.pack("<BBIIHhII", 0, 0, data, following, kind, measurement, k + 1, length)
        else:
            head = struct.pack("<hiiHhII", k + 1, data, following, kind, measurement, k + 1, length)
        out += [head, raw]
        at = following
    number = len(blocks)
    header = struct.pack(
        "<hihihihIihhHIHH",
        revision, header_size, len(info), setup_at, len(setup), blocks_at if blocks else 0, number,
        max((len(b[1]) for b in blocks if isinstance(b[1], bytes)), default=0), measure_at, len(measurements), 512,
        valid, number, 0, 0x55AA,
    )  # fmt: skip
    return header + info + setup + b"".join(measurements) + b"".join(out)


def texts(ident, version, *, creator=b"Software"):
    return struct.pack(
        "<16s6s18s12s18s2s256s", ident, version, creator, b"2.3.0.0", b"14/05/11 17:55:48", b"\r\n", b"dots in hexane"
    )


# offset of the time axis, acquisition time, stops, restart; display; curves shown, parameters, repeats, script
MEASUREMENT = struct.pack("<5i", 0, 10_000, 65_535, 1, 0)
DISPLAY = struct.pack("<5i", 1, 0, 100, 1, 100_000) + struct.pack("<16i", *[0, 1] * 8) + struct.pack("<9f", *[0.0] * 9)
DISPLAY += struct.pack("<4i20s", 0, 1, 0, 0, b"Interactive Mode")


def phd_bytes(curves, *, resolution_ns=0.064, sync_hz=10_000_000, version=b"2.0", mode=0, channels=None):
    """A PHD file of PicoHarp 300 with `curves` (rows of counts)."""
    number = len(curves)
    head = texts(b"PicoHarp 300", version)
    head += struct.pack("<8i", number, 32, 4, 1, 0, mode, 0, 3) + MEASUREMENT + DISPLAY
    head += struct.pack("<16s8s6i", b"PicoHarp 300", b"2.0", 1_006_579, 8, 10, 100, 10, 100)
    head += struct.pack("<f2i", resolution_ns, 0, 0) + struct.pack("<24i", *[0] * 24)
    size = 172
    at = len(head) + size * number
    heads, data = [], b""
    for k, row in enumerate(curves):
        counts = np.asarray(row, dtype="<u4")
        curve = struct.pack("<2i16s8s6i", k, 1_300_000_000, b"PicoHarp 300", b"2.0", 1_006_579, 8, 10, 100, 10, 100)
        curve += struct.pack("<5i3f", 0, 0 if channels is None else channels[k], 0, mode, 0, 0.0, 0.0, 0.0)
        curve += struct.pack("<if", 3, resolution_ns)
        curve += struct.pack("<7i", len(counts), 10_000, 10_000, 0, sync_hz, 50_000, 50_000)
        curve += struct.pack("<q", int(counts.sum()))
        curve += struct.pack("<2i", 0, at + len(data)) + struct.pack("<8i", *[0] * 8)
        assert len(curve) == size
        heads.append(curve)
        data += counts.tobytes()
    return head + b"".join(heads) + data


def hhd_bytes(curves, *, resolution_ps=16.0, sync_hz=10_000_000, version=b"2.0", mode=0, inputs=2):
    """An HHD file of HydraHarp 400 with `curves` (rows of counts)."""
    number = len(curves)
    modules = struct.pack("<20i", *[0] * 20)
    head = texts(b"HydraHarp", version)
    head += struct.pack("<6id", number, 32, 0, mode, 0, 4, resolution_ps) + MEASUREMENT + DISPLAY
    head += struct.pack("<16s8s2i", b"HydraHarp 400", b"930010", 1_666_666, 1) + modules
    head += struct.pack("<dq", 1.0, 3) + struct.pack("<8i", inputs, 0, 0, 0, 1, 100, 10, 0)
    head += struct.pack(f"<{4 * inputs}i", *[0, 100, 10, 0] * inputs)
    size = 264
    at = len(head) + size * number
    heads, data = [], b""
    for k, row in enumerate(curves):
        counts = np.asarray(row, dtype="<u4")
        curve = struct.pack("<2i16s8s2i", k, 1_300_000_000, b"HydraHarp 400", b"930010", 1_666_666, 1) + modules
        curve += struct.pack("<dq", 1.0, 3) + struct.pack("<8i", inputs, 0, 0, 0, 1, 100, 10, 0)
        curve += struct.pack("<5i", 0, 100, 10, 0, k) + struct.pack("<3i", mode, 0, 4)
        curve += struct.pack("<d", resolution_ps) + struct.pack("<4i3f", 0, 10_000, 10_000, 0, 0.0, 0.0, 0.0)
        curve += struct.pack("<3iq", sync_hz, 50_000, 50_000, int(counts.sum()))
        curve += struct.pack("<2i", len(counts), at + len(data))
        assert len(curve) == size
        heads.append(curve)
        data += counts.tobytes()
    return head + b"".join(heads) + data


def thd_bytes(curves, *, resolution_ns=0.036, sync_hz=10_000_000, version=b"6.0", mode=0):
    """A THD file of TimeHarp 200 with `curves` (rows of counts of one length)."""
    number, bins = len(curves), len(curves[0])
    if version == b"6.0":
        head = texts(b"TimeHarp 200", version)
    else:
        head = struct.pack(
            "<16s6s6s18s2s256s", b"TimeHarp 200", version, b"2.4", b"08/09/03 13:24:47", b"\r\n", b"dots in hexane"
        )
    head += struct.pack("<9i", bins, number, 32, 1, 1, 0, mode, 1, 0) + MEASUREMENT + DISPLAY
    if version == b"6.0":
        head += struct.pack("<16s8s", b"TimeHarp 200", b"2.5")
    head += struct.pack("<5if", 218, 20, 80, -100, 0, resolution_ns)
    for k, row in enumerate(curves):
        counts = np.asarray(row, dtype="<u4")
        head += struct.pack("<10i3f", k, 1_000_000_000, 218, 20, 80, -100, 0, k, 1, mode, 0.0, 0.0, 0.0)
        head += struct.pack("<9i", 0, 0, 10_000, 10_000, 0, sync_hz, 50_000, 50_000, int(counts.sum()))
        head += struct.pack("<f2i", resolution_ns, 0, 0) + counts.tobytes()
    return head


def _tag(name, kind, value, index=-1, extra=b""):
    return name.encode().ljust(32, b"\0") + struct.pack("<iI", index, kind) + value + extra


def phu_bytes(curves, *, resolution_s=16e-12, sync_hz=40_000_000):
    """A PHU file with `curves` (rows of counts)."""
    whole, real, text, empty = 0x10000008, 0x20000008, 0x4001FFFF, 0xFFFF0008

    def integer(name, value, index=-1):
        return _tag(name, whole, struct.pack("<q", value), index)

    def header(start):
        model = b"MultiHarp 150\0\0\0"
        parts = [
            b"PQHISTO\0",
            b"1.0.00\0\0",
            _tag("HW_Type", text, struct.pack("<q", len(model)), extra=model),
            integer("Measurement_Mode", 0),
            integer("MeasDesc_BinningFactor", 1),
            integer("HistoResult_NumberOfCurves", len(curves)),
        ]
        at = start
        for k, counts in enumerate(curves):
            parts += [
                integer("HistResDscr_CurveIndex", k, k),
                integer("HistResDscr_DataOffset", at, k),
                integer("HistResDscr_HistogramBins", len(counts), k),
                _tag("HistResDscr_MDescResolution", real, struct.pack("<d", resolution_s), k),
                integer("HistResDscr_SyncRate", sync_hz, k),
            ]
            at += 4 * len(counts)
        parts.append(_tag("Header_End", empty, struct.pack("<q", 0)))
        return b"".join(parts)

    start = len(header(0))
    return header(start) + b"".join(np.asarray(counts, dtype="<u4").tobytes() for counts in curves)


def spcm_table(curves, *, width_ns=0.0122):
    """SPCM's ASCII export with times, one block for each curve."""
    lines = [
        "  Title : dots",
        "  Version : 1 975 M",
        "  Revision : 12 bits ADC",
        "  Date : 2018-07-25",
        "  Contents :",
        "  ",
    ]
    for k, counts in enumerate(curves, start=1):
        lines.append(f"*BLOCK {k}  ( Time[ns]  No_of_photons )")
        lines += [f"{width_ns * i:.6f} ,  {int(c):5d}" for i, c in enumerate(counts)]
        lines.append("*END")
    return "\r\n".join(lines) + "\r\n"


def spcm_blocks(curves, *, range_s=5e-8, gain=4):
    """SPCM's ASCII export of counts alone: the time axis follows from the parameters of the card."""
    lines = [
        "*IDENTIFICATION", "  ID        : SPC Setup & Data File", "  Title     : dots", "*END", "", "*SETUP",
        "  SYS_PARA_BEGIN:", *[f"  #PR [PR_{k},I,{k}]" for k in range(300)], f"  #SP [SP_TAC_R,F,{range_s:.7e}]",
        f"  #SP [SP_TAC_G,I,{gain}]", f"  #SP [SP_ADC_RE,I,{len(curves[0])}]",
        *[f"  #DI [DI_{k},I,{k}]" for k in range(50)],
        "  SYS_PARA_END:", "*END", "",
    ]  # fmt: skip
    for k, counts in enumerate(curves, start=1):
        lines += [f"*BLOCK {k}", *[f"{int(c)}" for c in counts], "*END"]
    return "\r\n".join(lines) + "\r\n"


def horiba(curves, *, width_ns=0.02743484, names=("Prompt", "Decay")):
    """ASCII export of Horiba's DataStation and DAS6: channel numbers from 1 and the calibration of time."""
    lines = ["Item name: dots", "", "Real time: 32.5", "Live time: 0", f"Time calibration: {width_ns:.6E}ns/ch", ""]
    lines += ["Comment: ", "", "", "\t".join(["Chan", *names[: len(curves)]])]
    lines += ["\t".join(map(str, (k, *map(int, row)))) for k, row in enumerate(zip(*curves, strict=True), start=1)]
    return "\n".join(lines) + "\n"


def edinburgh(curves, *, step_ns=0.9765625, names=None, types=None, delimiter="\t", decimal=".", unit="ns"):
    """ASCII export of F980 (tabs) and Fluoracle (commas): rows that describe the columns, then the columns."""
    number = len(curves)
    names = names or [f"Decay{k + 1}" for k in range(number)]
    types = types or ["Time Scan"] * number
    stop = step_ns * (len(curves[0]) - 1)
    rows = [
        ("Labels", *names), ("Type", *types), ("Comment", *[""] * number), ("Start", *["0.00"] * number),
        ("Stop", *[f"{stop:.6f}"] * number), ("Step", *[f"{step_ns:.7f}"] * number), ("Fixed/Offset", *[" "] * number),
        ("XAxis", *[f"Time({unit})"] * number), ("YAxis", *["Counts"] * number),
    ]  # fmt: skip
    lines = [delimiter.join(row) + delimiter for row in rows] + [""]
    for i, row in enumerate(zip(*curves, strict=True)):
        cells = [f"{step_ns * i:.7f}", *(f"{float(c):.8E}" for c in row)]
        lines.append(delimiter.join(cell.replace(".", decimal) for cell in cells) + delimiter)
    return "\n".join(lines) + "\n"


def picoquant_text(curves, *, width_ns=0.016, name="PicoHarp 300"):
    """Text export of PicoQuant: the resolution of each curve, then columns of counts."""
    lines = [f"#{name}  Histogram Data", "#channels per curve", str(len(curves[0])), "#display curve no."]
    lines += ["\t".join(str(k) for k in range(len(curves))), "#ns/channel", "\t".join([f"{width_ns}"] * len(curves))]
    lines += ["#counts", *["\t".join(map(str, map(int, row))) for row in zip(*curves, strict=True)]]
    return "\r\n".join(lines) + "\r\n"


def small_histograms(folder: Path, rng: np.random.Generator) -> dict[str, Path]:
    """Write one small valid file of each format into `folder`; return the paths by a name that says what is in it."""
    decay = rng.poisson(200 * np.exp(-np.arange(256) / 40.0) + 1)
    other = rng.poisson(100 * np.exp(-np.arange(256) / 20.0) + 1)
    small = measure_info(adc_re=256)
    image = rng.poisson(0.5, (16, 256)).astype("<u2")
    contents = {
        "old.sdt": sdt_bytes([(0x01, decay.astype("<u2"), 0), (0x01, other.astype("<u2"), 0)], measurements=[small]),
        "zipped.sdt": sdt_bytes(
            [(0x1108, decay.astype("<u4"), 0), (0x1061, image, 0)], revision=0x28F, measurements=[small]
        ),
        "pico.phd": phd_bytes([decay, other]),
        "hydra.hhd": hhd_bytes([decay, other]),
        "time6.thd": thd_bytes([decay, other]),
        "time5.thd": thd_bytes([decay, other], version=b"5.0"),
        "unified.phu": phu_bytes([decay, other]),
        "table.asc": spcm_table([decay, other]).encode(),
        "blocks.asc": spcm_blocks([decay, other]).encode(),
        "horiba.txt": horiba([other, decay]).encode("latin-1"),
        "f980.txt": edinburgh([decay, other]).encode(),
        "fluoracle.csv": edinburgh([decay], delimiter=",").encode("utf-8-sig"),
        "utf16.txt": edinburgh([decay, other]).encode("utf-16"),
        "picoquant.dat": picoquant_text([decay, other]).encode(),
    }
    paths = {}
    for name, content in contents.items():
        paths[name] = folder / name
        paths[name].write_bytes(content)
    return paths
