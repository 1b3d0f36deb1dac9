"""Self-polarisation against closed forms, a radial equation, and itself on finer panels."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.integrate
from threadpoolctl import threadpool_limits

from qdmol.fem import Assembler, MeshSettings, Shapes, arrange, mesh_elements
from qdmol.potentials import Poisson, SelfPolarisation, permittivity
from qdmol.potentials.boundary import BoundaryResponse
from qdmol.potentials.polarisation import PolarisationSettings, sphere_potential
from qdmol.potentials.surfaces import RingPoints, interfaces, ring_potentials
from qdmol.structure import AxialMolecule, Bridge, PlacedDot, PlacedLayer, RegionParameters
from qdmol.units import COULOMB_EV_NM

CORE, SHELL, MEDIUM = 6.2, 9.2, 2.38
WIDTH = 0.3
HALF = COULOMB_EV_NM / 2


@pytest.fixture(autouse=True)
def _one_thread():
    """As in a job: the matrices are small, and threads that wait for each other take longer than one."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield


def _at(r, z):
    """Positions in the plane y = 0."""
    return np.stack([r, np.zeros_like(r), z], axis=-1)


def _molecule(*centres, layers=(("core", 1.4), ("shell", 3.5)), permittivities=(CORE, SHELL, MEDIUM), **settings):
    parameters = {
        name: RegionParameters(0.2, 0.2, 0.0, 0.0, value)
        for name, value in zip(("core", "shell", "medium"), permittivities, strict=True)
    }
    dots = tuple(PlacedDot(z, tuple(PlacedLayer(*layer) for layer in layers)) for z in centres)
    bridges = settings.pop("bridges", ())
    return AxialMolecule(dots, bridges, parameters, 0.0, 1.75, **settings)


def _contrast(inside, outside):
    return (inside - outside) / (inside + outside)


def _points(count, r_max, z_max, seed=3):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.01, r_max, count), rng.uniform(-z_max, z_max, count)


@pytest.mark.parametrize(
    ("inside", "outside", "carrier", "exciton"),
    [
        (6.2, 2.0, 0.20213, 0.06554),
        (9.5, 2.0, 0.22580, 0.05686),
        (6.2, 1.0, 0.46870, 0.09868),
        (9.5, 1.0, 0.48453, 0.07432),
    ],
)
def test_the_image_charges_of_a_hard_sphere(inside, outside, carrier, exciton):
    """Mean over the 1S state, in e²/R; of an exciton the monopole drops out against the attraction's."""
    x, w = np.polynomial.legendre.leggauss(80)
    r, weight = x + 1, w * np.sin(math.pi * (x + 1) / 2) ** 2
    potential = sphere_potential(r, [2.0], [_contrast(inside, outside)], softness=0.0)
    mean = 2.0 * np.sum(weight * potential) / (2 * inside)
    assert mean == pytest.approx(carrier, rel=1e-4)
    monopole = (inside / outside - 1) / (2 * inside)
    assert 2 * (mean - monopole) == pytest.approx(exciton, rel=2e-4)


def test_a_hard_sphere_with_an_interface_of_some_width_is_near_the_sharp_one():
    x, w = np.polynomial.legendre.leggauss(80)
    r, weight = x + 1, w * np.sin(math.pi * (x + 1) / 2) ** 2
    soft = [sphere_potential(r, [2.0], [_contrast(9.5, 2.0)], softness=a) for a in (0.0, 0.05, 0.1)]
    sharp, thin, thick = (float(np.sum(weight * one)) for one in soft)
    assert thin == pytest.approx(sharp, rel=0.01)
    assert (sharp - thick) / (sharp - thin) == pytest.approx(4.0, rel=0.3)  # second order in the width


def test_a_charge_outside_a_sphere():
    r = np.array([2.5, 3.0, 4.0, 7.0])
    l = np.arange(400)[:, None]  # noqa: E741
    expected = np.sum((2.0 - 9.5) * l / (l * 9.5 + (l + 1) * 2.0) * (2.0 / r) ** (2 * l + 1) / r, axis=0)
    found = sphere_potential(r, [2.0], [_contrast(9.5, 2.0)], softness=0.0)
    assert found == pytest.approx(expected, rel=1e-6)


