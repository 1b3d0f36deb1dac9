"""Report of a solved molecule as one self-contained page: numbers, sentences, figures, tables, spec."""

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from qdmol.estimates import NO_VALUE, format_error, format_number
from qdmol.materials import MaterialSet, load_set
from qdmol.plot import (
    Drawing,
    MapLike,
    draw_alternatives,
    draw_axis_profile,
    draw_coupling_map,
    draw_levels,
    draw_wavefunctions,
)
from qdmol.report.page import PageTable, Section, linked, planned_pair, write_page
from qdmol.results import provenance, write_netcdf
from qdmol.structure import Spec, dump_spec, spec_files
from qdmol.study import (
    ComplexLevel,
    EnergyLevel,
    Solution,
    complex_binding_text,
    quantity_rows,
    solution_sentences,
    state_name,
)

_LEVEL_DECIMALS = 6  # a hole pair may be split by a few microelectronvolts
_UNITS = ("nm", "eV", "meV", "K", "s")
_COMPLEX_NOTE = (
    "From configuration interaction, extrapolated to a complete basis. Localised: all carriers in one dot. Bonding, "
    "antibonding: the electrons share one orbital delocalised over the dots. Segregated: the electrons occupy "
    "different dots, or a dot other than that of the hole (interdot, or indirect, exciton). States: degeneracy, "
    "including spin and both signs of m."
)
_NOT_SETTINGS = {"spec", "warnings", "converged", "elapsed_s", "qdmol_kind", "qdmol_values"}


def write_report(
    solution: Solution,
    path: str | Path,
    *,
    figures: str | Path | None = None,
    coupling: MapLike | None = None,
    linewidth: float | None = None,
) -> Path:
    """Write a solution as one HTML page and a NetCDF file of the same stem beside it.

    Everything is drawn before the first file is touched, and each file is replaced as a whole.

    Parameters
    ----------
    solution
        From ``qdmol.solve``.
    path
        The page; ``.html`` is added to a name that ends in neither ``.html`` nor ``.htm``.
    figures
        A folder for every figure as PDF and PNG and every curve as CSV; created if missing.
    coupling
        A map of the tunnel coupling over core diameter and barrier, to be drawn as well.
    linewidth
        Full width of an optical line in meV, with which the tunnel coupling is compared in the map and in sentences;
        in sentences that of the material set if not given.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    qdmol.errors.InputError
        The path is that of the NetCDF file, or a file to be written is the spec or its material set.
    qdmol.errors.OutputError
        A file cannot be written.
    """
    page, data = planned_pair(path, spec_files(solution.spec), figures=figures)
    drawings = solution_drawings(solution)
    if coupling is not None:
        drawn = draw_coupling_map(coupling, spec=solution.spec, linewidth=linewidth)
        drawings = drawings if drawn is None else (*drawings, drawn)
    write_page(
        solution_sections(solution, drawings, netcdf=data.name, linewidth=linewidth),
        page,
        title=solution.spec.name,
        subtitle=_subtitle(solution.spec),
        write_data=partial(write_netcdf, solution.data),
        figures=figures,
    )
    return page


_FIGURES: tuple[Callable[[Solution], Drawing | None], ...] = (
    draw_axis_profile,
    draw_wavefunctions,
    draw_levels,
    draw_alternatives,
)


def solution_drawings(solution: Solution) -> tuple[Drawing, ...]:
    """Every figure for which the solution holds data."""
    drawings = (draw(solution) for draw in _FIGURES)
    return tuple(drawing for drawing in drawings if drawing is not None)


def solution_sections(
    solution: Solution, drawings: Sequence[Drawing], *, netcdf: str, linewidth: float | None = None
) -> list[Section]:
    """Sections of the page; `netcdf` is the name of the data file, `linewidth` (meV) as of `write_report`."""
    return [
        Section(
            label="Summary",
            numbers=(energies_table(solution),),
            sentences=solution_sentences(solution, linewidth=linewidth),
            warnings=solution.warnings,
        ),
        *figure_sections(drawings),
        Section(label="Tables", tables=page_tables(solution)),
        spec_section(solution.spec, netcdf=netcdf),
    ]


