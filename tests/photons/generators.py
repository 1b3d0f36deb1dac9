"""Simple photon streams of known truth, for tests: nothing here is taken from the product but the value."""

import struct
from pathlib import Path

import numpy as np

from qdmol.photons import ArraySource, Mode, PhotonStream, Provenance, Records

PS = 1e-12


def in_memory(
    records: Records,
    *,
    mode: Mode,
    tick_ps: float,
    sync_period_ps: float | None = None,
    duration_s: float | None = None,
    record_type: str = "made in memory",
) -> PhotonStream:
    """Wrap records as a stream whose header says nothing wrong."""
    return PhotonStream(
        mode=mode,
        tick_ps=tick_ps,
        source=ArraySource(records),
        provenance=Provenance(format="generator", record_type=record_type),
        sync_period_ps=sync_period_ps,
        stated_photons=len(records),
        stated_duration_s=duration_s,
    )


def share_out(rng: np.random.Generator, n: int, shares: tuple[float, ...]) -> np.ndarray:
    """Draw a channel for each of `n` photons; channel k gets the k-th share."""
    edges = np.cumsum(shares) / np.sum(shares)
    return np.searchsorted(edges, rng.random(n), side="right").astype(np.uint8)


def poisson_stream(
    rng: np.random.Generator,
    *,
    rate_hz: float = 1e5,
    duration_s: float = 1.0,
    shares: tuple[float, ...] = (0.5, 0.5),
    tick_ps: float = 1.0,
) -> PhotonStream:
    """T2: light without memory at `rate_hz` in all, on as many channels as there are `shares`."""
    n = int(rng.poisson(rate_hz * duration_s))
    times = np.sort(rng.integers(0, int(duration_s / (tick_ps * PS)), n))
    records = Records(times=times, channels=share_out(rng, n, shares))
    return in_memory(records, mode="T2", tick_ps=tick_ps, duration_s=duration_s)


def antibunched_stream(
    rng: np.random.Generator,
    *,
    excitation_ns: float = 100.0,
    lifetime_ns: float = 20.0,
    efficiency: float = 0.1,
    duration_s: float = 0.1,
    shares: tuple[float, ...] = (0.5, 0.5),
    tick_ps: float = 1.0,
) -> PhotonStream:
    """T2: one two-level emitter, continuously excited; g2(t) = 1 - exp(-t (1/excitation + 1/lifetime)).

    Each cycle lasts an exponential wait for excitation and one for emission; a share `efficiency` is detected.
    """
    cycles = int(1.2 * duration_s * 1e9 / (excitation_ns + lifetime_ns)) + 1000
    wait_ns = rng.exponential(excitation_ns, cycles) + rng.exponential(lifetime_ns, cycles)
    times = np.cumsum(wait_ns)
    times = times[(times < duration_s * 1e9) & (rng.random(cycles) < efficiency)]
    ticks = np.asarray(times * 1e3 / tick_ps, dtype=np.int64)
    records = Records(times=ticks, channels=share_out(rng, len(ticks), shares))
    return in_memory(records, mode="T2", tick_ps=tick_ps, duration_s=duration_s)


def decay_delays_ns(
    rng: np.random.Generator,
    n: int,
    *,
    lifetimes_ns: tuple[float, ...],
    amplitudes: tuple[float, ...] | None = None,
    response_ns: float = 0.0,
    offset_ns: float = 0.0,
) -> np.ndarray:
    """Draw delays (n,) from a sum of exponentials, amplitude a_k at time zero, blurred by a Gaussian of that sigma."""
    lifetimes = np.asarray(lifetimes_ns, dtype=float)
    heights = np.ones_like(lifetimes) if amplitudes is None else np.asarray(amplitudes, dtype=float)
    # an exponential of amplitude a emits a tau photons
    photons = heights * lifetimes
    which = rng.choice(len(lifetimes), n, p=photons / photons.sum())
    delays = rng.exponential(lifetimes[which]) + offset_ns
    return delays + rng.normal(0.0, response_ns, n) if response_ns > 0.0 else delays


