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
from threading import Lock, RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGE = 1 << 18  # bytes from which memory is worth keeping; the system's allocator keeps what is smaller
# Where Linux says how much memory a container may use, in the second and in the first version of control groups.
CONTAINER = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
LINE = 64  # bytes of a cache line, which a vector should not straddle


class Block:
    """A piece of memory that results live in, one after the other.

    Args:
        size: Its bytes.

    Attributes:
        size: The same.
        start: The address of its first cache line.
    """

    __slots__ = ("_memory", "size", "start")

    def __init__(self, size: int) -> None:
        self._memory, self.size = np.empty(size, np.uint8), size
        address: int = self._memory.__array_interface__["data"][0]
        self.start = -address % LINE + address


class Pool:
    """Blocks of memory that nothing refers to, the one last used first.

    Args:
        limit: The bytes it keeps at most.
    """

    def __init__(self, limit: int) -> None:
        self.limit, self.idle, self.reused = limit, 0, 0
        self.blocks: OrderedDict[Block, None] = OrderedDict()  # in the order they came back
        self._by_size: dict[int, list[Block]] = {}  # likewise; perhaps with some that are no more among those
        self._lock, self._busy = RLock(), False

    def take(self, size: int) -> Block | None:
        """A block of just this size, if there is one."""
        with self._lock:
            if self._busy:  # a signal arrived, or garbage was collected, inside the pool
                return None
            self._busy = True
            try:
                blocks = self._by_size.get(size, [])
                while blocks:
                    found = blocks.pop()
                    if found in self.blocks:
                        del self.blocks[found]
                        self.idle -= size
                        self.reused += 1
                        return found
                return None
            finally:
                self._busy = False

    def give(self, block: Block) -> None:
        """Keep a block; the oldest make room for it. A collection of garbage inside the pool drops it instead."""
        with self._lock:
            if self._busy or block.size > self.limit:
                return
            self._busy = True
            try:
                self.blocks[block] = None
                self._by_size.setdefault(block.size, []).append(block)
                self.idle += block.size
                if self.idle > self.limit:
                    self._make_room()
            finally:
                self._busy = False

    def _make_room(self) -> None:
        self.idle = sum([block.size for block in self.blocks])  # an interruption may have left another number
        while self.idle > self.limit:
            oldest = self.blocks.popitem(last=False)[0]
            self.idle -= oldest.size
        self._by_size = {}
        for block in self.blocks:
            self._by_size.setdefault(block.size, []).append(block)

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self.blocks.clear()
            self._by_size.clear()
            self.idle = 0

    def forked(self) -> None:
        """In the child of a fork: another thread of the parent may have held the lock, and been in the midst of counting."""
        self._lock, self._busy = RLock(), False
        self._make_room()


class Lease:
    """What an array over a block has as its base: when the last view is gone, the block goes back."""

    __slots__ = ("__array_interface__", "_block", "_pool")

    def __init__(self, pool: Pool, block: Block, shape: tuple[int, ...], typestr: str) -> None:
        self._pool, self._block = pool, block
        self.__array_interface__ = {"version": 3, "shape": shape, "typestr": typestr, "data": (block.start, False)}

    def __del__(self) -> None:
        self._pool.give(self._block)


class Room:
    """What an array needs: its shape and dtype, and where memory for it comes from.

    Args:
        shape: Its shape.
        dtype: Its dtype.
        small: Bytes below which memory is NumPy's.

    Attributes:
        nbytes: Its bytes.
        home: Whose memory it takes.

    Raises:
        MemoryError: Where it is larger than the memory of the machine; it says how large.
    """

    __slots__ = ("_taken", "_typestr", "dtype", "nbytes", "shape")
    home = "cpu"

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], small: int = LARGE) -> None:
        self.shape, self.dtype, self._typestr = shape, dtype, dtype.str
        self.nbytes = size = prod(shape) * dtype.itemsize
        self._taken = 0 if size < small or dtype.kind == "O" else _rounded(size) + LINE
        if self._taken and size > memory():
            raise MemoryError(
                f"{shape[0]} coefficients of {prod(shape[1:]):,} elements need {size / 2**30:,.1f} GiB, more than the "
                f"{memory() / 2**30:,.1f} GiB of this machine; lower the order or take fewer elements at a time"
            )

    @property
    def on_line(self) -> bool:
        """Whether arrays start at a cache line, as all do that are large."""
        return self._taken > 0

    def array(self) -> NDArray[Any]:
        """An array yet to be filled, at the start of a cache line where it is large."""
        if not self._taken:
            return np.empty(self.shape, self.dtype)
        kept = pool()
        block = kept.take(self._taken) or _fresh(kept, self._taken)
        return np.asarray(Lease(kept, block, self.shape, self._typestr))


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array yet to be filled, at the start of a cache line where it is large.

    Raises:
        MemoryError: Where it is larger than the memory of the machine; it says how large.
    """
    return Room(shape, dtype).array()


def leased(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array in memory of the pool, however small, at the start of a cache line."""
    return Room(shape, dtype, small=1).array()


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A view that nobody can make writeable again, as one whose flag was cleared can be."""
    array = np.asarray(array)
    if array.dtype.kind == "O":  # memory of Python objects has no such view
        array = array.copy()
        array.flags.writeable = False
        return array
    return np.asarray(memoryview(array).toreadonly())  # type: ignore[arg-type]


def _fresh(kept: Pool, size: int) -> Block:
    try:
        return Block(size)
    except MemoryError:
        kept.clear()
        return Block(size)


def _rounded(size: int) -> int:
    """A size that near sizes share: at most an eighth larger."""
    step = 1 << max(size.bit_length() - 4, 12)
    return -(-size // step) * step


_making = Lock()
_one: Pool | None = None


def pool() -> Pool:
    """The pool of this process; TAYLORNB_POOL_BYTES sets its bound, which is an eighth of the memory unless it is set.

    Raises:
        ValueError: Where TAYLORNB_POOL_BYTES is no whole number.
    """
    return _one or _made()


def _made() -> Pool:
    global _one
    with _making:
        if _one is None:
            _one = Pool(_limit())
        return _one


def _forked() -> None:
    global _making
    _making = Lock()
    if _one is not None:
        _one.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _limit() -> int:
    given = os.environ.get("TAYLORNB_POOL_BYTES", "").strip()
    if given and not given.isdecimal():
        raise ValueError(f"the environment variable TAYLORNB_POOL_BYTES must be a number of bytes, not {given!r}")
    return int(given) if given else memory() // 8


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
