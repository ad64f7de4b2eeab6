"""Which threads help to run a kernel, and when are they woken?

Threads that Python starts and that stay in machine code: they listen for work for some 100 µs after the last, and then
sleep. To call one that listens takes less than a microsecond; to wake one, tens of them on a virtual machine, and some of
them the caller's.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from threading import Lock, Thread, stack_size
from time import monotonic_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .buffers import LINE
from .forms import OFTEN, PARALLEL
from .targets.llvm import entry, machine
from .targets.llvm.entry import SLOT, Entry
from .threads import lock

MOST = 256  # threads beside the calling one
STACK = 8 << 20  # bytes: kernels put what does not fill a vector there
LOOKS = 4000  # for work before a thread goes to sleep: 50 to 150 µs, as long as a processor pauses between them
LIVELY = 1_000_000  # nanoseconds within which calls follow one another

_lock = lock()


def functions() -> Entry:
    """What Python enters machine code by."""
    return _entry or _loaded()


_entry: Entry | None = None


def _loaded() -> Entry:
    global _entry
    with _lock:
        if _entry is None:
            _entry = entry.python(machine.kept(entry.text()))
    return _entry


class Crew:
    """The threads of this process beside those that call, each with a slot where it listens."""

    def __init__(self) -> None:
        memory = np.zeros(MOST * SLOT + LINE // 8, dtype=np.int64)
        first = -(memory.__array_interface__["data"][0] // 8) % (LINE // 8)
        self._slots: NDArray[np.int64] = memory[first : first + MOST * SLOT].reshape(MOST, SLOT)
        self._slots[:, 1] = LOOKS
        self._count = 0  # of threads that were started
        self._team = lru_cache(maxsize=None)(self._made)
        self._lock = Lock()
        self._last = 0  # when work was shared, in nanoseconds
        self._lately = 0.0  # nanoseconds of work in calls that followed one another

    def share(self, plan: NDArray[np.int64], others: int, work: float, arrays: Sequence[Any]) -> None:
        """Run a plan on this thread and on so many others at most.

        Args:
            plan: What is run.
            others: How many other threads.
            work: The nanoseconds it would take one thread, about.
            arrays: What it runs on.
        """
        others = min(others, MOST)
        self._lately = work + (self._lately if monotonic_ns() - self._last < LIVELY else 0.0)
        wakes = work >= PARALLEL or self._lately >= OFTEN  # if not for this call, for those that follow
        if wakes and self._count < others:
            self._start(others)
        functions().share(plan, self._team(others, wakes), *arrays)
        self._last = monotonic_ns()

    def _start(self, count: int) -> None:
        if not self._lock.acquire(blocking=False):  # another thread is at it; or this one, below a signal handler
            return
        try:
            while self._count < count:
                place = self._count
                self._count = place + 1  # first: where starting is interrupted, it may have happened
                if not self._started(place):
                    self._count = place
                    return
        finally:
            self._lock.release()

    def _started(self, place: int) -> bool:
        """Start a thread; at a limit of the system, or at its end, there is none, and fewer do all."""
        before = stack_size(STACK)
        try:
            Thread(target=functions().listen, args=(self._slots[place],), name=f"taylornb {place}", daemon=True).start()
        except RuntimeError:
            return False
        finally:
            stack_size(before)
        return True

    def _made(self, count: int, wakes: bool) -> NDArray[np.int64]:
        return np.array([count, self._slots.__array_interface__["data"][0], wakes])


_crew = Crew()


def share(plan: NDArray[np.int64], others: int, work: float, arrays: Sequence[Any]) -> None:
    """Run a plan on this thread and on others of this process's crew."""
    _crew.share(plan, others, work, arrays)


def _forked() -> None:
    """In the child of a fork, which has none of the threads."""
    global _crew
    _crew = Crew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
