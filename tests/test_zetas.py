"""Are Hurwitz' zeta functions right, and has an element the same bits one by one, among others and all orders at once?"""

from fractions import Fraction

import numpy as np
import pytest
from mpmath import mp, mpf

import taylornb as tn
from taylornb import libm
from taylornb.program import Output, Store, Writer
from taylornb.support import Support
from taylornb.targets import reference
from taylornb.targets.zetas import FEW, Zetas

DOUBLE = np.dtype(np.float64)
UNIT = 2.0**-52
POSITIVE = np.concatenate([np.linspace(0.013, 14, 60), np.exp2(np.arange(-99, 100, 8)), [18.3, 33, 60, 1e-300, 1e300]])
NEGATIVE = np.concatenate([-np.linspace(0.0101, 11.9, 60), [-1e-10, -0.5, -1.5, -100.3, -(2.0**52) + 0.5]])
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, -2.0, -1e300, 5e-324, -5e-324])
ALL = np.random.default_rng(7).permutation(np.concatenate([POSITIVE, NEGATIVE, SPECIAL]))
ORDERS = (2, 3, 5, 9, 20, 40)


def exact(x, s):
    distance = x if x > 0 else abs(x - mp.nint(x))
    return distance ** (s - 1) * (-1) ** s * mp.psi(s - 1, x) / mp.factorial(s - 1)


def one_by_one(x, last):
    return np.array([[libm.scaled_zeta(item, float(s)) for item in x.tolist()] for s in range(2, last + 1)])


def together(x, last):
    with np.errstate(all="ignore"):
        return Zetas(last)(x)


def assert_same_bits(a, b):
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


@pytest.mark.parametrize("s", ORDERS)
def test_values_right_of_zero(s):
    with mp.workprec(200):
        for x, got in zip(POSITIVE.tolist(), one_by_one(POSITIVE, s)[-1].tolist(), strict=True):
            right = exact(mpf(x), s)
            assert abs(mpf(got) - right) <= (4 + s / 2) * UNIT * right, x


@pytest.mark.parametrize("s", ORDERS)
def test_values_left_of_zero(s):
    with mp.workprec(300):
        for x, got in zip(NEGATIVE[:-1].tolist(), one_by_one(NEGATIVE[:-1], s)[-1].tolist(), strict=True):
            right = exact(mpf(x), s)
            assert abs(mpf(got) - right) <= (4 + s / 2) * UNIT * (abs(right) + 3), x


@pytest.mark.parametrize("x", SPECIAL[:7])
def test_values_at_the_poles_and_ends(x):
    expected = np.nan if np.isnan(x) else 0.0 if np.isinf(x) else np.inf
    np.testing.assert_array_equal(one_by_one(np.array([x]), 5), np.full((4, 1), expected))


@pytest.mark.parametrize("last", ORDERS)
def test_all_orders_at_once_have_the_bits_of_each(last):
    assert_same_bits(together(ALL, last), one_by_one(ALL, last))


@pytest.mark.parametrize("count", [1, 2, 3, FEW + 1, 50])
@pytest.mark.parametrize("last", [2, 5, 9])
def test_an_element_has_the_same_bits_among_others(count, last):
    whole = together(ALL, last)
    for n in range(0, ALL.size, count):
        assert_same_bits(together(ALL[n : n + count], last), whole[:, n : n + count])


def test_an_element_has_the_same_bits_in_every_block():
    x = np.resize(ALL[ALL > 0], 1025)  # of two blocks and an element at order 5
    assert_same_bits(together(x, 5), np.concatenate([together(x[n : n + 100], 5) for n in range(0, x.size, 100)], axis=1))


@pytest.mark.parametrize("shape", [(), (1,), (3, 4), (2, 0)])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_shapes_and_dtypes_are_kept(shape, dtype):
    x = np.resize(ALL[(ALL > 0.5) & (ALL < 60)], shape).astype(dtype)
    found = together(x if shape else x[()], 9)
    assert (found.shape, found.dtype) == ((8, *shape), np.dtype(dtype))
    assert_same_bits(found, one_by_one(x.astype(float).ravel(), 9).reshape(8, *shape).astype(dtype))


# ---- in programs -------------------------------------------------------------------------------------


def program_of(orders):
    """The zetas of an input, of one order after the other."""
    writer = Writer()
    x = writer.emit("load", (), DOUBLE, (0, 0))
    stores = [Store(n, 0, writer.emit("scaled_zeta", (x, Fraction(s)), DOUBLE)) for n, s in enumerate(orders)]
    return writer.program(stores, [Output(Support.packed([0]), DOUBLE) for _ in orders])


def run(program, *inputs):
    outputs = [np.empty((1, *inputs[0].shape[1:]), out.dtype) for out in program.outputs]
    reference.run(program, inputs, outputs)
    return [out[0] for out in outputs]


@pytest.mark.parametrize("orders", [(2, 3, 4), (5, 2), (9,)])
def test_a_program_may_ask_for_any_orders(orders):
    x = ALL[:20]
    for s, got in zip(orders, run(program_of(orders), x[None]), strict=True):
        assert_same_bits(got, one_by_one(x, s)[-1])


def test_a_number_has_zetas_in_the_dtype_of_each_instruction():
    x, dtypes = Fraction(-19_999, 10_000), (DOUBLE, np.dtype(np.float32))
    writer = Writer()
    stores = [Store(n, 0, writer.emit("scaled_zeta", (x, Fraction(3)), dtype)) for n, dtype in enumerate(dtypes)]
    found = run(writer.program(stores, [Output(Support.packed([0]), dtype) for dtype in dtypes]), np.empty((0, 1)))
    for got, dtype in zip(found, dtypes, strict=True):
        assert_same_bits(got, one_by_one(np.array([-1.9999], dtype), 3)[-1].astype(dtype))


def test_the_zetas_of_an_argument_are_computed_once(monkeypatch):
    calls = []

    class Counted(Zetas):
        def __call__(self, x):
            calls.append(x.size)
            return super().__call__(x)

    monkeypatch.setattr(reference.Machine, "chains", {"scaled_zeta": Counted})
    reference.run(program_of((2, 3, 4, 5)), [np.ones((1, 9))], [np.empty((1, 9))] * 4, reference.Machine())
    assert calls == [9]


def test_nothing_is_held_longer_than_it_is_read():
    """All zetas of an argument are one array, which is let go with the last that is read."""
    x = tn.variable(np.linspace(0.5, 1.5, 10), order=4)
    programs = []
    original = reference.run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "run", lambda program, *rest: (programs.append(program), original(program, *rest)))
        tn.fuse(lambda x: tn.digamma(x) * tn.gammaln(x + 1), target="reference")(x)
    found = reference.tape(programs[0], reference.Machine())
    freed = [place for _, step in found.steps for place in step.dead]
    made = {place for place, _ in found.steps} | {place for place, _, _ in found.loads}
    assert len(made) > len(programs[0].instructions)
    assert sorted(freed) == sorted(made - {place for _, _, place in found.stores})
