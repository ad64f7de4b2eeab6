"""How does taylornb compute a workload: its inputs as series, its program, and the ways it is called?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import taylornb as tn
from taylornb import buffers
from taylornb.program import Program

from .peers import Array, Case, Contender, Inputs
from .workloads import Workload, f9_plain

DEFAULT, OUT, KERNEL, SINGLE, PLAIN = "taylornb", "taylornb out=", "taylornb kernel", "taylornb float32", "taylornb plain"
OURS = (DEFAULT, OUT, KERNEL)


def arguments(workload: Workload, order: int, points: int, dtype: str = "float64") -> tuple[tn.TaylorArray, ...]:
    """One TaylorArray for each argument: full series where the workload is dense, otherwise variables."""
    return _series(workload, order, workload.inputs(order, points, dtype))


def _series(workload: Workload, order: int, numbers: tuple[Array, ...]) -> tuple[tn.TaylorArray, ...]:
    if workload.dense:
        basis = tn.Basis(workload.variables, order)
        return tuple(tn.from_coefficients(c, basis) for c in numbers)
    return tn.variables(order, **dict(zip(workload.arguments, numbers, strict=True)))


def program(workload: Workload, target: Any = "cpu", function: Callable[..., Any] | None = None) -> tn.Fused:
    """The workload as a fused function that has not been called yet."""
    body = function or workload.function

    def run(*series: Any) -> Any:
        return body(tn, *series)

    run.__name__ = run.__qualname__ = workload.name
    return tn.fuse(run, target=target)


def written(fused: tn.Fused, series: tuple[Any, ...]) -> tuple[Program, list[Array]]:
    """The one program of a call, and for each of its inputs the planes, (rows, points)."""
    traced, operands = fused._prepare(series, {})
    (found,) = traced.evaluator.programs(traced.known(operands), ("cpu", "unrolled"))
    return found, [operand.planes for operand in operands]


def inputs(case: Case, points: int) -> Inputs:
    """The inputs of a cell, and memory for its result."""
    numbers = case.workload.inputs(case.order, points, case.dtype)
    series = _series(case.workload, case.order, numbers)
    (output,) = written(program(case.workload), series)[0].outputs
    memory = buffers.empty((case.size, points), output.dtype)
    memory[:] = 0  # touched, so that nobody pays for fresh pages
    return Inputs(numbers, series, memory)


def contenders(case: Case, given: Inputs) -> list[Contender]:
    """A default call, one that is given the memory of an earlier result, and on one thread the machine code alone."""
    fused = program(case.workload)
    result = fused(*given.series)
    found = [
        Contender(DEFAULT, lambda: fused(*given.series), _coefficients),
        Contender(OUT, lambda: fused(*given.series, out=result), _coefficients),
    ]
    return [*found, _kernel(case, given, fused)] if case.threads == 1 else found


def _kernel(case: Case, given: Inputs, fused: tn.Fused) -> Contender:
    """The machine code, called as that of C is, with all decided before: what a call from Python adds is left out."""
    traced, operands = fused._prepare(given.series, {})
    ((part, own),) = traced.evaluator.prepare(traced.known(operands), (fused.target, fused.form))
    (output,) = part.program.outputs
    used, rows = [operands[slot].planes for slot in own.slots], given.out[: len(output.support.rows)]
    call = partial(own.call.run, *used, rows)

    def coefficients(result: Any, at: list[int]) -> Array:
        found = np.zeros((case.size, len(at)), dtype=case.dtype)
        found[list(output.support.units)] = 1
        for monomial, row in output.support.rows:
            found[monomial] = rows[row][at]
        return found

    return Contender(KERNEL, call, coefficients)


def in_single(case: Case, points: int) -> Contender:
    """The same in float32."""
    fused, series = program(case.workload), arguments(case.workload, case.order, points, "float32")
    return Contender(SINGLE, lambda: fused(*series), _coefficients)


def undetached(case: Case, given: Inputs) -> Contender:
    """F9 without ⊥: the parts that stand under it are computed from plain numbers."""
    fused = program(case.workload, function=f9_plain)
    return Contender(PLAIN, lambda: fused(*given.series, *given.numbers), _coefficients)


def _coefficients(result: Any, at: list[int]) -> Array:
    return np.asarray(result[at].coeffs)
