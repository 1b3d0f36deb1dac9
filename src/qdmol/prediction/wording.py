"""What predicted and measured spectra say in rows and sentences: shared by the page and the command line.

In come the JSON object of ``qdmol spectrum`` and overlays, out comes text; nothing is computed but sums of what stands
there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qdmol.prediction.overlay import Compared, Overlay
from qdmol.results import NO_VALUE, format_change, format_measured, format_number, is_significant

Part = Mapping[str, Any]
Rows = tuple[tuple[str, ...], list[tuple[str, ...]]]

_BASES = {"maximum": "maximum", "slope": "steepest slope", "peak": "peak per eV"}
_NAMES = {"monomer": "monomer", "unfused": "unfused molecule", "fused": "fused molecule"}


def shown(part: Part, key: str, unit: str = "", *, factor: float = 1.0) -> str:
    """Value and error of a key without the unit, which stands in the header; n/a where there is none."""
    tail = f"_{unit}" if unit else ""
    value, error = part.get(f"{key}{tail}"), part.get(f"{key}_error{tail}")
    if value is None:
        return NO_VALUE
    return format_measured(factor * value, None if error is None else factor * error)


def electronvolts(part: Part, key: str) -> str:
    """An energy (eV) whose error is in meV."""
    value, error = part.get(f"{key}_eV"), part.get(f"{key}_error_meV")
    return NO_VALUE if value is None else format_measured(value, None if error is None else error / 1000)


def cross_section(part: Part, key: str) -> str:
    """A cross-section and its error with one power of ten, as (8.3 ± 0.5)·10⁻¹⁵."""
    value, error = part.get(f"{key}_cm2"), part.get(f"{key}_error_cm2")
    if not value:
        return NO_VALUE
    power = int(f"{value:e}".partition("e")[2])
    text = format_measured(value / 10.0**power, None if error is None else error / 10.0**power)
    raised = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"({text})·10{raised}" if error is not None else f"{text}·10{raised}"


def _wavelength(value: float | None) -> str:
    return NO_VALUE if value is None else format_number(value, 1)


def sample_rows(summary: Part) -> Rows:
    """Header and one row a quantity, a column a sample."""
    samples = summary["samples"]
    named: tuple[tuple[str, Callable[[Part], str]], ...] = (
        ("dots", lambda one: str(one["dots"])),
        ("absorption: band edge (eV)", lambda one: electronvolts(one, "absorption_peak")),
        ("absorption: band edge (nm)", lambda one: _wavelength(one["absorption_peak_nm"])),
        ("band edge seen as", lambda one: "maximum" if one["absorption_kind"] == "maximum" else "steepest slope"),
        ("absorption: full width (meV)", lambda one: shown(one, "absorption_width", "meV")),
        ("emission: peak per eV (eV)", lambda one: electronvolts(one, "emission_peak")),
        ("emission: maximum per nm (nm)", lambda one: _wavelength(one["emission_peak_nm"])),
        ("emission: full width (meV)", lambda one: shown(one, "emission_width", "meV")),
        ("cross-section at the band edge (cm²)", lambda one: cross_section(one, "band_edge_cross_section")),
        ("cross-section at 300 nm (cm²)", lambda one: cross_section(one, "cross_section_300nm")),
        ("at 300 nm over that of as much bulk", lambda one: shown(one, "ratio_to_bulk_300nm")),
        ("band edge over 300 nm", lambda one: shown(one, "ratio_edge_to_300nm")),
        ("radiative lifetime (ns)", lambda one: shown(one, "radiative_lifetime", "ns")),
        ("polarisation of emission", lambda one: shown(one, "polarisation")),
    )
    header = ("quantity", *(str(one["sample"]) for one in samples))
    return header, [(name, *(text(one) for one in samples)) for name, text in named]


def change_rows(summary: Part) -> Rows:
    """Header and one row a quantity, a column a pair of samples; no rows for a dot alone."""
    changes = summary["changes"]
    keys = (
        ("red shift of absorption (meV)", "redshift_absorption", "meV"),
        ("red shift of emission (meV)", "redshift_emission", "meV"),
        ("broadening of absorption (meV)", "broadening_absorption", "meV"),
        ("broadening of emission (meV)", "broadening_emission", "meV"),
        ("radiative lifetime, ratio", "lifetime_ratio", ""),
        ("without local field", "lifetime_ratio_no_local_field", ""),
        ("absorption at the band edge, ratio", "band_edge_ratio", ""),
        ("without local field", "band_edge_ratio_no_local_field", ""),
    )
    if not changes:
        return ("quantity",), []
    header = ("quantity", *(f"{one['from']} → {one['to']}" for one in changes))
    mixed = mixtures(summary)

    def cell(one: Part, key: str, unit: str) -> str:
        blended = key.startswith("broadening") and {str(one["from"]), str(one["to"])} & mixed
        return "several lines" if blended else shown(one, key, unit)

    return header, [(name, *(cell(one, key, unit) for one in changes)) for name, key, unit in keys]


def compared_text(found: Compared | None, *, factor: float = 1.0) -> str:
    """Measured minus predicted with the error of both; n/a where there is none."""
    return NO_VALUE if found is None else format_measured(factor * found.difference, factor * found.error)


def measured_rows(overlays: Sequence[Overlay]) -> Rows:
    """Header and one row a measured curve."""
    header = (
        "measured curve", "sample", "position (nm)", "off by (meV)", "width (meV)", "off by (meV)", "edge : 300 nm",
        "predicted",
    )  # fmt: skip
    return header, [_measured_row(one) for one in overlays]


def _measured_row(one: Overlay) -> tuple[str, ...]:
    name = f"{one.curve.source}: {one.curve.name}"
    if one.fit is None:
        return (f"{name}, not compared: {one.reason}", one.sample, *[NO_VALUE] * 6)
    place, ratio = one.position_eV, one.ratio_300nm
    return (
        f"{name} ({one.curve.quantity}, {_BASES[one.basis]})" if one.basis else name,
        one.sample,
        NO_VALUE if place is None else _estimate(place.measured.as_wavelength()),
        compared_text(place, factor=1e3),
        NO_VALUE if one.width_meV is None else _estimate(one.width_meV.measured),
        compared_text(one.width_meV),
        NO_VALUE if ratio is None else _estimate(ratio.measured),
        NO_VALUE if ratio is None else format_measured(ratio.predicted, ratio.predicted_error),
    )


def _estimate(found: Any) -> str:
    return format_measured(found.value, found.half_width)


def spectrum_sentences(summary: Part, overlays: Sequence[Overlay] = ()) -> list[str]:
    """What the numbers say, the measured ones last; of changes those to the spec's own molecule."""
    mixed = mixtures(summary)
    said = [_sample_sentence(one, mixed=str(one["sample"]) in mixed) for one in summary["samples"]]
    own = summary["samples"][-1]["sample"]
    said += [sentence for one in summary["changes"] if one["to"] == own for sentence in _change_sentences(one, mixed)]
    said += _circumstances(summary)
    if summary.get("field") is not None:
        said += _field_sentences(summary["field"])
    return said + [sentence for one in overlays for sentence in _overlay_sentences(one)]


