"""Are programs in segments right when Numba simulates the GPU? `test_cuda_simulator` runs this with NUMBA_ENABLE_CUDASIM=1.

Registers for a few numbers are assumed, so that small programs are cut. Most cases are those of `test_rolled`.
"""

import numpy as np
import pytest
import rolling
import test_rolled as cases
from cuda_simulated_looped import OnThreads, is_right_time_and_again, up
from numba import cuda

import taylornb as tn
from bench.workloads import f1
from taylornb import forms, gpu, segments
from taylornb.series import write
from taylornb.targets.cuda import segmented
from taylornb.targets.cuda.text import kernel as in_one_piece

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of infinities: on a GPU there are none


class InSegments(OnThreads):
    """A function as a kernel in segments, where it is large enough."""

    def __init__(self, function, arguments):
        super().__init__(function, arguments)
        self.program = write(*self.graph, by_node=True)
        self.memory = segments.cut(self.program)

    def kernel(self, follows):
        return segmented.kernel(self.memory, follows) if self.memory else in_one_piece(self.program, follows)

    def more(self):
        return self.rooms() if self.memory else []

    def coefficients(self, length):
        found = super().coefficients(length)
        assert len(self.fences) == (length * (len(self.memory.segments) - 1) if self.memory else 0)
        return found

    def _whole(self, support, rows):
        found = super()._whole(support, rows)
        found[list(support.units)] = 1
        return found


def on_threads(function, *arguments, **options):
    length = max(int(np.prod(np.shape(argument))) for argument in arguments)
    (found,) = InSegments(function, arguments).coefficients(length)
    return found


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(rolling, "coefficients", on_threads)
    monkeypatch.setattr(rolling, "Looped", InSegments)
    for name, size in (("REGISTERS", 64), ("ADDRESS", 0), ("ROOM", 64)):
        monkeypatch.setattr(segments, name, size)
    monkeypatch.setattr(forms, "MOVED", 9)
    for known in (segments.cut, gpu.source):
        known.cache_clear()
    yield
    for known in (segments.cut, gpu.source):
        known.cache_clear()


test_every_op_on_every_support = cases.test_every_op_on_every_support
test_powers = cases.test_powers
test_random_programs = cases.test_random_programs
test_float32 = cases.test_float32
test_dtypes_mix = cases.test_dtypes_mix
test_several_outputs_and_arguments_that_are_one_number = cases.test_several_outputs_and_arguments_that_are_one_number
test_one_series_beside_many = cases.test_one_series_beside_many
test_support_decides_what_is_zero = cases.test_support_decides_what_is_zero


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("names", "order"), [("x", 9), ("xy", 6)])
def test_the_road_of_a_call(names, order, dtype):
    (x,) = cases.series((0.7,), order, names, "dense", dtype)
    function = tn.fuse(lambda x: f1(np, x), target="cuda")
    assert "segment1(" in function.source(x)
    is_right_time_and_again(function, x, 0.0 if dtype is np.float64 else 1e-5)


@pytest.mark.parametrize("view", [lambda array: array, lambda array: array[:]], ids=["the arrays", "views of them"])
def test_results_that_go_where_the_inputs_are(view):
    """In another order: a kernel that wrote them there at once would read results."""

    def function(*x):
        return tuple([np.sin(x[n]) * np.exp(x[11 - n]) for n in range(12)])

    fused, values = tn.fuse(function, target="cuda"), [np.linspace(0.1 * n, 0.1 * n + 1, 5) for n in range(12)]
    assert "segment1(" in fused.source(*values)
    given = [cuda.to_device(value.copy()) for value in values]
    fused(*given, out=tuple(map(view, given)))
    for got, expected in zip(given, fused.to_target("cpu")(*values), strict=True):
        np.testing.assert_allclose(got.copy_to_host(), expected, rtol=1e-12)


def test_a_series_that_is_its_own_result():
    (x,) = cases.series((0.7,), 9, ("x",), "dense")
    function, given = tn.fuse(lambda x: f1(np, x) + x, target="cuda"), up(x)
    assert "segment1(" in function.source(x)
    assert function(given, out=given) is given
    np.testing.assert_allclose(given.coeffs.copy_to_host(), function.to_target("cpu")(x).coeffs, rtol=1e-12)


def test_arguments_that_are_broadcast_and_numbers():
    x, y = (tn.variable(np.linspace(0.5, 1, n).reshape(shape), 6) for n, shape in ((6, (3, 2)), (2, (2,))))
    function = tn.fuse(lambda x, y, a: np.exp(x * a) * np.sin(y) + a, target="cuda")
    given = [tn.variable(cuda.to_device(one.value.copy()), 6) for one in (x, y)]
    assert "segment1(" in function.source(x, y, 0.3)
    for _ in range(3):
        got = function(*given, 0.3)
        np.testing.assert_allclose(got.coeffs.copy_to_host(), (np.exp(x * 0.3) * np.sin(y) + 0.3).coeffs, rtol=1e-12)


def test_no_more_threads_than_are_there_at_once(monkeypatch):
    asked = []
    monkeypatch.setattr(gpu, "blocks", lambda kernel, arguments, elements, *waves: asked.append(waves) or 2)
    monkeypatch.setattr(gpu, "THREADS", 2)
    (x,) = cases.series((0.7,), 9, ("x",), "dense")
    got = tn.fuse(lambda x: f1(np, x), target="cuda")(up(x)).coeffs.copy_to_host()
    np.testing.assert_allclose(got, f1(np, x).coeffs, rtol=1e-12)
    assert asked[-1] == (1,)
