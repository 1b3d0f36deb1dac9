"""Numbers as text: as many decimals as the error warrants, and energies as wavelengths."""

import math

from qdmol.units import HC_EV_NM

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
