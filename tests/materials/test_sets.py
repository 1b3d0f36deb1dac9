"""Material sets: what ships, where sets are found, and what is wrong with a user's own."""

import math
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from tests.structure.samples import REMOVED, changed

from qdmol.errors import InputError
from qdmol.materials import MEDIUM, alternatives, light_alternatives, list_sets, load_set
from qdmol.materials.quantities import QUANTITIES
from qdmol.structure import spec_schema

DATA = Path(load_set.__code__.co_filename).parent / "data"
LEVEL_ALTERNATIVES = 20  # of the default set
SHIPPED = sorted(path.stem for path in DATA.glob("*.yaml"))


def small_set():
    """The least a set can be, as a file's content."""

    def entry(value, unit):
        return {"value": value, "unit": unit, "temperature": 300, "source": "us"}

    return {
        "qdmol_materials": 1,
        "name": "mine",
        "title": "Ours",
        "reference": "A",
        "sources": {"us": {"citation": "Our notebook", "doi": "10.1000/xyz"}},
        "materials": {
            "A": {
                "electron_mass": entry(0.1, "m0"),
                "hole_mass": entry(0.5, "m0"),
                "permittivity": entry(10, "1"),
                "band_gap": entry(1500, "meV"),
            },
            "B": {
                "electron_mass": entry(0.1, "m0"),
                "hole_mass": entry(0.5, "m0"),
                "permittivity": entry(10, "1"),
                "conduction_offset": {**entry(200, "meV"), "alternatives": [{"value": 300, "source": "us"}]},
                "valence_offset": entry(0.3, "eV"),
                "layer_thickness": entry(3.5, "angstrom"),
            },
            "medium": {
                "electron_mass": entry(1, "m0"),
                "hole_mass": entry(1, "m0"),
                "electron_barrier": entry("hard", "eV"),
                "hole_barrier": entry(4, "eV"),
                "permittivity": entry(2, "1"),
            },
        },
    }


def write(folder, data, name="mine.yaml"):
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", encoding="utf-8") as file:
        YAML().dump(data, file)
    return folder / name


# ---------------------------------------------------------------- what ships


def test_the_default_set_has_the_contracts_values():
    chosen = load_set("cdse-cds-single-band")
    values = {
        name: {key: v.value for key, v in entries.items() if not QUANTITIES[key].optical}
        for name, entries in chosen.materials.items()
    }
    assert chosen.reference == "CdSe"
    assert values["CdSe"] == {
        "electron_mass": 0.13,
        "hole_mass": 0.45,
        "permittivity": 10,
        "band_gap": 1.75,
        "layer_thickness": 0.351,
    }
    assert values["CdS"] == {
        "electron_mass": 0.21,
        "hole_mass": 0.70,
        "conduction_offset": 0.10,
        "valence_offset": 0.64,
        "permittivity": 10,
        "layer_thickness": 0.336,
    }
    assert values["medium"] == {
        "electron_mass": 1,
        "hole_mass": 1,
        "electron_barrier": 5,
        "hole_barrier": 5,
        "permittivity": 10,
    }


def test_the_default_set_lists_where_the_literature_disagrees():
    found = alternatives(load_set("cdse-cds-single-band"))
    offsets = sorted(a.value for a in found if (a.material, a.key) == ("CdS", "conduction_offset"))
    assert (offsets[0], offsets[-1]) == (0.0, 0.32)
    assert {a.value for a in found if (a.material, a.key) == ("CdS", "electron_mass")} == {0.14, 0.16, 0.18}
    labels = [a.label for a in found]
    assert "CdS.conduction_offset = 0.32 eV" in labels
    assert len(set(labels)) == len(labels)
    assert all(a.key != "permittivity" for a in found)  # one changed alone would be a dielectric contrast


def is_locatable(source):
    """Whether a source can be looked up, or says that it is a choice made here, or why it cannot be found."""
    reasons = ("is unknown", "chosen here", "derived here", "not verified")
    return bool(source.doi or source.url or any(reason in source.note for reason in reasons))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_value_has_unit_temperature_and_a_source_that_can_be_found(name):
    chosen = load_set(name)
    assert chosen.name == name
    assert chosen.title
    for material, entries in chosen.materials.items():
        for key, value in entries.items():
            assert value.unit == QUANTITIES[key].unit
            assert value.temperature is not None
            assert is_locatable(value.source), (material, key)
            assert value.value not in {a.value for a in value.alternatives}, (material, key)
            for other in value.alternatives:
                assert other.unit == value.unit
                assert is_locatable(other.origin), other.label
    text = (DATA / f"{name}.yaml").read_text(encoding="utf-8")
    used = set(re.findall(r"source: ([a-z0-9-]+)", text))
    assert used == set(YAML(typ="safe").load(text)["sources"])  # no source that nothing comes from


