"""Is a call that was made before, which is decided already, what it was the first time?"""

import gc
import pickle
import threading
from importlib import import_module

import mpmath
import numpy as np
import pytest
from sharing import share_everything

import taylornb as tn
from taylornb import crew, kernels, launch, repeat

fusing = import_module("taylornb.fuse")  # whose name in the package is the function

VECTOR = np.linspace(1, 2, 8)


def same(f, *args, **options):
    """The first result, once the second and third are the same bits."""
    first, *others = (f(*args, **options) for _ in range(3))
    for other in others:
        for one, two in zip(*(x if isinstance(x, tuple) else (x,) for x in (first, other)), strict=True):
            assert type(one) is type(two)
            assert one.shape == two.shape
            assert one.dtype == two.dtype
            a, b = (x.coeffs if isinstance(x, tn.TaylorArray) else x for x in (one, two))
            np.testing.assert_array_equal(a, b)
    return first


def repeats(f):
    """How many of its calls are decided."""
    return sum(isinstance(known, repeat.Repeat) for known in f._repeats.values())


def test_the_third_call_is_decided():
    f, x = tn.fuse(np.sin), tn.variable(VECTOR, 2)
    f(x)
    assert repeats(f) == 0, "what is called once leaves no more than a mark"
    f(x)
    assert repeats(f) == 1
    f(tn.variable(VECTOR + 1, 2))
    f(tn.variable(VECTOR, 3))
    assert repeats(f) == 1
    assert f.traces == 2


@pytest.mark.parametrize("series", [False, True])
def test_arrays_from_outside(series):
    outside = tn.variable(VECTOR, 2) if series else VECTOR
    one, two = tn.fuse(lambda x: x * outside + 0.123), tn.fuse(lambda x: (x * outside, x + outside))
    for x in (np.linspace(0, 1, 8), tn.variable(np.linspace(0, 1, 8), 2)):
        expected = x * outside + 0.123
        found = same(one, x)
        np.testing.assert_array_equal(getattr(found, "coeffs", found), getattr(expected, "coeffs", expected))
        same(two, x)
        assert repeats(one)
        assert repeats(two)
        for _ in range(3):
            result = one(x, out=one(x))
            np.testing.assert_array_equal(getattr(result, "coeffs", result), getattr(expected, "coeffs", expected))


@pytest.mark.parametrize("form", ["unrolled", "looped"])
@pytest.mark.parametrize("threads", [1, 3])
def test_results_of_two_shapes(form, threads, monkeypatch):
    """Two kernels, each of which takes its own arrays and no more: what stands behind them would be scratch memory."""
    share_everything(monkeypatch)
    x = tn.variable(np.linspace(0, 1, 200)[:, None], 8)
    y = tn.variable(np.linspace(0, 1, 400), 8)
    f = tn.fuse(lambda x, y: (np.exp(x) * y + 1.5, np.exp(x)), form=form)
    with tn.threads(threads):
        both, one = same(f, x, y)
    assert repeats(f) == 1
    np.testing.assert_allclose(one.coeffs, np.exp(x).coeffs, rtol=1e-12)
    np.testing.assert_allclose(both.coeffs, (np.exp(x) * y + 1.5).coeffs, rtol=1e-11)


def test_containers_keywords_numbers_and_truths():
    f = tn.fuse(lambda given, c, *, power: {"a": given["x"] ** power * c, "b": given["x"] > c})
    x = tn.variable(VECTOR, 3)
    for power in (2, 2.0, 3):
        first, *others = (f({"x": x}, 0.5, power=power) for _ in range(3))
        for other in others:
            np.testing.assert_array_equal(first["a"].coeffs, other["a"].coeffs)
            np.testing.assert_array_equal(first["b"], other["b"])
    assert repeats(f) == 3
    with pytest.raises(tn.TracingError, match="is baked in and must be hashable"):
        f({"x": x}, 0.5, power=[])


@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 0), (2, 3)])
@pytest.mark.parametrize("dtype", ["float64", "float32", ">f8", "int64", "bool"])
def test_plain_arrays_of_every_kind(shape, dtype):
    given = np.ones(shape, dtype)
    found = same(tn.fuse(lambda x: x * 1.5 + 0.25), given)
    np.testing.assert_array_equal(found, (given * np.float32(1.5) + np.float32(0.25)).astype(found.dtype))


