"""The molecule of a spec and its monomers, solved one after the other; differences between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from typing import Any

from threadpoolctl import ThreadpoolController

from qdmol.ci import Complex
from qdmol.errors import InputError
from qdmol.estimates import Estimate
from qdmol.linalg import KEPT_BYTES, keep_freed_memory, release_freed_memory
from qdmol.meanfield import MoleculeSolution, Request, Tunnelling, dot_shares, solve_molecule, tunnelling
from qdmol.potentials import CARRIERS, Carrier, edge_of, screened
from qdmol.stages import part
from qdmol.states import MIN_BINDING_EV
from qdmol.structure import MEDIUM, V_PER_NM, AxialMolecule, PlacedLayer, Spec, resolve
from qdmol.study.interacting import Interacting, interact

# Solves one dot alone.
MonomerSolver = Callable[[AxialMolecule, Request], MoleculeSolution]

# Error (eV) of a difference of one number with itself: rounding.
ROUNDING = 1e-12
# Errors of a molecule and its monomer, both upper bounds by alike elements, cancel up to this part of the smaller one.
APART = 0.5


class UnboundError(InputError):
    """No level of one carrier is bound."""

    def __init__(self, *, field: str, value: object, allowed: str, carrier: Carrier) -> None:
        super().__init__(field=field, value=value, allowed=allowed)
        self.carrier = carrier

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), field=self.field, value=self.value, allowed=self.allowed, carrier=self.carrier), ()


@dataclass(frozen=True)
class Job:
    """A solved molecule and its distinct monomers, by their layers; with `coulomb: ci` the complexes made of them.

    `unbound`: the carrier that a dot alone does not bind, by the dot's layers; such a dot has no monomer.
    """

    spec: Spec
    molecule: AxialMolecule
    solution: MoleculeSolution
    monomers: Mapping[tuple[PlacedLayer, ...], MoleculeSolution]
    interacting: Interacting | None = None
    complexes: tuple[Complex, ...] = ()
    unbound: Mapping[tuple[PlacedLayer, ...], Carrier] = field(default_factory=dict)

    @property
    def coulomb(self) -> bool:
        """Whether the attraction is included."""
        return self.spec.calculation.coulomb != "none"

    @property
    def contrast(self) -> bool:
        """Whether an attraction would need the self-polarisation that is not included."""
        return self.coulomb and screened(self.molecule) and self.molecule.interface_width is None

    @property
    def monomers_listed(self) -> list[MoleculeSolution | None]:
        """Monomer of each dot, in the order of the spec, None without a bound level; empty if none is needed."""
        if not self.monomers and not self.unbound:
            return []
        return [self.monomers.get(dot.layers) for dot in self.molecule.dots]

    @cached_property
    def tunnelling(self) -> Tunnelling | None:
        """Tunnel coupling and detuning of two dots; None for fewer or more of them, or fewer than two levels."""
        return tunnelling(self.solution)

    def dot_shares(self, carrier: Carrier) -> list[list[float]] | None:
        """Probability of each level in each dot, in the order of the spec; None for a single dot."""
        levels = self.solution.levels.get(carrier, ())
        if len(self.molecule.dots) < 2:
            return None
        return dot_shares(self.solution, levels, self.solution.hamiltonians[carrier]).tolist() if len(levels) else []

    @property
    def gap(self) -> Estimate | None:
        """Gap of the molecule with the scheme of the spec."""
        above = self._exciton if self.coulomb else self.solution.bare_gap
        return None if above is None or self.contrast else self._above_band_gap(above)

    @property
    def monomer_gaps(self) -> list[Estimate | None]:
        """Gap of the monomer of each dot, in the order of the spec."""
        if self.contrast:
            return [None] * len(self.monomers_listed)
        above = self._monomer_excitons if self.coulomb else self._monomer_bare_gaps
        return [None if gap is None else self._above_band_gap(gap) for gap in above]

    def _above_band_gap(self, above: Estimate) -> Estimate:
        return Estimate.from_error(self.molecule.band_gap + above.value, above.error, "eV")

    @property
    def _exciton(self) -> Estimate | None:
        if self.interacting is not None:
            return self.interacting.exciton.energy
        return self.solution.pairs[0].exciton if self.solution.pairs else None

    @property
    def _monomer_bare_gaps(self) -> list[Estimate | None]:
        return [None if monomer is None else monomer.bare_gap for monomer in self.monomers_listed]

    @property
    def _monomer_excitons(self) -> list[Estimate | None]:
        listed = self.monomers_listed
        if self.interacting is None:
            return [monomer.pairs[0].exciton if monomer is not None and monomer.pairs else None for monomer in listed]
        known = self.interacting.monomers
        layers = [dot.layers for dot in self.molecule.dots] if listed else []
        return [known[key].energy if key in known else None for key in layers]

    @property
    def redshift(self) -> Estimate | None:
        """Gap of the lowest monomer minus the gap of the molecule, with attraction."""
        if not self.coulomb or self.contrast:
            return None
        excitons = [self._exciton, *self._monomer_excitons]
        return _shift(excitons, dots=len(self.molecule.dots), bounds=self.interacting is None)

    @property
    def redshift_single_particle(self) -> Estimate | None:
        """Red shift from the levels without attraction."""
        return _shift([self.solution.bare_gap, *self._monomer_bare_gaps], dots=len(self.molecule.dots), bounds=True)


def _shift(energies: Sequence[Estimate | None], *, dots: int, bounds: bool) -> Estimate | None:
    """The lowest gap of the monomers minus the gap of the molecule, the first in the list; None if one is missing.

    `bounds`: energies are upper bounds but for what has either sign, so that most of their errors cancels.
    """
    gaps = [gap for gap in energies if gap is not None]
    if len(gaps) < 2 or len(gaps) < len(energies):
        return None
    if dots == 1:
        return Estimate.from_error(0.0, ROUNDING, "eV")
    own, monomer = gaps[0], _lowest(gaps[1:])
    if not bounds:
        return Estimate.from_error(monomer.value - own.value, own.error + monomer.error, "eV")
    # What may have either sign is all that an upper bound can be too low by.
    either = own.error_above + monomer.error_above
    low, high = sorted(gap.error - gap.error_above for gap in (own, monomer))
    return Estimate.from_error(monomer.value - own.value, high - low + APART * low + either, "eV")


def _lowest(gaps: Sequence[Estimate]) -> Estimate:
    """The lowest of several gaps; its error covers that another one may be the lowest."""
    lowest = min(gaps, key=lambda gap: gap.value)
    error = max(gap.error - (gap.value - lowest.value) for gap in gaps)
    return Estimate.from_errors(lowest.value, error, lowest.error_above, "eV")


def run_job(
    spec: Spec,
    *,
    molecule: AxialMolecule | None = None,
    monomer: MonomerSolver | None = None,
    complexes: Sequence[Complex] = (),
) -> Job:
    """Solve the molecule and, for the shifts, each distinct monomer.

    Parameters
    ----------
    spec
        What to compute.
    molecule
        The spec resolved, where that is known.
    monomer
        Solves each dot alone; `solve_bound` where nothing is given.
    complexes
        With `coulomb: ci`, beside the exciton.

    Raises
    ------
    InputError
        No level is bound.
    SolverError
        What could not be computed, with the reason.
    """
    keep_freed_memory()
    # What an earlier solve has left, and at the end what this one has.
    release_freed_memory(above=KEPT_BYTES)
    try:
        return _solved(spec, resolve(spec) if molecule is None else molecule, monomer or solve_bound, complexes)
    finally:
        release_freed_memory(above=KEPT_BYTES)


def _solved(spec: Spec, molecule: AxialMolecule, monomer: MonomerSolver, complexes: Sequence[Complex]) -> Job:
    # The matrices are small: threads inside the linear algebra cost more than they bring.
    with _thread_pools().limit(limits=1, user_api="blas"):
        job = _run(spec, molecule, monomer)
        if spec.calculation.coulomb != "ci":
            return job
        calculation = spec.calculation
        interacting = interact(
            job.solution,
            job.monomers,
            complexes,
            tolerance=calculation.ci_tolerance_eV,
            exchange=calculation.exchange_eV,
        )
        return replace(job, interacting=interacting, complexes=tuple(complexes))


@cache
def _thread_pools() -> ThreadpoolController:
    """The thread pools of the libraries that the solver has loaded; to find them takes a millisecond."""
    return ThreadpoolController()


def _run(spec: Spec, molecule: AxialMolecule, solver: MonomerSolver) -> Job:
    calculation = spec.calculation
    counts: dict[Carrier, int] = {"electron": calculation.electrons, "hole": calculation.holes}
    coulomb, tolerance = calculation.coulomb != "none", calculation.tolerance_eV
    request = Request(counts, coulomb, tolerance)
    shapes = list(dict.fromkeys(dot.layers for dot in molecule.dots)) if all(counts.values()) else []
    if len(molecule.dots) == 1:
        solution = solve_bound(molecule, request)
        return Job(spec, molecule, solution, dict.fromkeys(shapes, solution))
    single = Request({"electron": 1, "hole": 1}, coulomb, tolerance, radial=calculation.coulomb != "ci")
    with part("molecule"):
        solution = solve_bound(molecule, request)
    monomers: dict[tuple[PlacedLayer, ...], MoleculeSolution] = {}
    unbound: dict[tuple[PlacedLayer, ...], Carrier] = {}
    for number, shape in enumerate(shapes, start=1):
        alone = molecule.monomer([dot.layers for dot in molecule.dots].index(shape))
        try:
            with part(f"monomer {number} of {len(shapes)}"):
                monomers[shape] = solver(alone, single)
        except UnboundError as error:
            unbound[shape] = error.carrier
    return Job(spec, molecule, solution, monomers, unbound=unbound)


def solve_bound(molecule: AxialMolecule, request: Request) -> MoleculeSolution:
    """Solve one molecule; UnboundError if a requested carrier has no bound level."""
    solution = solve_molecule(molecule, request)
    for carrier in CARRIERS:
        if request.counts[carrier] and not len(solution.levels[carrier]):
            raise _unbound(molecule, request, carrier)
    return solution


def _unbound(molecule: AxialMolecule, request: Request, carrier: Carrier) -> UnboundError:
    """Error for a molecule that binds no level of a carrier; it names the electric field if that is the reason."""
    if molecule.field:
        without_field = Request(
            {name: int(name == carrier) for name in CARRIERS}, coulomb=False, tolerance=request.tolerance
        )
        if len(solve_molecule(replace(molecule, field=0.0), without_field).levels[carrier]):
            return UnboundError(
                field="environment.field",
                value=[0, 0, float(f"{molecule.field / V_PER_NM:.9g}")],
                allowed=f"weaker: in this field no {carrier} level lies below the barrier of the medium",
                carrier=carrier,
            )
    return UnboundError(
        field=f"overrides.{MEDIUM}.{carrier}_barrier",
        value=edge_of(molecule.parameters[MEDIUM], carrier),
        allowed=f"higher: no level of the {carrier} is bound by more than {1000 * MIN_BINDING_EV:g} meV",
        carrier=carrier,
    )
