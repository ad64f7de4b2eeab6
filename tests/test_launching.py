"""Is a kernel launched with what Numba would give it, on the stream of any library? On a driver that is made up."""

import re
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

from taylornb import gpu
from taylornb.gpu import Call
from taylornb.program import Instruction, Output, Program, Ref, Store
from taylornb.support import Support
from taylornb.targets.cuda import compiled, launching, libraries, memory
from taylornb.targets.cuda.launching import address, again, launcher, words
from taylornb.targets.cuda.libraries import NUMBA
from taylornb.targets.cuda.memory import DevicePlanes

DOUBLE = np.dtype(float)


class Kernel:
    """A kernel of Numba's, and the configuration with which it is called."""

    def __init__(self, griddim=None, blockdim=None, stream=None):
        self.griddim, self.blockdim, self.stream, self.calls = griddim, blockdim, stream, []
        self.overloads = {}

    def __getitem__(self, configuration):
        found = Kernel(*configuration)
        found.dispatcher, found.calls = self, self.calls
        return found

    def __call__(self, *arguments):
        self.calls.append(arguments)
        own = SimpleNamespace(get_cufunc=lambda: SimpleNamespace(kernel="the kernel itself"))
        self.dispatcher.overloads[tuple(map(type, arguments))] = SimpleNamespace(_codelibrary=own)

    def typeof_pyval(self, one):
        return type(one)


@pytest.fixture(autouse=True)
def launched(monkeypatch):
    """The launches of CUDA's own package."""
    calls = []
    core = SimpleNamespace(LaunchConfig=lambda grid, block: (grid, block), launch=lambda *call: calls.append(call))
    monkeypatch.setitem(sys.modules, "cuda", SimpleNamespace(core=core))
    monkeypatch.setitem(sys.modules, "cuda.core", core)
    device = SimpleNamespace(id=0)
    cuda = SimpleNamespace(external_stream=lambda address: ("external", address), get_current_device=lambda: device)
    for module in (launching, libraries):
        monkeypatch.setattr(module, "available", lambda: SimpleNamespace(simulated=False, cuda=cuda))
    launching._configured.cache_clear()
    return calls


@pytest.mark.parametrize(
    ("stream", "expected"),
    [(0, 0), (28672, 28672), (SimpleNamespace(cuda_stream=5), 5), (SimpleNamespace(ptr=6), 6), (np.int64(7), 7)],
)
def test_a_stream_of_any_library_has_an_address(stream, expected):
    assert address(stream) == expected


@pytest.mark.parametrize("stream", ["7", None, object])
def test_what_is_no_stream_is_refused(stream):
    message = f"a stream is one of CuPy's, PyTorch's or Numba's, or the address of one, not {stream!r}"
    with pytest.raises(TypeError, match=re.escape(message)):
        address(stream)


@pytest.mark.parametrize(("stream", "expected"), [(0, 0), (28672, ("external", 28672))])
def test_numba_is_told_the_stream(stream, expected):
    found = launcher(Kernel(), 5, 128, stream)
    assert (found.griddim, found.blockdim, found.stream) == (5, 128, expected)


def test_the_second_launch_is_that_of_the_kernel_itself(launched):
    first = launcher(Kernel(), 5, 128, 28672)
    first(1.0, 2)
    known = again(first, (1.0, 2))
    known([3.0, 4])
    assert launched == [(("external", 28672), (5, 128), "the kernel itself", 3.0, 4)]


def test_where_numba_is_another_it_launches_all(monkeypatch):
    first = launcher(Kernel(), 5, 128, 0)
    assert again(first, (1.0,)) is None  # it was not launched with such arguments
    first(1.0)
    monkeypatch.setitem(sys.modules, "cuda.core", None)
    assert again(first, (1.0,)) is None


def test_an_array_as_a_kernel_takes_it():
    array = np.ones((3, 5))[:, ::2]
    found = words(array.size, array.itemsize, 4096, array.shape, array.strides)
    assert found == (0, 0, 9, 8, 4096, 3, 3, 40, 16)


def planes(start, shape, strides=None):
    made = DevicePlanes(None, NUMBA, 0, (start, shape, strides or memory.packed(shape, 8), DOUBLE))
    made._array = np.empty(0)  # what Numba would take
    return made


def twice(slots):
    loads = [Instruction("load", (), DOUBLE, (slot, 0)) for slot in range(slots)]
    total = Instruction("add", (Ref(0), Ref(slots - 1)), DOUBLE)
    return Program((*loads, total), (Store(0, 0, Ref(slots)),), (Output(Support.packed((0,)), DOUBLE),))


