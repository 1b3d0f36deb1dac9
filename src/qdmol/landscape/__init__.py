"""Landscape: what a carrier feels, point by point.

In: an :class:`~qdmol.structure.AxialMolecule` and the quadrature points of its elements. Out: band edges (eV),
inverse masses (eV nm²), permittivities, the electrostatic potential (eV for a unit charge) of a charge density
or of an applied field, and the self-polarisation (eV) of a carrier.
"""

from qdmol.landscape.field import CHARGE, FieldEnergy, applied_field
from qdmol.landscape.optical import OpticalField, optical_field, optical_molecule
from qdmol.landscape.poisson import ImageDensity, Poisson, combine, images_of
from qdmol.landscape.polarisation import Density, Polarised, SelfPolarisation
from qdmol.landscape.regions import (
    CARRIERS,
    Carrier,
    by_region,
    domain,
    edge,
    edge_of,
    inverse_mass,
    mass_of,
    permittivity,
    screened,
)

__all__ = [
    "CARRIERS",
    "CHARGE",
    "Carrier",
    "Density",
    "FieldEnergy",
    "ImageDensity",
    "OpticalField",
    "Poisson",
    "Polarised",
    "SelfPolarisation",
    "applied_field",
    "by_region",
    "combine",
    "domain",
    "edge",
    "edge_of",
    "images_of",
    "inverse_mass",
    "mass_of",
    "optical_field",
    "optical_molecule",
    "permittivity",
    "screened",
]
