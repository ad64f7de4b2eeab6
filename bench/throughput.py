"""How long does a point take? Builds every peer, then measures every cell, on one thread and on several by turns."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from . import check
from .peers import LARGEST, Case
from .processes import Remote, RemoteError
from .workloads import WORKLOADS

LIMITS = {"c": 60.0, "jet": 25.0, "heyoka": 15.0, "pytorch": 20.0}  # seconds a build may take
START = 60.0  # seconds more for the first build of a process, which imports the peer
ANSWER = 300.0  # seconds after which a measuring process counts as dead
VERY_MANY, LOW = 10**7, 4  # points of which higher orders than this one would take half of the whole run
PASSES = 2  # over a cell, between one thread and two
LEAST, MOST = 2, 12  # rounds in a pass
SHARE = 0.3  # of the free memory that one process may fill
COPIES = 4  # results that are held at once, at most: two of taylornb, one of a peer, and one for those who are given memory
# One process is what compiles, and a thread that has nothing to do sleeps after some 20 µs, so that it disturbs nobody.
QUIET = {"TORCHINDUCTOR_COMPILE_THREADS": "1", "GOMP_SPINCOUNT": "20000"}
VARIABLES = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes:
        workloads: Their names.
        orders: Those wanted; all that a workload has, if there are none.
        points: Numbers of points.
        threads: Numbers of threads.
        peers: The names of the peers' modules.
        seconds: For the rounds of one cell on so many threads.
        thorough: Whether to measure high orders of very many points too.
        patience: By which the limits of builds are multiplied.
        folder: Where builds are kept.
    """

    workloads: tuple[str, ...]
    orders: tuple[int, ...]
    points: tuple[int, ...]
    threads: tuple[int, ...]
    peers: tuple[str, ...]
    seconds: float
    thorough: bool
    patience: float
    folder: Path

    def cases(self) -> Iterator[Case]:
        """Every workload at every order, on one thread."""
        for name in self.workloads:
            for order in WORKLOADS[name].chosen(self.orders):
                yield Case(WORKLOADS[name], order, self.points, 1, self.folder)


def measure(plan: Plan) -> dict[str, Any]:
    """All builds, cells, rates, and what was left out and why."""
    record: dict[str, Any] = {"builds": [], "cells": [], "programs": [], "skipped": _limits(plan)}
    builds = _builds(plan, record)
    _measures(plan, record)
    workers = {count: Remote("bench.worker:Session", _cores(count), _environment(count)) for count in plan.threads}
    try:
        for case in plan.cases():
            peers = [peer for peer in plan.peers if (peer, case.name) in builds]
            _case(plan, case, peers, workers, record)
    finally:
        for worker in workers.values():
            worker.stop()
    return record


def _limits(plan: Plan) -> list[dict[str, Any]]:
    """What is left out to save time."""
    most = max(plan.points)
    found = [{"contender": p, "reason": f"not measured above {n:,} points"} for p, n in LARGEST.items() if n < most]
    if most >= VERY_MANY and not plan.thorough:
        found.append({"contender": "all", "points": most, "reason": f"orders above {LOW} only with --thorough"})
    return found


def say(text: str) -> None:
    """Progress."""
    print(text, file=sys.stderr, flush=True)


# ---- builds --------------------------------------------------------------------------------------------


def _builds(plan: Plan, record: dict[str, Any]) -> set[tuple[str, str]]:
    """Build every peer for every case, two peers at a time; the (peer, case) that succeeded."""
    slowest_first = sorted(plan.peers, key=lambda peer: -LIMITS[peer])
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda peer: _build(plan, peer, record), slowest_first))
    return set[tuple[str, str]]().union(*found)


def _build(plan: Plan, peer: str, record: dict[str, Any]) -> set[tuple[str, str]]:
    """Build one peer, order after order; an order above one that failed is not tried."""
    builder = Remote("bench.peers:Builder", environment=QUIET)
    done: set[tuple[str, str]] = set()
    try:
        if reason := _missing(builder, peer):
            record["skipped"].append({"contender": peer, "reason": reason})
            return done
        failed: dict[str, str] = {}
        for case in plan.cases():
            name, limit = case.workload.name, LIMITS[peer] * plan.patience
            reason = failed.get(name, "")
            if not reason:
                reason = _built(builder, peer, case, limit, record)
            if reason:
                failed.setdefault(name, f"order {case.order} could not be built")
                record["skipped"].append({**_named(case), "contender": peer, "reason": reason})
            else:
                done.add((peer, case.name))
    finally:
        builder.stop()
    return done


