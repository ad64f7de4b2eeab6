"""Are arrays of CuPy, PyTorch, Numba and others told apart, read in order and given back as they are? With stand-ins."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from taylornb.errors import UnsupportedError
from taylornb.targets.cuda import foreign, launching, libraries
from taylornb.targets.cuda.libraries import NUMBA, TORCH, planes_of
from taylornb.targets.cuda.memory import DevicePlanes, Interface, packed, share_memory
from taylornb.targets.cuda.provider import provider

FLOAT = np.dtype(np.float64)


def planes(address=4096, shape=(3, 4), strides=None, of=None, library=NUMBA):
    return DevicePlanes(of, library, 0, (address, shape, strides or packed(shape, 8), FLOAT))


class Array:
    """An array of a library that is not known, or Numba's."""

    def __init__(self, **more):
        self.__cuda_array_interface__ = {"shape": (2, 3), "typestr": "<f8", "data": (4096, False), "version": 3, **more}


class Reader:
    """What CUDA's own package for Python makes of arrays; which it was given, and for which stream."""

    def __init__(self):
        self.read, self.written = [], []

    def from_any_interface(self, array, stream_ptr):
        self.read.append((array, stream_ptr))
        return SimpleNamespace(ptr=4096, shape=(2, 3), strides=(3, 1), dtype=FLOAT, device_id=2, readonly=False)

    def from_cuda_array_interface(self, array, stream_ptr):
        self.written.append((array.__cuda_array_interface__, stream_ptr))
        return SimpleNamespace(__dlpack__=lambda **options: options)


@pytest.fixture
def ordered(monkeypatch):
    """What was done on streams and devices, in order; the current device is number 1, and no kernel is ever done."""
    found = []

    def event(timing):
        return SimpleNamespace(
            record=lambda stream=0: found.append(("recorded on", stream)),
            wait=lambda stream: found.append(("awaited by", stream)),
            query=lambda: False,
        )

    class Device:
        def __init__(self, number):
            self.number = number

        def __enter__(self):
            found.append(("device", self.number))

        def __exit__(self, *error):
            pass

    cuda = SimpleNamespace(
        external_stream=lambda address: address,
        event=event,
        get_current_device=lambda: SimpleNamespace(id=1),
        gpus=[Device(number) for number in range(4)],
    )
    monkeypatch.setattr(foreign, "_held", {})
    for module in (libraries, foreign, launching):
        monkeypatch.setattr(module, "available", lambda: SimpleNamespace(simulated=False, cuda=cuda))
    return found


@pytest.fixture
def reader(monkeypatch, ordered):
    made = Reader()
    monkeypatch.setitem(sys.modules, "cuda.core.utils", SimpleNamespace(StridedMemoryView=made))
    return made


@pytest.mark.parametrize("key", [np.s_[:], np.s_[1], np.s_[None], np.s_[0:1, None], np.s_[:0, 1:2]])
def test_what_is_one_element_after_the_other_has_no_strides(key):
    assert Interface(planes()[key]).__cuda_array_interface__["strides"] is None


def test_what_is_not_has_them():
    own = planes()
    assert Interface(own[:, ::2]).__cuda_array_interface__["strides"] == (32, 16)
    assert Interface(own[::-1]).__cuda_array_interface__["strides"] == (-32, 8)
    assert Interface(planes(strides=(0, 8))).__cuda_array_interface__["strides"] == (0, 8)


def test_what_is_made_of_planes_keeps_the_memory_and_not_the_planes():
    array = Array()
    assert array in vars(Interface(planes(of=array))).values()


def test_arrays_of_unknown_libraries_are_read_in_order_on_the_stream_of_the_launch(reader):
    array = Array()
    found = planes_of(array)
    assert (found.library, found.device, found.shape, found.strides, found.address) == (NUMBA, "cuda:2", (2, 3), (24, 8), 4096)
    with launching.configured(launching.Configuration(1, 128, 28672)):
        planes_of(array)
    assert reader.read == [(array, 1), (array, 28672)]


def test_arrays_of_numba_are_not_read_by_another_and_tell_their_device(ordered):
    array = Array(stream=28672)
    array.gpu_data = SimpleNamespace(context=SimpleNamespace(device=SimpleNamespace(id=3)))
    found = planes_of(array)
    assert found.device == "cuda:3"
    assert found.given() is array
    assert ordered == [("device", 3)]


def test_without_the_package_that_reads_them_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cuda.core.utils", None)
    with pytest.raises(UnsupportedError, match=r"none of CuPy's, PyTorch's and Numba's \(Array\).*pip install"):
        planes_of(Array())


@pytest.fixture
def space(monkeypatch):
    """A library that makes arrays from DLPack, as the array API standard has it, on a stream of its own."""

    def from_dlpack(exported, stream=28672):
        made = Array()
        made.device, made.options = exported.__dlpack_device__(), exported.__dlpack__(stream=stream, max_version=(1, 0))
        return made

    made = ModuleType("made.up")
    made.from_dlpack = from_dlpack
    monkeypatch.setattr(Array, "__array_namespace__", lambda self: made, raising=False)
    return made


