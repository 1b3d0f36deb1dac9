"""Excitons, trions, biexcitons of the samples: `python -m benchmarks.complexes` writes the tables of the docs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qdmol.ci import ComplexState, parse_complexes, solve_complexes
from qdmol.errors import InputError
from qdmol.estimates import Estimate
from qdmol.results import format_measured
from qdmol.study import solve
from qdmol.study.job import Job

TABLES = Path(__file__).parents[1] / "docs" / "_generated" / "complexes.md"
UNIFORM, REAL = "cdse-cds-single-band", "cdse-cds-real-permittivities"
SAMPLES = ((1.2, 2.1), (1.4, 2.1), (1.9, 4.0))
NECKS = (1.5, 4.0, 6.2)  # nm
OFFSETS = (0.10, 0.32)  # eV
# On every extrapolated energy, meV.
TOLERANCE = 0.2
MEASURED = 10.0  # meV, the shift on fusion is above this

Place = Mapping[str, Any]
REFERENCE: Place = {"spacing": 5.2, "neck": "merged"}


@dataclass(frozen=True)
class Case:
    """A dimer of a sample: how its dots are placed, and the conduction offset (eV)."""

    core: float
    shell: float
    place: Place
    offset: float

    def spec(self, materials: str) -> dict[str, Any]:
        """The spec with uniform or real permittivities."""
        dot = {
            "core": {"material": "CdSe", "radius": self.core},
            "shells": [{"material": "CdS", "thickness": self.shell}],
        }
        return spec_of([dot, dot], self.place, materials, self.offset)

    @property
    def cells(self) -> tuple[str, ...]:
        """Sample, neck and offset as the tables have them."""
        neck = self.place["neck"]
        width = f"{neck['merged']:g} nm" if isinstance(neck, Mapping) else "5.2 nm apart"
        return f"{self.core:g}/{self.shell:.1f}", width, f"{self.offset:.2f}"


def spec_of(dots: Sequence[Mapping[str, Any]], place: Place, materials: str, offset: float) -> dict[str, Any]:
    """Two electron levels, one hole, by configuration interaction."""
    calculation = {"electrons": 2, "holes": 1, "coulomb": "ci", "ci_tolerance": TOLERANCE}
    return {
        "qdmol": 1,
        "materials": materials,
        "overrides": {"CdS": {"conduction_offset": offset}},
        "molecule": {"dots": list(dots), **place},
        "calculation": {**calculation, "self_polarisation": materials == REAL},
    }


def cases() -> Iterable[Case]:
    """The reference dimer, then every sample, neck and offset."""
    yield Case(1.4, 2.1, REFERENCE, 0.10)
    for core, shell in SAMPLES:
        for offset in OFFSETS:
            for neck in NECKS:
                yield Case(core, shell, {"neck": {"merged": neck}}, offset)


# ---------------------------------------------------------------- spacing and red shift


def text(estimate: Estimate | None) -> str:
    """In meV with its error."""
    return "none" if estimate is None else format_measured(1000 * estimate.value, 1000 * estimate.error)


def mean_field(job: Job) -> Job:
    """The same molecule with the self-consistent pair only."""
    return replace(job, interacting=None)


def spacing_of(job: Job) -> Estimate | None:
    """Of the doublets."""
    from qdmol.study.interacting import spacing_of as found

    assert job.interacting is not None
    return found(job.interacting.exciton, job.molecule)


def row(case: Case) -> tuple[str, str, float | None]:
    """A row of each table, and the largest red shift by configuration interaction (meV)."""
    try:
        uniform, real = (solve(case.spec(materials)).job for materials in (UNIFORM, REAL))
    except InputError:
        return _row(*case.cells, *["the cores would overlap"], *[""] * 4), "", None
    assert uniform.interacting is not None
    exciton = uniform.interacting.exciton.energy
    energies = _row(
        *case.cells,
        text(uniform.solution.splitting),
        text(uniform.solution.spacing),
        text(spacing_of(uniform)),
        text(spacing_of(real)),
        format_measured(exciton.value, exciton.error),
    )
    shifts = [mean_field(uniform).redshift, uniform.redshift, mean_field(real).redshift, real.redshift]
    largest = max(1000 * shift.value for shift in (uniform.redshift, real.redshift) if shift is not None)
    print(energies, [text(shift) for shift in shifts], flush=True)
    return energies, _row(*case.cells, text(uniform.redshift_single_particle), *map(text, shifts)), largest


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _table(head: Sequence[str], rows: Iterable[str]) -> list[str]:
    return [_row(*head), _row(*["---"] * 3, *["---:"] * (len(head) - 3)), *rows, ""]


def shifts() -> list[str]:
    """Two tables, and what is above the measured shift."""
    listed = list(cases())
    rows = [row(case) for case in listed]
    head = ("radius/shell, nm", "neck", "offset, eV")
    energies = ("splitting", "spacing, mean field", "spacing, CI", "the same, real ε", "exciton, eV")
    shifted = ("bare levels", "uniform ε, mean field", "uniform ε, CI", "real ε, mean field", "real ε, CI")
    above = [", ".join(case.cells) for case, found in zip(listed, rows, strict=True) if (found[2] or 0) > MEASURED]
    largest = max(found[2] for found in rows if found[2] is not None)
    verdict = f"Red shifts by configuration interaction above {MEASURED:g} meV: {'; '.join(above) or 'none'}. "
    return [
        "### Spacing of the doublets (meV)\n",
        *_table((*head, *energies), [found[0] for found in rows]),
        "### Red shift (meV)\n",
        *_table((*head, *shifted), [found[1] for found in rows if found[1]]),
        f"{verdict}The largest is {largest:.1f} meV.\n",
    ]


# ---------------------------------------------------------------- where the carriers are


def dimer(*cores: float) -> Job:
    """Two dots with shells of 2.1 nm, 5.2 nm apart."""
    dots = [
        {"core": {"material": "CdSe", "radius": r}, "shells": [{"material": "CdS", "thickness": 2.1}]} for r in cores
    ]
    return solve(spec_of(dots, REFERENCE if len(cores) > 1 else {}, UNIFORM, 0.10)).job


def states(job: Job, name: str, count: int, tolerance: float = 1.0) -> tuple[ComplexState, ...]:
    """The lowest levels of a complex; the tolerance in meV."""
    (one,) = parse_complexes(name)
    return solve_complexes(job.solution, [one], states=count, tolerance=tolerance / 1000)[one].states


def trions() -> list[str]:
    """Where the electrons of X, X-, X+ and XX are, in the dimer and in one with unlike cores."""
    head = ("cores, nm", "", "is", "away from the hole", "electron in dot 0, 1", "hole in dot 0, 1", "in one orbital")
    rows = []
    for cores in ((1.4, 1.4), (1.35, 1.4)):
        job = dimer(*cores)
        for name in ("X", "X-", "X+", "XX"):
            place = states(job, name, 2)[0].placement
            parts = [
                " and ".join(f"{100 * share:.0f} %" for share in part)
                for part in (place.electron_dots, place.hole_dots)
            ]
            away = f"{100 * (1 - place.electron_hole):.1f} %"
            cells = (" and ".join(f"{core:g}" for core in cores), name, str(place.label), away)
            rows.append(_row(*cells, *parts, f"{100 * place.shared:.0f} %"))
            print(rows[-1], flush=True)
    return ["### Where the electrons are\n", *_table(head, rows)]


def biexcitons() -> list[str]:
    """Biexcitons with the holes apart and in one dot, beside the monomer's."""
    head = ("", "holes", "is", "energy, eV", "bound by, meV", "same dot e-h", "e-e", "h-h")
    job, alone = dimer(1.4, 1.4), dimer(1.4)
    rows = []
    for where, part, name in (("dimer", job, "XX"), ("monomer", alone, "XX")):
        exciton = states(part, "X", 1)[0].energy
        found = states(part, name, 6 if part is job else 1, 2.0)
        apart = next((one for one in found if (one.placement.hole_hole or 0) < 0.5), None)
        together = next(one for one in found if (one.placement.hole_hole or 0) > 0.5)
        for state in (apart, together):
            if state is not None:
                rows.append(_biexciton(where, state, exciton))
                print(rows[-1], flush=True)
    return ["### Biexcitons\n", *_table(head, rows)]


def _biexciton(where: str, state: ComplexState, exciton: Estimate) -> str:
    place = state.placement
    error = 2 * exciton.error + state.energy.error
    binding = Estimate.from_error(2 * exciton.value - state.energy.value, error, "eV")
    shares = (place.electron_hole, place.electron_electron or 0.0, place.hole_hole or 0.0)
    holes = "together" if (place.hole_hole or 0) > 0.5 else "apart"
    energy = format_measured(state.energy.value, state.energy.error)
    return _row(where, holes, place.label or "", energy, text(binding), *(f"{share:.2f}" for share in shares))


def main() -> int:
    """Compute and write."""
    lines = [*trions(), *biexcitons(), *shifts()]
    TABLES.write_text("\n".join(lines), encoding="utf-8")
    print(TABLES.read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
