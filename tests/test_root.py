"""The package root is lazy, complete and quick; measured in fresh interpreters."""

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import qdmol

VALUES = {
    "Comparison",
    "CurveComparison",
    "Estimate",
    "Map",
    "Molecule",
    "PhotonAnalyses",
    "PhotonAnalysis",
    "PhotonStream",
    "Solution",
}
VALUES |= {
    "Sizing",
    "SpecFit",
    "Spec",
    "Spectra",
    "InputError",
    "MissingExtraError",
    "OutputError",
    "QdmolError",
    "SolverError",
}
VERBS = {
    "analyze_photons",
    "batch",
    "compare",
    "compare_curves",
    "dump_spec",
    "fit_curves",
    "fit_lifetime",
    "load",
    "map",
    "measure_g2",
}
VERBS |= {"fit_spec", "size", "plot", "predict_spectra", "read_curves", "read_photons", "read_spec", "report", "solve"}
PUBLIC = VALUES | VERBS | {"__version__"}
HEAVY = {"ngsolve", "netgen", "matplotlib", "numpy", "scipy", "xarray", "pandas", "pydantic", "h5netcdf", "typer"}
MODEL_ROOMS = {
    *(
        "fem",
        "potentials",
        "states",
        "meanfield",
        "ci",
        "optics",
        "study",
        "prediction",
        "claims",
        "design",
        "plot",
        "report",
    ),
}
# Importing a module of this name fails, as where it is not installed.
BLOCKED = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Absent())
"""


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


def test_the_data_wing_loads_no_finite_elements_no_drawing_and_no_model():
    loaded = loaded_after("import qdmol.photons, qdmol.analysis")
    assert "qdmol.photons" in loaded
    assert not loaded & {"ngsolve", "netgen", "pyngcore", "matplotlib", "numba"}
    rooms = {name for name in loaded if name.startswith("qdmol.")}
    assert not {name for name in rooms if name.split(".")[1] in MODEL_ROOMS | {"structure", "materials"}}


def test_the_data_wing_works_without_the_finite_elements(tmp_path: Path):
    """A file of photons is analysed and reported where the solver's library cannot be imported."""
    code = f"""{BLOCKED.format(names={"ngsolve", "netgen", "pyngcore"})}
import numpy as np
from qdmol.photons import ArraySource, PhotonStream, Provenance, Records

rng = np.random.default_rng(1)
n = 4000
times, delays = np.sort(rng.integers(0, 10**6, n)), (rng.exponential(20e3, n) / 16).astype(np.uint32)
keep = delays < 6250
records = Records(times[keep], rng.integers(0, 2, keep.sum()).astype(np.uint8), delays[keep])
stream = PhotonStream("T3", 16.0, ArraySource(records), Provenance("made", "T3"), sync_period_ps=100_000.0)

from qdmol.analysis import analyze_photons
from qdmol.report.photon_page import write_photon_report

found = analyze_photons(stream)
write_photon_report(found, {str(tmp_path / "page.html")!r})
assert 15 < found.summary["lifetime"]["components_ns"][0] < 25, found.summary["lifetime"]
try:
    import ngsolve
except ModuleNotFoundError:
    print("absent")
"""
    assert printed_by(code) == "absent"
    assert {path.name for path in tmp_path.iterdir()} == {"page.html", "page.nc"}


def test_what_is_missing_without_the_extra_is_said_in_words():
    code = f"""{BLOCKED.format(names={"numba"})}
import numpy as np
from qdmol.errors import MissingExtraError
from qdmol.photons import ArraySource, PhotonStream, Provenance, Records

records = Records(np.arange(10), np.zeros(10, dtype=np.uint8))
stream = PhotonStream("T2", 1.0, ArraySource(records), Provenance("made", "T2"))
from qdmol.analysis import analyze_photons

try:
    analyze_photons(stream)
except MissingExtraError as error:
    print(error)
"""
    assert "pip install 'qdmol[photons]'" in printed_by(code)


def test_public_names():
    assert set(qdmol.__all__) == PUBLIC
    assert set(dir(qdmol)) == PUBLIC
    for name in PUBLIC:
        assert getattr(qdmol, name) is not None


def test_help_shows_the_public_names_alone():
    """Rooms that are imported, and what the root itself needs, are no part of it."""
    code = "import qdmol, qdmol.study, pydoc; qdmol.Solution, qdmol.solve; print(pydoc.render_doc(qdmol))"
    text = printed_by(code).replace("\b", "")
    assert "import_module" not in text
    assert "study = <module" not in text


def test_public_names_are_those_of_their_rooms():
    from qdmol import analysis, photons, structure, study

    assert qdmol.read_photons is photons.read_photons
    assert qdmol.analyze_photons is analysis.analyze_photons
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
