"""The reference work's statements about spectra and lifetimes, most of them measured, in our words.

The follow-up, Panfil et al., J. Chem. Phys. 151, 224501 (2019), arXiv:1912.04558, calculates radiative lifetimes and
cross-sections of the same dimers: what its abstract says of them is here too. Its methods could not be read.
"""

from __future__ import annotations

from qdmol.study.claims.rules import Criterion
from qdmol.study.claims.statement import PROPORTIONAL, UNSEEN, Statement, within

__all__ = ["SPECTRA"]

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
