"""Are loops over coefficients right when Numba simulates the GPU? `test_cuda_simulator` runs this with NUMBA_ENABLE_CUDASIM=1.

Most cases are those of `test_rolled`. They call the kernel itself, one thread after the other, and with NaN in the memory that
it is given: the simulator would have a thread of Python's for each.
"""

from types import SimpleNamespace

import numpy as np
import pytest
import rolling
import test_rolled as cases
from numba import cuda

import taylornb as tn
from bench.workloads import f1
from taylornb import gpu
from taylornb.loops import roll
from taylornb.targets.cuda import compiled, looped, scratch

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of infinities: on a GPU there are none
THREADS = 2
OTHERS = 31  # the numbers of these threads are so far apart, in two warps


class OnThreads(rolling.Looped):
    """The same function as a kernel for GPUs, whose threads run one after the other."""

    def __init__(self, function, arguments, early=None):
        super().__init__(function, arguments)
        self.program = self.memory = roll(*self.graph, early, listed=True)
        self.fences = []

    def kernel(self, follows):
        return looped.kernel(self.program, follows)

    def more(self):
        """Scratch memory, with NaN in it, and tables."""
        return [*self.rooms(), looped.tables(self.program)]

    def rooms(self):
        lengths = scratch.lengths(self.memory, THREADS)
        return [np.full(count, np.nan if dtype.kind == "f" else False, dtype) for dtype, count in lengths.items()]

    def coefficients(self, length):
        follows = ["i" if self.planes[slot].shape[1:] not in ((), (1,)) else "0" for slot in self.program.inputs]
        kernel = compiled.python(self.kernel(follows))
        inputs = [self.planes[slot].reshape(len(self.planes[slot]), -1) for slot in self.program.inputs]
        outputs = [np.zeros((len(out.support.rows), length), out.dtype) for out in self.program.outputs]
        more = self.more()
        for thread in range(THREADS):
            kernel.__globals__["cuda"] = SimpleNamespace(
                grid=lambda axes, thread=thread: thread,
                gridsize=lambda axes: THREADS,
                fma=lambda a, b, c: a * b + c,
                threadfence_block=lambda: self.fences.append(1),
            )
            kernel(np.uint64(length), *inputs, *outputs, *more)
        return [self._whole(out.support, rows) for out, rows in zip(self.program.outputs, outputs, strict=True)]


def on_threads(function, *arguments, **options):
    length = max(int(np.prod(np.shape(argument))) for argument in arguments)
    (found,) = OnThreads(function, arguments, **options).coefficients(length)
    return found


@pytest.fixture(autouse=True)
def _on_threads(monkeypatch):
    monkeypatch.setattr(rolling, "coefficients", on_threads)
    monkeypatch.setattr(rolling, "Looped", OnThreads)


test_every_op_on_every_support = cases.test_every_op_on_every_support
test_powers = cases.test_powers
test_random_programs = cases.test_random_programs
test_float32 = cases.test_float32
test_dtypes_mix = cases.test_dtypes_mix
test_a_result_is_wider_than_what_it_is_made_of = cases.test_a_result_is_wider_than_what_it_is_made_of
test_several_outputs_and_arguments_that_are_one_number = cases.test_several_outputs_and_arguments_that_are_one_number
test_one_series_beside_many = cases.test_one_series_beside_many
test_support_decides_what_is_zero = cases.test_support_decides_what_is_zero
test_a_detached_root_has_zero_coefficients = cases.test_a_detached_root_has_zero_coefficients


def up(found):
    return tn.from_coefficients(cuda.to_device(found.coeffs), found.basis)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("names", "order"), [("x", 9), ("xy", 3)])
def test_the_road_of_a_call(names, order, dtype):
    (x,) = cases.series((0.7,), order, names, "dense", dtype)
    is_right_time_and_again(tn.fuse(lambda x: f1(np, x), target="cuda", form="looped"), x)


def is_right_time_and_again(function, x, atol=0.0):
    """The third call is of a kind that was met before."""
    expected = tn.fuse(function.function)(x).coeffs
    for _ in range(3):
        got = function(up(x)).coeffs.copy_to_host()
        assert got.dtype == x.dtype
        np.testing.assert_allclose(got, expected, rtol=1e-12 if x.dtype == np.float64 else 1e-4, atol=atol)


def test_a_grid_of_the_users_own():
    (x,) = cases.series((0.7,), 6, ("x",), "dense")
    function = tn.fuse(lambda x: np.exp(x) / x, target="cuda", form="looped")
    got = function.launch[(2,), 1](up(x)).coeffs.copy_to_host()
    np.testing.assert_allclose(got, (np.exp(x) / x).coeffs, rtol=1e-12)


def test_arguments_that_are_broadcast():
    x, y = (tn.variable(np.linspace(0.5, 1, n).reshape(shape), 5) for n, shape in ((6, (3, 2)), (2, (2,))))
    function = tn.fuse(lambda x, y: np.exp(x) * y, target="cuda", form="looped")
    got = function(tn.variable(cuda.to_device(x.value.copy()), 5), tn.variable(cuda.to_device(y.value.copy()), 5))
    np.testing.assert_allclose(got.coeffs.copy_to_host(), (np.exp(x) * y).coeffs, rtol=1e-12)


@pytest.mark.parametrize(("names", "order"), [("x", 6), ("xy", 3)])
def test_elements_of_several_axes_in_sums_over_pairs(names, order):
    basis, rng = tn.Basis(tuple(names), order), np.random.default_rng(2)
    x, y = (rng.uniform(0.3, 0.8, (basis.size, *shape)) for shape in ((3, 2), (2,)))
    function = tn.fuse(lambda x, y: np.exp(x) * x / y + x * x, target="cuda", form="looped")
    got = function(*(tn.from_coefficients(cuda.to_device(one), basis) for one in (x, y)))
    expected = tn.fuse(function.function)(*(tn.from_coefficients(one, basis) for one in (x, y)))
    np.testing.assert_allclose(got.coeffs.copy_to_host(), expected.coeffs, rtol=1e-12)


def test_no_more_threads_than_are_there_at_once(monkeypatch):
    """Of a GPU with room for two blocks; the simulator has none of its own."""
    asked = []
    monkeypatch.setattr(gpu, "blocks", lambda kernel, arguments, elements, *waves: asked.append(waves) or 2)
    monkeypatch.setattr(gpu, "THREADS", 2)
    (x,) = cases.series((0.7,), 6, ("x",), "dense")
    got = tn.fuse(np.exp, target="cuda", form="looped")(up(x)).coeffs.copy_to_host()
    np.testing.assert_allclose(got, np.exp(x).coeffs, rtol=1e-12)
    assert asked[-1] == (1,)
