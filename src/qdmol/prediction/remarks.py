"""Warnings that go with predicted spectra."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from qdmol.optics import hottest
from qdmol.prediction.evaluation import CM2, SampleResult
from qdmol.prediction.fields import FieldSweep
from qdmol.structure import Spec

# Part of the bulk's absorption at 300 nm below which a warning is given.
MIN_BULK_RATIO: Final = 0.7


def spectrum_warnings(spec: Spec, results: Sequence[SampleResult], sweep: FieldSweep | None) -> tuple[str, ...]:
    """Everything a user must know beside the numbers, each sentence once."""
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
        text = f"The band edge of the {name} sample is known to {error:.2g} meV"
        yield f"{text}, not to the tolerance of {tolerance:g} meV."
    for _, particle in result.prepared:
        pairs = particle.light.pairs
        if pairs.box is not None:
            yield (
                f"Above {particle.light.band_gap + pairs.box:.2f} eV pairs of the {name} sample have one carrier above "
                "the barrier of the medium: these levels belong to the box of the calculation, whose wall is "
                f"{pairs.wall:.2f} nm outside the surface."
            )
    if result.impossible:
        yield (
            f"{result.impossible} particles of the {name} sample have impossible shapes (overlapping cores, or necks "
            "wider than dots) and are left out."
        )
    if spec.environment.temperature > min(hottest(particle.light) for _, particle in result.prepared):
        yield (
            f"At {spec.environment.temperature:g} K excitons above those computed are populated in the {name} sample; "
            "its emission and lifetime neglect them."
        )
    for number in result.sample.left_out:
        material = spec.molecule.dots[number].core.material
        yield (
            f"Dot {number} ({material}) alone binds no level of one carrier, so that it is left out of the {name} "
            "sample."
        )


def _mixture_remark(result: SampleResult) -> Iterator[str]:
    """Composition of a sample of several kinds of particles."""
    if len(result.prepared) > 1:
        shares = ", ".join(f"{100 * share:.0f} %" for share, _ in result.prepared)
        yield f"The {result.sample.name} sample is a mixture of the molecule's unlike dots: {shares}."


def _bulk_warning(results: Sequence[SampleResult]) -> Iterator[str]:
    """How far absorption at 300 nm is below that of the bulk, in the sample where it is lowest."""
    ratios = [
        CM2 * result.readings["cross_section_300nm"] / bulk for result in results if (bulk := result.bulk_cross_section)
    ]
    if ratios and min(ratios) <= MIN_BULK_RATIO:
        yield (
            f"At 300 nm the predicted absorption is {min(ratios):.2f} times that of the bulk in the material set, and "
            "too low by a similar factor in the whole range `bulk`: the model has a single hole band. The stated "
            "errors do not contain this, which is the same in all samples."
        )
