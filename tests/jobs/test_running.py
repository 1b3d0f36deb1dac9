"""The runner, on jobs that compute nothing: records, resuming, invalid jobs, groups, progress."""

import pytest
from tests.jobs import toys

from qdmol.errors import InputError
from qdmol.jobs import JobList, Resources, Store, run_jobs
from qdmol.jobs.job import Assignment, compute

INVALID = InputError(field="number", value="x", allowed="a number")


@pytest.fixture(autouse=True)
def _no_calls():
    toys.calls.clear()


def run(jobs, folder=None, **options):
    records = {}
    run_jobs(JobList(jobs), folder=folder, resources=Resources(), enter=records.__setitem__, **options)
    return records


def test_every_job_has_a_record_in_its_place():
    records = run([toys.job(1), toys.job(-1), toys.job(0), INVALID, toys.job(2)])
    assert records[0] == {"status": "done", "value": 2.0}
    assert records[1] == {"status": "refused", "reason": "negative"}
    assert records[2]["status"] == "failed"
    assert "ZeroDivisionError: a bug" in records[2]["reason"]
    assert records[3] == {"status": "refused", "reason": str(INVALID)}
    assert records[4] == {"status": "done", "value": 4.0}


def test_equal_jobs_are_computed_once():
    assert run([toys.job(1), toys.job(2), toys.job(1)])[2] == {"status": "done", "value": 2.0}
    assert toys.calls == [1, 2]


def test_what_is_on_disk_is_not_computed_again_but_for_failures(tmp_path):
    jobs = [toys.job(1), toys.job(-1), toys.job(0)]
    first = run(jobs, tmp_path)
    toys.calls.clear()
    assert run(jobs, tmp_path) == first
    assert toys.calls == [0]


def test_a_record_of_another_shape_is_computed_again(tmp_path):
    job = toys.job(3)
    Store(tmp_path).write(job.key, {"status": "done", "value": "six"})
    assert run([job], tmp_path)[0] == {"status": "done", "value": 6.0}


def test_another_source_is_another_key():
    assert toys.job(1).key != toys.job(1, source=("errors.py",)).key


def test_a_plan_without_a_valid_job_is_refused_only_where_asked():
    assert run([INVALID, INVALID])[1]["status"] == "refused"
    written = []
    with pytest.raises(InputError):
        run([INVALID, INVALID], require_valid=True, write=lambda: written.append(True))
    assert written == []
    assert run([INVALID, toys.job(1)], require_valid=True)[1]["status"] == "done"


def test_an_empty_plan_has_no_records():
    assert run([]) == {}


def test_jobs_of_a_group_follow_each_other():
    run([toys.job(1, group=5), toys.job(2, group=7), toys.job(3, group=5), toys.job(4, group=7)])
    assert toys.calls == [1, 3, 2, 4]


def test_progress_counts_jobs_and_those_without_a_result(tmp_path):
    jobs = [toys.job(1), toys.job(-1), toys.job(2), toys.job(1)]
    states = []
    run(jobs, tmp_path, progress=states.append)
    last = states[-1]
    assert (last.done, last.failed, last.total, last.phase) == (4, 1, 4, "computing")
    assert last.left == 0
    states.clear()
    run(jobs, tmp_path, progress=states.append)
    assert {state.phase for state in states} == {"planning"}


def test_a_worker_with_other_source_computes_nothing():
    record = compute(Assignment(toys.job(1), "another digest", None))
    assert record["status"] == "failed"
    assert "a different version of qdmol" in record["reason"]
    assert toys.calls == []
