"""What a user of a notebook meets first: files and streams go straight into the verbs, and results have short texts."""

import numpy as np
import pytest

import qdmol
from qdmol.photons import ArraySource, PhotonStream, Provenance, Records


@pytest.fixture
def stream() -> PhotonStream:
    rng = np.random.default_rng(7)
    pulses = np.sort(rng.integers(0, 200_000, 8000))
    delays = (rng.exponential(20e3, 8000) / 64).astype(np.uint32)
    keep = delays < 3125
    records = Records(pulses[keep], rng.integers(0, 2, keep.sum()).astype(np.uint8), delays[keep])
    return PhotonStream("T3", 64, ArraySource(records), Provenance("simulated", "T3"), sync_period_ps=200_000)


@pytest.fixture
def curve_file(tmp_path):
    wavelength = np.linspace(500, 700, 201)
    counts = 1000 * np.exp(-(((wavelength - 610) / 15) ** 2)) + np.random.default_rng(1).normal(0, 3, 201)
    path = tmp_path / "emission.csv"
    table = np.column_stack([wavelength, counts])
    np.savetxt(path, table, delimiter=",", header="Wavelength (nm),emission", comments="")
    return path


def test_a_lifetime_is_fitted_to_a_stream_as_to_its_decay(stream):
    from qdmol.analysis import decay_of

    fit, expected = qdmol.fit_lifetime(stream), qdmol.fit_lifetime(decay_of(stream))
    assert fit.mean == expected.mean
    assert 19 < fit.mean.value < 21


@pytest.mark.parametrize("verb", [qdmol.fit_lifetime, qdmol.measure_g2])
def test_a_path_is_refused_with_what_to_do(verb):
    with pytest.raises(qdmol.InputError, match=r"open a file with qdmol\.read_photons"):
        verb("recording.ptu")


def test_curves_are_fitted_from_files_and_values_alike(curve_file):
    curves = qdmol.read_curves(curve_file)
    positions = [qdmol.fit_curves(given)[0].fit.position_eV for given in (curve_file, [curve_file], curves, curves[0])]
    assert len(set(positions)) == 1
    assert 2.0 < positions[0].value < 2.07


def test_values_have_short_texts(stream, curve_file):
    (surveyed,) = qdmol.fit_curves(curve_file)
    assert repr(stream) == "<PhotonStream T3 of simulated: 64 ps ticks, sync period 200 ns>"
    assert repr(surveyed.curve) == "<Curve emission: emission, 201 points, 500 to 700 nm>"
    assert repr(surveyed.fit).startswith("<PeakFit of emission: maximum at 2.0")
    assert len(repr(surveyed)) < 400


def test_every_kind_of_result_has_its_report(stream, curve_file, tmp_path):
    analysis, curves = qdmol.analyze_photons(stream), qdmol.fit_curves(curve_file)
    assert "20.0" in qdmol.report(analysis, tmp_path / "photons.html").read_text(encoding="utf-8")
    assert (tmp_path / "photons.nc").exists()
    assert "610" in qdmol.report(curves, tmp_path / "curves.html").read_text(encoding="utf-8")
    with pytest.raises(qdmol.InputError, match="`result` is 'a dict', but must be a solution"):
        qdmol.report({}, tmp_path / "nothing.html")
    assert not (tmp_path / "nothing.html").exists()
