"""The field of light against closed forms, reciprocity, and far and near neighbours."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from qdmol.fem import Assembler, MeshSettings, Shapes, arrange, mesh_elements
from qdmol.potentials import optical_field, optical_molecule, permittivity
from qdmol.potentials.fields import OpticalField
from qdmol.structure import AxialMolecule, PlacedDot, PlacedLayer, RegionParameters

CORE, SHELL, MEDIUM = 6.2, 4.1, 2.24
LAYERS = (("core", 1.4), ("shell", 3.5))
ACROSS, ALONG = 0, 1


@pytest.fixture(autouse=True)
def _one_thread():
    with threadpool_limits(limits=1, user_api="blas"):
        yield


def _molecule(*centres, layers=LAYERS, permittivities=(CORE, SHELL, MEDIUM)):
    """Dots of layers; the static permittivity is one that light must not see."""
    parameters = {
        name: RegionParameters(0.2, 0.2, 0.0, 0.0, 80.0, optical_permittivity=value)
        for name, value in zip(("core", "shell", "medium"), permittivities, strict=True)
    }
    dots = tuple(PlacedDot(z, tuple(PlacedLayer(*layer) for layer in layers)) for z in centres)
    return AxialMolecule(dots, (), parameters, 0.0, 1.75)


class _Lit:
    """A molecule in light: field and intensity (2, P) at the points of its mesh."""

    def __init__(self, molecule, *, degree=8, half=None):
        self.molecule = optical_molecule(molecule)
        self.half = molecule.mirror_symmetric if half is None else half
        reach = max(abs(dot.z) + dot.radius for dot in molecule.dots)
        shapes = Shapes(molecule, (), reach + 5.0, 4e-3, half=self.half)
        labels = {label for piece in arrange(shapes) for label in (piece.left, piece.right)} - {""}
        sizes = MeshSettings(dict.fromkeys(sorted(labels), 2.0), 4, degree + 1)
        elements = mesh_elements(shapes, sizes, degree=degree)
        self.answer = optical_field(elements, self.molecule)
        self.assembler = Assembler(elements)
        self.field = self.answer.parallel(self.assembler)
        self.intensity = self.answer.intensity(self.assembler)
        blocks = self.assembler.blocks
        self.r, self.z, self.weight = (
            np.concatenate([part.ravel() for part in parts])
            for parts in (
                [b.points[..., 0] for b in blocks],
                [b.points[..., 1] for b in blocks],
                [b.measure for b in blocks],
            )
        )
        self.weight = self.weight * 2 * math.pi * (2 if self.half else 1)
        self.epsilon = np.concatenate([part.ravel() for part in permittivity(self.assembler, self.molecule)])
        names = np.array(elements.regions)
        self.region = np.concatenate([np.repeat(names[b.region], b.measure.shape[1]) for b in blocks])

    def near(self, z, radius):
        """Points of the sphere about z."""
        return np.hypot(self.r, self.z - z) < radius

    def mean(self, z, radius):
        """Mean field (2,) in a sphere."""
        here = self.near(z, radius)
        return self.field[:, here] @ self.weight[here] / self.weight[here].sum()

    @property
    def polarisability(self):
        """Dipole moment (2,) for a unit field, nm³, times the medium's permittivity."""
        contrast = self.epsilon - self.molecule.parameters["medium"].permittivity
        return self.field @ (contrast * self.weight) / (4 * math.pi)


@cache
def _lit(*centres, **settings):
    return _Lit(_molecule(*centres, **settings))


@pytest.mark.parametrize("centre", [0.0, 0.7])
def test_the_field_inside_a_homogeneous_sphere_is_uniform(centre):
    lit = _lit(centre, layers=(("core", 2.5),))
    inside = lit.near(centre, 2.5)
    expected = 3 * MEDIUM / (CORE + 2 * MEDIUM)
    assert lit.half == (centre == 0)
    assert np.abs(lit.field[:, inside] - expected).max() < 5e-5
    assert np.abs(lit.intensity[:, inside] - expected**2).max() < 5e-5
    assert lit.polarisability == pytest.approx([MEDIUM * 2.5**3 * (CORE - MEDIUM) / (CORE + 2 * MEDIUM)] * 2, rel=1e-7)


def _coated(r, z):
    """Field (2, n) in a coated sphere (Bohren and Huffman, Absorption and Scattering of Light, eq. 5.30), averaged.

    Potentials -C r cos θ in the core, -(A r + B/r²) cos θ in the shell: continuous, as is ε times the slope.
    """
    (_, a), (_, b) = LAYERS
    matrix = np.array(
        [
            [a, -a, -1 / a**2, 0],
            [CORE, -SHELL, 2 * SHELL / a**3, 0],
            [0, b, 1 / b**2, -1 / b**2],
            [0, SHELL, -2 * SHELL / b**3, 2 * MEDIUM / b**3],
        ]
    )
    core, even, dipole, out = np.linalg.solve(matrix, [0, 0, b, MEDIUM])
    distance = np.hypot(r, z)
    cosine = (z / distance) ** 2
    size = [np.select([distance < a, distance < b], [core, even], 1.0)]
    turned = np.select([distance < a, distance < b], [0.0, dipole], out) / distance**3
    return np.array(size + turned * [1 - 3 * (1 - cosine) / 2, 1 - 3 * cosine]), core


