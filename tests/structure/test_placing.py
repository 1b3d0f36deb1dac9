"""Where the dots stand: neighbours, necks, bridges, notes, mirror images."""

import math

import pytest
from hypothesis import given, strategies as st
from tests.structure.samples import REMOVED, changed, dimer, dot, monomer

from qdmol.errors import InputError
from qdmol.structure import Bridge, read_spec, resolve


def placed(*changes):
    return resolve(read_spec(changed(dimer(), ("molecule.spacing", REMOVED), *changes)))


def centres(molecule):
    return [one.z for one in molecule.dots]


def test_the_reference_dimer():
    molecule = resolve(read_spec("@homodimer"))
    assert centres(molecule) == [-2.6, 2.6]
    assert [(layer.material, layer.radius) for layer in molecule.dots[0].layers] == [("CdSe", 1.4), ("CdS", 3.5)]
    assert molecule.bridges == ()
    assert molecule.mirror_symmetric
    assert molecule.field == 0
    assert molecule.band_gap == 1.75
    numbers = {
        name: (r.electron_mass, r.hole_mass, r.electron_edge, r.hole_edge, r.permittivity)
        for name, r in molecule.parameters.items()
    }
    assert numbers == {
        "CdSe": (0.13, 0.45, 0, 0, 10),
        "CdS": (0.21, 0.70, 0.10, 0.64, 10),
        "medium": (1, 1, 5, 5, 10),
    }


@pytest.mark.parametrize(
    ("changes", "distance"),
    [
        ([("molecule.spacing", 5.2)], 5.2),
        ([("molecule.spacing", "52 angstrom")], 5.2),
        ([("molecule.spacing", [5.2])], 5.2),
        ([("molecule.barrier", 2.4)], 5.2),
        ([("molecule.barrier", ["2400 pm"])], 5.2),
        ([("molecule.barrier", 0)], 2.8),  # cores that touch
        ([("molecule.positions", [[0, 0, 1], [0, 0, 6.2]])], 5.2),
        ([("molecule.spacing", 100)], 100),  # separate bodies are allowed with neck: merged
        ([("molecule.neck", {"linker": 0.3})], 7.3),
        ([("molecule.neck", {"linker": 0})], 7.0),
        ([("molecule.neck", {"merged": 0})], 7.0),
        ([("molecule.neck", {"merged": 4.68})], 2 * math.sqrt(3.5**2 - 2.34**2)),
        ([("molecule.neck", {"merged": "4 nm"}), ("molecule.spacing", 5.744563)], 2 * math.sqrt(3.5**2 - 4)),
        ([("molecule.neck", {"linker": 0.3}), ("molecule.barrier", 4.5)], 7.3),
        ([("molecule.neck", {"linker": 0.3}), ("molecule.positions", [[0, 0, 0], [0, 0, 7.3000009]])], 7.3),
        ([("molecule.dots[0]", dot(1.2, 2.1)), ("molecule.barrier", 2.6)], 5.2),
        (
            [("molecule.dots[0]", dot(1.2, 2.1)), ("molecule.neck", {"merged": 4})],
            math.sqrt(3.3**2 - 4) + math.sqrt(3.5**2 - 4),
        ),
    ],
)
def test_distances(changes, distance):
    low, high = centres(placed(*changes))
    assert high - low == pytest.approx(distance, abs=1e-12)
    assert low == -high


def test_agreement_ends_at_a_millionth_of_a_nanometre():
    placed(("molecule.neck", {"linker": 0.3}), ("molecule.spacing", 7.3 + 0.9e-6))
    with pytest.raises(ValueError, match=r"as `molecule\.neck` fixes it"):
        placed(("molecule.neck", {"linker": 0.3}), ("molecule.spacing", 7.3 + 1.1e-6))


def test_sizes_in_other_words_are_the_same_molecule():
    words = changed(
        dimer(),
        ("molecule.dots[0].core", {"material": "CdSe", "diameter": "28 angstrom"}),
        ("molecule.dots[0].shells[0]", {"material": "CdS", "monolayers": 6}),
        ("overrides.CdS.layer_thickness", "3.5 angstrom"),
    )
    same, molecule = resolve(read_spec(words)), resolve(read_spec(dimer()))
    assert centres(same) == centres(molecule)
    assert [layer.radius for layer in same.dots[0].layers] == pytest.approx([1.4, 3.5], abs=1e-12)
    assert same.mirror_symmetric  # 1.4 + 6 x 0.35 is not quite 1.4 + 2.1 in floating point


