"""What the sentences of spectra say of changes within their error, and of mixtures of unlike dots."""

from dataclasses import replace

import numpy as np
import pytest

from qdmol.estimates import Estimate
from qdmol.prediction import FieldSweep, Line, SampleChange, SampleSpectrum, Spectra
from qdmol.prediction.wording import change_rows, mixtures, sample_rows, spectrum_sentences
from qdmol.structure import read_spec

MEV = {name: Estimate.from_error(5.0, 0.05, "meV") for name in ("absorption", "emission")}


def sample(name, dots=2, lines=(None,)):
    peak, one = Estimate.from_error(2.1, 1e-4, "eV"), Estimate.from_error(1.0, 0.1)
    return SampleSpectrum(
        name=name,
        dots=dots,
        grid=np.zeros(0),
        absorption=np.zeros(0),
        absorption_error=np.zeros(0),
        emission=np.zeros(0),
        absorption_kind="maximum",
        absorption_peak=peak,
        absorption_width=None,
        emission_peak=peak,
        emission_width=Estimate.from_error(60.0, 0.1, "meV"),
        emission_wavelength=590.0,
        band_edge_cross_section=None,
        cross_section_300nm=None,
        bulk_cross_section_300nm=None,
        ratio_to_bulk_300nm=None,
        ratio_edge_to_300nm=None,
        lifetime=None,
        polarisation=0.0,
        ranges=(),
        lines=tuple(Line(peak, one, (1.0,), 1.0, dot) for dot in lines),
    )


def spectra(monomer=(None,), redshift=None, broadening=None):
    """Predicted monomer and fused molecule; `monomer` are the dots of its lines, changes (meV) replace those of 5."""
    moved = SampleChange(
        before="monomer",
        after="fused",
        redshift=MEV | {name: Estimate.from_error(value, 0.05, "meV") for name, value in (redshift or {}).items()},
        broadening=MEV | {name: Estimate.from_error(value, 0.05, "meV") for name, value in (broadening or {}).items()},
        lifetime_ratio=None,
        band_edge_ratio=None,
        cross_section_300nm_ratio=None,
        lifetime_ratio_no_local_field=None,
        band_edge_ratio_no_local_field=None,
    )
    return Spectra(
        spec=read_spec("@homodimer"),
        temperature=300.0,
        homogeneous_width=60.0,
        stokes_shift=20.0,
        calibration_shift=None,
        samples={"monomer": sample("monomer", 1, monomer), "fused": sample("fused")},
        changes=(moved,),
        ensemble=None,
        sweep=None,
        converged=True,
        warnings=(),
        elapsed=0.0,
    )


def told(found):
    return " ".join(spectrum_sentences(found)).replace("\N{NO-BREAK SPACE}", " ")


def test_changes_are_told_with_their_direction():
    text = told(spectra(redshift={"emission": -5.0}, broadening={"emission": -7.0}))
    assert "absorption shifts 5.00 ± 0.05 meV to the red and becomes 5.00 ± 0.05 meV broader" in text
    assert "emission shifts 5.00 ± 0.05 meV to the blue and becomes 7.00 ± 0.05 meV narrower" in text


@pytest.mark.parametrize("value", [0.0, -1e-6, 0.04, -0.04])
def test_a_change_within_its_error_is_none(value):
    text = told(spectra(redshift={"absorption": value}, broadening={"absorption": value}))
    shown = f"{value + 0.0:.2f}".replace("-0.00", "0.00").replace("-", "−")
    assert f"absorption has no significant shift: {shown} ± 0.05 meV" in text
    assert f"and has no significant change of width: {shown} ± 0.05 meV" in text
    assert "0.00 ± 0.05 meV to the" not in text


def test_a_mixture_of_unlike_dots_is_not_called_a_broad_line():
    """Its width is that of two lines side by side: what comes after it is not narrower than a line."""
    mixed = spectra(monomer=(0, 1, 0), broadening={"emission": -61.0})
    assert mixtures(mixed) == {"monomer"}
    text = told(mixed)
    assert "narrower" not in text
    assert "broader" not in text
    assert "emission shifts 5.00 ± 0.05 meV to the red" in text
    assert "The monomer sample is a mixture of unlike dots" in text
    cells = {row[0]: row[1] for row in change_rows(mixed)[1]}
    assert cells["broadening of emission (meV)"] == "several lines"
    assert cells["red shift of emission (meV)"].startswith("5.00")


def test_one_kind_of_dot_is_no_mixture():
    assert not mixtures(spectra(monomer=(0, 0)))
    assert "narrower" in told(spectra(monomer=(0, 0), broadening={"emission": -61.0}))


def test_there_is_one_placeholder_and_it_is_no_sign():
    """A dash would read as a minus sign."""
    _, rows = sample_rows(spectra())
    missing = [cell for row in rows for cell in row[1:] if not any(letter.isdigit() for letter in cell)]
    assert set(missing) <= {"n/a", "maximum"}
    assert "n/a" in missing


@pytest.mark.parametrize(
    ("shifts", "text"),
    [
        ([0.0, -3.2, 1.0], "The emission shifts by up to 3.20 ± 0.05 meV to the red, at 50 kV/cm."),
        ([0.0, 0.001, 0.01], "There is no significant shift of the emission in this range of fields"),
    ],
)
def test_shifts_in_a_field(shifts, text):
    peak = 2.0 + 1e-3 * np.array(shifts)
    sweep = FieldSweep(
        fields=np.array([0.0, 50.0, 100.0]),
        grid=np.zeros(0),
        emission=np.zeros((3, 0)),
        share=np.full((3, 2), 0.4),
        dot_peak=np.full((3, 2), 2.0),
        peak=peak,
        absorption=peak,
        lifetime=np.ones(3),
        error=1e-3 * np.array([0.02, 0.03, 0.03]),
        numerical=np.zeros(3),
        failed=(),
    )
    assert text in told(replace(spectra(), sweep=sweep))
