"""Do arrays that share memory see what is written in place, and does none hand out coefficients of values that are gone?"""

import copy
import gc
import pickle

import numpy as np
import pytest

import taylornb as tn
from taylornb.testing import assert_agree
from taylornb.written import WRITES

REFUSED = "were changed in place by {}, .* Take .value or .detach\\(\\) of it"


@pytest.fixture(autouse=True)
def nothing_is_left():
    """What is known of writes goes with the memory."""
    yield
    gc.collect()
    assert not WRITES


def dense(seed=0, basis=None, shape=(4,), dtype=np.float64):
    basis = basis or tn.Basis(("x", "y"), 2)
    return tn.from_coefficients(np.random.default_rng(seed).uniform(0.5, 1, (basis.size, *shape)).astype(dtype), basis)


def refuses(u, operation=r"u\[…\] = …"):
    for ask in (
        lambda: u.coeffs,
        lambda: u.coefficient(**{u.basis.variables[0]: 1}),
        lambda: u.derivative(**{u.basis.variables[-1]: 1}),
        lambda: u.gradient(),
        lambda: u * 2,
        lambda: np.exp(u),
        lambda: u.sum(),
        lambda: u.copy(),
        lambda: pickle.dumps(u),
        lambda: tn.fuse(lambda u: u)(u),
        lambda: u[np.array([0])] if u.ndim else u.coeffs,
    ):
        with pytest.raises(tn.StaleError, match=REFUSED.format(operation)):
            ask()
    return True


# ---- who sees what is written, and who refuses -----------------------------------------------------------


def test_a_write_through_a_detached_array():
    u = dense()
    others = {"itself": u, "a view": u[1:3], "another shape": u.reshape(2, 2), "without x": tn.detach(u, "x")}
    constants = {"detached": u.detach(), "a detached view": u[1:3].detach(), "a detached part": tn.detach(u, "x", "y")}
    copied, before = u.copy(), u.coeffs.copy()
    w = u.detach()
    w[1] = 7
    for name, one in others.items():
        assert 7 in one.value, name
        assert refuses(one), name
        assert "out of date" in repr(one)
        assert (one > 6).any()  # values are there to be looked at
        assert one.detach().is_constant
    for name, one in constants.items():
        assert 7 in one.value, name
        assert one.coeffs[0].tolist() == one.value.tolist()
        np.testing.assert_array_equal((one * 2).value, 2 * one.value)
    np.testing.assert_array_equal(copied.coeffs, before)


def test_a_view_that_shares_all_planes_stays_valid():
    u = dense()
    view, square, narrow, value = u[1:3], u.reshape(2, 2), tn.detach(u, "x"), u.detach()
    u *= np.exp(tn.from_coefficients(u.coeffs, u.basis))
    want = dense() * np.exp(dense())
    assert_agree(u, want, rtol=0)
    assert_agree(view, want[1:3], rtol=0)
    assert_agree(square, want.reshape(2, 2), rtol=0)
    assert_agree(narrow, tn.detach(want, "x"), rtol=0)
    assert_agree(value, want.detach(), rtol=0)
    view[0] = 3.0  # and what is written to the view is seen by all
    assert u.coeffs[:, 1].tolist() == square.coeffs[:, 0, 1].tolist() == [3, 0, 0, 0, 0, 0]


def test_an_array_with_less_leaves_those_with_more_behind():
    u = dense()
    without_x = tn.detach(u, "x")
    same, value = tn.detach(u, "x"), u.detach()
    without_x *= 2
    assert_agree(same, tn.detach(dense(), "x") * 2, rtol=0)
    assert value.value.tolist() == u.value.tolist()
    assert refuses(u, r"\*=")
    value /= 2
    assert refuses(u, "/=")
    assert refuses(same, "/=")
    assert u.value.tolist() == dense().value.tolist()


def test_new_coefficients_make_an_array_valid_again():
    u, d = dense(), None
    view, d = u[:2], u.detach()
    d[...] = 0
    refuses(u)
    with pytest.raises(tn.StaleError):
        u[0] = 1  # the other elements would be left as they are
    with pytest.raises(tn.StaleError):
        u += 1
    view[...] = dense(3)[:2]  # new coefficients for two elements do not make those of the others right
    assert_agree(view, dense(3)[:2], rtol=0)
    refuses(u)
    for whole in (..., slice(None), ()):
        d[...] = 0
        u[whole] = dense(1)
        assert_agree(u, dense(1), rtol=0)
        assert d.value.tolist() == dense(1).value.tolist()


