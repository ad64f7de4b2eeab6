"""How fast are jax and torch on the same GPU, by the clock, and are their coefficients right?"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from . import series
from .peers import Case, absent
from .workloads import Workload

CHECKED = 1000  # points whose coefficients are compared with those of the processor
ROUNDS, CALLS = 4, 5  # each round is so many calls, one after the other
Started = tuple[Callable[[], Any], Callable[[Any], Any], Callable[[Any], Any]]  # a call, a wait, the first coefficients


def compare(got: Any, workload: Workload, order: int) -> None:
    """Raise unless these are the first coefficients of a workload."""
    expected = series.program(workload)(*series.arguments(workload, order, CHECKED)).coeffs
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12, err_msg=f"{workload.name}, order {order}")


def by_the_clock(call: Callable[[], Any], wait: Callable[[Any], Any], points: int) -> float:
    """The median picoseconds of a call for an element, of calls that follow each other without a wait.

    Args:
        call: Gives what is computed.
        wait: Waits for it.
        points: The number of elements.
    """
    times = []
    for _ in range(2 + ROUNDS):
        start = perf_counter()
        for _ in range(CALLS):
            found = call()
        wait(found)
        times.append((perf_counter() - start) / CALLS)
    return 1e12 * median(times[2:]) / points


def time(start: Callable[[Case, int], Started | str], case: Case, points: int, stop: float) -> float | str:
    """The time of a call, or why there is none."""
    if perf_counter() > stop:
        return "no time"
    try:
        found = start(case, points)
        if isinstance(found, str):
            return found
        call, wait, first = found
        compare(first(call()), case.workload, case.order)
        return by_the_clock(call, wait, points)
    except Exception as error:  # out of memory, or a compiler that gives up, and the table goes on
        print(f"{start.__name__}, {case.name}: {str(error)[:500]}", file=sys.stderr)
        return "failed"


def jet(case: Case, points: int) -> Started | str:
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # or it takes the memory of all others
    if absent("jax.experimental.jet"):
        return "not there"
    import jax

    from .peers.jet import _form

    jax.config.update("jax_enable_x64", True)
    if jax.default_backend() != "gpu":
        return "no GPU"
    given = [jax.numpy.asarray(array) for array in case.workload.inputs(case.order, points)]
    function = jax.jit(_form(case))
    return lambda: function(*given), lambda found: found.block_until_ready(), lambda found: np.asarray(found[:, :CHECKED])


def torch(case: Case, points: int) -> Started | str:
    if absent("torch"):
        return "not there"
    import torch

    from .peers.pytorch import _tensors, _written_out

    if not torch.cuda.is_available():
        return "no GPU"
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = os.fspath(case.folder / "torch")
    given = [tensor.cuda() for tensor in _tensors(case.workload.inputs(case.order, points))]
    torch._dynamo.reset()
    function = torch.compile(_written_out(case), fullgraph=True)
    return (
        lambda: function(*given),
        lambda _: torch.cuda.synchronize(),
        lambda found: np.array([c[:CHECKED].cpu().numpy() for c in found]),
    )
