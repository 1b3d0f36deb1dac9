"""Fits in several processes: the same numbers in the same order, failures labelled, few curves fitted here."""

import os

import numpy as np
import pytest
from tests.spectroscopy import simulated

import qdmol
from qdmol.errors import InputError
from qdmol.spectroscopy import Curve, processes, surveying


@pytest.fixture(scope="module")
def curves():
    made = [simulated.emission(np.random.default_rng([1, k])).curve for k in range(3)]
    flat = Curve(np.arange(450.0, 650.0), np.ones(200), "emission", name="flat")
    return [made[0], flat, *made[1:]]


def test_the_numbers_do_not_depend_on_the_processes(curves, monkeypatch):
    monkeypatch.setattr(surveying, "_WORTH_A_PROCESS", 2)
    lines = []
    here, there = (qdmol.fit_curves(curves, workers=count, progress=lines.append) for count in (0, 2))
    assert there.summary == here.summary
    assert there[1].fit is None
    assert "noise" in there[1].reason
    for one, two in zip(here, there, strict=True):
        assert (one.fit is None) == (two.fit is None)
        if one.fit is not None:
            np.testing.assert_array_equal(one.fit.fitted, two.fit.fitted)
    assert [line.split(",")[0] for line in lines] == [f"curve {k} of 4" for k in (1, 2, 3, 4)] * 2


class Deadly(Curve):
    """A curve that ends the process that reads it."""

    def __reduce__(self):
        return os._exit, (1,)


def test_a_dead_process_costs_one_curve(curves):
    deadly = Deadly(curves[0].wavelength_nm, curves[0].values, "emission")
    with processes.fitting_processes(1) as fit_all:
        first, dead, last = fit_all([curves[0], deadly, curves[2]])
    assert dead == processes.DIED
    assert first.peak_eV.value == processes.fit_or_reason(curves[0]).peak_eV.value
    assert last.peak_eV.value == processes.fit_or_reason(curves[2]).peak_eV.value


def test_few_curves_start_no_process(curves, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a process was started")

    monkeypatch.setattr(processes.subprocess, "Popen", refuse)
    assert len(qdmol.fit_curves(curves[:2], workers=8)) == 2


@pytest.mark.parametrize("workers", [-1, 10_001])
def test_invalid_numbers_of_workers_are_refused(curves, workers):
    with pytest.raises(InputError, match="workers"):
        qdmol.fit_curves(curves, workers=workers)


def test_a_file_without_curves_is_labelled(curves, tmp_path):
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    rows = zip(curves[0].wavelength_nm, curves[0].values, strict=True)
    good.write_text("Wavelength (nm),PL\n" + "\n".join(f"{x},{y}" for x, y in rows))
    bad.write_text("no numbers")
    fits = qdmol.fit_curves([bad, good])
    assert len(fits) == 1
    assert fits.failed[0][0] == str(bad)
    assert "10 lines" in fits.summary["failed"][0]["message"]
    assert "bad.csv" in str(fits)
    loaded = qdmol.load(fits.save(tmp_path / "fits.nc"))
    assert loaded.failed == fits.failed
    with pytest.raises(InputError, match="10 lines"):
        qdmol.fit_curves(bad)
