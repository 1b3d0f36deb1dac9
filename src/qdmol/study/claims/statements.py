"""The reference work's quantitative calculated statements, in our words, with where each stands.

Cui, Panfil, Koley et al., Nat. Commun. 10, 5401 (2019), doi:10.1038/s41467-019-13349-1; "line" is a line of the text
of its peer-review file, which is published on the article's page. Statements about measured photons (lifetimes,
blinking, g2) are not here: they are no calculated statements and need a model of emission.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qdmol.study.claims.rules import Criterion

__all__ = ["PAGE", "STATEMENTS", "Statement"]

PAGE = "https://doi.org/10.1038/s41467-019-13349-1"
Family = Literal["1.2/2.1", "1.4/2.1", "1.9/4.0", "linked", "matched", "samples", "map", "none"]

# Half of the last digit that the paper prints, meV.
PRINTED = 0.5
# No shift: under 1 meV, 0.3 nm at 620 nm, far less than the lines are wide; the paper states no resolution.
UNSEEN = 1.0
# Proportional, taken literally: equal ratios to 10 %.
PROPORTIONAL = 0.1

_THREE = "qdmol solve @small-sample && qdmol solve @homodimer && qdmol solve @large-sample"
_MAP = "qdmol map @homodimer --axis core_diameter=2nm:4.4nm:5 --axis barrier=1nm:3nm:5 -o r1.nc"
_HOMODIMER = "1.4/2.1 nm, which the paper does not say; dots 5.2 nm apart, chosen here so that the splitting is 23 meV"
_NECKS = "equal necks in proportion, two thirds of each dot's diameter"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    Parameters
    ----------
    id
        Short name, fixed.
    words
        What the paper says, in our words.
    where
        Lines of the peer-review file's text, figures.
    unit
        Of all numbers.
    criterion
        What it asks of the number; its bound is the paper's number. None where no number can be had here.
    rule
        The criterion in words.
    family, quantity
        Which cases answer it, and what is read off them.
    assumed
        What the paper does not say.
    command
        Shows the number.
    paper_value
        Where there is no criterion: the number quoted.
    why_not
        Where there is no criterion: why no number is compared.
    """

    id: str
    words: str
    where: str
    unit: str
    criterion: Criterion | None
    rule: str
    family: Family
    quantity: str
    assumed: str
    command: str
    paper_value: float | None = None
    why_not: str = ""

    @property
    def source(self) -> str:
        """Where it stands, with the public page."""
        return f"peer-review file, {self.where}; {PAGE}"

    @property
    def number(self) -> float | None:
        """The paper's number; None where none survives in the text."""
        return self.paper_value if self.criterion is None else self.criterion.bound

    @property
    def asked(self) -> str:
        """The paper's number in a few characters, with its relation."""
        if self.number is None:
            return "no number"
        amount = f"{self.number:g}" + ("" if self.unit == "1" else f" {self.unit}")
        if self.criterion is None:
            return amount
        return f"> {amount}" if self.criterion.kind == "above" else amount if self.number else "none"


def _within(bound: float, margin: float) -> Criterion:
    return Criterion("within", bound, margin)


