"""Whose arrays are on a GPU: CuPy's, PyTorch's, Numba's, others'; how a view of one is made, and how an array comes back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from ...errors import UnsupportedError
from .foreign import MEMORY, Exported, Viewed, namespace
from .launching import address, chosen
from .memory import DevicePlanes, Library, Shape, packed
from .provider import available


def is_on_device(value: Any) -> bool:
    """Whether it is an array in the memory of a GPU, of whatever library."""
    if isinstance(value, np.ndarray | np.generic):
        return False
    if hasattr(value, "__cuda_array_interface__") or getattr(value, "__cuda_ndarray__", False):
        return True
    return hasattr(value, "__dlpack_device__") and value.__dlpack_device__()[0] in MEMORY


def unpickled(array: Any, name: str) -> DevicePlanes:
    """Planes of a library, from what was pickled.

    Raises:
        UnsupportedError: Where that library is not there; a GPU that is missing is the library's own error.
    """
    number = 0 if available().simulated else int(available().cuda.get_current_device().id)
    if name == CUPY.name:
        return planes_of(_needed("cupy").asarray(array))
    if name == TORCH.name:
        return planes_of(_needed("torch").from_numpy(array).to(f"cuda:{number}"))
    if name not in (NUMBA.name, SIMULATOR.name):
        return planes_of(available().cuda.to_device(array), _other(_needed(name)))
    return planes_of(available().cuda.to_device(array))


def _needed(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise UnsupportedError(
            f"an array in memory of {module} was pickled, and {module} cannot be imported: {error}"
        ) from None


def from_host(array: Any, stream: int) -> DevicePlanes:
    """An array of NumPy's in memory of Numba's on the current device, before anything else on a stream."""
    with _awaited(stream) as own:
        return planes_of(available().cuda.to_device(np.ascontiguousarray(array), stream=own), NUMBA)


def to_host(value: Any, stream: int = 0) -> Any:
    """An array of a GPU as one of NumPy's, when all that was asked for before is done; anything else as it is.

    Args:
        value: The array.
        stream: The address of the one on which Numba's arrays are computed; the other libraries know it.
    """
    if not is_on_device(value):
        return value
    if hasattr(value, "copy_to_host"):  # Numba's
        with _awaited(stream) as own:
            return value.copy_to_host(stream=own)
    if hasattr(value, "get"):  # CuPy's
        return np.asarray(value.get())
    return np.asarray(value.cpu() if hasattr(value, "cpu") else value)  # PyTorch's, and others


@contextmanager
def _awaited(address: int) -> Iterator[Any]:
    """A stream as Numba has it, which is waited for in the end; Numba waits for the default one, 0, by itself."""
    stream: Any = available().cuda.external_stream(address) if address and not available().simulated else 0
    yield stream
    if stream:
        stream.synchronize()


def planes_of(value: Any, library: Library | None = None) -> DevicePlanes:
    """The view of an array on a GPU, which is not copied.

    Raises:
        UnsupportedError: For another dtype than float64, float32 and bool, or an array that no library here can read.
    """
    if type(value) is DevicePlanes:
        return value
    simulated = not hasattr(value, "__cuda_array_interface__") and hasattr(value, "__cuda_ndarray__")
    own = library or (SIMULATOR if simulated else _library(value))
    if own is None:
        space = namespace(value)
        own, value = NUMBA if space is None else _other(space), Viewed(value, _stream(), readonly=space is not None)
    interface = value._ary.__array_interface__ if simulated else value.__cuda_array_interface__
    dtype, shape = np.dtype(interface["typestr"]), tuple(interface["shape"])
    if library is None and dtype not in DTYPES:
        raise UnsupportedError(f"arrays on a GPU hold float64, float32 or bool, not {dtype}; convert it there first")
    strides = interface.get("strides") or packed(shape, dtype.itemsize)
    found = DevicePlanes(value, own, _number(value), (interface["data"][0], shape, tuple(strides), dtype))
    if hasattr(value, "gpu_data"):  # Numba's
        found._array = value
    return found


ALIGNED = 256  # bytes: where arrays of the driver begin; jax refuses to compute with some that begin elsewhere
DTYPES = (np.dtype(np.float64), np.dtype(np.float32), np.dtype(bool))


def _library(value: Any) -> Library | None:
    """Whose array it is, None where that is not known."""
    if hasattr(value, "gpu_data"):
        return NUMBA
    return LIBRARIES.get(type(value).__module__.partition(".")[0])


@lru_cache(maxsize=64)
def _other(space: Any) -> Library:
    """A library by its module: the memory is Numba's, and handed over as DLPack."""

    def given(planes: DevicePlanes) -> Any:
        if not planes.size:
            return space.zeros(planes.shape, dtype=getattr(space, planes.dtype.name))
        fits = planes.contiguous and planes.address % ALIGNED == 0
        with on(planes.number):
            return space.from_dlpack(Exported(planes if fits else planes.copy()))

    return NUMBA._replace(name=space.__name__, given=given)


def _stream() -> int:
    """The address of the stream that was given to `f.launch`, 0 for the default one."""
    configuration = chosen.get()
    return 0 if configuration is None or configuration.stream is None else address(configuration.stream)


def _number(value: Any) -> int:
    """The number of the device that an array is on; of a library that does not tell, the current one."""
    device = value.gpu_data.context.device if hasattr(value, "gpu_data") else getattr(value, "device", None)
    number = getattr(device, "index", getattr(device, "id", None))  # PyTorch's; CuPy's and Numba's
    if isinstance(number, int):
        return number
    found = available()
    return 0 if found.simulated else int(found.cuda.get_current_device().id)


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


def _cupy_stream(address: int, number: int) -> Any:
    cuda = sys.modules["cupy"].cuda
    return cuda.ExternalStream(address, number) if address else cuda.Stream.null


def _torch_stream(address: int, number: int) -> Any:
    cuda = sys.modules["torch"].cuda
    own = cuda.ExternalStream(address, device=f"cuda:{number}") if address else cuda.default_stream(number)
    return cuda.stream(own)


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


NUMBA = Library(
    "Numba",
    empty=_numba_empty,
    given=_numba_given,
    stream=lambda number: 0,
    streaming=lambda address, number: nullcontext(),  # its memory comes from the driver, and belongs to no stream
)
SIMULATOR = NUMBA._replace(name="Numba's simulator")
CUPY = Library(
    "CuPy",
    empty=_cupy_empty,
    given=lambda planes: sys.modules["cupy"].asarray(planes.interface()),
    stream=lambda number: sys.modules["cupy"].cuda.get_current_stream(number).ptr,
    streaming=lambda address, number: _cupy_stream(address, number),
)
TORCH = Library(
    "PyTorch",
    empty=lambda shape, dtype, number: sys.modules["torch"].empty(shape, dtype=_of_torch(dtype), device=f"cuda:{number}"),
    given=_torch_given,
    stream=lambda number: sys.modules["torch"].cuda.current_stream(number).cuda_stream,
    streaming=lambda address, number: _torch_stream(address, number),
)
LIBRARIES = {"cupy": CUPY, "torch": TORCH}
