"""Is a program printed for CUDA as it should be, and are its functions those of NumPy, in both dtypes?"""

import math
import re
from collections import Counter
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from mpmath import mp
from numba import njit

import taylornb as tn
from bench.operations import CASES, arguments
from taylornb.program import ARITHMETIC
from taylornb.targets.cuda import compiled, portable, text
from taylornb.targets.cuda.sums import _weight
from taylornb.targets.source import FORMS

DTYPES = (np.float64, np.float32)


def programs(function, *args):
    return tn.fuse(function, target="cuda")._programs(args, {}, "unrolled")


KERNEL = """\
def kernel(n, x0, x1, y0):
    v0 = x1
    i = u8(cuda.grid(1))
    step = u8(cuda.gridsize(1))
    while i < n:
        v1 = x0[0, i]
        v2, v3 = sincos_f4(v1)
        v4 = -v2
        v5 = v4 * f4(0.5)
        v6 = v2 * v0
        y0[0, i] = v6
        v7 = v3 * v0
        y0[1, i] = v7
        v8 = v5 * v0
        y0[2, i] = v8
        i += step
"""


def test_the_text_of_a_kernel_is_one_statement_a_line_with_typed_numbers():
    x = tn.variable(np.float32([1, 2]), order=2)
    (program,) = programs(lambda x, a: np.sin(x) * a, x, np.ones(1, np.float32))
    assert text.kernel(program, ["i", None]) == KERNEL


KERNEL_OF_TWO_AXES = """\
def kernel(n, nj, x0, x1, x2, x3, y0):
    v5 = x3[0, 0]
    e = u8(cuda.grid(1))
    step = u8(cuda.gridsize(1))
    while e < n:
        rj = e // nj
        j = e - rj * nj
        i = rj
        v0 = x0[0, i, j]
        v1 = x1[0, j]
        v3 = x2[0, i, 0]
        v2 = v0 * v1
        v4 = v2 + v3
        v6 = v4 + v5
        y0[0, i, j] = v6
        e += step
"""


def exp_of_sin(x):
    return np.exp(np.sin(x))


def test_the_coefficients_of_a_node_come_before_those_of_the_next():
    x = tn.from_coefficients(np.ones((5, 2)), tn.Basis(("x",), 4))
    (program,), (other,) = programs(exp_of_sin, x), tn.fuse(exp_of_sin)._programs((x,), {}, "unrolled")
    functions = [instruction.function for instruction in program.instructions]
    assert Counter(functions) == Counter(instruction.function for instruction in other.instructions)
    assert program.stores != other.stores
    sums = [place for place, name in enumerate(functions) if name == "madd"]
    assert sum(place < functions.index("exp") for place in sums) > 5  # those of the sine
    assert [instruction.function for instruction in other.instructions][: functions.index("exp")].count("exp") == 1


def test_the_text_of_a_kernel_over_two_axes_splits_the_number_of_the_element():
    x = tn.variable(np.ones((2, 3)), order=0)
    (program,) = programs(lambda x, a, b, c: x * a + b + c, x, np.ones(3), np.ones((2, 1)), np.ones(1))
    assert text.kernel(program, ["ij", "j", "i0", "0"], axes=2) == KERNEL_OF_TWO_AXES


def test_all_inputs_are_read_before_a_result_is_stored():
    """A result may be stored over an input of the same element."""
    x = tn.from_coefficients(np.ones((5, 2)), tn.Basis(("x",), 4))
    (program,) = programs(exp_of_sin, x)
    lines = text.kernel(program, ["i"]).splitlines()
    assert max(n for n, line in enumerate(lines) if "= x0[" in line) < min(n for n, line in enumerate(lines) if "y0[" in line)


def test_the_letters_of_axes_are_no_other_names():
    x = tn.variable(np.ones((1,) * len(text.AXES)), order=0)
    (program,) = programs(lambda x: x + 1, x)
    written = text.kernel(program, [text.AXES], len(text.AXES))
    assigned = re.findall(r"^ +(\w+) =", written, re.MULTILINE)
    assert len(set(assigned)) == len(assigned) == 2 * len(text.AXES) - 1 + len(("e", "step", "v0", "v1"))
    assert not set(assigned) & {"n", *(f"n{axis}" for axis in text.AXES)}


def test_the_text_of_a_function_takes_and_returns_scalars():
    (program,) = programs(lambda x: x * x, tn.variable(1.0, order=2))
    expected = "def function(x):\n    v0 = x\n    v1 = v0 * v0\n    v2 = 2.0 * v0\n    return (v1, v2)\n"
    assert text.device_function(program, {(0, 0): "x"}, "(v1, v2)") == expected


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_every_operation_is_printed_with_functions_that_the_scope_has(name, dtype):
    function, at = CASES[name]
    for program in programs(function, *arguments(at, 3, dtype, (2,))):
        written = text.kernel(program, ["i"] * len(program.inputs))
        called = set(re.findall(r"([\w.]+)\(", written)) - {"cuda.grid", "cuda.gridsize", "kernel"}
        scope = {**compiled._for_functions(), "if": None, "else": None}
        assert all(hasattr(math, one[5:]) if one.startswith("math.") else one in scope for one in called), called
        if dtype is np.float32:  # every number is typed; what is called in float64 says so
            numbers = re.findall(r"[^\w.\[(](-?\d+\.\d*(?:e-?\d+)?)", re.sub(r"f4\(-?[\d.e-]+\)", "", written))
            assert not numbers, written


