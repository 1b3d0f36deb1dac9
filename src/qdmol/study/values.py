"""Values of a solved molecule: levels, the electron-hole pair, complexes, gaps and shifts, each with its error.

Everything here is a frozen value without a solver, so that it can be written to a file, read back and compared. Dots
count from 0 in the order of the spec. Energies of levels and excitons are in eV, differences in meV.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from qdmol.estimates import Estimate

Parity = Literal["+", "-"]


@dataclass(frozen=True, slots=True)
class EnergyLevel:
    """A level of one carrier.

    Attributes
    ----------
    energy : Estimate
        From the band edge of the reference material, positive away from the gap, eV.
    m : int
        Angular momentum about the axis.
    parity : str or None
        Under reflection z -> -z; None for a molecule without that symmetry.
    dot_share : tuple of float
        Probability in each dot (nearest centre); empty for a single dot.
    """

    energy: Estimate
    m: int
    parity: Parity | None
    dot_share: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class CarrierLevels:
    """Levels of both carriers without Coulomb attraction, in order of energy."""

    electron: tuple[EnergyLevel, ...]
    hole: tuple[EnergyLevel, ...]


@dataclass(frozen=True, slots=True)
class ExcitonState:
    """A state of the exciton: dot of the hole (None if spread), energy above the bulk gap (eV), binding (meV)."""

    hole_dot: int | None
    exciton: Estimate
    binding: Estimate | None


@dataclass(frozen=True, slots=True)
class MeanField:
    """Exciton (eV) and level spacing (meV) of the self-consistent pair, to compare with configuration interaction."""

    exciton: Estimate
    spacing: Estimate | None


@dataclass(frozen=True, slots=True)
class Pair:
    """The lowest electron-hole pair with Coulomb attraction.

    Attributes
    ----------
    scheme : str
        ``"self-consistent"`` or ``"ci"``.
    hole_dot : int or None
        Dot of the hole; None where it is spread over several.
    exciton : Estimate
        Energy above the bulk gap, eV.
    binding : Estimate or None
        Lowest electron plus lowest hole level less the exciton, meV; positive is bound.
    spacing : Estimate or None
        Distance of the two lowest electron levels in the field of the hole; by configuration interaction the energy
        the electron needs to leave the hole's dot; meV.
    electron_levels : tuple of EnergyLevel or None
        In the field of the hole; None by configuration interaction.
    other_states : tuple of ExcitonState
        Higher states.
    mean_field : MeanField or None
        By configuration interaction: the self-consistent pair it starts from.
    bright_dark : Estimate or None
        Bright less dark exciton where exchange is included, meV.
    """

    scheme: Literal["self-consistent", "ci"]
    hole_dot: int | None
    exciton: Estimate
    binding: Estimate | None
    spacing: Estimate | None
    electron_levels: tuple[EnergyLevel, ...] | None
    other_states: tuple[ExcitonState, ...] = ()
    mean_field: MeanField | None = None
    bright_dark: Estimate | None = None


@dataclass(frozen=True, slots=True)
class SameDot:
    """Probability that two carriers are in the same dot; None without such a pair."""

    electron_hole: float | None
    electrons: float | None
    holes: float | None


@dataclass(frozen=True, slots=True)
class ComplexLevel:
    """A state of a complex: energy above the band gaps of its pairs (eV), and above the lowest exciton (meV).

    `total_spin` is 0 for a bright and 1 for a dark exciton where exchange is included, else None.
    """

    energy: Estimate
    above_exciton: float
    m: int
    parity: Parity | None
    electron_spin: float | None
    hole_spin: float | None
    degeneracy: int
    label: str | None
    same_dot: SameDot
    total_spin: int | None = None


@dataclass(frozen=True, slots=True)
class ComplexStates:
    """Lowest states of a complex of electrons and holes, and its binding energy (meV)."""

    electrons: int
    holes: int
    states: tuple[ComplexLevel, ...]
    binding: Estimate | None
    converged: bool
    bright_dark: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Variation:
    """One alternative material value and the results with it in meV; None with a `reason` if the solution failed."""

    label: str
    source: str
    splitting: float | None
    redshift: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Ranges:
    """Smallest and largest splitting and red shift (meV) over the alternatives of the material set."""

    splitting: tuple[float, float] | None
    redshift: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class SolutionValues:
    """Every number of a solved molecule.

    Attributes
    ----------
    name : str
        Of the spec.
    temperature : float
        Of the spec, K.
    dots : tuple of str
        What sentences call each dot, ``"dot 0 (CdSe 1.40 nm)"``.
    linewidth : float or None
        Full width at half maximum of one dot's line, meV; None where the material set has none.
    levels : CarrierLevels
        Electron and hole levels without attraction.
    splitting : Estimate or None
        Second less first electron level, meV; None for a single dot.
    tunnel_coupling, detuning : Estimate or None
        Of two dots, meV.
    pair : Pair or None
        With Coulomb attraction.
    complexes : Mapping
        Name, as ``"X-"``, to states.
    gap : Estimate or None
        Optical gap, eV.
    monomer_gaps : tuple of (Estimate or None)
        Gap of each dot alone, eV; empty where there is none.
    redshift, redshift_single_particle : Estimate or None
        Lowest monomer gap less gap, with attraction and from bare levels, meV; positive to the red.
    ranges : Ranges or None
        Over the alternatives of the material set, if solved.
    variations : tuple of Variation
        What each alternative value of the material set gives, if solved.
    converged : bool
        Whether every energy met the tolerance and every level requested was found.
    warnings : tuple of str
        What must be known beside the numbers.
    elapsed : float
        Time of the calculation, s.
    """

    name: str
    temperature: float
    dots: tuple[str, ...]
    linewidth: float | None
    levels: CarrierLevels
    splitting: Estimate | None
    tunnel_coupling: Estimate | None
    detuning: Estimate | None
    pair: Pair | None
    complexes: Mapping[str, ComplexStates] = field(default_factory=dict)
    gap: Estimate | None
    monomer_gaps: tuple[Estimate | None, ...]
    redshift: Estimate | None
    redshift_single_particle: Estimate | None
    ranges: Ranges | None = None
    variations: tuple[Variation, ...] = ()
    converged: bool
    warnings: tuple[str, ...]
    elapsed: float

    @property
    def monomer_gap(self) -> Estimate | None:
        """Lowest gap of an isolated dot, eV."""
        known = [gap for gap in self.monomer_gaps if gap is not None]
        return min(known, key=lambda gap: gap.value, default=None)
