"""Numbers as text: as many decimals as the error warrants, and energies as wavelengths."""

import math

from qdmol.units import HC_EV_NM

# Stands in a table where there is no value; unlike a dash it cannot be read as a sign.
NO_VALUE = "n/a"
_MOST_DECIMALS = 6
_SPACE = "\N{NO-BREAK SPACE}"  # a value, its error and its unit stay on one line


def decimals_for(error: float | None, *, default: int = 3) -> int:
    """Decimals that show an error to one digit, to two where the first is 1.

    Parameters
    ----------
    error
        The error in the unit of the value; None or 0 gives `default`.

    Examples
    --------
    >>> decimals_for(0.03), decimals_for(0.012), decimals_for(5.0), decimals_for(None)
    (2, 3, 0, 3)
    """
    if error is None or not math.isfinite(error) or error <= 0:
        return default
    exponent = math.floor(math.log10(error))
    leading_is_one = round(error / math.pow(10, exponent), 6) < 2
    return min(max(int(leading_is_one) - exponent, 0), _MOST_DECIMALS)


def _ceiling(error: float, decimals: int) -> float:
    """Round an error up, for one rounded down promises too much."""
    scale = 10.0**decimals
    return math.ceil(error * scale - 1e-9) / scale


def format_number(value: float, decimals: int) -> str:
    """A number with a true minus sign, and none before a rounded zero.

    Examples
    --------
    >>> format_number(-0.5, 1), format_number(-1e-9, 2)
    ('−0.5', '0.00')
    """
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "−")


def format_error(error: float) -> str:
    """An error to two digits, rounded up, for one rounded down promises too much.

    Examples
    --------
    >>> format_error(0.01201), format_error(0.0302), format_error(12.1)
    ('0.013', '0.031', '13')
    """
    if not math.isfinite(error) or error <= 0:
        return f"{error:g}"
    decimals = 1 - math.floor(math.log10(error))
    return f"{_ceiling(error, decimals):.{max(decimals, 0)}f}"


def format_measured(value: float | None, error: float | None = None, unit: str = "") -> str:
    """Value, error and unit in one text; the error is rounded up, the value to its decimals.

    Parameters
    ----------
    value, error
        In the same unit; a missing value gives "not available", a missing error is left out.
    unit
        Written after a no-break space.

    Examples
    --------
    >>> format_measured(22.86712, 0.00342, "meV").replace(chr(160), " ")
    '22.867 ± 0.004 meV'
    >>> format_measured(None, None, "meV")
    'not available'
    """
    if value is None:
        return "not available"
    decimals = decimals_for(error)
    text = format_number(value, decimals)
    if error is not None:
        text += f"{_SPACE}±{_SPACE}{_ceiling(error, decimals):.{decimals}f}"
    return f"{text}{_SPACE}{unit}" if unit else text


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


def is_significant(value: float, error: float | None) -> bool:
    """Whether a value differs from zero by more than its error; without one, in the decimals that are shown.

    >>> is_significant(0.3, 0.2), is_significant(-0.1, 0.2), is_significant(1e-9, None)
    (True, False, False)
    """
    if error is None:
        return round(abs(value), decimals_for(None)) > 0
    return abs(value) > error


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