def test_there_are_several_sets_and_one_with_hard_walls():
    assert set(SHIPPED) <= set(list_sets())
    assert len(SHIPPED) >= 3
    assert load_set("inp-cds-type-ii").value(MEDIUM, "electron_barrier").value == math.inf
    assert load_set("cdse-cds-deep-offset").value("CdS", "conduction_offset").value == 0.32


def test_alternatives_of_light_are_listed_apart():
    """Nothing is solved again for a value on which no level depends."""
    chosen = load_set("cdse-cds-single-band")
    levels, light = alternatives(chosen), light_alternatives(chosen)
    assert not any(QUANTITIES[other.key].optical for other in levels)
    assert all(QUANTITIES[other.key].optical for other in light)
    assert {("CdSe", "kane_energy"), ("CdS", "optical_permittivity")} <= {(one.material, one.key) for one in light}
    every = [other for values in chosen.materials.values() for value in values.values() for other in value.alternatives]
    assert sorted(every, key=repr) == sorted([*levels, *light], key=repr)
    assert len(levels) == LEVEL_ALTERNATIVES  # each is solved by --range, and is a case of the claims


# ---------------------------------------------------------------- where sets are found


def test_a_set_of_ones_own_by_path(tmp_path):
    path = write(tmp_path, small_set())
    chosen = load_set(str(path))
    assert chosen.value("A", "band_gap").value == 1.5
    assert chosen.value("B", "layer_thickness").value == 0.35
    assert chosen.value("B", "layer_thickness").unit == "nm"
    assert [(a.value, a.unit) for a in alternatives(chosen)] == [(0.3, "eV")]
    assert load_set("mine.yaml", relative_to=tmp_path) == chosen
    assert load_set("mine", relative_to=tmp_path) == chosen
    assert load_set("./mine", relative_to=tmp_path) == chosen


def test_the_order_of_the_search(tmp_path, monkeypatch):
    """Beside the spec, then QDMOL_MATERIALS, then the user's folder, then the package."""
    name = "cdse-cds-single-band"
    folders = {key: tmp_path / key for key in ("spec", "named", "second", "home/qdmol/materials")}
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("platformdirs.user_config_path", lambda *_, **__: tmp_path / "home" / "qdmol")
    monkeypatch.setenv("QDMOL_MATERIALS", f"{folders['named']}:{folders['second']}")

    def titled(title):
        return {**small_set(), "title": title}

    def found():
        return load_set(name, relative_to=folders["spec"]).title

    folders["spec"].mkdir()
    assert found() == "CdSe/CdS, one isotropic band for each carrier (default)"
    for key in ("home/qdmol/materials", "second", "named", "spec"):
        write(folders[key], titled(key), f"{name}.yaml")
        assert found() == key
    assert "mine" not in list_sets()
    write(folders["named"], small_set())
    assert "mine" in list_sets()


def test_a_changed_file_is_read_again(tmp_path):
    import os

    path = write(tmp_path, small_set())
    assert load_set(str(path)).title == "Ours"
    write(tmp_path, {**small_set(), "title": "New"})
    os.utime(path, ns=(1, 1))
    assert load_set(str(path)).title == "New"


@pytest.mark.parametrize("name", ["cdse-cds", "", "..", "a/b", "x" * 1000, "/etc", "nul\0"])
def test_a_set_that_is_not_there(name):
    with pytest.raises(InputError) as caught:
        load_set(name)
    assert caught.value.field == "materials"


def test_a_near_miss_is_helped():
    with pytest.raises(InputError, match="did you mean `cdse-cds-single-band`"):
        load_set("cdse_cds_single_band")


# ---------------------------------------------------------------- what is wrong with a user's set

