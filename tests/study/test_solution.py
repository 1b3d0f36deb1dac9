"""What `solve` hands over: every key of the contract with its type, and a dataset whose values mean what they say."""

import json
import math

import numpy as np
import pytest
import xarray as xr
from tests.exact.systems import dimer_spec, dot, molecule_spec

import qdmol
from qdmol.results import write_netcdf

NUMBER, LIST = (int, float), list
LEVELS = {"energy_eV": LIST, "error_meV": LIST, "m": LIST, "parity": LIST}
ERRORS = {
    f"{name}_{unit}": NUMBER
    for name, unit in (
        ("splitting", "meV"),
        ("splitting_error", "meV"),
        ("gap", "eV"),
        ("gap_error", "meV"),
        ("monomer_gap", "eV"),
        ("redshift", "meV"),
        ("tunnel_coupling", "meV"),
        ("tunnel_coupling_error", "meV"),
        ("detuning", "meV"),
        ("detuning_error", "meV"),
        ("redshift_error", "meV"),
        ("redshift_single_particle", "meV"),
        ("redshift_single_particle_error", "meV"),
    )
}
PAIR = {
    "scheme": str,
    "electron_energy_eV": LIST,
    "electron_error_meV": LIST,
    "hole_dot": int,
    "other_states": LIST,
    "spacing_meV": NUMBER,
    "spacing_error_meV": NUMBER,
    "exciton_eV": NUMBER,
    "exciton_error_meV": NUMBER,
    "binding_meV": NUMBER,
    "binding_error_meV": NUMBER,
}
KEYS = {
    "qdmol",
    "name",
    "converged",
    "electron",
    "hole",
    "coulomb",
    "dot_share",
    "monomer_gaps_eV",
    "warnings",
    "elapsed_s",
    *ERRORS,
}

COULOMB = {"coulomb": "self-consistent"}
CONTRAST = {"medium": {"permittivity": 2.4}}
SPECS = {
    "dimer": dimer_spec(electrons=4, **COULOMB),
    "monomer": molecule_spec([dot()], **COULOMB),
    "hetero": molecule_spec([dot(1.2), dot(1.4)], spacing=5.4, **COULOMB),
    "chain": molecule_spec([dot()] * 3, spacing=5.8, **COULOMB),
    "no coulomb": dimer_spec(),
    "no holes": dimer_spec(holes=0),
    "no electrons": dimer_spec(electrons=0),
    "contrast": dimer_spec(overrides=CONTRAST, **COULOMB),
    "field": dimer_spec(field=30, **COULOMB),
    "one level each": dimer_spec(electrons=1, holes=1, **COULOMB),
}
# What is null, beyond what the kind of spec leaves standing.
TWO = {"tunnel_coupling", "detuning"}
NULL = {
    "dimer": set(),
    "monomer": {"splitting", *TWO},
    "hetero": set(),
    "chain": TWO,
    "no coulomb": {"redshift", "coulomb"},
    "no holes": {"redshift", "redshift_single_particle", "gap", "monomer_gap", "coulomb"},
    "no electrons": {"splitting", *TWO, "redshift", "redshift_single_particle", "gap", "monomer_gap", "coulomb"},
    "contrast": {"redshift", "gap", "monomer_gap"},
    "field": set(),
    "one level each": {"splitting", *TWO, "spacing"},
}


@pytest.fixture(scope="module", params=SPECS)
def solved(request, solve_once):
    return request.param, solve_once(SPECS[request.param])


def _stem(key):
    return key.removesuffix("_eV").removesuffix("_meV").removesuffix("_error")


def test_every_key_of_the_contract_and_its_type(solved):
    name, solution = solved
    summary = solution.summary
    assert set(summary) == KEYS
    assert (summary["qdmol"], summary["converged"]) == (1, True)
    assert isinstance(summary["name"], str)
    assert isinstance(summary["elapsed_s"], float)
    for carrier in ("electron", "hole"):
        assert {key: type(value) for key, value in summary[carrier].items()} == LEVELS
        assert len({len(values) for values in summary[carrier].values()}) == 1
    for key, kind in ERRORS.items():
        assert (summary[key] is None) == (_stem(key) in NULL[name]), key
        assert summary[key] is None or (isinstance(summary[key], kind) and not isinstance(summary[key], bool))


