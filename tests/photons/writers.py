"""Small valid files of every format that is not PicoQuant's, for tests and for fuzzing.

`small_files(folder, rng)` writes one of each and returns the paths by format name: "spc-130" (with and without a .set
file), "spc-600-256", "spc-600-4096", "photon-hdf5" (T2 and T3), "qutag", "swabian", "text" (T2 and T3). All hold
increasing times on two channels. The single writers below take arrays and write what they are given.
"""

from pathlib import Path

import h5py
import numpy as np

SET_FILE = """*IDENTIFICATION
  ID        : SPC Setup Script File
  Title     : synthetic
  Revision  : {bits} bits ADC
  Date      : 2020-01-02
  Time      : 03:04:05
  Contents  : Setup file with module {module} (Ser.No. 0)
*END
*SETUP
  SYS_PARA_BEGIN:
  #SP [SP_MODE,I,11]
  #SP [SP_TAC_R,F,{tac_range_s}]
  #SP [SP_TAC_G,I,{gain}]
  #SP [SP_ADC_RE,I,4096]
  #SP [SP_MTCLK,I,{clock}]
  SYS_PARA_END:
*END
"""


def write_set(path: Path, *, module="SPC-150", bits=12, tac_range_s=5e-8, gain=2, clock=1):
    path.write_text(SET_FILE.format(module=module, bits=bits, tac_range_s=tac_range_s, gain=gain, clock=clock))
    return path


def spc_words32(times, channels, delays, *, layout="spc-130", clock_01ns=250, markers=()):
    """Records of 4 bytes: overflows counted in records of their own; `markers`: (time, bits) pairs, SPC-130 only."""
    period = 4096 if layout == "spc-130" else 1 << 17
    events = [(int(t), int(c), int(d), False) for t, c, d in zip(times, channels, delays, strict=True)]
    events = sorted(events + [(int(t), int(bits), 0, True) for t, bits in markers], key=lambda event: event[0])
    words = [0x80000000 | clock_01ns]
    base = 0
    for time, channel, delay, marker in events:
        overflows = time // period - base
        flag = 0
        if overflows == 1:
            flag = 1 << 30
        elif overflows > 1:
            words.append(0xC0000000 | overflows)
        base += overflows
        macro = time % period
        if layout == "spc-130":
            mark = (1 << 31 | 1 << 28) if marker else 0
            words.append(mark | flag | (4095 - delay) << 16 | channel << 12 | macro)
        else:
            words.append(flag | channel << 25 | macro << 8 | (255 - delay))
    return np.array(words, dtype="<u4")


def spc_words48(times, channels, delays, *, clock_01ns=500):
    """Records of 6 bytes; each overflow is a bit of a photon or of an invalid record."""
    period = 1 << 24
    rows = [(0x1000 | 3, clock_01ns, 0)]
    base = 0
    for time, channel, delay in zip(map(int, times), map(int, channels), map(int, delays), strict=True):
        overflows = time // period - base
        rows += [(0x3000, 0, 0)] * (overflows - 1)
        base += overflows
        macro = time % period
        first = (4095 - delay) | (0x2000 if overflows else 0)
        rows.append((first, channel << 8 | macro >> 16, macro & 0xFFFF))
    return np.array(rows, dtype="<u2")


def write_spc(path: Path, times, channels, delays, *, layout="spc-130", **options):
    if layout == "spc-600-4096":
        words = spc_words48(times, channels, delays, **options)
    else:
        words = spc_words32(times, channels, delays, layout=layout, **options)
    path.write_bytes(words.tobytes())
    return path


QUTAG_HEADER = bytes.fromhex("87b391fa22dd28000008000073000000") + bytes(24)


def write_qutag(path: Path, times, channels):
    records = np.zeros(len(times), dtype=[("time", "<u8"), ("channel", "<u2")])
    records["time"], records["channel"] = times, channels
    path.write_bytes(QUTAG_HEADER + records.tobytes())
    return path


