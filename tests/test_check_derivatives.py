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
    "kept": lambda x: tn.keep(np.exp(x), order=0) * x + tn.keep(tn.detach(x), order=2) * tn.keep(x * 0 + 2, order=0),
    "plain": lambda x: (x, 3.0, x > 0.5, np.ones(3)),
    "loop": lambda x: sum(e * tn.detach(e) for e in x),
    "unpacked": lambda x: (lambda a, b, c: a * b * tn.detach(c))(*x),
    "fancy": lambda x: x[[0, 2]] * x[np.array([True, False, True])] * x[x > 0.5].detach(),
    "part": lambda x: (x * x)[::-1][:2] * x.copy()[1:],
    "far": lambda x: np.sin(x + 1e15) * tn.detach(np.cos(x * 1e10)),
    "ties": lambda x: np.round(x * 10) * x,
    "methods": lambda x: x.detach().reshape(-1) * x.sum() * x.size * len(x),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_passes(name):
    check_derivatives(RIGHT[name], at=[0.3, 0.8, 1.7], order=4)


@pytest.mark.parametrize("name", ["product", "ratio", "box", "nilpotent", "weird", "fused", "several"])
def test_plain_differences_disagree_where_they_must(name):
    """They see no ⊥."""
    assert not tn.is_normal(RIGHT[name], at=[0.3, 0.8, 1.7], order=2)


RULES = {  # the value, the rate and per of an equation, and what has the size of the rate
    "log": (lambda x: np.log(x), lambda x, y: 1, lambda x, y: x, lambda x, y: 1),
    "sqrt": (lambda x: np.sqrt(x), lambda x, y: 0.5, lambda x, y: y, lambda x, y: 1),
    "reciprocal": (lambda x: 1 / x, lambda x, y: -y * x, lambda x, y: x * x, lambda x, y: y * x),
}


@pytest.mark.parametrize("points", [[1e-12], [1e-12, 5.0, 1e6], [1e15], [1e-60]])
@pytest.mark.parametrize("degree", [1, 2, 4])
@pytest.mark.parametrize("name", RULES)
def test_every_scale(name, degree, points):
    """Rules are checked without errors of rounding, beside which a wrong one would not show."""
    value, rate, per, size = RULES[name]
    check_derivatives(tn.define("right", value=value, rate=rate, per=per), at=points, order=4)

    def wrong(x, y):
        return rate(x, y) + (tn.nilpotent(x) / tn.detach(x)) ** (degree - 1) * size(x, y)

    with pytest.raises(AssertionError, match=r"is .* in the function and .* in its values"):
        check_derivatives(tn.define("wrong", value=value, rate=wrong, per=per), at=points, order=4)


@pytest.mark.parametrize("name", ["absolute", "copysign", "maximum"])
def test_at_a_kink(name):
    other = {"absolute": (), "copysign": (1.0,), "maximum": (0.0,)}[name]
    check_derivatives(lambda x: getattr(np, name)(x, *other) * x, at=[0.0, -1.0, 2.0], order=3)


def test_a_result_of_another_shape_has_no_point():
    z = tn.define("z", value=lambda v: v * v, rate=lambda v, y: v)
    with pytest.raises(AssertionError, match=r"of element \[0\] is 0.3 in the function and 0.6 in its values"):
        check_derivatives(lambda x: z(x[:2]), at=[0.3, 0.8, 1.7])


def test_checks_know_no_frozen_surroundings():
    with tn.frozen("x"):
        check_derivatives(lambda x: x * tn.detach(x), at=[0.3])
        assert not tn.is_normal(lambda x: x * tn.detach(x), at=[0.3])


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


