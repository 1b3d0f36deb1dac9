"""The molecule of a spec and its monomers, solved one after the other; differences between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from threadpoolctl import threadpool_limits

from qdmol.errors import InputError
from qdmol.excitons import (
    Complex,
    Estimate,
    MoleculeSolution,
    Request,
    Tunnelling,
    dot_shares,
    solve_molecule,
    tunnelling,
)
from qdmol.landscape import CARRIERS, Carrier, edge_of, screened
from qdmol.structure import AxialMolecule, PlacedLayer, Spec, resolve
from qdmol.study.interacting import Interacting, interact

__all__ = ["Job", "MonomerSolver", "run_job", "solve_bound"]

# Solves one dot alone.
MonomerSolver = Callable[[AxialMolecule, Request], MoleculeSolution]

# Error (eV) of a difference of one number with itself: rounding.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Job:
    """A solved molecule and its distinct monomers, by their layers; with `coulomb: ci` the complexes made of them."""

    spec: Spec
    molecule: AxialMolecule
    solution: MoleculeSolution
    monomers: Mapping[tuple[PlacedLayer, ...], MoleculeSolution]
    interacting: Interacting | None = None
    complexes: tuple[Complex, ...] = ()

    @property
    def coulomb(self) -> bool:
        """Whether the attraction is included."""
        return self.spec.calculation.coulomb != "none"

    @property
    def contrast(self) -> bool:
        """Whether an attraction would need the self-polarisation that is not included."""
        return self.coulomb and screened(self.molecule) and self.molecule.interface_width is None

    @property
    def monomers_listed(self) -> list[MoleculeSolution]:
        """One monomer for each dot, in the order of the spec; empty where none was needed."""
        return [self.monomers[dot.layers] for dot in self.molecule.dots] if self.monomers else []

    @cached_property
    def tunnelling(self) -> Tunnelling | None:
        """Tunnel coupling and detuning of two dots; None for fewer or more of them, or fewer than two levels."""
        return tunnelling(self.solution)

    def dot_shares(self, carrier: Carrier) -> list[list[float]] | None:
        """Probability of each level in each dot, in the order of the spec; None for a dot alone."""
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
        above = self._monomer_excitons if self.coulomb else [monomer.bare_gap for monomer in self.monomers_listed]
        return [None if one is None else self._above_band_gap(one) for one in above]

    def _above_band_gap(self, above: Estimate) -> Estimate:
        return Estimate(self.molecule.band_gap + above.value, above.error)

    @property
    def _exciton(self) -> Estimate | None:
        if self.interacting is not None:
            return self.interacting.exciton.energy
        return self.solution.pairs[0].exciton if self.solution.pairs else None

    @property
    def _monomer_excitons(self) -> list[Estimate | None]:
        if self.interacting is None:
            return [monomer.pairs[0].exciton if monomer.pairs else None for monomer in self.monomers_listed]
        known = self.interacting.monomers
        layers = [dot.layers for dot in self.molecule.dots] if self.monomers else []
        return [known[one].energy if one in known else None for one in layers]

    @property
    def redshift(self) -> Estimate | None:
        """Gap of the lowest monomer less that of the molecule, with attraction."""
        if not self.coulomb or self.contrast:
            return None
        return self._shift([self._exciton, *self._monomer_excitons])

    @property
    def redshift_single_particle(self) -> Estimate | None:
        """The same from bare levels; both errors have one sign, so that the larger bounds the difference."""
        return self._shift([m.bare_gap for m in [self.solution, *self.monomers_listed]], same_sign=True)

    def _shift(self, found: list[Estimate | None], *, same_sign: bool = False) -> Estimate | None:
        gaps = [gap for gap in found if gap is not None]
        if len(gaps) < 2 or len(gaps) < len(found):
            return None
        own, monomer = gaps[0], min(gaps[1:], key=lambda gap: gap.value)
        if len(self.molecule.dots) == 1:
            return Estimate(0.0, ROUNDING)
        error = max(own.error, monomer.error) if same_sign else own.error + monomer.error
        return Estimate(monomer.value - own.value, error)


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
    # The matrices are small: threads inside the linear algebra cost more than they bring.
    with threadpool_limits(limits=1, user_api="blas"):
        job = _run(spec, resolve(spec) if molecule is None else molecule, monomer or solve_bound)
        if spec.calculation.coulomb != "ci":
            return job
        calculation = spec.calculation
        found = interact(
            job.solution,
            job.monomers,
            complexes,
            tolerance=calculation.ci_tolerance / 1000,
            exchange=calculation.exchange_constant / 1000 if calculation.exchange else None,
        )
        return replace(job, interacting=found, complexes=tuple(complexes))


def _run(spec: Spec, molecule: AxialMolecule, solver: MonomerSolver) -> Job:
    calculation = spec.calculation
    counts: dict[Carrier, int] = {"electron": calculation.electrons, "hole": calculation.holes}
    coulomb, tolerance = calculation.coulomb != "none", calculation.tolerance / 1000
    request = Request(counts, coulomb, tolerance)
    shapes = list(dict.fromkeys(dot.layers for dot in molecule.dots)) if all(counts.values()) else []
    if len(molecule.dots) == 1:
        solution = solve_bound(molecule, request)
        return Job(spec, molecule, solution, dict.fromkeys(shapes, solution))
    single = Request({"electron": 1, "hole": 1}, coulomb, tolerance)
    alone = {shape: molecule.monomer([dot.layers for dot in molecule.dots].index(shape)) for shape in shapes}
    solution = solve_bound(molecule, request)
    return Job(spec, molecule, solution, {shape: solver(monomer, single) for shape, monomer in alone.items()})


def solve_bound(molecule: AxialMolecule, request: Request) -> MoleculeSolution:
    """Solve one molecule; InputError where a carrier asked for has no bound level."""
    solution = solve_molecule(molecule, request)
    for carrier in CARRIERS:
        if request.counts[carrier] and not len(solution.levels[carrier]):
            raise InputError(
                field=f"overrides.medium.{carrier}_barrier",
                value=edge_of(molecule.parameters["medium"], carrier),
                allowed=f"high enough above the {carrier}'s band edges that at least one level is bound",
            )
    return solution
