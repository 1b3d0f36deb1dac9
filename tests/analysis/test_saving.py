"""Saved analyses come back equal but for the photons, which a sentence says where to find."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest
import xarray as xr
from tests.photons import generators as make

import qdmol
from qdmol.analysis import FailedAnalysis, PhotonAnalyses, analyze_many, analyze_photons
from qdmol.errors import DataError, InputError
from qdmol.report import write_photon_report

EMITTER = {"rate_hz": 1e5, "duration_s": 1.0, "period_ps": 200_000.0, "response_ns": 0.3, "offset_ns": 8.0}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    stream = make.blinking_stream(np.random.default_rng(11), background_hz=400.0, **EMITTER)
    return make.write_ptu(tmp_path_factory.mktemp("photons") / "emitter.ptu", stream, kind=make.HYDRAHARP_T3)


@pytest.fixture(scope="module")
def analysis(file):
    return analyze_photons(file, model="1")


def assert_equal(saved, loaded):
    """Equal in every field, type of number and digit, but for the source of photons."""
    if isinstance(saved, Mapping):
        assert list(loaded) == list(saved)
        assert_equal(tuple(saved.values()), tuple(loaded.values()))
        return
    assert type(loaded) is type(saved)
    if is_dataclass(saved):
        for each in fields(saved):
            if each.name != "source":
                assert_equal(getattr(saved, each.name), getattr(loaded, each.name))
    elif isinstance(saved, np.ndarray):
        assert loaded.dtype == saved.dtype
        np.testing.assert_array_equal(loaded, saved)
    elif isinstance(saved, tuple):
        assert len(loaded) == len(saved)
        for mine, theirs in zip(saved, loaded, strict=True):
            assert_equal(mine, theirs)
    else:
        np.testing.assert_equal(loaded, saved)


def test_an_analysis_comes_back_equal(analysis, tmp_path):
    assert analysis.lifetime is not None
    assert analysis.g2.histogram.blocks is not None
    loaded = qdmol.load(analysis.save(tmp_path / "a.nc"))
    assert_equal(analysis, loaded)
    assert loaded.summary == analysis.summary
    xr.testing.assert_identical(loaded.data, analysis.data)
    assert (str(loaded), repr(loaded), loaded._repr_html_()) == (str(analysis), repr(analysis), analysis._repr_html_())


def test_a_loaded_analysis_can_be_saved_and_reported(analysis, tmp_path):
    loaded = qdmol.load(analysis.save(tmp_path / "a.nc"))
    assert_equal(analysis, qdmol.load(loaded.save(tmp_path / "b.nc")))
    write_photon_report(loaded, tmp_path / "page.html")
    assert analysis.sentences[0] in (tmp_path / "page.html").read_text(encoding="utf-8").replace("&nbsp;", "\xa0")


def test_photons_of_a_loaded_analysis_are_refused_in_a_sentence(analysis, file, tmp_path):
    loaded = qdmol.load(analysis.save(tmp_path / "a.nc"))
    with pytest.raises(DataError, match=rf"no single photons; read .*{file.name} with `qdmol.read_photons`"):
        loaded.stream.load()


def test_analyses_of_many_files_come_back_equal(file, tmp_path):
    absent, empty = tmp_path / "absent.ptu", tmp_path / "empty.ptu"
    empty.write_bytes(b"")
    analyses = analyze_many([file, absent, empty], model="1", gate_ns=(0.0, None))
    loaded = qdmol.load(analyses.save(tmp_path / "many.nc"))
    assert isinstance(loaded, PhotonAnalyses)
    assert [type(each) for each in loaded] == [type(each) for each in analyses]
    assert_equal(analyses[0], loaded[0])
    assert isinstance(loaded[1], FailedAnalysis)
    assert loaded[1].error.as_dict() == analyses[1].error.as_dict()
    assert loaded.summary == analyses.summary
    xr.testing.assert_identical(loaded.data, analyses.data)
    assert str(loaded) == str(analyses)


def test_a_file_of_other_values_is_refused(analysis, tmp_path):
    many = PhotonAnalyses((replace(analysis, trace=None),))
    path = many.save(tmp_path / "many.nc")
    with xr.open_dataset(path) as data:
        damaged = data.load().assign_attrs(qdmol_kind="photon analysis")
    damaged.to_netcdf(path, engine="h5netcdf")
    with pytest.raises(InputError, match="not contain a complete photon analysis"):
        qdmol.load(path)
