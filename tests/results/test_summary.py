"""The sentences quote the summary, for every kind of molecule."""

import copy
import math

import pytest
from tests.solutions import values_of

from qdmol.results import format_measured, wavelength_nm, wavelength_shift_nm
from qdmol.study import lower_level_share, solution_html, solution_sentences, thermal_energy_mev

DIMER = {
    "qdmol": 1,
    "name": "a <fused> dimer",
    "converged": True,
    "electron": {
        "energy_eV": [0.17767, 0.200537],
        "error_meV": [0.004, 0.003],
        "m": [0, 0],
        "parity": ["+", "-"],
    },
    "hole": {"energy_eV": [0.2], "error_meV": [0.002], "m": [0], "parity": ["+"]},
    "splitting_meV": 22.867,
    "splitting_error_meV": 0.003,
    "tunnel_coupling_meV": 11.4335,
    "tunnel_coupling_error_meV": 0.0015,
    "detuning_meV": 0.0,
    "detuning_error_meV": 0.0,
    "dot_share": {"electron": [[0.5, 0.5], [0.5, 0.5]], "hole": [[0.5, 0.5]]},
    "coulomb": {
        "scheme": "self-consistent",
        "electron_energy_eV": [0.09, 0.151],
        "electron_error_meV": [0.02, 0.01],
        "hole_dot": 0,
        "other_states": [],
        "spacing_meV": 61.632,
        "spacing_error_meV": 0.02,
        "exciton_eV": 0.33072,
        "exciton_error_meV": 0.05,
        "binding_meV": 77.65,
        "binding_error_meV": 0.06,
    },
    "gap_eV": 2.07072,
    "gap_error_meV": 0.05,
    "monomer_gap_eV": 2.07397,
    "monomer_gaps_eV": [2.07397, 2.07397],
    "redshift_meV": 3.25,
    "redshift_error_meV": 0.06,
    "redshift_single_particle_meV": 13.71,
    "redshift_single_particle_error_meV": 0.01,
    "warnings": [],
    "elapsed_s": 0.4,
}


DOTS = ("dot 0 (CdSe 1.40 nm)", "dot 1 (CdSe 1.40 nm)")


def changed(**changes):
    return {**copy.deepcopy(DIMER), **changes}


def two_levels(coupling, detuning, **changes):
    """A dimer whose dots have levels of their own `detuning` apart and the tunnel coupling `coupling` (meV)."""
    numbers = {"splitting_meV": math.hypot(2 * coupling, detuning), "splitting_error_meV": 0.003}
    numbers |= {"tunnel_coupling_meV": coupling, "tunnel_coupling_error_meV": 0.001}
    numbers |= {"detuning_meV": detuning, "detuning_error_meV": 0.002 if detuning else 0.0}
    numbers["dot_share"] = None
    return changed(**{**numbers, **changes})


def text_of(summary, temperature=300.0, linewidth=None):
    said = solution_sentences(values_of(summary, temperature=temperature, linewidth=linewidth, dots=DOTS))
    return " ".join(said).replace("\N{NO-BREAK SPACE}", " ")


def test_dimer_quotes_every_number():
    text = text_of(DIMER)
    for quoted in (
        "22.867 ± 0.003 meV",
        "0.88 times kT = 25.9 meV at 300 K",
        "61.63 ± 0.02 meV",
        "With the hole in dot 0 (CdSe 1.40 nm), the two lowest electron levels in its field are",
        "2t = 22.867 ± 0.003 meV",
        "0.33072 ± 0.00005 eV",
        "77.65 ± 0.06 meV",
        "2.07072 ± 0.00005 eV",
        "598.75 nm",
        "3.25 ± 0.06 meV to the red",
        "0.938 nm at 598.7 nm",
        "13.710 ± 0.010 meV",
        "Every energy is converged to its tolerance",
        "is 0.020 meV",
    ):
        assert quoted in text, quoted


