"""Levels, shares and complexes of maps and batches: as of `solve`, padded where points have fewer, and read back."""

import json

import numpy as np
import pytest
import xarray as xr
from tests.study.map_samples import BARE, mapping, sample

import qdmol
from qdmol.errors import InputError
from qdmol.structure import update_spec
from qdmol.study import points, quantity_names
from qdmol.study.listed_columns import ListedColumns
from qdmol.study.table import Coordinate, Table

PAIR = {"electrons": 3, "holes": 1, "tolerance": 0.5}


@pytest.fixture(autouse=True)
def _own_store(monkeypatch):
    monkeypatch.delenv("QDMOL_STORE", raising=False)


@pytest.fixture(scope="module")
def paired(tmp_path_factory):
    """A map with attraction of a dimer and of dots too close to exist."""
    path = tmp_path_factory.mktemp("levels") / "m.nc"
    return qdmol.map(sample(calculation=PAIR), axes={"spacing": [5.2, 2.0]}, output=path)


def test_levels_are_those_of_solve(paired):
    solution = qdmol.solve(sample(calculation=PAIR))
    summary, data = solution.summary, paired.data.isel(spacing=0)
    for carrier in ("electron", "hole"):
        count = len(summary[carrier]["energy_eV"])
        for name, key in (("energy", "energy_eV"), ("error", "error_meV"), ("m", "m"), ("parity", "parity")):
            assert data[f"{carrier}_{name}"].values[:count].tolist() == summary[carrier][key]
        shares = data[f"{carrier}_dot_share"]
        assert shares.dims == ("level", "dot")
        np.testing.assert_array_equal(shares.values[:count], summary["dot_share"][carrier])
    assert data.electron_energy.attrs["units"] == "eV"
    assert data.electron_error.attrs["units"] == "meV"
    assert data.level.values.tolist() == list(range(len(summary["electron"]["energy_eV"])))


def test_levels_in_the_field_of_the_hole_have_shares_and_symmetry(paired):
    solution = qdmol.solve(sample(calculation=PAIR))
    levels, data = solution.pair.electron_levels, paired.data.isel(spacing=0)
    count = len(levels)
    assert data.electron_coulomb_energy.values[:count].tolist() == [level.energy.value for level in levels]
    assert data.electron_coulomb_m.values[:count].tolist() == [level.m for level in levels]
    np.testing.assert_array_equal(data.electron_coulomb_dot_share.values[:count], [level.dot_share for level in levels])
    assert data.monomer_gaps.values.tolist() == solution.summary["monomer_gaps_eV"]
    assert data.exciton_state_energy.dims == ("state",)
    assert data.exciton_state_energy.values[0] == solution.summary["coulomb"]["exciton_eV"]
    assert data.exciton_state_hole_dot.values[0] == solution.summary["coulomb"]["hole_dot"]


def test_shorter_lists_and_failed_points_have_no_numbers(paired):
    hole = paired.data.hole_energy.isel(spacing=0)
    assert np.isfinite(hole.values).tolist() == [True] + [False] * (hole.size - 1)
    assert np.isnan(paired.data.electron_energy.isel(spacing=1)).all()
    assert (paired.data.electron_parity.isel(spacing=1) == "").all()
    assert "fewer levels" in paired.data.level.attrs["long_name"]


def test_the_file_holds_them_and_opens_again(paired):
    xr.testing.assert_identical(xr.load_dataset(paired.file), paired.data)
    loaded = qdmol.load(paired.file)
    assert loaded == paired
    xr.testing.assert_equal(qdmol.load(loaded.save(paired.file.with_name("again.nc"))).data, paired.data)


def test_stored_points_bring_their_levels_back(paired, monkeypatch):
    monkeypatch.setattr(points, "solve_point", None)
    again = qdmol.map(paired.spec, axes={"spacing": [5.2, 2.0]}, output=paired.file)
    assert again.table == paired.table


