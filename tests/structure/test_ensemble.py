"""The ensemble of a spec: what it may say, which lengths differ, the particles drawn, the spec of each."""

import math

import jsonschema
import numpy as np
import pytest
from ruamel.yaml import YAML
from tests.structure.samples import REMOVED, changed, dimer, dot, monomer

from qdmol.errors import InputError
from qdmol.structure import (
    NECKS,
    Deviation,
    draw_members,
    dump_spec,
    member_spec,
    parameters_of,
    read_spec,
    resolve,
    spec_mapping,
    spec_schema,
    update_spec,
    without_ensemble,
)

SIZES = {"core_radius": "5 %", "shell_thickness": 0.1, "neck": "10 %"}
LINKED = (("molecule.spacing", REMOVED), ("molecule.neck", {"linker": 0.3}))
MERGED = (("molecule.spacing", REMOVED), ("molecule.neck", {"merged": 4.0}))


def sample(*changes, ensemble=SIZES, base=None):
    """A spec whose ensemble is given, other places changed."""
    return read_spec(changed(base or dimer(), *changes, ("ensemble", ensemble)))


def drawn(spec):
    return draw_members(spec, rng=np.random.default_rng(7))


def names(spec):
    return [one.name for one in parameters_of(spec)]


# ---------------------------------------------------------------- what it may say


@pytest.mark.parametrize(
    ("written", "deviation", "at_two"),
    [
        ("5 %", Deviation(5, relative=True), 0.1),
        ("12.5%", Deviation(12.5, relative=True), 0.25),
        ("0.07 nm", Deviation(0.07), 0.07),
        ("70 pm", Deviation(0.07), 0.07),
        (0.07, Deviation(0.07), 0.07),
        (0, Deviation(0), 0),
    ],
)
def test_a_deviation_is_a_length_or_a_share(written, deviation, at_two):
    spec = sample(ensemble={"core_radius": written})
    assert spec.ensemble.core_radius == deviation
    assert spec.ensemble.core_radius.of(2.0) == pytest.approx(at_two)


def test_what_is_left_out():
    spec = sample(ensemble={})
    assert (spec.ensemble.members, spec.ensemble.monomers, spec.ensemble.seed) == (1000, 0, 1)
    assert parameters_of(spec) == ()
    assert drawn(spec).values.shape == (1000, 0)
    assert read_spec(dimer()).ensemble is None
    assert sample(ensemble=None).ensemble is None
    assert parameters_of(read_spec(dimer())) == ()


def test_it_round_trips_and_follows_the_schema():
    spec = sample(ensemble={**SIZES, "core_radius": "0.123456789012345 %", "monomers": 0.2, "seed": 0})
    text = dump_spec(spec)
    assert read_spec(YAML(typ="safe", pure=True).load(text)) == spec
    assert spec_mapping(spec)["ensemble"]["neck"] == "10 %"
    jsonschema.validate(spec_mapping(spec), spec_schema())
    assert hash(spec) != hash(without_ensemble(spec))
    assert update_spec(spec, "ensemble.core_radius", 0.2).ensemble.core_radius == Deviation(0.2)


def test_deviations_the_schema_refuses():
    validator = jsonschema.Draft202012Validator(spec_schema())
    for wrong in (-0.1, 101, "5 K", "five %", "% 5", None, True):
        assert not validator.is_valid(changed(dimer(), ("ensemble", {"neck": wrong})))


ALONE = ("molecule", monomer()["molecule"])
PLACED = (("molecule.spacing", REMOVED), ("molecule.positions", [[0, 0, 0], [0, 0, 5.2]]))
HELD = (("molecule.spacing", REMOVED), ("molecule.positions", [[0, 0, 0], [0, 0, 7.3]]), LINKED[1])
BARE = ("molecule.dots", [{"core": {"material": "CdSe", "radius": 2.5}}] * 2)


@pytest.mark.parametrize(
    ("changes", "key", "value", "allowed"),
    [
        ([ALONE], "neck", "5 %", "a single dot has no neck"),
        ([ALONE], "monomers", 0.2, "a single dot itself"),
        (PLACED, "neck", 0.1, "molecule.positions"),
        (HELD, "core_radius", 0.1, "`molecule.neck` fixes distances too"),
        (HELD, "shell_thickness", 0.1, "`molecule.neck` fixes distances too"),
        ([BARE], "shell_thickness", 0.1, "no dot has a shell"),
        ([LINKED[0], ("molecule.neck", {"linker": 0})], "neck", "10 %", "a length in nm"),
    ],
)
def test_what_this_molecule_has_not(changes, key, value, allowed):
    with pytest.raises(InputError) as caught:
        sample(*changes, ensemble={key: value})
    assert caught.value.field == f"ensemble.{key}"
    assert caught.value.value == value
    assert allowed in caught.value.allowed
    resolve(sample(*changes, ensemble={key: 0}))


