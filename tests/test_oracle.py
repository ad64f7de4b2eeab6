"""Is the oracle right? Against series known on paper, mpmath's derivatives, and a second circle."""

import pytest
from mpmath import mp, mpf
from oracle import NAMES, UNARY, cauchy, coefficients, exponential, power
from oracle_series import BINARY, coefficients2, compose, compose2, exponents, multiply
from points import BINARY as PAIRS
from points import UNARY as POINTS
from points import arguments

CLOSE = mpf(10) ** -45

KNOWN = {  # at 0 unless said otherwise: the coefficient of degree k
    "exp": (0.0, lambda k: 1 / mp.factorial(k)),
    "expm1": (0.0, lambda k: 1 / mp.factorial(k) if k else mpf(0)),
    "exp2": (0.0, lambda k: mp.log(2) ** k / mp.factorial(k)),
    "log": (2.0, lambda k: -((mpf(-1) / 2) ** k) / k if k else mp.log(2)),
    "log2": (1.0, lambda k: -(mpf(-1) ** k) / k / mp.log(2) if k else mpf(0)),
    "log10": (1.0, lambda k: -(mpf(-1) ** k) / k / mp.log(10) if k else mpf(0)),
    "log1p": (0.0, lambda k: -(mpf(-1) ** k) / k if k else mpf(0)),
    "sin": (0.0, lambda k: mpf((0, 1, 0, -1)[k % 4]) / mp.factorial(k)),
    "cos": (0.0, lambda k: mpf((1, 0, -1, 0)[k % 4]) / mp.factorial(k)),
    "tan": (0.0, lambda k: _tangent_number(k) * mpf((0, 1, 0, 1)[k % 4])),
    "arcsin": (0.0, lambda k: mp.binomial(k - 1, k // 2) / mpf(2) ** (k - 1) / k if k % 2 else mpf(0)),
    "arccos": (0.0, lambda k: -mp.binomial(k - 1, k // 2) / mpf(2) ** (k - 1) / k if k % 2 else mp.pi / 2 * (k == 0)),
    "arctan": (0.0, lambda k: mpf((0, 1, 0, -1)[k % 4]) / max(k, 1)),
    "sinh": (0.0, lambda k: (k % 2) / mp.factorial(k)),
    "cosh": (0.0, lambda k: (1 - k % 2) / mp.factorial(k)),
    "tanh": (0.0, lambda k: _tangent_number(k) * mpf((0, 1, 0, -1)[k % 4])),
    "arcsinh": (0.0, lambda k: (-1) ** (k // 2) * mp.binomial(k - 1, k // 2) / mpf(2) ** (k - 1) / k if k % 2 else mpf(0)),
    "arctanh": (0.0, lambda k: mpf(k % 2) / max(k, 1)),
    "erf": (0.0, lambda k: _gauss(k)),
    "erfc": (0.0, lambda k: (k == 0) - _gauss(k)),
    "expit": (0.0, lambda k: mpf(k == 0) / 2 + _tangent_number(k) * mpf((0, 1, 0, -1)[k % 4]) / mpf(2) ** (k + 1)),
    "gammaln": (1.0, lambda k: (-1) ** k * mp.zeta(k) / k if k > 1 else -mp.euler * k),
    "digamma": (1.0, lambda k: (-1) ** (k + 1) * mp.zeta(k + 1) if k else -mp.euler),
}


def _tangent_number(k):
    """|coefficient| of tan and tanh: 2^(k+1)(2^(k+1) - 1)|B_(k+1)|/(k+1)!."""
    power_of_two = mpf(2) ** (k + 1)
    return power_of_two * (power_of_two - 1) * abs(mp.bernoulli(k + 1)) / mp.factorial(k + 1)


def _gauss(k):
    return 2 / mp.sqrt(mp.pi) * mpf((0, 1, 0, -1)[k % 4]) / mp.factorial(k // 2) / k if k % 2 else mpf(0)


def close(a, b):
    return abs(a - b) <= CLOSE * abs(b)


def test_what_is_not_known_on_paper_is_known_by_another_name():
    assert set(UNARY) - set(KNOWN) == {"arccosh", "log_expit"}
    with mp.workprec(400):
        for x0, name, derivative in (
            (1.7, "arccosh", lambda z: (z * z - 1) ** -0.5),
            (-0.4, "log_expit", lambda z: 1 / (1 + mp.exp(z))),
        ):
            found = coefficients(name, x0, 6)
            for k, c in enumerate(found[1:]):
                assert abs(mp.diff(derivative, mpf(x0), k) / mp.factorial(k + 1) - c) < mpf(10) ** -30 * abs(c)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_series_known_on_paper(name):
    x0, exact = KNOWN[name]
    with mp.workprec(400):
        assert all(close(c, mpf(exact(k))) for k, c in enumerate(coefficients(name, x0, 17)))


@pytest.mark.parametrize("name", sorted(UNARY))
def test_a_second_circle_agrees(name):
    """Another radius, other nodes, another working precision: nothing that the contour leaves behind would agree."""
    row = UNARY[name]
    for x0 in arguments(POINTS[name], "float64"):
        second = cauchy(row.branch, x0, row.radius, 9, shrink=12, extra=5)
        with mp.workprec(400):
            assert all(close(a, b) for a, b in zip(second, coefficients(name, x0, 17)[1:], strict=False)), x0


@pytest.mark.parametrize("name", sorted(UNARY))
def test_the_branch_is_the_function(name):
    """mpmath differentiates the real function itself, which has no branch to choose."""
    row, x0 = UNARY[name], 1.5 if name in ("arccosh", "gammaln") else 0.5
    with mp.workprec(300):
        for k, c in enumerate(coefficients(name, x0, 4)):
            assert abs(mp.diff(row.value, mpf(x0), k) / mp.factorial(k) - c) < mpf(10) ** -30 * (1 + abs(c))


@pytest.mark.parametrize(
    ("name", "x0"), [("gammaln", -2.3), ("digamma", -3.7), ("tanh", -3.0), ("arctan", -4.0), ("erf", -2.0)]
)
def test_the_branch_left_of_zero_is_the_function(name, x0):
    with mp.workprec(300):
        for k, c in enumerate(coefficients(name, x0, 4)):
            assert abs(mp.diff(UNARY[name].value, mpf(x0), k) / mp.factorial(k) - c) < mpf(10) ** -30 * (1 + abs(c))


@pytest.mark.parametrize("exponent", [0.5, -2.5, 3, -1])
def test_powers_by_contour(exponent):
    by_contour = cauchy(lambda x: lambda z: z ** mpf(exponent), 0.7, lambda x: x, 12)
    with mp.workprec(400):
        found = power(0.7, exponent, 12)[1:]
        assert all(abs(a - b) < CLOSE * (1 + abs(b)) for a, b in zip(by_contour, found, strict=True))
        assert all(close(a, b) for a, b in zip(exponential(0.7, 1.3, 9), _exponential(), strict=True))


def _exponential():
    return (mpf(0.7) ** mpf(1.3), *cauchy(lambda x: lambda z: mp.exp(z * mp.log(mpf(0.7))), 1.3, lambda x: mpf(1), 9))


def test_integer_powers_and_the_cube_root():
    assert power(0.0, 3, 4) == (0, 0, 0, 1, 0)
    assert power(-2.0, -1, 2) == (-0.5, -0.25, -0.125)
    assert set(NAMES) - set(UNARY) == {"negative", "positive", "absolute", "square", "reciprocal", "sqrt", "cbrt"}
    with mp.workprec(400):
        root = {(k,): c for k, c in enumerate(coefficients("cbrt", -2.0, 8))}
        cube = multiply(multiply(root, root, 8), root, 8)
        assert abs(cube[0,] + 2) < CLOSE
        assert abs(cube[1,] - 1) < CLOSE
        assert all(abs(cube[k,]) < CLOSE for k in range(2, 9))


FUNCTIONS = {
    "arctan2": mp.atan2,
    "hypot": mp.hypot,
    "logaddexp": lambda a, b: mp.log(mp.exp(a) + mp.exp(b)),
    "power": lambda a, b: a**b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
}


@pytest.mark.parametrize("name", BINARY)
def test_two_arguments_against_derivatives(name):
    ordinary = [p for p in arguments(PAIRS[name], "float64") if all(1e-2 < abs(v) < 1e2 for v in p)]
    assert ordinary
    for a, b in ordinary[:3]:
        found = coefficients2(name, a, b, 9)
        with mp.workprec(300):
            for j, k in exponents(2, 3):
                c = mp.diff(FUNCTIONS[name], (mpf(a), mpf(b)), (j, k)) / mp.factorial(j) / mp.factorial(k)
                assert abs(c - found[j, k]) < mpf(10) ** -30 * (1 + abs(c)), (a, b, j, k)


def test_the_order_of_monomials():
    assert exponents(2, 2) == [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)]
    assert len(exponents(3, 4)) == 35


def test_substitution():
    """log(exp(u)) = u and sin² + cos² = 1 for a dense series in three variables."""
    u = {e: mpf(0.25) if not any(e) else mpf(1) / (i + 3) for i, e in enumerate(exponents(3, 3))}
    with mp.workprec(400):
        y = compose(coefficients("exp", 0.25, 3), u, 3, 3)
        log = [mp.log(y[0, 0, 0]), *(-((-1) ** k) / (k * y[0, 0, 0] ** k) for k in (1, 2, 3))]
        assert all(abs(c - u[e]) < CLOSE for e, c in compose(log, y, 3, 3).items() if any(e))
        s, c = (compose(coefficients(f, 0.25, 3), u, 3, 3) for f in ("sin", "cos"))
        one = {e: multiply(s, s, 3)[e] + multiply(c, c, 3)[e] for e in s}
        assert all(abs(v - (not any(e))) < CLOSE for e, v in one.items())
        v = {e: w + 1 for e, w in u.items()}
        product = compose2(coefficients2("multiply", 0.25, 1.25, 3), u, v, 3, 3)
        assert all(abs(product[e] - w) < CLOSE for e, w in multiply(u, v, 3).items() if any(e))
