"""The verb: from a spec to the spectra of its samples, each number with an error."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Floats
from qdmol.errors import InputError, SolverError
from qdmol.jobs import Resources, Store
from qdmol.optics import MoleculeLight, broadening_of, growths, hottest, light_of
from qdmol.prediction.ensembles import EnsembleSpectrum, GroupLight, ensemble_spectrum
from qdmol.prediction.evaluation import SampleResult, ensemble_result, sample_change, sample_spectrum
from qdmol.prediction.fields import FieldSweep, field_orders, sweep_fields
from qdmol.prediction.groups import Group, groups_of, impossible_members
from qdmol.prediction.measures import read_curves
from qdmol.prediction.molecules import Prepared, dot_curves, mean_curves, prepare_light
from qdmol.prediction.remarks import spectrum_warnings
from qdmol.prediction.samples import Sample, samples_of
from qdmol.prediction.spectra import Spectra
from qdmol.prediction.tasks import Answer, LightRequest, Order, Solver
from qdmol.prediction.values import Calibration, Conditions, Curves
from qdmol.structure import Spec, read_spec, resolve, without_ensemble
from qdmol.units import HC_EV_NM

# Growing bases of a single dot, which tell how strengths grow, of a molecule, and of the shapes of an ensemble.
MONOMER_BASES, MOLECULE_BASES, SHAPE_BASES = 4, 3, 2
# Grid of photon energies, eV: from below the lowest line to 4.3 eV.
BELOW, TOP, STEP = 0.45, 4.3, 3e-3
# Temperatures (K) up to here are never refused: where higher excitons matter there, a warning says so.
LEAST_REFUSED = 600.0
# Points to a standard deviation of a line, where that asks for a finer grid.
POINTS = 8


def predict_spectra(
    spec: Spec | str | Path | Mapping[str, Any],
    *,
    calibrate: Calibration | None = None,
    linker: float = 0.3,
    fields: Sequence[float] = (),
    folder: Path | None = None,
    workers: int = 0,
    exact: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Spectra:
    """Absorption, emission and radiative lifetime of a molecule's samples: monomer, unfused, fused.

    Parameters
    ----------
    spec
        A spec, the path of one, ``"@name"`` of a shipped example, or a mapping. With `ensemble` spectra are means over
        its particles.
    calibrate
        Pins the monomer's peak by a shift of every gap.
    linker
        Gap (nm) of medium in the unfused sample.
    fields
        Applied fields (kV/cm), rising, for which the molecule's emission is wanted as well.
    folder
        Where solved molecules are kept; None keeps none.
    workers
        Processes; 0 solves in this one.
    exact
        Solve every particle of an ensemble, instead of few shapes and a polynomial.
    progress
        Called with a few words at each stage.

    Raises
    ------
    InputError
        The spec makes no sense, its materials say nothing of light, or no level is bound.
    SolverError
        What could not be computed, with the reason.
    """
    started = time.perf_counter()
    parsed = spec if isinstance(spec, Spec) else read_spec(spec)
    solver = Solver(folder, Resources(workers=workers), progress or (lambda _: None))
    work = _Work(parsed, samples_of(parsed, linker=linker), solver, tuple(fields), exact=exact)
    _refuse_hot(parsed.environment.temperature, work.references)
    conditions = work.conditions(shift=0.0)
    if calibrate is not None:
        conditions = replace(conditions, shift=work.shift(calibrate, conditions))
    results = work.results(conditions)
    sweep = work.sweep(conditions)
    tolerance = parsed.calculation.ci_tolerance / 1000
    accurate = all(result.edge_error <= tolerance for result in results)
    return Spectra(
        spec=parsed,
        temperature=conditions.temperature,
        homogeneous_width=1000 * conditions.broadening.fwhm,
        stokes_shift=1000 * conditions.broadening.stokes,
        calibration_shift=None if calibrate is None else 1000 * conditions.shift,
        samples={result.sample.name: sample_spectrum(result, conditions) for result in results},
        changes=tuple(sample_change(before, after, conditions) for before, after in combinations(results, 2)),
        ensemble=ensemble_result(parsed, results, exact=exact),
        sweep=sweep,
        converged=accurate and (sweep is None or not sweep.failed),
        warnings=spectrum_warnings(parsed, results, sweep),
        elapsed=time.perf_counter() - started,
    )


@dataclass(frozen=True, eq=False)
class _Ensemble:
    """A group of an ensemble with the lengths (shapes, P) of the molecules that are solved for it."""

    group: Group
    lengths: Floats
    possible: NDArray[np.bool_]


def _refuse_hot(temperature: float, references: Mapping[str, Sequence[tuple[float, MoleculeLight]]]) -> None:
    """Refuse a temperature (K) at which excitons that are not computed hold a part of the population that matters."""
    largest = min(hottest(light) for parts in references.values() for _, light in parts)
    largest = max(10 * math.floor(largest / 10), LEAST_REFUSED)
    if temperature > largest:
        raise InputError(
            field="environment.temperature",
            value=temperature,
            allowed=f"at most {largest:g} K for the spectrum of this molecule: above, excitons higher than those "
            "computed are populated",
        )


class _Work:
    """All molecules of all samples, solved once, from which spectra under any conditions follow."""

    def __init__(
        self, spec: Spec, samples: tuple[Sample, ...], solver: Solver, fields: tuple[float, ...], *, exact: bool
    ) -> None:
        self.spec, self.samples, self.solver, self.fields, self.exact = spec, samples, solver, fields, exact
        self.contact = spec.calculation.exchange
        main = samples[-1]
        bases = MONOMER_BASES if main.single is not None or len(spec.molecule.dots) == 1 else MOLECULE_BASES
        first = self._solve_main(main, bases)
        self.ensembles = {sample.name: self._ensembles(sample) for sample in samples if spec.ensemble is not None}
        self._solve_all(first, main)

    def _solve_main(self, main: Sample, bases: int) -> Answer:
        """The molecule itself, whose cuts hold for all others."""
        order = Order(without_ensemble(main.particles[-1][1]), LightRequest(bases, self.contact))
        return self.solver.solve([order], what="the molecule")[0]

    def _ensembles(self, sample: Sample) -> list[_Ensemble]:
        found = []
        for group in groups_of(sample):
            possible = ~impossible_members(group, Store(self.solver.folder))
            lengths = group.values[possible] if self.exact else group.shapes()
            found.append(_Ensemble(group, lengths, possible))
        return found

    def _solve_all(self, first: Answer, main: Sample) -> None:
        """Every other molecule in one go, so that processes start once."""
        light = _needed(first)
        spacing = light.spacing["electron"], light.spacing["hole"]
        orders, kinds = [], []
        for sample in self.samples:
            for share, particle in sample.particles:
                alone = len(particle.molecule.dots) == 1
                bases = MONOMER_BASES if alone else MOLECULE_BASES
                request = LightRequest(bases, self.contact, None if sample is main else spacing)
                orders.append(Order(without_ensemble(particle), request))
                kinds.append((sample.name, share))
        references = len(orders)
        shapes = [one for parts in self.ensembles.values() for one in parts]
        request = LightRequest(SHAPE_BASES, self.contact)
        orders += [Order(_member(one.group, row), request) for one in shapes for row in one.lengths]
        orders += field_orders(without_ensemble(self.spec), self.fields, contact=self.contact)
        answers = self.solver.solve(orders, what="molecules")
        self.references: dict[str, list[tuple[float, MoleculeLight]]] = {}
        for (name, share), answer in zip(kinds, answers[:references], strict=True):
            self.references.setdefault(name, []).append((share, _needed(answer)))
        self._single = self.references["monomer"]
        # The same bases for all samples, so that what they lack is the same.
        self.references = {
            name: [(share, replace(light, edge=light.edge[:MOLECULE_BASES])) for share, light in parts]
            for name, parts in self.references.items()
        }
        at = references
        self.answers: dict[int, Sequence[Answer]] = {}
        for one in shapes:
            self.answers[id(one)] = answers[at : at + len(one.lengths)]
            at += len(one.lengths)
        self.swept = answers[at:]

    def conditions(self, *, shift: float) -> Conditions:
        """Those of the spec."""
        calculation, temperature = self.spec.calculation, self.spec.environment.temperature
        broadening = broadening_of(light_of(resolve(self.spec)), temperature)
        parts = [(share, growths(light.edge)) for share, light in self._single]
        growth = tuple(
            sum(share * found[k] for share, found in parts) for k in range(min(len(found) for _, found in parts))
        )
        exchange = calculation.exchange_constant / 1000 if calculation.exchange else None
        return Conditions(temperature, broadening, exchange, growth, shift=shift)

    def shift(self, calibrate: Calibration, conditions: Conditions) -> float:
        """What has to be added to every gap (eV); found in two steps, since strengths change with it a little."""
        shift = 0.0
        for _ in range(2):
            at = replace(conditions, shift=shift)
            curves = self._result(self.samples[0], at, _grid(self.references, at)).curves
            readings = read_curves(curves)
            predicted = readings["absorption_peak"]
            if calibrate.quantity == "emission":
                predicted = HC_EV_NM / readings["emission_wavelength"]
            shift += calibrate.energy_eV - predicted
        return shift

    def results(self, conditions: Conditions) -> list[SampleResult]:
        """Every sample with what its errors are made of."""
        grid = _grid(self.references, conditions)
        return [self._result(sample, conditions, grid) for sample in self.samples]

    def _result(self, sample: Sample, conditions: Conditions, grid: Floats) -> SampleResult:
        parts = self.references[sample.name]
        prepared = [(share, prepare_light(light, conditions)) for share, light in parts]
        last = replace(conditions, extrapolated=False)
        mean = _mean(prepared, grid, conditions)
        rough = _mean([(share, prepare_light(light, last)) for share, light in parts], grid, last)
        ensemble = self._ensemble(sample, conditions, grid)
        return SampleResult(sample, prepared, mean, rough, ensemble, self._impossible(sample))

    def _ensemble(self, sample: Sample, conditions: Conditions, grid: Floats) -> EnsembleSpectrum | None:
        if sample.name not in self.ensembles:
            return None
        groups = []
        for one in self.ensembles[sample.name]:
            reference = self._reference(one.group)
            groups.append(
                GroupLight(one.group, one.lengths, self.answers[id(one)], reference, one.possible, self.exact)
            )
        return ensemble_spectrum(groups, grid, conditions)

    def _reference(self, group: Group) -> MoleculeLight:
        """The better solved light of a group's mean."""
        mean = without_ensemble(group.spec)
        for sample in self.samples:
            for (_, particle), (_, light) in zip(sample.particles, self.references[sample.name], strict=True):
                if without_ensemble(particle) == mean:
                    return light
        message = "the mean of a group of particles is none of the samples"
        raise AssertionError(message)

    def _impossible(self, sample: Sample) -> int:
        return sum(int(np.sum(~one.possible)) for one in self.ensembles.get(sample.name, ()))

    def sweep(self, conditions: Conditions) -> FieldSweep | None:
        """The molecule in every field asked for."""
        if not self.fields:
            return None
        grid = _grid(self.references, conditions)
        return sweep_fields(self.fields, self.swept, len(self.spec.molecule.dots), grid, conditions)


