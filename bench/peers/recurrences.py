"""Series arithmetic as one writes it by hand: the recurrences of each function on any library's arrays, zeros left out.

All of them are sums over the pairs of monomials that multiply to the wanted one, weighted by total degree.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

Exponents = tuple[int, ...]
Scalar = Any  # an array, or None where the coefficient is structurally zero


class Monomials:
    """The monomials of a basis, in order, and how they multiply.

    Attributes:
        exponents: Of each monomial.
        size: How many there are.
        degrees: The total degree of each.
        splits: For each the pairs (j, k) of monomials that multiply to it.
    """

    def __init__(self, exponents: tuple[Exponents, ...]) -> None:
        self.exponents, self.size = exponents, len(exponents)
        self.degrees = [sum(e) for e in exponents]
        place = {e: n for n, e in enumerate(exponents)}
        self.splits = [[(place[a], place[tuple(map(int.__sub__, e, a))]) for a in _below(e)] for e in exponents]


class Series:
    """A truncated series: one scalar for each monomial."""

    def __init__(self, coefficients: list[Scalar], basis: Monomials) -> None:
        self.c, self.basis = coefficients, basis

    def __add__(self, other: Any) -> Series:
        return Series([_add(a, b) for a, b in zip(self.c, self.lift(other).c, strict=True)], self.basis)

    def __neg__(self) -> Series:
        return Series([None if a is None else -a for a in self.c], self.basis)

    def __sub__(self, other: Any) -> Series:
        return self + -self.lift(other)

    def __mul__(self, other: Any) -> Series:
        if not isinstance(other, Series):
            return Series([None if a is None else a * other for a in self.c], self.basis)
        return Series([_dot((self.c[j], other.c[k]) for j, k in pairs) for pairs in self.basis.splits], self.basis)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Any) -> Series:
        return -self + other

    def __truediv__(self, other: Any) -> Series:
        b, y = self.lift(other), Series([], self.basis)
        reciprocal = 1 / b.c[0]
        for i, pairs in enumerate(self.basis.splits):
            known = _dot((b.c[j], y.c[k]) for j, k in pairs if j)
            y.c.append(_times(_subtract(self.c[i], known), reciprocal))
        return y

    def __rtruediv__(self, other: Any) -> Series:
        return self.lift(other) / self

    def __pow__(self, n: int) -> Series:
        if n == 1:
            return self
        half = self.__pow__(n // 2)
        return half * half * self if n % 2 else half * half

    def lift(self, other: Any) -> Series:
        """A number as a series."""
        return other if isinstance(other, Series) else Series([other, *[None] * (self.basis.size - 1)], self.basis)

    def slope(self) -> list[Scalar]:
        """Each coefficient times its degree."""
        return [_times(c, float(d)) if d else None for c, d in zip(self.c, self.basis.degrees, strict=True)]


class Library:
    """NumPy's names for series of arrays of one library.

    Args:
        scalars: The library: exp, log, sin, cos, tanh and sqrt of an array.
    """

    def __init__(self, scalars: Any) -> None:
        self.scalars = scalars

    def detach(self, x: Series) -> Series:
        """The value alone."""
        return x.lift(x.c[0])

    def exp(self, x: Series) -> Series:
        """Dy = y·Dx."""
        y, slope = Series([self.scalars.exp(x.c[0])], x.basis), x.slope()
        for i in range(1, x.basis.size):
            y.c.append(_driven(i, slope, y))
        return y

    def sin(self, x: Series) -> Series:
        """Dy = c·Dx together with Dc = −y·Dx."""
        y, c = Series([self.scalars.sin(x.c[0])], x.basis), Series([self.scalars.cos(x.c[0])], x.basis)
        slope = x.slope()
        for i in range(1, x.basis.size):
            up, down = _driven(i, slope, c), _driven(i, slope, y)
            y.c.append(up)
            c.c.append(None if down is None else -down)
        return y

    def tanh(self, x: Series) -> Series:
        """Dy = s·Dx together with s = 1 − y²."""
        value, slope = self.scalars.tanh(x.c[0]), x.slope()
        y, s = Series([value], x.basis), Series([1 - value * value], x.basis)
        for i in range(1, x.basis.size):
            y.c.append(_driven(i, slope, s))
            square = _dot((y.c[j], y.c[k]) for j, k in x.basis.splits[i])
            s.c.append(None if square is None else -square)
        return y

    def log(self, x: Series) -> Series:
        """x·Dy = Dx."""
        y, reciprocal = Series([self.scalars.log(x.c[0])], x.basis), 1 / x.c[0]
        for i in range(1, x.basis.size):
            pairs = ((x.c[j], _times(y.c[k], x.basis.degrees[k])) for j, k in x.basis.splits[i] if j and k)
            known = _times(_dot(pairs), 1 / x.basis.degrees[i])
            y.c.append(_times(_subtract(x.c[i], known), reciprocal))
        return y

    def sqrt(self, x: Series) -> Series:
        """y·y = x."""
        value = self.scalars.sqrt(x.c[0])
        y, reciprocal = Series([value], x.basis), 0.5 / value
        for i in range(1, x.basis.size):
            known = _dot((y.c[j], y.c[k]) for j, k in x.basis.splits[i] if j and k)
            y.c.append(_times(_subtract(x.c[i], known), reciprocal))
        return y


def _driven(i: int, slope: list[Scalar], rate: Series) -> Scalar:
    """Coefficient i of the y with Dy = rate·Dx, from the coefficients of Dx."""
    total = _dot((rate.c[j], slope[k]) for j, k in rate.basis.splits[i] if k)
    return _times(total, 1 / rate.basis.degrees[i])


def _below(e: Exponents) -> Iterable[Exponents]:
    return product(*(range(n + 1) for n in e))


def _add(a: Scalar, b: Scalar) -> Scalar:
    return (b if a is None else a) if a is None or b is None else a + b


def _subtract(a: Scalar, b: Scalar) -> Scalar:
    return a if b is None else -b if a is None else a - b


def _times(a: Scalar, b: Scalar) -> Scalar:
    return None if a is None or b is None else a * b


def _dot(pairs: Iterable[tuple[Scalar, Scalar]]) -> Scalar:
    total: Scalar = None
    for a, b in pairs:
        total = _add(total, _times(a, b))
    return total
