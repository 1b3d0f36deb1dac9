"""Result of solving a spec: an immutable value that includes its spec."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import TypeAdapter, ValidationError

from qdmol.results import Drawable, SavedResult, save_result, saved_attributes
from qdmol.structure import Spec, read_spec, spec_mapping
from qdmol.study.quantities import solution_html
from qdmol.study.summary import summary_of
from qdmol.study.values import SolutionValues
from qdmol.study.wording import solution_sentences

if TYPE_CHECKING:
    import xarray as xr

    from qdmol.study.job import Job

KIND = "solution"


@dataclass(frozen=True, kw_only=True, repr=False)
class Solution(SolutionValues, Drawable):
    """Result of :func:`qdmol.solve`: quantities of a molecule with their errors, and functions on grids.

    Attributes
    ----------
    spec : Spec
        The spec it answers.
    job : Job or None
        What the solver found; None for a solution read from a file.

    The other attributes are those of :class:`~qdmol.study.values.SolutionValues`.
    """

    spec: Spec
    job: Job | None = field(default=None, compare=False)
    stored: xr.Dataset | None = field(default=None, compare=False)

    @classmethod
    def of(
        cls, values: SolutionValues, *, spec: Spec, job: Job | None = None, stored: xr.Dataset | None = None
    ) -> Self:
        """Return the solution with these values, from a solved `job` or with the `stored` dataset of a file."""
        known = {entry.name: getattr(values, entry.name) for entry in fields(SolutionValues)}
        return cls(**known, spec=spec, job=job, stored=stored)

    @property
    def values(self) -> SolutionValues:
        """Quantities without the dataset."""
        return SolutionValues(**{entry.name: getattr(self, entry.name) for entry in fields(SolutionValues)})

    @property
    def summary(self) -> dict[str, Any]:
        """The JSON object of ``qdmol solve --json``: energies in eV, errors and differences in meV."""
        return summary_of(self)

    @cached_property
    def data(self) -> xr.Dataset:
        """Levels, numbers, and functions on grids, with units; made when first used."""
        if self.stored is not None:
            return self.stored
        if self.job is None:
            message = "this solution has neither a job nor stored arrays"
            raise ValueError(message)
        # Imported here: xarray takes longer to load than most molecules to solve.
        from qdmol.study.dataset import make_dataset

        return make_dataset(self.job, self.values).assign_attrs(saved_attributes(KIND, self._record))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the solution to a NetCDF file that :func:`qdmol.load` reads back.

        Raises
        ------
        InputError
            The file name does not end in ``.nc``.
        OutputError
            The file cannot be written.
        """
        return save_result(path, kind=KIND, values=self._record, data=self.data)

    @property
    def _record(self) -> dict[str, Any]:
        return {"spec": spec_mapping(self.spec), "values": _adapter().dump_python(self.values)}

    @classmethod
    def from_saved(cls, saved: SavedResult) -> Self:
        """Return the solution in a file.

        Raises
        ------
        InputError
            The file holds no values of a solution.
        """
        try:
            values = _adapter().validate_python(saved.values.get("values"))
        except ValidationError as error:
            raise saved.incomplete(KIND, error) from None
        spec = read_spec(saved.values.get("spec") or {}, folder=saved.path.absolute().parent)
        return cls.of(values, spec=spec, stored=saved.data)

    def __repr__(self) -> str:
        named = (("splitting", self.splitting), ("gap", self.gap), ("redshift", self.redshift))
        numbers = ", ".join(f"{name} {number!r}" for name, number in named if number is not None)
        levels = f"{len(self.levels.electron)} electron and {len(self.levels.hole)} hole levels"
        state = "" if self.converged else ", not converged"
        return f"<Solution of {self.name}: {levels}{', ' if numbers else ''}{numbers}{state}>"

    def _repr_html_(self) -> str:
        return solution_html(self)

    def __str__(self) -> str:
        return "\n".join(solution_sentences(self))


@cache
def _adapter() -> TypeAdapter[SolutionValues]:
    return TypeAdapter(SolutionValues)