def test_every_key_of_the_pair(solved):
    name, solution = solved
    pair = solution.summary["coulomb"]
    if "coulomb" in NULL[name]:
        assert pair is None
        return
    assert set(pair) == set(PAIR)
    for key, kind in PAIR.items():
        if _stem(key) in NULL[name]:
            assert pair[key] is None
        else:
            assert isinstance(pair[key], kind), key
    assert pair["scheme"] == "self-consistent"
    assert 0 <= pair["hole_dot"] < len(solution.spec.molecule.dots)
    assert all(state["exciton_eV"] >= pair["exciton_eV"] for state in pair["other_states"])


def test_errors_are_positive_and_within_the_tolerance(solved):
    _, solution = solved
    summary = solution.summary
    errors = [e for part in (summary["electron"], summary["hole"]) for e in part["error_meV"]]
    parts = [summary, summary["coulomb"] or {}]
    errors += [
        part[key] for part in parts for key in part if key.endswith("_error_meV") and not isinstance(part[key], list)
    ]
    known = [error for error in errors if error is not None]
    assert min(known) >= 0
    assert max(known) <= 0.1


def test_json_holds_no_nan(solved):
    text = json.dumps(dict(solved[1].summary), allow_nan=False)
    assert json.loads(text)["name"] == "the contract's homodimer"


def test_monomer_gaps_stand_in_the_order_of_the_dots(solved):
    name, solution = solved
    gaps = solution.summary["monomer_gaps_eV"]
    if "monomer_gap" in NULL[name]:
        assert gaps == []
    else:
        assert len(gaps) == len(solution.spec.molecule.dots)
        assert min(gaps) == solution.summary["monomer_gap_eV"]


def test_warnings_where_something_must_be_known(solved):
    name, solution = solved
    text = " ".join(solution.warnings)
    assert ("self-polarisation" in text) == (name == "contrast")
    assert ("with a hard wall" in text) == (name == "field")
    if name not in {"contrast", "field"}:
        assert solution.warnings == ()


def test_the_gap_without_coulomb_is_the_gap_of_the_lowest_levels(solve_once):
    summary = solve_once(SPECS["no coulomb"]).summary
    lowest = summary["electron"]["energy_eV"][0] + summary["hole"]["energy_eV"][0]
    assert summary["gap_eV"] == pytest.approx(1.75 + lowest, abs=1e-12)


def test_every_variable_has_a_unit_and_a_name(solved):
    data = solved[1].data
    for name, variable in {**data.data_vars, **data.coords}.items():
        assert {"units", "long_name"} <= set(variable.attrs), name


def test_scalars_of_the_dataset_are_those_of_the_json(solved):
    _, solution = solved
    for part in (solution.summary, solution.summary["coulomb"] or {}):
        for key, value in part.items():
            stem, _, unit = key.rpartition("_")
            if unit in {"meV", "eV"} and isinstance(value, float):
                assert float(solution.data[stem]) == value
                assert solution.data[stem].attrs["units"] == unit
    for carrier in ("electron", "hole"):
        if solution.summary[carrier]["energy_eV"]:
            assert list(solution.data[f"{carrier}_energy"].values) == solution.summary[carrier]["energy_eV"]
            assert solution.data[f"{carrier}_error"].attrs["units"] == "meV"


def _charge(wave):
    """∫ψ² 2π r dr dz by the trapezoidal rule."""
    values = wave.fillna(0) ** 2 * 2 * math.pi * wave.map_r
    return values.integrate("map_r").integrate("map_z")


def test_mapped_functions_are_normalised(solved):
    _, solution = solved
    for name in ("electron", "electron_coulomb", "hole", "hole_coulomb"):
        if f"{name}_wavefunction" in solution.data:
            assert np.ravel(_charge(solution.data[f"{name}_wavefunction"])) == pytest.approx(1.0, abs=2e-3)


def test_every_listed_level_has_a_wavefunction_and_a_density_that_integrates_to_one(solved):
    _, solution = solved
    counts = {carrier: len(getattr(solution.levels, carrier)) for carrier in ("electron", "hole")}
    if solution.pair is not None:
        counts["electron_coulomb"] = len(solution.pair.electron_levels)
    for name, count in counts.items():
        if not count:
            assert f"{name}_density_z" not in solution.data
            continue
        density = solution.data[f"{name}_density_z"]
        assert density.dims == (f"{name}_level", "z")
        assert len(density) == len(solution.data[f"{name}_wavefunction"]) == count
        assert density.attrs["units"] == "nm^-1"
        assert density.integrate("z").values == pytest.approx(1.0, abs=1e-3)


