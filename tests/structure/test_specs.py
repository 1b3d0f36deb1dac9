"""Reading, writing and changing specs, and the published schema."""

import json
import math
import pickle
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, strategies as st
from ruamel.yaml import YAML
from tests.structure.samples import REMOVED, changed, dimer, dot, monomer

from qdmol.errors import InputError
from qdmol.structure import dump_spec, list_examples, read_spec, resolve, spec_mapping, spec_schema, update_spec

EXAMPLES = Path(resolve.__code__.co_filename).parent.parent / "examples"
VALIDATOR = jsonschema.Draft202012Validator


def load(text):
    return YAML(typ="safe", pure=True).load(text)


# ---------------------------------------------------------------- reading


def test_the_contracts_own_example():
    """The spec as the contract prints it, overrides and all."""
    spec = read_spec(
        load(
            """
qdmol: 1
name: CdSe/CdS 1.4/2.1 nm fused homodimer
materials: cdse-cds-single-band
overrides:
  CdSe:   {electron_mass: 0.13, hole_mass: 0.45, permittivity: 10}
  CdS:    {electron_mass: 0.21, hole_mass: 0.70, conduction_offset: 0.10, valence_offset: 0.64, permittivity: 10}
  medium: {electron_mass: 1, hole_mass: 1, electron_barrier: 5, hole_barrier: 5, permittivity: 10}
molecule:
  dots:
    - {core: {material: CdSe, radius: 1.4}, shells: [{material: CdS, thickness: 2.1}]}
    - {core: {material: CdSe, radius: 1.4}, shells: [{material: CdS, thickness: 2.1}]}
  spacing: 5.2
  neck: merged
environment: {temperature: 300, field: [0, 0, 0]}
calculation: {electrons: 4, holes: 2, coulomb: self-consistent, tolerance: 0.1}
"""
        )
    )
    assert resolve(spec) == resolve(read_spec("@homodimer"))
    calculation = spec.calculation
    assert (calculation.electrons, calculation.holes, calculation.coulomb) == (4, 2, "self-consistent")
    assert (calculation.tolerance, spec.environment.temperature) == (0.1, 300)