def test_a_file_of_an_earlier_version_has_no_levels(paired):
    old = paired.data.drop_dims(["level", "dot", "state"])
    path = paired.file.with_name("old.nc")
    old.to_netcdf(path, engine="h5netcdf")
    loaded = qdmol.load(path)
    assert "electron_energy" not in loaded.data
    assert loaded.table.values("splitting").tolist()[0] == paired.data.splitting.values[0]
    assert loaded.anticrossings == ()


def test_numbers_of_levels_may_differ_from_point_to_point():
    data = qdmol.map(sample(), axes={"calculation.electrons": [1, 2]}).data
    assert np.isfinite(data.electron_energy.values).tolist() == [[True, False], [True, True]]
    assert data.electron_parity.values.tolist() == [["+", ""], ["+", "-"]]
    assert "hole_energy" not in data


def test_samples_with_different_numbers_of_dots(tmp_path):
    dimer = mapping(name="two dots")
    single = mapping(name="one dot", molecule={"dots": dimer["molecule"]["dots"][:1]})
    for name, spec in (("a", dimer), ("b", single)):
        (tmp_path / f"{name}.json").write_text(json.dumps(spec), encoding="utf-8")
    result = qdmol.batch(tmp_path, output=tmp_path / "out.csv")
    shares = result.data.electron_dot_share
    assert shares.dims == ("sample", "level", "dot")
    assert np.isfinite(shares.values).all(axis=(1, 2)).tolist() == [True, False]
    header, *rows = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert "electron_energy[0] (eV)" in header
    assert "NaN" not in rows[1]
    assert "nan" not in rows[1]
    loaded = qdmol.load(tmp_path / "out.nc")
    xr.testing.assert_identical(loaded.data, result.data)
    assert list(loaded.names) == ["a.json", "b.json"]


# ---------------------------------------------------------------- complexes


def ci_summary(*, states=2, complexes=("X", "X-")):
    """The JSON object of a made-up point by configuration interaction."""
    carriers = {"X": (1, 1), "X-": (2, 1)}
    levels = {"energy_eV": [0.1], "error_meV": [0.01], "m": [0], "parity": ["+"]}
    pair = {
        "hole_dot": None,
        "exciton_eV": 0.3,
        "exciton_error_meV": 0.2,
        "binding_meV": 70.0,
        "binding_error_meV": 1.0,
    }
    state = {"energy_eV": 0.3, "error_meV": 0.2, "m": 0, "parity": "-", "electron_spin": 0.5, "hole_spin": 0.5}
    return {
        "converged": True,
        "warnings": [],
        "electron": levels,
        "hole": levels,
        "dot_share": {"electron": [[0.5, 0.5]], "hole": [[0.5, 0.5]]},
        "monomer_gaps_eV": [2.0, None],
        "coulomb": {
            **pair,
            "electron_energy_eV": None,
            "electron_error_meV": None,
            "other_states": [pair],
            "mean_field": {
                "exciton_eV": 0.31,
                "exciton_error_meV": 0.1,
                "spacing_meV": None,
                "spacing_error_meV": None,
            },
        },
        "complexes": {
            name: {
                "electrons": carriers[name][0],
                "holes": carriers[name][1],
                "states": [{**state, "degeneracy": 4, "label": "direct"}] * states,
                "binding_meV": 5.0,
                "binding_error_meV": 0.4,
            }
            for name in complexes
        },
    }


def test_complexes_have_states_and_binding():
    table = Table(shape=(3,), dims=("x",), coordinates=[Coordinate("x", "x", "1", "x", (1.0, 2.0, 3.0))], coulomb=True)
    table.fill(1, {"status": "done", "summary": ci_summary(states=1, complexes=("X",))})
    table.fill(0, {"status": "done", "summary": ci_summary()})
    data = table.dataset({})
    assert data.complex_2e1h_energy.dims == ("x", "state")
    assert np.isfinite(data.complex_1e1h_energy.values).tolist() == [[True, True], [True, False], [False, False]]
    assert np.isfinite(data.complex_2e1h_energy.values).tolist() == [[True, True], [False, False], [False, False]]
    assert data.complex_1e1h_label.values.tolist() == [["direct", "direct"], ["direct", ""], ["", ""]]
    assert data.complex_2e1h_binding.values.tolist()[0] == 5.0
    assert data.complex_2e1h_binding.attrs["units"] == "meV"
    assert "X-" in data.complex_2e1h_energy.attrs["long_name"]
    assert data.mean_field_exciton.values[0] == 0.31
    assert "mean_field_spacing" not in data
    assert data.monomer_gaps.values[0].tolist()[:1] == [2.0]
    assert np.isnan(data.monomer_gaps.values[0, 1])


