"""Do elements of arrays on a GPU move as those of NumPy's do: joined, chosen, written, pickled? In Numba's simulator.

`test_cuda_simulator` runs this with NUMBA_ENABLE_CUDASIM=1. Everything is done to an array on the device and to its like on the
processor, and the results, errors and arrays that are left behind are compared.
"""

import copy
import itertools
import pickle
import re

import numpy as np
import pytest
from numba import cuda

import taylornb as tn
from taylornb import device, gpu
from taylornb.errors import StaleError, UnsupportedError
from taylornb.targets.cuda import compiled
from taylornb.targets.cuda.libraries import planes_of

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of infinities: on a GPU there are none
Simulated = type(cuda.to_device(np.ones(1)))
BASIS = tn.Basis(("x",), 3)
RNG = np.random.default_rng(7)


def up(array):
    return cuda.to_device(np.asarray(array))


def dense(shape=(3, 4), dtype=np.float64):
    """A series without zeros, on the device and on the processor."""
    coeffs = RNG.uniform(0.2, 0.9, (BASIS.size, *shape)).astype(dtype)
    return tn.from_coefficients(up(coeffs), BASIS), tn.from_coefficients(coeffs, BASIS)


def variable(shape=(3, 4), dtype=np.float64):
    """x + ε."""
    values = RNG.uniform(0.2, 0.9, shape).astype(dtype)
    return tn.variable(up(values), order=3), tn.variable(values, order=3)


def constant(shape=(3, 4)):
    return tuple(tn.detach(one) for one in dense(shape))


def view(shape=(3, 4)):
    """Every other element of a larger one, backwards along the last axis."""
    return tuple(one[::2, ..., ::-1] for one in dense((2 * shape[0] - 1, *shape[1:])))


KINDS = {"dense": dense, "variable": variable, "constant": constant, "view": view}


def down(array):
    assert type(array) is Simulated
    return array.copy_to_host()


def same(got, expected):
    assert type(got) is type(expected)
    assert (got.shape, got.dtype, got.support) == (expected.shape, expected.dtype, expected.support)
    np.testing.assert_allclose(down(got.coeffs), expected.coeffs, rtol=1e-14)


def both(function, device, host):
    """The function of both; the same errors are as good as the same results."""
    try:
        expected = function(host)
    except Exception as error:
        with pytest.raises(type(error)) as raised:
            function(device)
        return str(raised.value), str(error)
    got = function(device)
    same(got, expected)
    return got, expected


def test_a_copy_is_one_kernel_for_any_number_of_elements():
    sizes = []
    for length in (3, 500):
        array = up(np.linspace(0, 1, length))
        made = device.copied(planes_of(array)[::-1])
        np.testing.assert_array_equal(down(made.given()), array.copy_to_host()[::-1])
        sizes.append(compiled.kernel.cache_info().misses)
    assert sizes[0] == sizes[1]


# ---- joined ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, -1, 2])
@pytest.mark.parametrize(("first", "second"), [*itertools.product(KINDS, KINDS)])
def test_stack(first, second, axis):
    pairs = [KINDS[kind]() for kind in (first, second, first)]
    device, host = zip(*pairs, strict=True)
    same(tn.stack(device, axis=axis), tn.stack(host, axis=axis))
    same(np.stack(device, axis=axis), np.stack(host, axis=axis))


@pytest.mark.parametrize("axis", [0, -2])
@pytest.mark.parametrize(("first", "second"), [*itertools.product(KINDS, KINDS)])
def test_concatenate(first, second, axis):
    device, host = zip(KINDS[first]((3, 4)), KINDS[second]((2, 4)), strict=True)
    same(tn.concatenate(device, axis=axis), tn.concatenate(host, axis=axis))


def test_dtypes_are_those_of_numpy():
    device, host = zip(dense(dtype=np.float32), dense(), strict=True)
    same(tn.stack(device), tn.stack(host))
    same(tn.stack(device[:1]), tn.stack(host[:1]))


@pytest.mark.parametrize(
    "function",
    [
        lambda u: tn.stack([u, u[:2]]),
        lambda u: tn.stack([u, u], axis=3),
        lambda u: tn.concatenate([u, u[:, :2]]),
        lambda u: tn.concatenate([u, u], axis=2),
        lambda u: tn.concatenate([u[0, 0], u[0, 0]]),
    ],
)
def test_what_does_not_fit_is_the_same_kind_of_error(function):
    both(function, *dense())


def test_arrays_of_several_places_are_not_joined():
    device, host = dense()
    with pytest.raises(UnsupportedError, match="the arguments are on several devices, cuda:0"):
        tn.stack([device, host])


