"""How are the cube root and the hypotenuse computed without branches?"""

from __future__ import annotations

from ..text import Vector
from .pieces import INFINITY, chosen, form, magnitude, nearest, polynomial, signed, two_to, whole_to_float

# 2^(−1/3) and 2^(−2/3)
ROOTS = (0.7937005259840998, 0.6299605249474366)


def cbrt(v: Vector, x: str) -> str:
    """∛x: |x| = 8^q·2^j·m with m from 1 to 2 and j from 0 to 2."""
    f, size = form(v), magnitude(v, x)
    shift = 3 * (f.digits // 3 + 1)
    tiny = v.compare("olt", size, v.constant(f.smallest))
    normal = v.select(tiny, v.multiply(size, v.constant(2.0**shift)), size)
    biased = v.integers("lshr", v.bits(normal), v.integer(f.digits))
    less_one = v.subtract(whole_to_float(v, biased), v.constant(f.bias + 1))
    q, bits = nearest(v, less_one, 1 / 3)
    triple = v.integers("add", bits, v.integers("shl", bits, v.integer(1)))
    scaled = v.floats(v.integers("sub", v.bits(normal), v.integers("shl", triple, v.integer(f.digits))))
    y = _root(v, scaled, v.fma(q, v.constant(-3), less_one))
    y = v.multiply(y, two_to(v, v.integers("add", bits, v.integer(f.bias))))
    y = v.select(tiny, v.multiply(y, v.constant(2.0 ** -(shift // 3))), y)
    ordinary = v.logic("and", v.compare("ogt", size, v.constant(0)), v.compare("olt", size, v.constant(INFINITY)))
    return v.select(ordinary, signed(v, y, x), x)


def _root(v: Vector, x: str, less_one: str) -> str:
    """The cube root of x = 2^j·m from 1 to 8, given j − 1: from a polynomial r for m^(−1/3), by one step of third order."""
    f, one = form(v), v.constant(1)
    fraction = v.integers("and", v.bits(x), v.integer((1 << f.digits) - 1))
    m = v.floats(v.integers("or", fraction, v.integer(f.one_bits)))
    factor = v.select(v.compare("oeq", less_one, v.constant(0)), v.constant(ROOTS[0]), v.constant(ROOTS[1]))
    factor = v.select(v.compare("olt", less_one, v.constant(0)), one, factor)
    r = v.multiply(polynomial(v, "cbrt", m), factor)
    # y = x·r² and e = 1 − y·r: the root is y·(1 − e)^(−2/3), of which a relative error of y changes a third only
    y = v.multiply(x, v.multiply(r, r))
    e = v.fma(v.negative(y), r, one)
    series = v.fma(v.fma(e, v.constant(40 / 81), v.constant(5 / 9)), e, v.constant(2 / 3))
    return v.fma(v.multiply(y, e), series, y)


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
