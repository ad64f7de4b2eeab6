"""What does a fused function read while it is traced, and what tells one signature from another?"""

import copy
import pickle
import subprocess
import sys
import threading
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
import pytest

import taylornb as tn
from taylornb.number import exactly
from taylornb.testing import counting

A = np.array([1.0, 2.0, 3.0])


def reference(function):
    return tn.fuse(function, target="reference")


def test_an_array_that_changes_while_traced_is_read_each_time():
    def f(x):
        weights = np.ones(3)
        first = x * weights
        weights[:] = 2
        return first + x * weights

    np.testing.assert_array_equal(reference(f)(A), 3 * A)


def test_an_array_that_does_not_change_is_one_argument():
    weights = np.array([0.5, np.nan, -0.0])
    text = reference(lambda x: x * weights + weights).source(A)
    assert text.startswith("def kernel(x0, x1, y0):")


PAIRS = [(1, 1.0), (1, True), (0.0, -0.0), ((2,), (2.0,)), ((2, (1,)), (2, (True,))), (frozenset((1,)), frozenset((1.0,)))]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_static_values_that_are_equal_but_not_the_same_differ(one, other):
    assert exactly(one) != exactly(other)
    f = reference(lambda x, *, c: x)
    with counting(f) as counts:
        for value in (one, other, one):
            f(A, c=value)
    assert counts.traces == 2


def test_the_sign_of_a_static_zero_counts():
    f = reference(lambda x, *, c: tn.copysign(x, c))
    np.testing.assert_array_equal(f(A, c=0.0), A)
    np.testing.assert_array_equal(f(A, c=-0.0), -A)


def test_a_kernel_is_compiled_once_for_arrays_of_any_kind_and_once_for_each_dtype():
    f = tn.fuse(lambda x: np.sin(x) * x + 0.578125)
    frozen, swapped = A.copy(), A.astype(A.dtype.newbyteorder())
    frozen.flags.writeable = False
    with counting() as doubles:
        for array in (A, frozen, swapped, np.repeat(A, 2)[::2], A.astype(np.int64)):
            np.testing.assert_array_equal(f(array), f(A))
    assert doubles.compilations == 1
    with counting() as singles:
        f(A.astype(np.float32))
    assert singles.compilations == 1
    assert A.flags.writeable


@pytest.mark.parametrize(
    "leak", [lambda x, leaked: x + leaked, lambda x, leaked: np.sin(leaked), lambda x, leaked: reference(np.sin)(leaked)]
)
def test_a_traced_value_is_of_no_use_after_the_tracing(leak):
    leaked = []
    x = tn.variable(A, 2)
    reference(lambda x: leaked.append(x * 1) or x * 1)(x)
    with pytest.raises(tn.TracingError, match="left the function"):
        leak(x, leaked[0])


def test_an_error_while_tracing_leaves_nothing_behind():
    failing = [True]

    def f(x):
        if failing:
            raise RuntimeError("not yet")
        return x * 2

    g = reference(f)
    with pytest.raises(RuntimeError, match="not yet"):
        g(A)
    failing.clear()
    np.testing.assert_array_equal(g(A), 2 * A)


def test_functions_that_call_each_other_while_traced_do_not_wait_for_ever():
    p = reference(lambda x, *, depth: x + (q(A, depth=depth - 1) if depth else 0))
    q = reference(lambda x, *, depth: x * (p(A, depth=depth - 1) if depth else 1))
    threads = [threading.Thread(target=f, args=(A,), kwargs={"depth": 6}, daemon=True) for f in (p, q) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert not any(thread.is_alive() for thread in threads)


def test_methods_can_be_fused():
    class Oscillator:
        def __init__(self, frequency):
            self.frequency = frequency

        @tn.fuse(target="reference")
        def position(self, t):
            return np.sin(self.frequency * t)

    slow, fast = Oscillator(1.0), Oscillator(2.0)
    t = tn.variable(0.5, 2)
    assert slow.position(t).derivative(1) == pytest.approx(np.cos(0.5))
    assert fast.position(t).derivative(1) == pytest.approx(2 * np.cos(1.0))
    with counting(fast.position) as counts:
        fast.position(t)
    assert counts.traces == 0
    assert "position" in repr(Oscillator.position)


class Spring:
    """Has a fused method, and an attribute that is read when this is traced."""

    def __init__(self, stiffness):
        self.stiffness = stiffness

    @tn.fuse(target="reference")
    def force(self, x):
        return -self.stiffness * x


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda spring: pickle.loads(pickle.dumps(spring))])
def test_a_copy_of_an_instance_has_fused_methods_of_its_own(copied):
    spring = Spring(2.0)
    assert spring.force(1.0) == -2.0
    other = copied(spring)
    other.stiffness = 3.0
    assert other.force(1.0) == -3.0
    assert spring.force(1.0) == -2.0
    assert pickle.loads(pickle.dumps(other.force))(1.0) == -3.0
    assert pickle.loads(pickle.dumps(Spring.force)) is Spring.force


