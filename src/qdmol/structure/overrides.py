"""Single values of the spec that replace those of its material set."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from qdmol.materials.quantities import (
    AbsorptionCoefficient,
    AxialShare,
    AxisAngle,
    BandGap,
    Barrier,
    KaneEnergy,
    LayerThickness,
    LineWidth,
    Mass,
    Offset,
    Permittivity,
    PhononEnergy,
)
from qdmol.structure.parts import KEPT_FOR_LATER, Part

__all__ = ["MaterialOverride", "MediumOverride", "Overrides"]


class MaterialOverride(Part):
    """Values that replace a material's in the set."""

    electron_mass: Mass | None = Field(None, description="Free-electron masses.")
    hole_mass: Mass | None = Field(None, description="Free-electron masses.")
    conduction_offset: Offset | None = Field(
        None, description="Conduction edge above the reference material's, eV; not for the reference material."
    )
    valence_offset: Offset | None = Field(
        None, description="Valence edge below the reference material's, eV (positive is a barrier for holes)."
    )
    permittivity: Permittivity | None = Field(None, description="Relative permittivity.")
    band_gap: BandGap | None = Field(None, description="Band gap, eV; of the reference material only.")
    layer_thickness: LayerThickness | None = Field(None, description="Thickness of a monolayer, nm.")
    kane_energy: KaneEnergy | None = Field(None, description="Kane energy E_P = 2 |<S|p|X>|^2 / m0, eV.")
    optical_permittivity: Permittivity | None = Field(None, description="Relative permittivity at optical frequencies.")
    bulk_absorption_300nm: AbsorptionCoefficient | None = Field(
        None, description="Absorption coefficient of the bulk at 300 nm, 1/cm; for comparison only."
    )
    homogeneous_width: LineWidth | None = Field(
        None, description="Full width at half maximum of one dot's line at 300 K, meV; of the reference material only."
    )
    phonon_energy: PhononEnergy | None = Field(
        None, description="Effective phonon of that width's temperature law, meV; of the reference material only."
    )
    hole_axial_share: AxialShare | None = Field(
        None,
        description="Share of the p orbital along the crystal's axis in the hole's Bloch function, 1/3 is isotropic; "
        "of the reference material only.",
    )
    hole_axis_angle: AxisAngle | None = Field(
        None, description="Between the crystal's axis and the molecule's, degrees; of the reference material only."
    )


class MediumOverride(Part):
    """Values that replace those of what surrounds the molecule."""

    electron_mass: Mass | None = Field(None, description="Free-electron masses.")
    hole_mass: Mass | None = Field(None, description="Free-electron masses.")
    electron_barrier: Barrier | None = Field(
        None, description="Barrier for electrons above the reference material's conduction edge, eV, or `hard`."
    )
    hole_barrier: Barrier | None = Field(
        None, description="Barrier for holes below the reference material's valence edge, eV, or `hard`."
    )
    permittivity: Permittivity | None = Field(None, description="Relative permittivity.")
    optical_permittivity: Permittivity | None = Field(None, description="Relative permittivity at optical frequencies.")


class Overrides(Part):
    """Single values that replace those of the set, by material."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"propertyNames": {"not": {"enum": list(KEPT_FOR_LATER)}}}
    )
    __pydantic_extra__: dict[str, MaterialOverride]

    medium: MediumOverride | None = None

    def of(self, material: str) -> MaterialOverride:
        """Return the overrides of a material, empty ones where there are none."""
        return (self.__pydantic_extra__ or {}).get(material, MaterialOverride())

    @property
    def materials(self) -> tuple[str, ...]:
        """Names of the materials that are overridden, without the medium."""
        return tuple(self.__pydantic_extra__ or {})
