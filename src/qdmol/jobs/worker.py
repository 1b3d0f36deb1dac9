"""A process of the local cluster: ``python -m qdmol.jobs.worker MODULE...``, started by `qdmol.jobs.cluster` only.

It is a program of its own and no copy of the one that starts it, so that a script needs no main guard. It imports the
modules while the scheduler starts. The scheduler's address and the key of this run come in a line on standard input,
which no other user can read; when standard input ends, so does the process: a killed command leaves none behind.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import Any, BinaryIO

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command is the one to be interrupted

from distributed import Scheduler, Security, Worker


class SchedulerWithoutDashboard(Scheduler):  # type: ignore[misc]  # the library is typed here and there only
    """A scheduler without the web server: it listens for its workers and its client only."""

    def start_http_server(self, *args: Any, **kwargs: Any) -> None:
        """Start nothing."""


class WorkerWithoutDashboard(Worker):  # type: ignore[misc]
    """A worker without the web server: it listens for its scheduler only."""

    def start_http_server(self, *args: Any, **kwargs: Any) -> None:
        """Start nothing."""


async def _serve(address: str, certificate: str, key: str) -> None:
    security = Security(
        require_encryption=True, tls_ca_file=certificate, tls_worker_cert=certificate, tls_worker_key=key
    )
    options = {"nthreads": 1, "memory_limit": 0, "dashboard": False, "host": "127.0.0.1", "protocol": "tls://"}
    async with WorkerWithoutDashboard(address, security=security, **options) as worker:
        await worker.finished()


def _end_with(stream: BinaryIO) -> None:
    stream.read()
    os._exit(0)


def main(preload: Sequence[str] = ()) -> None:
    """Import modules, read the scheduler's address, and work until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for module in preload:
        import_module(module)
    line = sys.stdin.buffer.readline()
    if line:
        invitation = json.loads(line)
        threading.Thread(target=_end_with, args=(sys.stdin.buffer,), daemon=True).start()
        asyncio.run(_serve(invitation["address"], invitation["certificate"], invitation["key"]))


if __name__ == "__main__":
    main(sys.argv[1:])