def test_concentric_layers_against_the_radial_equation_of_each_multipole():
    """G_l(r, r) = 1/(ε r (p_in - p_out)), p = r u'/u of the solutions regular at the centre and outside."""
    radii, values = (1.4, 2.2, 3.5), (6.2, 9.2, 3.0, 2.38)
    r = np.array([0.5, 1.1, 1.8, 2.0, 2.9, 4.2])
    expected = np.zeros(len(r))
    for l in range(300):  # noqa: E741
        for k, one in enumerate(r):
            place = sum(one > radius for radius in radii)
            inner = _carried(l, float(l), [(radii[i], values[i] / values[i + 1]) for i in range(place)], one)
            outer = _carried(
                l,
                -(l + 1.0),
                [(radii[i], values[i + 1] / values[i]) for i in range(len(radii) - 1, place - 1, -1)],
                one,
            )
            expected[k] += ((2 * l + 1) / (inner - outer) - 1) / one
    contrasts = [_contrast(a, b) for a, b in itertools.pairwise(values)]
    assert sphere_potential(r, radii, contrasts, softness=0.0) == pytest.approx(expected, rel=1e-5)


def _carried(l, slope, crossings, end):  # noqa: E741
    """r u'/u at `end` after interfaces (radius, ratio of ε before to behind); u = A r^l + B r^-(l+1) between."""
    here = None
    for radius, ratio in crossings:
        slope = ratio * (slope if here is None else _within(l, slope, here, radius))
        here = radius
    return slope if here is None else _within(l, slope, here, end)


def _within(l, slope, start, end):  # noqa: E741
    share = (l - slope) / (slope + l + 1)  # B/A at the start
    if not math.isfinite(share):
        return -(l + 1.0)
    share *= (start / end) ** (2 * l + 1)
    return (l - (l + 1) * share) / (1 + share)


def test_beside_a_plane_the_potential_is_that_of_a_softened_image():
    radius, softness, contrast = 60.0, 0.5, 0.4
    depth = np.array([-2.0, -0.5, 0.0, 0.2, 0.5, 1.0, 2.0])
    found = sphere_potential(radius - depth, [radius], [contrast], softness=softness)
    plane = contrast / 2 * depth / (depth**2 + softness**2)
    assert found == pytest.approx(plane, abs=0.03)
    assert found[depth == 0.5] == pytest.approx(contrast / 4 / softness, rel=0.15)
    nearer = sphere_potential(2 * radius - depth, [2 * radius], [contrast], softness=softness)
    assert np.abs(nearer - plane).max() < 0.6 * np.abs(found - plane).max()


def test_a_graded_permittivity_costs_about_as_much():
    """Another model of an interface as wide: ε itself changes linearly over it, solved as a radial equation."""
    r = np.linspace(0.02, 5.0, 3000)
    k, kappa = math.pi / 3.9, 11.5
    u = np.where(r < 3.5, np.sin(k * r), np.sin(k * 3.5) * np.exp(-kappa * (r - 3.5)))
    weight = u**2 / np.sum(u**2)
    sharp_inside = np.where(r < 3.5, SHELL, MEDIUM)
    soft = sphere_potential(r, [3.5], [_contrast(SHELL, MEDIUM)], softness=WIDTH / 2) / sharp_inside
    graded = _graded(r, 3.5, WIDTH)
    mean_soft, mean_graded = (1000 * HALF * float(np.sum(weight * one)) for one in (soft, graded))
    assert mean_graded == pytest.approx(mean_soft, rel=0.06)
    centre = np.abs(r - 1.5).argmin()
    assert graded[centre] == pytest.approx(soft[centre], rel=0.02)


def _graded(r, radius, width, *, multipoles=300):
    """Twice V over e² of ε linear across the interface: Riccati's equation of r u'/u from both ends, implicitly."""

    def value(x):
        return np.interp(x, [radius - width / 2, radius + width / 2], [SHELL, MEDIUM])

    t = np.log(np.linspace(radius - 4 * width, radius + 4 * width, 1500))
    l = np.arange(multipoles, dtype=float)  # noqa: E741

    def sweep(p, grid):
        rows = [p]
        for a, b in itertools.pairwise(grid):
            change = (np.log(value(np.exp(b))) - np.log(value(np.exp(a)))) / (b - a)
            q = p
            for _ in range(4):
                middle = (p + q) / 2
                residual = q - p - (b - a) * (l * (l + 1) - middle**2 - middle - change * middle)
                q = q - residual / (1 + (b - a) * (2 * middle + 1 + change) / 2)
            rows.append(q)
            p = q
        return np.array(rows)

    inner, outer = sweep(l, t), sweep(-(l + 1), t[::-1])[::-1]
    terms = (2 * l + 1) / (inner - outer) - 1
    total = (terms.sum(axis=1) + terms[:, -1] * multipoles) / np.exp(t)
    near = np.interp(r, np.exp(t), total)
    far = sphere_potential(r, [radius], [_contrast(SHELL, MEDIUM)], softness=1e-3)
    return np.where(np.abs(r - radius) < 3.9 * width, near, far) / value(r)


