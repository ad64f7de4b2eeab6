"""Do operations keep to the rule at singular points: NumPy's value, ±inf or NaN where a derivative is infinite, no warning?

Warnings are errors in this project's tests, so each of these also says that there is none.
"""

from functools import cache

import numpy as np
import pytest
import scipy.special
from accuracy import report
from oracle import NAMES

import taylornb as tn

TARGETS = ("eager", "reference", "cpu")
ORDER = 4
SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 2.0, -2.0, -0.5, np.inf, -np.inf, np.nan])

targets = pytest.mark.parametrize("target", TARGETS)
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


def road(target, fn):
    return fn if target == "eager" else tn.fuse(fn, target=target)


def plain(name):
    """NumPy's function of this name, or SciPy's."""
    return getattr(np, name, None) or getattr(scipy.special, name, None)


def identical(got, exact):
    """Equal with the sign of zero, or both NaN."""
    return (np.isnan(got) & np.isnan(exact)) | ((got == exact) & (np.signbit(got) == np.signbit(exact)))


def telling(value):
    """Where a value is no matter of rounding: zeros, ones, infinities and NaN."""
    return ~np.isfinite(value) | (value == 0) | (np.abs(value) == 1)


def differences(name, got, exact, where):
    """One line for each point whose value should be NumPy's, bit for bit, and is not."""
    wrong = telling(exact) & ~identical(got, exact)
    return [f"{name} at {where[i]}: got {got[i]}, NumPy {exact[i]}" for i in np.flatnonzero(wrong)]


@targets
@dtypes
def test_values_at_special_points(dtype, target):
    """All functions of one argument in one program, so that a compiled target compiles one kernel."""
    points, names = SPECIAL.astype(dtype), sorted(NAMES)
    results = road(target, lambda x: tuple(getattr(tn, name)(x) for name in names))(tn.variable(points, ORDER))
    with np.errstate(all="ignore"):
        exact = [plain(name)(points) for name in names]
    report([d for n, r, e in zip(names, results, exact, strict=True) for d in differences(n, r.value, e, points)])


EXPONENTS = (0, 1, 2, 3, -1, -2, 0.5, 1.5, -0.5, 2.0, 100, 1 / 3)


@targets
@dtypes
def test_values_of_powers_at_special_points(dtype, target):
    points = SPECIAL.astype(dtype)
    results = road(target, lambda x: tuple(x**r for r in EXPONENTS))(tn.variable(points, ORDER))
    with np.errstate(all="ignore"):
        exact = [points**r for r in EXPONENTS]
    report(
        [d for r, y, e in zip(EXPONENTS, results, exact, strict=True) for d in differences(f"power {r}", y.value, e, points)]
    )


@targets
@dtypes
def test_values_of_two_arguments_at_special_points(dtype, target):
    a, b = (grid.ravel().astype(dtype) for grid in np.meshgrid(SPECIAL, SPECIAL))
    names = ("hypot", "arctan2", "logaddexp", "divide", "multiply", "add", "subtract", "power")
    results = road(target, lambda x, y: tuple(getattr(tn, name)(x, y) for name in names))(*tn.variables(2, a=a, b=b))
    with np.errstate(all="ignore"):
        exact, where = [plain(name)(a, b) for name in names], list(zip(a.tolist(), b.tolist(), strict=True))
    report([d for n, r, e in zip(names, results, exact, strict=True) for d in differences(n, r.value, e, where)])


# A function, the point, and the lowest degree whose coefficient is infinite; those below are exact: (fn, x0, below).
SINGULAR = {
    "sqrt": (tn.sqrt, 0.0, [0.0]),
    "cbrt": (tn.cbrt, 0.0, [0.0]),
    "log": (tn.log, 0.0, [-np.inf]),
    "log2": (tn.log2, 0.0, [-np.inf]),
    "log10": (tn.log10, 0.0, [-np.inf]),
    "log1p": (tn.log1p, -1.0, [-np.inf]),
    "reciprocal": (tn.reciprocal, 0.0, [np.inf]),
    "division": (lambda x: 1 / x, 0.0, [np.inf]),
    "power -1": (lambda x: x**-1, 0.0, [np.inf]),
    "power -2": (lambda x: x**-2, 0.0, [np.inf]),
    "power -0.5": (lambda x: x**-0.5, 0.0, [np.inf]),
    "power 0.5": (lambda x: x**0.5, 0.0, [0.0]),
    "power 1/3": (lambda x: x ** (1 / 3), 0.0, [0.0]),
    "power 1.5": (lambda x: x**1.5, 0.0, [0.0, 0.0]),
    "power 2.5": (lambda x: x**2.5, 0.0, [0.0, 0.0, 0.0]),
    "arcsin at 1": (tn.arcsin, 1.0, [np.pi / 2]),
    "arcsin at -1": (tn.arcsin, -1.0, [-np.pi / 2]),
    "arccos at 1": (tn.arccos, 1.0, [0.0]),
    "arccos at -1": (tn.arccos, -1.0, [np.pi]),
    "arccosh": (tn.arccosh, 1.0, [0.0]),
    "arctanh at 1": (tn.arctanh, 1.0, [np.inf]),
    "arctanh at -1": (tn.arctanh, -1.0, [-np.inf]),
    "gammaln": (tn.gammaln, 0.0, [np.inf]),
    "gammaln at -2": (tn.gammaln, -2.0, [np.inf]),
    "digamma": (tn.digamma, 0.0, [-np.inf]),
    "digamma at -2": (tn.digamma, -2.0, [np.nan]),
}


