"""Do arrays on a GPU go through fused functions and operations, and come out as they went in? In Numba's simulator.

`test_cuda_simulator` runs this with NUMBA_ENABLE_CUDASIM=1. The arrays are Numba's simulated ones; CuPy's and PyTorch's need
a GPU.
"""

import gc
import re
import warnings
import weakref

import numpy as np
import pytest
from numba import cuda

import taylornb as tn
from bench import series
from bench.workloads import WORKLOADS
from taylornb.gpu import Call, _say_once
from taylornb.repeat import Repeat
from taylornb.targets.cuda.launching import chosen

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of infinities: on a GPU there are none
Simulated = type(cuda.to_device(np.ones(1)))
POINTS = np.linspace(-1, 1, 6)


def f1(x):
    return np.exp(np.sin(x)) * x / (1 + x * x)


on_gpu = tn.fuse(f1, target="cuda")
on_cpu = tn.fuse(f1)


def up(array):
    return cuda.to_device(np.asarray(array))


def down(array):
    assert type(array) is Simulated
    return array.copy_to_host()


def full(shape, order=3, seed=1, dtype=np.float64):
    """The coefficients of a series without zeros."""
    return np.random.default_rng(seed).uniform(0.2, 0.9, (order + 1, *shape)).astype(dtype)


def pair(coeffs):
    """The series on the device, and on the processor."""
    basis = tn.Basis(("x",), len(coeffs) - 1)
    return tn.from_coefficients(up(coeffs), basis), tn.from_coefficients(coeffs, basis)


def same(got, expected, rtol=1e-12):
    np.testing.assert_allclose(down(got.coeffs), expected.coeffs, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(5,), (2, 3), (1,), (2, 1, 3)])
def test_a_fused_function_of_a_variable(shape, dtype):
    points = np.linspace(-1, 1, int(np.prod(shape)), dtype=dtype).reshape(shape)
    got = on_gpu(tn.variable(up(points), order=4))
    assert got.dtype == dtype
    assert got.shape == shape
    same(got, on_cpu(tn.variable(points, order=4)), 1e-12 if dtype is np.float64 else 1e-5)


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_workloads_are_those_of_the_processor(name):
    workload, order = WORKLOADS[name], 2
    numbers = workload.inputs(order, 7)
    got = series.program(workload, "cuda")(*series._series(workload, order, tuple(map(up, numbers))))
    same(got, series.program(workload)(*series._series(workload, order, numbers)))


def test_no_elements_are_no_launch():
    got = on_gpu(tn.variable(up(np.ones((0, 3))), order=2))
    assert down(got.coeffs).shape == (3, 0, 3)


def test_a_full_series_a_plain_array_a_number_and_truth_values_together():
    def f(x, a, flag, number):
        return np.where(flag, x * a, x + number), a * number, x > a

    device, host = pair(full((5,)))
    a, flag = np.linspace(0, 1, 5), np.array([True, False, True, True, False])
    series, plain, truth = tn.fuse(f, target="cuda")(device, up(a), up(flag), 0.3)
    expected = tn.fuse(f)(host, a, flag, 0.3)
    same(series, expected[0])
    np.testing.assert_allclose(down(plain), expected[1], rtol=1e-15)
    assert np.array_equal(down(truth), expected[2])


BROADCAST = [((4,), (3, 4)), ((3, 1), (1, 4)), ((2, 1, 4), (3, 1)), ((1,), (3, 4)), ((2, 3), (2, 3))]


@pytest.mark.parametrize("shapes", BROADCAST)
def test_arguments_are_broadcast(shapes):
    (a, host_a), (b, host_b) = (pair(full(shape, seed=n)) for n, shape in enumerate(shapes))
    function = tn.fuse(lambda a, b: a * b + np.exp(a), target="cuda")
    same(function(a, b), function.to_target("cpu")(host_a, host_b))


KEYS = [np.s_[::2], np.s_[1:4], np.s_[::-1], np.s_[:, 1], np.s_[1], np.s_[..., None, :], np.s_[1:, ::2]]


