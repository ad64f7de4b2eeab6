"""Are kernels right when Numba simulates the GPU? `test_cuda_simulator` runs this with NUMBA_ENABLE_CUDASIM=1.

In the simulator each thread is a thread of Python's, and an index out of range is an error.
"""

import re
from pathlib import Path

import numpy as np
import pytest
from numba import cuda

import taylornb as tn
from bench.operations import CASES, arguments
from taylornb.targets import reference
from taylornb.targets.cuda import compiled, text
from taylornb.targets.cuda.provider import provider

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of infinities: on a GPU there are none
PAGE = Path(__file__).parents[1] / "docs" / "cuda.md"
DTYPES = {np.float64: 1e-12, np.float32: 2e-5}
GRID, BLOCK = 2, 3


def ran(program, planes, shape):
    """The planes of the outputs, by the kernel in the simulator: seven elements on six threads."""
    n = int(np.prod(shape))
    outputs = [np.zeros((len(out.support.rows), n), out.dtype) for out in program.outputs]
    used = [np.ascontiguousarray(planes[slot].reshape(len(planes[slot]), n)) for slot in program.inputs]
    compiled.kernel(text.kernel(program, ["i"] * len(used)))[GRID, BLOCK](np.uint64(n), *used, *outputs)
    return outputs


def by_reference(program, planes, shape):
    outputs = [np.zeros((len(out.support.rows), *shape), out.dtype) for out in program.outputs]
    reference.run(program, planes, outputs)
    return outputs


def test_this_is_the_simulator():
    assert provider().simulated


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_every_operation_is_that_of_the_reference(name, dtype):
    function, at = CASES[name]
    given = arguments(at, 3, dtype, (7,))
    for program in tn.fuse(function, target="cuda")._programs(given, {}, "unrolled"):
        planes = [one._found.planes for one in given]
        for got, expected in zip(ran(program, planes, (7,)), by_reference(program, planes, (7,)), strict=True):
            np.testing.assert_allclose(got, expected, rtol=DTYPES[dtype], atol=DTYPES[dtype] / 10)


def test_an_index_out_of_range_is_caught():
    (program,) = tn.fuse(np.exp, target="cuda")._programs((tn.variable(np.ones(7), 1),), {}, "unrolled")
    kernel = compiled.kernel(text.kernel(program, ["i"]))
    with pytest.raises(IndexError, match="out of bounds"):
        kernel[GRID, BLOCK](np.uint64(7), np.ones((1, 7)), np.ones((2, 6)))


def test_the_example_of_the_page_polishes_a_root_in_each_thread():
    (source,) = re.findall(r"^```python\n(import math.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    scope = {"__name__": "page"}
    exec(source, scope)
    roots = np.array([0.1, 0.5, 0.7, 1.4, 1.7])
    scope["polish"][2, 3](roots)
    np.testing.assert_allclose(np.exp(roots) - 3 * roots, 0, atol=1e-14)
    assert set(np.round(roots, 6)) == {0.619061, 1.512135}


def test_a_kernel_of_the_users_own_calls_functions_of_scalars():
    function = tn.fuse(lambda x, y: np.where(x > y, np.sin(x * y), tn.gammaln(x))).device_function(2)

    @cuda.jit
    def kernel(x, y, out):
        i = cuda.grid(1)
        if i < x.size:
            found = function(x[i], y[i])
            for k in range(len(found)):
                out[k, i] = found[k]

    rng = np.random.default_rng(1)
    x, y, out = rng.uniform(0.5, 2, 5), rng.uniform(0.5, 2, 5), np.zeros((6, 5))
    kernel[2, 3](x, y, out)
    a, b = tn.variables(2, x=x, y=y)
    np.testing.assert_allclose(out, np.where(a > b, np.sin(a * b), tn.gammaln(a)).coeffs, rtol=1e-12, atol=1e-14)
