"""On how many threads do kernels run, and how is work shared among them?

Chunks of elements go to a pool of Python threads; machine code runs without the interpreter's lock. Which thread
takes which chunk never shows in a result, since every element is computed by itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from operator import index
from queue import SimpleQueue
from threading import Lock, RLock
from typing import Any

Chunk = tuple[int, int]
Work = Callable[[int, int], None]
_chosen: ContextVar[int | None] = ContextVar("taylornb threads", default=None)


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Run the kernels of the block on so many threads; results do not depend on it, to the last bit.

    Args:
        n: How many threads, the calling one among them. Without this context it is the environment variable
            NUMBA_NUM_THREADS, or the number of processors that the process may use.

    Raises:
        ValueError: For less than one thread.
        TypeError: For what is no whole number.

    Examples:
        >>> import taylornb as tn
        >>> with tn.threads(1):
        ...     y = tn.exp(tn.variable(np.linspace(0, 1, 100_000), order=3))
    """
    if index(n) < 1:
        raise ValueError(f"tn.threads takes the number of threads, at least 1, not {n}")
    token = _chosen.set(index(n))
    try:
        yield
    finally:
        _chosen.reset(token)


def count() -> int:
    """How many threads a kernel may use now."""
    return _chosen.get() or _default()


@lru_cache(maxsize=1)
def _default() -> int:
    """NUMBA_NUM_THREADS, or the processors that this process may use."""
    given = os.environ.get("NUMBA_NUM_THREADS", "").strip()
    if given:
        if not given.isdecimal() or not int(given):
            raise ValueError(f"the environment variable NUMBA_NUM_THREADS must be a number of threads, not {given!r}")
        return int(given)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share(work: Work, chunks: list[Chunk], workers: int) -> None:
    """Call `work` on each chunk, on so many threads, the calling one among them.

    An error of any is raised here, when the chunks under way have ended; no other is begun after it.
    """
    job = _Job(work, chunks)
    with suppress(RuntimeError):  # no thread starts at a limit of the system or at shutdown: those that run do all
        for _ in range(workers - 1):
            _crew.pool(workers - 1).submit(job.run)
    try:
        job.run()
        errors = [job.ended.get() for _ in chunks]
    finally:
        job.close()
    for error in errors:
        if error is not None:
            raise error


def lock() -> Any:
    """A reentrant lock that no other thread holds while the process forks: the child finds whole what it guards.

    For modules alone, since it lasts as long as the process. Who holds one may take another of an earlier module, as a
    fork does, which takes the latest first.
    """
    made = RLock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=made.acquire, after_in_parent=made.release, after_in_child=made.release)
    return made


class _Job:
    """Chunks that threads take until none is left.

    It counts chunks, not threads: a thread that comes late, or that nobody knows to have started, finds nothing to do.
    `work` holds the arrays, which so outlast the threads that write to them even where the caller was interrupted.
    """

    def __init__(self, work: Work, chunks: list[Chunk]) -> None:
        self.work: Work = work
        self.left: Iterator[Chunk] = iter(chunks)  # its steps are atomic
        self.ended = SimpleQueue[BaseException | None]()  # an entry for each chunk

    def run(self) -> None:
        for chunk in self.left:
            self.ended.put(self._error(chunk))

    def close(self) -> None:
        """Let go of the arrays: a thread may find this job in the queue of the pool long after its end."""
        self.left = iter(())
        self.work = _nothing

    def _error(self, chunk: Chunk) -> BaseException | None:
        try:
            self.work(*chunk)
        except BaseException as error:
            for _ in self.left:
                self.ended.put(None)
            return error
        return None


def _nothing(start: int, stop: int) -> None:
    pass


class _Crew:
    """The pool of threads of this process, made when it is first needed."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._size = 0
        self._lock = Lock()

    def pool(self, size: int) -> ThreadPoolExecutor:
        """A pool of so many threads or more."""
        with self._lock:
            if self._pool is None or self._size < size:
                if self._pool is not None:
                    self._pool.shutdown(wait=False)
                self._pool, self._size = ThreadPoolExecutor(size, "taylornb"), size
            return self._pool

    def forked(self) -> None:
        """In the child of a fork: the threads are gone, and the lock may have been held."""
        self._pool, self._size, self._lock = None, 0, Lock()


_crew = _Crew()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_crew.forked)
