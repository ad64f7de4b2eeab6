"""Do results go where the caller has memory, as if all arguments had been copied before, and does an error change nothing?"""

from typing import NamedTuple

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

import taylornb as tn
from taylornb import buffers
from taylornb.inplace import repeats
from taylornb.kernels import address

X = np.linspace(0.3, 1.7, 60)
BASIS = tn.Basis(("x",), 3)
FORMS = ("unrolled", "looped", "numba", "reference")


def gauss(x):
    return np.exp(np.sin(x)) * x / (1 + x**2)


def dense(seed=0, shape=(60,), dtype=np.float64, basis=BASIS):
    """A full series."""
    coeffs = np.random.default_rng(seed).normal(size=(basis.size, *shape)).astype(dtype)
    return tn.from_coefficients(coeffs, basis)


def same(found, expected):
    assert found.basis == expected.basis
    assert found.support == expected.support
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found.coeffs, expected.coeffs)


# ---- the memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_the_array_is_returned_and_its_memory_used(form):
    f, x = tn.fuse(gauss, form=form), dense()
    y = f(x)
    place = address(y._found.planes)
    for seed in range(3):
        expected = f(dense(seed))
        assert f(dense(seed), out=y) is y
        assert address(y._found.planes) == place
        same(y, expected)


def test_nothing_is_allocated_for_a_result_that_has_memory(monkeypatch):
    f, x, y = tn.fuse(lambda x: (gauss(x), x > 0)), dense(), dense(1)
    out = f(x)

    def none(room):
        raise AssertionError(f"{room.shape} was asked for")

    monkeypatch.setattr(buffers.Room, "array", none)
    f(y, out=out)
    f(tn.detach(y), out=out)
    f(y, out=out)
    with pytest.raises(AssertionError, match=r"\(4, 60\) was asked for"):
        f(y)


def test_a_view_of_it_sees_the_result():
    f, y = tn.fuse(gauss), dense(1)
    value, part = y.value, y[10:20]
    f(dense(2), out=y)
    np.testing.assert_array_equal(value, f(dense(2)).value)
    same(part, f(dense(2))[10:20])


def test_a_part_of_an_array_takes_a_result():
    f, whole = tn.fuse(gauss), dense(1, (4, 60))
    before = whole.coeffs.copy()
    for key in (2, (slice(None), 7), (slice(0, 4, 3), slice(50, 10, -2))):
        part = whole[key]
        x = tn.reshape(dense(3, (240,))[: part.size], part.shape)
        assert f(x, out=part) is part
        before[(slice(None), *(key if isinstance(key, tuple) else (key,)))] = f(x).coeffs
        np.testing.assert_array_equal(whole.coeffs, before)


def test_plain_results_go_to_plain_arrays():
    f, out = tn.fuse(lambda x: (np.exp(x), x > 0.5)), (np.empty(60), np.empty(60, bool))
    found = f(X, out=out)
    assert found[0] is out[0]
    assert found[1] is out[1]
    np.testing.assert_array_equal(out[0], f(X)[0])
    np.testing.assert_array_equal(out[1], X > 0.5)
    grid = np.zeros((60, 3))
    assert f(X, out=(grid[:, 1], out[1]))[0].base is grid
    np.testing.assert_array_equal(grid, np.stack([0 * X, out[0], 0 * X], axis=1))
    alone = np.empty(())
    assert tn.fuse(np.exp)(2.0, out=alone) is alone
    assert alone == tn.fuse(np.exp)(2.0)


def test_a_truth_of_series_is_plain():
    out = np.empty(60, bool)
    assert tn.fuse(lambda x: x > 0)(dense(), out=out) is out
    np.testing.assert_array_equal(out, dense().value > 0)


class Pair(NamedTuple):
    first: object
    second: object


