"""On how many threads do kernels run? `crew` has the threads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from operator import index
from threading import RLock
from typing import Any

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


def lock() -> Any:
    """A reentrant lock that no other thread holds while the process forks: the child finds whole what it guards.

    For modules alone, since it lasts as long as the process. Who holds one may take another of an earlier module, as a
    fork does, which takes the latest first.
    """
    made = RLock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=made.acquire, after_in_parent=made.release, after_in_child=made.release)
    return made