def _sample_sentence(one: Part, *, mixed: bool) -> str:
    dots = f"{one['dots']} dots" if one["dots"] != 1 else "1 dot"
    kind = "first maximum" if one["absorption_kind"] == "maximum" else "edge (steepest slope)"
    text = f"The {_NAMES.get(one['sample'], one['sample'])} ({dots}) has its {kind} of absorption at"
    text += f" {_wavelength(one['absorption_peak_nm'])} nm"
    text += f" ({electronvolts(one, 'absorption_peak')} eV) and its emission at"
    text += f" {_wavelength(one['emission_peak_nm'])} nm, {shown(one, 'emission_width', 'meV')} meV wide"
    text += " over the lines of unlike dots" if mixed else ""
    if one.get("radiative_lifetime_ns") is not None:
        text += f"; radiative lifetime {shown(one, 'radiative_lifetime', 'ns')} ns"
    return f"{text}."


def mixtures(summary: Part) -> frozenset[str]:
    """Names of the samples that are mixtures of unlike dots: widths of their curves are those of several lines."""
    found = set()
    for sample in summary["samples"]:
        dots = {line.get("dot") for line in sample.get("lines") or ()} - {None}
        if len(dots) > 1:
            found.add(str(sample["sample"]))
    return frozenset(found)


