"""Do the functions that can be built from ⊥ have the derivatives, and the numbers, that the mathematics says?"""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest

import taylornb as tn

# Generic base points: neither 0 nor 1, both signs, small and large.
POINTS = np.array([0.7319, -1.2871, 2.9143, 0.0437])
# A coefficient here is at most four roundings of products and quotients of plain numbers.
TIGHT = 1e-14
# Sums of a few dozen terms of both signs.
FEW_SUMS = 1e-13

READINGS = {"eager": lambda fn: fn, "fused": lambda fn: tn.fuse(fn, target="reference")}


@pytest.fixture(params=READINGS)
def reading(request):
    """How a function is run: as it stands, or traced and fused."""
    return READINGS[request.param]


def planes(*rows):
    """Coefficient planes from one row for each degree, each a number or an array over the points."""
    return np.stack(np.broadcast_arrays(*(np.asarray(row, dtype=float) for row in rows)))


def random_series(seed, order, shape=(), value=None):
    """A univariate series with no relation between its coefficients."""
    coeffs = np.random.default_rng(seed).uniform(-1.5, 1.5, (order + 1, *shape))
    if value is not None:
        coeffs[0] = value
    return tn.from_coefficients(coeffs, tn.Basis(variables=("x",), order=order))


def box(t):
    """The magic box."""
    return np.exp(t - tn.detach(t))


# --- Functions built from ⊥, in one variable at order 4 ---


def padded(*rows):
    return planes(*rows, *([0.0 * POINTS] * (5 - len(rows))))


ROWS = {
    "⊥x": (lambda x: tn.detach(x), lambda x: padded(x)),
    "x − ⊥x": (lambda x: x - tn.detach(x), lambda x: padded(0 * x, 1)),
    "x·⊥x": (lambda x: x * tn.detach(x), lambda x: padded(x * x, x)),
    "x²/⊥(x²)": (lambda x: x**2 / tn.detach(x**2), lambda x: padded(1, 2 / x, 1 / x**2)),
    "x²/⊥x²": (lambda x: x**2 / tn.detach(x) ** 2, lambda x: padded(1, 2 / x, 1 / x**2)),
}


@pytest.mark.parametrize("row", ROWS)
def test_the_rows_in_x(row, reading):
    expression, expected = ROWS[row]
    got = reading(expression)(tn.variable(POINTS, 4)).coeffs
    np.testing.assert_allclose(got, expected(POINTS), rtol=TIGHT, atol=0)


@pytest.mark.parametrize("n", range(5))
def test_a_power_of_the_increment_is_one_monomial(n, reading):
    got = reading(lambda x: (x - tn.detach(x)) ** n / math.factorial(n))(tn.variable(POINTS, 4))
    assert np.array_equal(got.coeffs, planes(*((k == n) / math.factorial(n) + 0 * POINTS for k in range(5))))


def test_a_function_over_its_detached_self_has_its_coefficients_over_its_value(reading):
    y = random_series(3, 4, (7,), value=np.linspace(-3.1, 2.7, 7))
    got = reading(lambda y: y / tn.detach(y))(y).coeffs
    np.testing.assert_allclose(got, y.coeffs / y.coeffs[0], rtol=TIGHT, atol=0)
    assert np.all(got[0] == 1.0)


def test_the_magic_box_of_a_series(reading):
    t = random_series(4, 4, (7,))
    _, t1, t2, t3, t4 = t.coeffs
    expected = planes(
        1 + 0 * t1,
        t1,
        t2 + t1**2 / 2,
        t3 + t1 * t2 + t1**3 / 6,
        t4 + t1 * t3 + t2**2 / 2 + t1**2 * t2 / 2 + t1**4 / 24,
    )
    got = reading(box)(t).coeffs
    np.testing.assert_allclose(got, expected, rtol=TIGHT, atol=TIGHT)
    assert np.all(got[0] == 1.0)


EXP_SIN = [1.0, 0.540302305868139717, -0.27477220154073385, -0.291086640142611473, 0.017054981355821941]
SAME_FUNCTION = {
    "y/⊥y": lambda y: y / tn.detach(y),
    "exp(log y − ⊥log y)": lambda y: box(np.log(y)),
}


@pytest.mark.parametrize("form", SAME_FUNCTION)
def test_the_two_forms_of_y_over_detached_y_at_exp_sin(form, reading):
    got = reading(lambda z: SAME_FUNCTION[form](np.exp(np.sin(z))))(tn.variable(1.0, 4)).coeffs
    np.testing.assert_allclose(got, EXP_SIN, rtol=0, atol=1e-14)


# --- Completeness: any data are the derivatives of some function ---


