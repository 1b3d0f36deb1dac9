"""Functions that the tests of the runner compute, and the model of their records."""

from typing import Literal

from qdmol.errors import SolverError
from qdmol.jobs import Job, Number, StoredModel, job_key

calls = []


class Doubled(StoredModel):
    status: Literal["done"]
    value: Number


def double(number):
    calls.append(number)
    if number < 0:
        raise SolverError("negative")
    if number == 0:
        raise ZeroDivisionError("a bug")
    return {"value": 2.0 * number}


def job(number, *, source=("units.py",), group=0):
    return Job(
        function="tests.jobs.toys:double",
        payload=number,
        key=job_key("toy", repr(number), source=source),
        record="tests.jobs.toys:Doubled",
        source=source,
        group=group,
    )
