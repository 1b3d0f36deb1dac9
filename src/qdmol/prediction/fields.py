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
    """A molecule in fields (k,), kV/cm; NaN where one could not be solved, with the reason in `failed`.

    `emission` (k, n) in 1/(eV ns) on `grid` (n,); `share` (k, D) of the photons from each dot and `dot_peak` (k, D) in
    eV the peak of each; `peak` (k,) of all, `absorption` (k,) the band edge, both in eV; `lifetime` (k,) in ns; `error`
    (k,) in eV, of every energy, and `numerical` (k,) in eV the part of it that is not of the basis.
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
        """Shift (k,) in eV of the emission's peak from that in the weakest field of the sweep."""
        weakest = self._weakest
        return np.full(len(self.fields), np.nan) if weakest is None else np.asarray(self.peak - self.peak[weakest])

    @property
    def stark_error(self) -> Floats:
        """Error (k,) in eV of `stark`: what bases lack is much alike in all fields, numerical errors are not."""
        weakest = self._weakest
        if weakest is None:
            return np.full(len(self.fields), np.nan)
        basis = self.error - self.numerical
        error = np.abs(basis - basis[weakest]) + self.numerical + self.numerical[weakest]
        error[weakest] = 0.0
        return np.asarray(error)

    @property
    def _weakest(self) -> int | None:
        """The weakest field that was solved."""
        known = np.flatnonzero(np.isfinite(self.peak))
        return int(known[np.argmin(np.abs(self.fields[known]))]) if len(known) else None

    @property
    def switching(self) -> float | None:
        """Field (kV/cm) at which both dots of a pair emit alike; None where that is nowhere in the sweep."""
        if self.share.shape[1] != 2:
            return None
        lead = self.share[:, 0] - 0.5
        for k in range(len(lead) - 1):
            if np.isfinite(lead[k : k + 2]).all() and lead[k] * lead[k + 1] <= 0 and lead[k] != lead[k + 1]:
                part = lead[k] / (lead[k] - lead[k + 1])
                return float(self.fields[k] + part * (self.fields[k + 1] - self.fields[k]))
        return None


def field_orders(spec: Spec, fields: Sequence[float], *, contact: bool) -> list[Order]:
    """The molecule in each field (kV/cm).

    Raises
    ------
    InputError
        A field the spec refuses.
    """
    if list(fields) != sorted(set(fields)):
        raise InputError(field="field", value=list(fields), allowed="rising values, each once")
    request = LightRequest(BASES, contact)
    return [Order(update_spec(spec, "environment.field", [0.0, 0.0, float(field)]), request) for field in fields]


def sweep_fields(
    fields: Sequence[float], answers: Sequence[Answer], dots: int, grid: Floats, conditions: Conditions
) -> FieldSweep:
    """What the molecule emits in each field."""
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
            failed.append((k, "no exciton that heat reaches emits in this field: electron and hole are apart"))
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
        np.asarray(fields, dtype=np.float64), grid, emission, share, dot_peak, peak, absorption, lifetime, error,
        numerical, tuple(failed),
    )  # fmt: skip
