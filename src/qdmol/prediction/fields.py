"""Emission of a molecule as a function of the electric field along its axis: Stark shift, and which dot emits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from qdmol.arrays import Floats
from qdmol.errors import InputError
from qdmol.prediction.measures import edge_peak, emission_peak
from qdmol.prediction.molecules import dot_curves, prepare_light
from qdmol.prediction.tasks import Answer, LightRequest, Order
from qdmol.prediction.values import Conditions
from qdmol.structure import Spec, update_spec

# Growing bases of orbitals in each field.
BASES: Final = 2
# A dot that emits less than this part of all photons has no peak of its own.
MIN_SHARE: Final = 1e-6


@dataclass(frozen=True, eq=False)
class FieldSweep:
    """Emission of a molecule in applied fields.

    Attributes
    ----------
    fields
        Applied fields (k,) along the axis in kV/cm. Numbers at fields without a solution are NaN.
    grid, emission
        Photon energies (n,) in eV, and photons per exciton (k, n) in 1/(eV ns).
    share
        Part of the photons from each dot, (k, D).
    dot_peak
        Emission peak of each dot, (k, D) in eV.
    peak, absorption
        Emission peak and band edge of the molecule, (k,) in eV.
    lifetime
        Radiative lifetime, (k,) in ns.
    error, numerical
        Error of every energy, and the part of it that is not due to the basis, (k,) in eV.
    failed
        Number of each field without a solution, and the reason.
    """

    fields: Floats
    grid: Floats
    emission: Floats
    share: Floats
    dot_peak: Floats
    peak: Floats
    absorption: Floats
    lifetime: Floats
    error: Floats
    numerical: Floats
    failed: tuple[tuple[int, str], ...]

    @property
    def stark(self) -> Floats:
        """Stark shift (k,) in eV of the emission peak from that in the weakest field with a solution."""
        weakest = self._weakest
        return np.full(len(self.fields), np.nan) if weakest is None else np.asarray(self.peak - self.peak[weakest])

    @property
    def stark_error(self) -> Floats:
        """Error (k,) of `stark` in eV: basis errors are similar in all fields, numerical errors are not."""
        weakest = self._weakest
        if weakest is None:
            return np.full(len(self.fields), np.nan)
        basis = self.error - self.numerical
        error = np.abs(basis - basis[weakest]) + self.numerical + self.numerical[weakest]
        error[weakest] = 0.0
        return np.asarray(error)

    @property
    def _weakest(self) -> int | None:
        """Number of the weakest field with a solution."""
        known = np.flatnonzero(np.isfinite(self.peak))
        return int(known[np.argmin(np.abs(self.fields[known]))]) if len(known) else None

    @property
    def switching(self) -> float | None:
        """Field (kV/cm) at which both dots of a dimer emit equally; None if there is none in the sweep."""
        if self.share.shape[1] != 2:
            return None
        lead = self.share[:, 0] - 0.5
        for k in range(len(lead) - 1):
            if np.isfinite(lead[k : k + 2]).all() and lead[k] * lead[k + 1] <= 0 and lead[k] != lead[k + 1]:
                part = lead[k] / (lead[k] - lead[k + 1])
                return float(self.fields[k] + part * (self.fields[k + 1] - self.fields[k]))
        return None


def field_orders(spec: Spec, fields: Sequence[float], *, contact: bool) -> list[Order]:
    """Orders of the molecule in each field (kV/cm).

    Raises
    ------
    InputError
        A field is invalid.
    """
    if list(fields) != sorted(set(fields)):
        raise InputError(field="field", value=list(fields), allowed="ascending values, each once")
    request = LightRequest(BASES, contact)
    return [Order(update_spec(spec, "environment.field", [0.0, 0.0, float(field)]), request) for field in fields]


def sweep_fields(
    fields: Sequence[float], answers: Sequence[Answer], dots: int, grid: Floats, conditions: Conditions
) -> FieldSweep:
    """Emission of the molecule in each field, from its optical properties there."""
    count = len(fields)
    emission = np.full((count, len(grid)), np.nan)
    share, dot_peak = np.full((count, dots), np.nan), np.full((count, dots), np.nan)
    peak, absorption, lifetime, error, numerical = (np.full(count, np.nan) for _ in range(5))
    failed = []
    for k, answer in enumerate(answers):
        if answer.light is None:
            failed.append((k, answer.reason))
            continue
        prepared = prepare_light(answer.light, conditions)
        absorbed, emitted = dot_curves(prepared, grid, conditions)
        rate = prepared.emitters.rate.sum(axis=0)
        if not emitted.any() or not rate.sum() > 0:
            reason = (
                "no thermally populated exciton emits in this field, because electron and hole are in different dots"
            )
            failed.append((k, reason))
            continue
        emission[k] = emitted.sum(axis=1)
        share[k] = rate / rate.sum()
        bright = share[k] > MIN_SHARE
        dot_peak[k, bright] = [emission_peak(grid, emitted[:, dot]).energy for dot in np.flatnonzero(bright)]
        peak[k] = emission_peak(grid, emission[k]).energy
        absorption[k] = edge_peak(grid, absorbed.sum(axis=1)).energy
        lifetime[k] = prepared.emitters.lifetime
        error[k] = prepared.limit.error[0]
        numerical[k] = prepared.light.numerical
    return FieldSweep(
        fields=np.asarray(fields, dtype=np.float64),
        grid=grid,
        emission=emission,
        share=share,
        dot_peak=dot_peak,
        peak=peak,
        absorption=absorption,
        lifetime=lifetime,
        error=error,
        numerical=numerical,
        failed=tuple(failed),
    )
