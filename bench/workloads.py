"""What is measured? Nine functions, F1 to F9, and their inputs, for any library that offers NumPy's names."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

POINTS = 100_000
ORDERS = (1, 2, 4, 8, 16)
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
    return sum(live * lib.detach(frozen) for live, frozen in pairs(lib, x, x))


def pairs(lib: Any, x: Any, y: Any) -> tuple[tuple[Any, Any], ...]:
    """The factors of F9: those that follow x, and those that are held fixed, from y."""
    return (
        (lib.exp(lib.sin(x)), lib.sqrt(1 + y * y)),
        (lib.tanh(x), lib.exp(y) / (1 + y * y)),
        (lib.log(2 + x * x), lib.sin(y) * y),
        (lib.sin(x * x), lib.exp(-(y * y))),
    )


def f9_plain(lib: Any, x: Any, y: Any) -> Any:
    """F9 without ⊥: the same where y is an array of plain numbers with the values of x."""
    return sum(live * frozen for live, frozen in pairs(lib, x, y))


@dataclass(frozen=True)
class Workload:
    """One function with its inputs.

    Attributes:
        name: "F1" to "F9".
        function: Takes a library and one argument for each name in `arguments`.
        arguments: The names of the arguments.
        interval: Where the values of every argument lie.
        dense: Whether the arguments are full series in one variable; otherwise each argument is a variable.
        orders: The orders that are measured; total degrees where there are several variables.
    """

    name: str
    function: Callable[..., Any]
    arguments: tuple[str, ...] = ("x",)
    interval: tuple[float, float] = (-2.0, 2.0)
    dense: bool = False
    orders: tuple[int, ...] = ORDERS

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (self.function.__doc__ or "").splitlines()[0]

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that derivatives are taken in."""
        return ("t",) if self.dense else self.arguments

    def chosen(self, wanted: tuple[int, ...]) -> tuple[int, ...]:
        """Those of the orders that are measured here; all of them where none is wanted in particular."""
        return tuple(order for order in self.orders if not wanted or order in wanted)

    def values(self, points: int = POINTS, dtype: str = "float64") -> tuple[NDArray[Any], ...]:
        """The values of each argument, shape (points,): the same in every run, and of fewer points the first ones."""
        low, high = self.interval
        return tuple((low + (high - low) * scattered(points, k)).astype(dtype) for k in range(len(self.arguments)))

    def coefficients(self, order: int, points: int = POINTS, dtype: str = "float64") -> tuple[NDArray[Any], ...]:
        """The coefficients c₀ to c_order of each dense argument, shape (order + 1, points); c_k is at most 2^-k in size."""
        count = len(self.arguments)
        rows = [[(2 * scattered(points, count * k + i) - 1) / 2**k for k in range(1, order + 1)] for i in range(count)]
        return tuple(np.stack([v, *row]).astype(dtype) for v, row in zip(self.values(points), rows, strict=True))

    def inputs(self, order: int, points: int, dtype: str = "float64") -> tuple[NDArray[Any], ...]:
        """The numbers that every library is given: the coefficients of dense arguments, or else the values."""
        return self.coefficients(order, points, dtype) if self.dense else self.values(points, dtype)

    def monomials(self, order: int) -> tuple[tuple[int, ...], ...]:
        """The exponents of each coefficient: by total degree, and within a degree the earlier variable first."""
        found = (e for e in product(range(order + 1), repeat=len(self.variables)) if sum(e) <= order)
        return tuple(sorted(found, key=lambda e: (sum(e), tuple(-i for i in e))))


def scattered(points: int, stream: int) -> NDArray[np.floating[Any]]:
    """Numbers in [0, 1) that look random and depend on nothing but their place: multiples of an irrational number."""
    step = math.sqrt(PRIMES[stream % len(PRIMES)]) * (1 + stream // len(PRIMES))
    return np.arange(1, points + 1) * step % 1.0


PRIMES = (5, 2, 3, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47)

WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("F1", f1, orders=(*ORDERS, 32)),
        Workload("F2", f2),
        Workload("F3", f3),
        Workload("F4", f4, interval=(-1.0, 2.0)),
        Workload("F5", f5, arguments=("x", "y", "z"), interval=(-1.0, 1.0), orders=(2, 4, 6)),
        Workload("F6", f6),
        Workload("F7", f7, arguments=("a", "b"), dense=True, orders=(*ORDERS, 32)),
        Workload("F8", f8, arguments=("a",), interval=(-1.0, 1.0), dense=True, orders=(*ORDERS, 32)),
        Workload("F9", f9),
    )
}
