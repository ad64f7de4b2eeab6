"""Are the elementary functions on vectors as exact as they claim, whatever the other lanes and their number are?"""

import runpy
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
from lanes import over_arrays
from mpmath import mp, mpf
from ulp import ROWS, exact_values, good_values, hard, random, worst

from taylornb.targets.llvm.elementary import FUNCTIONS, PAIRS, TABULATED, TABULATED_PAIRS, registers
from taylornb.targets.llvm.elementary.polynomials import POLYNOMIALS
from taylornb.targets.llvm.elementary.tables import TABLES
from taylornb.targets.llvm.machine import host
from taylornb.targets.llvm.text import Code, Module, Vector

ROOT = Path(__file__).parent.parent
DTYPES = ("float64", "float32")
COUNT = 5_000
# The claims, in units in the last place, for both dtypes.
MOST = {
    "exp": 1.3, "exp2": 1.5, "expm1": 1.4, "log": 0.9, "log2": 1.1, "log10": 1.1, "log1p": 1.6, "sin": 1.1, "cos": 1.1,
    "tan": 3.3, "sinh": 1.9, "cosh": 2.1, "tanh": 1.7, "sech2": 3.3, "arcsin": 1.4, "arccos": 1.4, "arctan": 2.0,
    "arctan2": 2.2, "arcsinh": 2.1, "arccosh": 2.3, "arctanh": 2.0, "cbrt": 1.3, "hypot": 1.1, "power": 1.4,
    "erf": 1.4, "erfc": 3.5,
}  # fmt: skip
TABULATED_MOST = {"exp": 1.3, "exp2": 1.3, "expm1": 1.5, "log": 1.7, "log1p": 1.7, "tanh": 2.8, "sech2": 3.8}
ZETAS = {f"scaled_zeta, s = {s}": partial(lambda v, x, s: FUNCTIONS["scaled_zeta"](v, x, s), s=s) for s in (2, 3, 9, 20)}
ALL = {**{name: f for name, f in FUNCTIONS.items() if name != "scaled_zeta"}, **ZETAS}
ALL |= {f"{name}, tables": f for name, f in TABULATED.items() if registers.present(host())}
TWO = ("power", "arctan2", "hypot", "remainder")


@cache
def evaluator(name, dtype, lanes=None):
    return over_arrays(ALL[name], dtype, 2 if name in TWO else 1, lanes)


def arguments(name, dtype):
    name = name.removesuffix(", tables")
    if name in ROWS:
        return tuple(np.concatenate(pair) for pair in zip(random(name, dtype, 2000), hard(name, dtype), strict=True))
    with np.errstate(all="ignore"):
        x = np.concatenate([*hard("exp", dtype), np.random.default_rng(1).uniform(-20, 20, 2000).astype(dtype)])
    return (x, np.roll(x, 7)) if name in TWO else (x,)


def same_bits(a, b):
    whole = f"i{a.dtype.itemsize}"
    return np.array_equal(np.where(np.isnan(a), 0, a).view(whole), np.where(np.isnan(b), 0, b).view(whole)) and np.array_equal(
        np.isnan(a), np.isnan(b)
    )


def check_claim(name, dtype, function, most):
    for points, oracle in ((random(name, dtype, COUNT), good_values), (hard(name, dtype), exact_values)):
        error, line = worst(function(*points), oracle(name, *points), points)
        assert error <= most, line


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ROWS)
def test_a_value_is_as_exact_as_is_claimed(name, dtype):
    check_claim(name, dtype, evaluator(name, dtype), MOST[name])


with_tables = pytest.mark.skipif(not registers.present(host()), reason="this processor has no registers of 512 bits")


@with_tables
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TABULATED)
def test_with_tables_a_value_is_as_exact_as_is_claimed(name, dtype):
    check_claim(name, dtype, evaluator(f"{name}, tables", dtype), TABULATED_MOST[name])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ALL)
def test_bits_depend_on_the_lane_alone(name, dtype):
    points = arguments(name, dtype)
    expected = evaluator(name, dtype)(*points)
    for lanes in {2, 4, 8, 16} - {host().width // np.dtype(dtype).itemsize} | {None}:
        order = np.random.default_rng(lanes or 1).permutation(expected.size)
        assert same_bits(evaluator(name, dtype, lanes)(*(p[order] for p in points)), expected[order]), lanes


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("names", "build", "ending"),
    [
        *((names, build, "") for names, build in PAIRS.items()),
        *(pytest.param(names, build, ", tables", marks=with_tables) for names, build in TABULATED_PAIRS.items()),
    ],
)
def test_functions_together_are_those_apart(names, build, ending, dtype):
    (x,) = arguments(names[0], dtype)
    for n, name in enumerate(names):
        together = over_arrays(lambda v, x, n=n: build(v, x)[n], dtype)
        assert same_bits(together(x), evaluator(name + ending, dtype)(x))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_remainder_is_that_of_numpy(dtype):
    a, b = (np.concatenate(pair) for pair in zip(arguments("remainder", dtype), hard("hypot", dtype), strict=True))
    with np.errstate(all="ignore"):
        expected = np.remainder(a, b)
        # NumPy adds b after the rounding, and so does this
        assert same_bits(evaluator("remainder", dtype)(a, b), expected)


