"""The `.set` file beside an `.spc` file: which card, which clock, how wide a delay channel is."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from qdmol.files import printable
from qdmol.photons.raw_files import read_bytes

__all__ = ["Setup", "read_setup"]

LARGEST = 1 << 20
PARAMETER = re.compile(rb"#([A-Z]{2}) \[([A-Za-z0-9_]{1,40}),([A-Z]),([^\]\r\n]{0,300})\]")
IDENTITY = re.compile(rb"^\s*([A-Z][a-z]+)\s*:\s*([^\r\n]{0,300})\r?$", re.MULTILINE)
MODULE = re.compile(rb"module ((?:SPC|DPC)-[A-Za-z0-9-]{1,20})")


@dataclass(frozen=True, slots=True)
class Setup:
    """What a `.set` file says.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    module : str or None
        The card, as ``"SPC-150"``.
    identity : Mapping
        Title, date, author: text.
    parameters : Mapping
        Numbers and texts by their names in the file, as ``"SP_TAC_R"``.
    """

    path: Path
    module: str | None = None
    identity: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, float | str] = field(default_factory=dict)

    def number(self, name: str) -> float | None:
        """Return a parameter that is a finite number, else None."""
        value = self.parameters.get(name)
        return value if isinstance(value, float) and math.isfinite(value) else None

    @property
    def variants(self) -> tuple[str, ...] | None:
        """Names of the layouts the card writes; empty for a card that is not read, None if no card is named."""
        if self.module is None:
            return None
        number = re.match(r"SPC-(\d+)", self.module)
        if number is None:
            return ()
        if number[1] in {"600", "630"}:
            bits = re.match(r"(\d+) bit", self.identity.get("Revision", ""))
            known = {"12": ("spc-600-4096",), "8": ("spc-600-256",)}
            return known.get(bits[1] if bits else "", ("spc-600-4096", "spc-600-256"))
        # The layouts of imaging cards and of other families are not of this kind.
        return ("spc-130",) if number[1] not in {"700", "730"} else ()

    def delay_unit_ps(self, channels: int) -> float | None:
        """Width of one of `channels` delay channels in ps: range over gain over channels."""
        span, gain = self.number("SP_TAC_R"), self.number("SP_TAC_G")
        if span is None or gain is None or not 1e-10 <= span <= 1e-4 or not 1 <= gain <= 1000:
            return None
        return span / gain / channels * 1e12


def read_setup(spc: Path) -> Setup | None:
    """Return the setup beside a file of the same name; None if there is none or it is not one."""
    for suffix in (".set", ".SET"):
        path = spc.with_suffix(suffix)
        if path != spc and path.is_file():
            content = read_bytes(path, LARGEST)
            return _parse(path, content) if b"*SETUP" in content else None
    return None


def _parse(path: Path, content: bytes) -> Setup:
    module = MODULE.search(content)
    head = content[: content.find(b"*SETUP")]
    identity = {name.decode("ascii"): _plain(text) for name, text in IDENTITY.findall(head)}
    parameters: dict[str, float | str] = {}
    for _, name, kind, text in PARAMETER.findall(content):
        value = _plain(text)
        parameters[name.decode("ascii")] = _number(value) if kind in {b"I", b"F", b"U", b"L"} else value
    return Setup(path, module[1].decode("ascii") if module else None, identity, parameters)


def _plain(text: bytes) -> str:
    return printable(text.decode("latin-1").strip())


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
