"""A stand-in for the solver, so that the command line is tested without waiting for it."""

from pathlib import Path

from tests.solutions import values_of

from qdmol.study import Solution

SUMMARY = {
    "qdmol": 1,
    "name": "dimer",
    "converged": True,
    "electron": {"energy_eV": [0.17767, 0.200537], "error_meV": [0.01, 0.02], "m": [0, 0], "parity": ["+", "-"]},
    "hole": {"energy_eV": [0.1, 0.1], "error_meV": [0.01, 0.01], "m": [0, 0], "parity": ["+", "-"]},
    "splitting_meV": 22.867,
    "splitting_error_meV": 0.01,
    "coulomb": {
        "scheme": "self-consistent",
        "electron_energy_eV": [0.09, 0.1516],
        "electron_error_meV": [0.01, 0.01],
        "hole_dot": 0,
        "other_states": [],
        "spacing_meV": 61.63,
        "spacing_error_meV": 0.01,
        "exciton_eV": 0.3307,
        "exciton_error_meV": 0.02,
        "binding_meV": 77.65,
        "binding_error_meV": 0.02,
    },
    "gap_eV": 2.0807,
    "gap_error_meV": 0.02,
    "monomer_gap_eV": 2.08395,
    "monomer_gaps_eV": [2.08395, 2.08395],
    "redshift_meV": 3.25,
    "redshift_error_meV": 0.03,
    "redshift_single_particle_meV": 13.71,
    "redshift_single_particle_error_meV": 0.02,
    "warnings": ["a warning with [brackets]"],
    "elapsed_s": 0.4,
}


def fake_solution(spec, *, converged=True):
    summary = {**SUMMARY, "name": spec.name, "converged": converged}
    return Solution.of(values_of(summary), spec=spec)


def fake_report(solution, path, *, figures=None):
    Path(path).write_text("<html>", encoding="utf-8")
    Path(path).with_suffix(".nc").write_bytes(b"CDF")
    if figures is not None:
        Path(figures).mkdir(exist_ok=True)
        (Path(figures) / "figure.csv").write_text("a\n", encoding="utf-8")
    return Path(path)
