"""Speed of the contract's dimer: `python -m benchmarks` measures it and writes the table of the documentation."""
