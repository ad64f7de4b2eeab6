"""Arrays on a GPU: whose they are, where their elements are, and how results come back as arrays of the same library.

`DevicePlanes` is the view of such memory that stands where NumPy's arrays stand otherwise. It has a layout and no arithmetic;
users never see it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from math import prod
from types import SimpleNamespace
from typing import Any, NamedTuple, NoReturn

import numpy as np

from ...errors import UnsupportedError
from .provider import available

Shape = tuple[int, ...]
CUDA = 2  # DLPack's number for the memory of CUDA's devices


class Library(NamedTuple):
    """Whose arrays they are.

    Attributes:
        name: What error messages call it.
        empty: A new array, of a shape, dtype and the number of a device.
        given: The array of the library over the memory of planes.
        stream: The address of the current stream of a device, 0 for the default one.
    """

    name: str
    empty: Callable[[Shape, np.dtype[Any], int], Any]
    given: Callable[[DevicePlanes], Any]
    stream: Callable[[int], int]


class DevicePlanes:
    """A view of memory on a GPU, or in the simulator on what stands for one.

    Args:
        memory: The array it is a view of, which it keeps alive.
        library: Whose array that is.
        number: The number of the device.
        layout: The address of the first element, the shape, the bytes between elements along each axis, the dtype.
    """

    __slots__ = ("_array", "address", "dtype", "library", "memory", "number", "shape", "strides")

    def __init__(self, memory: Any, library: Library, number: int, layout: tuple[int, Shape, Shape, np.dtype[Any]]) -> None:
        self.memory, self.library, self.number = memory, library, number
        self.address, self.shape, self.strides, self.dtype = layout
        self._array: Any = None

    @property
    def device(self) -> str:
        """The device, as PyTorch writes it; NumPy's arrays say "cpu"."""
        return f"cuda:{self.number}"

    @property
    def home(self) -> str:
        """The device, and whose array it is."""
        return home(self.number, self.library)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def itemsize(self) -> int:
        """The bytes of an element."""
        return self.dtype.itemsize

    @property
    def contiguous(self) -> bool:
        """Whether the elements are one after the other, in the order of the axes."""
        size = self.itemsize
        for length, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if length > 1 and stride != size:
                return False
            size *= length
        return True

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        """A view, by NumPy's basic index; by the empty one the array as the user has it."""
        if isinstance(key, tuple) and not key:
            return self.given()  # as NumPy's index () makes numbers of arrays without axes: as users have it
        entries = key if isinstance(key, tuple) else (key,)
        if not all(_is_basic(entry) for entry in entries):
            raise UnsupportedError(f"arrays on {self.device} take whole numbers, slices, None and ... as an index")
        address, shape, strides, axis = self.address, list[int](), list[int](), 0
        for entry in _explicit(entries, self.ndim):
            if entry is None:
                shape, strides = [*shape, 1], [*strides, 0]
                continue
            length, stride = self.shape[axis], self.strides[axis]
            axis += 1
            if isinstance(entry, slice):
                start, stop, step = entry.indices(length)
                shape, strides = [*shape, len(range(start, stop, step))], [*strides, stride * step]
            else:
                start = range(length)[entry]
            address += start * stride
        return self._view(address, tuple(shape), tuple(strides))

    def reshape(self, *shape: Any) -> DevicePlanes:
        """The same elements in another shape, in a view; copied where they are not one after the other."""
        target = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
        target = np.broadcast_to(np.False_, self.shape).reshape(target).shape
        own = self if self.contiguous else self.copy()
        return own._view(own.address, target, packed(target, self.itemsize))

    def transposed(self, axes: Sequence[int]) -> DevicePlanes:
        """A view with the axes in another order."""
        shape, strides = (tuple(own[axis] for axis in axes) for own in (self.shape, self.strides))
        return self._view(self.address, shape, strides)

    def copy(self) -> DevicePlanes:
        """The elements one after the other in memory of their own, on the current stream."""
        found: DevicePlanes = import_module("taylornb.device").copied(self)  # a kernel, and so of a later module
        return found

    def given(self) -> Any:
        """The array as the user has it, of the library it came from."""
        return self.library.given(self)

    def array(self) -> Any:
        """The array as kernels take it."""
        if self._array is None:
            found = available()
            own = self.interface()
            self._array = _simulated(own) if found.simulated else found.cuda.as_cuda_array(own, sync=False)
        return self._array

    def interface(self) -> Any:
        """What other libraries make an array of, which keeps the memory alive."""
        return Interface(self)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise UnsupportedError(
            f"this operation is not there for arrays on {self.device}; copy them to the processor first, as in "
            f"tn.from_coefficients(u.coeffs.get(), u.basis) with CuPy"
        )

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        self.__array__()

    def __reduce__(self) -> NoReturn:
        self.__array__()

    def __repr__(self) -> str:
        return f"<planes {self.shape} of {self.dtype} on {self.device}, of {self.library.name}>"

    def _view(self, address: int, shape: Shape, strides: Shape) -> DevicePlanes:
        return DevicePlanes(self.memory, self.library, self.number, (address, shape, strides, self.dtype))