def test_a_neck_without_a_length_refuses_a_deviation(monkeypatch):
    assert sample(*LINKED, ensemble={"neck": 0.1}).molecule.neck_lengths == (0.3,)
    monkeypatch.setattr(NECKS["linker"], "varies", False)
    with pytest.raises(InputError, match="no length that varies"):
        sample(*LINKED, ensemble={"neck": 0.1})


# ---------------------------------------------------------------- which lengths differ


def test_lengths_in_order_with_mean_and_deviation():
    spec = sample(("molecule.dots", [dot(), {**dot(1.2), "core": {"material": "CdSe", "diameter": 2.4}}]))
    found = [(one.name, one.mean, round(one.deviation, 12)) for one in parameters_of(spec)]
    assert found == [
        ("dot 0 core radius", 1.4, 0.07),
        ("dot 0 shell thickness", 2.1, 0.1),
        ("dot 1 core radius", 1.2, 0.06),
        ("dot 1 shell thickness", 2.1, 0.1),
        ("neck", 5.2, 0.52),
    ]
    assert names(sample(ensemble={"neck": 0.1})) == ["neck"]


@pytest.mark.parametrize(
    ("changes", "mean"),
    [
        (MERGED, 4.0),
        ([("molecule.neck", {"filled": 5.0})], 5.0),
        (LINKED, 0.3),
        ([("molecule.spacing", REMOVED), ("molecule.barrier", 2.4)], 2.4),
        ([("molecule.spacing", [5.1])], 5.1),
    ],
)
def test_the_neck_is_what_the_spec_gives_of_it(changes, mean):
    (neck,) = parameters_of(sample(*changes, ensemble={"neck": "10 %"}))
    assert (neck.name, neck.mean, neck.deviation) == ("neck", mean, pytest.approx(mean / 10))


def test_bonds_of_a_chain_differ_where_the_spec_can_say_so():
    chain = ("molecule.dots", [dot()] * 3)
    assert names(sample(chain, ensemble={"neck": 0.1})) == ["neck 0", "neck 1"]
    assert names(sample(chain, *MERGED, ensemble={"neck": 0.1})) == ["neck"]
    spec = sample(chain, ensemble={"neck": 0.1})
    assert member_spec(spec, [5.0, 5.5]).molecule.spacing == (5.0, 5.5)


def test_monolayers_are_counted_in_the_mean():
    shells = [{"material": "CdS", "monolayers": 6}, {"material": "CdS", "thickness": 0.5}]
    spec = sample(("molecule.dots[0].shells", shells), ensemble={"shell_thickness": "10 %"})
    first, second = parameters_of(spec)
    assert first.mean == pytest.approx(6 * 0.336 + 0.5)
    assert second.mean == 2.1
    member = member_spec(spec, [2 * first.mean, 2.2])
    assert [shell.monolayers or shell.thickness for shell in member.molecule.dots[0].shells] == [12, 1.0]
    assert member.molecule.dots[1].shells[0].thickness == pytest.approx(2.2)


def test_a_bare_dot_beside_one_with_a_shell():
    spec = sample(("molecule.dots", [dot(), {"core": {"material": "CdSe", "radius": 2}}]), ensemble=SIZES)
    assert names(spec) == ["dot 0 core radius", "dot 0 shell thickness", "dot 1 core radius", "neck"]
    assert member_spec(spec, [1.4, 2.0, 2.1, 5.2]).molecule.dots[1].shells == ()


# ---------------------------------------------------------------- the particles


def test_values_are_normal_and_cut_at_three_deviations():
    spec = sample(ensemble={**SIZES, "members": 40_000})
    members = drawn(spec)
    parameters = parameters_of(spec)
    assert members.values.shape == (40_000, 5)
    means = np.array([one.mean for one in parameters])
    scaled = (members.values - means) / np.array([one.deviation for one in parameters])
    assert 2.95 < np.abs(scaled).max() <= 3
    assert np.abs(scaled.mean(axis=0)).max() < 5 / math.sqrt(40_000)
    inside = math.erf(3 / math.sqrt(2))  # the variance of what is left: 1 - 2 * 3 phi(3) / inside
    variance = 1 - 6 * math.exp(-4.5) / math.sqrt(2 * math.pi) / inside
    assert scaled.std(axis=0) == pytest.approx(math.sqrt(variance), abs=0.015)
    correlation = np.corrcoef(scaled.T) - np.eye(5)
    assert np.abs(correlation).max() < 0.03


