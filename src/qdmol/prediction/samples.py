"""Samples of a spec and the groups of particles of an ensemble.

Samples are the single dots of a molecule, the dots side by side, and the molecule itself. A group holds an ensemble's
particles with the same lengths to vary: molecules, or single dots of one kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Floats, Indices
from qdmol.errors import InputError
from qdmol.jobs import Store, job_key
from qdmol.optics import light_of
from qdmol.prediction.surrogate import fewest_shapes
from qdmol.structure import (
    AxialMolecule,
    LinkerNeck,
    ParameterRange,
    Spec,
    draw_members,
    member_spec,
    parameters_of,
    resolve,
    spec_mapping,
    update_mapping,
    without_ensemble,
)
from qdmol.study import SOLVER_SOURCE

CUTOFF: Final = 3.0  # standard deviations, as in the drawing of members
IMPOSSIBLE_RECORD = "qdmol.prediction.records:ImpossibleMembers"


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
            allowed="true for a spectrum if permittivities differ between regions: with the attraction alone, shifts "
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


@dataclass(frozen=True, eq=False)
class Group:
    """Particles of one kind: the spec of their mean with its ensemble, and the lengths `values` (members, P) in nm.

    `number` (members,) is the number of the molecule that each particle is or comes from, since samples of the same
    molecules are compared molecule by molecule.
    """

    spec: Spec
    values: Floats
    number: Indices

    @cached_property
    def parameters(self) -> tuple[ParameterRange, ...]:
        """The lengths that vary."""
        return parameters_of(self.spec)

    @property
    def dots(self) -> int:
        """Number of dots of each particle."""
        return len(self.spec.molecule.dots)

    @cached_property
    def pooled(self) -> bool:
        """Whether a dot and its mirror image are of one kind: the mean is symmetric and all dots vary alike."""
        return self.dots > 1 and resolve(without_ensemble(self.spec)).mirror_symmetric

    def scaled(self, values: Floats) -> Floats:
        """Lengths (s, P) in standard deviations from their means."""
        means = np.array([length.mean for length in self.parameters])
        deviations = np.array([length.deviation for length in self.parameters])
        return np.asarray((values - means) / deviations)

    def order(self, dot: int) -> tuple[Indices, int]:
        """Numbers (P,) of the lengths ordered for one dot, its own first, and the number of its own."""
        mirrored = self.pooled and dot > (self.dots - 1) / 2
        others = [neighbour for neighbour in range(self.dots) if neighbour != dot]
        necks = [k for k, length in enumerate(self.parameters) if length.name.startswith("neck")]
        if mirrored:
            others, necks = others[::-1], necks[::-1]
        own = self._of_dot(dot)
        of_others = [k for neighbour in others for k in self._of_dot(neighbour)]
        return np.array([*own, *of_others, *necks], dtype=np.intp), len(own)

    def kind(self, dot: int) -> int:
        """Number of a dot's kind; dots of one kind share a polynomial."""
        return min(dot, self.dots - 1 - dot) if self.pooled else dot

    def _of_dot(self, dot: int) -> list[int]:
        return [k for k, length in enumerate(self.parameters) if length.name.startswith(f"dot {dot} ")]

    def shapes(self) -> Floats:
        """Lengths (shapes, P) of the molecules to be solved, spread evenly over the distribution.

        They follow the additive recurrence of the root of x^(P+1) = x + 1, which leaves no gaps and no clusters (H.
        Niederreiter, Random Number Generation and Quasi-Monte Carlo Methods, SIAM 1992, section 3.1, for such
        sequences).
        """
        lengths = len(self.parameters)
        count = fewest_shapes(lengths, rows_a_shape=2 if self.pooled else 1)
        root = 2.0
        for _ in range(60):
            root = (1 + root) ** (1 / (lengths + 1))
        steps = root ** -np.arange(1.0, lengths + 1)
        even = (0.5 + np.arange(1, count + 1)[:, None] * steps) % 1.0
        normal = NormalDist()
        tail = normal.cdf(-CUTOFF)
        means = np.array([length.mean for length in self.parameters])
        deviations = np.array([length.deviation for length in self.parameters])
        spread = np.vectorize(normal.inv_cdf, otypes=[np.float64])(tail + (1 - 2 * tail) * even)
        return np.asarray(means + deviations * spread)

    def member(self, values: Floats) -> Spec:
        """Spec of one particle; InputError if it cannot exist."""
        return member_spec(self.spec, values)


