"""Check of a set of one's own: all errors at once, and warnings that name what is missing or unusual."""

import pytest
from tests.materials.hostile import HOSTILE
from tests.materials.test_sets import small_set, write
from tests.structure.samples import REMOVED, changed

from qdmol.errors import InputError
from qdmol.materials import check_set, list_sets, load_set, set_text

B = "materials.B"
PATH = "mine.yaml"


def checked(folder, *changes):
    return check_set(str(write(folder, changed(small_set(), *changes))))


def messages(result, kind):
    return [warning.message for warning in result.warnings if warning.kind == kind]


def test_all_errors_are_reported_together(tmp_path):
    result = checked(
        tmp_path,
        (f"{B}.electron_mass.value", 0),
        (f"{B}.hole_mass.source", "them"),
        (f"{B}.valence_offset", REMOVED),
        ("materials.medium.hole_barrier", REMOVED),
    )
    assert not result.valid
    assert result.material_set is None
    assert result.warnings == ()
    assert [(error.field, error.value) for error in result.errors] == [
        (f"{B}.electron_mass.value", "0.0 m0"),
        (f"{B}.hole_mass.source", "them"),
        (f"{B}.valence_offset", None),
        ("materials.medium.hole_barrier", None),
    ]
    assert "0.001 m0" in result.errors[0].allowed
    assert "us" in result.errors[1].allowed


def test_errors_of_the_form_are_reported_together(tmp_path):
    result = checked(tmp_path, ("colour", 1), ("title", REMOVED), (f"{B}.hole_mass.temperature", -3))
    assert {error.field for error in result.errors} == {"colour", "title", f"{B}.hole_mass.temperature"}
    assert result.errors[0].field == "colour"  # an unknown key first: a typo also makes a key missing


def test_a_mistyped_key_is_helped(tmp_path):
    offset = small_set()["materials"]["B"]["valence_offset"]
    result = checked(tmp_path, (f"{B}.valence_offset", REMOVED), (f"{B}.valance_offset", offset))
    assert "did you mean `valence_offset`?" in str(result.errors[0])
    assert [error.field for error in result.errors] == [f"{B}.valance_offset", f"{B}.valence_offset"]