STATEMENTS: tuple[Statement, ...] = (
    Statement(
        "splitting",
        "Bonding and antibonding electron states are 23 meV apart without Coulomb attraction.",
        "lines 277, 284, Fig. 1g",
        "meV",
        _within(23.0, PRINTED),
        "23 meV as printed, to ±0.5 meV",
        "1.4/2.1",
        "splitting",
        f"sample {_HOMODIMER}: agreement in the shipped neck is no test",
        "qdmol solve @homodimer",
    ),
    Statement(
        "spacing",
        "With the hole's attraction the two lowest electron states are 60 meV apart.",
        "lines 284, 288 (284 has the two numbers the wrong way round), Fig. 1h",
        "meV",
        _within(60.0, PRINTED),
        "60 meV as printed, to ±0.5 meV",
        "1.4/2.1",
        "spacing",
        f"sample {_HOMODIMER}; permittivity 10 everywhere, chosen with 60 meV in view",
        "qdmol solve @homodimer",
    ),
    Statement(
        "widening",
        "The attraction pulls the first state more than the second and so increases their spacing.",
        "line 288, Fig. 1f-h",
        "meV",
        Criterion("above", 0.0),
        "spacing with less splitting without attraction above 0",
        "1.4/2.1",
        "widening",
        f"sample {_HOMODIMER}",
        "qdmol solve @homodimer",
    ),
    Statement(
        "order",
        "The red shift is larger for smaller core and shell: 1.2/2.1 > 1.4/2.1 > 1.9/4.0 nm.",
        "lines 177, 185, Fig. 1j",
        "meV",
        Criterion("above", 0.0),
        "the smaller of the two steps down the samples above 0",
        "samples",
        "redshift",
        f"shifts with Coulomb attraction; {_NECKS}; the calculated points of Fig. 1j are not in the text",
        _THREE,
    ),
    Statement(
        "order-bare",
        "The same, if the calculated red shift leaves the attraction out.",
        "lines 177, 185, Fig. 1j",
        "meV",
        Criterion("above", 0.0),
        "the smaller of the two steps down the samples above 0",
        "samples",
        "redshift_single_particle",
        f"shifts without attraction; {_NECKS}",
        _THREE,
    ),
    Statement(
        "large",
        "No red shift for 1.9/4.0 nm, where the coupling is negligible.",
        "lines 177, 185, 233, Fig. 1j",
        "meV",
        _within(0.0, UNSEEN),
        "under 1 meV counts as none",
        "1.9/4.0",
        "redshift",
        f"shift with Coulomb attraction; {_NECKS}; shell 4.0 nm (3.9 nm in line 271)",
        "qdmol solve @large-sample",
    ),
    Statement(
        "large-bare",
        "The same, if the calculated red shift leaves the attraction out.",
        "lines 177, 185, 233, Fig. 1j",
        "meV",
        _within(0.0, UNSEEN),
        "under 1 meV counts as none",
        "1.9/4.0",
        "redshift_single_particle",
        f"shift without attraction; {_NECKS}; shell 4.0 nm (3.9 nm in line 271)",
        "qdmol solve @large-sample",
    ),
    Statement(
        "linked",
        "No red shift while the dots are linked but not fused.",
        "lines 233, 251",
        "meV",
        _within(0.0, UNSEEN),
        "under 1 meV counts as none",
        "linked",
        "redshift",
        "1.4/2.1 nm; linker 0.3 nm (lines 187, 253) as a gap of medium with a barrier of 5 eV",
        "qdmol solve @linked",
    ),
    Statement(
        "linked-bare",
        "No hybridisation while the dots are linked but not fused, for the ligands' barrier is high.",
        "line 251",
        "meV",
        _within(0.0, UNSEEN),
        "a splitting under 1 meV counts as none",
        "linked",
        "splitting",
        "1.4/2.1 nm; linker 0.3 nm (lines 187, 253) as a gap of medium with a barrier of 5 eV",
        "qdmol solve @linked",
    ),
    Statement(
        "shift",
        "The band edge shifts on fusion by more than 10 meV (measured; said to agree with the calculation).",
        "lines 124, 251, Fig. 1j",
        "meV",
        Criterion("above", 10.0),
        "above 10 meV",
        "1.4/2.1",
        "redshift",
        f"shift with Coulomb attraction; sample {_HOMODIMER}; permittivity 10 everywhere",
        "qdmol solve @homodimer",
    ),
    Statement(
        "shift-bare",
        "The same, if the calculated red shift leaves the attraction out.",
        "lines 124, 251, Fig. 1j",
        "meV",
        Criterion("above", 10.0),
        "above 10 meV",
        "1.4/2.1",
        "redshift_single_particle",
        f"shift without attraction; sample {_HOMODIMER}",
        "qdmol solve @homodimer",
    ),
    Statement(
        "together",
        "One sample has 23 meV without and 60 meV with Coulomb, and shifts by more than 10 meV.",
        "lines 251, 284, 288",
        "meV",
        Criterion("above", 10.0),
        "shift with Coulomb attraction above 10 meV wherever the splitting is 23 and the spacing 60 meV, to ±0.5 meV",
        "matched",
        "redshift",
        "a uniform permittivity; number: the shipped 1.4/2.1 nm; range: necks, offsets, shell masses, samples and "
        "permittivities (8.9 to 12.8) chosen here so that 23 and 60 meV are both met",
        "qdmol solve @homodimer",
    ),
    Statement(
        "proportional",
        "The red shift is proportional to the coupling of the electron wavefunctions.",
        "line 235, Fig. 1j",
        "1",
        _within(1.0, PROPORTIONAL),
        "taken literally: largest over smallest shift/splitting of the three samples within 10 % of 1",
        "samples",
        "redshift",
        f"shifts with Coulomb attraction; coupling taken as the splitting; {_NECKS}",
        _THREE,
    ),
    Statement(
        "proportional-bare",
        "The same, if the calculated red shift leaves the attraction out.",
        "line 235, Fig. 1j",
        "1",
        _within(1.0, PROPORTIONAL),
        "taken literally: largest over smallest shift/splitting of the three samples within 10 % of 1",
        "samples",
        "redshift_single_particle",
        f"shifts without attraction; coupling taken as the splitting; {_NECKS}",
        _THREE,
    ),
    Statement(
        "map-barrier",
        "At a conduction offset of 0.1 eV the splitting depends strongly on the barrier: it falls as that grows.",
        "line 197, Fig. R1 (caption in line 202)",
        "meV",
        Criterion("above", 0.0),
        "the least fall between neighbours on a 5 x 5 map above 0",
        "map",
        "barrier",
        "merged dots, 2.1 nm of shell; diameters 2.0 to 4.4 nm, barriers (core to core) 1 to 3 nm: the figure's axes "
        "are not in the text",
        _MAP,
    ),
    Statement(
        "map-core",
        "At a conduction offset of 0.1 eV the splitting depends strongly on the core: it falls as that grows.",
        "line 197, Fig. R1 (caption in line 202)",
        "meV",
        Criterion("above", 0.0),
        "the least fall between neighbours on a 5 x 5 map above 0",
        "map",
        "diameter",
        "merged dots, 2.1 nm of shell; diameters 2.0 to 4.4 nm, barriers (core to core) 1 to 3 nm: the figure's axes "
        "are not in the text",
        _MAP,
    ),
    Statement(
        "map-scale",
        "The map's energies, in the colours of Fig. R1, agree with the measured shift.",
        "lines 197, 202, Fig. R1",
        "meV",
        None,
        "",
        "none",
        "",
        "nothing",
        _MAP,
        why_not="No value of the colour scale is in the text; the command gives the map from our numbers.",
    ),
    Statement(
        "pbse",
        "In fused PbSe dimers the hybridisation reaches about 50 meV, with lighter electrons and holes.",
        "line 146",
        "meV",
        None,
        "",
        "none",
        "",
        "nothing",
        "qdmol materials cdse-cds-single-band",
        paper_value=50.0,
        why_not="The number is quoted from another work. The CdSe/CdS set has one band for each carrier and no PbSe, "
        "whose band edges are fourfold at L.",
    ),
    Statement(
        "mbe",
        "In dots grown by molecular beam epitaxy a coupling of a few meV was reported.",
        "line 251; also lines 144, 247",
        "meV",
        None,
        "",
        "none",
        "",
        "nothing",
        "qdmol materials cdse-cds-single-band",
        why_not="A scale quoted from other works. The CdSe/CdS set does not describe strained dots in a III-V matrix.",
    ),
)
