"""The command line: words in, words or one JSON object out; no physics here.

`main` is the entry point. Exit status: 0 done, 1 our own fault or a failed write, 2 bad input or a missing extra,
3 not converged, 130 interrupted. With ``--json`` exactly one object goes to standard output; messages go to standard
error. Rooms with the solver or drawing are imported inside the commands that need them, so that `qdmol check` is quick.
"""

from qdmol.cli.entry import main

__all__ = ["main"]
