"""Damaged files, one after the other in a process of its own: what reading them does.

Run as a program it prints one line of JSON for each mutant, before and after, so that a death tells which it was::

    python tests/photons/fuzzing.py FOLDER SEED START COUNT FORMAT [REAL_FILE...]

FORMAT is one of `FORMATS` or of `HISTOGRAM_FORMATS`, or ``any``: every format of photons.

The timers' default action ends the process, whatever it hangs in.
"""

import json
import signal
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from tests.memory import peak_memory
from tests.photons import generators as make, histogram_writers, writers

from qdmol.analysis import read_decays
from qdmol.errors import DataError, InputError
from qdmol.photons import Records, assess_quality, read_histograms, read_photons

LIMIT_S = 10
LONGEST_S = 31 * 86400.0
EXTENSIONS = ("ptu", "ht2", "ht3", "pt2", "pt3", "t3r", "spc", "h5", "qutag", "dump", "csv", "txt", "dat")
# Formats by the extensions of their files.
FORMATS = {
    "ptu": (".ptu",), "hydraharp": (".ht2", ".ht3"), "picoharp": (".pt2", ".pt3"), "timeharp": (".t3r",),
    "spc": (".spc",), "hdf5": (".h5", ".hdf5"), "qutag": (".qutag",), "swabian": (".dump",), "text": (".csv",),
}  # fmt: skip
HISTOGRAM_FORMATS = {
    "sdt": (".sdt",), "picoquant-histogram": (".phd", ".hhd", ".thd", ".phu"),
    "histogram-text": (".asc", ".txt", ".csv", ".dat"),
    "histograms": (".sdt", ".phd", ".hhd", ".thd", ".phu", ".asc", ".txt", ".csv", ".dat"),
}  # fmt: skip
EXTREMES = (0, 1, -1, 255, 2**15, 2**31 - 1, -(2**31), 2**32 - 1, 2**40, 2**62, 2**63 - 1, -(2**63))


def picoquant_files(folder: Path, rng: np.random.Generator) -> list[Path]:
    """Write one small valid file of every kind of PicoQuant record."""
    t2 = make.poisson_stream(rng, rate_hz=1e4, duration_s=0.05, tick_ps=4.0)
    t3 = make.pulsed_stream(rng, rate_hz=1e4, duration_s=0.05, tick_ps=256.0)
    paths = [
        make.write_ptu(folder / f"{kind:08x}.ptu", t2 if kind in make.T2_KINDS else t3, kind=kind)
        for kind in (*make.T2_KINDS, *make.T3_KINDS)
    ]
    # a slow laser: delays of 0.1 ms, in no order within a period
    slow = Records(
        times=np.sort(rng.integers(0, 400, 600)),
        channels=rng.integers(0, 2, 600).astype(np.uint8),
        delays=rng.integers(0, 25_000, 600).astype(np.uint32),
    )
    paths.append(make.write_ptu_t3(folder / "slow.ptu", slow, tick_ps=4000.0, sync_period_ps=1e8))
    for name, raw in {
        "v1.ht2": make.ht_bytes(make.encode(t2.load(), make.HYDRAHARP_V1_T2), mode=2, version=b"1.0"),
        "v2.ht2": make.ht_bytes(make.encode(t2.load(), make.HYDRAHARP_T2), mode=2),
        "v1.ht3": make.ht_bytes(make.encode(t3.load(), make.HYDRAHARP_V1_T3), mode=3, version=b"1.0"),
        "v2.ht3": make.ht_bytes(make.encode(t3.load(), make.HYDRAHARP_T3), mode=3, image_header=5),
        "v2.pt2": make.pt_bytes(make.encode(t2.load(), make.PICOHARP_T2), mode=2),
        "v2.pt3": make.pt_bytes(make.encode(t3.load(), make.PICOHARP_T3), mode=3),
        "v5.t3r": make.t3r_bytes(make.encode(t3.load(), make.TIMEHARP_T3)),
        "v6.t3r": make.t3r_bytes(make.encode(t3.load(), make.TIMEHARP_T3), version=b"6.0"),
    }.items():
        (folder / name).write_bytes(raw)
        paths.append(folder / name)
    return paths


