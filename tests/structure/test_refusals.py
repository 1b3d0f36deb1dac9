"""Every field and every rule of the spec violated once, by name; and nothing in the schema is left out."""

import math
import re

import pytest
from tests.structure.samples import REMOVED, changed, dimer, dot, monomer

from qdmol.errors import InputError
from qdmol.structure import read_spec, resolve, spec_schema

CORE = "molecule.dots[0].core"
SHELL = "molecule.dots[1].shells[0]"
NAN = math.nan

# (what is changed in the dimer, the field that must be named, words that must be in what is allowed)
VIOLATIONS = [
    # root
    ([("qdmol", REMOVED)], "qdmol", "given"),
    ([("qdmol", 2)], "qdmol", "1, the version"),
    ([("qdmol", "1")], "qdmol", "1, the version"),
    ([("qdmol", True)], "qdmol", "1, the version"),
    ([("name", 3)], "name", "text"),
    ([("name", "x" * 300)], "name", "at most 200 long"),
    ([("name", "two\nlines")], "name", "one line"),
    ([("materials", REMOVED)], "materials", "given"),
    ([("materials", 5)], "materials", "text"),
    ([("materials", "cdse-cds")], "materials", "cdse-cds-single-band"),
    ([("materials", "a\0b")], "materials", "printable text"),
    ([("molecule", REMOVED)], "molecule", "given"),
    ([("molecule", "dimer")], "molecule", "a mapping"),
    ([("overrides", [])], "overrides", "a mapping"),
    ([("environment", 300)], "environment", "a mapping"),
    ([("calculation", [1])], "calculation", "a mapping"),
    ([("molecul", {})], "molecul", "molecule"),
    # reserved for a later version
    *[([(key, 1)], key, "not supported yet") for key in ("strain", "interface", "ligands", "orientation")],
    ([(f"{CORE}.strain", 1)], f"{CORE}.strain", "not supported yet"),
    ([("molecule.neck", {"interface": 1})], "molecule.neck.interface", "not supported yet"),
    ([("overrides.orientation", {})], "overrides.orientation", "not supported yet"),
    # dots
    ([("molecule.dots", REMOVED)], "molecule.dots", "given"),
    ([("molecule.dots", [])], "molecule.dots", "at least 1"),
    ([("molecule.dots", dot())], "molecule.dots", "a list"),
    ([("molecule.dots", [dot()] * 101)], "molecule.dots", "at most 100"),
    ([("molecule.dots[0]", 1.4)], "molecule.dots[0]", "a mapping"),
    ([(f"{CORE}.material", "ZnS")], f"{CORE}.material", "CdSe, CdS"),
    ([(f"{CORE}.material", "medium")], f"{CORE}.material", "CdSe, CdS"),
    ([(f"{CORE}.material", 1)], f"{CORE}.material", "text"),
    ([(f"{CORE}.material", REMOVED)], f"{CORE}.material", "given"),
    ([(CORE, REMOVED)], CORE, "given"),
    ([(CORE, 1.4)], CORE, "a mapping"),
    ([(f"{CORE}.radius", REMOVED)], f"{CORE}.radius", "diameter"),
    ([(f"{CORE}.radius", 0)], f"{CORE}.radius", "at least 0.01 nm"),
    ([(f"{CORE}.radius", -1.4)], f"{CORE}.radius", "at least 0.01 nm"),
    ([(f"{CORE}.radius", NAN)], f"{CORE}.radius", "a finite number"),
    ([(f"{CORE}.radius", math.inf)], f"{CORE}.radius", "a finite number"),
    ([(f"{CORE}.radius", "hard")], f"{CORE}.radius", "nm, angstrom"),
    ([(f"{CORE}.radius", "1.4 eV")], f"{CORE}.radius", "nm, angstrom"),
    ([(f"{CORE}.radius", 10**400)], f"{CORE}.radius", "a finite number"),
    ([(f"{CORE}.radius", True)], f"{CORE}.radius", "a finite number"),
    ([(f"{CORE}.diameter", 2.8)], f"{CORE}.diameter", "absent where `radius` is given"),
    ([(f"{CORE}.radius", REMOVED), (f"{CORE}.diameter", "2.8 K")], f"{CORE}.diameter", "nm, angstrom"),
    ([("molecule.dots[0].shells", 2.1)], "molecule.dots[0].shells", "a list"),
    ([("molecule.dots[0].shells", [1.0])], "molecule.dots[0].shells[0]", "a mapping"),
    ([(f"{SHELL}.material", "GaAs")], f"{SHELL}.material", "CdSe, CdS"),
    ([(f"{SHELL}.thickness", 0)], f"{SHELL}.thickness", "at least 0.001 nm"),
    ([(f"{SHELL}.thickness", "2.1 meV")], f"{SHELL}.thickness", "nm, angstrom"),
    ([(f"{SHELL}.thickness", REMOVED)], f"{SHELL}.thickness", "monolayers"),
    ([(f"{SHELL}.monolayers", 3)], f"{SHELL}.monolayers", "absent where `thickness` is given"),
    ([(f"{SHELL}.thickness", REMOVED), (f"{SHELL}.monolayers", 0)], f"{SHELL}.monolayers", "above 0"),
    ([(f"{SHELL}.thickness", REMOVED), (f"{SHELL}.monolayers", "3 nm")], f"{SHELL}.monolayers", "without a unit"),
    # neighbours
    ([("molecule.spacing", REMOVED)], "molecule.spacing", "given"),
    ([("molecule.spacing", 0)], "molecule.spacing", "above 0 nm"),
    ([("molecule.spacing", "5.2 K")], "molecule.spacing", "nm, angstrom"),
    ([("molecule.spacing", [5.2, 5.2])], "molecule.spacing", "one entry for each bond (1 for 2 dots)"),
    ([("molecule.spacing", ["x"])], "molecule.spacing[0]", "nm, angstrom"),
    ([("molecule.barrier", 2.4)], "molecule.barrier", "absent where `spacing` is given"),
    ([("molecule.spacing", REMOVED), ("molecule.barrier", -0.1)], "molecule.barrier", "at least 0 nm"),
    ([("molecule.spacing", REMOVED), ("molecule.barrier", [])], "molecule.barrier", "one entry for each bond"),
    ([("molecule.positions", [[0, 0, 0], [0, 0, 5]])], "molecule.positions", "absent where `spacing` is given"),
    ([("molecule.spacing", 2.7)], "molecule.spacing", "do not overlap"),
    # environment
    ([("environment.temperature", -1)], "environment.temperature", "at least 0 K"),
    ([("environment.temperature", "25 meV")], "environment.temperature", "K"),
    ([("environment.field", "5 nm")], "environment.field", "kV/cm"),
    ([("environment.field", {"z": 5})], "environment.field", "along the z axis, or a list [0, 0, F]"),
    ([("environment.field", True)], "environment.field", "along the z axis, or a list [0, 0, F]"),
    ([("environment.field", 1e9)], "environment.field", "at most 10000 kV/cm"),
    ([("environment.field", float("nan"))], "environment.field", "a finite number in kV/cm"),
    ([("environment.field", [0, 0])], "environment.field[2]", "given"),
    ([("environment.field", [0, 0, 0, 0])], "environment.field", "at most 3"),
    ([("environment.field", [0, 0, "5 nm"])], "environment.field[2]", "kV/cm"),
    ([("environment.field", [0, 1, 0])], "environment.field", "needs the 3-D solver"),
    ([("environment.field", [0, 0, 1e9])], "environment.field[2]", "at most 10000 kV/cm"),
    # calculation
    ([("calculation.electrons", -1)], "calculation.electrons", "at least 0"),
    ([("calculation.electrons", 1000)], "calculation.electrons", "at most 200"),
    ([("calculation.electrons", 2.5)], "calculation.electrons", "a whole number"),
    ([("calculation.electrons", True)], "calculation.electrons", "a whole number"),
    ([("calculation.holes", "two")], "calculation.holes", "a whole number"),
    ([("calculation.holes", -2)], "calculation.holes", "at least 0"),
    ([("calculation.electrons", 0)], "calculation.electrons", "at least 1 with `coulomb: self-consistent`"),
    ([("calculation.holes", 0)], "calculation.holes", "at least 1 with `coulomb: self-consistent`"),
    ([("calculation.self_polarisation", "yes")], "calculation.self_polarisation", "true or false"),
    ([("calculation.exchange", 1)], "calculation.exchange", "true or false"),
    ([("calculation.exchange_constant", 0)], "calculation.exchange_constant", "above 0"),
    ([("calculation.interface_width", 0)], "calculation.interface_width", "0.1"),
    ([("calculation.interface_width", "3 meV")], "calculation.interface_width", "nm"),
    (
        [("calculation.coulomb", "ci"), ("calculation.electrons", 0)],
        "calculation.electrons",
        "at least 1 with `coulomb: ci`",
    ),
    ([("calculation.coulomb", "ci"), ("calculation.holes", 0)], "calculation.holes", "at least 1 with `coulomb: ci`"),
    ([("calculation.coulomb", "full")], "calculation.coulomb", "none, self-consistent or ci"),
    ([("calculation.coulomb", ["none"])], "calculation.coulomb", "none, self-consistent or ci"),
    ([("calculation.ci_tolerance", 0)], "calculation.ci_tolerance", "above 0 meV"),
    ([("calculation.ci_tolerance", "1 nm")], "calculation.ci_tolerance", "meV"),
    ([("calculation.tolerance", 0)], "calculation.tolerance", "above 0 meV"),
    ([("calculation.tolerance", "1 nm")], "calculation.tolerance", "meV"),
    ([("calculation.tolerance", 5000)], "calculation.tolerance", "at most 1000 meV"),
    ([("calculation.tolerence", 1)], "calculation.tolerence", "tolerance"),
    # ensemble
    ([("ensemble", 1000)], "ensemble", "a mapping"),
    ([("ensemble.members", 1)], "ensemble.members", "at least 2"),
    ([("ensemble.members", 100_001)], "ensemble.members", "at most 100000"),
    ([("ensemble.members", 10.5)], "ensemble.members", "a whole number"),
    ([("ensemble.core_radius", "51 %")], "ensemble.core_radius", "at most 50 %"),
    ([("ensemble.core_radius", -0.1)], "ensemble.core_radius", "at least 0 nm"),
    ([("ensemble.core_radius", "%")], "ensemble.core_radius", "text with %"),
    ([("ensemble.shell_thickness", "1 eV")], "ensemble.shell_thickness", "in nm or with a unit"),
    ([("ensemble.shell_thickness", True)], "ensemble.shell_thickness", "in nm or with a unit"),
    ([("ensemble.neck", 101)], "ensemble.neck", "at most 100 nm"),
    ([("ensemble.neck", [1, 2])], "ensemble.neck", "in nm or with a unit"),
    ([("ensemble.neck", NAN)], "ensemble.neck", "in nm or with a unit"),
    ([("ensemble.monomers", 1.1)], "ensemble.monomers", "at most 1"),
    ([("ensemble.monomers", "20 %")], "ensemble.monomers", "without a unit"),
    ([("ensemble.seed", -1)], "ensemble.seed", "at least 0"),
    ([("ensemble.sizes", 1)], "ensemble.sizes", "core_radius"),
    ([("ensemble.strain", 1)], "ensemble.strain", "not supported yet"),
    # overrides
    ([("overrides.ZnS", {"electron_mass": 1})], "overrides.ZnS", "CdSe, CdS, medium"),
    ([("overrides.CdS", 0.1)], "overrides.CdS", "a mapping"),
    ([("overrides.medium", 0.1)], "overrides.medium", "a mapping"),
    ([("overrides.CdS.electron_mas", 1)], "overrides.CdS.electron_mas", "electron_mass"),
    ([("overrides.medium.conduction_offset", 1)], "overrides.medium.conduction_offset", "electron_barrier"),
    ([("overrides.CdS.electron_barrier", 1)], "overrides.CdS.electron_barrier", "conduction_offset"),
    *[
        ([(f"overrides.{material}.{key}", value)], f"overrides.{material}.{key}", "0.001 m0")
        for material in ("CdS", "medium")
        for key in ("electron_mass", "hole_mass")
        for value in (0, -0.1, 1000)
    ],
    ([("overrides.CdS.hole_mass", "0.7 eV")], "overrides.CdS.hole_mass", "free-electron mass"),
    ([("overrides.CdS.conduction_offset", "hard")], "overrides.CdS.conduction_offset", "eV"),
    ([("overrides.CdS.conduction_offset", math.inf)], "overrides.CdS.conduction_offset", "a finite number"),
    ([("overrides.CdS.valence_offset", 11)], "overrides.CdS.valence_offset", "at most 10 eV"),
    ([("overrides.CdSe.valence_offset", 0.1)], "overrides.CdSe.valence_offset", "reference"),
    ([("overrides.CdSe.conduction_offset", 0.1)], "overrides.CdSe.conduction_offset", "reference"),
    ([("overrides.CdS.permittivity", 0.9)], "overrides.CdS.permittivity", "at least 1"),
    ([("overrides.medium.permittivity", "hard")], "overrides.medium.permittivity", "without a unit"),
    ([("overrides.medium.permittivity", 0)], "overrides.medium.permittivity", "at least 1"),
    ([("overrides.CdS.band_gap", 2.4)], "overrides.CdS.band_gap", "reference"),
    ([("overrides.CdSe.band_gap", 0)], "overrides.CdSe.band_gap", "above 0 eV"),
    ([("overrides.CdS.layer_thickness", 0)], "overrides.CdS.layer_thickness", "0.01 nm"),
    ([("overrides.CdS.kane_energy", 0)], "overrides.CdS.kane_energy", "above 0 eV"),
    ([("overrides.CdS.optical_permittivity", 0.5)], "overrides.CdS.optical_permittivity", "at least 1"),
    ([("overrides.medium.optical_permittivity", "2 eV")], "overrides.medium.optical_permittivity", "without a unit"),
    ([("overrides.medium.kane_energy", 20)], "overrides.medium.kane_energy", "optical_permittivity"),
    ([("overrides.CdS.bulk_absorption_300nm", -1)], "overrides.CdS.bulk_absorption_300nm", "at least 0 1/cm"),
    ([("overrides.CdS.bulk_absorption_300nm", "1 nm")], "overrides.CdS.bulk_absorption_300nm", "1/um"),
    ([("overrides.CdSe.homogeneous_width", 0)], "overrides.CdSe.homogeneous_width", "above 0 meV"),
    ([("overrides.CdSe.homogeneous_width", "60 K")], "overrides.CdSe.homogeneous_width", "meV"),
    ([("overrides.CdSe.phonon_energy", 0)], "overrides.CdSe.phonon_energy", "above 0 meV"),
    ([("overrides.CdSe.hole_axial_share", 1.1)], "overrides.CdSe.hole_axial_share", "at most 1"),
    ([("overrides.CdSe.hole_axis_angle", 91)], "overrides.CdSe.hole_axis_angle", "at most 90 degrees"),
    ([("overrides.CdSe.hole_axis_angle", "2 nm")], "overrides.CdSe.hole_axis_angle", "rad"),
    *[
        ([(f"overrides.CdS.{key}", 0.5)], f"overrides.CdS.{key}", "reference material CdSe")
        for key in ("homogeneous_width", "phonon_energy", "hole_axial_share", "hole_axis_angle")
    ],
    ([("overrides.medium.electron_barrier", NAN)], "overrides.medium.electron_barrier", '"hard"'),
    ([("overrides.medium.electron_barrier", -math.inf)], "overrides.medium.electron_barrier", '"hard"'),
    ([("overrides.medium.electron_barrier", -1)], "overrides.medium.electron_barrier", "above 0 eV"),
    ([("overrides.medium.hole_barrier", 0)], "overrides.medium.hole_barrier", "no bound level"),
    ([("overrides.medium.hole_barrier", "soft")], "overrides.medium.hole_barrier", '"hard"'),
    # necks
    ([("molecule.neck", "fused")], "molecule.neck", "{merged: D}"),
    ([("molecule.neck", 4.0)], "molecule.neck", "{merged: D}"),
    ([("molecule.neck", {})], "molecule.neck", "{merged: D}"),
    ([("molecule.neck", {"merged": 4, "filled": 4})], "molecule.neck", "{merged: D}"),
    ([("molecule.neck", {"glued": 4})], "molecule.neck", "{merged: D}"),
    ([("molecule.neck", {"merged": "4 eV"})], "molecule.neck.merged", "nm, angstrom"),
    ([("molecule.neck", {"merged": -4})], "molecule.neck.merged", "at least 0 nm"),
    ([("molecule.neck", {"merged": 7.1})], "molecule.neck.merged", "at most 7 nm"),
    ([("molecule.neck", {"filled": 7.1})], "molecule.neck.filled", "at most 7 nm"),
    ([("molecule.neck", {"filled": NAN})], "molecule.neck.filled", "a finite number"),
    ([("molecule.neck", {"linker": -0.3})], "molecule.neck.linker", "at least 0 nm"),
    ([("molecule.neck", {"linker": 0.3})], "molecule.spacing", "7.3 nm"),
    ([("molecule.neck", {"merged": 4.0})], "molecule.spacing", "5.74456265 nm"),
]