def pulsed_stream(
    rng: np.random.Generator,
    *,
    rate_hz: float = 1e5,
    duration_s: float = 1.0,
    period_ps: float = 200_000.0,
    lifetimes_ns: tuple[float, ...] = (20.0,),
    amplitudes: tuple[float, ...] | None = None,
    response_ns: float = 0.0,
    offset_ns: float = 0.0,
    background_hz: float = 0.0,
    shares: tuple[float, ...] = (0.5, 0.5),
    tick_ps: float = 16.0,
    single: bool = False,
    on_s: float | None = None,
    off_s: float | None = None,
) -> PhotonStream:
    """T3: pulses every `period_ps`; delays wrap at the period, and the photon goes to the pulse before it.

    Parameters
    ----------
    single : bool
        At most one signal photon a pulse (perfect antibunching) instead of a Poisson number.
    on_s, off_s : float, optional
        Mean lengths of bright and dark times; `rate_hz` is the rate while bright. Background stays on.
    """
    pulses = int(duration_s / (period_ps * PS))
    per_pulse = rate_hz * period_ps * PS
    if single:
        gaps = rng.geometric(per_pulse, int(1.2 * pulses * per_pulse) + 1000)
        pulse = np.cumsum(gaps) - 1
        pulse = pulse[pulse < pulses]
    else:
        pulse = np.sort(rng.integers(0, pulses, rng.poisson(per_pulse * pulses)))
    if on_s is not None and off_s is not None:
        pulse = pulse[_bright(rng, pulse * period_ps * PS, duration_s, on_s, off_s)]
    delays_ps = 1e3 * decay_delays_ns(
        rng,
        len(pulse),
        lifetimes_ns=lifetimes_ns,
        amplitudes=amplitudes,
        response_ns=response_ns,
        offset_ns=offset_ns,
    )
    dark = int(rng.poisson(background_hz * duration_s))
    arrival_ps = np.concatenate([delays_ps, rng.random(dark) * period_ps])
    pulse = np.concatenate([pulse, rng.integers(0, pulses, dark)])
    late = np.floor(arrival_ps / period_ps).astype(np.int64)
    pulse, arrival_ps = pulse + late, arrival_ps - late * period_ps
    inside = (pulse >= 0) & (pulse < pulses)
    pulse, arrival_ps = pulse[inside], arrival_ps[inside]
    order = np.lexsort((arrival_ps, pulse))
    records = Records(
        times=pulse[order],
        channels=share_out(rng, len(order), shares),
        delays=np.asarray(arrival_ps[order] / tick_ps, dtype=np.uint32),
    )
    return in_memory(records, mode="T3", tick_ps=tick_ps, sync_period_ps=period_ps, duration_s=duration_s)


def _bright(rng: np.random.Generator, times_s: np.ndarray, duration_s: float, on_s: float, off_s: float) -> np.ndarray:
    """Whether the emitter is bright at each time: exponential dwell times in turn, bright first."""
    turns = int(3 * duration_s / (on_s + off_s)) + 100
    dwell = np.stack([rng.exponential(on_s, turns), rng.exponential(off_s, turns)], axis=1).ravel()
    return np.searchsorted(np.cumsum(dwell), times_s) % 2 == 0


def blinking_stream(rng: np.random.Generator, *, on_s: float = 0.05, off_s: float = 0.05, **options) -> PhotonStream:
    """T3: a pulsed single emitter that is dark in between; options as of `pulsed_stream`."""
    return pulsed_stream(rng, on_s=on_s, off_s=off_s, **{"single": True, **options})


# PicoQuant's record kinds by their number in the header
PICOHARP_T2, PICOHARP_T3 = 0x00010203, 0x00010303
HYDRAHARP_V1_T2, HYDRAHARP_V1_T3 = 0x00010204, 0x00010304
HYDRAHARP_T2, HYDRAHARP_T3 = 0x01010204, 0x01010304
T2_KINDS = (PICOHARP_T2, HYDRAHARP_V1_T2, HYDRAHARP_T2, 0x00010205, 0x00010206, 0x00010207)
T3_KINDS = (PICOHARP_T3, HYDRAHARP_V1_T3, HYDRAHARP_T3, 0x00010305, 0x00010306, 0x00010307)
TIMEHARP_T3 = 0  # T3R files carry no number
WRAPS = {PICOHARP_T2: 210_698_240, PICOHARP_T3: 1 << 16, HYDRAHARP_V1_T2: 33_552_000, TIMEHARP_T3: 1 << 16}


def wrap_of(kind: int) -> int:
    """Units of time from one overflow record to the next."""
    return WRAPS.get(kind, 1 << 25 if kind in T2_KINDS else 1 << 10)


