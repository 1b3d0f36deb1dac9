"""One folder of solved molecules for all tests of spectra, and the spectra that several of them look at."""

import pytest

from qdmol.prediction import predict_spectra


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("spectra")


@pytest.fixture(scope="session")
def homodimer(store):
    return predict_spectra("@homodimer", folder=store)
