"""The JSON object of ``qdmol solve --json``: keys and units as the contract states them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from qdmol.meanfield import Estimate, MoleculeSolution, PairState
from qdmol.states import Level
from qdmol.study.interacting import EXCITON, complexes_object, coulomb_object
from qdmol.study.job import Job

CONTRAST = (
    "Permittivities differ between regions and self-polarisation is not included: an attraction alone has the wrong "
    "sign of shift, so gap_eV and redshift_meV are null. `calculation.self_polarisation: true` includes it."
)
ENSEMBLE = (
    "`ensemble` is used by `qdmol spectrum` only: these numbers are those of the molecule whose lengths are the means."
)


def summarise(job: Job, *, elapsed: float) -> dict[str, Any]:
    """Every number of a job, in the units its key names; null where there is none."""
    solution = job.solution
    gap = job.gap
    gaps = [None if gap_ is None else gap_.value for gap_ in job.monomer_gaps]
    known = [gap_ for gap_ in gaps if gap_ is not None]
    several = len(job.molecule.dots) > 1
    return {
        "qdmol": 1,
        "name": job.spec.name,
        "converged": is_converged(job),
        "electron": _levels(solution, "electron"),
        "hole": _levels(solution, "hole"),
        **_measured("splitting", solution.splitting if several else None),
        **_tunnelling(job),
        "coulomb": _coulomb(job) if solution.pairs else None,
        **_complexes(job),
        "gap_eV": None if gap is None else gap.value,
        "gap_error_meV": None if gap is None else 1000 * gap.error,
        "monomer_gap_eV": min(known, default=None),
        "monomer_gaps_eV": gaps if known else [],
        **_measured("redshift", job.redshift),
        **_measured("redshift_single_particle", job.redshift_single_particle),
        "warnings": notes(job),
        "elapsed_s": elapsed,
    }


def _tunnelling(job: Job) -> dict[str, Any]:
    """Tunnel coupling and detuning of two dots; the probability of each level in each dot, null for a dot alone."""
    found = job.tunnelling
    return {
        **_measured("tunnel_coupling", None if found is None else found.coupling),
        **_measured("detuning", None if found is None else found.detuning),
        "dot_share": None
        if len(job.molecule.dots) == 1
        else {"electron": job.dot_shares("electron"), "hole": job.dot_shares("hole")},
    }


def _complexes(job: Job) -> dict[str, Any]:
    """The complexes asked for, under their own key; no key where none was."""
    if job.interacting is None or not job.complexes:
        return {}
    return {"complexes": complexes_object(job.interacting, job.solution, job.complexes)}


def is_converged(job: Job) -> bool:
    """Whether every level asked for was found and every energy and difference met the tolerance."""
    if job.interacting is not None and not job.interacting.accurate:
        return False
    parts = [job.solution, *job.monomers.values()]
    return all(part.accurate and part.complete for part in parts) and not _inaccurate_differences(job)


def _inaccurate_differences(job: Job) -> dict[str, Estimate]:
    """The differences whose errors exceed the tolerance, by name."""
    differences = {
        "splitting": job.solution.splitting,
        "red shift without Coulomb attraction": job.redshift_single_particle,
    }
    if job.tunnelling is not None:
        differences |= {"tunnel coupling": job.tunnelling.coupling, "detuning": job.tunnelling.detuning}
    if job.interacting is None:
        differences |= {"spacing in the field of the hole": job.solution.spacing, "red shift": job.redshift}
    tolerance = job.spec.calculation.tolerance / 1000
    return {name: one for name, one in differences.items() if one is not None and not one.error <= tolerance}


def notes(job: Job) -> list[str]:
    """What a reader must know beside the numbers, in sentences."""
    found = list(job.molecule.notes)
    if job.spec.ensemble is not None:
        found.append(ENSEMBLE)
    if job.contrast:
        found.append(CONTRAST)
    found += _unbound_dots(job)
    if job.molecule.field:
        found.append(
            "In a field levels are resonances: a hard wall stands "
            f"{job.solution.wall.distance:.2f} nm outside the surface."
        )
    found += _no_coupling(job)
    for carrier, levels in job.solution.levels.items():
        if not levels.complete:
            asked = job.solution.request.counts[carrier]
            found.append(
                f"Only {len(levels)} of the {asked} {carrier} levels asked for are bound below the medium's barrier."
            )
    return found + _exchange(job) + _accuracy(job)


def _unbound_dots(job: Job) -> list[str]:
    """Dots that bind nothing when alone, of which there is no monomer to compare with."""
    field = " in this field" if job.molecule.field else ""
    return [
        f"{name[0].upper() + name[1:]} alone binds no "
        f"{job.unbound[dot.layers]} level{field}: it has no monomer gap, and the red shifts are null."
        for name, dot in zip(job.molecule.dot_names, job.molecule.dots, strict=True)
        if dot.layers in job.unbound
    ]


def _no_coupling(job: Job) -> list[str]:
    """Why two dots with two levels have no tunnel coupling."""
    found = job.tunnelling
    if found is None or found.coupling is not None:
        return []
    where = "do not lie one in each dot"
    if found.same_dot is not None:
        where = f"lie in the same dot, {job.molecule.dot_names[found.same_dot]}"
    return [f"No tunnel coupling and detuning are given: the two lowest electron levels {where}."]


def _exchange(job: Job) -> list[str]:
    if not job.spec.calculation.exchange:
        return []
    if job.interacting is None:
        return ["Short-range exchange is part of `coulomb: ci` only, and left out here."]
    others = [one.name for one in job.complexes if one != EXCITON]
    if not others:
        return []
    names = ", ".join(others)
    return [f"Short-range exchange is left out of {names}: to first order it cancels between paired carriers."]


def _accuracy(job: Job) -> list[str]:
    found = []
    for one, states in (job.interacting.complexes if job.interacting is not None else {}).items():
        if not states.accurate:
            worst = 1000 * max(state.energy.error for state in states.states)
            found.append(
                f"The largest error of the states of {one.name}, {worst:.2g} meV, exceeds the tolerance of "
                f"{job.spec.calculation.ci_tolerance:g} meV in the largest basis tried."
            )
            if states.obstacle is not None:
                found.append(f"The basis was kept small: {states.obstacle}.")
    alone = job.interacting.monomers.values() if job.interacting is not None and len(job.molecule.dots) > 1 else ()
    found += [
        f"The error of a monomer's exciton, {1000 * states.energy.error:.2g} meV, exceeds the tolerance of "
        f"{job.spec.calculation.ci_tolerance:g} meV in the largest basis tried."
        for states in alone
        if not states.accurate
    ]
    for part, name in [(job.solution, "molecule"), *((monomer, "monomer") for monomer in job.monomers.values())]:
        if not part.accurate:
            worst = 1000 * max(part.errors)
            found.append(
                f"The largest error of the {name}, {worst:.2g} meV, exceeds the tolerance of "
                f"{job.spec.calculation.tolerance:g} meV at the finest resolution tried."
            )
        if any(not pair.pair.converged for pair in part.pairs):
            iterations = part.pairs[0].pair.iterations
            found.append(f"The self-consistent pair of the {name} did not converge in {iterations} iterations.")
    found += [
        f"The error of the {name}, {1000 * one.error:.2g} meV, exceeds the tolerance of "
        f"{job.spec.calculation.tolerance:g} meV."
        for name, one in _inaccurate_differences(job).items()
    ]
    return list(dict.fromkeys(found))


def _levels(solution: MoleculeSolution, carrier: str) -> dict[str, list[Any]]:
    levels: Sequence[Level] = solution.levels[carrier].levels if carrier in solution.levels else ()  # type: ignore[index]
    return {
        "energy_eV": [level.energy for level in levels],
        "error_meV": [1000 * level.error for level in levels],
        **{label: [level.sector.labels[label] for level in levels] for label in ("m", "parity")},
    }


def _coulomb(job: Job) -> dict[str, Any]:
    solution = job.solution
    if job.interacting is not None:
        return coulomb_object(job.interacting, solution)
    lowest, others = solution.pairs[0], solution.pairs[1:]
    levels = solution.field_levels.levels if solution.field_levels is not None else ()
    return {
        "scheme": job.spec.calculation.coulomb,
        "electron_energy_eV": [level.energy for level in levels],
        "electron_error_meV": [1000 * level.error for level in levels],
        "hole_dot": lowest.hole_dot,
        "other_states": [_other(pair) for pair in others],
        **_measured("spacing", solution.spacing),
        "exciton_eV": lowest.exciton.value,
        "exciton_error_meV": 1000 * lowest.exciton.error,
        **_measured("binding", lowest.binding),
    }


def _other(pair: PairState) -> dict[str, Any]:
    return {
        "hole_dot": pair.hole_dot,
        "exciton_eV": pair.exciton.value,
        "exciton_error_meV": 1000 * pair.exciton.error,
        **_measured("binding", pair.binding),
    }


def _measured(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    """A difference in meV and its error; null where there is none or it is not finite."""
    if estimate is None or not math.isfinite(estimate.value):
        return {f"{name}_meV": None, f"{name}_error_meV": None}
    return {f"{name}_meV": 1000 * estimate.value, f"{name}_error_meV": 1000 * estimate.error}