def test_thermal_verdicts():
    assert "exceeds the thermal energy" in text_of(DIMER, 77.0)
    assert "both levels are thermally populated" in text_of(DIMER, 300.0)
    assert "uncoupled" in text_of(two_levels(0.009, 0.0))
    assert "not thermally populated" in text_of(DIMER, 0.0)


@pytest.mark.parametrize("detuning", [40.0, -40.0])
@pytest.mark.parametrize("coupling", [0.01, 1.0, 15.0])
@pytest.mark.parametrize("temperature", [4.0, 77.0, 300.0])
def test_detuned_dots_are_never_called_hybridised(coupling, detuning, temperature):
    """However far the splitting is above kT and the linewidth: it is not coupling."""
    text = text_of(two_levels(coupling, detuning), temperature, linewidth=1.0)
    assert "exceeds the thermal energy" not in text
    assert "both levels are thermally populated" not in text
    assert "are hybridised" not in text
    assert "spread over both dots" not in text
    assert f"dot {0 if detuning > 0 else 1} (CdSe 1.40 nm) has the lower uncoupled level" in text


def test_hybridised_means_above_detuning_heat_and_linewidth():
    strong = two_levels(30.0, 20.0)
    hybridised = "The two states are hybridised: 2t exceeds the detuning, kT and the linewidth."
    assert hybridised in text_of(strong, 300.0, linewidth=50.0)
    assert hybridised not in text_of(strong, 300.0, linewidth=70.0)
    assert "It does not exceed the linewidth, however" in text_of(strong, 300.0, linewidth=70.0)
    assert "It does not exceed kT, however" in text_of(strong, 900.0, linewidth=50.0)
    assert "It does not exceed kT or the linewidth, however" in text_of(strong, 900.0, linewidth=70.0)
    assert "are hybridised: 2t exceeds the detuning and kT." in text_of(strong, 300.0)


def test_share_in_the_other_dot_is_that_of_two_states():
    """tan φ = 2t/Δ: at 2t = Δ a state has sin²(π/8) = 14.6 % in the other dot."""
    assert "15 % of each in the other dot" in text_of(two_levels(20.001, 40.0), linewidth=60.0)
    assert "2t is 0.5 times the detuning, and 5 % of each is in the other dot" in text_of(two_levels(10.0, 40.0))


@pytest.mark.parametrize(
    ("detuning", "electron", "said"),
    [
        (-11.579, [[0.256, 0.744], [0.742, 0.258]], "(26 % of each in the other dot)"),
        (11.579, [[0.835, 0.165], [0.192, 0.808]], "(16 % of the lower and 19 % of the upper in the other dot)"),
    ],
)
def test_share_in_the_other_dot_is_that_of_the_table(detuning, electron, said):
    shares = {"electron": electron, "hole": []}
    assert said in text_of(two_levels(9.83, detuning, dot_share=shares), linewidth=60.0)


def test_levels_of_one_dot_say_nothing_of_coupling():
    nothing = dict.fromkeys(("tunnel_coupling", "detuning"))
    keys = {f"{name}{end}_meV": None for name in nothing for end in ("", "_error")}
    text = text_of(changed(**keys, dot_share={"electron": [[1.0, 0.0], [0.98, 0.02]], "hole": []}), 77.0)
    assert "The two levels do not belong to one dot each" in text
    assert "exceeds the thermal energy" not in text
    assert "3.45 times kT" in text


def test_a_chain_has_a_splitting_and_no_coupling():
    keys = {"tunnel_coupling_meV": None, "detuning_meV": None}
    text = text_of(changed(**keys, dot_share={"electron": [[0.2, 0.6, 0.2]] * 2, "hole": []}), 77.0)
    assert "coupl" not in text
    assert "to one dot each" not in text


def test_thermal_share_is_boltzmann():
    assert thermal_energy_mev(300) == pytest.approx(25.852, abs=1e-3)
    upper = 1 - lower_level_share(22.867, 300)
    assert upper / (1 - upper) == pytest.approx(math.exp(-22.867 / 25.8520), rel=1e-5)
    assert lower_level_share(5, 0) == 1
    assert lower_level_share(0, 0) == 0.5


