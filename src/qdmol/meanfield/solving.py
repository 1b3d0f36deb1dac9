"""Levels of both carriers of a molecule and their self-consistent pairs, refined until the tolerance holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from qdmol.arrays import Floats
from qdmol.errors import SolverError
from qdmol.estimates import Estimate
from qdmol.fem import Assembler, Coefficient, Elements, MeshTooLargeError, Sector, Symmetry
from qdmol.meanfield.carrier import CarrierSpace, CarrierState
from qdmol.meanfield.pairing import Pairing, SelfConsistentPair, constrained_pairs, converge_pair
from qdmol.meanfield.weights import BareLevel, low_bare_levels
from qdmol.potentials import (
    CARRIERS,
    Carrier,
    FieldEnergy,
    Poisson,
    SelfPolarisation,
    applied_field,
    domain,
    images_of,
)
from qdmol.stages import begin
from qdmol.states import (
    MAX_BYTES,
    MAX_SECONDS,
    SAFETY,
    WALL_SAFETY,
    Hamiltonian,
    Level,
    Levels,
    ModelErrors,
    Resolution,
    ScreenedHamiltonian,
    Space,
    State,
    Wall,
    carriers_of,
    ceiling,
    choose_wall,
    difference_error,
    discretise,
    discretise_radially,
    find_levels,
    has_radial_solution,
    max_elements,
    moved_out,
    resolutions,
    wall_shares,
)
from qdmol.structure import AxialMolecule, nearest_dot

# What a converged iteration leaves of a pair's energy and of levels in its field (eV).
CONVERGED_PAIR_EV = 1e-9
CONVERGED_LEVELS_EV = 2e-7
# Change of the levels (eV) in one iteration at which it ends.
LEVEL_CHANGE_EV = 2e-8
# The lowest bare levels from which a pair starts.
START_LEVELS = 6
# Part of what remains of a pair that does not cancel against its bare levels.
COMMON_SHARE = 0.2
# A wall nearer than this part of the distance that the levels need is moved.
WALL_TOLERATED = 0.93


@dataclass(frozen=True, slots=True)
class Request:
    """Number of levels of each carrier, whether to compute pairs, and the tolerance (eV) on every energy.

    `radial`: where a molecule is a sphere and nothing disturbs it, its functions may be those of the radius, with
    sectors of :class:`~qdmol.fem.SphericalSymmetry`; configuration interaction and optics need them in the half plane.
    """

    counts: Mapping[Carrier, int]
    coulomb: bool
    tolerance: float
    radial: bool = False


@dataclass(frozen=True, slots=True)
class PairState:
    """A self-consistent pair: the dot its hole is in, its energy above the bulk gap, its binding, and the states.

    `field_error` (eV) is what the error of the hole's field may do to levels in it.
    """

    hole_dot: int
    exciton: Estimate
    binding: Estimate
    field_error: float
    pair: SelfConsistentPair


@dataclass(frozen=True)
class MoleculeSolution:
    """Solution of one molecule at the resolution that met the tolerance, or at the finest one tried.

    `flipped`: the mirror image was solved; `molecule` is that image, and every function is that of -z. `pairs` are in
    order of energy; `field_levels` are the electron's levels in the field of the lowest pair's hole, whose sectors are
    those of `field_operator`; `poisson` has the potential of charges on the mesh.
    """

    molecule: AxialMolecule
    request: Request
    elements: Elements
    resolution: Resolution
    wall: Wall
    field: FieldEnergy
    hamiltonians: Mapping[Carrier, Hamiltonian]
    levels: Mapping[Carrier, Levels]
    pairs: tuple[PairState, ...]
    field_operator: ScreenedHamiltonian | None
    field_levels: Levels | None
    poisson: Poisson
    flipped: bool = False

    @property
    def symmetry(self) -> Symmetry:
        """Symmetry of the mesh, and of the levels without Coulomb attraction."""
        return self.elements.symmetry

    @cached_property
    def constrained_pairs(self) -> tuple[SelfConsistentPair, ...]:
        """Pairs with the hole constrained to each dot without a self-consistent pair; needed for orbitals."""
        own = {state.hole_dot for state in self.pairs}
        return constrained_pairs(self.hamiltonians, self.poisson, set(range(len(self.molecule.dots))) - own)

    @cached_property
    def bare_levels(self) -> tuple[BareLevel, ...]:
        """Bare levels of both carriers that orbitals have to cover beside the pairs."""
        return low_bare_levels(self.hamiltonians)

    @cached_property
    def splitting(self) -> Estimate | None:
        """Second minus first electron level."""
        levels = self.levels.get("electron")
        if levels is None or len(levels) < 2:
            return None
        return self._difference(levels[0], levels[1], State.of_level(levels[0]), State.of_level(levels[1]))

    @cached_property
    def spacing(self) -> Estimate | None:
        """Second minus first electron level in the hole's field."""
        levels, operator = self.field_levels, self.field_operator
        if levels is None or operator is None or len(levels) < 2:
            return None
        low, high = levels[0], levels[1]
        difference = self._difference(
            low, high, State.of_field_level(operator, low), State.of_field_level(operator, high)
        )
        # An error of the hole's field moves both levels alike where their densities are alike.
        error = difference.error + self.pairs[0].field_error * _apart(operator, low, high)
        return Estimate.from_error(difference.value, error, "eV")

    def _difference(self, low: Level, high: Level, low_state: State, high_state: State) -> Estimate:
        errors = ModelErrors(self.hamiltonians["electron"], self.wall, self.resolution)
        error = difference_error(low, high) + errors.difference(low_state, high_state)
        return Estimate.from_error(high.energy - low.energy, error, "eV")

    @cached_property
    def bare_gap(self) -> Estimate | None:
        """Lowest electron plus lowest hole level, above the bulk gap; mostly an upper bound."""
        if not all(len(self.levels.get(carrier, ())) for carrier in ("electron", "hole")):
            return None
        pair = {carrier: self.levels[carrier][0] for carrier in CARRIERS}
        errors = {c: ModelErrors(self.hamiltonians[c], self.wall, self.resolution) for c in CARRIERS}
        either = sum(errors[c].of_either_sign(State.of_level(pair[c])) for c in CARRIERS)
        either += sum(errors[c].rounding(pair[c].energy) for c in CARRIERS)
        energy, error = sum(level.energy for level in pair.values()), sum(level.error for level in pair.values())
        return Estimate.from_errors(energy, error, either, "eV")

    @cached_property
    def errors(self) -> list[float]:
        """All errors (eV) to which the tolerance applies."""
        errors = [level.error for levels in self.levels.values() for level in levels.levels]
        # Twice: a shift is the difference of two excitons, and must meet the tolerance as well.
        errors += [2 * pair.exciton.error for pair in self.pairs] + [pair.binding.error for pair in self.pairs]
        if self.field_levels is not None:
            errors += [level.error for level in self.field_levels.levels]
        return errors + [gap.error for gap in (self.splitting, self.spacing) if gap is not None]

    @cached_property
    def complete(self) -> bool:
        """Whether as many levels are bound as were requested, and every pair converged."""
        bound = all(levels.complete for levels in self.levels.values())
        return bound and all(state.pair.converged for state in self.pairs)

    @cached_property
    def accurate(self) -> bool:
        """Whether every error is within the tolerance."""
        return all(error <= self.request.tolerance for error in self.errors)