def test_mapped_electrons_are_orthogonal(solve_once):
    data = solve_once(SPECS["dimer"]).data
    for name in ("electron_wavefunction", "electron_coulomb_wavefunction"):
        low, high = data[name][:2]
        product = (low * high * 2 * math.pi * low.map_r).fillna(0)
        assert float(product.integrate("map_r").integrate("map_z")) == pytest.approx(0, abs=2e-3)


def test_bonding_is_even_antibonding_odd_and_the_hole_on_one_side(solve_once):
    data = solve_once(SPECS["dimer"]).data
    bonding, antibonding = data["electron_wavefunction"].fillna(0).values[:2]
    assert bonding == pytest.approx(bonding[:, ::-1], abs=1e-4)
    assert antibonding == pytest.approx(-antibonding[:, ::-1], abs=1e-4)
    low = _charge(data["hole_coulomb_wavefunction"].where(data.map_z < 0, 0))
    assert float(low) > 0.99


def test_density_on_the_axis_is_the_square_of_the_map(solve_once):
    data = solve_once(SPECS["dimer"]).data
    for name in ("electron", "electron_coulomb", "hole", "hole_coulomb"):
        density = data[f"{name}_density_axis"].interp(z=data.map_z.values)
        square = data[f"{name}_wavefunction"].sel(map_r=0.0) ** 2
        assert density.values == pytest.approx(square.fillna(0).values, abs=2e-3 * float(density.max()))


def test_edges_and_regions_along_the_axis(solve_once):
    data = solve_once(SPECS["dimer"]).data
    regions = np.array(data["region"].attrs["regions"].split(", "))[data["region"].values]
    edges = {"CdSe": (0.0, 0.0), "CdS": (0.10, 0.64), "medium": (5.0, 5.0)}
    for carrier, name in enumerate(("electron", "hole")):
        expected = [edges[region][carrier] for region in regions]
        assert data[f"{name}_edge"].values == pytest.approx(expected)
    assert regions[np.argmin(np.abs(data.z.values - 2.6))] == "CdSe"
    pull = (data["electron_edge_coulomb"] - data["electron_edge"]).values
    assert np.all(pull < 0)
    assert data.z.values[np.argmin(pull)] == pytest.approx(-2.6, abs=0.2)


def test_a_netcdf_file_brings_everything_back(solved, tmp_path):
    _, solution = solved
    write_netcdf(solution.data, tmp_path / "found.nc")
    with xr.open_dataset(tmp_path / "found.nc", engine="h5netcdf") as back:
        for name, variable in solution.data.data_vars.items():
            if variable.dtype.kind == "f":
                np.testing.assert_allclose(back[name].values, variable.values)
            assert back[name].attrs["units"] == variable.attrs["units"]
        assert qdmol.__version__ == back.attrs["qdmol_version"]
        assert back.attrs["converged"] == 1


def test_a_solution_is_frozen_and_prints_itself(solve_once):
    solution = solve_once(SPECS["monomer"])
    with pytest.raises(AttributeError):
        solution.spec = None
    assert "meV" in str(solution)
    assert "<" in solution._repr_html_()


def test_ranges_contain_the_base_and_the_alternatives():
    spec = dimer_spec(electrons=2, holes=1, tolerance=1.0, **COULOMB)
    solution = qdmol.solve(spec, range_=True)
    summary, data = solution.summary, solution.data
    for name in ("splitting", "redshift"):
        low, high = summary[f"{name}_range_meV"]
        assert low <= summary[f"{name}_meV"] <= high
        values = data[f"range_{name}"].values
        assert low <= np.nanmin(values)
        assert np.nanmax(values) <= high
    # The literature moves the splitting by about a factor of two.
    low, high = summary["splitting_range_meV"]
    assert high / low > 2
    labels = list(data["alternative"].values)
    deep = next(k for k, label in enumerate(labels) if "conduction_offset = 0.32" in label)
    alone = dimer_spec(overrides={"CdS": {"conduction_offset": 0.32}}, tolerance=1.0).copy()
    assert data["range_splitting"].values[deep] == pytest.approx(qdmol.solve(alone).summary["splitting_meV"], abs=0.1)


def test_answers_repeat_to_the_last_digit():
    one, two = (dict(qdmol.solve(SPECS["hetero"]).summary) for _ in range(2))
    assert one | {"elapsed_s": 0} == two | {"elapsed_s": 0}