@pytest.mark.parametrize("name", list_examples())
def test_every_example_is_valid_and_says_what_it_is(name):
    spec = read_spec(f"@{name}")
    resolve(spec)
    assert spec.name != "unnamed molecule"
    text = (EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert max(map(len, text.splitlines())) <= 120
    assert read_spec(EXAMPLES / f"{name}.yaml") == spec


def test_the_shipped_examples_are_these():
    wanted = {"homodimer", "monomer", "heterodimer", "linked", "filled-neck", "trimer-chain", "dimer-in-field"}
    assert wanted | {"small-sample", "middle-sample", "large-sample"} == set(list_examples())
    with pytest.raises(InputError, match="did you mean @homodimer"):
        read_spec("@homodimre")
    with pytest.raises(InputError, match="not a shipped example"):
        read_spec("@../examples/homodimer")


def test_json_is_read_too(tmp_path):
    path = tmp_path / "dimer.json"
    path.write_text(json.dumps(dimer()), encoding="utf-8")
    assert read_spec(path) == read_spec(str(path)) == read_spec(dimer())
    (tmp_path / "flow.yaml").write_text(json.dumps(dimer()), encoding="utf-8")
    assert read_spec(tmp_path / "flow.yaml") == read_spec(dimer())


def test_units_numbers_and_yaml_1_2(tmp_path):
    path = tmp_path / "units.yaml"
    path.write_text(
        """
qdmol: 1
materials: cdse-cds-single-band
overrides: {medium: {electron_barrier: hard, hole_barrier: .inf}, CdS: {conduction_offset: 100 meV}}
molecule:
  dots: &both
    - &one {core: {material: CdSe, radius: 14 angstrom}, shells: [{material: CdS, thickness: 2100 pm}]}
    - *one
  spacing: 5.2 nm
environment: {temperature: 300 K, field: [0, 0, 50 kV/cm]}
calculation: {tolerance: 1e-1}
""",
        encoding="utf-8",
    )
    spec = read_spec(path)
    assert spec.molecule.dots[1].core.radius == 1.4
    assert spec.molecule.dots[1].shells[0].thickness == 2.1
    assert spec.overrides.of("CdS").conduction_offset == pytest.approx(0.1)
    assert spec.overrides.medium.electron_barrier == spec.overrides.medium.hole_barrier == math.inf
    assert spec.calculation.tolerance == 0.1  # 1e-1 is text in YAML 1.1
    assert spec.environment.field[2] == 50
    assert resolve(spec).parameters["medium"].hole_edge == math.inf


def test_nothing_behind_a_key_is_nothing_given():
    spec = read_spec(changed(dimer(), ("overrides", None), ("environment", None), ("molecule.barrier", None)))
    assert spec.environment.temperature == 300
    with pytest.raises(InputError, match="`materials` is missing"):
        read_spec(changed(dimer(), ("materials", None)))


def test_arrays_and_tuples_are_read_like_lists():
    import numpy as np

    data = changed(dimer(), ("molecule.spacing", REMOVED), ("molecule.positions", np.array([[0, 0, 0], [0, 0, 5.2]])))
    data["calculation"]["electrons"] = np.int64(4)
    data["calculation"]["tolerance"] = np.float32(0.5)
    data["environment"]["field"] = (0, 0, 0)
    assert resolve(read_spec(data)).dots[1].z == 2.6


@pytest.mark.parametrize("source", [5, None, [], "", b"spec.yaml", object()])
def test_what_is_no_source_at_all(source):
    with pytest.raises(InputError) as caught:
        read_spec(source)
    assert caught.value.field == "spec"


def test_material_sets_are_found_relative_to_the_spec(tmp_path, monkeypatch):
    package = (EXAMPLES.parent / "materials" / "data" / "cdse-cds-single-band.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(package.replace("value: 0.10\n", "value: 0.25\n"), encoding="utf-8")
    (tmp_path / "spec.json").write_text(json.dumps(changed(dimer(), ("overrides", {}), ("materials", "mine.yaml"))))
    monkeypatch.chdir("/")
    spec = read_spec(tmp_path / "spec.json")
    assert resolve(spec).parameters["CdS"].electron_edge == 0.25
    assert resolve(update_spec(spec, "molecule.spacing", 6)).parameters["CdS"].electron_edge == 0.25
    moved = pickle.loads(pickle.dumps(spec))
    assert resolve(moved).parameters["CdS"].electron_edge == 0.25
    with pytest.raises(InputError, match=r"mine\.yaml"):
        resolve(read_spec(changed(dimer(), ("materials", "mine.yaml"))))


# ---------------------------------------------------------------- writing


@pytest.mark.parametrize("name", list_examples())
def test_examples_round_trip(name):
    spec = read_spec(f"@{name}")
    assert read_spec(load(dump_spec(spec))) == spec
    assert resolve(read_spec(load(dump_spec(spec)))) == resolve(spec)


def test_hard_walls_and_every_neck_round_trip():
    for neck in ("merged", {"merged": 4.0}, {"filled": 5.0}, {"linker": 0.3}):
        data = changed(dimer(), ("molecule.neck", neck), ("overrides.medium.electron_barrier", "hard"))
        data = changed(data, ("molecule.spacing", REMOVED)) if "merged" in neck or "linker" in neck else data
        if neck == "merged":
            data["molecule"]["barrier"] = [2.4]
        spec = read_spec(data)
        assert read_spec(load(dump_spec(spec))) == spec
        assert read_spec(load(dump_spec(spec))).molecule.neck == spec.molecule.neck
        assert "inf" not in dump_spec(spec)


def test_equal_specs_are_equal_wherever_they_were_read(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(dimer()))
    assert read_spec(path) == read_spec(dimer())
    assert hash(read_spec(path)) == hash(read_spec(dimer()))
    assert read_spec(dimer()) != read_spec(changed(dimer(), ("molecule.spacing", 5.3)))


def test_a_spec_is_frozen():
    spec = read_spec(dimer())
    with pytest.raises(ValueError, match="frozen"):
        spec.name = "other"
    with pytest.raises(ValueError, match="frozen"):
        spec.molecule.dots[0].core.radius = 2


# ---------------------------------------------------------------- changing


@pytest.mark.parametrize(
    ("path", "value", "read"),
    [
        ("molecule.spacing", "60 angstrom", lambda s: s.molecule.spacing == 6.0),
        ("molecule.dots[*].core.radius", 1.2, lambda s: [d.core.radius for d in s.molecule.dots] == [1.2, 1.2]),
        ("molecule.dots[1].core.radius", 1.2, lambda s: [d.core.radius for d in s.molecule.dots] == [1.4, 1.2]),
        ("molecule.dots[*].core.diameter", 2.4, lambda s: [d.core.size for d in s.molecule.dots] == [1.2, 1.2]),
        ("molecule.dots[*].shells[*].thickness", 3, lambda s: s.molecule.dots[1].shells[0].thickness == 3),
        ("molecule.dots[*].shells[0].monolayers", 6, lambda s: s.molecule.dots[1].shells[0].thickness is None),
        ("molecule.barrier", 2.0, lambda s: s.molecule.spacing is None and s.molecule.barrier == 2.0),
        ("environment.field[2]", 20, lambda s: s.environment.field == (0, 0, 20)),
        ("overrides.CdSe.electron_mass", 0.11, lambda s: s.overrides.of("CdSe").electron_mass == 0.11),
        ("overrides.medium.electron_barrier", "hard", lambda s: s.overrides.medium.electron_barrier == math.inf),
        ("calculation", {"electrons": 1, "holes": 0}, lambda s: s.calculation.coulomb == "none"),
        ("ensemble", {"monomers": 0.5}, lambda s: s.ensemble.monomers == 0.5),
        ("name", "other", lambda s: s.name == "other"),
    ],
)
def test_update(path, value, read):
    spec = read_spec(dimer())
    new = update_spec(spec, path, value)
    assert read(new)
    assert spec == read_spec(dimer())
    resolve(new)


def test_a_plain_neck_is_the_word_for_it():
    plain, filled = (
        read_spec(changed(dimer(), ("molecule.neck", neck))).molecule.neck for neck in ("merged", {"filled": 1.0})
    )
    assert plain == "merged"
    assert "merged" == plain  # noqa: SIM300  # both sides
    assert {"merged": 1}[plain] == 1
    assert plain != filled
    assert filled != "merged"
    assert (str(plain), str(filled)) == ("merged", "{filled: 1}")


def test_update_of_a_neck_replaces_its_kind():
    spec = read_spec(changed(dimer(), ("molecule.neck", {"linker": 0.3}), ("molecule.spacing", REMOVED)))
    assert update_spec(spec, "molecule.neck.merged", 4.0).molecule.neck.merged == 4.0


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "molecule..spacing",
        ".molecule.spacing",
        "[0]",
        "molecule.dots[2].core.radius",
        "molecule.dots[-1].core.radius",
        "molecule.dots.core",
        "molecule.spacing[0]",
        "molecule.cores[0].radius",
        "molecule.dots[*]core",
        "environment.field[3]",
        "name.first",
        "overrides.CdS.electron_mass.value",
    ],
)
def test_a_path_that_leads_nowhere(path):
    with pytest.raises(InputError) as caught:
        update_spec(read_spec(dimer()), path, 1)
    assert caught.value.field == "path"


