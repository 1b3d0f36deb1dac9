"""Numbers as text: signed changes in words, and energies as wavelengths."""

from qdmol.estimates import (
    NO_VALUE,
    decimals_for,
    format_error,
    format_measured,
    format_number,
    is_significant,
)
from qdmol.units import HC_EV_NM

__all__ = [
    "NO_VALUE",
    "decimals_for",
    "format_change",
    "format_error",
    "format_measured",
    "format_number",
    "is_significant",
    "wavelength_nm",
    "wavelength_shift_nm",
]


def format_change(
    value: float, error: float | None, unit: str, *, rising: str, falling: str, none: str, factor: float = 1.0
) -> str:
    """A signed change in words: its size and direction, or that there is none beyond its error.

    Parameters
    ----------
    value, error
        In one unit; without an error a change that rounds to zero is none.
    unit
        Written after a no-break space.
    rising, falling
        What a positive and a negative change is.
    none
        What is missing where the value is not larger than its error.
    factor
        Of value and error, for another unit.

    Examples
    --------
    >>> words = {"rising": "to the red", "falling": "to the blue", "none": "no significant shift"}
    >>> format_change(-11.8, 0.06, "meV", **words).replace(chr(160), " ")
    '11.80 ± 0.06 meV to the blue'
    >>> format_change(-1e-7, 0.05, "meV", **words).replace(chr(160), " ")
    'no significant shift: 0.00 ± 0.05 meV'
    """
    value, error = factor * value, None if error is None else factor * error
    if is_significant(value, error):
        return f"{format_measured(abs(value), error, unit)} {rising if value > 0 else falling}"
    return f"{none}: {format_measured(value, error, unit)}"


def wavelength_nm(energy_ev: float) -> float:
    """Vacuum wavelength of a photon in nm, λ = hc/E.

    Parameters
    ----------
    energy_ev
        Photon energy in eV, positive.

    Examples
    --------
    >>> round(wavelength_nm(2.0), 2)
    619.92
    """
    return HC_EV_NM / energy_ev


def wavelength_shift_nm(gap_ev: float, monomer_gap_ev: float) -> float:
    """Shift of the emission from the monomer's gap to the molecule's, in nm; positive is to the red.

    λ(gap) - λ(monomer gap) = hc (E_monomer - E) / (E E_monomer), written so that no digits cancel.

    Parameters
    ----------
    gap_ev, monomer_gap_ev
        Gaps in eV, positive.

    Examples
    --------
    >>> round(wavelength_shift_nm(2.0, 2.01), 3)
    3.084
    """
    return HC_EV_NM * (monomer_gap_ev - gap_ev) / (gap_ev * monomer_gap_ev)