@pytest.mark.parametrize("kind", KINDS)
def test_broadcast_to_is_a_view(kind):
    device, host = KINDS[kind]()
    for shape in ((3, 4), (2, 3, 4), (5, 1, 3, 4)):
        same(tn.broadcast_to(device, shape), tn.broadcast_to(host, shape))
        same(tn.broadcast_to(device[:, :1], shape) * 2, tn.broadcast_to(host[:, :1], shape) * 2)
    both(lambda u: tn.broadcast_to(u, (3, 5)), device, host)


def test_joining_inside_a_fused_function():
    device, host = dense((4,))

    def function(u):
        return tn.stack([np.exp(u), tn.concatenate([u[:2], np.sin(u)[2:]])]).sum(axis=0)

    same(tn.fuse(function, target="cuda")(device), tn.fuse(function)(host))


def test_numbers_are_joined_with_elements():
    device, host = (one[0, :2] for one in dense(dtype=np.float32))
    same(tn.stack([device[0], 1.0, device[1]]), tn.stack([host[0], 1.0, host[1]]))


def test_the_source_is_there_without_running():
    device, host = dense()
    source = tn.fuse(lambda u, a: np.exp(np.stack([np.sin(u), a])), target="cuda").source(device, up(host.value))
    assert "math.exp" in source


def test_kernels_between_the_others_run_on_the_stream_that_is_given(monkeypatch):
    streams, stream, device = [], cuda.stream(), dense()[0]
    monkeypatch.setattr(gpu, "address", lambda given: streams.append(given) or 0)
    tn.fuse(lambda u: np.exp(np.sum(u)), target="cuda").launch[2, 4, stream](device)
    assert streams
    assert all(one is stream for one in streams)


# ---- chosen ------------------------------------------------------------------------------------------

