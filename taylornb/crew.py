"""Which threads help to run a kernel, and when are they woken?

Threads of Python that listen for work in machine code for some 100 µs after the last, and then sleep. To call one that
listens takes less than a microsecond; to wake one, 50 to 100 on a virtual machine, and some of them the caller's.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from queue import SimpleQueue
from threading import Lock, Thread
from time import monotonic_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import cache
from .forms import PARALLEL
from .targets.llvm import entry, machine
from .targets.llvm.entry import SLOT, Entry, State
from .threads import lock

MOST = 256  # threads beside the calling one
LOOKS = 4000  # for work before a thread goes to sleep: 50 to 150 µs, as long as a processor pauses between them
LIVELY = 1_000_000  # nanoseconds within which calls must follow one another for threads to be woken for little work

_lock = lock()


def functions() -> Entry:
    """What Python enters machine code by."""
    return _entry or _loaded()


_entry: Entry | None = None


def _loaded() -> Entry:
    global _entry
    with _lock:
        if _entry is None:
            _entry = entry.python(code(entry.text()))
    return _entry


def code(text: str) -> bytes:
    """The machine code of a text, made or loaded from the disk."""
    host = machine.host()
    key = cache.key(text, host.name, host.features)
    found = cache.load(key)
    if found is None:
        found = machine.object_code(text)
        cache.save(key, found)
    return found


class Crew:
    """The threads of this process beside those that call, each with a slot where it listens."""

    def __init__(self) -> None:
        memory = np.zeros((MOST + 1) * SLOT, dtype=np.int64)
        first = -(memory.__array_interface__["data"][0] // 8) % SLOT
        self._slots: NDArray[np.int64] = memory[first : first + MOST * SLOT].reshape(MOST, SLOT)
        self._slots[:, 1] = LOOKS
        self._states = memoryview(self._slots[:, 0])  # type: ignore[arg-type]  # a quicker way to read them
        self._calls: list[SimpleQueue[None]] = []  # one for each thread that was started
        self._team = lru_cache(maxsize=None)(self._made)
        self._lock = Lock()
        self._last = 0  # when work was shared, in nanoseconds

    def share(self, plan: NDArray[np.int64], others: int, work: float, arrays: Sequence[Any]) -> None:
        """Run a plan on this thread and on so many others at most.

        Args:
            plan: What is run.
            others: How many other threads.
            work: The nanoseconds it would take one thread, about.
            arrays: What it runs on.
        """
        now = monotonic_ns()
        others = min(others, MOST)
        if work >= PARALLEL or now - self._last < LIVELY:
            self._wake(others)
        functions().share(plan, self._team(others), *arrays)
        self._last = monotonic_ns()

    def _wake(self, count: int) -> None:
        with suppress(RuntimeError):  # no thread starts at a limit of the system, or at its end: the caller does all
            for place in range(count):
                if self._states[place] == State.SLEEPS:
                    self._call(place)

    def _call(self, place: int) -> None:
        with self._lock:
            if place == len(self._calls):
                self._start(place)
            if self._states[place] == State.SLEEPS:  # still
                self._states[place] = State.LISTENS
                self._calls[place].put(None)

    def _start(self, place: int) -> None:
        calls = SimpleQueue[None]()
        Thread(target=_serve, args=(self._slots[place], calls), name=f"taylornb {place}", daemon=True).start()
        self._calls.append(calls)

    def _made(self, count: int) -> NDArray[np.int64]:
        return np.array([count, self._slots.__array_interface__["data"][0]])


def _serve(slot: NDArray[np.int64], calls: SimpleQueue[None]) -> None:
    listen = functions().listen
    while True:
        calls.get()
        listen(slot)


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
