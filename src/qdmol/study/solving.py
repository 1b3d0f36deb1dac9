"""Solving a spec: levels, pair and red shift, and their range over alternative material values."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from qdmol.ci import Complex, parse_complexes
from qdmol.errors import InputError, SolverError
from qdmol.estimates import Estimate
from qdmol.materials import Alternative, alternatives, load_set
from qdmol.stages import listening
from qdmol.structure import Spec, read_spec, resolve, update_spec
from qdmol.study.evaluation import evaluate
from qdmol.study.interacting import difference_of
from qdmol.study.job import run_job
from qdmol.study.solution import Solution
from qdmol.study.values import Ranges, SolutionValues, Variation


def solve(
    spec: Spec | str | Path | Mapping[str, object],
    *,
    range_: bool = False,
    particles: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> Solution:
    """Levels, self-consistent pair and red shift of a molecule, each with a numerical error.

    Parameters
    ----------
    spec
        A spec, the path of one, ``"@name"`` of a shipped example, or a mapping.
    range_
        Solve again with each alternative value the material set lists, one at a time.
    particles
        Complexes whose lowest states are wanted, as ``"X,X-,X+,XX"`` or ``"3e2h"``: by configuration interaction,
        whatever the spec says of ``coulomb``.
    progress
        Called with a few words before each stage.

    Returns
    -------
    Solution
        Levels, splitting, gap, red shift and their errors as attributes; ``data`` is an xarray dataset with units.

    Raises
    ------
    InputError
        The spec is invalid, or no level is bound.
    SolverError
        A number could not be computed; the message says why.
    """
    tell = progress or (lambda _: None)
    parsed = spec if isinstance(spec, Spec) else read_spec(spec)
    complexes = _complexes(particles)
    if complexes and parsed.calculation.coulomb != "ci":
        parsed = update_spec(parsed, "calculation.coulomb", "ci")
    tell("solving")
    started = time.perf_counter()
    with listening(progress):
        job = run_job(parsed, complexes=complexes)
    values = evaluate(job, elapsed=time.perf_counter() - started)
    if range_:
        variations = _variations(parsed, tell)
        elapsed = time.perf_counter() - started
        values = replace(values, variations=variations, ranges=_ranges(values, variations), elapsed=elapsed)
    return Solution.of(values, spec=parsed, job=job)


def _complexes(particles: str | None) -> Sequence[Complex]:
    return () if particles is None else parse_complexes(particles)


def _variations(spec: Spec, tell: Callable[[str], None]) -> tuple[Variation, ...]:
    """Every alternative of a material the molecule is made of, and of the medium."""
    listed = listed_alternatives(spec)
    variations = []
    for number, alternative in enumerate(listed, start=1):
        tell(f"alternative {number} of {len(listed)}: {alternative.label}")
        variations.append(vary(spec, alternative))
    return tuple(variations)


def listed_alternatives(spec: Spec) -> list[Alternative]:
    """Alternatives of the material set for the materials that a molecule is made of, and for the medium."""
    used = resolve(spec).parameters
    return [
        alternative
        for alternative in alternatives(load_set(spec.materials, relative_to=spec.folder))
        if alternative.material in used
    ]


def with_alternative(spec: Spec, alternative: Alternative) -> Spec:
    """Spec with one value of its material set replaced by an alternative; InputError if that is invalid."""
    path = f"overrides.{alternative.material}.{alternative.key}"
    value = f"{alternative.value!r} {alternative.unit}" if alternative.unit not in {"1", "m0"} else alternative.value
    return update_spec(spec, path, value)


def vary(spec: Spec, alternative: Alternative) -> Variation:
    """Solve a spec with one value replaced; if the solution fails, the reason is recorded."""
    try:
        job = run_job(with_alternative(spec, alternative))
    except (InputError, SolverError) as error:
        return Variation(alternative.label, alternative.source, None, None, str(error))
    splitting = difference_of(job.solution.splitting if len(job.molecule.dots) > 1 else None)
    redshift = difference_of(job.redshift)
    return Variation(
        alternative.label,
        alternative.source,
        splitting=None if splitting is None else splitting.value,
        redshift=None if redshift is None else redshift.value,
        reason=None,
    )


def _ranges(values: SolutionValues, variations: Sequence[Variation]) -> Ranges:
    """Smallest and largest value over the spec itself and all alternatives, None where the spec has none."""
    return Ranges(
        splitting=_range(values.splitting, [variation.splitting for variation in variations]),
        redshift=_range(values.redshift, [variation.redshift for variation in variations]),
    )


def _range(base: Estimate | None, varied: Sequence[float | None]) -> tuple[float, float] | None:
    if base is None:
        return None
    known = [base.value, *(value for value in varied if value is not None)]
    return min(known), max(known)
