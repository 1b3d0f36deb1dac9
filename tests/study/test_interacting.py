"""Configuration interaction through the whole job: keys, tables, files, refusals, and what the numbers must obey."""

import html
import json
import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from tests.exact.systems import dimer_spec, dot, molecule_spec

import qdmol
from qdmol.ci import Complex, bases as ladder, solve_complexes, solving as interacting
from qdmol.cli.entry import run_command
from qdmol.errors import InputError
from qdmol.report import write_report
from qdmol.results import format_measured
from qdmol.study import solution_sentences

CI = {"electrons": 2, "holes": 1, "coulomb": "ci"}
TYPE_II = {
    "qdmol": 1,
    "materials": "inp-cds-type-ii",
    "molecule": {
        "dots": [{"core": {"material": "InP", "radius": 1.5}, "shells": [{"material": "CdS", "thickness": 1.5}]}]
    },
    "calculation": {**CI, "self_polarisation": True},
}
PAIR = {
    "scheme",
    "electron_energy_eV",
    "electron_error_meV",
    "hole_dot",
    "other_states",
    "spacing_meV",
    "spacing_error_meV",
    "exciton_eV",
    "exciton_error_meV",
    "binding_meV",
    "binding_error_meV",
    "mean_field",
}
STATE = {
    "energy_eV": float,
    "error_meV": float,
    "above_exciton_meV": float,
    "m": int,
    "parity": str,
    "electron_spin": float,
    "hole_spin": float,
    "degeneracy": int,
    "label": str,
    "same_dot": dict,
}
# Of the reference dimer, meV.
MEAN_FIELD_SHIFT = 3.25
COMPLEXES = {"X": (1, 1), "X-": (2, 1), "X+": (1, 2), "XX": (2, 2)}


@pytest.fixture(scope="module")
def dimer():
    return qdmol.solve(dimer_spec(**CI), particles="X,X-,X+,XX")


@pytest.fixture(scope="module")
def monomer():
    return qdmol.solve(molecule_spec([dot()], **CI), particles="X,X-,X+")


@pytest.fixture(scope="module")
def hetero():
    return qdmol.solve(molecule_spec([dot(1.2), dot(1.4)], spacing=5.4, **CI), particles="X+")


@pytest.fixture(scope="module")
def chain():
    return qdmol.solve(molecule_spec([dot()] * 3, spacing=5.8, **CI))


@pytest.fixture(scope="module")
def field():
    return qdmol.solve(dimer_spec(field=30, **CI))


@pytest.fixture(scope="module")
def type_ii():
    return qdmol.solve(TYPE_II, particles="X")


KINDS = ["dimer", "monomer", "hetero", "chain", "field", "type_ii"]


# ---------------------------------------------------------------- the contract's keys


@pytest.mark.parametrize("kind", KINDS)
def test_the_keys_of_the_exciton(kind, request):
    summary = request.getfixturevalue(kind).summary
    json.dumps(summary, allow_nan=False)
    pair = summary["coulomb"]
    assert set(pair) == PAIR
    assert pair["scheme"] == "ci"
    assert pair["electron_energy_eV"] is pair["electron_error_meV"] is None
    assert (pair["spacing_meV"] is None) == (kind in {"monomer", "type_ii"})
    mean = pair["mean_field"]
    assert pair["exciton_eV"] < mean["exciton_eV"]
    assert set(mean) == {key for key in PAIR if key.startswith(("exciton", "spacing"))}
    assert 0 < pair["exciton_error_meV"] <= 1
    bare = summary["electron"]["energy_eV"][0] + summary["hole"]["energy_eV"][0]
    assert pair["binding_meV"] == pytest.approx(1000 * (bare - pair["exciton_eV"]), abs=1e-9)
    for state in pair["other_states"]:
        assert state["exciton_eV"] >= pair["exciton_eV"]
        assert set(state) == {"hole_dot", *(key for key in PAIR if key.startswith(("exciton", "binding")))}
    assert summary["converged"] is True


