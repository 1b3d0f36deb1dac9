"""Resolution of a spec into the placed molecule: materials are looked up, sizes computed, the remaining rules checked.

One of these rules is that a single dot binds the carriers whose levels are requested (`binds`). The lowest level of a
spherical dot has l = 0. By Sturm's theorem a level lies below the edge of the medium if and only if the regular radial
solution at that energy has a node: u = r R obeys u'' = (2 m / hbar^2) (V - E) u in each layer, with u and
(u' - u/r) / m continuous (BenDaniel and Duke, Phys. Rev. 152, 683 (1966), doi:10.1103/PhysRev.152.683), and
R = A + B/r outside. Layers are matched in closed form, so that the answer is exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from qdmol.errors import InputError
from qdmol.materials import MEDIUM, REFERENCE_QUANTITIES, MaterialSet, load_set
from qdmol.structure.molecule import AxialMolecule, Light, PlacedLayer, RegionParameters
from qdmol.structure.placing import place
from qdmol.structure.schema import Dot, MediumOverride, Override, Shell, Spec
from qdmol.units import HBAR2_OVER_2M0

Layer = tuple[float, float, float]  # outer radius (nm), mass (free-electron masses), edge (eV)


def binds(layers: Sequence[Layer], *, barrier: float, medium_mass: float) -> bool:
    """Whether a sphere of ``layers``, inner to outer, has a level below ``barrier`` (eV); always behind a hard wall.

    >>> binds([(0.86, 0.13, 0.0)], barrier=1.0, medium_mass=0.13)  # the threshold is 0.8504 nm
    True
    >>> binds([(0.84, 0.13, 0.0)], barrier=1.0, medium_mass=0.13)
    False
    """
    if barrier == math.inf:
        return True
    inner, u, slope = 0.0, 0.0, 1.0
    for i, (outer, mass, edge) in enumerate(layers):
        node, u, slope = _cross(u, slope, outer - inner, mass * (barrier - edge) / HBAR2_OVER_2M0)
        if node:
            return True
        inner = outer
        next_mass = layers[i + 1][1] if i + 1 < len(layers) else medium_mass
        slope = u / outer + (slope - u / outer) * next_mass / mass
    return slope < 0  # u = A r + B outside with A = slope: R changes sign before infinity if A is negative


def _cross(u: float, slope: float, width: float, k2: float) -> tuple[bool, float, float]:
    """Propagate u >= 0 and its slope through a layer: whether u has a node there, and u and slope at its end.

    Both are scaled by a positive number, which does not move nodes.
    """
    if k2 > 0:
        k = math.sqrt(k2)
        phase = math.atan2(u * k, slope) + k * width
        return phase >= math.pi, math.sin(phase), k * math.cos(phase)
    if k2 == 0:
        return u + slope * width <= 0, u + slope * width, slope
    kappa = math.sqrt(-k2)
    decay = math.exp(-2 * kappa * width)  # cosh and sinh over exp(kappa width), so that thick barriers do not overflow
    cosh, sinh = (1 + decay) / 2, -math.expm1(-2 * kappa * width) / 2
    end = u * cosh + slope / kappa * sinh
    return end <= 0, end, u * kappa * sinh + slope * cosh


V_PER_NM = 1e-4  # one kV/cm in V/nm
EV_PER_MEV = 1e-3
ROOM_TEMPERATURE = 300.0  # K, that of a line width given as an override
CARRIERS = ("electron", "hole")


def resolve(spec: Spec) -> AxialMolecule:
    """Return the molecule of a spec: dots placed on the axis, every parameter resolved.

    Raises InputError for unknown materials, overlapping cores, necks wider than the dots, disagreeing distances, and
    a molecule that clearly binds no level of a requested carrier.
    """
    material_set = load_set(spec.materials, relative_to=spec.folder)
    _check_overrides(spec, material_set)
    bodies = [_layers(spec, material_set, dot, f"molecule.dots[{i}]") for i, dot in enumerate(spec.molecule.dots)]
    dots, bridges, notes = place(spec.molecule, bodies)
    used = dict.fromkeys(layer.material for body in bodies for layer in body)
    parameters = {name: _material(spec, material_set, name) for name in used}
    parameters[MEDIUM] = _medium(spec, material_set)
    gap = spec.overrides.of(material_set.reference).value("band_gap")
    molecule = AxialMolecule(
        dots=dots,
        bridges=bridges,
        parameters=parameters,
        field=spec.environment.field[2] * V_PER_NM,
        band_gap=float(gap) if gap is not None else material_set.value(material_set.reference, "band_gap").value,
        light=_light(spec, material_set),
        notes=tuple(notes),
        interface_width=spec.calculation.interface_width if spec.calculation.self_polarisation else None,
    )
    _check_binding(spec, molecule)
    return molecule


def _check_overrides(spec: Spec, material_set: MaterialSet) -> None:
    """Refuse overrides of materials that the set does not have, and of quantities that the material does not have."""
    for name in spec.overrides.materials:
        if name not in material_set.materials:
            raise InputError(field=f"overrides.{name}", value=name, allowed=_materials_of(material_set, medium=True))
        override = spec.overrides.of(name)
        reference = material_set.reference
        for key in REFERENCE_QUANTITIES:
            value = override.value(key)
            if name != reference and value is not None:
                allowed = f"absent: {key} is a key of the reference material {reference}"
                raise InputError(field=f"overrides.{name}.{key}", value=value, allowed=allowed)
        for key in ("conduction_offset", "valence_offset"):
            value = override.value(key)
            if name == reference and value:
                allowed = f"0 or absent: energies count from the edges of {reference}, the reference material"
                raise InputError(field=f"overrides.{name}.{key}", value=value, allowed=allowed)


def _materials_of(material_set: MaterialSet, *, medium: bool) -> str:
    names = [name for name in material_set.materials if medium or name != MEDIUM]
    return f"a material of the set {material_set.name}: " + ", ".join(names)


def _layers(spec: Spec, material_set: MaterialSet, dot: Dot, field: str) -> tuple[PlacedLayer, ...]:
    """Return the layers of a dot with outer radii, inner to outer."""
    _check_material(material_set, dot.core.material, f"{field}.core.material")
    radius = dot.core.size
    layers = [PlacedLayer(material=dot.core.material, radius=radius)]
    for i, shell in enumerate(dot.shells):
        _check_material(material_set, shell.material, f"{field}.shells[{i}].material")
        radius += thickness_of(spec, material_set, shell, f"{field}.shells[{i}]")
        layers.append(PlacedLayer(material=shell.material, radius=radius))
    return tuple(layers)


def _check_material(material_set: MaterialSet, name: str, field: str) -> None:
    if name == MEDIUM or name not in material_set.materials:
        raise InputError(field=field, value=name, allowed=_materials_of(material_set, medium=False))


def thickness_of(spec: Spec, material_set: MaterialSet, shell: Shell, field: str) -> float:
    """Return the thickness of a shell, nm; InputError if it is given in monolayers of unknown thickness."""
    if shell.thickness is not None:
        return shell.thickness
    assert shell.monolayers is not None  # exactly one is given
    layer = spec.overrides.of(shell.material).value("layer_thickness")
    if layer is None:
        entry = material_set.materials[shell.material].get("layer_thickness")
        if entry is None:
            allowed = (
                f"absent: the set has no layer_thickness of {shell.material}; give `thickness` instead, or override it"
            )
            raise InputError(field=f"{field}.monolayers", value=shell.monolayers, allowed=allowed)
        layer = entry.value
    return shell.monolayers * layer


def _material(spec: Spec, material_set: MaterialSet, name: str) -> RegionParameters:
    override = spec.overrides.of(name)
    at_reference = name == material_set.reference
    return RegionParameters(
        electron_mass=_chosen(material_set, override, name, "electron_mass"),
        hole_mass=_chosen(material_set, override, name, "hole_mass"),
        electron_edge=0.0 if at_reference else _chosen(material_set, override, name, "conduction_offset"),
        hole_edge=0.0 if at_reference else _chosen(material_set, override, name, "valence_offset"),
        permittivity=_chosen(material_set, override, name, "permittivity"),
        kane_energy=_known(material_set, override, name, "kane_energy"),
        optical_permittivity=_known(material_set, override, name, "optical_permittivity"),
        bulk_absorption=_known(material_set, override, name, "bulk_absorption_300nm"),
    )


def _medium(spec: Spec, material_set: MaterialSet) -> RegionParameters:
    override = spec.overrides.medium or MediumOverride()
    return RegionParameters(
        electron_mass=_chosen(material_set, override, MEDIUM, "electron_mass"),
        hole_mass=_chosen(material_set, override, MEDIUM, "hole_mass"),
        electron_edge=_chosen(material_set, override, MEDIUM, "electron_barrier"),
        hole_edge=_chosen(material_set, override, MEDIUM, "hole_barrier"),
        permittivity=_chosen(material_set, override, MEDIUM, "permittivity"),
        optical_permittivity=_known(material_set, override, MEDIUM, "optical_permittivity"),
    )


def _light(spec: Spec, material_set: MaterialSet) -> Light | None:
    """Return broadening and polarisation by the set and the overrides; None if they have no line width."""
    name = material_set.reference
    override = spec.overrides.of(name)
    width = _known(material_set, override, name, "homogeneous_width")
    phonon = _known(material_set, override, name, "phonon_energy")
    if width is None or phonon is None:
        return None
    temperature = ROOM_TEMPERATURE
    if override.value("homogeneous_width") is None:
        stated = material_set.value(name, "homogeneous_width").temperature
        assert stated is not None  # a set without it is refused
        temperature = stated
    return Light(
        homogeneous_width=width * EV_PER_MEV,
        width_temperature=temperature,
        phonon_energy=phonon * EV_PER_MEV,
        axial_share=_known(material_set, override, name, "hole_axial_share"),
        axis_angle=_known(material_set, override, name, "hole_axis_angle") or 0.0,
    )


def _known(material_set: MaterialSet, override: Override, name: str, key: str) -> float | None:
    """Return a value of the override or else of the set; None if neither has it."""
    given = override.value(key)
    if given is not None:
        return float(given)
    entry = material_set.materials[name].get(key)
    return None if entry is None else entry.value


def _chosen(material_set: MaterialSet, override: Override, name: str, key: str) -> float:
    """Return a value that every set has, or the override if there is one."""
    value = _known(material_set, override, name, key)
    assert value is not None  # a set without it is refused
    return value


def _check_binding(spec: Spec, molecule: AxialMolecule) -> None:
    """Refuse a molecule that clearly binds no level; where only the whole molecule might, the solver decides."""
    for carrier, count in zip(CARRIERS, (spec.calculation.electrons, spec.calculation.holes), strict=True):
        if not count:
            continue
        barrier = getattr(molecule.parameters[MEDIUM], f"{carrier}_edge")
        inside = [p for name, p in molecule.parameters.items() if name != MEDIUM]
        lowest = min(getattr(p, f"{carrier}_edge") for p in inside)
        field = f"overrides.{MEDIUM}.{carrier}_barrier"
        if barrier <= lowest:
            allowed = f"above {lowest:.9g} eV, the lowest {carrier} edge inside (no bound level otherwise)"
            raise InputError(field=field, value=barrier, allowed=allowed)
        if molecule.field != 0:
            continue  # levels in a field are resonances between hard walls
        if len(molecule.dots) > 1:
            if not _enclosure_binds(molecule, carrier, lowest):
                allowed = f"higher: the molecule has no bound {carrier} level below it"
                raise InputError(field=field, value=barrier, allowed=allowed)
        elif not _dot_binds(molecule, carrier):
            core = spec.molecule.dots[0].core
            size = "radius" if core.radius is not None else "diameter"
            allowed = f"larger: the dot has no bound {carrier} level below the barrier of {barrier:.9g} eV"
            raise InputError(field=f"molecule.dots[0].core.{size}", value=getattr(core, size), allowed=allowed)


def _enclosure_binds(molecule: AxialMolecule, carrier: str, lowest: float) -> bool:
    """Whether a sphere around the whole molecule, with its lowest edge and heaviest mass, binds a level.

    The energy of any wavefunction is lower there than in the molecule, which binds no level if the sphere binds none.
    """
    ends = [dot.z + sign * dot.radius for dot in molecule.dots for sign in (-1, 1)]
    heaviest = max(getattr(p, f"{carrier}_mass") for p in molecule.parameters.values())
    medium = molecule.parameters[MEDIUM]
    return binds(
        [((max(ends) - min(ends)) / 2, heaviest, lowest)],
        barrier=getattr(medium, f"{carrier}_edge"),
        medium_mass=getattr(medium, f"{carrier}_mass"),
    )


def _dot_binds(molecule: AxialMolecule, carrier: str) -> bool:
    medium = molecule.parameters[MEDIUM]
    layers = []
    for layer in molecule.dots[0].layers:
        region = molecule.parameters[layer.material]
        layers.append((layer.radius, getattr(region, f"{carrier}_mass"), getattr(region, f"{carrier}_edge")))
    return binds(layers, barrier=getattr(medium, f"{carrier}_edge"), medium_mass=getattr(medium, f"{carrier}_mass"))
