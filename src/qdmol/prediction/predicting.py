"""Prediction of the spectra of a spec's samples, each number with an error."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Floats
from qdmol.errors import InputError, SolverError
from qdmol.jobs import Resources, Store
from qdmol.optics import MoleculeLight, broadening_of, growths, hottest, light_of
from qdmol.prediction.ensembles import EnsembleSpectrum, GroupLight, ensemble_spectrum
from qdmol.prediction.evaluation import CM2, SampleResult, ensemble_result, sample_change, sample_spectrum
from qdmol.prediction.fields import FieldSweep, field_orders, sweep_fields
from qdmol.prediction.measures import read_curves
from qdmol.prediction.molecules import Prepared, dot_curves, mean_curves, prepare_light
from qdmol.prediction.samples import Group, Sample, groups_of, impossible_members, samples_of
from qdmol.prediction.spectra import Spectra
from qdmol.prediction.tasks import Answer, LightRequest, Order, Solver
from qdmol.prediction.values import Calibration, Conditions, Curves
from qdmol.structure import Spec, read_spec, resolve, without_ensemble
from qdmol.units import HC_EV_NM

# Growing bases of a single dot, from which the growth of strengths is known, of a molecule, and of an ensemble's
# shapes.
MONOMER_BASES, MOLECULE_BASES, SHAPE_BASES = 4, 3, 2
# Grid of photon energies in eV: it starts GRID_MARGIN below the lowest line and ends at GRID_END, in steps of GRID_STEP
# or at least POINTS_PER_DEVIATION points in the standard deviation of a line.
GRID_MARGIN, GRID_END, GRID_STEP = 0.45, 4.3, 3e-3
POINTS_PER_DEVIATION: Final = 8
# Temperatures (K) up to here are never refused: if higher excitons matter there, a warning is given.
MIN_REFUSED_K: Final = 600.0

# Part of the bulk's absorption at 300 nm below which a warning is given.
MIN_BULK_RATIO: Final = 0.7


def predict_spectra(
    spec: Spec | str | Path | Mapping[str, Any],
    *,
    calibrate: Calibration | None = None,
    linker: float = 0.3,
    fields: Sequence[float] = (),
    folder: Path | None = None,
    workers: int = 0,
    exact: bool = False,
    own_sample: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Spectra:
    """Predict absorption, emission and radiative lifetime of a molecule's samples: monomer, unfused, fused.

    Parameters
    ----------
    spec
        A spec, its path, ``"@name"`` of a shipped example, or a mapping. Spectra of a spec with `ensemble` are means
        over its particles.
    calibrate
        Photon energy of the monomer's peak, reached by a common shift of all energies.
    linker
        Gap (nm) between the dots of the unfused sample.
    fields
        Applied fields (kV/cm) in ascending order in which the molecule's emission is computed as well.
    folder
        Folder in which solved molecules are stored; None stores none.
    workers
        Number of processes; 0 computes in the present one.
    exact
        Whether to solve every particle of an ensemble instead of interpolating between some shapes.
    own_sample
        Whether to omit the unfused sample, which the spectrum of the molecule itself does not depend on.
    progress
        Called with a short text at each stage.

    Returns
    -------
    Spectra
        Curves and numbers of every sample, with `summary` (JSON) and `data` (xarray).

    Raises
    ------
    InputError
        The spec is invalid, its materials have no optical parameters, or no level is bound.
    SolverError
        A molecule could not be solved.
    """
    started = time.perf_counter()
    parsed = spec if isinstance(spec, Spec) else read_spec(spec)
    solver = Solver(folder, Resources(workers=workers), progress or (lambda _: None))
    samples = samples_of(parsed, linker=linker)
    if own_sample:
        samples = tuple(sample for sample in samples if sample in (samples[0], samples[-1]))
    molecules = _Molecules(parsed, samples, solver, tuple(fields), exact=exact)
    _refuse_hot(parsed.environment.temperature, molecules.references)
    conditions = molecules.conditions()
    if calibrate is not None:
        conditions = replace(conditions, shift=molecules.calibration_shift(calibrate, conditions))
    results = molecules.results(conditions)
    sweep = molecules.sweep(conditions)
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
        warnings=_warnings(parsed, results, sweep),
        elapsed=time.perf_counter() - started,
    )


References = Mapping[str, Sequence[tuple[float, MoleculeLight]]]


def _refuse_hot(temperature: float, references: References) -> None:
    """Refuse a temperature (K) at which excitons above the computed ones hold much of the population."""
    highest = min(hottest(light) for parts in references.values() for _, light in parts)
    highest = max(10 * math.floor(highest / 10), MIN_REFUSED_K)
    if temperature > highest:
        raise InputError(
            field="environment.temperature",
            value=temperature,
            allowed=f"at most {highest:g} K for the spectrum of this molecule: at higher temperatures excitons "
            "beyond the computed ones are populated",
        )


@dataclass(frozen=True, eq=False)
class _GroupShapes:
    """A group of particles of an ensemble with the lengths (shapes, P) of the molecules that are solved for it.

    `possible` (members,) marks the particles that can exist.
    """

    group: Group
    lengths: Floats
    possible: NDArray[np.bool_]


class _Molecules:
    """All molecules of all samples, solved once, from which spectra under any conditions follow.

    `references` are the optical properties of each kind of particle of a sample, without the ensemble, with its share;
    `shapes` and `shape_answers` those of the molecules solved for an ensemble, `field_answers` those in applied fields.
    """

    def __init__(
        self, spec: Spec, samples: tuple[Sample, ...], solver: Solver, fields: tuple[float, ...], *, exact: bool
    ) -> None:
        self.spec, self.samples, self.fields, self.exact = spec, samples, fields, exact
        contact, main = spec.calculation.exchange, samples[-1]
        bases = MONOMER_BASES if main.single is not None or len(spec.molecule.dots) == 1 else MOLECULE_BASES
        # The molecule itself comes first: the cuts of its bases are used for the other samples.
        own = Order(without_ensemble(main.particles[-1][1]), LightRequest(bases, contact))
        spacing = _solved(solver.solve([own], what="the molecule")[0]).spacing
        self.shapes: dict[str, list[_GroupShapes]] = {}
        if spec.ensemble is not None:
            store = Store(solver.folder)
            self.shapes = {sample.name: _group_shapes(sample, store, exact=exact) for sample in samples}
        particles = [(sample, share, particle) for sample in samples for share, particle in sample.particles]
        groups = [shapes for parts in self.shapes.values() for shapes in parts]
        orders = [
            _reference_order(particle, spacing=None if sample is main else spacing) for sample, _, particle in particles
        ]
        request = LightRequest(SHAPE_BASES, contact)
        orders += [Order(_member(shapes.group, row), request) for shapes in groups for row in shapes.lengths]
        orders += field_orders(without_ensemble(spec), fields, contact=contact)
        # All at once, so that processes start once.
        answers = iter(solver.solve(orders, what="molecules"))
        references: dict[str, list[tuple[float, MoleculeLight]]] = {}
        for sample, share, _ in particles:
            references.setdefault(sample.name, []).append((share, _solved(next(answers))))
        self.monomer = references["monomer"]
        # The same number of bases for all samples, so that their basis errors are alike.
        self.references: References = {
            name: [(share, replace(light, edge=light.edge[:MOLECULE_BASES])) for share, light in parts]
            for name, parts in references.items()
        }
        self.shape_answers = {id(shapes): list(islice(answers, len(shapes.lengths))) for shapes in groups}
        self.field_answers = list(answers)

    def conditions(self) -> Conditions:
        """Conditions of the spec, without calibration."""
        calculation, temperature = self.spec.calculation, self.spec.environment.temperature
        broadening = broadening_of(light_of(resolve(self.spec)), temperature)
        parts = [(share, growths(light.edge)) for share, light in self.monomer]
        bases = min(len(ratios) for _, ratios in parts)
        growth = tuple(sum(share * ratios[k] for share, ratios in parts) for k in range(bases))
        exchange = calculation.exchange_constant / 1000 if calculation.exchange else None
        return Conditions(temperature, broadening, exchange, growth)

    def calibration_shift(self, calibrate: Calibration, conditions: Conditions) -> float:
        """Shift (eV) of every gap for the calibration, in two steps, since strengths change slightly with it."""
        shift = 0.0
        for _ in range(2):
            shifted = replace(conditions, shift=shift)
            readings = read_curves(self._result(self.samples[0], shifted, _grid(self.references, shifted)).curves)
            predicted = readings["absorption_peak"]
            if calibrate.quantity == "emission":
                predicted = HC_EV_NM / readings["emission_wavelength"]
            shift += calibrate.energy_eV - predicted
        return shift

    def results(self, conditions: Conditions) -> list[SampleResult]:
        """Curves of every sample with what their errors are made of."""
        grid = _grid(self.references, conditions)
        return [self._result(sample, conditions, grid) for sample in self.samples]

    def _result(self, sample: Sample, conditions: Conditions, grid: Floats) -> SampleResult:
        parts = self.references[sample.name]
        last = replace(conditions, extrapolated=False)
        prepared = [(share, prepare_light(light, conditions)) for share, light in parts]
        return SampleResult(
            sample=sample,
            prepared=prepared,
            mean=_mean(prepared, grid, conditions),
            unextrapolated=_mean([(share, prepare_light(light, last)) for share, light in parts], grid, last),
            ensemble=self._ensemble(sample, conditions, grid),
            impossible=sum(int(np.sum(~shapes.possible)) for shapes in self.shapes.get(sample.name, ())),
        )

    def _ensemble(self, sample: Sample, conditions: Conditions, grid: Floats) -> EnsembleSpectrum | None:
        if sample.name not in self.shapes:
            return None
        groups = [
            GroupLight(
                group=shapes.group,
                lengths=shapes.lengths,
                answers=self.shape_answers[id(shapes)],
                reference=self._reference(shapes.group),
                possible=shapes.possible,
                exact=self.exact,
            )
            for shapes in self.shapes[sample.name]
        ]
        return ensemble_spectrum(groups, grid, conditions)

    def _reference(self, group: Group) -> MoleculeLight:
        """Optical properties of a group's mean, which is solved more accurately than the shapes."""
        mean = without_ensemble(group.spec)
        for sample in self.samples:
            for (_, particle), (_, light) in zip(sample.particles, self.references[sample.name], strict=True):
                if without_ensemble(particle) == mean:
                    return light
        message = "the mean of a group of particles is none of the samples"
        raise AssertionError(message)

    def sweep(self, conditions: Conditions) -> FieldSweep | None:
        """Emission of the molecule in every applied field."""
        if not self.fields:
            return None
        grid = _grid(self.references, conditions)
        return sweep_fields(self.fields, self.field_answers, len(self.spec.molecule.dots), grid, conditions)


