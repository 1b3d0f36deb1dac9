"""The claims, assessed once for all tests; the command with them in place of the minute's work."""

import json
import sys
from dataclasses import replace

import pytest
from tests.claims.spectrum_samples import made_up
from tests.claims.stored_cases import digest, load, solved_anew, stored_outcome

from qdmol import claims as room
from qdmol.claims import assess_claims, assessing
from qdmol.cli.entry import run_command


@pytest.fixture(scope="session")
def assessed():
    """Every claim, from a few cases solved anew and the others as stored; all spectra but one are made up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assessing, "solve_cases", _partly(assessing.solve_cases))
        return assess_claims(fine_map=True, workers=2)


def _partly(solve_cases):
    """Solve the first spectrum, the shipped molecules, and what is not stored; give the others as they are stored."""
    stored = load()

    def solve(cases, **options):
        spectra = [case for case in cases if case.what == "spectrum"]
        levels = [case for case in cases if case.what != "spectrum"]
        anew = solved_anew(levels)
        known = {digest(case): stored_outcome(case, stored) for case in levels if digest(case) not in anew}
        wanted = {digest(case): case for case in levels if known.get(digest(case)) is None}
        first, *solved = solve_cases([spectra[0], *wanted.values()], **options)
        answers = dict(zip(wanted, solved, strict=True))
        others = [replace(answers.get(digest(case)) or known[digest(case)], case=case) for case in levels]
        return (first, *made_up(spectra[1:]), *others)

    return solve


@pytest.fixture(scope="session")
def command_output(tmp_path_factory):
    """Run a qdmol command once with --json, in process; give its object."""
    known = {}

    def run(command):
        if command not in known:
            known[command] = _run(command, tmp_path_factory.mktemp("command"))
        return known[command]

    return run


def _run(command, folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with Captured(patch) as written:
            assert run_command([*command.split()[1:], "--json"]) in {0, 3}
        return json.loads(written()), folder


class Captured:
    """Standard output as text; a session fixture has no capsys."""

    def __init__(self, patch):
        self.patch, self.parts = patch, []

    def __enter__(self):
        self.patch.setattr(sys, "stdout", self)
        return lambda: "".join(self.parts)

    def __exit__(self, *_):
        self.patch.undo()

    def write(self, text):
        self.parts.append(text)
        return len(text)

    def flush(self):
        pass

    def isatty(self):
        return False


@pytest.fixture(scope="session")
def report(assessed, command_output):
    """Folder with the page and the data of `qdmol claims --report`."""
    calls = {}

    def stand_in(**options):
        calls.update(options)
        return assessed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "assess_claims", stand_in)
        written, folder = command_output("qdmol claims --report")
    assert written["files"] == {"report": str(folder / "claims.html"), "netcdf": str(folder / "claims.nc")}
    assert {path.name for path in folder.iterdir()} == {"claims.html", "claims.nc"}
    assert calls["fine_map"] is True
    return folder


@pytest.fixture
def prepared(assessed, monkeypatch, tmp_path):
    """`qdmol claims` in an empty folder, with the solving done already; give what it was called with."""
    calls = {}

    def stand_in(**options):
        calls.update(options)
        return assessed

    monkeypatch.setattr(room, "assess_claims", stand_in)
    monkeypatch.chdir(tmp_path)
    return calls
