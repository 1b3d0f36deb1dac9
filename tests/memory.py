"""The most memory this process has held."""

import resource
import sys
from pathlib import Path


def peak_memory() -> int:
    """Bytes. On Linux not getrusage's number, in which a child inherits what its parent held before it was born."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return 1024 * int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def resident_memory():
    """Bytes of this process that are in memory now; Linux only."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
