"""Becker & Hickl: `.spc` files of the FIFO mode, with the `.set` file beside them.

An `.spc` file says how long a tick of its macro clock is and nothing else: not which card wrote it, hence not how its
records are to be read. The `.set` file says it; without one, the layout is the one in which times do not run backward.

The `.set` file beside an `.spc` file: which card, which clock, how wide a delay channel is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qdmol.errors import DataError, InputError
from qdmol.files import printable
from qdmol.photons.ordering import ordered
from qdmol.photons.raw_files import LONGEST_S, file_size, not_a_file_of, read_bytes, record_pieces, windows
from qdmol.photons.stream import PhotonStream, Provenance, Records

LARGEST = 1 << 20
PARAMETER = re.compile(rb"#([A-Z]{2}) \[([A-Za-z0-9_]{1,40}),([A-Z]),([^\]\r\n]{0,300})\]")
IDENTITY = re.compile(rb"^\s*([A-Z][a-z]+)\s*:\s*([^\r\n]{0,300})\r?$", re.MULTILINE)
MODULE = re.compile(rb"module ((?:SPC|DPC)-[A-Za-z0-9-]{1,20})")


@dataclass(frozen=True, slots=True)
class Setup:
    """What a `.set` file says.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    module : str or None
        The card, as ``"SPC-150"``.
    identity : Mapping
        Title, date, author: text.
    parameters : Mapping
        Numbers and texts by their names in the file, as ``"SP_TAC_R"``.
    """

    path: Path
    module: str | None = None
    identity: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, float | str] = field(default_factory=dict)

    def number(self, name: str) -> float | None:
        """Return a parameter that is a finite number, else None."""
        value = self.parameters.get(name)
        return value if isinstance(value, float) and math.isfinite(value) else None

    @property
    def variants(self) -> tuple[str, ...] | None:
        """Names of the layouts the card writes; empty for a card that is not read, None if no card is named."""
        if self.module is None:
            return None
        number = re.match(r"SPC-(\d+)", self.module)
        if number is None:
            return ()
        if number[1] in {"600", "630"}:
            bits = re.match(r"(\d+) bit", self.identity.get("Revision", ""))
            known = {"12": ("spc-600-4096",), "8": ("spc-600-256",)}
            return known.get(bits[1] if bits else "", ("spc-600-4096", "spc-600-256"))
        # The layouts of imaging cards and of other families are not of this kind.
        return ("spc-130",) if number[1] not in {"700", "730"} else ()

    def delay_unit_ps(self, channels: int) -> float | None:
        """Width of one of `channels` delay channels in ps: range over gain over channels."""
        span, gain = self.number("SP_TAC_R"), self.number("SP_TAC_G")
        if span is None or gain is None or not 1e-10 <= span <= 1e-4 or not 1 <= gain <= 1000:
            return None
        return span / gain / channels * 1e12


def read_setup(spc: Path) -> Setup | None:
    """Return the setup beside a file of the same name; None if there is none or it is not one."""
    for suffix in (".set", ".SET"):
        path = spc.with_suffix(suffix)
        if path != spc and path.is_file():
            content = read_bytes(path, LARGEST)
            return _parse(path, content) if b"*SETUP" in content else None
    return None


def _parse(path: Path, content: bytes) -> Setup:
    module = MODULE.search(content)
    head = content[: content.find(b"*SETUP")]
    identity = {name.decode("ascii"): _plain(text) for name, text in IDENTITY.findall(head)}
    parameters: dict[str, float | str] = {}
    for _, name, kind, text in PARAMETER.findall(content):
        value = _plain(text)
        parameters[name.decode("ascii")] = _number(value) if kind in {b"I", b"F", b"U", b"L"} else value
    return Setup(path, module[1].decode("ascii") if module else None, identity, parameters)


def _plain(text: bytes) -> str:
    return printable(text.decode("latin-1").strip())


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


KIND = "Becker & Hickl SPC"
# With fewer neighbours than this their order is undetermined.
ENOUGH = 16
# Ticks of the quartz of the cards, which they count where no sync is chosen.
OWN_CLOCKS_PS = (25_000.0, 50_000.0)


@dataclass(frozen=True, slots=True)
class Variant:
    """One layout of records: its name, the number the decoder knows it by, 16-bit words a record, largest ADC value."""

    name: str
    layout: int
    words: int
    largest: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """A record as 16-bit words."""
        return np.dtype((np.dtype("<u2"), (self.words,)))


VARIANTS = {
    "spc-130": Variant("SPC-130", 0, 2, 4095),
    "spc-600-256": Variant("SPC-600 256 channels", 1, 2, 255),
    "spc-600-4096": Variant("SPC-600 4096 channels", 2, 3, 4095),
}


@dataclass(frozen=True, slots=True)
class SpcSource:
    """Records of a file, decoded piece by piece."""

    path: Path
    variant: Variant
    records: int
    limit: int

    def chunks(self, size: int) -> Iterator[Records]:
        """Give the photons of `size` records after the other."""
        counters = new_counters()
        held = np.zeros((0, self.variant.words), dtype=np.uint16)
        offset = 2 * self.variant.words
        for piece in record_pieces(self.path, dtype=self.variant.dtype, offset=offset, count=self.records, size=size):
            words = np.concatenate([held, piece])
            # the last record waits for the one behind it
            yield self._records(words, len(words) - 1, counters)
            held = words[-1:]
        if len(held):
            yield self._records(held, 1, counters)

    def _records(self, words: NDArray[np.uint16], count: int, counters: NDArray[np.int64]) -> Records:
        return decode_words(words, count, variant=self.variant, counters=counters, limit=self.limit)


def new_counters() -> NDArray[np.int64]:
    """Return the decoder's state at the start of a file: clock at 0, no photon before."""
    return np.array([0, 0, 0, -1, 0, 0, 0, 0], dtype=np.int64)