def test_coefficients_that_there_was_no_room_for():
    """The values stay where they are; the coefficients get memory of their own."""
    x = tn.variable(np.array([1.0, 2.0]), 2)
    value, view, twin = x.detach(), x[:1], tn.detach(x)
    x *= x
    assert_agree(x, tn.variable(np.array([1.0, 2.0]), 2) ** 2, rtol=0)
    assert value.value.tolist() == twin.value.tolist() == [1, 4]
    assert view.value.tolist() == [1]
    refuses(view, r"\*=")
    x += 1  # still one memory of the values
    assert value.value.tolist() == [2, 5]
    part, flat = x[1:], x.reshape(2, 1)
    part[0] = 9.0
    assert x.coeffs.tolist() == flat.coeffs[..., 0].tolist() == [[2, 9], [2, 0], [1, 0]]
    assert value.value.tolist() == [2, 9]
    value[0] = 5
    assert x.value.tolist() == [5, 9]
    assert flat.detach().value.tolist() == [[5], [9]]
    assert x.detach().value is not None
    for stale in (x, part, flat):
        refuses(stale)
    assert np.shares_memory(x.value, value.value)


def test_a_one_that_stays_a_one_is_part_of_the_write():
    x = tn.variable(np.array([1.0, 2.0]), 2)
    view, value = x[:1], x.detach()
    x += 1
    assert view.coeffs.tolist() == [[2], [1], [0]]
    value += 1
    refuses(x, r"\+=")
    refuses(view, r"\+=")


def test_what_is_pickled_has_the_values_of_now():
    x = tn.variable(np.array([1.0, 2.0]), 2)
    value = x.detach()
    x *= x
    assert_agree(pickle.loads(pickle.dumps(x)), tn.variable(np.array([1.0, 2.0]), 2) ** 2, rtol=0)
    value[...] = 7
    assert pickle.loads(pickle.dumps(x.detach())).value.tolist() == [7, 7]
    big = dense(shape=(1000,))
    assert len(pickle.dumps(big.detach())) < len(pickle.dumps(big)) / 4


@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_buffers_that_are_kept_beside_a_pickle_are_copied(kind):
    """The same ones may serve twice, or be read-only."""
    u, buffers = dense(), []
    text = pickle.dumps(u, protocol=5, buffer_callback=buffers.append)
    kept = [kind(buffer.raw()) for buffer in buffers]
    one, other = (pickle.loads(text, buffers=kept) for _ in range(2))
    one += 1
    assert_agree(one, dense() + 1, rtol=0)
    assert_agree(other, dense(), rtol=0)


def test_a_detached_array_that_gets_derivatives():
    u, x = dense(), dense(1)
    d = u.detach()
    d += x
    assert_agree(d, dense().detach() + x, rtol=0)
    assert u.value.tolist() == d.value.tolist()
    refuses(u, r"\+=")


def test_an_array_without_a_value_of_its_own_leaves_that_of_others_alone():
    u = dense()
    n = tn.nilpotent(u)
    n += 1
    assert_agree(u, dense(), rtol=0)
    assert_agree(n, tn.nilpotent(u) + 1, rtol=0)


def test_detach_in_place():
    """What was computed from it before keeps its derivatives, and arrays over its memory theirs."""
    u = dense()
    later, view = 2 * u, u[:2]
    assert u.detach_() is u
    assert u.is_constant
    assert_agree(later, 2 * dense(), rtol=0)
    assert_agree(view, dense()[:2], rtol=0)
    u[...] = 0
    assert view.value.tolist() == [0, 0]
    refuses(view)


def test_copies_are_independent():
    u = dense()
    copies = [u.copy(), copy.copy(u), copy.deepcopy(u), pickle.loads(pickle.dumps(u)), u[np.arange(4)], u[[True] * 4]]
    plain = u.detach().copy()
    w = u.detach()
    w[...] = 0
    for one in copies:
        assert_agree(one, dense(), rtol=0)
    assert plain.value.tolist() == dense().value.tolist()
    plain[...] = 1
    assert u.value.tolist() == [0, 0, 0, 0]