def home(number: int, library: Library) -> str:
    """The name of the memory of a library on a device."""
    return f"cuda:{number}, {library.name}"


class Interface:
    """An array as CUDA's array interface has it."""

    def __init__(self, planes: DevicePlanes) -> None:
        self._memory = planes.memory  # not the planes, which keep what is made of this: cycles wait for the garbage collector
        self.__cuda_array_interface__ = {
            "shape": planes.shape,
            "strides": None if planes.contiguous else planes.strides,  # Numba compiles for the one and for the other
            "typestr": planes.dtype.str,
            "data": (planes.address, False),
            "version": 3,
            "stream": None,
        }


def packed(shape: Shape, size: int) -> Shape:
    """The strides of elements of so many bytes that are one after the other."""
    return tuple(size * prod(shape[axis + 1 :]) for axis in range(len(shape)))


def _is_basic(entry: Any) -> bool:
    whole = isinstance(entry, int | np.integer) and not isinstance(entry, bool)
    return entry is None or entry is Ellipsis or isinstance(entry, slice) or whole


def _explicit(entries: tuple[Any, ...], axes: int) -> list[Any]:
    """The index with an entry for each axis."""
    count = sum(entry is not None and entry is not Ellipsis for entry in entries)
    if count > axes:
        raise IndexError(f"too many indices: there are {axes} axes, and {count} were given")
    whole = [slice(None)] * (axes - count)
    place = entries.index(Ellipsis) if Ellipsis in entries else len(entries)
    return [*entries[:place], *whole, *entries[place + 1 :]]


def share_memory(a: Any, b: Any) -> bool:
    """Whether two arrays may have elements in common: on a GPU, whether they are views of one array."""
    if type(a) is DevicePlanes or type(b) is DevicePlanes:
        return a is b or getattr(a, "memory", a) is getattr(b, "memory", b)
    return np.may_share_memory(a, b)


# ---- the libraries -----------------------------------------------------------------------------------


def is_on_device(value: Any) -> bool:
    """Whether it is an array in the memory of a GPU, of whatever library."""
    if isinstance(value, np.ndarray | np.generic):
        return False
    if hasattr(value, "__cuda_array_interface__") or getattr(value, "__cuda_ndarray__", False):
        return True
    return hasattr(value, "__dlpack_device__") and value.__dlpack_device__()[0] == CUDA


def planes_of(value: Any, library: Library | None = None) -> DevicePlanes:
    """The view of an array on a GPU, which is not copied.

    Raises:
        UnsupportedError: For another dtype than float64, float32 and bool, or an array that no library here can read.
    """
    if type(value) is DevicePlanes:
        return value
    simulated = not hasattr(value, "__cuda_array_interface__") and hasattr(value, "__cuda_ndarray__")
    if not simulated and not hasattr(value, "__cuda_array_interface__"):
        value = _by_dlpack(value)
    interface = value._ary.__array_interface__ if simulated else value.__cuda_array_interface__
    dtype, shape = np.dtype(interface["typestr"]), tuple(interface["shape"])
    if library is None and dtype not in DTYPES:
        raise UnsupportedError(f"arrays on a GPU hold float64, float32 or bool, not {dtype}; convert it there first")
    strides = interface.get("strides") or packed(shape, dtype.itemsize)
    own = library or (SIMULATOR if simulated else _library(value))
    found = DevicePlanes(value, own, _number(value), (interface["data"][0], shape, tuple(strides), dtype))
    if own is NUMBA and hasattr(value, "gpu_data"):  # Numba's
        found._array = value
    elif own is NUMBA and interface.get("stream") not in (None, 1):  # it asks to wait; 1 is the default stream
        available().cuda.external_stream(interface["stream"]).synchronize()
    return found


