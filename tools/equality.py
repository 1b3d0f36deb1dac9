"""Record what the commands of qdmol write, and compare two such records number by number.

A change of structure must not change a result. Record the outputs before it and after it, and compare them::

    python tools/equality.py record before --qdmol /old/.venv/bin/qdmol --data /path/to/data --full
    python tools/equality.py record after --data /path/to/data --full
    python tools/equality.py compare before after

`record` runs a fixed list of commands, each in an empty folder of its own, and keeps standard output, standard error,
exit status and the data files that were written. Commands that are already in the record are skipped. Without
``--full`` only the quick ones run. `compare` classes every value as identical, rounding (relative difference below
1e-9) or different; sentences are compared apart and never fail. It exits with 1 if a number is different or a key is
missing.
"""

from __future__ import annotations

import argparse
import csv
import fnmatch
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

__all__ = [
    "Case",
    "Difference",
    "Kind",
    "compare_records",
    "compare_values",
    "list_cases",
    "load_file",
    "record_case",
]

# Relative difference below which two numbers differ by rounding only.
ROUNDING = 1e-9
# Size below which a difference is noise about zero: absolute, and relative to the largest number of an array.
NOISE = 1e-12
# Keys and attributes that belong to a run or a version and not to its result.
IGNORED_KEYS = re.compile(r"(.*/)?(elapsed_s|(\w+_)?versions?|platform|creation_time)")
# Progress, whose lines depend on the time.
PROGRESS = re.compile(r"^[^:\n]*: (\d+ %|\d+ of \d+ .*)\n", re.MULTILINE)
# Keys whose strings are words, even where they hold a single one.
WORD_KEYS = frozenset(
    {"allowed", "description", "long_name", "message", "note", "notes", "reason", "title", "warnings", "stderr"}
)
NUMBER = re.compile(r"[-−+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
DATA_SUFFIXES = frozenset({".nc", ".h5", ".csv", ".json", ".yaml"})
# Bookkeeping of dimensions inside NetCDF files; the names of the dimensions are compared instead.
DIMENSION_ATTRIBUTES = frozenset(
    {"CLASS", "DIMENSION_LIST", "NAME", "REFERENCE_LIST", "_Netcdf4Coordinates", "_Netcdf4Dimid", "_NCProperties"}
)
EXAMPLES = (
    *("dimer-in-field", "filled-neck", "heterodimer", "homodimer", "large-sample"),
    *("linked", "middle-sample", "monomer", "small-sample", "trimer-chain"),
)
MATERIAL_SETS = (
    *("cdse-cds-deep-offset", "cdse-cds-in-toluene", "cdse-cds-real-permittivities"),
    *("cdse-cds-single-band", "inp-cds-type-ii"),
)


# The commands


@dataclass(frozen=True)
class Case:
    """One command line, and the files that its folder holds.

    Attributes
    ----------
    name
        Name of the folder in the record.
    arguments
        What follows ``qdmol`` on the command line.
    inputs
        File name -> its text, or the path of a file to copy.
    slow
        Whether the case runs only in a full record.
    """

    name: str
    arguments: tuple[str, ...]
    inputs: Mapping[str, str | Path] = field(default_factory=dict)
    slow: bool = False


def list_cases(data: Path | None = None, cases: Path | None = None) -> list[Case]:
    """All commands to compare.

    Parameters
    ----------
    data
        Folder of measured files (``QDMOL_DATA``); without it the commands that read them are left out.
    cases
        Folder of further specs and damaged files, in subfolders ``specs``, ``hostile`` and ``photons``.
    """
    listed = [*_model_cases(), *_spectrum_cases(), *_study_cases(), *_refused_cases()]
    if data is not None:
        listed += [*_photon_cases(data), *_decay_cases(data), *_curve_cases(data)]
    if cases is not None:
        listed += _further_cases(cases)
    return listed


def _command(name: str, line: str, *, slow: bool = False, **inputs: str | Path) -> Case:
    """Case of a command line with ``--json``; ``spec_json=...`` is the file ``spec.json``."""
    named = {key.replace("__", "-").replace("_", "."): content for key, content in inputs.items()}
    return Case(name, (*line.split(), "--json"), named, slow)


def spec_text(**changes: Any) -> str:
    """Spec of a dimer without Coulomb interaction as JSON, with some of its keys replaced."""
    dot = {"core": {"material": "CdSe", "radius": 1.4}, "shells": [{"material": "CdS", "thickness": 2.1}]}
    spec = {
        "qdmol": 1,
        "name": "dimer",
        "materials": "cdse-cds-single-band",
        "molecule": {"dots": [dot, dot], "spacing": 5.2, "neck": "merged"},
        "calculation": {"electrons": 2, "holes": 1, "coulomb": "none", "tolerance": 0.1},
    }
    return json.dumps(spec | changes, indent=1)


def _dot(radius: float, thickness: float = 2.1, material: str = "CdSe") -> dict[str, Any]:
    """Dot of a spec (nm)."""
    return {
        "core": {"material": material, "radius": radius},
        "shells": [{"material": "CdS", "thickness": thickness}],
    }


def _model_cases() -> Iterator[Case]:
    """Specs, material sets, levels and excitons."""
    yield Case("init-list", ("init", "--list"))
    yield _command("check-schema", "check --schema")
    yield _command("materials", "materials")
    for name in MATERIAL_SETS:
        yield _command(f"materials-{name}", f"materials {name}")
    for name in EXAMPLES:
        yield _command(f"init-{name}", f"init {name} -o spec.yaml")
        yield _command(f"check-{name}", f"check @{name}", slow=True)
        yield _command(f"solve-{name}", f"solve @{name}")
        yield _command(
            f"run-{name}", f"run @{name} -o page.html --figures figures", slow=name not in {"homodimer", "heterodimer"}
        )
    yield Case("solve-homodimer-table", ("solve", "@homodimer"))
    yield _command("solve-homodimer-range", "solve @homodimer --range", slow=True)
    yield _command("solve-monomer-complexes", "solve @monomer --particles X,X-,X+,XX", slow=True)
    yield _command("run-heterodimer-map", "run @heterodimer -o page.html --map --linewidth 40meV", slow=True)
    specs = {
        "bare": spec_text(),
        "levels": spec_text(calculation={"electrons": 7, "holes": 6, "coulomb": "none", "tolerance": 0.1}),
        "electrons-only": spec_text(calculation={"electrons": 3, "holes": 0, "coulomb": "none", "tolerance": 1}),
        "ci": spec_text(
            molecule={"dots": [_dot(1.4)]},
            calculation={"electrons": 1, "holes": 1, "coulomb": "ci", "tolerance": 0.1, "exchange": True},
        ),
        "self-polarisation": spec_text(
            materials="cdse-cds-in-toluene",
            calculation={"electrons": 2, "holes": 1, "coulomb": "self-consistent", "self_polarisation": True},
        ),
        "permittivities": spec_text(
            materials="cdse-cds-real-permittivities",
            calculation={"electrons": 2, "holes": 1, "coulomb": "self-consistent"},
        ),
        "type-ii": spec_text(
            materials="inp-cds-type-ii",
            molecule={"dots": [_dot(1.6, material="InP"), _dot(1.5, material="InP")], "spacing": 5.2, "neck": "merged"},
            calculation={"electrons": 3, "holes": 3, "coulomb": "self-consistent"},
        ),
        "chain-in-field": spec_text(
            molecule={"dots": [_dot(1.4), _dot(1.3), _dot(1.5)], "barrier": [2.4, 2.6], "neck": "merged"},
            environment={"temperature": 77, "field": [0, 0, "30 kV/cm"]},
            calculation={"electrons": 3, "holes": 3, "coulomb": "self-consistent"},
        ),
        "hard-wall": spec_text(overrides={"medium": {"electron_barrier": "hard", "hole_barrier": "hard"}}),
        "ensemble": spec_text(ensemble={"members": 20, "core_radius": "5 %"}),
    }
    slow = {"ci", "self-polarisation"}
    for name, text in specs.items():
        yield _command(f"solve-spec-{name}", "solve spec.json", slow=name in slow, spec_json=text)
    yield _command("run-ci", "run spec.json -o page.html --figures figures", slow=True, spec_json=specs["ci"])


def _study_cases() -> Iterator[Case]:
    """Maps, tables of samples, comparisons and claims."""
    bare = spec_text()
    field_axis = "--axis field=-50:50:3"
    yield _command(
        "map-grid",
        "map spec.json --axis core_diameter=2.4nm:3.2nm:2 --axis barrier=2nm:3nm:2 --workers 0 -o map.nc",
        spec_json=bare,
    )
    yield _command("map-field", f"map @heterodimer {field_axis} --workers 0 -o map.nc")
    yield _command("map-with-failed-points", "map spec.json --axis spacing=2,5.2 --workers 0 -o map.nc", spec_json=bare)
    yield _command("map-workers", "map spec.json --axis spacing=5:6:3 --workers 2 -o map.nc", slow=True, spec_json=bare)
    table = (
        "name,core_radius,shell_thickness,spacing\nsmall,1.4,2.1,5.2\nmiddle,1.9 nm,21 angstrom,6.2\nbad,1.9,2.1,1\n"
    )
    yield _command(
        "batch-table", "batch samples.csv --spec spec.json --workers 0 -o out.csv", samples_csv=table, spec_json=bare
    )
    folder = {"specs/a.json": bare, "specs/b.json": spec_text(molecule={"dots": [_dot(1.5)]})}
    yield Case("batch-folder", ("batch", "specs", "--workers", "0", "-o", "out.csv", "--json"), folder)
    yield _command("compare-examples", "compare @homodimer @heterodimer")
    yield _command("claims-report", "claims --report -o page.html", slow=True)


def _spectrum_cases() -> Iterator[Case]:
    """Predicted spectra."""
    page = "-o page.html --figures figures"
    yield _command("spectrum-monomer", "spectrum @monomer")
    yield _command("spectrum-homodimer", f"spectrum @homodimer {page}")
    yield _command("spectrum-calibrated", "spectrum @heterodimer --calibrate 605nm --normalise 300nm", slow=True)
    yield _command("spectrum-field", f"spectrum @heterodimer --field=-100:100:3 {page}", slow=True)
    sizes = {"members": 12, "core_radius": "5 %", "shell_thickness": 0.1, "neck": "10 %", "monomers": 0.2, "seed": 1}
    ensemble = spec_text(ensemble=sizes, calculation={"electrons": 2, "holes": 1, "coulomb": "self-consistent"})
    yield _command("spectrum-ensemble", f"spectrum spec.json --workers 0 {page}", slow=True, spec_json=ensemble)
    exact = "spectrum spec.json --exact --workers 0 -o page.html"
    yield _command("spectrum-ensemble-exact", exact, slow=True, spec_json=ensemble)


def _refused_cases() -> Iterator[Case]:
    """Inputs that are refused with exit status 2."""
    dots = [_dot(1.4), _dot(1.4)]
    specs = {
        "overlapping-cores": spec_text(molecule={"dots": dots, "spacing": 2.0, "neck": "merged"}),
        "wide-neck": spec_text(molecule={"dots": dots, "neck": {"merged": 9}}),
        "spacing-disagrees": spec_text(molecule={"dots": dots, "neck": {"linker": 0.3}, "spacing": 5}),
        "negative-mass": spec_text(overrides={"CdSe": {"electron_mass": -0.1}}),
        "wrong-unit": spec_text(molecule={"dots": dots, "spacing": "5 meV", "neck": "merged"}),
        "unknown-key": spec_text(moleculle={}),
        "unknown-material": spec_text(molecule={"dots": [_dot(1.4, material="CdX")]}),
        "unknown-set": spec_text(materials="none-such"),
        "reserved-key": spec_text(strain=True),
        "off-axis-field": spec_text(environment={"temperature": 300, "field": [10, 0, 0]}),
        "off-axis-positions": spec_text(molecule={"dots": dots, "positions": [[0, 0, 0], [5, 1, 0]]}),
        "unbound": spec_text(overrides={"medium": {"electron_barrier": 0.001}}, molecule={"dots": [_dot(0.5, 0.3)]}),
        "no-dots": spec_text(molecule={"dots": []}),
        "version": spec_text(qdmol=2),
        "not-json": "{",
        "not-a-mapping": "[1, 2]",
    }
    for name, text in specs.items():
        yield _command(f"refused-{name}", "check spec.json", spec_json=text)
    yield _command("refused-solve-unbound", "solve spec.json", spec_json=specs["unbound"])
    yield _command("refused-repeated-key", "check spec.yaml", spec_yaml="qdmol: 1\nname: a\nname: b\n")
    lines = {
        "missing-file": "solve missing.yaml",
        "unknown-example": "solve @missing",
        "unknown-command": "sovle @homodimer",
        "unknown-option": "solve @homodimer --nothing",
        "particles": "solve @monomer --particles X9",
        "linewidth": "run @homodimer --map --linewidth 5nm",
        "map-without-axis": "map @homodimer -o map.nc",
        "map-unknown-axis": "map @homodimer --axis colour=1:2:2 -o map.nc",
        "map-values": "map @homodimer --axis spacing=1:2 -o map.nc",
        "map-suffix": "map @homodimer --axis spacing=5:6:2 -o map.txt",
        "batch-missing": "batch missing -o out.csv",
        "compare-missing": "compare @homodimer missing.yaml",
        "materials": "materials missing",
        "init": "init missing",
        "spectrum-field": "spectrum @homodimer --field 1:2",
        "spectrum-calibrate": "spectrum @homodimer --calibrate 5nm",
        "photons-missing": "photons info missing.ptu",
        "curves-missing": "spectrum fit missing.csv",
    }
    for name, line in lines.items():
        yield _command(f"refused-{name}", line)
    yield _command("refused-init-exists", "init homodimer -o spec.yaml", spec_yaml="qdmol: 1\n")
    yield _command("refused-photons-text", "photons info notes.ptu", notes_ptu="no photons here\n")
    yield _command("refused-curves-text", "spectrum fit notes.csv", notes_csv="no curve here\n")
    yield _command("refused-batch-column", "batch t.csv --spec @homodimer -o o.csv", t_csv="colour\n1\n")


def _slug(path: Path) -> str:
    """Name of a file as the name of a folder."""
    return re.sub(r"[^\w.-]+", "_", path.name)


def _photon_cases(data: Path) -> Iterator[Case]:
    """Recordings of photon counters."""
    photons = data / "photons"
    suffixes = {".ptu", ".pt3", ".qutag", ".spc", ".ht2", ".ht3"}
    recordings = sorted(path for path in photons.rglob("*") if path.suffix in suffixes)
    quick = {"hydraharp_t3_80mhz_hbt.ptu", "hydraharp_v20_t2.ptu", "picoharp_a42f_point_1.pt3", "v20.ht3"}
    for path in recordings:
        slug, inputs, slow = _slug(path), _with_settings(path), path.name not in quick
        analyze = ("photons", "analyze", path.name, "-o", "page.html", "--json")
        yield Case(f"photons-info-{slug}", ("photons", "info", path.name, "--json"), inputs, slow)
        yield Case(f"photons-analyze-{slug}", analyze, inputs, slow)
        yield Case(f"photons-convert-{slug}", ("photons", "convert", path.name, "-o", "o.h5", "--json"), inputs, slow)
    pulsed, dye = photons / "hydraharp_t3_80mhz_hbt.ptu", photons / "picoharp_a42f_point_1.pt3"
    options = {
        "figures": ("--figures", "figures"),
        "gate": ("--gate", "1:8"),
        "channels": ("--channels", "1,0"),
        "mask": ("--afterglow", "mask"),
        "model": ("--afterglow", "model"),
        "two-exponentials": ("--model", "2"),
        "stretched": ("--model", "stretched"),
        "bad-channels": ("--channels", "0,9"),
        "bad-model": ("--model", "7"),
    }
    for name, option in options.items():
        arguments = ("photons", "analyze", pulsed.name, "-o", "page.html", *option, "--json")
        yield Case(f"photons-option-{name}", arguments, {pulsed.name: pulsed}, slow=True)
    both = ("photons", "analyze", pulsed.name, dye.name, "-o", "page.html", "--json")
    yield Case("photons-many-files", both, {pulsed.name: pulsed, dye.name: dye}, slow=True)


def _with_settings(recording: Path) -> dict[str, str | Path]:
    """Inputs of a recording: itself, and the settings file of the same name if there is one."""
    settings = recording.with_suffix(".set")
    return {path.name: path for path in (recording, settings) if path.exists()}


def _decay_cases(data: Path) -> Iterator[Case]:
    """Decay histograms: instrument responses, and the curves of an archive."""
    texts: dict[str, str | Path] = {path.name: path for path in sorted((data / "decays" / "irfs").glob("*.csv"))}
    archive = data / "decays" / "perovskite_trpl_raw.zip"
    if archive.exists():
        with zipfile.ZipFile(archive) as files:
            names = [name for name in files.namelist() if name.endswith(".csv") and "__MACOSX" not in name]
            texts |= {Path(name).name: files.read(name).decode(errors="replace") for name in names}
    for name, content in texts.items():
        arguments = ("photons", "analyze", name, "--format", "decay", "--unit", "ns", "-o", "page.html", "--json")
        slug = _slug(Path(name))
        yield Case(f"decay-analyze-{slug}", arguments, {name: content}, slow=name != "G700_N0.csv")
        yield Case(f"decay-column-{slug}", (*arguments, "--column", "1"), {name: content}, slow=name != "G700_N0.csv")
        yield Case(f"decay-info-{slug}", ("photons", "info", name, "--json"), {name: content}, slow=True)


def _curve_cases(data: Path) -> Iterator[Case]:
    """Measured absorption and emission curves."""
    curves = sorted((data / "spectra").rglob("*.csv"))
    quick = {"Run 1 UV-Vis.csv", "Run 2 FL emission.csv"}
    for path in curves:
        arguments = ("spectrum", "fit", path.name, "--json")
        yield Case(f"spectrum-fit-{_slug(path)}", arguments, {path.name: path}, slow=path.name not in quick)
    if not curves:
        return
    first = curves[0]
    page = ("-o", "page.html", "--figures", "figures", "--json")
    together = ("spectrum", "fit", *(path.name for path in curves[:2]), "--material", "CdSe", *page)
    yield Case("spectrum-fit-page", together, {path.name: path for path in curves[:2]}, slow=True)
    measured = ("spectrum", "@homodimer", "--measured", f"fused={first.name}", *page)
    yield Case("spectrum-measured", measured, {first.name: first}, slow=True)


def _further_cases(cases: Path) -> Iterator[Case]:
    """Further specs, damaged files and simulated recordings."""
    specs = cases / "specs"
    sets: dict[str, str | Path] = {path.name: path for path in sorted(specs.glob("*.yaml"))}
    for path in sorted(specs.glob("*.json")):
        inputs = {path.name: path, **sets}
        yield Case(f"further-check-{path.stem}", ("check", path.name, "--json"), inputs)
        yield Case(f"further-solve-{path.stem}", ("solve", path.name, "--json"), inputs, slow=True)
    damaged = [path for path in sorted((cases / "hostile").glob("*")) if path.suffix in {".csv", ".h5"}]
    for path in damaged:
        inputs = {path.name: path}
        yield Case(f"further-info-{path.name}", ("photons", "info", path.name, "--json"), inputs, slow=True)
        if path.suffix == ".csv":
            yield Case(f"further-fit-{path.name}", ("spectrum", "fit", path.name, "--json"), inputs, slow=True)
    for path in sorted((cases / "photons").rglob("*")):
        if path.suffix in {".ptu", ".txt", ".csv", ".dat"}:
            arguments = ("photons", "analyze", path.name, "-o", "page.html", "--json")
            name = f"further-analyze-{path.parent.name}-{_slug(path)}"
            yield Case(name, arguments, {path.name: path}, slow=True)


# Recording


def record_case(case: Case, command: Sequence[str], folder: Path, time_limit: float = 600.0) -> bool:
    """Run one command in a folder of its own, and store what it wrote.

    Parameters
    ----------
    case
        The command line and its input files.
    command
        How qdmol is started, such as ``["/path/to/qdmol"]``.
    folder
        The record; the outputs go into its subfolder named by the case.
    time_limit
        Seconds after which the command is stopped; its status is then ``"timeout"``.

    Returns
    -------
    bool
        False if the case was in the record already and nothing was run.
    """
    target = folder / case.name
    if (target / "status.json").exists():
        return False
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="qdmol-equality-") as temporary:
        work, home = Path(temporary, "work"), Path(temporary, "home")
        work.mkdir()
        home.mkdir()
        _write_inputs(case, work)
        start = time.monotonic()
        status, stdout, stderr = _run([*command, *case.arguments], work, _environment(home), time_limit)
        elapsed = time.monotonic() - start
        (target / "files").mkdir(parents=True)
        (target / "stdout").write_bytes(stdout.replace(str(work).encode(), b"WORK"))
        (target / "stderr").write_bytes(stderr.replace(str(work).encode(), b"WORK"))
        written = _keep_outputs(work, case.inputs, target / "files")
    description = {"arguments": list(case.arguments), "exit": status, "elapsed_s": elapsed, "written": written}
    (target / "status.json").write_text(json.dumps(description, indent=1), encoding="utf-8")
    return True