def normal(path: str) -> str:
    return re.sub(r"\[\d+\]", "[]", path)


@pytest.mark.parametrize(
    ("changes", "field", "allowed"), VIOLATIONS, ids=[f"{v[1]}-{i}" for i, v in enumerate(VIOLATIONS)]
)
def test_a_violation_is_refused_by_name(changes, field, allowed):
    with pytest.raises(InputError) as caught:
        resolve(read_spec(changed(dimer(), *changes)))
    error = caught.value
    assert error.field == field
    assert allowed in error.allowed
    assert error.message.startswith(f"`{field}`")
    assert_one_sentence(error.message)


def assert_one_sentence(text):
    assert text.endswith(".")
    assert "\n" not in text
    assert len(text) < 700
    assert text.isprintable()


def schema_paths(node, schema, path=""):
    """Every property that the schema knows, as a dotted path with [] for entries of lists."""
    if "$ref" in node:
        yield from schema_paths(schema["$defs"][node["$ref"].rpartition("/")[2]], schema, path)
    for option in node.get("anyOf", []):
        yield from schema_paths(option, schema, path)
    for name, child in node.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here
        yield from schema_paths(child, schema, here)
    if isinstance(node.get("additionalProperties"), dict):
        yield f"{path}.CdS"
        yield from schema_paths(node["additionalProperties"], schema, f"{path}.CdS")
    if isinstance(node.get("items"), dict):
        yield from schema_paths(node["items"], schema, f"{path}[]")


