"""`python -m qdmol` is the command `qdmol`."""

from qdmol.cli import main

if __name__ == "__main__":
    main()
