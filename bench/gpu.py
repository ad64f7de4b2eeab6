"""Measure taylornb on a GPU: `python bench/gpu.py`. Correctness first, then throughput, beside jax and torch on that GPU.

Kernels are timed by events of the device, while they wait in its queue behind another one, so that Python takes no part in it.
Calls are timed by the clock, a few one after the other and then a wait for the device, those of others like those of taylornb.

`python bench/gpu.py --predict` needs no GPU: it prints the time that bytes and operations come to on an H200. The measuring has
never run on a GPU, for want of one.
"""

from __future__ import annotations

import argparse
import runpy
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

if not __package__:  # python bench/gpu.py
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    runpy.run_module("bench.gpu", run_name="__main__", alter_sys=True)
    sys.exit()

import numpy as np

import taylornb as tn
from taylornb import Cost
from taylornb.rolled import Rolled
from taylornb.segments import cut
from taylornb.targets.cuda.provider import available, described

from . import series
from .gpu_peers import CHECKED, by_the_clock, compare, jet, time, torch
from .markdown import table
from .peers import Case, absent
from .workloads import WORKLOADS, Workload

POINTS = 10_000_000
COPIED = 1 << 27  # float64 numbers, many times what caches hold
ROUNDS = 20
HELD = 1000  # microseconds, about, for which the device is kept busy while a kernel is put in its queue
HIGHEST = 16  # order that is measured
PEERS = 180.0  # seconds, after which no further peer is begun


class Device(NamedTuple):
    """What a GPU can do at best.

    Attributes:
        name: Of the GPU.
        bandwidth: Bytes each second of a copy, read and written.
        multiply_adds: In float64, each second.
        function: Multiply-adds that an elementary function in float64 costs, about, as the PTX of the math library has it.
    """

    name: str
    bandwidth: float
    multiply_adds: float
    function: float = 25.0


H200 = Device("H200, from its data sheet and a copy that was measured", 4.3e12, 17e12)


class Line(NamedTuple):
    """A line of the table, in picoseconds for an element; in place of what is not there stands why.

    Attributes:
        workload: Its name.
        order: To which order.
        kernel: What the kernel takes on the device.
        call: What a call takes by the clock.
        predicted: What the kernel could take at best.
        jet: What a call of jax.experimental.jet takes by the clock.
        torch: What a call of torch.compile takes by the clock.
    """

    workload: str
    order: int
    kernel: float
    call: float
    predicted: float
    jet: float | str
    torch: float | str


def predicted(cost: Cost, device: Device) -> float:
    """The picoseconds that an element takes: its bytes or its operations, whichever takes longer."""
    return 1e12 * max(cost.bytes / device.bandwidth, _computing(cost, device))


def memory_bound(cost: Cost, device: Device) -> bool:
    """Whether its bytes take longer than its operations."""
    return cost.bytes / device.bandwidth >= _computing(cost, device)


def _computing(cost: Cost, device: Device) -> float:
    return (cost.multiply_adds + device.function * (cost.calls + cost.divisions)) / device.multiply_adds


def predictions(device: Device) -> str:
    """The table that needs no GPU."""
    rows = []
    for workload in WORKLOADS.values():
        for order in workload.orders:
            cost = series.program(workload).cost(*series.arguments(workload, order, 1))
            bound = "memory" if memory_bound(cost, device) else "arithmetic"
            rows.append((workload.name, str(order), str(cost.bytes), f"{predicted(cost, device):.1f}", bound))
    return table(f"Predicted on an {device.name}", "", ("workload", "order", "bytes", "ps/element", "bound by"), rows)


# ---- time on the device ------------------------------------------------------------------------------


def picoseconds(call: Callable[[], Any], points: int) -> float:
    """The median time of a kernel for an element.

    Args:
        call: Puts the kernel in the queue, without a wait and without new memory.
        points: The number of elements.
    """
    cuda = available().cuda
    for _ in range(3):
        call()
    times = []
    for _ in range(ROUNDS):
        start, end = cuda.event(), cuda.event()
        _hold()[128, 1](HELD)  # until Python has put the rest behind it
        start.record()
        call()
        end.record()
        end.synchronize()
        times.append(cuda.event_elapsed_time(start, end))
    return 1e9 * median(times) / points


@lru_cache(maxsize=1)
def _hold() -> Any:
    cuda = available().cuda

    @cuda.jit
    def hold(microseconds: Any) -> None:
        for _ in range(microseconds):
            cuda.nanosleep(np.uint32(1000))

    return hold


