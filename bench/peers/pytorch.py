"""torch.compile of hand-written recurrences."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from . import Array, Case, Contender, Inputs, absent, recurrences

MISSING = absent("torch")
WARM = 1000  # points; the compiled function serves any number of them


def build(case: Case) -> None:
    """Compile once; torch keeps the result."""
    _compiled(case)(*_tensors(case.workload.inputs(case.order, WARM, case.dtype)))


def prepare(case: Case, inputs: Inputs) -> list[Contender]:
    """One contender, which makes a new array for each coefficient each time."""
    function, given = _compiled(case), _tensors(inputs.numbers)
    function(*_tensors(case.workload.inputs(case.order, WARM, case.dtype)))
    return [Contender("torch", lambda: function(*given), lambda result, at: np.array([c.numpy()[at] for c in result]))]


def _tensors(numbers: tuple[Array, ...]) -> list[Any]:
    import torch

    return [torch.from_numpy(np.ascontiguousarray(array)) for array in numbers]


@lru_cache(maxsize=2)
def _compiled(case: Case) -> Callable[..., Any]:
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = os.fspath(case.folder / "torch")
    import torch
    import torch._inductor.config

    warnings.filterwarnings("ignore", module="torch")
    torch.set_num_threads(case.threads)
    torch._inductor.config.cpp.dynamic_threads = True  # or each number of threads would be compiled for anew
    torch._dynamo.reset()
    return torch.compile(_written_out(case), dynamic=True, fullgraph=True)


def _written_out(case: Case) -> Any:
    """The recurrences as straight-line code, which torch.compile reads several times faster than the loops that write it."""
    import torch

    graph = torch.fx.Graph()
    tracer = torch.fx.proxy.GraphAppendingTracer(graph)
    arrays = [torch.fx.Proxy(graph.placeholder(name), tracer) for name in case.workload.arguments]
    basis = recurrences.Monomials(case.workload.monomials(case.order))
    series = [_argument(case, basis, n, array) for n, array in enumerate(arrays)]
    found = case.workload.function(recurrences.Library(torch), *series).c
    like = series[0].c[0]
    graph.output([(c if isinstance(c, torch.fx.Proxy) else torch.full_like(like, c or 0.0)).node for c in found])
    return torch.fx.GraphModule({}, graph)


def _argument(case: Case, basis: recurrences.Monomials, n: int, array: Any) -> recurrences.Series:
    if case.workload.dense:
        return recurrences.Series([array[k] for k in range(basis.size)], basis)
    rest: list[Any] = [None] * (basis.size - 1)
    rest[n] = 1.0
    return recurrences.Series([array, *rest], basis)
