from .fields import (
    CHARGE as CHARGE,
    FieldEnergy as FieldEnergy,
    OpticalField as OpticalField,
    applied_field as applied_field,
    optical_field as optical_field,
    optical_molecule as optical_molecule,
)
from .poisson import ImageDensity as ImageDensity, Poisson as Poisson, images_of as images_of, part_of as part_of
from .polarisation import Density as Density, Polarised as Polarised, SelfPolarisation as SelfPolarisation
from .regions import (
    CARRIERS as CARRIERS,
    Carrier as Carrier,
    by_region as by_region,
    domain as domain,
    edge as edge,
    edge_of as edge_of,
    inverse_mass as inverse_mass,
    mass_of as mass_of,
    permittivity as permittivity,
    screened as screened,
)
