"""What is a peer? A library or a compiler that is asked for the same coefficients of the same inputs.

A module of this package has MISSING, why it cannot run here ("" if it can); `build(case)`, which compiles what takes
long and keeps it in the case's folder; and `prepare(case, inputs)`, the contenders for one number of points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

from numpy.typing import NDArray

from ..workloads import Workload

Array = NDArray[Any]
PEERS = ("c", "jet", "heyoka", "pytorch")
LARGEST = {"jet": 10**6, "pytorch": 10**6}  # points; more of them would take the time of all others


class SkippedError(Exception):
    """A peer does not run here.

    Attributes:
        reason: Why.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Case:
    """What is computed, and how.

    Attributes:
        workload: The function.
        order: To which order.
        points: The numbers of points that will be asked for.
        threads: On how many threads.
        folder: Where builds are kept.
        dtype: Of all numbers.
    """

    workload: Workload
    order: int
    points: tuple[int, ...]
    threads: int
    folder: Path
    dtype: str = "float64"

    @property
    def name(self) -> str:
        """A name for files."""
        return f"{self.workload.name}-{self.order}-{self.dtype}"

    @property
    def size(self) -> int:
        """How many coefficients the result has."""
        return len(self.workload.monomials(self.order))


@dataclass(frozen=True)
class Inputs:
    """The inputs of one cell.

    Attributes:
        numbers: For each argument its values, shape (points,), or its coefficients, shape (order + 1, points).
        series: The same as series of taylornb.
        out: Memory for one result, shape (coefficients, points), shared by all contenders that write where they are told.
    """

    numbers: tuple[Array, ...]
    series: tuple[Any, ...]
    out: Array

    @property
    def points(self) -> int:
        """How many points there are."""
        return int(self.out.shape[1])


@dataclass(frozen=True)
class Contender:
    """One way to the coefficients.

    Attributes:
        name: In the tables.
        call: Computes all of them once.
        coefficients: From what `call` returned and the places of some points, shape (coefficients, places).
    """

    name: str
    call: Callable[[], Any]
    coefficients: Callable[[Any, list[int]], Array]


class Builder:
    """Builds for peers, in a process that can be stopped when it takes too long."""

    def build(self, peer: str, case: Case) -> float:
        """Build, and return the seconds it took.

        Raises:
            SkippedError: Where the peer has no such workload.
        """
        start = perf_counter()
        module(peer).build(case)
        return perf_counter() - start

    def measures(self, folder: Path) -> None:
        """Build what measures the machine."""
        from .. import roofline

        roofline.build(folder)

    def missing(self, peer: str) -> str:
        """Why the peer cannot run here; "" if it can."""
        return str(module(peer).MISSING)


def module(peer: str) -> ModuleType:
    """The module of a peer."""
    return import_module(f"{__name__}.{peer}")


def absent(*packages: str) -> str:
    """Which package is missing, if one is."""
    for package in packages:
        try:
            import_module(package)
        except ImportError as error:
            return f"{package} cannot be imported ({error})"
    return ""
