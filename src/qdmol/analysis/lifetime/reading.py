"""Decay histograms from files: PicoQuant PHU, and text with columns of times and counts.

Text is what instruments and spreadsheets export: lines of numbers split by tabs, semicolons, commas or spaces, with
decimal points or commas, under a header that may name units ("Time [ns]", "ps") or the width of a channel
("ns/channel", "sec/ch", as PicoQuant, Becker & Hickl and Horiba write), or blocks ("*BLOCK 1" .. "*END") of Becker &
Hickl. A file that holds several decays, or does not state the unit of its times, is refused with the option to give.

Counts from values that were counts once: a background taken off, or a mean over repeats.

Such values still lie on a ladder of even steps. Photons have a variance equal to their mean, so the noise before the
pulse shows how many counts the lowest step represents.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from qdmol.analysis.lifetime.decay_columns import Curve, curves_of, unit_ns
from qdmol.analysis.lifetime.values import Decay, Response
from qdmol.analysis.wording import plain_text
from qdmol.arrays import Floats
from qdmol.errors import InputError, MissingExtraError
from qdmol.files import open_input, read_input
from qdmol.text_tables import FEWEST_ROWS, LARGEST_BYTES, decoded, tables_of

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


_LARGEST_PHU = 200_000_000
_PHU, _HEAD = b"PQHISTO", 1 << 16
_RESPONSE = re.compile(r"irf|response|prompt|instr|lamp|scatter|laser", re.IGNORECASE)


def read_decay(
    path: str | Path, *, column: int | str | None = None, unit: str | None = None, period_ns: float | None = None
) -> Decay:
    """Read a decay from a file of histograms.

    Parameters
    ----------
    path
        PHU of PicoQuant, or text.
    column
        Which decay of the file: its number from 0, where a column of times counts, or its name. Needed for a file that
        holds several. The decays of a PHU file are numbered as curves from 0.
    unit
        Unit of the times, as "ns", where the file does not state it.
    period_ns
        Time between excitation pulses, where the file does not state it.

    Returns
    -------
    Decay
        Counts as whole numbers. If a background was subtracted before the file was written, counts are restored from
        the step between the values and the noise before the pulse, and `notes` says so.

    Raises
    ------
    InputError
        For a file that holds no decay: no numbers, times that are not evenly spaced, values that are not counts, a
        spectrum; for several decays without `column`, and times without a unit.
    """
    place = Path(path)
    curves, stated_ns = _curves(place, unit=unit)
    curve = _chosen(curves, column, name=place.name)
    return _decay(curve, place, period_ns or stated_ns, several=len(curves) > 1)


def read_decays(path: str | Path, *, unit: str | None = None, period_ns: float | None = None) -> list[Decay]:
    """Read all decays of a file, leaving out columns that are not counts; else as :func:`read_decay`."""
    place = Path(path)
    curves, stated_ns = _curves(place, unit=unit)
    decays, errors = [], []
    for curve in curves:
        try:
            decays.append(_decay(curve, place, period_ns or stated_ns, several=len(curves) > 1))
        except InputError as error:
            errors.append(error)
    if errors and not decays:
        raise errors[0]
    return decays


def read_response(path: str | Path, *, unit: str | None = None) -> Response:
    """Read an instrument response: any values that are proportional to counts.

    Parameters
    ----------
    path
        PHU of PicoQuant, or text, as for :func:`read_decay`. Of several columns the one is taken that is named as a
        response ("IRF", "prompt", ..).
    unit
        Unit of the times, where the file does not state it.

    Raises
    ------
    InputError
        As for :func:`read_decay`; several columns of which none or more than one is named as a response.
    """
    place = Path(path)
    curves, _ = _curves(place, unit=unit, field="response")
    named = [curve for curve in curves if _RESPONSE.search(curve.name)]
    if len(curves) > 1 and len(named) != 1:
        message = (
            f"`{place.name}` contains {len(curves)} curves; save the response in a separate file, or name its column "
            "IRF."
        )
        raise InputError(field="response", value=place.name, allowed="one curve", message=message)
    curve = named[0] if len(curves) > 1 else curves[0]
    return Response.measured(curve.values, bin_width_ns=curve.width_ns, first_bin_ns=curve.first_ns)


def stated_unit(path: str | Path, *, column: int | str | None) -> str | None:
    """Return the unit that a text states for the times of a decay, None where it states none."""
    place = Path(path)
    try:
        curves, _ = _curves(place, unit=None)
        return _chosen(curves, column, name=place.name).unit
    except InputError:
        return None


def is_histogram(path: str | Path, *, field: str = "FILE") -> bool:
    """Whether a file is a PHU, or text that does not name the columns of single photons."""
    from qdmol.photons import names_photons

    with open_input(path, field=field) as file:
        head = file.read(_HEAD)
    if head.startswith(_PHU):
        return True
    marked = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return marked or (b"\0" not in head and not names_photons(head))


def _curves(path: Path, *, unit: str | None, field: str = "FILE") -> tuple[list[Curve], float | None]:
    """The curves of a file, and the period that it states in ns."""
    if unit is not None:
        unit_ns(unit)
    with open_input(path, field=field, largest=_LARGEST_PHU) as file:
        head = file.read(len(_PHU))
    if head == _PHU:
        return _read_phu(path)
    content = read_input(path, field=field, largest=LARGEST_BYTES)
    text = decoded(content, name=path.name)
    del content
    curves = curves_of(tables_of(text, name=path.name), name=path.name, unit=unit)
    if not curves:
        raise _refusal(path, "a column with counts")
    return curves, None


def _refusal(path: Path, allowed: str) -> InputError:
    return InputError(field="FILE", value=path.name, allowed=allowed)


def _chosen(curves: Sequence[Curve], column: int | str | None, *, name: str) -> Curve:
    """The requested curve, or the only one."""
    if column is None and len(curves) == 1:
        return curves[0]
    listed = ", ".join(
        f"{curve.column} ({curve.name[:30]})" if curve.name else str(curve.column) for curve in curves[:20]
    )
    if column is None:
        message = f"`{name}` contains {len(curves)} decays; choose one with --column: {listed}."
        raise InputError(field="column", value=None, allowed=f"one of {listed}", message=plain_text(message))
    wanted = str(column).strip()
    for curve in curves:
        if wanted == str(curve.column):
            return curve
    named = [curve for curve in curves if curve.name and curve.name.lower() == wanted.lower()]
    if len(named) == 1:
        return named[0]
    raise InputError(field="column", value=column, allowed=f"one of the decays of `{name}`: {listed}")


def _decay(curve: Curve, path: Path, period_ns: float | None, *, several: bool) -> Decay:
    counts, note = whole_counts(curve.values, name=path.name)
    label = f"{path.stem}, column {curve.column}" if several else path.stem
    notes = (*curve.notes, *([note] if note else []))
    return Decay(counts, curve.width_ns, curve.first_ns, period_ns, label=label, notes=notes)


def _read_phu(path: Path) -> tuple[list[Curve], float | None]:
    import struct

    try:
        import ptufile
    except ImportError:
        raise MissingExtraError(extra="photons", purpose="Reading a PHU file") from None
    try:
        with ptufile.PhuFile(path) as file:
            histograms = [np.asarray(one, dtype=np.float64) for one in file.histograms()]
            tags = dict(file.tags)
            stated = tags.get("HistResDscr_MDescResolution") or file.histogram_resolutions or ()
            widths = [float(one) * 1e9 for one in np.atleast_1d(stated)]
    except (
        ptufile.PqFileError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        OSError,
        struct.error,
        NameError,
    ) as error:
        raise _refusal(path, f"a whole PHU file ({error})") from error
    rates = np.atleast_1d(np.asarray(tags.get("HistResDscr_SyncRate", tags.get("TTResult_SyncRate", 0)), dtype=float))
    period = 1e9 / float(rates[0]) if len(rates) and rates[0] > 0 else None
    curves = [
        Curve(k, f"curve {k}", counts, width, 0.0, "ns")
        for k, (counts, width) in enumerate(zip(histograms, widths, strict=False))
        if len(counts) >= FEWEST_ROWS and counts.sum() > 0
    ]
    if not curves or len(widths) != len(histograms):
        raise _refusal(path, "a PHU file with a histogram that has counts")
    return curves, period
