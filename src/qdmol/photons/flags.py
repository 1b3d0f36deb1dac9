"""What can be wrong with a recording, as values: a name, how bad, one sentence, a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["note", "warning", "fatal"]


@dataclass(frozen=True, slots=True)
class Flag:
    """One finding about a recording or a result.

    Attributes
    ----------
    name : str
        As ``"dead_time"``.
    severity : "note", "warning" or "fatal"
        note: good to know. warning: a result may be off. fatal: the recording contradicts itself and is not analysed.
    message : str
        One sentence: the number, and what it means for lifetimes and g2.
    value : float or None
        The number behind the sentence.
    unit : str or None
        Its unit.
    """

    name: str
    severity: Severity
    message: str
    value: float | None = None
    unit: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the flag as a JSON object."""
        return {
            "flag": self.name,
            "severity": self.severity,
            "message": self.message,
            "value": self.value,
            "unit": self.unit,
        }