def write_swabian(path: Path, times, channels, *, kinds=None, missed=None):
    records = np.zeros(
        len(times),
        dtype=[("kind", "u1"), ("reserved", "u1"), ("missed", "<u2"), ("channel", "<i4"), ("time", "<i8")],
    )
    records["time"], records["channel"] = times, channels
    if kinds is not None:
        records["kind"] = kinds
    if missed is not None:
        records["missed"] = missed
    path.write_bytes(records.tobytes())
    return path


def write_hdf5(path: Path, times, channels, *, unit_s=1e-12, delays=None, delay_unit_s=None, laser_hz=None):
    """Write the least a Photon-HDF5 file holds."""
    with h5py.File(path, "w") as file:
        file.attrs["format_name"] = np.bytes_("Photon-HDF5")
        file.attrs["format_version"] = np.bytes_("0.5")
        file["acquisition_duration"] = 1.0
        file["description"] = np.bytes_("synthetic")
        data = file.create_group("photon_data")
        data["timestamps"] = np.asarray(times, dtype=np.int64)
        data["detectors"] = np.asarray(channels, dtype=np.uint8)
        data["timestamps_specs/timestamps_unit"] = unit_s
        if delays is not None:
            data["nanotimes"] = np.asarray(delays, dtype=np.uint16)
            data["nanotimes_specs/tcspc_unit"] = delay_unit_s
            data["nanotimes_specs/tcspc_num_bins"] = 4096
        if laser_hz is not None:
            data["measurement_specs/laser_repetition_rate"] = laser_hz
            data["measurement_specs/measurement_type"] = np.bytes_("generic")
    return path


def write_text(path: Path, columns: dict, *, delimiter=",", comments=()):
    """Write integers under the names of the columns."""
    lines = [f"# {line}" for line in comments]
    lines.append(delimiter.join(columns))
    lines += [delimiter.join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path


def small_files(folder: Path, rng: np.random.Generator, photons: int = 300) -> dict[str, Path]:
    """Write one valid file of each format into `folder`; return the paths by a name that says what is in it."""
    periods = np.cumsum(rng.integers(1, 900, photons))
    stamps = periods * 1000 + rng.integers(0, 1000, photons)
    channels = rng.integers(0, 2, photons)
    delays = rng.integers(0, 4096, photons)
    syncs = np.arange(int(stamps[0]) // 12500 * 12500, int(stamps[0]) + 3_000_000, 12500)
    times = np.concatenate([stamps, syncs])
    order = np.argsort(times, kind="stable")
    with_syncs = np.concatenate([channels + 1, np.full(len(syncs), 5)])[order]
    write_set(folder / "with_setup.set")
    return {
        "spc-130": write_spc(folder / "alone.spc", periods, channels, delays),
        "spc-130 with .set": write_spc(folder / "with_setup.spc", periods, channels, delays),
        "spc-600-256": write_spc(folder / "old256.spc", periods, channels, delays >> 4, layout="spc-600-256"),
        "spc-600-4096": write_spc(folder / "old4096.spc", periods, channels, delays, layout="spc-600-4096"),
        "photon-hdf5 T2": write_hdf5(folder / "t2.h5", stamps, channels),
        "photon-hdf5 T3": write_hdf5(
            folder / "t3.hdf5", periods, channels, unit_s=5e-8, delays=delays, delay_unit_s=1.2e-11, laser_hz=2e7
        ),
        "qutag": write_qutag(folder / "tags.qutag", times[order], with_syncs),
        "swabian": write_swabian(folder / "tags.dump", times[order], with_syncs),
        "text T2": write_text(folder / "tags.csv", {"channel": channels, "time_ps": stamps}),
        "text T3": write_text(
            folder / "pulses.csv",
            {"sync": periods, "delay_ps": delays, "channel": channels},
            comments=["sync_period_ps: 12500"],
        ),
    }