@pytest.fixture
def kernel(monkeypatch):
    made = Kernel()
    monkeypatch.setattr(compiled, "kernel", lambda text: made)
    monkeypatch.setattr(gpu, "blocks", lambda *call: 2)
    monkeypatch.setattr(gpu, "fitted", lambda own, arguments: own)
    return made


def test_a_call_goes_by_numba_once_for_each_configuration(launched, kernel):
    given, place = planes(4096, (1, 6)), gpu.Place(NUMBA, 0, False)
    call = Call(twice(1), [(DOUBLE, given)], (6,), place)
    out = planes(8192, (1, 6))
    for _ in range(3):
        call.run(given, out)
    with launching.configured(launching.Configuration(7, 32, 28672)):
        call.run(given, out)
        call.run(given, out)
    assert len(kernel.calls) == 2
    array = [(0, 0, 6, 8, start, 1, 6, 48, 8) for start in (4096, 8192)]
    assert launched == [
        *[(0, (2, 128), "the kernel itself", 6, *array[0], *array[1])] * 2,
        (("external", 28672), (7, 32), "the kernel itself", 6, *array[0], *array[1]),
    ]


@pytest.mark.parametrize("shape", [(), (3, 2), (1, 4, 3)])
def test_elements_of_several_axes_that_lie_together_are_one_axis(launched, kernel, shape):
    n = int(np.prod(shape))
    call = Call(twice(1), [(DOUBLE, planes(4096, (1, *shape)))], shape, gpu.Place(NUMBA, 0, False))
    call._known[2, 128, 0] = launched.append
    call._usual = launching.Configuration(2, 128)
    call.run(planes(4096, (1, *shape)), planes(8192, (1, *shape)))
    assert launched == [[n, *(0, 0, n, 8, 4096, 1, n, 8 * n, 8), *(0, 0, n, 8, 8192, 1, n, 8 * n, 8)]]


def test_views_keep_their_layout_and_numbers_are_numbers(launched, kernel):
    view = planes(4096, (1, 2, 3), (480, 80, 16))
    call = Call(twice(2), [(DOUBLE, view), (DOUBLE, np.ones(1))], (2, 3), gpu.Place(NUMBA, 0, False))
    call._known[2, 128, 0] = launched.append
    call._usual = launching.Configuration(2, 128)
    call.run(view, np.array([0.25]), planes(8192, (1, 2, 3)))
    expected = [6, 3, *(0, 0, 6, 8, 4096, 1, 2, 3, 480, 80, 16), 0.25, *(0, 0, 6, 8, 8192, 1, 2, 3, 48, 24, 8)]
    assert launched == [expected]


@pytest.mark.parametrize(("stream", "expected"), [(None, []), (0, [(0, 3)]), (SimpleNamespace(ptr=28672), [(28672, 3)])])
def test_memory_of_a_result_is_taken_on_the_stream_that_is_given(monkeypatch, stream, expected):
    """Libraries give memory that was let go on a stream to what is next on that stream."""
    taken = []

    def streaming(address, number):
        taken.append((address, number))
        return nullcontext()

    monkeypatch.setattr(gpu, "planes_of", lambda array, library: array)
    library = NUMBA._replace(empty=lambda *call: call, streaming=streaming)
    room = gpu.Room(gpu.Place(library, 3, False), (2, 5), DOUBLE)
    with launching.configured(launching.Configuration(1, 1, stream)):
        assert room.array() == ((2, 5), DOUBLE, 3)
    assert taken == expected
    assert room.array() == ((2, 5), DOUBLE, 3)
    assert taken == expected


@pytest.mark.parametrize(
    ("configuration", "error", "message"),
    [
        ((4, (16, 16)), ValueError, r"a block has one axis, of at least 1, and not \(16, 16\); give the product"),
        (((2, 2), 128), ValueError, r"the grid has one axis"),
        ((0, 128), ValueError, "the grid has one axis, of at least 1, and not 0"),
        ((4, 12.5), TypeError, "the size of a block is a whole number, not 12.5"),
        (((), 32), TypeError, r"the size of the grid is a whole number, not \(\)"),
    ],
)
def test_grids_and_blocks_have_one_axis(configuration, error, message):
    with pytest.raises(error, match=message):
        launching.Launcher(print)[configuration]


def test_a_tuple_of_ones_is_one_axis():
    found = []
    launching.Launcher(lambda: found.append(launching.chosen.get()))[(4, 1, 1), (np.int64(32),)]()
    assert found == [launching.Configuration(4, 32)]
