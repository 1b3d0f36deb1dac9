"""The result of a spec: a frozen value that knows its spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from qdmol.structure import Spec
from qdmol.study.alternatives import Variation
from qdmol.study.job import Job
from qdmol.study.linewidth import linewidth_mev
from qdmol.study.wording import summary_html, summary_sentences

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Solution:
    """What :func:`qdmol.solve` returns.

    Attributes
    ----------
    spec : Spec
        The spec it answers.
    summary : Mapping
        The JSON object of ``qdmol solve --json``: energies in eV, errors and differences in meV, as each key says.
    variations : tuple
        With ``range_``: what each alternative value of the material set gives.
    """

    spec: Spec
    summary: Mapping[str, Any]
    variations: tuple[Variation, ...] = ()
    job: Job = field(repr=False, kw_only=True)

    @property
    def converged(self) -> bool:
        """Whether every energy met the tolerance and every level asked for was found."""
        return bool(self.summary["converged"])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be known beside the numbers."""
        return tuple(self.summary["warnings"])

    @cached_property
    def data(self) -> xr.Dataset:
        """Levels, numbers, and functions on grids, with units; made when first asked for."""
        # Imported here: xarray takes longer to load than most molecules to solve.
        from qdmol.study.dataset import make_dataset

        return make_dataset(self.job, self.summary, self.variations)

    @property
    def linewidth(self) -> float | None:
        """Full width (meV) of one dot's line at the spec's temperature; None where the material set has none."""
        return linewidth_mev(self.job.molecule, self.spec.environment.temperature)

    @property
    def _setting(self) -> dict[str, Any]:
        """What sentences need beside the summary."""
        temperature, dots = self.spec.environment.temperature, self.job.molecule.dot_names
        return {"temperature": temperature, "linewidth": self.linewidth, "dots": dots}

    def _repr_html_(self) -> str:
        return summary_html(self.summary, **self._setting)

    def __str__(self) -> str:
        return "\n".join(summary_sentences(self.summary, **self._setting))
