"""The sentences quote the summary, for every kind of molecule."""

import copy
import math

import pytest

from qdmol.results import (
    format_measured,
    lower_level_share,
    summary_html,
    summary_sentences,
    thermal_energy_mev,
    wavelength_nm,
    wavelength_shift_nm,
)

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


def changed(**changes):
    return {**copy.deepcopy(DIMER), **changes}


def text_of(summary, temperature=300.0):
    return " ".join(summary_sentences(summary, temperature=temperature)).replace("\N{NO-BREAK SPACE}", " ")


def test_dimer_quotes_every_number():
    text = text_of(DIMER)
    for quoted in (
        "22.867 ± 0.003 meV",
        "0.88 times kT = 25.9 meV at 300 K",
        "61.63 ± 0.02 meV",
        "dot 1, counted as listed",
        "0.33072 ± 0.00005 eV",
        "77.65 ± 0.06 meV",
        "2.07072 ± 0.00005 eV",
        "598.75 nm",
        "3.25 ± 0.06 meV to the red",
        "0.938 nm at 598.7 nm",
        "13.710 ± 0.010 meV",
        "Every energy met its tolerance",
        "is 0.020 meV",
    ):
        assert quoted in text, quoted


def test_thermal_verdicts():
    assert "stands out" in text_of(DIMER, 77.0)
    assert "mixes" in text_of(DIMER, 300.0)
    assert "uncoupled" in text_of(changed(splitting_meV=0.018))
    assert "no thermal energy" in text_of(DIMER, 0.0)


def test_thermal_share_is_boltzmann():
    assert thermal_energy_mev(300) == pytest.approx(25.852, abs=1e-3)
    upper = 1 - lower_level_share(22.867, 300)
    assert upper / (1 - upper) == pytest.approx(math.exp(-22.867 / 25.8520), rel=1e-5)
    assert lower_level_share(5, 0) == 1
    assert lower_level_share(0, 0) == 0.5


def test_monomer():
    text = text_of(
        changed(splitting_meV=None, splitting_error_meV=None, redshift_meV=0.0, monomer_gaps_eV=[2.07397])
        | {"redshift_single_particle_meV": 0.0}
    )
    assert "no splitting" in text
    assert "shift" not in text
    assert "0.177670 ± 0.000004 eV" in text


def test_without_coulomb():
    text = text_of(changed(coulomb=None, redshift_meV=None, redshift_error_meV=None))
    assert "not included" in text
    assert "Against the monomer" not in text
    assert "No red shift" not in text
    assert "13.710" in text


def test_null_shift_points_to_the_warnings():
    text = text_of(changed(gap_eV=None, gap_error_meV=None, redshift_meV=None, redshift_error_meV=None))
    assert "the warnings say why" in text


def test_blue_shift():
    assert "−11.80 ± 0.06 meV to the blue" in text_of(changed(redshift_meV=-11.8))


def test_no_levels():
    nothing = {"energy_eV": [], "error_meV": [], "m": [], "parity": []}
    bare = changed(electron=nothing, hole=nothing, coulomb=None, splitting_meV=None, redshift_meV=None, gap_eV=None)
    bare |= {"redshift_single_particle_meV": None}
    assert "No electron level was asked for" in text_of(bare)


def test_range_and_convergence():
    text = text_of(changed(splitting_range_meV=[11.9, 35.7], redshift_range_meV=[-0.5, 4.0], converged=False))
    assert "splitting runs from 11.90 to 35.70 meV" in text
    assert "red shift runs from −0.50 to 4.00 meV" in text
    assert "Not converged" in text


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
        (None, 0.1, "not available"),
    ],
)
def test_measured(value, error, text):
    assert format_measured(value, error, "meV").replace("\N{NO-BREAK SPACE}", " ") == text


def test_wavelengths_agree():
    assert wavelength_shift_nm(2.0, 2.01) == pytest.approx(wavelength_nm(2.0) - wavelength_nm(2.01))
    assert wavelength_shift_nm(2.01, 2.0) < 0


def test_html_is_escaped():
    page = summary_html(changed(warnings=["a < b"]), temperature=300)
    assert "a &lt;fused&gt; dimer" in page
    assert "Warning: a &lt; b" in page
    assert "22.867" in page