@cache
def images(target, detached):
    """The coefficients of each function at its singular point, all from one program."""
    points = np.array([x0 for _, x0, _ in SINGULAR.values()])
    program = road(target, lambda x: tuple(fn(tn.detach(x) if detached else x) for fn, _, _ in SINGULAR.values()))
    results = program(tn.variable(points, ORDER))
    return {name: result.coeffs[:, i] for i, (name, result) in enumerate(zip(SINGULAR, results, strict=True))}


@targets
@pytest.mark.parametrize("name", SINGULAR)
def test_infinite_derivatives(name, target):
    below, coeffs = SINGULAR[name][2], images(target, detached=False)[name]
    np.testing.assert_array_equal(coeffs[: len(below)], below)
    assert not np.isfinite(coeffs[len(below) :]).any(), coeffs


@targets
@pytest.mark.parametrize("name", SINGULAR)
def test_a_constant_has_no_derivatives_even_there(name, target):
    """⊥ decides by support what is zero, not by numbers: 0·inf never comes up."""
    below, coeffs = SINGULAR[name][2], images(target, detached=True)[name]
    np.testing.assert_array_equal(coeffs[0], below[0])
    assert (coeffs[1:] == 0).all()


@targets
@pytest.mark.parametrize("fn", [tn.hypot, tn.arctan2], ids=("hypot", "arctan2"))
def test_the_origin_of_the_plane(fn, target):
    a, b = tn.variables(2, a=0.0, b=0.0)
    coeffs = road(target, fn)(a, b).coeffs
    assert coeffs[0] == 0
    assert not np.isfinite(coeffs[1:]).any()


@targets
@dtypes
def test_whole_powers_are_exact_at_zero(dtype, target):
    """As x**n, as x**float(n), and with an array of exponents."""
    x, whole = tn.variable(np.zeros(6, dtype), 5), range(6)
    literal = road(target, lambda x: tuple(x**n for n in whole) + tuple(x ** float(n) for n in whole))(x)
    for n, result in zip((*whole, *whole), literal, strict=True):
        np.testing.assert_array_equal(result.coeffs, np.eye(6)[n][:, None] * np.ones(6))
    np.testing.assert_array_equal(road(target, tn.power)(x, np.arange(6, dtype=dtype)).coeffs, np.eye(6))


@targets
def test_the_zeroth_power_is_one(target):
    points = np.array([0.0, -0.0, -1.5, np.nan, np.inf, -np.inf])
    coeffs = road(target, lambda x: x**0)(tn.variable(points, ORDER)).coeffs
    assert (coeffs[0] == 1).all()
    assert (coeffs[1:] == 0).all()


@targets
def test_the_absolute_value_has_slope_zero_at_zero(target):
    x = tn.variable(np.array([0.0, -0.0, 2.0, -2.0]), 3)
    coeffs = road(target, tn.absolute)(x).coeffs
    assert coeffs[0].tolist() == [0, 0, 2, 2]
    assert not np.signbit(coeffs[0]).any()
    assert coeffs[1].tolist() == [0, 0, 1, -1]
    assert (coeffs[2:] == 0).all()


@targets
def test_poles_of_division_in_two_variables(target):
    a, b = tn.variables(2, a=1.0, b=0.0)
    coeffs = road(target, tn.divide)(a, b).coeffs
    assert coeffs[0] == np.inf
    assert not np.isfinite(coeffs[1:3]).any()


def test_no_neighbour_is_disturbed():
    """A singular element leaves the others of its array as they are alone."""
    points = np.array([0.0, 0.7, np.nan, 1.0, -3.0, np.inf])
    for fn in (tn.sqrt, tn.log, tn.arcsin, tn.gammaln, tn.reciprocal):
        for target in TARGETS[1:]:
            together = tn.fuse(fn, target=target)(tn.variable(points, ORDER)).coeffs
            alone = tn.fuse(fn, target=target)(tn.variable(points[1:2], ORDER)).coeffs
            np.testing.assert_array_equal(together[:, 1:2], alone)
