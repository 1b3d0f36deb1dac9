"""Axes: names, values, units, and what is refused."""

import math

import numpy as np
import pytest
from tests.study.map_samples import sample

from qdmol.errors import InputError
from qdmol.structure import NECKS, read_spec, resolve, spec_mapping
from qdmol.study.axes import ALIASES, make_axes, make_axis, parse_axis
from qdmol.study.plan import GridPlan, ListPlan, unravel

SPEC = sample()


@pytest.mark.parametrize(
    ("text", "field", "unit", "values"),
    [
        ("core_diameter=2nm:4.4nm:4", "molecule.dots[*].core.diameter", "nm", (2.0, 2.8, 3.6, 4.4)),
        ("core_radius=1.2,14 angstrom", "molecule.dots[*].core.radius", "nm", (1.2, 1.4)),
        ("shell_thickness=2.1", "molecule.dots[*].shells[0].thickness", "nm", (2.1,)),
        ("spacing=5.2:4:2", "molecule.spacing", "nm", (5.2, 4.0)),
        ("barrier=0:1:3", "molecule.barrier", "nm", (0.0, 0.5, 1.0)),
        ("neck_diameter=1.5,2", "molecule.neck.merged", "nm", (1.5, 2.0)),
        ("field=-50:50 kV/cm:3", "environment.field[2]", "kV/cm", (-50.0, 0.0, 50.0)),
        ("environment.field[2]=5 V/um", "environment.field[2]", "kV/cm", (50.0,)),
        ("overrides.CdS.conduction_offset=100meV:0.32:2", "overrides.CdS.conduction_offset", "eV", (0.1, 0.32)),
        ("overrides.medium.electron_barrier=1,hard", "overrides.medium.electron_barrier", "eV", (1.0, math.inf)),
        ("environment.temperature=4,300", "environment.temperature", "K", (4.0, 300.0)),
        ("calculation.electrons=2:4:3", "calculation.electrons", "1", (2, 3, 4)),
        ("calculation.tolerance=0.1,1 meV", "calculation.tolerance", "meV", (0.1, 1.0)),
        ("materials=a,b", "materials", "1", ("a", "b")),
    ],
)
def test_an_axis_is_read(text, field, unit, values):
    if text.startswith("materials"):
        with pytest.raises(InputError, match="dotted path"):  # a word without a dot is an alias
            parse_axis(text, SPEC)
        return
    axis = parse_axis(text, SPEC)
    assert (axis.field, axis.unit, axis.values) == (field, unit, values)
    assert axis.name == text.partition("=")[0]


@pytest.mark.parametrize(
    "text",
    [
        "barrier",
        "=1,2",
        "barrier=",
        "barrier=1:2",
        "barrier=1:2:0",
        "barrier=1:2:1",
        "barrier=1:1:2",
        "barrier=1:2:2.5",
        "barrier=1:2:-3",
        "barrier=1:2:9999999999999",
        "barrier=1,1",
        "barrier=1 eV",
        "barrier=nan",
        "barrier=1,,2",
        "wall=1,2",
        "calculation.electrons=1.5",
        "overrides.medium.electron_barrier=1:hard:3",
        "calculation.coulomb=none:self-consistent:2",
    ],
)
def test_what_makes_no_sense_is_refused(text):
    with pytest.raises(InputError):
        parse_axis(text, SPEC)


def test_both_ends_are_there_to_the_last_digit():
    values = parse_axis("barrier=0.1:0.7:7", SPEC).values
    assert values == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)


def test_numbers_of_an_array_are_taken():
    assert make_axis("barrier", np.array([1.0, 2.0]), SPEC).values == (1.0, 2.0)
    assert make_axis("calculation.electrons", np.arange(2, 4), SPEC).values == (2, 3)


@pytest.mark.parametrize(
    "names",
    [("spacing", "barrier"), ("core_radius", "core_diameter"), ("barrier", "molecule.barrier")],
)
def test_axes_that_set_the_same_thing_are_refused(names):
    with pytest.raises(InputError, match="same quantity"):
        make_axes({name: [1.0, 1.2] for name in names}, SPEC)


def test_no_axis_is_refused():
    with pytest.raises(InputError, match="axis"):
        make_axes([], SPEC)


