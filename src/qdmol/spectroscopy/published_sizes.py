"""Published relations of the diameter of nanocrystals and the energy of their first absorption peak.

All are for bare cores in solution at room temperature. Those used here:

- CdSe, CdS, CdTe: Yu, Qu, Guo, Peng, Chem. Mater. 15, 2854 (2003), doi:10.1021/cm034081k; see `size_from_peak`.
- CdSe: Jasieniak et al., J. Phys. Chem. C (2009), polynomial in the wavelength, 2 to 8 nm.
- PbSe: Moreels et al., Chem. Mater. 19, 6101 (2007), doi:10.1021/cm071410q.
- InP: Almeida et al., Nano Lett. 23, 8697 (2023), doi:10.1021/acs.nanolett.3c02630, for tetrahedra by edge length; the
  diameter given here is that of the sphere of equal volume.
- ZnSe: Toufanian et al., Chem. Mater. 33, 7527 (2021), doi:10.1021/acs.chemmater.1c02501, five of its samples.

None of these articles was accessible: coefficients and points are those of public scripts that quote them, as ``note``
says for each. The formula for CdSe of Maes et al. (2018) could not be read and is not included.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qdmol.arrays import Floats
from qdmol.errors import InputError
from qdmol.spectroscopy.sizing import SIZED_MATERIALS, SIZING_SOURCE, size_from_peak, sizing_range
from qdmol.units import HC_EV_NM

_POINTS = 60  # of a curve
_NOT_SEEN = "the article was not accessible; coefficients as quoted in"


@dataclass(frozen=True, slots=True)
class PublishedSizes:
    """Diameters (nm) and energies of the first absorption peak (eV) of a material, in order of the diameter.

    Attributes
    ----------
    material : str
        Of the bare core.
    label : str
        Short name for a legend.
    source : str
        Citation.
    note : str
        How the numbers were read, and of what they are.
    diameter_nm, energy_ev : ndarray
        Of equal length.
    measured : bool
        Whether they are single samples; otherwise a curve fitted to samples.
    """

    material: str
    label: str
    source: str
    note: str
    diameter_nm: Floats
    energy_ev: Floats
    measured: bool = False


def published_sizes(material: str) -> tuple[PublishedSizes, ...]:
    """Published sizing data of a material, in the range of sizes that the authors or `size_from_peak` state.

    Raises
    ------
    qdmol.errors.InputError
        No sizing data of this material are included.
    """
    listed = [_yu(material)] if material in SIZED_MATERIALS else []
    listed += [curve() for name, curve in _OTHERS if name == material]
    if not listed:
        known = sorted({*SIZED_MATERIALS, *(name for name, _ in _OTHERS)})
        raise InputError(field="material", value=material, allowed=f"one of {', '.join(known)}")
    return tuple(listed)


def _yu(material: str) -> PublishedSizes:
    wavelengths = np.linspace(*sizing_range(material), _POINTS)
    diameters = np.array([size_from_peak(float(w), material=material).diameter_nm.value for w in wavelengths])
    note = "polynomial in the wavelength; " + _NOT_SEEN + " two public codes"
    return PublishedSizes(material, "Yu et al. 2003", SIZING_SOURCE, note, diameters, HC_EV_NM / wavelengths)


_JASIENIAK = (59.60816, -0.54736, 1.8873e-3, -2.85743e-6, 1.62974e-9)
_JASIENIAK_NM = (450.0, 650.0)  # wavelengths; 2.0 to 7.7 nm, the sizes for which it is said to hold are 2 to 8 nm


def _jasieniak() -> PublishedSizes:
    wavelengths = np.linspace(*_JASIENIAK_NM, _POINTS)
    diameters = np.asarray(np.polynomial.polynomial.polyval(wavelengths, _JASIENIAK), dtype=np.float64)
    source = "Jasieniak et al., J. Phys. Chem. C (2009)"
    note = "polynomial in the wavelength, 2 to 8 nm; " + _NOT_SEEN + " a public analysis script"
    return PublishedSizes("CdSe", "Jasieniak et al. 2009", source, note, diameters, HC_EV_NM / wavelengths)


_MOREELS_NM = (2.5, 12.0)  # range chosen here, that of colloidal dots


def _moreels() -> PublishedSizes:
    diameters = np.linspace(*_MOREELS_NM, _POINTS)
    energies = 0.278 + 1 / (0.016 * diameters**2 + 0.209 * diameters + 0.45)
    source = "Moreels et al., Chem. Mater. 19, 6101 (2007), doi:10.1021/cm071410q"
    note = _NOT_SEEN + " a public analysis script; range chosen here"
    return PublishedSizes("PbSe", "Moreels et al. 2007", source, note, diameters, energies)


_ALMEIDA_EDGE_NM = (1.5, 4.1)  # smallest and largest of its six samples
_SPHERE_OF_TETRAHEDRON = (1 / (math.pi * math.sqrt(2))) ** (1 / 3)  # diameter of the sphere over the edge, equal volume


def _almeida() -> PublishedSizes:
    edges = np.linspace(*_ALMEIDA_EDGE_NM, _POINTS)
    energies = 1.33 + 9.128 * (10 * edges) ** -0.684
    source = "Almeida et al., Nano Lett. 23, 8697 (2023), doi:10.1021/acs.nanolett.3c02630"
    note = "tetrahedra, as spheres of equal volume; " + _NOT_SEEN + " a public repository"
    return PublishedSizes("InP", "Almeida et al. 2023", source, note, _SPHERE_OF_TETRAHEDRON * edges, energies)


# Diameter by small-angle X-ray scattering (nm) and wavelength of the first peak (nm) of samples, Table 1
_TOUFANIAN = ((2.04, 361.0), (2.86, 383.0), (3.46, 397.0), (4.42, 410.0), (5.75, 422.0))


def _toufanian() -> PublishedSizes:
    diameters, wavelengths = np.array(_TOUFANIAN).T
    source = "Toufanian et al., Chem. Mater. 33, 7527 (2021), doi:10.1021/acs.chemmater.1c02501"
    note = "five of its samples; the article was not accessible, numbers as quoted in a public repository"
    return PublishedSizes(
        "ZnSe", "Toufanian et al. 2021", source, note, diameters, HC_EV_NM / wavelengths, measured=True
    )


_OTHERS = (("CdSe", _jasieniak), ("PbSe", _moreels), ("InP", _almeida), ("ZnSe", _toufanian))