def _write_inputs(case: Case, work: Path) -> None:
    """Put the input files of a case into its folder."""
    for name, content in case.inputs.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copyfile(content, path)
        else:
            path.write_text(content, encoding="utf-8")


def _environment(home: Path) -> dict[str, str]:
    """Environment of a command: one thread, no user's configuration, no stored results."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QDMOL_")}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    store = home / "store"
    store.mkdir()
    fixed = {
        "QDMOL_STORE": str(store),
        "XDG_CONFIG_HOME": str(home / "config"),
        "MPLBACKEND": "Agg",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "COLUMNS": "120",
        "PYTHONHASHSEED": "0",
    }
    return environment | threads | fixed


def _run(
    command: Sequence[str], work: Path, environment: Mapping[str, str], time_limit: float
) -> tuple[int | str, bytes, bytes]:
    """Exit status (or "timeout"), standard output and standard error of a command."""
    process = subprocess.Popen(
        command,
        cwd=work,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate(timeout=time_limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        return "timeout", stdout, stderr
    return process.returncode, stdout, stderr


def _keep_outputs(work: Path, inputs: Mapping[str, object], target: Path) -> list[str]:
    """Copy the data files that a command wrote, and list the names of all files it wrote."""
    paths = [path for path in sorted(work.rglob("*")) if path.is_file()]
    written = []
    for path in paths:
        name = path.relative_to(work).as_posix()
        if name in inputs or ".parts/" in name:
            continue
        written.append(name)
        if path.suffix in DATA_SUFFIXES:
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    return written


# Comparing


class Kind(StrEnum):
    """How a value compares with the one before."""

    IDENTICAL = "identical"
    ROUNDING = "rounding"
    DIFFERENT = "different"
    MISSING = "missing"
    NEW = "new"
    WORDS = "words"


FAILURES = frozenset({Kind.DIFFERENT, Kind.MISSING})


@dataclass(frozen=True)
class Difference:
    """Outcome for one value, or for `count` values of an array.

    Attributes
    ----------
    place
        Path of the value, as ``stdout.electron.energy_eV[0]``.
    kind
        Its class.
    text
        Both values and their relative difference.
    count
        Number of values.
    """

    place: str
    kind: Kind
    text: str = ""
    count: int = 1


def compare_values(before: Any, after: Any, place: str) -> Iterator[Difference]:
    """Compare two values made of mappings, lists, arrays, numbers and strings.

    Parameters
    ----------
    before, after
        The values, as JSON or `load_file` gives them.
    place
        Path of the values in their file.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _compare_mappings(before, after, place)
    elif isinstance(before, np.ndarray) and isinstance(after, np.ndarray):
        yield from _compare_arrays(before, after, place)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _compare_lists(before, after, place)
    elif isinstance(before, str) and isinstance(after, str):
        yield from _compare_strings(before, after, place)
    elif _is_number(before) and _is_number(after):
        yield _compare_numbers(before, after, place)
    elif type(before) is type(after) and before == after:
        yield Difference(place, Kind.IDENTICAL)
    else:
        yield Difference(place, Kind.DIFFERENT, f"{_shown(before)} -> {_shown(after)}")


