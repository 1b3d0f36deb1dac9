"""Which samples a spec has, and which specs have none."""

import pytest
from tests.prediction.samples import DOT, SMALL, spec_of

from qdmol.errors import InputError
from qdmol.prediction import predict_spectra
from qdmol.prediction.samples import samples_of
from qdmol.structure import read_spec, resolve


def samples(*dots, linker=0.3, **keys):
    return samples_of(read_spec(spec_of(*dots, **keys)), linker=linker)


def test_a_dimer_has_three_samples():
    monomer, unfused, fused = samples(DOT, DOT)
    assert [one.name for one in (monomer, unfused, fused)] == ["monomer", "unfused", "fused"]
    assert [share for share, _ in monomer.particles] == [1.0]
    molecule = resolve(unfused.particles[0][1])
    assert molecule.dots[1].z - molecule.dots[0].z == pytest.approx(7.0 + 0.3)
    assert fused.particles[0][1].molecule.spacing == 5.2


def test_unlike_dots_are_both_among_the_monomers():
    monomer = samples(DOT, SMALL, DOT)[0]
    assert monomer.single == (0, 1)
    assert [share for share, _ in monomer.particles] == pytest.approx([2 / 3, 1 / 3])


def test_one_dot_is_a_monomer():
    assert [one.name for one in samples(DOT)] == ["monomer"]


def test_dots_held_apart_are_unfused_already():
    spec = read_spec("@linked")
    assert [one.name for one in samples_of(spec, linker=0.3)] == ["monomer", "unfused"]


def test_the_linker_is_the_one_asked_for():
    molecule = resolve(samples(DOT, DOT, linker=1.0)[1].particles[0][1])
    assert molecule.dots[1].z - molecule.dots[0].z == pytest.approx(8.0)


def test_an_ensemble_of_the_unfused_has_no_neck():
    unfused = samples(DOT, DOT, ensemble={"core_radius": "5 %", "neck": "5 %"})[1]
    assert unfused.spec.ensemble.neck.value == 0
    assert unfused.spec.ensemble.core_radius.value == 5


def test_a_contrast_without_self_polarisation_is_refused():
    with pytest.raises(InputError, match="self_polarisation"):
        samples(DOT, DOT, overrides={"medium": {"permittivity": 2.4}})


def test_a_set_without_kane_energies_is_refused(tmp_path):
    """As users' sets of earlier versions are."""
    from qdmol.materials import load_set

    text = load_set("cdse-cds-single-band").path.read_text(encoding="utf-8")
    head, _, tail = text.partition("    kane_energy:")
    rest = tail.split("\n    ", 1)[1]
    while rest.startswith("  "):
        rest = rest.split("\n    ", 1)[1]
    (tmp_path / "old.yaml").write_text(head + "    " + rest, encoding="utf-8")
    with pytest.raises(InputError, match="kane_energy"):
        predict_spectra(spec_of(DOT) | {"materials": str(tmp_path / "old.yaml")})


def test_a_set_without_a_width_of_lines_says_which_key_is_missing():
    dot = {"core": {"material": "InP", "radius": 1.5}, "shells": [{"material": "CdS", "thickness": 1.0}]}
    with pytest.raises(InputError, match="homogeneous_width"):
        predict_spectra(spec_of(dot) | {"materials": "inp-cds-type-ii"})
