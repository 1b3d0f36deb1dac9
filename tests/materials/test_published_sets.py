"""Shipped sets beside what is published: gaps, type of the alignment, consistency of the offsets of several layers."""

import pytest

from qdmol.materials import MEDIUM, load_set

# At 300 K: Sze, Physics of Semiconductor Devices (1981); CdSe wurtzite; CdTe by the formula of kdotpy; ZnSe of
# Toufanian et al. (2021); PbSe of Moreels et al. (2007)
PUBLISHED_GAPS = {
    "CdSe": (1.75, 0.01),
    "CdS": (2.42, 0.07),  # 2.42 to 2.49 eV
    "ZnSe": (2.70, 0.01),
    "ZnS": (3.68, 0.01),
    "CdTe": (1.53, 0.03),
    "InP": (1.344, 0.01),
    "PbSe": (0.278, 0.01),
}
SETS = [
    ("znse-cds-type-ii", ("ZnSe", "CdS"), "II"),
    ("cdse-zns", ("CdSe", "ZnS"), "I"),
    ("cdse-znse", ("CdSe", "ZnSe"), "I"),
    ("cdte-cdse-type-ii", ("CdTe", "CdSe"), "II"),
    ("inp-znse-zns", ("InP", "ZnSe", "ZnS"), "I"),
    ("cds-zns", ("CdS", "ZnS"), "I"),
    ("pbse-single-band", ("PbSe",), None),
    ("cdse-cds-single-band", ("CdSe", "CdS"), "I"),
    ("cdse-cds-deep-offset", ("CdSe", "CdS"), "I"),
]


@pytest.mark.parametrize(("name", "materials", "type_"), SETS)
def test_gaps_are_those_published_at_300_k(name, materials, type_):
    chosen = load_set(name)
    assert chosen.reference == materials[0]
    assert set(chosen.materials) == {*materials, MEDIUM}
    assert chosen.value(chosen.reference, "band_gap").temperature == 300
    for material in materials:
        gap, allowed = PUBLISHED_GAPS[material]
        assert chosen.band_gap(material) == pytest.approx(gap, abs=allowed + 1e-9), material


@pytest.mark.parametrize(("name", "materials", "type_"), SETS)
def test_the_offsets_give_the_published_type(name, materials, type_):
    chosen = load_set(name)
    if type_ is None:
        assert chosen.alignment is None
        return
    core, shell = materials[:2]
    assert (chosen.alignment.core, chosen.alignment.shell, chosen.alignment.type) == (core, shell, type_)
    assert chosen.alignment_type(core, shell) == type_
    electron, hole = (outer - inner for inner, outer in zip(chosen.edges(core), chosen.edges(shell), strict=True))
    assert hole > 0  # the hole stays in the core in all of them
    assert (electron < 0) == (type_ == "II")
    assert chosen.alignment_type(shell, core) == {"I": "inverse I", "II": "II"}[type_]


def test_the_offsets_of_three_layers_are_transitive():
    """Natural valence offsets of Wei and Zunger (1998) of each pair: 0.56, 0.53 and 1.10 eV."""
    chosen = load_set("inp-znse-zns")
    steps = {
        (a, b): [outer - inner for inner, outer in zip(chosen.edges(a), chosen.edges(b), strict=True)]
        for a, b in (("InP", "ZnSe"), ("ZnSe", "ZnS"), ("InP", "ZnS"))
    }
    for carrier in (0, 1):
        first, second = steps["InP", "ZnSe"][carrier], steps["ZnSe", "ZnS"][carrier]
        assert first + second == pytest.approx(steps["InP", "ZnS"][carrier], abs=1e-12)
    for pair, published in ((("InP", "ZnSe"), 0.56), (("ZnSe", "ZnS"), 0.53), (("InP", "ZnS"), 1.10)):
        assert steps[pair][1] == pytest.approx(published, abs=0.02)
        gaps = chosen.band_gap(pair[1]) - chosen.band_gap(pair[0])
        assert sum(steps[pair]) == pytest.approx(gaps, abs=1e-12)
    assert chosen.alignment_type("ZnSe", "ZnS") == "I"


def test_edges_of_the_reference_are_zero():
    chosen = load_set("cdte-cdse-type-ii")
    assert chosen.edges("CdTe") == (0.0, 0.0)
    assert chosen.edges("CdSe") == (-0.27, 0.49)
    assert chosen.band_gap("CdSe") == pytest.approx(1.75)


def test_values_seen_nowhere_say_so():
    """What could not be read is marked, in the set of PbSe most of all."""
    chosen = load_set("pbse-single-band")
    for key in ("electron_mass", "hole_mass"):
        (other,) = chosen.value("PbSe", key).alternatives
        assert "not verified" in other.origin.note
    assert any("four valleys" in note for note in chosen.notes)
    assert any("Non-parabolicity" in note for note in chosen.notes)


def test_steps_to_zns_differ_between_sets_as_documented():
    def valence(name, inner, outer):
        chosen = load_set(name)
        return chosen.edges(outer)[1] - chosen.edges(inner)[1]

    by_cds = valence("cdse-cds-single-band", "CdSe", "CdS") + valence("cds-zns", "CdS", "ZnS")
    by_znse = valence("cdse-znse", "CdSe", "ZnSe") + valence("inp-znse-zns", "ZnSe", "ZnS")
    assert [by_cds, by_znse, valence("cdse-zns", "CdSe", "ZnS")] == pytest.approx([0.82, 0.66, 0.90], abs=1e-9)
