"""Molecules whose light is wanted, solved here or in processes, each kept on disk under what it depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qdmol.errors import InputError
from qdmol.optics import MoleculeLight
from qdmol.structure import AxialMolecule, Spec, resolve
from qdmol.study import LIGHT, LightRequest, Resources, Store, Task, code_digest, executor, is_final, refused


@dataclass(frozen=True, slots=True)
class Order:
    """A molecule whose light is wanted; a spec that makes no sense stands there as its refusal."""

    spec: Spec | InputError
    request: LightRequest


@dataclass(frozen=True, eq=False)
class Answer:
    """The light of a molecule, or the reason why there is none."""

    light: MoleculeLight | None
    reason: str = ""


@dataclass(frozen=True)
class Solver:
    """Where molecules are solved and kept; `tell` is called with a few words whenever one is done."""

    folder: Path | None
    resources: Resources
    tell: Callable[[str], None]

    def solve(self, orders: Sequence[Order], *, what: str) -> list[Answer]:
        """The answers in the order of the orders; equal molecules are solved once.

        Raises
        ------
        OutputError
            A molecule cannot be kept.
        """
        store, code = Store(self.folder), code_digest()
        records: dict[str, dict[str, Any]] = {}
        pending: dict[str, Task] = {}
        keys = []
        for order in orders:
            key, task = self._task(order, code)
            keys.append(key)
            if isinstance(task, dict):
                records[key] = task
            elif key not in pending and key not in records:
                known = store.read(key, LIGHT)
                if known is None:
                    pending[key] = task
                else:
                    records[key] = known
        if pending:
            store.open()
            self._run(store, list(pending.values()), records, what)
        return [_answer(records[key]) for key in keys]

    def _task(self, order: Order, code: str) -> tuple[str, Task | dict[str, Any]]:
        """Key and task of an order, or the record of its refusal."""
        try:
            if isinstance(order.spec, InputError):
                raise order.spec
            molecule = resolve(order.spec)
        except InputError as error:
            reason = str(error)
            return f"refused: {reason}", refused(reason)
        key = _key(molecule, order.spec.calculation.tolerance, order.request, code)
        return key, Task(key, order.spec, molecule, code, self.resources.limit, order.request)

    def _run(self, store: Store, tasks: list[Task], records: dict[str, dict[str, Any]], what: str) -> None:
        done = 0

        def finish(task: Task, record: dict[str, Any]) -> None:
            nonlocal done
            done += 1
            if is_final(record):
                store.write(task.key, record)
            records[task.key] = record
            self.tell(f"{what}: {done} of {len(tasks)}")

        resources = self.resources if len(tasks) > 1 else Resources(limit=self.resources.limit)
        with executor(resources, len(tasks)) as execute:
            execute(_each(tasks), finish)


def _each(tasks: Sequence[Task]) -> Iterator[Task]:
    yield from tasks


def _key(molecule: AxialMolecule, tolerance: float, request: LightRequest, code: str) -> str:
    """Everything a record depends on; the temperature is no part of it."""
    text = f"light {molecule!r} {tolerance!r} {request!r} {code}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _answer(record: dict[str, Any]) -> Answer:
    if record["status"] != "done":
        return Answer(None, str(record["reason"]))
    return Answer(MoleculeLight.from_record(record["light"]))
