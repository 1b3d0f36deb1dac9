"""Maps on a cluster: workers that die or hang, schedulers started by hand, commands that are killed."""

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import xarray as xr
from distributed import Security
from distributed.comm import connect
from tests.study.map_samples import command, mapping, parts, run, sample, written
from tests.study.servers import hand_started, wait_until

import qdmol
from qdmol.jobs import cluster

posix = pytest.mark.skipif(os.name != "posix", reason="signals and /proc")
HANGS = 300  # seconds after which what should have ended long ago hangs, on any machine
BARRIERS = 10  # of three core diameters each
POINTS = 3 * BARRIERS
BAD_WORKER = Path(__file__).with_name("bad_worker.py")


@pytest.fixture(autouse=True)
def _own_store(monkeypatch):
    monkeypatch.delenv("QDMOL_STORE", raising=False)


AXES = ("--axis", "core_diameter=2.2nm:4.2nm:3", "--axis", f"barrier=0.8:3.2:{BARRIERS}")


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The file of a run that nothing disturbed, and its number of points."""
    path = tmp_path_factory.mktemp("reference") / "m.nc"
    qdmol.map(sample(), axes={"core_diameter": "2.2nm:4.2nm:3", "barrier": f"0.8:3.2:{BARRIERS}"}, output=path)
    return path.read_bytes()


def children(pid: int) -> list[int]:
    """Worker processes of a command."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"qdmol.jobs.worker" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


# ---------------------------------------------------------------- processes


def test_a_script_needs_no_main_guard(tmp_path, reference):
    script = tmp_path / "script.py"
    script.write_text(
        "import json, qdmol\n"
        f"spec = json.loads({json.dumps(json.dumps(mapping()))})\n"
        f"axes = {{'core_diameter': '2.2nm:4.2nm:3', 'barrier': '0.8:3.2:{BARRIERS}'}}\n"
        "found = qdmol.map(spec, axes=axes, output='m.nc', workers=2)\n"
        "print(found.converged)\n"
    )
    command = [sys.executable, "-W", "error", script]
    with socket.socket() as other:
        with contextlib.suppress(OSError):  # taken already, which serves as well
            other.bind(("127.0.0.1", 8787))  # where another cluster of this machine would have its dashboard
            other.listen()
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "True\n", done.stderr
    assert done.stderr == ""
    assert (tmp_path / "m.nc").read_bytes() == reference


@posix
def test_workers_that_die_or_hang_leave_labelled_holes(tmp_path, monkeypatch):
    """Stuck in compiled code, killed, stuck in Python, a bug, killed once: every other point is there.

    The worker solves nothing, so that its good points are far from the time limit on a busy machine too.
    """
    mark = tmp_path / "mark"

    def start_worker(_preload):
        return subprocess.Popen([sys.executable, BAD_WORKER, mark], stdin=subprocess.PIPE)

    monkeypatch.setattr(cluster, "_start_worker", start_worker)
    monkeypatch.setattr(cluster, "GRACE", float(HANGS))  # the time in which the next worker may start after a death
    barriers = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7]
    found = qdmol.map(sample(), axes={"barrier": barriers}, output=tmp_path / "m.nc", workers=2, time_limit=5)
    reasons = dict(zip(barriers, (str(reason) for reason in found.data.reason.values), strict=True))
    assert reasons[1.0] == reasons[1.2] == "not finished within the time limit of 5 s"
    assert "worker process died" in reasons[1.1]
    assert "ZeroDivisionError: a bug" in reasons[1.3]
    assert [reasons[barrier] for barrier in barriers[4:]] == ["", "", "", ""]
    assert mark.exists()


@posix
def test_a_worker_killed_in_the_middle_costs_nothing(tmp_path, reference):
    output = tmp_path / "m.nc"
    arguments = ["map", written(tmp_path), *AXES, "-o", output, "--workers", 2, "--json"]
    process = subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for count in (3, 12):
        wait_until(lambda count=count: len(parts(output)) >= count)
        os.kill(children(process.pid)[0], signal.SIGKILL)
    out, _ = process.communicate(timeout=HANGS)
    assert process.returncode == 0
    assert json.loads(out)["converged"] is True
    assert output.read_bytes() == reference


def test_a_cluster_whose_workers_cannot_live_is_given_up(tmp_path, monkeypatch):
    def start_worker(_preload):
        return subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"], stdin=subprocess.PIPE)

    monkeypatch.setattr(cluster, "_start_worker", start_worker)
    found = qdmol.map(sample(), axes={"barrier": [1.0, 1.2]}, output=tmp_path / "m.nc", workers=1)
    assert [reason for _, reason in found.failed] == [
        "The worker processes ended before finishing a job (status 7)."
    ] * 2


