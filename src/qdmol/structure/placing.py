"""Placement of the dots on the z axis, and of the bridges between them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from qdmol.errors import InputError
from qdmol.structure.molecule import Bridge, PlacedDot, PlacedLayer, dot_name
from qdmol.structure.necks import Bond, PlainNeck
from qdmol.structure.schema import Molecule

AGREEMENT = 1e-6  # nm: allowed difference between the spacing that a neck fixes and one that is given as well
TOUCHING = 1e-9  # nm: rounding allowed where cores just touch

Layers = tuple[PlacedLayer, ...]


def place(molecule: Molecule, bodies: Sequence[Layers]) -> tuple[tuple[PlacedDot, ...], tuple[Bridge, ...], list[str]]:
    """Return the dots on the axis (z = 0 midway between the outer ones), the bridges, and notes for the reader.

    ``bodies`` are the layers of each dot, inner to outer. Raises InputError for distances that disagree, a neck wider
    than its dots, and cores that overlap.
    """
    notes = _unused_keys(molecule)
    bonds = _bonds(molecule, bodies)
    molecule.neck.refuse_unfit(bonds)
    distances = [_distance(molecule, bond) for bond in bonds]
    centres = _centres(bonds, distances)
    _refuse_overlaps(molecule, bodies, centres)
    dots = tuple(PlacedDot(z=z, layers=layers) for z, layers in zip(centres, bodies, strict=True))
    bridges = []
    for bond in bonds:
        bridge = molecule.neck.bridge(bond, dots[bond.low], dots[bond.high])
        if isinstance(bridge, str):
            notes.append(bridge)
        elif bridge is not None:
            bridges.append(bridge)
    return dots, tuple(bridges), notes


def _unused_keys(molecule: Molecule) -> list[str]:
    if len(molecule.dots) > 1:
        return []
    given = [name for name in ("spacing", "barrier") if getattr(molecule, name) is not None]
    given += ["neck"] if molecule.neck != PlainNeck() else []
    return [f"molecule.{name} is not used: one dot has no neighbours" for name in given]


def _bonds(molecule: Molecule, bodies: Sequence[Layers]) -> list[Bond]:
    """Return the bonds between neighbours, in the order listed, or along z if positions are given."""
    count = len(bodies)
    if molecule.positions is not None:
        heights = [position[2] for position in molecule.positions]
        order = sorted(range(count), key=heights.__getitem__)
        return [
            Bond(i, j, (bodies[i], bodies[j]), heights[j] - heights[i], "positions")
            for i, j in itertools.pairwise(order)
        ]
    bonds = []
    for i in range(count - 1):
        field, distance = "neck", None
        if molecule.spacing is not None:
            field, distance = _entry("spacing", molecule.spacing, i)
        elif molecule.barrier is not None:
            field, gap = _entry("barrier", molecule.barrier, i)
            distance = bodies[i][0].radius + bodies[i + 1][0].radius + gap
        bonds.append(Bond(i, i + 1, (bodies[i], bodies[i + 1]), distance, field))
    return bonds


def _entry(name: str, value: float | tuple[float, ...], bond: int) -> tuple[str, float]:
    return (f"{name}[{bond}]", value[bond]) if isinstance(value, tuple) else (name, value)


def _distance(molecule: Molecule, bond: Bond) -> float:
    """Return the distance of two neighbours (nm); InputError if neck and spacing disagree."""
    fixed = molecule.neck.spacing(bond)
    if fixed is None:
        assert bond.distance is not None  # the model asks for a distance where the neck fixes none
        return bond.distance
    if bond.distance is not None and abs(bond.distance - fixed) > AGREEMENT:
        given = "" if bond.field.startswith("spacing") else f" (they are {bond.distance:.9g} nm apart)"
        allowed = f"absent, or such that the centres are {fixed:.9g} nm apart{given}, as `molecule.neck` fixes it"
        raise InputError(field=f"molecule.{bond.field}", value=bond.distance, allowed=allowed)
    return fixed


def _centres(bonds: Sequence[Bond], distances: Sequence[float]) -> list[float]:
    """Return z (nm) of every dot in the order listed, zero midway between the outer dots."""
    order = [bonds[0].low] + [bond.high for bond in bonds] if bonds else [0]
    from_below = list(itertools.accumulate(distances, initial=0.0))
    from_above = list(itertools.accumulate(reversed(distances), initial=0.0))[::-1]
    heights = [0.0] * len(order)
    for dot, below, above in zip(order, from_below, from_above, strict=True):
        heights[dot] = (below - above) / 2  # two sums: a mirrored molecule is equal to the last digit
    return heights


def _refuse_overlaps(molecule: Molecule, bodies: Sequence[Layers], centres: Sequence[float]) -> None:
    for i, j in itertools.combinations(range(len(bodies)), 2):
        distance = abs(centres[i] - centres[j])
        least = bodies[i][0].radius + bodies[j][0].radius
        if distance < least - TOUCHING:
            names = f"{dot_name(i, bodies[i])} and {dot_name(j, bodies[j])}"
            allowed = f"such that the cores of {names} do not overlap (centres at least {least:.9g} nm apart)"
            field, value = _placed_by(molecule, i, j, distance)
            raise InputError(field=f"molecule.{field}", value=value, allowed=allowed)


def _placed_by(molecule: Molecule, i: int, j: int, distance: float) -> tuple[str, object]:
    """Return the field that places two dots too close, and its value."""
    for name in ("spacing", "barrier"):
        value = getattr(molecule, name)
        if value is not None:
            field, entry = _entry(name, value, i)
            return (field, entry) if j == i + 1 else (name, list(value) if isinstance(value, tuple) else value)
    if molecule.positions is not None:
        return f"positions[{j}]", list(molecule.positions[j])
    return ("neck", distance) if molecule.neck.value is None else (f"neck.{molecule.neck.key}", molecule.neck.value)