DTYPES = (np.dtype(np.float64), np.dtype(np.float32), np.dtype(bool))


def _library(value: Any) -> Library:
    return LIBRARIES.get(type(value).__module__.partition(".")[0], NUMBA)


def _number(value: Any) -> int:
    """The number of the device that an array is on; of a library that does not tell, the current one."""
    device = value.gpu_data.context.device if hasattr(value, "gpu_data") else getattr(value, "device", None)
    number = getattr(device, "index", getattr(device, "id", None))  # PyTorch's; CuPy's and Numba's
    if isinstance(number, int):
        return number
    found = available()
    return 0 if found.simulated else int(found.cuda.get_current_device().id)


def _by_dlpack(value: Any) -> Any:
    for name in ("cupy", "torch"):
        if name in sys.modules:
            return sys.modules[name].from_dlpack(value)
    raise UnsupportedError(
        f"a {type(value).__name__} is on a GPU and has no __cuda_array_interface__; import cupy or torch, which read DLPack"
    )


def _cupy_empty(shape: Shape, dtype: np.dtype[Any], number: int) -> Any:
    cupy = sys.modules["cupy"]
    with cupy.cuda.Device(number):
        return cupy.empty(shape, dtype)


def on(number: int) -> AbstractContextManager[Any]:
    """While the device is the current one."""
    found = available()
    if found.simulated or found.cuda.get_current_device().id == number:
        return nullcontext()
    return found.cuda.gpus[number]  # type: ignore[no-any-return]


def _numba_empty(shape: Shape, dtype: np.dtype[Any], number: int) -> Any:
    with on(number):
        return available().cuda.device_array(shape, dtype)


def _numba_given(planes: DevicePlanes) -> Any:
    with on(planes.number):  # which the array takes down as its own
        return _forwards(planes).array()


def _of_torch(dtype: np.dtype[Any]) -> Any:
    return getattr(sys.modules["torch"], dtype.name)


def _forwards(planes: DevicePlanes) -> DevicePlanes:
    """The planes without negative strides, which PyTorch has not, and Numba does not copy to the processor."""
    return planes.copy() if min(planes.strides, default=0) < 0 else planes


def _torch_given(planes: DevicePlanes) -> Any:
    """A view of the tensor itself, so that PyTorch knows whose memory it is: `record_stream` has an effect, for example."""
    own = _forwards(planes)
    tensor = own.memory.detach()
    first = tensor.storage_offset() + (own.address - tensor.data_ptr()) // own.itemsize
    return tensor.as_strided(own.shape, [stride // own.itemsize for stride in own.strides], first if own.size else 0)


def _simulated(own: Interface) -> Any:
    """The array of the simulator, over memory of the processor."""
    memory = SimpleNamespace(__array_interface__=own.__cuda_array_interface__, alive=own)
    return available().cuda.devicearray.FakeCUDAArray(np.asarray(memory))


NUMBA = Library(
    "Numba",
    empty=_numba_empty,
    given=_numba_given,
    stream=lambda number: 0,
)
SIMULATOR = NUMBA._replace(name="Numba's simulator")
CUPY = Library(
    "CuPy",
    empty=_cupy_empty,
    given=lambda planes: sys.modules["cupy"].asarray(planes.interface()),
    stream=lambda number: sys.modules["cupy"].cuda.get_current_stream(number).ptr,
)
TORCH = Library(
    "PyTorch",
    empty=lambda shape, dtype, number: sys.modules["torch"].empty(shape, dtype=_of_torch(dtype), device=f"cuda:{number}"),
    given=_torch_given,
    stream=lambda number: sys.modules["torch"].cuda.current_stream(number).cuda_stream,
)
LIBRARIES = {"cupy": CUPY, "torch": TORCH}
