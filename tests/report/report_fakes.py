"""A made-up solution for any spec: analytic fields under the names and units of the real one."""

import json
import math
from typing import Any

import numpy as np
import xarray as xr
from tests.solutions import values_of

from qdmol.structure import Spec, dump_spec, materials_at, read_spec, resolve
from qdmol.study import Solution
from qdmol.study.evaluation import linewidth_mev

DOT = {"core": {"material": "CdSe", "radius": 1.4}, "shells": [{"material": "CdS", "thickness": 2.1}]}
SMALL_DOT = {"core": {"material": "CdSe", "radius": 1.2}, "shells": [{"material": "CdS", "thickness": 2.1}]}
EV, MEV, NM = {"units": "eV"}, {"units": "meV"}, {"units": "nm"}


def spec_of(*dots, spacing=5.2, neck="merged", overrides=None, field=0.0, **calculation) -> Spec:
    molecule: dict[str, Any] = {"dots": list(dots) or [DOT, DOT]}
    if len(molecule["dots"]) > 1:
        molecule |= {"spacing": spacing, "neck": neck}
    return read_spec(
        {
            "qdmol": 1,
            "name": 'CdSe/CdS <made up> & "quoted"',
            "materials": "cdse-cds-single-band",
            "overrides": overrides or {},
            "molecule": molecule,
            "environment": {"temperature": 300, "field": [0, 0, field]},
            "calculation": {"electrons": 4, "holes": 2, "coulomb": "self-consistent", **calculation},
        }
    )


def _orbitals(molecule, z, r, width):
    """Normalised Gaussians on the dots, and their even and odd sums."""
    norm = (math.pi * width**2) ** -0.75
    on_dot = [norm * np.exp(-((z - dot.z) ** 2 + r**2) / (2 * width**2)) for dot in molecule.dots]
    signs = np.array([(-1.0) ** index for index in range(len(on_dot))])
    even = sum(on_dot) / math.sqrt(len(on_dot))
    odd = sum(sign * orbital for sign, orbital in zip(signs, on_dot, strict=True)) / math.sqrt(len(on_dot))
    return on_dot, even, odd


def _edges(molecule, z, carrier):
    names = materials_at(molecule, z, np.full_like(z, 1e-9))
    slope = molecule.field * z * (1 if carrier == "electron" else -1)
    return np.array([getattr(molecule.parameters[name], f"{carrier}_edge") for name in names]) + slope


def _pull(molecule, z):
    return -0.144 / np.hypot(z - min(dot.z for dot in molecule.dots), 1.0)


def _regions(molecule, z, r, names):
    found = materials_at(molecule, z, r)
    return np.vectorize({name: number for number, name in enumerate(names)}.__getitem__)(found).astype(np.int32)


def _fields(spec, molecule):
    reach = max(abs(dot.z) + dot.radius for dot in molecule.dots) + 1
    z, r = np.linspace(-reach, reach, 801), np.linspace(0, max(dot.radius for dot in molecule.dots) + 1, 90)
    map_z = np.linspace(-reach, reach, 300)
    grid_z, grid_r = np.meshgrid(map_z, r)
    names = [*molecule.parameters]
    data = xr.Dataset(coords={"z": ("z", z, NM), "map_z": ("map_z", map_z, NM), "map_r": ("map_r", r, NM)})
    data["electron_edge"] = ("z", _edges(molecule, z, "electron"), EV)
    data["hole_edge"] = ("z", _edges(molecule, z, "hole"), EV)
    data["region"] = ("z", _regions(molecule, z, np.full_like(z, 1e-9), names), {"units": "1", "regions": names})
    data["region_map"] = (
        ("map_r", "map_z"),
        _regions(molecule, grid_z, grid_r, names),
        {"units": "1", "regions": names},
    )
    pair = spec.calculation.coulomb != "none"
    one = len(molecule.dots) == 1
    for where, (zz, rr, dims) in {
        "axis": (z, np.zeros_like(z), ("z",)),
        "map": (grid_z, grid_r, ("map_r", "map_z")),
    }.items():
        on_dot, even, odd = _orbitals(molecule, zz, rr, 1.6)
        kinds = {"electron": [even] if one else [even, odd]}
        if pair:
            kinds["electron_coulomb"] = on_dot[:1] if one else [on_dot[0], on_dot[-1]]
        for kind, states in kinds.items():
            count = len(states) if kind == "electron_coulomb" else spec.calculation.electrons
            listed = np.array([states[index % len(states)] for index in range(count)])
            if count:
                _store(data, kind, where, listed, (f"{kind}_level", *dims))
        if spec.calculation.holes:
            hole = _orbitals(molecule, zz, rr, 0.9)
            _store(data, "hole", where, np.array([hole[1]] * spec.calculation.holes), ("hole_level", *dims))
            if pair:
                _store(data, "hole_coulomb", where, hole[0][0], dims)
    if pair:
        data["electron_edge_coulomb"] = ("z", data["electron_edge"].values + _pull(molecule, z), EV)
    return data