@pytest.mark.parametrize(("base", "stated"), [(2.0, "f8(0.6931471805599453)"), (0.0, "f8(-np.inf)"), (-1.0, "f8(np.nan)")])
def test_functions_of_numbers_are_computed_once(base, stated):
    (program,) = programs(lambda x: base**x, tn.variable(np.ones(2, np.float32), order=1))
    written = text.kernel(program, ["i"])
    assert stated in written
    assert "math.log" not in written


def test_every_function_of_instructions_has_a_form():
    functions = {
        instruction.function
        for function, at in CASES.values()
        for program in programs(function, *arguments(at, 3, np.float64, (2,)))
        for instruction in program.instructions
    }
    assert functions - {"load"} <= set(text.FORMS)
    assert len(functions - ARITHMETIC - set(FORMS)) > 25


# ---- the functions that are written here --------------------------------------------------------------

PLACES = (0.0, -0.0, 0.3, -0.3, 0.5, -0.5, 0.7, -0.7, 1.0, 1.5, 2.5, -2.5, 3.49, 1e6 + 0.5, 2.0**23 - 0.5, 2.0**23 + 1)
PLACES += (2.0**52 + 1, -(2.0**52) + 0.5, 1e30, -1e30, 1e-40, -1e-40, math.inf, -math.inf, math.nan)
UNARY = ("rint", "floor", "ceil", "trunc", "sign", "cbrt")


def compiled_functions(dtype):
    return portable.functions(np.dtype(dtype), njit(error_model="numpy"))


def as_they_are(dtype):
    return portable.functions(np.dtype(dtype), lambda function: function, compiled.MATHEMATICS)


@pytest.mark.parametrize("made", [compiled_functions, as_they_are])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_function_of_one_number_is_that_of_numpy(name, dtype, made):
    function = made(dtype)[f"{name}_{np.dtype(dtype).str[1:]}"]
    points = np.array([*PLACES, np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal], dtype=dtype)
    got, expected = np.array([function(x) for x in points], dtype), getattr(np, name)(points)
    if name == "cbrt":
        np.testing.assert_array_max_ulp(got[~np.isnan(points)], expected[~np.isnan(points)], maxulp=1)
        assert np.isnan(got[np.isnan(points)]).all()
    else:
        np.testing.assert_array_equal(got, expected)
    signed = ~np.isnan(points)
    np.testing.assert_array_equal(np.signbit(got[signed]), np.signbit(expected[signed]))


@pytest.mark.parametrize("made", [compiled_functions, as_they_are])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["remainder", "logaddexp"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_function_of_two_numbers_is_that_of_numpy(name, dtype, made):
    function = made(dtype)[f"{name}_{np.dtype(dtype).str[1:]}"]
    a, b = (x.ravel() for x in np.meshgrid(np.array(PLACES, dtype), np.array(PLACES, dtype)))
    got = np.array([function(x, y) for x, y in zip(a, b, strict=True)], dtype)
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(a, b)
    np.testing.assert_allclose(got, expected, rtol=0 if name == "remainder" else 4 * np.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("name", [function.__name__ for function in portable.FUNCTIONS])
def test_functions_of_float32_compute_in_float32(name):
    made = compiled_functions(np.float32)[f"{name}_f4"]
    made(*[np.float32(0.3)] * made.py_func.__code__.co_argcount)
    (code,) = made.inspect_llvm().values()
    bodies = re.findall(r"^define[^\n]* i32 @[^\n]*{\n(.*?)^}", code, re.DOTALL | re.MULTILINE)
    assert bodies
    assert not any("double" in body for body in bodies)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("right", [2.000001, 2 + 2.0**-40, 0.5, -1.7, 1 / 3])
def test_the_weight_of_a_product_has_all_its_digits_where_its_parts_cancel(right, dtype):
    """As of a power, whose exponent is rounded in float32."""

    def fma(a, b, c):
        assert {type(a), type(b), type(c)} == {dtype}
        return dtype(mp.mpf(float(a)) * mp.mpf(float(b)) + mp.mpf(float(c)))

    scope = {"cuda": SimpleNamespace(fma=fma), "f4": np.float32, "f8": np.float64}
    with mp.workprec(200):
        for j, k in ((1, 1), (200, 100), (100, 50), (3, 7), (50, 30), (4000, 2000)):
            found = eval(_weight((Fraction(-1), Fraction(right)), np.dtype(dtype), str(j), str(k)), scope)
            exact = mp.mpf(right) * k - j
            assert type(found) is dtype
            assert abs(mp.mpf(float(found)) - exact) <= 2 * np.finfo(dtype).eps * abs(exact)