# ---------------------------------------------------------------- strangers


def listening(pid: int) -> int:
    """Number of TCP sockets a process listens on."""
    inodes = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(str(file.readlink()))
    tables = [Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    rows = [line.split() for lines in tables for line in lines]
    return sum(row[3] == "0A" and f"socket:[{row[9]}]" in inodes for row in rows)


async def as_a_stranger(address: str, security) -> str:
    """Ask a scheduler or a worker who it is, as anyone on the machine could; the name of the error."""
    arguments = {} if security is None else security.get_connection_args("client")
    try:
        comm = await asyncio.wait_for(connect(address, timeout=60, **arguments), HANGS)
        try:
            await comm.write({"op": "identity", "reply": True})
            await asyncio.wait_for(comm.read(), HANGS)
        finally:
            comm.abort()
    except Exception as error:  # noqa: BLE001  # refused in different ways
        return type(error).__name__
    return "answered"


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads /proc")
@pytest.mark.filterwarnings("ignore")  # the library leaves a refused connection to the garbage collector
def test_strangers_are_refused_by_scheduler_and_workers():
    before = listening(os.getpid())
    with cluster.local_cluster(1) as (client, workers):
        client.wait_for_workers(1, timeout=HANGS)
        addresses = [client.scheduler.address, *client.ncores()]
        assert len(addresses) == 2
        assert client.submit(sum, [1, 2]).result(timeout=HANGS) == 3
        for address in addresses:
            assert address.startswith("tls://127.0.0.1:")
            plain = address.replace("tls:", "tcp:")
            assert asyncio.run(as_a_stranger(plain, None)) != "answered"
            assert asyncio.run(as_a_stranger(address, Security.temporary())) != "answered"
            assert asyncio.run(as_a_stranger(address, client.security)) == "answered"  # so the question is a good one
        assert listening(os.getpid()) == before + 1
        assert [listening(process.pid) for process in workers._processes] == [1]


# ---------------------------------------------------------------- workers that are stopped


@posix
@pytest.mark.slow
@pytest.mark.parametrize("stopped_at", [0, 3])
def test_a_stopped_worker_holds_nothing_up(tmp_path, monkeypatch, stopped_at):
    """Before its first point or at one; at most the point it had begun is without numbers, and none waits for it."""
    monkeypatch.setattr(cluster, "GRACE", 2.0)
    monkeypatch.setattr(cluster, "START", 20.0)
    monkeypatch.setattr(cluster, "STALLED", 8.0)
    stopped = []

    def stop(state):
        if state.phase == "computing" and state.done >= stopped_at and not stopped:
            stopped.append(children(os.getpid())[0])
            os.kill(stopped[0], signal.SIGSTOP)

    start = cluster._start_worker

    def start_stopped(preload):
        process = start(preload)
        if not stopped_at and not stopped:
            stopped.append(process.pid)
            os.kill(process.pid, signal.SIGSTOP)
        return process

    monkeypatch.setattr(cluster, "_start_worker", start_stopped)
    found = qdmol.map(
        sample(), axes={"barrier": "1:2:12"}, output=tmp_path / "m.nc", workers=2, time_limit=10, progress=stop
    )
    assert stopped
    assert found.table.done >= 11
    assert {reason for _, reason in found.failed} <= {"not finished within the time limit of 10 s"}
    assert not Path(f"/proc/{stopped[0]}").exists()


@posix
@pytest.mark.slow
def test_a_stopped_worker_of_a_running_cluster_holds_nothing_up(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "GRACE", 2.0)
    monkeypatch.setattr(cluster, "START", 10.0)
    with hand_started(tmp_path, workers=2) as (address, (_, worker, _other)):

        def stop(state):
            if state.phase == "computing":
                os.kill(worker.pid, signal.SIGSTOP)

        found = qdmol.map(
            sample(), axes={"barrier": "1:2:12"}, output=tmp_path / "m.nc", scheduler=address, time_limit=10,
            progress=stop,
        )  # fmt: skip
    assert found.table.done >= 11, found.failed
    assert {reason for _, reason in found.failed} <= {"not finished within the time limit of 10 s"}


@posix
@pytest.mark.slow
def test_a_cluster_that_is_stopped_altogether_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "GRACE", 2.0)
    monkeypatch.setattr(cluster, "START", 5.0)
    monkeypatch.setattr(cluster, "CONNECT", 3.0)
    with hand_started(tmp_path, workers=1) as (address, processes):

        def stop(state):
            if state.phase == "computing":
                for process in processes:
                    os.kill(process.pid, signal.SIGSTOP)

        found = qdmol.map(
            sample(), axes={"barrier": "1:2:6"}, output=tmp_path / "m.nc", scheduler=address, time_limit=5,
            progress=stop,
        )  # fmt: skip
    assert 0 < found.table.done < 6
    assert len(found.failed) == 6 - found.table.done