@pytest.mark.parametrize("softness", [0.0, 0.15])
def test_potentials_of_rings(softness):
    source, place, normal = (3.0, 0.2), (2.9, 0.5), (0.6, 0.8)
    points = RingPoints(*(np.array([x]) for x in (*place, *normal)))
    orders = (0, 1, 7, 40)
    found = ring_potentials(np.array([source[0]]), np.array([source[1]]), points, softness=softness, orders=orders)
    for m, (value, slope) in zip(orders, found, strict=True):

        def square(angle):
            return (
                (source[0] - place[0]) ** 2
                + (source[1] - place[1]) ** 2
                + softness**2
                + 4 * source[0] * place[0] * np.sin(angle / 2) ** 2
            )

        def push(angle):
            return normal[0] * (place[0] - source[0] * np.cos(angle)) + normal[1] * (place[1] - source[1])

        options = {"limit": 400, "epsabs": 1e-11, "epsrel": 1e-11, "points": [0.05, 0.2]}
        expected, _ = scipy.integrate.quad(
            lambda angle, m=m: np.cos(m * angle) / np.sqrt(square(angle)), 0, math.pi, **options
        )
        along, _ = scipy.integrate.quad(
            lambda angle, m=m: -np.cos(m * angle) * push(angle) / square(angle) ** 1.5, 0, math.pi, **options
        )
        assert value[0] == pytest.approx(2 * expected, rel=1e-7)
        assert slope[0] == pytest.approx(2 * along, rel=1e-6)


@pytest.mark.parametrize("centre", [0.0, 0.8])
def test_boundary_integrals_of_one_sphere_against_the_series(centre):
    molecule = _molecule(centre)
    surface = interfaces(molecule, closed_gap=4e-3, nodes=8, longest=0.6, shortest=0.075)
    assert surface.half == (centre == 0.0)
    r, z = _points(60, 4.2, 4.2)
    expected = sphere_potential(
        np.hypot(r, z - centre), [1.4, 3.5], [_contrast(CORE, SHELL), _contrast(SHELL, MEDIUM)], softness=0.15
    )
    found = BoundaryResponse(surface, 0.15).own_potential(r, z)
    assert found == pytest.approx(expected, abs=1e-3)
    assert np.mean(np.abs(found - expected)) < 2e-5 * np.mean(np.abs(expected))


