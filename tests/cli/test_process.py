"""The real command in a process of its own: hostile input, pipes, full disks, start-up."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.materials.hostile import HOSTILE, HOSTILE_JSON
from tests.structure.samples import changed, dimer

QDMOL = [sys.executable, "-m", "qdmol"]
HEAVY = ("ngsolve", "netgen", "numpy", "scipy", "xarray", "matplotlib", "qdmol.study", "qdmol.report", "qdmol.results")


def run(*arguments, cwd, **options):
    return subprocess.run(
        [*QDMOL, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=120, check=False, **options
    )


def refused(result, folder, before):
    """Exit 2, one sentence, the JSON object, nothing written, no traceback."""
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith(".\n")
    assert "Traceback" not in result.stderr
    error = json.loads(result.stdout)["error"]
    assert set(error) == {"field", "value", "allowed", "message"}
    assert error["message"].encode("ascii", "backslashreplace") in (result.stderr.encode("ascii", "backslashreplace"))
    assert sorted(p.name for p in folder.iterdir()) == before


CASES = {f"{name.replace(' ', '-')}.yaml": content for name, (content, _) in HOSTILE.items()}
CASES |= {f"{name.replace(' ', '-')}.json": content for name, (content, _) in HOSTILE_JSON.items()}
# one process each is slow on a small machine; the rest goes through the same code in tests/materials
IN_A_PROCESS = [
    *("empty.yaml", "binary.yaml", "huge.yaml", "laughs.yaml", "twice.yaml", "nan.yaml", "tag.yaml", "deep.yaml"),
    *("surrogate.yaml", "cut.json", "recursive.yaml", "merge-key.yaml", "no-version.yaml"),
]


@pytest.mark.parametrize("name", IN_A_PROCESS)
def test_hostile_files(name, tmp_path):
    (tmp_path / "spec.yaml").write_bytes(CASES[name])
    path = (tmp_path / "spec.yaml").rename(tmp_path / f"spec{Path(name).suffix}")
    verb = "run" if name == "empty.yaml" else "check"
    refused(run(verb, path, "--json", cwd=tmp_path), tmp_path, [path.name])


def test_a_directory_and_nothing_at_all(tmp_path):
    refused(run("check", ".", "--json", cwd=tmp_path), tmp_path, [])
    refused(run("run", "absent.yaml", "--json", cwd=tmp_path), tmp_path, [])
    refused(run("solve", "", "--json", cwd=tmp_path), tmp_path, [])


def test_an_argument_that_is_no_text(tmp_path):
    result = subprocess.run(
        [*QDMOL, "check", b"\xff\xfe.yaml", "--json"], cwd=tmp_path, capture_output=True, timeout=120, check=False
    )
    assert result.returncode == 2
    json.loads(result.stdout)
    assert b"Traceback" not in result.stderr


def test_a_bad_value_in_a_plain_locale(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(changed(dimer(), ("name", "ε" * 300))))
    plain = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    refused(run("check", "a.json", "--json", cwd=tmp_path, env=plain), tmp_path, ["a.json"])
    (tmp_path / "a.json").write_text(json.dumps(changed(dimer(), ("name", "ε and µ"))))
    assert run("check", "a.json", cwd=tmp_path, env=plain).returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("arguments", [["--version"], ["check", "@homodimer", "--json"], ["materials"]])
def test_a_full_disk_behind_standard_output(arguments, tmp_path):
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [*QDMOL, *arguments], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False
        )
    assert result.returncode == 1
    assert result.stderr == "Standard output cannot be written: No space left on device.\n"


@pytest.mark.skipif(sys.platform != "linux", reason="file names that are any bytes")
def test_names_that_are_not_utf8(tmp_path):
    """Refused nowhere: what stands in text has a question mark for each byte that is none."""
    specs = tmp_path / "specs"
    specs.mkdir()
    name = os.fsdecode(b"caf\xe9")
    source = json.dumps(changed(dimer(), ("calculation", {"electrons": 2, "holes": 0, "coulomb": "none"})))
    (specs / f"{name}.json").write_text(source)
    result = run("run", specs / f"{name}.json", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["files"]["netcdf"].endswith(f"{name}.nc")
    assert "caf?.nc" in (tmp_path / f"{name}.html").read_text(encoding="utf-8")
    assert run("batch", specs, "-o", f"{name}.csv", "--workers", 0, "--quiet", cwd=tmp_path).returncode == 0
    assert "caf?.json" in (tmp_path / f"{name}.csv").read_text(encoding="utf-8")


@pytest.mark.skipif(os.name != "posix", reason="pipes of a shell")
@pytest.mark.parametrize("words", ["check --schema", "materials cdse-cds-single-band", "check @homodimer --json"])
def test_a_reader_that_goes_away_is_no_drama(words, tmp_path):
    process = subprocess.Popen([*QDMOL, *words.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(120) in (0, 1)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c(tmp_path):
    code = (
        "import sys, types, time\n"
        "fake = types.ModuleType('qdmol.study')\n"
        "def solve(*_, **__): print('ready', file=sys.stderr, flush=True); time.sleep(60)\n"
        "fake.solve = solve\n"
        "sys.modules['qdmol.study'] = fake\n"
        "sys.argv = ['qdmol', 'solve', '@homodimer', '--json']\n"
        "from qdmol.cli import main; main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert process.stderr.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err) == (130, "", "Interrupted.\n")


def test_check_loads_neither_solver_nor_arrays(tmp_path):
    code = (
        "import sys\n"
        "from qdmol.cli.entry import run_command\n"
        "assert run_command(['check', '@homodimer', '--json']) == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert result.stderr == "[]\n"


def test_check_loads_few_modules(tmp_path):
    """What a command takes to start is what it imports: 388 modules were counted, which took 0.4 s."""
    code = (
        "import sys\n"
        "from qdmol.cli.entry import run_command\n"
        "assert run_command(['check', '@homodimer', '--quiet']) == 0\n"
        "print(len(sys.modules), file=sys.stderr)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert int(result.stderr) < 600


def test_the_installed_command_is_the_module(tmp_path):
    command = Path(sys.executable).parent / "qdmol"
    if not command.exists():
        pytest.skip("not installed as a command")
    result = subprocess.run([command, "--version"], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert result.stdout == run("--version", cwd=tmp_path).stdout