def test_every_field_of_the_schema_is_violated_somewhere():
    known = set(schema_paths(spec_schema(), spec_schema()))
    assert len(known) > 40  # the walk must find them: a walk that finds nothing proves nothing
    violated = {normal(field) for _, field, _ in VIOLATIONS}
    violated |= {field.replace(".CdSe.", ".CdS.") for field in violated}
    assert known - violated == set()


@pytest.mark.parametrize(
    ("changes", "field", "allowed"),
    [
        ([("molecule.positions", [[0, 0, 0], [0.1, 0, 5.2]])], "molecule.positions[1]", "needs the 3-D solver"),
        ([("molecule.positions", [[0, 0, 0]])], "molecule.positions", "one [x, y, z] for each dot (2)"),
        ([("molecule.positions", [])], "molecule.positions", "at least 1"),
        ([("molecule.positions", [[0, 0], [0, 0, 5.2]])], "molecule.positions[0][2]", "given"),
        ([("molecule.positions", [[0, 0, 0], [0, 0, "5.2 s"]])], "molecule.positions[1][2]", "nm, angstrom"),
        ([("molecule.positions", [[0, 0, 0], [0, 0, 1]])], "molecule.positions[1]", "do not overlap"),
        (
            [("molecule.positions", [[0, 0, 0], [0, 0, 5]]), ("molecule.neck", {"linker": 0.3})],
            "molecule.positions",
            "7.3 nm",
        ),
    ],
)
def test_positions(changes, field, allowed):
    data = changed(dimer(), ("molecule.spacing", REMOVED), *changes)
    with pytest.raises(InputError) as caught:
        resolve(read_spec(data))
    assert caught.value.field == field
    assert allowed in caught.value.allowed


