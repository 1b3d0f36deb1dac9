"""Which code made a result: versions read from package metadata, nothing imported for it."""

import platform
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = ("qdmol", "numpy", "scipy", "ngsolve")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def provenance() -> dict[str, str]:
    """Versions of qdmol, Python, NumPy, SciPy and NGSolve, and the platform.

    Returns
    -------
    dict
        Keys ``qdmol``, ``numpy``, ``scipy``, ``ngsolve``, ``python``, ``platform``; a package that is absent has the
        value ``"not installed"``.

    Examples
    --------
    >>> sorted(provenance())
    ['ngsolve', 'numpy', 'platform', 'python', 'qdmol', 'scipy']
    """
    versions = {package: _version(package) for package in _PACKAGES}
    return versions | {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }
