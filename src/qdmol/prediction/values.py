"""Values of predicted spectra: what they are pinned to, the conditions they hold under, and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from qdmol.arrays import Floats
from qdmol.optics import Broadening
from qdmol.structure import Spec

if TYPE_CHECKING:
    import xarray as xr

    from qdmol.prediction.fields import FieldSweep


@dataclass(frozen=True, slots=True)
class Calibration:
    """The photon energy (eV) at which the monomer's peak is to lie, of absorption or of emission per nm."""

    quantity: Literal["absorption", "emission"]
    energy_eV: float  # noqa: N815  # the unit's own letters


@dataclass(frozen=True, slots=True)
class Conditions:
    """What lines become spectra with.

    Temperature (K), line shape, exchange constant (eV nm³, None without), growth of strengths from each basis to the
    limit, whether the limit is wanted or the last basis, and a shift (eV) of every gap.
    """

    temperature: float
    broadening: Broadening
    exchange: float | None
    growth: tuple[float, ...]
    extrapolated: bool = True
    shift: float = 0.0


@dataclass(frozen=True, eq=False)
class SampleSpectrum:
    """A sample per particle: absorption (nm²) and emission (1/eV, unit area) at photon energies (n,) in eV.

    `lifetime` (ns) is the mean radiative lifetime, weighted by what each particle absorbs at 300 nm.
    """

    grid: Floats
    absorption: Floats
    emission: Floats
    lifetime: float


@dataclass(frozen=True)
class Spectra:
    """What :func:`qdmol.prediction.predict_spectra` returns.

    Attributes
    ----------
    spec : Spec
        The spec it answers.
    summary : Mapping
        The JSON object of ``qdmol spectrum --json``: energies in eV, shifts, widths and errors in meV, cross-sections
        in cm², lifetimes in ns, as each key says.
    samples : Mapping
        Name to spectrum: monomer, unfused, fused.
    particles : Mapping
        Of an ensemble: name to the absorption (particles, n) in nm² of each particle.
    """

    spec: Spec
    summary: Mapping[str, Any]
    samples: Mapping[str, SampleSpectrum]
    errors: Mapping[str, Floats] = field(repr=False)
    sweep: FieldSweep | None = field(default=None, repr=False)
    particles: Mapping[str, Floats] = field(default_factory=dict, repr=False)

    @property
    def converged(self) -> bool:
        """Whether every error asked for was met and no point of a field sweep is missing."""
        return bool(self.summary["converged"])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be known beside the numbers."""
        return tuple(self.summary["warnings"])

    @cached_property
    def data(self) -> xr.Dataset:
        """Curves, lines and, with fields, the sweep, with units; made when first asked for."""
        # Imported here: xarray takes longer to load than a stored spectrum to assemble.
        from qdmol.prediction.dataset import make_spectra_dataset

        return make_spectra_dataset(self)