def test_variables_and_constants_copy():
    values = np.ones(3)
    x, c = tn.variable(values, 2), tn.constant(values, like=tn.variable(0.0, 2))
    values[:] = 5
    x += 1
    assert x.value.tolist() == [2, 2, 2]
    assert c.value.tolist() == [1, 1, 1]
    assert values.tolist() == [5, 5, 5]


def test_seeding_a_detached_array_starts_a_new_variable():
    x = tn.variable(np.array([1.0, 2.0]), 2)
    out = np.exp(x)
    leaf = tn.variable(out.detach(), 2, name="b")
    leaf *= 3
    assert (leaf * leaf).derivative(1).tolist() == (18 * np.exp([1.0, 2.0])).tolist()
    assert_agree(out, np.exp(x), rtol=0)


# ---- values that are in other memory than the coefficients --------------------------------------------


def moved(values=(1.0, 2.0), order=2):
    """A variable times itself: coefficients in memory of their own, values where they were."""
    x = tn.variable(np.array(values), order)
    value = x.detach()
    x *= x
    return x, value


def test_projections_of_it():
    x, _ = moved()
    for n in (tn.nilpotent(x), tn.keep(x, degrees={1, 2})):
        assert n.value.tolist() == n.coeffs[0].tolist() == (1 * n).value.tolist() == [0, 0]
    assert tn.keep(x, order=0).value.tolist() == [1, 4]


def test_it_becomes_a_constant():
    f = tn.fuse(lambda u: u * u)
    x, value = moved()
    f(tn.constant(np.array([3.0, 4.0]), like=x), out=x)
    value[...] = 0
    assert x.value.tolist() == (x * 1).value.tolist() == x.coeffs[0].tolist() == [0, 0]


@pytest.mark.parametrize("part", [lambda u: u, lambda u: u[:1], lambda u: u.reshape(2, 1)])
def test_a_fused_function_returns_it(part):
    x, value = moved()
    v = tn.fuse(part)(x)
    v += 1
    assert x.value.ravel()[0] == value.value[0] == 2
    assert x.coeffs[0].tolist() == x.value.tolist()
    value[...] = 0
    assert not v.value.any()
    refuses(v)


def test_a_shape_for_which_one_of_the_two_is_copied():
    x = tn.variable(np.arange(1.0, 7).reshape(2, 3), 1)
    y = x[:, ::2]
    y *= y
    z = y.reshape(-1)
    z[...] = 3.0
    assert y.value.tolist() == y.coeffs[0].tolist() == [[1, 9], [16, 36]]


def test_two_results_of_which_one_has_its_values_in_the_other():
    basis = tn.Basis("x", 1)
    u = tn.from_coefficients(np.ones((2, 2)), basis)
    n = u.detach()
    n *= tn.variable(np.ones(2), 1)
    f = tn.fuse(lambda a: (a * a * 10, a * a * a * 1000))
    a = tn.from_coefficients(np.full((2, 2), 0.5), basis)
    f(a, out=(n, u))
    assert u.value.tolist() == n.value.tolist() == [125, 125]
    assert_agree(u, f(a)[1], rtol=0)
    refuses(n, "out=")


# ---- parts that go back to their place --------------------------------------------------------------------


@pytest.mark.parametrize("key", [0, slice(1, None), np.array([0, 2]), np.array([True, False, True, False]), ..., -1])
@pytest.mark.parametrize("symbol", ["+", "*", "**", "/"])
def test_operators_on_elements(symbol, key):
    """Python makes `t = u[key]; t *= v; u[key] = t` of `u[key] *= v`."""
    for make in (dense, lambda: tn.variable(np.array([1.0, 2, 3, 4]), 2), lambda: dense().detach()):
        u, value = make(), None
        want, value = u.copy(), u.detach()
        part = eval(f"want[key] {symbol} 2", {}, {"want": want, "key": key})
        want[key] = part
        exec(f"u[key] {symbol}= 2", {}, {"u": u, "key": key})
        assert_agree(u, want, rtol=0)
        assert value.value.tolist() == u.value.tolist()
    with tn.frozen("x"):
        u = dense()
        u[0] *= 2
    assert_agree(u[0], tn.detach(dense()[0], "x") * 2, rtol=0)
    assert_agree(u[1:], dense()[1:], rtol=0)


