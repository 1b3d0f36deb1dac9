"""Ten thousand points: planned, computed in small portions, and resumed in bounded memory; the solver is a stand-in."""

import json
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
from tests.study.map_samples import mapping

import qdmol
from qdmol.jobs import cluster, running

SCRIPT = """
import json, resource, sys
import qdmol
from qdmol.jobs import running
from qdmol.study import plan, points
from qdmol.study.table import NUMBERS

running.PLANNING, point_job, planned = float(sys.argv[4]), plan.point_job, 0
def counted(*arguments, **options):
    global planned
    planned += 1
    return point_job(*arguments, **options)
plan.point_job = counted

solved, stop = 0, 1
def stand_in(point):
    global solved
    solved += 1
    if solved > stop:
        raise KeyboardInterrupt
    found = {"converged": True, "warnings": [], "coulomb": None, "monomer_gaps_eV": []}
    found |= {carrier: dict.fromkeys(("energy_eV", "error_meV", "m", "parity"), []) for carrier in ("electron", "hole")}
    found["splitting_meV"] = point.spec.molecule.barrier
    return {"summary": {**dict.fromkeys(NUMBERS), **found}}
points.solve_point = stand_in

spec, side = json.loads(sys.argv[1]), int(sys.argv[3])
qdmol.map(spec, axes={"barrier": [1.0]})
before, solved, stop = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0, int(sys.argv[2])
done = 0
try:
    axes = {"core_diameter": f"2:4:{side}", "barrier": f"0.6:4:{side}"}
    done = qdmol.map(spec, axes=axes, output="m.nc").table.done
except KeyboardInterrupt:
    pass
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
megabytes = (after - before) / 1024
print(json.dumps({"solved": solved, "done": done, "planned": planned, "MB": megabytes}))
"""


def large(folder, *, stop: int, side: int = 100, planning: float = 10.0) -> dict:
    command = [sys.executable, "-c", SCRIPT, json.dumps(mapping()), str(stop), str(side), str(planning)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in kB there")
def test_ten_thousand_points_are_planned_and_resumed_in_bounded_memory(tmp_path):
    first = large(tmp_path, stop=4000)
    assert first["solved"] == 4001
    second = large(tmp_path, stop=10**6)
    assert second["solved"] == 6000
    again = large(tmp_path, stop=0)
    assert (again["solved"], again["done"]) == (0, 10000)
    for run in (first, second, again):
        assert run["MB"] < 60


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in kB there")
def test_a_large_map_is_computed_before_all_of_it_is_planned(tmp_path):
    found = large(tmp_path, stop=300, side=400, planning=0.1)
    assert found["solved"] == 301
    assert found["planned"] < 40_000
    assert len(list((tmp_path / "m.nc.parts").iterdir())) == 300
    assert found["MB"] < 200  # the arrays of the result and its file, no list of points


def test_the_order_of_planning_changes_no_result(tmp_path, monkeypatch):
    axes = {"core_diameter": [2.4, 2.8], "barrier": [1.0, 1.4, 30.0]}
    monkeypatch.delenv("QDMOL_STORE", raising=False)
    whole = qdmol.map(mapping(), axes=axes, output=tmp_path / "whole.nc")
    monkeypatch.setattr(running, "PLANNING", 0.0)
    monkeypatch.setattr(running, "PORTION", 0.0)
    portions = qdmol.map(mapping(), axes=axes, output=tmp_path / "portions.nc")
    assert whole.table.done == portions.table.done == 6
    assert (tmp_path / "portions.nc").read_bytes() == (tmp_path / "whole.nc").read_bytes()


def test_few_points_are_at_work_at_a_time():
    """A client that counts: never more futures than the width, however many tasks there are."""
    flying, most, finished = 0, 0, []

    class Future:
        status = "finished"

        def add_done_callback(self, function):
            threading.Timer(0.001, function, [self]).start()

        def result(self, timeout=None):
            return {"status": "done"}

        def release(self):
            nonlocal flying
            flying -= 1

    class Client:
        status = "running"

        def subscribe_topic(self, topic, handler):
            pass

        def submit(self, *_, **__):
            nonlocal flying, most
            flying += 1
            most = max(most, flying)
            return Future()

    drawn = 0

    def tasks():
        nonlocal drawn
        for number in range(500):
            drawn += 1
            assert drawn - len(finished) <= 4
            yield SimpleNamespace(key=str(number), limit=None)

    cluster.run_on(Client(), tasks(), lambda task, record: finished.append(task.key), width=3)
    assert most == 3
    assert len(set(finished)) == len(finished) == 500