@pytest.mark.parametrize(
    "function",
    [
        lambda x: {"exp": np.exp(x), "twice": [x * 2, 1.5, None], "sum": (np.sum(x),)},
        lambda x: [np.exp(x), (x * 2, np.sum(x))],
        lambda x: Pair(np.exp(x), {"above": x > 0.5}),
        lambda x: (x * 2,),
    ],
)
def test_results_in_containers(function):
    f = tn.fuse(function)
    out = f(dense(1))
    leaves = flat(out)
    found = f(dense(2), out=out)
    assert type(found) is type(out)
    for one, given, expected in zip(flat(found), leaves, flat(f(dense(2))), strict=True):
        assert one is given
        if isinstance(one, tn.TaylorArray):
            same(one, expected)
        else:
            np.testing.assert_array_equal(one, expected)


def flat(tree):
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    return [leaf for part in tree for leaf in flat(part)] if isinstance(tree, tuple | list) else [tree]


def test_results_that_structure_operations_make():
    f = tn.fuse(lambda x: (np.sum(x * x, axis=0), np.stack([x, 2 * x]), np.reshape(np.exp(x), (6, -1)), x[::2]))
    out, x = f(dense(1, (60, 1))), dense(2, (60, 1))
    for one, expected in zip(f(x, out=out), f(x), strict=True):
        same(one, expected)
    for one, given in zip(f(x, out=out), out, strict=True):
        assert one is given


def test_more_and_fewer_coefficients_than_before():
    f, x = tn.fuse(lambda x, y: x * y), dense(1)
    few, many = f(tn.detach(x), 2.0), f(x, x)
    assert len(few._found.planes) < len(many._found.planes)
    place = address(many._found.planes)
    same(f(tn.detach(x), 2.0, out=many), few)
    assert address(many._found.planes) == place
    same(f(x, dense(2), out=many), f(x, dense(2)))
    assert address(many._found.planes) == place, "the memory that was not in use for a while is still there"
    same(f(x, x, out=few), f(x, x))


def test_rows_of_another_array_are_left_alone():
    """A projection is over the planes of an array whose other coefficients are not its own to write to."""
    x, y = dense(1), dense(2)
    before, odd = y.copy(), tn.keep(y, order=2)
    tn.fuse(gauss)(x, out=odd)
    same(odd, tn.fuse(gauss)(x))
    np.testing.assert_array_equal(y.value, odd.value)
    with pytest.raises(tn.StaleError, match="changed in place by out="):
        y.coefficient(3)
    np.testing.assert_array_equal(y._found.plane(3), before.coefficient(3))


def test_mpmath_numbers():
    mp = pytest.importorskip("mpmath")
    f = tn.fuse(lambda x: np.exp(x) * x, target="reference")
    y = f(tn.variable(np.array([mp.mpf(1) / 3]), 2))
    x = tn.variable(np.array([mp.mpf(2) / 3]), 2)
    assert f(x, out=y) is y
    assert all(y.coefficient(k)[0] == f(x).coefficient(k)[0] for k in range(3))
    with pytest.raises(ValueError, match=r"dtype float64, and the result shape .* dtype object"):
        f(x, out=f(tn.variable(np.ones(1), 2)))


# ---- what overlaps -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_an_argument_takes_the_result(form):
    f, x, y = tn.fuse(lambda x, y: gauss(x) * y, form=form), dense(1), dense(2)
    expected = f(x, y)
    place = address(x._found.planes)
    assert f(x, y, out=x) is x
    same(x, expected)
    assert address(x._found.planes) == place


@pytest.mark.parametrize("shift", [-64, -9, -8, -1, 1, 3, 8, 64])
@pytest.mark.parametrize("form", FORMS)
def test_memory_that_overlaps_an_argument_partly(form, shift):
    f, n = tn.fuse(gauss, form=form), 200
    whole = dense(1, (n + 64,))
    x = whole[max(-shift, 0) :][:n]
    expected = f(x.copy())
    out = whole[max(shift, 0) :][:n] if shift > 0 else whole[:n]
    f(x, out=out)
    same(out, expected)


def test_results_that_are_arguments_change_places():
    x, y = dense(1), dense(2)
    was = x.copy(), y.copy()
    tn.fuse(lambda x, y: (y, x))(x, y, out=(x, y))
    same(x, was[1])
    same(y, was[0])


