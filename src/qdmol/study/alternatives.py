"""How far the literature's spread moves the splitting and the red shift: each listed alternative in turn."""

from __future__ import annotations

from dataclasses import dataclass

from qdmol.errors import InputError, SolverError
from qdmol.materials import Alternative
from qdmol.structure import Spec, update_spec
from qdmol.study.job import Job, run_job


@dataclass(frozen=True, slots=True)
class Variation:
    """One alternative value and what comes of it in meV; None with a `reason` where nothing does."""

    label: str
    source: str
    splitting: float | None
    redshift: float | None
    reason: str | None


def vary(spec: Spec, alternative: Alternative) -> Variation:
    """Solve a spec with one value replaced; a value that cannot be solved is a labelled hole."""
    path = f"overrides.{alternative.material}.{alternative.key}"
    value = f"{alternative.value!r} {alternative.unit}" if alternative.unit not in {"1", "m0"} else alternative.value
    try:
        job = run_job(update_spec(spec, path, value))
    except (InputError, SolverError) as error:
        return Variation(alternative.label, alternative.source, None, None, str(error))
    return Variation(alternative.label, alternative.source, _splitting(job), _redshift(job), None)


def _splitting(job: Job) -> float | None:
    found = job.solution.splitting if len(job.molecule.dots) > 1 else None
    return None if found is None else 1000 * found.value


def _redshift(job: Job) -> float | None:
    found = job.redshift
    return None if found is None else 1000 * found.value