def _compare_mappings(before: dict[str, Any], after: dict[str, Any], place: str) -> Iterator[Difference]:
    """Compare key by key; keys of a run or a version are left out."""
    for key in before | after:
        inner = f"{place}.{key}" if place else key
        if IGNORED_KEYS.fullmatch(key):
            continue
        if key not in after:
            yield Difference(inner, Kind.MISSING, _shown(before[key]))
        elif key not in before:
            yield Difference(inner, Kind.NEW, _shown(after[key]))
        else:
            yield from compare_values(before[key], after[key], inner)


def _compare_lists(before: list[Any], after: list[Any], place: str) -> Iterator[Difference]:
    """Compare element by element."""
    absent = object()
    for index, (old, new) in enumerate(zip_longest(before, after, fillvalue=absent)):
        inner = f"{place}[{index}]"
        if new is absent:
            yield Difference(inner, Kind.MISSING, _shown(old))
        elif old is absent:
            yield Difference(inner, Kind.NEW, _shown(new))
        else:
            yield from compare_values(old, new, inner)


def _compare_numbers(before: float, after: float, place: str) -> Difference:
    """Compare two numbers; NaN equals NaN, and -0 equals 0."""
    if before == after or (math.isnan(before) and math.isnan(after)):
        return Difference(place, Kind.IDENTICAL)
    size = max(abs(before), abs(after))
    relative = abs(before - after) / size
    kind = Kind.ROUNDING if relative < ROUNDING or size < NOISE else Kind.DIFFERENT
    return Difference(place, kind, f"{before!r} -> {after!r} (relative {relative:.1e})")


