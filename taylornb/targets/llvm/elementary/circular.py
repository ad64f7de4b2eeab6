"""How are sine, cosine and tangent computed without branches?

x = k·π/2 + r with |r| ≤ π/4. π/2 is used in three parts, so r is right up to LIMITS; larger arguments are handled lane by lane.
"""

from __future__ import annotations

import math

from .. import huge
from ..text import Vector
from .pieces import magnitude, nearest, polynomial, two_product

# π/2 in three parts of 53 or 24 bits each. From |x| = 1 on, x − k·(the first part) is a multiple of
# 2^-52 (or 2^-23) below 1: exact. The second part is positive, or −0 would become 0.
HALF_PI = {
    64: (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33),
    32: (1.570796251296997, 7.549790126404332e-08, -1.7151245100058819e-15),
}
LIMITS = {64: 2.0**30, 32: 2.0**17}


def sin(v: Vector, x: str) -> str:
    """The sine."""
    (y,) = _patched(v, x, {"sin": _turned(v, *_rest(v, x), 0)})
    return y


def cos(v: Vector, x: str) -> str:
    """The cosine."""
    (y,) = _patched(v, x, {"cos": _turned(v, *_rest(v, x), 1)})
    return y


def sincos(v: Vector, x: str) -> tuple[str, str]:
    """The sine and the cosine, with the bits that `sin` and `cos` give."""
    rest = _rest(v, x)
    s, c = _patched(v, x, {"sin": _turned(v, *rest, 0), "cos": _turned(v, *rest, 1)})
    return s, c


def tan(v: Vector, x: str) -> str:
    """The tangent."""
    (y,) = _patched(v, x, {"tan": near_tan(v, x)})
    return y


def near_tan(v: Vector, x: str) -> str:
    """The tangent for |x| up to LIMITS: that of r, or −1/tan r."""
    r, excess, quadrant = reduced(v, x)
    z = v.multiply(r, r)
    # tan(r − excess) = high + low
    bend = v.fma(v.multiply(r, z), polynomial(v, "tan", z), v.negative(v.fma(z, excess, excess)))
    high = v.add(r, bend)
    low = v.subtract(bend, v.subtract(high, r))
    inverse = v.divide(v.constant(-1), high)
    error = v.fma(inverse, low, v.fma(inverse, high, v.constant(1)))
    y = v.select(_odd(v, quadrant), v.fma(inverse, error, inverse), high)
    return v.select(v.compare("oeq", x, v.constant(0)), x, y)


def reduced(v: Vector, x: str) -> tuple[str, str, str]:
    """The rest r, what its rounding added, and bits that end in k."""
    first, second, third = HALF_PI[v.bits_of_element]
    k, bits = nearest(v, x, 2 / math.pi)
    near = v.fma(k, v.constant(-first), x)
    part, lost = two_product(v, k, v.constant(second))
    r = v.subtract(near, part)
    added = v.subtract(v.subtract(near, r), part)
    return r, v.subtract(v.fma(k, v.constant(third), lost), added), bits


def _rest(v: Vector, x: str) -> tuple[str, str, str]:
    """The bits that end in k, and the sine and the cosine of r."""
    r, excess, bits = reduced(v, x)
    return bits, _sine(v, r, excess), _cosine(v, r, excess)


def _sine(v: Vector, r: str, excess: str) -> str:
    """sin(r − excess); written so that −0 stays −0."""
    z = v.multiply(r, r)
    return v.subtract(r, v.fma(v.negative(v.multiply(r, z)), polynomial(v, "sin", z), excess))


def _cosine(v: Vector, r: str, excess: str) -> str:
    """cos(r − excess)."""
    z = v.multiply(r, r)
    near = v.fma(z, v.constant(-0.5), v.constant(1))
    lost = v.fma(z, v.constant(-0.5), v.subtract(v.constant(1), near))
    return v.add(near, v.fma(v.multiply(z, z), polynomial(v, "cos", z), v.fma(r, excess, lost)))


def _odd(v: Vector, bits: str) -> str:
    return v.compare_integers("ne", v.integers("and", bits, v.integer(1)), v.integer(0))


def _turned(v: Vector, bits: str, s: str, c: str, ahead: int) -> str:
    """The sine of r + (k + ahead)·π/2."""
    y = v.select(_odd(v, bits), s, c) if ahead else v.select(_odd(v, bits), c, s)
    quadrant = v.integers("add", bits, v.integer(1)) if ahead else bits
    half_turn = v.integers("shl", v.integers("and", quadrant, v.integer(2)), v.integer(v.bits_of_element - 2))
    return v.floats(v.integers("xor", v.bits(y), half_turn))


def _patched(v: Vector, x: str, values: dict[str, str]) -> list[str]:
    """The values, by the C names of the functions, with those of arguments beyond LIMITS."""
    far = v.compare("ogt", magnitude(v, x), v.constant(LIMITS[v.bits_of_element]))
    if v.bits_of_element == 32:
        return v.patch(far, {name + "f": y for name, y in values.items()}, x)
    huge.functions(v.code.module)
    return v.patch(far, {"tn." + name: y for name, y in values.items()}, x)
