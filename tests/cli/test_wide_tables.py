"""Tables that are wider than the terminal."""

import io

from rich.console import Console

from qdmol.cli.wide_tables import WideTable

HEADER = ("file", "position (nm)", "width (meV)", "reason")
ROWS = [("a.csv", "610.71 ± 0.13", "89.5 ± 0.6", "kept"), ("b.csv", "615.31 ± 0.15", "109.6 ± 0.6", "kept, " * 20)]


def printed(width, *, header=HEADER, rows=ROWS, words=(3,)):
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(WideTable(header, rows, words=words))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_table_that_fits_is_whole():
    lines = printed(100)
    assert lines[0].split() == ["file", "position", "(nm)", "width", "(meV)", "reason"]
    assert lines[1].split()[-1] == "kept"


def test_columns_that_do_not_fit_are_continued_below_with_the_names():
    lines = printed(40)
    assert "" in lines
    assert sum(line.startswith("a.csv") for line in lines) == 2
    assert all(len(line) <= 40 for line in lines)
    for number in ("610.71 ± 0.13", "89.5 ± 0.6", "615.31 ± 0.15", "109.6 ± 0.6"):
        assert sum(number in line for line in lines) == 1


def test_units_go_to_a_second_line_before_columns_are_moved():
    header, rows = ("file", "combined error (meV)", "rate (1/s)"), [("a.csv", "0.5", "12")]
    assert printed(40, header=header, rows=rows, words=()) == [
        "file   combined error (meV)  rate (1/s)",
        "a.csv                   0.5          12",
    ]
    assert printed(30, header=header, rows=rows, words=()) == [
        "       combined error   rate",
        "file            (meV)  (1/s)",
        "a.csv             0.5     12",
    ]


def test_a_table_without_rows_has_its_heading():
    assert printed(100, rows=[]) == ["file  position (nm)  width (meV)  reason"]
