"""The reference work's quantitative statements, in our words, with where each stands: here those about levels.

Cui, Panfil, Koley et al., Nat. Commun. 10, 5401 (2019), doi:10.1038/s41467-019-13349-1; "line" is a line of the text
of its peer-review file, which is published on the article's page. Statements about single photons (blinking, g2) are
not here: they are no calculated statements and need a model of emission in time.

The reference work's statements about spectra and lifetimes, most of them measured, in our words.

The follow-up, Panfil et al., J. Chem. Phys. 151, 224501 (2019), arXiv:1912.04558, calculates radiative lifetimes and
cross-sections of the same dimers: what its abstract says of them is here too. Its methods could not be read.
"""

from __future__ import annotations

from qdmol.claims.rules import Criterion
from qdmol.claims.statement import PROPORTIONAL, UNSEEN, Statement, within

_THEORY = ("abstract of Panfil et al., J. Chem. Phys. 151, 224501", "https://doi.org/10.48550/arXiv.1912.04558")
_COMMAND = "qdmol spectrum @homodimer"
_LARGE = "qdmol spectrum @large-sample"
_SEEN = f"above {UNSEEN:g} meV, under which counts as none"
_NONE = f"under {UNSEEN:g} meV counts as none"
_LIGHT = "permittivity 10 everywhere for charges, contrast with the medium for light"
_LINKER = "unfused dimer with 0.3 nm of medium between the dots (lines 187, 253)"
_WIDTH = (
    "each line 60 meV wide at 300 K; range with a deep offset, a neck of 6.2 nm and, the text having no number, 300 "
    "molecules whose spacing differs by 10 % (necks of 3.6 to 5.6 nm); sizes of dots, which differ alike before fusion "
    "and after it, are left out"
)
_BLUE = (
    "absorption at 300 nm by a density of states that is known to some 20 %, much of it alike in both samples: the "
    "error is what they differ by"
)

_SHIFTS: tuple[Statement, ...] = (
    Statement(
        "absorption-shift",
        "The band edge's peak in absorption shifts on fusion by more than 10 meV.",
        "lines 177, 251, Fig. 1i",
        "meV",
        Criterion("above", 10.0),
        "above 10 meV",
        "spectra",
        "absorption_redshift",
        f"monomer to fused 1.4/2.1 nm, peaks of the curves; {_LIGHT}",
        _COMMAND,
    ),
    Statement(
        "emission-shift",
        "The emission shifts to the red on fusion as well.",
        "lines 134, 165, 177, Fig. 1i",
        "meV",
        Criterion("above", 0.0, UNSEEN),
        _SEEN,
        "spectra",
        "emission_redshift",
        f"monomer to fused 1.4/2.1 nm, peaks of the curves, no number for emission alone in the text; {_LIGHT}",
        _COMMAND,
    ),
    Statement(
        "absorption-large",
        "No shift in absorption on fusion of 1.9/4.0 nm.",
        "lines 233, 239",
        "meV",
        within(0.0, UNSEEN),
        _NONE,
        "spectra 1.9/4.0",
        "absorption_redshift",
        "neck two thirds of the dot's diameter, both offsets; more necks in `large`",
        _LARGE,
    ),
    Statement(
        "emission-large",
        "No shift in emission on fusion of 1.9/4.0 nm.",
        "lines 233, 239",
        "meV",
        within(0.0, UNSEEN),
        _NONE,
        "spectra 1.9/4.0",
        "emission_redshift",
        "neck two thirds of the dot's diameter, both offsets; more necks in `large`",
        _LARGE,
    ),
)

_UNFUSED: tuple[Statement, ...] = (
    Statement(
        "unfused-absorption",
        "The unfused dimer's band edge lies where the monomer's does.",
        "lines 219, 225, 233",
        "meV",
        within(0.0, UNSEEN),
        _NONE,
        "spectra",
        "unfused_absorption_redshift",
        _LINKER,
        _COMMAND,
    ),
    Statement(
        "unfused-emission",
        "The unfused dimer emits where the monomer does.",
        "line 233",
        "meV",
        within(0.0, UNSEEN),
        _NONE,
        "spectra",
        "unfused_emission_redshift",
        f"{_LINKER}; two equal dots: in a pair of unlike ones excitons in thermal equilibrium would favour the larger",
        _COMMAND,
    ),
    Statement(
        "unfused-edge",
        "The unfused dimer absorbs twice what the monomer does: at the band edge.",
        "line 219",
        "1",
        within(2.0, 2 * PROPORTIONAL),
        "twice, to 10 %",
        "spectra",
        "unfused_band_edge_ratio",
        f"{_LINKER}; with the local field of light, without which it is 2.00",
        _COMMAND,
    ),
    Statement(
        "unfused-blue",
        "The same at 300 nm.",
        "line 219",
        "1",
        within(2.0, 2 * PROPORTIONAL),
        "twice, to 10 %",
        "spectra",
        "unfused_300nm_ratio",
        f"{_LINKER}; {_BLUE}",
        _COMMAND,
    ),
)