def _store(data, kind, where, states, dims):
    if where == "axis":
        data[f"{kind}_density_axis"] = (dims, states**2, {"units": "1/nm^3"})
    else:
        data[f"{kind}_wavefunction"] = (dims, states, {"units": "nm^-3/2"})


def _levels(count, start, step, one, mirror):
    energies = [start, start + step, start + 0.13, start + 0.13, start + 0.2, start + 0.21]
    energies = [start, start + 0.13, start + 0.13, start + 0.13] if one else energies
    ms, parities = [0, 0, -1, 1, 0, 0], ["+", "-", "+", "+", "+", "-"]
    if one:
        ms, parities = [0, 0, -1, 1], ["+", "-", "+", "+"]
    count = min(count, len(energies))
    return {
        "energy_eV": energies[:count],
        "error_meV": [0.004 + 0.001 * index for index in range(count)],
        "m": ms[:count],
        "parity": [parity if mirror else None for parity in parities[:count]],
    }


def _two_levels(splitting, *, mirror, two):
    """Tunnel coupling and detuning; unlike dots are detuned by four fifths of the splitting."""
    if not two:
        return {f"{name}{end}_meV": None for name in ("tunnel_coupling", "detuning") for end in ("", "_error")}
    coupling, detuning = (splitting / 2, 0.0) if mirror else (0.3 * splitting, 0.8 * splitting)
    errors = (0.0017, 0.0) if mirror else (0.003, 0.004)
    return {
        "tunnel_coupling_meV": coupling,
        "tunnel_coupling_error_meV": errors[0],
        "detuning_meV": detuning,
        "detuning_error_meV": errors[1],
    }


def _dot_shares(dots, electron, hole, *, mirror):
    """The lowest levels mostly in one dot each, or alike in all of a symmetric molecule."""

    def row(index):
        if mirror:
            return [1 / dots] * dots
        return [0.9 if dot == index % dots else 0.1 / (dots - 1) for dot in range(dots)]

    return {
        name: [row(index) for index in range(len(part["energy_eV"]))]
        for name, part in (("electron", electron), ("hole", hole))
    }


def _shares_in_the_field(dots):
    others = [0.05 / (dots - 1)] * (dots - 1)
    return [[0.95, *others], [*others, 0.95]]


def _summary(spec, molecule, shift=True):
    one, mirror = len(molecule.dots) == 1, molecule.mirror_symmetric
    electron = _levels(spec.calculation.electrons, 0.17767, 0.022867, one, mirror)
    hole = _levels(spec.calculation.holes, 0.2306, 1.65e-5, one, mirror)
    pair = spec.calculation.coulomb != "none"
    coulomb = {
        "scheme": "self-consistent",
        "electron_energy_eV": [0.0901] if one else [0.0901, 0.0901 + 0.061632],
        "electron_error_meV": [0.02, 0.01][: 1 if one else 2],
        "hole_dot": 0,
        "other_states": [] if one else [{"hole_dot": 1, "exciton_eV": 0.33072, "exciton_error_meV": 0.05}],
        "electron_dot_share": () if one else _shares_in_the_field(len(molecule.dots)),
        "spacing_meV": None if one else 61.632,
        "spacing_error_meV": None if one else 0.021,
        "exciton_eV": 0.33072,
        "exciton_error_meV": 0.05,
        "binding_meV": 77.65,
        "binding_error_meV": 0.06,
    }
    split = not one and spec.calculation.electrons > 1
    shift = shift and pair
    return {
        "qdmol": 1,
        "name": spec.name,
        "converged": True,
        "electron": electron,
        "hole": hole,
        "splitting_meV": 22.867 if split else None,
        "splitting_error_meV": 0.0034 if split else None,
        **_two_levels(22.867, mirror=mirror, two=split and len(molecule.dots) == 2),
        "dot_share": None if one else _dot_shares(len(molecule.dots), electron, hole, mirror=mirror),
        "coulomb": coulomb if pair else None,
        "gap_eV": 2.07072 if shift else None,
        "gap_error_meV": 0.05 if shift else None,
        "monomer_gap_eV": 2.07397 if shift else None,
        "monomer_gaps_eV": [2.07397] * len(molecule.dots) if shift else [],
        "redshift_meV": 3.25 if shift else None,
        "redshift_error_meV": 0.06 if shift else None,
        "redshift_single_particle_meV": 13.71 if spec.calculation.holes else None,
        "redshift_single_particle_error_meV": 0.012 if spec.calculation.holes else None,
        "warnings": [] if shift or not pair else ["Permittivities differ and self-polarisation is not included."],
        "elapsed_s": 0.43,
    }


