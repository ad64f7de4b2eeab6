"""Is every coefficient of every operation right to 1e-12 (1e-4 in float32), also where formulas break?

The exact coefficients are the oracle's. All points of an operation go through one call, so that a compiled target
compiles one kernel for each operation, dtype and order.
"""

import dense
import numpy as np
import pytest
from accuracy import FORMATS, Case, failures, report, seeded_slack
from oracle import NAMES, coefficients, exponential, power, radius
from oracle_series import BINARY, exponents
from points import BASES, EXPONENT_POINTS, EXPONENTS, EXPONENTS32, POWER, UNARY, arguments, inner
from points import BINARY as PAIRS

import taylornb as tn

DTYPES = ("float64", "float32")
ORDERS = (0, 1, 4, 8, 16)
LONG = ("exp", "log", "sin", "tan", "sqrt", "arctan", "tanh", "erf", "digamma")  # also at order 30
COMPILED = 8
DENSE = ((1, 8), (2, 3), (3, 3))  # (variables, order)
HIGHEST = {name: 31 if name in LONG else 17 for name in NAMES}

unary = pytest.mark.parametrize("name", sorted(UNARY))
dtypes = pytest.mark.parametrize("dtype", DTYPES)


def exact_series(name, x0):
    return coefficients(name, x0, HIGHEST[name])


def exponent_points(exponent, dtype):
    """The arguments at which x**exponent is tested."""
    whole = float(exponent).is_integer()
    points = arguments(POWER["whole" if whole else "real"], dtype)
    return points + arguments(POWER["zero"], dtype) if whole and exponent >= 0 else points


def evaluate_seeded(fn, points, dtype, order, target):
    """Coefficients of fn(x + eps), a (K, points) array."""
    x = tn.variable(np.array(points, dtype), order)
    coeffs = tn.fuse(fn, target=target)(x).coeffs
    assert coeffs.dtype == dtype
    return coeffs


def check_seeded(op, fn, points, exact, dtype, order, target):
    """``exact(x0)`` gives at least order + 2 coefficients."""
    got, lines = evaluate_seeded(fn, points, dtype, order, target), []
    for x0, column in zip(points, got.T, strict=True):
        coeffs = exact(x0)[: order + 2]
        slack = seeded_slack(coeffs, x0, dtype)
        lines += failures(Case(op, x0, dtype, order, target), column, coeffs[: order + 1], slack, range(order + 1))
    report(lines)


def check_unary(name, dtype, order, target):
    points = arguments(UNARY[name], dtype)
    check_seeded(name, getattr(tn, name), points, lambda x0: exact_series(name, x0), dtype, order, target)


@unary
@dtypes
@pytest.mark.parametrize("order", ORDERS)
def test_one_variable(name, dtype, order):
    check_unary(name, dtype, order, "reference")


@pytest.mark.parametrize("name", LONG)
@dtypes
def test_order_thirty(name, dtype):
    check_unary(name, dtype, 30, "reference")


@unary
@dtypes
def test_one_variable_compiled(name, dtype):
    check_unary(name, dtype, COMPILED, "cpu")


# --- dense input ---


def basis(variables, order):
    made = tn.Basis(variables=dense.NAMES[:variables], order=order)
    assert [tuple(e) for e in made.exponents.tolist()] == exponents(variables, order)
    return made


def overflowing(slack, degrees, dtype):
    """Do the terms of k·y_k overflow before they cancel? Then a dense series says little; a seeded one is tested there."""
    terms = max(k * s for k, s in zip(degrees, slack, strict=True)) / FORMATS[dtype].unit
    return 2 * terms > FORMATS[dtype].largest


def check_dense(op, fn, inputs, images, where, dtype, variables, order, target):
    """``inputs`` holds, for each argument, one dense series per point; ``images`` (exact, slack) per point."""
    shared = basis(variables, order)
    args = [tn.from_coefficients(dense.planes(column, dtype), shared) for column in inputs]
    got, lines = tn.fuse(fn, target=target)(*args).coeffs, []
    assert got.dtype == dtype
    degrees = [sum(e) for e in exponents(variables, order)]
    for point, column, (exact, slack) in zip(where, got.T, images, strict=True):
        if overflowing(slack, degrees, dtype):
            continue
        case = Case(op, point, dtype, f"{order} in {variables} variables, dense", target)
        lines += failures(case, column, exact, slack, degrees)
    report(lines)


def check_dense_unary(name, dtype, variables, order, target):
    points = inner(arguments(UNARY[name], dtype), dtype)
    inputs = [dense.series(x0, radius(name, x0), variables, order, dtype) for x0 in points]
    images = [dense.image(exact_series(name, x0), u, variables, order, dtype) for x0, u in zip(points, inputs, strict=True)]
    check_dense(name, getattr(tn, name), [inputs], images, points, dtype, variables, order, target)


@unary
@dtypes
@pytest.mark.parametrize(("variables", "order"), DENSE)
def test_dense_input(name, dtype, variables, order):
    check_dense_unary(name, dtype, variables, order, "reference")


@unary
@dtypes
def test_dense_input_compiled(name, dtype):
    check_dense_unary(name, dtype, 2, 3, "cpu")


