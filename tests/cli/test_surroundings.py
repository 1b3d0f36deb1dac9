"""What the system refuses, and early interrupts: one sentence, no traceback, and never called a fault of qdmol."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.study.map_samples import command, mapping

from qdmol.cli import console
from qdmol.cli.entry import run_command, system_error

posix = pytest.mark.skipif(os.name != "posix", reason="a shell, limits and signals")
LONG = "a" * 300


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    words = " ".join(map(str, command()))
    return subprocess.run(
        ["bash", "-c", line.replace("QDMOL", words)], cwd=folder, capture_output=True, text=True, timeout=120,
        check=False, env={**os.environ, **environment},
    )  # fmt: skip


def one_sentence(done, status: int) -> str:
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert "wrong inside" not in done.stderr
    assert done.stderr.count("\n") == 1
    return done.stderr


@posix
@pytest.mark.parametrize("words", ["check @monomer", "check @monomer --json", "--help", "--version"])
def test_a_closed_standard_output(tmp_path, words):
    said = one_sentence(shell(f"QDMOL {words} >&-", tmp_path), 1)
    assert said == "Standard output cannot be written: it is closed.\n"


@posix
def test_everything_closed(tmp_path):
    assert shell("QDMOL check nowhere.yaml <&- >&- 2>&-", tmp_path).returncode == 2


@posix
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_object_cut_by_a_limit_on_the_size_of_files(tmp_path, unbuffered):
    """Unbuffered, Python itself takes the short write for a whole one."""
    line = "(ulimit -f 1; QDMOL check --schema > out.json)"
    assert "File too large" in one_sentence(shell(line, tmp_path, PYTHONUNBUFFERED=unbuffered), 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("words", ["--help", "check @monomer"])
def test_a_full_standard_output(tmp_path, words):
    said = one_sentence(shell(f"QDMOL {words} > /dev/full", tmp_path), 1)
    assert said == "Standard output cannot be written: No space left on device.\n"


@posix
def test_a_working_folder_that_is_gone(tmp_path):
    (tmp_path / "s.json").write_text(json.dumps(mapping()))
    line = f"mkdir gone; cd gone; rmdir ../gone; QDMOL run {tmp_path}/s.json"
    assert one_sentence(shell(line, tmp_path), 2).startswith("The working folder no longer exists")


@posix
def test_too_few_open_files(tmp_path):
    said = one_sentence(shell("ulimit -n 5; QDMOL map @monomer --axis core_radius=1 -o m.nc", tmp_path), 1)
    assert "Too many" in said


@posix
@pytest.mark.slow
def test_a_backend_for_figures_that_does_not_exist(tmp_path):
    assert shell("QDMOL run @monomer -q", tmp_path, MPLBACKEND="nonsense").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["check", "~nosuchuser/x.yaml"], "spec"), (["check", LONG], "spec"), (["check", "loop"], "spec"),
        (["materials", "~nosuchuser/x"], "NAME"), (["materials", LONG], "NAME"), (["materials", "loop"], "NAME"),
        (["run", "s.json", "-o", f"{LONG}.html"], "output"), (["run", "s.json", "-o", "loop/x.html"], "output"),
        (["run", "s.json", "-o", f"{'a' * 245}.html"], "output"), (["run", "s.json", "--figures", LONG], "figures"),
        (["run", "s.json", "--figures", "loop"], "figures"), (["run", "s.json", "-o", "folder.html"], "output"),
        (["map", "s.json", "--axis", "barrier=1,2", "-o", f"{LONG}.nc"], "output"),
        (["map", "s.json", "--axis", "barrier=1,2", "-o", "kept.nc"], "output"),
        (["batch", LONG, "-o", "x.csv"], "path"), (["batch", "loop", "-o", "x.csv"], "source"),
        (["batch", "folder.html", "-o", "x.csv"], "source"), (["batch", "x.csv", "-o", "table.csv"], "output"),
        (["spectrum", "s.json", "--measured", LONG], "path"), (["spectrum", "fit", "s.json", "-o", LONG], "output"),
        (["photons", "convert", "s.json", "-o", f"{LONG}.h5"], "output"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else value,
)  # fmt: skip
def test_names_that_the_system_refuses(tmp_path, monkeypatch, capsys, arguments, field):
    """Every output is tried before any work."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QDMOL_STORE", raising=False)
    Path("s.json").write_text(json.dumps(mapping()))
    Path("loop").symlink_to("loop")
    Path("folder.html").mkdir()
    Path("table.nc").mkdir()
    Path("kept.nc.parts").write_text("a file where the folder of points would be")
    before = sorted(path.name for path in tmp_path.iterdir())
    assert run_command([*arguments, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["field"] == field
    assert "wrong inside" not in error["message"]
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize("variable", ["QDMOL_MATERIALS", "QDMOL_STORE"])
def test_folders_of_users_that_do_not_exist(tmp_path, monkeypatch, capsys, variable):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, "~nosuchuser/x")
    assert run_command(["map", "@monomer", "--axis", "core_radius=1,2", "-o", "m.nc", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["field"] == variable


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OSError(errno.EMFILE, "x", "file"), 1), (OSError(errno.ENOSPC, "x"), 1), (MemoryError(), 1),
        (ImportError(f"a.so: {os.strerror(errno.EMFILE)}"), 1), (RuntimeError("can't start new thread"), 1),
        (OSError(errno.ENAMETOOLONG, "File name too long", "a" * 300), 2),
        (OSError(errno.EACCES, "denied", "a\x1b"), 2),
        (ValueError("ours"), None), (OSError("no number"), None), (FileNotFoundError(2, "x", sys.prefix + "/a"), None),
    ],
    ids=repr,
)  # fmt: skip
def test_what_the_system_refuses_is_told_from_our_own_faults(error, status):
    found = system_error(error)
    assert (None if found is None else found.exit_code) == status
    assert "\x1b" not in str(found)


