"""Damaged curves, histograms of delays, specs and whole analyses, in a process of their own.

Run as a program it prints one line of JSON before and after each, so that a death tells which it was::

    python tests/hostile_inputs.py FOLDER SEED START COUNT KIND

KIND is ``curves``, ``decays``, ``specs`` or ``analyses``.
"""

import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from tests.photons import fuzzing, writers
from tests.photons.fuzzing import watched

from qdmol.analysis import analyze_photons, inspect_photons, read_decay
from qdmol.errors import DataError, InputError, SolverError
from qdmol.spectroscopy.reading import read_columns
from qdmol.spectroscopy.surveying import survey_curves
from qdmol.structure import dump_spec, list_examples, read_spec
from qdmol.structure.specs import EXAMPLES

OURS = (InputError, DataError, SolverError)
WORDS = (
    *(
        "nan",
        "inf",
        "-inf",
        "1e308",
        "-1e308",
        "1e400",
        "5e-324",
        "1e-400",
        "-0.0",
        "0",
        "0x10",
        "1,5",
        "OVER",
        "",
        " ",
    ),
    *("999999999999999999999", "9" * 400, "<script>", "$\\frac{$", "\x1b[31m", "\u202e", "µs", "ns", "--", "%", "true"),
    *("~", "!!python/object:os.system", "&a", "*a", "[]", "{}", "1e-9 nm", "5 eV", "-3", ".5", "1.4 nm", "null", "nm"),
)


def sentence(error: Exception) -> str:
    text = str(error)
    clean = text.endswith(".") and text.isprintable() and len(text) < 1000
    return type(error).__name__ if clean else f"no sentence: {text!r}"


def change_text(rng: np.random.Generator, raw: bytearray) -> bytearray:
    """Put odd words into cells, move lines, change separators, widths and heads."""
    lines = raw.decode("latin-1").split("\n")
    for _ in range(int(rng.integers(1, 6))):
        k = int(rng.integers(len(lines)))
        kind = rng.integers(9)
        cells = lines[k].split(",")
        if kind < 4:
            cells[rng.integers(len(cells))] = str(rng.choice(WORDS))
            lines[k] = ",".join(cells)
        elif kind == 4:
            lines[k] = lines[k].replace(",", str(rng.choice([";", "\t", " ", ",,", '"', ""])))
        elif kind == 5:
            lines.insert(k, lines[int(rng.integers(len(lines)))])
        elif kind == 6 and len(lines) > 1:
            del lines[k]
        elif kind == 7:
            column, word = int(rng.integers(len(cells))), str(rng.choice(WORDS))
            lines = [_replaced(line, column, word) for line in lines]
        else:
            lines[0] = str(rng.choice([*WORDS, lines[0] * 30, '"' + lines[0], "\0" + lines[0]]))
    return bytearray("\n".join(lines).encode("latin-1", "replace"))


def _replaced(line: str, column: int, word: str) -> str:
    cells = line.split(",")
    if column < len(cells):
        cells[column] = word
    return ",".join(cells)


def damaged(rng: np.random.Generator, originals: list[bytes]) -> bytes:
    raw = bytearray(originals[rng.integers(len(originals))])
    if rng.random() < 0.6:
        return bytes(change_text(rng, raw))
    other = originals[rng.integers(len(originals))]
    fuzzing.DAMAGES[rng.integers(len(fuzzing.DAMAGES))](rng, raw, other)
    return bytes(raw)


def curve_files(rng: np.random.Generator) -> list[bytes]:
    x = np.arange(450.0, 650.0, 4.0)
    emission = 1e4 * np.exp(-0.5 * ((x - 560) / 14) ** 2) + rng.normal(0, 50, len(x)) + 300
    edge = 1 / (1 + np.exp((x - 560) / 8)) + 0.3 * np.exp(-0.5 * ((x - 545) / 9) ** 2) + rng.normal(0, 2e-3, len(x))
    tables = [
        ("wavelength (nm),PL intensity", (x, emission)),
        ("Wavelength (nm),Absorbance", (x, edge)),
        ("Wavelength (nm),Absorbance 1,Absorbance 2", (x[::-1], edge[::-1], edge[::-1] * 0.5)),
        ("Energy (eV),PL", (np.sort(1239.84 / x), emission)),
        ("wavelength (nm),PL one,wavelength (nm),PL two", (x, emission, x, emission[::-1])),
    ]
    return [text(header, columns) for header, columns in tables]


def text(header: str, columns: tuple) -> bytes:
    rows = [",".join(f"{value:.6g}" for value in row) for row in zip(*columns, strict=True)]
    return "\n".join([header, *rows]).encode()