def test_gap_and_shift(dimer):
    found = dimer.summary
    assert found["gap_eV"] == pytest.approx(1.75 + found["coulomb"]["exciton_eV"], abs=1e-12)
    assert found["redshift_meV"] == pytest.approx(1000 * (found["monomer_gap_eV"] - found["gap_eV"]), abs=1e-9)
    assert len(found["monomer_gaps_eV"]) == 2


def test_the_reference_dimer(dimer):
    """Limits from large bases of two kinds, beside a monomer by an expansion in Legendre polynomials."""
    pair = dimer.summary["coulomb"]
    assert abs(pair["exciton_eV"] - 0.32842) < pair["exciton_error_meV"] / 1000 < 5e-4
    assert abs(pair["spacing_meV"] - 63.7) < pair["spacing_error_meV"] < 1
    assert abs(dimer.summary["redshift_meV"] - 3.10) < dimer.summary["redshift_error_meV"] < 1


def test_the_spacing_is_between_the_means_of_the_doublets(dimer, hetero):
    energies = [state["energy_eV"] for state in dimer.summary["complexes"]["X"]["states"]]
    pair = dimer.summary["coulomb"]
    assert pair["spacing_meV"] == pytest.approx(500 * (energies[2] + energies[3] - energies[0] - energies[1]), abs=1e-9)
    # Unlike dots: from the lowest state to the next with the hole where it is.
    pair = hetero.summary["coulomb"]
    same = [state["exciton_eV"] for state in pair["other_states"] if state["hole_dot"] == pair["hole_dot"]]
    assert pair["hole_dot"] == 1
    assert pair["spacing_meV"] == pytest.approx(1000 * (same[0] - pair["exciton_eV"]), abs=1e-9)


def test_where_the_hole_is(dimer, chain, field):
    """Spread in every state of a symmetric molecule, but in the middle of three; a field along z pulls it to +z."""
    assert dimer.summary["coulomb"]["hole_dot"] is None
    assert chain.summary["coulomb"]["hole_dot"] == 1
    assert field.summary["coulomb"]["hole_dot"] == 1
    assert field.summary["redshift_meV"] > dimer.summary["redshift_meV"]


def test_every_dot_of_a_chain_has_its_excitons(chain):
    pair = chain.summary["coulomb"]
    assert len(pair["other_states"]) == 8
    assert 50 < pair["spacing_meV"] < 80
    assert pair["exciton_eV"] < pair["other_states"][0]["exciton_eV"] - 1e-3


def test_contrast_without_self_polarisation_gives_no_gap():
    found = qdmol.solve(molecule_spec([dot()], overrides={"medium": {"permittivity": 2.4}}, **CI)).summary
    assert (found["gap_eV"], found["redshift_meV"]) == (None, None)
    assert [text for text in found["warnings"] if "self_polarisation" in text]
    assert found["coulomb"]["exciton_eV"] is not None


def test_contrast_with_self_polarisation_gives_one(type_ii):
    found = type_ii.summary
    assert found["gap_eV"] == pytest.approx(1.34 + found["coulomb"]["exciton_eV"], abs=1e-12)
    assert found["warnings"] == []


# ---------------------------------------------------------------- complexes


@pytest.mark.parametrize("kind", ["dimer", "monomer", "hetero", "type_ii"])
def test_the_keys_of_the_complexes(kind, request):
    summary = request.getfixturevalue(kind).summary
    several = kind in {"dimer", "hetero"}
    for name, found in summary["complexes"].items():
        assert set(found) == {"electrons", "holes", "states", "binding_meV", "binding_error_meV", "converged"}
        assert (found["electrons"], found["holes"]) == COMPLEXES[name]
        assert found["converged"] is True
        assert len(found["states"]) == (4 if several else 1)
        energies = [state["energy_eV"] for state in found["states"]]
        assert energies == sorted(energies)
        for state in found["states"]:
            assert set(state) == set(STATE)
            may_be_null = {"label"} if not several else {"parity"} if kind == "hetero" else set()
            assert {key for key, value in state.items() if value is None} <= may_be_null
            assert all(value is None or type(value) is STATE[key] for key, value in state.items()), state
            _check_state(state, found, summary["coulomb"]["exciton_eV"])