def test_the_first_cause_counts():
    error = RuntimeError("a library's own words")
    error.__cause__ = OSError(errno.EMFILE, "Too many open files")
    assert "Too many files" in str(system_error(error))


# ---------------------------------------------------------------- interrupts

SLOW_IMPORT = """
import sys, time
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == 'typer':
            print('ready', file=sys.stderr, flush=True)
            time.sleep(60)
sys.meta_path.insert(0, Slow())
"""
TURNED = """
import sys, time, types
fake = types.ModuleType('qdmol.study')
def solve(*_, **__):
    print('ready', file=sys.stderr, flush=True)
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        raise ImportError('a library could not be loaded') from None
fake.solve = solve
sys.modules['qdmol.study'] = fake
"""


@posix
@pytest.mark.parametrize("preparation", [SLOW_IMPORT, TURNED])
def test_an_interrupt_while_modules_are_loaded(tmp_path, preparation):
    code = f"{preparation}\nsys.argv = ['qdmol', 'solve', '@monomer']\nfrom qdmol.cli import main; main()\n"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.stderr.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (130, "Interrupted.\n")


# ---------------------------------------------------------------- escape codes

ESCAPES = ["\x1b[31m", "\x1b]0;title\x07", "\x9b31m", "\x08", "\r", "\u202e", "\x7f"]


@pytest.mark.parametrize("code", ESCAPES, ids=repr)
def test_no_escape_code_reaches_the_terminal(capsys, code):
    from rich.table import Table
    from rich.text import Text

    name = f"Sample {code}[bold]A[/bold]"
    console.say(name)
    console.message(name)
    table = Table()
    table.add_column(Text(name))
    table.add_row(Text(name))
    console.show(table, Text(name))
    printed = "".join(capsys.readouterr())
    assert code[0] not in printed
    assert printed.count("[bold]A[/bold]") == 5


def test_escape_codes_of_a_file_do_not_reach_the_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("wavelength (nm),\x1b[31mred\x1b[0m\n" + "\n".join(f"{w},1" for w in range(500, 530)))
    Path("b.csv").write_text("\x1b[31mcore\n1\n")
    Path("s.json").write_text(json.dumps(mapping(materials="a\u009b31m")))
    verbs = [
        ["spectrum", "fit", "a.csv"],
        ["batch", "b.csv", "--spec", "@homodimer", "-o", "x.csv"],
        ["check", "s.json"],
        ["check", "\x1b[31m.yaml"],
        ["\x1b[31m"],
        ["materials", "\x1b[31m"],
    ]
    for arguments in verbs:
        assert run_command(arguments) in {2, 3}
        printed = "".join(capsys.readouterr())
        assert printed
        assert "\x1b" not in printed
        assert "\x9b" not in printed