def test_a_chain_of_unlike_distances_is_centred_between_its_outer_dots():
    chain = placed(("molecule.dots", [dot(), dot(), dot()]), ("molecule.spacing", [5, 7]))
    assert centres(chain) == [-6, -1, 6]
    assert not chain.mirror_symmetric
    assert placed(("molecule.dots", [dot(), dot(), dot()]), ("molecule.spacing", 5)).mirror_symmetric


def test_positions_need_no_order_and_the_dots_keep_theirs():
    molecule = placed(
        ("molecule.dots", [dot(), dot(1.2), dot(1.3)]), ("molecule.positions", [[0, 0, 9], [0, 0, -1], [0, 0, 4]])
    )
    assert centres(molecule) == [5, -5, 0]
    assert [one.layers[0].radius for one in molecule.dots] == [1.4, 1.2, 1.3]


def test_one_dot_has_no_neighbours_and_says_so():
    data = changed(monomer(), ("molecule.spacing", 5.2), ("molecule.neck", {"filled": 2}))
    molecule = resolve(read_spec(data))
    assert centres(molecule) == [0]
    assert len(molecule.notes) == 2
    assert resolve(read_spec(monomer())).notes == ()


def test_a_filled_neck():
    molecule = placed(("molecule.spacing", 6.84), ("molecule.neck", {"filled": 4.0}))
    assert molecule.bridges == (Bridge(z_low=-3.42, z_high=3.42, radius=2.0, material="CdS"),)
    assert molecule.mirror_symmetric
    assert molecule.notes == ()
    assert placed(("molecule.spacing", 20), ("molecule.neck", {"filled": 4.0})).bridges[0].z_high == 10


def test_a_filled_neck_narrower_than_the_lens_is_noted_and_dropped():
    lens = 2 * math.sqrt(3.5**2 - 2.6**2)
    molecule = placed(("molecule.spacing", 5.2), ("molecule.neck", {"filled": lens - 1e-6}))
    assert molecule.bridges == ()
    assert "it would have no effect" in molecule.notes[0]
    assert len(placed(("molecule.spacing", 5.2), ("molecule.neck", {"filled": lens + 1e-6})).bridges) == 1
    # a small dot deep in a large one: no waist is narrower than the small dot
    deep = placed(
        ("molecule.dots", [dot(1.4, 6), dot(0.5, 0.5)]), ("molecule.spacing", 7), ("molecule.neck", {"filled": 1.9})
    )
    assert deep.bridges == ()


def test_the_bridge_is_of_the_first_listed_dots_outermost_material():
    bare = {"core": {"material": "CdSe", "radius": 3.5}}
    below = placed(("molecule.dots[0]", bare), ("molecule.spacing", 7), ("molecule.neck", {"filled": 2}))
    assert below.bridges[0].material == "CdSe"
    swapped = placed(
        ("molecule.dots[0]", bare), ("molecule.positions", [[0, 0, 7], [0, 0, 0]]), ("molecule.neck", {"filled": 2})
    )
    assert swapped.bridges[0].material == "CdSe"


def test_the_field_points_along_z_in_volts_per_nanometre():
    molecule = resolve(read_spec(changed(dimer(), ("environment.field", [0, 0, "50 kV/cm"]))))
    assert molecule.field == pytest.approx(5e-3)
    assert not molecule.mirror_symmetric
    assert molecule.monomer(1).field == molecule.field


def test_a_monomer_of_a_molecule_stands_alone_at_zero():
    molecule = placed(("molecule.dots[1]", dot(1.2)), ("molecule.spacing", 6.84), ("molecule.neck", {"filled": 4.0}))
    alone = molecule.monomer(1)
    assert (centres(alone), alone.bridges) == ([0.0], ())
    assert alone.dots[0].layers == molecule.dots[1].layers
    assert alone.parameters == molecule.parameters
    assert alone.mirror_symmetric


def test_ties_of_unlike_shells_can_break_the_mirror():
    """The first-listed dot wins a tie, so an overlapping A-B-A chain is symmetric only if A comes first twice."""
    a = dot(1.0, 2.0)
    b = {"core": {"material": "CdSe", "radius": 1.0}, "shells": [{"material": "CdSe", "thickness": 2.0}]}
    changes = [("molecule.dots", [a, b, a]), ("molecule.spacing", 5)]
    assert not placed(*changes).mirror_symmetric
    b_first = [("molecule.dots", [b, a, a]), ("molecule.positions", [[0, 0, 0], [0, 0, 5], [0, 0, -5]])]
    assert placed(*b_first).mirror_symmetric
    assert placed(("molecule.dots", [a, b, a]), ("molecule.spacing", 6.5)).mirror_symmetric  # apart: no ties


