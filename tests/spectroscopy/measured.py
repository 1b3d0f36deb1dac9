"""The measured files of the growth of CdSe, and peaks planted on their backgrounds."""

import csv

import numpy as np

from qdmol.spectroscopy import Curve, read_curves

HC = 1239.841984
FOLDER = "spectra/cdse_hot_injection"
RUNS = range(2, 10)


def absorption(folder, run):
    name = f"Run {run} UV-Vis.csv" if run < 8 else f"run {run} uv-vis.csv"
    return read_curves(folder / FOLDER / name)


def emission(folder, run):
    return read_curves(folder / FOLDER / f"Run {run} FL emission.csv")


def table(folder, name):
    with (folder / FOLDER / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def emission_table(folder):
    """Run -> wavelengths in the order of the columns."""
    found = {}
    for run, peak, *_ in table(folder, "CdSe_QD_Radii_AllRuns_Emi.csv")[1:]:
        found.setdefault(int(run.removeprefix("Run ")), []).append(float(peak))
    return found


def absorption_table(folder):
    """(run, seconds) -> wavelength."""
    header, *rows = table(folder, "UV-Vis Peak Values.csv")
    return {
        (run, int(row[2])): float(row[header.index(f"Run {run}")])
        for run in RUNS
        for row in rows
        if row[2] and row[header.index(f"Run {run}")]
    }


def planted_emission(curve, fit, *, centre_nm, fwhm_mev, height):
    """A known peak per eV in place of the fitted one: what is left is the real background and the real noise.

    `height` is in units of the fitted peak. The window's own points outside the fit are kept out.
    """
    wavelength = fit.wavelength_nm
    measured = np.interp(wavelength, *curve.good)
    energy, centre = HC / wavelength, HC / centre_nm
    peak = np.exp(-4 * np.log(2) * ((energy - centre) / (1e-3 * fwhm_mev)) ** 2) * (energy / centre) ** 2
    bare = measured - (fit.fitted - fit.background)
    return Curve(wavelength, bare + height * fit.height.value * peak, "emission"), centre


def planted_absorption(curve, *, centre_nm, fwhm_mev, height):
    """A known peak with a step above it on a transparent stretch of a real curve, blank and lamp included."""
    from scipy.special import ndtr

    inside = curve.wavelength_nm > 595
    wavelength, values = curve.wavelength_nm[inside], curve.values[inside]
    energy, centre = HC / wavelength, HC / centre_nm
    peak = np.exp(-4 * np.log(2) * ((energy - centre) / (1e-3 * fwhm_mev)) ** 2)
    rise = 0.6 * ndtr((energy - centre - 0.12) / 0.05) * (1 + np.clip(energy - centre - 0.12, 0, None)) ** 2
    return Curve(wavelength, values + height * (peak + rise), "absorption"), centre