def test_update_checks_the_value_and_names_its_field():
    for path, value, field in [
        ("molecule.dots[*].core.radius", "x", r"molecule\.dots\[0\]\.core\.radius"),
        ("molecule.spacin", 5, r"molecule\.spacin"),
        ("overrides.strain.a", 5, r"overrides\.strain"),
        ("calculation.electrons", math.nan, r"calculation\.electrons"),
    ]:
        with pytest.raises(InputError, match=field):
            update_spec(read_spec(dimer()), path, value)


@pytest.mark.parametrize("field", [50, 50.0, "50", "50 kV/cm", "5 V/um", [0, 0, 50], ["0 V/m", 0, "50 kV/cm"]])
def test_a_single_field_lies_along_the_axis(field, tmp_path):
    data = dimer()
    data["environment"] = {"field": field}
    VALIDATOR(spec_schema()).validate(data)
    (tmp_path / "spec.json").write_text(json.dumps(data), encoding="utf-8")
    spec = read_spec(tmp_path / "spec.json")
    assert spec.environment.field == (0, 0, 50)
    assert spec_mapping(spec)["environment"]["field"] == [0, 0, 50]
    assert read_spec(load(dump_spec(spec))) == spec
    assert resolve(spec).field == pytest.approx(50e-4)


def test_a_field_may_be_set_as_a_whole_or_by_component():
    spec = read_spec(dimer())
    assert update_spec(spec, "environment.field", "20 kV/cm") == update_spec(spec, "environment.field[2]", 20)


# ---------------------------------------------------------------- schema