def _measures(plan: Plan, record: dict[str, Any]) -> None:
    """Compile what measures the machine."""
    builder = Remote("bench.peers:Builder")
    try:
        builder.ask("measures", plan.folder, timeout=START)
    except RemoteError as error:
        record["skipped"].append({"contender": "roofline", "reason": str(error)})
    finally:
        builder.stop()


def _missing(builder: Remote, peer: str) -> str:
    try:
        return str(builder.ask("missing", peer, timeout=START))
    except RemoteError as error:
        return str(error)


def _built(builder: Remote, peer: str, case: Case, limit: float, record: dict[str, Any]) -> str:
    """Why a build failed, "" if it did not."""
    points = tuple(n for n in case.points if n <= LARGEST.get(peer, n))
    start = perf_counter()
    try:
        seconds = builder.ask("build", peer, replace(case, points=points), timeout=limit)
    except RemoteError as error:
        say(f"build {peer} {case.name}: {error}")
        return f"the build {error}" if str(error).startswith("took") else str(error)
    record["builds"].append({**_named(case), "contender": peer, "seconds": seconds})
    say(f"build {peer} {case.name}: {perf_counter() - start:.1f} s")
    return ""


# ---- cells ---------------------------------------------------------------------------------------------


def _case(plan: Plan, case: Case, peers: list[str], workers: dict[int, Remote], record: dict[str, Any]) -> None:
    """All numbers of points of one workload at one order."""
    start, exact = perf_counter(), check.exact(case.workload, case.order, case.dtype)
    for threads, worker in workers.items():
        try:
            found = worker.ask("open", replace(case, threads=threads), exact, peers, timeout=ANSWER)
            record["programs"].append({**_named(case), "threads": threads, **found})
        except RemoteError as error:
            record["skipped"].append({**_named(case), "threads": threads, "contender": "all", "reason": str(error)})
            return
    for points in plan.points:
        _cell(plan, case, points, workers, record)
    say(f"{case.workload.name} order {case.order}: {perf_counter() - start:.1f} s")


def _cell(plan: Plan, case: Case, points: int, workers: dict[int, Remote], record: dict[str, Any]) -> None:
    """One number of points: load everywhere, then rounds on one thread and on several by turns."""
    if points >= VERY_MANY and case.order > LOW and not plan.thorough:
        return
    where = {**_named(case), "points": points}
    planes = len(case.workload.arguments) * (case.order + 1 if case.workload.dense else 1)
    needed = 8 * points * (COPIES * case.size + 2 * planes)
    if needed > SHARE * _free():
        record["skipped"].append({**where, "contender": "all", "reason": f"needs {needed / 2**30:.1f} GiB"})
        return
    cells = {threads: {**where, "threads": threads, "times": {}} for threads in workers}
    try:
        for threads, worker in workers.items():
            cells[threads]["contenders"] = worker.ask("load", points, timeout=ANSWER)
        for _ in range(PASSES):
            for threads, worker in workers.items():
                found = worker.ask("rounds", plan.seconds / PASSES, LEAST, MOST, timeout=ANSWER)
                for name, times in found.items():
                    cells[threads]["times"].setdefault(name, []).extend(times)
    except RemoteError as error:
        record["skipped"].append({**where, "contender": "all", "reason": str(error)})
        return
    record["cells"] += cells.values()


def _named(case: Case) -> dict[str, Any]:
    return {"workload": case.workload.name, "order": case.order}


def _cores(count: int) -> list[int]:
    """The last cores: the first is where interrupts go."""
    return sorted(os.sched_getaffinity(0))[-count:] if hasattr(os, "sched_getaffinity") else []


def _environment(threads: int) -> dict[str, str]:
    return {**dict.fromkeys(VARIABLES, str(threads)), **QUIET}


def _free() -> float:
    """Bytes of memory that nobody uses."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return float(next(line.split()[1] for line in lines if line.startswith("MemAvailable"))) * 1024
