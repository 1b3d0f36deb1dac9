"""The comparison of recorded outputs: what it calls equal, what it reports, and how it records a command."""

import json
import sys

import h5py
import numpy as np
import pytest
from tools.commands import Case, list_cases
from tools.differences import Kind, compare_values, load_file
from tools.equality import compare_case, comparison_report, main, record_case


def kinds(before, after):
    """Kind of every value that is not identical, by place."""
    return {item.place: item.kind for item in compare_values(before, after, "") if item.kind is not Kind.IDENTICAL}


def write_record(folder, name, stdout, *, status=0, files=None):
    """A record as `record_case` writes it."""
    target = folder / name
    (target / "files").mkdir(parents=True)
    (target / "stdout").write_text(stdout, encoding="utf-8")
    (target / "stderr").write_text("", encoding="utf-8")
    for file_name, text in (files or {}).items():
        (target / "files" / file_name).write_text(text, encoding="utf-8")
    description = {"exit": status, "written": sorted(files or {})}
    (target / "status.json").write_text(json.dumps(description), encoding="utf-8")


def test_a_changed_digit_is_rounding_or_different_by_its_size():
    before = {"gap_eV": 2.0, "shift_meV": 3.0, "levels": [1.0, 2.0]}
    after = {"gap_eV": 2.0 * (1 + 1e-12), "shift_meV": 3.0 * (1 + 1e-6), "levels": [1.0, 2.0]}
    assert kinds(before, after) == {"gap_eV": Kind.ROUNDING, "shift_meV": Kind.DIFFERENT}


def test_the_relative_difference_is_reported():
    (item,) = compare_values(2.0, 2.002, "gap_eV")
    assert item.text == "2.0 -> 2.002 (relative 1.0e-03)"


def test_missing_and_new_keys_and_elements_are_listed():
    before = {"gap_eV": 2.0, "levels": [1.0, 2.0], "only_before": None}
    after = {"gap_eV": 2.0, "levels": [1.0], "only_after": 1}
    assert kinds(before, after) == {
        "levels[1]": Kind.MISSING,
        "only_before": Kind.MISSING,
        "only_after": Kind.NEW,
    }


@pytest.mark.parametrize(("before", "after"), [(None, 0.0), (True, 1), ("+", "-"), (1.0, "1.0"), ([], {})])
def test_values_of_another_kind_and_names_are_different(before, after):
    assert kinds({"key": before}, {"key": after}) == {"key": Kind.DIFFERENT}


def test_nan_and_signed_zero_are_identical_and_noise_about_zero_is_rounding():
    assert kinds([float("nan"), 0.0, 3], [float("nan"), -0.0, 3.0]) == {}
    assert kinds([2e-15], [-3e-15]) == {"[0]": Kind.ROUNDING}


def test_times_and_versions_are_left_out():
    before = {"elapsed_s": 1.0, "version": "1", "numpy_version": "2.0", "identity/creation_time": "noon"}
    assert kinds(before, {"elapsed_s": 2.0, "version": "2", "identity/creation_time": "night"}) == {}
    assert kinds({"lifetime_s": 1.0}, {"lifetime_s": 2.0}) == {"lifetime_s": Kind.DIFFERENT}


def test_sentences_are_words_and_a_number_changed_in_one_is_said():
    (item,) = compare_values(["No level of 3 is bound."], ["None of the 3 levels is bound."], "warnings")
    assert item.kind is Kind.WORDS
    assert "numbers changed" not in item.text
    (item,) = compare_values(["No level of 3 is bound."], ["No level of 4 is bound."], "warnings")
    assert item.kind is Kind.WORDS
    assert "numbers changed" in item.text


def test_a_spec_in_a_text_is_compared_by_its_values():
    before = "qdmol: 1\nname: dimer\nspacing: 5.2\nfield: 0\n"
    assert kinds(before, before.replace("5.2", "5.3")) == {"spacing": Kind.DIFFERENT}
    assert kinds(before, before.replace("name: dimer", "name:   dimer # fused")) == {}


