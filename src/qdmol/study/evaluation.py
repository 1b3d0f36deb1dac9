"""Values of a solved molecule with their errors, warnings and convergence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qdmol.estimates import Estimate
from qdmol.meanfield import field_dot_shares
from qdmol.optics import broadening_of
from qdmol.potentials import Carrier
from qdmol.states import Level
from qdmol.structure import AxialMolecule
from qdmol.study.interacting import EXCITON, ci_pair, complex_states, difference_of, energy_of, quantum_numbers
from qdmol.study.job import Job
from qdmol.study.values import CarrierLevels, EnergyLevel, ExcitonState, Pair, SolutionValues

CONTRAST = (
    "Permittivities differ between regions but self-polarisation is not included. The attraction alone would give "
    "shifts of the wrong sign, so gap_eV and redshift_meV are null; set `calculation.self_polarisation: true`."
)
ENSEMBLE = "`ensemble` is used by `qdmol spectrum` only; these results are for the molecule with the mean dimensions."


def evaluate(job: Job, *, elapsed: float) -> SolutionValues:
    """Every number of a job, each with its error; `elapsed` in s."""
    solution, tunnelling = job.solution, job.tunnelling
    temperature = float(job.spec.environment.temperature)
    return SolutionValues(
        name=job.spec.name,
        temperature=temperature,
        dots=tuple(job.molecule.dot_names),
        linewidth=linewidth_mev(job.molecule, temperature),
        converged=is_converged(job),
        levels=CarrierLevels(_levels(job, "electron"), _levels(job, "hole")),
        splitting=difference_of(solution.splitting if len(job.molecule.dots) > 1 else None),
        tunnel_coupling=difference_of(None if tunnelling is None else tunnelling.coupling),
        detuning=difference_of(None if tunnelling is None else tunnelling.detuning),
        pair=_pair(job),
        complexes={} if job.interacting is None else complex_states(job.interacting, solution, job.complexes),
        gap=energy_of(job.gap),
        monomer_gaps=_monomer_gaps(job),
        redshift=difference_of(job.redshift),
        redshift_single_particle=difference_of(job.redshift_single_particle),
        warnings=tuple(notes(job)),
        elapsed=elapsed,
    )


def _monomer_gaps(job: Job) -> tuple[Estimate | None, ...]:
    gaps = tuple(energy_of(gap) for gap in job.monomer_gaps)
    return gaps if any(gap is not None for gap in gaps) else ()


def linewidth_mev(molecule: AxialMolecule, temperature: float) -> float | None:
    """Full width at half maximum (meV) of one dot's line at a temperature (K); None where the material set has none."""
    return None if molecule.light is None else 1000 * broadening_of(molecule.light, temperature).fwhm


def _levels(job: Job, carrier: Carrier) -> tuple[EnergyLevel, ...]:
    levels = job.solution.levels[carrier].levels if carrier in job.solution.levels else ()
    return tuple(_energy_levels(levels, job.dot_shares(carrier)))


def _energy_levels(levels: Iterable[Level], shares: Sequence[Sequence[float]] | None) -> Iterable[EnergyLevel]:
    for index, level in enumerate(levels):
        energy = Estimate.from_error(level.energy, level.error, "eV")
        m, parity = quantum_numbers(level.sector)
        yield EnergyLevel(energy, m, parity, tuple(shares[index]) if shares else ())


def _pair(job: Job) -> Pair | None:
    solution = job.solution
    if not solution.pairs:
        return None
    if job.interacting is not None:
        return ci_pair(job.interacting, solution)
    states = [
        ExcitonState(
            pair.hole_dot,
            Estimate.from_error(pair.exciton.value, pair.exciton.error, "eV"),
            difference_of(pair.binding),
        )
        for pair in solution.pairs
    ]
    lowest, *others = states
    levels = solution.field_levels.levels if solution.field_levels is not None else ()
    shares = field_dot_shares(solution).tolist() if levels and len(job.molecule.dots) > 1 else None
    return Pair(
        scheme="self-consistent",
        hole_dot=lowest.hole_dot,
        exciton=lowest.exciton,
        binding=lowest.binding,
        spacing=difference_of(solution.spacing),
        electron_levels=tuple(_energy_levels(levels, shares)),
        other_states=tuple(others),
    )