def test_every_alias_changes_the_molecule():
    for alias in ALIASES:
        axes = make_axes({alias: [4.5, 4.7] if alias == "spacing" else [1.5, 1.7]}, SPEC)
        found = [GridPlan(SPEC, axes).job_at(i) for i in (0, 1)]
        assert found[0].payload != found[1].payload, alias
        assert found[0].key != found[1].key


def test_an_alias_that_needs_one_shell_or_a_neck_says_so():
    with pytest.raises(InputError, match="one shell"):
        make_axis("shell_thickness", "1,2", sample(molecule={"dots": [{"core": {"material": "CdSe", "radius": 2}}]}))
    with pytest.raises(InputError, match="no diameter"):
        make_axis("neck_diameter", "1,2", read_spec("@linked"))


# ---------------------------------------------------------------- applied to a spec


def plan(spec, **axes):
    return GridPlan(spec, make_axes(axes, spec))


def test_axes_are_applied_together():
    """Each value alone would let the cores overlap, or pull them apart."""
    found = plan(SPEC, core_radius=[3.0], spacing=[6.5]).spec_at(0)
    assert found.molecule.dots[1].core.radius == 3.0
    assert found.molecule.spacing == 6.5


def test_a_barrier_replaces_the_spacing_and_a_diameter_the_radius():
    found = plan(SPEC, barrier=[1.0], core_diameter=[2.0]).spec_at(0)
    assert found.molecule.spacing is None
    assert found.molecule.dots[0].core.radius is None
    distance = plan(SPEC, barrier=[1.0], core_diameter=[2.0]).job_at(0).payload.molecule.dots[1].z * 2
    assert distance == pytest.approx(3.0)


def test_a_neck_diameter_replaces_the_spacing():
    molecule = plan(SPEC, neck_diameter=[3.0]).job_at(0).payload.molecule
    assert molecule.dots[1].z == pytest.approx(math.sqrt(3.5**2 - 1.5**2))


def test_a_filled_neck_keeps_the_spacing():
    spec = read_spec("@filled-neck")
    found = plan(spec, neck_diameter=[3.0, 4.5]).spec_at(1)
    assert found.molecule.neck.filled == 4.5
    assert found.molecule.spacing == spec.molecule.spacing


def test_a_barrier_frees_a_spec_whose_neck_fixed_the_distance():
    spec = read_spec("@linked")
    found = plan(spec, barrier=[4.0]).spec_at(0)
    assert found.molecule.neck.written == "merged"
    assert found.molecule.barrier == 4.0


def test_the_last_axis_is_the_fastest():
    made = plan(SPEC, core_radius=[1.0, 1.2], barrier=[1, 2, 3])
    assert [unravel(i, made.shape) for i in (0, 1, 3)] == [(0, 0), (0, 1), (1, 0)]
    assert made.spec_at(4).molecule.barrier == 2.0
    assert made.spec_at(4).molecule.dots[0].core.radius == 1.2


def test_too_many_points_are_refused():
    with pytest.raises(InputError, match="1000000 points"):
        plan(SPEC, core_radius="1:2:2000", barrier="1:2:2000")


def test_a_list_raises_its_refusals():
    made = ListPlan(("a", "b"), [SPEC, InputError(field="x", value=1, allowed="2")])
    assert made.spec_at(0) is SPEC
    with pytest.raises(InputError):
        made.spec_at(1)


@pytest.mark.parametrize("key", NECKS)
def test_every_neck_can_be_read_written_and_mapped(key):
    neck = NECKS[key]
    spec = GridPlan(SPEC, make_axes({f"molecule.neck.{key}": [1.0]}, SPEC)).spec_at(0)
    assert type(spec.molecule.neck) is neck
    assert (spec.molecule.neck.written, spec.molecule.neck.value) == ({key: 1.0}, 1.0)
    assert read_spec(spec_mapping(spec)) == spec
    axis = make_axis(f"molecule.neck.{key}", "0.5:1:2", spec)
    assert axis.unit == neck.quantity().unit
    distances = [resolve(GridPlan(spec, (axis,)).spec_at(index)).dots[1].z for index in (0, 1)]
    assert (distances[0] != distances[1]) == neck.fixes_spacing
