"""How does a program become machine code that is called on arrays: compiled once, kept in memory and on disk?"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from . import buffers, cache, threads
from .forms import PARALLEL, nanoseconds
from .operand import Planes
from .program import Program
from .rolled import Rolled
from .targets import source
from .targets.llvm import functions, looped, machine, unrolled
from .threads import Chunk

BYTE = np.dtype(np.uint8)
FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[ctypes.c_int64] * 4)  # releases the interpreter while it runs
LINE = 64  # elements that a chunk is a multiple of, so that threads do not write to one cache line
CHUNKS = 4  # for each thread, so that a slow one does not keep the others waiting

_lock = threads.lock()


class Kernel:
    """Machine code for a program whose inputs follow the inner axis of the elements in one way.

    Args:
        text: The kernel in LLVM's language.
        weight: The nanoseconds a thread takes for an element, about.
        room: The bytes of memory that each thread needs to work in.
    """

    def __init__(self, text: str, weight: float, room: int) -> None:
        host = machine.host()
        key = cache.key(text, host.name, host.features)
        code = cache.load(key)
        if code is None:
            code = machine.object_code(text)
            cache.save(key, code)
        self._loaded = machine.Loaded(code)
        self.run = FUNCTION(self._loaded.address("kernel"))
        self.weight, self.room = weight, room

    def __call__(self, lengths: tuple[int, int], arrays: Sequence[tuple[Planes, int]]) -> None:
        """Run it, on several threads where there is enough to do.

        Args:
            lengths: Of the outer axis and of the inner one.
            arrays: For each input that is read and each output its planes, whose elements are one after the other, and
                the bytes from one step of the outer axis to the next.
        """
        outer, inner = lengths
        numbers = [number for planes, step in arrays for number in (address(planes), planes.strides[0], step)]
        workers = self._workers(outer * inner)
        if workers == 1:
            self._run(numbers, 0, outer, 0, inner)
            return
        along = inner if inner >= outer else outer

        def work(start: int, stop: int, _alive: object = arrays) -> None:
            if along is inner:
                self._run(numbers, 0, outer, start, stop)
            else:
                self._run(numbers, start, stop, 0, inner)

        threads.share(work, _chunks(along, workers, LINE if along is inner else 1), workers)

    def _run(self, numbers: list[int], *limits: int) -> None:
        if not self.room:
            self.run((ctypes.c_int64 * len(numbers))(*numbers), *limits)
            return
        memory = buffers.leased((self.room,), BYTE)
        self.run((ctypes.c_int64 * (len(numbers) + 1))(*numbers, address(memory)), *limits)

    def _workers(self, elements: int) -> int:
        work = elements * self.weight
        return 1 if work < PARALLEL else min(threads.count(), int(work / PARALLEL) + 1)


def _chunks(length: int, workers: int, multiple: int) -> list[Chunk]:
    step = max(-(-length // (workers * CHUNKS * multiple)) * multiple, 1)
    return [(start, min(start + step, length)) for start in range(0, length, step)]


def kernel(program: Program | Rolled, follows: tuple[bool, ...], streaming: bool = False) -> Kernel:
    """The compiled kernel of a program; each distinct one is compiled once in a process.

    What is there is found without waiting for another thread that compiles.

    Args:
        program: What it computes.
        follows: For each input that is read, whether it follows the inner axis.
        streaming: Whether results go past the caches, where the form can do that; each row then starts at a cache line.
    """
    return _kernel(program, follows, streaming and isinstance(program, Program))


def text(program: Program | Rolled, follows: tuple[bool, ...], streaming: bool = False) -> str:
    """The kernel of a program in LLVM's language."""
    width, path = machine.host().width, functions.path()
    if isinstance(program, Rolled):
        return looped.source(program, follows, width, path)
    return unrolled.source(program, follows, width, path, streaming)


@lru_cache(maxsize=1024)
def _kernel(program: Program | Rolled, follows: tuple[bool, ...], streaming: bool) -> Kernel:
    room = looped.scratch(program, follows, machine.host().width) if isinstance(program, Rolled) else 0
    written = text(program, follows, streaming)
    with _lock:
        return _made(written, nanoseconds(program.cost), room)


@lru_cache(maxsize=1024)
def _made(text: str, weight: float, room: int) -> Kernel:
    return Kernel(text, weight, room)


def by_numba(program: Program, access: tuple[str, ...], axes: int) -> Any:
    """The kernel of a program as a function of arrays that Numba compiled."""
    return _numba_kernel(program, access, axes)


@lru_cache(maxsize=256)
def _numba_kernel(program: Program, access: tuple[str, ...], axes: int) -> Any:
    inputs = {slot: dtype for slot, _, dtype in program.loads}
    types = [(inputs[slot].str, 1 + len(way)) for slot, way in zip(program.inputs, access, strict=True)]
    types += [(out.dtype.str, 1 + axes) for out in program.outputs]
    written = source.source(program, access, axes)
    with _lock:
        return _numba_compiled(written, tuple(types), len(program.inputs))


@lru_cache(maxsize=256)
def _numba_compiled(text: str, types: tuple[tuple[str, int], ...], inputs: int) -> Any:
    by = import_module(".targets.numba", __package__)  # Numba is not imported before it is needed
    return by.compiled(text, types, inputs)


def compilations() -> int:
    """How many kernels this process has made, or loaded from the disk."""
    return _made.cache_info().misses + _numba_compiled.cache_info().misses


def forget() -> None:
    """Drop the kernels in memory, so that the next call compiles again, or loads from the disk."""
    with _lock:
        for known in (_kernel, _made, _numba_kernel, _numba_compiled):
            known.cache_clear()


def address(planes: Planes) -> int:
    """Where the first element of an array is."""
    found: int = planes.__array_interface__["data"][0]
    return found
