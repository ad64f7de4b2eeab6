"""How many threads of a kernel does a GPU hold at once, can it hold more, and how many is the kernel launched with?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from .provider import available

# Of a block. A multiprocessor gives its 65,536 registers to whole warps: with blocks of 128 threads fewer than 128 of those are
# missing that there are registers for, of whatever kernel, and larger blocks can only lose more.
THREADS = 128
# How many times as many blocks as are on the GPU at once there may be: so many that a multiprocessor that is done early gets
# more, and so few that what each thread does once, and the beginning of a block, do not count.
WAVES = 8
BLOCKS = 2**31 - 1  # of a grid, at most
# Registers of a multiprocessor for each thread of a block; threads have a multiple of eight. With 32 all threads fit that may
# be there. From 65 on hardly a kernel does with fewer, and each attempt takes as long as the compiler took before.
REGISTERS, STEP, FULL, EASY = 65_536 // THREADS, 8, 32, 64


def blocks(kernel: Any, arguments: Sequence[Any], elements: int, waves: int = WAVES) -> int:
    """The blocks of a grid, whose threads go on to further elements where it has fewer threads than there are elements.

    Args:
        kernel: The kernel.
        arguments: What it is launched with, or what is like that.
        elements: How many there are.
        waves: How many times as many blocks as are on the GPU at once there may be.
    """
    needed = min(-(-elements // THREADS), BLOCKS)
    if not _tells(kernel):
        return needed
    return max(1, min(needed, waves * _at_once(kernel, _types(kernel, arguments), _device())))


def fitted(kernel: Any, arguments: Sequence[Any]) -> Any:
    """The kernel, within fewer registers where more threads are on the GPU at once by that, and nothing spills for it.

    The compiler takes a few registers more than it needs where that makes the code no shorter. That goes unnoticed unless
    a multiprocessor has room for a block less.

    Args:
        kernel: The kernel.
        arguments: What it is launched with, or what is like that.
    """
    return _fitted(kernel, _types(kernel, arguments), _device()) if _tells(kernel) else kernel


def fewer(registers: int) -> int | None:
    """How many registers a thread may have if another block is to fit; None where that is not worth an attempt."""
    if not FULL < registers <= EASY:
        return None
    room = REGISTERS // (-(-registers // STEP) * STEP)
    return REGISTERS // (room + 1) // STEP * STEP


@lru_cache(maxsize=1024)
def _fitted(kernel: Any, types: tuple[Any, ...], device: int) -> Any:
    own = kernel.compile(types)
    limit = fewer(own.regs_per_thread)
    if limit is None:
        return kernel
    within = available().cuda.jit(kernel.py_func, max_registers=limit)
    found = within.compile(types)
    fits = found.max_cooperative_grid_blocks(THREADS) > own.max_cooperative_grid_blocks(THREADS)
    return within if fits and found.local_mem_per_thread <= own.local_mem_per_thread else kernel


@lru_cache(maxsize=1024)
def _at_once(kernel: Any, types: tuple[Any, ...], device: int) -> int:
    """How many blocks of a kernel for such arguments are on the current device at once, by the driver's own account."""
    found: int = kernel.compile(types).max_cooperative_grid_blocks(THREADS)
    return found


def _tells(kernel: Any) -> bool:
    """Whether the kernel tells what it needs of a GPU: in the simulator none does, and numba-cuda-mlir's need not."""
    return not available().simulated and hasattr(kernel, "typeof_pyval")


def _types(kernel: Any, arguments: Sequence[Any]) -> tuple[Any, ...]:
    return tuple([kernel.typeof_pyval(one) for one in arguments])


def _device() -> int:
    return int(available().cuda.get_current_device().id)