def encode(records: Records, kind: int) -> np.ndarray:
    """Return the 32-bit words of a PicoQuant file, overflow records and all."""
    times = np.concatenate([records.times, records.sync_times, records.marker_times])
    order = np.argsort(times, kind="stable")
    inside = times % wrap_of(kind)
    words = np.concatenate(
        [
            _photon_words(inside[: len(records)], records, kind),
            _sync_words(inside[len(records) : len(records) + len(records.sync_times)], kind),
            _marker_words(inside[len(times) - len(records.markers) :], records.markers, kind),
        ]
    ).astype(np.uint32)[order]
    turns = np.diff(times[order] // wrap_of(kind), prepend=0)
    if kind in (PICOHARP_T2, PICOHARP_T3, HYDRAHARP_V1_T2, HYDRAHARP_V1_T3, TIMEHARP_T3):
        overflow = {PICOHARP_T2: 0xF0000000, PICOHARP_T3: 0xF0000000, TIMEHARP_T3: 0x08000000}.get(kind, 0xFE000000)
        extra = np.full(int(turns.sum()), overflow, dtype=np.uint32)
        before = turns
    else:
        # these count how many overflows a record stands for, as far as their field goes
        field = (1 << 25) - 1 if kind in T2_KINDS else 1023
        before = -(-turns // field)
        extra = np.full(int(before.sum()), 0xFE000000 + field, dtype=np.uint32)
        last = np.cumsum(before)[turns > 0] - 1
        extra[last] = 0xFE000000 + turns[turns > 0] - (before[turns > 0] - 1) * field
    out = np.empty(len(words) + len(extra), dtype=np.uint32)
    places = np.arange(len(words)) + np.cumsum(before)
    free = np.ones(len(out), dtype=bool)
    free[places] = False
    out[places], out[free] = words, extra
    return out


def _photon_words(inside: np.ndarray, records: Records, kind: int) -> np.ndarray:
    channels = records.channels.astype(np.int64)
    delays = np.zeros(0, dtype=np.int64) if records.delays is None else records.delays.astype(np.int64)
    if kind == PICOHARP_T2:
        return channels << 28 | inside
    if kind == PICOHARP_T3:
        return (channels + 1) << 28 | delays << 16 | inside
    if kind == TIMEHARP_T3:
        return 1 << 30 | channels << 28 | (4095 - delays) << 16 | inside
    return channels << 25 | (inside if kind in T2_KINDS else delays << 10 | inside)


def _sync_words(inside: np.ndarray, kind: int) -> np.ndarray:
    assert len(inside) == 0 or kind in T2_KINDS[1:], "only T2 of HydraHarp and later records sync pulses"
    return 1 << 31 | inside


def _marker_words(inside: np.ndarray, markers: np.ndarray, kind: int) -> np.ndarray:
    bits = markers.astype(np.int64)
    if kind == PICOHARP_T2:
        return 15 << 28 | inside & ~15 | bits
    if kind == PICOHARP_T3:
        return 15 << 28 | bits << 16 | inside
    if kind == TIMEHARP_T3:
        return bits << 16 | inside
    return 1 << 31 | bits << 25 | inside


def tag(name: str, value: bool | int | float | str, index: int = -1) -> bytes:
    """Return one entry of a PTU header."""
    head = name.encode().ljust(32, b"\0") + struct.pack("<i", index)
    if isinstance(value, bool):
        return head + struct.pack("<Iq", 0x00000008, value)
    if isinstance(value, int):
        return head + struct.pack("<Iq", 0x10000008, value)
    if isinstance(value, float):
        return head + struct.pack("<Id", 0x20000008, value)
    text = value.encode("latin-1") + b"\0"
    text = text.ljust(-(-len(text) // 8) * 8, b"\0")
    return head + struct.pack("<Iq", 0x4001FFFF, len(text)) + text


def ptu_bytes(words: np.ndarray, entries: dict[str, bool | int | float | str]) -> bytes:
    """Return a PTU file of these header entries and records."""
    head = b"PQTTTR\0\0" + b"1.0.00\0\0" + b"".join(tag(name, value) for name, value in entries.items())
    end = b"Header_End".ljust(32, b"\0") + struct.pack("<iIq", -1, 0xFFFF0008, 0)
    return head + end + words.astype("<u4").tobytes()


def ptu_entries(
    kind: int,
    count: int,
    *,
    tick_ps: float,
    sync_period_ps: float | None = None,
    duration_s: float | None = None,
) -> dict[str, bool | int | float | str]:
    """Return the header of a PTU file that says nothing wrong."""
    t2 = kind in T2_KINDS
    hardware = {3: "PicoHarp 300", 4: "HydraHarp 400", 5: "TimeHarp 260 N", 6: "TimeHarp 260 P", 7: "MultiHarp 150"}
    clock_ps = tick_ps if t2 else float(sync_period_ps)
    return {
        "File_GUID": "{00000000-0000-0000-0000-000000000000}",
        "CreatorSW_Name": "generator",
        "CreatorSW_Version": "1.0",
        "File_Comment": "made for a test",
        "Measurement_Mode": 2 if t2 else 3,
        "Measurement_SubMode": 0,
        "HW_Type": hardware[kind & 0xFF],
        "HW_SerialNo": "1",
        "HW_InpChannels": 4,
        "HW_BaseResolution": (tick_ps if t2 else 1.0) * PS,
        "MeasDesc_Resolution": tick_ps * PS,
        "MeasDesc_GlobalResolution": clock_ps * PS,
        "MeasDesc_BinningFactor": 1,
        "MeasDesc_AcquisitionTime": 0 if duration_s is None else round(1e3 * duration_s),
        "HWSync_Divider": 1,
        "TTResult_SyncRate": 0 if sync_period_ps is None else round(1e12 / sync_period_ps),
        "TTResult_NumberOfRecords": count,
        "TTResult_StopAfter": 0 if duration_s is None else round(1e3 * duration_s),
        "TTResultFormat_TTTRRecType": kind,
        "TTResultFormat_BitsPerRecord": 32,
    }


def write_ptu(path: Path, stream: PhotonStream, *, kind: int) -> Path:
    """Write a stream in memory as a valid PTU file of any kind of record."""
    words = encode(stream.load(), kind)
    entries = ptu_entries(
        kind,
        len(words),
        tick_ps=stream.tick_ps,
        sync_period_ps=stream.sync_period_ps,
        duration_s=stream.stated_duration_s,
    )
    path.write_bytes(ptu_bytes(words, entries))
    return path


def write_ptu_t2(path: Path, records: Records, *, tick_ps: float = 1.0, duration_s: float | None = None) -> Path:
    """Write a valid HydraHarp V2 T2 PTU file; sync pulses and markers as well."""
    return write_ptu(path, in_memory(records, mode="T2", tick_ps=tick_ps, duration_s=duration_s), kind=HYDRAHARP_T2)


def write_ptu_t3(
    path: Path, records: Records, *, tick_ps: float, sync_period_ps: float, duration_s: float | None = None
) -> Path:
    """Write a valid HydraHarp V2 T3 PTU file; markers as well."""
    stream = in_memory(records, mode="T3", tick_ps=tick_ps, sync_period_ps=sync_period_ps, duration_s=duration_s)
    return write_ptu(path, stream, kind=HYDRAHARP_T3)


def _fixed(size: int, fields: dict[int, bytes | int | float]) -> bytearray:
    """Return a header of zeros but for texts, 32-bit integers and doubles at these places."""
    head = bytearray(size)
    for place, value in fields.items():
        raw = value if isinstance(value, bytes) else struct.pack("<d" if isinstance(value, float) else "<i", value)
        head[place : place + len(raw)] = raw
    return head


def ht_bytes(
    words: np.ndarray, *, mode: int, version: bytes = b"2.0", tick_ps: float = 16.0, rate_hz: int = 5_000_000,
    count: int | None = None, image_header: int = 0,
) -> bytes:  # fmt: skip
    """Return a HydraHarp file of the time before PTU with two inputs: HT2 (mode 2) or HT3 (mode 3)."""
    head = _fixed(696 + 2 * 20 + 24, {
        0: b"HydraHarp", 16: version, 22: b"generator", 52: b"01/02/20 03:04:05", 70: b"\r\n", 72: b"5 \xb5m pinhole",
        332: 32, 340: mode, 352: float(tick_ps), 364: 1000, 536: b"HydraHarp 400", 560: 7, 664: 2,
        736: rate_hz, 740: 1000, 748: image_header,
    })  # fmt: skip
    head[752:760] = struct.pack("<q", len(words) if count is None else count)
    return bytes(head) + bytes(4 * image_header) + words.astype("<u4").tobytes()


def pt_bytes(
    words: np.ndarray, *, mode: int, tick_ps: float = 16.0, rate_hz: int = 5_000_000, count: int | None = None
) -> bytes:
    """Return a PicoHarp file of the time before PTU: PT2 (mode 2) or PT3 (mode 3)."""
    head = _fixed(728, {
        0: b"PicoHarp 300", 16: b"2.0", 22: b"generator", 72: b"5 \xb5m pinhole", 332: 32, 348: mode, 364: 1000,
        536: b"PicoHarp 300", 560: 7, 584: struct.pack("<f", 1e-3 * tick_ps), 704: rate_hz, 712: 1000,
        720: len(words) if count is None else count,
    })  # fmt: skip
    return bytes(head) + words.astype("<u4").tobytes()


def t3r_bytes(words: np.ndarray, *, version: bytes = b"5.0", tick_ps: float = 40.0, count: int | None = None) -> bytes:
    """Return a TimeHarp 200 file; its clock ticks every 100 ns."""
    text = 328 if version == b"6.0" else 304
    board = text + 212 + (24 if version == b"6.0" else 0)
    run = board + 24
    head = _fixed(run + (52 if version != b"3.0" else 48), {
        0: b"TimeHarp 200", 16: version, text + 8: 32, text + 16: 1, text + 24: 3, text + 40: 1000, board: 7,
        board + 20: struct.pack("<f", 1e-3 * tick_ps), run: 100, run + 28: 5_000_000, run + 36: 1000,
        run + 44: len(words) if count is None else count,
    })  # fmt: skip
    return bytes(head) + words.astype("<u4").tobytes()
