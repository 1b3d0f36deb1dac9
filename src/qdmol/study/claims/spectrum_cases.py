"""The molecules whose spectra are beside the statements about spectra: few, since each is three samples to solve.

The homodimer as shipped and with the follow-up's widest neck, merged and filled, and the large sample, each with both
conduction offsets; the homodimer with necks that differ from molecule to molecule. Lengths in nm, energies in eV.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qdmol.structure import Spec, read_spec, spec_mapping, update_mapping
from qdmol.study.claims.cases import DEEP, MIDDLE, NECKS, OFFSET, SAMPLES, Case, labelled, necked, with_offset

__all__ = ["LARGE", "SPECTRA_FAMILIES", "spectrum_cases", "spectrum_summary"]

LARGE = "1.9/4.0"
SPECTRA_FAMILIES: Mapping[str, str] = {"spectra": MIDDLE, f"spectra {LARGE}": LARGE}
# The widest neck of the follow-up.
WIDEST = NECKS[-1]
# Standard deviation of what the shipped spec gives of the neck, the spacing, and how many molecules are drawn. Chosen
# here: the spread of the paper's necks is not in its text.
SPREAD, MEMBERS = "10 %", 300


def spectrum_cases() -> tuple[Case, ...]:
    """Every case of the statements about spectra, that of the homodimer as shipped first."""
    family, large = SPECTRA_FAMILIES
    base, other = (read_spec(f"@{SAMPLES[sample]}") for sample in SPECTRA_FAMILIES.values())
    return (
        *_offsets(family, MIDDLE, "as shipped", (), base),
        *_offsets(large, LARGE, "as shipped", (), other),
        Case(family, MIDDLE, f"necks that differ by {SPREAD}", ("spread of necks",), _spread(base), "spectrum"),
        *_offsets(family, MIDDLE, f"merged neck {WIDEST:g} nm", ("neck",), necked(base, "merged", WIDEST)),
        *_offsets(family, MIDDLE, f"filled neck {WIDEST:g} nm", ("neck",), necked(base, "filled", WIDEST)),
    )


def _offsets(family: str, sample: str, name: str, factors: tuple[str, ...], spec: Spec) -> tuple[Case, Case]:
    """A molecule with the set's conduction offset and with the deep one."""
    deep = with_offset(spec, DEEP)
    return (
        Case(family, sample, name, factors, spec, "spectrum"),
        Case(family, sample, labelled(name, DEEP), (*factors, OFFSET), deep, "spectrum"),
    )


def _spread(base: Spec) -> Spec:
    """The same molecules with necks that differ."""
    data = {**spec_mapping(base), "ensemble": {"members": MEMBERS, "neck": SPREAD}}
    return update_mapping(data, {}, folder=base.folder)


def spectrum_summary(spec: Spec, folder: Path) -> Mapping[str, Any]:
    """The JSON object of ``qdmol spectrum``; molecules that cases share are solved once and kept in the folder."""
    # Imported here: a process that solves levels alone does without.
    from qdmol.study.spectra import predict_spectra

    return predict_spectra(spec, folder=folder).summary
