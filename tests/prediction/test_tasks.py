"""Time left of a run over molecules of unequal cost."""

import pytest

from qdmol.errors import InputError
from qdmol.prediction.tasks import LightRequest, Order, RemainingTime, order_cost
from qdmol.structure import read_spec


def test_the_time_left_follows_the_cost_of_what_is_left():
    now = [100.0]
    remaining = RemainingTime([1.0, 1.0, 4.0, 1.0, 2.0], clock=lambda: now[0])
    remaining.done(0)  # on disk, or the first: it waited for everything to start
    assert remaining.seconds() is None
    now[0] = 102.0
    remaining.done(1)
    assert remaining.seconds() == pytest.approx(2.0 * (4 + 1 + 2))
    now[0] = 110.0
    remaining.done(2)
    assert remaining.seconds() == pytest.approx(10 / 5 * (1 + 2))
    for index in (3, 4):
        remaining.done(index)
    assert remaining.seconds() == 0


def test_larger_molecules_and_more_bases_cost_more():
    def cost(name, bases):
        return order_cost(Order(read_spec(name), LightRequest(bases)))

    assert cost("@monomer", 2) < cost("@homodimer", 3) < cost("@heterodimer", 3) < cost("@heterodimer", 4)
    refused = InputError(field="x", value=1, allowed="2")
    assert order_cost(Order(refused, LightRequest(2))) == 0