def test_a_part_that_goes_elsewhere_does_not_make_the_rest_right():
    x = tn.variable(np.array([1.0, 2, 3]), 2)
    part = x[0]
    part *= 2
    with pytest.raises(tn.StaleError):
        x[1] = part
    x = tn.variable(np.array([1.0, 2, 3]), 2)
    value, part = x.detach(), x[:1]
    value[2] = 7  # the rest was out of date before
    with pytest.raises(tn.StaleError):
        part *= 2
    with pytest.raises(tn.StaleError):
        x[0] = 1.0


def test_variables_that_were_broadcast_are_written_to():
    x, y = tn.variables(order=1, x=np.ones(3), y=1.0)
    x += 1
    y[0] = x[0]
    assert x.value.tolist() == [2, 2, 2]
    assert y.value.tolist() == [2, 1, 1]


def test_equal_results_are_apart():
    f, u = tn.fuse(lambda x: (np.sin(x), np.sin(x), x, x)), dense()
    for _ in range(4):
        a, b, c, d = f(u)
        a += 1
        assert_agree(b, np.sin(u), rtol=1e-15)
        c[...] = 0
        assert_agree(d, dense(), rtol=0)
        u = dense()


def test_frozen_and_out():
    y = np.exp(tn.variable(np.ones(2), 1))
    view, f, x = y[...], tn.fuse(lambda x: x * x), tn.variable(np.full(2, 3.0), 1)
    with tn.frozen():
        f(x, out=y)
    assert y.is_constant
    assert view.value.tolist() == [9, 9]
    refuses(view, "out=")


def test_a_narrowed_result_goes_where_it_fits():
    f = tn.fuse(lambda u, v: (u * u, v))
    u = np.exp(tn.variable(np.ones(2), 2))
    a, b = u.copy(), tn.constant(np.zeros(2), like=u)
    kept = b[:]
    f(u, u.detach(), out=(a, b))
    assert kept.value.tolist() == b.value.tolist() == u.value.tolist()
    identity = tn.fuse(lambda u: u)
    d, view = u.detach(), u[...]
    identity(tn.nilpotent(tn.from_coefficients([[99.0, 99.0], [5.0, 5.0], [6.0, 6.0]], u.basis)), out=u)
    assert u.coeffs.tolist() == [[0, 0], [5, 5], [6, 6]]
    assert d.value.tolist() == [0, 0]
    assert_agree(view, u, rtol=0)
    n = tn.keep(tn.variable(np.ones(2), 2), degrees={1}).copy()
    tn.fuse(lambda x: x * x)(tn.variable(np.ones(2), 2), out=n)
    assert n.coeffs.tolist() == [[1, 1], [2, 2], [1, 1]]


def test_mpmath_numbers_are_written():
    mp = pytest.importorskip("mpmath")
    u = tn.from_coefficients(np.array([[mp.mpf(1)] * 3] * 2, dtype=object), tn.Basis("x", 1))
    u[0], u[1] = mp.mpf(3), np.float32(0.5)
    u[2] = u[0]
    u *= mp.mpf(2)
    assert u.value.tolist() == [6, 1, 6]
    assert all(hasattr(item, "_mpf_") for item in u.value)


# ---- operators -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("other", [2, 0.5, np.array([1.0, 2, 3, 4], np.float32), "series", "itself"])
@pytest.mark.parametrize("symbol", ["+", "-", "*", "/", "**", "%"])
def test_operators_write_what_the_operation_gives(symbol, other, dtype):
    u = dense(dtype=dtype)
    if symbol in ("**", "%") and isinstance(other, str):
        other = 2
    other = {"series": dense(1, dtype=dtype), "itself": u}.get(other, other) if isinstance(other, str) else other
    scope = {"u": u, "v": u.copy(), "other": other}
    want = eval(f"v {symbol} {'v' if other is u else 'other'}", {}, scope)
    place = u.value.__array_interface__["data"]
    exec(f"u {symbol}= other", {}, scope)
    assert scope["u"] is u
    assert u.value.__array_interface__["data"] == place
    assert u.dtype == dtype
    np.testing.assert_array_equal(u.coeffs, want.coeffs.astype(dtype))