@pytest.mark.parametrize("key", KEYS)
def test_views_are_taken_without_copies(key):
    coeffs = full((5, 4))
    device, host = pair(coeffs)
    same(device[key], host[key])
    same(on_gpu(device[key]), on_cpu(host[key]))
    if key != np.s_[..., None, :]:  # which Numba's arrays do not take
        same(on_gpu(tn.variable(up(coeffs[0])[key], order=2)), on_cpu(tn.variable(coeffs[0][key], order=2)))


def test_arguments_are_not_copied_and_a_variable_is():
    array = up(POINTS)
    series = tn.from_coefficients(up(full((6,))), tn.Basis(("x",), 3))
    variable = tn.variable(array, order=2)
    doubled = tn.fuse(lambda a: 2 * a, target="cuda")
    array[0] = 7.0
    assert down(doubled(array))[0] == 14
    assert down(variable.value)[0] == -1
    assert down(series.value).__array_interface__  # of its own memory


def test_memory_is_free_as_soon_as_nothing_refers_to_it():
    device = tn.variable(up(POINTS), order=2)
    gc.disable()  # memory in a cycle of references would wait for it
    try:
        for _ in range(3):
            result = on_gpu(device)
            down(result.coeffs)
            memory = weakref.ref(result._found.planes.memory)
            assert memory() is not None
            del result
            assert memory() is None
    finally:
        gc.enable()


def test_operations_at_the_prompt_stay_on_the_device():
    device, host = pair(full((5,)))
    same(np.sin(device) * 2 + device / (1 + device), np.sin(host) * 2 + host / (1 + host))
    same(tn.detach(device) * device, tn.detach(host) * host)
    assert np.array_equal(down(device > 0.5), host > 0.5)
    same(device * up(np.arange(5.0)), host * np.arange(5.0))
    same(tn.reshape(device, (5, 1)), tn.reshape(host, (5, 1)))


def test_what_is_read_off_a_series_is_on_the_device():
    device, host = tn.variable(up(POINTS), order=3), tn.variable(POINTS, order=3)
    for k in range(4):
        np.testing.assert_array_equal(down(device.coefficient(k)), host.coefficient(k))
    result, expected = on_gpu(device), on_cpu(host)
    np.testing.assert_allclose(down(result.derivative(3)), expected.derivative(3), rtol=1e-12)
    np.testing.assert_allclose(down(result.copy().value), expected.value, rtol=1e-12)
    assert repr(device) == repr(host)


REDUCTIONS = [(None, False), (0, False), (-1, True), ((0, 2), False), ((2, 1), True), (1, False)]


@pytest.mark.parametrize("name", ["sum", "mean"])
@pytest.mark.parametrize(
    ("axis", "keepdims"), [(None, False), (0, False), (-1, True), ((0, 2), False), ((2, 1), True), (1, False)]
)
def test_sums_and_means(name, axis, keepdims):
    device, host = pair(full((3, 2, 70), order=2))
    for both in ((device, host), (tn.variable(device.value, order=2), tn.variable(host.value, order=2))):
        got, expected = (getattr(tn, name)(one, axis=axis, keepdims=keepdims) for one in both)
        assert got.shape == expected.shape
        same(got, expected, 1e-13)


def test_functions_go_on_after_a_sum():
    def f(x, a):
        return np.exp(x / np.sum(x)) * np.mean(a)

    (device, host), a = pair(full((5,))), np.linspace(1, 2, 5)
    same(tn.fuse(f, target="cuda")(device, up(a)), tn.fuse(f)(host, a))


