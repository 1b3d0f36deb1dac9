"""Rows of tables and sentences of predicted and measured spectra, shared by the report and the command line."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qdmol.estimates import Estimate
from qdmol.prediction.values import Quantity, SampleChange, SampleSpectrum
from qdmol.results import NO_VALUE, format_change, format_measured, format_number, is_significant

if TYPE_CHECKING:
    from qdmol.prediction.fields import FieldSweep
    from qdmol.prediction.overlay import Compared, Overlay
    from qdmol.prediction.spectra import Spectra
    from qdmol.spectroscopy import Measurement as MeasuredNumber

Rows = tuple[tuple[str, ...], list[tuple[str, ...]]]

_BASES = {"maximum": "maximum", "slope": "steepest slope", "peak": "peak per eV"}
_NAMES = {"monomer": "monomer", "unfused": "unfused molecule", "fused": "fused molecule"}


def measured_text(number: Estimate | None) -> str:
    """Value and error without the unit, which is in the header; n/a if there is no value."""
    return NO_VALUE if number is None else format_measured(number.value, known_error(number))


def known_error(number: Estimate) -> float | None:
    """Error of an estimate, None where it is unknown."""
    return number.error if np.isfinite(number.error) else None


def cross_section(number: Estimate | None) -> str:
    """A cross-section and its error with one power of ten, as (8.3 ± 0.5)·10⁻¹⁵."""
    if number is None or not number.value:
        return NO_VALUE
    value, error = number.value, known_error(number)
    power = int(f"{value:e}".partition("e")[2])
    text = format_measured(value / 10.0**power, None if error is None else error / 10.0**power)
    raised = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"({text})·10{raised}" if error is not None else f"{text}·10{raised}"


def _wavelength(value: float | None) -> str:
    return NO_VALUE if value is None else format_number(value, 1)


def sample_rows(spectra: Spectra) -> Rows:
    """Header and one row for each quantity, with a column for each sample."""
    samples = list(spectra.samples.values())
    named: tuple[tuple[str, Callable[[SampleSpectrum], str]], ...] = (
        ("dots", lambda sample: str(sample.dots)),
        ("absorption: band edge (eV)", lambda sample: measured_text(sample.absorption_peak)),
        ("absorption: band edge (nm)", lambda sample: _wavelength(sample.absorption_wavelength)),
        ("band edge taken as", lambda sample: "maximum" if sample.absorption_kind == "maximum" else "steepest slope"),
        ("absorption: full width (meV)", lambda sample: measured_text(sample.absorption_width)),
        ("emission: peak per eV (eV)", lambda sample: measured_text(sample.emission_peak)),
        ("emission: maximum per nm (nm)", lambda sample: _wavelength(sample.emission_wavelength)),
        ("emission: full width (meV)", lambda sample: measured_text(sample.emission_width)),
        ("cross-section at the band edge (cm²)", lambda sample: cross_section(sample.band_edge_cross_section)),
        ("cross-section at 300 nm (cm²)", lambda sample: cross_section(sample.cross_section_300nm)),
        ("cross-section at 300 nm over bulk of equal volume", lambda sample: measured_text(sample.ratio_to_bulk_300nm)),
        ("band edge over 300 nm", lambda sample: measured_text(sample.ratio_edge_to_300nm)),
        ("radiative lifetime (ns)", lambda sample: measured_text(sample.lifetime)),
        ("polarisation of the emission", lambda sample: format_measured(sample.polarisation)),
    )
    header = ("quantity", *(sample.name for sample in samples))
    return header, [(name, *(text(sample) for sample in samples)) for name, text in named]


def change_rows(spectra: Spectra) -> Rows:
    """Header and one row for each quantity, with a column for each two samples; no rows for a single dot."""
    if not spectra.changes:
        return ("quantity",), []
    mixed = mixtures(spectra)

    def widths(change: SampleChange, quantity: Quantity) -> str:
        return "several lines" if {change.before, change.after} & mixed else measured_text(change.broadening[quantity])

    named: tuple[tuple[str, Callable[[SampleChange], str]], ...] = (
        ("red shift of absorption (meV)", lambda change: measured_text(change.redshift["absorption"])),
        ("red shift of emission (meV)", lambda change: measured_text(change.redshift["emission"])),
        ("broadening of absorption (meV)", lambda change: widths(change, "absorption")),
        ("broadening of emission (meV)", lambda change: widths(change, "emission")),
        ("radiative lifetime, ratio", lambda change: measured_text(change.lifetime_ratio)),
        ("without local field", lambda change: measured_text(change.lifetime_ratio_no_local_field)),
        ("absorption at the band edge, ratio", lambda change: measured_text(change.band_edge_ratio)),
        ("without local field", lambda change: measured_text(change.band_edge_ratio_no_local_field)),
    )
    header = ("quantity", *(f"{change.before} → {change.after}" for change in spectra.changes))
    return header, [(name, *(text(change) for change in spectra.changes)) for name, text in named]


def compared_text(compared: Compared | None, *, factor: float = 1.0) -> str:
    """Measured minus predicted with the error of both; n/a without a comparison."""
    return NO_VALUE if compared is None else format_measured(factor * compared.difference, factor * compared.error)


def measured_rows(overlays: Sequence[Overlay]) -> Rows:
    """Header and one row for each measured curve."""
    header = (
        "measured curve", "sample", "position (nm)", "measured − predicted (meV)", "width (meV)", "measured − "
            "predicted (meV)", "edge : 300 nm",
        "predicted",
    )  # fmt: skip
    return header, [_measured_row(overlay) for overlay in overlays]


def _measured_row(overlay: Overlay) -> tuple[str, ...]:
    name = f"{overlay.curve.source}: {overlay.curve.name}"
    if overlay.fit is None:
        return (f"{name}, not compared: {overlay.reason}", overlay.sample, *[NO_VALUE] * 6)
    place, width, ratio = overlay.position_eV, overlay.width_meV, overlay.ratio_300nm
    return (
        f"{name} ({overlay.curve.quantity}, {_BASES[overlay.basis]})" if overlay.basis else name,
        overlay.sample,
        NO_VALUE if place is None else _interval(place.measured.as_wavelength()),
        compared_text(place, factor=1e3),
        NO_VALUE if width is None else _interval(width.measured),
        compared_text(width),
        NO_VALUE if ratio is None else _interval(ratio.measured),
        NO_VALUE if ratio is None else measured_text(ratio.predicted),
    )


def _interval(number: MeasuredNumber) -> str:
    return format_measured(number.value, number.half_width)


def spectrum_sentences(spectra: Spectra, overlays: Sequence[Overlay] = ()) -> list[str]:
    """Sentences about the numbers: samples, changes to the spec's own molecule, conditions, fields, measured curves."""
    mixed = mixtures(spectra)
    sentences = [_sample_sentence(sample) for sample in spectra.samples.values()]
    for change in spectra.changes:
        if change.after == spectra.own.name:
            sentences += _change_sentences(change, mixed)
    sentences += _condition_sentences(spectra)
    if spectra.sweep is not None:
        sentences += _field_sentences(spectra.sweep)
    return sentences + [sentence for overlay in overlays for sentence in _overlay_sentences(overlay)]


