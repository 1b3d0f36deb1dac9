"""Record what the commands of qdmol write, and compare two such records number by number.

A change of structure must not change a result. Record the outputs before it and after it, and compare them::

    python -m tools.equality record before --qdmol /old/.venv/bin/qdmol --data /path/to/data --full
    python -m tools.equality record after --data /path/to/data --full
    python -m tools.equality compare before after

`record` runs a fixed list of commands, each in an empty folder of its own, and keeps standard output, standard error,
exit status and the data files that were written. Commands that are already in the record are skipped. Without
``--full`` only the quick ones run. `compare` classes every value as identical, rounding (relative difference below
1e-9) or different; sentences are compared apart and never fail. It exits with 1 if a number is different or a key is
missing.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.commands import Case, list_cases
from tools.differences import FAILURES, Difference, Kind, compare_values, load_file

__all__ = ["compare_case", "compare_records", "comparison_report", "record_case"]

DATA_SUFFIXES = frozenset({".nc", ".h5", ".csv", ".json", ".yaml"})
# Progress, whose lines depend on the time.
PROGRESS = re.compile(r"^[^:\n]*: (\d+ %|\d+ of \d+ .*)\n", re.MULTILINE)


def record_case(case: Case, command: Sequence[str], folder: Path, time_limit: float = 600.0) -> bool:
    """Run one command in a folder of its own, and store what it wrote.

    Parameters
    ----------
    case
        The command line and its input files.
    command
        How qdmol is started, such as ``["/path/to/qdmol"]``.
    folder
        The record; the outputs go into its subfolder named by the case.
    time_limit
        Seconds after which the command is stopped; its status is then ``"timeout"``.

    Returns
    -------
    bool
        False if the case was in the record already and nothing was run.
    """
    target = folder / case.name
    if (target / "status.json").exists():
        return False
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="qdmol-equality-") as temporary:
        work, home = Path(temporary, "work"), Path(temporary, "home")
        work.mkdir()
        home.mkdir()
        _write_inputs(case, work)
        start = time.monotonic()
        status, stdout, stderr = _run([*command, *case.arguments], work, _environment(home), time_limit)
        elapsed = time.monotonic() - start
        (target / "files").mkdir(parents=True)
        (target / "stdout").write_bytes(stdout.replace(str(work).encode(), b"WORK"))
        (target / "stderr").write_bytes(stderr.replace(str(work).encode(), b"WORK"))
        written = _keep_outputs(work, case.inputs, target / "files")
    description = {"arguments": list(case.arguments), "exit": status, "elapsed_s": elapsed, "written": written}
    (target / "status.json").write_text(json.dumps(description, indent=1), encoding="utf-8")
    return True


def _write_inputs(case: Case, work: Path) -> None:
    """Put the input files of a case into its folder."""
    for name, content in case.inputs.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copyfile(content, path)
        else:
            path.write_text(content, encoding="utf-8")


def _environment(home: Path) -> dict[str, str]:
    """Environment of a command: one thread, no user's configuration, no stored results."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QDMOL_")}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    store = home / "store"
    store.mkdir()
    fixed = {
        "QDMOL_STORE": str(store),
        "XDG_CONFIG_HOME": str(home / "config"),
        "MPLBACKEND": "Agg",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "COLUMNS": "120",
        "PYTHONHASHSEED": "0",
    }
    return environment | threads | fixed


