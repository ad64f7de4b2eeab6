"""Is what runs on a GPU launched as it is asked to be: any grid, on whose stream, in a graph, from many threads?

It needs no package but pytest, and uses CuPy and PyTorch where they are. Without a GPU all of it is skipped.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from waves import POINTS, doubled, f1, on_cpu, on_gpu, same

import taylornb as tn

pytestmark = [pytest.mark.gpu, pytest.mark.usefixtures("cuda")]


@pytest.mark.parametrize("configuration", [(1, 32), (7, 64), (10_000, 256), ((3,), (96,)), (1, 1024)])
def test_any_launch_computes_all_elements(cuda, configuration):
    series = tn.variable(cuda.to_device(POINTS), order=2)
    for _ in range(3):
        same(on_gpu.launch[configuration](series).coeffs.copy_to_host(), POINTS, 2)


def test_a_stream_that_is_given_is_the_one(library, cuda):
    series, stream = tn.variable(library.up(POINTS), order=2), library.stream()
    cuda.synchronize()
    for _ in range(3):
        result = on_gpu.launch[8, 128, stream](series)
        stream.synchronize()
        same(library.down(result.coeffs), POINTS, 2)


def test_it_runs_on_the_current_stream_of_torch(torch):
    x = torch.zeros(1 << 20, dtype=torch.float64, device="cuda")
    for _ in range(3):
        doubled(x)  # compiled, and prepared
    stream = torch.cuda.Stream()
    torch.cuda.synchronize()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(200_000_000)
        x += 1
        result = doubled(x)
        assert not stream.query()  # nothing waited for the device
    stream.synchronize()
    assert bool((result == 2).all())


def test_it_runs_on_the_current_stream_of_cupy(cuda):
    cupy = pytest.importorskip("cupy")
    sleep = cupy.RawKernel(
        'extern "C" __global__ void s(long long n) {long long t = clock64(); while (clock64() - t < n);}', "s"
    )
    x = cupy.zeros(1 << 20)
    for _ in range(3):
        doubled(x)
    sleep((1,), (1,), (np.int64(1),))
    stream = cupy.cuda.Stream(non_blocking=True)
    cuda.synchronize()
    with stream:
        sleep((1,), (1,), (np.int64(200_000_000),))
        x += 1
        result = doubled(x)
        assert not stream.done  # nothing waited for the device
    stream.synchronize()
    assert bool((result == 2).all())


def test_arguments_may_be_let_go_while_the_kernel_waits(torch):
    with torch.cuda.stream(torch.cuda.Stream()):
        doubled(torch.ones(1 << 20, dtype=torch.float64, device="cuda"))
        torch.cuda.current_stream().synchronize()
        torch.cuda._sleep(100_000_000)
        result = doubled(torch.ones(1 << 20, dtype=torch.float64, device="cuda"))
        torch.full((1 << 20,), 7.0, dtype=torch.float64, device="cuda")  # in the memory of the argument
        assert bool((result == 2).all())


@pytest.mark.parametrize("function", [on_gpu, tn.fuse(f1, target="cuda", form="looped")], ids=["registers", "loops"])
def test_graphs_of_torch_capture_it(torch, function):
    x = torch.linspace(0.1, 1, 1000, dtype=torch.float64, device="cuda")
    series = tn.variable(x, order=6)
    for _ in range(3):
        function(series).coeffs  # noqa: B018 (compiled, and prepared)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = function(series).coeffs
    for _ in range(2):
        result.zero_()
        graph.replay()
        torch.cuda.synchronize()
        np.testing.assert_allclose(result.cpu().numpy(), on_cpu(tn.variable(x.cpu().numpy(), order=6)).coeffs, rtol=1e-11)


def test_graphs_of_cupy_capture_it(cuda):
    cupy = pytest.importorskip("cupy")
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream:
        series = tn.variable(cupy.asarray(POINTS), order=3)
        for _ in range(3):
            on_gpu(series).coeffs  # noqa: B018 (compiled, prepared, and the memory is in the pool of this stream)
        stream.synchronize()
        stream.begin_capture()
        result = on_gpu(series).coeffs
        graph = stream.end_capture()
        for _ in range(2):
            result.fill(0)
            graph.launch(stream)
            stream.synchronize()
            same(cupy.asnumpy(result), POINTS, 3)


def test_many_threads_call_it_at_once(library):
    functions = [tn.fuse(lambda x, n=n: f1(x) + n, target="cuda") for n in range(4)]
    series = tn.variable(library.up(POINTS), order=3)

    def called(n):
        return library.down(functions[n % 4](series).coeffs)

    with ThreadPoolExecutor(4) as pool:
        for n, got in enumerate(pool.map(called, range(16))):
            got[0] -= n % 4
            np.testing.assert_allclose(got, on_cpu(tn.variable(POINTS, order=3)).coeffs, rtol=1e-12, atol=2e-15)