def complete(data, increments):
    """W = Σ w_α · (x−⊥x)^α / α!, for data given by exponents and one increment x−⊥x for each variable."""
    total = 0.0
    for alpha, w in data.items():
        term = w / math.prod(map(math.factorial, alpha))
        for increment, power in zip(increments, alpha, strict=True):
            term = term * increment**power
        total = total + term
    return total


def rises(*variables):
    return [u - tn.detach(u) for u in variables]


def test_any_numbers_are_the_derivatives_of_a_function_of_one_variable(reading):
    w = np.random.default_rng(5).uniform(-2, 2, (6, 4))
    got = reading(lambda x: complete({(n,): w[n] for n in range(6)}, rises(x)))(tn.variable(POINTS, 5))
    for n in range(6):
        np.testing.assert_allclose(got.derivative(x=n), w[n], rtol=TIGHT, atol=0)


def test_any_numbers_are_the_derivatives_of_a_function_of_three_variables(reading):
    exponents = [alpha for alpha in itertools.product(range(4), repeat=3) if sum(alpha) <= 3]
    data = dict(zip(exponents, np.random.default_rng(6).uniform(-2, 2, len(exponents)), strict=True))
    variables = tn.variables(3, x=0.37, y=-1.81, z=2.23)
    got = reading(lambda x, y, z: complete(data, rises(x, y, z)))(*variables)
    for (a, b, c), w in data.items():
        np.testing.assert_allclose(got.derivative(x=a, y=b, z=c), w, rtol=TIGHT, atol=0)


def test_the_data_may_be_detached_functions_of_the_point(reading):
    """w_n(⊥x) without smoothness: a floor, a sign and an exponential that are no derivatives of one another."""

    def w(x):
        at = tn.detach(x)
        return complete({(0,): np.floor(3 * at), (1,): np.exp(at), (2,): np.abs(at), (3,): np.sin(9 * at)}, rises(x))

    got = reading(w)(tn.variable(POINTS, 3))
    for n, expected in enumerate((np.floor(3 * POINTS), np.exp(POINTS), np.abs(POINTS), np.sin(9 * POINTS))):
        np.testing.assert_allclose(got.derivative(x=n), expected, rtol=TIGHT, atol=0)


def test_a_completed_function_of_a_series_obeys_the_chain_rule(reading):
    """Derivatives of sin handed over as data, applied to y = exp(x)·x: W(y) is sin(y)."""

    def handed_over(y):
        at = tn.detach(y)
        s, c = np.sin(at), np.cos(at)
        return complete({(0,): s, (1,): c, (2,): -s, (3,): -c, (4,): s}, rises(y))

    x = tn.variable(POINTS, 4)
    got = reading(lambda x: handed_over(np.exp(0.3 * x) * x))(x).coeffs
    expected = np.sin(np.exp(0.3 * x) * x).coeffs
    np.testing.assert_allclose(got, expected, rtol=FEW_SUMS, atol=FEW_SUMS)


def test_a_taylor_remainder_is_not_the_completion(reading):
    """For h = exp, n = 1: the data are 0, e, 0, 0; cancelling only the lower orders leaves 0, e, e/2, e/6."""
    x = tn.variable(1.0, 3)
    completed = reading(lambda x: np.exp(tn.detach(x)) * (x - tn.detach(x)))(x)
    remainder = reading(lambda x: np.exp(x) - tn.detach(np.exp(x)))(x)
    np.testing.assert_allclose(completed.coeffs, [0, math.e, 0, 0], rtol=TIGHT, atol=0)
    np.testing.assert_allclose(remainder.coeffs, [0, math.e, math.e / 2, math.e / 6], rtol=TIGHT, atol=0)


# --- How far do two functions agree? ---


def agreement(u, v, h=1.0, rtol=1e-11):
    """The highest degree through which two series agree; the series here have coefficients of ordinary size at h = 1."""
    u, v = u.coeffs, v.coeffs
    degrees = np.arange(len(u)).reshape(-1, *[1] * (u.ndim - 1))
    floor = 1e-14 * np.max(np.abs(u) * h**degrees, axis=0) / h**degrees
    apart = np.abs(u - v) > np.maximum(rtol * np.maximum(np.abs(u), np.abs(v)), floor)
    different = np.flatnonzero(apart.reshape(len(u), -1).any(axis=1))
    return len(u) - 1 if different.size == 0 else int(different[0]) - 1


def test_a_ratio_and_its_logarithmic_form_agree_through_the_gradient_only(reading):
    x = tn.variable(np.array([0.37, 0.81, 1.43]), 5)

    def p(x):
        return np.exp(-(x**2)) * (2 + np.sin(x))

    ratio = reading(lambda x: p(x) / tn.detach(p(x)))(x)
    logarithmic = reading(lambda x: 1 + np.log(p(x)) - tn.detach(np.log(p(x))))(x)
    assert agreement(ratio, logarithmic) == 1
    assert agreement(ratio, reading(lambda x: box(np.log(p(x))))(x)) == 5