@pytest.mark.parametrize("basis", [tn.Basis("x", 3), tn.Basis(("x", "y"), 2)], ids=["one", "two"])
def test_ufuncs_write_to_out(basis):
    u, v = dense(basis=basis), dense(1, basis=basis)
    alias = u.detach()
    assert np.exp(u, out=u) is u
    assert_agree(u, np.exp(dense(basis=basis)), rtol=0)
    assert np.multiply(u, v, out=(v,)) is v
    assert_agree(v, np.exp(dense(basis=basis)) * dense(1, basis=basis), rtol=0)
    assert np.add(1.0, np.ones(4), out=u) is u
    assert u.coeffs[0].tolist() == alias.value.tolist() == [2, 2, 2, 2]
    assert not u.coeffs[1:].any()
    np.greater(v, 1.0, out=u)
    assert u.value.tolist() == (v.value > 1).tolist()
    with pytest.raises(tn.UnsupportedError, match="cannot write series into out=ndarray"):
        np.exp(u, out=np.empty(4))
    with pytest.raises(tn.UnsupportedError, match="does not take the keywords where"):
        np.exp(u, out=u, where=np.array([True, False, True, False]))


KEYS = {
    "number": 1,
    "slice": slice(1, 3),
    "steps": slice(None, None, -2),
    "mask": np.array([True, False, False, True]),
    "places": np.array([3, 0]),
    "none": np.array([], dtype=int),
    "all": ...,
    "list": [0, 2],
}


@pytest.mark.parametrize("kind", ["number", "array", "series", "constant", "variable"])
@pytest.mark.parametrize("target", ["dense", "variable", "constant"])
@pytest.mark.parametrize("name", KEYS)
def test_elements_are_written_as_numpy_does(name, target, kind):
    basis, key = tn.Basis("x", 3), KEYS[name]
    make = {
        "dense": lambda: dense(basis=basis),
        "variable": lambda: tn.variable(np.arange(4.0), 3),
        "constant": lambda: dense(basis=basis).detach(),
    }
    u, count = make[target](), np.zeros(4)[key].shape
    given = {
        "number": 5.0,
        "array": np.arange(7.0, 7 + np.prod(count, dtype=int)).reshape(count),
        "series": dense(2, basis, count),
        "constant": dense(3, basis, ()).detach(),
        "variable": tn.variable(9.0, 3),
    }[kind]
    want = np.array(u.coeffs)
    fills = np.zeros((4, *np.shape(given)))
    fills[...] = given.coeffs if isinstance(given, tn.TaylorArray) else fills
    fills[0] = given.value if isinstance(given, tn.TaylorArray) else given
    for row, fill in zip(want, fills, strict=True):
        row[key] = fill
    alias = u.detach()
    u[key] = given
    np.testing.assert_array_equal(u.coeffs, want)
    np.testing.assert_array_equal(alias.value, want[0])


def test_overlapping_writes_are_as_if_copied_first():
    for make in (dense, lambda: tn.variable(np.arange(4.0), 2)):
        u, v = make(), make()
        u[1:] = u[:-1]
        assert_agree(u[1:], v[:-1], rtol=0)
        u[::-1] = u
        assert_agree(u[:3], v[:-1][::-1], rtol=0)
    square = dense(shape=(3, 3))
    want = square.copy()
    square += square[::-1, ::-1]
    assert_agree(square, want + want[::-1, ::-1], rtol=0)


def test_an_array_that_gets_coefficients_after_its_values_were_written():
    """By out=, into memory that nobody else is over."""
    f, u = tn.fuse(lambda u: u * u), dense()
    c = u.copy().detach_()
    c[0] = 1.0
    f(u, out=c)
    assert_agree(c, u * u, rtol=0)


def test_every_write_is_a_version_of_its_memory():
    u, other = dense(), dense(1)
    value, its = u.detach(), other.detach()
    for version in range(1, 4):
        value[0] = version
        with pytest.raises(tn.StaleError, match=rf"changed in place by .* \(version {version} of this memory\)"):
            u.coeffs  # noqa: B018
    its[0] = 1
    with pytest.raises(tn.StaleError, match=r"\(version 1 of this memory\)"):
        other.coeffs  # noqa: B018


def test_one_element():
    x = tn.variable(2.0, 2)
    value = x.detach()
    x *= 3
    x[()] = x + 1
    assert x.coeffs.tolist() == [7, 3, 0]
    assert value.value == 7


def test_fused_functions_read_what_was_written():
    f, u = tn.fuse(lambda u: np.sin(u) * u), dense(shape=(500,))
    for n in range(4):
        u += n
        assert_agree(f(u), np.sin(u) * u)
    d = u.detach()
    for _ in range(3):
        d[0] = 1
        with pytest.raises(tn.StaleError):
            f(u)
        assert f(d).value[0] == np.sin(1)


