"""The page on maps: its Python runs, its options exist, its table of samples solves, its aliases are all there are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.study.map_samples import run, written

from qdmol.study.axes import ALIASES

PAGE = Path(__file__).parents[2] / "docs" / "maps.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _own_store(monkeypatch):
    monkeypatch.delenv("QDMOL_STORE", raising=False)


def test_the_python_runs(tmp_path):
    (code,) = re.findall(r"```py\n(.*?)```", TEXT, flags=re.DOTALL)
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "All 4 points were solved." in done.stdout


def test_the_recipe_for_a_batch_system_runs(tmp_path):
    """With the class that starts its jobs on this machine."""
    pytest.importorskip("dask_jobqueue", reason="the extra `cluster` is not installed")
    (code,) = re.findall(r"```\n(# on_slurm.py.*?)```", TEXT, flags=re.DOTALL)
    local = code.replace("from dask_jobqueue import SLURMCluster", "from dask_jobqueue.local import LocalCluster")
    local = re.sub(r"SLURMCluster\(.*\)", 'LocalCluster(cores=1, processes=1, memory="2GB")', local)
    local = local.replace("jobs=20", "jobs=1").replace('"qdmol",', 'sys.executable, "-m", "qdmol",')
    (tmp_path / "on_local.py").write_text(local)
    command = [sys.executable, "on_local.py", str(written(tmp_path)), "--axis", "barrier=1.2,2", "-o", "map.nc"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "All 2 points were solved." in done.stderr


def test_every_alias_is_in_the_table():
    table = re.search(r"\| alias \| sets \|.*?\n\n", TEXT, flags=re.DOTALL).group()
    assert set(re.findall(r"`(\w+)`", table)) >= set(ALIASES)


@pytest.mark.parametrize("verb", ["map", "batch", "compare"])
def test_every_option_shown_exists(verb):
    lines = re.findall(rf"^qdmol {verb} .*$|`qdmol {verb} .*?`", TEXT, flags=re.MULTILINE)
    shown = {option for line in lines for option in re.findall(r"--[a-z-]+", line)}
    assert shown <= set(re.findall(r"--[a-z-]+", run(verb, "--help").stdout))


def test_the_table_of_samples_solves(tmp_path):
    (table,) = re.findall(r"```\n(name,.*?)```", TEXT, flags=re.DOTALL)
    (tmp_path / "samples.csv").write_text(table)
    done = run("batch", tmp_path / "samples.csv", "--spec", written(tmp_path), "-o", tmp_path / "out.csv")
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 3
