"""The package root is lazy, complete and quick; measured in fresh interpreters."""

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import qdmol

PUBLIC = {"Map", "Solution", "Spec", "__version__", "dump_spec", "map", "read_spec", "report", "solve"}
HEAVY = {"ngsolve", "netgen", "matplotlib", "numpy", "scipy", "xarray", "pandas", "pydantic", "h5netcdf", "typer"}
MODEL_ROOMS = {"mesh", "landscape", "states", "excitons", "study", "report"}


def loaded_after(statements: str) -> set[str]:
    """Names in sys.modules of a fresh interpreter after the statements."""
    code = f"{statements}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def printed_by(statements: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", statements], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_import_loads_the_root_alone():
    loaded = loaded_after("import qdmol")
    assert not loaded & HEAVY
    assert {name for name in loaded if name.startswith("qdmol")} == {"qdmol"}


def test_reading_a_spec_loads_no_solver_and_no_drawing():
    loaded = loaded_after("import qdmol; qdmol.read_spec('@homodimer')")
    assert "qdmol.structure" in loaded
    assert not loaded & {"ngsolve", "netgen", "matplotlib", "xarray"}
    assert not loaded & {f"qdmol.{room}" for room in MODEL_ROOMS}


def test_public_names():
    assert set(qdmol.__all__) == PUBLIC
    assert set(dir(qdmol)) >= PUBLIC
    for name in PUBLIC:
        assert getattr(qdmol, name) is not None


def test_public_names_are_those_of_their_rooms():
    from qdmol import structure, study

    assert qdmol.read_spec is structure.read_spec
    assert qdmol.dump_spec is structure.dump_spec
    assert qdmol.Spec is structure.Spec
    assert qdmol.solve is study.solve
    assert qdmol.Solution is study.Solution
    assert qdmol.map is study.map_spec
    assert qdmol.Map is study.Map


def test_a_module_of_the_study_does_not_hide_its_verb():
    """A module of the same name as what it holds would take its place once imported."""
    code = (
        "import qdmol.study.solving, qdmol.study.comparing, qdmol.study.mapping\nfrom qdmol.study import solve, compare"
    )
    assert printed_by(f"{code}\nprint(callable(solve), callable(compare))") == "True True"


@pytest.mark.parametrize("before", ["", "import qdmol.report", "from qdmol.report import write_report"])
def test_report_is_the_verb_and_the_room(before: str):
    """Python sets the attribute `report` of the root to the room whenever the room is imported."""
    code = f"{before}\nimport qdmol; print(callable(qdmol.report), callable(qdmol.report.write_report))"
    assert printed_by(code) == "True True"


def test_star_import_gives_the_public_names():
    code = "from qdmol import *; print(callable(solve), callable(read_spec), callable(report))"
    assert printed_by(code) == "True True True"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'qdmol' has no attribute 'bandgap'"):
        qdmol.bandgap  # noqa: B018  the access is the test
    assert not hasattr(qdmol, "band_gap")


def test_version_is_the_installed_one():
    assert qdmol.__version__ == version("qdmol")
    assert re.fullmatch(r"\d+\.\d+\.\d+", qdmol.__version__)


def test_version_is_the_cited_one():
    citation = Path(__file__).parents[1] / "CITATION.cff"
    assert f"version: {qdmol.__version__}\n" in citation.read_text(encoding="utf-8")


def test_module_run_is_the_command():
    done = subprocess.run([sys.executable, "-m", "qdmol", "--version"], capture_output=True, text=True, check=True)
    assert qdmol.__version__ in done.stdout
