"""One cell, measured: every contender on the same inputs, by turns, in one process on its own cores."""

from __future__ import annotations

import gc
import resource
import time
from math import ceil
from time import perf_counter
from typing import Any

import numpy as np

from . import check, roofline, series
from .peers import LARGEST, Array, Case, Contender, Inputs, module

COPY = "copy"
ESSENTIAL = (
    series.DEFAULT,
    series.OUT,
    series.KERNEL,
    series.SINGLE,
    series.PLAIN,
    "C 256",
    "C 512",
    COPY,
)  # these never sit out
TURN = 1e-3  # seconds; shorter calls are repeated until they take so long
SLOWEST = {True: 6.0, False: 1.5}  # seconds, of essential ones and of others; in a slower call fewer points say enough
SINGLES = (10**5, 10**6)  # points at which float32 is measured, on one thread
WARM, CALLS = 5e-4, 3  # seconds of calls, and calls, at least, before those that are timed
LONG = 20e-3  # seconds; what takes so long owes nothing to caches that are filled or not when it starts
TRIES = 3
PAUSE = 2e-3  # seconds between turns on several threads: other libraries' threads go on waiting for work that long


class Session:
    """The measurements of one workload at one order."""

    inputs: Inputs | None = None

    def open(self, case: Case, exact: Array, peers: list[str]) -> dict[str, Any]:
        """Begin: what the program costs, and what the machine can do."""
        self.case, self.exact, self.peers = case, exact, peers
        self.slow: dict[str, float] = {}  # seconds for a point, at the number of points before
        program, _ = series.written(series.program(case.workload), series.arguments(case.workload, case.order, 4, case.dtype))
        cost = program.cost
        found = {
            "statements": cost.statements,
            "multiply_adds": cost.multiply_adds,
            "divisions": cost.divisions,
            "functions": dict(cost.functions),
            "read": len(program.loads),
            "written": len(program.stores),
        }
        self.moved = len(program.loads) + len(program.stores)  # numbers for each point
        measured = roofline.is_built(case.folder)
        return {"size": case.size, "cost": found, "rates": roofline.rates(case.folder, cost, case.threads) if measured else {}}

    def load(self, points: int) -> list[dict[str, Any]]:
        """Make the inputs and the contenders, and check every number before anything is timed."""
        self.close()
        self.points = points
        self.inputs = series.inputs(self.case, points)
        self.turns: dict[str, tuple[Contender, int, float]] = {}
        reports = []
        for name, made in self._contenders():
            reports.append({"contender": name, **self._admit(name, made)})
        if roofline.is_built(self.case.folder):
            numbers = roofline.copied(self.moved * points)
            self._join(Contender(COPY, roofline.copy(self.case.folder, numbers, self.case.threads), _nothing))
            reports.append({"contender": COPY, "numbers": numbers})
        return reports

    def rounds(self, seconds: float, least: int, most: int) -> dict[str, list[float | None]]:
        """Seconds for a call of each contender, round by round; None in rounds it sat out."""
        whole = sum(turn for contender, _, turn in self.turns.values() if contender.name in ESSENTIAL)
        count = min(most, max(least, int(seconds / whole)))
        found: dict[str, list[float | None]] = {name: [] for name in self.turns}
        gc.disable()
        for n in range(count):
            for name, (contender, repeats, turn) in self.turns.items():
                sits_out = name not in ESSENTIAL and n % ceil(10 * turn / seconds)
                found[name].append(None if sits_out else _timed(contender, repeats, turn))
                if self.case.threads > 1:
                    time.sleep(PAUSE)
        gc.enable()
        return found

    def close(self) -> None:
        """Let go of the arrays."""
        self.turns = {}
        self.inputs = None
        gc.collect()
        gc.freeze()  # what is left are libraries, and looking through them takes long

    def _contenders(self) -> list[tuple[str, Any]]:
        """The contenders by name, or why there is none."""
        assert self.inputs is not None
        case, given = self.case, self.inputs
        found: list[tuple[str, Any]] = [(one.name, one) for one in series.contenders(case, given)]
        if case.threads == 1 and given.points in SINGLES:
            found.append((series.SINGLE, series.in_single(case, given.points)))
        if case.workload.name == "F9":
            found.append((series.PLAIN, series.undetached(case, given)))
        for peer in self.peers:
            if given.points > LARGEST.get(peer, given.points):
                continue
            try:
                found += [(one.name, one) for one in module(peer).prepare(case, given)]
            except Exception as error:
                found.append((peer, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"))
        return found

    def _admit(self, name: str, contender: Any) -> dict[str, Any]:
        """Time a contender only if its numbers are right and it is not too slow."""
        if isinstance(contender, str):
            return {"reason": contender}
        if (expected := self.slow.get(name, 0.0) * self.points) > SLOWEST[name in ESSENTIAL]:
            return {"reason": f"a call would take {expected:.1f} s"}
        try:
            off = check.error(contender.coefficients(contender.call(), check.PLACES), self.exact)
        except Exception as error:
            return {"reason": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}
        tolerance = check.TOLERANCE["float32" if name == series.SINGLE else self.case.dtype]
        if not off <= tolerance:
            return {"error": off, "reason": f"wrong by {off:.1e}, more than {tolerance:.0e}"}
        self.slow[name] = self._join(contender) / self.points
        return {"error": off}

    def _join(self, contender: Contender) -> float:
        first = _timed(contender, 1, TURN)
        repeats = max(1, ceil(TURN / first)) if first < TURN else 1
        seconds = _timed(contender, repeats, TURN) if first < TURN else first
        repeats = max(1, ceil(TURN / seconds))
        self.turns[contender.name] = (contender, repeats, repeats * seconds)
        return seconds


def _nothing(result: Any, at: list[int]) -> Array:
    return np.empty((0, len(at)))


def _timed(contender: Contender, repeats: int, turn: float) -> float:
    """Seconds for a call.

    If calls are short, some that are not timed come first: caches then hold what they left there, and threads are awake that
    wait a while for the next call.

    A turn in which another program took the processor away is repeated, a few times at most.
    """
    call, seconds = contender.call, 0.0
    for _ in range(TRIES):
        ready, untimed = perf_counter() + WARM, 0
        while turn < LONG and (untimed < CALLS or perf_counter() < ready):
            call()
            untimed += 1
        taken, start = _interruptions(), perf_counter()
        for _ in range(repeats):
            call()
        seconds = (perf_counter() - start) / repeats
        if _interruptions() == taken:
            break
    return seconds


def _interruptions() -> int:
    """How often a thread of this process has had to make way for another."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