def _compare_strings(before: str, after: str, place: str) -> Iterator[Difference]:
    """Compare texts: documents by their content, names exactly, sentences as words."""
    if before == after:
        yield Difference(place, Kind.IDENTICAL)
        return
    key = re.sub(r"\[\d+\]", "", place).rpartition(".")[2]
    documents = (None, None) if key in WORD_KEYS else (_as_document(before), _as_document(after))
    if all(document is not None for document in documents):
        yield from compare_values(*documents, place)
    elif key != "stdout" or documents == (None, None):
        numbers = Counter(NUMBER.findall(before)), Counter(NUMBER.findall(after))
        changed = "" if numbers[0] == numbers[1] else " [its numbers changed]"
        are_words = key in WORD_KEYS or _is_sentence(before) or _is_sentence(after)
        kind = Kind.WORDS if are_words else Kind.DIFFERENT
        yield Difference(place, kind, f"{_shown(before)} -> {_shown(after)}{changed}")
    else:
        yield Difference(place, Kind.DIFFERENT, f"{_shown(before)} -> {_shown(after)}")


def _compare_arrays(before: np.ndarray[Any, Any], after: np.ndarray[Any, Any], place: str) -> Iterator[Difference]:
    """Compare two arrays; where one is longer, the part that both have."""
    if before.ndim != after.ndim:
        yield Difference(place, Kind.DIFFERENT, f"shape {before.shape} -> {after.shape}")
        return
    if before.shape != after.shape:
        shrunk = any(new < old for old, new in zip(before.shape, after.shape, strict=True))
        yield Difference(place, Kind.MISSING if shrunk else Kind.NEW, f"shape {before.shape} -> {after.shape}")
        common = tuple(slice(min(sizes)) for sizes in zip(before.shape, after.shape, strict=True))
        before, after = before[common], after[common]
    if not (np.issubdtype(before.dtype, np.number) and np.issubdtype(after.dtype, np.number)):
        yield from compare_values(before.tolist(), after.tolist(), place)
        return
    old, new = before.astype(float), after.astype(float)
    equal = (old == new) | (np.isnan(old) & np.isnan(new))
    yield Difference(place, Kind.IDENTICAL, count=int(equal.sum()))
    if not equal.all():
        yield from _compare_unequal(old[~equal], new[~equal], _largest(old), place)


