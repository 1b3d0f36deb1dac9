"""The commands whose outputs are compared between two versions, with their input files."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Case", "list_cases", "spec_text"]

EXAMPLES = (
    *("dimer-in-field", "filled-neck", "heterodimer", "homodimer", "large-sample"),
    *("linked", "middle-sample", "monomer", "small-sample", "trimer-chain"),
)
MATERIAL_SETS = (
    *("cdse-cds-deep-offset", "cdse-cds-in-toluene", "cdse-cds-real-permittivities"),
    *("cdse-cds-single-band", "inp-cds-type-ii"),
)


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