def figure_sections(drawings: Sequence[Drawing]) -> list[Section]:
    """The section of the figures, if there are any."""
    return [Section(title="Figures", figures=drawings)] if drawings else []


def spec_section(spec: Spec, *, netcdf: str) -> Section:
    """The spec, and where the numbers are; `netcdf` is the name of the data file."""
    footnote = f"All numbers of this page, the maps and the curves are in {netcdf} beside it, with units."
    return Section(title="The spec", text=dump_spec(spec), footnote=footnote)


def page_tables(solution: Solution) -> tuple[PageTable, ...]:
    """Every table for which the solution holds data."""
    material_set = load_set(solution.spec.materials, relative_to=solution.spec.folder)
    tables = (
        levels_table(solution),
        *complex_tables(solution),
        range_table(solution),
        materials_table(material_set, solution.spec),
        settings_table(solution),
    )
    return tuple(table for table in tables if table is not None)


def _subtitle(spec: Spec) -> str:
    dots = len(spec.molecule.dots)
    kind = "one dot" if dots == 1 else f"a molecule of {dots} dots on a line"
    return f"Electron and hole levels of {kind} at {spec.environment.temperature:g} K, computed by qdmol."


def _level_rows(carrier: str, levels: Sequence[EnergyLevel], *, symmetric: bool = True) -> Iterable[tuple[str, ...]]:
    for number, level in enumerate(levels, start=1):
        yield (
            carrier,
            str(number),
            format_number(level.energy.value, _LEVEL_DECIMALS),
            format_error(level.energy.to("meV").error),
            _signed(level.m),
            _signed(level.parity or NO_VALUE) if symmetric else NO_VALUE,
            *(f"{100 * share:.1f}" for share in level.dot_share),
        )


def _signed(mark: int | str) -> str:
    """A number or sign with a true minus."""
    return str(mark).replace("-", "−") if mark != NO_VALUE else NO_VALUE


def levels_table(solution: Solution) -> PageTable:
    """Every level with its error, m, parity and probability in each dot, with attraction as well."""
    rows = list(_level_rows("electron", solution.levels.electron))
    if solution.pair is not None and solution.pair.electron_levels:
        rows += _level_rows("electron, in the hole's field", solution.pair.electron_levels, symmetric=False)
    rows += _level_rows("hole", solution.levels.hole)
    note = (
        "Energies are relative to the band edges of the reference material, positive away from the gap. Errors are "
        "numerical: the exact value of the model lies within them. Parity: under z → −z."
    )
    header: tuple[str, ...] = ("carrier", "level", "energy (eV)", "error (meV)", "m", "parity")
    if len(solution.dots) > 1:
        header += tuple(f"in dot {dot} (%)" for dot in range(len(solution.dots)))
        note += (
            f" Dots: {', '.join(solution.dots)}; the probability of a level in a dot is the probability nearest "
            "to that dot's centre."
        )
    return PageTable("Levels", header, tuple(rows), note, frozenset(range(1, len(header))))


def energies_table(solution: Solution) -> PageTable:
    """Gap, shift, splitting and pair energies with their errors."""
    return PageTable("Numbers", ("quantity", "value"), quantity_rows(solution))


def complex_tables(solution: Solution) -> list[PageTable]:
    """The lowest states of every complex that was requested."""
    headings = ("energy above the gaps", "above X", "m", "parity", "spins e, h", "states", "label")
    tables = []
    for name, states in solution.complexes.items():
        rows = tuple(_complex_row(level) for level in states.states)
        tables.append(PageTable(f"{name}, {complex_binding_text(states)}", headings, rows, _COMPLEX_NOTE))
    return tables


def _complex_row(level: ComplexLevel) -> tuple[str, ...]:
    spins = ", ".join(NO_VALUE if spin is None else f"{spin:g}" for spin in (level.electron_spin, level.hole_spin))
    return (
        str(level.energy),
        f"{format_number(level.above_exciton, 2)} meV",
        _signed(level.m),
        _signed(level.parity or NO_VALUE),
        spins,
        str(level.degeneracy),
        state_name(level) or "one dot",
    )


