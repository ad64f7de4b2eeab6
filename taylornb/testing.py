"""Helpers for test suites: how often functions were traced and kernels compiled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .fuse import Fused
from .kernels import compilations


@dataclass
class Counts:
    """What happened inside `counting`.

    Attributes:
        traces: Tracings of the functions that were given.
        compilations: Kernels made, by all functions together.
    """

    traces: int = 0
    compilations: int = 0


@contextmanager
def counting(*functions: Fused) -> Iterator[Counts]:
    """Count tracings and compilations; the counts are there when the block ends.

    Args:
        *functions: The fused functions whose tracings count.

    Examples:
        >>> import taylornb as tn
        >>> f = tn.fuse(lambda x: tn.exp(x) + 1.25)
        >>> x = tn.variable([0.0, 1.0], order=2)
        >>> with counting(f) as first:
        ...     y = f(x)
        >>> with counting(f) as second:
        ...     y = f(2 + x)
        >>> first.traces, first.compilations, second.traces, second.compilations
        (1, 1, 0, 0)
    """
    traces, made = sum(f.traces for f in functions), compilations()
    counts = Counts()
    yield counts
    counts.traces = sum(f.traces for f in functions) - traces
    counts.compilations = compilations() - made