def decode_words(
    words: NDArray[np.uint16], count: int, *, variant: Variant, counters: NDArray[np.int64], limit: int
) -> Records:
    """Return the first `count` records as photons and markers.

    Raises
    ------
    DataError
        The overflows add up to a time longer than any measurement.
    """
    from qdmol.photons import becker_hickl_kernels as decoding

    out = (
        np.empty(count, dtype=np.int64),
        np.empty(count, dtype=np.uint8),
        np.empty(count, dtype=np.uint32),
        np.empty(count, dtype=np.int64),
        np.empty(count, dtype=np.uint8),
    )
    if not decoding.decode(words, variant.layout, count, counters, limit, out):
        raise DataError(
            f"The overflows of the macro clock add up to more than {LONGEST_S:.3g} s when read as {variant.name}; "
            "no measurement is that long, so the records are damaged or written by another card."
        )
    photons, marks = int(counters[decoding.PHOTONS]), int(counters[decoding.MARKERS])
    times, channels, adcs, marker_times, markers = out
    return Records(
        times=times[:photons],
        channels=channels[:photons],
        # the cards count from the photon to the next sync pulse
        delays=np.uint32(variant.largest) - adcs[:photons],
        marker_times=marker_times[:marks],
        markers=markers[:marks],
    )


@dataclass(frozen=True, slots=True)
class Trial:
    """How a file looks when read in one layout.

    Attributes
    ----------
    variant : Variant
        The layout.
    photons, gaps, illegal : int
        Photons, records marked as behind a gap, records with bits no card sets, among those looked at.
    compared, backward : int
        Neighbours between two overflows of the clock, and how many of them ran backward.
    looked_at : int
        Records looked at.
    clock_ps : float
        Tick of the macro clock by the first record.
    failure : str or None
        Why the records cannot be decoded at all.
    """

    variant: Variant
    clock_ps: float
    looked_at: int = 0
    photons: int = 0
    gaps: int = 0
    illegal: int = 0
    compared: int = 0
    backward: int = 0
    failure: str | None = None

    @property
    def refuted(self) -> str | None:
        """Why this cannot be the layout; None if it can."""
        if self.failure:
            return self.failure
        if self.illegal > 0.001 * self.looked_at:
            return f"{self.illegal} of {self.looked_at} records have invalid bits set"
        if self.compared >= ENOUGH and self.backward > 0.02 * self.compared:
            return f"time runs backward in {self.backward} of {self.compared} pairs of photons"
        if not 1e3 <= self.clock_ps <= 1e7:
            return f"the first record states a macro clock of {self.clock_ps / 1e3:.4g} ns"
        return None

    @property
    def ordered(self) -> bool:
        """Whether enough neighbours are in order, whatever the clock."""
        return self.failure is None and self.compared >= ENOUGH and self.backward <= 0.02 * self.compared

    @property
    def proven(self) -> bool:
        """Whether enough neighbours are in order and nothing speaks against the layout."""
        return self.refuted is None and self.ordered