def measured_device(copied: int = COPIED, threads: int = 1 << 20) -> Device:
    """The bandwidth of the device, for a copy of so many numbers, and its multiply-adds."""
    cuda = available().cuda

    @cuda.jit
    def copy(x: Any, y: Any) -> None:
        i = cuda.grid(1)
        if i < x.size:
            y[i] = x[i]

    @cuda.jit
    def chains(y: Any) -> None:
        i = cuda.grid(1)
        a = b = c = d = float(i)
        for _ in range(4096):
            a, b, c, d = a * 0.999 + 0.001, b * 0.999 + 0.002, c * 0.999 + 0.003, d * 0.999 + 0.004
        y[i] = a + b + c + d

    x, y = cuda.device_array(copied), cuda.device_array(copied)
    bytewise = picoseconds(lambda: copy[-(-copied // 256), 256](x, y), copied)
    chained = picoseconds(lambda: chains[threads // 256, 256](y), threads * 4 * 4096)
    return Device(described(), 16e12 / bytewise, 1e12 / chained)


# ---- taylornb ----------------------------------------------------------------------------------------


def to_gpu() -> tuple[str, Callable[[Any], Any]]:
    """Whose arrays a call is given, and how they get there: those of a library that keeps memory for later, if there is one."""
    if not absent("torch"):
        import torch

        if torch.cuda.is_available():
            return "PyTorch", lambda array: torch.from_numpy(np.ascontiguousarray(array)).cuda()
    if not absent("cupy"):
        import cupy

        return "CuPy", cupy.asarray
    return "Numba", available().cuda.to_device


def on_device(workload: Workload, order: int, points: int, up: Callable[[Any], Any]) -> tuple[tn.TaylorArray, ...]:
    """The arguments of a workload, on the GPU."""
    return series._series(workload, order, tuple(map(up, workload.inputs(order, points))))


def check(workload: Workload, order: int) -> None:
    """Raise unless the coefficients are those of the processor."""
    fused, up = series.program(workload, "cuda"), available().cuda.to_device
    got = fused(*on_device(workload, order, CHECKED, up)).coeffs.copy_to_host()
    compare(got, workload, order)


def kernel(fused: tn.Fused, given: tuple[tn.TaylorArray, ...]) -> Callable[[], None]:
    """The kernel of a call, with all decided before, into the same memory each time."""
    traced, operands = fused._prepare(given, {})
    ((_, own),) = traced.evaluator.prepare(traced.known(operands), (fused.target, fused.form))
    planes = [*(operands[slot].planes for slot in own.slots), *(room.array() for room in own.rooms)]
    return lambda: own.call.run(*planes)


def line(case: Case, device: Device, points: int, stop: float) -> Line:
    """The times of a cell; peers are not begun after the time at which to stop."""
    workload, order = case.workload, case.order
    fused, given = series.program(workload, "cuda"), on_device(workload, order, points, to_gpu()[1])
    cost = series.program(workload).cost(*series.arguments(workload, order, 1))
    alone = picoseconds(kernel(fused, given), points)
    called = by_the_clock(lambda: fused(*given), lambda _: available().cuda.synchronize(), points)
    peers = [time(peer, case, points, stop) for peer in (jet, torch)]
    return Line(workload.name, order, alone, called, predicted(cost, device), *peers)


# ---- the table ---------------------------------------------------------------------------------------


def page(lines: list[Line], device: Device, remark: str = "") -> str:
    """The one table."""
    able = f"{device.bandwidth / 1e12:.2f} TB/s in a copy, {device.multiply_adds / 1e12:.1f} float64 multiply-adds/ps"
    head = ("workload", "order", "kernel, ps/element", "of what is possible", "call, ps/element", "jet", "torch")
    rows = []
    for one in lines:
        share, others = f"{100 * one.predicted / one.kernel:.0f} %", [_times(other, one.call) for other in (one.jet, one.torch)]
        order = " ".join([str(one.order), *([f"({kind})"] if (kind := form(WORKLOADS[one.workload], one.order)) else [])])
        rows.append((one.workload, order, f"{one.kernel:.1f}", share, f"{one.call:.1f}", *others))
    return table("On a GPU", "; ".join(filter(None, [device.name, able, remark])), head, rows)


def _times(other: float | str, ours: float) -> str:
    return other if isinstance(other, str) else f"{other / ours:.1f} × a call"


def cells() -> Iterator[tuple[Workload, int]]:
    """What is measured: every workload up to the highest order."""
    for workload in WORKLOADS.values():
        yield from ((workload, order) for order in workload.orders if order <= HIGHEST)


def form(workload: Workload, order: int) -> str:
    """Whether the kernel has "loops" over coefficients, or "segments"; nothing where it is in one piece."""
    (found,) = series.program(workload, "cuda")._programs(series.arguments(workload, order, 1), {}, None)
    return "loops" if isinstance(found, Rolled) else "segments" if cut(found) else ""


def overhead() -> tuple[float, float]:
    """The microseconds of a call on one element, which is nothing but Python and a launch, and of a bare launch by Numba."""
    cuda, up = available().cuda, to_gpu()[1]
    fused, given = series.program(WORKLOADS["F1"], "cuda"), on_device(WORKLOADS["F1"], 4, 1, up)

    @cuda.jit
    def doubled(x: Any, y: Any) -> None:
        y[0, 0] = x[0, 0] + x[0, 0]

    arrays, bare = (cuda.to_device(np.ones((1, 1))), cuda.to_device(np.ones((1, 1)))), doubled[128, 128]

    def microseconds(function: Callable[[], Any]) -> float:
        return 1e-6 * by_the_clock(lambda: [function() for _ in range(20)], lambda _: cuda.synchronize(), 20)

    return microseconds(lambda: fused(*given)), microseconds(lambda: bare(*arrays))


def main() -> None:
    """Check, measure and print; or predict."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description=__doc__)
    parser.add_argument("--predict", action="store_true", help="what an H200 should take; needs no GPU")
    parser.add_argument("--points", type=int, default=POINTS)
    parser.add_argument("--peers", type=float, default=PEERS, help="seconds, after which no further peer is begun")
    options = parser.parse_args()
    if options.predict:
        print(predictions(H200))
        return
    try:
        available()
    except tn.UnsupportedError as error:
        raise SystemExit(str(error)) from None
    measured = list(cells())
    for workload, order in measured:
        check(workload, order)
    print(f"{len(measured)} workloads and orders are those of the processor", file=sys.stderr)
    device, stop = measured_device(), perf_counter() + options.peers
    call, bare = overhead()
    remark = f"{options.points} elements, arrays of {to_gpu()[0]}; a call on one takes {call:.0f} µs, a bare launch {bare:.0f}"
    with tempfile.TemporaryDirectory() as folder:
        cases = [Case(workload, order, (options.points,), 1, Path(folder)) for workload, order in measured]
        lines = [line(case, device, options.points, stop) for case in cases]
    print(page(lines, device, remark))


if __name__ == "__main__":
    main()