def test_arrays_are_compared_number_by_number_and_a_longer_one_by_the_part_that_both_have():
    before = np.array([[1.0, 1e-16, np.nan], [3.0, 4.0, 5.0]])
    after = before.copy()
    after[0, 1] = 2e-16
    after[1, 0] = 3.001
    items = {item.kind: item for item in compare_values(before, after, "density")}
    assert {kind: item.count for kind, item in items.items()} == {
        Kind.IDENTICAL: 4,
        Kind.ROUNDING: 1,
        Kind.DIFFERENT: 1,
    }
    grown = np.vstack([before, [[7.0, 8.0, 9.0]]])
    assert kinds(before, grown) == {"": Kind.NEW}
    assert kinds(grown, before) == {"": Kind.MISSING}


def test_a_variable_of_a_dataset_is_compared_with_its_dimensions_and_attributes(tmp_path):
    def write(name, *, value, unit, axis):
        with h5py.File(tmp_path / name, "w") as file:
            file.attrs["elapsed_s"] = value
            file[axis] = np.arange(2.0)
            file[axis].make_scale(axis)
            file["density"] = np.array([1.0, value])
            file["density"].attrs["units"] = unit
            file["density"].dims[0].attach_scale(file[axis])
        return load_file(tmp_path / name)

    before = write("a.nc", value=2.0, unit="nm^-3", axis="z")
    assert kinds(before, write("b.nc", value=2.0, unit="nm^-3", axis="z")) == {}
    changed = kinds(before, write("c.nc", value=2.5, unit="cm^-3", axis="z"))
    assert changed == {"density.attributes.units": Kind.DIFFERENT, "density.values": Kind.DIFFERENT}
    renamed = kinds(before, write("d.nc", value=2.0, unit="nm^-3", axis="x"))
    assert renamed == {"z": Kind.MISSING, "x": Kind.NEW, "density.dimensions[0][0]": Kind.DIFFERENT}