def test_barrier_that_disagrees_with_a_neck():
    data = changed(
        dimer(), ("molecule.spacing", REMOVED), ("molecule.barrier", 2.4), ("molecule.neck", {"linker": 0.3})
    )
    with pytest.raises(InputError, match=r"they are 5\.2 nm apart"):
        resolve(read_spec(data))


def test_cores_overlap_wherever_their_dots_are_listed():
    small = {"core": {"material": "CdSe", "radius": 0.2}, "shells": [{"material": "CdS", "thickness": 3}]}
    chain = changed(dimer(), ("molecule.dots", [dot(), small, dot()]), ("molecule.spacing", [1.7, 1.59]))
    with pytest.raises(InputError, match=r"dot 1 \(.*\) and dot 2 \(.*\) do not overlap") as caught:
        resolve(read_spec(chain))
    assert caught.value.field == "molecule.spacing[1]"
    resolve(read_spec(changed(chain, ("molecule.spacing", [1.6, 1.6]))))  # cores that touch do not overlap
    listed = changed(
        dimer(),
        ("molecule.dots", [dot(), dot(0.5, 1.0), dot()]),
        ("molecule.spacing", REMOVED),
        ("molecule.positions", [[0, 0, 0], [0, 0, 9.0], [0, 0, 2.0]]),
    )
    with pytest.raises(InputError, match=r"dot 0 \(.*\) and dot 2 \(.*\) do not overlap"):
        resolve(read_spec(listed))


