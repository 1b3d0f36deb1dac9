"""What the sentences of spectra say of changes within their error, and of mixtures of unlike dots."""

import pytest

from qdmol.prediction.wording import change_rows, mixtures, sample_rows, spectrum_sentences


def sample(name, dots=2, lines=(None,)):
    keys = ("absorption_peak", "emission_peak")
    return {
        "sample": name,
        "dots": dots,
        "absorption_kind": "maximum",
        **{f"{key}_eV": 2.1 for key in keys},
        **{f"{key}_error_meV": 0.1 for key in keys},
        **{f"{key}_nm": 590.0 for key in keys},
        "emission_width_meV": 60.0,
        "emission_width_error_meV": 0.1,
        "polarisation": 0.0,
        "ratio_to_bulk_300nm": None,
        "lines": [{"dot": dot} for dot in lines],
    }


def summary(monomer=(None,), **change):
    moved = {"from": "monomer", "to": "fused"}
    for key in ("redshift_absorption", "redshift_emission", "broadening_absorption", "broadening_emission"):
        moved |= {f"{key}_meV": 5.0, f"{key}_error_meV": 0.05}
    samples = [sample("monomer", 1, monomer), sample("fused")]
    return {"samples": samples, "changes": [{**moved, **change}], "field": None}


def told(found):
    return " ".join(spectrum_sentences(found)).replace("\N{NO-BREAK SPACE}", " ")


def test_changes_are_told_with_their_direction():
    text = told(summary(redshift_emission_meV=-5.0, broadening_emission_meV=-7.0))
    assert "absorption moves 5.00 ± 0.05 meV to the red and becomes 5.00 ± 0.05 meV broader" in text
    assert "emission moves 5.00 ± 0.05 meV to the blue and becomes 7.00 ± 0.05 meV narrower" in text


@pytest.mark.parametrize("value", [0.0, -1e-6, 0.04, -0.04])
def test_a_change_within_its_error_is_none(value):
    text = told(summary(redshift_absorption_meV=value, broadening_absorption_meV=value))
    shown = f"{value + 0.0:.2f}".replace("-0.00", "0.00").replace("-", "−")
    assert f"absorption has no significant shift: {shown} ± 0.05 meV" in text
    assert f"and has no significant change of width: {shown} ± 0.05 meV" in text
    assert "0.00 ± 0.05 meV to the" not in text


def test_a_mixture_of_unlike_dots_is_not_called_a_broad_line():
    """Its width is that of two lines side by side: what comes after it is not narrower than a line."""
    mixed = summary(monomer=(0, 1, 0), broadening_emission_meV=-61.0)
    assert mixtures(mixed) == {"monomer"}
    text = told(mixed)
    assert "narrower" not in text
    assert "broader" not in text
    assert "emission moves 5.00 ± 0.05 meV to the red" in text
    assert "The monomer sample is a mixture of unlike dots" in text
    cells = {row[0]: row[1] for row in change_rows(mixed)[1]}
    assert cells["broadening of emission (meV)"] == "several lines"
    assert cells["red shift of emission (meV)"].startswith("5.00")


def test_one_kind_of_dot_is_no_mixture():
    assert not mixtures(summary(monomer=(0, 0)))
    assert "narrower" in told(summary(monomer=(0, 0), broadening_emission_meV=-61.0))


def test_there_is_one_placeholder_and_it_is_no_sign():
    """A dash would read as a minus sign."""
    _, rows = sample_rows(summary())
    missing = [cell for row in rows for cell in row[1:] if not any(letter.isdigit() for letter in cell)]
    assert set(missing) <= {"n/a", "maximum"}
    assert "n/a" in missing


@pytest.mark.parametrize(
    ("shifts", "text"),
    [
        ([0.0, -3.2, 1.0], "Emission moves by up to 3.20 ± 0.05 meV to the red, at 50 kV/cm."),
        ([0.0, 0.001, 0.01], "There is no significant shift of emission within these fields"),
    ],
)
def test_shifts_in_a_field(shifts, text):
    field = {
        "field_kV_cm": [0.0, 50.0, 100.0],
        "stark_shift_meV": shifts,
        "peak_error_meV": [0.02, 0.03, 0.03],
        "switching_field_kV_cm": None,
    }
    found = {**summary(), "field": {**field, "dot_emission": [[0.5, 0.5]] * 3, "failed": []}}
    assert text in told(found)