# --- powers ---


def exponents_for(dtype):
    return EXPONENTS if dtype == "float64" else EXPONENTS32


powers = pytest.mark.parametrize(
    ("exponent", "dtype"), [(r, dtype) for dtype in DTYPES for r in exponents_for(dtype)], ids=lambda v: str(v)
)


def check_power(exponent, dtype, order, target):
    points = exponent_points(exponent, dtype)
    check_seeded(f"power {exponent}", lambda x: x**exponent, points, lambda x0: power(x0, exponent, 17), dtype, order, target)


@powers
@pytest.mark.parametrize("order", ORDERS)
def test_power(exponent, dtype, order):
    check_power(exponent, dtype, order, "reference")


@powers
@pytest.mark.parametrize(("variables", "order"), DENSE)
def test_power_of_dense_input(exponent, dtype, variables, order):
    points = inner(exponent_points(exponent, dtype), dtype)
    inputs = [dense.series(x0, abs(x0) or 1.0, variables, order, dtype) for x0 in points]
    images = [
        dense.image(power(x0, exponent, order + 1), u, variables, order, dtype) for x0, u in zip(points, inputs, strict=True)
    ]
    check_dense(f"power {exponent}", lambda x: x**exponent, [inputs], images, points, dtype, variables, order, "reference")


@dtypes
def test_power_compiled(dtype):
    """One kernel for all exponents, on the points that suit every one of them."""
    points = arguments(POWER["real"], dtype)
    x = tn.variable(np.array(points, dtype), COMPILED)
    results = tn.fuse(lambda x: tuple(x**r for r in exponents_for(dtype)), target="cpu")(x)
    lines = []
    for exponent, result in zip(exponents_for(dtype), results, strict=True):
        for x0, column in zip(points, result.coeffs.T, strict=True):
            exact = power(x0, exponent, COMPILED + 1)
            case = Case(f"power {exponent}", x0, dtype, COMPILED, "cpu")
            lines += failures(case, column, exact[:-1], seeded_slack(exact, x0, dtype), range(COMPILED + 1))
    report(lines)


@dtypes
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("order", ORDERS)
def test_number_to_the_power_of_a_series(base, dtype, order):
    points, exact_base = arguments(EXPONENT_POINTS, dtype), float(np.dtype(dtype).type(base))
    exact = lambda x0: exponential(exact_base, x0, order + 1)
    check_seeded(f"{base} to the power", lambda x: base**x, points, exact, dtype, order, "reference")


# --- two arguments ---

binary = pytest.mark.parametrize("name", sorted(BINARY))


def check_seeded_pair(name, dtype, order, target):
    pairs = arguments(PAIRS[name], dtype)
    a, b = tn.variables(order, a=np.array([p[0] for p in pairs], dtype), b=np.array([p[1] for p in pairs], dtype))
    got, lines = tn.fuse(getattr(tn, name), target=target)(a, b).coeffs, []
    monomials = exponents(2, order)
    for pair, column in zip(pairs, got.T, strict=True):
        exact, slack = dense.pair_of_variables(name, *pair, order, dtype)
        lines += failures(Case(name, pair, dtype, order, target), column, exact, slack, [sum(e) for e in monomials])
    report(lines)


@binary
@dtypes
@pytest.mark.parametrize("order", [0, 1, 3, 6])
def test_two_arguments(name, dtype, order):
    check_seeded_pair(name, dtype, order, "reference")


@binary
@dtypes
def test_two_arguments_compiled(name, dtype):
    check_seeded_pair(name, dtype, 3, "cpu")


@binary
@dtypes
@pytest.mark.parametrize(("variables", "order"), [(1, 6), (2, 3), (3, 2)])
def test_two_dense_arguments(name, dtype, variables, order):
    pairs = inner(arguments(PAIRS[name], dtype), dtype)
    inputs = [dense.pair(name, *pair, variables, order, dtype) for pair in pairs]
    images = [dense.image2(name, u, v, variables, order, dtype) for u, v in inputs]
    columns = [[u for u, _ in inputs], [v for _, v in inputs]]
    check_dense(name, getattr(tn, name), columns, images, pairs, dtype, variables, order, "reference")


@binary
@dtypes
@pytest.mark.parametrize("number_first", [False, True], ids=("series and number", "number and series"))
def test_a_series_and_a_number(name, dtype, number_first):
    """The other argument is an array without derivatives: its share of the rule is left out of the program."""
    pairs, order, f = arguments(PAIRS[name], dtype), 4, getattr(tn, name)
    a, b = (np.array(column, dtype) for column in zip(*pairs, strict=True))
    got = f(a, tn.variable(b, order)) if number_first else f(tn.variable(a, order), b)
    lines, axis = [], (lambda k: (0, k)) if number_first else (lambda k: (k, 0))
    for pair, column in zip(pairs, got.coeffs.T, strict=True):
        exact, slack = (part[: order + 1] for part in dense.along_an_axis(name, *pair, order, axis, dtype))
        lines += failures(Case(name, pair, dtype, order, "eager"), column, exact, slack, range(order + 1))
    report(lines)