def _check_state(state, found, exciton):
    assert state["above_exciton_meV"] == pytest.approx(1000 * (state["energy_eV"] - exciton), abs=1e-9)
    spins = (2 * state["electron_spin"] + 1) * (2 * state["hole_spin"] + 1)
    assert state["degeneracy"] == spins * (1 if state["m"] == 0 else 2)
    together = state["same_dot"]
    assert (together["electrons"] is None) == (found["electrons"] == 1)
    assert (together["holes"] is None) == (found["holes"] == 1)
    assert all(value is None or -1e-9 < value < 1 + 1e-9 for value in together.values())


def test_only_what_is_asked_for_is_listed(dimer, chain, hetero):
    assert list(dimer.summary["complexes"]) == ["X", "X-", "X+", "XX"]
    assert "complexes" not in chain.summary
    assert list(hetero.summary["complexes"]) == ["X+"]


def test_binding_is_what_coming_together_sets_free(dimer):
    found, complexes = dimer.summary, dimer.summary["complexes"]
    exciton = found["coulomb"]["exciton_eV"]
    free = {
        "X": found["electron"]["energy_eV"][0] + found["hole"]["energy_eV"][0],
        "X-": exciton + found["electron"]["energy_eV"][0],
        "X+": exciton + found["hole"]["energy_eV"][0],
        "XX": 2 * exciton,
    }
    for name, apart in free.items():
        energy = complexes[name]["states"][0]["energy_eV"]
        assert complexes[name]["binding_meV"] == pytest.approx(1000 * (apart - energy), abs=1e-9)
        assert complexes[name]["binding_error_meV"] >= complexes[name]["states"][0]["error_meV"]


def test_trions_and_biexcitons_of_monomer_and_dimer(dimer, monomer):
    """Two holes in one dot repel each other most: in a molecule they part, and bind what they did not."""
    alone, fused = monomer.summary["complexes"], dimer.summary["complexes"]
    assert alone["X-"]["binding_meV"] > 0 > alone["X+"]["binding_meV"]
    assert fused["X+"]["binding_meV"] > 0
    assert fused["X+"]["states"][0]["same_dot"]["holes"] < 1e-3
    assert fused["X+"]["states"][0]["label"] == "bonding"
    assert fused["XX"]["states"][0]["same_dot"]["holes"] < 1e-3
    assert fused["X"]["states"][0]["label"] == "localised"
    # Holes apart: their spins cost nothing.
    singlet, triplet = fused["X+"]["states"][:2]
    assert {singlet["hole_spin"], triplet["hole_spin"]} == {0, 1}
    assert singlet["energy_eV"] == pytest.approx(triplet["energy_eV"], abs=1e-6)


def test_run_twice_it_gives_the_same(monomer):
    again = qdmol.solve(molecule_spec([dot()], **CI), particles="X,X-,X+").summary
    assert {**again, "elapsed_s": 0} == {**monomer.summary, "elapsed_s": 0}


def test_particles_stand_above_the_specs_coulomb(monomer):
    found = qdmol.solve(molecule_spec([dot()], **{**CI, "coulomb": "none"}), particles="X")
    assert found.spec.calculation.coulomb == "ci"
    assert found.summary["coulomb"] == monomer.summary["coulomb"]


# ---------------------------------------------------------------- what cannot be had


