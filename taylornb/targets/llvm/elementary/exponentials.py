"""How are exponentials computed without branches?

x = k·log 2 + r with |r| ≤ (log 2)/2, and exp x = 2^k·exp r, where exp r is a polynomial.
"""

from __future__ import annotations

import math

from ..text import Vector
from .pieces import at_least, at_most, chosen, form, nearest, polynomial, two_to

PER_LN2 = 1 / math.log(2)


def exp(v: Vector, x: str) -> str:
    """eˣ."""
    x = at_least(v, at_most(v, x, chosen(v, 710, 89)), chosen(v, -746, -104))  # beyond, the result is inf or 0 all the same
    k, bits = nearest(v, x, PER_LN2, 2 * form(v).bias)
    return scaled(v, v.add(v.constant(1), rise(v, less_multiple_of_ln2(v, x, k))), bits)


def exp2(v: Vector, x: str) -> str:
    """2ˣ."""
    x = at_least(v, at_most(v, x, chosen(v, 1025, 129)), chosen(v, -1076, -151))
    k, bits = nearest(v, x, 1.0, 2 * form(v).bias)
    r = v.subtract(x, k)
    return scaled(v, v.fma(r, polynomial(v, "exp2", r), v.constant(1)), bits)


def expm1(v: Vector, x: str) -> str:
    """eˣ − 1."""
    x = at_least(v, at_most(v, x, chosen(v, 710, 89)), chosen(v, -50, -30))
    k, bits = nearest_below(v, x, form(v).bias - 1)
    r, excess = less_multiple_of_ln2_and_excess(v, x, k)
    # exp(r − excess) − 1
    small = v.subtract(r, v.fma(v.negative(v.multiply(r, r)), polynomial(v, "expm1", r), excess))
    half = two_to(v, bits)  # half of 2^k, since 2^1024 is no number
    large = v.fma(half, small, v.subtract(half, v.constant(0.5)))
    return v.select(v.compare("oeq", k, v.constant(0)), small, v.add(large, large))


def nearest_below(v: Vector, x: str, offset: int) -> tuple[str, str]:
    """As `nearest`, but k is 0 up to x = 0.405: between 0.347 and that, 2·(exp r − 1) + 1 would lose a bit."""
    return nearest(v, v.fma(x, v.constant(PER_LN2), v.constant(-0.085)), 1.0, offset)


def less_multiple_of_ln2(v: Vector, x: str, k: str) -> str:
    """The rest x − k·log 2."""
    high, low = form(v).ln2
    return v.fma(k, v.constant(-low), v.fma(k, v.constant(-high), x))


def less_multiple_of_ln2_and_excess(v: Vector, x: str, k: str) -> tuple[str, str]:
    """The rest x − k·log 2, and what its rounding added."""
    high, low = form(v).ln2
    near = v.fma(k, v.constant(-high), x)
    r = v.fma(k, v.constant(-low), near)
    return r, v.fma(k, v.constant(low), v.subtract(r, near))


def rise(v: Vector, r: str, name: str = "exp") -> str:
    """The difference exp r − 1 for |r| ≤ (log 2)/2, to the digits of the function of that name."""
    return v.fma(v.multiply(r, r), polynomial(v, name, r), r)


def scaled(v: Vector, x: str, bits: str) -> str:
    """x·2^k for bits that end in k + 2·bias: in two halves, so that what is subnormal is rounded once."""
    half = v.integers("lshr", bits, v.integer(1))
    return v.multiply(v.multiply(x, two_to(v, half)), two_to(v, v.integers("sub", bits, half)))
