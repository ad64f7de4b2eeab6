"""What is measured? Nine functions, F1 to F9, and their inputs, for any library that offers NumPy's names."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

POINTS = 100_000
ORDERS = (1, 4, 8)
DTYPES = ("float64",)
WIDTH = 8  # neurons in a hidden layer of F2

# A function takes the library first: a namespace with exp, sin, tanh, log and sqrt by NumPy's names, and detach for F9.


def f1(lib: Any, x: Any) -> Any:
    """exp(sin x)·x/(1 + x²)."""
    return lib.exp(lib.sin(x)) * x / (1 + x * x)


def f2(lib: Any, x: Any) -> Any:
    """A 1→8→8→1 tanh network, written with Python loops."""
    hidden = [lib.tanh(weight(1, 0, j) * x + weight(2, 0, j)) for j in range(WIDTH)]
    hidden = [lib.tanh(sum(weight(3, i, j) * h for i, h in enumerate(hidden)) + weight(4, 0, j)) for j in range(WIDTH)]
    return sum(weight(5, i, 0) * h for i, h in enumerate(hidden)) + weight(6, 0, 0)


def weight(layer: int, i: int, j: int) -> float:
    """The fixed weights of the network: scattered over −0.75 to 0.75."""
    return 0.75 * math.sin(100 * layer + 10 * i + j)


def f3(lib: Any, x: Any) -> Any:
    """log(1 + eˣ)·√(1 + x²)."""
    return lib.log(1 + lib.exp(x)) * lib.sqrt(1 + x * x)


def f4(lib: Any, x: Any) -> Any:
    """A chain of twelve: sin, exp, multiply, divide, three times over."""
    y, divisor = x, 2 + x
    for _ in range(3):
        y = lib.exp(lib.sin(y)) * x / divisor
    return y


def f5(lib: Any, x: Any, y: Any, z: Any) -> Any:
    """exp(xy)/√(1 + x² + y² + z²)·sin z, in three variables."""
    return lib.exp(x * y) / lib.sqrt(1 + x * x + y * y + z * z) * lib.sin(z)


def f6(lib: Any, x: Any) -> Any:
    """x⁵ − 3x³ + x."""
    return x**5 - 3 * x**3 + x


def f7(lib: Any, a: Any, b: Any) -> Any:
    """The product of two dense series."""
    return a * b


def f8(lib: Any, a: Any) -> Any:
    """The exponential of a dense series."""
    return lib.exp(a)


def f9(lib: Any, x: Any) -> Any:
    """Four products, one factor of each under ⊥."""
    square = x * x
    pairs = (
        (lib.exp(lib.sin(x)), lib.sqrt(1 + square)),
        (lib.tanh(x), lib.exp(x) / (1 + square)),
        (lib.log(2 + square), lib.sin(x) * x),
        (lib.sin(square), lib.exp(-square)),
    )
    return sum(live * lib.detach(frozen) for live, frozen in pairs)


@dataclass(frozen=True)
class Workload:
    """One function with its inputs.

    Attributes:
        name: "F1" to "F9".
        function: Takes a library and one argument for each name in `arguments`.
        arguments: The names of the arguments.
        interval: Where the values of every argument lie.
        dense: Whether the arguments are full series in one variable; otherwise each argument is a variable.
        highest: The highest order that is worth measuring.
    """

    name: str
    function: Callable[..., Any]
    arguments: tuple[str, ...] = ("x",)
    interval: tuple[float, float] = (-2.0, 2.0)
    dense: bool = False
    highest: int = 32

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (self.function.__doc__ or "").splitlines()[0]

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that derivatives are taken in."""
        return ("t",) if self.dense else self.arguments

    def orders(self, wanted: tuple[int, ...] = ORDERS) -> tuple[int, ...]:
        """Those of the orders that are worth measuring here."""
        return tuple(order for order in wanted if order <= self.highest)

    def values(self, points: int = POINTS, dtype: str = "float64") -> tuple[NDArray[Any], ...]:
        """The values of each argument, shape (points,): the same in every run, and of fewer points the first ones."""
        low, high = self.interval
        return tuple((low + (high - low) * scattered(points, k)).astype(dtype) for k in range(len(self.arguments)))

    def coefficients(self, order: int, points: int = POINTS, dtype: str = "float64") -> tuple[NDArray[Any], ...]:
        """The coefficients c₀ to c_order of each dense argument, shape (order + 1, points); c_k is at most 2^-k in size."""
        count = len(self.arguments)
        rows = [[(2 * scattered(points, count * k + i) - 1) / 2**k for k in range(1, order + 1)] for i in range(count)]
        return tuple(np.stack([v, *row]).astype(dtype) for v, row in zip(self.values(points), rows, strict=True))


def scattered(points: int, stream: int) -> NDArray[np.floating[Any]]:
    """Numbers in [0, 1) that look random and depend on nothing but their place: multiples of an irrational number."""
    step = math.sqrt(PRIMES[stream % len(PRIMES)]) * (1 + stream // len(PRIMES))
    return np.arange(1, points + 1) * step % 1.0


PRIMES = (5, 2, 3, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47)

WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("F1", f1),
        Workload("F2", f2, highest=8),
        Workload("F3", f3),
        Workload("F4", f4, interval=(-1.0, 2.0)),
        Workload("F5", f5, arguments=("x", "y", "z"), interval=(-1.0, 1.0), highest=4),  # 165 coefficients at order 8
        Workload("F6", f6),
        Workload("F7", f7, arguments=("a", "b"), dense=True),
        Workload("F8", f8, arguments=("a",), interval=(-1.0, 1.0), dense=True),
        Workload("F9", f9),
    )
}
