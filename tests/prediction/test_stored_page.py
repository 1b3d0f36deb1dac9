"""The numbers on the documentation's page of spectra, which shows stored results, are those computed today."""

import re

import pytest
from docs.stored_results import DOCS, output_texts, with_stored_outputs


def test_the_stored_numbers_are_todays(homodimer):
    """After a change of a result: `make docs-results`."""
    lines = output_texts(with_stored_outputs(DOCS / "spectra.md"))[0].splitlines()
    for sample, line in zip(homodimer.summary["samples"], lines, strict=False):
        assert line.split()[0] == sample["sample"]
        energy, _, absorption, emission, _, _, lifetime, _ = map(float, re.findall(r"\d+\.\d+", line))
        assert energy == pytest.approx(sample["absorption_peak_eV"], abs=0.00011)
        shown = (absorption, emission, lifetime)
        keys = ("absorption_peak_nm", "emission_peak_nm", "radiative_lifetime_ns")
        assert shown == pytest.approx([sample[key] for key in keys], abs=0.11)
    for change, line in zip(homodimer.summary["changes"], lines[3:], strict=True):
        assert line.startswith(f"{change['from']} to {change['to']}: ")
        redshift, _, ratio, _ = (float(number) for number in re.findall(r"\d+\.\d+", line))
        assert redshift == pytest.approx(change["redshift_absorption_meV"], abs=0.011)
        assert ratio == pytest.approx(change["lifetime_ratio"], abs=0.0011)