def test_an_argument_that_is_a_result_keeps_the_value_it_had():
    for first in (lambda x, y: (y * 2, x), lambda x, y: (y * 2, tn.detach(x)), lambda x, y: (y * 2, x[::-1])):
        x, y, z = dense(1), dense(2), dense(3)
        expected = tn.fuse(first)(x.copy(), y)
        tn.fuse(first)(x, y, out=(x, z))
        same(x, expected[0])
        same(z, expected[1])


def test_plain_arguments_change_places():
    a, b = np.arange(50.0), np.ones(50)
    tn.fuse(lambda a, b: (b, a))(a, b, out=(a, b))
    np.testing.assert_array_equal(a, 1)
    np.testing.assert_array_equal(b, np.arange(50.0))


def test_what_a_result_was_is_not_what_it_shares():
    """A result never lies in the memory of an argument, which the next call would write to."""
    f, x, y = tn.fuse(lambda x: (x, x * 1)), dense(1), dense(2)
    small = tn.detach(y) * 1
    f(x, out=(small, y))
    assert not np.may_share_memory(small._found.planes, x._found.planes)
    assert not np.may_share_memory(small._found.planes, y._found.planes)


def test_one_result_twice():
    f = tn.fuse(lambda x: (lambda y: (y, y, np.reshape(y, (6, 10))))(np.exp(x)))
    few = tn.detach(dense(2)) * 1
    out = (few, dense(3), tn.reshape(few * 2, (6, 10)))
    for one, expected in zip(f(dense(1), out=out), f(dense(1)), strict=True):
        same(one, expected)
    assert not any(np.may_share_memory(out[i]._found.planes, out[j]._found.planes) for i, j in ((0, 1), (0, 2), (1, 2)))


def test_results_next_to_each_other():
    f, pair = tn.fuse(lambda x: (np.exp(x), np.sin(x))), dense(1, (2, 60))
    f(dense(2), out=(pair[0], pair[1]))
    same(pair, np.stack(f(dense(2))))
    columns = np.zeros((60, 2))
    f(X, out=(columns[:, 0], columns[:, 1]))
    np.testing.assert_array_equal(columns, np.stack(f(X), axis=1))


def test_an_element_that_is_repeated_over_its_own_array():
    whole = dense(1, (5, 8))
    row = whole[0]
    expected = tn.broadcast_to(row.copy(), (5, 8)).copy()
    tn.fuse(lambda row: tn.broadcast_to(row, (5, 8)))(row, out=whole)
    same(whole, expected)


def test_results_of_one_call_are_arguments_of_the_next():
    step = tn.fuse(lambda x, v: (x + 0.1 * v, v - 0.1 * np.sin(x)))
    x, v = expected = dense(1), dense(2)
    state = step(x, v)
    for _ in range(4):
        state = step(*state, out=state)
    for _ in range(5):
        expected = step(*expected)
    for one, other in zip(state, expected, strict=True):
        same(one, other)


# ---- what cannot be ----------------------------------------------------------------------------------

