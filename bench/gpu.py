"""Measure taylornb on a GPU: `python -m bench.gpu`. Correctness first, then throughput, beside jax and torch on that GPU.

`python -m bench.gpu --predict` needs no GPU: it prints the time that bytes and operations come to on an H200. The measuring has
never run, for want of a GPU.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

import taylornb as tn
from taylornb import Cost
from taylornb.targets.cuda.provider import available, described

from . import series
from .markdown import table
from .peers import Case, absent
from .workloads import WORKLOADS, Workload

POINTS = 10_000_000
CHECKED = 1000  # points whose coefficients are compared with those of the processor
ROUNDS = 20


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
    """A line of the table, in picoseconds for an element."""

    workload: str
    order: int
    ours: float
    predicted: float
    jet: float | None
    torch: float | None


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


# ---- on a GPU ---------------------------------------------------------------------------------------


def picoseconds(call: Callable[[], Any], points: int) -> float:
    """The median time of a call for an element, by the device's own events."""
    cuda = available().cuda
    for _ in range(3):
        call()
    times = []
    for _ in range(ROUNDS):
        start, end = cuda.event(), cuda.event()
        start.record()
        kept = call()
        end.record()
        end.synchronize()
        times.append(cuda.event_elapsed_time(start, end))
        del kept
    return 1e9 * median(times) / points


def measured_device() -> Device:
    """The copy bandwidth of the device, and its multiply-adds."""
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
            a, b, c, d = a * 0.999 + 0.001, b * 0.999 + 0.001, c * 0.999 + 0.001, d * 0.999 + 0.001
        y[i] = a + b + c + d

    x, y, threads = cuda.device_array(POINTS), cuda.device_array(POINTS), 1 << 20
    copied = picoseconds(lambda: copy[-(-POINTS // 256), 256](x, y), POINTS)
    chained = picoseconds(lambda: chains[threads // 256, 256](y), threads * 4 * 4096)
    return Device(described(), 16e12 / copied, 1e12 / chained)


def on_device(workload: Workload, order: int, points: int) -> tuple[tn.TaylorArray, ...]:
    """The arguments of a workload, on the GPU."""
    cuda = available().cuda
    return series._series(workload, order, tuple(map(cuda.to_device, workload.inputs(order, points))))


def check(workload: Workload, order: int) -> None:
    """Raise unless the coefficients are those of the processor."""
    fused = series.program(workload, "cuda")
    got = fused(*on_device(workload, order, CHECKED)).coeffs.copy_to_host()
    expected = fused.to_target("cpu")(*series.arguments(workload, order, CHECKED)).coeffs
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12, err_msg=f"{workload.name}, order {order}")


def line(workload: Workload, order: int, device: Device, folder: Path, points: int) -> Line:
    """The times of a cell."""
    fused, given = series.program(workload, "cuda"), on_device(workload, order, points)
    case = Case(workload, order, (points,), 1, folder)
    cost = series.program(workload).cost(*series.arguments(workload, order, 1))
    return Line(
        workload.name,
        order,
        picoseconds(lambda: fused(*given), points),
        predicted(cost, device),
        _jet(case, points),
        _torch(case, points),
    )


def _jet(case: Case, points: int) -> float | None:
    if absent("jax.experimental.jet"):
        return None
    import jax

    from .peers import jet

    jax.config.update("jax_enable_x64", True)
    if jax.default_backend() != "gpu":
        return None
    given = [jax.numpy.asarray(array) for array in case.workload.inputs(case.order, points)]
    function = jax.jit(jet._form(case))
    return 1e12 * _by_the_clock(lambda: function(*given).block_until_ready()) / points


def _torch(case: Case, points: int) -> float | None:
    if absent("torch"):
        return None
    import torch

    from .peers import pytorch

    if not torch.cuda.is_available():
        return None
    given = [tensor.cuda() for tensor in pytorch._tensors(case.workload.inputs(case.order, points))]
    torch._dynamo.reset()
    function = torch.compile(pytorch._written_out(case), fullgraph=True)

    def call() -> None:
        function(*given)
        torch.cuda.synchronize()

    return 1e12 * _by_the_clock(call) / points


def _by_the_clock(call: Callable[[], Any]) -> float:
    """The median seconds of a call that waits for the device."""
    for _ in range(3):
        call()
    times = []
    for _ in range(ROUNDS):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return median(times)


def page(lines: list[Line], device: Device) -> str:
    """The one table."""
    remark = (
        f"{device.name}; copy {device.bandwidth / 1e12:.2f} TB/s, {device.multiply_adds / 1e12:.1f} float64 multiply-adds/ps"
    )
    head = ("workload", "order", "ps/element", "of what is possible", "jet is slower by", "torch is slower by")
    rows = []
    for one in lines:
        share, others = f"{100 * one.predicted / one.ours:.0f} %", [_times(other, one.ours) for other in (one.jet, one.torch)]
        rows.append((one.workload, str(one.order), f"{one.ours:.1f}", share, *others))
    return table("On a GPU", remark, head, rows)


def _times(other: float | None, ours: float) -> str:
    return f"{other / ours:.1f}×" if other is not None else "not there"


def main() -> None:
    """Check, measure and print; or predict."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description=__doc__)
    parser.add_argument("--predict", action="store_true", help="what an H200 should take; needs no GPU")
    parser.add_argument("--points", type=int, default=POINTS)
    options = parser.parse_args()
    if options.predict:
        print(predictions(H200))
        return
    try:
        available()
    except tn.UnsupportedError as error:
        raise SystemExit(str(error)) from None
    cells = [(workload, order) for workload in WORKLOADS.values() for order in workload.orders if order <= 16]
    for workload, order in cells:
        check(workload, order)
    device = measured_device()
    with tempfile.TemporaryDirectory() as folder:
        lines = [line(workload, order, device, Path(folder), options.points) for workload, order in cells]
    print(page(lines, device))


if __name__ == "__main__":
    main()
