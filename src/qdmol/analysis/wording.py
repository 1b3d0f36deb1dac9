"""What an analysis of photons says in sentences: shared by the page, the notebook and the command line.

In comes the JSON object of ``qdmol photons analyze --json``, out come plain sentences or a small piece of HTML.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

from qdmol.results import decimals_for, format_number

Summary = Mapping[str, Any]
Interval = tuple[float | None, float | None, float | None]
_SPACE = "\N{NO-BREAK SPACE}"
_UNCORRELATED = 0.1  # bunching closer to 1 than this is not worth a sentence of its own


def plain_text(text: str) -> str:
    """Text of a header or a file's name, with a mark in place of what cannot be printed.

    Examples
    --------
    >>> plain_text("dot 1" + chr(0) + chr(0xDC80))
    'dot 1��'
    """
    spaced = (" " if letter.isspace() else letter for letter in text)
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in spaced)


def shown_number(value: float | None, digits: int = 4) -> str:
    """A number as a person writes it, with a true minus sign; "not known" for None.

    Examples
    --------
    >>> shown_number(1.234567), shown_number(None), shown_number(-0.5), shown_number(1234567.0)
    ('1.235', 'not known', '−0.5', '1.235 million')
    """
    if value is None or not math.isfinite(value):
        return "not known"
    if abs(value) >= 1e6:
        return f"{value / 1e6:.{digits}g}{_SPACE}million".replace("-", "−").replace(_SPACE, " ")
    if value == int(value) and abs(value) >= 10:
        return f"{int(value):,}".replace("-", "−").replace(",", "\N{NARROW NO-BREAK SPACE}")
    if abs(value) >= 10**digits:
        return f"{round(value):,}".replace("-", "−").replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{value:.{digits}g}".replace("-", "−")


def interval_text(value: float | None, low: float | None, high: float | None, unit: str = "") -> str:
    """A value with its interval and unit in one text.

    Examples
    --------
    >>> interval_text(3.98, 3.95, 4.01, "ns").replace(chr(160), " ")
    '3.98 (3.95 to 4.01) ns'
    >>> interval_text(0.0028, 0.0001, None).replace(chr(160), " ")
    '0.0028 (0.0001 to no upper limit)'
    >>> interval_text(None, None, None)
    'not known'
    """
    if value is None:
        return "not known"
    widths = [abs(end - value) for end in (low, high) if end is not None and end != value]
    decimals = decimals_for(min(widths), default=4) if widths else 4
    if widths and value:  # two digits of what differs from zero, however wide the interval
        decimals = max(decimals, min(1 - math.floor(math.log10(abs(value))), 6))
    if low is not None and low > 0:  # a lower end above zero is not shown as zero
        decimals = max(decimals, min(-math.floor(math.log10(low)), 6))
    text = format_number(value, decimals)
    if low is not None or high is not None:
        ends = ["no lower limit" if low is None else format_number(low, decimals)]
        ends.append("no upper limit" if high is None else format_number(high, decimals))
        text += f" ({ends[0]} to {ends[1]})"
    return f"{text}{_SPACE}{unit}" if unit else text


def _recording(summary: Summary) -> list[str]:
    photons, duration = summary.get("photons"), summary.get("duration_s")
    if not photons or not duration:
        return ["The recording holds no photons."] if photons == 0 else []
    channels = summary.get("photons_per_channel") or {}
    if summary.get("refused"):  # rates and periods of a recording that contradicts itself are worth nothing
        return [f"The file holds {shown_number(photons)} photons."]
    shares = ", ".join(f"{shown_number(count)} in channel {channel}" for channel, count in channels.items())
    text = f"{shown_number(photons)} photons in {shown_number(duration)}{_SPACE}s, "
    text += f"{shown_number(summary.get('count_rate_Hz'))} a second"
    sentences = [f"{text}: {shares}." if len(channels) > 1 else f"{text}."]
    period = summary.get("pulse_period_ns") or summary.get("sync_period_ns")
    if period:
        rate = f"{1e3 / period:.4g}{_SPACE}MHz"
        sentences.append(f"Pulses come every {shown_number(period, 6)}{_SPACE}ns ({rate}).")
    return sentences


def _background(summary: Summary) -> list[str]:
    found = summary.get("background")
    if not found:
        return []
    rates = ", ".join(
        f"{interval_text(one['rate_Hz'], one['low_Hz'], one['high_Hz'])} in channel {one['channel']}"
        for one in found["channels"]
    )
    return [f"Background, from {found['source']}: {rates} photons a second."]


def _lifetime(summary: Summary) -> list[str]:
    found = summary.get("lifetime")
    if not found or not found.get("components_ns"):
        return []
    parts, alone = [], len(found["components_ns"]) == 1
    for k, value in enumerate(found["components_ns"]):
        text = interval_text(value, _at(found.get("low_ns"), k), _at(found.get("high_ns"), k), "ns")
        share = _at(found.get("fractions"), k)
        parts.append(text if share is None or alone else f"{text} with amplitude {share:.2g}")
    sentences = [f"The decay is described by {found['model']}: {'; '.join(parts)}."]
    if len(parts) > 1 and found.get("amplitude_average_ns") is not None:
        amplitude = interval_text(*three(found, "amplitude_average", "_ns"), "ns")
        intensity = interval_text(*three(found, "intensity_average", "_ns"), "ns")
        sentences.append(
            f"Its average lifetime is {amplitude} weighted by amplitude, {intensity} weighted by intensity."
        )
    return sentences


def three(part: Summary, key: str, unit: str = "") -> Interval:
    """Value, lower and upper end of a number of the summary; None for what is not there."""
    return part.get(f"{key}{unit}"), part.get(f"{key}_low{unit}"), part.get(f"{key}_high{unit}")


def _at(values: Sequence[float | None] | None, index: int) -> float | None:
    return values[index] if values is not None and index < len(values) else None


def _g2(summary: Summary) -> list[str]:
    found = summary.get("g2")
    if not found:
        return []
    centre = f"The zero delay lies at {shown_number(found.get('zero_delay_ns'))}{_SPACE}ns"
    if found.get("period_ns") and found.get("zero_delay_ns") is not None:
        periods = round(found["zero_delay_ns"] / found["period_ns"])
        centre += f", {periods:+d} pulse periods from zero".replace("-", "−") if periods else ""
    sentences = [f"{centre}."]
    poisson = interval_text(*three(found, "poisson"))
    if found.get("side") is not None:
        side = interval_text(*three(found, "side"))
        sentences.append(f"g²(0) is {side} against the side peaks and {poisson} against independent photons.")
    elif found.get("poisson") is not None:
        sentences.append(f"g²(0) is {poisson} against independent photons.")
    bunching = found.get("bunching")
    if bunching is not None and abs(bunching - 1) > _UNCORRELATED:
        sentences.append(
            f"The near side peaks stand {bunching:.3g} times above independent photons, so the light fluctuates, as "
            "of a source that blinks: only the second number may be used to count emitters."
        )
    return sentences


def _g3(summary: Summary) -> list[str]:
    found = summary.get("g3")
    if not found or found.get("poisson") is None:
        return []
    side = "" if found.get("side") is None else f"{interval_text(*three(found, 'side'))} against the side peaks and "
    return [f"g³(0) is {side}{interval_text(*three(found, 'poisson'))} against independent photons."]


def analysis_sentences(summary: Summary) -> tuple[str, ...]:
    """Say an analysis in plain sentences, without its flags.

    Parameters
    ----------
    summary
        The JSON object of ``qdmol photons analyze --json`` for one file.

    Returns
    -------
    tuple of str
        Recording, background, lifetime, g2, g3, in this order, as far as there are any.
    """
    if summary.get("error"):
        return (str(summary["error"]["message"]),)
    topics = (_recording, _background, _lifetime, _g2, _g3)
    return tuple(sentence for topic in topics for sentence in topic(summary))


def flag_sentences(summary: Summary, severity: str) -> tuple[str, ...]:
    """Sentences of the flags of one severity: those of the recording, of the lifetime and of g2, each once."""
    flags = list(summary.get("quality") or ())
    for part in ("lifetime", "g2", "g3"):
        flags += (summary.get(part) or {}).get("flags") or []
    found = [str(flag["message"]) for flag in flags if flag["severity"] == severity]
    return tuple(dict.fromkeys(found))


def note_sentences(summary: Summary) -> tuple[str, ...]:
    """What is good to know: notes of the flags and of the reader, each once."""
    return tuple(dict.fromkeys((*flag_sentences(summary, "note"), *(summary.get("notes") or ()))))


def analysis_html(summary: Summary) -> str:
    """A small self-contained piece of HTML for notebooks: file, sentences, and what must be known beside them."""
    lines = [html.escape(text) for text in analysis_sentences(summary)]
    for severity, word in (("fatal", "Refused"), ("warning", "Warning")):
        lines += [f"{word}: {html.escape(text)}" for text in flag_sentences(summary, severity)]
    lines += [f"Note: {html.escape(text)}" for text in note_sentences(summary)]
    items = "".join(f"<li>{line}</li>" for line in lines)
    return f"<div><p><strong>{html.escape(str(summary.get('file') or 'photons'))}</strong></p><ul>{items}</ul></div>"


def outcome(summary: Summary) -> str:
    """What became of a file, in a few words and the first reason."""
    if summary.get("error"):
        return f"not read: {summary['error']['message']}"
    if summary.get("refused"):
        return f"refused: {next(iter(flag_sentences(summary, 'fatal')), 'it contradicts itself')}"
    warnings = len(flag_sentences(summary, "warning"))
    done = "analysed" if "lifetime" in summary else "readable"
    text = f"cut short; what is whole is {done}" if summary.get("truncated") else done
    return f"{text}, {warnings} warning{'s' if warnings > 1 else ''}" if warnings else text


def files_rows(
    names: Sequence[str], summaries: Sequence[Summary], *, intervals: bool = True
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and one row a file: photons, length, rate, lifetime, both g2, and what became of it.

    Of lifetime and g2 only what at least one file has; with `intervals` each with its ends.
    """
    header = ("file", "photons", "length (s)", "rate (1/s)", "lifetime (ns)", "g² side", "g² Poisson", "outcome")
    rows = [(name, *_cells(one, intervals), outcome(one)) for name, one in zip(names, summaries, strict=True)]
    shown = [k for k in range(len(header)) if k < 4 or any(row[k] for row in rows)]
    return tuple(header[k] for k in shown), [tuple(row[k] for k in shown) for row in rows]


def _cells(summary: Summary, intervals: bool) -> tuple[str, ...]:  # noqa: FBT001  # as `files_rows` was asked
    keys = ("photons", "duration_s", "count_rate_Hz")
    hidden = keys[1:] if summary.get("refused") else ()
    numbers = tuple("" if key in hidden or summary.get(key) is None else shown_number(summary[key]) for key in keys)
    g2 = summary.get("g2") or {}
    found = (mean_lifetime(summary), three(g2, "side"), three(g2, "poisson"))
    texts = (interval_text(*one) if intervals else shown_number(one[0], 3) for one in found)
    return (*numbers, *("" if one[0] is None else text for one, text in zip(found, texts, strict=True)))


def mean_lifetime(summary: Summary) -> Interval:
    """The lifetime where there is one component, else the average weighted by amplitude, with its interval."""
    found = summary.get("lifetime") or {}
    if len(found.get("components_ns") or ()) == 1 and found.get("stretch") is None:
        return found["components_ns"][0], _at(found.get("low_ns"), 0), _at(found.get("high_ns"), 0)
    return three(found, "amplitude_average", "_ns")