def _group_shapes(sample: Sample, store: Store, *, exact: bool) -> list[_GroupShapes]:
    """The groups of particles of a sample with the shapes that are solved for each."""
    parts = []
    for group in groups_of(sample):
        possible = ~impossible_members(group, store)
        parts.append(_GroupShapes(group, group.values[possible] if exact else group.shapes(), possible))
    return parts


def _reference_order(particle: Spec, *, spacing: Mapping[str, float] | None) -> Order:
    """Order of one kind of particle of a sample without its ensemble."""
    bases = MONOMER_BASES if len(particle.molecule.dots) == 1 else MOLECULE_BASES
    cuts = None if spacing is None else (spacing["electron"], spacing["hole"])
    return Order(without_ensemble(particle), LightRequest(bases, particle.calculation.exchange, cuts))


def _solved(answer: Answer) -> MoleculeLight:
    """Optical properties of a molecule without which there is no spectrum."""
    if answer.light is None:
        raise SolverError(answer.reason)
    return answer.light


def _member(group: Group, lengths: Floats) -> Spec | InputError:
    """Spec of a shape, or the error that refuses it."""
    try:
        return group.member(lengths)
    except InputError as error:
        return error


def _mean(prepared: Sequence[tuple[float, Prepared]], grid: Floats, conditions: Conditions) -> Curves:
    """Mean over a sample's particles without the ensemble."""
    curves = [dot_curves(particle, grid, conditions) for _, particle in prepared]
    weight = np.array([share for share, _ in prepared])
    absorption, emission = zip(*curves, strict=True)
    return mean_curves(grid, [a.sum(axis=1) for a in absorption], [e.sum(axis=1) for e in emission], weight)


