"""Do functions of chosen derivatives have them, exactly the value, and the chain rule of any series?"""

import copy
import itertools
import math
import pickle

import numpy as np
import pytest
from mpmath import mp, mpf

import taylornb as tn
from taylornb.testing import assert_agree

mp.dps = 40
ROADS = {
    "prompt": lambda f: f,
    "unrolled": lambda f: tn.fuse(f, form="unrolled"),
    "looped": lambda f: tn.fuse(f, form="looped"),
    "numba": lambda f: tn.fuse(f, form="numba"),
    "reference": lambda f: tn.fuse(f, target="reference"),
}
roads = pytest.mark.parametrize("road", ROADS)


def product(a, b, order):
    """The truncated product of polynomials, dictionaries from exponents to numbers."""
    found = {}
    for (p, x), (q, y) in itertools.product(a.items(), b.items()):
        power = tuple(map(sum, zip(p, q, strict=True)))
        if sum(power) <= order:
            found[power] = found.get(power, 0) + x * y
    return found


def composed(w, arguments, order):
    """Σ w_α·Π (y_i − y_i0)^α_i/α! on polynomials; w gives numbers at the values."""
    origin = (0,) * len(next(iter(arguments[0])))
    values = [y[origin] for y in arguments]
    total = {}
    for alpha, function in w.items():
        term = {origin: function(*values) / math.prod(map(math.factorial, alpha))}
        for y, power in zip(arguments, alpha, strict=True):
            for _ in range(power):
                term = product(term, {p: c for p, c in y.items() if p != origin}, order)
        total = {p: total.get(p, 0) + term.get(p, 0) for p in {*total, *term}}
    return total


def polynomial(series, element):
    return {p: mpf(float(c)) for p, c in zip(series.basis.monomials, series.coeffs[:, element], strict=True)}


def assert_composed(got, w, arguments, rtol=1e-13):
    for element in range(got.size):
        want = composed(w, [polynomial(y, element) for y in arguments], got.basis.order)
        largest = max(abs(float(c)) for c in want.values())
        for p, c in zip(got.basis.monomials, got.coeffs[:, element], strict=True):
            exact = float(want.get(p, 0))
            assert c == pytest.approx(exact, rel=rtol, abs=1e-2 * rtol * largest)


def dense(basis, seed, value):
    rng = np.random.default_rng(seed)
    coefficients = rng.uniform(-1, 1, (basis.size, 3))
    coefficients[0] += value
    return tn.from_coefficients(coefficients, basis)


ONE = {(0,): "exp", (1,): "cos", (2,): "tanh", (3,): "sin", (5,): "exp"}
TWO = {(0, 0): "exp", (1, 0): "cos", (0, 1): "sin", (1, 1): "tanh", (0, 2): "exp", (3, 0): "cos", (2, 2): "sin"}


@roads
@pytest.mark.parametrize(("names", "order"), [("x", 8), ("x", 2), ("xy", 5)])
def test_the_chain_rule_of_a_dense_series(road, names, order):
    basis = tn.Basis(names, order)
    y = dense(basis, 1, 0.5)
    w = tn.weird({alpha: getattr(np, name) for alpha, name in ONE.items()})
    got = ROADS[road](lambda y: w(y))(y)
    assert_composed(got, {alpha: getattr(mp, name) for alpha, name in ONE.items()}, [y])


def of_product(f):
    return lambda x, y: f(x * y)


@roads
@pytest.mark.parametrize(("names", "order"), [("x", 5), ("xy", 4)])
def test_in_two_variables(road, names, order):
    basis = tn.Basis(names, order)
    a, b = dense(basis, 1, 0.5), dense(basis, 2, -0.3)
    w = tn.weird({alpha: of_product(getattr(np, name)) for alpha, name in TWO.items()})
    got = ROADS[road](lambda a, b: w(a, b))(a, b)
    assert_composed(got, {alpha: of_product(getattr(mp, name)) for alpha, name in TWO.items()}, [a, b])


@roads
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_of_a_variable_each_derivative_is_what_was_given(road, dtype):
    x = tn.variable(np.array([0.3, 1.7, -2.2], dtype), order=6)
    w = tn.weird(np.floor, np.exp, np.abs, np.sign, 3)
    got = ROADS[road](w)(x)
    assert got.dtype == dtype
    given = [np.floor(x.value), np.exp(x.value), np.abs(x.value), np.sign(x.value), 3, 0, 0]
    for n, derivative in enumerate(given):
        np.testing.assert_allclose(got.derivative(n), np.broadcast_to(derivative, 3), rtol=4 * np.finfo(dtype).eps)
    assert not got.coeffs[5:].any()