def _change_sentences(one: Part, mixed: frozenset[str]) -> list[str]:
    start = f"From {one['from']} to {one['to']}"
    blended = {str(one["from"]), str(one["to"])} & mixed
    moved = [_moved(one, quantity, widths=not blended) for quantity in ("absorption", "emission")]
    said = [f"{start}, {', and '.join(moved)}."] if all(moved) else []
    said += [
        f"The {name} sample is a mixture of unlike dots: its curves are made of several lines, so that widths are not "
        "compared with it."
        for name in sorted(blended)
    ]
    if one.get("lifetime_ratio") is None or one.get("band_edge_ratio") is None:
        return said
    text = f"{start}, the radiative lifetime changes by the factor {shown(one, 'lifetime_ratio')}"
    text += f" and absorption at the band edge by {shown(one, 'band_edge_ratio')}"
    bare = [shown(one, f"{key}_no_local_field") for key in ("lifetime_ratio", "band_edge_ratio")]
    return [*said, f"{text} ({' and '.join(bare)} without local field)." if NO_VALUE not in bare else f"{text}."]


def _moved(one: Part, quantity: str, *, widths: bool) -> str:
    """For example "absorption moves 17.0 ± 0.8 meV to the red and becomes 9 ± 2 meV broader"."""
    shift, broadening = one.get(f"redshift_{quantity}_meV"), one.get(f"broadening_{quantity}_meV")
    if shift is None:
        return ""
    moved = _changed(one, f"redshift_{quantity}", "moves", "has", ("to the red", "to the blue", "no significant shift"))
    if broadening is None or not widths:
        return f"{quantity} {moved}"
    words = ("broader", "narrower", "no significant change of width")
    return f"{quantity} {moved} and {_changed(one, f'broadening_{quantity}', 'becomes', 'has', words)}"


def _changed(one: Part, key: str, verb: str, otherwise: str, words: tuple[str, str, str]) -> str:
    """A change with its verb, another verb where the change is not larger than its error."""
    value, error = one[f"{key}_meV"], one.get(f"{key}_error_meV")
    text = format_change(value, error, "meV", rising=words[0], falling=words[1], none=words[2])
    return f"{verb if is_significant(value, error) else otherwise} {text}"


def _circumstances(summary: Part) -> list[str]:
    said = []
    if summary.get("calibration_shift_meV") is not None:
        moved = format_number(summary["calibration_shift_meV"], 1)
        said.append(
            f"All photon energies are moved by {moved} meV, so that the monomer's peak lies where it was asked for."
        )
    ensemble = summary.get("ensemble")
    if ensemble is not None:
        text = f"The curves are means over {ensemble['members']} particles"
        if ensemble.get("single_dots"):
            text += f", {ensemble['single_dots']} of them single dots"
        if ensemble.get("impossible"):
            text += f"; {ensemble['impossible']} drawn shapes were impossible and left out"
        said.append(f"{text}.")
    return said