def _compare_unequal(
    old: np.ndarray[Any, Any], new: np.ndarray[Any, Any], largest: float, place: str
) -> Iterator[Difference]:
    """Class numbers of an array that differ; `largest` is the size of its largest number."""
    size = np.maximum(np.abs(old), np.abs(new))
    gap = np.abs(old - new)
    with np.errstate(invalid="ignore"):
        relative = gap / size
        rounding = (relative < ROUNDING) | (gap < NOISE * largest) | (size < NOISE)
    for kind, chosen in ((Kind.ROUNDING, rounding), (Kind.DIFFERENT, ~rounding)):
        if chosen.any():
            shares = relative[chosen]
            worst = int(np.argmax(np.where(np.isnan(shares), np.inf, shares)))
            example = f"{old[chosen][worst]!r} -> {new[chosen][worst]!r}"
            count = int(chosen.sum())
            yield Difference(place, kind, f"{count} values, worst {example} (relative {shares[worst]:.1e})", count)


def _largest(values: np.ndarray[Any, Any]) -> float:
    """Size of the largest finite number of an array, 0 if there is none."""
    finite = values[np.isfinite(values)]
    return float(np.abs(finite).max()) if finite.size else 0.0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_sentence(text: str) -> bool:
    """Whether a text is made of words and is not a name or a code."""
    return not text or bool(re.search(r"\s", text.strip()))


