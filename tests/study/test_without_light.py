"""What solves levels leaves light and ensembles aside: nothing is solved again, and a reader is told."""

from tests.study.map_samples import BARE, sample

from qdmol.claims.cases import all_cases
from qdmol.materials import light_alternatives, load_set
from qdmol.materials.quantities import QUANTITIES
from qdmol.study import solve, solving
from qdmol.study.values import Variation


def test_a_range_is_over_what_moves_levels(monkeypatch):
    asked = []

    def vary(_, other):
        asked.append(other.key)
        return Variation(other.label, other.source, None, None, "not solved")

    monkeypatch.setattr(solving, "vary", vary)
    spec = sample()
    assert len(light_alternatives(load_set(spec.materials))) > 5
    assert len(solving._variations(spec, lambda _: None)) == len(asked) == 20
    assert not any(QUANTITIES[key].optical for key in asked)


def test_the_cases_of_the_claims_are_as_many_as_before_there_was_light():
    assert len(all_cases()) == 75


def test_an_ensemble_is_solved_as_its_mean_molecule_and_says_so():
    sizes = {"core_radius": "5 %", "monomers": 0.2}
    with_sizes, without = (solve(sample(calculation=BARE, **more)).summary for more in ({"ensemble": sizes}, {}))
    assert with_sizes["electron"] == without["electron"]
    assert with_sizes["splitting_meV"] == without["splitting_meV"]
    (told,) = set(with_sizes["warnings"]) - set(without["warnings"])
    assert told.startswith("`ensemble` is used by `qdmol spectrum` only")