def test_vectors_of_variables():
    """One argument, with an axis for its variables before that of the points."""
    at = {
        "x": [0.3, 0.8],
        "w": tn.group([[0.5, 0.9], [1.5, 1.2]]),
        "phi": tn.group({"m": 0.4, "r": [-0.3, 0.2]}),
        "all": ("m", "w_1"),
    }

    def f(x, w, phi):
        model = np.exp(w[0] * x) + w[1] * tn.detach(phi[0] * w[1], "w") + np.sum(phi * w, axis=0)
        with tn.frozen("all"):
            held = w[1] * phi[1]
        return {"model": model * tn.detach(w, "phi")[1], "held": (held * phi, tn.detach(w))}

    def shaped(x, w, phi):
        assert x.shape == (2,)
        assert w.shape == phi.shape == (2, 2)
        return f(x, w, phi)

    check_derivatives(shaped, at=at, order=3)
    check_derivatives(tn.fuse(f), at=at, order=2)
    assert not tn.is_normal(f, at=at, order=2)
    assert tn.is_normal(lambda w: w[0] * np.sin(w[1]), at=tn.group([[0.3, 1.7], [0.4, 0.9]]))
    assert tn.agree_to(lambda w: (w * w).sum(axis=0), lambda w: w[0] ** 2 + w[1] ** 2, at=tn.group([0.5, 2.0]), order=4) == 4
    wrong = tn.define("twice", value=lambda a: a * a, rate=lambda a, y: a)
    with pytest.raises(
        AssertionError,
        match=r"^the coefficient of ε_w_1 of element \[0\] of result \['b'\]\[1\], at w_0 = 0.5, w_1 = 2, is 2.0",
    ):
        check_derivatives(lambda w: {"a": w[0], "b": (w[0] * 2, wrong(w[1]))}, at={"w": tn.group([0.5, 2.0])})
    with pytest.raises(tn.BasisError, match="the variable 'w_0' is there twice"):
        check_derivatives(f, at={"w": tn.group([1.0]), "w_0": 2.0})
    with pytest.raises(ValueError, match="do not broadcast together"):
        check_derivatives(f, at={"x": [1.0, 2.0, 3.0], "w": tn.group([[1.0, 2.0]])})


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


def test_chosen_derivatives_as_a_rule():
    """Beside ⊥, where the values of the whole do not tell."""
    right = tn.weird(np.exp, np.exp, np.exp)
    wrong = tn.weird(np.exp, np.exp, lambda x: 1.001 * np.exp(x))
    for rule in (right, wrong):
        check_derivatives(lambda x, rule=rule: rule(x * x) * tn.detach(x), at=[0.4], order=2)
    check_derivatives(lambda x: right(x * x) * tn.detach(x), at=[0.4], order=2, rules=True)
    with pytest.raises(AssertionError, match=r"the coefficient of ε² of element \[0\], at x = 0.4, is"):
        check_derivatives(lambda x: wrong(x * x) * tn.detach(x), at=[0.4], order=2, rules=True)
    check_derivatives(lambda x: tn.weird(3.0)(x) * x, at=[0.4], rules=True)


def test_what_cannot_be_checked():
    with pytest.raises(tn.UnsupportedError, match="keep drops degrees, which is no operation on values"):
        check_derivatives(lambda x: tn.keep(np.sin(x), order=1), at=[0.3])
    for answer in (None, "text"):
        with pytest.raises(tn.UnsupportedError, match="must return series or numbers, and among its results is"):
            check_derivatives(lambda x, answer=answer: answer, at=[0.3])

    def written(x):
        y = x * 1
        y[0] = 2
        return y

    def added(x):
        y = x * 1
        y += 1
        return y

    for f in (written, added, lambda x: np.exp(x, out=x * 1), lambda x: (x * 1).detach_()):
        with pytest.raises(tn.UnsupportedError, match="writes in place cannot be checked by its values"):
            check_derivatives(f, at=[0.3])
    with pytest.raises(tn.UnsupportedError, match=r"asks for .dtype of a series cannot be checked"):
        check_derivatives(lambda x: x * x.dtype.itemsize, at=[0.3])


def test_mpmath_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpmath", None)
    with pytest.raises(ImportError, match="pip install mpmath"):
        check_derivatives(np.sin, at=[0.3])
