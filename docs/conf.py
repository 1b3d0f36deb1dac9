"""Sphinx configuration. The build needs no network access."""

import json
import sys
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

import qdmol

sys.path.insert(0, str(Path(__file__).parent))  # for stored_results

project = "qdmol"
author = "the qdmol developers"
copyright = "2026, the qdmol developers"  # noqa: A001  Sphinx wants this name
release = version = qdmol.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "stored_results",
]
exclude_patterns = ["_build", "_generated", "jupyter_execute"]
myst_enable_extensions = ["colon_fence", "dollarmath", "deflist"]
myst_heading_anchors = 3

# Notebooks are executed at every build, and a cell that fails stops it. Those that take long have
# `execution_mode: cache` in their front matter and show stored results: see stored_results.py.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_merge_streams = True
nb_render_markdown_format = "gfm"  # tables in the output of a cell

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_member_order = "bysource"
napoleon_google_docstring = False

html_theme = "furo"
html_title = f"qdmol {release}"
html_math_renderer = "mathml"


def write_inline_math(writer: HTML5Translator, node: nodes.math) -> None:
    """Write inline formulas as MathML, which browsers render without an external script."""
    writer.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def write_displayed_math(writer: HTML5Translator, node: nodes.math_block) -> None:
    """Write displayed formulas as MathML, see `write_inline_math`."""
    writer.body.append(f'<div style="padding: 0.5em 0">{tex2mathml(node.astext(), as_block=True)}</div>')
    raise nodes.SkipNode


def write_schema(app: Sphinx, exception: Exception | None) -> None:
    """Publish the JSON schema of the spec with the pages, so that editors can complete its keys."""
    if exception is None and app.builder.format == "html":
        from qdmol.structure import spec_schema

        target = Path(app.outdir) / "spec.schema.json"
        target.write_text(json.dumps(spec_schema(), indent=2) + "\n", encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Register the formula writers and the schema with Sphinx."""
    app.add_html_math_renderer("mathml", (write_inline_math, None), (write_displayed_math, None))
    app.connect("build-finished", write_schema)