def test_arrays_of_a_library_with_a_namespace_come_back_as_its_own(reader, ordered, space):
    found = planes_of(Array())
    assert (found.library.name, found.home) == ("made.up", "cuda:2, made.up")
    assert not found.flags.writeable
    own = DevicePlanes(None, found.library, 2, (4096, (3, 4), packed((3, 4), 8), FLOAT))
    assert own.flags.writeable
    back = own.given()
    assert back.device == (2, 2)
    assert back.options == {"stream": -1, "max_version": (1, 0)}
    ((interface, stream),) = reader.written
    assert (interface["data"], interface["shape"], stream) == ((4096, False), (3, 4), -1)
    assert ordered == [("device", 2), ("recorded on", 0), ("awaited by", 28672)]


def test_rows_that_begin_anywhere_are_copied_first_and_empty_ones_are_made_anew(reader, ordered, space, monkeypatch):
    library = planes_of(Array()).library
    monkeypatch.setattr(DevicePlanes, "copy", lambda self: planes(address=8192, shape=self.shape, library=library))
    for address, expected in ((4096, 4096), (4104, 8192)):
        planes(address=address, library=library).given()
        assert reader.written[-1][0]["data"][0] == expected
    space.zeros, space.float64 = (lambda shape, dtype: (shape, dtype)), "its float64"
    assert planes(shape=(0, 3), library=library).given() == ((0, 3), "its float64")


def test_the_device_that_the_elements_are_on_may_be_asked_for(reader, ordered):
    exported = foreign.Exported(planes())
    assert exported.__dlpack__(dl_device=(2, 0)) == {"stream": -1}
    with pytest.raises(BufferError, match=r"on \(2, 0\), and not on \(1, 0\)"):
        exported.__dlpack__(dl_device=(1, 0))


def test_what_was_read_is_kept_until_no_kernel_reads_it(reader, ordered):
    """Its library may give the memory to others as soon as nothing refers to it."""
    found = planes_of(Array())
    view = found.memory._view
    assert not foreign._held
    del found
    ((event, kept),) = foreign._held.values()
    assert kept is view
    assert ordered == [("device", 2), ("recorded on", 0)]
    event.query = lambda: True
    planes_of(Array()).flags  # noqa: B018
    assert all(one is not view for _, one in foreign._held.values())


def test_an_older_interface_is_taken_as_it_is(reader):
    array = Array(version=2, data=(4096, True))
    found = planes_of(array)
    assert (found.address, found.device, found.flags.writeable) == (4096, "cuda:1", False)
    assert not reader.read


def test_what_cannot_be_read_is_an_error_that_says_why(reader, monkeypatch):
    def refuses(array, stream_ptr):
        raise NotImplementedError("bfloat16 requires ml_dtypes")

    monkeypatch.setattr(reader, "from_any_interface", refuses)
    with pytest.raises(UnsupportedError, match="of type Array that is on a GPU: bfloat16"):
        planes_of(Array())


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        (planes(), planes(), True),
        (planes(), planes(address=4096 + 95), True),
        (planes(), planes(address=4096 + 96), False),
        (planes(), planes(shape=(0, 4)), False),
        (planes()[::-1], planes(address=4096, shape=(1, 1)), True),
        (planes(address=8192)[::-1, ::-1], planes(address=8192 + 88, shape=(1, 1)), True),
        (planes(strides=(0, 0)), planes(address=4104, shape=(1, 1)), False),
        (planes(), np.zeros(3), False),
        (planes(), DevicePlanes(None, NUMBA, 1, (4096, (3, 4), packed((3, 4), 8), FLOAT)), False),
    ],
)
def test_arrays_share_memory_where_their_bytes_meet(one, other, share):
    assert share_memory(one, other) == share_memory(other, one) == share


@pytest.mark.parametrize("stream", [None, 1, -1])
def test_there_is_nothing_to_wait_for_on_the_default_stream(reader, ordered, space, stream):
    foreign.Exported(planes()).__dlpack__(stream=stream)
    assert ordered == []


KEYS = [np.s_[()], np.s_[1:], np.s_[:, ::2], np.s_[2, 3:], np.s_[None, ..., 1], np.s_[0:0], np.s_[1, 2]]


@pytest.mark.parametrize("key", KEYS)
def test_a_tensor_comes_back_as_a_view_of_itself(key):
    torch = pytest.importorskip("torch")
    base = torch.arange(60, dtype=torch.float64)
    tensor = base[7:47].reshape(4, 10)[:, 2:9]
    strides = tuple(8 * stride for stride in tensor.stride())
    own = DevicePlanes(tensor, TORCH, 0, (tensor.data_ptr(), tuple(tensor.shape), strides, FLOAT))
    found = own[key].given() if key != () else own.given()
    assert torch.equal(found, tensor[key])
    assert found.untyped_storage().data_ptr() == base.untyped_storage().data_ptr()


def test_that_is_what_numba_calls_it():
    assert callable(provider().cuda.external_stream)
