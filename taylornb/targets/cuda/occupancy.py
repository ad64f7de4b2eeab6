"""How many threads is a kernel launched with? As many as a GPU holds at once, a few times over, or one for each element."""

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


def blocks(kernel: Any, arguments: Sequence[Any], elements: int, waves: int = WAVES) -> int:
    """The blocks of a grid, whose threads go on to further elements where it has fewer threads than there are elements.

    Args:
        kernel: The kernel.
        arguments: What it is launched with, or what is like that.
        elements: How many there are.
        waves: How many times as many blocks as are on the GPU at once there may be.
    """
    needed = min(-(-elements // THREADS), BLOCKS)
    if available().simulated or not hasattr(kernel, "typeof_pyval"):  # which numba-cuda-mlir's kernels need not have
        return needed
    device = int(available().cuda.get_current_device().id)
    return max(1, min(needed, waves * _at_once(kernel, tuple([kernel.typeof_pyval(one) for one in arguments]), device)))


@lru_cache(maxsize=1024)
def _at_once(kernel: Any, types: tuple[Any, ...], device: int) -> int:
    """How many blocks of a kernel for such arguments are on the current device at once, by the driver's own account."""
    found: int = kernel.compile(types).max_cooperative_grid_blocks(THREADS)
    return found
