"""Numbers of the cases of all claims, solved once and stored: `python -m tests.claims.stored_cases` writes them.

The tests of claims solve a few cases anew and take the others from here; a slow test solves all of them.
"""

import hashlib
import json
import os
from pathlib import Path

from qdmol.claims import assessing, cases
from qdmol.claims.cases import Outcome, all_cases
from qdmol.structure import dump_spec

FILE = Path(__file__).with_name("cases") / "solved.json"
NUMBERS = ("splitting", "tunnel_coupling", "redshift", "redshift_single_particle")


def level_cases():
    """Every case of levels that the claims rest on, those of the maps included."""
    points = [case for offset, axes in assessing._grids(fine=True) for case in assessing._map_cases(offset, *axes)]
    return [*all_cases(), *points]


def solved_anew(listed):
    """Digests of the cases that the tests solve: shipped molecules, and one each of the maps and of the matched."""
    shipped = [case for case in listed if not case.factors and case.family != "map"]
    firsts = [next(case for case in listed if case.family == family) for family in ("map", "matched")]
    return {digest(case) for case in [*shipped, *firsts]}


def digest(case):
    """The same for the same molecule with the same calculation."""
    return hashlib.sha256(dump_spec(case.spec).encode()).hexdigest()[:16]


def numbers_of(outcome):
    """What the claims read off a summary, with the same keys; the reason where there is none."""
    if outcome.summary is None:
        return {"reason": outcome.reason}
    keys = [f"{name}{kind}_meV" for name in NUMBERS for kind in ("", "_error")]
    pair = outcome.summary["coulomb"]
    spacing = None if pair is None else {key: pair[key] for key in ("spacing_meV", "spacing_error_meV")}
    return {**{key: outcome.summary[key] for key in keys}, "coulomb": spacing}


def load():
    """Stored numbers by the digest of their case."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def stored_outcome(case, stored):
    """A case with its stored numbers; None where it was not stored."""
    numbers = stored.get(digest(case))
    if numbers is None:
        return None
    return Outcome(case, None, numbers["reason"]) if "reason" in numbers else Outcome(case, numbers)


def solved():
    """The numbers of all cases, solved now."""
    outcomes = cases.solve_cases(level_cases(), workers=os.cpu_count() or 1)
    return {digest(one.case): numbers_of(one) for one in outcomes}


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(solved(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