def test_the_schema_is_a_schema_and_the_examples_follow_it():
    schema = spec_schema()
    VALIDATOR.check_schema(schema)
    for name in list_examples():
        jsonschema.validate(load((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")), schema, VALIDATOR)
        jsonschema.validate(load(dump_spec(read_spec(f"@{name}"))), schema, VALIDATOR)


@pytest.mark.parametrize(
    "change",
    [
        ("qdmol", 2),
        ("nmae", "x"),
        ("molecule", REMOVED),
        ("molecule.dots", []),
        ("molecule.dots[0].core.radius", -1),
        ("molecule.dots[0].core.radius", "1.4 eV"),
        ("molecule.dots[0].core.radius", REMOVED),
        ("molecule.dots[0].core.diameter", 2.8),
        ("molecule.dots[0].shells[0].thickness", 0),
        ("molecule.dots[0].shells[0].monolayers", 3),
        ("molecule.spacing", "5.2 K"),
        ("molecule.spacing", 0),
        ("molecule.barrier", 2.4),
        ("molecule.neck", "fused"),
        ("molecule.neck", {"merged": -1}),
        ("molecule.neck", {"merged": 4, "linker": 1}),
        ("environment.field", [0, 0]),
        ("environment.field", "50 nm"),
        ("environment.field", 1e9),
        ("environment.field", True),
        ("environment.temperature", -1),
        ("calculation.electrons", -1),
        ("calculation.electrons", 2.5),
        ("calculation.coulomb", "full"),
        ("calculation.ci_tolerance", 0),
        ("calculation.tolerance", 0),
        ("ensemble", []),
        ("ensemble.members", 1),
        ("ensemble.members", 2.5),
        ("ensemble.core_radius", "5 K"),
        ("ensemble.core_radius", -1),
        ("ensemble.monomers", 2),
        ("ensemble.seed", -1),
        ("ensemble.sizes", 1),
        ("overrides.CdS.electron_mass", 0),
        ("overrides.CdS.kane_energy", 0),
        ("overrides.medium.kane_energy", 20),
        ("overrides.CdSe.hole_axis_angle", 100),
        ("overrides.CdS.colour", "red"),
        ("overrides.strain", {}),
        ("overrides.medium.permittivity", 0.5),
        ("overrides.medium.electron_barrier", "soft"),
    ],
    ids=lambda change: f"{change[0]}={'removed' if change[1] is REMOVED else change[1]}"[:60],
)
def test_the_schema_refuses_what_the_reader_refuses(change):
    data = changed(dimer(), change)
    assert not VALIDATOR(spec_schema()).is_valid(data)
    with pytest.raises(InputError):
        resolve(read_spec(data))


def test_every_field_of_the_schema_says_what_it_is():
    schema = spec_schema()
    silent = [
        f"{title}.{name}"
        for title, part in [("Spec", schema), *schema["$defs"].items()]
        for name, field in part["properties"].items()
        if "description" not in field
        and "$ref" not in field
        and not any("$ref" in option for option in field.get("anyOf", []))
    ]
    assert silent == []


# ---------------------------------------------------------------- anything at all

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["hard", "merged", "CdSe", "CdS", "medium", "1.4 nm", "5 eV", "self-consistent", 0, 1, 5.2])
)
KEYS = "qdmol name materials molecule dots core shells radius spacing neck merged filled linker strain overrides CdS"
KEYS += " ensemble members"
keys = st.text(max_size=6) | st.sampled_from(KEYS.split())
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5), max_leaves=20
)


def check_words(error):
    assert error.message.endswith(".")
    assert "\n" not in error.message
    json.dumps(error.as_dict(), allow_nan=False)
    error.message.encode("utf-8")


def accepted(data):
    """Whether a spec is accepted; anything but an InputError fails the test that asks."""
    try:
        spec = read_spec(data)
        resolve(spec)
    except InputError as error:
        check_words(error)
        return False
    assert read_spec(load(dump_spec(spec))) == spec
    return True


@given(anything)
def test_arbitrary_values(data):
    if isinstance(data, dict):
        accepted(data)
    else:
        with pytest.raises(InputError):
            read_spec(data if not isinstance(data, str) else [data])


@given(st.dictionaries(st.sampled_from(["qdmol", "name", "materials", "molecule", "calculation"]), anything))
def test_arbitrary_roots(data):
    accepted({"qdmol": 1, "materials": "cdse-cds-single-band", **data})


def places(value, path=""):
    """Every path into a spec."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    for key, item in items:
        here = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}" if path else key
        yield here
        yield from places(item, here)


@given(data=st.data(), base=st.sampled_from([dimer(), monomer()]))
def test_mutated_valid_specs(data, base):
    spec = base
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(sorted(places(spec))))
        spec = changed(spec, (path, data.draw(anything)))
    accepted(spec)


@given(
    core=st.floats(0.3, 3),
    shell=st.floats(0.2, 4),
    barrier=st.floats(0, 10),
    electrons=st.integers(0, 8),
    neck=st.sampled_from(["merged", {"filled": 1.0}]),
)
def test_sensible_specs_are_accepted(core, shell, barrier, electrons, neck):
    data = changed(
        dimer(),
        ("molecule.dots", [dot(core, shell), dot()]),
        ("molecule.spacing", REMOVED),
        ("molecule.barrier", barrier),
        ("molecule.neck", neck),
        ("calculation", {"electrons": electrons, "holes": 1}),
    )
    assert accepted(data)