def head_of(rng: np.random.Generator, raw: bytearray) -> int:
    return min(len(raw), int(rng.choice([64, 1024, 4096])))


def flip(rng: np.random.Generator, raw: bytearray, other: bytes) -> None:
    for place in rng.integers(0, len(raw), rng.integers(1, 51)):
        raw[place] = rng.integers(0, 256)


def header(rng: np.random.Generator, raw: bytearray, other: bytes) -> None:
    for place in rng.integers(0, head_of(rng, raw), rng.integers(1, 5)):
        raw[place] = rng.integers(0, 256)


def extreme(rng: np.random.Generator, raw: bytearray, other: bytes) -> None:
    value = EXTREMES[rng.integers(len(EXTREMES))]
    width = int(rng.choice([4, 8]))
    place = int(rng.integers(0, max(1, head_of(rng, raw) - width))) & ~3
    raw[place : place + width] = (value % (1 << 8 * width)).to_bytes(width, "little")


def unreal(rng: np.random.Generator, raw: bytearray, other: bytes) -> None:
    value = rng.choice([np.nan, np.inf, -np.inf, 0.0, -1.0, 1e300, 1e-300, 1e-12, 1.0])
    with np.errstate(over="ignore", under="ignore"):
        encoded = np.asarray(value).astype(rng.choice(["<f4", "<f8"])).tobytes()
    place = int(rng.integers(0, max(1, head_of(rng, raw) - 8))) & ~3
    raw[place : place + len(encoded)] = encoded


def cut(rng: np.random.Generator, raw: bytearray, other: bytes) -> None:
    del raw[int(rng.integers(0, len(raw))) :]


def graft(rng: np.random.Generator, raw: bytearray, other: bytes) -> None:
    keep = int(rng.integers(1, max(2, min(len(other), 4096))))
    raw[:keep] = other[:keep]


def insert(rng: np.random.Generator, raw: bytearray, other: bytes) -> None:
    place = int(rng.integers(0, len(raw)))
    raw[place:place] = rng.bytes(int(rng.integers(1, 64)))


def blank(rng: np.random.Generator, raw: bytearray, other: bytes) -> None:
    place = int(rng.integers(0, len(raw)))
    length = min(int(rng.integers(1, 4096)), len(raw) - place)
    raw[place : place + length] = bytes([int(rng.choice([0, 255]))]) * length


def repeat(rng: np.random.Generator, raw: bytearray, other: bytes) -> None:
    place = int(rng.integers(0, len(raw)))
    raw[place:place] = raw[max(0, place - 2048) : place]


def rename(rng: np.random.Generator, raw: bytearray, other: bytes) -> None:
    """Leave the content; the extension is another."""


def several(rng: np.random.Generator, raw: bytearray, other: bytes) -> None:
    header(rng, raw, other)
    extreme(rng, raw, other)
    cut(rng, raw, other)


def splice(rng: np.random.Generator, raw: bytearray, other: bytes) -> None:
    """Put a piece of another file, or of this one, somewhere."""
    source = other if rng.random() < 0.5 else bytes(raw)
    start = int(rng.integers(0, max(1, len(source))))
    place = int(rng.integers(0, len(raw)))
    piece = source[start : start + int(rng.integers(1, 4096))]
    raw[place : place + len(piece) * int(rng.integers(0, 2))] = piece


VALUES = (
    0,
    1,
    -1,
    255,
    256,
    2**31,
    2**62,
    2**63 - 1,
    1e-300,
    1e-20,
    1e-9,
    1.0,
    1e300,
    np.nan,
    np.inf,
    "x",
    b"\x1b[31m",
)