def test_a_captured_series_is_not_reached_through_a_result():
    c = dense()
    f = tn.fuse(lambda x: (x * 1, c * 1, tn.stack([c, c])[0]))
    g = tn.fuse(lambda x: {"a": x, "c": x * 0 + c})
    for function in (f, g):
        found = function(dense(1))
        for one in found if isinstance(found, tuple) else found.values():
            one[...] = 0
    again = f(dense(1))
    assert_agree(again[1], dense(), rtol=0)
    assert_agree(again[2], dense(), rtol=0)
    assert_agree(g(dense(1))["c"], dense(), rtol=0)


@pytest.mark.parametrize("target", ["cpu", "reference"])
def test_out_is_a_write(target):
    f, x = tn.fuse(lambda x: np.exp(x) * x, target=target), dense(2, shape=(300,))
    for _ in range(3):  # the first calls and those that are repeated
        y = f(dense(1, shape=(300,)))
        f(x, out=y)
        assert not WRITES  # nobody else is over its memory
        view, value, narrow = y[:3], y.detach(), tn.detach(y, "x")
        f(dense(3, shape=(300,)), out=y)
        for one in (view, value, narrow):
            np.testing.assert_array_equal(one.value, y.value[: len(one)])
        assert_agree(view, y[:3], rtol=0)
        f(x, out=value)
        np.testing.assert_array_equal(y.value, f(x).value)
        assert_agree(value, f(x), rtol=0)
        refuses(y, "out=")
        refuses(narrow, "out=")
        del y, view, value, narrow, one


# ---- read-only -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (0, 3)])
def test_what_is_handed_out_cannot_be_made_writeable(shape, dtype):
    u = dense(shape=shape, dtype=dtype)
    x = tn.variable(np.ones(shape, dtype), 2)
    repeated = tn.broadcast_to(u, (2, *shape))
    for array in (u.value, u.coeffs, u.coefficient(x=1), x.value, x.coeffs, x.coefficient(1), repeated.value, u.detach().value):
        assert array.dtype == dtype
        assert not array.flags.writeable
        with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
            array.flags.writeable = True
        with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
            array.view().flags.writeable = True
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    assert np.shares_memory(u.value, u.coeffs) or not u.size
    assert np.shares_memory(u.value, u.detach().value) or not u.size


# ---- mistakes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("write", "error", "message"),
    [
        (lambda u: u.__setitem__(slice(0, 2), np.ones(3)), ValueError, r"elements of shape \(3,\) into shape \(2,\)"),
        (lambda u: u.__iadd__(np.ones((2, 4))), ValueError, r"elements of shape \(2, 4\) into shape \(4,\)"),
        (lambda u: u.__setitem__(9, 1.0), IndexError, "out of bounds"),
        (lambda u: u.__setitem__(0, "a"), tn.UnsupportedError, "what is written must hold real numbers"),
        (lambda u: u.__setitem__(0, 1j), tn.UnsupportedError, "what is written must hold real numbers"),
        (lambda u: u.__setitem__(0, tn.variable(1.0, 7)), tn.BasisError, "different bases"),
        (
            lambda u: tn.broadcast_to(u, (3, 4)).__setitem__(0, 1.0),
            ValueError,
            r"what u\[…\] = … writes to repeats elements.* such as a .copy",
        ),
    ],
)
def test_mistakes_leave_everything_as_it_was(write, error, message):
    u = dense()
    view = u[:2]
    with pytest.raises(error, match=message):
        write(u)
    assert_agree(u, dense(), rtol=0)
    assert_agree(view, dense()[:2], rtol=0)


def test_truth_values_and_wide_numbers():
    u = dense(dtype=np.float32)
    u[0] = np.float64(1) / 3
    u[1] = True
    assert u.dtype == np.float32
    assert u.value[:2].tolist() == [np.float32(1 / 3), 1]


def test_a_traced_value_is_bound_anew():
    """Inside tn.fuse there is no memory yet: `x += 1` gives the name to another value."""

    def f(x):
        y = x
        x += 1
        return x, y

    u = dense()
    bound, first = tn.fuse(f)(u)
    assert_agree(first, dense(), rtol=0)
    assert_agree(bound, dense() + 1, rtol=0)
    with pytest.raises(TypeError, match="does not support item assignment"):
        tn.fuse(put)(u)


def put(x):
    x[0] = 1
    return x
