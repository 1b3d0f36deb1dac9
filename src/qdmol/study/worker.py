"""A process of the local cluster: ``python -m qdmol.study.worker``, started by `qdmol.study.cluster` only.

It is a program of its own, and no copy of the one that starts it, so that a script needs no main guard. The
scheduler's address and the key of this run come in a line on standard input, which no other user can read; when
standard input ends, so does the process: a command that is killed leaves none behind.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from typing import BinaryIO


async def _serve(address: str, certificate: str, key: str) -> None:
    from distributed import Security

    from qdmol.study.unserved import UnservedWorker

    security = Security(
        require_encryption=True, tls_ca_file=certificate, tls_worker_cert=certificate, tls_worker_key=key
    )
    options = {"nthreads": 1, "memory_limit": 0, "dashboard": False, "host": "127.0.0.1", "protocol": "tls://"}
    async with UnservedWorker(address, security=security, **options) as worker:
        await worker.finished()


def _end_with(stream: BinaryIO) -> None:
    stream.read()
    os._exit(0)


def main() -> None:
    """Load what a point needs, take the scheduler's address, and work until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command is the one to be interrupted
    import distributed  # noqa: F401  # loaded while the scheduler starts

    import qdmol.study.job
    import qdmol.study.summary  # noqa: F401

    invitation = sys.stdin.buffer.readline()
    if invitation:
        told = json.loads(invitation)
        threading.Thread(target=_end_with, args=(sys.stdin.buffer,), daemon=True).start()
        asyncio.run(_serve(told["address"], told["certificate"], told["key"]))


if __name__ == "__main__":
    main()
