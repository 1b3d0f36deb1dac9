"""Samples of a molecule's spec: its single dots, the dots side by side, and the molecule itself."""

from __future__ import annotations

from dataclasses import dataclass

from qdmol.errors import InputError
from qdmol.optics import light_of
from qdmol.structure import AxialMolecule, LinkerNeck, Spec, resolve, spec_mapping, update_mapping


@dataclass(frozen=True)
class Sample:
    """A sample: the spec of each kind of particle with its share of the particles; `spec` is that of the whole sample.

    In a sample of single dots, `single` are their numbers in the molecule, and `left_out` those of dots that bind no
    level alone; `single` is None for molecules.
    """

    name: str
    spec: Spec
    particles: tuple[tuple[float, Spec], ...]
    single: tuple[int, ...] | None = None
    left_out: tuple[int, ...] = ()


def samples_of(spec: Spec, *, linker: float) -> tuple[Sample, ...]:
    """Samples of a spec: monomer, unfused and fused.

    A single dot has the monomer only, dots that are joined by a linker have no fused sample. In the unfused sample the
    same dots have `linker` nm of medium between them (0.3 nm is the linker of Cui et al., Nat. Commun. 10, 5401 (2019),
    doi:10.1038/s41467-019-13349-1).

    Raises
    ------
    InputError
        No spectrum can be predicted for the spec.
    """
    molecule = resolve(spec)
    light_of(molecule)
    refuse_unfit(molecule)
    dots = spec.molecule.dots
    if len(dots) == 1:
        return (Sample("monomer", spec, ((1.0, spec),)),)
    monomer = _monomer_sample(spec)
    if not spec.molecule.neck.fused:
        return monomer, Sample("unfused", spec, ((1.0, spec),))
    apart = _apart(spec, linker)
    return monomer, Sample("unfused", apart, ((1.0, apart),)), Sample("fused", spec, ((1.0, spec),))


def _monomer_sample(spec: Spec) -> Sample:
    """Single dots of the molecule without those that bind no level alone; InputError if none does."""
    dots = spec.molecule.dots
    bound: dict[int, Spec] = {}
    refused: dict[int, InputError] = {}
    for number in [dots.index(dot) for dot in dict.fromkeys(dots)]:
        alone = _alone(spec, number)
        try:
            resolve(alone)
        except InputError as error:
            refused[number] = error
        else:
            bound[number] = alone
    if not bound:
        number, reason = next(iter(refused.items()))
        raise InputError(
            field=reason.field.replace("dots[0]", f"dots[{number}]"), value=reason.value, allowed=reason.allowed
        )
    total = sum(dots.count(dots[number]) for number in bound)
    particles = tuple((dots.count(dots[number]) / total, alone) for number, alone in bound.items())
    return Sample("monomer", spec, particles, tuple(bound), tuple(refused))


def refuse_unfit(molecule: AxialMolecule) -> None:
    """Refuse a molecule whose gap would shift with the wrong sign."""
    if len({p.permittivity for p in molecule.parameters.values()}) > 1 and molecule.interface_width is None:
        raise InputError(
            field="calculation.self_polarisation",
            value=False,
            allowed="true for a spectrum if permittivities differ between regions: with the attraction alone shifts "
            "have the wrong sign",
        )


def _alone(spec: Spec, number: int) -> Spec:
    """Spec of one dot of the molecule alone."""
    data = spec_mapping(spec)
    data["molecule"] = {"dots": [data["molecule"]["dots"][number]]}
    data.pop("ensemble", None)
    return update_mapping(data, {}, folder=spec.folder)


def _apart(spec: Spec, linker: float) -> Spec:
    """Spec of the same dots with a gap of medium between them, equal for all particles."""
    data = spec_mapping(spec)
    data["molecule"] = {"dots": data["molecule"]["dots"], "neck": {LinkerNeck.key: linker}}
    if "ensemble" in data:
        data["ensemble"].pop("neck", None)
    return update_mapping(data, {}, folder=spec.folder)
