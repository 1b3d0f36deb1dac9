"""Connection to a running scheduler: checks in bounded time that one answers at an address and has workers."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import threading
import time
from collections.abc import Mapping
from typing import Any

from qdmol.errors import InputError, shorten

CONNECT = 10.0  # seconds a scheduler may take to answer
FIRST_WORKER = 15.0  # seconds to wait for a scheduler's first worker
PAUSE = 0.5  # seconds between queries
ALLOWED = "the address of a running dask scheduler, such as tcp://10.0.0.1:8786"
OTHER_KIND = "a different kind of server listens at this address"
LENGTH = struct.Struct("=Q")  # a message of the library starts with its length in bytes
LONGEST_GREETING = 100_000  # bytes
_ADDRESS = re.compile(r"(?:(?:tcp|tls)://)?(?P<host>\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9_.-]+):(?P<port>[0-9]{1,5})")


def no_scheduler(address: str, error: BaseException | str) -> InputError:
    """Return the error that says why no scheduler can be used at an address."""
    lines = str(error).strip().splitlines()
    reason = error if isinstance(error, str) else lines[0] if lines else type(error).__name__
    if isinstance(error, TimeoutError) and not lines:
        reason = f"no answer within {CONNECT:g} s"
    printed = re.sub(r"[^ -~]", "?", str(reason)).rstrip(".")[:150]
    message = f"`scheduler` is {shorten(address)}, where no scheduler answers ({printed})."
    return InputError(field="scheduler", value=address, allowed=ALLOWED, message=message)


def check_address(address: str) -> tuple[str, int]:
    """Return host and port of an address; InputError where the text is not an address.

    >>> check_address("tcp://10.0.0.1:8786")
    ('10.0.0.1', 8786)
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or not 0 < int(match["port"]) < 65536:
        raise InputError(field="scheduler", value=address, allowed=ALLOWED)
    return match["host"].strip("[]"), int(match["port"])


def refuse_silent(address: str) -> None:
    """Refuse an address at which no dask scheduler with workers answers.

    Raises
    ------
    qdmol.errors.InputError
        The text is not an address, nothing listens there, no scheduler answers within `CONNECT` seconds, or no worker
        joins it within `FIRST_WORKER` seconds.
    """
    host, port = check_address(address)
    _resolve(host, address)
    _listen_for_greeting(host, port, address)
    deadline = time.monotonic() + FIRST_WORKER
    while True:
        if _workers_of(address):
            return
        if time.monotonic() > deadline:
            message = f"The scheduler at {shorten(address)} has no workers; start at least one and try again."
            allowed = "the address of a dask scheduler with at least one worker"
            raise InputError(field="scheduler", value=address, allowed=allowed, message=message)
        time.sleep(PAUSE)


def _resolve(host: str, address: str) -> None:
    """Look the host up, in a thread of its own, since the system call has no time limit."""
    outcomes: list[OSError | UnicodeError | None] = []

    def look_up() -> None:
        try:
            socket.getaddrinfo(host, None)
            outcomes.append(None)
        except (OSError, UnicodeError) as error:
            outcomes.append(error)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(CONNECT)
    if not outcomes:
        raise no_scheduler(address, f"the name {host} was not resolved within {CONNECT:g} s")
    if outcomes[0] is not None:
        reason = getattr(outcomes[0], "strerror", None) or "not a valid host name"
        raise no_scheduler(address, f"{host}: {reason}")


def _listen_for_greeting(host: str, port: int, address: str) -> None:
    """Refuse a server that does not greet as a scheduler does, which speaks first (with TLS the client does)."""
    try:
        with socket.create_connection((host, port), timeout=CONNECT) as connection:
            greeting = b"" if address.startswith("tls:") else connection.recv(LENGTH.size, socket.MSG_WAITALL)
    except TimeoutError:
        raise no_scheduler(address, f"no answer within {CONNECT:g} s") from None
    except OSError as error:
        raise no_scheduler(address, error.strerror or error) from None
    if address.startswith("tls:"):
        return
    if len(greeting) < LENGTH.size or not 0 < LENGTH.unpack(greeting)[0] < LONGEST_GREETING:
        raise no_scheduler(address, OTHER_KIND)


def _workers_of(address: str) -> int:
    """Number of workers of the scheduler at an address."""
    try:
        answer = asyncio.run(asyncio.wait_for(_identity(address), CONNECT))
    except (OSError, TimeoutError) as error:
        raise no_scheduler(address, error) from None
    except TypeError:  # raised by the library without certificates for tls://
        reason = "the dask configuration contains no certificates; set them under distributed.comm.tls"
        raise no_scheduler(address, reason) from None
    except Exception:  # noqa: BLE001  # a server of another kind may send anything
        raise no_scheduler(address, OTHER_KIND) from None
    if not isinstance(answer, Mapping) or answer.get("type") != "Scheduler":
        raise no_scheduler(address, "the server at this address is not a scheduler")
    return int(answer["n_workers"] if "n_workers" in answer else len(answer.get("workers", ())))


async def _identity(address: str) -> Any:
    from distributed import Security
    from distributed.core import rpc

    arguments = Security().get_connection_args("client")
    async with rpc(address, timeout=CONNECT, connection_args=arguments) as scheduler:
        return await scheduler.identity()