def decay_files(rng: np.random.Generator) -> list[bytes]:
    times = np.arange(0, 50, 0.25)
    counts = rng.poisson(500 * np.exp(-times / 8) * (times > 3) + 3)
    rise = rng.poisson(2000 * np.exp(-0.5 * ((times - 3) / 0.3) ** 2) + 1)
    return [
        text("time (ns),counts", (times, counts)),
        text("Time [ns],Decay,IRF", (times, counts, rise)),
        text("delay_ps,counts", (times * 1e3, counts)),
    ]


def look_at_curves(path: Path) -> str:
    try:
        curves, refused = read_columns(path)
    except OURS as error:
        return sentence(error)
    bad = [said for said in map(sentence, refused) if said != "InputError"]
    if bad:
        return bad[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries, about curves that are no curves
        found = survey_curves(curves[:2])
    for one in found:
        assert one.fit is not None or one.reason.endswith("."), one.reason
        assert one.fit is None or np.isfinite(one.fit.position_nm.value), "a position that is no number"
        assert one.curve.name.replace("\t", "").isprintable(), "control characters in a name"
    return "fine" if all(one.fit for one in found) and not refused else "flagged"


def look_at_decay(path: Path) -> str:
    try:
        read_decay(path, column=1)  # one of the tables holds a response beside the decay
        found = inspect_photons(path)
    except OURS as error:
        ambiguous = isinstance(error, InputError) and "--column" in str(error)
        return "flagged" if ambiguous else sentence(error)
    return "fine" if found.complete else "flagged"


def look_at_spec(path: Path) -> str:
    try:
        spec = read_spec(path)
    except OURS as error:
        return sentence(error)
    read_spec_again = dump_spec(spec)
    assert read_spec_again.isascii() or read_spec_again.replace("\n", "").isprintable()
    return "fine"


def analyse(path: Path) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = analyze_photons(path)
    except OURS as error:
        return sentence(error)
    return "fatal" if found.refused else "flagged"


def specs(rng: np.random.Generator) -> list[bytes]:
    return [(EXAMPLES / f"{name}.yaml").read_bytes() for name in list_examples()]


def change_spec(rng: np.random.Generator, raw: bytearray) -> bytes:
    """Change words, keys, depths and brackets of a spec."""
    lines = raw.decode().split("\n")
    for _ in range(int(rng.integers(1, 5))):
        k = int(rng.integers(len(lines)))
        kind = rng.integers(8)
        key, colon, _ = lines[k].partition(":")
        if kind < 3 and colon:
            lines[k] = f"{key}: {rng.choice(WORDS)}"
        elif kind == 3:
            lines[k] = "  " * int(rng.integers(0, 9)) + lines[k]
        elif kind == 4:
            lines.insert(k, lines[int(rng.integers(len(lines)))])
        elif kind == 5:
            depth = int(rng.choice([1, 5, 40, 3000]))
            lines[k] = f"{key}: {'[' * depth}{rng.choice(WORDS)}{']' * depth}"
        elif kind == 6 and len(lines) > 1:
            del lines[k]
        else:
            words = lines[k].split(" ")
            words[rng.integers(len(words))] = str(rng.choice(WORDS))
            lines[k] = " ".join(words)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def photon_files(folder: Path, rng: np.random.Generator) -> dict[str, bytes]:
    paths = [*fuzzing.picoquant_files(folder, rng), *writers.small_files(folder, rng).values()]
    return {path.suffix: path.read_bytes() for path in paths}


def main(folder: Path, seed: int, start: int, count: int, kind: str) -> None:
    """Damage and read `count` files, the same ones for the same numbers."""
    rng = np.random.default_rng(seed)
    made: dict[str, tuple[Callable[[Path], str], str, list[bytes]]] = {
        "curves": (look_at_curves, ".csv", curve_files(rng)),
        "decays": (look_at_decay, ".csv", decay_files(rng)),
        "specs": (look_at_spec, ".yaml", specs(rng)),
        "analyses": (analyse, "", []),
    }
    action, suffix, originals = made[kind]
    photons = photon_files(folder, rng) if kind == "analyses" else {}
    for raw in originals:
        path = folder / f"whole{suffix}"
        path.write_bytes(raw)
        assert action(path) in ("fine", "flagged"), raw[:100]
    for ending, raw in photons.items():  # the loops are compiled here, where no limit counts the time
        path = folder / f"whole{ending}"
        path.write_bytes(raw)
        analyse(path)
    for index in range(start, start + count):
        rng = np.random.default_rng([seed, index])
        if kind == "specs" and rng.random() < 0.7:
            raw = change_spec(rng, bytearray(originals[rng.integers(len(originals))]))
        elif kind == "analyses":
            suffix = str(rng.choice(sorted(photons)))
            raw = damaged(rng, [photons[suffix]])
        else:
            raw = damaged(rng, originals)
        path = folder / f"mutant{suffix}"
        path.write_bytes(raw)
        watched({"index": index, "of": suffix}, partial(action, path))


if __name__ == "__main__":
    _, _folder, *_numbers, _kind = sys.argv[:6]
    main(Path(_folder), *map(int, _numbers), _kind)