def test_an_ordinary_function_is_what_its_own_derivatives_make():
    sine = tn.weird(np.sin, np.cos, lambda t: -np.sin(t), lambda t: -np.cos(t))
    x = tn.variable(np.linspace(0.2, 3, 7), order=3)
    assert_agree(sine(x * np.exp(x)), np.sin(x * np.exp(x)))
    assert tn.is_normal(sine, at=[0.4, 2.1], order=3)
    assert not tn.is_normal(tn.weird(np.sin, np.sin), at=[0.4], order=1)


def test_which_data_are_those_of_an_ordinary_function():
    """∂_i w_α = w_{α+e_i}, in one variable w_n' = w_{n+1}."""
    right = {(0, 0): lambda x, y: np.sin(x) * y, (1, 0): lambda x, y: np.cos(x) * y, (0, 1): lambda x, y: np.sin(x)}
    right |= {(1, 1): lambda x, y: np.cos(x), (2, 0): lambda x, y: -np.sin(x) * y}
    points = {"x": [0.3, 1.2], "y": [0.7, -0.4]}
    assert tn.is_normal(tn.weird(right), at=points, order=2)
    for alpha in ((1, 0), (0, 1), (1, 1), (2, 0)):
        for wrong in (0, lambda x, y, w=right[alpha]: 1.01 * w(x, y)):
            data = {**right, alpha: wrong}
            assert not tn.is_normal(tn.weird(data), at=points, order=2)
            assert tn.is_normal(tn.weird(data), at=points, order=sum(alpha) - 1)


def test_tensors_of_derivatives():
    """The value, the gradient and the matrix of second derivatives of x²y, an entry of which stands twice."""

    def second(x, y):
        return 2 * x

    by_tensor = tn.weird(
        lambda x, y: x * x * y,
        [lambda x, y: 2 * x * y, lambda x, y: x * x],
        [[lambda x, y: 2 * y, second], [second, 0]],
        [[[0, 2.0], [2.0, 0]], [[2.0, 0], [0, 0]]],
    )
    x, y = tn.variables(3, x=np.array([0.3, -1.2]), y=0.7)
    assert_agree(by_tensor(x, np.sin(y)), x * x * np.sin(y))


def test_arrays_and_zeros_as_tensors():
    x, y = tn.variables(2, x=2.0, y=3.0)
    w = tn.weird(lambda x, y: x * y, 0, np.array([[0, 1.0], [1, 0]]))
    assert w(x, y).coeffs.tolist() == [6, 0, 0, 0, 1, 0]
    assert tn.weird(np.array(2.0), np.array([5.0, 7.0]), 0)(x, y).coeffs.tolist() == [2, 5, 7, 0, 0, 0]


def test_coefficients_beyond_the_factorials():
    order = 180
    geometric = tn.weird(*[lambda x, n=n: (1 - x) ** -(n + 1.0) for n in range(order + 1)], normalised=True)
    got = geometric(tn.variable(0.25, order))
    np.testing.assert_allclose(got.coeffs, 0.75 ** -np.arange(1.0, order + 2), rtol=1e-12)


def test_the_value_is_bit_for_bit_and_nothing_leaks():
    """A derivative that is infinite stays where it is; values that are, too."""
    w = tn.weird(lambda x: x, lambda x: 1 / x, lambda x: 1 / (x * x))
    points = np.array([0.0, -0.0, np.inf, np.nan, 1e-200, 2.0])
    with np.errstate(all="ignore"):
        for road in ROADS.values():
            got = road(w)(tn.variable(points, order=3))
            assert got.value.tobytes() == points.tobytes()
            np.testing.assert_array_equal(got.derivative(1), 1 / points)
            np.testing.assert_array_equal(got.derivative(2), 1 / (points * points))
            np.testing.assert_array_equal(got.derivative(3), np.zeros(6))


