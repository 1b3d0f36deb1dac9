"""What all tests share: hypothesis profiles, solved molecules and the folder of measured files."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# One profile for everyone: the same examples on every machine, and no limit on the time of one,
# because the first solve in a process pays for imports. HYPOTHESIS_PROFILE=explore draws anew.
settings.register_profile(
    "ci", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", deadline=None, max_examples=500, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


class DataFolder:
    """The measured files named by QDMOL_DATA; a file asked for by name must be there."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __truediv__(self, name: str) -> Path:
        """Path of a file or folder in the data; its absence fails the test, it does not skip it."""
        path = self.root / name
        if not path.exists():
            pytest.fail(f"QDMOL_DATA is {self.root}, but {name} is not in it")
        return path


@pytest.fixture(scope="session")
def data_folder() -> DataFolder:
    """Give the folder of measured files; skip where QDMOL_DATA is unset, fail where it names no folder."""
    named = os.environ.get("QDMOL_DATA")
    if not named:
        pytest.skip("QDMOL_DATA is unset: no measured files here")
    root = Path(named)
    if not root.is_dir():
        pytest.fail(f"QDMOL_DATA is {named}, which is not a folder")
    return DataFolder(root)


@pytest.fixture(scope="session")
def solve_once() -> Callable[..., Any]:
    """Give a `qdmol.solve` that solves a spec once in a process, whichever tests need it.

    Tests only read what it returns; those of solving itself call `qdmol.solve`.
    """
    import qdmol
    from qdmol.structure import dump_spec, read_spec

    solutions: dict[str, Any] = {}

    def solve(spec: Any) -> Any:
        parsed = read_spec(spec)
        key = dump_spec(parsed)
        if key not in solutions:
            solutions[key] = qdmol.solve(parsed)
        return solutions[key]

    return solve


@pytest.fixture(scope="session")
def solved_homodimer(solve_once: Callable[..., Any]) -> Any:
    """Give the solution of the shipped homodimer."""
    return solve_once("@homodimer")
