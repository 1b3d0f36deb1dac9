"""Tests of the documentation: specs are valid, material sets load, Python code runs, links lead to files."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from qdmol.materials import load_set
from qdmol.structure import read_spec, resolve

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "examples").glob("*.md")),
]


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def yaml_beginning(key: str) -> list[str]:
    return [text for page in PAGES for text in blocks(page, "yaml") if text.startswith(f"{key}: 1")]


@pytest.mark.parametrize("text", yaml_beginning("qdmol"))
def test_spec_in_docs_resolves(text: str, tmp_path: Path):
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    assert resolve(read_spec(path)).dots


@pytest.mark.parametrize("text", yaml_beginning("qdmol_materials"))
def test_material_set_in_docs_loads(text: str, tmp_path: Path):
    path = tmp_path / "my-set.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_set(str(path)).reference == "CdSe"


def test_docs_contain_specs_and_material_sets():
    assert yaml_beginning("qdmol")
    assert yaml_beginning("qdmol_materials")


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name)
def test_python_in_docs_runs(page: Path, tmp_path: Path):
    code = "\n".join(blocks(page, "python"))
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    written = {path.name for path in tmp_path.iterdir()}
    named = set(re.findall(r"""["']([\w-]+\.(?:html|nc|pdf|png|csv))["']""", code))
    assert named
    assert written == named | {name.replace(".html", ".nc") for name in named}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_linked_files_exist(page: Path):
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing


def test_the_reference_names_what_there_is():
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    entries = re.findall(r"auto(function|class):: qdmol\.((?:\w+\.)*)(\w+)", reference)
    assert len(entries) > 60
    missing = []
    for kind, room, name in entries:
        value = getattr(importlib.import_module(f"qdmol.{room}".rstrip(".")), name, None)
        if isinstance(value, type) != (kind == "class") or not callable(value):
            missing.append(f"{room}{name}")
    assert not missing
