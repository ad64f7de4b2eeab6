"""Arrays on a GPU: where their elements are.

`DevicePlanes` is the view of such memory that stands where NumPy's arrays stand otherwise. It has a layout and no arithmetic;
users never see it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from math import prod
from types import SimpleNamespace
from typing import Any, NamedTuple, NoReturn

import numpy as np

from ...errors import UnsupportedError
from .provider import available

Shape = tuple[int, ...]


class Library(NamedTuple):
    """Whose arrays they are.

    Attributes:
        name: What error messages call it.
        empty: A new array, of a shape, dtype and the number of a device.
        given: The array of the library over the memory of planes.
        stream: The address of the current stream of a device, 0 for the default one.
        streaming: While the stream at an address is the current one of a device.
    """

    name: str
    empty: Callable[[Shape, np.dtype[Any], int], Any]
    given: Callable[[DevicePlanes], Any]
    stream: Callable[[int], int]
    streaming: Callable[[int, int], AbstractContextManager[Any]]


class DevicePlanes:
    """A view of memory on a GPU, or in the simulator on what stands for one.

    Args:
        memory: The array it is a view of, which it keeps alive.
        library: Whose array that is.
        number: The number of the device.
        layout: The address of the first element, the shape, the bytes between elements along each axis, the dtype.
    """

    __slots__ = ("_array", "address", "dtype", "library", "memory", "number", "shape", "strides", "whole")

    def __init__(
        self, memory: Any, library: Library, number: int, layout: tuple[int, Shape, Shape, np.dtype[Any]], whole: int = -1
    ) -> None:
        self.memory, self.library, self.number = memory, library, number
        self.address, self.shape, self.strides, self.dtype = layout
        self.whole = self.size if whole < 0 else whole  # elements of all the memory
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

    @property
    def flags(self) -> Flags:
        """What NumPy's arrays say of their memory."""
        repeated = any(length > 1 and not stride for length, stride in zip(self.shape, self.strides, strict=True))
        return Flags(self.contiguous, not (repeated or getattr(self.memory, "readonly", False)))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        """A view, by NumPy's basic index; by the empty one the array as the user has it."""
        if isinstance(key, tuple) and not key:
            return self.given()  # as NumPy's index () makes numbers of arrays without axes: as users have it
        entries = key if isinstance(key, tuple) else (key,)
        if not all(is_basic(entry) for entry in entries):
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

    def __setitem__(self, key: Any, planes: Any) -> None:
        """Copy rows, on the current stream; the elements broadcast."""
        import_module("taylornb.elements").copy_rows(self[key], planes)  # a kernel, and so of a later module

    def broadcast(self, shape: Shape) -> DevicePlanes:
        """A view that repeats elements, as numpy.broadcast_to has it."""
        missing = len(shape) - self.ndim
        lengths, steps = (1,) * missing + self.shape, (0,) * missing + self.strides
        strides = tuple(0 if own != length else step for own, length, step in zip(lengths, shape, steps, strict=True))
        return self._view(self.address, shape, strides)

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

    def __reduce__(self) -> tuple[Any, ...]:
        """With the elements, which come back to the current device of the same library."""
        libraries = import_module("taylornb.targets.cuda.libraries")
        return libraries.unpickled, (libraries.to_host(self.given()), self.library.name)

    def __repr__(self) -> str:
        return f"<planes {self.shape} of {self.dtype} on {self.device}, of {self.library.name}>"

    def _view(self, address: int, shape: Shape, strides: Shape) -> DevicePlanes:
        return DevicePlanes(self.memory, self.library, self.number, (address, shape, strides, self.dtype), self.whole)


class Flags(NamedTuple):
    """What NumPy's arrays say of their memory, as far as that is asked for."""

    c_contiguous: bool
    writeable: bool
    aligned: bool = True
    owndata: bool = True


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


def is_basic(entry: Any) -> bool:
    """Whether an entry of an index gives a view."""
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


def start(planes: Any) -> int:
    """The address of the first element, wherever it is."""
    found: int = planes.address if type(planes) is DevicePlanes else planes.__array_interface__["data"][0]
    return found


def extent(planes: Any) -> int:
    """How many elements all the memory has that an array is a view of."""
    while isinstance(planes, np.ndarray) and isinstance(planes.base, np.ndarray):
        planes = planes.base
    found: int = planes.whole if type(planes) is DevicePlanes else planes.size
    return found


def share_memory(a: Any, b: Any) -> bool:
    """Whether two arrays may have elements in common: whether the one's first to last byte meet the other's."""
    if type(a) is DevicePlanes or type(b) is DevicePlanes:
        if type(a) is not type(b) or a.number != b.number:
            return False
        (first, after), (other_first, other_after) = _reach(a), _reach(b)
        return first < other_after and other_first < after
    return np.may_share_memory(a, b)


def _reach(planes: DevicePlanes) -> tuple[int, int]:
    """The address of the first byte of the elements, wherever that element is, and the one after the last."""
    if not planes.size:
        return planes.address, planes.address
    steps = [(length - 1) * stride for length, stride in zip(planes.shape, planes.strides, strict=True)]
    first = planes.address + sum(step for step in steps if step < 0)
    return first, planes.address + sum(step for step in steps if step > 0) + planes.itemsize


def _simulated(own: Interface) -> Any:
    """The array of the simulator, over memory of the processor."""
    memory = SimpleNamespace(__array_interface__=own.__cuda_array_interface__, alive=own)
    return available().cuda.devicearray.FakeCUDAArray(np.asarray(memory))
