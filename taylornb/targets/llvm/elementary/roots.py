"""How are the cube root and the hypotenuse computed without branches?"""

from __future__ import annotations

from ..text import Vector
from .pieces import INFINITY, chosen, form, magnitude, nearest, polynomial, signed, two_product, two_to, whole_to_float


def cbrt(v: Vector, x: str) -> str:
    """∛x: |x| = 8^q·m with m from 1 to 8, and m^(−1/3) by Halley's iteration from a polynomial."""
    f, size = form(v), magnitude(v, x)
    shift = 3 * (f.digits // 3 + 1)
    tiny = v.compare("olt", size, v.constant(f.smallest))
    normal = v.select(tiny, v.multiply(size, v.constant(2.0**shift)), size)
    biased = v.integers("lshr", v.bits(normal), v.integer(f.digits))
    below = v.subtract(whole_to_float(v, biased), v.constant(f.bias + 1))
    _, q = nearest(v, below, 1 / 3)
    triple = v.integers("add", q, v.integers("shl", q, v.integer(1)))
    m = v.floats(v.integers("sub", v.bits(normal), v.integers("shl", triple, v.integer(f.digits))))
    y = v.multiply(_root(v, m), two_to(v, v.integers("add", q, v.integer(f.bias))))
    y = v.select(tiny, v.multiply(y, v.constant(2.0 ** -(shift // 3))), y)
    ordinary = v.logic("and", v.compare("ogt", size, v.constant(0)), v.compare("olt", size, v.constant(INFINITY)))
    return v.select(ordinary, signed(v, y, x), x)


def _root(v: Vector, m: str) -> str:
    """The cube root of a number from 1 to 8."""
    r = polynomial(v, "cbrt", m)
    for _ in range(2 if v.bits_of_element == 64 else 1):
        error = v.fma(v.negative(v.multiply(m, r)), v.multiply(r, r), v.constant(1))
        # (1 − e)^(−1/3) = 1 + e/3 + 2e²/9 + 14e³/81 + …
        step = v.fma(v.fma(v.constant(14 / 81), error, v.constant(2 / 9)), error, v.constant(1 / 3))
        r = v.fma(v.multiply(r, error), step, r)
    square = v.multiply(r, r)
    y = v.multiply(m, square)
    high, low = two_product(v, y, y)
    rest = v.subtract(v.fma(v.negative(high), y, m), v.multiply(low, y))
    return v.fma(rest, v.multiply(square, v.constant(1 / 3)), y)


def hypot(v: Vector, a: str, b: str) -> str:
    """√(a² + b²), scaled where a square would overflow or underflow; inf if one is infinite."""
    a, b = magnitude(v, a), magnitude(v, b)
    turned = v.compare("ogt", b, a)
    large, small = v.select(turned, b, a), v.select(turned, a, b)
    up, down = chosen(v, 2.0**600, 2.0**75), chosen(v, 2.0**-600, 2.0**-75)
    high = v.compare("ogt", large, chosen(v, 2.0**510, 2.0**60))
    low = v.compare("olt", large, chosen(v, 2.0**-450, 2.0**-45))
    scale = v.select(high, down, v.select(low, up, v.constant(1)))
    back = v.select(high, up, v.select(low, down, v.constant(1)))
    large, small = v.multiply(large, scale), v.multiply(small, scale)
    y = v.multiply(v.intrinsic("sqrt", v.fma(large, large, v.multiply(small, small))), back)
    infinite = v.constant(INFINITY)
    some = v.logic("or", v.compare("oeq", a, infinite), v.compare("oeq", b, infinite))
    return v.select(some, infinite, y)
