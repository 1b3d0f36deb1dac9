"""The command line: words in, words or one JSON object out; no physics here.

`main` is the entry point. Exit status: 0 done, 1 our own fault or a failed write, 2 bad input or a missing extra,
3 not converged, 130 interrupted. With ``--json`` exactly one object goes to standard output; messages go to standard
error. Rooms with the solver or drawing are imported inside the commands that need them, so that `qdmol check` is quick.
"""

import sys
from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command line of this process, and exit."""
    try:
        from qdmol.cli.entry import run_command

        status = run_command(sys.argv[1:])
    except KeyboardInterrupt:  # so early that nothing was there yet to tell it
        status = 130
    sys.exit(status)