def test_the_order_in_which_points_finish_changes_nothing():
    records = [{"summary": ci_summary()}, {"summary": ci_summary(states=1, complexes=("X",))}]
    filled = []
    for order in ((0, 1), (1, 0)):
        columns = ListedColumns(2)
        for place in order:
            columns.fill(place, records[place])
        filled.append([(listed.name, values.tolist()) for listed, values in columns])
    assert json.dumps(filled[0]) == json.dumps(filled[1])


def test_every_column_with_numbers_can_be_named():
    columns = ListedColumns(1)
    columns.fill(0, {"summary": ci_summary(), "field_levels": None})
    numbers = {listed.name for listed, _ in columns if not listed.is_text and not listed.name.startswith("complex_")}
    assert numbers <= set(quantity_names(["x"], coulomb=True))


def test_complexes_are_asked_for_by_their_names(monkeypatch):
    asked = []
    monkeypatch.setattr(points, "solve_point", lambda point: asked.append(point) or {"summary": ci_summary()})
    spec = sample(calculation={"electrons": 2, "holes": 1, "tolerance": 0.5})
    qdmol.map(spec, axes={"barrier": [2.0]}, particles="X-, X,X-")
    qdmol.map(update_spec(spec, "calculation.coulomb", "ci"), axes={"barrier": [2.0]})
    qdmol.map(spec, axes={"calculation.coulomb": ["none", "ci"]}, particles="XX")
    assert [(point.spec.calculation.coulomb, point.particles) for point in asked] == [
        ("ci", "X-,X"), ("ci", "X"), ("none", None), ("ci", "XX"),
    ]  # fmt: skip


def test_complexes_are_part_of_the_key():
    spec = update_spec(sample(calculation={"electrons": 2, "holes": 1}), "calculation.coulomb", "ci")
    keys = {points.point_job(spec, particles=particles).key for particles in (None, "X", "X,X-", "XX")}
    assert len(keys) == 3  # without names it is the exciton


@pytest.mark.parametrize("particles", ["Y", "", "9e9h"])
def test_unknown_complexes_are_refused(particles):
    with pytest.raises(InputError) as caught:
        qdmol.map(sample(), axes={"barrier": [2.0]}, particles=particles)
    assert caught.value.field == "particles"


def test_complexes_need_both_carriers():
    with pytest.raises(InputError, match="at least 1"):
        qdmol.map(sample(calculation=BARE), axes={"barrier": [2.0]}, particles="X")


@pytest.mark.slow
def test_a_map_of_complexes_is_what_solve_gives(tmp_path):
    spec = sample(calculation={"electrons": 2, "holes": 2, "coulomb": "ci", "ci_tolerance": 20})
    result = qdmol.map(spec, axes={"spacing": [5.2, 6.0]}, particles="X,X-,X+,XX", output=tmp_path / "m.nc")
    summary = qdmol.solve(spec, particles="X,X-,X+,XX").summary
    for name, stem in (("X", "1e1h"), ("X-", "2e1h"), ("X+", "1e2h"), ("XX", "2e2h")):
        states = summary["complexes"][name]["states"]
        binding = summary["complexes"][name]["binding_meV"]
        stored = result.data[f"complex_{stem}_energy"].values[0]
        assert stored[: len(states)] == pytest.approx([state["energy_eV"] for state in states], abs=1e-9)
        assert result.data[f"complex_{stem}_binding"].values[0] == pytest.approx(binding)
    xr.testing.assert_identical(qdmol.load(tmp_path / "m.nc").data, result.data)