def test_a_spec_is_told_from_a_set(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text("qdmol: 1\nname: x\nmaterials: cdse-zns\n", encoding="utf-8")
    with pytest.raises(InputError, match="is a spec, but must be a material set"):
        check_set(str(path))


def test_the_first_error_is_the_one_of_loading(tmp_path):
    path = write(tmp_path, changed(small_set(), (f"{B}.electron_mass.value", 0)))
    with pytest.raises(InputError) as caught:
        load_set(str(path))
    first = check_set(str(path)).errors[0]
    assert caught.value.field == f"{PATH}:{first.field}"
    assert caught.value.allowed == first.allowed


# the others go through the same reader, see test_documents.py
SOME_HOSTILE = ("empty", "binary", "list", "not yaml", "twice", "tag", "merge key", "recursive", "no version", "nan")


@pytest.mark.parametrize("name", SOME_HOSTILE)
def test_hostile_files_are_refused_in_a_sentence(name, tmp_path):
    path = tmp_path / "hostile.yaml"
    path.write_bytes(HOSTILE[name][0])
    try:
        errors = check_set(str(path)).errors
    except InputError as error:
        errors = (error,)
    assert errors
    for error in errors:
        assert "\n" not in str(error)
        assert error.field


SUSPICIOUS = [
    (("materials.B.conduction_offset.value", -1600), "beyond the gap of A (1.5 eV)"),
    (("materials.B.valence_offset.value", -1.5), "beyond the gap of A (1.5 eV)"),
    (("materials.B.electron_mass.value", 0.9), "electrons are heavier than holes"),
    (("materials.B.electron_mass.value", 1.3), "usual values are 0.01 to 1 m0"),
    (("materials.A.band_gap.value", 15000), "usual values are 0.1 to 6 eV"),
    (("materials.B.layer_thickness.value", 35), "usual values are 0.2 to 0.5 nm"),
    (("materials.medium.hole_barrier.value", -0.1), "no holes are bound"),
    (("materials.medium.hole_barrier.value", 0.2), "below the edge of B"),
    (("materials.B.conduction_offset.alternatives", [{"value": 3000, "source": "us"}]), "far from the value 0.2 eV"),
    (("name", "other"), "'other', that of the file 'mine'"),
    (("alignment", {"core": "A", "shell": "B", "type": "II", "source": "us"}), "the offsets give type I"),
]


@pytest.mark.parametrize(("change", "words"), SUSPICIOUS)
def test_suspicious_values_are_warned_of(change, words, tmp_path):
    result = checked(tmp_path, change)
    assert result.valid
    assert any(words in message for message in messages(result, "value"))
    assert not any(words in message for message in messages(checked(tmp_path), "value"))


def test_offsets_without_a_gap_are_warned_of(tmp_path):
    result = checked(
        tmp_path, ("materials.B.conduction_offset.value", -1000), ("materials.B.valence_offset.value", -0.7)
    )
    assert any("give it a gap of -0.2 eV" in message for message in messages(result, "value"))


def test_sources_are_warned_of(tmp_path):
    assert messages(checked(tmp_path), "source") == []
    unknown = checked(tmp_path, ("sources.us", {"citation": "Notebook", "note": "unpublished"}))
    (message,) = messages(unknown, "source")
    assert "neither DOI nor address: Notebook" in message
    assert "A.electron_mass" in message
    memory = checked(tmp_path, ("sources.us.note", "quoted from memory"))
    assert "was not verified" in messages(memory, "source")[0]
    unused = checked(tmp_path, ("sources.them", {"citation": "x", "doi": "10.1000/x"}))
    assert messages(unused, "source") == ["The source `them` is used by no value."]


def test_missing_quantities_are_named_with_what_they_are_for(tmp_path):
    missing = messages(checked(tmp_path), "missing")
    assert "A: no `layer_thickness`, which is needed for shells counted in `monolayers`." in missing
    assert any("A, B: no `kane_energy`" in message for message in missing)
    assert any("A: no `homogeneous_width`, which is needed for spectra." in message for message in missing)


def test_a_set_that_hides_another_is_warned_of(tmp_path):
    path = write(tmp_path, {**small_set(), "name": "cdse-zns"}, "cdse-zns.yaml")
    assert any("Another set 'cdse-zns'" in message for message in messages(check_set(str(path)), "value"))
    assert not any("Another set" in message for message in messages(check_set("cdse-zns"), "value"))


def test_an_alignment_of_unknown_materials_is_refused(tmp_path):
    result = checked(tmp_path, ("alignment", {"core": "A", "shell": "C", "type": "I", "source": "us"}))
    assert [(error.field, error.allowed) for error in result.errors] == [("alignment.shell", "one of A, B")]


# ---------------------------------------------------------------- YAML to copy from


@pytest.mark.parametrize("name", list_sets())
def test_yaml_of_a_shipped_set_loads_as_a_set_of_ones_own_without_suspicious_values(name, tmp_path):
    path = tmp_path / f"{name}-copy.yaml"
    path.write_text(set_text(name).replace(f"name: {name}", f"name: {name}-copy"), encoding="utf-8")
    result = check_set(str(path))
    assert result.valid
    original, copy = load_set(name), result.material_set
    assert copy.materials == original.materials
    assert (copy.title, copy.notes, copy.reference, copy.alignment) == (
        original.title,
        original.notes,
        original.reference,
        original.alignment,
    )
    suspicious = messages(result, "value")
    permittivities = {values["permittivity"].value for values in original.materials.values()}
    assert len(suspicious) == (len(permittivities) > 1)
    assert all("self_polarisation" in message for message in suspicious)


def test_yaml_of_a_json_set(tmp_path):
    import json

    (tmp_path / "set.json").write_text(json.dumps(small_set()), encoding="utf-8")
    text = set_text(str(tmp_path / "set.json"))
    (tmp_path / "copy.yaml").write_text(text, encoding="utf-8")
    assert load_set(str(tmp_path / "copy.yaml")).materials == load_set(str(tmp_path / "set.json")).materials
    assert text.startswith("qdmol_materials: 1\n")


def test_yaml_of_an_invalid_set_is_refused(tmp_path):
    path = write(tmp_path, changed(small_set(), (f"{B}.electron_mass.value", 0)))
    with pytest.raises(InputError):
        set_text(str(path))