def test_a_table_is_compared_by_column(tmp_path):
    for name, text in {"a.csv": "z,level\n0,1.5\n1,2.5\n", "b.csv": "z,energy\n0,1.5\n1.5,2.5\n"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    changed = kinds(load_file(tmp_path / "a.csv"), load_file(tmp_path / "b.csv"))
    assert changed == {"z[1]": Kind.DIFFERENT, "level": Kind.MISSING, "energy": Kind.NEW}


def test_two_records_compare_status_outputs_and_files(tmp_path):
    write_record(tmp_path / "before", "solve", '{"gap_eV": 2.0}', files={"a.csv": "z\n1\n", "page.html": ""})
    write_record(tmp_path / "after", "solve", '{"gap_eV": 2.1}', status=3, files={"a.csv": "z\n2\n"})
    items = compare_case(tmp_path / "before" / "solve", tmp_path / "after" / "solve")
    assert {item.place: item.kind for item in items if item.kind is not Kind.IDENTICAL} == {
        "exit": Kind.DIFFERENT,
        "stdout.gap_eV": Kind.DIFFERENT,
        "a.csv.z[0]": Kind.DIFFERENT,
        "page.html": Kind.MISSING,
    }


def test_lines_of_progress_are_left_out(tmp_path):
    messages = {"before": "gates: 75 %\nNo lifetime.\n", "after": "computing: 1 of 3 points\nNo lifetime.\n"}
    for name, text in messages.items():
        write_record(tmp_path / name, "map", "{}")
        (tmp_path / name / "map" / "stderr").write_text(text, encoding="utf-8")
    assert {item.kind for item in compare_case(tmp_path / "before" / "map", tmp_path / "after" / "map")} == {
        Kind.IDENTICAL
    }


@pytest.mark.parametrize(
    ("after", "status"),
    [
        ('{"gap_eV": 2.0, "warnings": ["Worded otherwise."], "new": 1}', 0),
        ('{"gap_eV": 2.00000000000001, "warnings": ["So worded."]}', 0),
        ('{"gap_eV": 2.001, "warnings": ["So worded."]}', 1),
        ('{"warnings": ["So worded."]}', 1),
        ("gap 2.0 eV\n", 1),
        ("", 1),
    ],
)
def test_only_a_different_number_or_a_missing_key_fails(tmp_path, capsys, after, status):
    write_record(tmp_path / "before", "solve", '{"gap_eV": 2.0, "warnings": ["So worded."]}')
    write_record(tmp_path / "after", "solve", after)
    assert main(["compare", str(tmp_path / "before"), str(tmp_path / "after")]) == status
    assert "total of 1" in capsys.readouterr().out


def test_a_command_without_a_second_record_fails_unless_the_record_may_be_partial(tmp_path, capsys):
    for folder, name in (("before", "solve"), ("before", "map"), ("after", "solve")):
        write_record(tmp_path / folder, name, "{}")
    arguments = ["compare", str(tmp_path / "before"), str(tmp_path / "after")]
    assert main(arguments) == 1
    assert "1 commands have no record" in capsys.readouterr().out
    assert main([*arguments, "--partial"]) == 0


def test_the_report_lists_failures_first_and_words_only_if_asked():
    items = [*compare_values({"a": 1.0, "note": "An old word."}, {"a": 2.0, "note": "A new word."}, "")]
    assert "An old word." not in comparison_report({"solve": items}, 5, words=False)
    report = comparison_report({"solve": items}, 5, words=True)
    assert report.index("different: a") < report.index("words: note")


@pytest.fixture
def command(tmp_path):
    """A stand-in for qdmol: it prints its arguments and writes a file."""
    script = tmp_path / "command.py"
    script.write_text(
        "import json, os, sys\n"
        "from pathlib import Path\n"
        "print(json.dumps({'folder': os.getcwd(), 'text': Path('spec.json').read_text(),\n"
        "                  'store': os.listdir(os.environ['QDMOL_STORE'])}))\n"
        "Path('out.csv').write_text('z\\n1\\n')\n"
        "Path('page.html').write_text('')\n"
        "sys.exit(int(sys.argv[1]))\n",
        encoding="utf-8",
    )
    return [sys.executable, str(script)]


def test_a_record_keeps_outputs_and_is_not_made_twice(tmp_path, command):
    case = Case("solve", ("3",), {"spec.json": "dimer"})
    assert record_case(case, command, tmp_path / "record")
    stored = tmp_path / "record" / "solve"
    assert json.loads((stored / "stdout").read_text()) == {"folder": "WORK", "text": "dimer", "store": []}
    status = json.loads((stored / "status.json").read_text())
    assert status["exit"] == 3
    assert status["written"] == ["out.csv", "page.html"]
    assert [path.name for path in (stored / "files").iterdir()] == ["out.csv"]
    assert not record_case(case, command, tmp_path / "record")


def test_a_command_that_takes_too_long_is_recorded_as_such(tmp_path):
    case = Case("endless", ("-c", "import time; time.sleep(60)"))
    record_case(case, [sys.executable], tmp_path, time_limit=0.5)
    assert json.loads((tmp_path / "endless" / "status.json").read_text())["exit"] == "timeout"


def test_the_names_of_the_commands_are_unique_and_every_example_is_solved():
    from qdmol.structure import read_spec

    cases = list_cases()
    names = [case.name for case in cases]
    assert len(set(names)) == len(names)
    assert {"solve-homodimer", "map-grid", "batch-table", "claims-report", "spectrum-monomer"} <= set(names)
    examples = [case.arguments[1] for case in cases if case.name.startswith("solve-") and case.arguments[1][0] == "@"]
    assert len({read_spec(example).name for example in examples}) == 10
