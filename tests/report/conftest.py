"""Made-up solutions and their rendered pages, each made once."""

import importlib.util
import sys
from functools import cache
from pathlib import Path

import pytest


def _load(name):
    """The tests are imported without their folder on the path; what they share is loaded by file."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


fakes = _load("report_fakes")
_load("report_texts")
_load("page_reading")
_load("photon_fakes")
_load("spectrum_fakes")


@cache
def _solution(variant):
    return fakes.VARIANTS[variant]()


@pytest.fixture(params=list(fakes.VARIANTS))
def variant(request):
    """The name of a kind of molecule."""
    return request.param


@pytest.fixture
def solution(variant):
    return _solution(variant)


@pytest.fixture
def homodimer():
    return _solution("homodimer")


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Path of the page of a variant, written once with its NetCDF file."""
    from qdmol.report import write_report

    folder = tmp_path_factory.mktemp("pages")

    @cache
    def write(variant):
        return write_report(_solution(variant), folder / f"{variant}.html")

    return write
