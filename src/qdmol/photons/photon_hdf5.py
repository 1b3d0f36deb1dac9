"""Photon-HDF5: photons with their clock and setup in one HDF5 file.

The format is that of A. Ingargiola et al., Biophys. J. 110, 26 (2016), doi:10.1016/j.bpj.2015.11.013; versions up to
0.5 are read. Timestamps without nanotimes are T2; with nanotimes they are T3, where a tick of the timestamps is taken
as a period of the laser.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from qdmol.errors import InputError
from qdmol.photons.ordering import ordered
from qdmol.photons.photon_hdf5_source import DAMAGE, KIND, Names, PhotonHdf5Source, opened
from qdmol.photons.photon_hdf5_writing import OWN, write_photon_hdf5
from qdmol.photons.raw_files import LONGEST_S, file_size, not_a_file_of
from qdmol.photons.stream import Mode, PhotonStream, Provenance

__all__ = ["looks_like_photon_hdf5", "read_photon_hdf5", "write_photon_hdf5"]

MAGIC = b"\x89HDF\r\n\x1a\n"
# A chunk of a file is unpacked as a whole: none that is sound is longer.
LONGEST_CHUNK = 1 << 28
# Packing makes no more of a byte than this.
LARGEST_RATIO = 1100


def _array_name(file: h5py.File, path: Path, name: str, *, needed: bool = False) -> str | None:
    """Return `name` if it is a sound array of integers of the file; None if it is absent."""
    found = file.get(name)
    if found is None:
        if needed:
            raise not_a_file_of(KIND, path, why=f"it has no {name}")
        return None
    if not isinstance(found, h5py.Dataset) or found.ndim != 1 or found.dtype.kind not in "iu":
        raise not_a_file_of(KIND, path, why=f"{name} is not an array of integers")
    if found.chunks is not None and found.chunks[0] * found.dtype.itemsize > LONGEST_CHUNK:
        raise not_a_file_of(KIND, path, why=f"{name} is stored in chunks too long to be unpacked")
    if found.shape[0] * found.dtype.itemsize > LARGEST_RATIO * (found.id.get_storage_size() + 1):
        raise not_a_file_of(KIND, path, why=f"{name} states more numbers than are stored")
    return name


def _scalar(file: h5py.File, name: str) -> float | None:
    """Return a finite positive number of the file; None if there is none."""
    found = file.get(name)
    if not isinstance(found, h5py.Dataset) or found.size != 1 or found.dtype.kind not in "fiu":
        return None
    value = float(np.asarray(found[()]).reshape(-1)[0])
    return value if math.isfinite(value) and value > 0 else None


def _text(file: h5py.File, name: str) -> str | None:
    found = file.get(name)
    if not isinstance(found, h5py.Dataset) or found.size != 1 or found.dtype.kind not in "SO":
        return None
    value = np.asarray(found[()]).reshape(-1)[0]
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.strip() or None


@dataclass(slots=True)
class _Found:
    """What is read from a file before its photons."""

    names: Names
    time_unit_ps: float | None
    delay_unit_ps: float | None
    laser_rate_hz: float | None
    photons: int
    ends: tuple[int, int] | None
    duration_s: float | None
    texts: dict[str, str]
    own: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)


TEXTS = (
    "description",
    "identity/format_version",
    "identity/software",
    "identity/creation_time",
    "identity/author",
    "provenance/filename",
    "provenance/creation_time",
    "provenance/software",
    "sample/sample_name",
)


def _spot(file: h5py.File, path: Path, notes: list[str]) -> str:
    """Return the group of photons: the first, if there are several spots."""
    groups = sorted(name for name in file if isinstance(name, str) and name.startswith("photon_data"))
    if not groups:
        raise not_a_file_of(KIND, path, why="it has no /photon_data")
    if len(groups) > 1:
        notes.append(f"The file holds {len(groups)} spots; only the first ({groups[0]}) is read.")
    return f"/{groups[0]}"


def _marker_ids(file: h5py.File, group: str) -> tuple[int, ...]:
    specs = file.get(f"{group}/measurement_specs/detectors_specs")
    if not isinstance(specs, h5py.Group):
        return ()
    arrays = [specs[name] for name in specs if str(name).startswith("non_photon_id")]
    ids = {int(value) for array in arrays for value in np.asarray(array[()]).reshape(-1)[:256]}
    return tuple(sorted(value for value in ids if 0 <= value <= 255))


def _own_state(file: h5py.File) -> dict[str, Any]:
    text = _text(file, f"{OWN}/stream")
    state = json.loads(text) if text else {}
    return state if isinstance(state, dict) else {}


def _examine(file: h5py.File, path: Path) -> _Found:
    notes: list[str] = []
    group = _spot(file, path, notes)
    timestamps = _array_name(file, path, f"{group}/timestamps", needed=True)
    names = Names(
        timestamps=timestamps or "",
        detectors=_array_name(file, path, f"{group}/detectors"),
        nanotimes=_array_name(file, path, f"{group}/nanotimes"),
        sync_times=_array_name(file, path, f"{OWN}/sync_times"),
        marker_times=_array_name(file, path, f"{OWN}/marker_times"),
        markers=_array_name(file, path, f"{OWN}/markers"),
        marker_ids=_marker_ids(file, group),
    )
    stamps = file[names.timestamps]
    photons = int(stamps.shape[0])
    ends = (int(stamps[0]), int(stamps[photons - 1])) if photons else None
    found = _Found(
        names=names,
        time_unit_ps=_ps(_scalar(file, f"{group}/timestamps_specs/timestamps_unit")),
        delay_unit_ps=_ps(_scalar(file, f"{group}/nanotimes_specs/tcspc_unit")),
        laser_rate_hz=_scalar(file, f"{group}/measurement_specs/laser_repetition_rate"),
        photons=photons,
        ends=ends,
        duration_s=_scalar(file, "/acquisition_duration"),
        texts={name: text for name in TEXTS if (text := _text(file, f"/{name}")) is not None},
        own=_own_state(file),
        notes=notes,
    )
    for name in (names.detectors, names.nanotimes):
        if name is not None and file[name].shape[0] != photons:
            found.contradictions.append(f"{name} has {file[name].shape[0]} entries for {photons} timestamps.")
    return found


def _ps(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e12


def _check(found: _Found, path: Path) -> float:
    """Return the unit of the timestamps in ps; what cannot be is noted."""
    unit = found.time_unit_ps
    if unit is None:
        raise not_a_file_of(KIND, path, why="it does not state the unit of its timestamps")
    if not 1e-3 <= unit <= 1e10:
        found.contradictions.append(f"The unit of the timestamps is stated as {unit * 1e-12:.3g} s.")
    if found.ends is not None and abs(found.ends[1] - found.ends[0]) * unit * 1e-12 > LONGEST_S:
        span = abs(found.ends[1] - found.ends[0]) * unit * 1e-12
        found.contradictions.append(f"First and last photon are {span:.3g} s apart; no measurement is that long.")
    if found.names.detectors is None:
        found.notes.append("The file does not say which detector saw a photon; all are put on channel 0.")
    return unit


def _exact(own: dict[str, Any], key: str, value: float | None) -> float | None:
    """Return the number as it was before it became seconds, if the file has it."""
    exact = own.get(key)
    if isinstance(exact, float | int) and value is not None and math.isclose(exact, value, rel_tol=1e-9):
        return float(exact)
    return value


def _clocks(found: _Found, unit: float, path: Path) -> tuple[Mode, float, float | None]:
    """Return mode, tick and sync period in ps."""
    laser = None if found.laser_rate_hz is None else 1e12 / found.laser_rate_hz
    if found.names.nanotimes is not None and found.delay_unit_ps is None:
        raise not_a_file_of(KIND, path, why="it has nanotimes but does not state their unit")
    if found.names.nanotimes is None or found.delay_unit_ps is None:
        return "T2", _exact(found.own, "tick_ps", unit) or unit, _exact(found.own, "sync_period_ps", laser)
    if found.delay_unit_ps > unit:
        found.contradictions.append(
            f"A bin of the nanotimes ({found.delay_unit_ps:.4g} ps) is longer than a unit of the timestamps "
            f"({unit:.4g} ps)."
        )
    if laser is not None and abs(laser / unit - 1) > 0.01:
        found.notes.append(
            f"A tick of the timestamps ({unit / 1e3:.6g} ns) is not the period of the laser ({laser / 1e3:.6g} ns); "
            "delays are taken within the tick."
        )
    tick = _exact(found.own, "tick_ps", found.delay_unit_ps) or found.delay_unit_ps
    return "T3", tick, _exact(found.own, "sync_period_ps", unit)


def _provenance(path: Path, found: _Found, mode: Mode) -> Provenance:
    origin = found.own.get("origin")
    header: dict[str, Any] = dict(found.texts)
    if isinstance(origin, dict):
        header["origin"] = origin
    return Provenance(
        format=KIND,
        record_type=f"version {found.texts.get('identity/format_version', 'not stated')}, {mode}",
        path=str(path),
        instrument=found.texts.get("provenance/software"),
        created=found.texts.get("provenance/creation_time") or found.texts.get("identity/creation_time"),
        comment=found.texts.get("description"),
        header=header,
    )


def read_photon_hdf5(path: Path) -> PhotonStream:
    """Read a Photon-HDF5 file.

    Parameters
    ----------
    path
        The file. Of several spots the first is read.

    Returns
    -------
    PhotonStream
        T2, or T3 where there are nanotimes.

    Raises
    ------
    InputError
        There is no such file, it is damaged, or it has no timestamps or no unit for them.
    """
    file_size(path)
    with opened(path) as file:
        try:
            found = _examine(file, path)
        except InputError:
            raise
        except DAMAGE as error:
            raise not_a_file_of(KIND, path, why="it is damaged") from error
    unit = _check(found, path)
    mode, tick, period = _clocks(found, unit, path)
    names = found.names if mode == "T3" else replace(found.names, nanotimes=None)
    own = found.own
    notes = [str(note) for note in own.get("notes", [])] if isinstance(own.get("notes"), list) else []
    return PhotonStream(
        mode=mode,
        tick_ps=tick,
        sync_period_ps=period,
        source=ordered(PhotonHdf5Source(path, names, unit), mode=mode),
        provenance=_provenance(path, found, mode),
        stated_photons=found.photons if not names.marker_ids else None,
        stated_duration_s=found.duration_s,
        notes=(*notes, *found.notes),
        truncated=own.get("truncated") is True,
        unordered=own.get("unordered") is True,
        contradictions=tuple(found.contradictions),
    )


def looks_like_photon_hdf5(head: bytes, path: Path) -> bool:  # noqa: ARG001
    """Whether a file may be one: it begins as HDF5 files do."""
    return head.startswith(MAGIC)