class Point(NamedTuple):
    """A container with names."""

    u: object
    v: object


def test_containers_keep_their_type():
    swapped = reference(lambda p: Point(u=p.v, v=[p.u, OrderedDict(w=p.u)]))(Point(tn.variable(1.0, 1), 2.0))
    assert isinstance(swapped, Point)
    assert swapped.u == 2.0
    assert isinstance(swapped.v[1], OrderedDict)
    assert reference(lambda x: ({}, [], ()))(A) == ({}, [], ())


def test_results_share_no_memory_with_plain_arguments():
    for f in (lambda x: x, lambda x: x[::2], lambda x: np.reshape(x, (3, 1)), lambda x: (x, x)[1]):
        result = reference(f)(A)
        assert not np.shares_memory(result, A)


def test_projections_pass_plain_numbers():
    f = reference(lambda x: x * tn.detach(2 * x, "phi") + tn.keep(x, order=1))
    np.testing.assert_array_equal(f(A), 2 * A * A + A)


def test_numpy_scalars_bring_their_dtype():
    x = tn.variable(A.astype(np.float32), 2)
    for f in (
        lambda x: np.int64(2) * x,
        lambda x: np.maximum(x, np.int32(1)),
        lambda x: x ** np.float64(2.5),
        lambda x: np.power(x, np.int64(2)),
        lambda x: np.mean(x > 0) * x,
        lambda x: np.sum(x > 0) * x,
    ):
        assert f(x).dtype == reference(f)(x).dtype == f(x.value).dtype == np.float64
    for f in (lambda x: np.float32(2) * x, lambda x: x ** np.float32(2.5), lambda x: np.int16(2) * x, lambda x: x**2.5):
        assert f(x).dtype == reference(f)(x).dtype == f(x.value).dtype == np.float32
    for scalar in (np.float16(1), np.longdouble(1)):
        for f in (lambda x, s=scalar: x + s, lambda x, s=scalar: x**s):
            for road in (f, reference(f)):
                with pytest.raises(tn.UnsupportedError, match="real numbers"):
                    road(x)


def test_stages_between_structure_ops_do_not_repeat_each_other():
    def f(x, *, steps):
        for _ in range(steps):
            x = np.sin(x) - np.mean(x)
        return x

    g, x = reference(f), tn.variable(A, 2)
    few, many = g.cost(x, steps=5).statements, g.cost(x, steps=20).statements
    assert many < 5 * few
    np.testing.assert_allclose(g(x, steps=5).coeffs, f(x, steps=5).coeffs, rtol=1e-12, atol=1e-15)


@tn.fuse(target="reference")
def module_level(x):
    return x * x


def test_pickling():
    x = np.exp(tn.variable(A, 2))
    again = pickle.loads(pickle.dumps(x))
    np.testing.assert_array_equal(again.coeffs, x.coeffs)
    assert again.basis == x.basis
    assert pickle.loads(pickle.dumps(tn.exp)) is tn.exp
    assert pickle.loads(pickle.dumps(module_level)) is module_level
    code = (
        "import pickle, sys, taylornb as tn; x = pickle.load(sys.stdin.buffer); y = tn.exp(tn.variable([1., 2., 3.], 2));"
        "assert hash(x._found.spec) == hash(y._found.spec)"
    )
    subprocess.run([sys.executable, "-c", code], input=pickle.dumps(x), check=True)


def test_structure_ops_do_not_warn():
    assert np.isnan(np.sum(tn.variable([np.inf, -np.inf], 1)).value)
    assert np.isnan(np.mean(tn.variable(A, 1)[:0]).value)
    large = tn.from_coefficients([1, 1, 1.5e308], tn.Basis(("x",), 2))
    assert np.isinf(large.hessian()).all()


def test_a_number_to_a_series_at_zero():
    y = 0.0 ** tn.variable(2.0, 2)
    np.testing.assert_array_equal(y.coeffs, [0, 0, 0])


def test_two_small_series_keep_the_derivatives_of_their_power():
    a, b = tn.variables(3, a=np.float32(2.0**-60), b=np.float32(2.5))
    assert (a**b).coefficient(a=1) == np.float32(2.5 * 2.0**-90)
    assert (a**b).coefficient(a=3) == np.float32(0.3125 * 2.0**30)


def test_definitions_contain_neither_arrays_nor_structure():
    for value in (lambda x: x * A, lambda x: np.sum(x) + x):
        with pytest.raises(TypeError, match="contains an array, or moves elements"):
            tn.define("bad", value, rate=lambda x, y: y)
    four = tn.define("four", lambda a, b, c, d: a * b + c * d, rate=lambda a, b, c, d, y: (b, a, d, c))
    w, x, y, z = tn.variables(2, w=1.0, x=2.0, y=3.0, z=4.0)
    np.testing.assert_allclose(four(w, x, y, z).gradient(), [2, 1, 4, 3])