def _needed(answer: Answer) -> MoleculeLight:
    """The light of a molecule without which there is no spectrum."""
    if answer.light is None:
        raise SolverError(answer.reason)
    return answer.light


def _member(group: Group, lengths: Floats) -> Spec | InputError:
    """The spec of a shape, or why there is none."""
    try:
        return group.member(lengths)
    except InputError as error:
        return error


def _mean(prepared: Sequence[tuple[float, Prepared]], grid: Floats, conditions: Conditions) -> Curves:
    """The mean over a sample's particles without ensemble."""
    curves = [dot_curves(one, grid, conditions) for _, one in prepared]
    weight = np.array([share for share, _ in prepared])
    return mean_curves(grid, [a.sum(axis=1) for a, _ in curves], [e.sum(axis=1) for _, e in curves], weight)


def _grid(references: Mapping[str, Sequence[tuple[float, MoleculeLight]]], conditions: Conditions) -> Floats:
    """Photon energies (n,), evenly spaced."""
    first = min(light.band_gap + float(light.edge[-1].energy[0]) for parts in references.values() for _, light in parts)
    step = min(STEP, conditions.broadening.deviation / POINTS)
    low = first + conditions.shift - BELOW - conditions.broadening.stokes
    if low >= TOP:
        raise InputError(field="calibrate", value=conditions.shift, allowed=f"such that the edge lies below {TOP} eV")
    return np.arange(low, TOP + step, step)