def test_monomer():
    text = text_of(
        changed(
            splitting_meV=None,
            splitting_error_meV=None,
            tunnel_coupling_meV=None,
            dot_share=None,
            redshift_meV=0.0,
            monomer_gaps_eV=[2.07397],
        )
        | {"redshift_single_particle_meV": 0.0}
    )
    assert "a splitting is defined for" in text
    assert "shift" not in text
    assert "0.177670 ± 0.000004 eV" in text


def test_without_coulomb():
    text = text_of(changed(coulomb=None, redshift_meV=None, redshift_error_meV=None))
    assert "not included" in text
    assert "Relative to the monomer" not in text
    assert "No red shift" not in text
    assert "13.710" in text


def test_null_shift_points_to_the_warnings():
    text = text_of(changed(gap_eV=None, gap_error_meV=None, redshift_meV=None, redshift_error_meV=None))
    assert "see the warnings" in text


def test_blue_shift():
    assert "shifts by 11.80 ± 0.06 meV to the blue" in text_of(changed(redshift_meV=-11.8))


@pytest.mark.parametrize("shift", [0.0, -1e-7, 0.03, -0.059])
def test_a_shift_within_its_error_is_none(shift):
    text = text_of(changed(redshift_meV=shift, redshift_single_particle_meV=shift / 10))
    assert "there is no significant shift: " in text
    assert "there would be no significant shift: " in text
    assert "to the blue" not in text
    assert "to the red" not in text


@pytest.mark.parametrize(
    ("binding", "text"),
    [
        (77.65, "is bound by 77.65 ± 0.06 meV."),
        (-8.2, "is 8.20 ± 0.06 meV above the lowest electron and hole levels of the molecule."),
        (0.01, "is not significantly bound: 0.01 ± 0.06 meV."),
    ],
)
def test_binding(binding, text):
    coulomb = {**DIMER["coulomb"], "binding_meV": binding}
    assert text in text_of(changed(coulomb=coulomb))


def test_no_levels():
    nothing = {"energy_eV": [], "error_meV": [], "m": [], "parity": []}
    bare = changed(electron=nothing, hole=nothing, coulomb=None, splitting_meV=None, redshift_meV=None, gap_eV=None)
    bare |= {"redshift_single_particle_meV": None}
    assert "No electron levels were requested" in text_of(bare)


def test_range_and_convergence():
    text = text_of(changed(splitting_range_meV=[11.9, 35.7], redshift_range_meV=[-0.5, 4.0], converged=False))
    assert "splitting ranges from 11.90 to 35.70 meV" in text
    assert "red shift ranges from −0.50 to 4.00 meV" in text
    assert "Not converged or incomplete; see the warnings." in text


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (22.86712, 0.0034, "22.867 ± 0.004 meV"),
        (22.86712, 0.0012, "22.8671 ± 0.0012 meV"),
        (22.86712, 0.0010, "22.8671 ± 0.0010 meV"),
        (22.9, 7.2, "23 ± 8 meV"),
        (1.0, 1e-12, "1.000000 ± 0.000001 meV"),
        (0.018, None, "0.018 meV"),
        (-1e-9, None, "0.000 meV"),
        (None, 0.1, "n/a"),
    ],
)
def test_measured(value, error, text):
    assert format_measured(value, error, "meV").replace("\N{NO-BREAK SPACE}", " ") == text


def test_wavelengths_agree():
    assert wavelength_shift_nm(2.0, 2.01) == pytest.approx(wavelength_nm(2.0) - wavelength_nm(2.01))
    assert wavelength_shift_nm(2.01, 2.0) < 0


def test_html_is_escaped():
    page = solution_html(values_of(changed(warnings=["a < b"])))
    assert "a &lt;fused&gt; dimer" in page
    assert "Warning: a &lt; b" in page
    assert "22.867" in page