def test_of_a_variable_nothing_is_computed_but_the_w():
    """Each divided by its factorial; and of a dense series a product for each term and each coefficient that it reaches."""
    w = tn.weird(np.sin, np.cos, np.tanh, np.exp)
    cost = tn.fuse(w).cost(tn.variable(np.ones(3), 3))
    assert cost.functions == (("cos", 1), ("exp", 1), ("sin", 1), ("tanh", 1))
    assert cost.multiply_adds == 2
    assert tn.fuse(w).cost(dense(tn.Basis("x", 3), 0, 1.0)).multiply_adds == 12
    assert tn.fuse(w).cost(tn.variable(np.ones(3), 1)).functions == (("cos", 1), ("sin", 1))


def test_plain_numbers_have_the_value_and_shapes_broadcast():
    w = tn.weird({(0, 0): lambda x, y: np.exp(x)})
    x, y = tn.variables(2, x=np.ones(3), y=0.5)
    assert w(0.0, 1.0) == 1
    assert w(x, np.ones((2, 1))).shape == (2, 3)
    assert w(x, y).is_constant
    assert tn.weird(3)(x).value.tolist() == [3, 3, 3]


def test_a_w_may_be_a_truth_value_or_a_weird_function():
    step = tn.weird(lambda x: x > 0, lambda x: np.exp(-x * x))
    twice = tn.weird(step, lambda x: 2 * step(x))
    x = tn.variable(np.array([-1.0, 1.0]), order=2)
    assert step(x).value.tolist() == [0, 1]
    assert twice(x).value.tolist() == [0, 1]
    assert twice(x).derivative(1).tolist() == [0, 2]


# ---- the custom derivative rule ------------------------------------------------------------------------


@roads
def test_a_straight_through_quantiser_is_exact(road):
    rng = np.random.default_rng(0)
    x = tn.variable(rng.standard_normal(4096) * 10.0 ** rng.integers(-3, 4, 4096), order=2)
    quantise = ROADS[road](lambda x: tn.graft(np.round(x * 4) / 4, x))
    got = quantise(x)
    assert got.value.tobytes() == (np.round(x.value * 4) / 4).tobytes()
    np.testing.assert_array_equal(got.derivative(1), np.ones(4096))


@roads
def test_gradient_reversal(road):
    reverse = tn.weird(lambda x: x, -1)
    x = tn.variable(np.array([0.5, 2.0]), order=3)
    got = ROADS[road](lambda x: np.sin(reverse(x)))(x)
    assert_agree(got, np.sin(2 * tn.detach(x) - x))


@roads
def test_clipping_of_one_derivative(road):
    clipped = tn.weird(np.exp, lambda x: np.minimum(np.exp(x), 2), np.exp)
    x = tn.variable(np.array([0.0, 3.0]), order=2)
    got = ROADS[road](clipped)(x)
    np.testing.assert_allclose([got.derivative(n) for n in range(3)], [np.exp([0, 3]), [1, 2], np.exp([0, 3])], rtol=1e-15)


# ---- as an object ------------------------------------------------------------------------------------------


def bump(x):
    return tn.exp(-x * x)


@tn.fuse
def fused(x):
    return x * x


def area(x, y):
    return x * y


@pytest.mark.parametrize(
    ("made", "name", "text"),
    [
        (lambda: tn.weird(np.floor, tn.exp, bump, 0.5), "weird", "weird(floor, exp, bump, 0.5)"),
        (lambda: tn.weird(lambda x: x, -1), "weird", "weird(<lambda>, -1)"),
        (lambda: tn.weird(np.sign, bump, name="spike"), "spike", "spike(sign, bump)"),
        (lambda: tn.weird({(0, 0): area, (1, 0): 2}), "weird", "weird({(0, 0): area, (1, 0): 2})"),
        (lambda: tn.weird({2: bump}), "weird", "weird({(2,): bump})"),
        (lambda: tn.weird(area, (1, 2)), "weird", "weird({(0, 0): area, (1, 0): 1, (0, 1): 2})"),
        (lambda: tn.weird(*range(20)), "weird", "weird(0, 1, 2, 3, 4, 5, …)"),
        (
            lambda: tn.weird({(0, 0): 1} | {(n, 1): n for n in range(9)}, name="many"),
            "many",
            "many({(0, 0): 1, (0, 1): 0, (1,",
        ),
    ],
)
def test_it_says_what_it_is(made, name, text):
    function = made()
    assert function.__name__ == function.__qualname__ == name
    assert repr(function).startswith(f"<taylornb function {text}")
    assert repr(function).endswith(("…})>", f"{text}>"))
    with pytest.raises(tn.UnsupportedError, match=f"{name} cannot be called like this"):
        function(tn.variable(1.0, 1), axis=0)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_pickled_as_what_it_was_made_of(protocol):
    x, y = tn.variables(order=3, x=np.array([0.3, 0.7]), y=0.5)
    inner = tn.weird(bump, np.sin)
    for function, args in (
        (tn.weird(np.floor, tn.exp, bump, 0.5), (x,)),
        (tn.weird(bump, 1, 2, 3, normalised=True, name="spike"), (x * y,)),
        (tn.weird(area, (1, 2), ((bump_of_two, 4), (4, 5))), (x, y)),
        (tn.weird({(0, 0): area, (1, 1): 2}), (x, y)),
        (tn.weird(inner, fused), (x,)),
    ):
        again = pickle.loads(pickle.dumps(function, protocol))
        assert again is not function
        assert repr(again) == repr(function)
        assert_agree(again(*args), function(*args), rtol=0)
        assert_agree(tn.fuse(again)(*args), function(*args))
        assert_agree(copy.deepcopy(function)(*args), function(*args), rtol=0)


