from .job import Job as Job
from .records import (
    Count as Count,
    NotNegative as NotNegative,
    Number as Number,
    Positive as Positive,
    Record as Record,
    Refused as Refused,
    StoredModel as StoredModel,
    TwoNumbers as TwoNumbers,
    equally_long as equally_long,
    is_done as is_done,
)
from .running import (
    TIME_LIMIT as TIME_LIMIT,
    JobList as JobList,
    Plan as Plan,
    Progress as Progress,
    Resources as Resources,
    State as State,
    cores as cores,
    run_jobs as run_jobs,
)
from .store import Store as Store, job_key as job_key, source_digest as source_digest, store_folder as store_folder