def range_table(solution: Solution) -> PageTable | None:
    """Every alternative with what it gives and who says so; None without ``--range``."""
    data = solution.data
    if "alternative" not in data.variables:
        return None
    labels = [str(label) for label in data["alternative"].values]
    shown = [
        (name, key) for name, key in (("splitting", "range_splitting"), ("red shift", "range_redshift")) if key in data
    ]
    sources = [str(text) for text in data["range_source"].values] if "range_source" in data else [""] * len(labels)
    rows = []
    for index, (label, source) in enumerate(zip(labels, sources, strict=True)):
        numbers = [float(data[key].values[index]) for _, key in shown]
        cells = [format_number(number, 3) if np.isfinite(number) else NO_VALUE for number in numbers]
        rows.append((label, *cells, linked(source)))
    header = ("alternative", *(f"{name} (meV)" for name, _ in shown), "source")
    return PageTable(
        "Alternative values from the literature", header, tuple(rows), "", frozenset(range(1, 1 + len(shown)))
    )


def materials_table(material_set: MaterialSet, spec: Spec) -> PageTable:
    """The set's values for the materials of the spec: unit, temperature, source, and what the spec overrides."""
    replaced = _overrides(spec)
    rows = []
    for material in _materials_used(material_set, spec):
        for key, entry in material_set.materials[material].items():
            value = "hard wall" if np.isinf(entry.value) else f"{entry.value:g}"
            if (material, key) in replaced:
                value += f" (the spec sets {replaced[material, key]})"
            unit = "" if entry.unit == "1" else entry.unit
            temperature = "" if entry.temperature is None else f"{entry.temperature:g}\N{NO-BREAK SPACE}K"
            source = "; ".join(filter(None, (str(entry.source), entry.source.note, entry.note)))
            rows.append((material, key, value, unit, temperature, linked(source)))
    header = ("material", "key", "value", "unit", "at", "source")
    note = " ".join([f"{material_set.title}.", *material_set.notes])
    return PageTable(f"Material set {material_set.name}", header, tuple(rows), note)


def _overrides(spec: Spec) -> dict[tuple[str, str], str]:
    given = spec.model_dump(mode="json", exclude_none=True).get("overrides") or {}
    return {(material, key): f"{value}" for material, keys in given.items() for key, value in keys.items()}


def _materials_used(material_set: MaterialSet, spec: Spec) -> list[str]:
    """The spec's materials, the reference and the medium, in the order of the set."""
    used = {material_set.reference, "medium"}
    for dot in spec.molecule.dots:
        used |= {dot.core.material, *(shell.material for shell in dot.shells)}
    return [name for name in material_set.materials if name in used]


def settings_table(solution: Solution) -> PageTable:
    """Versions, solver settings and times."""
    attributes = dict(solution.data.attrs)
    rows = [("time", f"{solution.elapsed:.2f} s"), ("converged", "yes" if solution.converged else "no")]
    rows.append(("tolerance", f"{solution.spec.calculation.tolerance:g} meV on every energy"))
    if solution.spec.calculation.coulomb == "ci":
        rows.append(("ci tolerance", f"{solution.spec.calculation.ci_tolerance:g} meV on extrapolated energies"))
    versions = provenance()
    stated = {str(key): _plain(value) for key, value in attributes.items() if key not in _NOT_SETTINGS}
    named = dict(_with_unit(key.removesuffix("_version"), value) for key, value in stated.items())
    rows += list({**versions, **named}.items())
    return PageTable("Versions, settings, times", ("what", "value"), tuple(rows))


def _with_unit(key: str, text: str) -> tuple[str, str]:
    """Move a unit from the end of a key to the value: wall_distance_nm, 0.52 -> wall distance, 0.52 nm."""
    name, _, unit = key.rpartition("_")
    return (name.replace("_", " "), f"{text} {unit}") if name and unit in _UNITS else (key.replace("_", " "), text)


def _plain(value: object) -> str:
    if isinstance(value, str | int | np.integer):
        return str(value)
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    if isinstance(value, np.ndarray):
        return ", ".join(_plain(item) for item in value.tolist())
    return json.dumps(value, ensure_ascii=False, default=str)
