"""Decays and responses from files of histograms, of any format that :func:`qdmol.photons.read_histograms` reads.

A file that holds several decays, or does not state the unit of its times, is refused with the option to give.

Counts from values that were counts once: a background taken off, or a mean over repeats.

Such values still lie on a ladder of even steps. Photons have a variance equal to their mean, so the noise before the
pulse shows how many counts the lowest step represents.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from qdmol.analysis.lifetime.values import Decay, Response
from qdmol.analysis.wording import plain_text
from qdmol.arrays import Floats
from qdmol.errors import InputError
from qdmol.photons import Histogram, HistogramFile, read_histograms, unit_ns as unit_ns  # noqa: PLC0414  # a public name

_LARGEST = 1e15  # counts of a bin, beyond which whole numbers are not distinguishable
_LOOSE = 0.1  # of a step: how far a value may be off its rung


def whole_counts(values: Floats, *, name: str) -> tuple[Floats, str | None]:
    """Return counts (n,), and a sentence if they had to be restored.

    Raises
    ------
    InputError
        Where the values lie on no ladder: smoothed, normalised or rounded.
    """
    if np.abs(values).max() > _LARGEST:
        raise InputError(field="FILE", value=name, allowed=f"counts per bin of at most {_LARGEST:.0e}")
    if values.min() >= 0 and np.abs(values - np.round(values)).max() < 1e-6:
        return np.round(values), None
    step = _step(values)
    if step is None:
        allowed = "counts per bin as whole numbers; these values are smoothed, normalised or rounded"
        raise InputError(field="FILE", value=name, allowed=allowed)
    rungs = np.round((values - values.min()) / step)
    dark = _before_the_pulse(rungs)
    # half the variance of steps: a slow drift is no noise
    noise = 0.5 * float(np.diff(dark).var()) if len(dark) > 10 else 0.0
    lift = max(float(np.round(noise - dark.mean())), 0.0) if len(dark) > 10 else 0.0
    zero = values.min() - lift * step
    note = (
        f"The values are not counts: counts are restored as (value {-zero:+.4g}) / {step:.4g}, from the step between "
        "values and the noise before the pulse."
    )
    return rungs + lift, note


def _step(values: Floats) -> float | None:
    """The step of the ladder, or None."""
    rungs = np.unique(values)
    gaps = np.diff(rungs)
    noise = 1e-7 * float(np.abs(values).max())
    gaps = gaps[gaps > noise]
    if len(gaps) < 3:
        return None
    smallest = float(np.quantile(gaps, 0.02))
    near = gaps[np.abs(gaps - smallest) < 0.02 * smallest]
    smallest = float(near.mean()) if len(near) else smallest
    # only where the rungs are dense is the step sharp enough to tell
    dense = values[values < np.quantile(values, 0.8)]
    if not len(dense):
        return None
    for part in (1, 2, 3, 4):
        step = smallest / part
        place = (dense - dense.min()) / step
        if np.abs(place - np.round(place)).max() < _LOOSE and place.max() > 3:
            return step
    return None


def _before_the_pulse(rungs: Floats) -> Floats:
    """Bins well before the rise."""
    peak = int(np.argmax(rungs))
    low, high = np.median(rungs[: max(peak // 2, 1)]), rungs[peak]
    rise = int(np.argmax(rungs > low + 0.02 * (high - low) + 6 * np.sqrt(max(low, 1.0))))
    return rungs[: int(0.9 * rise)]


_RESPONSE = re.compile(r"irf|response|prompt|instr|lamp|scatter|laser", re.IGNORECASE)


def read_decay(
    path: str | Path,
    *,
    column: int | str | None = None,
    unit: str | None = None,
    period_ns: float | None = None,
    format: str | None = None,  # noqa: A002
) -> Decay:
    """Read a decay from a file of histograms.

    Parameters
    ----------
    path
        A file as for :func:`qdmol.photons.read_histograms`.
    column
        Which decay of the file: its number or its name. In a text the number is that of the column from 0, where a
        column of times counts; in other files that of the curve from 0. Needed for a file that holds several.
    unit
        Unit of the times, as "ns", where the file does not state it.
    period_ns
        Time between excitation pulses, where the file does not state it.
    format
        Name of the format; recognised by the content otherwise.

    Returns
    -------
    Decay
        Counts as whole numbers. If a background was subtracted before the file was written, counts are restored from
        the step between the values and the noise before the pulse, and `notes` says so.

    Raises
    ------
    InputError
        For a file that holds no decay: no numbers, times that are not evenly spaced, values that are not counts, a
        spectrum, coincidences; for several decays without `column`, and times without a unit.
    """
    file = read_histograms(path, unit=unit, format=format)
    return decay_in(file, column=column, period_ns=period_ns)


def read_decays(
    path: str | Path,
    *,
    unit: str | None = None,
    period_ns: float | None = None,
    format: str | None = None,  # noqa: A002
) -> list[Decay]:
    """Read all decays of a file, leaving out columns that are not counts; else as :func:`read_decay`."""
    file = read_histograms(path, unit=unit, format=format)
    curves = _decays(file)
    decays, errors = [], []
    for curve in curves:
        try:
            decays.append(_decay(curve, file, period_ns))
        except InputError as error:
            errors.append(error)
    if errors and not decays:
        raise errors[0]
    return decays


def decay_in(file: HistogramFile, *, column: int | str | None, period_ns: float | None = None) -> Decay:
    """Return a decay of a file that was read; parameters and errors as for :func:`read_decay`."""
    return _decay(chosen_curve(file, column), file, period_ns)


def read_response(path: str | Path, *, unit: str | None = None) -> Response:
    """Read an instrument response: any values that are proportional to counts.

    Parameters
    ----------
    path
        A file as for :func:`read_decay`. Of several curves the one is taken that is named as a response ("IRF",
        "prompt", ..).
    unit
        Unit of the times, where the file does not state it.

    Raises
    ------
    InputError
        As for :func:`read_decay`; several curves of which none or more than one is named as a response; bins of unequal
        width.
    """
    file = read_histograms(path, unit=unit, field="response")
    curves = _decays(file)
    named = [curve for curve in curves if _RESPONSE.search(curve.name)]
    if len(curves) > 1 and len(named) != 1:
        message = (
            f"`{file.name}` contains {len(curves)} curves; save the response in a separate file, or name its column "
            "IRF."
        )
        raise InputError(field="response", value=file.name, allowed="one curve", message=message)
    curve = named[0] if len(curves) > 1 else curves[0]
    if curve.edges is not None:
        message = f"`{file.name}` has bins of unequal width; a response needs bins of one width."
        raise InputError(field="response", value=file.name, allowed="bins of one width", message=message)
    return Response.measured(curve.values, bin_width_ns=curve.width_ns, first_bin_ns=curve.first_ns)


def stated_unit(path: str | Path, *, column: int | str | None) -> str | None:
    """Return the unit that a text states for the times of a decay, None where it states none."""
    try:
        return chosen_curve(read_histograms(path), column).unit
    except InputError:
        return None


def _decays(file: HistogramFile) -> tuple[Histogram, ...]:
    """The decays of a file; InputError for one that holds coincidences only."""
    if file.decays:
        return file.decays
    message = (
        f"`{plain_text(file.name)}` contains a coincidence histogram (g2), not a decay, so there is no lifetime; "
        "`qdmol photons info` shows its curves."
    )
    raise InputError(field="FILE", value=file.name, allowed="a decay histogram", message=message)


def chosen_curve(file: HistogramFile, column: int | str | None, *, decays_only: bool = True) -> Histogram:
    """Return the requested decay of a file, or the only one; unless `decays_only` a curve of any kind.

    Raises
    ------
    InputError
        Several curves and no `column`, or none of this number or name.
    """
    curves, name = _decays(file) if decays_only else file.histograms, file.name
    kind = "decays" if all(curve.kind == "decay" for curve in curves) else "curves"
    if column is None and len(curves) == 1:
        return curves[0]
    listed = ", ".join(
        f"{curve.number} ({curve.name[:30]})" if curve.name else str(curve.number) for curve in curves[:20]
    )
    if column is None:
        message = f"`{name}` contains {len(curves)} {kind}; choose one with --column, or --column all: {listed}."
        raise InputError(field="column", value=None, allowed=f"one of {listed}", message=plain_text(message))
    wanted = str(column).strip()
    for curve in curves:
        if wanted == str(curve.number):
            return curve
    named = [curve for curve in curves if curve.name and curve.name.lower() == wanted.lower()]
    if len(named) == 1:
        return named[0]
    raise InputError(field="column", value=column, allowed=f"one of the {kind} of `{name}`: {listed}")


def _decay(curve: Histogram, file: HistogramFile, period_ns: float | None) -> Decay:
    counts, note = whole_counts(curve.values, name=file.name)
    stem = Path(file.path).stem
    several = len(file.decays) > 1
    label = f"{stem}, {'column' if file.format == 'text' else 'curve'} {curve.number}" if several else stem
    notes = (*curve.notes, *([note] if note else []), *file.notes)
    period = period_ns or curve.period_ns
    decay = Decay(counts, curve.width_ns, curve.first_ns, period, label=label, notes=notes)
    return decay if curve.edges is None else replace(decay, uneven_edges_ns=curve.edges)