def test_the_same_generator_gives_the_same_particles():
    spec = sample(ensemble={**SIZES, "monomers": 0.3})
    one, two = drawn(spec), drawn(spec)
    for name in ("values", "monomer", "dot"):
        assert (getattr(one, name) == getattr(two, name)).all()
    other = draw_members(spec, rng=np.random.default_rng(8))
    assert (other.values != one.values).any()
    assert (other.monomer != one.monomer).any()


def test_single_dots_among_the_molecules():
    members = drawn(sample(ensemble={"members": 1001, "monomers": 0.2}))
    assert members.monomer.sum() == 200
    assert set(members.dot[members.monomer]) == {0, 1}
    assert (members.dot[~members.monomer] == -1).all()
    half = np.count_nonzero(members.dot == 0)
    assert 70 < half < 130
    assert drawn(sample(ensemble={"monomers": 1})).monomer.all()


def test_a_spec_without_ensemble_has_no_particles():
    with pytest.raises(InputError, match="`ensemble` is missing"):
        drawn(read_spec(dimer()))


# ---------------------------------------------------------------- the spec of one


def test_the_particle_of_mean_lengths_is_the_molecule():
    for changes in ((), MERGED, LINKED, [("molecule.neck", {"filled": 5.0})]):
        spec = sample(*changes)
        mean = member_spec(spec, [one.mean for one in parameters_of(spec)])
        assert mean == without_ensemble(spec)
        assert mean.ensemble is None
        assert resolve(mean) == resolve(spec)


def test_every_length_goes_where_it_belongs():
    spec = sample(("molecule.dots[1].core", {"material": "CdSe", "diameter": 2.8}), *MERGED)
    member = member_spec(spec, np.array([1.3, 2.0, 1.5, 2.2, 3.5]))
    first, second = member.molecule.dots
    assert (first.core.radius, first.shells[0].thickness) == (1.3, pytest.approx(2.0))
    assert (second.core.diameter, second.shells[0].thickness) == (3.0, pytest.approx(2.2))
    assert member.molecule.neck.merged == 3.5
    assert (member.name, member.overrides, member.calculation) == (spec.name, spec.overrides, spec.calculation)


def test_a_distance_that_the_neck_fixes_is_left_to_the_neck():
    """The spec gives both, and they agree; with other sizes they would not."""
    spec = sample(("molecule.neck", {"linker": 0.3}), ("molecule.spacing", 7.3), ensemble={"core_radius": 0.1})
    assert member_spec(spec, [1.5, 1.6]).molecule.spacing is None
    assert resolve(member_spec(spec, [1.5, 1.6])).dots[1].z * 2 == pytest.approx(7.6)


def test_a_single_dot_is_that_dot_alone():
    spec = sample(("molecule.dots[1].core.radius", 1.2), *LINKED)
    values = [1.41, 2.11, 1.22, 2.12, 0.31]
    alone = member_spec(spec, values, dot=1)
    assert len(alone.molecule.dots) == 1
    assert alone.molecule.dots[0].core.radius == 1.22
    assert alone.molecule.dots[0].shells[0].thickness == pytest.approx(2.12)
    assert resolve(alone).notes == ()


def test_material_sets_beside_the_spec_are_still_found(tmp_path):
    from tests.materials.test_sets import small_set, write

    write(tmp_path, small_set())
    data = changed(monomer(), ("materials", "mine.yaml"), ("overrides", {}), ("ensemble", {"core_radius": 0.1}))
    data["molecule"]["dots"] = [{"core": {"material": "A", "radius": 2}}]
    path = write(tmp_path, data, "spec.yaml")
    spec = read_spec(path)
    resolve(member_spec(spec, [2.1]))
    resolve(without_ensemble(spec))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ([-0.1, 2.1, 1.4, 2.1, 5.2], "molecule.dots[0].core.radius"),
        ([1.4, 2.1, 1.4, -0.2, 5.2], "molecule.dots[1].shells[0].thickness"),
        ([1.4, 2.1, 1.4, 2.1, -5.2], "molecule.spacing"),
        ([1.4, 2.1, 1.4, 2.1, 2.7], "molecule.spacing"),
    ],
)
def test_an_impossible_particle_is_refused(values, field):
    with pytest.raises(InputError) as caught:
        resolve(member_spec(sample(), values))
    assert caught.value.field == field
    assert len(parameters_of(sample())) == len(values)


def test_the_mean_molecule_is_what_is_solved():
    spec = sample()
    assert resolve(spec) == resolve(without_ensemble(spec)) == resolve(read_spec(dimer()))
    assert without_ensemble(without_ensemble(spec)) == read_spec(dimer())