def _count(path: Path, variant: Variant) -> int:
    return max(file_size(path) // variant.dtype.itemsize - 1, 0)


def _clock_ps(path: Path, variant: Variant) -> float:
    """Tick of the macro clock in the first record, which is stored in units of 0.1 ns."""
    first = read_bytes(path, variant.dtype.itemsize)
    if variant.words == 3:
        return 100.0 * int.from_bytes(first[2:4], "little")
    return 100.0 * int.from_bytes(first[:3], "little")


def _limit(clock_ps: float) -> int:
    """Ticks that no measurement reaches."""
    return int(LONGEST_S * 1e12 / max(clock_ps, 1.0))


def _try(path: Path, variant: Variant) -> Trial:
    from qdmol.photons import becker_hickl_kernels as decoding

    clock = _clock_ps(path, variant)
    offset = variant.dtype.itemsize
    total = np.zeros(8, dtype=np.int64)
    looked_at = 0
    for words in windows(path, dtype=variant.dtype, offset=offset, count=_count(path, variant)):
        counters = new_counters()
        looked_at += len(words)
        try:
            decode_words(words, len(words), variant=variant, counters=counters, limit=_limit(clock))
        except DataError as error:
            return Trial(variant, clock, failure=str(error).split(";")[0])
        total += counters
    return Trial(
        variant,
        clock,
        looked_at=looked_at,
        photons=int(total[decoding.PHOTONS]),
        gaps=int(total[decoding.GAPS]),
        illegal=int(total[decoding.ILLEGAL]),
        compared=int(total[decoding.COMPARED]),
        backward=int(total[decoding.BACKWARD]),
    )


@dataclass(slots=True)
class _Findings:
    """What is said about a file while it is looked at."""

    notes: list[str] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)


def _choose(path: Path, names: tuple[str, ...], findings: _Findings, *, stated: str | None) -> Trial:
    """Return the layout that fits, best proven first; a contradiction is noted if none does."""
    trials = [_try(path, VARIANTS[name]) for name in names]
    possible = [trial for trial in trials if trial.refuted is None]
    if not possible:
        # a refuted layout is kept so that the file's content can still be described
        trial = max(trials, key=lambda each: each.ordered)
        source = f"as {stated} says" if stated else f"as any known layout, such as {trial.variant.name}"
        findings.contradictions.append(f"The records are invalid {source}: {trial.refuted}.")
        return trial
    proven = [trial for trial in possible if trial.proven]
    chosen = (proven or possible)[0]
    if stated is None and len(proven or possible) > 1:
        findings.notes.append(f"The file does not show which card wrote it; it is read as {chosen.variant.name}.")
    return chosen


def _delay_unit_ps(setup: Setup | None, trial: Trial, given: float | None, findings: _Findings) -> float:
    """Width of a delay channel; without a setup it is not in the files, and that is said."""
    if given is not None:
        return given
    stated = setup.delay_unit_ps(trial.variant.largest + 1) if setup else None
    if stated is not None:
        return stated
    unit = trial.clock_ps / (trial.variant.largest + 1)
    findings.notes.append(
        f"No .set file states the width of a delay channel; it is taken as the {trial.clock_ps / 1e3:.4g} ns of the "
        f"macro clock over {trial.variant.largest + 1} channels, so every delay and lifetime depends on this "
        "assumption."
    )
    return unit


def _about_clock(setup: Setup | None, clock_ps: float, findings: _Findings) -> str:
    """Source of the macro clock: only if it is the laser's sync do its ticks count laser pulses."""
    source = setup.number("SP_MTCLK") if setup else None
    if source == 0 or (source is None and clock_ps in OWN_CLOCKS_PS):
        length = "" if source == 0 else f", by its length of {clock_ps / 1e3:g} ns,"
        findings.notes.append(
            f"The macro clock is{length} internal to the card and does not count laser pulses: delays are valid, but "
            "times between photons are known only to one clock tick."
        )
        return "internal"
    if source is None:
        findings.notes.append(
            "The file does not state whether the macro clock counts laser pulses; it is assumed to do so."
        )
        return "not stated"
    return "sync"


