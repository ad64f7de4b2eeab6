"""What do the numbers of a run say: times, ratios and shares of the machine's best, from the record that a run leaves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cached_property
from statistics import median
from typing import Any

from .peers.c_source import CALLS
from .roofline import PER_COPY
from .series import DEFAULT, OUT

WIDTHS = ("C 256", "C 512")
C, GIVEN = "C", "given"  # the better width; taylornb given memory where it can be, as C and heyoka are
MEMORY, COMPUTE, DIVIDE = "memory", "compute", "compute and divide"


class Cell:
    """One workload, order, number of points and number of threads.

    Args:
        record: The cell as a run keeps it.
        program: The program of its workload and order, and the machine's rates, on so many threads.
        alone: The same on one thread, if it is another.
    """

    def __init__(self, record: dict[str, Any], program: dict[str, Any], alone: Cell | None) -> None:
        self.workload, self.order = record["workload"], record["order"]
        self.points, self.threads = record["points"], record["threads"]
        self.times: dict[str, list[float | None]] = record["times"]
        self.contenders: list[dict[str, Any]] = record["contenders"]
        self.program, self.alone = program, alone

    @property
    def case(self) -> tuple[str, int]:
        """Its row in the tables."""
        return self.workload, self.order

    def rounds(self, name: str) -> list[float | None]:
        """The times of a contender, None in rounds that it sat out."""
        aliases = {C: self.best_c, GIVEN: OUT if OUT in self.times else DEFAULT}
        return self.times.get(aliases.get(name, name), [])

    def seconds(self, name: str) -> float | None:
        """The median time of a contender."""
        return _median(self.rounds(name))

    @cached_property
    def best_c(self) -> str:
        """The width at which C is faster."""
        return min(WIDTHS, key=lambda width: _median(self.times.get(width, [])) or math.inf)

    @cached_property
    def per_copy(self) -> float | None:
        """Seconds to copy one number, in as much memory as the program reads and writes."""
        seconds, found = self.seconds("copy"), [one["numbers"] for one in self.contenders if "numbers" in one]
        return seconds / found[0] if seconds and found else None

    @cached_property
    def bounds(self) -> dict[str, float]:
        """Seconds that the machine needs at least: to move the numbers, to compute, and to compute if divisions take time."""
        cost, rates = self.program["cost"], self.program["rates"]
        names = {CALLS.get(name, name): count for name, count in cost["functions"].items()}
        if self.per_copy is None or not set(names) <= set(rates):
            return {}
        moved = cost["read"] + 2 * cost["written"]
        compute = cost["multiply_adds"] * rates["multiply-add"] + sum(n * rates[name] for name, n in names.items())
        return {
            MEMORY: self.per_copy * moved / PER_COPY * self.points,
            COMPUTE: compute * self.points,
            DIVIDE: (compute + cost["divisions"] * rates["divided"]) * self.points,
        }

    @property
    def bound(self) -> str | None:
        """What limits it, memory or compute; None where that is not known."""
        return max((MEMORY, COMPUTE), key=self.bounds.__getitem__) if self.bounds else None


class Run:
    """All that a run measured.

    Args:
        record: What it left.
    """

    def __init__(self, record: dict[str, Any]) -> None:
        self.record, self.cells = record, list[Cell]()
        programs = {(p["workload"], p["order"], p["threads"]): p for p in record.get("programs", [])}
        alone: dict[Any, Cell] = {}
        for found in sorted(record.get("cells", []), key=lambda found: int(found["threads"])):
            place = (found["workload"], found["order"], found["points"])
            cell = Cell(found, programs[found["workload"], found["order"], found["threads"]], alone.get(place))
            if cell.threads == 1:
                alone[place] = cell
            self.cells.append(cell)
        self.cases = list(dict.fromkeys((c["workload"], c["order"]) for c in record.get("cells", [])))
        self.points, self.threads = (sorted({getattr(c, name) for c in self.cells}) for name in ("points", "threads"))


Value = Callable[[Cell], "float | str | None"]
Number = Callable[[Cell], "float | None"]


def ratio(a: str, b: str) -> Number:
    """The median over the rounds of the time of a over that of b."""
    return lambda cell: _median([p / q if p and q else None for p, q in zip(cell.rounds(a), cell.rounds(b), strict=False)])


def nanoseconds(name: str) -> Number:
    """For a point."""
    return lambda cell: seconds / cell.points * 1e9 if (seconds := cell.seconds(name)) else None


def share(name: str, compute: str = COMPUTE) -> Number:
    """The least time that the machine needs over that of a contender."""

    def found(cell: Cell) -> float | None:
        seconds = cell.seconds(name)
        return max(cell.bounds[MEMORY], cell.bounds[compute]) / seconds if seconds and cell.bounds else None

    return found


def percent(number: Number) -> Number:
    """A hundred times as much."""
    return lambda cell: None if (found := number(cell)) is None else 100 * found


def speedup(name: str) -> Number:
    """The time on one thread over that on the cell's threads."""

    def found(cell: Cell) -> float | None:
        together, alone = cell.seconds(name), cell.alone and cell.alone.seconds(name)
        return alone / together if alone and together else None

    return found


def geometric(ratios: Iterable[float | None]) -> float | None:
    """The geometric mean of those there are."""
    found = [ratio for ratio in ratios if ratio]
    return math.exp(sum(map(math.log, found)) / len(found)) if found else None


def _median(times: Iterable[float | None]) -> float | None:
    found = [seconds for seconds in times if seconds is not None]
    return median(found) if found else None
