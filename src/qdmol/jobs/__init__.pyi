from .joining import CONNECT as CONNECT, no_scheduler as no_scheduler, refuse_silent as refuse_silent
from .limits import GRACE as GRACE, TimeLimitError as TimeLimitError, time_limit as time_limit
