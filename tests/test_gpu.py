"""Is it right on a GPU: launches, streams, the arrays of other libraries, many elements? `python -m pytest -m gpu`.

Without a GPU all of it is skipped. What needs none is in test_cuda_text, test_cuda_simulator and test_registers.
"""

import numpy as np
import pytest

import taylornb as tn
from bench.operations import CASES, arguments
from taylornb.errors import UnsupportedError
from taylornb.targets.cuda.provider import available

pytestmark = pytest.mark.gpu
DTYPES = {np.float64: 1e-12, np.float32: 2e-5}
POINTS = np.linspace(-1, 1, 1000)


@pytest.fixture(scope="module", autouse=True)
def cuda():
    """Numba's module for a GPU that is there."""
    try:
        found = available()
    except UnsupportedError as error:
        pytest.skip(str(error))
    if found.simulated:
        pytest.skip("this is the simulator")
    return found.cuda


def f1(x):
    return np.exp(np.sin(x)) * x / (1 + x * x)


on_gpu, on_cpu = tn.fuse(f1, target="cuda"), tn.fuse(f1)


def libraries():
    """How arrays go to the device and come back, for each library that may be installed."""
    return ["numba", "cupy", "torch"]


@pytest.fixture(params=libraries())
def library(request, cuda):
    """The functions up and down of a library."""
    if request.param == "numba":
        return cuda.to_device, lambda array: array.copy_to_host()
    module = pytest.importorskip(request.param)
    if request.param == "cupy":
        return module.asarray, module.asnumpy
    return lambda array: module.from_numpy(np.array(array)).cuda(), lambda tensor: tensor.cpu().numpy()


def test_the_same_kind_comes_out(library):
    up, down = library
    x = up(POINTS)
    result = on_gpu(tn.variable(x, order=4))
    assert type(result.value) is type(result.coeffs) is type(x)
    np.testing.assert_allclose(down(result.coeffs), on_cpu(tn.variable(POINTS, order=4)).coeffs, rtol=1e-12, atol=1e-15)


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


@pytest.mark.parametrize("n", [0, 1, 127, 128, 129, 1_000_003])
def test_any_number_of_elements(cuda, n):
    points = np.linspace(-1, 1, n)
    got = on_gpu(tn.variable(cuda.to_device(points), order=2)).coeffs.copy_to_host()
    np.testing.assert_allclose(got, on_cpu(tn.variable(points, order=2)).coeffs, rtol=1e-12, atol=1e-15)


def test_more_than_two_to_the_31_elements():
    torch = pytest.importorskip("torch")
    n = 2**31 + 1000
    if torch.cuda.mem_get_info()[0] < 10 * n:
        pytest.skip("the device has too little free memory")
    x = torch.full((n,), 0.5, dtype=torch.float32, device="cuda")
    x[-1] = 2.0
    got = tn.fuse(lambda x: 2 * x, target="cuda")(x)
    assert float(got[-1]) == 4.0
    assert float(got[2**31 - 1]) == 1.0


@pytest.mark.parametrize("configuration", [(1, 32), (7, 64), (10_000, 256)])
def test_any_launch_computes_all_elements(cuda, configuration):
    got = on_gpu.launch[configuration](tn.variable(cuda.to_device(POINTS), order=2)).coeffs.copy_to_host()
    np.testing.assert_allclose(got, on_cpu(tn.variable(POINTS, order=2)).coeffs, rtol=1e-12, atol=1e-15)


def test_it_runs_on_the_current_stream_of_torch():
    torch = pytest.importorskip("torch")
    x = torch.zeros(1 << 20, dtype=torch.float64, device="cuda")
    doubled = tn.fuse(lambda x: 2 * x, target="cuda")
    doubled(x)  # compiled
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(200_000_000)
        x += 1
        result = doubled(x)
        assert not stream.query()  # nothing waited for the device
    stream.synchronize()
    assert bool((result == 2).all())


def test_cuda_graphs_capture_it():
    torch = pytest.importorskip("torch")
    x = torch.linspace(0, 1, 1000, dtype=torch.float64, device="cuda")
    series = tn.variable(x, order=3)
    on_gpu(series)  # compiled
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = on_gpu(series).coeffs
    graph.replay()
    torch.cuda.synchronize()
    np.testing.assert_allclose(
        result.cpu().numpy(), on_cpu(tn.variable(x.cpu().numpy(), order=3)).coeffs, rtol=1e-12, atol=1e-15
    )


def test_views_and_broadcasting(library):
    up, down = library
    a, b = np.random.default_rng(1).uniform(0.2, 0.9, (2, 5, 6))
    product = tn.fuse(lambda a, b: a * b + np.exp(a), target="cuda")
    got = product(tn.variable(up(a), order=3)[:, ::2], tn.variable(up(b), order=3)[1:2, 3:])
    expected = product.to_target("cpu")(tn.variable(a, order=3)[:, ::2], tn.variable(b, order=3)[1:2, 3:])
    np.testing.assert_allclose(down(got.coeffs), expected.coeffs, rtol=1e-13)


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
    kernel[8, 128](cuda.to_device(POINTS), out)
    np.testing.assert_allclose(out.copy_to_host(), on_cpu(tn.variable(POINTS, order=3)).coeffs, rtol=1e-12, atol=1e-15)


def test_two_devices_are_not_mixed_and_each_runs_where_its_arrays_are():
    torch = pytest.importorskip("torch")
    if torch.cuda.device_count() < 2:
        pytest.skip("there is one GPU")
    first, second = (tn.variable(torch.ones(10, dtype=torch.float64, device=f"cuda:{n}"), order=2) for n in (0, 1))
    with pytest.raises(tn.UnsupportedError, match=r"several devices, cuda:0 .*, cuda:1"):
        first * second
    assert on_gpu(second).value.device.index == 1


def test_it_says_which_gpu_it_is(cuda):
    assert ", no GPU" not in tn.info().cuda
