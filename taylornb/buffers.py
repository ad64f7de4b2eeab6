"""Where do results live? In memory that is used again once no array refers to it.

The first touch of a page of fresh memory costs more than a kernel spends on filling it, so that a loop of large
results would run at less than half its speed. What a result leaves behind is kept, up to a bound, for the next.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from contextlib import suppress
from functools import lru_cache
from math import prod
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.uint8]
LARGE = 1 << 18  # bytes from which memory is worth keeping; the system's allocator keeps what is smaller
# Where Linux says how much memory a container may use, in the second and in the first version of control groups.
CONTAINER = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
LINE = 64  # bytes of a cache line, which a vector should not straddle


class Pool:
    """Blocks of memory that nothing refers to, the one last used first.

    Args:
        limit: The bytes it keeps at most.
    """

    def __init__(self, limit: int) -> None:
        self.limit, self.idle, self.reused = limit, 0, 0
        self._blocks: OrderedDict[int, Block] = OrderedDict()  # by identity, in the order they came back
        self._lock = Lock()

    def take(self, size: int) -> Block | None:
        """A block of just this size, if there is one."""
        with self._lock:
            found = next((key for key in reversed(self._blocks) if self._blocks[key].size == size), None)
            if found is None:
                return None
            self.idle -= size
            self.reused += 1
            return self._blocks.pop(found)

    def give(self, block: Block) -> None:
        """Keep a block; the oldest make room for it. A collection of garbage inside `take` drops it instead."""
        if block.size > self.limit or not self._lock.acquire(blocking=False):
            return
        try:
            self._blocks[id(block)] = block
            self.idle += block.size
            while self.idle > self.limit:
                self.idle -= self._blocks.popitem(last=False)[1].size
        finally:
            self._lock.release()

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._blocks.clear()
            self.idle = 0

    def forked(self) -> None:
        """In the child of a fork: another thread of the parent may have held the lock, and been in the midst of counting."""
        self._lock = Lock()
        self.idle = sum(block.size for block in self._blocks.values())


class Lease:
    """What an array over a block has as its base: when the last view is gone, the block goes back."""

    __slots__ = ("__array_interface__", "_block", "_pool")

    def __init__(self, pool: Pool, block: Block, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._pool, self._block = pool, block
        address: int = block.__array_interface__["data"][0]
        start = -address % LINE + address
        self.__array_interface__ = {"version": 3, "shape": shape, "typestr": dtype.str, "data": (start, False)}

    def __del__(self) -> None:
        self._pool.give(self._block)


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array yet to be filled, at the start of a cache line where it is large.

    Raises:
        MemoryError: Where it is larger than the memory of the machine; it says how large.
    """
    size = prod(shape) * dtype.itemsize
    if size < LARGE or dtype.kind == "O":
        return np.empty(shape, dtype)
    if size > memory():
        raise MemoryError(
            f"{shape[0]} coefficients of {prod(shape[1:]):,} elements need {size / 2**30:,.1f} GiB, more than the "
            f"{memory() / 2**30:,.1f} GiB of this machine; lower the order or take fewer elements at a time"
        )
    return leased(shape, dtype)


def leased(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array in memory of the pool, however small, at the start of a cache line."""
    kept = pool()
    room = _rounded(prod(shape) * dtype.itemsize) + LINE
    block = kept.take(room)
    return np.asarray(Lease(kept, _fresh(kept, room) if block is None else block, shape, dtype))


def _fresh(kept: Pool, room: int) -> Block:
    try:
        return np.empty(room, np.uint8)
    except MemoryError:
        kept.clear()
        return np.empty(room, np.uint8)


def _rounded(size: int) -> int:
    """A size that near sizes share: at most an eighth larger."""
    step = 1 << max(size.bit_length() - 4, 12)
    return -(-size // step) * step


_making = Lock()


def pool() -> Pool:
    """The pool of this process; TAYLORNB_POOL_BYTES sets its bound, which is an eighth of the memory unless it is set.

    Raises:
        ValueError: Where TAYLORNB_POOL_BYTES is no whole number.
    """
    with _making:
        return _pool()


@lru_cache(maxsize=1)
def _pool() -> Pool:
    given = os.environ.get("TAYLORNB_POOL_BYTES", "").strip()
    if given and not given.isdecimal():
        raise ValueError(f"the environment variable TAYLORNB_POOL_BYTES must be a number of bytes, not {given!r}")
    made = Pool(int(given) if given else memory() // 8)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=made.forked)
    return made


@lru_cache(maxsize=1)
def memory() -> int:
    """The bytes of this machine's memory, or of the container's, as far as the system tells."""
    found = [1 << 46]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in CONTAINER:
        with suppress(OSError, ValueError), open(path) as file:  # there is none, or it says "max"
            found.append(int(file.read()))
    return min(found)
