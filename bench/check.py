"""Are the numbers right? Every coefficient at a few points, in high precision and by other means: substitution.

A series is a dict from exponents to mpmath numbers, and a function of one is f(u) = Σ f⁽ⁿ⁾(u₀)/n!·(u − u₀)ⁿ with the
derivatives from mpmath.taylor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import mpmath
import numpy as np

from .peers import Array
from .workloads import Workload

PLACES = [0, 1, 17, 400]  # points at which coefficients are compared; every cell has them
TOLERANCE = {"float64": 1e-9, "float32": 1e-3}

mp = mpmath.MPContext()
mp.dps = 60

Exponents = tuple[int, ...]


@dataclass(frozen=True)
class Exact:
    """A series in exact truncated arithmetic."""

    terms: dict[Exponents, Any]
    order: int

    def __add__(self, other: Any) -> Exact:
        b = self.lift(other).terms
        return self.of({e: self.terms.get(e, 0) + b.get(e, 0) for e in {**self.terms, **b}})

    def __mul__(self, other: Any) -> Exact:
        found: dict[Exponents, Any] = {}
        for (a, x), (b, y) in product(self.terms.items(), self.lift(other).terms.items()):
            if sum(a) + sum(b) <= self.order:
                e = tuple(map(sum, zip(a, b, strict=True)))
                found[e] = found.get(e, 0) + x * y
        return self.of(found)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Exact:
        return self * -1

    def __sub__(self, other: Any) -> Exact:
        return self + -self.lift(other)

    def __rsub__(self, other: Any) -> Exact:
        return -self + other

    def __truediv__(self, other: Any) -> Exact:
        return self * self.lift(other).through(lambda x: 1 / x)

    def __rtruediv__(self, other: Any) -> Exact:
        return self.lift(other) / self

    def __pow__(self, n: int) -> Exact:
        found = self
        for _ in range(n - 1):
            found = found * self
        return found

    def of(self, terms: dict[Exponents, Any]) -> Exact:
        """Another series of the same kind."""
        return Exact(terms, self.order)

    def lift(self, other: Any) -> Exact:
        """A number as a series."""
        return other if isinstance(other, Exact) else self.of({self.origin: mp.mpf(other)})

    @property
    def origin(self) -> Exponents:
        """The exponents of the value."""
        return (0,) * len(next(iter(self.terms)))

    def through(self, function: Callable[[Any], Any]) -> Exact:
        """The function of this series, by substitution."""
        value = self.terms.get(self.origin, mp.mpf(0))
        rest = self.of({**self.terms, self.origin: mp.mpf(0)})
        power, total = self.lift(1), self.lift(0)
        for coefficient in mp.taylor(function, value, self.order):
            total, power = total + power * coefficient, power * rest
        return total


class Library:
    """NumPy's names for exact series."""

    def detach(self, x: Exact) -> Exact:
        """The value alone: what stands under ⊥ is held fixed."""
        return x.lift(x.terms[x.origin])

    def __getattr__(self, name: str) -> Callable[[Exact], Exact]:
        function = getattr(mp, name)
        return lambda x: x.through(function)


def exact(workload: Workload, order: int, dtype: str = "float64") -> Array:
    """The coefficients at PLACES, shape (coefficients, places)."""
    numbers = [array[..., PLACES] for array in workload.inputs(order, max(PLACES) + 1, dtype)]
    columns = [_at_one_point(workload, order, [array[..., n] for array in numbers]) for n in range(len(PLACES))]
    return np.array(columns, dtype=np.float64).T


def error(found: Array, expected: Array) -> float:
    """The largest error of any coefficient, relative to the largest of that coefficient at PLACES."""
    largest = np.abs(expected).max(axis=1, keepdims=True)
    off = np.abs(np.asarray(found, dtype=np.float64) - expected)
    return float(np.max(np.divide(off, largest, out=np.where(off > 0, np.inf, 0.0), where=largest > 0)))


def _at_one_point(workload: Workload, order: int, numbers: list[Any]) -> list[float]:
    series = [_argument(workload, order, n, number) for n, number in enumerate(numbers)]
    found = workload.function(Library(), *series)
    return [float(found.terms.get(e, 0)) for e in workload.monomials(order)]


def _argument(workload: Workload, order: int, n: int, number: Any) -> Exact:
    if workload.dense:
        return Exact({(k,): mp.mpf(float(c)) for k, c in enumerate(number)}, order)
    names = range(len(workload.variables))
    zero, one = tuple(0 for _ in names), tuple(int(k == n) for k in names)
    return Exact({zero: mp.mpf(float(number)), one: mp.mpf(1)}, order)
