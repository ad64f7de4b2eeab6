"""Do agree_to, equal and is_normal tell how far series and functions agree?"""

import re

import numpy as np
import pytest

import taylornb as tn
from taylornb.points import DRAWN, Points
from taylornb.testing import assert_agree, assert_functions_agree, assert_normal

P = tn.variable(np.array([0.37, 1.83]), order=8)


def test_the_score_function_agrees_to_first_order():
    assert tn.agree_to(P / tn.detach(P), 1 + np.log(P) - tn.detach(np.log(P))) == 1
    assert tn.agree_to(P / tn.detach(P), tn.box(np.log(P))) == 8


def test_what_is_zero_in_value():
    assert tn.agree_to(P - tn.detach(P), 0) == 0
    assert tn.agree_to(tn.nilpotent(P), P - tn.detach(P)) == 8


def test_newtons_method_doubles_what_it_knows():
    y, found = tn.detach(np.sqrt(P)), []
    for _ in range(4):
        found.append(tn.agree_to(y, np.sqrt(P)))
        y = y - (y * y - P) / (2 * y)
    assert found == [2**s - 1 for s in range(4)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_rounding_errors_agree_at_every_scale(dtype, scale):
    p = tn.variable(np.array([0.37, 1.83, 0.01], dtype), order=6)
    one = (np.sin(p) ** 2 + np.cos(p) ** 2) * dtype(scale)
    assert tn.agree_to(one, dtype(scale)) == 6
    assert tn.agree_to(np.exp(np.log(p)) * dtype(scale), p * dtype(scale)) == 6
    assert tn.agree_to(dtype(scale) / p, dtype(scale) * np.exp(-np.log(p))) == 6


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("degree", range(5))
def test_a_difference_in_one_degree_is_found(degree, scale):
    u = np.exp(P) * scale
    v = u * (1 + 1e-8 * tn.nilpotent(P) ** degree)
    assert tn.agree_to(u, v) == degree - 1
    assert tn.agree_to(u, v, rtol=1e-4) == 8


def test_infinities_agree_and_nan_do_not():
    assert tn.agree_to(P * np.inf, P * np.inf) == 8
    assert tn.agree_to(P * np.inf, -P * np.inf) == -1
    assert tn.agree_to(P * np.nan, P * np.nan) == -1


def test_plain_arrays_and_shapes():
    assert tn.agree_to(tn.detach(P), P.value) == 8
    assert tn.agree_to(P, P.value) == 0
    assert tn.agree_to(P[0], P) == -1
    assert tn.agree_to(P * np.ones((3, 1)), P) == 8
    assert tn.agree_to(1.0, np.ones(3)) == 0
    assert tn.agree_to(P[:0], P[:0]) == 8


def test_equal_through_a_degree():
    assert tn.equal(P, tn.detach(P)).tolist() == np.equal(P, tn.detach(P)).tolist() == [True, True]
    assert tn.equal(P, tn.detach(P), order=0).tolist() == [True, True]
    assert tn.equal(P, tn.detach(P), order=1).tolist() == [False, False]
    assert tn.equal(P, P * np.array([1, 2]), order=1).tolist() == [True, False]
    assert tn.equal(P, P, order=100).all()
    assert tn.equal(2, 3) == np.False_
    assert tn.fuse(lambda x, y: tn.equal(x, y))(P, P.value).tolist() == [True, True]


@pytest.mark.parametrize("k", range(4))
@pytest.mark.parametrize("basis", [tn.Basis("x", 5), tn.Basis(("x", "y"), 4)], ids=["one", "two"])
def test_agreement_through_a_degree_is_kept_by_every_smooth_operation(basis, k):
    """Where u =_k v and w =_k z, sums, products, quotients, smooth functions and ⊥ of them agree through degree k."""
    rng = np.random.default_rng(k)
    u, w = (tn.from_coefficients(rng.uniform(0.5, 1, (basis.size, 3)), basis) for _ in range(2))
    above = np.where(np.array(basis.degrees)[:, None] > k, rng.uniform(0.5, 1, (basis.size, 3)), 0)
    v, z = u + tn.from_coefficients(above, basis), w + tn.from_coefficients(2 * above, basis)
    assert tn.agree_to(u, v) == tn.agree_to(w, z) == k
    for f in (
        lambda a, b: a + b,
        lambda a, b: a * b,
        lambda a, b: a / b,
        lambda a, b: np.exp(a) * np.sin(b),
        lambda a, b: np.log(a) + np.hypot(a, b) ** 2.5,
    ):
        assert tn.agree_to(f(u, w), f(v, z)) == k
    assert tn.agree_to(tn.detach(u), tn.detach(v)) == basis.order
    assert tn.agree_to(tn.detach(u * w, basis.variables[-1]), tn.detach(v * z, basis.variables[-1])) >= k


# ---- functions -------------------------------------------------------------------------------------------


def test_functions_at_generic_points():
    """At 1 the two coincide in value and slope."""
    f, g = (lambda x: x**2), (lambda x: 2 * x - 1)
    found = tn.agree_to(f, g, at=[1.0, 2.0], order=3)
    assert found == -1
    assert 1 < found.at["x"] <= 2
    assert repr(found).startswith("-1 at x = ")
    assert tn.agree_to(f, g, at=1.0, order=3) == -1  # points are drawn around a single one, too
    x = tn.variable(1.0, 3)
    assert tn.agree_to(f(x), g(x)) == 1
    sums = tn.agree_to(lambda x: (x * x).sum(), lambda x: (x * tn.detach(x)).sum(), at=[1.0, 2.0], order=2)
    assert sums == 0
    assert sums.at == {"x": 1.0}
    assert tn.agree_to(lambda x: 1.0, lambda x: np.ones(1), at=[1.0, 2.0], order=2) == 2


def test_small_and_large_arguments():
    small, large = tn.variable(np.array([1e-15, 1e-9]), 3), tn.variable(1e15, 3)
    assert tn.agree_to(np.log(small), 100 + np.log(small)) == -1
    assert tn.agree_to(np.log(small), np.log(2 * small) - np.log(2)) == 3
    assert tn.agree_to(large, tn.detach(large), scale=1e15) == 0
    assert tn.agree_to(np.log(large), np.log(2 * large) - np.log(2), scale=1e15) == 3
    single = tn.variable(np.float32(1e-6), 3)
    assert tn.agree_to(np.log(single), 100 + np.log(single)) == -1


@pytest.mark.parametrize("options", [{"rtol": -1}, {"rtol": np.nan}, {"scale": 0.0}, {"scale": -1.0}])
def test_errors_and_scales_that_are_none(options):
    with pytest.raises(ValueError, match="must be a"):
        tn.agree_to(P, P, **options)
    for order in (-1, 1.5):
        with pytest.raises(tn.BasisError, match="order must be a whole number"):
            tn.equal(P, P, order=order)
        with pytest.raises(tn.BasisError, match="order must be a whole number"):
            assert_agree(P, P, order=order)
    with pytest.raises(ValueError, match="known to order 8, which says nothing of degree 9"):
        assert_agree(P, P, order=9)


def test_functions_are_compared_outside_of_what_is_frozen():
    with tn.frozen("x"):
        assert tn.agree_to(np.sin, lambda x: np.sin(tn.detach(x)), at=[0.5, 1.0], order=2) == 0


def test_functions_of_several_variables():
    found = tn.agree_to(lambda x, y: tn.detach(x) * y, lambda x, y: x * y, at={"x": [0.5, 2], "y": 1.0}, order=3)
    assert found == 0
    assert set(found.at) == {"x", "y"}
    assert found.at["y"] == 1


@pytest.mark.parametrize(
    ("containers", "place"),
    [
        (lambda a, b, c: (a, b, c), "[1]"),
        (lambda a, b, c: [a, (c, b)], "[1][1]"),
        (lambda a, b, c: {"a": a, "b": b, "c": [c]}, "['b']"),
        (lambda a, b, c: {"first": {"b": (c, b)}, "a": a}, "['first']['b'][1]"),
        (lambda a, b, c: (b,), "[0]"),
        (lambda a, b, c: b, ""),
    ],
)
def test_functions_of_several_results(containers, place):
    """The one that agrees least counts, and is named."""
    found = tn.agree_to(
        lambda x: containers(np.sin(x), x * tn.detach(x), 3.0),
        lambda x: containers(tn.keep(np.sin(x), order=2), x * x, 3.0),
        at=[0.5, 2.0],
        order=4,
    )
    assert found == 0
    assert found.result == place
    assert repr(found) == (f"0 in result {place} at x = 0.5" if place else "0 at x = 0.5")
    same = tn.agree_to(lambda x: containers(x, np.exp(x), x > 1), lambda x: containers(x, np.exp(x), x > 1), at=0.5, order=4)
    assert same == 4
    with pytest.raises(AssertionError, match=re.escape(f"agree through degree {found!r}, not 1")):
        assert_functions_agree(
            lambda x: containers(x, x * tn.detach(x), x), lambda x: containers(x, x * x, x), at=[0.5, 2.0], order=1
        )


def test_generic_points_fill_the_box():
    places = Points.of({"x": [0.0, 1.0], "y": [[2.0], [4.0]]}).generic()
    assert {len(points) for points in places.values()} == {4 + DRAWN}
    x, y = places["x"][4:], places["y"][4:]
    assert ((x > 0) & (x < 1) & (y > 2) & (y < 4)).all()
    for half in (x < 0.5, y < 3, (x < 0.5) & (y < 3), (x > 0.5) & (y < 3)):
        assert half.sum() >= DRAWN // 4 - 1
    assert len(np.unique(x)) == len(np.unique(y)) == DRAWN


def test_is_normal():
    assert tn.is_normal(lambda x: np.exp(np.sin(x)) / (1 + x * x), at=[0.3, 1.7])
    assert tn.is_normal(lambda x, y: np.hypot(x, y) ** 2.5, at={"x": [0.3, 1.7], "y": 0.9}, order=3)
    assert tn.is_normal(tn.fuse(lambda x: (np.tanh(x), np.sqrt(x))), at=0.3)
    assert not tn.is_normal(lambda x: x * tn.detach(x), at=[0.3])
    assert not tn.is_normal(lambda x: (x, tn.box(np.log(x))), at=[0.3])
    assert tn.is_normal(lambda x: x * tn.detach(x), at=[0.3], order=0)


def test_assertions_show_the_first_difference():
    with pytest.raises(
        AssertionError,
        match=r"series agree through degree 1, not 8: the coefficient of ε² of element \[0\] is 0.0 in the first and "
        r"-3.65.* in the second, apart by 1.0e\+00 of the larger; 13 more of 18 coefficients differ",
    ):
        assert_agree(P / tn.detach(P), 1 + np.log(P) - tn.detach(np.log(P)))
    assert_agree(P / tn.detach(P), 1 + np.log(P) - tn.detach(np.log(P)), order=1)
    with pytest.raises(AssertionError, match=r"series differ in value, not 8: the value of element \[0\] is 0.37"):
        assert_agree(P, P + 1)
    with pytest.raises(
        AssertionError, match=r"the coefficient of ε of element \[0\], at x = 0.3, is 0.3 in the function and 0.6 in"
    ):
        assert_normal(lambda x: x * tn.detach(x), at=[0.3])
    with pytest.raises(
        AssertionError,
        match=r"the functions agree through degree 0 at x = 0.3, not 3: there the coefficient of ε of element \[0\] is 1.0 in "
        r"the first and 0.0 in the second, apart by 1.0e\+00 of the larger$",
    ):
        assert_functions_agree(lambda x: x, tn.detach, at=[0.3, 1], order=3)
    assert_functions_agree(np.tan, lambda x: np.sin(x) / np.cos(x), at=[0.3, 1], order=6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tn.agree_to(P, P, order=2), TypeError, "at= and order= go with two functions"),
        (lambda: tn.agree_to(np.sin, np.sin), TypeError, "two functions are compared as in"),
        (lambda: tn.agree_to(np.sin, P, at=1.0, order=2), TypeError, "two functions are compared as in"),
        (lambda: tn.agree_to(P, tn.variable(1.0, 2)), tn.BasisError, "different bases"),
        (
            lambda: tn.agree_to(lambda x: (x, x), lambda x: [x, x], at=1.0, order=2),
            ValueError,
            r"the functions return \(Ellipsis, Ellipsis\) and \[Ellipsis, Ellipsis\]; compare functions that return",
        ),
        (
            lambda: tn.agree_to(lambda x: {"a": x}, lambda x: {"b": x}, at=1.0, order=2),
            ValueError,
            "return {'a': Ellipsis} and {'b'",
        ),
        (lambda: tn.agree_to(lambda x: (x,), lambda x: x, at=1.0, order=2), ValueError, r"return \(Ellipsis,\) and Ellipsis"),
        (lambda: tn.agree_to(lambda x: (), lambda x: (), at=1.0, order=2), ValueError, r"return \(\) and \(\)"),
        (lambda: tn.agree_to((P, P), (P, P)), tn.UnsupportedError, "results are compared one by one, and this is a tuple"),
        (lambda: tn.agree_to(np.sin, np.sin, at=[], order=2), ValueError, "at must hold a point or more"),
        (lambda: tn.agree_to(np.sin, np.sin, at={}, order=2), ValueError, "at must hold a point or more"),
        (
            lambda: tn.is_normal(np.hypot, at={"x": [1.0, 2, 3], "y": [1.0, 2]}),
            ValueError,
            r"do not broadcast together: \(3,\), \(2,\)",
        ),
        (lambda: tn.agree_to((P,), P), tn.UnsupportedError, "one by one, and this is a tuple"),
        (lambda: tn.agree_to(P, np.ones(5)), ValueError, r"do not broadcast together: \(2,\), \(5,\)"),
        (lambda: tn.agree_to(P, "exp"), tn.UnsupportedError, "what is compared must hold real numbers"),
    ],
)
def test_mistakes(call, error, message):
    with pytest.raises(error, match=message):
        call()
