"""The model as a function of the varied fields: predicted quantities with their errors, each point computed once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field as dataclass_field
from pathlib import Path
from typing import Any

from qdmol.design.fields import Field, rounded, spec_at
from qdmol.design.spectra import own_spectrum
from qdmol.design.targets import Target, scalar_keys
from qdmol.errors import InputError, SolverError
from qdmol.jobs import Job, JobList, Record, Resources, is_done, run_jobs
from qdmol.structure import Spec
from qdmol.study import SOLVER_MODULES, point_job

Point = tuple[float, ...]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Predicted quantities at a point, in the order and units of the targets.

    Attributes
    ----------
    point
        Values of the fields.
    values, errors
        Quantities and their numerical errors; empty where there are none.
    converged
        Whether every energy met its tolerance.
    reason
        Why there are no quantities; empty where there are.
    """

    point: Point
    values: tuple[float, ...] = ()
    errors: tuple[float, ...] = ()
    converged: bool = True
    reason: str = ""

    @property
    def is_hole(self) -> bool:
        """Whether the point has no quantities."""
        return bool(self.reason)


@dataclass(eq=False)
class Model:
    """Predicts the targets' quantities of a spec as functions of its varied fields.

    `computed` counts the points that were solved; `folder` is that of stored results, None for none.
    """

    spec: Spec
    fields: Sequence[Field]
    targets: Sequence[Target]
    folder: Path | None = None
    tell: Tell = lambda _: None
    stage: str = "solving"
    known: dict[Point, Evaluation] = dataclass_field(default_factory=dict)

    @property
    def computed(self) -> int:
        """Number of solved points."""
        return len(self.known)

    def __call__(self, point: Sequence[float]) -> Evaluation:
        """Quantities at one point."""
        return self.evaluate([point])[0]

    def evaluate(self, points: Sequence[Sequence[float]]) -> list[Evaluation]:
        """Quantities at several points; a point that cannot be solved is a hole with its reason.

        Raises
        ------
        InputError
            A target is no number of the solution.
        """
        wanted = [tuple(rounded(value) for value in point) for point in points]
        new = [point for point in dict.fromkeys(wanted) if point not in self.known]
        if new:
            self._solve(new)
        return [self.known[point] for point in wanted]

    def _solve(self, points: Sequence[Point]) -> None:
        levels: list[Record | None] = [None] * len(points)
        spectra: list[Any] = [None] * len(points)
        if any(not target.of_spectrum for target in self.targets):
            levels = self._levels(points)
        if any(target.of_spectrum for target in self.targets):
            for place, point in enumerate(points):
                self.tell(f"{self.stage}: spectrum {place + 1} of {len(points)}")
                spectra[place] = self._spectrum(point)
        for point, record, spectrum in zip(points, levels, spectra, strict=True):
            self.known[point] = self._evaluation(point, record, spectrum)

    def _levels(self, points: Sequence[Point]) -> list[Record | None]:
        records: list[Record | None] = [None] * len(points)

        def enter(index: int, record: Record) -> None:
            records[index] = record
            self.tell(f"{self.stage}: point {sum(entry is not None for entry in records)} of {len(points)}")

        plan = JobList([self._job(point) for point in points], SOLVER_MODULES)
        run_jobs(plan, folder=self.folder, resources=Resources(), enter=enter)
        return records

    def _job(self, point: Point) -> Job | InputError:
        try:
            return point_job(spec_at(self.spec, self.fields, point))
        except InputError as error:
            return error

    def _spectrum(self, point: Point) -> tuple[dict[str, Any], bool] | str:
        """Object of the spectrum of the molecule, and whether it converged; the reason where there is none."""
        from qdmol.prediction import sample_object

        try:
            own, converged = own_spectrum(spec_at(self.spec, self.fields, point), self.folder)
        except (InputError, SolverError) as error:
            return str(error)
        return sample_object(own), converged

    def _evaluation(self, point: Point, record: Record | None, spectrum: Any) -> Evaluation:
        if record is not None and not is_done(record):
            return Evaluation(point, reason=str(record["reason"]), converged=False)
        if isinstance(spectrum, str):
            return Evaluation(point, reason=spectrum, converged=False)
        summary = {} if record is None else record["summary"]
        converged = bool(summary.get("converged", True)) and (spectrum is None or spectrum[1])
        numbers = []
        for target in self.targets:
            read = self._read(target, spectrum[0] if target.of_spectrum else summary)
            if read is None or not math.isfinite(read[0]):
                return Evaluation(point, reason=self._undefined(target, summary), converged=False)
            numbers.append(read)
        values, errors = zip(*numbers, strict=True)
        return Evaluation(point, tuple(values), tuple(errors), converged)

    def _undefined(self, target: Target, summary: dict[str, Any]) -> str:
        """Why a number is null in a summary, as far as that is known."""
        reason = f"{target.key} is not defined there"
        calculation = self.spec.calculation
        for carrier, levels in (("hole", calculation.holes), ("electron", calculation.electrons)):
            if levels == 0:
                return f"{reason}: the spec has no {carrier} levels; set calculation.{carrier}s to at least 1"
        warnings = summary.get("warnings") or []
        return f"{reason}: {warnings[0]}" if warnings else reason

    def _read(self, target: Target, summary: dict[str, Any]) -> tuple[float, float] | None:
        try:
            return target.read(summary, tolerance=self.spec.calculation.tolerance)
        except KeyError:
            keys = ", ".join(scalar_keys(summary))
            raise InputError(field="target", value=target.key, allowed=f"a number of this solution: {keys}") from None
