"""Light of a molecule as plain numbers and back."""

import json
from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from tests.optics.samples import limit_of, lit
from threadpoolctl import threadpool_limits

from qdmol.optics import MoleculeLight, absorption_lines, edge_limit


@pytest.fixture(autouse=True)
def _one_thread():
    with threadpool_limits(limits=1, user_api="blas"):
        yield


def _same(one, two):
    if is_dataclass(one):
        assert type(one) is type(two)
        for field in fields(one):
            _same(getattr(one, field.name), getattr(two, field.name))
    elif isinstance(one, np.ndarray):
        assert one.shape == two.shape
        assert one.dtype.kind == two.dtype.kind
        assert np.array_equal(one, two, equal_nan=one.dtype.kind == "f")
    elif isinstance(one, tuple):
        assert len(one) == len(two)
        for a, b in zip(one, two, strict=True):
            _same(a, b)
    else:
        assert one == two


LIGHTS = [
    ("heterodimer", {}),  # no contact: numbers that are missing
    ("homodimer", {"contact": True}),
    ("monomer", {"barrier": 0.6}),  # box states
    ("monomer", {}),
]


@pytest.mark.parametrize(("example", "settings"), LIGHTS)
def test_a_record_reads_back_as_it_was_through_json(example, settings):
    light = lit(example, **settings)
    text = json.dumps(light.as_record(), allow_nan=False)
    again = MoleculeLight.from_record(json.loads(text))
    _same(light, again)
    assert json.dumps(again.as_record(), allow_nan=False) == text
    assert np.any(np.isnan(light.edge[-1].contact)) or "contact" in settings


def test_what_was_read_back_has_the_same_lines():
    light = lit("heterodimer")
    again = MoleculeLight.from_record(json.loads(json.dumps(light.as_record())))
    one, two = (absorption_lines(some, limit_of(some)) for some in (light, again))
    _same(one, two)
    assert edge_limit(again.edge, numerical=again.numerical).growth == limit_of(light).growth


def test_a_record_without_pairs_or_dark_levels_keeps_its_shapes():
    """Empty lists have no shape of their own."""
    record = lit("heterodimer").as_record()
    record["pairs"] = {**record["pairs"], "energy": [], "moment": []}
    found = MoleculeLight.from_record(record)
    assert found.pairs.energy.shape == (0,)
    assert found.pairs.moment.shape == (0, 2, 2)