# ---------------------------------------------------------------- a scheduler started by hand


def test_two_workers_joined_by_address_give_the_same_file(tmp_path, reference):
    with hand_started(tmp_path, workers=2) as (address, _):
        done = run("map", written(tmp_path), *AXES, "-o", tmp_path / "m.nc", "--scheduler", address, "--json")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "m.nc").read_bytes() == reference


@posix
def test_a_scheduler_that_is_killed_loses_nothing_finished(tmp_path, reference):
    spec, output = written(tmp_path), tmp_path / "m.nc"
    with hand_started(tmp_path, workers=2) as (address, (scheduler, *_)):
        arguments = ["map", spec, *AXES, "-o", output, "--scheduler", address, "--json"]
        process = subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        wait_until(lambda: len(parts(output)) >= 5)
        scheduler.kill()
        out, _ = process.communicate(timeout=HANGS)
    found = json.loads(out)
    assert process.returncode == 3
    assert found["done"] == len(parts(output)) == POINTS - len(found["failed"])
    assert {one["reason"] for one in found["failed"]} == {
        "the connection to the scheduler was lost before this job finished"
    }
    again = run("map", spec, *AXES, "-o", output, "--workers", 0)
    assert again.returncode == 0
    assert output.read_bytes() == reference


# ---------------------------------------------------------------- the command killed


class Reader(threading.Thread):
    """Opens a file again and again for as long as it is asked to."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.path, self.over, self.read, self.error = path, threading.Event(), 0, None

    def run(self) -> None:
        try:
            while not self.over.is_set():
                if self.path.exists():
                    data = xr.load_dataset(self.path)
                    assert data.splitting.notnull().sum() == (data.reason == "").sum()
                    self.read += 1
                self.over.wait(0.05)
        except Exception as error:  # noqa: BLE001  # told by the test, in its own thread
            self.error = error


@posix
@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_kills_change_nothing(tmp_path, reference, kills):
    """SIGKILL at random moments: nothing finished is lost or doubled, the file can be read at all times."""
    dice, output = random.Random(20), tmp_path / "m.nc"
    spec = written(tmp_path)
    reader = Reader(output)
    reader.start()
    early = 0
    for turn in range(kills):
        if len(parts(output)) == POINTS:  # a fast machine finishes between two kills: from the start again
            shutil.rmtree(f"{output}.parts")
        before = {path.name: path.read_bytes() for path in parts(output)}
        workers = 2 if turn % 4 == 0 else 0
        process = subprocess.Popen(
            command("map", spec, *AXES, "-o", output, "--workers", workers, "--quiet"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        if dice.random() < 0.4:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(dice.uniform(0.2, 2.5))
        else:
            target = min(len(before) + dice.randint(1, 4), POINTS)
            wait_until(lambda target=target, p=process: len(parts(output)) >= target or p.poll() is not None)
        process.kill()
        process.wait()
        after = {path.name: path.read_bytes() for path in parts(output)}
        assert before.items() <= after.items()
        early += len(after) < POINTS
    done = run("map", spec, *AXES, "-o", output, "--workers", 0, "--json")
    reader.over.set()
    reader.join()
    assert reader.error is None
    assert reader.read >= kills
    assert early >= kills / 4, "the kills came too late to test anything"
    assert done.returncode == 0, done.stderr
    assert len(parts(output)) == POINTS
    assert output.read_bytes() == reference


@posix
def test_an_interrupt_leaves_everything_readable(tmp_path, reference):
    output, spec = tmp_path / "m.nc", written(tmp_path)
    arguments = command("map", spec, *AXES, "-o", output, "--workers", 2)
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: len(parts(output)) >= 3)
    workers = children(process.pid)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=HANGS)
    assert process.returncode == 130
    assert err.endswith("Interrupted.\n")
    assert "Traceback" not in err
    data = xr.load_dataset(output)
    assert (data.reason == "").sum() == len(parts(output))
    assert set(data.reason.values.ravel()) == {"", "not computed yet"}
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    assert run("map", spec, *AXES, "-o", output, "--workers", 0).returncode == 0
    assert output.read_bytes() == reference


@posix
def test_a_killed_command_leaves_no_process_behind(tmp_path):
    output = tmp_path / "m.nc"
    process = subprocess.Popen(
        command("map", written(tmp_path), *AXES, "-o", output, "--workers", 2), stderr=subprocess.DEVNULL
    )
    wait_until(lambda: len(parts(output)) >= 1)
    workers = children(process.pid)
    assert len(workers) == 2
    process.kill()
    process.wait()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