def _as_document(text: str) -> dict[str, Any] | list[Any] | None:
    """Mapping or list that a text holds as JSON or YAML, None if it is neither."""
    try:
        if text.lstrip().startswith(("{", "[")):
            content = json.loads(text)
        elif re.search(r"^[\w]+:( |$)", text, re.MULTILINE) and text.count("\n") > 2:
            content = YAML(typ="safe", pure=True).load(text)
        else:
            return None
    except (ValueError, YAMLError):
        return None
    return content if isinstance(content, dict | list) else None


def _shown(value: object) -> str:
    """Value in at most 200 characters."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:197]}..."


# Files


def load_file(path: Path) -> Any:
    """Content of a data file as mappings, lists, arrays, numbers and strings.

    HDF5 and NetCDF files give the path of each variable with its ``values``, ``dimensions`` and attributes. CSV files
    give their columns if all rows are equally long, else their rows. Other files give their text.
    """
    if path.suffix in {".nc", ".h5"}:
        return _load_hdf5(path)
    text = path.read_text(encoding="utf-8", errors="replace")
    return _load_csv(text) if path.suffix == ".csv" else text


def _load_hdf5(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = {}
    with h5py.File(path) as file:

        def add(name: str, item: h5py.Dataset | h5py.Group) -> None:
            entry: dict[str, Any] = {"attributes": _attributes(item)}
            if isinstance(item, h5py.Dataset):
                entry["values"] = _decoded(item[()])
                if "DIMENSION_LIST" in item.attrs:
                    entry["dimensions"] = [[scale.name for scale in axis.values()] for axis in item.dims]
            content[name] = entry

        add("/", file)
        file.visititems(add)
    return content


def _attributes(item: h5py.Dataset | h5py.Group) -> dict[str, Any]:
    return {name: _decoded(item.attrs[name]) for name in item.attrs if name not in DIMENSION_ATTRIBUTES}


def _decoded(value: Any) -> Any:
    """Value of an HDF5 variable or attribute with bytes as text and arrays without dimension as scalars."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, np.generic):
        return _decoded(value.item())
    if isinstance(value, np.ndarray) and value.dtype.kind in "OSU":
        return [_decoded(element) for element in value.tolist()]
    return value