def test_an_increment_agrees_with_zero_in_value_only(reading):
    x = tn.variable(POINTS, 4)
    increment = reading(lambda x: x - tn.detach(x))(x)
    assert agreement(increment, 0 * x) == 0
    assert np.all(increment.value == 0)


def newton(steps, guess, residual, slope):
    """Newton's iteration from a guess, written on series."""
    y = guess
    for _ in range(steps):
        y = y - residual(y) / slope(y)
    return y


@pytest.mark.parametrize("steps", range(4))
def test_newton_from_a_detached_root_doubles_the_orders(steps, reading):
    """s steps from ⊥(root) agree with the root through degree 2^s − 1."""
    x = tn.variable(np.array([0.83, 1.37, 2.59]), 9)

    def run(x):
        return newton(steps, tn.detach(np.sqrt(x)), lambda y: y * y - x, lambda y: 2 * y)

    assert agreement(np.sqrt(x), reading(run)(x), h=0.5) == 2**steps - 1


@pytest.mark.parametrize("steps", range(3))
def test_newton_on_keplers_equation(steps, reading):
    """E − e·sin E = M, solved in plain numbers first: a root that no closed formula gives."""
    e, root = 0.3, np.array([0.7, 1.9])
    anomaly = tn.variable(root - e * np.sin(root), 6)

    def solve(count):
        return lambda m: newton(count, root, lambda y: y - e * np.sin(y) - m, lambda y: 1 - e * np.cos(y))

    assert agreement(solve(4)(anomaly), reading(solve(steps))(anomaly)) == 2**steps - 1 if steps else True


# --- Expectations, as exact sums over every state ---


def weight(p):
    return p / tn.detach(p)


WEIGHTS = {"p/⊥p": weight, "box of log p": lambda p: box(np.log(p))}


@pytest.mark.parametrize("form", WEIGHTS)
def test_one_bernoulli(form, reading):
    """x ~ Bernoulli(θ), f = x(1−θ) + (1−x)(1+θ): 1 + θ − 2θ²."""

    def expectation(theta):
        total = 0.0
        for x in (0, 1):
            p = theta if x else 1 - theta
            total = total + tn.detach(p) * WEIGHTS[form](p) * (x * (1 - theta) + (1 - x) * (1 + theta))
        return total

    got = reading(expectation)(tn.variable(0.3, 4, name="theta")).coeffs
    np.testing.assert_allclose(got, [1.12, -0.2, -2, 0, 0], rtol=TIGHT, atol=1e-14)


TWO_STEPS = [
    0.724878478345589503,
    0.560221085006794638,
    0.0559875468278174016,
    -0.0586079359614592189,
    -0.00695239621490519127,
]


@pytest.mark.parametrize("form", WEIGHTS)
def test_two_bernoulli_steps(form, reading):
    """a₁ ~ Ber σ(θ), a₂ ~ Ber σ(θ+a₁), r₁ = a₁, r₂ = 2a₁a₂ − a₂: each cost is weighted by its own ancestors."""

    def expectation(theta):
        total = 0.0
        for a1, a2 in itertools.product((0, 1), repeat=2):
            p1 = tn.expit(theta if a1 else -theta)
            p2 = tn.expit(theta + a1 if a2 else -(theta + a1))
            w1, w2 = WEIGHTS[form](p1), WEIGHTS[form](p2)
            total = total + tn.detach(p1 * p2) * (w1 * a1 + w1 * w2 * (2 * a1 * a2 - a2))
        return total

    got = reading(expectation)(tn.variable(0.2, 4, name="theta")).coeffs
    np.testing.assert_allclose(got, TWO_STEPS, rtol=0, atol=1e-15)


def test_an_order_one_object_has_the_gradient_and_nothing_above(reading):
    """f + ⊥f·(log p − ⊥log p) in place of p/⊥p·f: right in value and gradient, wrong in the curvature."""

    def expectation(theta):
        total = 0.0
        for x in (0, 1):
            p = theta if x else 1 - theta
            f = x * (1 - theta) + (1 - x) * (1 + theta)
            total = total + tn.detach(p) * (f + tn.detach(f) * (np.log(p) - tn.detach(np.log(p))))
        return total

    got = reading(expectation)(tn.variable(0.3, 2, name="theta")).coeffs
    wrong_curvature = -0.5 * (0.7 / 0.3 + 1.3 / 0.7)
    np.testing.assert_allclose(got, [1.12, -0.2, wrong_curvature], rtol=TIGHT)


