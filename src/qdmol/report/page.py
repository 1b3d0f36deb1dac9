"""One self-contained page of a solution: sentences, figures, tables, spec.

Templates of pages: everything put into one is escaped, and a name that is missing is an error.
"""

from collections.abc import Callable, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from qdmol.materials import load_set
from qdmol.plot import Drawing, draw_axis, draw_levels, draw_maps, draw_range
from qdmol.report.tables import (
    PageTable,
    complex_tables,
    energies_table,
    levels_table,
    materials_table,
    range_table,
    settings_table,
)
from qdmol.structure import Spec, dump_spec
from qdmol.study import Solution, solution_sentences


def template(name: str) -> Template:
    """Return a template of this room by the name of its file."""
    environment = Environment(
        loader=PackageLoader("qdmol.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)


_FIGURES: tuple[Callable[[Solution], Drawing | None], ...] = (draw_axis, draw_maps, draw_levels, draw_range)


def draw_all(solution: Solution) -> tuple[Drawing, ...]:
    """Every figure for which the solution holds data; call it under ``paper_style``."""
    found = (draw(solution) for draw in _FIGURES)
    return tuple(drawing for drawing in found if drawing is not None)


def page_tables(solution: Solution) -> tuple[PageTable, ...]:
    """Every table for which the solution holds data."""
    material_set = load_set(solution.spec.materials, relative_to=solution.spec.folder)
    found = (
        levels_table(solution),
        energies_table(solution),
        *complex_tables(solution),
        range_table(solution),
        materials_table(material_set, solution.spec),
        settings_table(solution),
    )
    return tuple(table for table in found if table is not None)


def _subtitle(spec: Spec) -> str:
    dots = len(spec.molecule.dots)
    kind = "one dot" if dots == 1 else f"a molecule of {dots} dots on a line"
    return f"Electron and hole levels of {kind} at {spec.environment.temperature:g} K, computed by qdmol."


def render_page(solution: Solution, drawings: Sequence[Drawing], *, netcdf: str, linewidth: float | None = None) -> str:
    """Render the page.

    Parameters
    ----------
    solution
        What to show.
    drawings
        From ``draw_all``; call under ``paper_style``.
    netcdf
        Name of the file beside the page.
    linewidth
        Of a line in meV, with which the tunnel coupling is compared; that of the material set where not given.

    Returns
    -------
    str
        HTML that needs no other file and no network.
    """
    spec = solution.spec
    return fill_page(
        title=spec.name,
        subtitle=_subtitle(spec),
        sentences=solution_sentences(solution, linewidth=linewidth),
        warnings=solution.warnings,
        drawings=drawings,
        tables=page_tables(solution),
        tables_first=False,
        spec=dump_spec(spec),
        netcdf=netcdf,
    )


def fill_page(**parts: object) -> str:
    """Fill the template: title, subtitle, sentences, warnings, drawings, tables, their order, spec, data file."""
    return template("page.html.j2").render(**parts)