def _field_sentences(field: Part) -> list[str]:
    fields = field["field_kV_cm"]
    said = []
    said += _stark_sentence(field)
    switching = field.get("switching_field_kV_cm")
    if switching is not None:
        said.append(f"At {format_number(switching, 1)} kV/cm emission changes from one dot to the other.")
    elif len(field["dot_emission"]) and field["dot_emission"][0] is not None and len(field["dot_emission"][0]) > 1:
        said.append("Emission does not change from one dot to the other within these fields.")
    if field["failed"]:
        said.append(f"{len(field['failed'])} of {len(fields)} fields have no numbers.")
    return said


def _stark_sentence(field: Part) -> list[str]:
    """The largest shift with its field; its error is that of both peaks."""
    fields, shifts = field["field_kV_cm"], field["stark_shift_meV"]
    errors = field.get("peak_error_meV") or [None] * len(fields)
    known = [place for place, shift in enumerate(shifts) if shift is not None]
    if not known:
        return []
    weakest = min(known, key=lambda place: abs(fields[place]))
    place = max(known, key=lambda place: abs(shifts[place]))
    both = (errors[place], errors[weakest])
    error = None if None in both else sum(both)
    text = format_change(
        shifts[place],
        error,
        "meV",
        rising="to the blue",
        falling="to the red",
        none="no significant shift of emission within these fields",
    )
    if not is_significant(shifts[place], error):
        return [f"There is {text}."]
    return [f"Emission moves by up to {text}, at {fields[place]:g} kV/cm.".replace("-", "−")]


def _overlay_sentences(one: Overlay) -> list[str]:
    name = f"{one.curve.name} ({one.curve.source})"
    if one.fit is None:
        return [f"Measured {name} is not compared: {one.reason}"]
    said = [f"Measured {name} is taken as {one.sample}: {one.measured.because}."] if one.measured.guessed else []
    place = one.position_eV
    if place is not None and one.basis is not None:
        off = format_change(
            1e3 * place.difference,
            1e3 * place.error,
            "meV",
            rising="to the blue of",
            falling="to the red of",
            none="no significant shift",
        )
        text = f"Measured {name}: its {_BASES[one.basis]}"
        if is_significant(place.difference, place.error):
            text += f" lies {off} that predicted for {one.sample}, more than the errors of both."
        else:
            text += f" agrees with that predicted for {one.sample} within the errors of both ({off})."
        said.append(text)
    return said + [f"Measured {name}: {note}" for note in one.notes]


def overlay_summary(one: Overlay) -> dict[str, Any]:
    """A measured curve beside its prediction as an object that JSON holds, with units in its keys."""
    curve, fit = one.curve, one.fit
    return {
        "file": curve.source,
        "name": curve.name,
        "quantity": curve.quantity,
        "sample": one.sample,
        "sample_because": one.measured.because,
        "fitted": fit is not None,
        "reason": one.reason or None,
        "kind": None if fit is None else fit.kind,
        "compared": one.basis,
        **_compared("position", "eV", one.position_eV, 1e3, "meV"),
        **_compared("width", "meV", one.width_meV, 1.0, "meV"),
        **_compared("ratio_edge_to_300nm", "", one.ratio_300nm, 1.0, ""),
        "level": one.level if one.scales else None,
        "scales": dict(one.scales),
        "scaled_at": one.scaled_at,
        "notes": list(one.notes),
    }


def _compared(name: str, unit: str, found: Compared | None, factor: float, small: str) -> dict[str, float | None]:
    tail, off = f"_{unit}" if unit else "", f"_{small}" if small else ""
    keys = (
        *(f"measured_{name}{end}{tail}" for end in ("", "_low", "_high")), f"predicted_{name}{tail}",
        f"{name}_difference{off}", f"{name}_difference_error{off}",
    )  # fmt: skip
    if found is None:
        return dict.fromkeys(keys)
    measured = found.measured
    numbers = (
        measured.value, measured.low, measured.high, found.predicted, factor * found.difference, factor * found.error,
    )  # fmt: skip
    return dict(zip(keys, numbers, strict=True))