def test_gradients_hessians_and_derivatives():
    def f(x, y):
        return np.sin(x * y) / y

    values = {"x": POINTS.reshape(2, 3), "y": POINTS.reshape(2, 3) + 2}
    device = tn.fuse(f, target="cuda")(*tn.variables(2, **{name: up(value) for name, value in values.items()}))
    host = f(*tn.variables(2, **values))
    np.testing.assert_allclose(down(device.gradient()), host.gradient(), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(down(device.hessian()), host.hessian(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(down(tn.derivatives(f1, up(POINTS), 4)), tn.derivatives(f1, POINTS, 4), rtol=1e-12)
    assert np.array_equal(down(tn.variable(up(POINTS), order=2).derivative(1)), np.ones(6))


def test_several_variables():
    values = {"x": POINTS, "y": POINTS + 2}
    function = tn.fuse(lambda x, y: np.sin(x * y) / y, target="cuda")
    got = function(*tn.variables(2, **{name: up(value) for name, value in values.items()}))
    same(got, function.to_target("cpu")(*tn.variables(2, **values)))


def test_a_second_call_and_calls_on_the_processor_do_not_meet():
    function = tn.fuse(f1, target="cuda")
    device, host = tn.variable(up(POINTS), order=2), tn.variable(POINTS, order=2)
    for _ in range(3):
        same(function(device), on_cpu(host))
        with warnings.catch_warnings(action="ignore"):
            np.testing.assert_allclose(function(host).coeffs, on_cpu(host).coeffs, rtol=1e-12)
    assert function.traces == 1


def test_later_calls_are_like_the_first():
    def f(x, a, number):
        return x * a + number, a + number

    function = tn.fuse(f, target="cuda")
    for seed in range(4):
        (device, host), a = pair(full((5,), seed=seed)), np.linspace(0, seed, 5)
        series, plain = function(device, up(a), 0.5 * seed)
        expected = tn.fuse(f)(host, a, 0.5 * seed)
        same(series, expected[0])
        np.testing.assert_allclose(down(plain), expected[1], rtol=1e-15)
        same(series * device, expected[0] * host)
    assert [type(known) for known in function._repeats.values()] == [Repeat]


def test_later_calls_are_launched_as_they_say(monkeypatch):
    device, calls = tn.variable(up(POINTS), order=1), []
    monkeypatch.setattr(Call, "run", lambda self, *arrays: calls.append(chosen.get()))
    function = tn.fuse(f1, target="cuda")
    for _ in range(3):
        function.launch[2, 5](device)
    assert calls == [(2, 5, None)] * 3


@pytest.mark.parametrize("configuration", [(1, 1), (2, 2), (7, 3), ((2,), (2,)), (1, 4, 0), (1, 4, cuda.stream())])
def test_any_launch_computes_all_elements(configuration):
    device = tn.variable(up(POINTS), order=2)
    same(on_gpu.launch[configuration](device), on_cpu(tn.variable(POINTS, order=2)))


def test_numpy_arrays_are_copied_and_that_is_said_once():
    _say_once.cache_clear()
    x = tn.variable(POINTS, order=2)
    with pytest.warns(UserWarning, match='NumPy arrays given to target="cuda" are copied to the GPU, and the results back'):
        got = on_gpu(x)
    with warnings.catch_warnings(action="error"):
        on_gpu(x)
    assert type(got.value) is np.ndarray
    np.testing.assert_allclose(got.coeffs, on_cpu(x).coeffs, rtol=1e-12)


def test_numbers_alone_are_no_arrays():
    assert tn.fuse(lambda a, b: a * b, target="cuda")(2.0, 3.0) == 6


def test_the_source_is_that_of_the_kernel():
    assert "cuda.grid(1)" in on_gpu.source(tn.variable(POINTS, order=2))


DEVICE = tn.variable(up(POINTS), order=2)
ERRORS = [
    (lambda: on_cpu(DEVICE), "an argument is on cuda:0, and the function runs on target='cpu'; call f.to_target(\"cuda\")"),
    (lambda: on_cpu(up(POINTS)), "an argument is on cuda:0"),
    (lambda: on_cpu.launch, "launch is for target=\"cuda\", and this is target='cpu'"),
    (lambda: on_gpu.launch[3], "launch takes the blocks of the grid, the threads of a block"),
    (lambda: DEVICE * POINTS, "the arguments are on several devices, cuda:0 (Numba's simulator of shape (6,)), cpu (NumPy of"),
    (lambda: tn.variable(up(np.arange(3)), order=1), "arrays on a GPU hold float64, float32 or bool, not int64"),
]


@pytest.mark.parametrize(("action", "message"), ERRORS)
def test_what_is_not_there_says_so(action, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        action()
