"""How long does each workload take: its first call, which compiles, and every later one?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import taylornb as tn
from bench import series
from bench.workloads import WORKLOADS, Workload
from taylornb import launch
from taylornb.tour import by_hand

STEADY = pytest.mark.benchmark(min_rounds=5, max_time=0.5)


def record(benchmark: Any, group: str, points: int) -> None:
    """Name the table, and keep what a reader of the numbers has to know."""
    benchmark.group = group
    benchmark.extra_info.update(points=points, version=tn.__version__)


def steady(benchmark: Any, call: Callable[[], Any]) -> None:
    """Time a call that has been made before."""
    call()
    benchmark(call)


@pytest.mark.usefixtures("compiler")
def test_first_call(benchmark: Any, workload: Workload, order: int, dtype: str, points: int) -> None:
    """Trace, compile and run. No kernel is left from earlier calls; `kernels` says how many this one made."""
    record(benchmark, f"first call, {dtype}", points)
    arguments = series.arguments(workload, order, points, dtype)
    fused = series.program(workload)
    for cache in (launch._kernel, launch._compiled):
        cache.cache_clear()
    benchmark.pedantic(fused, arguments, rounds=1, iterations=1)
    benchmark.extra_info["kernels"] = launch.compilations()


@STEADY
@pytest.mark.parametrize("target", launch.TARGETS)
def test_fused(benchmark: Any, workload: Workload, order: int, dtype: str, points: int, target: str) -> None:
    record(benchmark, f"{workload.name}, order {order}, {dtype}", points)
    arguments = series.arguments(workload, order, points, dtype)
    fused = series.program(workload, target)
    steady(benchmark, lambda: fused(*arguments))


@STEADY
def test_eager(benchmark: Any, workload: Workload, order: int, dtype: str, points: int) -> None:
    """One operation at a time, each the kernel that taylornb chooses for so many elements."""
    record(benchmark, f"{workload.name}, order {order}, {dtype}", points)
    arguments = series.arguments(workload, order, points, dtype)
    steady(benchmark, lambda: workload.function(tn, *arguments))


@STEADY
@pytest.mark.parametrize("way", [by_hand.whole, by_hand.in_blocks], ids=["whole", "blocks"])
def test_numpy_by_hand(benchmark: Any, order: int, dtype: str, points: int, way: Callable[..., Any]) -> None:
    """The recurrences of F1 in NumPy, on whole arrays and in blocks that fit the cache."""
    record(benchmark, f"F1, order {order}, {dtype}", points)
    (x,) = WORKLOADS["F1"].values(points, dtype)
    steady(benchmark, lambda: way(x, order))
