"""Stored results of the pages that take long to execute, and the check that they are up to date.

A page whose front matter has `execution_mode: cache` is not executed when the documentation is built: the outputs of
its cells come from `_generated/<page>.ipynb`. The build stops when the code of a cell, a shipped spec or a shipped
material set has changed since. `make docs-results` executes these pages and stores their outputs;
`python docs/stored_results.py PAGE ..` does so for some of them.

Changes of the package itself are not looked for here: tests recompute key numbers of the stored outputs.
"""

import ast
import hashlib
import json
import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

import nbformat
import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from myst_nb.core.read import read_myst_markdown_notebook
from nbclient import NotebookClient
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.config import Config

DOCS = Path(__file__).parent
STORE = DOCS / "_generated"
REFRESH = "run `make docs-results`"
TIMEOUT = 1800  # seconds for a page, on a busy machine


def stored_pages(docs: Path = DOCS) -> list[Path]:
    """Pages whose front matter asks for stored results, in alphabetical order."""
    return [page for page in sorted(docs.rglob("*.md")) if "\n  execution_mode: cache\n" in front_matter(page)]


def front_matter(page: Path) -> str:
    """Metadata at the head of a page, with a newline at both ends; empty if there is none."""
    text = page.read_text(encoding="utf-8")
    return text[3 : text.index("\n---", 3) + 1] if text.startswith("---\n") else ""


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Cells that are executed."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def read_page(page: Path) -> NotebookNode:
    """Notebook of a page, without outputs."""
    return read_myst_markdown_notebook(page.read_text(encoding="utf-8"))


def store_of(page: Path, store: Path = STORE) -> Path:
    """File with the stored outputs of a page."""
    return store / f"{page.stem}.ipynb"


def cells_digest(sources: list[str]) -> str:
    """Digest of the code of cells, without blank lines and import statements.

    Where a name is imported from changes no result; a test imports all of them.
    """
    return _digest([line for source in sources for line in _lines_that_compute(source)])


def _lines_that_compute(source: str) -> list[str]:
    imports = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    skipped = {line for node in imports for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    return [line.rstrip() for n, line in enumerate(source.splitlines(), start=1) if n not in skipped and line.strip()]


def shipped_digests() -> dict[str, str]:
    """Digest of each shipped spec and material set, by the name of its file; comments do not count."""
    folders = [files("qdmol")]
    digests = {}
    while folders:
        for entry in folders.pop().iterdir():
            if entry.is_dir():
                folders.append(entry)
            elif entry.name.endswith(".yaml"):
                document = yaml.safe_load(entry.read_text(encoding="utf-8"))
                if isinstance(document, dict) and {"qdmol", "qdmol_materials"} & set(document):
                    digests[entry.name] = _digest(document)
    return dict(sorted(digests.items()))


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def reason_stale(page: Path, shipped: dict[str, str], store: Path = STORE) -> str | None:
    """Why the stored results of a page do not belong to it any more, or None if they do.

    A file that was added since is no reason: nothing that was computed before it came can depend on it.
    """
    path = store_of(page, store)
    if not path.exists():
        return f"{page.name} has no stored results"
    stored = nbformat.read(path, as_version=4).metadata["qdmol"]
    if stored["cells"] != cells_digest([cell.source for cell in code_cells(read_page(page))]):
        return f"the code in {page.name} has changed since its results were stored"
    changed = [name for name, digest in stored["shipped"].items() if shipped.get(name) != digest]
    return f"{changed[0]} has changed since the results of {page.name} were stored" if changed else None


def with_stored_outputs(page: Path, store: Path = STORE) -> NotebookNode:
    """Notebook of a page with its cells as they are now and the outputs that are stored."""
    notebook, executed_notebook = read_page(page), nbformat.read(store_of(page, store), as_version=4)
    notebook.metadata.language_info = executed_notebook.metadata.language_info
    for cell, executed in zip(code_cells(notebook), code_cells(executed_notebook), strict=True):
        cell.outputs, cell.execution_count = executed.outputs, executed.execution_count
    return notebook


def output_texts(notebook: NotebookNode) -> list[str]:
    """What each cell prints or shows as Markdown, without figures and tables in HTML."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    return [
        output["text"] if output.output_type == "stream" else output["data"].get("text/markdown", "")
        for output in outputs
    ]


def fill_cache(app: Sphinx, config: Config) -> None:
    """Give MyST-NB the stored outputs; end the build with one sentence if some are missing or stale.

    It ends by SystemExit, since Sphinx reports its own errors with a traceback that hides the sentence.
    """
    path = Path(app.doctreedir) / "stored_results"
    config.nb_execution_cache_path = str(path)
    shutil.rmtree(path, ignore_errors=True)
    cache = get_cache(path)
    shipped = shipped_digests()
    for page in stored_pages():
        if reason := reason_stale(page, shipped):
            raise SystemExit(f"{reason[0].upper()}{reason[1:]}; {REFRESH}.")
        cache.cache_notebook_bundle(CacheBundleIn(with_stored_outputs(page), str(page)), check_validity=False)


def execute(page: Path) -> NotebookNode:
    """Code cells of a page with their outputs, executed in an empty folder.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell fails.
    """
    notebook = read_page(page)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook, timeout=TIMEOUT, resources={"metadata": {"path": folder}}, record_timing=False
        ).execute()  # fmt: skip
    cells = code_cells(notebook)
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"  # nbformat draws one at random
    metadata = {
        "kernelspec": dict(notebook.metadata.kernelspec),
        "language_info": {"name": "python", "pygments_lexer": "ipython3"},
        "qdmol": {"cells": cells_digest([cell.source for cell in cells]), "shipped": shipped_digests()},
    }
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def refresh(names: list[str]) -> None:
    """Execute the named pages, or all stored ones, and store their outputs."""
    for page in stored_pages():
        if not names or page.stem in names:
            nbformat.write(execute(page), store_of(page))
            sys.stdout.write(f"{store_of(page).relative_to(DOCS.parent)}\n")


def setup(app: Sphinx) -> dict[str, bool]:
    """Hook into the build."""
    app.connect("config-inited", fill_cache)
    return {"parallel_read_safe": True}


if __name__ == "__main__":
    refresh(sys.argv[1:])
