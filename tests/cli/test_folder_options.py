"""Options remembered for a folder are used for its files, can be switched off, and are never guessed."""

import pytest

from qdmol.cli.folder_options import FILE_NAME, measured_files, remember, with_remembered
from qdmol.errors import InputError

BLANK = {"response": None, "dark": None}


@pytest.fixture
def night(tmp_path):
    """A folder with two recordings and a response."""
    folder = tmp_path / "night"
    folder.mkdir()
    for name in ("dot1.ptu", "dot2.ptu", "irf.ptu"):
        (folder / name).write_bytes(b"x")
    return folder


def files(folder, *names):
    return [str(folder / name) for name in names]


def test_nothing_is_remembered_at_first(night):
    assert with_remembered(files(night, "dot1.ptu"), BLANK) == (BLANK, None)


def test_what_was_given_is_used_the_next_time(night):
    remember(files(night, "dot1.ptu"), {"response": str(night / "irf.ptu"), "dark": None})
    options, note = with_remembered(files(night, "dot2.ptu"), BLANK)
    assert options == {"response": str(night / "irf.ptu"), "dark": None}
    assert "irf.ptu" in note
    assert "response: irf.ptu" in (night / FILE_NAME).read_text(encoding="utf-8")  # the folder can be moved


def test_what_is_given_comes_before_what_is_remembered(night):
    remember(files(night, "dot1.ptu"), {"response": str(night / "irf.ptu")})
    assert with_remembered(files(night, "dot1.ptu"), {"response": "other.ptu"}) == ({"response": "other.ptu"}, None)
    assert with_remembered(files(night, "dot1.ptu"), {"response": "none"}) == ({"response": None}, None)


def test_options_are_added_and_forgotten(night):
    recordings = files(night, "dot1.ptu")
    remember(recordings, {"response": str(night / "irf.ptu")})
    remember(recordings, {"response": None, "dark": str(night / "dot2.ptu")})
    assert all(with_remembered(recordings, BLANK)[0].values())
    remember(recordings, {"response": "none"})
    assert with_remembered(recordings, BLANK)[0]["response"] is None
    assert with_remembered(recordings, BLANK)[0]["dark"] is not None


def test_several_monomers_are_a_list_of_files_that_stay_measured_files(night):
    remember(files(night, "dot1.ptu"), {"monomer": "\n".join(files(night, "dot1.ptu", "dot2.ptu"))})
    text = (night / FILE_NAME).read_text(encoding="utf-8")
    assert "- dot1.ptu" in text
    options, note = with_remembered(files(night, "dot1.ptu"), {"monomer": None})
    assert options["monomer"].splitlines() == files(night, "dot1.ptu", "dot2.ptu")
    assert "monomer dot1.ptu dot2.ptu" in note
    assert night / "dot1.ptu" in measured_files(night)


@pytest.mark.parametrize("content", ["monomer: []", "monomer: [1]", "response: [a.ptu]", "monomer: ['']"])
def test_a_list_that_is_none_of_files_is_refused(night, content):
    (night / FILE_NAME).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"monomer|response"):
        with_remembered(files(night, "dot1.ptu"), {"monomer": None, "response": None})


def test_a_reference_is_a_name_and_no_file(night):
    remember(files(night, "dot1.ptu"), {"reference": "monomer"})
    assert with_remembered(files(night, "dot1.ptu"), {"reference": None})[0] == {"reference": "monomer"}
    assert with_remembered(files(night, "dot1.ptu"), BLANK)[0] == BLANK  # of another command


def test_a_file_elsewhere_keeps_its_whole_path(night, tmp_path):
    remember(files(night, "dot1.ptu"), {"response": str(tmp_path / "irf.ptu")})
    assert with_remembered(files(night, "dot1.ptu"), BLANK)[0]["response"] == str(tmp_path / "irf.ptu")


def test_folders_that_differ_are_refused(night, tmp_path):
    (tmp_path / "dot3.ptu").write_bytes(b"x")
    remember(files(night, "dot1.ptu"), {"response": str(night / "irf.ptu")})
    both = [*files(night, "dot1.ptu"), str(tmp_path / "dot3.ptu")]
    with pytest.raises(InputError) as refused:
        with_remembered(both, BLANK)
    assert refused.value.field == "response"
    assert with_remembered(both, {**BLANK, "response": "none"})[0] == BLANK
    with pytest.raises(InputError):
        remember(both, {"response": str(night / "irf.ptu")})


@pytest.mark.parametrize(
    "content", ["colour: red\n", "response: 3\n", "response: ''\n", "- irf.ptu\n", "", "response: [\n"]
)
def test_an_invalid_file_is_refused(night, content):
    (night / FILE_NAME).write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        with_remembered(files(night, "dot1.ptu"), BLANK)
    assert FILE_NAME in str(refused.value)


def test_nothing_to_remember_is_refused(night):
    with pytest.raises(InputError) as refused:
        remember(files(night, "dot1.ptu"), BLANK)
    assert "--response or --dark" in str(refused.value)
    assert not (night / FILE_NAME).exists()


def test_a_folder_lists_its_measured_files(night, tmp_path):
    remember(files(night, "dot1.ptu"), {"response": str(night / "irf.ptu")})
    (night / ".hidden").write_bytes(b"x")
    assert [path.name for path in measured_files(night)] == ["dot1.ptu", "dot2.ptu"]
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError):
        measured_files(empty)


def test_a_response_given_for_a_folder_is_not_one_of_its_files(night):
    listed = measured_files(night, (str(night / ".." / "night" / "irf.ptu"), None, "none"))
    assert [path.name for path in listed] == ["dot1.ptu", "dot2.ptu"]
