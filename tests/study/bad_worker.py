"""A worker that misbehaves at some barriers: the process the tests put in place of a real one.

1.0 nm: compiled code that never returns and holds the interpreter's lock. 1.1 nm: the process dies. 1.2 nm: a loop in
Python. 1.3 nm: an error nobody thought of. 1.4 nm: the process dies, but only the first time. Elsewhere a record comes
back at once, without solving.
"""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

import qdmol.study.points as points
from qdmol.jobs import limits
from qdmol.jobs.worker import main
from qdmol.study.table import NUMBERS

limits.GRACE = 2.0
LEVELS = ("energy_eV", "error_meV", "m", "parity")


def misbehave(point):
    barrier = point.spec.molecule.barrier
    if barrier == 1.0:
        ctypes.PyDLL(None).sleep(1000)
    if barrier == 1.1:
        os.kill(os.getpid(), signal.SIGKILL)
    while barrier == 1.2:
        time.sleep(0.01)
    if barrier == 1.3:
        raise ZeroDivisionError("a bug")
    if barrier == 1.4:
        mark = Path(sys.argv[1])
        if not mark.exists():
            mark.write_text("died once")
            os.kill(os.getpid(), signal.SIGKILL)
    summary = {**dict.fromkeys(NUMBERS), "converged": True, "warnings": [], "coulomb": None, "monomer_gaps_eV": []}
    return {"summary": summary | dict.fromkeys(("electron", "hole"), dict.fromkeys(LEVELS, ()))}


if __name__ == "__main__":
    points.solve_point = misbehave
    main()
