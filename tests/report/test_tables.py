"""Every row of the page's tables holds its own number."""

import html

import pytest
from report_fakes import SMALL_DOT, VARIANTS, fake_solution, spec_of

from qdmol.materials import load_set
from qdmol.report.page import linked
from qdmol.report.solution_page import energies_table, levels_table, materials_table, range_table, settings_table


def rows_of(table):
    return {row[0]: str(row[-1]).replace("\N{NO-BREAK SPACE}", " ") for row in table.rows}


def test_energies():
    rows = rows_of(energies_table(VARIANTS["homodimer"]()))
    assert rows == {
        "splitting of the electron levels": "22.867 ± 0.004 meV",
        "tunnel coupling t": "11.4335 ± 0.0017 meV",
        "detuning, dot 1 minus dot 0": "0 (equal dots)",
        "Coulomb attraction": "self-consistent",
        "hole sits in": "dot 0 (CdSe 1.40 nm)",
        "spacing of the electron levels in the hole's field": "61.63 ± 0.03 meV",
        "exciton above the bulk gap": "0.33072 ± 0.00005 eV",
        "binding": "77.65 ± 0.06 meV",
        "another self-consistent state": "hole in dot 1 (CdSe 1.40 nm), exciton 0.33072 ± 0.00005 eV",
        "gap": "2.07072 ± 0.00005 eV",
        "wavelength of the gap": "598.749 nm",
        "gap of dot 0 (CdSe 1.40 nm) alone": "2.073970 eV",
        "gap of dot 1 (CdSe 1.40 nm) alone": "2.073970 eV",
        "red shift against the monomer": "3.25 ± 0.06 meV",
        "red shift without attraction": "13.710 ± 0.012 meV",
        "splitting over the alternative material values": "11.900 to 35.700 meV",
        "red shift over the alternative material values": "0.700 to 6.200 meV",
    }


def test_what_is_not_there_is_said():
    rows = rows_of(energies_table(fake_solution(spec_of(coulomb="none"))))
    assert rows["Coulomb attraction"] == "not included"
    assert rows["red shift against the monomer"] == "n/a"
    assert rows["gap of dot 0 (CdSe 1.40 nm) alone"] == "n/a"
    assert "binding" not in rows


def test_levels():
    table = levels_table(VARIANTS["homodimer"]())
    assert table.header[-2:] == ("in dot 0 (%)", "in dot 1 (%)")
    assert table.rows[1] == ("electron", "2", "0.200537", "0.0050", "0", "−", "50.0", "50.0")
    assert table.rows[2][4] == "−1"
    assert table.rows[4] == ("electron, in the hole's field", "1", "0.090100", "0.020", "0", "n/a", "95.0", "5.0")
    assert table.rows[-1] == ("hole", "2", "0.230617", "0.0050", "0", "−", "50.0", "50.0")
    without_mirror = levels_table(fake_solution(spec_of(SMALL_DOT)))
    assert {row[5] for row in without_mirror.rows} <= {"+", "−", "n/a"}


def test_range_rows_keep_their_sources():
    table = range_table(VARIANTS["homodimer"]())
    assert table.header == ("alternative", "splitting (meV)", "red shift (meV)", "source")
    assert table.rows[1][:3] == ("CdS.conduction_offset = 0.32 eV", "11.900", "0.700")
    assert 'href="https://doi.org/10.1063/1.1"' in table.rows[1][3]
    assert range_table(fake_solution()) is None


def test_materials_name_values_sources_and_overrides():
    spec = spec_of(overrides={"CdS": {"electron_mass": 0.17}, "medium": {"electron_barrier": "hard"}})
    material_set = load_set(spec.materials)
    table = materials_table(material_set, spec)
    cells = {row[:2]: row[2:] for row in table.rows}
    assert cells["CdSe", "electron_mass"][0] == "0.13"
    assert cells["CdS", "electron_mass"][0] == "0.21 (the spec sets 0.17)"
    assert "the spec sets hard" in cells["medium", "electron_barrier"][0]
    source = material_set.value("CdSe", "electron_mass").source
    assert source.citation in html.unescape(cells["CdSe", "electron_mass"][-1])
    assert (source.note or "") in html.unescape(cells["CdSe", "electron_mass"][-1])
    assert any('href="https://doi.org/10.' in row[-1] for row in table.rows)


def test_settings():
    rows = rows_of(settings_table(VARIANTS["homodimer"]()))
    assert rows["time"] == "0.43 s"
    assert rows["unknowns"] == "3810"
    assert rows["wall distance"] == "0.52 nm"
    assert rows["tolerance"] == "0.1 meV on every energy"
    assert rows["converged"] == "yes"
    assert rows["qdmol"] == "0.1.0"


@pytest.mark.parametrize("text", ["doi:10.1038/s41467-019-13349-1", "https://doi.org/10.1038/s41467-019-13349-1"])
def test_links(text):
    assert str(linked(f"<b> {text}).")) == (
        '&lt;b&gt; <a href="https://doi.org/10.1038/s41467-019-13349-1">doi:10.1038/s41467-019-13349-1</a>).'
    )