_SHAPES: tuple[Statement, ...] = (
    Statement(
        "absorption-broadening",
        "The band edge in absorption broadens on fusion.",
        "lines 134, 165, 183, 225, Fig. 1i",
        "meV",
        Criterion("above", 0.0, UNSEEN),
        _SEEN,
        "spectra",
        "absorption_broadening",
        f"unfused to fused, twice the half width on the red side; {_WIDTH}",
        _COMMAND,
    ),
    Statement(
        "emission-broadening",
        "The emission broadens on fusion.",
        "lines 134, 165, Fig. 1i",
        "meV",
        Criterion("above", 0.0, UNSEEN),
        _SEEN,
        "spectra",
        "emission_broadening",
        f"unfused to fused, full width at half maximum; {_WIDTH}",
        _COMMAND,
    ),
    Statement(
        "high-energy",
        "With 1 at 300 nm the fused dimer's band edge is lower than the unfused one's: with 1 at the band edge it "
        "absorbs more at high energies.",
        "lines 169, 183, 225, Supplementary Fig. 11",
        "1",
        Criterion("above", 1.0),
        "absorption at 300 nm over that of the band edge, fused over unfused, above 1",
        "spectra",
        "high_energy_ratio",
        _BLUE,
        _COMMAND,
    ),
)

_LIFETIMES: tuple[Statement, ...] = (
    Statement(
        "band-edge",
        "Near the band edge the dimer's cross-section stays essentially that of its monomers (calculated).",
        "2019",
        "1",
        within(1.0, PROPORTIONAL),
        "fused over unfused dimer within 10 % of 1",
        "spectra",
        "band_edge_ratio",
        "absorption up to 0.12 eV above the peak, of two linked monomers and of the fused ones",
        _COMMAND,
        document=_THEORY[0],
        page=_THEORY[1],
    ),
    Statement(
        "lifetime",
        "The dimer's radiative lifetime is longer than the monomer's (calculated).",
        "2019",
        "1",
        Criterion("above", 1.0),
        "fused over monomer above 1",
        "spectra",
        "lifetime_ratio",
        f"at 300 K, mean over thermal excitons; {_LIGHT}",
        _COMMAND,
        document=_THEORY[0],
        page=_THEORY[1],
    ),
    Statement(
        "lifetime-measured",
        "The measured lifetime falls from monomer to unfused to fused dimer.",
        "lines 185, 247, Fig. 5a",
        "1",
        None,
        "",
        "none",
        "",
        "nothing",
        _COMMAND,
        why_not="A measured lifetime is that of all ways to decay, and the paper itself names energy transfer and "
        "tunnelling (line 251); the one calculated here is radiative alone, and becomes longer where this becomes "
        "shorter. No nanoseconds are in the text.",
    ),
)

SPECTRA: tuple[Statement, ...] = (*_SHIFTS, *_UNFUSED, *_SHAPES, *_LIFETIMES)


# Half of the last digit that the paper prints, meV.
PRINTED = 0.5
_THREE = "qdmol solve @small-sample && qdmol solve @homodimer && qdmol solve @large-sample"
_MAP = "qdmol map @homodimer --axis core_diameter=2nm:4.4nm:5 --axis barrier=1nm:3nm:5 -o r1.nc"
_HOMODIMER = "1.4/2.1 nm, which the paper does not say; dots 5.2 nm apart, chosen here so that the splitting is 23 meV"
_NECKS = "equal necks in proportion, two thirds of each dot's diameter"


_LEVELS: tuple[Statement, ...] = (
    Statement(
        "splitting",
        "Bonding and antibonding electron states are 23 meV apart without Coulomb attraction.",
        "lines 277, 284, Fig. 1g",
        "meV",
        within(23.0, PRINTED),
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
        within(60.0, PRINTED),
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
        within(0.0, UNSEEN),
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
        within(0.0, UNSEEN),
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
        within(0.0, UNSEEN),
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
        within(0.0, UNSEEN),
        "2t, twice the tunnel coupling, under 1 meV counts as none",
        "linked",
        "tunnel_splitting",
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
        within(1.0, PROPORTIONAL),
        "taken literally: largest over smallest shift/2t of the three samples within 10 % of 1",
        "samples",
        "redshift",
        f"shifts with Coulomb attraction; coupling taken as 2t, twice the tunnel coupling; {_NECKS}",
        _THREE,
    ),
    Statement(
        "proportional-bare",
        "The same, if the calculated red shift leaves the attraction out.",
        "line 235, Fig. 1j",
        "1",
        within(1.0, PROPORTIONAL),
        "taken literally: largest over smallest shift/2t of the three samples within 10 % of 1",
        "samples",
        "redshift_single_particle",
        f"shifts without attraction; coupling taken as 2t, twice the tunnel coupling; {_NECKS}",
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

STATEMENTS: tuple[Statement, ...] = (*_LEVELS, *SPECTRA)