def test_what_breaks_the_mirror():
    shell = ("molecule.dots[1].shells[0].thickness", 2.2)
    core = ("molecule.dots[1].core.material", "CdS")
    more = ("molecule.dots[1].shells", [{"material": "CdS", "thickness": 1.05}] * 2)
    for change in (shell, core, more):
        assert not placed(("molecule.spacing", 5.2), change).mirror_symmetric


sizes = st.floats(0.5, 3)


@given(
    dots=st.lists(st.tuples(sizes, st.floats(0.5, 4)), min_size=2, max_size=5),
    gaps=st.lists(st.floats(0, 5), min_size=5, max_size=5),
    filled=st.booleans(),
)
def test_a_mirrored_spec_is_the_mirrored_molecule(dots, gaps, filled):
    """Dots listed the other way round with their bonds: every centre changes its sign, to the last digit."""
    gaps = gaps[: len(dots) - 1]
    neck = {"filled": 1.5} if filled else "merged"
    one = placed(("molecule.dots", [dot(*d) for d in dots]), ("molecule.barrier", gaps), ("molecule.neck", neck))
    other = placed(
        ("molecule.dots", [dot(*d) for d in dots[::-1]]), ("molecule.barrier", gaps[::-1]), ("molecule.neck", neck)
    )
    assert [-z for z in centres(other)][::-1] == pytest.approx(centres(one), abs=1e-12)
    assert [d.layers for d in other.dots][::-1] == [d.layers for d in one.dots]
    mirrored = [Bridge(-b.z_high, -b.z_low, b.radius, b.material) for b in other.bridges][::-1]
    assert len(mirrored) == len(one.bridges)
    for a, b in zip(mirrored, one.bridges, strict=True):
        assert (a.z_low, a.z_high, a.radius) == pytest.approx((b.z_low, b.z_high, b.radius), abs=1e-12)
    palindrome = dots == dots[::-1] and gaps == gaps[::-1]
    assert one.mirror_symmetric == palindrome or not palindrome


@pytest.mark.parametrize(
    ("radii", "widest"),
    [
        # cores of 1.4 nm touch: 2 (3.5² - 1.4²)^½
        (((1.4, 3.5), (1.4, 3.5)), 2 * math.sqrt(3.5**2 - 1.4**2)),
        # the smaller dot is as wide as the neck before its core touches
        (((1.4, 3.5), (1.0, 2.0)), 4.0),
    ],
)
def test_a_merged_neck_that_is_too_wide_names_the_widest(radii, widest):
    dots = [
        {"core": {"material": "CdSe", "radius": core}, "shells": [{"material": "CdS", "thickness": outer - core}]}
        for core, outer in radii
    ]
    spec = {"qdmol": 1, "name": "necks", "materials": "cdse-cds-single-band", "molecule": {"dots": dots}}

    def placed(diameter):
        return resolve(read_spec(spec | {"molecule": {"dots": dots, "neck": {"merged": diameter}}}))

    with pytest.raises(InputError) as caught:
        placed(widest + 0.01)
    named = float(caught.value.allowed.removeprefix("at most ").split(" nm")[0])
    assert named == pytest.approx(widest, abs=2e-6)
    assert caught.value.field == "molecule.neck.merged"
    assert placed(named).dots[1].z > 0


def test_dots_without_shells_have_no_merged_neck():
    bare = {"core": {"material": "CdSe", "radius": 1.4}}
    molecule = {"dots": [bare, bare], "neck": {"merged": 0.7}}
    with pytest.raises(InputError, match=r"dot 0 \(CdSe .* nm\) and dot 1 \(CdSe .* nm\) have no shells") as caught:
        resolve(read_spec(dimer() | {"molecule": molecule}))
    assert caught.value.field == "molecule.neck.merged"
    assert [d.z for d in resolve(read_spec(dimer() | {"molecule": molecule | {"neck": {"merged": 0}}})).dots] == [
        pytest.approx(-1.4),
        pytest.approx(1.4),
    ]