def solve_molecule(molecule: AxialMolecule, request: Request) -> MoleculeSolution:
    """Solve at growing resolution until every error is within the tolerance.

    A molecule and its mirror image are solved as the same one of the two, so that both have exactly the same numbers.

    The last resolution's solution is returned with `accurate` False where none is.

    Raises
    ------
    SolverError
        No mesh, a singular matrix, or levels that do not agree with their inertia count.
    """
    image = molecule.mirrored()
    if _standing(image) < _standing(molecule):
        return replace(_solve(image, request), flipped=True)
    return _solve(molecule, request)


def _standing(molecule: AxialMolecule) -> tuple[float, str]:
    """Sort key that differs between a molecule and its mirror image, independent of the order of the dots."""
    bodies = sorted((tuple(round(x, 9) for x in dot.position), repr(dot.layers)) for dot in molecule.dots)
    return molecule.field, repr(bodies)


def _solve(molecule: AxialMolecule, request: Request) -> MoleculeSolution:
    wall = choose_wall(molecule, request.counts, {}, tolerance=request.tolerance)
    steps = list(resolutions(molecule, wall.max_energies, request.tolerance))
    polarisation = SelfPolarisation.of(molecule)
    step = 0
    solution: MoleculeSolution | None = None
    while True:
        try:
            solution = _attempt(molecule, request, wall, steps[step], polarisation)
        except MeshTooLargeError as error:
            if solution is None:
                raise SolverError(_too_large(error, steps[step], request)) from error
            # The errors of what there is say that the tolerance is not met.
            return solution
        wanted = choose_wall(molecule, request.counts, _max_energies(solution), tolerance=request.tolerance)
        if not molecule.field and wall.distance < WALL_TOLERATED * wanted.distance:
            wall = wanted
            continue
        moved = moved_out(wall, _wall_errors(solution), tolerance=request.tolerance)
        if moved is not None:
            wall = moved
            continue
        if solution.accurate or step == len(steps) - 1:
            return solution
        step = min(step + _steps_needed(solution), len(steps) - 1)