SHAPES = {
    "merged": _molecule(-2.6, 2.6, interface_width=WIDTH),
    "filled": _molecule(-3.42, 3.42, bridges=(Bridge(-3.42, 3.42, 2.0, "shell"),), interface_width=WIDTH),
    "linked": _molecule(-3.65, 3.65, interface_width=WIDTH),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_finer_panels_change_little_and_the_stated_order_holds(shape):
    """Edges of the neck and a narrow gap included; eV, of a charge in the shell."""
    molecule = SHAPES[shape]
    r, z = _points(60, 3.6, 6.5)
    fine = PolarisationSettings(nodes=10, longest=2.0, shortest=0.12)
    exact = SelfPolarisation(molecule, WIDTH, fine).potential(_at(r, z))
    found = [
        SelfPolarisation(molecule, WIDTH, replace(PolarisationSettings(), nodes=n)).potential(_at(r, z)) for n in (6, 8)
    ]
    coarse, default = (HALF / SHELL * np.abs(one - exact) for one in found)
    assert default.mean() < 4e-6
    assert default.max() < 1.5e-4
    assert coarse.mean() > 3 * default.mean()  # two points a panel more


def test_the_edge_of_a_neck_is_resolved():
    """eV, of a charge in the shell: the panels shrink towards the edge, and without that they would not do."""
    molecule = SHAPES["merged"]
    edge = math.sqrt(3.5**2 - 2.6**2)
    r, z = edge + np.linspace(-0.3, 0.3, 12), np.full(12, 0.02)
    settings = [PolarisationSettings(nodes=10, longest=2.0, shortest=0.06), PolarisationSettings()]
    settings.append(replace(settings[1], shortest=2.0))
    exact, found, rough = (SelfPolarisation(molecule, WIDTH, one).potential(_at(r, z)) for one in settings)
    assert HALF / SHELL * np.abs(found - exact).max() < 2e-5
    assert np.abs(rough - exact).max() > 3 * np.abs(found - exact).max()


def test_the_upper_half_stands_for_the_whole():
    molecule = SHAPES["merged"]
    r, z = _points(20, 3.6, 6.0)
    half = SelfPolarisation(molecule, WIDTH).potential(_at(r, z))
    whole = SelfPolarisation(replace(molecule, field=1e-9), WIDTH).potential(_at(r, z))
    assert half == pytest.approx(whole, abs=5e-4)
    assert half == pytest.approx(SelfPolarisation(molecule, WIDTH).potential(_at(r, -z)), rel=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_ball_of_charge_in_a_core_by_finite_elements(shape):
    """Poisson's equation with and without contrast: from outside a ball of charge is a point, on the interfaces too."""
    molecule = replace(SHAPES[shape], interface_width=None)
    upper = max(dot.z for dot in molecule.dots)
    shapes = Shapes(molecule, (1.0,), 9.0, 4e-3, half=False)
    labels = {label for piece in arrange(shapes) for label in (piece.left, piece.right)} - {""}
    sizes = {label: 3.0 if label.endswith("/far") else 1.0 for label in sorted(labels)}
    elements = mesh_elements(shapes, MeshSettings(sizes, 6, 7), degree=6)
    uniform = replace(
        molecule, parameters={name: replace(p, permittivity=CORE) for name, p in molecule.parameters.items()}
    )
    at_centre = []
    for one in (molecule, uniform):
        poisson = Poisson(elements, one)
        distance = [np.hypot(b.points[..., 0], b.points[..., 1] - upper) for b in poisson.assembler.blocks]
        ball = [np.where(d < 1.2, (1 - (d / 1.2) ** 2) ** 3, 0.0) for d in distance]
        charge = 2 * math.pi * poisson.assembler.integral(ball)
        found = poisson.potential(poisson.assembler, [[part / charge for part in ball]])[poisson.symmetry.identity]
        at_centre.append(elements.sample(found, np.array([0.0]), np.array([upper]))[0])
    expected = at_centre[0] - at_centre[1]
    thin = SelfPolarisation(molecule, 0.1).potential(_at(np.array([1e-3]), np.array([upper])))[0]
    wide = SelfPolarisation(molecule, 0.2).potential(_at(np.array([1e-3]), np.array([upper])))[0]
    sharp = (4 * thin - wide) / 3  # second order in the width
    assert COULOMB_EV_NM / CORE * sharp == pytest.approx(expected, rel=1e-3)


def test_small_elements_take_a_fit_as_good_as_their_points():
    molecule = SHAPES["merged"]
    shapes = Shapes(molecule, (), 0.0, 4e-3, half=True)
    sizes = {label: 2.0 for piece in arrange(shapes) for label in (piece.left, piece.right) if label}
    assembler = Assembler(mesh_elements(shapes, MeshSettings(sizes, 4, 4), degree=3))
    polarised = SelfPolarisation(molecule, WIDTH).on(assembler)
    own = polarised.source
    found = np.concatenate([part.ravel() for part in polarised.energy])
    blocks = assembler.blocks
    r, z, weight = (
        np.concatenate([np.ravel(part) for part in parts])
        for parts in (
            [b.points[..., 0] for b in blocks],
            [b.points[..., 1] for b in blocks],
            [b.measure for b in blocks],
        )
    )
    scale = np.concatenate([np.ravel(HALF / part) for part in permittivity(assembler, molecule)])
    off = np.abs(scale * own.potential(_at(r, z)) - found)
    assert 0 < off.max() < 5e-4  # some are fitted
    assert np.average(off, weights=weight) < 1e-9


def test_far_dots_feel_each_other_as_polarisable_spheres():
    """A charge in the middle of one dot polarises the other: -α E²/2, α of a sphere in the medium."""
    layers, values = (("shell", 2.0),), (CORE, SHELL, MEDIUM)
    shifts = []
    for distance in (12.0, 24.0):
        pair = _molecule(-distance / 2, distance / 2, layers=layers, permittivities=values)
        alone = _molecule(-distance / 2, layers=layers, permittivities=values)
        r, z = np.array([0.02]), np.array([-distance / 2])
        one, two = (SelfPolarisation(molecule, WIDTH).potential(_at(r, z))[0] for molecule in (alone, pair))
        polarisable = 2.0**3 * (SHELL - MEDIUM) / (SHELL + 2 * MEDIUM)
        # The charge's field outside its dot is that of ε_dot/ε_medium times the bare one the potential is made of.
        expected = -polarisable * SHELL / MEDIUM / distance**4
        shifts.append((two - one) / expected)
    assert shifts[0] == pytest.approx(1.0, abs=0.12)
    assert shifts[1] == pytest.approx(1.0, abs=0.03)


def test_equal_permittivities_polarise_nothing():
    same = _molecule(-2.6, 2.6, permittivities=(9.0, 9.0, 9.0), interface_width=WIDTH)
    assert SelfPolarisation.of(same) is None
    assert not np.any(SelfPolarisation(same, WIDTH).potential(_at(np.array([0.5, 1.0]), np.array([0.0, 1.0]))))
    assert SelfPolarisation.of(_molecule(-2.6, 2.6)) is None  # left out
