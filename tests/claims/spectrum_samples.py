"""Made-up JSON objects of spectra, for what is read off them."""

from qdmol.claims.cases import Outcome

ENERGIES = ("redshift_absorption", "redshift_emission", "broadening_absorption", "broadening_emission")


def change(first, second, *, shift=0.0, ratio=1.0, error=0.1):
    found = {"from": first, "to": second}
    for name in ENERGIES:
        found |= {f"{name}_meV": shift, f"{name}_error_meV": error}
    for name in ("lifetime", "band_edge", "cross_section_300nm"):
        found |= {f"{name}_ratio": ratio, f"{name}_ratio_error": error}
    return found


def sample(name, *, blue=1.0, blue_error=0.1, edge=0.5):
    return {
        "sample": name,
        "cross_section_300nm_cm2": blue,
        "cross_section_300nm_error_cm2": blue_error,
        "ratio_edge_to_300nm": edge,
    }


def spectrum(*, shift=3.0, ratio=2.0, edge=0.4):
    """Three samples; fusion shifts by `shift`, changes ratios by `ratio`, and the edge's share from 0.5 to `edge`."""
    return {
        "samples": [sample("monomer"), sample("unfused", blue=2.0, blue_error=0.3), sample("fused", edge=edge)],
        "changes": [
            change("monomer", "unfused", ratio=2.0),
            change("monomer", "fused", shift=shift, ratio=ratio),
            change("unfused", "fused", shift=shift, ratio=ratio),
        ],
    }


def made_up(cases):
    """An outcome for each case without solving: all alike but for the shift, which grows from case to case."""
    return [Outcome(case, spectrum(shift=0.5 + 0.1 * number)) for number, case in enumerate(cases)]
