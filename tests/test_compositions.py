"""Do whole expressions keep the accuracy of their operations?

The oracle evaluates the expression itself, as a function of complex numbers, and integrates around the point. The
bound is |u_k - v_k| <= rtol·max(|u_k|, |v_k|, floor_k), floor_k = eps·max_j |u_j|·h^(j-k), h the length on which it varies.
"""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from accuracy import FORMATS
from mpmath import mp, mpf
from oracle import cauchy, cauchy2
from oracle_series import exponents

import taylornb as tn

# The names an expression uses, for complex numbers; on series it uses the package's.
COMPLEX = SimpleNamespace(
    **{name: getattr(mp, name) for name in ("exp", "log", "sqrt", "sin", "cos", "sinh", "tanh", "erf", "digamma")},
    arctan=mp.atan,
    arcsinh=mp.asinh,
    gammaln=mp.loggamma,
    log1p=lambda z: mp.log(1 + z),
    expm1=lambda z: mp.exp(z) - 1,
    expit=lambda z: 1 / (1 + mp.exp(-z)),
)

# An expression of one variable, and the length on which it varies at the points below.
ONE = {
    "exp sin": (lambda f, x: f.exp(f.sin(x)) * x / (1 + x * x), 1.0),
    "softplus of a square": (lambda f, x: f.log1p(f.exp(-x * x)), 0.7),
    "damped": (lambda f, x: f.tanh(x * f.exp(-x)) / (2 + f.cos(x)), 0.5),
    "roots": (lambda f, x: f.sqrt(1 + x**4) * f.arctan(x), 0.7),
    "gauss": (lambda f, x: f.erf(f.sin(x)) * f.exp(-1 / (1 + x * x)), 0.7),
    "powers": (lambda f, x: (1 + x * x) ** 2.5 * f.log(3 + x) - (2 + f.cos(x)) ** -1.5, 0.7),
    "logistic": (lambda f, x: f.expit(3 * f.sin(x)) * (1 - x) ** 3, 0.5),
    "gamma": (lambda f, x: f.gammaln(2.5 + x) - f.digamma(1.5 + f.expm1(x / 4)), 0.7),
    "nested": (lambda f, x: f.arcsinh(f.sinh(f.sin(f.sin(x))) + x / 3), 0.7),
    "tower": (lambda f, x: (2 + f.sin(x)) ** f.cos(x), 0.7),
}
POINTS = (-1.37, -0.41, 0.23, 0.83, 1.92)

# Of two variables.
TWO = {
    "wave": (lambda f, x, y: f.sin(x * y) * f.exp(-x / (1 + y * y)), 0.7),
    "ratio": (lambda f, x, y: (x - y * y) / f.sqrt(1 + x * x + y * y), 0.7),
    "mixture": (lambda f, x, y: f.log(f.exp(x) + 2 * f.exp(-y)) * f.tanh(x - y), 0.5),
    "power": (lambda f, x, y: (1.5 + f.cos(x)) ** (y / (1 + x * x)), 0.7),
}
PAIRS = ((-1.37, 0.51), (-0.41, -0.87), (0.83, 1.21), (1.92, 0.33))


@cache
def exact_one(name, x0, order):
    expression, length = ONE[name]
    with mp.workprec(400):
        value = mp.re(expression(COMPLEX, mpf(x0)))
    return (value, *cauchy(lambda _: lambda z: expression(COMPLEX, z), x0, lambda _: mpf(length), order))


@cache
def exact_two(name, x0, y0, order):
    expression, length = TWO[name]
    return cauchy2(lambda a, b: expression(COMPLEX, a, b), (x0, y0), mpf(length), order)


def check(name, point, got, exact, degrees, length, dtype):
    """The bound of the first lines, one coefficient at a time."""
    form = FORMATS[dtype]
    for g, e, k in zip(map(mpf, got.tolist()), exact, degrees, strict=True):
        floor = 2 * form.unit * max(abs(v) * mpf(length) ** (j - k) for v, j in zip(exact, degrees, strict=True))
        allowed = form.rtol * max(abs(g), abs(e), floor)
        words = f"{name} at {point} ({dtype}), degree {k}: got {mp.nstr(g, 18)}, exact {mp.nstr(e, 20)}"
        assert abs(g - e) <= allowed, f"{words}, error {mp.nstr(abs(g - e), 3)}, allowed {mp.nstr(allowed, 3)}"


def check_one(name, dtype, order, target):
    expression, length = ONE[name]
    points = np.array(POINTS, dtype)
    got = tn.fuse(lambda x: expression(tn, x), target=target)(tn.variable(points, order)).coeffs
    for x0, column in zip(points.tolist(), got.T, strict=True):
        check(name, x0, column, exact_one(name, x0, 16)[: order + 1], range(order + 1), length, dtype)


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("order", [1, 4, 8, 16])
def test_one_variable(name, dtype, order):
    check_one(name, dtype, order, "reference")


@pytest.mark.parametrize("name", ONE)
def test_one_variable_compiled(name):
    check_one(name, "float64", 8, "cpu")


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_two_variables(name, dtype, target):
    expression, length = TWO[name]
    pairs, order = np.array(PAIRS, dtype), 3
    x, y = tn.variables(order, x=pairs[:, 0], y=pairs[:, 1])
    got = tn.fuse(lambda x, y: expression(tn, x, y), target=target)(x, y).coeffs
    monomials = exponents(2, order)
    for pair, column in zip(pairs.tolist(), got.T, strict=True):
        exact = exact_two(name, *pair, order)
        check(name, pair, column, [exact[e] for e in monomials], [sum(e) for e in monomials], length, dtype)