def _too_large(error: MeshTooLargeError, resolution: Resolution, request: Request) -> str:
    """Error for a molecule whose coarsest mesh is too large."""
    most = max_elements(resolution, sum(request.counts.values()), coulomb=request.coulomb)
    return (
        f"This molecule needs {error.elements} finite elements or more, and at most {most:.0f} are allowed with "
        f"{sum(request.counts.values())} levels ({MAX_SECONDS:g} s, {MAX_BYTES / 1e9:g} GB): request fewer levels, "
        "or remove thin layers and narrow gaps of large dots."
    )


def _max_energies(solution: MoleculeSolution) -> dict[Carrier, float]:
    """Highest energy the wall must be far enough for: near the barrier where levels are missing."""
    max_energies: dict[Carrier, float] = {}
    for carrier, levels in solution.levels.items():
        limit = ceiling(solution.molecule, solution.wall, carrier)
        max_energies[carrier] = levels.levels[-1].energy if levels.complete else limit
    return max_energies


def _wall_errors(solution: MoleculeSolution) -> dict[Carrier, float]:
    """Largest error caused by the wall for a level of each carrier, with and without attraction."""
    states = {carrier: [State.of_level(level) for level in levels] for carrier, levels in solution.levels.items()}
    if solution.field_operator is not None and solution.field_levels is not None:
        operator = solution.field_operator
        states["electron"] += [State.of_field_level(operator, level) for level in solution.field_levels]
    return {
        carrier: WALL_SAFETY * max((_wall_share(solution, carrier, state) for state in listed), default=0.0)
        for carrier, listed in states.items()
    }


def _wall_share(solution: MoleculeSolution, carrier: Carrier, state: State) -> float:
    """Energy (eV) by which the wall raises a state."""
    return float(wall_shares(solution.hamiltonians[carrier], solution.wall, state.energy, state.density).sum())


def _steps_needed(solution: MoleculeSolution) -> int:
    """Degrees to go up, from how fast the errors fall with the degree."""
    worst = max(solution.errors)
    decay = max(level.tail.decay for levels in solution.levels.values() for level in levels.levels)
    return max(1, math.ceil(math.log(solution.request.tolerance / worst) / math.log(decay) - 0.2))


