"""How is a kernel launched: as the user says or as usual; first by Numba, which compiles it, and from then on without Numba."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from importlib import import_module
from operator import index
from typing import Any, NamedTuple

from .provider import available

Launch = Callable[[Sequence[Any]], None]


class Configuration(NamedTuple):
    """How a kernel is launched: the blocks of the grid, the threads of a block, and the stream, None for the current one."""

    grid: Any
    block: Any
    stream: Any = None


chosen: ContextVar[Configuration | None] = ContextVar("taylornb launch", default=None)


@contextmanager
def configured(configuration: Configuration) -> Iterator[None]:
    """Kernels of this thread or task are launched like this."""
    token = chosen.set(configuration)
    try:
        yield
    finally:
        chosen.reset(token)


class Launcher:
    """A function whose kernels are launched as an index says: `f.launch[grid, block](x)`, `f.launch[grid, block, stream](x)`.

    Args:
        function: The function.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __getitem__(self, configuration: tuple[Any, ...]) -> Callable[..., Any]:
        if not isinstance(configuration, tuple) or len(configuration) not in (2, 3):
            raise TypeError(
                f"launch takes the blocks of the grid, the threads of a block, and perhaps a stream, as in "
                f"f.launch[grid, block, stream](x), not {configuration!r}"
            )

        grid, block, *stream = configuration
        own = Configuration(_along_one_axis(grid, "the grid"), _along_one_axis(block, "a block"), *stream)

        def launched(*args: Any, **kwargs: Any) -> Any:
            with configured(own):
                return self._function(*args, **kwargs)

        return launched


def _along_one_axis(size: Any, name: str) -> int:
    """A number of blocks or threads, or a tuple of Numba's with ones for the other axes.

    Raises:
        TypeError: For anything else.
        ValueError: For less than one, or several axes: elements are counted along one.
    """
    axes = size if isinstance(size, tuple) else (size,)
    try:
        found = [index(one) for one in axes]
    except TypeError:
        found = []
    if not found:
        raise TypeError(f"the size of {name} is a whole number, not {size!r}")
    if min(found) < 1 or max(found[1:], default=1) > 1:
        raise ValueError(f"{name} has one axis, of at least 1, and not {size!r}; give the product of its axes")
    return found[0]


def address(stream: Any) -> int:
    """The address of a stream of CuPy's, PyTorch's or Numba's, or of one that is an address; 0 for the default stream.

    Raises:
        TypeError: For anything else.
    """
    if available().simulated:
        return 0
    found = getattr(stream, "cuda_stream", getattr(stream, "ptr", stream))
    if isinstance(found, str) or not hasattr(found, "__int__"):
        raise TypeError(f"a stream is one of CuPy's, PyTorch's or Numba's, or the address of one, not {stream!r}")
    return int(found)


def launcher(kernel: Any, grid: Any, block: Any, stream: int) -> Any:
    """The kernel as it is called to launch it. In the simulator that is the kernel itself, with the last configuration."""
    return kernel[grid, block] if available().simulated else _configured(kernel, grid, block, stream)


@lru_cache(maxsize=1024)
def _configured(kernel: Any, grid: Any, block: Any, stream: int) -> Any:
    with warnings.catch_warnings():  # Numba has one for grids that do not fill a GPU, as those of small arrays
        warnings.simplefilter("ignore")
        return kernel[grid, block, available().cuda.external_stream(stream) if stream else 0]


def again(launched: Any, arguments: Sequence[Any]) -> Launch | None:
    """What launches a kernel from the second time on, with arguments of the same types; None where only Numba does.

    Numba looks at the type of each argument and at each array in Python, which takes longer than the launch. What it launches
    is a kernel of CUDA's own package for Python, which takes numbers: of an array those that `words` gives.

    Args:
        launched: What `launcher` gave, and was called.
        arguments: What it was called with.
    """
    if available().simulated:
        return None
    try:
        core = import_module("cuda.core")
        dispatcher = launched.dispatcher
        overload = dispatcher.overloads[tuple([dispatcher.typeof_pyval(one) for one in arguments])]
        kernel = overload._codelibrary.get_cufunc().kernel
        stream, configuration = launched.stream, core.LaunchConfig(grid=launched.griddim, block=launched.blockdim)
    except (ImportError, AttributeError, KeyError):  # another package than numba-cuda, or another version
        return None
    return lambda numbers: core.launch(stream, configuration, kernel, *numbers)


def words(size: int, itemsize: int, start: int, shape: Sequence[int], strides: Sequence[int]) -> tuple[int, ...]:
    """An array as a kernel of Numba's takes it: two places for what owns the memory on the processor, and its layout."""
    return (0, 0, size, itemsize, start, *shape, *strides)