def bump_of_two(x, y):
    return tn.exp(x - y)


def test_where_its_derivatives_have_no_name_it_says_which():
    for function in (tn.weird(np.exp, lambda x: x), tn.define("doubling", lambda x: x * x, rate=lambda x, y: 2 * x)):
        with pytest.raises((pickle.PicklingError, AttributeError), match="<lambda>"):
            pickle.dumps(function)


# ---- mistakes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tn.weird(), ValueError, "needs a value and derivatives"),
        (lambda: tn.weird({}), ValueError, "not nothing"),
        (lambda: tn.weird({(0, 0): 1, (1,): 2}), ValueError, r"the same number in each key.*not \(0, 0\), \(1,\)"),
        (lambda: tn.weird({0: 1, (0,): 2}), ValueError, "different degrees"),
        (lambda: tn.weird({(-1,): 1}), ValueError, r"a key must be the degree in each variable.*not \(-1,\)"),
        (lambda: tn.weird({"a": 1}), ValueError, "not 'a'"),
        (lambda: tn.weird(lambda x, y: x), TypeError, "w0 must take 1 argument, one for each variable, not 2"),
        (lambda: tn.weird(np.exp, np.add), TypeError, "w1 must take 1 argument"),
        (lambda: tn.weird({(0, 0): np.exp}), TypeError, r"w\(0, 0\) must take 2 arguments"),
        (lambda: tn.weird(np.exp, "cos"), TypeError, "w1 must be a function of 1 variable or a number, not 'cos'"),
        (lambda: tn.weird(np.exp, np.ones(3)), TypeError, r"w\(0, 0, 0\) must take 3 arguments"),
        (lambda: tn.weird(lambda x: x if x > 0 else -x), TypeError, "w0 must be a function of 1 traced values"),
        (lambda: tn.weird(lambda x: x + np.ones(3)), TypeError, "it contains an array"),
        (lambda: tn.weird(1, (1, 2), ((1, 2), (3, 4))), ValueError, r"degree 2 are not symmetric: the entries \[0\]\[1\] and"),
        (lambda: tn.weird(1, (1, 2), ((1, 2), 3)), ValueError, "nested sequences of 2 entries, 2 deep, not 3 at depth 1"),
        (lambda: tn.weird(1, (1, 2), 3), ValueError, "nested sequences"),
        (lambda: tn.weird(1, 2, (3, 4)), ValueError, "nested sequences"),
        (lambda: tn.weird(lambda v: None, 1), TypeError, "w0 must return a series or a number, not None"),
        (lambda: tn.weird(lambda v: (v,)), TypeError, "w0 must return a series or a number, not"),
        (lambda: tn.weird(1, name="not a name"), ValueError, "name must be a Python identifier"),
        (lambda: tn.weird(1, name="exp"), ValueError, "taylornb has a function 'exp' already"),
        (lambda: tn.weird(1, ()), ValueError, "the gradient must have one to 8 entries"),
        (lambda: tn.weird(1, 1)(1.0, 2.0), tn.UnsupportedError, "it takes 1 series by position"),
        (lambda: tn.weird(1, 1)(tn.variable(1.0, 1), axis=0), tn.UnsupportedError, "it takes 1 series by position"),
    ],
)
def test_mistakes(call, error, message):
    with pytest.raises(error, match=message):
        call()
