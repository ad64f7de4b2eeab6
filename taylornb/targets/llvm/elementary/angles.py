"""How are angles computed from sines, cosines and tangents without branches?

Each is a multiple of π/2 and a rest ±(q + q³·P), P a polynomial in q², where the argument or its complement is small.
"""

from __future__ import annotations

from ..text import Vector
from .pieces import magnitude, polynomial, quick_sum, signed

HALF_PI = {64: (1.5707963267948966, 6.123233995736766e-17), 32: (1.5707963705062866, -4.371138828673793e-08)}


def arcsin(v: Vector, x: str) -> str:
    """The inverse sine: that of |x|, or from 1/2 on π/2 − 2·arcsin √((1 − |x|)/2)."""
    size = magnitude(v, x)
    z, twice_root, large = _half_angle(v, size)
    r = v.select(large, v.negative(twice_root), size)
    y = _beyond(v, v.select(large, v.constant(1), v.constant(0)), r, z, polynomial(v, "asin", z))
    return signed(v, y, x)


def arccos(v: Vector, x: str) -> str:
    """The inverse cosine: π/2 − arcsin x; from 1/2 on 2·arcsin √((1 − |x|)/2), or π less that."""
    size = magnitude(v, x)
    z, twice_root, large = _half_angle(v, size)
    r = v.select(large, signed(v, twice_root, x), v.negative(x))
    left = v.select(v.compare("olt", x, v.constant(0)), v.constant(2), v.constant(0))
    return _beyond(v, v.select(large, left, v.constant(1)), r, z, polynomial(v, "asin", z))


def arctan(v: Vector, x: str) -> str:
    """The inverse tangent: that of |x|, or from 1 on π/2 − arctan 1/|x|."""
    size, one = magnitude(v, x), v.constant(1)
    large = v.compare("ogt", size, one)
    q = v.select(large, v.divide(v.constant(-1), size), size)
    return signed(v, _with_arctan(v, v.select(large, one, v.constant(0)), q), x)


def arctan2(v: Vector, y: str, x: str) -> str:
    """The angle of the point (x, y), given y first; as C's atan2 at zeros and infinities."""
    zero, one = v.constant(0), v.constant(1)
    width, height = magnitude(v, x), magnitude(v, y)
    steep = v.compare("ogt", height, width)
    top, bottom = v.select(steep, width, height), v.select(steep, height, width)
    equal = v.select(v.compare("oeq", bottom, zero), zero, one)  # 0/0 is 0 here, and ∞/∞ is 1
    q = v.select(v.compare("oeq", top, bottom), equal, v.divide(top, bottom))
    left = v.compare_integers("slt", v.bits(x), v.integer(0))  # −0 too
    q = v.select(v.logic("xor", steep, left), v.negative(q), q)
    quarters = v.select(steep, one, v.select(left, v.constant(2), zero))
    return signed(v, _with_arctan(v, quarters, q), y)


def _half_angle(v: Vector, size: str) -> tuple[str, str, str]:
    """The argument of the polynomial, 2·√((1 − |x|)/2), and where that is wanted."""
    large = v.compare("ogt", size, v.constant(0.5))
    half = v.fma(size, v.constant(-0.5), v.constant(0.5))
    root = v.intrinsic("sqrt", half)
    return v.select(large, half, v.multiply(size, size)), v.add(root, root), large


def _with_arctan(v: Vector, quarters: str, q: str) -> str:
    """quarters·π/2 + arctan q for |q| ≤ 1."""
    bend = polynomial(v, "atan", v.fma(q, q, v.constant(-0.5)))
    return _beyond(v, quarters, q, v.multiply(q, q), bend)


def _beyond(v: Vector, quarters: str, r: str, z: str, bend: str) -> str:
    """quarters·π/2 + r + r·z·bend for |r| ≤ 1."""
    high, low = HALF_PI[v.bits_of_element]
    near, lost = quick_sum(v, v.multiply(quarters, v.constant(high)), r)
    rest = v.fma(quarters, v.constant(low), lost)
    return v.add(near, v.fma(v.multiply(r, z), bend, rest))
