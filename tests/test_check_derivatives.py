"""Is the checker right in the presence of ⊥, and does it find what is wrong?"""

import sys

import numpy as np
import pytest

import taylornb as tn
from taylornb.testing import check_derivatives

inner = tn.fuse(lambda x: np.tanh(x) * tn.detach(x))
odd = tn.weird(np.floor, np.exp, np.abs, np.sign)
RIGHT = {
    "product": lambda x: x * tn.detach(x),
    "ratio": lambda x: np.exp(x) / tn.detach(np.exp(x)),
    "box": lambda x: tn.box(np.log(x)),
    "nilpotent": lambda x: tn.nilpotent(np.sin(x)) ** 2 * np.exp(x),
    "graft": lambda x: tn.graft(np.round(x), np.sin(x)) * np.exp(x),
    "weird": lambda x: odd(x * x) * np.sin(x),
    "choice": lambda x: tn.maximum(x, 1) * tn.where(x > 0.5, x**2.5, np.log(x)),
    "special": lambda x: tn.gammaln(x) + tn.erf(x) + np.arctan2(x, 2) + tn.clip(x, 0.1, 1),
    "fused": tn.fuse(lambda x: np.sin(x) * tn.detach(np.cos(x))),
    "fused inside": lambda x: inner(x) * inner(np.exp(x)),
    "structure": lambda x: tn.stack([x, tn.detach(x) * x])[0:1] * np.sum(x),
    "several": lambda x: {"a": x * x, "b": (tn.detach(x), np.mean(x * tn.detach(x)))},
    "branch": lambda x: x**2 * tn.detach(x) if (x > 0).all() else -x,
    "methods": lambda x: x.detach().reshape(-1) * x.sum() * x.size * len(x),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_passes(name):
    check_derivatives(RIGHT[name], at=[0.3, 0.8, 1.7], order=4)


@pytest.mark.parametrize("name", ["product", "ratio", "box", "nilpotent", "weird", "fused", "several"])
def test_plain_differences_disagree_where_they_must(name):
    """They see no ⊥."""
    assert not tn.is_normal(RIGHT[name], at=[0.3, 0.8, 1.7], order=2)


def test_some_variables_of_several():
    def f(m, a):
        return -0.5 * m**2 + tn.detach(-0.5 * (a * m + m) ** 2, "m") * np.exp(tn.detach(a, "a"))

    check_derivatives(f, at={"m": [0.5, 0.9], "a": 2.0}, order=3)
    assert not tn.is_normal(f, at={"m": 0.5, "a": 2.0}, order=1)


def test_groups_of_variables():
    def f(a, b, x):
        with tn.frozen("slope"):
            held = np.exp(a * x)
        return held * (a + tn.detach(b * x, "slope")) * b

    at = {"a": [0.5, 0.9], "b": 2.0, "x": 0.3, "slope": ("a", "b")}
    check_derivatives(f, at=at, order=3)
    assert not tn.is_normal(f, at=at, order=1)
    assert (
        tn.agree_to(f, lambda a, b, x: tn.detach(np.exp(a * x), "a", "b") * (a + tn.detach(b, "b") * x) * b, at=at, order=3)
        == 3
    )
    with pytest.raises(tn.BasisError, match="'slop' is not a variable or a group"):
        check_derivatives(lambda a, b: tn.detach(a * b, "slop"), at={"a": 1.0, "b": 1.0, "slope": ("a", "b")})


@pytest.mark.parametrize(("degree", "name"), [(1, "ε"), (2, "ε²"), (3, "ε³")])
def test_the_first_wrong_coefficient_is_named(degree, name):
    """A rule that goes wrong in one degree."""
    late = tn.define("late", value=np.exp, rate=lambda x, y: y + tn.nilpotent(x) ** (degree - 1))
    check_derivatives(late, at=[0.4], order=degree - 1)
    with pytest.raises(
        AssertionError, match=rf"^the coefficient of {name} of element \[0\], at x = 0.4, is .* in the function"
    ):
        check_derivatives(late, at=[0.4], order=4)


def test_a_wrong_custom_rule_is_found():
    wrong = tn.define("wrong_square", value=lambda x: x * x, rate=lambda x, y: 3 * x)
    with pytest.raises(
        AssertionError, match=r"the coefficient of ε of element \[1\], at x = 2, is 6.0 in the function and 4.0 in"
    ):
        check_derivatives(lambda x: tn.where(x > 1, wrong(x), x), at=[0.5, 2.0])


def test_what_cannot_be_checked():
    with pytest.raises(tn.UnsupportedError, match="keep drops degrees, which is no operation on values"):
        check_derivatives(lambda x: tn.keep(np.sin(x), order=1), at=[0.3])
    with pytest.raises(tn.UnsupportedError, match="must return series, and among its results is a float"):
        check_derivatives(lambda x: 3.0, at=[0.3])


def test_mpmath_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpmath", None)
    with pytest.raises(ImportError, match="pip install mpmath"):
        check_derivatives(np.sin, at=[0.3])