def groups_of(sample: Sample) -> list[Group]:
    """Particles of a sample by kind; a sample of single dots has all dots of the molecules.

    Raises
    ------
    InputError
        The ensemble is invalid.
    """
    spec = sample.spec
    assert spec.ensemble is not None
    drawn = draw_members(spec, rng=np.random.default_rng(spec.ensemble.seed))
    numbers, dots = np.arange(len(drawn.values)), spec.molecule.dots
    if len(dots) == 1:
        return [Group(spec, drawn.values, numbers)]
    if sample.single is not None:
        alike = [[k for k, dot in enumerate(dots) if dot == dots[first]] for first in sample.single]
        return [_singles(spec, drawn.values, [(k, numbers) for k in equal]) for equal in alike]
    whole = numbers[~drawn.monomer]
    groups = [Group(spec, drawn.values[whole], whole)] if len(whole) else []
    kinds = {k: dots.index(dot) for k, dot in enumerate(dots)}
    for first in dict.fromkeys(kinds.values()):
        parts = [(k, numbers[drawn.monomer & (drawn.dot == k)]) for k in kinds if kinds[k] == first]
        if any(len(chosen) for _, chosen in parts):
            groups.append(_singles(spec, drawn.values, parts))
    return groups


def _singles(spec: Spec, values: Floats, parts: list[tuple[int, Indices]]) -> Group:
    """Single dots of some molecules; `parts` are the dot's number and the molecules' numbers."""
    names = [length.name for length in parameters_of(spec)]
    rows = [
        values[chosen][:, [k for k, name in enumerate(names) if name.startswith(f"dot {dot} ")]]
        for dot, chosen in parts
    ]
    numbers = np.concatenate([chosen for _, chosen in parts])
    return Group(single_dot(spec, parts[0][0]), np.concatenate(rows), numbers)


def single_dot(spec: Spec, dot: int) -> Spec:
    """Spec of one dot of a molecule alone, with the variation of dots of its ensemble."""
    data = spec_mapping(spec)
    data["molecule"] = {"dots": [data["molecule"]["dots"][dot]]}
    if "ensemble" in data:
        for key in ("neck", "monomers"):
            data["ensemble"].pop(key, None)
    return update_mapping(data, {}, folder=spec.folder)


def impossible_members(group: Group, store: Store) -> NDArray[np.bool_]:
    """Return which particles (members,) cannot exist (overlapping cores, necks wider than dots); kept on disk."""
    source = (*SOLVER_SOURCE, "prediction/samples.py")
    key = job_key("impossible", repr((spec_mapping(group.spec), _digits(group.values))), source=source)
    record = store.read(key, IMPOSSIBLE_RECORD)
    if record is None or any(number >= len(group.values) for number in record["impossible"]):
        numbers = [number for number, values in enumerate(group.values) if not _possible(group, values)]
        record = {"status": "done", "impossible": numbers}
        store.open()
        store.write(key, record)
    impossible = np.zeros(len(group.values), dtype=np.bool_)
    impossible[record["impossible"]] = True
    return impossible


def _digits(values: Floats) -> tuple[int, str]:
    """Number of rows and exact sum of an array, which distinguish ensembles of one spec."""
    return len(values), float(values.sum()).hex()


def _possible(group: Group, values: Floats) -> bool:
    try:
        resolve(group.member(values))
    except InputError:
        return False
    return True
