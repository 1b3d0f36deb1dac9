"""Specs for the tests of spectra."""

DOT = {"core": {"material": "CdSe", "radius": 1.4}, "shells": [{"material": "CdS", "thickness": 2.1}]}
SMALL = {"core": {"material": "CdSe", "radius": 1.2}, "shells": [{"material": "CdS", "thickness": 2.1}]}


def spec_of(*dots, **keys):
    """A spec of dots, 5.2 nm apart where there are several."""
    molecule = {"dots": list(dots)} | ({"spacing": 5.2, "neck": "merged"} if len(dots) > 1 else {})
    return {"qdmol": 1, "materials": "cdse-cds-single-band", "molecule": molecule} | keys