def test_layouts_do_not_share_a_call():
    f, whole = tn.fuse(np.exp), np.linspace(0, 1, 12).reshape(3, 4)
    for given in (whole, whole.T, whole[:, ::2], whole[::-1], np.broadcast_to(whole[0], (3, 4)), np.asfortranarray(whole)):
        np.testing.assert_array_equal(same(f, given), f(given.copy()))


def test_a_kernel_lives_as_long_as_what_calls_it():
    f, x = tn.fuse(lambda x: np.sin(x) * 0.734375), tn.variable(VECTOR, 4)
    expected = same(f, x)
    for known in (launch._call, kernels._kernel, kernels._made):
        known.cache_clear()
    gc.collect()
    for c in range(20):  # takes what was freed
        tn.fuse(lambda x, c=c: np.cos(x) * (c + 0.734375))(x)
    np.testing.assert_array_equal(f(x).coeffs, expected.coeffs)


def test_multiprecise_results_are_not_taken_for_floats():
    numbers = np.array([mpmath.mpf(1), mpmath.mpf(2)], dtype=object)
    h = tn.fuse(lambda x, y: (np.exp(x), y * 2), target="reference")
    x = tn.variable(np.array([0.5, 1.0]), 2)
    u, f = h(x, tn.constant(numbers, like=x))[0], tn.fuse(np.sin)
    assert u.dtype == object
    same(f, np.exp(x))
    with pytest.raises(tn.UnsupportedError, match="mpmath numbers run on"):
        f(u)
    with pytest.raises((tn.UnsupportedError, ValueError)):
        f(np.exp(x), out=u)


def test_series_from_another_process():
    f, x = tn.fuse(np.sin), tn.variable(VECTOR, 2)
    for _ in range(5):
        f(tn.TaylorArray(pickle.loads(pickle.dumps(x._found))))
    assert len(f._repeats) == 1


def test_what_was_detached_meanwhile_is_not_remembered_as_what_it_was(monkeypatch):
    f, x = tn.fuse(np.sin), tn.variable(VECTOR, 2)
    f(x)
    kinds = fusing.kinds

    def then_detached(args, planes):
        found = kinds(args, planes)
        args[0].detach_()
        return found

    monkeypatch.setattr(fusing, "kinds", then_detached)
    f(tn.variable(VECTOR, 2))
    monkeypatch.undo()
    assert not same(f, tn.variable(VECTOR, 2)).is_constant


def test_many_shapes_are_bounded(monkeypatch):
    monkeypatch.setattr(fusing, "KNOWN", 4)
    f = tn.fuse(np.sin)
    for _ in range(3):
        for n in range(1, 10):
            f(np.ones(n))
            assert len(f._repeats) <= 4
    np.testing.assert_array_equal(same(f, VECTOR), np.sin(VECTOR))


def test_memory_that_does_not_fit_forgets_nothing():
    f, x = tn.fuse(np.sin), tn.variable(VECTOR, 2)
    expected = same(f, x)
    np.testing.assert_array_equal(f(x, out=x.copy()).coeffs, expected.coeffs)  # fewer rows than the result has
    assert repeats(f) == 1


def test_where_a_function_runs_is_fixed():
    f = tn.fuse(np.sin)
    for name in ("target", "form"):
        with pytest.raises(AttributeError):
            setattr(f, name, "reference")


# ---- interruptions ------------------------------------------------------------------------------------


def test_a_thread_that_started_in_spite_of_an_interruption_is_not_started_again(monkeypatch):
    own, start = crew.Crew(), threading.Thread.start

    def interrupted(self):
        start(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        own._start(1)
    monkeypatch.undo()
    own._start(1)
    assert own._count == 1
    assert not own._lock.locked()


def test_a_call_inside_the_start_of_a_thread(monkeypatch):
    """As a signal handler that computes would make it."""
    own, start, inner = crew.Crew(), threading.Thread.start, []

    def calling(self):
        inner.append(own._start(5))
        start(self)

    monkeypatch.setattr(threading.Thread, "start", calling)
    own._start(2)
    assert own._count == len(inner) == 2
