"""The measurement of the source's structure, on small packages made here."""

from textwrap import dedent

import pytest
from tools.structure import main, read_house, structure_report


@pytest.fixture
def house(tmp_path):
    """Write a package from file names and texts, and read it."""

    def write(files):
        root = tmp_path / "pack"
        for name, text in {"__init__.py": "", **files}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8")
            for folder in path.parents:
                if folder == root.parent:
                    break
                (folder / "__init__.py").touch()
        return read_house(root)

    return write


LAZY = "import lazy_loader\n__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)\n"


def test_a_circle_is_found_through_functions_but_not_through_types(house):
    files = {
        "low/a.py": "from pack.low.b import f\n",
        "low/b.py": "def f():\n    from pack.low.c import g\n    return g\n",
        "low/c.py": "def g():\n    import pack.low.a\n",
    }
    assert house(files).circles == [["pack.low.a", "pack.low.b", "pack.low.c"]]
    files["low/c.py"] = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pack.low.a\n"
    assert house(files).circles == []


def test_a_module_that_imports_a_circle_is_not_in_it(house):
    found = house(
        {
            "low/a.py": "from pack.low import b\n",
            "low/b.py": "from pack.low import a\n",
            "high.py": "from pack.low.a import x\n",
        }
    )
    assert found.circles == [["pack.low.a", "pack.low.b"]]
    assert found.circle_members == 2


def test_a_name_from_a_lazy_face_leads_to_the_module_that_has_it(house):
    files = {
        "low/__init__.py": LAZY,
        "low/__init__.pyi": "from .a import f as f\nfrom .b import g as g\n",
        "low/a.py": "def f(): ...\n",
        "low/b.py": "from pack.high import h\n\n\ndef g(): ...\n",
        "high.py": "from pack.low import f\n\n\ndef h(): ...\n",
    }
    found = house(files)
    assert found.edges["pack.high"] == {"pack.low.a"}
    assert found.circles == []
    files["high.py"] = "from pack.low import g\n\n\ndef h(): ...\n"
    assert house(files).circles == [["pack.high", "pack.low.b"]]


def test_an_eager_face_imports_all_that_it_names(house):
    found = house(
        {
            "low/__init__.py": "from pack.low.a import f\nfrom pack.low.b import g\n",
            "low/a.py": "def f(): ...\n",
            "low/b.py": "from pack.high import h\n\n\ndef g(): ...\n",
            "high.py": "from pack.low import f\n\n\ndef h(): ...\n",
        }
    )
    assert found.circles == [["pack.high", "pack.low", "pack.low.b"]]


@pytest.mark.parametrize(
    "statement",
    ["from pack.low.a import f", "import pack.low.a", "from pack.low import a", "from ..low.a import f"],
)
def test_an_import_from_inside_another_room_bypasses_its_face(house, statement):
    found = house(
        {
            "low/__init__.py": LAZY,
            "low/__init__.pyi": "from .a import f as f\n",
            "low/a.py": "def f(): ...\n",
            "high/user.py": f"{statement}\n",
        }
    )
    assert [name for name, _ in found.bypasses] == ["pack.high.user"]


def test_a_face_that_names_a_module_of_another_room_bypasses_its_face(house):
    found = house(
        {
            "__init__.py": LAZY,
            "__init__.pyi": "from .low import f as f\nfrom .low.a import g as g\n",
            "low/__init__.py": LAZY,
            "low/__init__.pyi": "from .a import f as f\n",
            "low/a.py": "def f(): ...\n",
        }
    )
    assert [(name, item.name) for name, item in found.bypasses] == [("pack", "g")]


def test_imports_from_a_face_and_inside_a_room_bypass_nothing(house):
    found = house(
        {
            "low/__init__.py": LAZY,
            "low/__init__.pyi": "from .a import f as f\n",
            "low/a.py": "from pack.low.b import g\n",
            "low/b.py": "import numpy.linalg\n",
            "units.py": "",
            "high/user.py": "import pack.low\nfrom pack.low import f\nfrom pack.units import nm\nfrom pack import x\n",
        }
    )
    assert found.bypasses == []
    assert found.own_faces == []


def test_an_import_from_the_face_of_the_own_room_is_found(house):
    found = house(
        {
            "low/__init__.py": LAZY,
            "low/__init__.pyi": "from .a import f as f\n",
            "low/a.py": "def f(): ...\n",
            "low/b.py": "from pack.low import f\nfrom pack.low import a\n",
        }
    )
    assert [(name, item.line) for name, item in found.own_faces] == [("pack.low.b", 1)]


def test_dictionaries_typed_any_are_counted_in_every_form(house):
    found = house(
        {
            "low/a.py": """
                def f(a: dict[str, Any], b: list[dict[str, Any]]) -> Mapping[str, Any]:
                    c: dict[str, typing.Any] | None = None
                    d: dict[str, float] = {}
                    e: dict[int, Any] = {}
            """
        }
    )
    assert found.modules["pack.low.a"].dictionaries == 4


def test_a_short_module_with_a_single_user_is_found_unless_it_is_compiled(house):
    found = house(
        {
            "low/short.py": "x = 1\n",
            "low/shared.py": "x = 1\n",
            "low/compiled.py": "from numba import njit\n",
            "low/long.py": "x = 1\n" * 80,
            "low/user.py": "from pack.low import compiled, long, shared, short\n",
            "low/other.py": "from pack.low.shared import x\n",
        }
    )
    assert found.short_modules == [("pack.low.short", 1, "pack.low.user")]


def test_the_user_of_a_name_from_a_face_is_the_user_of_its_module(house):
    found = house(
        {
            "low/__init__.py": "from pack.low.a import f\n",
            "low/a.py": "def f(): ...\n",
            "high.py": "from pack.low import f\n",
        }
    )
    assert found.users["pack.low.a"] == {"pack.high"}


def test_private_names_from_other_modules_are_found(house):
    found = house({"a.py": "", "b.py": "from pack.a import _inner, outer\nfrom pack import __version__\n"})
    assert [item.name for _, item in found.private_names] == ["_inner"]


def test_a_function_is_as_long_as_its_lines_without_docstring(house):
    found = house({"a.py": 'def f():\n    """Say.\n\n    More.\n    """\n    return 1\n'})
    assert found.modules["pack.a"].function_lengths == (2,)


def test_the_check_says_each_fault_in_a_sentence_and_fails(house, tmp_path, capsys):
    root = str(tmp_path / "pack")
    house({"low/a.py": "", "high.py": "from pack.low.a import f\n", "x.py": "import pack.y", "y.py": "import pack.x"})
    assert main(["--check", "--root", root]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "circle of modules: pack.x -> pack.y -> pack.x",
        "pack.high, line 1, bypasses the room's face: from pack.low.a import f",
    ]
    house({"high.py": "", "x.py": ""})
    assert main(["--check", "--root", root]) == 0
    assert capsys.readouterr().out == ""


def test_the_table_counts_statements_and_lists_rooms(house):
    found = house({"low/a.py": "f = g = 1\n", "high.py": "from pack.low.a import f, g\n"})
    report = structure_report(found, details=True)
    (line,) = [line for line in report.splitlines() if line.startswith("imports that bypass")]
    assert line.split()[-1] == "1"
    assert "high                    1        1        0        1" in report.splitlines()


def test_a_folder_that_is_no_package_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a package"):
        read_house(tmp_path)