def spectrum_html(spectra: Spectra) -> str:
    """A small self-contained piece of HTML for notebooks: name, sentences and warnings."""
    lines = [*spectrum_sentences(spectra), *(f"Warning: {text}" for text in spectra.warnings)]
    items = "".join(f"<li>{html.escape(text)}</li>" for text in lines)
    return f"<div><p><strong>{html.escape(spectra.spec.name)}</strong></p><ul>{items}</ul></div>"


def _sample_sentence(sample: SampleSpectrum) -> str:
    dots = f"{sample.dots} dots" if sample.dots != 1 else "1 dot"
    kind = "first maximum" if sample.absorption_kind == "maximum" else "edge (steepest slope)"
    text = f"The {_NAMES.get(sample.name, sample.name)} ({dots}) has its absorption {kind} at"
    text += f" {_wavelength(sample.absorption_wavelength)} nm"
    text += f" ({measured_text(sample.absorption_peak)} eV) and its emission at"
    text += f" {_wavelength(sample.emission_wavelength)} nm, with a width of {measured_text(sample.emission_width)} meV"
    text += " over the lines of unlike dots" if sample.is_mixture else ""
    if sample.lifetime is not None:
        text += f"; radiative lifetime {measured_text(sample.lifetime)} ns"
    return f"{text}."


