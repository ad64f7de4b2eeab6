"""Arrays on a GPU of libraries that are known by their interfaces alone, as jax is: DLPack, and CUDA's array interface.

CUDA's own package for Python reads and writes both.
"""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any
from weakref import finalize

from ...errors import UnsupportedError
from .memory import DevicePlanes, Interface
from .provider import INSTALL, available

MEMORY = (2, 13)  # DLPack's numbers for the memory of CUDA's devices, and for that which the processor shares
DEFAULT = 1  # DLPack's number for CUDA's default stream
UNORDERED = -1  # and for no order of streams


class Viewed:
    """An array of any library as CUDA's array interface has it, which keeps its memory alive.

    Args:
        array: The array. The library sees to it that the stream waits until it is computed.
        stream: The address of the stream that it is read on, 0 for the default one.
        readonly: Whether it is not to be written to, whatever it says: jax says nothing, and its arrays never change.

    Raises:
        UnsupportedError: Where the package is missing, or does not read such an array.
    """

    def __init__(self, array: Any, stream: int, readonly: bool = False) -> None:
        _let_go()
        interface = None if hasattr(array, "__dlpack__") else array.__cuda_array_interface__
        if interface is not None and interface["version"] < 3:  # which knows no streams: whoever made the array waited
            self._view: Any = array
            self.readonly = readonly or interface["data"][1]
            self.__cuda_array_interface__ = interface
            return
        try:
            view = _reader(type(array).__name__).from_any_interface(array, stream_ptr=stream or DEFAULT)
            dtype = view.dtype
        except (BufferError, NotImplementedError, TypeError) as error:
            raise UnsupportedError(f"cannot read an array of type {type(array).__name__} that is on a GPU: {error}") from error
        self._view, self.readonly, self.device = view, readonly or view.readonly, SimpleNamespace(id=view.device_id)
        self.__cuda_array_interface__ = {
            "shape": tuple(view.shape),
            "strides": view.strides and tuple(step * dtype.itemsize for step in view.strides),
            "typestr": dtype.str,
            "data": (view.ptr, self.readonly),
            "version": 3,
        }
        finalize(self, _hold, view, stream).atexit = False


# Arrays that nothing refers to any more, each with the event after which no kernel reads it: their libraries give the memory to
# what comes next on streams of their own, which know of no kernel of ours.
_held: dict[int, tuple[Any, Any]] = {}


def _hold(view: Any, stream: int) -> None:
    cuda = available().cuda
    with cuda.gpus[view.device_id]:
        event = cuda.event(timing=False)
        event.record(cuda.external_stream(stream) if stream else 0)
    _held[id(event)] = event, view
    _let_go()


def _let_go() -> None:
    for number, (event, _) in list(_held.items()):
        if event.query():
            _held.pop(number, None)  # another thread may have done so


class Exported:
    """Planes on a GPU as DLPack has them: other libraries take them without a copy.

    Args:
        planes: The planes, whose elements are one after the other.
    """

    def __init__(self, planes: DevicePlanes) -> None:
        reader = _reader("DevicePlanes")
        self._number, self._view = planes.number, reader.from_cuda_array_interface(Interface(planes), stream_ptr=UNORDERED)

    def __dlpack_device__(self) -> tuple[int, int]:
        return MEMORY[0], self._number

    def __dlpack__(self, *, stream: int | None = None, dl_device: Any = None, **options: Any) -> Any:
        """The capsule, for a stream which waits for what was asked for on the default one of the current device."""
        if dl_device not in (None, self.__dlpack_device__()):
            raise BufferError(f"the elements are on {self.__dlpack_device__()}, and not on {dl_device}")
        if stream not in (None, UNORDERED, DEFAULT):
            cuda = available().cuda
            event = cuda.event(timing=False)
            event.record()
            event.wait(cuda.external_stream(stream))
        return self._view.__dlpack__(stream=UNORDERED, **options)


def namespace(array: Any) -> Any:
    """The module of an array by the array API standard, where that makes arrays from DLPack; None for all others."""
    own = getattr(array, "__array_namespace__", None)
    found = own() if own is not None else None
    return found if hasattr(found, "from_dlpack") else None


def _reader(kind: str) -> Any:
    try:
        return import_module("cuda.core.utils").StridedMemoryView
    except (ImportError, AttributeError):
        raise UnsupportedError(
            f"an array is none of CuPy's, PyTorch's and Numba's ({kind}), and cuda.core, which reads others, is missing; "
            f"install it with {INSTALL}"
        ) from None