ISING_LEVELS = {32: 2, 24: 32, 20: 64, 16: 424, 12: 1728, 8: 6688, 4: 13568}
ISING_4X4 = [
    -1.565623787638318608,
    -4.033199098962148118,
    28.77906876864229,
    49.98214378607537,
    -6879.15236456516,
]


def test_the_energy_of_the_4x4_ising_model(reading):
    """⟨(p/⊥p)·E⟩ / ⟨p/⊥p⟩ over all 65536 states, energies centred at their mean under ⊥p."""
    energies = np.array([0.0, *(float(s * e) for e in ISING_LEVELS for s in (1, -1))])
    counts = np.array([20524.0, *(float(n) for n in ISING_LEVELS.values() for _ in (1, -1))])
    beta0 = 0.5 * math.log(1 + math.sqrt(2))
    sample = counts * np.exp(-beta0 * (energies + 32))
    sample /= sample.sum()
    mean = float(sample @ energies)

    def energy(beta):
        weights = [sample[i] * box(-beta * (energies[i] - mean)) for i in range(len(sample))]
        top = sum(w * (energies[i] - mean) for i, w in enumerate(weights))
        return (mean + top / sum(weights)) / 16

    got = reading(energy)(tn.variable(beta0, 4, name="beta"))
    np.testing.assert_allclose([got.derivative(beta=n) for n in range(5)], ISING_4X4, rtol=1e-12, atol=0)


# --- ⊥_φ in a variational objective: four readings of one sentence ---

NODES = np.array([0.0, math.sqrt(3), -math.sqrt(3)])
GAUSS_HERMITE = np.array([2 / 3, 1 / 6, 1 / 6])
AT = {"m1": 0.4, "r1": -0.3, "a": 0.2, "b": -0.1, "r2": -0.2}
VALUE = -3.91148732293213618
PHI2_GRADIENT = (-0.2491188363905973, -0.76, -0.3406400920712786)


def log_normal(x, mean, log_scale=0.0):
    """log N(x; mean, exp(log_scale)²)."""
    return -0.5 * ((x - mean) * np.exp(-1.0 * log_scale)) ** 2 - log_scale - 0.5 * math.log(2 * math.pi)


def freeze(u):
    """⊥_φ₁."""
    return tn.detach(u, "m1", "r1")


def same(u):
    return u


def objective(m1, r1, a, b, r2, *, path1=same, inner=same, likelihood2=same, density2=same):
    """K, the evidence bound, with the places where the four readings differ left open."""
    e1, e2 = (grid.ravel() for grid in np.meshgrid(NODES, NODES, indexing="ij"))
    weights = np.outer(GAUSS_HERMITE, GAUSS_HERMITE).ravel()
    total = 0.0
    for x1, x2, w in zip(e1.tolist(), e2.tolist(), weights.tolist(), strict=True):
        t1 = path1(m1 + np.exp(r1) * x1)
        mean2 = a * inner(t1) + b
        t2 = mean2 + np.exp(r2) * x2
        prior = log_normal(t1, 0.0) + log_normal(t2, t1)
        data = log_normal(1.0, t1) + likelihood2(log_normal(-1.0, t2 + t1 / 2))
        total = total + w * (prior + data - log_normal(t1, m1, r1) - density2(log_normal(t2, mean2, r2)))
    return total


ASKED_FOR = {
    "no detach": ({}, (-0.962, -0.717780420974302771)),
    "⊥_φ₁ on log f(y₂) and log q₂": (
        {"likelihood2": freeze, "density2": freeze},
        (-0.136, -0.448862719288229805),
    ),
    "θ₂ built from ⊥_φ₁θ₁": ({"inner": freeze}, (-0.81, -0.728756653696183298)),
    "all paths frozen, only log q₁ live": ({"path1": freeze}, (0.0, 0.0)),
}


@pytest.mark.parametrize("asked", ASKED_FOR)
def test_the_variational_objective_in_four_readings(asked, reading):
    places, (dm1, dr1) = ASKED_FOR[asked]
    variables = tn.variables(order=1, **AT)
    got = reading(lambda m1, r1, a, b, r2: objective(m1, r1, a, b, r2, **places))(*variables)
    np.testing.assert_allclose(got.value, VALUE, rtol=1e-12)
    np.testing.assert_allclose(got.gradient(), (dm1, dr1, *PHI2_GRADIENT), rtol=1e-12, atol=1e-15)


def test_the_objective_is_the_same_number_without_series():
    """The four readings differ in derivatives only: on plain numbers they are one function."""
    plain = SimpleNamespace(**AT)
    got = objective(plain.m1, plain.r1, plain.a, plain.b, plain.r2)
    np.testing.assert_allclose(got, VALUE, rtol=1e-14)
