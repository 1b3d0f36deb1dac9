"""The claims, assessed once for all tests; the command with them in place of the minute's work."""

import json
import sys

import pytest
from tests.claims.spectrum_samples import made_up

from qdmol import claims as room
from qdmol.claims import assess_claims, assessing
from qdmol.cli.entry import run_command


@pytest.fixture(scope="session")
def assessed():
    """Every claim from real solves, but for all spectra but one: they are made up, for each takes long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assessing, "solve_cases", _mostly(assessing.solve_cases))
        return assess_claims(fine_map=True, workers=2)


def _mostly(solve_cases):
    """Solve what are no spectra, and the first of these."""

    def solve(cases, **options):
        spectra = [case for case in cases if case.what == "spectrum"]
        rest = [case for case in cases if case.what != "spectrum"]
        first, *others = solve_cases([spectra[0], *rest], **options)
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