def _load_csv(text: str) -> Any:
    rows = [[_as_cell(cell) for cell in row] for row in csv.reader(text.splitlines())]
    header = [str(cell) for cell in rows[0]] if rows else []
    if len(set(header)) == len(header) and len({len(row) for row in rows}) == 1:
        return {name: [row[index] for row in rows[1:]] for index, name in enumerate(header)}
    return rows


def _as_cell(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


# Records


def compare_case(before: Path, after: Path) -> list[Difference]:
    """Compare the recorded outputs of one command in two folders."""
    old, new = (json.loads((folder / "status.json").read_text(encoding="utf-8")) for folder in (before, after))
    differences = list(compare_values(str(old["exit"]), str(new["exit"]), "exit"))
    differences += compare_values(load_file(before / "stdout"), load_file(after / "stdout"), "stdout")
    messages, new_messages = (PROGRESS.sub("", load_file(folder / "stderr")) for folder in (before, after))
    differences += compare_values(messages, new_messages, "stderr")
    for name in sorted({*old["written"], *new["written"]}):
        if name not in new["written"]:
            differences.append(Difference(name, Kind.MISSING, "file"))
        elif name not in old["written"]:
            differences.append(Difference(name, Kind.NEW, "file"))
        elif (before / "files" / name).exists():
            paths = before / "files" / name, after / "files" / name
            differences += compare_values(load_file(paths[0]), load_file(paths[1]), name)
    return differences


def compare_records(before: Path, after: Path, pattern: str = "*") -> dict[str, list[Difference]]:
    """Compare all commands that both records have.

    Returns
    -------
    dict
        Name of each command -> what was compared, identical values included.
    """
    names = _recorded(before, pattern) & _recorded(after, pattern)
    return {name: compare_case(before / name, after / name) for name in sorted(names)}


def _recorded(folder: Path, pattern: str) -> set[str]:
    names = {path.parent.name for path in folder.glob("*/status.json")}
    return {name for name in names if fnmatch.fnmatch(name, pattern)}


def comparison_report(compared: Mapping[str, Sequence[Difference]], shown: int, *, words: bool) -> str:
    """Table with a line for each command and a total, then what differs.

    Parameters
    ----------
    compared
        Differences by command.
    shown
        Largest number of differences to list for a command.
    words
        Whether changed sentences are listed too.
    """
    width = max((len(name) for name in compared), default=5)
    counts = {name: _count(differences) for name, differences in compared.items()}
    total: Counter[Kind] = sum(counts.values(), Counter())
    lines = [" ".join((f"{'command':{width}}", *(f"{kind:>9}" for kind in Kind)))]
    for name, count in [*counts.items(), (f"total of {len(counts)}", total)]:
        lines.append(" ".join((f"{name:{width}}", *(f"{count[kind] or '.':>9}" for kind in Kind))))
    hidden = {Kind.IDENTICAL} if words else {Kind.IDENTICAL, Kind.WORDS}
    for name, differences in compared.items():
        listed = [item for item in differences if item.kind not in hidden]
        listed.sort(key=lambda item: item.kind not in FAILURES)
        if listed:
            lines += ["", name, *(f"  {item.kind}: {item.place}: {item.text}" for item in listed[:shown])]
        if len(listed) > shown:
            lines.append(f"  and {len(listed) - shown} more")
    return "\n".join(lines) + "\n"


def _count(differences: Sequence[Difference]) -> Counter[Kind]:
    counter: Counter[Kind] = Counter()
    for item in differences:
        counter[item.kind] += item.count
    return counter


# The command line


def _record(options: argparse.Namespace) -> int:
    """Record all chosen commands."""
    chosen = [
        case
        for case in list_cases(options.data, options.cases)
        if (options.full or not case.slow) and fnmatch.fnmatch(case.name, options.only)
    ]
    options.folder.mkdir(parents=True, exist_ok=True)
    command = str(options.qdmol.absolute())
    origin = options.folder / "command.txt"
    if origin.exists() and origin.read_text(encoding="utf-8") != command:
        sys.stderr.write(
            f"{options.folder} is the record of {origin.read_text(encoding='utf-8')}; use another folder.\n"
        )
        return 2
    if not origin.exists():
        origin.write_text(command, encoding="utf-8")

    def run(case: Case) -> None:
        start = time.monotonic()
        if record_case(case, [command], options.folder, options.time_limit):
            sys.stderr.write(f"{time.monotonic() - start:7.1f} s  {case.name}\n")

    with ThreadPoolExecutor(options.jobs) as executor:
        list(executor.map(run, chosen))
    sys.stdout.write(f"{len(chosen)} commands are recorded in {options.folder}\n")
    return 0


def _compare(options: argparse.Namespace) -> int:
    """Compare two records and print what differs."""
    compared = compare_records(options.before, options.after, options.only)
    sys.stdout.write(comparison_report(compared, options.show, words=options.words))
    absent = sorted(_recorded(options.before, options.only) - set(compared))
    if absent:
        names = ", ".join(absent[: options.show])
        sys.stdout.write(f"\n{len(absent)} commands have no record in {options.after}, among them {names}\n")
    failed = any(item.kind in FAILURES for differences in compared.values() for item in differences)
    return 1 if failed or not compared or (absent and not options.partial) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Record and compare the outputs of qdmol.")
    actions = parser.add_subparsers(required=True)
    record = actions.add_parser("record", help="run the commands and store their outputs")
    record.set_defaults(action=_record)
    record.add_argument("folder", type=Path, help="folder of the record")
    record.add_argument("--qdmol", type=Path, default=Path(sys.executable).with_name("qdmol"), help="command to run")
    record.add_argument("--data", type=Path, help="folder of measured files")
    record.add_argument("--cases", type=Path, help="folder of further specs and damaged files")
    record.add_argument("--full", action="store_true", help="also the slow commands")
    record.add_argument("--jobs", type=int, default=1, help="commands that run at the same time")
    record.add_argument("--time-limit", type=float, default=600.0, help="seconds a command may take")
    compare = actions.add_parser("compare", help="compare two records")
    compare.set_defaults(action=_compare)
    compare.add_argument("before", type=Path)
    compare.add_argument("after", type=Path)
    compare.add_argument("--show", type=int, default=20, help="differences to list for a command")
    compare.add_argument("--words", action="store_true", help="also list changed sentences")
    compare.add_argument("--partial", action="store_true", help="commands missing from the second record do not fail")
    for each in (record, compare):
        each.add_argument("--only", default="*", metavar="PATTERN", help="names of commands, as solve-*")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    status: int = options.action(options)
    return status


if __name__ == "__main__":
    raise SystemExit(main())