def _run(
    command: Sequence[str], work: Path, environment: Mapping[str, str], time_limit: float
) -> tuple[int | str, bytes, bytes]:
    """Exit status (or "timeout"), standard output and standard error of a command."""
    process = subprocess.Popen(
        command,
        cwd=work,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate(timeout=time_limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        return "timeout", stdout, stderr
    return process.returncode, stdout, stderr


def _keep_outputs(work: Path, inputs: Mapping[str, object], target: Path) -> list[str]:
    """Copy the data files that a command wrote, and list the names of all files it wrote."""
    paths = [path for path in sorted(work.rglob("*")) if path.is_file()]
    written = []
    for path in paths:
        name = path.relative_to(work).as_posix()
        if name in inputs or ".parts/" in name:
            continue
        written.append(name)
        if path.suffix in DATA_SUFFIXES:
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    return written


def compare_case(before: Path, after: Path) -> list[Difference]:
    """Compare the recorded outputs of one command in two folders."""
    old, new = (json.loads((folder / "status.json").read_text(encoding="utf-8")) for folder in (before, after))
    differences = list(compare_values(str(old["exit"]), str(new["exit"]), "exit"))
    differences += compare_values(load_file(before / "stdout"), load_file(after / "stdout"), "stdout")
    messages, new_messages = (PROGRESS.sub("", load_file(folder / "stderr")) for folder in (before, after))
    differences += compare_values(messages, new_messages, "stderr")
    for name in sorted({*old["written"], *new["written"]}):
        if name not in new["written"]:
            differences.append(Difference(name, Kind.MISSING, "file"))
        elif name not in old["written"]:
            differences.append(Difference(name, Kind.NEW, "file"))
        elif (before / "files" / name).exists():
            paths = before / "files" / name, after / "files" / name
            differences += compare_values(load_file(paths[0]), load_file(paths[1]), name)
    return differences


def compare_records(before: Path, after: Path, pattern: str = "*") -> dict[str, list[Difference]]:
    """Compare all commands that both records have.

    Returns
    -------
    dict
        Name of each command -> what was compared, identical values included.
    """
    names = _recorded(before, pattern) & _recorded(after, pattern)
    return {name: compare_case(before / name, after / name) for name in sorted(names)}


def _recorded(folder: Path, pattern: str) -> set[str]:
    names = {path.parent.name for path in folder.glob("*/status.json")}
    return {name for name in names if fnmatch.fnmatch(name, pattern)}


def comparison_report(compared: Mapping[str, Sequence[Difference]], shown: int, *, words: bool) -> str:
    """Table with a line for each command and a total, then what differs.

    Parameters
    ----------
    compared
        Differences by command.
    shown
        Largest number of differences to list for a command.
    words
        Whether changed sentences are listed too.
    """
    width = max((len(name) for name in compared), default=5)
    counts = {name: _count(differences) for name, differences in compared.items()}
    total: Counter[Kind] = sum(counts.values(), Counter())
    lines = [" ".join((f"{'command':{width}}", *(f"{kind:>9}" for kind in Kind)))]
    for name, count in [*counts.items(), (f"total of {len(counts)}", total)]:
        lines.append(" ".join((f"{name:{width}}", *(f"{count[kind] or '.':>9}" for kind in Kind))))
    hidden = {Kind.IDENTICAL} if words else {Kind.IDENTICAL, Kind.WORDS}
    for name, differences in compared.items():
        listed = [item for item in differences if item.kind not in hidden]
        listed.sort(key=lambda item: item.kind not in FAILURES)
        if listed:
            lines += ["", name, *(f"  {item.kind}: {item.place}: {item.text}" for item in listed[:shown])]
        if len(listed) > shown:
            lines.append(f"  and {len(listed) - shown} more")
    return "\n".join(lines) + "\n"


def _count(differences: Sequence[Difference]) -> Counter[Kind]:
    counter: Counter[Kind] = Counter()
    for item in differences:
        counter[item.kind] += item.count
    return counter


def _record(options: argparse.Namespace) -> int:
    """Record all chosen commands."""
    chosen = [
        case
        for case in list_cases(options.data, options.cases)
        if (options.full or not case.slow) and fnmatch.fnmatch(case.name, options.only)
    ]
    options.folder.mkdir(parents=True, exist_ok=True)
    command = str(options.qdmol.absolute())
    origin = options.folder / "command.txt"
    if origin.exists() and origin.read_text(encoding="utf-8") != command:
        sys.stderr.write(
            f"{options.folder} is the record of {origin.read_text(encoding='utf-8')}; use another folder.\n"
        )
        return 2
    if not origin.exists():
        origin.write_text(command, encoding="utf-8")

    def run(case: Case) -> None:
        start = time.monotonic()
        if record_case(case, [command], options.folder, options.time_limit):
            sys.stderr.write(f"{time.monotonic() - start:7.1f} s  {case.name}\n")

    with ThreadPoolExecutor(options.jobs) as executor:
        list(executor.map(run, chosen))
    sys.stdout.write(f"{len(chosen)} commands are recorded in {options.folder}\n")
    return 0


def _compare(options: argparse.Namespace) -> int:
    """Compare two records and print what differs."""
    compared = compare_records(options.before, options.after, options.only)
    sys.stdout.write(comparison_report(compared, options.show, words=options.words))
    absent = sorted(_recorded(options.before, options.only) - set(compared))
    if absent:
        names = ", ".join(absent[: options.show])
        sys.stdout.write(f"\n{len(absent)} commands have no record in {options.after}, among them {names}\n")
    failed = any(item.kind in FAILURES for differences in compared.values() for item in differences)
    return 1 if failed or not compared or (absent and not options.partial) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Record and compare the outputs of qdmol.")
    actions = parser.add_subparsers(required=True)
    record = actions.add_parser("record", help="run the commands and store their outputs")
    record.set_defaults(action=_record)
    record.add_argument("folder", type=Path, help="folder of the record")
    record.add_argument("--qdmol", type=Path, default=Path(sys.executable).with_name("qdmol"), help="command to run")
    record.add_argument("--data", type=Path, help="folder of measured files")
    record.add_argument("--cases", type=Path, help="folder of further specs and damaged files")
    record.add_argument("--full", action="store_true", help="also the slow commands")
    record.add_argument("--jobs", type=int, default=1, help="commands that run at the same time")
    record.add_argument("--time-limit", type=float, default=600.0, help="seconds a command may take")
    compare = actions.add_parser("compare", help="compare two records")
    compare.set_defaults(action=_compare)
    compare.add_argument("before", type=Path)
    compare.add_argument("after", type=Path)
    compare.add_argument("--show", type=int, default=20, help="differences to list for a command")
    compare.add_argument("--words", action="store_true", help="also list changed sentences")
    compare.add_argument("--partial", action="store_true", help="commands missing from the second record do not fail")
    for each in (record, compare):
        each.add_argument("--only", default="*", metavar="PATTERN", help="names of commands, as solve-*")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    status: int = options.action(options)
    return status


if __name__ == "__main__":
    raise SystemExit(main())