other = tn.Basis(("t",), 3)
WRONG = {
    "shape": (
        lambda: dense(1, (61,)),
        ValueError,
        r"out\[[01]\] has shape \(61,\) and dtype float64, and the result shape \(60,\)",
    ),
    "axes": (lambda: dense(1, (1, 60)), ValueError, r"out\[[01]\] has shape \(1, 60\).*give an array like an earlier result"),
    "dtype": (
        lambda: dense(1, dtype=np.float32),
        ValueError,
        r"out\[[01]\] has shape .* and dtype float32, and .* dtype float64",
    ),
    "basis": (lambda: dense(1, basis=other), tn.BasisError, r"out\[[01]\] is a series on .*t.*, and the result one on .*x"),
    "order": (
        lambda: dense(1, basis=tn.Basis(("x",), 4)),
        tn.BasisError,
        r"out\[[01]\] is a series on .*, and the result one on",
    ),
    "plain": (
        lambda: np.ones(60),
        tn.UnsupportedError,
        r"out\[[01]\] is a ndarray, and the result is a series, which a",
    ),
    "a list": (lambda: [dense(1)], ValueError, r"out is \(Ellipsis, \[Ellipsis\]\), and the function returns"),
    "number": (lambda: 1.0, tn.UnsupportedError, r"out\[[01]\] must be a TaylorArray, or an ndarray .*, not float"),
    "nothing": (lambda: None, tn.UnsupportedError, r"out\[[01]\] must be a TaylorArray, .*, not NoneType"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("wrong", WRONG)
def test_what_does_not_fit_is_an_error_and_nothing_is_changed(wrong, form):
    make, error, text = WRONG[wrong]
    good, bad, x = dense(5), make(), dense(2)
    f = tn.fuse(lambda x: (np.exp(x), np.sin(x)), form=form)
    before = [contents(one) for one in (good, bad, x)]
    with pytest.raises(error, match=text):
        f(x, out=(good, bad))
    with pytest.raises(error, match=text.replace(r"\(Ellipsis, \[Ellipsis\]\)", r"\(\[Ellipsis\], Ellipsis\)")):
        f(x, out=(bad, good))
    assert [contents(one) for one in (good, bad, x)] == before


def contents(one):
    if isinstance(one, tn.TaylorArray):
        return one.basis, one.support, one.dtype, one.coeffs.tobytes()
    return one.tobytes() if isinstance(one, np.ndarray) else len(one) if isinstance(one, list) else one


@pytest.mark.parametrize(
    ("out", "text"),
    [
        (lambda: dense(1), "out has 1 arrays, and the function returns 2; give one for each result"),
        (lambda: (dense(1), dense(2), dense(3)), "out has 3 arrays, and the function returns 2"),
        (lambda: [dense(1), dense(2)], r"out is \[Ellipsis, Ellipsis\], and the function returns \(Ellipsis, Ellipsis\)"),
        (
            lambda: {"a": dense(1), "b": dense(2)},
            "out is {'a': Ellipsis, 'b': Ellipsis}, and .*; give arrays in these containers",
        ),
        (lambda: (dense(1),) * 2, "out has the same array twice; give one for each result"),
    ],
)
def test_the_containers_are_those_of_the_results(out, text):
    with pytest.raises(ValueError, match=text):
        tn.fuse(lambda x: (np.exp(x), np.sin(x)))(dense(2), out=out())


def test_names_in_another_order_are_not_mistaken_for_each_other():
    f = tn.fuse(lambda x: {"exp": np.exp(x), "sin": np.sin(x)})
    result = f(dense(1))
    with pytest.raises(ValueError, match=r"out is {'sin': Ellipsis, 'exp': Ellipsis}, and the function returns {'exp'"):
        f(dense(2), out={"sin": result["sin"], "exp": result["exp"]})


def test_plain_arrays_that_do_not_fit():
    f, x = tn.fuse(lambda x: (np.exp(x), x > 1)), X.copy()
    fixed = np.ones(60, bool)
    fixed.flags.writeable = False
    good = np.zeros(60)
    for bad, error, text in (
        (fixed, ValueError, r"out\[1\] is read-only; give an array that can be written to"),
        (np.ones(60), ValueError, "dtype float64, and the result shape .* dtype bool"),
        (np.ones(60, np.int8), ValueError, "dtype int8, and the result"),
        (X > 3, None, ""),
    ):
        if error:
            with pytest.raises(error, match=text):
                f(x, out=(good, bad))
            assert not good.any()
        else:
            assert f(x, out=(good, bad))[0] is good
    with pytest.raises(ValueError, match=r"out has shape .* dtype .f8, and the result"):
        tn.fuse(np.exp)(x, out=np.zeros(60, dtype=x.dtype.newbyteorder()))
    with pytest.raises(tn.UnsupportedError, match="out is a TaylorArray, and the result is plain, which an ndarray holds"):
        tn.fuse(np.exp)(x, out=dense(1))


REPEATED = {
    "a series that was broadcast": (lambda: tn.broadcast_to(dense(1, (1,)), (60,)), "repeats elements in memory"),
    "a variable that was broadcast": (lambda: tn.broadcast_to(tn.variable(1.0, 3), (60,)), "repeats elements in memory"),
    "values that are elsewhere": (lambda: tn.broadcast_to(tn.nilpotent(dense(1, (1,))), (60,)), "repeats elements in memory"),
    "a part of it": (lambda: tn.broadcast_to(dense(1), (3, 60))[1], "is read-only"),
    "broadcast to its own shape": (lambda: tn.broadcast_to(dense(1), (60,)), "is read-only"),
    "a plain array that was broadcast": (lambda: np.broadcast_to(np.ones(1), (60,)), "repeats elements in memory"),
    "one with a stride of 0": (lambda: as_strided(np.ones(1), (60,), (0,)), "repeats elements in memory"),
    "elements that overlap": (lambda: as_strided(np.ones(60), (60,), (4,)), "repeats elements in memory"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", REPEATED)
def test_memory_that_repeats_elements_takes_no_result(kind, form):
    """Alone, among others and where the call is repeated; nothing is written to any of them."""
    make, text = REPEATED[kind]
    bad, x = make(), dense(2)
    series = isinstance(bad, tn.TaylorArray)
    one = tn.fuse(gauss, form=form)
    two = tn.fuse(lambda x: (gauss(x), tn.detach(x) > 0.5, gauss(x)), form=form)
    given = x if series else X
    good = one(given), np.empty(60, bool)
    before = [contents(array) for array in (*good, bad)]
    for _ in range(3):
        with pytest.raises(ValueError, match=rf"^out {text}.*; give an array that can be written to, such as a .copy\(\)"):
            one(given, out=bad)
        with pytest.raises(ValueError, match=rf"^out\[2\] {text}"):
            two(given, out=(*good, bad))
        with pytest.raises(ValueError, match=rf"^out\[0\] {text}"):
            two(given, out=(bad, good[1], good[0]))
        one(given)
    with tn.frozen(), pytest.raises(ValueError, match=rf"^out {text}"):
        one(given, out=bad)
    if series:
        with pytest.raises(ValueError, match=rf"^what np.exp\(…, out=u\) writes to {text}"):
            np.exp(x, out=bad)
        with pytest.raises(ValueError, match=rf"^what \+= writes to {text}"):
            bad += 1
    assert [contents(array) for array in (*good, bad)] == before


def test_mpmath_numbers_are_not_written_to_memory_that_repeats_elements():
    mp = pytest.importorskip("mpmath")
    f, x = tn.fuse(lambda x: (x * x, x + 1), target="reference"), tn.variable(np.array([mp.mpf(1), mp.mpf(2)]), 2)
    good, _ = f(x)
    before = good.copy()
    with pytest.raises(ValueError, match=r"out\[1\] repeats elements in memory"):
        f(x + 1, out=(good, tn.broadcast_to(good[0], (2,))))
    same(good, before)


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.ones((3, 4)), False),
        (np.ones((3, 4)).T[::-1, ::2], False),
        (np.ones(()), False),
        (np.ones((0, 3)), False),
        (np.broadcast_to(np.ones(3), (0, 3)), False),
        (np.broadcast_to(np.ones(3), (1, 3)), False),
        (np.broadcast_to(np.ones(3), (2, 3)), True),
        (np.broadcast_to(np.ones((3, 1)), (3, 2)), True),
        (as_strided(np.ones(9), (4, 3), (8, 8)), True),
        (as_strided(np.ones(9), (2, 2), (24, 16)), False),
        (as_strided(np.ones(9), (2, 3), (16, 24)), False),
        (as_strided(np.ones(9), (3, 3), (16, 24)), False),
        (as_strided(np.ones(12), (4, 3), (16, 24)), True),
        (as_strided(np.ones(9), (8,), (4,)), True),
    ],
)
def test_whether_elements_are_repeated(array, found):
    assert repeats(array) is found


def test_inside_another_fused_function_there_is_nothing_to_write_to():
    inner, y = tn.fuse(gauss), dense(1)
    with pytest.raises(tn.TracingError, match="a fused function takes no out= inside another"):
        tn.fuse(lambda x: inner(x, out=y))(dense(2))


def test_an_error_while_tracing_changes_nothing():
    y = dense(1)
    before = contents(y)
    with pytest.raises(ZeroDivisionError):
        tn.fuse(lambda x: x * (1 / 0))(dense(2), out=y)
    with pytest.raises(ValueError, match="broadcast"):
        tn.fuse(lambda x, z: x * z)(dense(2), np.ones(7), out=y)
    assert contents(y) == before
