"""Maps: one spec, several axes, a point for each combination of their values."""

from __future__ import annotations

import html
import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from qdmol.ci import parse_complexes
from qdmol.errors import InputError
from qdmol.files import refuse_overwriting
from qdmol.jobs import TIME_LIMIT, Progress, Resources, run_jobs, source_digest, store_folder
from qdmol.results import FIGURE_ROOM, Drawable, SavedResult, provenance, save_result, saved_attributes
from qdmol.structure import (
    AxialMolecule,
    Spec,
    dump_spec,
    read_spec,
    resolve,
    spec_files,
    spec_mapping,
    update_spec,
)
from qdmol.study.anticrossings import Anticrossing, anticrossings, level_lines
from qdmol.study.axes import Axis, make_axes
from qdmol.study.plan import GridPlan
from qdmol.study.points import SOLVER_SOURCE
from qdmol.study.table import Coordinate, Table

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes


KIND = "map"
COULOMB = "calculation.coulomb"
MAX_LISTED_FAILURES = 5
# The map of tunnel coupling: values of core diameter and barrier, the axes of Fig. R1 of the reference work's
# peer-review file.
DIAMETERS = 13
BARRIERS = 13
# Core diameters shown, in parts of the mean one of the spec.
DIAMETER_RANGE = (0.6, 1.6)
# Barriers shown, in parts of the thickness of both shells together: at 1 the dots only touch.
BARRIER_RANGE = (0.15, 0.95)
BARE_BARRIERS = (0.1, 1.5)  # nm, where there are no shells


