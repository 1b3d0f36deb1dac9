"""Rows about spectra: what is read off a spectrum, which cases answer them, and the command of each row."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr
from tests.claims.spectrum_samples import spectrum

from qdmol import prediction
from qdmol.claims import STATEMENTS, Criterion, cases
from qdmol.claims.cases import SPECTRA_FAMILIES, Case, Outcome, solve_cases, spectrum_cases
from qdmol.claims.quantities import SPECTRUM_READERS, measure
from qdmol.claims.results import claims_dataset
from qdmol.cli.entry import run_command
from qdmol.errors import SolverError
from qdmol.structure import read_spec
from qdmol.study import points

SPECTRA = [statement for statement in STATEMENTS if statement.command.startswith("qdmol spectrum")]
COMPARED = [statement for statement in SPECTRA if statement.criterion is not None]


# ---------------------------------------------------------------- what is read


def test_shifts_and_ratios_are_those_between_the_samples_that_are_meant():
    found = spectrum(shift=3.0, ratio=1.1)
    assert SPECTRUM_READERS["absorption_redshift"](found) == (3.0, 0.1)
    assert SPECTRUM_READERS["unfused_emission_redshift"](found) == (0.0, 0.1)
    assert SPECTRUM_READERS["unfused_band_edge_ratio"](found) == (2.0, 0.1)
    assert SPECTRUM_READERS["lifetime_ratio"](found) == (1.1, 0.1)
    found["changes"][1]["redshift_absorption_meV"] = None
    assert SPECTRUM_READERS["absorption_redshift"](found) is None


def test_the_ratio_at_300_nm_has_an_error_of_its_own():
    """Not the sum of those of both samples, which have most of it in common."""
    assert SPECTRUM_READERS["unfused_300nm_ratio"](spectrum()) == (2.0, 0.1)


def test_high_energies_rise_where_the_band_edge_falls():
    value, error = SPECTRUM_READERS["high_energy_ratio"](spectrum(ratio=2.0, edge=0.4))
    assert value == pytest.approx(1.25)
    assert error == pytest.approx(1.25 * (0.1 / 2.0 + 0.1 / 2.0))


@pytest.mark.parametrize("name", sorted(SPECTRUM_READERS))
def test_a_spectrum_without_a_fused_sample_has_no_number_of_it(name):
    found = spectrum()
    found["samples"], found["changes"] = found["samples"][:2], found["changes"][:1]
    assert (SPECTRUM_READERS[name](found) is None) == (not name.startswith("unfused"))


def test_levels_are_not_read_off_a_spectrum_nor_spectra_off_levels():
    case = Case("spectra", "1.4/2.1", "as shipped", (), read_spec("@homodimer"), "spectrum")
    assert measure(Outcome(case, spectrum()), "splitting") is None
    assert measure(Outcome(case, None), "lifetime_ratio") is None
    levels = Case("1.4/2.1", "1.4/2.1", "as shipped", (), case.spec)
    assert measure(Outcome(levels, {"splitting_meV": 1.0, "splitting_error_meV": 0.1}), "lifetime_ratio") is None


def test_a_change_that_is_seen_is_more_than_the_margin():
    seen = Criterion("above", 0.0, 1.0)
    assert [seen.met(value, 0.1) for value in (1.2, 1.05, 0.8)] == [True, None, False]


# ---------------------------------------------------------------- which cases


def test_the_cases_of_spectra():
    listed = spectrum_cases()
    assert [one.label for one in listed if one.family == "spectra"] == [
        "as shipped",
        "as shipped, offset 0.32 eV",
        "necks that vary by 10 %",
        "merged neck 6.2 nm",
        "merged neck 6.2 nm, offset 0.32 eV",
        "filled neck 6.2 nm",
        "filled neck 6.2 nm, offset 0.32 eV",
    ]
    assert [one.label for one in listed if one.family == "spectra 1.9/4.0"] == [
        "as shipped",
        "as shipped, offset 0.32 eV",
    ]
    assert {one.family for one in listed} == set(SPECTRA_FAMILIES)
    assert sum(one.spec.ensemble is not None for one in listed) == 1
    for kind in ("merged", "filled"):
        wide = [one.spec.molecule.neck for one in listed if one.label.startswith(kind)]
        assert [neck.model_dump(exclude_none=True) for neck in wide] == [{kind: 6.2}] * 2


def stand_in_levels():
    return {"summary": {"splitting_meV": 1.0}}


def test_a_molecule_whose_levels_and_spectra_are_wanted_is_solved_for_both(monkeypatch):
    spec = read_spec("@homodimer")
    monkeypatch.delenv("QDMOL_STORE", raising=False)
    monkeypatch.setattr(points, "solve_point", lambda point: stand_in_levels())
    monkeypatch.setattr(cases, "solve_spectrum", lambda task: {"summary": {"kept": task.folder.is_dir()}})
    wanted = [Case("a", "b", "levels", (), spec), Case("c", "b", "spectrum", (), spec, "spectrum")]
    found = solve_cases([*wanted, *wanted])
    assert [one.summary for one in found] == [stand_in_levels()["summary"], {"kept": True}] * 2


def test_the_cases_leave_no_files_behind(monkeypatch):
    folders = []
    monkeypatch.delenv("QDMOL_STORE", raising=False)
    monkeypatch.setattr(cases, "solve_spectrum", lambda task: folders.append(task.folder) or {"summary": {}})
    solve_cases(spectrum_cases()[:1])
    assert not Path(folders[0]).exists()


# ---------------------------------------------------------------- the rows


def test_every_row_of_spectra_has_its_findings(assessed):
    for statement in COMPARED:
        claim = next(one for one in assessed.claims if one.statement is statement)
        own = [one for one in assessed.outcomes if one.case.family == statement.family]
        assert len(claim.findings) == len(own) == (7 if statement.family == "spectra" else 2)
        assert (claim.value, claim.error) == measure(own[0], statement.quantity)


def test_the_spectra_of_a_process_of_its_own(assessed):
    """The one case that is solved for the tests: numbers of the shipped homodimer."""
    (shipped,) = [one for one in assessed.outcomes if one.case.family == "spectra" and not one.case.factors]
    shift, error = measure(shipped, "absorption_redshift")
    assert shift == pytest.approx(3.05, abs=0.2)
    assert error < 0.3
    # the exciton's own shift, by other code
    exciton = next(one for one in assessed.claims if one.statement.id == "shift")
    assert shift == pytest.approx(exciton.value, abs=0.5)


def test_what_was_measured_of_lifetimes_is_not_compared(assessed):
    claim = next(one for one in assessed.claims if one.statement.id == "lifetime-measured")
    assert claim.verdict.text == "cannot be compared"
    assert "radiative" in claim.reason


def test_the_follow_ups_statements_name_it():
    for statement in (one for one in STATEMENTS if one.where == "2019"):
        assert statement.source.startswith("abstract of Panfil et al., J. Chem. Phys. 151, 224501, 2019")
        assert statement.source.endswith("https://doi.org/10.48550/arXiv.1912.04558")


def test_the_data_has_the_numbers_of_every_case(assessed):
    data = claims_dataset(assessed)
    rows = data.where(data.case_what == "spectrum", drop=True)
    assert rows.sizes["case"] == len(spectrum_cases())
    assert not rows.case_lifetime_ratio.isnull().any()
    assert data.case_lifetime_ratio.attrs["units"] == "1"
    assert data.case_absorption_broadening_error.attrs["units"] == "meV"
    assert isinstance(data, xr.Dataset)


@pytest.mark.parametrize("command", sorted({statement.command for statement in SPECTRA}))
def test_a_rows_command_asks_for_its_spectrum(command, monkeypatch, tmp_path, capsys):
    """The command predicts the spec of the row's case, under the same conditions."""
    asked = []

    def stop(spec, **options):
        asked.append((spec, options))
        raise SolverError("far enough")

    monkeypatch.setattr(prediction, "predict_spectra", stop)
    monkeypatch.chdir(tmp_path)
    assert run_command([*command.split()[1:], "--json"]) != 0
    capsys.readouterr()
    ((spec, options),) = asked
    family = next(statement.family for statement in COMPARED if statement.command == command)
    case = next(one for one in spectrum_cases() if one.family == family)
    assert spec == case.spec
    given = {"calibrate": None, "linker": 0.3, "fields": (), "exact": False}
    assert {key: options[key] for key in given} == given


@pytest.mark.slow
@pytest.mark.parametrize("command", sorted({statement.command for statement in SPECTRA}))
def test_a_rows_command_shows_its_spectrum(command, tmp_path):
    family = next(statement.family for statement in COMPARED if statement.command == command)
    case = next(one for one in spectrum_cases() if one.family == family)
    (alone,) = solve_cases([case])
    words = [sys.executable, "-m", *command.split(), "--json"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    shown = Outcome(case, json.loads(done.stdout))
    for statement in (one for one in COMPARED if one.command == command):
        assert measure(shown, statement.quantity) == pytest.approx(
            measure(alone, statement.quantity), rel=1e-6, abs=1e-6
        )
