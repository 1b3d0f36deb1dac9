"""From neighbours and necks to centres on the axis and the bridges between them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from qdmol.errors import InputError
from qdmol.structure.molecule import Bridge, PlacedDot, PlacedLayer
from qdmol.structure.necks import FilledNeck, LinkerNeck, MergedNeck
from qdmol.structure.schema import Molecule

AGREEMENT = 1e-6  # nm, between a neck that fixes the spacing and a spacing that is given as well
NAMED = 1e-6  # nm: digits of a largest diameter that is named
TOUCHING = 1e-9  # nm: cores that touch do not overlap, whatever the rounding of their sum

Layers = tuple[PlacedLayer, ...]


@dataclass(frozen=True, slots=True)
class _Bond:
    """Two neighbours, the one at lower z first, and the distance the spec asks for (None: the neck decides)."""

    low: int
    high: int
    distance: float | None
    field: str


def place(molecule: Molecule, bodies: Sequence[Layers]) -> tuple[tuple[PlacedDot, ...], tuple[Bridge, ...], list[str]]:
    """Return the dots on the axis (z = 0 midway between the outer ones), the bridges, and what there is to note.

    ``bodies`` are the layers of each dot, inner to outer. Raises InputError for distances that disagree, a neck wider
    than its dots, and cores that overlap.
    """
    notes = _unused(molecule)
    bonds = _bonds(molecule, bodies)
    _refuse_wide_merged(molecule, bodies, bonds)
    distances = [_distance(molecule, bodies, bond) for bond in bonds]
    centres = _centres(bonds, distances)
    _refuse_overlaps(molecule, bodies, centres)
    dots = tuple(PlacedDot(z=z, layers=layers) for z, layers in zip(centres, bodies, strict=True))
    bridges = []
    for bond in bonds:
        bridge = _bridge(molecule, dots, bond)
        if isinstance(bridge, str):
            notes.append(bridge)
        elif bridge is not None:
            bridges.append(bridge)
    return dots, tuple(bridges), notes


def _unused(molecule: Molecule) -> list[str]:
    if len(molecule.dots) > 1:
        return []
    given = [name for name in ("spacing", "barrier") if getattr(molecule, name) is not None]
    given += ["neck"] if molecule.neck != "merged" else []
    return [f"molecule.{name} is not used: one dot has no neighbours" for name in given]


def _bonds(molecule: Molecule, bodies: Sequence[Layers]) -> list[_Bond]:
    """Return the bonds between neighbours, in the order listed, or along z where positions are given."""
    count = len(bodies)
    if molecule.positions is not None:
        heights = [position[2] for position in molecule.positions]
        order = sorted(range(count), key=heights.__getitem__)
        return [_Bond(i, j, heights[j] - heights[i], "positions") for i, j in itertools.pairwise(order)]
    bonds = []
    for i in range(count - 1):
        field, distance = "neck", None
        if molecule.spacing is not None:
            field, distance = _entry("spacing", molecule.spacing, i)
        elif molecule.barrier is not None:
            field, gap = _entry("barrier", molecule.barrier, i)
            distance = bodies[i][0].radius + bodies[i + 1][0].radius + gap
        bonds.append(_Bond(i, i + 1, distance, field))
    return bonds


def _entry(name: str, value: float | tuple[float, ...], bond: int) -> tuple[str, float]:
    return (f"{name}[{bond}]", value[bond]) if isinstance(value, tuple) else (name, value)


def _distance(molecule: Molecule, bodies: Sequence[Layers], bond: _Bond) -> float:
    """Return the distance of two neighbours; InputError where neck and spacing disagree."""
    fixed = _fixed_by_neck(molecule, bodies[bond.low][-1].radius, bodies[bond.high][-1].radius, bond)
    if fixed is None:
        assert bond.distance is not None  # the model asks for a distance where the neck fixes none
        return bond.distance
    if bond.distance is not None and abs(bond.distance - fixed) > AGREEMENT:
        what = "" if bond.field.startswith("spacing") else f" (centres {bond.distance:.9g} nm apart)"
        allowed = f"absent, or such that the centres are {fixed:.9g} nm apart{what}, as `molecule.neck` fixes it"
        raise InputError(field=f"molecule.{bond.field}", value=bond.distance, allowed=allowed)
    return fixed


def _fixed_by_neck(molecule: Molecule, r_low: float, r_high: float, bond: _Bond) -> float | None:
    neck = molecule.neck
    if isinstance(neck, LinkerNeck):
        return r_low + r_high + neck.linker
    if not isinstance(neck, MergedNeck | FilledNeck):
        return None
    if isinstance(neck, FilledNeck):
        smaller = min(r_low, r_high)
        if neck.filled > 2 * smaller:
            allowed = f"at most {2 * smaller:.9g} nm, the diameter of the smaller of dots {bond.low} and {bond.high}"
            raise InputError(field="molecule.neck.filled", value=neck.filled, allowed=allowed)
        return None
    width = neck.merged
    return math.sqrt(r_low**2 - width**2 / 4) + math.sqrt(r_high**2 - width**2 / 4)


def _refuse_wide_merged(molecule: Molecule, bodies: Sequence[Layers], bonds: Sequence[_Bond]) -> None:
    """Refuse a merged neck wider than some pair of neighbours can have, naming the widest that all can."""
    if not isinstance(molecule.neck, MergedNeck) or not bonds:
        return
    bond = min(bonds, key=lambda bond: _widest_merged(bodies[bond.low], bodies[bond.high])[0])
    widest, why = _widest_merged(bodies[bond.low], bodies[bond.high])
    if molecule.neck.merged > widest:
        # Rounded down, so that the value named is accepted.
        named = math.floor(widest / NAMED + NAMED) * NAMED
        if named <= 0:
            allowed = (
                f"0 nm or replaced by another kind of neck: dots {bond.low} and {bond.high} have no shells, so that "
                "their cores would overlap in a wider neck"
            )
            raise InputError(field="molecule.neck.merged", value=molecule.neck.merged, allowed=allowed)
        allowed = f"at most {named:.9g} nm, {why} dots {bond.low} and {bond.high}"
        diameter = 2 * min(bodies[bond.low][-1].radius, bodies[bond.high][-1].radius)
        if widest < diameter < molecule.neck.merged:
            allowed += f" (and any neck at most {diameter:.9g} nm, the diameter of the smaller dot)"
        raise InputError(field="molecule.neck.merged", value=molecule.neck.merged, allowed=allowed)


def _widest_merged(one: Layers, other: Layers) -> tuple[float, str]:
    """Diameter (nm) of the widest neck between two merged dots, and what limits it."""
    large, small = max(one[-1].radius, other[-1].radius), min(one[-1].radius, other[-1].radius)
    nearest = one[0].radius + other[0].radius
    plane = (nearest**2 + large**2 - small**2) / (2 * nearest)  # from the larger dot's centre to the neck
    if plane >= nearest:  # the neck is as wide as the smaller dot before the cores touch
        return 2 * small, "the diameter of the smaller of"
    waist = 2 * math.sqrt(max(large**2 - plane**2, 0.0))
    return waist, "the neck at which the cores touch, of"


def _centres(bonds: Sequence[_Bond], distances: Sequence[float]) -> list[float]:
    """Return z of every dot in the order listed, zero midway between the outer dots."""
    order = [bonds[0].low] + [bond.high for bond in bonds] if bonds else [0]
    from_below = list(itertools.accumulate(distances, initial=0.0))
    from_above = list(itertools.accumulate(reversed(distances), initial=0.0))[::-1]
    heights = [0.0] * len(order)
    for dot, below, above in zip(order, from_below, from_above, strict=True):
        heights[dot] = (below - above) / 2  # both sums, so that a mirrored molecule is mirrored to the last digit
    return heights


def _refuse_overlaps(molecule: Molecule, bodies: Sequence[Layers], centres: Sequence[float]) -> None:
    for i, j in itertools.combinations(range(len(bodies)), 2):
        distance = abs(centres[i] - centres[j])
        least = bodies[i][0].radius + bodies[j][0].radius
        if distance < least - TOUCHING:
            allowed = f"such that the cores of dots {i} and {j} do not overlap (centres at least {least:.9g} nm apart)"
            field, value = _placed_by(molecule, i, j, distance)
            raise InputError(field=f"molecule.{field}", value=value, allowed=allowed)


def _placed_by(molecule: Molecule, i: int, j: int, distance: float) -> tuple[str, object]:
    """Return the field that brought two dots too near, and its value."""
    for name in ("spacing", "barrier"):
        value = getattr(molecule, name)
        if value is not None:
            field, entry = _entry(name, value, i)
            return (field, entry) if j == i + 1 else (name, list(value) if isinstance(value, tuple) else value)
    if molecule.positions is not None:
        return f"positions[{j}]", list(molecule.positions[j])
    if isinstance(molecule.neck, MergedNeck):
        return "neck.merged", molecule.neck.merged
    return "neck", distance


def _waist(d: float, r_one: float, r_two: float) -> float:
    """Return the smallest radius of two spheres' union between their centres, ``d`` apart; 0 where they are apart."""
    if d >= r_one + r_two:
        return 0.0
    large, small = max(r_one, r_two), min(r_one, r_two)
    plane = (d**2 + large**2 - small**2) / (2 * d)  # from the larger sphere's centre to the lens
    if plane >= d:  # the smaller sphere's centre lies inside the larger sphere's cap
        return math.sqrt(large**2 - d**2)
    return math.sqrt(max(large**2 - plane**2, 0.0))


def _bridge(molecule: Molecule, dots: Sequence[PlacedDot], bond: _Bond) -> Bridge | str | None:
    """Return the cylinder of a filled neck, or a note where it changes nothing."""
    if not isinstance(molecule.neck, FilledNeck):
        return None
    low, high = dots[bond.low], dots[bond.high]
    width = float(molecule.neck.filled)
    waist = 2 * _waist(high.z - low.z, low.radius, high.radius)
    if width <= waist:
        between = f"between dots {bond.low} and {bond.high}"
        return (
            f"the filled neck of {width:.6g} nm is no wider than the lens {between} ({waist:.6g} nm): nothing changes"
        )
    material = dots[min(bond.low, bond.high)].layers[-1].material
    return Bridge(z_low=low.z, z_high=high.z, radius=width / 2, material=material)
