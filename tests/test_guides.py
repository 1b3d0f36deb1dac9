"""How-to guides: every command in them is run, and prints what the guide shows.

A section of `docs/guides` is a task. In a folder of its own the test writes each file the section shows (a code block
with a caption), runs each line that begins with ``$``, and compares the output with the lines below it, in which
``...`` stands for any text. A comment ``# exit status 2`` states the status of a command that does not end with 0.
Python blocks are run too. Files of the reader's own (``dot.ptu``, ``decay.txt``, ``monomer-emission.csv``, ...) are
simulated, see `guide_files.py`.
"""

import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.guide_files import write_all

from qdmol.cli.entry import run_command

PAGES = sorted((Path(__file__).parents[1] / "docs" / "guides").glob("*.md"))
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
BLOCK = re.compile(r"^(`{3,})(?:\{code-block\} )?(\w+)\n(?::caption: (\S+)\n)?\n?(.*?)^\1$", re.MULTILINE | re.DOTALL)
STATUS = re.compile(r"\s+# exit status (\d+)$")
TASKS = 40
SLOW = {"Find the core radius from a measured emission", "Compare with measured single emitters"}
MEASURED = {"photons", "blinking", "measured-spectra"}  # pages whose tasks begin with files of the reader's own


@dataclass(frozen=True)
class Task:
    """A section: its title and its blocks, each with language, file name or None, and text."""

    page: str
    title: str
    blocks: tuple[tuple[str, str | None, str], ...]


def tasks_of(page):
    parts = HEADING.split(page.read_text(encoding="utf-8"))[1:]
    return [
        Task(page.stem, title, tuple((language, name or None, text) for _, language, name, text in BLOCK.findall(body)))
        for title, body in zip(parts[::2], parts[1::2], strict=True)
    ]


ALL = [task for page in PAGES for task in tasks_of(page)]


def commands(text):
    """Each command of a console block with its expected status and output."""
    joined = re.sub(r"\\\n\s*", "", text)  # commands over several lines
    for part in re.split(r"^\$ ", joined, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        status = STATUS.search(line)
        yield STATUS.sub("", line), int(status[1]) if status else 0, output


def matches(shown, printed):
    """Whether the printed text agrees with the shown one; blanks at the ends of lines and line breaks do not count."""
    parts = [re.escape(" ".join(part.split())).replace(r"\ ", " ") for part in shown.split("...")]
    pattern = r"\s*.*?\s*".join(parts)
    return re.search(pattern, " ".join(printed.split())) is not None


def run_line(line, expected, capsys):
    words = shlex.split(line, comments=True)
    target = None
    if ">" in words:
        target = words[words.index(">") + 1]
        words = words[: words.index(">")]
    assert words[0] == "qdmol", f"only qdmol can be run here: {line}"
    capsys.readouterr()
    status = run_command(words[1:])
    out, err = capsys.readouterr()
    assert status == expected, f"{line}\n{out}{err}"
    if target:
        Path(target).write_text(out, encoding="utf-8")
        return err
    return out + err


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("measured")
    write_all(folder)
    return folder


@pytest.mark.parametrize(
    "task",
    [pytest.param(task, marks=[pytest.mark.slow] if task.title in SLOW else []) for task in ALL],
    ids=lambda task: f"{task.page}: {task.title}",
)
def test_task(task, measured, tmp_path, monkeypatch, capsys):
    if task.page in MEASURED:
        shutil.copytree(measured, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    ran = 0
    names = {"__name__": "guide"}
    for language, name, text in task.blocks:
        if name is not None:
            Path(name).write_text(text, encoding="utf-8")
        elif language == "python":
            exec(compile(text, task.title, "exec"), names)  # the code of our own documentation
            ran += 1
        elif language == "console":
            for line, expected, output in commands(text):
                printed = run_line(line, expected, capsys)
                assert matches(output, printed), f"{line}\n--- shown\n{output}\n--- printed\n{printed}"
                ran += 1
    assert ran, "a task without a command"


def test_there_are_enough_tasks():
    assert len(ALL) >= TASKS
    assert len({task.title for task in ALL}) == len(ALL)
    assert {task.title for task in ALL} >= SLOW


def test_a_wrong_output_is_noticed():
    assert matches("splitting 22.867 ± ... meV", "a b\nsplitting   22.867 ± 0.008 meV\n")
    assert not matches("splitting 22.868 ± ... meV", "splitting 22.867 ± 0.008 meV")
    assert list(commands("$ qdmol check a.yaml  # exit status 2\nwrong\n$ qdmol a \\\n  b\n")) == [
        ("qdmol check a.yaml", 2, "wrong\n"),
        ("qdmol a b", 0, ""),
    ]
