"""Is the gamma family right to a few units in the last place, in double precision and, as kernels for GPUs have it, in single?

Against mpmath, and in single precision SciPy in double.
"""

import math

import mpmath as mp
import numpy as np
import pytest
import scipy.special

from taylornb import libm
from taylornb.targets.cuda import compiled, portable

SINGLE = np.dtype(np.float32)
FUNCTIONS = portable.functions(SINGLE, lambda f: f, compiled.MATHEMATICS)
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of infinities: on a GPU there are none


def of(name, points, *more):
    found = [FUNCTIONS[f"{name}_f4"](x, *map(np.float32, more)) for x in points]
    assert {one.dtype for one in found} == {SINGLE}
    return np.array(found)


def units(got, expected):
    """How many units in the last place of single precision they are apart."""
    return np.abs(got.astype(float) - expected) / np.spacing(np.abs(expected).astype(np.float32)).astype(float)


@pytest.mark.parametrize(
    ("function", "exact"),
    [(libm.digamma, lambda x: mp.psi(0, x)), (libm.gammaln, lambda x: mp.loggamma(x))],
    ids=["digamma", "gammaln"],
)
def test_double_precision_right_of_0(function, exact):
    points = np.concatenate(
        [np.geomspace(1e-3, 1e4, 400), np.linspace(0.4, 12, 800), 1.4616321449683622 + np.linspace(-1e-4, 1e-4, 50)]
    )
    with mp.workdps(40):
        for x in map(float, points):
            expected = exact(mp.mpf(x))
            assert abs(function(x) - expected) < 8 * math.ulp(float(expected)), x


@pytest.mark.parametrize(
    ("name", "points", "bound"),
    [
        ("digamma", np.geomspace(1e-3, 1e4, 1500), 4),
        ("digamma", np.linspace(0.8, 7, 1500), 5),
        ("digamma", 1.4616321 + np.linspace(-1e-4, 1e-4, 300), 3),  # next to the zero
        ("gammaln", np.geomspace(1e-3, 1e4, 1500), 9),  # most at 1.5, where two parts of it cancel
        ("gammaln", np.linspace(1.6, 7, 1500), 3),
        ("gammaln", np.concatenate([zero + np.linspace(-1e-4, 1e-4, 300) for zero in (1, 2)]), 3),
    ],
)
def test_right_of_0(name, points, bound):
    points = points.astype(np.float32)
    exact = {"digamma": lambda x: mp.psi(0, x), "gammaln": mp.loggamma}[name]
    with mp.workdps(30):
        expected = np.array([float(exact(mp.mpf(float(x)))) for x in points])
    assert units(of(name, points), expected).max() < bound


@pytest.mark.parametrize("name", ["digamma", "gammaln"])
def test_left_of_0(name):
    """Relative to the parts of the reflection, which may cancel, and what rounding 1 − x does to one of them."""
    function, slope = (
        getattr(scipy.special, name),
        {"digamma": lambda x: scipy.special.polygamma(1, x), "gammaln": scipy.special.psi},
    )
    points = np.linspace(-9.97, -0.03, 1000).astype(np.float32)
    exact = points.astype(float)
    expected, part = function(exact), function(1 - exact)
    rounded = np.spacing((1 - points).astype(np.float32)) / 2 * np.abs(slope[name](1 - exact))
    error = np.abs(of(name, points) - expected)
    assert (error < 2.0**-21 * np.maximum(np.abs(expected), np.abs(part)) + rounded).all()


@pytest.mark.parametrize(("s", "bound"), [(2, 2), (3, 3), (5, 5), (9, 7), (17, 12)])
def test_zetas_right_of_0(s, bound):
    """A power takes a multiplication for each factor, and so half a unit for each at most."""
    points = np.geomspace(1e-2, 100, 800).astype(np.float32)
    exact = points.astype(float)
    assert units(of("scaled_zeta", points, s), scipy.special.zeta(s, exact) * exact ** (s - 1)).max() < bound


@pytest.mark.parametrize("s", [2, 4, 12])
def test_zetas_left_of_0(s):
    points = np.linspace(-5.93, -0.04, 60).astype(np.float32)

    def zeta(x):
        shift = int(-x) + 1
        whole = mp.zeta(s, x + shift) + mp.fsum((x + k) ** -s for k in range(shift))
        return float(whole * abs(x - mp.nint(x)) ** (s - 1))

    expected = np.array([zeta(mp.mpf(float(x))) for x in points])
    assert units(of("scaled_zeta", points, s), expected).max() < 6


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("digamma", 0.0, -np.inf),
        ("digamma", -0.0, np.inf),
        ("digamma", -3.0, np.nan),
        ("digamma", np.inf, np.inf),
        ("digamma", -np.inf, np.nan),
        ("digamma", np.nan, np.nan),
        ("gammaln", np.inf, np.inf),
        ("gammaln", -np.inf, -np.inf),
        ("gammaln", -3.0, np.inf),
        ("gammaln", np.nan, np.nan),
    ],
)
def test_poles_and_infinities_are_those_of_double_precision(name, x, expected):
    np.testing.assert_equal(of(name, [np.float32(x)])[0], np.float32(expected))
    np.testing.assert_equal(getattr(scipy.special, name)(x), expected)


@pytest.mark.parametrize(("x", "expected"), [(0.0, np.inf), (-2.0, np.inf), (np.inf, 0.0), (-np.inf, 0.0), (np.nan, np.nan)])
def test_poles_and_infinities_of_zetas(x, expected):
    np.testing.assert_equal(of("scaled_zeta", [np.float32(x)], 3)[0], np.float32(expected))