def read_spc(path: Path, *, variant: str | None = None, delay_unit_ps: float | None = None) -> PhotonStream:
    """Read an `.spc` file of the FIFO mode.

    Parameters
    ----------
    path
        The file. A `.set` file of the same name is read with it.
    variant
        One of ``"spc-130"`` (all cards of 4-byte records but SPC-600 and SPC-630), ``"spc-600-256"``,
        ``"spc-600-4096"``. If None, as the `.set` file says, else the one in which times run forward.
    delay_unit_ps
        Width of a delay channel, where no `.set` file states it.

    Returns
    -------
    PhotonStream
        Mode T3: ticks of the macro clock, and delays after the sync pulse. Macro clock and records that contradict
        each other or the `.set` file are named in `contradictions`.

    Raises
    ------
    InputError
        There is no such file, or it is not of this kind.
    """
    if variant is not None and variant not in VARIANTS:
        raise InputError(field="format", value=variant, allowed=f"one of {', '.join(VARIANTS)}")
    size = file_size(path)
    if size < 4:
        raise not_a_file_of(KIND, path, why="it is shorter than one record")
    setup = read_setup(path)
    findings = _Findings()
    trial = _chosen(path, variant, setup, findings)
    count = _count(path, trial.variant)
    rest = size % trial.variant.dtype.itemsize
    if rest:
        findings.notes.append(f"The file ends {rest} bytes into a record, which is ignored.")
    if trial.gaps:
        findings.notes.append(f"{trial.gaps} of {trial.looked_at} records report that preceding photons were lost.")
    tick = _delay_unit_ps(setup, trial, delay_unit_ps, findings)
    clock = _about_clock(setup, trial.clock_ps, findings)
    source = SpcSource(path, trial.variant, count, _limit(trial.clock_ps))
    return PhotonStream(
        mode="T3",
        tick_ps=tick,
        sync_period_ps=max(trial.clock_ps, 100.0),
        source=ordered(source, mode="T3"),
        provenance=_provenance(path, setup, trial, clock),
        notes=tuple(findings.notes),
        truncated=rest != 0,
        contradictions=tuple(findings.contradictions),
    )


def _chosen(path: Path, variant: str | None, setup: Setup | None, findings: _Findings) -> Trial:
    named = setup.variants if setup else None
    if variant is not None:
        return _choose(path, (variant,), findings, stated="the format given")
    if named == () and setup is not None:
        raise not_a_file_of(KIND, path, why=f"records of the card {setup.module} are not supported")
    if named:
        return _choose(path, named, findings, stated=f"its .set file ({setup.module if setup else None})")
    trial = _choose(path, tuple(VARIANTS), findings, stated=None)
    if trial.refuted and not trial.ordered and not _begins_as_spc(read_bytes(path, 4)):
        raise not_a_file_of(KIND, path, why="it does not begin with the record of the macro clock")
    return trial


def _provenance(path: Path, setup: Setup | None, trial: Trial, clock: str) -> Provenance:
    header: dict[str, Any] = {"macro_clock_ps": trial.clock_ps, "macro_clock_source": clock}
    if setup is None:
        return Provenance(format=KIND, record_type=trial.variant.name, path=str(path), header=header)
    header |= {"set_file": str(setup.path), **setup.identity, **setup.parameters}
    return Provenance(
        format=KIND,
        record_type=trial.variant.name,
        path=str(path),
        instrument=setup.module,
        created=" ".join(setup.identity.get(name, "") for name in ("Date", "Time")).strip() or None,
        comment=setup.identity.get("Contents") or None,
        header=header,
    )


def _begins_as_spc(head: bytes) -> bool:
    """Whether the first record is that of the macro clock: marked as no photon, with 1 ns to 10 µs a tick."""
    return len(head) >= 4 and head[3] & 0x80 != 0 and 10 <= int.from_bytes(head[:3], "little") <= 100_000


def looks_like_spc(head: bytes, path: Path) -> bool:
    """Whether a file may be one: the records have no signature, so two of name, first record and order must agree."""
    named, begins = path.suffix.lower() == ".spc", _begins_as_spc(head)
    if named and begins:
        return True
    return (named or begins) and any(_try(path, variant).proven for variant in VARIANTS.values())