@pytest.mark.parametrize(
    ("particles", "value", "allowed"),
    [
        ("", "", "X, X-, X+, XX"),
        ("X,Y", "Y", "X, X-, X+, XX"),
        ("2e0h", "2e0h", "3e2h"),
        ("4e1h", "4e1h", "at most 3"),
    ],
)
def test_particles_that_are_none_are_refused(particles, value, allowed, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as refused:
        qdmol.solve(molecule_spec([dot()], **CI), particles=particles)
    assert (refused.value.field, refused.value.value) == ("particles", value)
    assert allowed in refused.value.allowed
    assert run_command(["run", "@monomer", "--particles", particles, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["field"], error["value"]) == ("particles", value)
    assert not list(tmp_path.iterdir())


def test_particles_need_both_carriers():
    with pytest.raises(InputError, match="coulomb: ci") as refused:
        qdmol.solve(molecule_spec([dot()], electrons=1, holes=0), particles="X")
    assert refused.value.field == "calculation.holes"


def test_a_tolerance_that_cannot_be_met(tmp_path, capsys, monkeypatch):
    """Status 3, `converged` false, and a warning that names complex, error and tolerance; the other numbers stay."""
    monkeypatch.setattr(ladder, "COUNTS", ladder.COUNTS[:3])
    monkeypatch.setattr(interacting, "COUNTS", ladder.COUNTS[:3])
    spec = molecule_spec([dot()], **CI, ci_tolerance=0.01)
    (tmp_path / "a.json").write_text(json.dumps(spec))
    assert run_command(["solve", str(tmp_path / "a.json"), "--particles", "X,X-", "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found["converged"] is False
    assert [found["complexes"][name]["converged"] for name in ("X", "X-")] == [False, False]
    assert found["coulomb"]["exciton_error_meV"] > 0.01
    warnings = " ".join(found["warnings"])
    for name in ("X", "X-"):
        assert re.search(rf"of {re.escape(name)}, [0-9.]+ meV, exceeds the tolerance of 0.01 meV", warnings)


def test_a_finer_tolerance_gives_smaller_errors_that_hold(monomer):
    fine = qdmol.solve(molecule_spec([dot()], **CI, ci_tolerance=0.2)).summary["coulomb"]
    rough = monomer.summary["coulomb"]
    assert fine["exciton_error_meV"] <= 0.2 < rough["exciton_error_meV"]
    assert (
        abs(fine["exciton_eV"] - rough["exciton_eV"]) < (fine["exciton_error_meV"] + rough["exciton_error_meV"]) / 1000
    )
    assert abs(fine["exciton_eV"] - 0.33151) < fine["exciton_error_meV"] / 1000


# ---------------------------------------------------------------- what is shown and written


def test_on_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_command(["solve", "@monomer", "--particles", "X,X-"]) == 0
    out = capsys.readouterr().out
    for words in ("X: bound by", "X-: bound by", "above X (meV)", "spin e"):
        assert words in out
    assert "in the hole's field" not in out


def test_the_sentences(dimer, monomer):
    told = " ".join(solution_sentences(dimer))
    pair = dimer.summary["coulomb"]
    spacing = format_measured(pair["spacing_meV"], pair["spacing_error_meV"], "meV")
    assert "In the field of the hole" not in told
    assert f"In configuration interaction moving the electron out of the hole's dot costs {spacing}." in told
    assert "configuration interaction" not in " ".join(solution_sentences(monomer))


def test_the_page_shows_every_state(dimer, tmp_path):
    source = write_report(dimer, tmp_path / "a.html").read_text(encoding="utf-8")
    page = html.unescape(re.sub(r"<[^>]+>", " ", source))
    assert "hole's mean field" in html.unescape(source)
    for name, found in dimer.summary["complexes"].items():
        assert f"{name}, bound by" in page
        for state in found["states"]:
            assert f"{state['above_exciton_meV']:.2f} meV" in page
            assert state["label"] in page
    for words in ("configuration interaction", "another state of the exciton", "ci tolerance", "self-consistent pair"):
        assert words in page
    assert "self-consistent state" not in page


def test_the_file_holds_the_complexes(dimer, tmp_path):
    page = write_report(dimer, tmp_path / "a.html")
    with xr.open_dataset(page.with_suffix(".nc")) as data:
        assert "configuration interaction" in data.attrs["method"]
        for found in dimer.summary["complexes"].values():
            stem = f"complex_{found['electrons']}e{found['holes']}h"
            energy = data[f"{stem}_energy"]
            assert energy.attrs["units"] == "eV"
            np.testing.assert_array_equal(energy, [state["energy_eV"] for state in found["states"]])
            np.testing.assert_array_equal(data[f"{stem}_error"], [state["error_meV"] for state in found["states"]])
            for key in ("label", "parity", "electron_spin", "hole_spin", "m", "degeneracy"):
                assert data[f"{stem}_{key}"].values.tolist() == [state[key] for state in found["states"]]
        assert float(data["exciton"]) == dimer.summary["coulomb"]["exciton_eV"]


def test_a_map(tmp_path):
    """Each point is what the spec alone gives, monomers shared or not."""
    spec = molecule_spec([dot(), dot()], spacing=5.2, **CI)
    found = qdmol.map(spec, axes={"spacing": [5.2, 5.6]}, output=tmp_path / "map.nc")
    assert found.converged
    alone = qdmol.solve(spec).summary
    for name, value in (
        ("exciton", alone["coulomb"]["exciton_eV"]),
        ("coulomb_spacing", alone["coulomb"]["spacing_meV"]),
        ("redshift", alone["redshift_meV"]),
    ):
        assert float(found.data[name][0]) == value
        assert float(found.data[name][1]) != value


def test_dark_and_bright_excitons_are_told_apart(tmp_path, capsys):
    spec = molecule_spec([dot()], **CI, exchange=True, ci_tolerance=20)
    solution = qdmol.solve(spec, particles="X")
    page = write_report(solution, tmp_path / "a.html").read_text(encoding="utf-8")
    assert ">dark<" in page
    assert ">bright<" in page
    with xr.open_dataset(tmp_path / "a.nc") as data:
        assert data["complex_1e1h_total_spin"].values.tolist() == [1, 0]
    (tmp_path / "a.json").write_text(json.dumps(spec))
    assert run_command(["solve", str(tmp_path / "a.json"), "--particles", "X"]) == 0
    assert re.search(r"0\.5 +0\.5 +3 +dark\b.*\n.*0\.5 +0\.5 +1 +bright\b", capsys.readouterr().out)


# ---------------------------------------------------------------- what others found


def test_a_positive_trion_shares_its_electron_between_unlike_cores():
    """Llusar and Climente, arXiv:2408.06706: robust where the exciton's electron is not."""
    unlike = qdmol.solve(
        molecule_spec([dot(1.35), dot()], spacing=5.2, ci_tolerance=5, **CI), particles="X-,X+"
    ).job.interacting
    share = {one.name: found.states[0].placement.electron_dots[0] for one, found in unlike.complexes.items()}
    assert share["X"] < share["X-"] < 0.2 < 0.4 < share["X+"] < 0.5


def test_localised_and_segregated_biexcitons(dimer, monkeypatch):
    """Frenkel et al., arXiv:2305.11027: the one in a dot interacts as in a dot alone, those in two dots hardly."""
    for module in (ladder, interacting):
        monkeypatch.setattr(module, "COUNTS", (2, 6))
    (found,) = solve_complexes(dimer.job.solution, [Complex(2, 2)], states=6, tolerance=1).values()
    exciton = dimer.summary["coulomb"]["exciton_eV"]
    binding = {round(s.placement.hole_hole): 1000 * (2 * exciton - s.energy.value) for s in reversed(found.states)}
    assert [s.placement.label for s in found.states if s.placement.hole_hole > 0.5] == ["localised", "localised"]
    assert -22 < binding[1] < -10
    assert 0 < binding[0] < 8


def test_the_tables_of_the_documentation_are_these_numbers(dimer):
    """The checked-in rows of the reference dimer, each number with its error, against a solution here."""
    table = (Path(__file__).parents[2] / "docs" / "_generated" / "complexes.md").read_text(encoding="utf-8")
    spacing, shift = re.findall(r"^\| 1\.4/2\.1 \| 5\.2 nm apart \| 0\.10 \| (.*) \|$", table, flags=re.MULTILINE)
    shown = [*spacing.split(" | ")[1:3], spacing.split(" | ")[4], *shift.split(" | ")[1:3]]
    pair, mean = dimer.summary["coulomb"], dimer.summary["coulomb"]["mean_field"]
    own = [(part["spacing_meV"], part["spacing_error_meV"]) for part in (mean, pair)]
    own.append((pair["exciton_eV"], pair["exciton_error_meV"] / 1000))
    own.append((MEAN_FIELD_SHIFT, 0.05))
    own.append((dimer.summary["redshift_meV"], dimer.summary["redshift_error_meV"]))
    for text, (value, error) in zip(shown, own, strict=True):
        number, theirs = (float(part) for part in text.replace("\N{NO-BREAK SPACE}", " ").split(" ± "))
        assert abs(number - value) < theirs + error, text
