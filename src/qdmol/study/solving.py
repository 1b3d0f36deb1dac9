"""The verb of the main job."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qdmol.ci import Complex, parse_complexes
from qdmol.materials import alternatives, load_set
from qdmol.structure import Spec, read_spec, resolve, update_spec
from qdmol.study.alternatives import Variation, vary
from qdmol.study.job import run_job
from qdmol.study.solution import Solution
from qdmol.study.summary import summarise


def solve(
    spec: Spec | str | Path | Mapping[str, Any],
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
        ``summary`` has energies in eV, errors and differences in meV; ``data`` is an xarray dataset with units.

    Raises
    ------
    InputError
        The spec makes no sense, or no level is bound.
    SolverError
        What could not be computed, with the reason.
    """
    tell = progress or (lambda _: None)
    parsed = spec if isinstance(spec, Spec) else read_spec(spec)
    complexes = _complexes(particles)
    if complexes and parsed.calculation.coulomb != "ci":
        parsed = update_spec(parsed, "calculation.coulomb", "ci")
    tell("solving")
    started = time.perf_counter()
    job = run_job(parsed, complexes=complexes)
    summary = summarise(job, elapsed=time.perf_counter() - started)
    variations: tuple[Variation, ...] = ()
    if range_:
        variations = _variations(parsed, tell)
        summary |= _ranges(summary, variations)
        summary["elapsed_s"] = time.perf_counter() - started
    return Solution(parsed, summary, variations, job=job)


def _complexes(particles: str | None) -> Sequence[Complex]:
    return () if particles is None else parse_complexes(particles)


def _variations(spec: Spec, tell: Callable[[str], None]) -> tuple[Variation, ...]:
    """Every alternative of a material the molecule is made of, and of the medium."""
    used = resolve(spec).parameters
    listed = [
        other for other in alternatives(load_set(spec.materials, relative_to=spec.folder)) if other.material in used
    ]
    found = []
    for number, other in enumerate(listed, start=1):
        tell(f"alternative {number} of {len(listed)}: {other.label}")
        found.append(vary(spec, other))
    return tuple(found)


def _ranges(summary: Mapping[str, Any], variations: Sequence[Variation]) -> dict[str, Any]:
    """Smallest and largest value over the spec itself and all alternatives, null where there is none."""
    ranges: dict[str, Any] = {}
    for name in ("splitting", "redshift"):
        values = [getattr(variation, name) for variation in variations] + [summary[f"{name}_meV"]]
        known = [value for value in values if value is not None]
        base = summary[f"{name}_meV"]
        ranges[f"{name}_range_meV"] = [min(known), max(known)] if base is not None else None
    return ranges