def _grid(references: References, conditions: Conditions) -> Floats:
    """Photon energies (n,), evenly spaced."""
    first = min(light.band_gap + float(light.edge[-1].energy[0]) for parts in references.values() for _, light in parts)
    step = min(GRID_STEP, conditions.broadening.deviation / POINTS_PER_DEVIATION)
    low = first + conditions.shift - GRID_MARGIN - conditions.broadening.stokes
    if low >= GRID_END:
        allowed = f"such that the edge lies below {GRID_END} eV"
        raise InputError(field="calibrate", value=conditions.shift, allowed=allowed)
    return np.arange(low, GRID_END + step, step)


def _warnings(spec: Spec, results: Sequence[SampleResult], sweep: FieldSweep | None) -> tuple[str, ...]:
    """Warnings about the results, without duplicates."""
    warnings = [note for result in results for _, particle in result.prepared for note in particle.light.notes]
    for result in results:
        warnings += _sample_warnings(spec, result)
    warnings += [text for result in results for text in _mixture_remark(result)]
    if sweep is not None and sweep.failed:
        warnings.append(f"{len(sweep.failed)} of {len(sweep.fields)} fields could not be solved.")
    return tuple(dict.fromkeys([*warnings, *_bulk_warning(results)]))


def _sample_warnings(spec: Spec, result: SampleResult) -> Iterator[str]:
    name = result.sample.name
    error, tolerance = 1000 * result.edge_error, spec.calculation.ci_tolerance
    if error > tolerance:
        text = f"The band edge of the {name} sample has an error of {error:.2g} meV"
        yield f"{text}, not to the tolerance of {tolerance:g} meV."
    for _, particle in result.prepared:
        pairs = particle.light.pairs
        if pairs.box is not None:
            yield (
                f"Above {particle.light.band_gap + pairs.box:.2f} eV pairs of the {name} sample have one carrier above "
                "the barrier of the medium: these levels depend on the computational box, whose wall is "
                f"{pairs.wall:.2f} nm outside the surface."
            )
    if result.impossible:
        yield (
            f"{result.impossible} particles of the {name} sample have impossible shapes (overlapping cores, or necks "
            "wider than dots) and were discarded."
        )
    if spec.environment.temperature > min(hottest(particle.light) for _, particle in result.prepared):
        yield (
            f"At {spec.environment.temperature:g} K excitons above those computed are populated in the {name} sample; "
            "its emission and lifetime neglect them."
        )
    for number in result.sample.left_out:
        material = spec.molecule.dots[number].core.material
        yield (
            f"Dot {number} ({material}) alone binds no level of one carrier, so it is not part of the {name} sample."
        )


def _mixture_remark(result: SampleResult) -> Iterator[str]:
    """Composition of a sample of several kinds of particles."""
    if len(result.prepared) > 1:
        shares = ", ".join(f"{100 * share:.0f} %" for share, _ in result.prepared)
        yield f"The {result.sample.name} sample is a mixture of the unlike dots of the molecule: {shares}."


def _bulk_warning(results: Sequence[SampleResult]) -> Iterator[str]:
    """Warning about absorption at 300 nm below the bulk value, for the sample with the lowest ratio."""
    ratios = [
        CM2 * result.readings["cross_section_300nm"] / bulk for result in results if (bulk := result.bulk_cross_section)
    ]
    if ratios and min(ratios) <= MIN_BULK_RATIO:
        yield (
            f"At 300 nm the predicted absorption is {min(ratios):.2f} times that of the bulk in the material set, and "
            "too low by a similar factor in the whole range `bulk`: the model uses a single hole band. The stated "
            "errors do not include this deviation, which is the same in all samples."
        )
