"""Scheduler and worker of the local cluster: without the web server that distributed starts in each."""

from __future__ import annotations

from typing import Any

from distributed import Scheduler, Worker


class UnservedScheduler(Scheduler):  # type: ignore[misc]  # the library is typed here and there only
    """A scheduler that listens for its workers and its client only."""

    def start_http_server(self, *args: Any, **kwargs: Any) -> None:
        """Start nothing."""


class UnservedWorker(Worker):  # type: ignore[misc]
    """A worker that listens for its scheduler only."""

    def start_http_server(self, *args: Any, **kwargs: Any) -> None:
        """Start nothing."""
