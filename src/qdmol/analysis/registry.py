"""The stages of an analysis of photons, in the order in which results and flags are reported.

A new stage is a class in a module of its own and a line here.
"""

from __future__ import annotations

from typing import Any, Final

from qdmol.analysis.background import BackgroundStage
from qdmol.analysis.blinking.dwell_stage import DwellStage
from qdmol.analysis.blinking.stages import LevelsStage
from qdmol.analysis.correlation import CorrelationStage
from qdmol.analysis.emitters.stages import EmittersStage
from qdmol.analysis.g2.stages import G2Stage, G3Stage, GatesStage
from qdmol.analysis.lifetime.stages import DecayStage, LifetimeStage, ResponseStage
from qdmol.analysis.stages import Stage
from qdmol.analysis.trace import IntensityStage

STAGES: Final[tuple[type[Stage[Any]], ...]] = (
    IntensityStage,
    BackgroundStage,
    ResponseStage,
    DecayStage,
    LifetimeStage,
    G2Stage,
    GatesStage,
    G3Stage,
    CorrelationStage,
    LevelsStage,
    DwellStage,
    EmittersStage,
)