def restructure(rng: np.random.Generator, path: Path) -> None:
    """Give one object of an HDF5 file another value, length, type, chunk or link; the file stays a whole one."""
    with h5py.File(path, "a") as file:
        names: list[str] = []
        file.visit(names.append)
        extra = ["user/qdmol/stream", "user/qdmol/sync_times", "user/qdmol/markers", "user/qdmol/marker_times"]
        extra += ["photon_data/measurement_specs/detectors_specs/non_photon_id1", "description"]
        name = str(rng.choice([*names, *extra]))
        old = file.get(name)
        count = int(rng.choice([0, 1, 5, 299, 300, 301, 5000]))
        if isinstance(old, h5py.Dataset) and old.ndim and rng.random() < 0.5:
            numbers = old[()]
            if rng.random() < 0.5 and len(numbers):
                numbers = numbers.astype(np.int64)
                numbers[rng.integers(len(numbers))] = int(rng.choice([0, -1, 255, 2**40, 2**63 - 1, -(2**63)]))
            value = np.resize(numbers, count)
        else:
            value = VALUES[rng.integers(len(VALUES))]
        if name in file:
            del file[name]
        kind = rng.integers(5)
        if kind == 0:
            file[name] = h5py.SoftLink(str(rng.choice([*names, "/", ".", "/" + name])))
        elif kind == 1 and not isinstance(value, str | bytes):
            options = {"chunks": (int(rng.choice([1, 1000, 1 << 22, 1 << 28])),), "maxshape": (None,)}
            filled = np.atleast_1d(np.asarray(value))
            place = file.create_dataset(name, (0,), filled.dtype, compression="gzip", **options)
            place.resize((len(filled) if options["chunks"][0] < 1 << 25 else 7,))
            if options["chunks"][0] < 1 << 20:
                place[:] = filled[: place.shape[0]]
        elif kind == 2:
            file[name] = json.dumps(nested(rng))
        else:
            file[name] = value


def nested(rng: np.random.Generator) -> object:
    keys = ["tick_ps", "sync_period_ps", "notes", "origin", "truncated", "unordered", "header"]
    value: object = [None, True, -1, 1e308, "\x1b[2J", [], {}][rng.integers(7)]
    for _ in range(int(rng.choice([0, 1, 2, 30, 900]))):
        value = {str(rng.choice(keys)): value} if rng.random() < 0.7 else [value]
    return value if isinstance(value, dict) else {str(rng.choice(keys)): value}


DAMAGES = (splice, flip, header, extreme, unreal, cut, graft, insert, blank, repeat, rename, several)


def examine(path: Path) -> str:
    """Read a file in full and return how it went; what is not allowed raises."""
    try:
        stream = read_photons(path)
        last = -(1 << 63)
        for part in stream.chunks():
            assert len(part.times) == len(part.channels), "a channel for each photon"
            assert part.delays is None or len(part.delays) == len(part.times), "a delay for each photon"
            for times in (part.times, part.sync_times, part.marker_times):
                assert np.all(np.diff(times) >= 0), "times fall"
                assert len(times) == 0 or times[0] >= last, "times fall from one stretch to the next"
            last = max([last, *(int(t[-1]) for t in (part.times, part.sync_times, part.marker_times) if len(t))])
        report = assess_quality(stream)
    except (InputError, DataError) as error:
        return type(error).__name__ if str(error).endswith(".") and "\n" not in str(error) else f"no sentence: {error}"
    seconds = max(last, 0) * stream.time_unit_ps * 1e-12
    assert seconds < LONGEST_S or not report.analysable, f"{seconds} s passed for a measurement"
    if stream.contradictions:
        assert not report.analysable, "contradictions without a fatal flag"
    if not report.analysable:
        return "fatal"
    return "flagged" if report.flags or stream.notes else "fine"