def test_a_monomer_that_binds_nothing_is_refused():
    thin = changed(
        monomer(),
        ("molecule.dots", [{"core": {"material": "CdSe", "radius": 0.84}}]),
        ("overrides.medium", {"electron_barrier": 1, "electron_mass": 0.13}),
    )
    with pytest.raises(InputError, match="no bound electron level") as caught:
        resolve(read_spec(thin))
    assert caught.value.field == "molecule.dots[0].core.radius"
    # the threshold is 0.8504 nm; a field or a partner leaves the matter open
    resolve(read_spec(changed(thin, ("molecule.dots[0].core.radius", 0.851))))
    resolve(read_spec(changed(thin, ("environment.field", [0, 0, 10]))))
    resolve(
        read_spec(
            changed(
                thin, ("molecule.dots", [{"core": {"material": "CdSe", "radius": 0.84}}] * 2), ("molecule.spacing", 1.7)
            )
        )
    )
    holes_only = changed(thin, ("calculation", {"electrons": 0, "holes": 2}))
    assert read_spec(holes_only).calculation.coulomb == "none"
    resolve(read_spec(holes_only))


def test_a_molecule_that_cannot_bind_anything_is_refused():
    """The enclosing sphere has half the length, 6.1 nm; at 1 m0 it binds from (pi/2)^2 0.0381 eV nm2 / R^2 on."""
    threshold = (math.pi / 2) ** 2 * 0.0380998211 / 6.1**2
    for factor, binding in ((0.999, False), (1.001, True)):
        data = changed(dimer(), ("overrides.medium.electron_barrier", threshold * factor))
        if binding:
            resolve(read_spec(data))  # left to the solver
        else:
            with pytest.raises(InputError, match="no bound electron level") as caught:
                resolve(read_spec(data))
            assert caught.value.field == "overrides.medium.electron_barrier"


def test_a_missing_layer_thickness_names_the_shell(tmp_path):
    data = changed(monomer(), ("materials", "inp-cds-type-ii"), ("overrides", {}))
    data["molecule"]["dots"] = [
        {"core": {"material": "InP", "radius": 2}, "shells": [{"material": "InP", "monolayers": 2}]}
    ]
    with pytest.raises(InputError) as caught:
        resolve(read_spec(data))
    assert caught.value.field == "molecule.dots[0].shells[0].monolayers"
    assert "layer_thickness of InP" in caught.value.allowed
    data["overrides"] = {"InP": {"layer_thickness": 0.3}}
    assert resolve(read_spec(data)).dots[0].radius == pytest.approx(2.6)
