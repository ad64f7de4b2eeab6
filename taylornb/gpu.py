"""From a program and planes to results on a GPU: the kernel, the memory, and the launch on the caller's stream."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from importlib import import_module
from itertools import zip_longest
from math import prod
from typing import Any, NamedTuple

import numpy as np

from .errors import UnsupportedError
from .operand import Operand, Planes
from .program import Dtype, Program
from .rolled import Rolled
from .segments import cut
from .targets.cuda import looped, scratch, segmented, text
from .targets.cuda.launching import Configuration, Launch, address, again, chosen, launcher, words
from .targets.cuda.libraries import NUMBA, from_host, on, planes_of, to_host
from .targets.cuda.memory import DevicePlanes, Library, home
from .targets.cuda.occupancy import THREADS, blocks, fitted
from .targets.cuda.provider import available

LAUNCHES = 64  # ways to launch a call that are remembered: streams, above all

Shape = tuple[int, ...]
Access = tuple[str | None, ...]


class Place(NamedTuple):
    """Where arguments are, and results will be.

    Attributes:
        library: Whose arrays they are.
        number: The number of the device.
        copied: Whether they came from the processor, and results go back there.
    """

    library: Library
    number: int
    copied: bool


def launch(
    program: Program | Rolled, operands: Sequence[Operand], shape: Shape, into: Sequence[Planes | None] = ()
) -> list[Any]:
    """The planes of each output, (rows, *shape), where the operands are.

    Args:
        program: What is computed.
        operands: One for each input of the program, on one device. Those on the processor are copied, and the results too.
        shape: What the elements of the operands broadcast to.
        into: For each output planes to fill if they fit, which overlap no operand, or None.

    Raises:
        UnsupportedError: Where there is no GPU, or no package for it, or the operands are in several places.
    """
    available()
    place = place_of(operands)
    stream = stream_of(None, place)
    given = [(dtype, _argument(operands[slot], stream)) for slot, dtype in _dtypes(program)]
    rooms: Any = zip_longest(_rooms(program, place, shape), into)
    outputs = [own if own is not None and room.fits(own) else room.array() for room, own in rooms]
    if prod(shape):
        Call(program, given, shape, place).run(*(one for _, one in given), *outputs)
    return [to_host(out.array(), stream) if place.copied else out for out in outputs]


def prepare(program: Program | Rolled, operands: Sequence[Operand], shape: Shape) -> tuple[Call, tuple[Room, ...]] | None:
    """The launch that `launch` would make, and what the results need; None where it makes none, or copies arrays first."""
    available()
    place = place_of(operands)
    if place.copied or not prod(shape):
        return None
    given = [(dtype, operands[slot].planes) for slot, dtype in _dtypes(program)]
    return Call(program, given, shape, place), _rooms(program, place, shape)


def refuse(operands: Sequence[Operand], target: str) -> None:
    """Raise unless the operands are in the memory of the processor.

    Raises:
        UnsupportedError: For an array on a GPU; it says how the function runs there.
    """
    for operand in operands:
        if operand.planes.device != "cpu":
            raise UnsupportedError(
                f"an argument is on {operand.planes.device}, and the function runs on target={target!r}; "
                f'call f.to_target("cuda"), or fuse it with target="cuda"'
            )


# ---- where ------------------------------------------------------------------------------------------


def place_of(operands: Sequence[Operand]) -> Place:
    """The one place where the operands are, plain numbers apart, which are arguments of a kernel."""
    found: dict[str, Planes] = {}
    for operand in operands:
        if operand.planes.device != "cpu" or not _is_number(operand):
            found.setdefault(operand.planes.device, operand.planes)
    if len(found) > 1:
        listed = ", ".join(f"{device} ({_kind(planes)} of shape {planes.shape[1:]})" for device, planes in found.items())
        raise UnsupportedError(f"the arguments are on several devices, {listed}; move them to one of these first")
    for planes in found.values():
        if isinstance(planes, DevicePlanes):
            return Place(planes.library, planes.number, False)
    if found:
        _say_once()
    return Place(NUMBA, 0, True)


@lru_cache(maxsize=1)
def _say_once() -> None:
    warnings.warn(
        'NumPy arrays given to target="cuda" are copied to the GPU, and the results back; give arrays that are there '
        "(CuPy, PyTorch, numba.cuda.to_device) to save the copies. This is said once",
        UserWarning,
        stacklevel=2,
    )


def _kind(planes: Any) -> str:
    return planes.library.name if type(planes) is DevicePlanes else "NumPy"


def _is_number(operand: Operand) -> bool:
    return operand.planes.device == "cpu" and operand.spec.basis is None and operand.planes.size == 1


def _argument(operand: Operand, stream: int) -> Any:
    """A plain number, or planes on the device; those of NumPy are copied on a stream."""
    planes: Any = operand.planes
    if _is_number(operand) or type(planes) is DevicePlanes:
        return planes
    return from_host(planes, stream)


def _rooms(program: Program | Rolled, place: Place, shape: Shape) -> tuple[Room, ...]:
    return tuple(Room(place, (len(out.support.rows), *shape), out.dtype) for out in program.outputs)


def _dtypes(program: Program | Rolled) -> list[tuple[int, Dtype]]:
    """The inputs that are read, ascending, and their dtypes."""
    dtypes = {slot: dtype for slot, _, dtype in program.loads}
    return [(slot, dtypes[slot]) for slot in program.inputs]


# ---- the launch -------------------------------------------------------------------------------------


class Call:
    """A kernel on arrays of such layouts: everything about its launch but the arrays and the stream.

    Args:
        program: What it computes.
        given: For each input that is read its dtype, and planes on the device or a plain number.
        shape: Of the elements.
        place: The device.
        into: The planes of the one output, where its elements need not lie together.

    Raises:
        UnsupportedError: Where there are more axes than a kernel takes.
    """

    def __init__(
        self,
        program: Program | Rolled,
        given: Sequence[tuple[Dtype, Any]],
        shape: Shape,
        place: Place,
        into: DevicePlanes | None = None,
    ) -> None:
        self._place, self._n = place, prod(shape)
        planes = [*(one for _, one in given if type(one) is DevicePlanes), *([into] if into is not None else [])]
        self._flat = all(_is_plain(one, shape) for one in planes)
        shape = (self._n,) if self._flat else shape
        if len(shape) > len(text.AXES):
            raise UnsupportedError(f"kernels on a GPU take broadcast arrays of up to {len(text.AXES)} axes, not {len(shape)}")
        access = tuple(_access(self._own(one), shape) if type(one) is DevicePlanes else None for _, one in given)
        by = import_module(".targets.cuda.compiled", __package__)  # Numba is not imported before it is needed
        self._kernel = by.kernel(source(program, access, len(shape)))
        self._lengths = [np.uint64(length) for length in (self._n, *shape[1:])]
        self._numbers = [dtype.type for dtype, _ in given]
        memory = program if isinstance(program, Rolled) else cut(program)
        self._memory = memory if isinstance(memory, Rolled) or (memory and memory.rows) else None  # what needs scratch memory
        self._usual: Configuration | None = None
        self._known: dict[tuple[Any, Any, int], Launch] = {}

    def run(self, *arrays: Any) -> None:
        """Launch it, without waiting for it.

        Args:
            *arrays: For each input that is read and each output planes on the device, or an array of one number.
        """
        with current(self._place):
            inputs = zip(self._numbers, arrays, strict=False)
            given = [one if type(one) is DevicePlanes else made(one.item()) for made, one in inputs]
            given += arrays[len(given) :]
            grid, block, given_stream = chosen.get() or self._usual or self._configuration(given)
            stream = stream_of(given_stream, self._place)
            more = self._scratch(_count(grid) * _count(block)) if self._memory else ()
            known = self._known.get((grid, block, stream))
            if known is None:
                self._by_numba(self._arguments(given, more), (grid, block, stream))
                return
            numbers: list[Any] = list(self._lengths)
            for one in given:
                if type(one) is DevicePlanes:
                    numbers += self._words(one)
                else:
                    numbers.append(one)
            for one in more:
                numbers += words(one.size, one.itemsize, one.address, one.shape, one.strides)
            known(numbers)

    def _by_numba(self, arguments: Sequence[Any], key: tuple[Any, Any, int]) -> None:
        """Launch it, and remember how that is done without Numba."""
        launched = launcher(fitted(self._kernel, arguments), *key)
        launched(*arguments)
        known = again(launched, arguments)
        if known is not None:
            if len(self._known) >= LAUNCHES:
                self._known.clear()
            self._known[key] = known

    def _configuration(self, given: Sequence[Any]) -> Configuration:
        """The one where the user gives none. With scratch memory no more threads than are on the GPU at once."""
        arguments = self._arguments(given, self._scratch(1) if self._memory else ())
        waves = [1] if self._memory else []
        self._usual = Configuration(blocks(fitted(self._kernel, arguments), arguments, self._n, *waves), THREADS)
        return self._usual

    def _arguments(self, given: Sequence[Any], more: Sequence[DevicePlanes]) -> list[Any]:
        """The arguments of the kernel as Numba takes them."""
        own = [self._own(one).array() if type(one) is DevicePlanes else one for one in given]
        return [*self._lengths, *own, *(one.array() for one in more)]

    def _words(self, planes: DevicePlanes) -> tuple[int, ...]:
        """Planes as the kernel itself takes them, with as many axes as it has."""
        size, each = planes.size, planes.itemsize
        if self._flat:
            rows = planes.shape[0]
            return words(size, each, planes.address, (rows, size // rows), (size // rows * each, each))
        return words(size, each, planes.address, planes.shape, planes.strides)

    def _scratch(self, threads: int) -> list[DevicePlanes]:
        """The scratch memory, and the tables of loops."""
        assert self._memory is not None
        rooms = [Room(self._place, (count,), dtype) for dtype, count in scratch.lengths(self._memory, threads).items()]
        found = [room.array() for room in rooms]
        if isinstance(self._memory, Rolled):
            found.append(_tables(self._memory, self._place.number))
        return found

    def _own(self, planes: DevicePlanes) -> DevicePlanes:
        """The planes with as many axes as the kernel has."""
        return planes.reshape((len(planes), -1)) if self._flat and planes.ndim != 2 else planes


class Room(NamedTuple):
    """What planes of a result need."""

    place: Place
    shape: Shape
    dtype: Dtype

    @property
    def home(self) -> str:
        """Whose memory it takes."""
        return home(self.place.number, self.place.library)

    def fits(self, planes: Any) -> bool:
        """Whether planes are what is needed."""
        own = type(planes) is DevicePlanes and planes.home == self.home and planes.contiguous
        return own and (planes.shape, planes.dtype) == (self.shape, self.dtype)

    def array(self) -> Any:
        """The planes. Memory that a library uses again is taken on the stream that it is written on."""
        library, configuration = self.place.library, chosen.get()
        given = configuration.stream if configuration is not None else None
        with nullcontext() if given is None else library.streaming(address(given), self.place.number):
            return planes_of(library.empty(self.shape, self.dtype, self.place.number), library)


def current(place: Place) -> AbstractContextManager[Any]:
    """While the device is the current one."""
    return on(place.number)


@lru_cache(maxsize=1024)
def source(program: Program | Rolled, access: Access, axes: int = 1) -> str:
    """The text of a kernel, as `text.kernel`, `segmented.kernel` and `looped.kernel` have it."""
    if isinstance(program, Rolled):
        return looped.kernel(program, access, axes)
    segments = cut(program)
    return text.kernel(program, access, axes) if segments is None else segmented.kernel(segments, access, axes)


@lru_cache(maxsize=64)
def _tables(rolled: Rolled, device: int) -> DevicePlanes:
    """The tables of loops, in the memory of the current device. They are there on return, for all streams."""
    return from_host(looped.tables(rolled), 0)


def _count(of: Any) -> int:
    """The blocks of a grid, or the threads of a block."""
    return prod(of) if isinstance(of, tuple) else int(of)


def _is_plain(planes: DevicePlanes, shape: Shape) -> bool:
    """Whether its elements are all of the shape one after the other, or one."""
    return planes.contiguous and (planes.shape[1:] == shape or prod(planes.shape[1:]) == 1)


def _access(planes: DevicePlanes, shape: Shape) -> str:
    own = planes.shape[1:]
    letters = text.AXES[len(shape) - len(own) : len(shape)]
    return "".join(letter if length > 1 else "0" for letter, length in zip(letters, own, strict=True))


def stream_of(given: Any, place: Place) -> int:
    """The address of a stream that was given, here or to `f.launch`, or of the current one of the library."""
    configuration = chosen.get()
    given = configuration.stream if given is None and configuration is not None else given
    return address(place.library.stream(place.number) if given is None else given)
