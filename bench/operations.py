"""Every elementwise operation as a function of series, and arguments of it that are well inside its domain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import taylornb as tn
from taylornb.rules import registry

PARAMETERS = {"keep": {"order": 1}, "round": {"decimals": 1}}
MORE: dict[
    str, tuple[Callable[..., Any], tuple[float, ...]]
] = {  # what has other programs than the operation of two series has
    "power of a number": (lambda x: x**2.5, (0.7,)),
    "negative power": (lambda x: x**-3, (0.7,)),
    "small power": (lambda x: x ** (1 / 3), (0.7,)),
    "number to a power": (lambda x: 2.0**x, (0.7,)),
    "detached": (lambda x: np.exp(x - tn.detach(x)), (0.7,)),
    "truth as number": (lambda x: np.where(x > 0.6, x, 1) * (x < 0.5), (0.7,)),
}


def operation(name: str) -> Callable[..., Any]:
    """The operation, with its parameters fixed."""
    return lambda *args: registry[name](*args, **PARAMETERS.get(name, {}))


CASES: dict[str, tuple[Callable[..., Any], tuple[float, ...]]] = {
    name: (operation(name), op.at) for name, op in registry.items() if op.public and op.kind != "structure" and not op.answers
} | MORE


def arguments(at: tuple[float, ...], order: int, dtype: Any = np.float64, points: tuple[int, ...] = ()) -> tuple[Any, ...]:
    """Variables of one basis at these values, and where there are several points, a little beside them."""
    beside = np.linspace(-0.05, 0.05, *points) if points else 0.0
    values = {name: np.asarray(value + beside, dtype=dtype) for name, value in zip("abc", at, strict=False)}
    return tn.variables(order, **values)
