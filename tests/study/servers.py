"""Servers that are no schedulers, and schedulers and workers as a person starts them."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path


def wait_until(condition, *, seconds: float = 300.0) -> None:
    """Wait for a condition; what has not come after so long hangs, on any machine."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


@contextlib.contextmanager
def server(greeting: bytes = b"") -> Iterator[str]:
    """Something that accepts connections, sends a greeting and then nothing; gives its address."""
    kept, over = [], threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)

        def accept():
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    connection, _ = listening.accept()
                    connection.sendall(greeting)
                    kept.append(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"tcp://127.0.0.1:{listening.getsockname()[1]}"
        over.set()
        thread.join()
    for connection in kept:
        connection.close()


@contextlib.contextmanager
def hand_started(folder: Path, *, workers: int) -> Iterator[tuple[str, list[subprocess.Popen]]]:
    """A scheduler and workers as a person starts them; gives the scheduler's address, and its process and theirs."""
    file = folder / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    base = [sys.executable, "-m"]
    scheduler = [*base, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    worker = [*base, "distributed.cli.dask_worker", "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    processes = [subprocess.Popen([*scheduler, "--scheduler-file", str(file)], **quiet)]
    try:
        wait_until(file.exists)
        wait_until(lambda: file.read_text().strip().endswith("}"))
        processes += [subprocess.Popen([*worker, "--scheduler-file", str(file)], **quiet) for _ in range(workers)]
        yield json.loads(file.read_text())["address"], processes
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