def mixtures(spectra: Spectra) -> frozenset[str]:
    """Names of the samples that are mixtures of unlike dots."""
    return frozenset(name for name, sample in spectra.samples.items() if sample.is_mixture)


def _change_sentences(change: SampleChange, mixed: frozenset[str]) -> list[str]:
    start = f"From {change.before} to {change.after}"
    blended = {change.before, change.after} & mixed
    shifts = [_shift_text(change, quantity, widths=not blended) for quantity in change.redshift]
    sentences = [f"{start}, {', and '.join(shifts)}."] if all(shifts) else []
    sentences += [
        f"The {name} sample is a mixture of unlike dots: its curves consist of several lines, so no change of width "
        "is reported."
        for name in sorted(blended)
    ]
    if change.lifetime_ratio is None or change.band_edge_ratio is None:
        return sentences
    text = f"{start}, the radiative lifetime changes by the factor {measured_text(change.lifetime_ratio)}"
    text += f" and absorption at the band edge by {measured_text(change.band_edge_ratio)}"
    bare = change.lifetime_ratio_no_local_field, change.band_edge_ratio_no_local_field
    if None not in bare:
        text += f" ({' and '.join(map(measured_text, bare))} without local field)"
    return [*sentences, f"{text}."]


def _shift_text(change: SampleChange, quantity: Quantity, *, widths: bool) -> str:
    """For example "absorption shifts 17.0 ± 0.8 meV to the red and becomes 9 ± 2 meV broader"."""
    shift, broadening = change.redshift[quantity], change.broadening[quantity]
    if shift is None:
        return ""
    text = f"{quantity} {_change_text(shift, 'shifts', ('to the red', 'to the blue', 'no significant shift'))}"
    if broadening is None or not widths:
        return text
    words = ("broader", "narrower", "no significant change of width")
    return f"{text} and {_change_text(broadening, 'becomes', words)}"


def _change_text(number: Estimate, verb: str, words: tuple[str, str, str]) -> str:
    """A change (meV) with its verb, or "has" where the change is not larger than its error."""
    error = known_error(number)
    text = format_change(number.value, error, "meV", rising=words[0], falling=words[1], none=words[2])
    return f"{verb if is_significant(number.value, error) else 'has'} {text}"


def _condition_sentences(spectra: Spectra) -> list[str]:
    sentences = []
    if spectra.calibration_shift is not None:
        shift = format_number(spectra.calibration_shift, 1)
        sentences.append(
            f"All photon energies are shifted by {shift} meV so that the monomer's peak matches the calibration value."
        )
    ensemble = spectra.ensemble
    if ensemble is not None:
        text = f"The curves are means over {ensemble.members} particles"
        if ensemble.single_dots:
            text += f", {ensemble.single_dots} of them single dots"
        if ensemble.impossible:
            text += f"; {ensemble.impossible} drawn shapes were geometrically impossible and were discarded"
        sentences.append(f"{text}.")
    return sentences


def _field_sentences(sweep: FieldSweep) -> list[str]:
    sentences = _stark_sentence(sweep)
    if sweep.switching is not None:
        switching = format_number(sweep.switching, 1)
        sentences.append(f"At {switching} kV/cm the emission switches from one dot to the other.")
    elif sweep.share.shape[1] > 1:
        sentences.append("The emission does not switch between the dots in this range of fields.")
    if sweep.failed:
        sentences.append(f"{len(sweep.failed)} of {len(sweep.fields)} fields failed.")
    return sentences


