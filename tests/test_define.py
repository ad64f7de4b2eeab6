"""Does a function declared by its value and equation work wherever the built-in ones do?"""

import pickle

import numpy as np
import pytest

import taylornb as tn
from taylornb.functions import equation_text
from taylornb.rules import registry

X = np.linspace(-1.2, 1.3, 7)
gudermannian = tn.define("gudermannian", lambda x: 2 * tn.arctan(tn.tanh(x / 2)), rate=lambda x, y: 1 / np.cosh(x))
plainly = tn.define("root_one_plus_square", lambda x: np.sqrt(1 + x * x), rate=lambda x, y: x, per=lambda x, y: y)
length = tn.define("length", lambda a, b: np.sqrt(a * a + b * b), rate=lambda a, b, y: (a, b), per=lambda a, b, y: y)


def expected(x):
    return 2 * np.arctan(np.tanh(x / 2))


def close(u, v):
    np.testing.assert_allclose(u.coeffs, v.coeffs, rtol=1e-11, atol=1e-13)


def test_eager_fused_and_reference():
    x = tn.variable(X, 6)
    for function in (gudermannian, tn.fuse(gudermannian), tn.fuse(gudermannian, target="reference")):
        close(function(x), expected(x))


def test_plain_numbers_and_arrays():
    np.testing.assert_allclose(gudermannian(X), expected(X), rtol=1e-14)
    assert gudermannian(0.5) == pytest.approx(expected(0.5), rel=1e-14)


def test_several_variables_and_detach():
    x, y = tn.variables(4, x=X, y=0.3)
    u = x * np.exp(y)
    close(gudermannian(u), expected(u))
    close(tn.detach(gudermannian(u), "y"), gudermannian(tn.detach(u, "y")))
    assert gudermannian(tn.detach(u)).is_constant


def test_inside_other_functions():
    g = tn.fuse(lambda x: np.exp(gudermannian(np.sin(x))) * plainly(x))
    x = tn.variable(X, 4)
    close(g(x), np.exp(expected(np.sin(x))) * np.sqrt(1 + x**2))


def test_two_arguments():
    x, y = tn.variables(3, x=1.5, y=-0.7)
    close(length(x, y * x), np.hypot(x, y * x))
    close(length(x, 2.0), np.hypot(x, 2.0))


def test_float32_and_many_elements():
    x = tn.variable(np.linspace(-1, 1, 40_000, dtype=np.float32), 3)
    assert gudermannian(x).dtype == np.float32
    np.testing.assert_allclose(gudermannian(x).coeffs, expected(x).coeffs, rtol=2e-5, atol=1e-5)


def test_any_precision():
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(40):
        y = gudermannian(tn.variable(mpmath.mpf("0.7"), 5))
        exact = mpmath.taylor(lambda x: 2 * mpmath.atan(mpmath.tanh(x / 2)), mpmath.mpf("0.7"), 5)
        assert all(abs(y.coefficient(k)[()] - exact[k]) < mpmath.mpf(10) ** -36 for k in range(6))


def test_documented_like_the_built_in_ones():
    assert "gudermannian" in gudermannian.__doc__
    assert "(1 / cosh(x))·Dx" in gudermannian.__doc__
    assert gudermannian.__name__ == "gudermannian"
    assert "gudermannian" in tn.fuse(gudermannian).graph(tn.variable(X, 1))
    assert "gudermannian" not in registry


def test_two_functions_of_one_name_are_two_functions():
    one = tn.define("g", lambda x: x * x, rate=lambda x, y: 2 * x)
    other = tn.define("g", lambda x: x * x * x, rate=lambda x, y: 3 * x * x)
    x = tn.variable(2.0, 2)
    assert (one(x).derivative(1), other(x).derivative(1)) == (4, 12)


def square(x):
    return x * x


def slope(x, y):
    return 2 * x


def test_it_is_pickled_as_what_it_was_made_of():
    function = tn.define("squared", square, rate=slope)
    again = pickle.loads(pickle.dumps(function))
    x = tn.variable(X, 4)
    close(again(x), function(x))
    assert repr(again) == repr(function) == "<taylornb function squared>"
    assert pickle.loads(pickle.dumps(tn.exp)) is tn.exp


def test_every_equation_of_the_library_can_be_read():
    texts = {name: equation_text(op) for name, op in registry.items() if op.kind == "equation"}
    assert texts["exp"] == "Dy = y·Dx"
    assert texts["log"] == "x·Dy = Dx"
    assert texts["tanh"] == "Dy = sech2(x)·Dx"
    assert all("Dy = " in text for text in texts.values())


def test_every_function_is_documented():
    for name in tn.operations:
        function = getattr(tn, name)
        assert function.__name__ == name
        assert function.__doc__.splitlines()[0].endswith(".")