def _add_levels(data, summary):
    for kind in ("electron", "hole"):
        dim = f"{kind}_level"
        data[f"{kind}_energy"] = (dim, np.array(summary[kind]["energy_eV"], dtype=float), EV)
        data[f"{kind}_error"] = (dim, np.array(summary[kind]["error_meV"], dtype=float), MEV)
        data[f"{kind}_m"] = (dim, np.array(summary[kind]["m"], dtype=int), {"units": "1"})
        data[f"{kind}_parity"] = (
            dim,
            np.array([p or "" for p in summary[kind]["parity"]], dtype=object),
            {"units": "1"},
        )
    for kind, rows in (summary["dot_share"] or {}).items():
        if rows:
            data[f"{kind}_dot_share"] = ((f"{kind}_level", "dot"), np.array(rows), {"units": "1"})
    if summary["coulomb"]:
        energies = summary["coulomb"]["electron_energy_eV"]
        data["electron_coulomb_energy"] = ("electron_coulomb_level", np.array(energies), EV)
        data["electron_coulomb_error"] = (
            "electron_coulomb_level",
            np.array(summary["coulomb"]["electron_error_meV"]),
            MEV,
        )


def _add_range(data, summary, spec):
    listed = [("CdS.conduction_offset", value, "eV") for value in (0.0, 0.32)]
    listed += [("CdS.electron_mass", value, "m0") for value in (0.13, 0.25)]
    listed += [("CdS.valence_offset", 0.42, "eV"), ("medium.electron_barrier", 1.8, "eV")]
    labels = [f"{name} = {value:g} {unit}" for name, value, unit in listed]
    data["alternative"] = ("alternative", np.array(labels, dtype=object))
    data["range_splitting"] = ("alternative", [24.6, 11.9, 35.7, 20.1, 22.867, np.nan], MEV)
    if summary["redshift_meV"] is not None:
        data["range_redshift"] = ("alternative", [3.9, 0.7, 6.2, 2.9, 3.31, 3.30], MEV)
    sources = [f"Somebody, J. Chem. Phys. 151, {page} (2019), doi:10.1063/1.{page}" for page in range(len(labels))]
    data["range_source"] = ("alternative", np.array(sources, dtype=object))
    summary["splitting_range_meV"] = [11.9, 35.7]
    summary["redshift_range_meV"] = [0.7, 6.2]


def fake_solution(spec: Spec | None = None, *, range_=False, shift=True, converged=True) -> Solution:
    """Every variable of a real solution that the spec asks for, with made-up numbers."""
    spec = spec or spec_of()
    molecule = resolve(spec)
    summary = _summary(spec, molecule, shift)
    summary["converged"] = converged
    data = _fields(spec, molecule)
    _add_levels(data, summary)
    bare = [0.19138 if len(dot.layers) and dot.layers[0].radius > 1.3 else 0.2134 for dot in molecule.dots]
    distinct = list(dict.fromkeys(bare))
    data["monomer_electron_energy"] = ("monomer", np.array(distinct), EV)
    if len(bare) > 1:
        data["monomer_of_dot"] = ("dot", np.array([distinct.index(level) for level in bare]), {"units": "1"})
        if summary["coulomb"]:
            shares = np.array(_shares_in_the_field(len(bare)))
            data["electron_coulomb_dot_share"] = (("electron_coulomb_level", "dot"), shares, {"units": "1"})
    if range_:
        _add_range(data, summary, spec)
    for name in ("splitting", "splitting_error", "redshift"):
        if summary[f"{name}_meV"] is not None:
            data[name] = ((), summary[f"{name}_meV"], MEV)
    data.attrs |= {
        "qdmol_version": "0.1.0",
        "spec": dump_spec(spec),
        "mesh_elements": 412,
        "order": 6,
        "unknowns": 3810,
        "wall_distance_nm": 0.52,
        "elapsed_s": 0.43,
        "converged": int(converged),
        "warnings": json.dumps(summary["warnings"]),
    }
    values = values_of(
        summary,
        temperature=spec.environment.temperature,
        linewidth=linewidth_mev(molecule, spec.environment.temperature),
        dots=molecule.dot_names,
    )
    return Solution.of(values, spec=spec, stored=data)


def hard_walls() -> Spec:
    return spec_of(overrides={"medium": {"electron_barrier": "hard", "hole_barrier": "hard"}})


VARIANTS = {
    "homodimer": lambda: fake_solution(range_=True),
    "monomer": lambda: fake_solution(spec_of(DOT)),
    "monomer without coulomb": lambda: fake_solution(spec_of(DOT, coulomb="none")),
    "heterodimer": lambda: fake_solution(spec_of(SMALL_DOT, DOT)),
    "chain": lambda: fake_solution(spec_of(DOT, DOT, DOT, DOT)),
    "no holes": lambda: fake_solution(spec_of(holes=0, coulomb="none")),
    "no electrons": lambda: fake_solution(spec_of(electrons=0, coulomb="none")),
    "one electron": lambda: fake_solution(spec_of(electrons=1, coulomb="none")),
    "no coulomb": lambda: fake_solution(spec_of(coulomb="none"), range_=True),
    "hard walls": lambda: fake_solution(hard_walls()),
    "field": lambda: fake_solution(spec_of(field=50.0)),
    "filled neck": lambda: fake_solution(spec_of(spacing=6.84, neck={"filled": 4.0})),
    "linked": lambda: fake_solution(spec_of(spacing=7.3, neck={"linker": 0.3})),
    "null shift": lambda: fake_solution(shift=False),
    "not converged": lambda: fake_solution(converged=False),
}