def test_a_core_shell_sphere_has_the_field_of_the_coated_sphere():
    """In the core 9 ε_s ε_m over (ε_c + 2ε_s)(ε_s + 2ε_m) + 2f(ε_c - ε_s)(ε_s - ε_m), f = (a/b)³."""
    lit = _lit(0.0)
    expected, core = _coated(lit.r, lit.z)
    part = (LAYERS[0][1] / LAYERS[1][1]) ** 3
    below = (CORE + 2 * SHELL) * (SHELL + 2 * MEDIUM) + 2 * part * (CORE - SHELL) * (SHELL - MEDIUM)
    assert core == pytest.approx(9 * SHELL * MEDIUM / below, rel=1e-12)
    assert np.abs(lit.field - expected).max() < 5e-5
    inside = lit.near(0.0, 1.4)
    assert np.abs(lit.field[:, inside] - core).max() < 1e-5
    assert np.ptp(lit.field[ALONG, ~inside]) > 0.5


def test_the_field_converges_with_the_degree_of_the_elements():
    """Shape functions of one degree more, on curved elements, leave less than a quarter of the mean error."""
    errors = []
    for degree in range(2, 9):
        lit = _Lit(_molecule(0.0), degree=degree)
        off = np.abs(lit.field - _coated(lit.r, lit.z)[0])
        errors.append(np.max(off @ lit.weight) / lit.weight.sum())
    assert np.all(np.array(errors[1:]) < np.array(errors[:-1]) / 4)
    assert errors[-1] < 3e-7


@pytest.mark.parametrize("half", [True, False])
def test_far_spheres_feel_each_other_as_dipoles(half):
    """Each meets F (1 + 2α/d³) along the axis and F (1 - α/d³) across; twice as far an eighth is left."""
    radius, alone = 2.0, 3 * MEDIUM / (CORE + 2 * MEDIUM)
    for distance in (10.0, 20.0):
        lit = _Lit(_molecule(-distance / 2, distance / 2, layers=(("core", radius),)), half=half)
        dipole = (radius / distance) ** 3 * (CORE - MEDIUM) / (CORE + 2 * MEDIUM)
        change = (lit.mean(distance / 2, radius) / alone - 1) / dipole
        assert change == pytest.approx([-1, 2], rel=4 * dipole + 1e-4)  # the rest: of second order, and multipoles


def test_nearly_touching_spheres_have_more_field_along_the_axis_and_less_across():
    radius, distance = 2.0, 4.1
    lit = _lit(-distance / 2, distance / 2, layers=(("core", radius),))
    across, along = lit.mean(distance / 2, radius) * (CORE + 2 * MEDIUM) / (3 * MEDIUM)
    dipole = (radius / distance) ** 3 * (CORE - MEDIUM) / (CORE + 2 * MEDIUM)
    # Two point dipoles that see each other.
    assert across == pytest.approx(1 / (1 + dipole), abs=0.01)
    assert along == pytest.approx(1 / (1 - 2 * dipole), abs=0.03)
    assert along > 1 / (1 - 2 * dipole)
    gap = np.abs(lit.z) < 0.04
    assert lit.field[ALONG, gap & (lit.r < 0.2)].min() > 1.5


def test_a_medium_equal_everywhere_changes_nothing():
    same = _lit(-2.6, 2.6, permittivities=(4.0, 4.0, 4.0))
    assert same.answer.across is None
    assert np.all(same.field == 1)
    assert np.all(same.intensity == 1)
    none = np.zeros(same.assembler.elements.count)
    assert np.all(OpticalField(none, none).parallel(same.assembler) == 1)
    assert np.all(OpticalField(none, none).intensity(same.assembler) == 1)


DIMER = (-2.6, 2.6)


@pytest.mark.parametrize("region", ["core", "shell"])
def test_the_intensity_is_what_the_polarisability_grows_by(region):
    """Reciprocity: 4π dα/dε of a region is ∫ |E|² over it. Field and intensity of a merged dimer, both directions."""
    lit = _lit(*DIMER)
    step = 0.02
    around = []
    for sign in (1, -1):
        values = {"core": CORE, "shell": SHELL, "medium": MEDIUM}
        values[region] += sign * step
        around.append(_lit(*DIMER, permittivities=tuple(values.values())).polarisability)
    slope = (around[0] - around[1]) / (2 * step)
    here = lit.region == region
    assert slope == pytest.approx(lit.intensity[:, here] @ lit.weight[here] / (4 * math.pi), rel=2e-5)


def test_the_dipole_inside_is_the_one_seen_from_outside():
    """Of the potential on a ball around a merged dimer, as of its field's integral inside."""
    lit = _lit(*DIMER)
    elements, radius = lit.assembler.elements, 7.5
    cosine, weight = np.polynomial.legendre.leggauss(60)
    r, z = radius * np.sqrt(1 - cosine**2), radius * cosine
    along = np.sign(z) * elements.sample(lit.answer.along, r, np.abs(z))
    across = elements.sample(lit.answer.across, r, np.abs(z))
    sine = np.sqrt(1 - cosine**2)
    dipole = radius**2 * np.array([np.sum(weight * across * sine) * 3 / 4, np.sum(weight * along * cosine) * 3 / 2])
    assert MEDIUM * dipole == pytest.approx(lit.polarisability, rel=1e-6)
    assert lit.polarisability[ALONG] > 1.1 * lit.polarisability[ACROSS]


def test_light_needs_every_optical_permittivity():
    molecule = _molecule(0.0)
    parameters = dict(molecule.parameters)
    parameters["shell"] = replace(parameters["shell"], optical_permittivity=None)
    with pytest.raises(ValueError, match="shell has no optical permittivity"):
        optical_molecule(replace(molecule, parameters=parameters))