MASS = "materials.B.electron_mass"
GAP = small_set()["materials"]["A"]["band_gap"]
OFFSET = small_set()["materials"]["B"]["valence_offset"]
WIDTH = {"value": 60, "unit": "meV", "temperature": 300, "source": "us"}
SHARE = {"value": 0.5, "unit": "1", "temperature": None, "source": "us"}
WRONG = [
    ([("qdmol_materials", 2)], "qdmol_materials", "1"),
    ([("qdmol_materials", REMOVED)], "qdmol_materials", "given"),
    ([("name", "a b")], "name", ""),
    ([("title", REMOVED)], "title", "given"),
    ([("reference", "C")], "materials", "`C`"),
    ([("reference", MEDIUM)], "reference", "a material of the set"),
    ([("materials.medium", REMOVED)], "materials", "medium"),
    ([("colour", 1)], "colour", "materials"),
    ([("sources.us", {"citation": "x"})], "sources.us.doi", "url"),
    ([("sources.us.doi", "doi.org/10")], "sources.us.doi", ""),
    ([(MASS, 0.1)], MASS, "a mapping"),
    ([(f"{MASS}.value", REMOVED)], f"{MASS}.value", "given"),
    ([(f"{MASS}.value", 0)], f"{MASS}.value", "0.001 m0"),
    ([(f"{MASS}.value", "light")], f"{MASS}.value", "number"),
    ([(f"{MASS}.value", math.nan)], f"{MASS}.value", "number"),
    ([(f"{MASS}.unit", "eV")], f"{MASS}.value", "free-electron mass"),
    ([(f"{MASS}.unit", REMOVED)], f"{MASS}.unit", "given"),
    ([(f"{MASS}.source", REMOVED)], f"{MASS}.source", "given"),
    ([(f"{MASS}.source", "them")], f"{MASS}.source", "us"),
    ([(f"{MASS}.temperature", REMOVED)], f"{MASS}.temperature", "given"),
    ([(f"{MASS}.temperature", -3)], f"{MASS}.temperature", "at least 0"),
    ([(f"{MASS}.alternatives", [{"value": 0.2}])], f"{MASS}.alternatives[0].source", "given"),
    ([(f"{MASS}.alternatives", [{"value": -1, "source": "us"}])], f"{MASS}.alternatives[0].value", "0.001 m0"),
    ([(f"{MASS}.alternatives", [{"value": 1, "source": "x"}])], f"{MASS}.alternatives[0].source", "us"),
    ([(f"{MASS}.remark", "x")], f"{MASS}.remark", "note"),
    ([(MASS, REMOVED)], MASS, "given"),
    ([("materials.B.valence_offset", REMOVED)], "materials.B.valence_offset", "given"),
    ([("materials.B.band_gap", GAP)], "materials.B.band_gap", "absent"),
    ([("materials.A.band_gap", REMOVED)], "materials.A.band_gap", "given"),
    (
        [("materials.A.valence_offset", OFFSET)],
        "materials.A.valence_offset",
        "absent",
    ),
    ([("materials.B.colour", GAP)], "materials.B.colour", "permittivity"),
    ([("materials.medium.hole_barrier", REMOVED)], "materials.medium.hole_barrier", "given"),
    (
        [("materials.medium.band_gap", GAP)],
        "materials.medium.band_gap",
        "barrier",
    ),
    ([("materials.B.homogeneous_width", WIDTH)], "materials.B.homogeneous_width", "reference material A only"),
    ([("materials.B.hole_axial_share", SHARE)], "materials.B.hole_axial_share", "reference material A only"),
    ([("materials.A.hole_axial_share", {**SHARE, "value": 2})], "materials.A.hole_axial_share.value", "at most 1"),
    (
        [("materials.A.homogeneous_width", {**WIDTH, "temperature": None})],
        "materials.A.homogeneous_width.temperature",
        "the temperature in K",
    ),
    ([("materials.medium.kane_energy", GAP)], "materials.medium.kane_energy", "optical_permittivity"),
    ([("materials.B.permittivity.unit", "nm")], "materials.B.permittivity.unit", "1"),
    ([("materials.B.permittivity.value", 0.5)], "materials.B.permittivity.value", "at least 1"),
    ([("materials.B.permittivity.value", "hard")], "materials.B.permittivity.value", "number"),
]


@pytest.mark.parametrize(("changes", "field", "allowed"), WRONG, ids=[f"{w[1]}-{i}" for i, w in enumerate(WRONG)])
def test_a_users_set_is_refused_by_file_field_and_value(changes, field, allowed, tmp_path):
    path = write(tmp_path, changed(small_set(), *changes))
    with pytest.raises(InputError) as caught:
        load_set(str(path))
    error = caught.value
    assert error.field == f"mine.yaml:{field}"
    assert error.message.startswith("In the material set mine.yaml: `")
    assert error.message.endswith(".")
    assert allowed in error.allowed


def test_names_that_would_break_a_path(tmp_path):
    data = small_set()
    data["materials"]["Zn0.5Cd0.5S"] = data["materials"]["B"]
    with pytest.raises(InputError, match="letters, digits"):
        load_set(str(write(tmp_path, data)))


def test_a_set_that_is_no_set(tmp_path):
    (tmp_path / "mine.yaml").write_text("- 1\n")
    with pytest.raises(InputError, match="contains a list"):
        load_set("mine", relative_to=tmp_path)


def test_overrides_take_their_keys_and_bounds_from_the_declared_quantities():
    defined = spec_schema()["$defs"]
    for name, owners in (("MaterialOverride", {"reference", "material"}), ("MediumOverride", {"medium"})):
        described = defined[name]["properties"]
        expected = {key: quantity for key, quantity in QUANTITIES.items() if owners & quantity.owners}
        assert list(described) == list(expected)
        for key, quantity in expected.items():
            assert described[key]["description"] == quantity.meaning
            assert described[key]["anyOf"][0] == quantity.schema()