@dataclass(frozen=True, repr=False)
class Map(Drawable):
    """Result of :func:`qdmol.map`.

    Attributes
    ----------
    spec : Spec
        The spec the axes were applied to.
    axes : tuple
        Each with ``name`` (the dimension), ``field`` (the dotted path), ``unit`` and ``values``.
    file : pathlib.Path or None
        The NetCDF file.
    elapsed : float
        Seconds this run took; points that were on disk took none.
    """

    spec: Spec
    axes: tuple[Axis, ...]
    file: Path | None = field(compare=False)
    elapsed: float = field(compare=False)
    table: Table = field(kw_only=True)
    stored: xr.Dataset | None = field(default=None, compare=False, kw_only=True)

    @property
    def converged(self) -> bool:
        """Whether no point failed and every energy is converged to its tolerance."""
        return self.table.converged

    @property
    def failed(self) -> tuple[tuple[tuple[int, ...], str], ...]:
        """Index and reason of every failed point."""
        return tuple(self.table.failures)

    @property
    def summary(self) -> dict[str, Any]:
        """The JSON object of ``qdmol map --json``."""
        return {
            "qdmol": 1,
            "file": None if self.file is None else str(self.file.absolute()),
            "axes": [axis.as_dict() for axis in self.axes],
            "done": self.table.done,
            "failed": [{"index": list(place), "reason": reason} for place, reason in self.failed],
            "converged": self.converged,
            "elapsed_s": self.elapsed,
            **(
                {"anticrossings": [_as_dict(crossing) for crossing in self.anticrossings]} if self.anticrossings else {}
            ),
        }

    @cached_property
    def anticrossings(self) -> tuple[Anticrossing, ...]:
        """Where two levels of one symmetry come closest along the axis of a map over one axis of numbers."""
        varied = [axis for axis in self.axes if len(axis.values) > 1]
        if len(varied) != 1 or not all(
            isinstance(value, int | float) and math.isfinite(value) for value in varied[0].values
        ):
            return ()
        position = np.array(varied[0].values, dtype=np.float64)
        order = np.argsort(position)
        crossings = []
        for carrier in ("electron", "electron_coulomb", "hole"):
            lines = level_lines(self.table.values, carrier, order)
            crossings += anticrossings(carrier, position[order], lines)
        return tuple(crossings)

    def plot(
        self,
        quantity: str | Sequence[str] | None = None,
        ax: Axes | Sequence[Axes] | None = None,
        *,
        at: Mapping[str, Any] | None = None,
    ) -> Any:
        """Draw the map; the same as :func:`qdmol.plot.map`, whose parameters these are."""
        return import_module(FIGURE_ROOM).map(self, quantity, ax, at=at)

    @cached_property
    def data(self) -> xr.Dataset:
        """Every number as a function of the axes, with units; ``reason`` explains a failed point."""
        return self.table.dataset(_attributes(self.spec, self.axes)) if self.stored is None else self.stored

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the map to a NetCDF file that :func:`qdmol.load` reads back.

        Raises
        ------
        InputError
            The file name does not end in ``.nc``.
        OutputError
            The file cannot be written.
        """
        record = {**_record(self.spec, self.axes), "elapsed": self.elapsed}
        return save_result(path, kind=KIND, values=record, data=self.data)

    @classmethod
    def from_saved(cls, saved: SavedResult) -> Self:
        """Return the map in a file, whether or not it is complete; InputError if the file contains none."""
        record = saved.values
        try:
            spec = read_spec(record["spec"], folder=saved.path.absolute().parent)
            axes = tuple(
                Axis(
                    axis["name"],
                    axis["field"],
                    axis["unit"],
                    tuple(math.inf if value == "hard" else value for value in axis["values"]),
                )
                for axis in record["axes"]
            )
            table = _table(spec, axes)
            table.fill_from(saved.data)
        except (KeyError, TypeError, ValueError) as error:
            raise saved.incomplete(KIND, error) from None
        elapsed = float(record.get("elapsed", 0.0))
        return cls(spec, axes, saved.path, elapsed, table=table, stored=saved.data)

    def __repr__(self) -> str:
        shape = " x ".join(f"{len(axis.values)} {axis.name}" for axis in self.axes)
        missing = self.table.count - self.table.done
        return f"<Map of {self.spec.name}: {shape}{f', {missing} failed points' if missing else ''}>"

    def __str__(self) -> str:
        return "\n".join(self._sentences())

    def _sentences(self) -> list[str]:
        shape = " x ".join(str(len(axis.values)) for axis in self.axes)
        sentences = [f"{self.spec.name}: {shape} points over {', '.join(axis.name for axis in self.axes)}."]
        if not self.failed:
            sentences.append(f"All {self.table.done} points were solved.")
        else:
            sentences.append(f"{self.table.done} of {self.table.count} points were solved.")
        unconverged = self.table.unconverged
        if unconverged:
            (place, note), *_ = unconverged
            are = "are" if len(unconverged) > 1 else "is"
            sentences.append(
                f"{len(unconverged)} of them {are} not converged to the tolerance, the first at {self._named(place)}"
                f"{f': {note}' if note else '.'}"
            )
        sentences += [self._crossing_text(crossing) for crossing in self.anticrossings]
        for place, reason in self.failed[:MAX_LISTED_FAILURES]:
            sentences.append(f"Failed point {self._named(place)}: {reason}")
        if len(self.failed) > MAX_LISTED_FAILURES:
            sentences.append(
                f"{len(self.failed) - MAX_LISTED_FAILURES} more points failed; see the variable `reason` in the file."
            )
        return sentences

    def _crossing_text(self, crossing: Anticrossing) -> str:
        (axis,) = [axis for axis in self.axes if len(axis.values) > 1]
        unit = "" if axis.unit == "1" else f" {axis.unit}"
        lower, upper = crossing.levels
        what = {"electron_coulomb": "Electron levels in the field of the hole"}.get(
            crossing.carrier, f"{crossing.carrier.capitalize()} levels"
        )
        return (
            f"{what} {lower} and {upper} (counted from 0) anticross at {axis.name} {crossing.position:.4g}{unit}: "
            f"smallest distance {crossing.gap}."
        )

    def _named(self, place: Sequence[int]) -> str:
        pairs = zip(self.axes, place, strict=True)
        return ", ".join(
            f"{axis.name} {axis.values[i]}{'' if axis.unit == '1' else ' ' + axis.unit}" for axis, i in pairs
        )

    def _repr_html_(self) -> str:
        title, *details = (html.escape(text) for text in self._sentences())
        return f"<div><p><strong>{title}</strong></p><ul>{''.join(f'<li>{text}</li>' for text in details)}</ul></div>"


def _as_dict(crossing: Anticrossing) -> dict[str, Any]:
    """Return an anticrossing as the JSON object of ``qdmol map``."""
    return {
        "carrier": crossing.carrier,
        "levels": list(crossing.levels),
        "position": crossing.position,
        "gap_meV": crossing.gap.value,
        "gap_error_meV": crossing.gap.error,
    }


def _attributes(spec: Spec, axes: Sequence[Axis]) -> dict[str, str]:
    """Attributes of the file; nothing that differs from run to run."""
    versions = provenance()
    return {
        "title": f"map of {spec.name}",
        "qdmol_version": versions["qdmol"],
        **{f"{name}_version": version for name, version in versions.items() if name not in {"qdmol", "platform"}},
        "code": source_digest(SOLVER_SOURCE),
        "spec": dump_spec(spec),
        "axes": json.dumps([axis.as_dict() for axis in axes]),
        **saved_attributes(KIND, _record(spec, axes)),
    }


def _record(spec: Spec, axes: Sequence[Axis]) -> dict[str, Any]:
    return {"spec": spec_mapping(spec), "axes": [axis.as_dict() for axis in axes]}


def _table(spec: Spec, axes: Sequence[Axis]) -> Table:
    """An empty table of the points of a map."""
    shape, dims = [len(axis.values) for axis in axes], [axis.name for axis in axes]
    return Table(shape=shape, dims=dims, coordinates=_coordinates(axes), coulomb=_has_coulomb(spec, axes))


def map_spec(
    spec: Spec | str | Path | Mapping[str, object],
    *,
    axes: Mapping[str, Any] | Sequence[str],
    output: str | os.PathLike[str] | None = None,
    particles: str | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    time_limit: float | None = TIME_LIMIT,
    progress: Progress | None = None,
) -> Map:
    """Solve a spec at every combination of the values of some of its fields.

    Parameters
    ----------
    spec
        A spec, the path of one, ``"@name"`` of a shipped example, or a mapping.
    axes
        Names of fields and their values: ``{"core_diameter": "2nm:4.4nm:20", "barrier": [1.0, 1.5]}``, or texts
        ``"AXIS=VALUES"``. A name is a dotted path into the spec (``molecule.dots[*].core.radius``) or one of
        core_radius, core_diameter, shell_thickness, spacing, barrier, neck_diameter, field.
    output
        A NetCDF file; finished points are kept beside it (``.parts``) or in the folder ``QDMOL_STORE`` names.
    particles
        Complexes whose states are wanted at every point, as of :func:`qdmol.solve`.
    workers
        Processes to compute in; None computes in this one.
    scheduler
        Address of a running dask scheduler to compute on instead.
    time_limit
        Seconds a point may take; None sets no limit. In this process a point is given up only between instructions of
        Python; in workers, in any case.
    progress
        Called with a `State` after every point.

    Returns
    -------
    Map
        ``data`` is an xarray dataset with one value a point, units in attributes; levels have the further dimension
        ``level``, probabilities in each dot ``dot``, and complexes ``state``.

    Raises
    ------
    InputError
        The spec or an axis is invalid, no point is valid, or the file would replace the spec or its material set.
    OutputError
        The file or a point cannot be written.
    """
    started = time.perf_counter()
    if workers is not None and scheduler is not None:
        raise InputError(field="workers", value=workers, allowed="absent where a scheduler is given")
    resources = Resources(workers or 0, scheduler, time_limit)
    parsed = read_spec(spec)
    grid_axes = make_axes(axes, parsed)
    complexes = None if particles is None else complex_names(particles)
    if complexes is not None and not any(axis.field == COULOMB for axis in grid_axes):
        parsed = interacting_spec(parsed)
    path = None if output is None else netcdf_path(output)
    if path is not None:
        refuse_overwriting([path], spec_files(parsed), store=store_folder(path))
    plan = GridPlan(parsed, grid_axes, complexes)
    table = _table(parsed, grid_axes)
    attributes = _attributes(parsed, grid_axes)

    def write() -> None:
        if path is not None:
            table.write(path, attributes)

    run_jobs(
        plan,
        folder=store_folder(path),
        resources=resources,
        enter=table.fill,
        write=write,
        progress=progress,
        require_valid=True,
    )
    return Map(parsed, grid_axes, path, time.perf_counter() - started, table=table)


def complex_names(particles: str) -> str:
    """Return the names of complexes, each once; InputError for a name of none."""
    return ",".join(complex_.name for complex_ in parse_complexes(particles))


def interacting_spec(spec: Spec) -> Spec:
    """Return the spec with configuration interaction, which complexes are solved by."""
    return spec if spec.calculation.coulomb == "ci" else update_spec(spec, COULOMB, "ci")


def netcdf_path(output: str | os.PathLike[str]) -> Path:
    """Return the path of a file of results; InputError if the name is invalid."""
    path = Path(output)
    if path.suffix.lower() != ".nc":
        raise InputError(field="output", value=str(output), allowed="a file name that ends in .nc")
    if path.is_dir():
        raise InputError(field="output", value=str(output), allowed="a file, not a folder")
    if not path.absolute().parent.is_dir():
        raise InputError(field="output", value=str(output), allowed="in a folder that exists")
    return path


def _coordinates(axes: Sequence[Axis]) -> list[Coordinate]:
    return [Coordinate(axis.name, axis.name, axis.unit, axis.field, axis.values) for axis in axes]


def _has_coulomb(spec: Spec, axes: Sequence[Axis]) -> bool:
    varied = any(axis.field == COULOMB for axis in axes)
    return varied or spec.calculation.coulomb != "none"


def coupling_axes(molecule: AxialMolecule) -> dict[str, str]:
    """Return the axes of the map of a molecule; InputError for a single dot."""
    if len(molecule.dots) < 2:
        raise InputError(field="map", value=True, allowed="absent: a single dot has no barrier to vary")
    cores = [2 * dot.layers[0].radius for dot in molecule.dots]
    mean = sum(cores) / len(cores)
    shells = sum(dot.radius - dot.layers[0].radius for dot in molecule.dots[:2])
    low, high = (part * shells for part in BARRIER_RANGE) if shells else BARE_BARRIERS
    diameters = [round(part * mean, 3) for part in DIAMETER_RANGE]
    return {
        "core_diameter": f"{diameters[0]!r}nm:{diameters[1]!r}nm:{DIAMETERS}",
        "barrier": f"{round(low, 3)!r}nm:{round(high, 3)!r}nm:{BARRIERS}",
    }


def coupling_map(
    spec: Spec,
    *,
    output: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Map:
    """Return the map of tunnel coupling and splitting over core diameter and barrier around a spec, without attraction.

    Every core takes the same diameter and every bond the same barrier; shells stay as they are.
    Raises InputError for a dot alone.
    """
    axes = coupling_axes(resolve(spec))
    calculation = {"electrons": 2, "holes": 0, "coulomb": "none", "tolerance": spec.calculation.tolerance}
    bare = update_spec(spec, "calculation", calculation)
    return map_spec(bare, axes=axes, output=output, workers=workers, progress=progress)
