"""Specs and maps that several tests share: small, and quick to solve."""

import json
import subprocess
import sys
from pathlib import Path

from qdmol.structure import Spec, read_spec

BARE = {"electrons": 2, "holes": 0, "coulomb": "none", "tolerance": 0.1}
AXES = {"core_diameter": "2.2nm:4.2nm:3", "barrier": [0.8, 2.0]}


def mapping(**changes) -> dict:
    """The shipped homodimer with two electron levels and nothing else."""
    dot = {"core": {"material": "CdSe", "radius": 1.4}, "shells": [{"material": "CdS", "thickness": 2.1}]}
    base = {
        "qdmol": 1,
        "name": "map sample",
        "materials": "cdse-cds-single-band",
        "molecule": {"dots": [dot, dot], "spacing": 5.2},
        "calculation": BARE,
    }
    return {**json.loads(json.dumps(base)), **changes}


def sample(**changes) -> Spec:
    return read_spec(mapping(**changes))


def written(folder: Path, **changes) -> Path:
    path = folder / "sample.json"
    path.write_text(json.dumps(mapping(**changes)), encoding="utf-8")
    return path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "qdmol", *map(str, arguments)]


def run(*arguments: object, **options) -> subprocess.CompletedProcess:
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False, **options)


def parts(output: Path) -> list[Path]:
    return sorted(output.with_name(output.name + ".parts").glob("*.json"))