def examine_histograms(path: Path) -> str:
    """Read a file of histograms in full and return how it went; what is not allowed raises."""
    try:
        file = read_histograms(path)
        for curve in file.histograms:
            assert np.isfinite(curve.values).all(), "a value is not finite"
            assert np.isfinite(curve.edges_ns).all(), "an edge is not finite"
            assert (np.diff(curve.edges_ns) > 0).all(), "edges do not increase"
            json.dumps(curve.as_dict(), allow_nan=False)
        read_decays(path)
    except (InputError, DataError) as error:
        return type(error).__name__ if str(error).endswith(".") and "\n" not in str(error) else f"no sentence: {error}"
    return "flagged" if file.notes or any(curve.notes for curve in file.histograms) else "fine"


def tell(line: dict) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def watched(about: dict, action: Callable[[], str]) -> None:
    """Do something that may hang or die; tell before and after."""
    tell(about)
    begun = time.process_time()
    # of the processor's time, which other work on the machine does not lengthen; and by the clock against waiting
    signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
    signal.alarm(10 * LIMIT_S)
    try:
        outcome = action()
    except Exception:  # noqa: BLE001 - whatever it is, it is the finding
        outcome = traceback.format_exc()
    signal.alarm(0)
    signal.setitimer(signal.ITIMER_PROF, 0)
    seconds, peak = time.process_time() - begun, peak_memory() >> 20
    tell({"index": about["index"], "outcome": outcome, "s": round(seconds, 3), "peak_mb": peak})


def main(folder: Path, seed: int, start: int, count: int, kind: str, real: list[Path]) -> None:
    """Damage and read `count` files, the same ones for the same numbers."""
    rng = np.random.default_rng(seed)
    histograms = kind in HISTOGRAM_FORMATS
    inspect = examine_histograms if histograms else examine
    if histograms:
        made = [*histogram_writers.small_histograms(folder, rng).values()]
    else:
        made = [*picoquant_files(folder, rng), *writers.small_files(folder, rng).values()]
    originals = [*made, *real]
    for path in made:
        # compiles every loop, which takes longer than any file; and what is whole must not be refused
        assert inspect(path) in ("fine", "flagged"), path
    if kind != "any":
        suffixes = {**FORMATS, **HISTOGRAM_FORMATS}[kind]
        made = [path for path in made if path.suffix in suffixes]
        real = [] if histograms else [path for path in real if path.suffix in suffixes]
    for index in range(start, start + count):
        rng = np.random.default_rng([seed, index])
        # small files run through quickly; one in three is a real one
        pool = real if real and rng.random() < 1 / 3 else made
        source = pool[rng.integers(len(pool))]
        raw = bytearray(source.read_bytes())
        if rng.random() < 0.8:
            del raw[200_000:]
        other = originals[rng.integers(len(originals))].read_bytes()
        damage = DAMAGES[rng.integers(len(DAMAGES))]
        whole = source.suffix in FORMATS["hdf5"] and rng.random() < 0.6 and source not in real
        if not whole:
            damage(rng, raw, other)
        extension = str(rng.choice(EXTENSIONS)) if damage is rename or rng.random() < 0.1 else source.suffix[1:]
        path = folder / f"mutant.{extension}"
        path.write_bytes(raw)
        if whole:
            restructure(rng, path)
        beside = source.with_suffix(".set")
        setup = path.with_suffix(".set")
        setup.unlink(missing_ok=True)
        if extension == "spc" and beside.exists():
            text = bytearray(beside.read_bytes())
            if rng.random() < 0.3:
                flip(rng, text, b"")
            setup.write_bytes(text)
        name = restructure.__name__ if whole else damage.__name__
        watched({"index": index, "of": source.name, "damage": name, "as": extension}, partial(inspect, path))
        path.unlink()


if __name__ == "__main__":
    _, _folder, *_numbers, _kind = sys.argv[:6]
    main(Path(_folder), *map(int, _numbers), _kind, [Path(name) for name in sys.argv[6:]])