@pytest.mark.parametrize("name", ["exp", "log", "sin", "cos", "tanh"])
def test_float32_is_computed_in_float32(name):
    assert "double" not in evaluator(name, "float32").text


@pytest.mark.parametrize("name", ["power", "erf", "gammaln"])
def test_a_long_function_is_written_once(name):
    module = Module()
    v = Vector(Code(module), 4, np.dtype(np.float64))
    results = {FUNCTIONS[name](v, *["%x"] * (2 if name in TWO else 1)) for _ in range(3)}
    assert len(results) == 3
    assert module.text().count(f"define internal <4 x double> @taylornb_{name}_v4f64(") == 1


@pytest.mark.parametrize(("function", "stored"), [("rounded", POLYNOMIALS), ("tables", TABLES)])
def test_polynomials_and_tables_are_those_of_the_script(function, stored):
    script = runpy.run_path(str(ROOT / "docs" / "make_polynomials.py"))
    found = script[function]()
    assert {name: tuple(tuple(map(float, row)) for row in rows) for name, rows in found.items()} == {
        name: tuple(tuple(map(float, np.asarray(row, kind))) for row, kind in zip(rows, DTYPES, strict=False))
        for name, rows in stored.items()
    }


# ---- the gamma family --------------------------------------------------------------------------------

POSITIVE = np.concatenate(
    [np.linspace(0.013, 14, 150), 1.4616 + np.linspace(-0.01, 0.01, 21), np.exp2(np.linspace(-99, 99, 25))]
)
NEGATIVE = -np.linspace(0.0101, 11.9, 70)
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, -2.0])


def log_gamma(x):
    return mp.log(abs(mp.gamma(x))) if x < 1000 else mp.loggamma(x)


def scaled_zeta(x, s):
    distance = x if x > 0 else abs(x - mp.nint(x))
    return distance ** (s - 1) * (-1) ** s * mp.psi(s - 1, x) / mp.factorial(s - 1)


# the function; the most units, right of 0; what left of 0 the error is relative to, beside the value
FAMILY = {
    "gammaln": (log_gamma, 4, lambda x: abs(mp.loggamma(1 - x)) + 3),
    "digamma": (mp.digamma, 4, lambda x: mp.pi / abs(mp.tan(mp.pi * x)) + 4),
    **{name: (partial(scaled_zeta, s=s), 4 + s / 2, lambda x: 3) for name, s in zip(ZETAS, (2, 3, 9, 20), strict=True)},
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FAMILY)
def test_the_gamma_family(name, dtype):
    function, most, _ = FAMILY[name]
    x = POSITIVE.astype(dtype)
    with mp.workprec(200):
        exact = np.array([np.longdouble(mp.nstr(function(mpf(float(p))), 25)) for p in x])
    error, line = worst(evaluator(name, dtype)(x), exact, (x,))
    assert error <= (most if dtype == "float64" else 0.51), line


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FAMILY)
def test_the_gamma_family_left_of_zero(name, dtype):
    function, most, size = FAMILY[name]
    x, eps = NEGATIVE.astype(dtype), float(np.finfo(dtype).eps)
    with mp.workprec(200):
        for point, got in zip(x.tolist(), evaluator(name, dtype)(x).tolist(), strict=True):
            exact = function(mpf(point))
            allowed = abs(exact) + (size(mpf(point)) if dtype == "float64" else 1e-6 * size(mpf(point)))
            assert abs(mpf(got) - exact) <= most * eps * allowed, point


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_gamma_family_at_its_poles_and_ends(dtype):
    inf, nan = np.inf, np.nan
    x = SPECIAL.astype(dtype)
    np.testing.assert_array_equal(evaluator("gammaln", dtype)(x), [inf, inf, inf, -inf, nan, inf, inf])
    np.testing.assert_array_equal(evaluator("digamma", dtype)(x), [-inf, inf, inf, nan, nan, nan, nan])
    for name in ZETAS:
        np.testing.assert_array_equal(evaluator(name, dtype)(x), [inf, inf, 0, 0, nan, inf, inf])
