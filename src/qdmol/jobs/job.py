"""A job, and its computation in whatever process: from a function's name and its payload to a record."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from qdmol.errors import QdmolError
from qdmol.jobs.limits import TimeLimitError, time_limit
from qdmol.jobs.records import Record, done, failed, named_object, refused
from qdmol.jobs.store import source_digest

# The libraries of a solver have state of their own: one job at a time in a process. A job may compute others.
_ONE_AT_A_TIME = threading.RLock()


@dataclass(frozen=True, slots=True)
class Job:
    """A computation by the name of its function.

    Attributes
    ----------
    function : str
        ``"package.module:function"``; called with the payload, it returns a mapping of plain JSON values. It raises a
        `QdmolError` for what cannot be computed.
    payload : object
        The function's only argument: a frozen value that can be pickled.
    key : str
        Hash of all that the result depends on, as `job_key` gives it; equal jobs have equal keys.
    record : str
        ``"package.module:Model"``, the pydantic model of the record, with ``status: "done"``.
    source : tuple of str
        Files and folders of the package whose code decides the result.
    group : int
        Jobs of one group share intermediate results and are computed one after the other.
    """

    function: str
    payload: object
    key: str
    record: str
    source: tuple[str, ...]
    group: int = 0


@dataclass(frozen=True, slots=True)
class Assignment:
    """A job as it is sent to a process: with the digest of its source, and its time limit in seconds or None."""

    job: Job
    code: str
    limit: float | None

    @property
    def key(self) -> str:
        """The job's key."""
        return self.job.key


def compute(assignment: Assignment, *, end_process: bool = False) -> Record:
    """Return the record of a job; whatever goes wrong is a record with the reason.

    A record contains nothing that differs from run to run. With ``end_process`` a job that overruns its limit in
    compiled
    code ends this process.
    """
    job = assignment.job
    if assignment.code != source_digest(job.source):
        return failed("this worker has a different version of qdmol from the command that submitted the job")
    with _ONE_AT_A_TIME:
        try:
            with time_limit(assignment.limit, end_process=end_process):
                return done(named_object(job.function)(job.payload))
        except TimeLimitError:
            return failed(over_time(assignment.limit))
        except QdmolError as error:
            return refused(str(error))
        except Exception as error:  # noqa: BLE001  # one bad job does not end a run of thousands
            return failed(f"something went wrong inside qdmol ({type(error).__name__}: {str(error)[:200]})")


def over_time(limit: float | None) -> str:
    """Return the reason of a job that took too long."""
    return f"not finished within the time limit of {limit:g} s"