def _stark_sentence(sweep: FieldSweep) -> list[str]:
    """The largest shift with its field; its error is that of both peaks."""
    known = np.flatnonzero(np.isfinite(sweep.stark))
    if not len(known):
        return []
    weakest = int(known[np.argmin(np.abs(sweep.fields[known]))])
    largest = int(known[np.argmax(np.abs(sweep.stark[known]))])
    shift, error = float(1000 * sweep.stark[largest]), float(1000 * (sweep.error[largest] + sweep.error[weakest]))
    text = format_change(
        shift,
        error,
        "meV",
        rising="to the blue",
        falling="to the red",
        none="no significant shift of the emission in this range of fields",
    )
    if not is_significant(shift, error):
        return [f"There is {text}."]
    return [f"The emission shifts by up to {text}, at {sweep.fields[largest]:g} kV/cm.".replace("-", "−")]


def _overlay_sentences(overlay: Overlay) -> list[str]:
    name = f"{overlay.curve.name} ({overlay.curve.source})"
    if overlay.fit is None:
        return [f"Measured {name} is not compared: {overlay.reason}"]
    sentences = []
    if overlay.measured.guessed:
        sentences.append(f"Measured {name} is assigned to {overlay.sample}: {overlay.measured.because}.")
    place = overlay.position_eV
    if place is not None and overlay.basis is not None:
        shift = format_change(
            1e3 * place.difference,
            1e3 * place.error,
            "meV",
            rising="to the blue of",
            falling="to the red of",
            none="no significant shift",
        )
        text = f"Measured {name}: its {_BASES[overlay.basis]}"
        if is_significant(place.difference, place.error):
            text += f" lies {shift} the prediction for {overlay.sample}, which exceeds the combined error."
        else:
            text += f" agrees with the prediction for {overlay.sample} within the combined error ({shift})."
        sentences.append(text)
    return sentences + [f"Measured {name}: {note}" for note in overlay.notes]


def overlay_summary(overlay: Overlay) -> dict[str, Any]:
    """JSON object of a measured curve compared with its prediction, with units in its keys."""
    curve, fit = overlay.curve, overlay.fit
    return {
        "file": curve.source,
        "name": curve.name,
        "quantity": curve.quantity,
        "sample": overlay.sample,
        "sample_because": overlay.measured.because,
        "fitted": fit is not None,
        "reason": overlay.reason or None,
        "kind": None if fit is None else fit.kind,
        "compared": overlay.basis,
        **_compared("position", "eV", overlay.position_eV, 1e3, "meV"),
        **_compared("width", "meV", overlay.width_meV, 1.0, "meV"),
        **_compared("ratio_edge_to_300nm", "", overlay.ratio_300nm, 1.0, ""),
        "level": overlay.level if overlay.scales else None,
        "scales": dict(overlay.scales),
        "scaled_at": overlay.scaled_at,
        "notes": list(overlay.notes),
    }


def _compared(
    name: str, unit: str, compared: Compared | None, factor: float, difference_unit: str
) -> dict[str, float | None]:  # fmt: skip
    """Keys and numbers of a comparison; `factor` converts differences to their own unit."""
    tail, small = f"_{unit}" if unit else "", f"_{difference_unit}" if difference_unit else ""
    keys = (
        f"measured_{name}{tail}",
        f"measured_{name}_low{tail}",
        f"measured_{name}_high{tail}",
        f"predicted_{name}{tail}",
        f"{name}_difference{small}",
        f"{name}_difference_error{small}",
    )
    if compared is None:
        return dict.fromkeys(keys)
    measured = compared.measured
    numbers = (
        measured.value,
        measured.low,
        measured.high,
        compared.predicted.value,
        factor * compared.difference,
        factor * compared.error,
    )
    return dict(zip(keys, numbers, strict=True))
