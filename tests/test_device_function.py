"""Do functions of scalars give the coefficients, inside compiled functions of the user's own, and say what they do not take?"""

import inspect
import re

import numpy as np
import pytest
from numba import njit

import taylornb as tn
from bench.operations import CASES, arguments

DTYPES = {np.float64: 1e-13, np.float32: 2e-5}
ORDER = 3


def groups():
    """Cases that have the same arguments, a dozen at a time: Numba is slow to start and quick to go on."""
    by_arguments = {}
    for name, (_, at) in CASES.items():
        by_arguments.setdefault(at, []).append(name)
    return [(at, names[n : n + 12]) for at, names in by_arguments.items() for n in range(0, len(names), 12)]


def flat(found):
    return found.coeffs if isinstance(found, tn.TaylorArray) else found


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("at", "names"), groups(), ids=lambda value: value[0] if isinstance(value, list) else None)
def test_every_operation_as_a_function_of_scalars(at, names, dtype):
    def together(*args):
        return tuple(CASES[name][0](*args) for name in names)

    parameters = ", ".join("abc"[: len(at)])
    function = tn.fuse(eval(f"lambda {parameters}: together({parameters})", {"together": together}))
    got = function.device_function(ORDER, dtype=dtype)(*map(dtype, at))
    expected = tn.fuse(together, target="reference")(*arguments(at, ORDER, dtype))
    for name, one, other in zip(names, got, expected, strict=True):
        np.testing.assert_allclose(one, flat(other), rtol=DTYPES[dtype], atol=DTYPES[dtype] / 10, err_msg=name)


def test_it_takes_plain_numbers_beside_variables():
    f = tn.fuse(lambda x, a: np.exp(a * x)).device_function(2, variables="x")
    np.testing.assert_allclose(f(0.0, 3.0), [1, 3, 4.5])


def test_several_variables_have_the_coefficients_in_the_order_of_the_basis():
    x, y = tn.variables(3, x=0.3, y=0.7)
    f = tn.fuse(lambda x, y: np.sin(x * y) / y)
    np.testing.assert_allclose(f.device_function(3)(0.3, 0.7), f(x, y).coeffs, rtol=1e-13, atol=1e-15)


def test_several_results_are_tuples_in_a_tuple_and_truth_values_and_plain_numbers_are_alone():
    f = tn.fuse(lambda x, a: (x, x > a, 2 * a, 5, tn.detach(x))).device_function(1, variables=("x",))
    assert f(3.0, 2.0) == ((3.0, 1.0), True, 4.0, 5, (3.0, 0.0))


def test_order_0_is_the_value_in_a_tuple():
    assert tn.fuse(lambda x: x * x).device_function(0)(3.0) == (9.0,)


def test_keywords_are_baked_in_and_are_no_parameters():
    def f(x, power, *, shift=0):
        return x**power + shift

    assert tn.fuse(f).device_function(1, power=2, shift=1)(3.0) == (10.0, 6.0)


def test_compiled_functions_call_it_in_branches_and_loops():
    square = tn.fuse(lambda x: x * x - 2).device_function(1)

    @njit
    def root(x):
        for _ in range(60):
            value, slope = square(x)
            if abs(value) < 1e-15:
                break
            x -= value / slope
        return x

    assert root(1.0) == pytest.approx(2**0.5, abs=1e-15)


def test_equal_functions_are_compiled_once():
    f = tn.fuse(lambda x: np.exp(x))
    assert f.device_function(2) is tn.fuse(lambda x: np.exp(x)).device_function(order=2)


def test_the_source_can_be_read():
    text = inspect.getsource(tn.fuse(lambda x: x * x).device_function(1).py_func)
    assert text == "def function(x):\n    v0 = x\n    v1 = v0 * v0\n    v2 = 2.0 * v0\n    return (v1, v2,)\n"


def test_division_by_zero_is_infinite_and_no_error():
    assert tn.fuse(lambda x: 1 / x).device_function(0)(0.0) == (np.inf,)


HERE = np.ones(3)


@pytest.mark.parametrize(
    ("function", "arguments", "error", "message"),
    [
        (lambda x: x, {"order": 1, "dtype": np.int64}, tn.UnsupportedError, "takes float64 or float32, not dtype=int64"),
        (lambda *x: x[0], {"order": 1}, tn.UnsupportedError, "needs a name for each argument, which <function <lambda> at"),
        (lambda x: x, {"order": 1, "variables": ("z",)}, tn.BasisError, "variables='z' is no argument of the function"),
        (lambda x: x, {"order": -1}, tn.BasisError, "order"),
        (lambda x: x.sum(), {"order": 1}, tn.UnsupportedError, "acts on one element, and this one contains sum"),
        (lambda x: x * HERE, {"order": 1}, tn.UnsupportedError, "acts on one element, and this one takes an array"),
        (lambda x: [x, x], {"order": 1}, tn.UnsupportedError, "returns tuples, not a list"),
        (lambda x: (x, HERE), {"order": 1}, tn.UnsupportedError, "returns numbers, and the function returns the array"),
    ],
)
def test_what_it_does_not_take_it_says(function, arguments, error, message):
    with pytest.raises(error, match=re.escape(message)):
        tn.fuse(function).device_function(**arguments)
