"""Curves with known peaks on backgrounds that are not those of the fits, with noise that is alike over some nm."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from qdmol.spectroscopy import Curve

HC = 1239.841984


@dataclass(frozen=True)
class Simulated:
    """A curve and its truth: peak (eV) and full width at half maximum (meV) of the peak without background."""

    curve: Curve
    peak_eV: float  # noqa: N815
    width_meV: float  # noqa: N815


def noise(rng, wavelength, *, white, rising, correlated, length):
    """White noise, more of it where `rising` (n,) is high, and an autoregressive part of `length` nm."""
    step = np.diff(wavelength, prepend=wavelength[0])
    alike = np.zeros(len(wavelength))
    alike[0] = rng.normal()
    for k in range(1, len(wavelength)):
        keep = np.exp(-step[k] / length)
        alike[k] = keep * alike[k - 1] + np.sqrt(1 - keep**2) * rng.normal()
    return np.hypot(white, rising) * rng.normal(size=len(wavelength)) + correlated * alike


def emission(rng):
    """One peak per eV, measured per nm, on a dark level, a slope, scattering and a broad band to the red."""
    wavelength = np.arange(430.0, 720.0, 1.0)
    energy = HC / wavelength
    centre, fwhm = HC / rng.uniform(500, 620), rng.uniform(0.08, 0.18)
    skew, lorentz = rng.uniform(-0.12, 0.12), rng.choice([0.0, rng.uniform(0, 0.3)])
    width = np.where(energy < centre, fwhm * (1 + skew), fwhm * (1 - skew))
    z = (energy - centre) / width
    peak = (1 - lorentz) * np.exp(-4 * np.log(2) * z**2) + lorentz / (1 + 4 * z**2)
    broad = rng.uniform(0, 0.05) * np.exp(-(((energy - centre + rng.uniform(0.3, 0.5)) / 0.25) ** 2))
    signal = (peak + broad) * (energy / centre) ** 2
    background = rng.uniform(0, 0.1) + rng.uniform(-0.03, 0.03) * (wavelength - 575) / 145
    background += rng.uniform(0, 0.05) * (450 / wavelength) ** 4
    clean = signal + background
    level = 10 ** rng.uniform(-3, -2)
    made = noise(
        rng, wavelength, white=level / 3, rising=level * np.sqrt(np.clip(clean, 0, None)),
        correlated=level * rng.uniform(0, 1), length=rng.uniform(2, 10),
    )  # fmt: skip
    values = rng.uniform(50, 5e4) * (clean + made)
    return Simulated(Curve(wavelength, values, "emission"), centre, 1e3 * fwhm)


def absorption(rng):
    """A Gaussian, a continuum that steps up and rises, a second transition, scattering and a blank that is off."""
    wavelength = np.arange(350.0, 750.0, 1.0)
    energy = HC / wavelength
    centre, fwhm = HC / rng.uniform(480, 600), rng.uniform(0.09, 0.16)
    peak = np.exp(-4 * np.log(2) * ((energy - centre) / fwhm) ** 2)
    second_at = centre + rng.uniform(0.14, 0.22)
    second = rng.uniform(0.2, 0.6) * np.exp(-4 * np.log(2) * ((energy - second_at) / rng.uniform(0.12, 0.2)) ** 2)
    above = energy - centre - rng.uniform(0.10, 0.16)
    continuum = rng.uniform(0.3, 0.8) * ndtr(above / rng.uniform(0.04, 0.07)) * (1 + np.clip(above, 0, None)) ** 2
    scatter = rng.uniform(0, 0.05) * (550 / wavelength) ** 4 + rng.uniform(-0.03, 0.03)
    level = 10 ** rng.uniform(-3, -2)
    clean = peak + second + continuum + scatter
    made = noise(
        rng, wavelength, white=level, rising=0.3 * level * clean, correlated=level * rng.uniform(0, 1),
        length=rng.uniform(2, 10),
    )  # fmt: skip
    return Simulated(Curve(wavelength, rng.uniform(0.05, 0.6) * (clean + made), "absorption"), centre, 1e3 * fwhm)


def coverage(kind, *, count, seed, fit, compare=None):
    """Shares of `count` curves whose intervals hold the true peak, width and, of neighbours, shift and broadening."""
    make = {"emission": emission, "absorption": absorption}[kind]
    held = {"peak": [], "width": [], "shift": [], "broadening": []}
    before = None
    for k in range(count):
        made = make(np.random.default_rng([seed, k]))
        found = fit(made.curve)
        if found.peak_eV is None:
            before = None
            continue
        held["peak"].append(found.peak_eV.holds(made.peak_eV))
        held["width"].append(found.width_meV.holds(made.width_meV))
        if compare is not None and before is not None:
            change = compare(before[1], found)
            held["shift"].append(change.redshift_meV.holds(1e3 * (before[0].peak_eV - made.peak_eV)))
            held["broadening"].append(change.broadening_meV.holds(made.width_meV - before[0].width_meV))
            before = None  # each curve is in one pair only
        else:
            before = (made, found)
    return {name: (float(np.mean(one)), len(one)) for name, one in held.items() if one}
