"""Is a program what its graph says: each instruction once, numbers exact, nothing simplified that must not be?"""

from fractions import Fraction

import numpy as np
import pytest

import taylornb as tn
from taylornb.number import Constant, number
from taylornb.program import Ref, Scalars, Writer
from taylornb.targets.reference import real
from taylornb.targets.source import source

DOUBLE = np.dtype(np.float64)


@pytest.fixture
def m():
    return Scalars(Writer(), DOUBLE)


def loaded(m, row=0):
    return m.writer.emit("load", (), DOUBLE, (0, row))


def test_the_number_two_is_not_the_third_result():
    assert Ref(2) != Fraction(2)
    m = Scalars(Writer(), DOUBLE)
    for row in range(3):
        loaded(m, row)
    assert m.multiply(Fraction(2), Ref(1)) != m.multiply(Ref(2), Ref(1))


def test_equal_instructions_are_one(m):
    x, y = loaded(m), loaded(m, 1)
    assert loaded(m) == x
    assert m.multiply(x, y) == m.multiply(x, y)
    assert m.multiply(x, y) != m.multiply(y, x)


def test_structural_zeros_and_ones_are_used(m):
    x = loaded(m)
    assert m.add(None, x) == m.add(x, None) == m.multiply(Fraction(1), x) == m.madd(x, None, x) == x
    assert m.multiply(None, x) is None
    assert m.divide(None, x) is None
    assert m.madd(None, x, None) is None
    assert m.divide(x, Fraction(1)) == x


def test_numbers_are_folded_exactly(m):
    third = m.divide(Fraction(1), Fraction(3))
    assert m.multiply(third, Fraction(3)) == 1
    assert m.madd(Fraction(1), third, Fraction(6)) == 3
    assert m.subtract(Fraction(1), Fraction(1)) == 0, "a number, not a structural zero"


def test_nothing_else_is_simplified(m):
    x = loaded(m)
    for kept in (m.subtract(x, x), m.divide(x, x), m.multiply(Fraction(0), x), m.add(x, Fraction(0))):
        assert isinstance(kept, Ref)
        assert kept != x


@pytest.mark.parametrize("value", [0.1, -3.5, 5e-324, 1.7e308, 0.0, 7, 2**200, np.float32(0.1), np.int16(-3)])
def test_finite_numbers_are_exact(value):
    assert number(value) == Fraction(float(value)) if not isinstance(value, int) else number(value) == value
    assert real(number(value)) == float(value)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, -0.0])
def test_other_numbers_go_by_name(value):
    assert isinstance(number(value), Constant)
    assert np.array_equal(real(number(value)), value, equal_nan=True)
    assert np.signbit(real(number(value))) == np.signbit(value)


def test_numbers_too_large_for_a_float_are_infinite():
    assert real(Fraction(-(10**400))) == -np.inf


def test_dead_instructions_are_dropped():
    f = tn.fuse(lambda x: tn.detach(np.exp(np.sin(x))) * x)
    assert f.cost(tn.variable(1.0, 6)).statements == 3, "sin, exp and the product"


def test_literals_of_float32_are_typed():
    x = tn.variable(np.ones(3, np.float32), 3)
    text = tn.fuse(lambda x: np.exp(x) * 0.1 + np.log(x) / 3).source(x)
    assert "f4(0.1)" in text
    assert not any(token[0].isdigit() and "." in token for token in text.replace("f4(", "@").split())


def test_names_that_users_give_do_not_reach_the_kernel():
    named = tn.define("malicious_name", lambda x: np.sin(x), rate=lambda x, y: np.cos(x))
    x = tn.variable(1.0, 2, name="os.system")
    assert "malicious" not in tn.fuse(named).source(x)
    assert "os" not in tn.fuse(named).source(x).replace("cos", "")


def test_special_numbers_reach_the_kernel():
    f = tn.fuse(lambda x: (x * np.inf, x + np.nan, x * -0.0, x - np.inf, x + 10**400))
    up, nan, zero, down, huge = f(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(up, [np.inf, np.inf])
    assert np.isnan(nan).all()
    assert np.signbit(zero).all()
    np.testing.assert_array_equal(down, [-np.inf, -np.inf])
    np.testing.assert_array_equal(huge, [np.inf, np.inf])


def test_the_text_follows_the_axes():
    f = tn.fuse(lambda x, y, z: x * y + z)
    x = tn.variable(1.0, 1)
    traced, operands = f._prepare((x, 2.0, 3.0), {})
    (program,) = traced.evaluator.programs(traced.known(operands), ("cpu", None))
    text = source(program, ["op", "o", ""], axes=2)
    lines = [line for line in text.splitlines() if "= x" in line or "for" in line]
    assert [line.strip().split(" = ")[-1] for line in lines] == [
        "x2[0]",
        "for o in range(y0.shape[1]):",
        "x1[0, o]",
        "for p in range(y0.shape[2]):",
        "x0[0, o, p]",
    ]
