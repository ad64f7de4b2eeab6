"""How does a program become machine code that is called on arrays: compiled once, kept in memory and on disk?"""

from __future__ import annotations

from functools import lru_cache, partial
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import buffers, crew, threads
from .forms import BRIEF, SHARED, nanoseconds
from .layout import Loops
from .operand import Planes
from .program import Program
from .rolled import Rolled
from .targets import source
from .targets.llvm import functions, looped, machine, unrolled
from .targets.llvm.entry import Word

CHUNKS = 4  # for each thread, so that a slow one does not keep the others waiting
MULTIPLE = 64  # elements that a chunk is a multiple of, so that threads do not write to one cache line
BYTE = np.dtype(np.uint8)

_lock = threads.lock()


class Kernel:
    """Machine code for a program whose inputs follow the inner axis of the elements in one way.

    Args:
        text: The kernel in LLVM's language.
        weight: The nanoseconds a thread takes for an element, about.
        room: The bytes of memory that each thread needs to work in.
    """

    def __init__(self, text: str, weight: float, room: int) -> None:
        self._loaded = machine.Loaded(machine.kept(text))
        self.address = self._loaded.address("kernel")
        self.weight, self.room = weight, room


class Call:
    """A kernel on arrays of one layout: everything about a call but the arrays, as `run` and `share` are handed it.

    Args:
        kernel: The kernel.
        loops: Over which elements.
    """

    def __init__(self, kernel: Kernel, loops: Loops) -> None:
        self.kernel, self._loops = kernel, loops  # the kernel, for as long as its machine code may be called
        outer, inner = loops.lengths
        self._work = outer * inner * kernel.weight
        self._along, self._within = (inner, True) if inner >= outer else (outer, False)
        steps = [number for row, step in loops.steps for number in (0, row, step)]
        head = [kernel.address, outer, inner, 0, self._within, len(loops.steps), kernel.room, self._work < BRIEF]
        self._plan = np.array([*head, *steps], dtype=np.int64)
        self._alone = self._work < SHARED
        self._around = bool(loops.around[0])
        self._run = crew.functions().run
        if self._alone and not kernel.room and not self._around:
            self.run = partial(self._run, self._plan)  # type: ignore[method-assign]  # the same, with nothing around it

    def run(self, *arrays: Planes) -> None:
        """Run it, on several threads where there is enough to do. Who calls holds this object until it returns.

        Args:
            *arrays: For each input that is read and each output its planes.
        """
        others = 0 if self._alone else min(threads.count(), int(self._work / SHARED) + 1) - 1
        if self.kernel.room:
            arrays = (*arrays, buffers.leased((self.kernel.room * (1 + others),), BYTE))
        plan = self._plan
        for starts in self._loops.starts():
            if self._around:
                plan = plan.copy()
                plan[Word.FIRST : Word.FIRST + 3 * len(starts) : 3] = starts
            if others:
                crew.share(self._shared(plan, others), others, self._work, arrays)
            else:
                self._run(plan, *arrays)

    def _shared(self, plan: NDArray[np.int64], others: int) -> NDArray[np.int64]:
        plan = plan.copy()
        plan[Word.CHUNK] = chunk(self._along, others, self._within)
        return plan


def chunk(length: int, others: int, within: bool) -> int:
    """How much of an axis a thread takes at a time, on so many other threads."""
    multiple = MULTIPLE if within else 1
    return max(-(-length // ((1 + others) * CHUNKS * multiple)) * multiple, 1)


def kernel(program: Program | Rolled, follows: tuple[bool, ...], streaming: bool = False) -> Kernel:
    """The compiled kernel of a program; each distinct one is compiled once in a process.

    What is there is found without waiting for another thread that compiles.

    Args:
        program: What it computes.
        follows: For each input that is read, whether it follows the inner axis.
        streaming: Whether results go past the caches, where the form can do that; each row then starts at a cache line.
    """
    return _kernel(program, follows, streaming)


def text(program: Program | Rolled, follows: tuple[bool, ...], streaming: bool = False) -> str:
    """The kernel of a program in LLVM's language."""
    width, path = machine.host().width, functions.path()
    if isinstance(program, Rolled):
        return looped.source(program, follows, width, path, streaming)
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


def address(planes: Planes) -> int:
    """Where the first element of an array is."""
    found: int = planes.__array_interface__["data"][0]
    return found
