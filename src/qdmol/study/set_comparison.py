"""Material sets compared: every set on the same dot, and the size dependence of bare cores beside published curves.

Single dots are solved with the self-consistent pair of an electron and a hole; self-polarisation is included where the
permittivities of a set differ, without which there is no gap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qdmol.arrays import Floats
from qdmol.errors import SolverError
from qdmol.estimates import Estimate
from qdmol.materials import MEDIUM, MaterialSet, list_sets, load_set
from qdmol.spectroscopy import PublishedSizes, published_sizes
from qdmol.structure import read_spec
from qdmol.study.solution import Solution

_BARE_POINTS = 8  # diameters of a computed sizing curve


@dataclass(frozen=True, slots=True)
class SetOnDot:
    """A material set on one core/shell dot.

    Attributes
    ----------
    name : str
        Of the set.
    materials : tuple of str
        Core and shells from the inside out.
    published_type : str or None
        Type of the band alignment as published, I or II; None for a core without shell.
    offsets_type : str or None
        Type that the offsets of core and first shell give: I, inverse I or II.
    bulk_gap : float
        Gap of the core material, eV.
    gap : Estimate
        Energy of the exciton, eV.
    electron, hole : Estimate
        Lowest levels without attraction, from the band edges of the core material, eV; below zero where the shell has
        the lower edge.
    electron_in_core, hole_in_core : float
        Probability of each carrier in the core, with attraction.
    """

    name: str
    materials: tuple[str, ...]
    published_type: str | None
    offsets_type: str | None
    bulk_gap: float
    gap: Estimate
    electron: Estimate
    hole: Estimate
    electron_in_core: float
    hole_in_core: float


@dataclass(frozen=True, slots=True)
class BareCoreSizes:
    """Gap (eV) of bare cores over their diameter (nm) by a material set, with published sizing data beside it."""

    name: str
    material: str
    bulk_gap: float
    diameter_nm: Floats
    gap_ev: Floats
    published: tuple[PublishedSizes, ...]


def compare_sets(
    names: Sequence[str] | None = None,
    *,
    core_radius: float = 1.5,
    shell_thickness: float = 1.5,
    tolerance: float = 1.0,
) -> tuple[SetOnDot, ...]:
    """Solve the same dot with several material sets.

    The core is the reference material of a set. Its shells are that of the published alignment, then every other
    material with a layer thickness in the order of the file, each of equal thickness; without any the core is bare.

    Parameters
    ----------
    names
        Names or paths of sets; all that are found by name if None.
    core_radius, shell_thickness
        In nm; the thickness is that of all shells together.
    tolerance
        Allowed error of the levels, meV.

    Returns
    -------
    tuple of SetOnDot
        In the order of the names.

    Raises
    ------
    qdmol.errors.InputError
        A set or a size is invalid, or no level is bound.
    qdmol.errors.SolverError
        A dot has no bound pair of an electron and a hole.
    """
    return tuple(
        _on_dot(load_set(name), name, core_radius, shell_thickness, tolerance) for name in names or list_sets()
    )


def _shells(material_set: MaterialSet) -> tuple[str, ...]:
    """Materials of the shells: those of the published alignment first; ligands, which have no lattice, left out."""
    published = material_set.alignment
    first = () if published is None else (published.shell,)
    others = tuple(
        name
        for name, values in material_set.materials.items()
        if name not in (material_set.reference, MEDIUM, *first) and "layer_thickness" in values
    )
    return first + others


def _on_dot(
    material_set: MaterialSet, name: str, core_radius: float, shell_thickness: float, tolerance: float
) -> SetOnDot:
    core, shells = material_set.reference, _shells(material_set)
    layers = [{"material": shell, "thickness": shell_thickness / len(shells)} for shell in shells]
    solution = _solved(material_set, name, core_radius, layers, tolerance)
    published = material_set.alignment
    return SetOnDot(
        name=material_set.name,
        materials=(core, *shells),
        published_type=None if published is None else published.type,
        offsets_type=material_set.alignment_type(core, shells[0]) if shells else None,
        bulk_gap=material_set.band_gap(core),
        gap=_gap(solution),
        electron=solution.levels.electron[0].energy,
        hole=solution.levels.hole[0].energy,
        electron_in_core=_probability_within(solution, "electron", core_radius),
        hole_in_core=_probability_within(solution, "hole", core_radius),
    )


def _solved(
    material_set: MaterialSet,
    name: str,
    core_radius: float,
    layers: Sequence[Mapping[str, object]],
    tolerance: float,
) -> Solution:
    from qdmol.study.solving import solve  # loads the solver, which the figures of the results do not need

    permittivities = {values["permittivity"].value for values in material_set.materials.values()}
    return solve(
        read_spec(
            {
                "qdmol": 1,
                "name": f"{material_set.name}, core radius {core_radius:g} nm",
                "materials": name,
                "molecule": {
                    "dots": [
                        {
                            "core": {"material": material_set.reference, "radius": core_radius},
                            "shells": [dict(layer) for layer in layers],
                        }
                    ]
                },
                "calculation": {
                    "electrons": 1,
                    "holes": 1,
                    "coulomb": "self-consistent",
                    "tolerance": tolerance,
                    "self_polarisation": len(permittivities) > 1,
                },
            }
        )
    )


def _gap(solution: Solution) -> Estimate:
    """Gap of a solution; SolverError if it has none."""
    if solution.gap is None:
        reason = " ".join(solution.warnings) or "no pair of an electron and a hole is bound"
        raise SolverError(f"{solution.spec.name}: there is no gap. {reason}")
    return solution.gap


def _probability_within(solution: Solution, carrier: str, radius: float) -> float:
    """Probability of the carrier of the pair within a radius (nm) of the centre of a spherical dot.

    The state is spherical, so its density along the axis is that of every direction: integral of z^2 |psi|^2.
    """
    density = solution.data[f"{carrier}_coulomb_density_axis"].to_numpy()
    density = density[0] if density.ndim > 1 else density
    z = solution.data["z"].to_numpy()
    weight = z**2 * density
    inside = np.abs(z) <= radius
    return float(np.trapezoid(np.where(inside, weight, 0.0), z) / np.trapezoid(weight, z))


def size_bare_cores(name: str, *, diameters: Sequence[float] | None = None, tolerance: float = 1.0) -> BareCoreSizes:
    """Gap of bare cores of the reference material of a set, over their diameter.

    Parameters
    ----------
    name
        Name or path of a set.
    diameters
        In nm; by default over the range of the published data.
    tolerance
        Allowed error of the levels, meV.

    Returns
    -------
    BareCoreSizes
        With the published sizing data of the material.

    Raises
    ------
    qdmol.errors.InputError
        A set or a diameter is invalid, no level is bound, or no sizing data of the material are included.
    """
    material_set = load_set(name)
    published = published_sizes(material_set.reference)
    if diameters is None:
        low = min(curve.diameter_nm.min() for curve in published)
        high = max(curve.diameter_nm.max() for curve in published)
        # closer where the gap is steep: equal steps of the inverse diameter
        diameters = [float(d) for d in 1 / np.linspace(1 / low, 1 / high, _BARE_POINTS)]
    gaps = [_gap(_solved(material_set, name, diameter / 2, (), tolerance)).value for diameter in diameters]
    return BareCoreSizes(
        name=material_set.name,
        material=material_set.reference,
        bulk_gap=material_set.band_gap(material_set.reference),
        diameter_nm=np.asarray(diameters, dtype=np.float64),
        gap_ev=np.array(gaps),
        published=published,
    )