KEYS = [
    [0, 2],
    [-1, 0, 0],
    (slice(None), [1, 3]),
    ([0, 2], [1, 3]),
    (np.array([[0], [2]]), np.array([1, 3])),
    (1, [0, 3, 3]),
    ([0, 1], slice(1, 3)),
    (..., [2]),
    (None, [0, 1]),
    np.array([True, False, True]),
    np.arange(12).reshape(3, 4) % 3 == 0,
    np.zeros((3, 4), bool),
    (slice(None), np.array([True, False, True, True])),
    [],
    [3],
    [-4],
    (0, 0, [0]),
    np.ones((4, 3), bool),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", KEYS, ids=str)
def test_indices_by_arrays(kind, key):
    both(lambda u: u[key], *KINDS[kind]())


def test_an_index_may_be_on_the_device():
    device, host = dense()
    same(device[up(np.array([0, 2]))], host[[0, 2]])
    mask = host.value > 0.5
    same(device[up(mask)], host[mask])
    same(device[device > 0.5], host[mask])


# ---- sums of little ----------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_sums_of_nothing(axis, keepdims):
    device, host = (one[:, :0] for one in dense())
    same(device.sum(axis=axis, keepdims=keepdims), host.sum(axis=axis, keepdims=keepdims))
    same(device.mean(axis=axis, keepdims=keepdims), host.mean(axis=axis, keepdims=keepdims))


@pytest.mark.parametrize("axis", [None, 0])
def test_sums_have_a_value_even_where_it_is_zero(axis):
    device, host = map(tn.nilpotent, dense())
    same(device.sum(axis=axis), host.sum(axis=axis))
    same(device.mean(axis=axis) + 1, host.mean(axis=axis) + 1)


# ---- written -----------------------------------------------------------------------------------------

WRITES = [..., 0, (1, 2), slice(1, None), (slice(None), -1), (None, 0), [0, 2], ([0, 0], [1, 1]), np.array([True, False, True])]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", ["number", "series", "constant", "itself"])
@pytest.mark.parametrize("key", WRITES, ids=str)
def test_writing_in_place(kind, given, key):
    device, host = KINDS[kind]()
    region = host.value[key].shape
    other = {
        "number": lambda: (0.25, 0.25),
        "series": lambda: dense(region[1:]),
        "constant": lambda: constant((3, 4))[0:2] if region == (3, 4) else (0.5, 0.5),
        "itself": lambda: (device[key][..., :1], host[key][..., :1]) if region else (device[0, 0], host[0, 0]),
    }[given]()
    device[key], host[key] = other
    same(device, host)


@pytest.mark.parametrize("kind", KINDS)
def test_operators_in_place(kind):
    device, host = KINDS[kind]()
    other, own = dense()
    for one, two in ((device, other), (host, own)):
        one += two
        one *= 2
        one[0] -= two[1]
        one[1:, ::2] /= 3
    same(device, host)


def test_views_see_what_is_written():
    for one in dense():
        part, whole = one[1], one[...]
        one[1] = 0.5
        values = [down(v.value) if type(v.value) is Simulated else v.value for v in (part, whole)]
        assert (values[0] == 0.5).all()
        assert (values[1][1] == 0.5).all()


def test_arrays_are_left_behind_as_on_the_processor():
    for one in dense():
        values = tn.detach(one)
        values[0] = 0.5
        assert "out of date" in repr(one)
        with pytest.raises(StaleError, match="the values of this array were changed in place by"):
            np.exp(one)
        one[...] = 1.5
        np.exp(one)


def test_what_is_left_behind_is_read_only_where_elements_repeat():
    for one in dense():
        repeated = tn.broadcast_to(one, (2, 3, 4))
        with pytest.raises(ValueError, match="repeats elements in memory"):
            repeated[0] = 1.0


@pytest.mark.parametrize("key", [(0, [9]), slice(0, 2)])
def test_what_cannot_be_written_is_the_same_error(key):
    def write(u):
        u[key] = u[:, :3]
        return u

    got, expected = both(write, *dense())
    assert got == expected


# ---- out= --------------------------------------------------------------------------------------------

wave = tn.fuse(lambda u: np.exp(u) * u)
on_gpu = wave.to_target("cuda")


@pytest.mark.parametrize("kind", KINDS)
def test_out_takes_a_series(kind):
    device, host = KINDS[kind]()
    out, expected = dense()[0], wave(host)
    for _ in range(3):  # the third call is one that was prepared
        memory = out._found.planes.address
        assert on_gpu(device, out=out) is out
        same(out, expected)
    assert out._found.planes.address == memory


def test_out_takes_plain_arrays():
    values = np.linspace(0, 1, 5)
    out = up(np.zeros(5))
    for _ in range(3):
        assert on_gpu(up(values), out=out) is out
        np.testing.assert_allclose(down(out), wave(values), rtol=1e-14)


def test_out_may_be_an_argument():
    for one, function in zip(dense(), (on_gpu, wave), strict=True):
        expected = function(one).coeffs
        function(one, out=one)
        np.testing.assert_array_equal(*(down(c) if type(c) is Simulated else c for c in (one.coeffs, expected)))


REFUSED = [
    lambda u, plain: u[:2],
    lambda u, plain: tn.broadcast_to(u[:1], (3, 4)),
    lambda u, plain: [1.0],
    lambda u, plain: plain,
]


@pytest.mark.parametrize("out", REFUSED)
def test_out_refuses_what_it_refuses_on_the_processor(out):
    device, host = dense()

    def error(function, one, plain):
        with pytest.raises((ValueError, TypeError)) as raised:
            function(one, out=out(one, plain))
        return type(raised.value)

    assert error(on_gpu, device, up(np.zeros((2, 2)))) is error(wave, host, np.zeros((2, 2)))


def test_out_of_another_place_is_refused():
    device, host = dense()
    with pytest.raises((UnsupportedError, ValueError), match=re.escape("several devices")):
        on_gpu(device, out=host)


# ---- pickled, copied, compared -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda u: pickle.loads(pickle.dumps(u)), lambda u: u.copy()])
def test_copies_have_memory_of_their_own(kind, again):
    device, host = KINDS[kind]()
    made = again(device)
    device[...] = 0.0
    same(made, again(host))
    made += 1
    same(made, host + 1)


@pytest.mark.parametrize("kind", KINDS)
def test_comparisons_of_whole_arrays(kind):
    device, _ = KINDS[kind]()
    assert tn.allclose(device, device.copy())
    assert tn.array_equal(device, device.copy())
    assert not tn.allclose(device, device + 1)
    assert not tn.array_equal(device, device[:2])


@pytest.mark.parametrize("kind", KINDS)
def test_they_print_as_those_of_the_processor(kind):
    device, host = KINDS[kind]()
    assert (repr(device), str(device[0, 0])) == (repr(host), str(host[0, 0]))


def test_projections_of_plain_arrays():
    plain = up(np.linspace(0, 1, 5))
    assert tn.detach(plain) is plain
    np.testing.assert_array_equal(down(tn.nilpotent(plain)), np.zeros(5))


def test_detach_in_place_and_what_is_left_of_a_series():
    for one in dense():
        rise = tn.nilpotent(one) if hasattr(tn, "nilpotent") else one - tn.detach(one)
        rise[0] = 1.0
        assert rise.is_constant is False
        one.detach_()
        assert one.is_constant
    device, host = dense()
    same(tn.nilpotent(device), tn.nilpotent(host))