def is_converged(job: Job) -> bool:
    """Whether every requested level is bound and every energy and difference is converged to the tolerance."""
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
    tolerance = job.spec.calculation.tolerance_eV
    return {
        name: difference
        for name, difference in differences.items()
        if difference is not None and not difference.error <= tolerance
    }


def notes(job: Job) -> list[str]:
    """Warnings about the results, in sentences."""
    remarks = list(job.molecule.notes)
    if job.spec.ensemble is not None:
        remarks.append(ENSEMBLE)
    if job.contrast:
        remarks.append(CONTRAST)
    remarks += _unbound_dots(job)
    if job.molecule.field:
        remarks.append(
            "In an electric field levels are resonances; they are computed with a hard wall "
            f"{job.solution.wall.distance:.2f} nm outside the surface."
        )
    remarks += _no_coupling(job)
    for carrier, levels in job.solution.levels.items():
        if not levels.complete:
            requested = job.solution.request.counts[carrier]
            remarks.append(
                f"Only {len(levels)} of the {requested} requested {carrier} levels are bound below the barrier of the "
                "medium."
            )
    return remarks + _exchange(job) + _accuracy(job)


def _unbound_dots(job: Job) -> list[str]:
    """Warnings about dots that bind no level when isolated, so that their monomer is undefined."""
    field = " in this field" if job.molecule.field else ""
    return [
        f"{name[0].upper() + name[1:]} alone binds no {job.unbound[dot.layers]} level{field}: its monomer gap is "
        "undefined, and the red shifts are null."
        for name, dot in zip(job.molecule.dot_names, job.molecule.dots, strict=True)
        if dot.layers in job.unbound
    ]


def _no_coupling(job: Job) -> list[str]:
    """Warning that explains why a molecule of two dots has no tunnel coupling."""
    tunnelling = job.tunnelling
    if tunnelling is None or tunnelling.coupling is not None:
        return []
    where = "do not lie one in each dot"
    if tunnelling.same_dot is not None:
        where = f"lie in the same dot, {job.molecule.dot_names[tunnelling.same_dot]}"
    return [f"Tunnel coupling and detuning are not reported: the two lowest electron levels {where}."]


def _exchange(job: Job) -> list[str]:
    if not job.spec.calculation.exchange:
        return []
    if job.interacting is None:
        return ["Short-range exchange is included with `coulomb: ci` only; it is ignored here."]
    others = [complex_.name for complex_ in job.complexes if complex_ != EXCITON]
    if not others:
        return []
    names = ", ".join(others)
    return [f"Short-range exchange is not included for {names}: to first order it cancels between paired carriers."]


def _accuracy(job: Job) -> list[str]:
    warnings = []
    for complex_, states in (job.interacting.complexes if job.interacting is not None else {}).items():
        if not states.accurate:
            worst = 1000 * max(state.energy.error for state in states.states)
            warnings.append(
                f"The largest error of the states of {complex_.name}, {worst:.2g} meV, exceeds the tolerance of "
                f"{job.spec.calculation.ci_tolerance:g} meV in the largest basis tried."
            )
            if states.obstacle is not None:
                warnings.append(f"The basis size was limited: {states.obstacle}.")
    alone = job.interacting.monomers.values() if job.interacting is not None and len(job.molecule.dots) > 1 else ()
    warnings += [
        f"The error of a monomer's exciton, {1000 * states.energy.error:.2g} meV, exceeds the tolerance of "
        f"{job.spec.calculation.ci_tolerance:g} meV in the largest basis tried."
        for states in alone
        if not states.accurate
    ]
    for part, name in [(job.solution, "molecule"), *((monomer, "monomer") for monomer in job.monomers.values())]:
        if not part.accurate:
            worst = 1000 * max(part.errors)
            warnings.append(
                f"The largest error of the {name}, {worst:.2g} meV, exceeds the tolerance of "
                f"{job.spec.calculation.tolerance:g} meV at the finest resolution tried."
            )
        if any(not pair.pair.converged for pair in part.pairs):
            iterations = part.pairs[0].pair.iterations
            warnings.append(f"The self-consistent pair of the {name} did not converge in {iterations} iterations.")
    warnings += [
        f"The error of the {name}, {1000 * complex_.error:.2g} meV, exceeds the tolerance of "
        f"{job.spec.calculation.tolerance:g} meV."
        for name, complex_ in _inaccurate_differences(job).items()
    ]
    return list(dict.fromkeys(warnings))
