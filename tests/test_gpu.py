"""Is it right on a GPU: launches, streams, the arrays of other libraries, many elements? `python -m pytest -m gpu`.

It needs no package but pytest, and uses CuPy and PyTorch where they are. Without a GPU all of it is skipped. What needs none
is in test_cuda_text, test_cuda_simulator, test_device_arrays and test_registers.
"""

import gc
import math
import pickle
import weakref

import numpy as np
import pytest
from numba import njit
from waves import POINTS, doubled, f1, on_cpu, on_gpu, same

import taylornb as tn
from bench.operations import CASES, arguments
from taylornb.gpu import _say_once

pytestmark = [pytest.mark.gpu, pytest.mark.usefixtures("cuda")]
DTYPES = {np.float64: 1e-12, np.float32: 2e-5}
BLOCKS = 128  # with fewer Numba warns in kernels of the user's own


# ---- results -----------------------------------------------------------------------------------------


def test_the_same_kind_comes_out(library):
    x = library.up(POINTS)
    series = tn.variable(x, order=4)
    for _ in range(3):  # the third call is one that was prepared
        result = on_gpu(series)
        assert type(result.value) is type(result.coeffs) is type(doubled(x)) is type(x)
        same(library.down(result.coeffs), POINTS, 4)
        np.testing.assert_array_equal(library.down(doubled(x)), 2 * POINTS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_every_operation_is_that_of_the_reference(cuda, name, dtype):
    function, at = CASES[name]
    host = arguments(at, 4, dtype, (50,))
    device = tn.variables(4, **{n: cuda.to_device(x.value.copy()) for n, x in zip("abc", host, strict=False)})
    got, expected = tn.fuse(function, target="cuda")(*device), tn.fuse(function, target="reference")(*host)
    for one, other in zip(*((r if isinstance(r, tuple) else (r,)) for r in (got, expected)), strict=True):
        one = one.coeffs if isinstance(one, tn.TaylorArray) else one
        other = other.coeffs if isinstance(other, tn.TaylorArray) else other
        np.testing.assert_allclose(one.copy_to_host(), other, rtol=DTYPES[dtype], atol=DTYPES[dtype] / 10)


@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers_truth_values_and_plain_arrays_go_together(library, dtype):
    def f(x, a, flag, number, truth):
        return np.where(flag, x * a, x + number), np.where(truth, a * number, a), x > a

    points, a, flag = (POINTS.astype(dtype), np.cos(POINTS).astype(dtype), POINTS > 0.5)
    expected = tn.fuse(f)(tn.variable(points, order=2), a, flag, 0.3, True)
    function, given = tn.fuse(f, target="cuda"), (tn.variable(library.up(points), order=2), library.up(a), library.up(flag))
    for _ in range(3):
        series, plain, truth = function(*given, 0.3, True)
        np.testing.assert_allclose(library.down(series.coeffs), expected[0].coeffs, rtol=DTYPES[dtype])
        np.testing.assert_allclose(library.down(plain), expected[1], rtol=DTYPES[dtype])
        np.testing.assert_array_equal(library.down(truth), expected[2])


@pytest.mark.parametrize(("names", "order"), [("x", 9), ("x", 64), ("xyz", 4)])
def test_loops_over_coefficients(library, names, order):
    values = {name: np.linspace(0.3, 0.9, 5000) + n for n, name in enumerate(names)}
    series = tn.variables(order, **values)
    series = series if isinstance(series, tuple) else (series,)
    device = tn.variables(order, **{name: library.up(own) for name, own in values.items()})
    device = device if isinstance(device, tuple) else (device,)
    looped = tn.fuse(lambda *args: np.exp(np.sin(sum(args))) / args[0] + args[0] ** 1.7, target="cuda", form="looped")
    expected = tn.fuse(looped.function)(*series).coeffs
    for _ in range(3):
        np.testing.assert_allclose(library.down(looped(*device).coeffs), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("order", "sign"), [(16, "segment1("), (24, "tables")])
def test_what_has_too_few_registers_is_cut_or_becomes_loops(library, order, sign):
    basis, rng = tn.Basis(("x",), order), np.random.default_rng(1)
    given = [rng.uniform(0.4, 0.8, (order + 1, 3000)) for _ in range(2)]
    power = tn.fuse(lambda a, b: a**b, target="cuda")
    got = power(*(tn.from_coefficients(library.up(one), basis) for one in given))
    assert sign in power.source(*(tn.from_coefficients(one, basis) for one in given))
    expected = tn.fuse(lambda a, b: a**b)(*(tn.from_coefficients(one, basis) for one in given))
    np.testing.assert_allclose(library.down(got.coeffs), expected.coeffs, rtol=1e-9)


def test_views_and_broadcasting(library):
    a, b = np.random.default_rng(1).uniform(0.2, 0.9, (2, 5, 6))
    product = tn.fuse(lambda a, b: a * b + np.exp(a), target="cuda")
    for first, second in [(np.s_[:, ::2], np.s_[1:2, 3:]), (np.s_[::-1], np.s_[:, :1]), (np.s_[2], np.s_[:, ::-1])]:
        got = product(tn.variable(library.up(a), order=3)[first], tn.variable(library.up(b), order=3)[second])
        expected = product.to_target("cpu")(tn.variable(a, order=3)[first], tn.variable(b, order=3)[second])
        np.testing.assert_allclose(library.down(got.coeffs), expected.coeffs, rtol=1e-13)


def test_what_is_read_off_a_series(library):
    def f(x, y):
        return np.sin(x * y) / (2 + y)

    values = {"x": POINTS, "y": np.cos(POINTS)}
    got = tn.fuse(f, target="cuda")(*tn.variables(2, **{name: library.up(value) for name, value in values.items()}))
    expected = f(*tn.variables(2, **values))
    np.testing.assert_allclose(library.down(got.gradient()), expected.gradient(), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(library.down(got.hessian()), expected.hessian(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(library.down(got.sum().coeffs), expected.sum().coeffs, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(library.down(got[::-1].value[10:]), expected[::-1].value[10:], rtol=1e-12, atol=1e-15)


def test_elements_that_are_moved(library):
    values = np.random.default_rng(1).uniform(-1, 1, (3, 50))
    u, host = tn.variable(library.up(values), order=2), tn.variable(values, order=2)
    places, mask = np.array([[0, -1, 2]]), values > 0.5
    for operation in (
        lambda u: tn.stack([u, np.sin(u)], axis=-1),
        lambda u: tn.concatenate([u[:, ::2], u * u], axis=1),
        lambda u: tn.broadcast_to(u[:, None], (3, 4, 50)) * 2,
        lambda u: u[places, ::-1],
        lambda u: u[1, places],
        lambda u: u[u > 0.5],
        lambda u: u[mask],
        lambda u: u[:, :0].sum(axis=1),
    ):
        found, expected = operation(u), operation(host)
        assert type(found.value) is type(u.value)
        np.testing.assert_allclose(library.down(found.coeffs), expected.coeffs, rtol=1e-13, atol=1e-15)
    for key in (places, mask):
        np.testing.assert_array_equal(library.down(u[library.up(key)].coeffs), host[key].coeffs)
    np.testing.assert_array_equal(library.down(tn.sum(u > 0, axis=0)), (values > 0).sum(axis=0))
    assert tn.array_equal(u, u.copy())
    assert not tn.allclose(u, u + 1)


def test_what_is_written_where_it_is(library):
    values = np.random.default_rng(2).uniform(-1, 1, (3, 50))
    u, host = tn.variable(library.up(values), order=2), tn.variable(values, order=2)
    for one in (u, host):
        one[1] = 0.5
        one[:, ::2] *= 2
        one[[0, 2], 3] = 1.5
        one += np.sin(one)
    np.testing.assert_allclose(library.down(u.coeffs), host.coeffs, rtol=1e-13)
    again = pickle.loads(pickle.dumps(u))
    assert type(again.value) is type(u.value)
    np.testing.assert_array_equal(library.down(again.coeffs), library.down(u.coeffs))
    out = on_gpu(u)
    for _ in range(3):
        assert on_gpu(u, out=out) is out
        np.testing.assert_allclose(library.down(out.coeffs), on_cpu(host).coeffs, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("n", [0, 1, 127, 128, 129, 1_000_003])
def test_any_number_of_elements(library, n):
    points = np.linspace(-1, 1, n)
    same(library.down(on_gpu(tn.variable(library.up(points), order=2)).coeffs), points, 2)


@pytest.mark.parametrize(("n", "order"), [(2**31 + 1000, 0), (2**29 + 7, 7)])
def test_more_than_two_to_the_31_elements(cuda, n, order):
    rows = order + 1
    if cuda.current_context().get_memory_info().free < 4 * n * (rows + 3):
        pytest.skip("the device has too little free memory")

    @cuda.jit
    def fill(x):
        for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
            x[i] = np.float32(i % 1000) / np.float32(1000)

    x = cuda.device_array(n, np.float32)
    fill[4096, 256](x)
    got = on_gpu(tn.variable(x, order=order)).coeffs
    assert got.shape == (rows, n)
    for start in (0, n // 2, n - 1000):
        points = (np.arange(start, start + 1000) % 1000 / 1000).astype(np.float32)
        found = np.stack([got[row, start : start + 1000].copy_to_host() for row in range(rows)])
        np.testing.assert_allclose(found, on_cpu(tn.variable(points, order=order)).coeffs, rtol=2e-5, atol=2e-6)


def test_numpy_arrays_are_copied_and_results_come_back():
    _say_once.cache_clear()
    with pytest.warns(UserWarning, match="are copied to the GPU"):
        got = on_gpu(tn.variable(POINTS, order=2))
    assert type(got.coeffs) is np.ndarray
    same(got.coeffs, POINTS, 2)


# ---- other libraries ---------------------------------------------------------------------------------


class Foreign:
    """An array of a library that is not known: another's, with one of the two interfaces."""

    def __init__(self, array, names):
        for name in names:
            setattr(self, name, getattr(array, name))


@pytest.mark.parametrize("library", ["cupy", "torch"], indirect=True)
def test_dlpack_alone_will_do(cuda, library):
    foreign = Foreign(library.up(POINTS), ["__dlpack__", "__dlpack_device__"])
    same(cuda.as_cuda_array(on_gpu(tn.variable(foreign, order=2)).coeffs).copy_to_host(), POINTS, 2)


def test_arrays_of_an_unknown_library_come_back_as_numbas(cuda):
    array, stream = cuda.to_device(POINTS), cuda.stream()
    foreign = Foreign(array.bind(stream), ["__cuda_array_interface__"])
    assert foreign.__cuda_array_interface__["stream"]
    foreign.alive = array, stream
    got = on_gpu(tn.variable(foreign, order=2)).coeffs
    assert type(got) is type(array)
    same(got.copy_to_host(), POINTS, 2)


def test_arrays_of_jax_come_back_as_jaxs_and_are_read_when_they_are_computed(jax):
    late = jax.jit(lambda x: jax.lax.fori_loop(0, 2000, lambda _, x: -x, x))
    x = jax.numpy.asarray(np.tile(POINTS, 1000))
    for _ in range(3):
        series = tn.variable(late(x), order=2)
        result = on_gpu(series)
        assert type(result.coeffs) is type(result.value) is type(doubled(x)) is type(x)
        got = np.asarray(result.coeffs)
        same(got[:, : POINTS.size], POINTS, 2)
        np.testing.assert_array_equal(got, np.tile(got[:, : POINTS.size], 1000))
        np.testing.assert_array_equal(np.asarray(doubled(late(x)) + 0.0), np.asarray(2 * late(x)))
    assert type(pickle.loads(pickle.dumps(result)).coeffs) is type(x)
    with pytest.raises(ValueError, match="read-only"):
        doubled(x, out=x)


def test_memory_is_free_as_soon_as_nothing_refers_to_it(torch):
    series = tn.variable(torch.ones(1 << 20, dtype=torch.float64, device="cuda"), order=2)
    for _ in range(3):
        on_gpu(series).coeffs  # noqa: B018
    before = torch.cuda.memory_allocated()
    gc.disable()
    try:
        for _ in range(5):
            on_gpu(series).coeffs  # noqa: B018
            assert torch.cuda.memory_allocated() == before
    finally:
        gc.enable()


def test_memory_of_numba_is_free_as_soon_as_nothing_refers_to_it(cuda):
    series = tn.variable(cuda.to_device(POINTS), order=2)
    gc.disable()
    try:
        for _ in range(3):
            result = on_gpu(series)
            memory = weakref.ref(result._found.planes.memory)
            del result
            assert memory() is None
    finally:
        gc.enable()


# ---- functions of scalars ----------------------------------------------------------------------------


def test_a_kernel_of_the_users_own_calls_functions_of_scalars(cuda):
    function = tn.fuse(f1).device_function(order=3)

    @cuda.jit
    def kernel(x, out):
        i = cuda.grid(1)
        if i < x.size:
            found = function(x[i])
            for k in range(4):
                out[k, i] = found[k]

    out = cuda.device_array((4, POINTS.size))
    kernel[BLOCKS, 128](cuda.to_device(POINTS), out)
    same(out.copy_to_host(), POINTS, 3)


def test_it_calls_them_in_branches_and_loops(cuda):
    value_and_slope = tn.fuse(lambda x, a: np.exp(x) - a * x).device_function(order=1, variables=["x"])

    @njit
    def polished(x, a):
        for _ in range(50):
            value, slope = value_and_slope(x, a)
            step = value / slope
            x -= step
            if math.fabs(step) < 1e-14 * math.fabs(x):
                break
        return x

    @cuda.jit
    def kernel(roots):
        for i in range(cuda.grid(1), roots.size, cuda.gridsize(1)):
            roots[i] = polished(roots[i], 3.0) if roots[i] < 1.0 else polished(roots[i], 4.0)

    roots = cuda.to_device(np.concatenate([np.linspace(0.1, 0.9, 500), np.linspace(2, 3, 500)]))
    kernel[BLOCKS, 32](roots)
    found = roots.copy_to_host()
    np.testing.assert_allclose(np.exp(found), np.repeat([3.0, 4.0], 500) * found, rtol=1e-13)


# ---- several devices ---------------------------------------------------------------------------------


def test_two_devices_are_not_mixed_and_each_runs_where_its_arrays_are(torch):
    if torch.cuda.device_count() < 2:
        pytest.skip("there is one GPU")
    first, second = (tn.variable(torch.ones(10, dtype=torch.float64, device=f"cuda:{n}"), order=2) for n in (0, 1))
    with pytest.raises(tn.UnsupportedError, match=r"several devices, cuda:0 .*, cuda:1"):
        first * second
    for _ in range(3):
        assert on_gpu(second).value.device.index == 1
        same(on_gpu(second).coeffs.cpu().numpy(), np.ones(10), 2)
        same(on_gpu(first).coeffs.cpu().numpy(), np.ones(10), 2)
        assert torch.cuda.current_device() == 0


def test_arrays_of_numba_are_computed_on_their_device(cuda):
    if len(cuda.gpus) < 2:
        pytest.skip("there is one GPU")
    with cuda.gpus[1]:
        series = tn.variable(cuda.to_device(POINTS), order=2)
    for _ in range(3):
        got = on_gpu(series).coeffs
        assert got.gpu_data.context.device.id == 1
        same(got.copy_to_host(), POINTS, 2)


def test_it_says_which_gpu_it_is(cuda):
    assert ", no GPU" not in tn.info().cuda
