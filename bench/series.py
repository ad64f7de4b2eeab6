"""How do the inputs of a workload become series of taylornb?"""

from __future__ import annotations

from typing import Any

import taylornb as tn

from .workloads import Workload


def arguments(workload: Workload, order: int, points: int, dtype: str = "float64") -> tuple[tn.TaylorArray, ...]:
    """One TaylorArray for each argument: full series where the workload is dense, otherwise variables."""
    if workload.dense:
        basis = tn.Basis(workload.variables, order)
        return tuple(tn.from_coefficients(c, basis) for c in workload.coefficients(order, points, dtype))
    values = dict(zip(workload.arguments, workload.values(points, dtype), strict=True))
    return tn.variables(order, **values)


def program(workload: Workload, target: Any = "cpu") -> tn.Fused:
    """The workload as a fused function that has not been called yet."""

    def run(*series: Any) -> Any:
        return workload.function(tn, *series)

    run.__name__ = run.__qualname__ = workload.name
    return tn.fuse(run, target=target)