def _attempt(
    molecule: AxialMolecule,
    request: Request,
    wall: Wall,
    resolution: Resolution,
    polarisation: SelfPolarisation | None,
) -> MoleculeSolution:
    carriers = carriers_of(request.counts)
    if request.radial and has_radial_solution(molecule):
        elements = discretise_radially(molecule, wall, resolution)
    else:
        most = max_elements(resolution, sum(request.counts.values()), coulomb=request.coulomb)
        elements = discretise(molecule, wall, resolution, potential=_needs_potential(molecule, request), most=most)
    field = applied_field(elements, molecule)
    domains = {c: domain(elements.regions, molecule, c) for c in carriers}
    spaces = {regions: Space(elements, regions) for regions in set(domains.values())}
    own = {
        regions: None if polarisation is None else polarisation.on(space.assembler) for regions, space in spaces.items()
    }
    hamiltonians = {c: Hamiltonian(spaces[domains[c]], molecule, c, field, own[domains[c]]) for c in carriers}
    levels: dict[Carrier, Levels] = {}
    errors: dict[Carrier, ModelErrors] = {}
    for carrier, hamiltonian in hamiltonians.items():
        begin(f"{carrier} levels")
        limit = ceiling(molecule, wall, carrier)
        bare = find_levels(hamiltonian, request.counts[carrier], ceiling=limit)
        errors[carrier] = ModelErrors(hamiltonian, wall, resolution)
        levels[carrier] = bare.with_error(partial(_level_error, errors[carrier]))
    pairs: tuple[PairState, ...] = ()
    operator, field_levels = None, None
    poisson = Poisson(elements, molecule)
    if request.coulomb and all(len(bare) for bare in levels.values()):
        begin("self-consistent pair")
        pairs = _pairs(hamiltonians, levels, errors, poisson)
        electron = hamiltonians["electron"]
        lowest = pairs[0].pair
        begin("levels in the hole's field")
        operator = ScreenedHamiltonian(electron, lowest.electron.space.unflatten(lowest.electron_energy))
        field_levels = find_levels(
            operator,
            request.counts["electron"],
            ceiling=ceiling(molecule, wall, "electron"),
            further_error=pairs[0].field_error,
            start=_field_start(operator, levels["electron"], lowest.electron),
        ).with_error(partial(_field_level_error, errors["electron"], operator))
    for hamiltonian in hamiltonians.values():
        hamiltonian.release()
    poisson.release_large()
    return MoleculeSolution(
        molecule,
        request,
        elements,
        resolution,
        wall,
        field,
        hamiltonians,
        levels,
        pairs,
        operator,
        field_levels,
        poisson,
    )


def _field_start(operator: ScreenedHamiltonian, levels: Levels, electron: CarrierState) -> dict[Sector, Floats]:
    """Vectors that resemble the levels in the field of a hole, by sector: the bare ones and the pair's."""
    (ground,) = operator.symmetry.ground_sectors
    parts = electron.space.parts(electron.vector)
    vectors = {ground: [np.sum([operator.unfolded(part, sector) for sector, part in parts.items()], axis=0)]}
    for level in levels:
        sector, *partners = operator.symmetry.partners(operator.bare.symmetry.unfolded_sector(level.sector))
        if vectors.keys().isdisjoint(partners):
            vectors.setdefault(sector, []).append(operator.unfolded(level.vector, level.sector))
    return {sector: np.stack(parts, axis=1) for sector, parts in vectors.items()}


def _level_error(errors: ModelErrors, level: Level) -> float:
    return errors.of(State.of_level(level))


def _field_level_error(errors: ModelErrors, operator: ScreenedHamiltonian, level: Level) -> float:
    return errors.of(State.of_field_level(operator, level))


def _apart(operator: ScreenedHamiltonian, low: Level, high: Level) -> float:
    """Half of ∫ |n - n'| of two levels: 0 where their densities are equal, 1 where these do not overlap."""
    assembler = operator.bare.assembler
    total = 0.0
    for low_image, high_image in zip(operator.images(low.vector), operator.images(high.vector), strict=True):
        values = zip(assembler.evaluate(low_image), assembler.evaluate(high_image), strict=True)
        total += assembler.integral([np.abs(a**2 - b**2) for a, b in values])
    return total / 2


def _needs_potential(molecule: AxialMolecule, request: Request) -> bool:
    permittivities = {parameters.permittivity for parameters in molecule.parameters.values()}
    return request.coulomb or (molecule.field != 0 and len(permittivities) > 1)


def _pairs(
    hamiltonians: Mapping[Carrier, Hamiltonian],
    levels: Mapping[Carrier, Levels],
    errors: Mapping[Carrier, ModelErrors],
    poisson: Poisson,
) -> tuple[PairState, ...]:
    """Pair of every dot in which a hole remains localised, lowest first; of mirror images, lower z first."""
    electron, hole = hamiltonians["electron"], hamiltonians["hole"]
    molecule = electron.molecule
    spaces = CarrierSpace(electron), CarrierSpace(hole)
    pairing = Pairing(*spaces, poisson)
    symmetry = hole.symmetry
    states: dict[int, PairState] = {}
    for start, dot in enumerate(molecule.dots):
        if dot.position != symmetry.orbit(dot.position)[0]:
            continue
        alike = len(symmetry.orbit(dot.position)) == len(molecule.dots)
        bare = {space.hamiltonian.carrier: _ground_vectors(space, levels) for space in spaces} if alike else None
        pair = converge_pair(pairing, dot, level_change=LEVEL_CHANGE_EV, bare=bare)
        place = _hole_dot(pair, molecule)
        if place == start or place not in states:
            states[place] = _pair_state(place, pair, poisson, levels, errors)
    for place in list(states):
        for position in symmetry.orbit(molecule.dots[place].position):
            image = int(nearest_dot(np.array(position), molecule.centres))
            states.setdefault(image, replace(states[place], hole_dot=image))
    return tuple(
        sorted(states.values(), key=lambda pair: (round(pair.exciton.value, 9), molecule.dots[pair.hole_dot].position))
    )


