"""Saved spectra come back equal, to the last digit."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from tests.prediction.samples import SMALL, spec_of

import qdmol
from qdmol.prediction import predict_spectra
from qdmol.report import write_spectrum_report


@pytest.fixture(scope="module", params=["homodimer", "fields"])
def spectra(request, store):
    if request.param == "homodimer":
        return predict_spectra("@homodimer", folder=store)
    return predict_spectra(spec_of(SMALL), fields=[0.0, 40.0], folder=store)


def _assert_equal(loaded, spectra):
    assert loaded == spectra
    assert loaded != replace(spectra, temperature=spectra.temperature + 1)
    assert loaded.summary == spectra.summary
    assert (str(loaded), loaded._repr_html_()) == (str(spectra), spectra._repr_html_())
    assert str(spectra).splitlines()[0] in spectra._repr_html_()
    assert f"<strong>{spectra.spec.name}</strong>" in spectra._repr_html_()
    assert loaded.spec == spectra.spec
    assert loaded.changes == spectra.changes
    assert loaded.own.absorption_peak.error == spectra.own.absorption_peak.error
    for name, sample in spectra.samples.items():
        np.testing.assert_array_equal(loaded.samples[name].emission, sample.emission)
    assert (loaded.sweep is None) == (spectra.sweep is None)
    xr.testing.assert_equal(loaded.data, spectra.data)
    assert repr(loaded) == repr(spectra)


def test_spectra_come_back_equal(spectra, tmp_path):
    loaded = qdmol.load(spectra.save(tmp_path / "spectra.nc"))
    _assert_equal(loaded, spectra)
    _assert_equal(qdmol.load(loaded.save(tmp_path / "again.nc")), spectra)


def test_the_file_of_a_report_is_saved_spectra(spectra, tmp_path):
    page = write_spectrum_report(spectra, (), tmp_path / "page.html")
    _assert_equal(qdmol.load(page.with_suffix(".nc")), spectra)
