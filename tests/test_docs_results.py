"""Stored results of the documentation: up to date, stale when they should be, and what the pages compute today."""

import ast
import importlib
import re
import shutil
from pathlib import Path
from types import ModuleType, SimpleNamespace

import nbformat
import pytest
from docs import stored_results
from docs.stored_results import (
    cells_digest,
    code_cells,
    execute,
    output_texts,
    read_page,
    reason_stale,
    shipped_digests,
    store_of,
    stored_pages,
    with_stored_outputs,
)  # fmt: skip

PAGES = stored_pages()
NUMBER = re.compile(r"[−-]?\d+(?:\.\d+)?")


def sources(page):
    return [cell.source for cell in code_cells(read_page(page))]


# ---------------------------------------------------------------- staleness


def test_the_expensive_pages_are_stored():
    assert {page.stem for page in PAGES} == {"claims", "spectra"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_stored_results_are_up_to_date(page):
    """After a change of a cell, a shipped spec or a shipped set: `make docs-results`."""
    assert reason_stale(page, shipped_digests()) is None


@pytest.fixture
def stored_copy(tmp_path):
    """A page and its stored results, to be spoilt."""
    (page,) = (page for page in PAGES if page.stem == "spectra")
    return Path(shutil.copy(page, tmp_path)), Path(shutil.copy(store_of(page), tmp_path))


def test_a_changed_cell_makes_results_stale(stored_copy, tmp_path):
    page, _ = stored_copy
    text = page.read_text(encoding="utf-8")
    assert "[-300, -150, 0, 150, 300]" in text
    page.write_text(text.replace("[-300, -150, 0, 150, 300]", "[-300, 0, 300]"), encoding="utf-8")
    assert "the code in spectra.md has changed" in reason_stale(page, shipped_digests(), tmp_path)


def test_changed_prose_and_imports_leave_results_valid(stored_copy, tmp_path):
    page, _ = stored_copy
    text = page.read_text(encoding="utf-8").replace("# Predicted spectra", "# Prediction of spectra")
    assert "from qdmol import plot" in text
    page.write_text(text.replace("from qdmol import plot", "import qdmol.plot as plot"), "utf-8")
    assert reason_stale(page, shipped_digests(), tmp_path) is None


def test_a_changed_input_makes_results_stale_and_an_added_one_does_not(stored_copy, tmp_path):
    page, _ = stored_copy
    shipped = shipped_digests()
    assert {"homodimer.yaml", "cdse-cds-single-band.yaml"} <= set(shipped)
    assert reason_stale(page, shipped | {"new-set.yaml": "1"}, tmp_path) is None
    changed = reason_stale(page, shipped | {"homodimer.yaml": "1"}, tmp_path)
    assert changed == "homodimer.yaml has changed since the results of spectra.md were stored"
    del shipped["cdse-cds-single-band.yaml"]
    assert "cdse-cds-single-band.yaml has changed" in reason_stale(page, shipped, tmp_path)


def test_missing_results_are_stale(stored_copy, tmp_path):
    page, store = stored_copy
    store.unlink()
    assert reason_stale(page, shipped_digests(), tmp_path) == "spectra.md has no stored results"


def test_stale_results_end_the_build_with_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(stored_results, "reason_stale", lambda *_: "the code in a.md has changed")
    with pytest.raises(SystemExit) as ended:
        stored_results.fill_cache(SimpleNamespace(doctreedir=tmp_path), SimpleNamespace())
    assert ended.value.code == "The code in a.md has changed; run `make docs-results`."


def test_the_digest_of_cells_sees_code_only():
    digest = cells_digest(["import a\nx = 1\n\nprint(x)"])
    assert cells_digest(["from b import (\n    a,\n)\nx = 1", "print(x)"]) == digest
    assert cells_digest(["x = 2\nprint(x)"]) != digest


# ---------------------------------------------------------------- today's code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_names_that_stored_pages_use_exist(page):
    """A renamed function would otherwise show only when the page is executed."""
    modules, checked = {}, 0
    for node in (node for source in sources(page) for node in ast.walk(ast.parse(source))):
        if isinstance(node, ast.Import):
            modules |= {name.asname or name.name: importlib.import_module(name.name) for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            for name in node.names:
                value = getattr(module, name.name, None) or importlib.import_module(f"{node.module}.{name.name}")
                checked += 1
                if isinstance(value, ModuleType):
                    modules[name.asname or name.name] = value
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            assert hasattr(modules[node.value.id], node.attr), ast.unparse(node)
            checked += 1
    assert checked


def numbers_of(text):
    return [float(number.replace("−", "-")) for number in NUMBER.findall(text)]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_stored_pages_still_run_and_give_what_is_stored(page):
    """Words to the letter, numbers to what another machine may round otherwise."""
    fresh, stored = output_texts(execute(page)), output_texts(with_stored_outputs(page))
    assert any(stored)
    assert [NUMBER.sub("#", text) for text in fresh] == [NUMBER.sub("#", text) for text in stored]
    for text, expected in zip(fresh, stored, strict=True):
        assert numbers_of(text) == pytest.approx(numbers_of(expected), rel=2e-3, abs=0.02)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_stored_notebooks_are_valid(page):
    nbformat.validate(nbformat.read(store_of(page), as_version=4))