def _ground_vectors(space: CarrierSpace, levels: Mapping[Carrier, Levels]) -> list[Floats]:
    """The vectors over all ground sectors of the bare levels that lie in one of them."""
    nothing = np.zeros(space.hamiltonian.size)
    return [
        space.reduced({sector: level.vector if sector == level.sector else nothing for sector in space.sectors})
        for level in levels[space.hamiltonian.carrier]
        if level.sector in space.sectors
    ][:START_LEVELS]


def _pair_state(
    place: int,
    pair: SelfConsistentPair,
    poisson: Poisson,
    levels: Mapping[Carrier, Levels],
    errors: Mapping[Carrier, ModelErrors],
) -> PairState:
    """The pair with its errors: to first order it falls with the elements as its levels in each other's field do."""
    carriers: tuple[tuple[Carrier, CarrierState, Floats], ...] = (
        ("electron", pair.electron, pair.electron_energy),
        ("hole", pair.hole, pair.hole_energy),
    )
    remaining = {
        carrier: state.space.tail(state.vector).remaining(state.fall(energy)) for carrier, state, energy in carriers
    }
    potential = poisson.tail(pair.electron_potential, pair.hole_potential)
    bare = {carrier: levels[carrier][0] for carrier in CARRIERS}
    own = {carrier: level.tail.remaining(level.fall) for carrier, level in bare.items()}
    states = {carrier: _state(state) for carrier, state, _ in carriers}
    rounding = CONVERGED_PAIR_EV + sum(errors[c].rounding(bare[c].energy) for c in CARRIERS)
    further = rounding + sum(errors[c].of(states[c]) for c in CARRIERS)
    either = rounding + sum(errors[c].of_either_sign(states[c]) for c in CARRIERS)
    further_apart = rounding + sum(errors[c].difference(states[c], State.of_level(bare[c])) for c in CARRIERS)
    total = sum(remaining.values()) + potential
    # Pair and bare levels of one mesh: most of what remains is common to both.
    apart = sum(abs(remaining[c] - own[c]) for c in CARRIERS) + COMMON_SHARE * total + potential
    return PairState(
        hole_dot=place,
        exciton=Estimate.from_errors(pair.exciton, SAFETY * total + further, either, "eV"),
        binding=Estimate.from_error(
            sum(level.energy for level in bare.values()) - pair.exciton, SAFETY * apart + further_apart, "eV"
        ),
        field_error=SAFETY * (remaining["hole"] + potential) + CONVERGED_LEVELS_EV,
        pair=pair,
    )


def _state(carrier: CarrierState) -> State:
    """The state of a carrier of a pair, averaged over the images of the mesh."""
    space = carrier.space
    parts = space.parts(carrier.vector)

    def density(assembler: Assembler) -> Coefficient:
        images = images_of(assembler, parts)
        squares = [[values**2 for values in image] for image in images]
        return [np.mean(blocks, axis=0) for blocks in zip(*squares, strict=True)]

    return State(carrier.bare_energy, density)


def _hole_dot(pair: SelfConsistentPair, molecule: AxialMolecule) -> int:
    """The dot nearest to which most of the hole is."""
    space = pair.hole.space
    weights = np.zeros(len(molecule.dots))
    for positions, row in zip(space.assembler.positions, pair.hole.values**2 * space.measure, strict=True):
        nearest = nearest_dot(positions, molecule.centres)
        weights += np.bincount(nearest, weights=row, minlength=len(weights))
    # Equal weights, as of a hole spread over a symmetric molecule, go to the dot at lowest z.
    best = np.flatnonzero(weights > weights.max() * (1 - 1e-6))
    return min((int(dot) for dot in best), key=lambda dot: molecule.dots[dot].position)
